#!/usr/bin/env python3
"""Starts seggui, after preparing what it needs on first use. Needs nothing but Python itself.

``python3 main.py [FOLDER]`` opens the window, ``python3 main.py -h`` names the other commands, and
``python3 main.py test`` runs the whole test suite.

This file also has to be understood by a Python that is too old or too new for seggui, so that it
can say so or find a better one: nothing here is newer than Python 3.8.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))
MAIN_FILE = os.path.join(ROOT, "main.py")
OLDEST, NEWEST = (3, 10), (3, 13)


def main(arguments: list[str]) -> int:
    """Runs one command in seggui's own environment, and prepares that when it is not ready.

    Returns:
        Exit status, where this process does not become the program itself.
    """
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    from seggui.launcher import ready

    is_test = arguments[:1] == ["test"]
    venv = ready.find_ready(ROOT, with_tests=is_test, arguments=arguments)
    if venv is None:
        if not OLDEST <= sys.version_info[:2] <= NEWEST:
            return _start_with_other_python(arguments)
        from seggui.launcher import prepare

        try:
            venv = prepare.prepare(ROOT, with_tests=is_test, arguments=arguments)
        except prepare.LauncherError as error:
            from seggui.launcher.notice import tell_problem

            tell_problem(str(error))
            return 1
        except KeyboardInterrupt:
            print("\nStopped. The next start goes on from here.", file=sys.stderr)
            return 130
    if is_test:
        from seggui.launcher.run_tests import run_tests

        return run_tests(ROOT, venv, arguments[1:])
    if os.path.realpath(sys.prefix) == os.path.realpath(venv):
        from seggui.cli import main as run_command

        return run_command(arguments)
    return _become([_python_like_this(ready.python_of(venv)), MAIN_FILE, *arguments])


def _python_like_this(python: str) -> str:
    """The same Python without a console, when this one has none: a Windows matter."""
    windowed = os.path.join(os.path.dirname(python), "pythonw.exe")
    is_windowed = os.path.basename(sys.executable).lower() == "pythonw.exe"
    return windowed if is_windowed and os.path.exists(windowed) else python


def _become(command: list[str]) -> int:
    """Goes on as another program; on Windows, where that does not exist, waits for it."""
    if os.name == "nt":
        import subprocess

        return subprocess.call(command)
    return os.execv(command[0], command)


def _start_with_other_python(arguments: list[str]) -> int:
    """Looks for a Python that fits and goes on with it, or says that none is there."""
    python = _find_python()
    if python is not None:
        return _become([python, MAIN_FILE, *arguments])
    print(
        f"seggui: This is Python {_dotted(sys.version_info[:2])}; seggui needs Python "
        f"{_dotted(OLDEST)} to {_dotted(NEWEST)}, and none was found. "
        "Install one, for example Python 3.12, and start again with: python3.12 main.py",
        file=sys.stderr,
    )
    return 1


def _find_python() -> str | None:
    """The newest Python on the path that fits and runs; what only looks like one is passed over."""
    import shutil
    import subprocess

    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for name, options in ((f"python3.{minor}", []), ("py", [f"-3.{minor}"])):
            path = shutil.which(name)
            if path is None:
                continue
            code = "import sys, venv; print(sys.version_info[1], sys.executable)"
            command = [path, *options, "-c", code]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            version, _, executable = answer.stdout.strip().partition(" ")
            if answer.returncode == 0 and version == str(minor):
                return executable
    return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
