"""What a training from scratch minimises and reports: void never counts. Imports Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.data.label_sets import IGNORE

_TINY = 1e-7

_OVERLAP_STRIDE = 2
"""Of rows and columns whose overlap is counted; sorting them is what takes time."""

ACCURACY_STRIDE = 2
"""Of rows and columns whose accuracy a training tells; it teaches nothing."""


class LabelledCrossentropy(keras.losses.Loss):
    """Cross-entropy over class indices where 255 never counts; classes may weigh differently.

    The mean is over what counts, so that an image that is mostly void teaches as much as others.

    Weights make rare classes teach more; alone, they would also make them be answered more often
    than they are there. So each class' score is raised by the logarithm of its weight for the loss
    only: what the network itself answers stays the probability of each class. Source: Menon et
    al., "Long-tail learning via logit adjustment", 2021, with the weights in place of the shares.
    """

    def __init__(
        self,
        num_classes: int,
        label_smoothing: float = 0.0,
        weights: npt.NDArray[np.float32] | None = None,
        *,
        from_logits: bool = False,
    ) -> None:
        """Nothing is computed yet.

        Args:
            num_classes: channels of the answers.
            label_smoothing: share of certainty that is spread over all classes, 0..1.
            weights: (C,), one per class, or None for 1.
            from_logits: the answers are scores before the softmax, which costs less and stays
                exact where a probability would be rounded to nothing.
        """
        super().__init__(name="labelled_crossentropy", reduction=None)
        self._num_classes, self._smoothing = num_classes, label_smoothing
        self._weights = np.ones(num_classes, np.float32) if weights is None else weights
        self._is_weighted = weights is not None
        self._from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Indices (N, H, W) and answers (N, H, W, C) to one number."""
        ops = keras.ops
        classes = ops.cast(y_true, "int32")
        is_known = ops.not_equal(classes, IGNORE)
        classes = ops.where(is_known, classes, 0)  # for 255 torch fails
        weight = ops.take(ops.convert_to_tensor(self._weights), classes)
        weight = weight * ops.cast(is_known, "float32")
        loss = self._cross_entropy(classes, ops.cast(y_pred, "float32"))
        return ops.sum(loss * weight) / ops.maximum(ops.sum(weight), 1.0)

    def _cross_entropy(self, classes: Any, answers: Any) -> Any:
        """(N, H, W), of truths that are certain but for the smoothing."""
        ops = keras.ops
        if not self._from_logits:
            answers = ops.log(ops.maximum(answers, _TINY))
        if self._is_weighted:
            answers = answers + ops.convert_to_tensor(np.log(self._weights))
        # A constant added to all scores changes nothing, so logarithms will do for scores.
        loss = ops.sparse_categorical_crossentropy(classes, answers, from_logits=True)
        if not self._smoothing:
            return loss
        spread = ops.logsumexp(answers, axis=-1) - ops.mean(answers, axis=-1)
        return (1 - self._smoothing) * loss + self._smoothing * spread


class LovaszSoftmax(keras.losses.Loss):
    """How little answers and truth overlap: 1 - IoU of the batch, the mean over its classes.

    The piecewise linear extension of IoU to probabilities, which has a gradient at every pixel.
    Classes that the batch does not show are left out, and so are pixels of 255. Source: Berman,
    Rannen Triki and Blaschko, "The Lovász-Softmax loss", 2018, over a batch and "present" classes.
    """

    def __init__(self, num_classes: int, *, from_logits: bool = False) -> None:
        """Nothing is computed yet.

        Args:
            num_classes: channels of the answers.
            from_logits: the answers are scores before the softmax.
        """
        super().__init__(name="lovasz_softmax", reduction=None)
        self._num_classes, self._from_logits = num_classes, from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Indices (N, H, W) and answers (N, H, W, C) to one number, 0 to 1."""
        ops = keras.ops
        classes = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        answers = ops.reshape(ops.cast(y_pred, "float32"), (-1, self._num_classes))
        if self._from_logits:
            answers = ops.softmax(answers, axis=-1)
        is_known = ops.not_equal(classes, IGNORE)
        counts = ops.expand_dims(ops.cast(is_known, "float32"), -1)
        truth = ops.one_hot(ops.where(is_known, classes, 0), self._num_classes) * counts
        # (C, pixels): pixels that do not count are no mistakes, and so come last and add nothing.
        mistakes = ops.transpose(ops.abs(truth - answers) * counts)
        truth = ops.transpose(truth)
        order = ops.argsort(ops.stop_gradient(-mistakes), axis=-1)
        mistakes = ops.take_along_axis(mistakes, order, axis=-1)
        per_class = ops.sum(mistakes * _lovasz_gradient(truth, order), axis=-1)
        is_present = ops.cast(ops.any(truth > 0, axis=-1), "float32")
        return ops.sum(per_class * is_present) / ops.maximum(ops.sum(is_present), 1.0)


def _lovasz_gradient(truth: Any, order: Any) -> Any:
    """By how much 1 - IoU grows with each further mistake, the gravest first; (C, pixels)."""
    ops = keras.ops
    truth = ops.take_along_axis(truth, order, axis=-1)
    num_true = ops.sum(truth, axis=-1, keepdims=True)
    intersection = num_true - ops.cumsum(truth, axis=-1)
    union = num_true + ops.cumsum(1.0 - truth, axis=-1)
    loss = 1.0 - intersection / ops.maximum(union, 1.0)
    return ops.stop_gradient(ops.concatenate([loss[:, :1], loss[:, 1:] - loss[:, :-1]], axis=-1))


class CrossentropyWithOverlap(keras.losses.Loss):
    """The sum of both losses; overlap on every second row and column."""

    def __init__(self, cross_entropy: LabelledCrossentropy, overlap: LovaszSoftmax) -> None:
        super().__init__(name="crossentropy_with_overlap", reduction=None)
        self._cross_entropy, self._overlap = cross_entropy, overlap

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Indices (N, H, W) and answers (N, H, W, C) to one number."""
        step = _OVERLAP_STRIDE
        overlap = self._overlap.call(y_true[:, ::step, ::step], y_pred[:, ::step, ::step])
        return self._cross_entropy.call(y_true, y_pred) + overlap


class LabelledAccuracy(keras.metrics.Metric):
    """Share of right pixels among those that are not 255."""

    def __init__(self, name: str = "accuracy", *, stride: int = 1) -> None:
        """Counts nothing yet.

        Args:
            name: what logs call it.
            stride: of the rows and columns that are looked at; looking for the largest answer at
                all places took 3 to 10 % of a training step.
        """
        super().__init__(name=name)
        self._stride = stride
        self._num_right = self.add_weight(name="right", initializer="zeros")
        self._num_all = self.add_weight(name="all", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch."""
        ops, step = keras.ops, self._stride
        truth = ops.cast(y_true[:, ::step, ::step], "int32")
        y_pred = y_pred[:, ::step, ::step]
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
