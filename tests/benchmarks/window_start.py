"""From the start of a process until its image, and then its brush, is seen on the screen."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from seggui.launcher.ready import find_ready
from tests.benchmarks.remote import ROOT
from tests.benchmarks.window_report import Report
from tests.benchmarks.window_scenes import SIZE, block_color, write_folder, write_image
from tests.benchmarks.x_screen import Screen

LOOK_AT = (700, 500)
"""Inside of the canvas and of the image's plain middle in every program."""


def measure_start(place: Path, options: argparse.Namespace, report: Report) -> None:
    """The bare widget, the window on a short and on a long folder, and both over the launcher."""
    image = place / "image.png"
    write_image(image, SIZE, 0)
    short = write_folder(place / "short", 10)
    long = write_folder(place / "long", options.images)
    window = [sys.executable, "-m", "seggui"]
    commands = {
        "bare widget": [sys.executable, "-m", "tests.benchmarks.bare_window", str(image)],
        "window, 10 images": [*window, str(short)],
        f"window, {options.images} images": [*window, str(long)],
    }
    launcher = [sys.executable, str(ROOT / "main.py"), str(short)]
    if find_ready(str(ROOT), with_tests=False, arguments=[str(short)]) is None:
        report.line("The launcher is left out: its environment is not ready (python3 main.py).")
    else:
        commands["window over main.py"] = launcher
    home = place / "home"
    times: dict[str, list[float]] = {name: [] for name in commands}
    counts = (10, options.images)
    dabs: dict[int, list[float]] = {count: [] for count in counts}
    with Screen() as screen:
        for turn in range(options.rounds + 1):
            for name, command in commands.items():
                took = _time_start(screen, command, home)
                if turn:  # the first one makes the project and compiles
                    times[name].append(took)
            for count in counts if turn else ():
                dabs[count].append(_time_brush(screen, place, home, count))
        bare = times.pop("bare widget")
        for name, measured in times.items():
            report.times(f"{name}: until its image is seen", measured, bare)
        for count in counts:
            report.times(f"new folder, {count} images: until a dab is seen", dabs[count], bare)
    report.line(f"fastest: bare {min(bare):.0f}, " + ", ".join(
        f"{name} {min(measured):.0f}" for name, measured in times.items()
    ))  # fmt: skip


@contextlib.contextmanager
def _running(screen: Screen, command: list[str], home: Path) -> Iterator[None]:
    environment = {**os.environ, "DISPLAY": screen.name, "SEGGUI_HOME": str(home)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _time_start(screen: Screen, command: list[str], home: Path) -> float:
    start = time.perf_counter()
    with _running(screen, command, home):
        seen = screen.wait_until(*LOOK_AT, lambda c: c == block_color(0), timeout=60)
    screen.wait_until(*LOOK_AT, lambda c: c != block_color(0))
    return (seen - start) * 1000


def _time_brush(screen: Screen, place: Path, home: Path, num_images: int) -> float:
    folder = write_folder(place / "new", num_images)
    x, y = LOOK_AT
    screen.move(x - 1, y)
    start = time.perf_counter()
    with _running(screen, [sys.executable, "-m", "seggui", str(folder)], home):
        screen.wait_until(x, y, lambda color: color == block_color(0), timeout=60)
        seen = None
        while seen is None:
            screen.button(True)
            with contextlib.suppress(TimeoutError):
                seen = screen.wait_until(x, y, lambda c: c != block_color(0), timeout=0.03)
            screen.button(False)
    screen.wait_until(x, y, lambda color: color != block_color(0))
    shutil.rmtree(folder)
    return (seen - start) * 1000
