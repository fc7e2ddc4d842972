"""Rows of numbers with the load they were taken under."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np


class Report:
    """Prints what one section finds."""

    def __init__(self, section: str) -> None:
        print(f"\n== {section} (load at its start {_load()})", flush=True)

    def line(self, text: str) -> None:
        """One line of plain text."""
        print(text, flush=True)

    def times(
        self, name: str, measured_ms: Sequence[float], bare_ms: Sequence[float] | None = None
    ) -> None:
        """Median, p95, p99 and worst in milliseconds, and the ratios to the bare widget's."""
        ours = np.percentile(measured_ms, (50, 95, 99, 100))
        text = f"{name:44s}" + "".join(f"{value:9.2f}" for value in ours)
        if bare_ms is not None:
            bare = np.percentile(bare_ms, (50, 95, 99, 100))
            text += "   bare" + "".join(f"{value:9.2f}" for value in bare)
            text += f"   ratio of medians {ours[0] / bare[0]:.2f}, of p99 {ours[2] / bare[2]:.2f}"
        self.line(text)

    def close(self) -> None:
        """Ends the section."""
        self.line(f"   (milliseconds: median, p95, p99, worst; load at its end {_load()})")


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())
