"""What a training from scratch minimises and reports: void never counts. Imports Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.data.label_sets import IGNORE

_TINY = 1e-7


class LabelledCrossentropy(keras.losses.Loss):
    """Cross-entropy over class indices where 255 never counts; classes may weigh differently.

    The mean is over what counts, so that an image that is mostly void teaches as much as others.
    """

    def __init__(
        self,
        num_classes: int,
        label_smoothing: float = 0.0,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Weights are one per class, or None for 1."""
        super().__init__(name="labelled_crossentropy", reduction=None)
        self._num_classes, self._smoothing = num_classes, label_smoothing
        self._weights = np.ones(num_classes, np.float32) if weights is None else weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Indices (N, H, W) and probabilities (N, H, W, C) to one number."""
        ops = keras.ops
        classes = ops.cast(y_true, "int32")
        # Every backend answers zeros for -1; for 255 torch fails.
        classes = ops.where(classes == IGNORE, -1, classes)
        truth = ops.one_hot(classes, self._num_classes, dtype="float32")
        weight = ops.matmul(truth, ops.convert_to_tensor(self._weights))  # 0 where it is 255
        if self._smoothing:
            truth = truth * (1 - self._smoothing) + self._smoothing / self._num_classes
        loss = -ops.sum(truth * ops.log(ops.maximum(y_pred, _TINY)), axis=-1)
        return ops.sum(loss * weight) / ops.maximum(ops.sum(weight), 1.0)


class LabelledAccuracy(keras.metrics.Metric):
    """Share of right pixels among those that are not 255."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name=name)
        self._num_right = self.add_weight(name="right", initializer="zeros")
        self._num_all = self.add_weight(name="all", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch."""
        ops = keras.ops
        truth = ops.cast(y_true, "int32")
        counts = ops.cast(truth != IGNORE, "float32")
        is_right = ops.cast(ops.cast(ops.argmax(y_pred, axis=-1), "int32") == truth, "float32")
        self._num_right.assign_add(ops.sum(is_right * counts))
        self._num_all.assign_add(ops.sum(counts))

    def result(self) -> Any:
        """Share, 0 without any pixel."""
        return self._num_right / keras.ops.maximum(self._num_all, 1.0)


def class_weights(class_pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """1 / log(1.10 + share of the class), scaled so that a mean pixel weighs 1.

    Source: Paszke et al., "ENet", 2016, with 1.10 for their 1.02: milder.
    """
    shares = class_pixels / max(1, int(class_pixels.sum()))
    weights = 1.0 / np.log(1.10 + shares)
    result: npt.NDArray[np.float32] = (weights / (weights * shares).sum()).astype(np.float32)
    return result
