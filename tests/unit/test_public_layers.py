"""Layers of well-known libraries open without the library, with the library's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from model.errors import ModelFileError
from model.foreign.contents import describe_contents
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo

pytestmark = zoo.keras_warnings


def answer(network: keras.Model, image: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(network(image, training=False)))


class GELU(layers.Layer):
    def call(self, x: Any) -> Any:
        return 0.5 * x * (1.0 + ops.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


class Snake(layers.Layer):
    def __init__(self, beta: float = 0.5, **options: Any) -> None:
        super().__init__(**options)
        self.beta = beta

    def call(self, x: Any) -> Any:
        return x + (1 / self.beta) * ops.square(ops.sin(self.beta * x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}


class FixedDropout(layers.Dropout):
    pass


class InstanceNormalization(layers.Layer):
    """As TensorFlow Addons has it."""

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), name="beta")

    def call(self, x: Any) -> Any:
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        variance = ops.var(x, axis=(1, 2), keepdims=True)
        return (x - mean) / ops.sqrt(variance + 1e-3) * self.gamma + self.beta

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "groups": -1, "axis": -1, "epsilon": 1e-3, "center": True,
            "scale": True,
        }  # fmt: skip


def network_with(layer: layers.Layer) -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(image)
    network = keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(layer(x)))
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 1, w.shape) for w in network.get_weights()])
    return network


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize(
    ("layer", "package", "told"),
    [
        (GELU, "", "GELU 'x': the GELU of keras-unet-collection"),
        (lambda name: Snake(0.7, name=name), "", "Snake 'x': the Snake of keras-unet-collection"),
        (lambda name: FixedDropout(0.3, name=name), "", "FixedDropout 'x': Dropout, as in "),
        (InstanceNormalization, "Addons", "InstanceNormalization 'x': GroupNormalization with"),
    ],
)
def test_it_opens_with_the_numbers_of_the_library(
    tmp_path: Path, layer: Any, package: str, told: str, ending: str
) -> None:
    made = layer(name="x")
    if package:
        keras.saving.register_keras_serializable(package)(type(made))
    try:
        network = network_with(made)
        path = zoo.saved(network, tmp_path, f"model.{ending}")
    finally:
        keras.saving.get_custom_objects().clear()
    image = np.random.default_rng(0).normal(0, 1, (1, 8, 8, 3)).astype(np.float32)

    report = inspect_file(path)
    (replaced,) = describe_contents(report).replaced
    assert replaced.startswith(told)
    ours = open_network(report)
    np.testing.assert_allclose(
        answer(ours, image),
        answer(network, image),
        atol=1e-5,
    )  # fmt: skip
    again = tmp_path / "again.keras"
    ours.save(again)
    np.testing.assert_allclose(
        answer(open_network(inspect_file(again)), image), answer(ours, image), atol=1e-6
    )


def test_the_same_name_of_another_library_is_still_asked_about(tmp_path: Path) -> None:
    keras.saving.register_keras_serializable("mine")(InstanceNormalization)
    try:
        path = zoo.saved(network_with(InstanceNormalization(name="x")), tmp_path, "m.keras")
    finally:
        keras.saving.get_custom_objects().clear()
    with pytest.raises(ModelFileError, match="mine>InstanceNormalization"):
        open_network(inspect_file(path))
