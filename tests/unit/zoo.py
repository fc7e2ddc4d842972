"""Tiny Keras networks of every kind that people save, for tests. Imports Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from model import backend
from model.engine.protocol import ModelInfo, ModelSettings
from model.examination import examine
from model.inspection import inspect_file
from model.opening import open_network

NUM_CLASSES = 3

keras_warnings = pytest.mark.filterwarnings(
    # Keras 3.15.1 hands its variables to NumPy 2 without the "copy" keyword whenever it saves.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
"""For ``pytestmark`` of modules that save networks."""

several_ways = pytest.mark.skipif(
    len(backend.ways()) == 1, reason="with this backend networks run in one way only"
)
"""For tests of how the fastest way is found."""


def pointwise(
    size: tuple[int | None, int | None] = (None, None),
    *,
    channels: int = 3,
    activation: str | None = "softmax",
    num_outputs: int = NUM_CLASSES,
    rescale: bool = False,
) -> keras.Model:
    """A network that answers each pixel by its own colour: class 0 red, 1 green, 2 blue."""
    inputs = keras.Input((*size, channels), name="image")
    x = layers.Rescaling(1 / 255, name="scale")(inputs) if rescale else inputs
    x = layers.Conv2D(num_outputs, 1, activation=activation, name="classes")(x)
    model = keras.Model(inputs, x)
    kernel = np.zeros((1, 1, channels, num_outputs), np.float32)
    for i in range(num_outputs):
        kernel[0, 0, i % channels, i] = 8.0
    bias = np.full(num_outputs, -4.0, np.float32)
    model.get_layer("classes").set_weights([kernel, bias])
    return model


def unet(multiple: int = 4, size: tuple[int | None, int | None] = (None, None)) -> keras.Model:
    """A network with a joint, which accepts only sizes that are multiples of ``multiple``."""
    inputs = keras.Input((*size, 3))
    x = first = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    scale = 1
    while scale < multiple:
        x = layers.MaxPooling2D()(x)
        scale *= 2
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    # Bilinear on purpose: Keras 3.15.1 cannot trace it with a free size.
    x = layers.UpSampling2D(multiple, interpolation="bilinear")(x)
    x = layers.Concatenate()([first, x])
    return keras.Model(inputs, layers.Conv2D(NUM_CLASSES, 1, activation="softmax")(x))


def coarse(stride: int = 2) -> keras.Model:
    """Output at a fraction of the input's resolution."""
    inputs = keras.Input((None, None, 3))
    x = layers.AveragePooling2D(stride)(inputs)
    x = layers.Conv2D(NUM_CLASSES, 1, activation="softmax", name="classes")(x)
    model = keras.Model(inputs, x)
    model.get_layer("classes").set_weights(pointwise().get_layer("classes").get_weights())
    return model


def flat(size: tuple[int, int] = (16, 24)) -> keras.Model:
    """Output (N, H * W, C), as old tutorials have it."""
    inner = pointwise(size, activation=None)
    x = layers.Reshape((size[0] * size[1], NUM_CLASSES))(inner.output)
    return keras.Model(inner.input, layers.Softmax()(x))


def with_helpers() -> keras.Model:
    """Deep supervision: a coarse helper, a full-size helper, and the one called final."""
    inputs = keras.Input((None, None, 3))
    final = layers.Conv2D(NUM_CLASSES, 1, activation="softmax", name="final")(inputs)
    coarser = layers.AveragePooling2D(4, name="pool")(inputs)
    helper = layers.Conv2D(NUM_CLASSES, 1, activation="softmax", name="helper_coarse")(coarser)
    other = layers.Conv2D(NUM_CLASSES, 1, activation="softmax", name="helper_full")(inputs)
    return keras.Model(inputs, [helper, final, other])


def classifier() -> keras.Model:
    """One answer per image."""
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def two_inputs() -> keras.Model:
    """An image and something else."""
    first, second = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([first, second], layers.Add()([first, second]))


def table_input() -> keras.Model:
    """Not an image at all."""
    inputs = keras.Input((10,))
    return keras.Model(inputs, layers.Dense(3)(inputs))


def valid_padding() -> keras.Model:
    """Loses a border, as the U-Net of 2015 did."""
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, layers.Conv2D(NUM_CLASSES, 5, activation="softmax")(inputs))


def broken(value: float = float("nan")) -> keras.Model:
    """Weights that are no numbers."""
    model = pointwise()
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel * value, bias])
    return model


def overflowing() -> keras.Model:
    """Finite weights, but the answer is not a number."""
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(NUM_CLASSES, 1, name="classes")(inputs))
    kernel = np.full((1, 1, 3, NUM_CLASSES), 3e38, np.float32)
    kernel[0, 0, 1] *= -1
    model.get_layer("classes").set_weights([kernel * 1, np.full(NUM_CLASSES, 3e38, np.float32)])
    x = layers.Rescaling(3e38)(model.output)
    return keras.Model(inputs, layers.Softmax()(x))


def saved(model: keras.Model, folder: Path, name: str = "model.keras") -> Path:
    """Saves a network under any name; the ending of ``name`` decides the format as in Keras."""
    path = folder / name
    model.save(path)
    return path


def opened(path: Path, settings: ModelSettings | None = None) -> tuple[keras.Model, ModelInfo]:
    """Opens a file and examines it, as the engine does."""
    report = inspect_file(path)
    network = open_network(report)
    return network, examine(network, report, settings=settings)


def colors(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """An image of pure red, green and blue blocks with the classes that `pointwise` must find."""
    rows, columns = np.indices((height, width))
    truth = ((rows // 5 + columns // 7) % 3).astype(np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[rows, columns, truth] = 255
    return pixels, truth
