"""Menu entries, desktop icons and bundles, for all three systems on any."""

from __future__ import annotations

import importlib.util
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.resources import resource_path
from seggui import launcher_files
from seggui.launcher_files import System

HARD_NAMES = ("/opt/my python/python3", '/home/zoë/100% of "my" $HOME `files`\\x/main.py')


def system(platform: str, home: Path, *command: str, **environment: str) -> System:
    return System(
        platform, home, environment, command or ("/usr/bin/python3", "/opt/seggui/main.py"),
        resource_path("icons"),
    )  # fmt: skip


def exec_words(entry: str) -> list[str]:
    """Reads an Exec line as the desktop-entry specification says, step by step."""
    line = next(line for line in entry.splitlines() if line.startswith("Exec="))
    text = line.removeprefix("Exec=").replace("\\\\", "\\")
    words = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', text)
    unquoted = [re.sub(r"\\(.)", r"\1", quoted) or plain for quoted, plain in words]
    return [word.replace("%%", "%") for word in unquoted]


def test_desktop_entry_starts_the_command_whatever_its_name_holds() -> None:
    entry = launcher_files.desktop_entry(HARD_NAMES, Path("/icons/seggui.png"))
    assert exec_words(entry) == ["env", "SEGGUI_FROM_DESKTOP=1", *HARD_NAMES, "%f"]


def test_desktop_entry_leaves_no_field_code_but_the_folder() -> None:
    entry = launcher_files.desktop_entry(("/100%f/python", "a%u"), Path("/i.png"))
    line = next(line for line in entry.splitlines() if line.startswith("Exec="))
    assert line.replace("%%", "").count("%") == 1
    assert line.endswith(" %f")


@pytest.mark.skipif(
    shutil.which("desktop-file-validate") is None, reason="desktop-file-utils is not installed"
)
@pytest.mark.parametrize("command", [("/usr/bin/python3", "/opt/seggui/main.py"), HARD_NAMES])
def test_desktop_entry_is_valid(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "seggui.desktop"
    file.write_text(launcher_files.desktop_entry(command, Path("/icons/seggui.png")))
    done = subprocess.run(
        ["desktop-file-validate", file], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_linux_gets_a_menu_entry_and_a_desktop_icon_where_there_is_a_desktop(
    tmp_path: Path,
) -> None:
    (tmp_path / "Desktop").mkdir()
    here = system("linux", tmp_path)
    written = launcher_files.install(here)
    menu = tmp_path / ".local" / "share" / "applications" / "seggui.desktop"
    icon = tmp_path / "Desktop" / "seggui.desktop"
    assert written == [menu, icon]
    assert "MimeType=inode/directory;" in menu.read_text().splitlines()
    assert os.access(icon, os.X_OK)
    named = next(line for line in menu.read_text().splitlines() if line.startswith("Icon="))
    assert Path(named.removeprefix("Icon=")).is_file()


def test_linux_follows_translated_and_moved_folders(tmp_path: Path) -> None:
    (tmp_path / "Schreibtisch").mkdir()
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "user-dirs.dirs").write_text('XDG_DESKTOP_DIR="$HOME/Schreibtisch"\n')
    here = system("linux", tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert [file.path for file in launcher_files.launcher_files(here)] == [
        tmp_path / "data" / "applications" / "seggui.desktop",
        tmp_path / "Schreibtisch" / "seggui.desktop",
    ]


def test_linux_without_a_desktop_folder_gets_the_menu_entry_only(tmp_path: Path) -> None:
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "user-dirs.dirs").write_text('XDG_DESKTOP_DIR="$HOME"\n')
    assert len(launcher_files.launcher_files(system("linux", tmp_path))) == 1


def test_windows_gets_command_files_that_keep_percent_signs_and_blanks(tmp_path: Path) -> None:
    (tmp_path / "Desktop").mkdir()
    command = (r"C:\my python\pythonw.exe", r"C:\100% images\main.py")
    here = system("win32", tmp_path, *command, APPDATA=str(tmp_path / "Roaming"))
    written = launcher_files.install(here)
    programs = tmp_path / "Roaming" / "Microsoft" / "Windows" / "Start Menu" / "Programs"
    assert written == [programs / "seggui.cmd", tmp_path / "Desktop" / "seggui.cmd"]
    lines = written[0].read_bytes().decode().split("\r\n")
    assert lines[-2] == (r'start "seggui" "C:\my python\pythonw.exe" "C:\100%% images\main.py" %*')


def test_mac_gets_a_bundle_that_starts_the_command(tmp_path: Path) -> None:
    shown = tmp_path / "it's shown"
    here = system(
        "darwin", tmp_path, sys.executable, "-c",
        "import sys, os; open(sys.argv[1], 'w').write(os.environ['SEGGUI_FROM_DESKTOP'])",
    )  # fmt: skip
    launcher_files.install(here)
    contents = tmp_path / "Applications" / "seggui.app" / "Contents"
    description = plistlib.loads((contents / "Info.plist").read_bytes())
    program = contents / "MacOS" / description["CFBundleExecutable"]
    assert (contents / "Resources" / description["CFBundleIconFile"]).is_file()
    if os.name == "posix":
        subprocess.run([program, shown], check=True)
        assert shown.read_text() == "1"


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_uninstall_removes_all_that_install_wrote_and_nothing_else(
    tmp_path: Path, platform: str
) -> None:
    (tmp_path / "Desktop").mkdir()
    other = tmp_path / "Desktop" / "other.txt"
    other.write_text("stays")
    here = system(platform, tmp_path)
    written = launcher_files.install(here)
    assert launcher_files.install(here) == written
    assert sorted(launcher_files.uninstall(here)) == sorted(written)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    # The desktop's own list of who opens what is rewritten by its own tool, not removed.
    assert [path for path in left if path.name != "mimeinfo.cache"] == [other]
    assert not (tmp_path / "Applications" / "seggui.app").exists()
    assert launcher_files.uninstall(here) == []


def test_checkout_is_started_by_its_main_file() -> None:
    python, main_file = launcher_files.start_command()
    assert Path(python).is_file()
    assert Path(main_file).name == "main.py"
    assert Path(main_file).is_file()


def test_bitmap_icons_show_the_drawing(qapp: object, tmp_path: Path) -> None:
    folder = resource_path("icons")
    if not (folder / "render.py").is_file():
        pytest.skip("the drawing program is part of a checkout only")
    spec = importlib.util.spec_from_file_location("render_icons", folder / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = np.asarray(module.render(folder / "seggui.svg", 256), np.int16)
    for name in ("seggui.png", "seggui.ico", "seggui.icns"):
        with Image.open(folder / name) as image:
            shown = np.asarray(image.convert("RGBA").resize((256, 256)), np.int16)
        # Other versions of Qt draw edges a little differently.
        assert np.abs(shown - drawn).mean() < 3, name


def test_windows_icon_has_the_small_sizes() -> None:
    with Image.open(resource_path("icons", "seggui.ico")) as icon:
        assert {(16, 16), (32, 32), (48, 48), (256, 256)} <= icon.info["sizes"]
