"""Fused normalisation: the numbers of Keras, in training only, and nothing left behind."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.bfloat16 import computing_in_bfloat16
from model.fused_normalization import fused_normalization
from tests.unit import zoo

pytestmark = [
    zoo.keras_warnings,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="it is one operation of TensorFlow's"
    ),
]

IMAGES = np.random.default_rng(0).normal(3, 2, (4, 6, 5, 3)).astype(np.float32)
TARGETS = np.random.default_rng(1).normal(0, 1, (4, 6, 5, 2)).astype(np.float32)


def network(num_channels: int = 8, **options) -> keras.Model:
    keras.utils.set_random_seed(7)
    inputs = keras.Input((6, 5, 3))
    x = layers.Conv2D(num_channels, 3, padding="same")(inputs)
    x = layers.BatchNormalization(momentum=0.8, name="bn", **options)(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1)(layers.ReLU()(x)))
    model.get_layer("bn").trainable = True
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    return model


def trained(model: keras.Model, *, num_steps: int = 3) -> list[np.ndarray]:
    for _ in range(num_steps):
        model.train_on_batch(IMAGES, TARGETS)
    return model.get_weights()


def operations(model: keras.Model) -> dict[str, Any]:
    """The types of the operations of a traced step, each with what one of them gives."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def step(images):
        return model(images, training=True)

    graph = step.get_concrete_function(tf.TensorSpec(IMAGES.shape)).graph
    return {op.type: op.outputs[0].dtype.name for op in graph.get_operations() if op.outputs}


def test_steps_lead_to_the_weights_and_statistics_that_keras_gives() -> None:
    expected = trained(network())
    model = network()
    with fused_normalization(model):
        found = trained(model)

    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=2e-5)


def test_it_is_one_operation_within_and_those_of_keras_afterwards() -> None:
    model = network()
    with fused_normalization(model):
        assert "FusedBatchNormV3" in operations(model)

    assert "FusedBatchNormV3" not in operations(model)
    assert "call" not in vars(model.get_layer("bn"))


def test_an_error_within_leaves_the_network_as_it_was() -> None:
    model = network()
    with pytest.raises(KeyError), fused_normalization(model):
        raise KeyError

    assert "call" not in vars(model.get_layer("bn"))


def test_predictions_within_use_the_statistics_of_training() -> None:
    model = network()
    trained(model)
    expected = model.predict_on_batch(IMAGES[:1])

    with fused_normalization(model):
        model.make_predict_function(force=True)
        np.testing.assert_allclose(model.predict_on_batch(IMAGES[:1]), expected, atol=1e-6)


def test_a_frozen_layer_keeps_its_statistics() -> None:
    model = network()
    model.get_layer("bn").trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    before = model.get_layer("bn").get_weights()

    with fused_normalization(model):
        trained(model)

    for one, other in zip(before, model.get_layer("bn").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("num_channels", "dtype"), [(8, "float32"), (16, "bfloat16")])
def test_in_bfloat16_the_operation_gets_what_it_is_fast_for(num_channels: int, dtype: str) -> None:
    """With 8 channels of bfloat16 it takes twenty-five times as long as with float32."""
    model = network(num_channels)
    with computing_in_bfloat16(model), fused_normalization(model):
        assert operations(model)["FusedBatchNormV3"] == dtype
        outputs = model.get_layer("bn")(np.ones((1, 6, 5, num_channels)), training=True)
        assert outputs.dtype.name == "bfloat16"


@pytest.mark.parametrize("options", [
    {"scale": False}, {"center": False}, {"axis": 1}, {"num_channels": 12},
])  # fmt: skip
def test_what_the_operation_cannot_do_is_left_to_keras(options) -> None:
    expected = trained(network(**options))
    model = network(**options)
    with fused_normalization(model):
        assert "FusedBatchNormV3" not in operations(model)
        found = trained(model)

    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)


def test_inner_networks_are_looked_through() -> None:
    inner = network()
    inputs = keras.Input((6, 5, 3))
    outer = keras.Model(inputs, inner(inputs))

    with fused_normalization(outer):
        assert "FusedBatchNormV3" in operations(outer)
