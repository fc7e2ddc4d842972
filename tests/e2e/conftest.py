"""One screen and one small network for all end-to-end tests; every user a place of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.data.sample import write_sample_folder
from tests.e2e.program import PROJECT, Window
from tests.e2e.screen import Screen

HEIGHT, WIDTH = 180, 240
STREET = 7

NewWindow = Callable[..., Window]


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A large screen."""
    if not sys.platform.startswith("linux"):
        pytest.skip("real windows are driven through X, which is on Linux only")
    screen = Screen(tmp_path_factory.mktemp("screen"))
    yield screen
    screen.close()


@pytest.fixture(scope="session")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``network.keras``, which takes blue for green, with ``images`` and their ``truth``."""
    folder = tmp_path_factory.mktemp("lesson")
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.lesson", folder], cwd=PROJECT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """A folder of four small images: ``drive_0000.png``, ..."""
    folder = tmp_path / "street"
    write_sample_folder(folder, num_images=4, seed=STREET, height=HEIGHT, width=WIDTH)
    return folder


@pytest.fixture
def new_window(screen: Screen, tmp_path: Path) -> Iterator[NewWindow]:
    """Starts windows of one user, and leaves nothing of them behind."""
    windows: list[Window] = []

    def start(folder: Path, **options: object) -> Window:
        windows.append(Window(screen, tmp_path / "user", folder, **options))
        return windows[-1]

    yield start
    for window in windows:
        window.end()
    left = os.listdir(tmp_path / "user" / "temporary") if windows else []
    assert not left, f"temporary files left behind: {left}"
