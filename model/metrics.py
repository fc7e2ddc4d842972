"""How well masks agree: one confusion matrix over all counted pixels. Imports no Keras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.data.label_sets import IGNORE
from model.engine.protocol import Scores


class ConfusionMatrix:
    """Counts (true class, predicted class) pairs over any number of images.

    One matrix over all pixels, not a mean of per-image scores: a class that covers 20 pixels of one
    image must not weigh as much there as a class that covers the image.

    Attributes:
        counts: (num_classes, num_classes) int64; rows are the truth, columns the prediction.
    """

    def __init__(self, num_classes: int) -> None:
        if num_classes < 1:
            raise ValueError(f"num_classes is {num_classes}; at least 1 is needed")
        self.counts: npt.NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)

    @property
    def num_classes(self) -> int:
        """Classes that are told apart."""
        return len(self.counts)

    def add(
        self,
        truth: npt.NDArray[np.uint8],
        predicted: npt.NDArray[np.uint8],
        *,
        counted: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Adds the pixels of one image.

        Args:
            truth: (H, W) uint8 class indices, 255 = ignore: never counted.
            predicted: (H, W) uint8 class indices, each below ``num_classes``.
            counted: (H, W) bool, further limits what counts; None counts all.

        Raises:
            ValueError: the shapes differ, or a counted pixel holds no known class.
        """
        if truth.shape != predicted.shape:
            raise ValueError(f"truth is {truth.shape}, the prediction is {predicted.shape}")
        valid = truth != IGNORE
        if counted is not None:
            valid &= counted
        true_classes = truth[valid].astype(np.intp)
        predicted_classes = predicted[valid].astype(np.intp)
        largest = max(true_classes.max(initial=0), predicted_classes.max(initial=0))
        if largest >= self.num_classes:
            raise ValueError(f"class {largest} found; only 0 to {self.num_classes - 1} exist")
        pairs = true_classes * self.num_classes + predicted_classes
        self.counts += np.bincount(pairs, minlength=self.counts.size).reshape(self.counts.shape)

    def scores(self) -> Scores:
        """Accuracy, IoU per class, and their mean over the classes that occur at all.

        Without a single counted pixel accuracy and mean IoU are 0.
        """
        hits = np.diagonal(self.counts)
        true_pixels = self.counts.sum(axis=1)
        unions = true_pixels + self.counts.sum(axis=0) - hits
        iou = tuple(float(h / u) if u else None for h, u in zip(hits, unions, strict=True))
        known = [value for value in iou if value is not None]
        total = int(true_pixels.sum())
        return Scores(
            accuracy=float(hits.sum() / total) if total else 0.0,
            mean_iou=float(np.mean(known)) if known else 0.0,
            iou=iou,
            num_pixels=tuple(int(n) for n in true_pixels),
        )
