"""Random views of an image and its masks for training: where, how lit, with what of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance


@dataclass(frozen=True)
class View:
    """A window of an image, brought to a size; reaches outside where the image is too small.

    Attributes:
        top: first row of the window in image pixels; may be negative.
        left: first column; may be negative.
        height: rows of the window, at least 1.
        width: columns of the window, at least 1.
        size: (height, width) that the window is resized to.
        is_mirrored: left and right swapped.
    """

    top: int
    left: int
    height: int
    width: int
    size: tuple[int, int]
    is_mirrored: bool = False

    def pixels(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The window of an (H, W, 3) image, bilinear; outside, the border pixels repeat."""
        return self._finish(self._window(image, fill=None), Image.Resampling.BILINEAR)

    def labels(self, mask: npt.NDArray[np.uint8], *, fill: int) -> npt.NDArray[np.uint8]:
        """The window of an (H, W) mask, nearest neighbour; outside is ``fill``."""
        return self._finish(self._window(mask, fill=fill), Image.Resampling.NEAREST)

    def _window(self, array: npt.NDArray[np.uint8], *, fill: int | None) -> npt.NDArray[np.uint8]:
        bottom, right = self.top + self.height, self.left + self.width
        if min(self.top, self.left) >= 0 and bottom <= len(array) and right <= array.shape[1]:
            return array[self.top : bottom, self.left : right]  # no copy: a third of the time
        rows = np.arange(self.top, self.top + self.height)
        cols = np.arange(self.left, self.left + self.width)
        inside_rows = np.clip(rows, 0, array.shape[0] - 1)
        inside_cols = np.clip(cols, 0, array.shape[1] - 1)
        window = array[inside_rows[:, None], inside_cols[None, :]]
        if fill is not None:
            window[rows != inside_rows] = fill
            window[:, cols != inside_cols] = fill
        return window

    def _finish(
        self, window: npt.NDArray[np.uint8], resampling: Image.Resampling
    ) -> npt.NDArray[np.uint8]:
        if (self.height, self.width) != self.size:
            resized = Image.fromarray(window).resize(self.size[::-1], resampling)
            window = np.asarray(resized, np.uint8)
        return window[:, ::-1] if self.is_mirrored else window


def random_scale(rng: np.random.Generator) -> float:
    """How much larger things appear: 0.75 to 1.5, smaller as likely as larger on a log scale."""
    return float(np.exp(rng.uniform(np.log(0.75), np.log(1.5))))


def relight(
    pixels: npt.NDArray[np.uint8], rng: np.random.Generator, *, strength: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Changes brightness, contrast curve and colour cast.

    Args:
        pixels: (H, W, 3) uint8.
        rng: where the randomness comes from.
        strength: 1 changes a little: up to a fifth in brightness.

    Returns:
        A new array of the same shape and type.
    """
    gamma = rng.uniform(0.8, 1.25) ** strength
    brightness = 1 + strength * (rng.uniform(0.8, 1.2) - 1)
    gains = brightness * (1 + strength * (rng.uniform(0.95, 1.05, 3) - 1))
    levels = np.linspace(0.0, 1.0, 256)[:, None] ** gamma * gains
    table = np.clip(np.rint(levels * 255), 0, 255).astype(np.uint8)  # (256, 3): one per channel
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.point(table.T.reshape(-1).tolist()), np.uint8)


def recolor(pixels: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Makes colours paler or stronger, down to half and up to half as strong again.

    Args:
        pixels: (H, W, 3) uint8.
        rng: where the randomness comes from.

    Returns:
        A new array of the same shape and type.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    changed = ImageEnhance.Color(image).enhance(float(rng.uniform(0.5, 1.5)))
    return np.asarray(changed, np.uint8)


def with_classes_of(
    crop: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
    other: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
    rng: np.random.Generator,
    *,
    ignore: int,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A crop with half of another one's classes laid over it, each where it is there.

    A car stands before other houses then, and under another sky: what surrounds a thing tells
    less, and the thing itself more. This is the mix of ClassMix (Olsson et al., 2021), which has
    it between images without truth, with the true masks.

    Args:
        crop: (H, W, 3) pixels and (H, W) class indices.
        other: where the classes come from, of the same size; each is taken with even odds.
        rng: where the randomness comes from.
        ignore: the index of pixels without a class; they are never laid over anything.

    Returns:
        New arrays of the same shapes.
    """
    pixels, labels = crop
    other_pixels, other_labels = other
    is_taken = rng.random(256) < 0.5
    is_taken[ignore] = False
    above = is_taken[other_labels]
    return np.where(above[..., None], other_pixels, pixels), np.where(above, other_labels, labels)
