"""The installed program: a wheel in an environment of its own, started from a strange folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seggui.version import VERSION

PROJECT = Path(__file__).resolve().parents[2]
IGNORED = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "tests", "docs", "__pycache__", "*.egg-info", ".*_cache"
)


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it.

    Attributes:
        folder: the environment.
        wheel: what was installed.
    """

    folder: Path
    wheel: Path

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    def run(self, program: str, *arguments: object, cwd: Path, **environment: str):
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.scripts / program, *map(str, arguments)],
            cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Builds the wheel from a copy of the checkout and installs it, without any network."""
    place = tmp_path_factory.mktemp("packaging")
    source = shutil.copytree(PROJECT, place / "source", ignore=IGNORED)
    environment = place / "environment"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *offline, "-q", "-w", place / "dist", source],
        check=True,
    )
    (wheel,) = (place / "dist").glob("*.whl")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    # The dependencies of this test run, visible behind the environment's own packages.
    site_packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    ours = sysconfig.get_path("purelib")
    Path(site_packages, "dependencies.pth").write_text(f"{ours}\n")
    yield Installed(environment, wheel)
    shutil.rmtree(place)


def test_wheel_holds_program_and_resources_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    assert top == {"model", "seggui", f"seggui-{VERSION}.dist-info"}
    expected = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("model", "seggui")
        for path in (PROJECT / folder).rglob("*.py")
    }
    assert expected <= set(names)
    shipped = {
        f"seggui/{path.relative_to(PROJECT).as_posix()}"
        for path in (PROJECT / "resources").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert {name for name in names if name.startswith("seggui/resources/")} == shipped
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_program_says_its_version(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("seggui", "--version", cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"seggui {VERSION}\n", "")


def test_installed_program_is_the_wheel_and_finds_its_resources(
    installed: Installed, tmp_path: Path
) -> None:
    code = (
        "import seggui, model.data.resources as r; print(seggui.__file__); "
        "print(r.resource_path('icons', 'seggui.png').is_file()); "
        "print(any(r.resource_path('label_sets').glob('*.json')))"
    )
    done = installed.run(
        "python.exe" if os.name == "nt" else "python", "-c", code, cwd=tmp_path
    )  # fmt: skip
    place, has_icon, has_label_sets = done.stdout.splitlines()
    assert Path(place).is_relative_to(installed.folder)
    assert (has_icon, has_label_sets) == ("True", "True")


def test_installed_program_inspects_a_model(installed: Installed, tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    code = (
        "import sys, keras; from model.unet import UNetConfig, build_unet; "
        "build_unet(UNetConfig(3, widths=(8, 8), blocks=(1, 1))).save(sys.argv[1])"
    )
    made = installed.run("python", "-c", code, path, cwd=tmp_path)
    assert path.is_file(), made.stderr
    done = installed.run("seggui", "inspect", path, "--json", cwd=tmp_path)
    described = json.loads(done.stdout)
    assert done.returncode == 0
    assert (described["num_classes"], described["size_multiple"]) == (3, 4)


def test_installed_launcher_starts_the_installed_program(
    installed: Installed, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "XDG_DATA_HOME": ""}
    done = installed.run("seggui", "install-launcher", cwd=tmp_path, **home)
    assert done.returncode == 0, done.stderr
    if sys.platform.startswith("linux"):
        entry = tmp_path / ".local" / "share" / "applications" / "seggui.desktop"
        text = entry.read_text()
        assert f'"{installed.scripts / "seggui-window"}" %f' in text
        icon = next(line for line in text.splitlines() if line.startswith("Icon="))
        assert Path(icon.removeprefix("Icon=")).is_relative_to(installed.folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to close a window with")
def test_installed_window_opens_a_folder_and_closes(installed: Installed, tmp_path: Path) -> None:
    from model.data.sample import write_sample_folder

    write_sample_folder(tmp_path / "images", num_images=1, height=60, width=80)
    home = tmp_path / "home"
    window = subprocess.Popen(
        [installed.scripts / "seggui-window", tmp_path / "images"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "SEGGUI_HOME": str(home)},
    )  # fmt: skip
    try:
        # The project appears once the window has opened the folder.
        project = tmp_path / "images" / ".seggui" / "project.sqlite"
        wait_until(lambda: project.exists() or window.poll() is not None)
        assert window.poll() is None, window.communicate()[0]
        window.terminate()
        said, _ = window.communicate(timeout=60)
    finally:
        window.kill()
        window.wait()
    assert "Traceback" not in said
    assert window.returncode == 0, said


def wait_until(is_done, *, patience_s: float = 60.0) -> None:
    """Waits for another process, which sends no signal: looks ten times a second."""
    import threading

    pause = threading.Event()
    for _ in range(int(patience_s * 10)):
        if is_done():
            return
        pause.wait(0.1)
    raise AssertionError(f"nothing happened within {patience_s} s")
