"""An environment per backend beside the project's own, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from seggui.launcher.environment import read_requirements
from seggui.launcher.ready import python_of
from tests.backends.selection import ROOT

BACKENDS = {"torch": "torch", "jax": "jax"}
"""Keras' name of a backend -> the package that pip installs for it."""
_NEEDED_TOOLS = ("pytest", "pytest-qt", "hypothesis", "scikit-learn")
_STAMP = "seggui-installed.txt"


def python_with(backend: str) -> str:
    """Makes the environment for a backend, or takes the one that is there.

    pip's own settings hold, those of the environment too: ``PIP_CONSTRAINT`` may name a file that
    asks for a build without CUDA, which saves gigabytes.

    Returns:
        Its Python.

    Raises:
        subprocess.CalledProcessError: it could not be made; pip has said why.
    """
    folder = ROOT / f".venv-{backend}"
    python, wanted = python_of(str(folder)), requirements(backend)
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8").split("\n") == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    stamp.write_text("\n".join(wanted), encoding="utf-8")
    return python


def requirements(backend: str) -> list[str]:
    """What the project needs, the backend in the place of TensorFlow, and tools for its tests."""
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    needed = read_requirements(text, "dependencies")
    tools = read_requirements(text, "dev")
    kept = [entry for entry in needed if _name(entry) != "tensorflow"]
    return [*kept, BACKENDS[backend], *(entry for entry in tools if _name(entry) in _NEEDED_TOOLS)]


def _name(requirement: str) -> str:
    for end in "<>=; ":
        requirement = requirement.partition(end)[0]
    return requirement
