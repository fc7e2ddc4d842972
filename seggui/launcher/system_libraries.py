"""The system libraries that Qt and its X11 plug-in load, and the packages that hold them (Linux).

The list is what ``objdump -p`` names as NEEDED in QtCore, QtGui, QtWidgets, QtDBus, QtSvg, libqxcb,
its GL integrations and the offscreen plug-in of PySide6 6.12, without what PySide6 itself brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

LIBRARIES: dict[str, tuple[str, str]] = {
    # soname: (Debian and Ubuntu, Fedora)
    "libstdc++.so.6": ("libstdc++6", "libstdc++"),
    "libz.so.1": ("zlib1g", "zlib"),
    "libzstd.so.1": ("libzstd1", "libzstd"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-glx.so.0": ("libxcb-glx0", "libxcb"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
}

FONTS = ("fonts-dejavu-core", "dejavu-sans-fonts")
"""PySide6 brings no font; without any, a window shows boxes where text should be."""

TEST_TOOLS: dict[str, tuple[str, str]] = {
    # program: (Debian and Ubuntu, Fedora)
    "Xvfb": ("xvfb", "xorg-x11-server-Xvfb"),
    "xdotool": ("xdotool", "xdotool"),
    "openbox": ("openbox", "openbox"),
    "desktop-file-validate": ("desktop-file-utils", "desktop-file-utils"),
}


@dataclass(frozen=True)
class PackageManager:
    """How one family of Linux installs packages.

    Attributes:
        column: which entry of the tables above names its packages.
        update: command that refreshes its lists, or empty when installing does that.
        install: command that installs; the packages follow.
    """

    column: int
    update: tuple[str, ...]
    install: tuple[str, ...]


MANAGERS = {
    "apt-get": PackageManager(0, ("apt-get", "update", "-qq"), ("apt-get", "install", "-y")),
    "dnf": PackageManager(1, (), ("dnf", "install", "-y")),
}


def missing_libraries(load: Callable[[str], object] | None = None) -> list[str]:
    """Returns the sonames that cannot be loaded here.

    Args:
        load: tries to load one and raises OSError; the dynamic linker itself when None.
    """
    if load is None:
        import ctypes

        load = ctypes.CDLL
    return [name for name in LIBRARIES if not _loads(name, load)]


def has_fonts(folders: Iterable[str] = ("/usr/share/fonts", "/usr/local/share/fonts")) -> bool:
    """True when there is at least one scalable font in ``folders`` or in the user's own."""
    own = os.path.expanduser("~/.local/share/fonts"), os.path.expanduser("~/.fonts")
    return any(
        name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb"))
        for folder in (*folders, *own)
        for _, _, names in os.walk(folder)
        for name in names
    )


def missing_tools(find: Callable[[str], str | None] = shutil.which) -> list[str]:
    """Returns the programs that the tests use and that are not on the path."""
    return [name for name in TEST_TOOLS if find(name) is None]


def find_manager(find: Callable[[str], str | None] = shutil.which) -> str | None:
    """Returns the name of this system's package manager, or None when it is another one."""
    return next((name for name in MANAGERS if find(name)), None)


def packages_for(missing: Iterable[str], manager: str, *, needs_fonts: bool = False) -> list[str]:
    """Returns the packages that hold ``missing`` sonames and programs, each once, sorted."""
    column = MANAGERS[manager].column
    table: Mapping[str, tuple[str, str]] = {**LIBRARIES, **TEST_TOOLS}
    packages = {table[name][column] for name in missing}
    return sorted(packages | ({FONTS[column]} if needs_fonts else set()))


def command_to_type(manager: str, packages: Iterable[str]) -> str:
    """The one line that a person types to install ``packages``."""
    return " ".join(("sudo", *MANAGERS[manager].install, *packages))


def may_install() -> tuple[str, ...] | None:
    """Returns what a command has to start with to run as root unasked, or None when it cannot."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ("sudo", "-n") if asked.returncode == 0 else None


def install(manager: str, packages: list[str], prefix: tuple[str, ...]) -> bool:
    """Installs packages, unattended; what the manager says goes to standard error.

    Returns:
        True when it succeeded.
    """
    how = MANAGERS[manager]
    environment = ("env", "DEBIAN_FRONTEND=noninteractive")
    for command in (how.update, (*how.install, *packages)):
        if not command:
            continue
        done = subprocess.run(
            (*prefix, *environment, *command), stdin=subprocess.DEVNULL, stdout=2, check=False
        )
        # A failing update is no reason to stop: one dead third-party list makes apt-get fail.
        if done.returncode != 0 and command is not how.update:
            return False
    return True


def _loads(name: str, load: Callable[[str], object]) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True
