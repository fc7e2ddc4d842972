"""What the window did during its slowest moves."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from tests.benchmarks.window_report import Report

WATCH_VARIABLE = "SEGGUI_WATCHED"
"""Set for a driven window that shall remember what it does; see ``spans.py``."""


def report_slowest(
    report: Report,
    moves: Sequence[tuple[float, float]],
    spans: Sequence[Sequence[Any]],
    number: int,
) -> None:
    """Prints the slowest moves, each with all that ran meanwhile, in milliseconds from its start.

    Args:
        report: prints.
        moves: when each was made and when it was seen.
        spans: as ``SpanLog.take`` gives them.
        number: how many to print.
    """
    slowest = sorted(moves, key=lambda move: move[1] - move[0])[-number:]
    for start, seen in reversed(slowest):
        report.line(f"   a move that took {(seen - start) * 1000:.2f}:")
        for begin, end, thread, what in sorted(spans, key=itemgetter(0)):
            if begin <= seen and end >= start:
                report.line(
                    f"   {(begin - start) * 1000:9.2f} to {(end - start) * 1000:6.2f}"
                    f"  {thread:12s}{what}"
                )
