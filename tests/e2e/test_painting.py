"""Painting, walking through a folder, and what is left after the program was killed."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np

from tests.e2e.conftest import HEIGHT, WIDTH, NewWindow
from tests.e2e.program import Window
from tests.e2e.screen import wait_until

FIRST, SECOND, THIRD = (f"drive_{i:04}.png" for i in range(3))
ROAD = 3
ROAD_KEY = "4"


def blank() -> np.ndarray:
    return np.full((HEIGHT, WIDTH), 255, np.uint8)


def until_journalled(window: Window, num_steps: int) -> None:
    """Waits until so many steps are in the journal; the mask file may still be behind."""
    count = "SELECT count(*) FROM stack"
    wait_until(lambda: window.ask_project(count) == [(num_steps,)], f"{num_steps} are journalled")


def test_strokes_undo_and_walking_leave_exactly_what_was_painted(
    new_window: NewWindow, street: Path
) -> None:
    window = new_window(street, is_automatic=False)
    window.until_shown(FIRST)
    assert window.map["canvas"]["tool"] == "brush"
    mask = blank()
    mask[window.stroke((0.3, 0.2), (0.5, 0.7), (0.6, 0.3))] = 0
    window.press(ROAD_KEY)
    window.until(lambda m: m["session"]["label"] == ROAD, "the class is chosen")
    mask[window.stroke((0.9, 0.1), (0.75, 0.9))] = ROAD
    before = mask.copy()
    mask[window.stroke((0.2, 0.5), (0.8, 0.5), button=3)] = 255
    window.until_on_disk(FIRST, mask)
    window.undo()
    window.until_on_disk(FIRST, before)
    window.redo()
    window.go("d", SECOND)
    other = blank()
    other[window.stroke((0.5, 0.1), (0.5, 0.2))] = ROAD
    window.go("a", FIRST)
    status = window.map["session"]
    assert (status["status"], status["undo_text"]) == ("corrected", "Eraser")
    window.until_on_disk(FIRST, mask)
    window.until_on_disk(SECOND, other)
    window.close()


def test_no_position_of_the_pointer_is_lost_while_the_program_is_busy(
    new_window: NewWindow, street: Path
) -> None:
    window = new_window(street, is_automatic=False)
    window.until_shown(FIRST)
    mask = blank()
    mask[window.stroke((0.2, 0.2), (0.4, 0.8), (0.6, 0.2), (0.8, 0.8), is_busy=True)] = 0
    window.until_on_disk(FIRST, mask)
    window.close()


def test_a_killed_program_keeps_every_finished_stroke_and_its_engine_ends(
    new_window: NewWindow, street: Path
) -> None:
    window = new_window(street, is_automatic=False)
    window.until_shown(FIRST)
    window.go("d", SECOND)
    window.press("ctrl+plus")
    view = window.until(
        lambda m: m["canvas"]["view"] if m["widgets"]["status_zoom"]["text"] != "341%" else None,
        "it is zoomed",
    )
    mask = blank()
    mask[window.stroke((0.4, 0.4), (0.5, 0.6))] = 0
    window.press("d", "a")  # the view is kept when one leaves the image
    window.until_shown(SECOND)
    mask[window.stroke((0.6, 0.4), (0.55, 0.6))] = 0
    until_journalled(window, 2)
    window.send(signal.SIGKILL)
    window.wait()

    window = new_window(street, is_automatic=False)
    window.until_shown(SECOND)
    assert window.map["canvas"]["view"] == view
    window.until_on_disk(SECOND, mask)
    window.stroke((0.45, 0.4), (0.45, 0.5), is_held=True)
    window.until(lambda m: m["widgets"]["status_device"]["text"].startswith("CPU"), "engine runs")
    engine = window.child("engine")
    assert engine is not None
    window.send(signal.SIGKILL)
    window.wait()
    window.screen.do("mouseup", 1)

    window = new_window(street, is_automatic=False)
    window.until_shown(SECOND)
    window.until_on_disk(SECOND, mask)
    window.undo()
    window.undo()
    assert window.map["session"]["undo_text"] == ""
    window.until_on_disk(SECOND, blank())
    window.redo()
    window.redo()
    window.until_on_disk(SECOND, mask)
    window.close()
