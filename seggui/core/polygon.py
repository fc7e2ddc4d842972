"""The pixels inside a closed polygon, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seggui.core.geometry import HALF_PIXEL, UNITS_PER_PIXEL, Point, to_units
from seggui.core.records import EMPTY_RECT, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray


def polygon_pixels(
    points: Sequence[Point], *, height: int, width: int
) -> tuple[Rect, NDArray[np.bool_]]:
    """The pixels whose centre the polygon winds around (nonzero rule).

    A freehand loop that crosses itself is filled without holes. A centre exactly on a left or upper
    border is inside, on a right or lower border outside: polygons that share an edge share no pixel
    and leave none out. Fewer than three points enclose nothing.

    Args:
        points: (row, column) in pixels, in either direction; the last is joined to the first.
        height: rows of the image.
        width: columns of the image.

    Returns:
        The tight rectangle inside the image (maybe empty), and a new bool array of its shape.

    Raises:
        ValueError: a coordinate is not finite.
    """
    corners = np.array([to_units(point) for point in points], np.int64).reshape(-1, 2)
    rows, columns, windings = _crossings(corners, np.roll(corners, -1, axis=0), height)
    columns = np.clip(columns, 0, width)
    if rows.size == 0:
        return EMPTY_RECT, np.zeros((0, 0), np.bool_)
    top, left = int(rows.min()), int(columns.min())
    shape = (int(rows.max()) + 1 - top, int(columns.max()) + 1 - left)
    turns = np.zeros(shape, np.int32)
    np.add.at(turns, (rows - top, columns - left), windings)
    np.cumsum(turns, axis=1, out=turns)
    return _cropped(turns != 0, top, left)


def _crossings(
    starts: NDArray[np.int64], ends: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Where edges cross the centre lines of image rows.

    Returns:
        For each crossing the row, the first column whose centre is not left of it, and +1 for an
        edge that runs down or -1 for one that runs up.
    """
    runs_down = starts[:, 0] < ends[:, 0]
    upper = np.where(runs_down[:, None], starts, ends)
    lower = np.where(runs_down[:, None], ends, starts)
    first = np.clip(_first_centre(upper[:, 0]), 0, height)
    counts = np.clip(_first_centre(lower[:, 0]), 0, height) - first
    edges = np.repeat(np.arange(len(counts)), counts)
    rows = first[edges] + np.arange(len(edges)) - (np.cumsum(counts) - counts)[edges]
    below = rows * UNITS_PER_PIXEL + HALF_PIXEL - upper[edges, 0]
    d_row, d_col = (lower - upper)[edges].T
    # column = upper's column + below * d_col / d_row, as one fraction so that nothing is rounded
    numerator = (upper[edges, 1] - HALF_PIXEL) * d_row + below * d_col
    columns = -(-numerator // (d_row * UNITS_PER_PIXEL))
    return rows, columns, np.where(runs_down, 1, -1).astype(np.int32)[edges]


def _first_centre(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first pixel whose centre is not before the coordinate."""
    first: NDArray[np.int64] = -((HALF_PIXEL - units) // UNITS_PER_PIXEL)
    return first


def _cropped(inside: NDArray[np.bool_], top: int, left: int) -> tuple[Rect, NDArray[np.bool_]]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return EMPTY_RECT, np.zeros((0, 0), np.bool_)
    crop = Rect(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    rect = Rect(top + crop.top, left + crop.left, top + crop.bottom, left + crop.right)
    return rect, inside[crop.slices].copy()
