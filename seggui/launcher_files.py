"""The files that make seggui a program among others: menu entry, desktop icon, "open with".

What is written is a pure function of the system and its folders, so that all three systems can be
tested on any. Standard library only.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.data.atomic import write_atomic
from model.data.resources import resource_path
from model.errors import StorageError
from seggui.launcher.notice import FROM_DESKTOP

COMMENT = "See a Keras U-Net's masks, correct them with a brush, fine-tune"


@dataclass(frozen=True)
class LauncherFile:
    """One file to write.

    Attributes:
        path: where.
        data: its content.
        is_executable: whether the system has to be allowed to run it.
    """

    path: Path
    data: bytes
    is_executable: bool = False


@dataclass(frozen=True)
class System:
    """Where a launcher is written, and what it starts.

    Attributes:
        platform: as ``sys.platform``.
        home: the user's folder.
        environment: environment variables that name folders.
        command: program and arguments that open the window; a folder may follow.
        icons: the folder with ``seggui.png``, ``seggui.ico`` and ``seggui.icns``.
    """

    platform: str
    home: Path
    environment: Mapping[str, str]
    command: tuple[str, ...]
    icons: Path

    @classmethod
    def current(cls) -> System:
        """This computer, starting seggui as it was started now."""
        return cls(
            sys.platform, Path.home(), os.environ, start_command(), resource_path("icons")
        )  # fmt: skip


def install(system: System | None = None) -> list[Path]:
    """Writes the launcher files for the user; what an earlier version wrote is replaced.

    Returns:
        The files written.

    Raises:
        StorageError: a folder cannot be written.
    """
    system = system or System.current()
    files = launcher_files(system)
    for file in files:
        write_atomic(file.path, file.data)
        if file.is_executable:
            file.path.chmod(0o755)
    _tell_desktop(system, files)
    return [file.path for file in files]


def uninstall(system: System | None = None) -> list[Path]:
    """Removes what :func:`install` wrote.

    Returns:
        The files that were there.

    Raises:
        StorageError: one cannot be removed.
    """
    system = system or System.current()
    files = launcher_files(system)
    removed = [file.path for file in files if file.path.exists()]
    try:
        for path in removed:
            path.unlink()
        bundle = _bundle(system)
        if system.platform == "darwin" and bundle.exists():
            shutil.rmtree(bundle)
    except OSError as error:
        raise StorageError(
            f"{error.filename} could not be removed: {error.strerror}.", remedy="Remove it by hand."
        ) from error
    if removed:
        _tell_desktop(system, [])
    return removed


def launcher_files(system: System) -> list[LauncherFile]:
    """Returns what makes seggui a program on ``system``."""
    if system.platform == "win32":
        return _windows_files(system)
    if system.platform == "darwin":
        return _mac_files(system)
    return _linux_files(system)


def start_command() -> tuple[str, ...]:
    """Returns what starts this seggui: ``main.py`` of a checkout, or the installed program."""
    main_file = Path(__file__).resolve().parents[1] / "main.py"
    if main_file.is_file():
        return (_lasting_python(), str(main_file))
    scripts = Path(sys.prefix, "Scripts" if os.name == "nt" else "bin")
    program = scripts / ("seggui-window.exe" if os.name == "nt" else "seggui-window")
    return (str(program),) if program.exists() else (sys.executable, "-m", "seggui")


def desktop_entry(command: tuple[str, ...], icon: Path) -> str:
    """Returns a freedesktop.org desktop entry that starts ``command``."""
    words = " ".join(_exec_word(word) for word in command)
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.0",
        "Name=seggui",
        "GenericName=Image segmentation",
        f"Comment={COMMENT}",
        f"Exec=env {FROM_DESKTOP}=1 {words} %f",
        f"Icon={_escaped(str(icon))}",
        "Terminal=false",
        "Categories=Graphics;",
        "Keywords=segmentation;mask;label;annotation;U-Net;Keras;",
        "MimeType=inode/directory;",
        "StartupNotify=true",
        "StartupWMClass=seggui",
    ]
    return "\n".join(lines) + "\n"


def batch_file(command: tuple[str, ...]) -> str:
    """Returns a Windows command file that starts ``command`` without keeping a console open."""
    words = " ".join('"' + word.replace("%", "%%") + '"' for word in command)
    lines = [
        "@echo off",
        "rem A folder dropped on this file is opened.",
        "chcp 65001 >nul",
        f"set {FROM_DESKTOP}=1",
        f'start "seggui" {words} %*',
    ]
    return "\r\n".join(lines) + "\r\n"


def shell_script(command: tuple[str, ...]) -> str:
    """Returns the program inside the macOS bundle."""
    return f'#!/bin/sh\n{FROM_DESKTOP}=1 exec {shlex.join(command)} "$@"\n'


def _linux_files(system: System) -> list[LauncherFile]:
    data = system.environment.get("XDG_DATA_HOME") or str(system.home / ".local" / "share")
    text = desktop_entry(system.command, system.icons / "seggui.png").encode()
    files = [LauncherFile(Path(data, "applications", "seggui.desktop"), text)]
    desktop = _linux_desktop(system)
    if desktop.is_dir() and desktop != system.home:
        files.append(LauncherFile(desktop / "seggui.desktop", text, is_executable=True))
    return files


def _linux_desktop(system: System) -> Path:
    """The desktop folder, which has a translated name in other languages."""
    config = system.environment.get("XDG_CONFIG_HOME") or str(system.home / ".config")
    file = Path(config, "user-dirs.dirs")
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    found = re.search(r'^XDG_DESKTOP_DIR="(.*)"$', text, re.MULTILINE)
    if found is None:
        return system.home / "Desktop"
    return Path(found[1].replace("$HOME", str(system.home)))


def _windows_files(system: System) -> list[LauncherFile]:
    data = batch_file(system.command).encode()
    roaming = system.environment.get("APPDATA") or str(system.home / "AppData" / "Roaming")
    programs = Path(roaming, "Microsoft", "Windows", "Start Menu", "Programs")
    desktops = [system.home / "Desktop"]
    if system.environment.get("OneDrive"):
        desktops.insert(0, Path(system.environment["OneDrive"], "Desktop"))
    desktop = next((folder for folder in desktops if folder.is_dir()), None)
    folders = [programs, *([desktop] if desktop else [])]
    return [LauncherFile(folder / "seggui.cmd", data) for folder in folders]


def _mac_files(system: System) -> list[LauncherFile]:
    contents = _bundle(system) / "Contents"
    description = {
        "CFBundleName": "seggui",
        "CFBundleDisplayName": "seggui",
        "CFBundleIdentifier": "org.seggui.seggui",
        "CFBundleExecutable": "seggui",
        "CFBundleIconFile": "seggui.icns",
        "CFBundlePackageType": "APPL",
        "NSHighResolutionCapable": True,
    }
    files = [
        LauncherFile(contents / "Info.plist", plistlib.dumps(description)),
        LauncherFile(
            contents / "MacOS" / "seggui", shell_script(system.command).encode(), is_executable=True
        ),
    ]
    icon = system.icons / "seggui.icns"
    if icon.is_file():
        files.append(LauncherFile(contents / "Resources" / "seggui.icns", icon.read_bytes()))
    return files


def _bundle(system: System) -> Path:
    return system.home / "Applications" / "seggui.app"


def _exec_word(word: str) -> str:
    """One argument of an Exec line: quoted, then escaped as every string, field codes doubled."""
    quoted = re.sub(r'(["`$\\])', r"\\\1", word)
    return _escaped(f'"{quoted}"').replace("%", "%%")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _lasting_python() -> str:
    """A Python that will still be there when the environment is made anew."""
    if os.name == "nt":
        windowed = Path(sys.base_prefix, "pythonw.exe")
        return str(windowed if windowed.exists() else sys.executable)
    system = shutil.which("python3", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    return system or str(getattr(sys, "_base_executable", sys.executable))


def _tell_desktop(system: System, files: list[LauncherFile]) -> None:
    """Lets a Linux desktop know at once; where these tools are missing it finds out by itself."""
    if system.platform != sys.platform or not sys.platform.startswith("linux"):
        return
    applications = launcher_files(system)[0].path.parent
    commands = [["update-desktop-database", "-q", str(applications)]]
    for file in files:
        if file.is_executable:  # GNOME starts icons on the desktop only when marked as trusted
            commands.append(["gio", "set", str(file.path), "metadata::trusted", "true"])
    for command in commands:
        if shutil.which(command[0]):
            subprocess.run(command, capture_output=True, check=False)
