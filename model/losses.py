"""The fine-tuning loss: trusted pixels teach, untouched pixels hold the old answer, void is silent.

Written with ``keras.ops`` only, so it works with every Keras backend. Imports Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from model.engine.protocol import Activation

NUM_PACKED = 3
"""Channels of a target before the old network's answer: class, trusted weight, keep weight."""

KEEP_SCALE = 12.0
"""Weight of the old answers at ``keep_old_answers`` = 1, where the trusted pixels have 1.

Measured on CamVid (ten frames of another drive, 60 s of brush each): at weight 1 the drives of the
base lost 3.3 points of mean IoU and the new drive won 4.8; at 3 they lost 0.7 for 4.5; at 6, with
three times the learning rate, 0.5 for 7.3.
"""

# Softmax gradients stay exact down to this probability in float32. With the usual 1e-7 a pixel
# that the network gets wrong with full confidence would have no gradient: the one to learn from.
_TINY = 1e-30
# 1 - p of a float32 sigmoid has no smaller step than this.
_SIGMOID_TINY = 1e-7


def pack_target(
    classes: npt.NDArray[np.uint8],
    trusted_weight: npt.NDArray[np.float32],
    keep_weight: npt.NDArray[np.float32],
    old_answer: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Packs what the loss needs into one array, since Keras hands a loss one target.

    Args:
        classes: (N, H, W) uint8 class indices; anything, where the trusted weight is 0.
        trusted_weight: (N, H, W) float32, 0 where the class must not count.
        keep_weight: (N, H, W) float32, 0 where the old answer must not count.
        old_answer: (N, H, W, C) float32, what the old network put out, activation included.

    Returns:
        (N, H, W, 3 + C) float32.
    """
    # Where nothing is trusted the class may be 255; one-hot of that is harmless only by luck.
    safe = np.where(trusted_weight > 0, classes, 0).astype(np.float32)
    head = np.stack([safe, trusted_weight, keep_weight], axis=-1)
    return np.concatenate([head, old_answer], axis=-1).astype(np.float32, copy=False)


def answered_classes(
    answer: npt.NDArray[np.float32], activation: Activation
) -> npt.NDArray[np.uint8]:
    """The classes (N, H, W) uint8 that outputs (N, H, W, C) stand for."""
    if answer.shape[-1] > 1:
        best: npt.NDArray[np.uint8] = np.argmax(answer, axis=-1).astype(np.uint8)
        return best
    threshold = 0.0 if activation is Activation.LOGITS else 0.5
    return (answer[..., 0] > threshold).astype(np.uint8)


def make_loss(activation: Activation, *, keep_old_answers: float) -> Callable[[Any, Any], Any]:
    """The loss for a network whose output holds ``activation``.

    loss = sum(trusted weight * cross-entropy) / sum(trusted weight)
    + KEEP_SCALE * keep_old_answers
    * sum(keep weight * divergence from the old answer) / sum(keep weight).
    Each part is divided by its own weight and never by all pixels, so that ten painted pixels teach
    as clearly as ten thousand. A part without any weight is 0.

    Args:
        activation: what the network's output holds.
        keep_old_answers: strength of the second part, 0..1.

    Returns:
        A function of (target, prediction): target (N, H, W, 3 + C) from :func:`pack_target`,
        prediction as :func:`match_size` takes it. Gives a scalar.

    Example:
        >>> loss = make_loss(Activation.SOFTMAX, keep_old_answers=0.5)
        >>> network.compile("adam", loss)
    """
    log_answers = _LOG_ANSWERS[activation]

    def loss(target: Any, prediction: Any) -> Any:
        target = ops.cast(target, "float32")
        size = (int(target.shape[1]), int(target.shape[2]))
        answer = match_size(ops.cast(prediction, "float32"), size)
        yes, no = log_answers(answer)
        truth = _one_hot(target[..., 0], yes.shape[-1])
        value = _mean(_cross_entropy(truth, yes, no), target[..., 1])
        if keep_old_answers:
            old_yes, old_no = log_answers(target[..., NUM_PACKED:])
            divergence = _divergence(old_yes, old_no, yes, no)
            value = value + KEEP_SCALE * keep_old_answers * _mean(divergence, target[..., 2])
        return value

    return loss


def match_size(answer: Any, size: tuple[int, int]) -> Any:
    """Brings answers to the height and width of their target.

    Args:
        answer: (N, h, w, C), or (N, h * w, C) as networks with a final Reshape give; a whole
            fraction of the target's size.
        size: (height, width) of the target.

    Returns:
        (N, height, width, C), bilinear where resized.

    Raises:
        ValueError: a flat answer that does not lie over the target.
    """
    if len(answer.shape) == 3:
        answer = ops.reshape(
            answer, (-1, *_unflattened(int(answer.shape[1]), size), answer.shape[-1])
        )
    if tuple(answer.shape[1:3]) == size:
        return answer
    return ops.image.resize(answer, size, interpolation="bilinear", data_format="channels_last")


def _unflattened(num_rows: int, size: tuple[int, int]) -> tuple[int, int]:
    for stride in (1, 2, 4, 8):
        height, width = size[0] // stride, size[1] // stride
        if height * width == num_rows:
            return height, width
    raise ValueError(f"{num_rows} answers do not lie over {size[0]} x {size[1]} pixels")


def _log_softmax_outputs(answer: Any) -> tuple[Any, None]:
    if answer.shape[-1] == 1:
        return _log_sigmoid_outputs(answer)
    return ops.log(ops.maximum(answer, _TINY)), None


def _log_sigmoid_outputs(answer: Any) -> tuple[Any, Any]:
    return (
        ops.log(ops.maximum(answer, _SIGMOID_TINY)),
        ops.log(ops.maximum(1.0 - answer, _SIGMOID_TINY)),
    )


def _log_logits(answer: Any) -> tuple[Any, Any]:
    if answer.shape[-1] == 1:
        return ops.log_sigmoid(answer), ops.log_sigmoid(-answer)
    return ops.log_softmax(answer, axis=-1), None


# Each gives (log of yes, log of no) per channel; "no" is None where the channels sum to 1.
_LOG_ANSWERS: dict[Activation, Callable[[Any], tuple[Any, Any]]] = {
    Activation.SOFTMAX: _log_softmax_outputs,
    Activation.SIGMOID: _log_sigmoid_outputs,
    Activation.LOGITS: _log_logits,
}


def _one_hot(classes: Any, num_channels: int) -> Any:
    if num_channels == 1:  # one channel: class 1 is the foreground
        return ops.expand_dims(ops.cast(classes > 0.5, "float32"), -1)
    return ops.one_hot(ops.cast(classes, "int32"), num_channels, dtype="float32")


def _cross_entropy(truth: Any, yes: Any, no: Any) -> Any:
    if no is None:
        return -ops.sum(truth * yes, axis=-1)
    return -ops.mean(truth * yes + (1.0 - truth) * no, axis=-1)


def _divergence(old_yes: Any, old_no: Any, yes: Any, no: Any) -> Any:
    """Kullback-Leibler divergence per pixel: 0 where the network still answers as before."""
    value = ops.exp(old_yes) * (old_yes - yes)
    if no is None:
        return ops.sum(value, axis=-1)
    return ops.mean(value + ops.exp(old_no) * (old_no - no), axis=-1)


def _mean(values: Any, weights: Any) -> Any:
    # where(): a stray infinity on a pixel without weight must not become NaN through 0 * inf.
    weighted = ops.where(weights > 0, values * weights, 0.0)
    return ops.sum(weighted) / ops.maximum(ops.sum(weights), 1e-6)
