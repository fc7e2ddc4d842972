"""Prepares what is missing for one command: the environment, then the libraries of the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seggui.launcher import display, ready, system_libraries
from seggui.launcher.environment import Environment
from seggui.launcher.errors import LauncherError
from seggui.launcher.notice import FROM_DESKTOP
from seggui.launcher.progress import Progress
from seggui.launcher.progress_window import open_progress

__all__ = ["LauncherError", "prepare", "prepare_libraries"]


def prepare(root: str, *, with_tests: bool, arguments: list[str]) -> str:
    """Makes or repairs the environment, shows what it does, and returns the environment's folder.

    Args:
        root: the folder of ``main.py``.
        with_tests: also install what the tests need.
        arguments: of the command line.

    Raises:
        LauncherError: it cannot be done; the message says what the user can do.
    """
    is_for_window = ready.is_for_window(arguments)
    reason = display.why_no_window() if is_for_window else None
    if reason is not None:
        raise LauncherError(reason)  # before minutes of downloading, not after
    environment = Environment.find(root)
    progress = open_progress(bool(os.environ.get(FROM_DESKTOP)))
    try:
        environment.prepare(with_tests=with_tests, progress=progress)
        if is_for_window or with_tests:
            prepare_libraries(Path(environment.folder), with_tests=with_tests, progress=progress)
    finally:
        progress.close()
    return environment.folder


def prepare_libraries(venv: Path, *, with_tests: bool, progress: Progress) -> None:
    """Checks the system libraries of the window and installs missing ones where that is allowed.

    Missing fonts and test tools are named, but only missing libraries stop the start.

    Raises:
        LauncherError: libraries are missing; names the command that installs them.
    """
    if not sys.platform.startswith("linux"):
        stamp_libraries(venv)
        return
    missing = system_libraries.missing_libraries()
    tools = system_libraries.missing_tools() if with_tests else []
    needs_fonts = not system_libraries.has_fonts()
    if missing or tools or needs_fonts:
        problem = _install_packages(missing + tools, needs_fonts=needs_fonts, progress=progress)
        missing = system_libraries.missing_libraries()
        if missing:
            raise LauncherError(problem or f"The system still lacks {', '.join(missing)}.")
        if problem:
            progress.say(problem)
    stamp_libraries(venv)


def stamp_libraries(venv: Path) -> None:
    """Remembers that the system libraries are there, so that the next start need not look."""
    (venv / ready.LIBRARIES_STAMP).write_text("", encoding="utf-8")


def _install_packages(missing: list[str], *, needs_fonts: bool, progress: Progress) -> str:
    """Tries to install; returns a sentence for the user when that was not possible, or ""."""
    what = ", ".join(missing + (["any font"] if needs_fonts else []))
    manager = system_libraries.find_manager()
    if manager is None:
        return f"The system lacks {what}. Install the packages that hold them, then start again."
    packages = system_libraries.packages_for(missing, manager, needs_fonts=needs_fonts)
    command = system_libraries.command_to_type(manager, packages)
    prefix = system_libraries.may_install()
    if prefix is None:
        return f"The system lacks {what}. Type this, then start again:\n  {command}"
    progress.say(f"Installing system packages: {' '.join(packages)}")
    if system_libraries.install(manager, packages, prefix):
        return ""
    return f"Installing system packages failed. Type this, then start again:\n  {command}"
