"""Whether the environment is ready, from stamps alone: this runs at every start and must be quick.

Imported by any Python 3.8 or newer, also one that is too old or too new for seggui itself.
"""

from __future__ import annotations

import os
import sys

STAMP = "seggui-ready"
TESTS_STAMP = "seggui-ready-tests"
LIBRARIES_STAMP = "seggui-libraries"

HEADLESS_COMMANDS = (
    "inspect",
    "predict",
    "fine-tune",
    "train",
    "evaluate",
    "dataset",
    "export",
    "demo",
    "install-launcher",
    "test",
)
"""First arguments that open no window."""


def find_ready(root: str, *, with_tests: bool, arguments: list[str]) -> str | None:
    """Returns the environment that can be used as it is, or None when something is to be done.

    Args:
        root: the folder of ``main.py``.
        with_tests: whether the tools for tests are needed too.
        arguments: of the command line; only the window needs the system's libraries.
    """
    for venv in venv_places(root):
        if not is_current(root, venv, TESTS_STAMP if with_tests else STAMP):
            continue
        needs_libraries = is_for_window(arguments) or with_tests
        if needs_libraries and not os.path.exists(os.path.join(venv, LIBRARIES_STAMP)):
            return None
        return venv
    return None


def is_for_window(arguments: list[str]) -> bool:
    """True when the command line asks for the window, and not for a command or a help text."""
    first = arguments[0] if arguments else ""
    return first not in (*HEADLESS_COMMANDS, "-h", "--help", "--version")


def venv_places(root: str) -> list[str]:
    """Where the environment may be: beside ``main.py``, or with the user when that is read-only."""
    from zlib import crc32

    name = f"venv-{crc32(os.fsencode(root)):08x}"
    return [os.path.join(root, ".venv"), os.path.join(user_data_folder(), name)]


def user_data_folder() -> str:
    """The folder where seggui keeps what belongs to the user and to no project."""
    if os.environ.get("SEGGUI_HOME"):
        return os.environ["SEGGUI_HOME"]
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.join(base, "seggui")


def python_of(venv: str) -> str:
    """The environment's Python."""
    if os.name == "nt":
        return os.path.join(venv, "Scripts", "python.exe")
    return os.path.join(venv, "bin", "python")


def is_current(root: str, venv: str, stamp: str) -> bool:
    """True when ``stamp`` was written for exactly this project, place and Python."""
    try:
        with open(os.path.join(venv, stamp), encoding="utf-8") as file:
            return file.read() == fingerprint(root, venv)
    except OSError:
        return False


def fingerprint(root: str, venv: str) -> str:
    """What the environment was made from; any difference means that it has to be looked at again.

    Raises:
        OSError: the project file or the environment's own description is missing.
    """
    from hashlib import sha256

    with open(os.path.join(root, "pyproject.toml"), "rb") as file:
        digest = sha256(file.read()).hexdigest()
    with open(os.path.join(venv, "pyvenv.cfg"), encoding="utf-8") as file:
        described = sorted(line.strip() for line in file if line.startswith(("home", "version")))
    # The link's end: an upgraded system Python has another name (python3.12), a removed one none.
    python = os.path.realpath(python_of(venv))
    os.stat(python)
    return "\n".join([digest, root, python, *described, ""])
