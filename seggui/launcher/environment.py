"""The Python environment of seggui: made, repaired and filled here, one process at a time."""

from __future__ import annotations

import ast
import contextlib
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from seggui.launcher import ready, system_libraries
from seggui.launcher.errors import LauncherError
from seggui.launcher.pip_run import run_pip
from seggui.launcher.progress import Progress

NEEDED_BYTES = 4_000_000_000
"""What a finished environment takes (3 GB measured on Linux) with room for the downloads."""

VENV_PACKAGES = ("python3-venv", "python3")


@dataclass(frozen=True)
class Environment:
    """One environment folder and the project it is for.

    Attributes:
        root: the folder of ``main.py``.
        folder: the environment.
    """

    root: str
    folder: str

    @classmethod
    def find(cls, root: str) -> Environment:
        """Picks the place: beside ``main.py``, or the user's data folder when that is read-only."""
        beside, with_user = ready.venv_places(root)
        probe = beside if os.path.isdir(beside) else root
        return cls(root, beside if os.access(probe, os.W_OK) else with_user)

    @property
    def python(self) -> str:
        """The environment's Python."""
        return ready.python_of(self.folder)

    def prepare(self, *, with_tests: bool, progress: Progress) -> None:
        """Brings the environment to what the project file asks; interrupted, it goes on later.

        Raises:
            LauncherError: offline, disk full, no way to make an environment, ...
        """
        stamp = ready.TESTS_STAMP if with_tests else ready.STAMP
        with _only_one(self.folder, progress):
            if ready.is_current(self.root, self.folder, stamp):
                return  # another start did it while this one waited
            self._forget_stamps()
            self._make_or_repair(progress)
            self._install(with_tests=with_tests, progress=progress)
            self._find_project_from_anywhere()
            fingerprint = ready.fingerprint(self.root, self.folder)
            stamps = [ready.STAMP, ready.TESTS_STAMP] if with_tests else [ready.STAMP]
            for name in stamps:  # last of all: a stamp means that everything before was finished
                Path(self.folder, name).write_text(fingerprint, encoding="utf-8")
            progress.say(f"Ready after {time.monotonic() - progress.started:.0f} s.")

    def site_packages(self) -> Path:
        """Where the environment's packages lie."""
        if os.name == "nt":
            return Path(self.folder, "Lib", "site-packages")
        found = sorted(Path(self.folder, "lib").glob("python3.*/site-packages"))
        if not found:
            raise LauncherError(f"{self.folder} has no site-packages. Delete it and start again.")
        return found[-1]

    def _forget_stamps(self) -> None:
        for name in (ready.STAMP, ready.TESTS_STAMP):
            Path(self.folder, name).unlink(missing_ok=True)

    def _make_or_repair(self, progress: Progress) -> None:
        folder = Path(self.folder)
        if self._runs():
            self._remove_half_installed(progress)
            return
        if folder.exists() and any(folder.iterdir()):
            if not (folder / "pyvenv.cfg").exists():
                raise LauncherError(
                    f"{folder} is in the way: it is no Python environment. Rename or delete it."
                )
            progress.say(f"{folder} does not work any more and is made again.")
        self._require_space()
        progress.show("Making the Python environment", self.folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_venv(self.folder, self.python, progress)

    def _runs(self) -> bool:
        """True when the environment's Python starts, fits, belongs to it, and has pip."""
        code = (
            "import os, sys, pip; "
            "sys.exit(not ((3, 10) <= sys.version_info[:2] <= (3, 13)"
            " and os.path.samefile(sys.prefix, sys.argv[1])))"
        )
        try:
            done = subprocess.run(
                [self.python, "-c", code, self.folder], capture_output=True, check=False
            )
        except OSError:
            return False
        return done.returncode == 0

    def _require_space(self) -> None:
        folder = Path(self.folder)
        existing = next(parent for parent in folder.parents if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < NEEDED_BYTES:
            raise LauncherError(
                f"The disk of {existing} has {free / 1e9:.1f} GB free; seggui and TensorFlow need "
                f"{NEEDED_BYTES / 1e9:.0f} GB. Make room, then start again."
            )

    def _remove_half_installed(self, progress: Progress) -> None:
        """Makes pip install again what an interruption left incomplete.

        A package whose metadata folder exists counts as installed for pip, even when the process
        was killed between its files.
        """
        for metadata in half_installed(self.site_packages()):
            progress.say(f"Repairing {metadata.name.partition('-')[0]}, left half installed.")
            shutil.rmtree(metadata)
        for leftover in self.site_packages().glob("~*"):  # what pip renames while it replaces
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _install(self, *, with_tests: bool, progress: Progress) -> None:
        text = Path(self.root, "pyproject.toml").read_text(encoding="utf-8")
        requirements = read_requirements(text, "dependencies")
        if with_tests:
            requirements += read_requirements(text, "dev")
        progress.say(
            f"Installing what seggui needs into {self.folder} (about 1 GB of downloads, once):"
        )
        run_pip(self.python, requirements, self.site_packages(), progress)

    def _find_project_from_anywhere(self) -> None:
        """Lets child processes and tools of the environment import the project in any folder."""
        (self.site_packages() / "seggui-source.pth").write_text(self.root + "\n", encoding="utf-8")


def read_requirements(text: str, key: str) -> list[str]:
    """Reads the list ``key = [...]`` of a project file.

    Python 3.10 has no TOML reader; a TOML array of strings is a Python list, comments included.

    Raises:
        LauncherError: there is no such list.
    """
    found = re.search(rf"^{re.escape(key)} = (\[$.*?^\])", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LauncherError(f"pyproject.toml has no list named {key!r}; the download is damaged.")
    return [str(requirement) for requirement in ast.literal_eval(found.group(1))]


def half_installed(site_packages: Path) -> list[Path]:
    """Returns the metadata folders of packages with a missing or cut file."""
    return [
        metadata
        for metadata in sorted(site_packages.glob("*.dist-info"))
        if not _is_complete(site_packages, metadata / "RECORD")
    ]


def _is_complete(site_packages: Path, record: Path) -> bool:
    # pip writes INSTALLER after the last file of a package.
    if not record.exists() or not (record.parent / "INSTALLER").exists():
        return False
    with record.open(encoding="utf-8", newline="") as file:
        for name, _, size in csv.reader(file):
            try:
                real_size = os.stat(site_packages / name).st_size
            except OSError:
                return name.endswith(".pyc")
            if size and real_size != int(size):
                return False
    return True


def _make_venv(folder: str, python: str, progress: Progress) -> None:
    """Makes an empty environment with pip in it, also where Debian left ``ensurepip`` out."""
    if _has_module("ensurepip") or _install_ensurepip(progress):
        _run([sys.executable, "-m", "venv", "--clear", folder])
    elif _has_module("pip"):
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder])
        _run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"])
    else:
        manager = system_libraries.find_manager() or "apt-get"
        package = VENV_PACKAGES[system_libraries.MANAGERS[manager].column]
        command = system_libraries.command_to_type(manager, [package])
        raise LauncherError(
            f"This Python cannot make an environment. Type this, then start again:\n  {command}"
        )


def _has_module(name: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], capture_output=True, check=False
    )
    return done.returncode == 0


def _install_ensurepip(progress: Progress) -> bool:
    manager = system_libraries.find_manager() if sys.platform.startswith("linux") else None
    prefix = system_libraries.may_install() if manager else None
    if manager is None or prefix is None:
        return False
    package = VENV_PACKAGES[system_libraries.MANAGERS[manager].column]
    progress.say(f"Installing system packages: {package}")
    return system_libraries.install(manager, [package], prefix) and _has_module("ensurepip")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise LauncherError(f"{' '.join(command[1:4])} failed: {said[-1]}")


@contextlib.contextmanager
def _only_one(folder: str, progress: Progress) -> Iterator[None]:
    """Holds a lock that the system frees when this process ends, however it ends."""
    owner = getattr(os, "getuid", int)()
    # Outside the environment, which may be made anew meanwhile; never deleted, so that everybody
    # locks the same file.
    name = f"seggui-{owner}-{crc32(os.fsencode(folder)):08x}.lock"
    with Path(tempfile.gettempdir(), name).open("a+b") as file:
        while not _try_lock(file.fileno()):
            progress.show("Another start of seggui is preparing the environment; waiting")
            time.sleep(0.5)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
