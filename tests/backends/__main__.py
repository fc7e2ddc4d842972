"""Runs the tests that need Keras with other backends than TensorFlow, each in its own environment.

    python -m tests.backends [torch] [jax] [-- ARGUMENTS OF PYTEST]

Not part of the test suite: the first time a backend of some hundred megabytes is fetched into
``.venv-torch`` or ``.venv-jax`` beside the project's own environment. TensorFlow is not installed
there, so nothing of it can be used by accident.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.backends.environment import BACKENDS, python_with
from tests.backends.selection import ROOT, tests_with_keras

_HARMLESS = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
# WORKAROUND: Keras 3.15.1 asks torch 2.13 for arrays in a way that NumPy 2 warns of; recheck with
# later ones.


@dataclass(frozen=True)
class Outcome:
    """What came out of one backend's run.

    Attributes:
        status: pytest's exit status.
        num_passed: tests that passed.
        failed: names of the tests that failed, also before or after the test itself.
        skipped: reason -> number of tests that were skipped for it.
        seconds: how long it took.
    """

    status: int
    num_passed: int
    failed: tuple[str, ...]
    skipped: Counter[str]
    seconds: float


def run(backend: str, arguments: Sequence[str]) -> Outcome:
    """Runs the tests with one backend; pytest's own words go to the terminal."""
    python = python_with(backend)
    environment = os.environ | {
        "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    files = [str(path) for path in tests_with_keras(ROOT / "tests" / "unit")]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "results.xml")
        command = [
            python,
            "-m",
            "pytest",
            "-q",
            "-r",
            "fE",
            f"--junitxml={report}",
            "-W",
            _HARMLESS,
        ]
        done = subprocess.run(
            [*command, *(arguments or files)], cwd=ROOT, env=environment, check=False
        )
        return read_report(report, done.returncode)


def read_report(report: Path, status: int) -> Outcome:
    """Reads what pytest wrote; without a file nothing was run."""
    if not report.is_file():
        return Outcome(status, 0, (), Counter(), 0.0)
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or _is_error(case)]
    skips = [skip for case in cases if (skip := case.find("skipped")) is not None]
    seconds = sum(float(case.get("time", 0)) for case in cases)
    return Outcome(
        status, len(cases) - len(failed) - len(skips),
        tuple(f"{case.get('classname')}::{case.get('name')}" for case in failed),
        Counter(skip.get("message", "no reason") for skip in skips), seconds,
    )  # fmt: skip


def _is_error(case: ElementTree.Element) -> bool:
    return case.find("error") is not None


def table(outcomes: dict[str, Outcome]) -> str:
    """One line per backend, then the failures and the reasons of what was skipped."""
    lines = [f"{'backend':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for backend, outcome in outcomes.items():
        lines.append(
            f"{backend:<10}{outcome.num_passed:>8}{len(outcome.failed):>8}"
            f"{outcome.skipped.total():>9}{outcome.seconds:>9.0f}"
        )
    for backend, outcome in outcomes.items():
        lines += [f"{backend} failed: {name}" for name in outcome.failed]
        lines += [f"{backend} skipped {n}: {why}" for why, n in outcome.skipped.most_common()]
        if not outcome.num_passed:
            lines.append(f"{backend}: nothing was run, pytest ended with {outcome.status}")
    return "\n".join(lines)


def main() -> int:
    """Runs all backends that were asked for; 0 when every test passed or was skipped."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.backends", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("backends", nargs="*", choices=[[], *BACKENDS], help="both without any")
    own, _, for_pytest = _split(sys.argv[1:])
    asked = parser.parse_args(own).backends or list(BACKENDS)
    outcomes = {backend: run(backend, for_pytest) for backend in asked}
    print("\n" + table(outcomes))
    return 0 if all(outcome.status == 0 for outcome in outcomes.values()) else 1


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """Own arguments, the two dashes, and what is handed to pytest."""
    if "--" not in arguments:
        return arguments, "", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main())
