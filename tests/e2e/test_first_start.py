"""The first start of a fresh checkout: a real environment, filled by the real pip, offline."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from seggui.launcher import ready
from seggui.version import VERSION

PROJECT = Path(__file__).resolve().parents[2]


def make_wheel(folder: Path, name: str) -> Path:
    """Writes a package without dependencies that can be installed without a network."""
    files = {
        f"{name}.py": "ANSWER = 42\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text)}\n"
    record += f"{name}-1.0.dist-info/RECORD,,\n"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{name}-1.0.dist-info/RECORD", record)
    return wheel


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout that depends on one small package of its own, started once."""
    place = tmp_path_factory.mktemp("first-start")
    folder = place / "the checkout"
    folder.mkdir()
    for name in ("seggui", "model"):
        shutil.copytree(
            PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )  # fmt: skip
    shutil.copy(PROJECT / "main.py", folder / "main.py")
    wheel = make_wheel(place, "tiny")
    text = (PROJECT / "pyproject.toml").read_text()
    requirement = f'dependencies = [\n    "tiny @ {wheel.as_uri()}",\n]'
    changed, count = re.subn(r"^dependencies = \[$.*?^\]", requirement, text, flags=re.M | re.S)
    assert count == 1
    (folder / "pyproject.toml").write_text(changed)
    first = start(folder, "--version")
    assert (first.returncode, first.stdout) == (0, f"seggui {VERSION}\n"), first.stderr
    assert "Installing what seggui needs" in first.stderr
    return folder


def start(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, checkout / "main.py", *arguments],
        cwd=checkout.parent, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_second_start_prepares_nothing(checkout: Path) -> None:
    second = start(checkout, "--version")
    assert (second.returncode, second.stdout, second.stderr) == (0, f"seggui {VERSION}\n", "")


def test_environment_holds_the_packages_and_finds_the_program_from_anywhere(
    checkout: Path, tmp_path: Path
) -> None:
    python = ready.python_of(str(checkout / ".venv"))
    code = "import tiny, seggui.version as v; print(tiny.ANSWER, v.__file__)"
    done = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    answer, _, place = done.stdout.strip().partition(" ")
    assert answer == "42"
    assert Path(place).is_relative_to(checkout)


def test_start_after_an_interruption_repairs_what_was_half_installed(checkout: Path) -> None:
    (package,) = (checkout / ".venv").rglob("tiny.py")
    package.write_text("")  # as a power cut leaves it
    (checkout / ".venv" / ready.STAMP).unlink()
    repaired = start(checkout, "--version")
    assert repaired.returncode == 0, repaired.stderr
    assert "Repairing tiny, left half installed." in repaired.stderr
    assert package.read_text() == "ANSWER = 42\n"


def test_broken_environment_is_made_again(checkout: Path) -> None:
    python = Path(ready.python_of(str(checkout / ".venv")))
    python.unlink()
    again = start(checkout, "--version")
    assert (again.returncode, again.stdout) == (0, f"seggui {VERSION}\n"), again.stderr
    assert "does not work any more and is made again" in again.stderr


def test_user_s_own_files_are_never_taken_for_the_program_s(checkout: Path) -> None:
    """Folders of images often hold a ``model`` folder, or scripts with common names."""
    for name in ("model", "seggui", "numpy"):
        (checkout.parent / f"{name}.py").write_text("raise SystemExit('the wrong file')\n")
    done = start(checkout, "--version")
    for name in ("model", "seggui", "numpy"):
        (checkout.parent / f"{name}.py").unlink()
    assert (done.returncode, done.stdout) == (0, f"seggui {VERSION}\n"), done.stderr
