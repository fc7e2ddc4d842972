"""Scoring a network on the images of a dataset, at their own size. Imports no Keras.

The network is anything with the engine's ``predict``, in this process or in another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from model.data.label_sets import LabelSet
from model.engine.protocol import CancelToken, Prediction
from model.errors import CancelledError, EngineDiedError, LabelSetError, MaskError, SegguiError
from model.evaluation_result import Evaluation, ImageScore, score_image
from model.metrics import ConfusionMatrix

Mask = npt.NDArray[np.uint8]
"""(H, W) uint8 class indices, 255 = ignore."""


class PixelPredictor(Protocol):
    """Predicts the classes of one image, as ``model.engine.protocol.Engine`` does."""

    def predict(
        self, pixels: npt.NDArray[np.uint8], *, is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts (H, W, 3) uint8 pixels at their own size."""
        ...


class Item(Protocol):
    """One labelled image; only its name is needed here."""

    @property
    def key(self) -> str:
        """Names the image in its dataset."""
        ...


ItemType = TypeVar("ItemType", bound=Item)
ItemTaken_contra = TypeVar("ItemTaken_contra", bound=Item, contravariant=True)


class LabelledImages(Protocol[ItemTaken_contra]):
    """Where images and true masks come from; ``model.data.datasets`` has the real ones."""

    @property
    def name(self) -> str:
        """What people call the dataset."""
        ...

    @property
    def label_set(self) -> LabelSet:
        """The classes that the masks hold."""
        ...

    def read_image(self, item: ItemTaken_contra, /) -> npt.NDArray[np.uint8]:
        """Reads (H, W, 3) uint8 RGB."""
        ...

    def read_mask(self, item: ItemTaken_contra, /) -> Mask:
        """Reads (H, W) uint8 indices of the label set, 255 = ignore."""
        ...


@dataclass(frozen=True)
class ImageEvaluated:
    """Sent after every image.

    Attributes:
        number: 1 for the first.
        total: images to score.
        score: of this image.
        so_far: of all images up to this one.
    """

    number: int
    total: int
    score: ImageScore
    so_far: Evaluation


def evaluate_dataset(
    predictor: PixelPredictor,
    dataset: LabelledImages[ItemType],
    items: Sequence[ItemType],
    *,
    is_cancelled: CancelToken,
    on_image: Callable[[ImageEvaluated], None] | None = None,
) -> Evaluation:
    """Scores a network on labelled images: one confusion matrix over all their labelled pixels.

    Images are read one at a time. One that cannot be read or predicted ends the evaluation: scores
    of the others alone would be taken for those of the whole dataset.

    Args:
        predictor: the network; its class ``i`` is class ``i`` of the dataset.
        dataset: gives images and true masks.
        items: which images; at least one.
        is_cancelled: asked before each image and by the predictor between tiles.
        on_image: called after each image, in the calling thread.

    Raises:
        CancelledError: ``is_cancelled`` said so.
        ImageError: an image cannot be read.
        MaskError: a mask cannot be read, or has another size than its image.
        LabelSetError: the network predicted a class that the dataset does not have.
        EngineError: the network failed on an image.
        SegguiError: there is no image to score, or no pixel with a class.
    """
    if not items:
        raise SegguiError(
            f"There is no image of {dataset.name} to score.",
            remedy="Choose another part of the dataset, or another folder.",
        )
    classes = dataset.label_set.classes
    total = ConfusionMatrix(len(classes))
    scores: list[ImageScore] = []

    def result() -> Evaluation:
        names, colors = tuple(c.name for c in classes), tuple(c.color for c in classes)
        return Evaluation(dataset.name, names, colors, total.counts, tuple(scores))

    for item in items:
        if is_cancelled():
            raise CancelledError
        pixels, truth = read_pair(dataset, item)
        prediction = predict_surely(predictor, pixels, is_cancelled)
        matrix = count_image(truth, prediction.classes, dataset.label_set, item.key)
        total.counts += matrix.counts
        scores.append(score_image(item.key, matrix.counts, prediction.seconds))
        if on_image is not None:
            on_image(ImageEvaluated(len(scores), len(items), scores[-1], result()))
    return _with_pixels(result())


def read_pair(
    dataset: LabelledImages[ItemType], item: ItemType
) -> tuple[npt.NDArray[np.uint8], Mask]:
    """Reads an image and its true mask.

    Raises:
        ImageError: the image cannot be read.
        MaskError: the mask cannot be read, or its size is not the image's.
    """
    pixels, truth = dataset.read_image(item), dataset.read_mask(item)
    if pixels.shape[:2] != truth.shape:
        (height, width), (mask_height, mask_width) = pixels.shape[:2], truth.shape
        raise MaskError(
            f"The mask of {item.key} has {mask_width} x {mask_height} pixels, its image "
            f"{width} x {height}; equal sizes were expected.",
            remedy="Correct the pair or take it out of the dataset, then evaluate again.",
        )
    return pixels, truth


def predict_surely(
    predictor: PixelPredictor, pixels: npt.NDArray[np.uint8], is_cancelled: CancelToken
) -> Prediction:
    """Predicts one image, once more when the engine's process was killed meanwhile.

    Raises:
        EngineDiedError: it died twice at this image.
        EngineError: the network failed on this image.
        CancelledError: ``is_cancelled`` said so.
    """
    try:
        return predictor.predict(pixels, is_cancelled=is_cancelled)
    except EngineDiedError:
        return predictor.predict(pixels, is_cancelled=is_cancelled)


def count_image(truth: Mask, predicted: Mask, label_set: LabelSet, key: str) -> ConfusionMatrix:
    """Counts the pixels of one image by true and predicted class.

    Raises:
        MaskError: the truth holds a class that the label set lacks.
        LabelSetError: the prediction does.
    """
    matrix = ConfusionMatrix(len(label_set))
    largest = int(predicted.max(initial=0))
    if largest >= matrix.num_classes:
        raise LabelSetError(
            f"The network predicted class {largest} in {key}, but {label_set.name} only has the "
            f"classes 0 to {matrix.num_classes - 1}.",
            remedy="Choose a network for these classes, or leave out those of its classes that "
            "the dataset does not have.",
        )
    try:
        matrix.add(truth, predicted)
    except ValueError as error:
        raise MaskError(f"The mask of {key} cannot be scored: {error}.") from error
    return matrix


def _with_pixels(evaluation: Evaluation) -> Evaluation:
    if evaluation.total_pixels:
        return evaluation
    raise SegguiError(
        f"None of the {len(evaluation.images)} images of {evaluation.dataset_name} has a pixel "
        "with a class: there is nothing to score.",
        remedy="Check that the masks belong to this label set.",
    )
