"""The connected region under a pixel, with numpy alone.

A region is a union of horizontal runs. Runs that touch runs of the next row are joined by rounds of
hooking and contraction: each round halves what is left at least, so that combs, spirals and noise
take a few more rounds and not one round per pixel of their length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seggui.core.records import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_WINDOW_PX = 256
_WINDOW_GROWTH = 4  # per side: all smaller windows together cost a fifteenth of the last one


def flood_fill(mask: NDArray[np.uint8], row: int, col: int) -> tuple[Rect, NDArray[np.bool_]]:
    """The 4-connected region of equal value around a pixel.

    The time it takes follows the region's bounding rectangle, not the image.

    Args:
        mask: (H, W) uint8; only read.
        row: of a pixel inside the mask.
        col: of the same pixel.

    Returns:
        The region's tight rectangle, and a new bool array of its shape.

    Raises:
        ValueError: the pixel is not inside the mask.
    """
    row, col = int(row), int(col)
    height, width = mask.shape
    if not (0 <= row < height and 0 <= col < width):
        raise ValueError(f"Pixel ({row}, {col}) is outside the mask of {height} x {width} pixels.")
    reach = _FIRST_WINDOW_PX
    while True:
        window = Rect(row - reach, col - reach, row + reach, col + reach).clipped(height, width)
        same = mask[window.slices] == mask[row, col]
        found, region = _region(same, row - window.top, col - window.left)
        rect = Rect(
            window.top + found.top, window.left + found.left,
            window.top + found.bottom, window.left + found.right,
        )  # fmt: skip
        if not _is_cut_off(rect, window, height, width):
            return rect, region
        reach *= _WINDOW_GROWTH


def _is_cut_off(rect: Rect, window: Rect, height: int, width: int) -> bool:
    """Whether the region reaches a side of the window that is not a side of the mask."""
    return (
        0 < rect.top == window.top
        or 0 < rect.left == window.left
        or height > rect.bottom == window.bottom
        or width > rect.right == window.right
    )


def _region(same: NDArray[np.bool_], row: int, col: int) -> tuple[Rect, NDArray[np.bool_]]:
    """The connected part of ``same`` that contains the pixel."""
    height, width = same.shape
    # One False column at the end, and runs never go on into the next row of the flat array.
    stride = width + 1
    padded = np.zeros((height, stride), np.bool_)
    padded[:, :width] = same
    flat = padded.ravel()
    starts, stops = _runs(flat)
    overlaps, _ = _runs(flat[:-stride] & flat[stride:])
    upper = _run_of(starts, overlaps)
    lower = _run_of(starts, overlaps + stride)
    component = _components(len(starts), upper, lower)
    seed = _run_of(starts, np.array([row * stride + col]))
    chosen = np.flatnonzero(component == component[seed])
    return _drawn(starts[chosen], stops[chosen], stride)


def _runs(flat: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and stops (half-open) of the runs of True."""
    if flat.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(
        [[0] if flat[0] else [], changes, [flat.size] if flat[-1] else []]
    ).astype(np.int64)
    return edges[0::2], edges[1::2]


def _run_of(starts: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(starts, positions, side="right") - 1


def _components(
    num_runs: int, upper: NDArray[np.int64], lower: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each run the representative of its component; ``upper[i]`` and ``lower[i]`` touch."""
    parent = np.arange(num_runs)
    while upper.size:
        # Every root with a smaller neighbour hooks onto one of them: no cycles, and only local
        # minima stay roots, at most half of those that have neighbours.
        parent[np.maximum(upper, lower)] = np.minimum(upper, lower)
        upper, lower = _roots(parent, upper), _roots(parent, lower)
        apart = upper != lower
        upper, lower = upper[apart], lower[apart]
    while True:
        higher = parent[parent]
        if np.array_equal(parent, higher):
            return parent
        parent = higher


def _roots(parent: NDArray[np.int64], runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Representatives of the runs; shortens the ways on the way."""
    while True:
        above = parent[runs]
        higher = parent[above]
        parent[runs] = higher
        if np.array_equal(above, higher):
            return above
        runs = higher


def _drawn(
    starts: NDArray[np.int64], stops: NDArray[np.int64], stride: int
) -> tuple[Rect, NDArray[np.bool_]]:
    lefts = starts % stride
    top, bottom = int(starts[0]) // stride, int(starts[-1]) // stride + 1
    rect = Rect(top, int(lefts.min()), bottom, int((lefts + stops - starts).max()))
    steps = np.zeros(rect.height * stride, np.int8)
    steps[starts - top * stride] = 1
    steps[stops - top * stride] = -1  # never where another run starts: False lies between them
    inside = np.cumsum(steps, dtype=np.int8).view(np.bool_).reshape(rect.height, stride)
    return rect, inside[:, rect.left : rect.right].copy()
