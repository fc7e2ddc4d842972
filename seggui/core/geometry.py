"""Exact integer geometry: the quantisation grid and pixel sets made of one span per row.

Points are quantised once to ``UNITS_PER_PIXEL`` steps; everything after that is integer arithmetic,
so the same stroke gives the same pixels on every machine, screen and zoom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seggui.core.records import EMPTY_RECT, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

Point = tuple[float, float]
"""(row, column) in image pixels as floats: pixel (r, c) covers [r, r+1) x [c, c+1)."""

UNITS_PER_PIXEL = 256
"""Steps of the quantisation grid in one pixel."""

HALF_PIXEL = UNITS_PER_PIXEL // 2

MAX_COORDINATE_PX = float(2**20)
"""Points further out are moved to this distance: products of two differences then fit in int64."""

_SPLIT_OVERHEAD_PX = 4096  # pixels whose handling costs about as much as one more numpy round


def to_units(point: Point) -> tuple[int, int]:
    """The nearest grid point of (row, column), in units.

    Raises:
        ValueError: a coordinate is not finite.
    """
    row, col = point
    if not (math.isfinite(row) and math.isfinite(col)):
        raise ValueError(f"The point {point} is not finite; expected (row, column) in pixels.")
    return _quantised(row), _quantised(col)


def _quantised(value: float) -> int:
    limited = min(max(value, -MAX_COORDINATE_PX), MAX_COORDINATE_PX)
    return math.floor(limited * UNITS_PER_PIXEL + 0.5)


@dataclass(frozen=True)
class RowSpans:
    """A pixel set with at most one run of pixels in each row.

    Attributes:
        top: the row of the first span.
        starts: (N,) int64, first column of each row; larger than any stop where the row is empty.
        stops: (N,) int64, one past the last column of each row; 0 where the row is empty.
    """

    top: int
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def pixels(self) -> tuple[Rect, NDArray[np.bool_]]:
        """The tight rectangle and a new (height, width) bool array of the set."""
        return self._block(0, len(self.starts))

    def blocks(self) -> Iterator[tuple[Rect, NDArray[np.bool_]]]:
        """The same set cut into blocks of rows, so that the area of all is about that of the set.

        A thin diagonal has a bounding rectangle of its length squared; its blocks do not.
        """
        pending = [(0, len(self.starts))]
        while pending:
            first, last = pending.pop()
            if last - first > 1 and self._is_wasteful(first, last):
                middle = (first + last) // 2
                pending += [(middle, last), (first, middle)]
                continue
            rect, pixels = self._block(first, last)
            if not rect.is_empty:
                yield rect, pixels

    def _is_wasteful(self, first: int, last: int) -> bool:
        starts, stops = self.starts[first:last], self.stops[first:last]
        area = (last - first) * max(0, int(stops.max()) - int(starts.min()))
        if area <= _SPLIT_OVERHEAD_PX:
            return False
        covered = int(np.maximum(stops - starts, 0).sum())
        return area > 2 * covered + _SPLIT_OVERHEAD_PX

    def _block(self, first: int, last: int) -> tuple[Rect, NDArray[np.bool_]]:
        rows = np.flatnonzero(self.starts[first:last] < self.stops[first:last])
        if rows.size == 0:
            return EMPTY_RECT, np.zeros((0, 0), np.bool_)
        first, last = first + int(rows[0]), first + int(rows[-1]) + 1
        starts, stops = self.starts[first:last], self.stops[first:last]
        left, right = int(starts.min()), int(stops.max())
        columns = np.arange(left, right)
        pixels = (columns >= starts[:, None]) & (columns < stops[:, None])
        return Rect(self.top + first, left, self.top + last, right), pixels
