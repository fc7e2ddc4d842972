"""The pictures of a report: which images, and each as photo, truth, prediction, difference."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import encode_mask
from model.engine.protocol import CancelToken
from model.errors import CancelledError
from model.evaluate_dataset import (
    ItemType,
    LabelledImages,
    PixelPredictor,
    predict_surely,
    read_pair,
)
from model.evaluation_result import Evaluation, ImageScore, worst_images

Role = Literal["best", "typical", "worst"]

WRONG_COLOR = (214, 40, 40)
VOID_COLOR = (20, 20, 20)

_MOST_PIXELS_WIDE = 960
_NUM_GRAYS = 48
_JPEG_QUALITY = 86


@dataclass(frozen=True, eq=False)
class ReportPicture:
    """One image of a report, with what should be there and what was predicted.

    Attributes:
        role: why it is shown.
        score: of this image.
        pixels: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8 class indices, 255 = ignore.
        predicted: (H, W) uint8 class indices.
    """

    role: Role
    score: ImageScore
    pixels: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    predicted: npt.NDArray[np.uint8]


def choose_pictures(evaluation: Evaluation, *, count: int = 6) -> tuple[tuple[Role, str], ...]:
    """Chooses images by their mean IoU: as many of the best, from the middle and of the worst.

    Never only the best: a report must show what goes wrong.

    Args:
        evaluation: the scores.
        count: images at most; rounded down to a multiple of 3.

    Returns:
        Role and key, best first, each image once.
    """
    keys = [score.key for score in reversed(worst_images(evaluation))]
    each = count // 3
    if len(keys) <= 3 * each:
        thirds = [i * 3 // len(keys) for i in range(len(keys))]
        roles: tuple[Role, ...] = ("best", "typical", "worst")
        return tuple((roles[third], key) for third, key in zip(thirds, keys, strict=True))
    middle = (len(keys) - each) // 2
    return (
        *(("best", key) for key in keys[:each]),
        *(("typical", key) for key in keys[middle : middle + each]),
        *(("worst", key) for key in keys[len(keys) - each :]),
    )


def make_pictures(
    predictor: PixelPredictor,
    dataset: LabelledImages[ItemType],
    items: Sequence[ItemType],
    evaluation: Evaluation,
    *,
    is_cancelled: CancelToken,
    count: int = 6,
) -> tuple[ReportPicture, ...]:
    """Reads and predicts the chosen images once more: keeping all of them would cost memory.

    Args:
        predictor: the network of ``evaluation``.
        dataset: gives images and true masks.
        items: those that were scored.
        evaluation: the scores.
        is_cancelled: asked before each image.
        count: images at most.

    Raises:
        CancelledError: ``is_cancelled`` said so.
        ImageError, MaskError, EngineError: an image cannot be read or predicted any more.
    """
    item_of = {item.key: item for item in items}
    score_of = {score.key: score for score in evaluation.images}
    pictures = []
    for role, key in choose_pictures(evaluation, count=count):
        if is_cancelled():
            raise CancelledError
        pixels, truth = read_pair(dataset, item_of[key])
        predicted = predict_surely(predictor, pixels, is_cancelled).classes
        pictures.append(ReportPicture(role, score_of[key], pixels, truth, predicted))
    return tuple(pictures)


def panes(picture: ReportPicture, label_set: LabelSet) -> tuple[tuple[str, str], ...]:
    """Name and data URI of photo, truth, prediction and difference, made smaller where too wide."""
    step = -(-picture.pixels.shape[1] // _MOST_PIXELS_WIDE)
    truth, predicted = picture.truth[::step, ::step], picture.predicted[::step, ::step]
    photo = Image.fromarray(picture.pixels)
    if step > 1:
        photo = photo.resize((truth.shape[1], truth.shape[0]), Image.Resampling.LANCZOS)
    gray = np.asarray(photo.convert("L"))
    return (
        ("Image", _uri("jpeg", _jpeg(photo))),
        ("Truth", _uri("png", encode_mask(truth, label_set))),
        ("Prediction", _uri("png", encode_mask(predicted, label_set))),
        ("Difference", _uri("png", difference_png(gray, truth, predicted))),
    )


def difference_png(
    gray: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.uint8],
) -> bytes:
    """A pale gray photo with wrong pixels in red, and void, which never counts, almost black.

    Args:
        gray: (H, W) uint8 brightness.
        truth: (H, W) uint8 class indices, 255 = ignore.
        predicted: (H, W) uint8 class indices.

    Returns:
        A palette PNG.
    """
    indices = (gray.astype(np.uint16) * (_NUM_GRAYS - 1) // 255).astype(np.uint8)
    is_void = truth == IGNORE
    indices[(truth != predicted) & ~is_void] = _NUM_GRAYS
    indices[is_void] = _NUM_GRAYS + 1
    grays = np.linspace(90, 245, _NUM_GRAYS).round().astype(np.uint8)
    colors = [*np.repeat(grays, 3).tolist(), *WRONG_COLOR, *VOID_COLOR]
    image = Image.fromarray(indices)
    image.putpalette(colors)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _jpeg(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
