"""From fractions of an image to the screen, and from there to the pixels a brush must cover."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from seggui.canvas.view_transform import ViewTransform
from seggui.core.brush import capsule

Map = dict[str, Any]
"""What `seggui.widget_map` wrote."""

STEP_PX = 9
"""Between two positions of the pointer: a hand at a moderate pace."""


def screen_way(shown: Map, path: tuple[tuple[float, float], ...]) -> list[tuple[int, int]]:
    """Positions of the pointer on the screen along a path, a small step apart."""
    height, width = shown["canvas"]["size"]
    view = ViewTransform(*shown["canvas"]["view"])
    left, top = shown["canvas"]["origin"]
    corners = [view.to_device((row * height, col * width)) for row, col in path]
    way: list[tuple[int, int]] = []
    for start, end in itertools.pairwise(corners):
        num_steps = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1])) / STEP_PX))
        for t in np.linspace(0, 1, num_steps + 1):
            x, y = (a + (b - a) * t for a, b in zip(start, end, strict=True))
            way.append((round(left + x), round(top + y)))
    return [point for i, point in enumerate(way) if i == 0 or point != way[i - 1]]


def covered_pixels(shown: Map, way: list[tuple[int, int]]) -> np.ndarray:
    """(H, W) bool: the brush along these positions; a position means the middle of its pixel."""
    height, width = shown["canvas"]["size"]
    view = ViewTransform(*shown["canvas"]["view"])
    left, top = shown["canvas"]["origin"]
    points = [view.to_image(x - left + 0.5, y - top + 0.5) for x, y in way]
    covered = np.zeros((height, width), bool)
    for p, q in zip(points[:1] + points, points, strict=False):
        rect, pixels = capsule(
            p, q, shown["session"]["brush_radius_px"], height=height, width=width
        )
        covered[rect.slices] |= pixels
    return covered
