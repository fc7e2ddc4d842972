"""Measures the real window from outside, beside a bare widget. Linux only; needs Xvfb.

    python -m tests.benchmarks.bench_window [--only start motion ...] [--rounds N] [--events N]

An X server in memory is started, the pointer is moved through it, and the screen is read from it:
nothing inside of the programs is trusted. The bare widget blits the image and paints dabs into an
overlay. Both take turns, so that other load on the machine hits both; the ratios are what counts.
Not part of the test suite.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from tests.benchmarks import window_motion, window_start, window_work
from tests.benchmarks.window_report import Report

SECTIONS = {
    "start": window_start.measure_start,
    "motion": window_motion.measure_motion,
    "steps": window_work.measure_steps,
    "gaps": window_work.measure_gaps,
    "training": window_motion.measure_motion_while_training,
    "batch": window_work.measure_batch,
    "memory": window_work.measure_memory,
}


def main() -> None:
    """Prints one table per section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=7, help="starts of each program")
    parser.add_argument("--events", type=int, default=1500, help="moves of the pointer per row")
    parser.add_argument(
        "--slowest", type=int, default=0, metavar="N",
        help="print what ran during the N slowest moves; watching makes every move slower",
    )  # fmt: skip
    parser.add_argument("--images", type=int, default=10_000, help="in the long folder")
    parser.add_argument("--switches", type=int, default=1000, help="of the image, for memory")
    options = parser.parse_args()
    # Qt must neither find a real screen nor the user's own settings.
    os.environ.pop("WAYLAND_DISPLAY", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody starts uncompiled every time
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    with tempfile.TemporaryDirectory(prefix="seggui-bench-") as place:
        for section in options.only:
            report = Report(section)
            folder = Path(place) / section
            folder.mkdir()
            SECTIONS[section](folder, options, report)
            report.close()


if __name__ == "__main__":
    main()
