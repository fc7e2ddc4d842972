"""From a move of the pointer, put into the X server, until the paint is seen on the screen."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.other_load import OtherLoad
from tests.benchmarks.remote import Remote
from tests.benchmarks.slow_moves import WATCH_VARIABLE, report_slowest
from tests.benchmarks.window_report import Report
from tests.benchmarks.window_scenes import (
    HUGE_SIZE,
    PLAIN_SHARE,
    SIZE,
    write_corrections,
    write_folder,
    write_image,
    write_network,
)
from tests.benchmarks.x_screen import Screen

RADII = (5, 20, 60)
STEP_PX = 9
"""Between two events of a quick hand at 250 per second."""
PACE = 250
PAUSE_SECONDS = 0.004


Move = tuple[float, float]
"""When it was made, and when it was seen."""


@dataclass
class Subject:
    """A program on a screen of its own, and the way that the brush takes in it.

    The way is a serpentine that never meets itself: each move uncovers a pixel that was not painted
    before, just inside of the brush's front edge.
    """

    screen: Screen
    remote: Remote
    times: list[float] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    _num_begun: int = -1

    def begin(self, radius_px: int) -> None:
        """Goes to the start of a new serpentine, in the plain middle of the image at 100 %.

        Each has another colour than the ten before, which may show between its rows.
        """
        self._radius_px = radius_px
        self._num_begun += 1
        self.remote.ask("brush", radius_px, self._num_begun)
        left, top, width, height = self.remote.ask("canvas")
        half_width = min(width // 2, int(PLAIN_SHARE / 2 * SIZE[1])) - radius_px - 12
        half_height = min(height // 2, int(PLAIN_SHARE / 2 * SIZE[0])) - radius_px - 12
        x, y = left + width // 2, top + height // 2
        self._left, self._right, self._bottom = x - half_width, x + half_width, y + half_height
        self._front = radius_px - 4  # inside of the brush's outline
        self._row_height = 2 * radius_px + 12
        self._at = (self._right, y - half_height - self._row_height)

    def step(self) -> float:
        """One move; milliseconds until it is seen. At the end of a row, a new one is begun."""
        x, y = self._at
        if x + STEP_PX > self._right:
            self.end()
            x, y = self._left, y + self._row_height
            if y > self._bottom:  # once more from the top
                self.begin(self._radius_px)
                x, y = self._left, self._at[1] + self._row_height
            self.screen.move(x, y)
            time.sleep(0.05)
            before = self.screen.pixel(x, y)
            self.screen.button(True)
            self.screen.wait_until(x, y, lambda color: color != before)
        x += STEP_PX
        self._at = (x, y)
        before = self.screen.pixel(x + self._front, y)
        start = time.perf_counter()
        self.screen.move(x, y)
        seen = self.screen.wait_until(x + self._front, y, lambda color: color != before)
        self.moves.append((start, seen))
        return (seen - start) * 1000

    def rush(self, num_events: int) -> tuple[float, int]:
        """Moves at 250 per second without looking.

        Returns:
            Milliseconds from the last move until it is seen, and how many of the places passed do
            not show paint afterwards.
        """
        self.step()
        (x, y), places = self._at, []
        start = time.perf_counter()
        for number in range(num_events):
            x += 1 + number % 3
            if x > self._right:
                break
            places.append((x + self._front, y))
            target = start + (number + 1) / PACE
            time.sleep(max(0.0, target - time.perf_counter()))
            if x + 4 > self._right:
                break
            self.screen.move(x, y)
        color = self.screen.pixel(self._left, y)
        pressed = time.perf_counter()
        self.screen.move(x + 4, y)
        seen = self.screen.wait_until(x + 4 + self._front, y, lambda now: now == color)
        self.end()
        self.screen.move(self._left - self._radius_px - 8, y)  # away with the brush's outline
        time.sleep(0.2)
        missed = sum(self.screen.pixel(*place) != color for place in places)
        self._at = (self._right, y)
        return (seen - pressed) * 1000, missed

    def end(self) -> None:
        """Lets the button go."""
        self.screen.button(False)
        time.sleep(0.05)


@contextlib.contextmanager
def bare(image: Path) -> Iterator[Subject]:
    """The bare widget, running."""
    with Screen() as screen:
        remote = Remote(
            "tests.benchmarks.bare_window", str(image), environment={"DISPLAY": screen.name}
        )
        try:
            remote.ask("canvas")
            yield Subject(screen, remote)
        finally:
            remote.close()


@contextlib.contextmanager
def driven(folder: Path, home: Path, *, is_watched: bool = False) -> Iterator[Subject]:
    """The window with the first image on view, running."""
    with Screen() as screen:
        environment = {"DISPLAY": screen.name, "SEGGUI_HOME": str(home)}
        environment |= {WATCH_VARIABLE: "1"} if is_watched else {}
        remote = Remote("tests.benchmarks.driven_window", str(folder), environment=environment)
        try:
            wait_for(remote, lambda state: state["shown"] > 0)
            yield Subject(screen, remote)
        finally:
            remote.close()


def wait_for(remote: Remote, is_there: Any, *, timeout: float = 300) -> dict[str, Any]:
    """Asks for the program's state until it is as wanted."""
    end = time.monotonic() + timeout
    while True:
        state: dict[str, Any] = remote.ask("state")
        if is_there(state):
            return state
        if time.monotonic() > end:
            raise TimeoutError(f"the program does not get there: {state}")
        time.sleep(0.1)


def measure_motion(place: Path, options: argparse.Namespace, report: Report) -> None:
    """Strokes at 100 % on an ordinary and on a huge image, in turns with the bare widget."""
    image = place / "image.png"
    write_image(image, SIZE, 0)
    folder = write_folder(place / "folder", 3)
    huge = write_folder(place / "huge", 1, size=HUGE_SIZE)
    is_watched = options.slowest > 0
    with (
        bare(image) as probe,
        driven(folder, place / "home", is_watched=is_watched) as window,
        driven(huge, place / "home_2", is_watched=is_watched) as large,
    ):
        for subject in (window, large):  # the start of the engine is measured elsewhere
            wait_for(subject.remote, lambda state: state["engine"])
        time.sleep(3)  # what comes after it, and what is put off at the start
        _measure_strokes(options, report, {"bare": probe, "2048": window, "8192": large})
        _measure_rush(report, window)


def measure_motion_while_training(place: Path, options: argparse.Namespace, report: Report) -> None:
    """The same while a network is fine-tuned in its process."""
    image = place / "image.png"
    write_image(image, SIZE, 0)
    folder = write_folder(place / "folder", 8)
    write_corrections(folder, range(1, 8))
    network = write_network(place / "network.keras")
    is_watched = options.slowest > 0
    with bare(image) as probe, driven(folder, place / "home", is_watched=is_watched) as window:
        window.remote.ask("automatic", False)  # an unpainted mask, as in the other section
        window.remote.ask("load_model", str(network))
        wait_for(window.remote, lambda state: state["model"])
        window.remote.ask("fine_tune", 100_000)
        wait_for(window.remote, lambda state: state["steps"] > 2)
        _measure_strokes(options, report, {"bare": probe, "2048": window})
        _measure_rush(report, window)
        state = window.remote.ask("state")
        report.line(f"   training made {state['steps']} steps meanwhile and went on")
        window.remote.ask("stop_training")
        wait_for(window.remote, lambda state: not state["is_training"])


def _measure_strokes(
    options: argparse.Namespace, report: Report, subjects: dict[str, Subject]
) -> None:
    for radius in RADII:
        load = OtherLoad()
        for subject in subjects.values():
            if subject is not subjects["bare"]:
                subject.remote.ask("view", 1.0)
            time.sleep(0.3)
            subject.begin(radius)
            subject.times, subject.moves = [], []
        turns = list(subjects.values())
        for index in range(options.events):
            turns.append(turns.pop(0))  # what one stirs up must not always hit the same next one
            for subject in turns:
                took = subject.step()
                if index >= 5:
                    subject.times.append(took)
                time.sleep(PAUSE_SECONDS)
        for subject in subjects.values():
            subject.end()
        for name, subject in subjects.items():
            if name != "bare":
                title = f"motion to pixel, {name} wide, radius {radius}"
                report.times(title, subject.times, subjects["bare"].times)
            if name != "bare" and options.slowest:
                report_slowest(report, subject.moves, subject.remote.ask("spans"), options.slowest)
        if "8192" in subjects:
            report.times(
                f"   8192 against 2048, radius {radius}",
                subjects["8192"].times, subjects["2048"].times,
            )  # fmt: skip
        report.line(f"   other programs took {load.share():.1%} of the cores meanwhile")


def _measure_rush(report: Report, window: Subject) -> None:
    for radius in RADII:
        window.begin(radius)
        late, missed = [], 0
        for _ in range(3):
            waited, lost = window.rush(200)
            late.append(waited)
            missed += lost
        window.end()
        report.times(f"last of 200 moves at {PACE}/s, radius {radius}", late)
        report.line(f"   places passed without paint: {missed}")
