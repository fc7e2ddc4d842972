"""Wide convolutions with fewer multiplications: the same numbers, and only where it is meant."""

from __future__ import annotations

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers

from model import backend, winograd
from model.predictor import Predictor
from model.speed import ChoiceStore
from model.winograd import fewer_multiplications, transformed_kernel, wide_convolutions
from tests.unit import zoo

pytestmark = [
    zoo.keras_warnings,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="it is a way of TensorFlow's alone"
    ),
]


def network(
    size: tuple[int | None, int | None] = (None, None), *, channels: int = 128, filters: int = 130
) -> keras.Model:
    """Two wide convolutions and narrow ones around them, with weights that matter."""
    image = keras.Input((*size, 3))
    x = layers.Conv2D(channels, 1, activation="relu", name="widen")(image)
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="wide")(x)
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name="back")(x)
    model = keras.Model(image, layers.Conv2D(3, 1, activation="softmax", name="classes")(x))
    noise = np.random.default_rng(4)
    for variable in model.weights:
        fan_in = max(1, int(np.prod(variable.shape[:-1])))
        variable.assign(noise.normal(size=variable.shape) * np.sqrt(2 / fan_in))
    return model


def run(model: keras.Model, way: str, pixels: np.ndarray) -> np.ndarray:
    compiled = backend.compiled(
        lambda x: [model(x, training=False)], way=way, network=model
    )  # fmt: skip
    return compiled(pixels)[0]


def pixels(height: int, width: int, count: int = 1) -> np.ndarray:
    return np.random.default_rng(5).random((count, height, width, 3), np.float32)


@pytest.mark.parametrize("shape", [(24, 24), (25, 31), (33, 26), (64, 21)])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("band_bytes", [10**9, 10**6])
def test_the_numbers_are_the_same_at_every_size(
    shape: tuple[int, int], count: int, band_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "BAND_BYTES", band_bytes)
    model = network()
    expected = run(model, "graph", pixels(*shape, count))
    received = run(model, "winograd", pixels(*shape, count))
    np.testing.assert_allclose(received, expected, atol=2e-5)
    assert np.ptp(expected) > 0.5
    assert (received != expected).any()  # it was really another way


def test_a_kernel_is_transformed_as_published() -> None:
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1  # the middle: G's second column, in both directions
    column = np.array([0, -1 / 6, 1 / 6, 1 / 12, -1 / 12, 0])
    expected = np.outer(column, column).reshape(36, 1, 1)
    np.testing.assert_allclose(transformed_kernel(kernel), expected, atol=1e-7)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[0, 2] = 1  # first row, last column
    rows, columns = (
        np.array([1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24, 0]),
        np.array([0, -1 / 6, -1 / 6, 1 / 6, 1 / 6, 1]),
    )
    expected = np.outer(rows, columns).reshape(36, 1, 1)
    np.testing.assert_allclose(transformed_kernel(kernel), expected, atol=1e-7)


def test_only_plain_wide_convolutions_of_three_by_three_are_meant() -> None:
    image = keras.Input((32, 32, 128))
    x = layers.Conv2D(128, 3, padding="same", name="yes")(image)
    x = layers.Conv2D(128, 3, padding="same", dilation_rate=2)(x)
    x = layers.Conv2D(128, 3, padding="same", strides=2)(x)
    x = layers.Conv2D(128, 3)(x)
    x = layers.Conv2D(128, 5, padding="same")(x)
    x = layers.Conv2D(128, 3, padding="same", groups=2)(x)
    x = layers.Conv2D(128, 3, padding="same", dtype="mixed_bfloat16")(x)
    x = layers.Conv2D(64, 3, padding="same", dtype="float32")(x)
    x = layers.SeparableConv2D(128, 3, padding="same")(x)
    inner = keras.Model(image, x)
    outer = keras.Input((32, 32, 128))
    model = keras.Model(outer, layers.Conv2D(128, 3, padding="same", name="also")(inner(outer)))
    found = {layer.name for layer in wide_convolutions(model)}
    assert found == {"yes", "also"}
    assert wide_convolutions(model, max_bytes=1000) == ()


def test_small_images_and_open_sizes_take_the_ordinary_way() -> None:
    model = network()
    small = pixels(16, 16)
    np.testing.assert_array_equal(run(model, "winograd", small), run(model, "graph", small))


def test_the_network_is_as_before_whatever_happens() -> None:
    model = network()
    wide = model.get_layer("wide")
    before = wide.convolution_op
    with fewer_multiplications(model):
        assert wide.convolution_op != before

    def fails() -> None:
        with fewer_multiplications(model):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert wide.convolution_op == before
    assert "convolution_op" not in vars(wide)
    assert model.to_json()


def test_all_sizes_share_the_kernels_and_they_go_with_the_network() -> None:
    model = network()
    wide = model.get_layer("wide")
    run(model, "winograd", pixels(24, 24))
    first = winograd._kernels[wide]
    run(model, "winograd", pixels(28, 36))
    assert winograd._kernels[wide] is first
    gone = weakref.ref(wide)
    del model, wide
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None or gone() not in winograd._kernels


def test_it_needs_to_know_the_network() -> None:
    with pytest.raises(ValueError, match="winograd"):
        backend.compiled(lambda x: [x], way="winograd")(pixels(8, 8))


@pytest.mark.parametrize("channels", [128, 16])
def test_it_is_tried_for_networks_with_wide_convolutions_only(channels: int, tmp_path) -> None:
    path = zoo.saved(network((24, 24), channels=channels, filters=channels), tmp_path, "n.keras")
    model, info = zoo.opened(path)
    predictor = Predictor(model, info)
    predictor.speed_up(ChoiceStore(None))
    assert ("winograd" in predictor._ways()) == (channels == 128)
