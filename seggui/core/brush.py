"""The pixels that a round brush covers on its way from one point to another, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seggui.core.geometry import HALF_PIXEL, UNITS_PER_PIXEL, Point, RowSpans, to_units
from seggui.core.records import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Interval = tuple[NDArray[np.int64], NDArray[np.int64]]

MIN_RADIUS_PX = 0.5
"""The pencil: smaller radii are taken as this one."""

MAX_RADIUS_PX = 65536.0
"""The largest radius for which the integer arithmetic fits in int64."""

# Below sqrt(1/2) px the disc can miss the centre of the pixel it is in.
_SURE_RADIUS = math.ceil(UNITS_PER_PIXEL * math.sqrt(0.5))
_FAR = 2**60


def capsule(
    p: Point, q: Point, radius_px: float, *, height: int, width: int
) -> tuple[Rect, NDArray[np.bool_]]:
    """The pixels that a brush covers when it moves in a straight line from ``p`` to ``q``.

    These are the pixels whose centre (r + 0.5, c + 0.5) is at most ``radius_px`` away from the
    segment, and the pixels that the segment runs through (which only matters below 0.71 px). A
    radius of 0.5 px or less is a pencil: exactly the pixels that the segment runs through. ``p``
    and ``q`` may be equal, swapped or outside the image. Cutting a segment at a point of the
    quantisation grid that lies on it changes nothing.

    Args:
        p: (row, column) in pixels.
        q: (row, column) in pixels.
        radius_px: more than 0, at most ``MAX_RADIUS_PX``.
        height: rows of the image.
        width: columns of the image.

    Returns:
        The tight rectangle inside the image (maybe empty), and a new bool array of its shape.

    Raises:
        ValueError: a coordinate or the radius is not finite or out of range.
    """
    return capsule_spans(p, q, radius_px, height=height, width=width).pixels()


def dab_outline(p: Point, radius_px: float) -> NDArray[np.int64]:
    """The border of the pixels under a resting brush, for a cursor that tells the truth.

    Returns:
        (N, 2) int64 pixel corners (row, column), a closed staircase (the first corner is not
        repeated). Not clipped to any image.

    Raises:
        ValueError: a coordinate or the radius is not finite or out of range.
    """
    row, col = math.floor(p[0]), math.floor(p[1])
    reach = math.ceil(radius_px) + 1
    inside = (p[0] - row + reach, p[1] - col + reach)
    size = 2 * reach + 1
    spans = capsule_spans(inside, inside, radius_px, height=size, width=size)
    rows = np.flatnonzero(spans.starts < spans.stops)
    starts, stops = spans.starts[rows], spans.stops[rows]
    sides = np.repeat(rows + spans.top, 2)
    sides[1::2] += 1
    corners: NDArray[np.int64] = np.concatenate(
        [
            np.stack([sides, np.repeat(stops, 2)], axis=1),
            np.stack([sides, np.repeat(starts, 2)], axis=1)[::-1],
        ]
    )
    corners += np.array([row - reach, col - reach])
    return corners


def capsule_spans(p: Point, q: Point, radius_px: float, *, height: int, width: int) -> RowSpans:
    """The pixels of :func:`capsule` as one span per row; the time it takes is one per row."""
    radius = _radius_units(radius_px)
    segment = _Segment.between(to_units(p), to_units(q))
    top, bottom = segment.rows_within(max(radius, UNITS_PER_PIXEL), height)
    rows = np.arange(top, bottom, dtype=np.int64)
    starts, stops = _no_columns(len(rows))
    if radius > HALF_PIXEL:
        starts, stops = _columns_of_centres(*segment.within(radius, rows))
    if radius < _SURE_RADIUS:
        through = segment.columns_through(rows)
        starts, stops = np.minimum(starts, through[0]), np.maximum(stops, through[1])
    starts, stops = np.maximum(starts, 0), np.minimum(stops, width)
    empty = starts >= stops
    return RowSpans(top, np.where(empty, width, starts), np.where(empty, 0, stops))


def _radius_units(radius_px: float) -> int:
    if not 0 < radius_px <= MAX_RADIUS_PX:  # False for NaN too
        raise ValueError(
            f"The brush radius is {radius_px} px; expected more than 0, at most {MAX_RADIUS_PX}."
        )
    return max(HALF_PIXEL, math.floor(radius_px * UNITS_PER_PIXEL + 0.5))


@dataclass(frozen=True)
class _Segment:
    """From (row, col) downwards by ``d_row`` >= 0 and sideways by ``d_col``; all in units."""

    row: int
    col: int
    d_row: int
    d_col: int

    @classmethod
    def between(cls, p: tuple[int, int], q: tuple[int, int]) -> _Segment:
        p, q = min(p, q), max(p, q)
        return cls(*p, q[0] - p[0], q[1] - p[1])

    def rows_within(self, reach: int, height: int) -> tuple[int, int]:
        """The half-open range of image rows that can have pixels within ``reach``."""
        top = max(0, (self.row - reach) // UNITS_PER_PIXEL)
        bottom = min(height, (self.row + self.d_row + reach) // UNITS_PER_PIXEL + 1)
        return top, max(top, bottom)

    def within(self, radius: int, rows: NDArray[np.int64]) -> _Interval:
        """The closed interval of columns (in units) at most ``radius`` away, on each row's centre.

        A capsule is convex: on a line, the hull of the intervals of its parts is the whole.
        """
        from_p = rows * UNITS_PER_PIXEL + HALF_PIXEL - self.row
        low, high = _disc(radius, from_p)
        if self.d_row or self.d_col:
            for part_low, part_high in (
                _disc(radius, from_p - self.d_row, offset=self.d_col),
                self._strip(radius, from_p),
            ):
                low, high = np.minimum(low, part_low), np.maximum(high, part_high)
        return low + self.col, high + self.col

    def _strip(self, radius: int, from_p: NDArray[np.int64]) -> _Interval:
        """Beside the segment: 0 <= v.d <= d.d and |v x d| <= radius |d|, solved for v's column."""
        squared_length = self.d_row**2 + self.d_col**2
        # A Python integer: radius**2 * squared_length does not fit in 64 bits, its root does.
        reach = math.isqrt(radius**2 * squared_length)
        along, across = from_p * self.d_row, from_p * self.d_col
        first = _solved(self.d_col, -along, squared_length - along)
        second = _solved(self.d_row, across - reach, across + reach)
        return _without_empty(np.maximum(first[0], second[0]), np.minimum(first[1], second[1]))

    def columns_through(self, rows: NDArray[np.int64]) -> _Interval:
        """The half-open range of pixel columns that the segment runs through, in each row."""
        tops = rows * UNITS_PER_PIXEL
        touched = (tops + UNITS_PER_PIXEL > self.row) & (tops <= self.row + self.d_row)
        if self.d_row == 0:
            first, last = sorted((self.col, self.col + self.d_col))
            low, high = first // UNITS_PER_PIXEL, last // UNITS_PER_PIXEL
            return np.where(touched, low, _FAR), np.where(touched, high + 1, -_FAR)
        enter = self._column_at(np.maximum(tops - self.row, 0))
        # The lower border of a row belongs to the next row: the segment comes close, but not there.
        leave_at = tops + UNITS_PER_PIXEL - self.row
        to_border = (leave_at <= self.d_row) & (self.d_col > 0)
        leave = self._column_at(np.minimum(leave_at, self.d_row), just_before=to_border)
        starts, stops = np.minimum(enter, leave), np.maximum(enter, leave) + 1
        return np.where(touched, starts, _FAR), np.where(touched, stops, -_FAR)

    def _column_at(
        self, below: NDArray[np.int64], *, just_before: NDArray[np.bool_] | bool = False
    ) -> NDArray[np.int64]:
        """Pixel column of the segment's point ``below`` units under its start."""
        numerator = self.col * self.d_row + self.d_col * below - just_before
        column: NDArray[np.int64] = numerator // (UNITS_PER_PIXEL * self.d_row)
        return column


def _disc(radius: int, from_centre: NDArray[np.int64], *, offset: int = 0) -> _Interval:
    squared = radius**2 - from_centre**2
    half = _square_root(np.maximum(squared, 0))
    is_inside = squared >= 0
    return (
        np.where(is_inside, offset - half, _FAR),
        np.where(is_inside, offset + half, -_FAR),
    )


def _square_root(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The integer square root, rounded down.

    Exact up to 2**48, which the largest radius gives: the root of k**2 - 1 is further below k than
    float64 rounds there.
    """
    return np.sqrt(values).astype(np.int64)


def _solved(factor: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> _Interval:
    """The integers x with low <= factor * x <= high, as a closed interval."""
    if factor == 0:
        is_any = (low <= 0) & (high >= 0)
        return np.where(is_any, -_FAR, _FAR), np.where(is_any, _FAR, -_FAR)
    if factor < 0:
        factor, low, high = -factor, -high, -low
    return -(-low // factor), high // factor


def _without_empty(low: NDArray[np.int64], high: NDArray[np.int64]) -> _Interval:
    is_empty = low > high
    return np.where(is_empty, _FAR, low), np.where(is_empty, -_FAR, high)


def _no_columns(num_rows: int) -> _Interval:
    return np.full(num_rows, _FAR), np.full(num_rows, -_FAR)


def _columns_of_centres(low: NDArray[np.int64], high: NDArray[np.int64]) -> _Interval:
    """Half-open range of the pixel columns with their centre in the closed interval (in units)."""
    return -((HALF_PIXEL - low) // UNITS_PER_PIXEL), (high - HALF_PIXEL) // UNITS_PER_PIXEL + 1
