"""``python3 main.py test``: the whole suite in seggui's environment."""

from __future__ import annotations

import os
import subprocess

from seggui.launcher.ready import python_of


def run_tests(root: str, venv: str, arguments: list[str]) -> int:
    """Runs pytest over the project and returns its exit status.

    Args:
        root: the folder of ``main.py``.
        venv: an environment with the test tools.
        arguments: handed to pytest; the whole suite without any.
    """
    # Tests that need real windows start their own X server; all others must not touch the user's.
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    command = [python_of(venv), "-m", "pytest", *arguments]
    return subprocess.call(command, cwd=root, env=environment)
