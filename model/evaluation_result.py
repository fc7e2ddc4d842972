"""What an evaluation found: one confusion matrix, its scores, one record per image. No Keras.

All scores of the whole are worked out from the one matrix, so they can never contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.data.label_sets import Color

Counts = npt.NDArray[np.int64]
"""(C, C) pixels; rows are the truth, columns the prediction."""

Shares = tuple[float | None, ...]
"""One value of 0..1 per class, None where there is nothing to divide by."""


@dataclass(frozen=True)
class ImageScore:
    """How well one image was predicted. Pixels without a true class count nowhere.

    Attributes:
        key: of the image in its dataset.
        num_pixels: pixels with a true class.
        accuracy: share of them with the right class, 0..1; None when there are none.
        mean_iou: mean IoU over the classes that the truth of this image has; None without any.
        iou: per class; None for a class that neither truth nor prediction has here.
        wrong_pixels: per class, pixels where only one of truth and prediction says this class: what
            the image takes from the IoU of the class over all images.
        seconds: time inside the network and its pre- and post-processing.
    """

    key: str
    num_pixels: int
    accuracy: float | None
    mean_iou: float | None
    iou: Shares
    wrong_pixels: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a network on a number of images. Equal when all fields are.

    Attributes:
        dataset_name: what was scored on.
        class_names: one per class of the dataset.
        class_colors: one per class.
        confusion: (C, C) int64, read-only: pixels by true class (row) and predicted class (column),
            over all pixels of all images that have a true class.
        images: one record per image, in the order of scoring.
    """

    dataset_name: str
    class_names: tuple[str, ...]
    class_colors: tuple[Color, ...]
    confusion: Counts
    images: tuple[ImageScore, ...]

    def __post_init__(self) -> None:
        size = len(self.class_names)
        if self.confusion.shape != (size, size) or len(self.class_colors) != size:
            raise ValueError(
                f"{size} class names, {len(self.class_colors)} colours and a confusion matrix of "
                f"{self.confusion.shape}: these do not fit."
            )
        frozen = np.array(self.confusion, np.int64)
        frozen.setflags(write=False)
        object.__setattr__(self, "confusion", frozen)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        matrix = self.confusion.tobytes()
        return self.dataset_name, self.class_names, self.class_colors, matrix, self.images

    @property
    def num_classes(self) -> int:
        """Classes of the dataset, whether they occur or not."""
        return len(self.class_names)

    @property
    def total_pixels(self) -> int:
        """Pixels with a true class, over all images."""
        return int(self.confusion.sum())

    @property
    def true_pixels(self) -> tuple[int, ...]:
        """Pixels of each class in the truth."""
        return tuple(int(n) for n in self.confusion.sum(axis=1))

    @property
    def predicted_pixels(self) -> tuple[int, ...]:
        """Pixels that were given each class, of those that have a true class."""
        return tuple(int(n) for n in self.confusion.sum(axis=0))

    @property
    def iou(self) -> Shares:
        """Per class TP / (TP + FP + FN); None for a class in neither truth nor prediction."""
        return iou_of(self.confusion)

    @property
    def precision(self) -> Shares:
        """Per class TP / (TP + FP); None for a class that was never predicted."""
        return _divided(np.diagonal(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Shares:
        """Per class TP / (TP + FN); None for a class that the truth never has."""
        return _divided(np.diagonal(self.confusion), self.confusion.sum(axis=1))

    @property
    def accuracy(self) -> float:
        """Share of all counted pixels with the right class; 0 without any."""
        return float(np.trace(self.confusion) / self.total_pixels) if self.total_pixels else 0.0

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that occur in truth or prediction; 0 without any."""
        return _mean(self.iou)

    @property
    def num_scored_classes(self) -> int:
        """How many classes `mean_iou` is the mean of."""
        return sum(value is not None for value in self.iou)

    @property
    def mean_accuracy(self) -> float:
        """Mean recall over the classes that the truth has; 0 without any."""
        return _mean(self.recall)

    @property
    def frequency_weighted_iou(self) -> float:
        """Mean IoU with each class weighted by its share of the true pixels; 0 without any."""
        pairs = zip(self.true_pixels, self.iou, strict=True)
        weighted = sum(pixels * (iou or 0.0) for pixels, iou in pairs)
        return weighted / self.total_pixels if self.total_pixels else 0.0

    @property
    def seconds_per_image(self) -> float:
        """Mean time inside the network per image; 0 without images."""
        total = sum(image.seconds for image in self.images)
        return total / len(self.images) if self.images else 0.0


def score_image(key: str, counts: Counts, seconds: float) -> ImageScore:
    """Scores one image from its own confusion matrix.

    Args:
        key: of the image.
        counts: (C, C) int64, rows are the truth.
        seconds: inside the network.
    """
    hits, true = np.diagonal(counts), counts.sum(axis=1)
    iou, total = iou_of(counts), int(counts.sum())
    present = tuple(value for value, pixels in zip(iou, true, strict=True) if pixels)
    return ImageScore(
        key=key,
        num_pixels=total,
        accuracy=float(hits.sum() / total) if total else None,
        mean_iou=_mean(present) if present else None,
        iou=iou,
        wrong_pixels=tuple(int(n) for n in true + counts.sum(axis=0) - 2 * hits),
        seconds=seconds,
    )


def worst_images(
    evaluation: Evaluation, class_index: int | None = None, *, count: int | None = None
) -> tuple[ImageScore, ...]:
    """The images that were predicted worst, worst first.

    Without a class the lowest mean IoU comes first. For one class it is the most wrong pixels: they
    are what the image takes from the class's IoU, while the IoU inside one image says more about
    how few pixels of the class it has. Images that have nothing of the class wrong are left out.

    Args:
        evaluation: the scores.
        class_index: of one class, or None for all together.
        count: at most so many; None gives all.

    Raises:
        ValueError: there is no such class.
    """
    if class_index is None:
        scored = [(image.mean_iou, image.key, image) for image in evaluation.images
                  if image.mean_iou is not None]  # fmt: skip
        return tuple(image for _, _, image in sorted(scored, key=lambda row: row[:2]))[:count]
    if not 0 <= class_index < evaluation.num_classes:
        raise ValueError(f"class {class_index}; only 0 to {evaluation.num_classes - 1} exist")
    wrong = [image for image in evaluation.images if image.wrong_pixels[class_index]]
    wrong.sort(key=lambda image: (-image.wrong_pixels[class_index], image.key))
    return tuple(wrong)[:count]


def iou_of(counts: Counts) -> Shares:
    """Intersection over union per class of a (C, C) confusion matrix; None where the union is 0."""
    hits = np.diagonal(counts)
    return _divided(hits, counts.sum(axis=1) + counts.sum(axis=0) - hits)


def _divided(part: Counts, whole: Counts) -> Shares:
    return tuple(float(p / w) if w else None for p, w in zip(part, whole, strict=True))


def _mean(values: Shares) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0
