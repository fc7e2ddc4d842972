"""The window on the screen of a small laptop: everything one works with can be reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import NewWindow
from tests.e2e.program import exact
from tests.e2e.screen import Screen

SIZE = (1280, 800)
NEEDED = (
    "canvas", "image_list", "class_list", "training_panel", "fine_tune_button", "brush_tool",
    "open_folder_action", "load_model_action", "predict_action", "undo_action", "status_device",
)  # fmt: skip


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A small screen instead of the large one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("real windows are driven through X, which is on Linux only")
    screen = Screen(tmp_path_factory.mktemp("screen"), size=SIZE)
    yield screen
    screen.close()


def test_everything_needed_is_on_a_small_screen_and_most_of_it_is_image(
    new_window: NewWindow, street: Path, tmp_path: Path
) -> None:
    window = new_window(street, is_automatic=False)
    window.until_shown("drive_0000.png")
    if not window.screen.has_window_manager:  # nobody there to maximise it
        (number,) = window.screen.windows(window.pid, exact(window.map["title"]))
        window.screen.do("windowmove", number, 0, 0, "windowsize", number, *SIZE)
    window.until(lambda m: m["widgets"]["main_window"]["rect"][2] == SIZE[0], "it fills the screen")
    widgets = window.map["widgets"]
    for name in NEEDED:
        left, top, width, height = widgets[name]["rect"]
        assert 0 <= left < left + width <= SIZE[0], name
        assert 0 <= top < top + height <= SIZE[1], name
    _, _, width, height = widgets["canvas"]["rect"]
    assert width * height > 0.4 * SIZE[0] * SIZE[1]
    colors = window.screen.pixels().reshape(-1, 3)
    assert len(set(map(tuple, colors[::97]))) > 100, "the image is not on the screen"
    window.screen.shoot(tmp_path / "small.png")
    window.close()
