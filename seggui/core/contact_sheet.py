"""One image under every kind of input that a network may expect: what to try, and what came of it.

A model file rarely says which range of values its network was trained with, but a person sees at a
glance which mask is right, and trusted pixels tell it in numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from model.data.label_sets import IGNORE, LabelSet
from model.engine.protocol import Fit, ModelSettings, Scaling
from model.metrics import ConfusionMatrix
from model.preprocessing import resize_pixels
from seggui.core.records import Provenance

Pixels = npt.NDArray[np.uint8]

PICTURE_SIDE = 640
"""Longest side of a picture; the largest tile on a screen with two dots per pixel needs it."""


@dataclass(frozen=True, eq=False)
class SheetAnswer:
    """What a network says of the image with one kind of input.

    Attributes:
        picture: (h, w, 3) uint8 RGB, read-only: the image with the mask over it.
        mask_digest: equal for equal masks.
        agreement: mean IoU with the trusted pixels, 0..1; None when there are none.
    """

    picture: Pixels
    mask_digest: bytes
    agreement: float | None


def candidates(settings: ModelSettings, *, channels: int) -> tuple[ModelSettings, ...]:
    """The given settings, then the same with every other kind of input.

    Args:
        settings: what is guessed, or in use.
        channels: of the network's input. Without colour its order means nothing. The convention of
            the Caffe models is that of the means in BGR, so it stands there once.
    """
    found = [settings]
    for order in ("rgb", "bgr") if channels >= 3 else (settings.channel_order,):
        for scaling in Scaling:
            other = replace(settings, scaling=scaling, channel_order=order)
            if _what_it_does(other, channels) not in [_what_it_does(s, channels) for s in found]:
                found.append(other)
    return tuple(found)


def _what_it_does(settings: ModelSettings, channels: int) -> tuple[Scaling, bool]:
    is_turned = settings.channel_order == "bgr" or settings.scaling is Scaling.CAFFE
    if settings.scaling in (Scaling.CAFFE, Scaling.MEANS):  # they differ in the order only
        return Scaling.MEANS, channels >= 3 and is_turned
    return settings.scaling, channels >= 3 and is_turned


class SheetImage:
    """The image that is tried, with what is known of its mask. Used by one thread."""

    def __init__(
        self, pixels: Pixels, mask: Pixels, provenance: Pixels, *, label_set: LabelSet
    ) -> None:
        """Takes an image.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            mask: (H, W) uint8 class indices, 255 = ignore.
            provenance: (H, W) uint8, `Provenance` of each pixel.
            label_set: gives the colours.
        """
        self._pixels, self._label_set = pixels, label_set
        is_trusted = (provenance == Provenance.CORRECTED) | (provenance == Provenance.ACCEPTED)
        self._truth = np.where(is_trusted, mask, IGNORE).astype(np.uint8)
        self.num_trusted = int(np.count_nonzero(self._truth != IGNORE))

    def pixels_for(self, settings: ModelSettings) -> Pixels:
        """What the network is given: the image, brought to the input size where that is honest.

        With ``Fit.RESIZE`` the network sees exactly the same, and its answer need not be enlarged
        to the size of a photo. With the other fits a smaller image would be another question.
        """
        size = settings.input_size
        if settings.fit is Fit.RESIZE and size is not None:
            height, width = self._pixels.shape[:2]
            if size[0] <= height and size[1] <= width:
                return resize_pixels(self._pixels, size)
        return self._pixels

    def answer(self, classes: Pixels) -> SheetAnswer:
        """Puts together what is shown.

        Args:
            classes: (h, w) uint8 the network's classes for `pixels_for`.
        """
        from model.formats.overlay import blend

        mask = _sampled(classes, self._small.shape[:2])
        picture = blend(mask, self._small, self._label_set)
        picture.setflags(write=False)
        digest = hashlib.blake2b(np.ascontiguousarray(classes).data, digest_size=16).digest()
        return SheetAnswer(picture, digest, self._agreement(classes))

    @cached_property
    def _small(self) -> Pixels:
        height, width = self._pixels.shape[:2]
        share = min(1.0, PICTURE_SIDE / max(height, width))
        size = max(1, round(height * share)), max(1, round(width * share))
        return resize_pixels(self._pixels, size)

    def _agreement(self, classes: Pixels) -> float | None:
        if not self.num_trusted:
            return None
        predicted = _sampled(classes, self._truth.shape)
        is_counted = self._truth != IGNORE
        highest = max(self._truth[is_counted].max(), predicted[is_counted].max())
        matrix = ConfusionMatrix(int(highest) + 1)
        matrix.add(self._truth, predicted)
        return matrix.scores().mean_iou


def _sampled(mask: Pixels, size: tuple[int, ...]) -> Pixels:
    """A mask at another size, nearest neighbour."""
    if mask.shape == tuple(size):
        return mask
    rows, columns = (
        (np.arange(want) * 2 + 1) * have // (2 * want)
        for want, have in zip(size, mask.shape, strict=True)
    )
    return np.asarray(mask[rows[:, None], columns[None, :]])


def ranking(answers: tuple[SheetAnswer | None, ...]) -> tuple[int, ...]:
    """Indices from the best agreement to the worst; equal ones keep their order, None is last."""

    def badness(index: int) -> float:
        answer = answers[index]
        if answer is None:
            return 2.0
        return -answer.agreement if answer.agreement is not None else 0.0

    return tuple(sorted(range(len(answers)), key=badness))


def first_equals(answers: tuple[SheetAnswer | None, ...]) -> tuple[int | None, ...]:
    """For each answer the index of an earlier one with the very same mask, or None."""
    first: dict[bytes, int] = {}
    found: list[int | None] = []
    for index, answer in enumerate(answers):
        if answer is None:
            found.append(None)
            continue
        known = first.setdefault(answer.mask_digest, index)
        found.append(None if known == index else known)
    return tuple(found)
