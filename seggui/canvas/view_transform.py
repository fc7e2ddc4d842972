"""Where an image lies in the view: scale and offset, as pure arithmetic without Qt.

Everything is in *device* pixels (what the screen has), so that high-DPI screens need no second
set of rules. Device pixel ``x`` covers [x, x+1); its centre decides which image pixel it shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seggui.canvas.editor import Point
from seggui.core.records import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SCALE = 1 / 128
MAX_SCALE = 128.0
KEPT_VISIBLE_PX = 32
"""So much of the image stays in the view, however far somebody pans."""

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class ViewTransform:
    """Maps image pixels to device pixels: ``device = image * scale + offset``.

    Attributes:
        scale: device pixels per image pixel.
        top: device row of the image's upper edge.
        left: device column of the image's left edge.
    """

    scale: float = 1.0
    top: float = 0.0
    left: float = 0.0

    def to_image(self, x: float, y: float) -> Point:
        """The image point (row, column) under a device point."""
        return (y - self.top) / self.scale, (x - self.left) / self.scale

    def to_device(self, point: Point) -> tuple[float, float]:
        """The device point (x, y) of an image point (row, column)."""
        return point[1] * self.scale + self.left, point[0] * self.scale + self.top

    def covered(self, rect: Rect) -> Rect:
        """The device pixels that show the image pixels of ``rect``, as a half-open rectangle."""
        return Rect(
            math.ceil(rect.top * self.scale + self.top - 0.5),
            math.ceil(rect.left * self.scale + self.left - 0.5),
            math.ceil(rect.bottom * self.scale + self.top - 0.5),
            math.ceil(rect.right * self.scale + self.left - 0.5),
        )

    def shown(self, device: Rect, image: Size) -> Rect:
        """The image pixels that the device pixels of ``device`` show, clipped to the image."""
        top, left = self.to_image(device.left, device.top)
        bottom, right = self.to_image(device.right, device.bottom)
        seen = Rect(math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right))
        return seen.clipped(*image)

    def rows(self, device: Rect, height: int) -> NDArray[np.intp]:
        """Which image row each device row of ``device`` shows, clamped to the image."""
        return _indices(device.top, device.bottom, self.top, scale=self.scale, side=height)

    def columns(self, device: Rect, width: int) -> NDArray[np.intp]:
        """Which image column each device column of ``device`` shows, clamped to the image."""
        return _indices(device.left, device.right, self.left, scale=self.scale, side=width)

    def same_pixels(self, device: Rect) -> Rect | None:
        """The image pixels of ``device`` at 100 %, where both are the same; else None.

        Not clipped to any image. It is what ``rows`` and ``columns`` give, without their arrays.
        """
        if self.scale != 1:
            return None
        down, right = math.floor(0.5 - self.top), math.floor(0.5 - self.left)
        return Rect(
            device.top + down, device.left + right, device.bottom + down, device.right + right
        )

    def zoomed(self, scale: float, x: float, y: float) -> ViewTransform:
        """Another scale; the image point under device point (x, y) stays there."""
        scale = min(max(scale, MIN_SCALE), MAX_SCALE)
        ratio = scale / self.scale
        return ViewTransform(scale, y - (y - self.top) * ratio, x - (x - self.left) * ratio)

    def moved(self, dx: float, dy: float) -> ViewTransform:
        """Moved by device pixels: right and down are positive."""
        return replace(self, top=self.top + dy, left=self.left + dx)

    def kept_visible(self, image: Size, device: Size) -> ViewTransform:
        """Moved back as far as needed to keep a part of the image in the view."""
        return replace(
            self,
            top=_kept(self.top, image[0] * self.scale, device[0]),
            left=_kept(self.left, image[1] * self.scale, device[1]),
        )

    @classmethod
    def fitted(cls, image: Size, device: Size) -> ViewTransform:
        """The whole image as large as the view allows, in the middle."""
        scale = min(max(1, device[0]) / image[0], max(1, device[1]) / image[1])
        scale = min(max(scale, MIN_SCALE), MAX_SCALE)
        return cls.centered(scale, (image[0] / 2, image[1] / 2), device)

    @classmethod
    def centered(cls, scale: float, point: Point, device: Size) -> ViewTransform:
        """The image point ``point`` in the middle of the view."""
        scale = min(max(scale, MIN_SCALE), MAX_SCALE)
        return cls(scale, device[0] / 2 - point[0] * scale, device[1] / 2 - point[1] * scale)


def _indices(start: int, stop: int, offset: float, *, scale: float, side: int) -> NDArray[np.intp]:
    if scale == 1:  # one step for all, so that no two pixels are rounded apart
        return (np.arange(start, stop) + math.floor(0.5 - offset)).clip(0, side - 1)
    centers = np.arange(start, stop) + 0.5
    indices: NDArray[np.intp] = np.floor((centers - offset) / scale).astype(np.intp)
    return indices.clip(0, side - 1)


def _kept(offset: float, extent: float, view: int) -> float:
    margin = min(KEPT_VISIBLE_PX, extent, view)
    return min(max(offset, margin - extent), view - margin)
