"""Batch normalisation in one operation of TensorFlow, for training. Imports Keras.

Keras normalises with separate operations: mean, squared difference, product, sum, each of which
reads and writes all activations, in float32 even where the network calculates in bfloat16. On a CPU
they took half of a training step. TensorFlow has one operation for all of it, with a gradient.

That operation is fast where the channels fill the vectors of the processor, and two to twenty-five
times slower than its parts elsewhere. Measured for 8 x 288 x 384 pixels (half of that size from 20
channels on), forth and back, oneDNN, two cores with AVX-512, milliseconds, one operation / parts:
float32 with 8 channels 16 / 73, 10: 275 / 87, 16: 32 / 116, 20: 41 / 38, 24: 28 / 35; bfloat16 with
8 channels 402 / 69, 16: 35 / 160, 24: 220 / 47, 32: 20 / 67, 40: 224 / 88, 48: 29 / 139.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from model.replaced_calls import replaced_calls

_FILLED = {"float32": 8, "bfloat16": 16}
"""Channels must be a multiple of these for the operation to be fast."""


@contextlib.contextmanager
def fused_normalization(network: keras.Model) -> Iterator[None]:
    """While it lasts, what is traced of the network for training normalises in one operation.

    Nothing changes with another backend, for layers that are frozen, or outside of training.

    Args:
        network: changed within the context and as before after it; inner networks are looked
            through, and nobody else may use it there.
    """
    layers = [
        layer for layer in network._flatten_layers(include_self=False) if _can_be_fused(layer)
    ]
    if keras.backend.backend() != "tensorflow":
        layers = []
    with replaced_calls(layers, "call", _call):
        yield


def _can_be_fused(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization and layer.built
        and layer.center and layer.scale and layer.axis in (-1, 3)
        and layer.input_spec.ndim == 4 and not layer.synchronized
        and layer.gamma.shape[0] % _FILLED["float32"] == 0
    )  # fmt: skip


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """``layer.call`` for batches in training; all others go the ordinary way."""
    if not training or not layer.trainable or mask is not None:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    import tensorflow as tf

    own_dtype = inputs.dtype
    if layer.gamma.shape[0] % _FILLED.get(own_dtype.name, 1):
        inputs = tf.cast(inputs, tf.float32)
    nothing = tf.constant([], tf.float32)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=layer.gamma.value, offset=layer.beta.value, mean=nothing, variance=nothing,
        epsilon=layer.epsilon, is_training=True,
    )  # fmt: skip
    # It answers the estimate of a population's variance; Keras keeps that of the batch itself.
    count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
    variance *= (count - 1.0) / count
    rest = 1.0 - layer.momentum
    layer.moving_mean.assign(layer.moving_mean * layer.momentum + mean * rest)
    layer.moving_variance.assign(layer.moving_variance * layer.momentum + variance * rest)
    return tf.cast(outputs, own_dtype)
