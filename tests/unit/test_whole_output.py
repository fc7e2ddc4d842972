"""Networks without padding answer for the whole image, with the numbers that they always gave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from model.engine.protocol import Fit
from model.engine.service import EngineService
from model.examination import examine
from model.foreign.mirrored_border import MirroredBorder
from model.inspection import inspect_file
from model.opening import open_network, open_with_consent
from model.predictor import Predictor
from model.tunable_network import TunableNetwork
from model.whole_output import border_of, with_whole_output
from tests.unit import zoo
from tests.zoo.packed import unpacked_zoo

pytestmark = zoo.keras_warnings
ZOO = unpacked_zoo()


def unet(side: int | None, *, crops: tuple[int, int] = (16, 4)) -> keras.Model:
    """Two levels, 108 in, 68 out: it takes 4 n pixels and loses 40."""
    image = x = keras.Input((side, side, 3))
    skips = []
    for _ in range(2):
        x = skip = layers.Conv2D(4, 3, activation="relu")(layers.Conv2D(4, 3)(x))
        skips.append(skip)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(4, 3, activation="relu")(layers.Conv2D(4, 3)(x))
    for skip, crop in zip(reversed(skips), reversed(crops), strict=True):
        x = layers.Conv2DTranspose(4, 2, strides=2)(x)
        x = layers.Concatenate()([layers.Cropping2D(crop)(skip), x])
        x = layers.Conv2D(4, 3, activation="relu")(layers.Conv2D(4, 3)(x))
    network = keras.Model(image, layers.Conv2D(3, 1, activation="softmax", name="map")(x))
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.4, w.shape) for w in network.get_weights()])
    return network


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).random((1, side, side, 3)).astype(np.float32)


def answer(network: keras.Model, image: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(network(image, training=False)))


def test_a_fixed_network_takes_what_it_answers_for(tmp_path: Path) -> None:
    network = unet(108)
    assert network.output_shape == (None, 68, 68, 3)
    whole = with_whole_output(network)
    assert whole.input_shape == (*whole.output_shape[:3], 3) == (None, 68, 68, 3)
    assert whole.output_names == ["map"]
    image = noise(68)
    wide = np.pad(image, ((0, 0), (20, 20), (20, 20), (0, 0)), mode="reflect")
    np.testing.assert_allclose(answer(whole, image), answer(network, wide), atol=1e-6)


@pytest.mark.parametrize("side", [64, 100, 16])
def test_a_free_network_takes_multiples_and_answers_in_place(side: int) -> None:
    network = unet(None)
    whole = with_whole_output(network)
    assert border_of(whole) == (40, 40)
    image = noise(side)
    received = answer(whole, image)
    assert received.shape == (1, side, side, 3)
    wide = np.pad(image, ((0, 0), (20, 20), (20, 20), (0, 0)), mode="reflect")
    np.testing.assert_allclose(received, answer(network, wide), atol=1e-6)


def test_it_can_be_used_trained_saved_and_opened_again(tmp_path: Path) -> None:
    path = zoo.saved(unet(None), tmp_path, "valid.keras")
    service = EngineService()
    info = service.load(str(path))
    assert info.settings.fit is Fit.WHOLE
    assert info.input_shape == (None, None, 3)
    assert any("lack 20 pixels at each edge" in note for note in info.notes)
    pixels = np.random.default_rng(2).integers(0, 256, (50, 37, 3)).astype(np.uint8)
    assert service.predict(pixels).classes.shape == (50, 37)

    report = inspect_file(path)
    network = open_with_consent(report, None)
    for trainable in ("all", "decoder"):
        tunable = TunableNetwork(network, output_index=0, trainable=trainable)
        assert tunable.num_trainable > 0
        tunable.release()
    network.compile("sgd", "mse")
    network.train_on_batch(noise(64), np.zeros((1, 64, 64, 3)))
    again = tmp_path / "again.keras"
    network.save(again)
    reopened = open_with_consent(inspect_file(again), None)
    assert reopened.input_shape == (None, None, None, 3)
    np.testing.assert_allclose(answer(reopened, noise(32)), answer(network, noise(32)), atol=1e-6)
    assert any("20 pixels" in note for note in examine(reopened, inspect_file(again)).notes)


def test_half_the_size_is_not_taken_for_a_stride_where_a_border_is_lost() -> None:
    report = inspect_file(ZOO / "keras315_valid_padding.keras")  # 32 in, 16 out
    info = examine(open_with_consent(report, None), report)
    assert info.input_shape == (16, 16, 1)
    assert not any("output pixel covers" in note for note in info.notes)


@pytest.mark.parametrize(
    "build",
    [zoo.unet, zoo.coarse, zoo.pointwise, zoo.classifier, zoo.flat, zoo.two_inputs, zoo.table_input,
     zoo.with_helpers],
)  # fmt: skip
def test_other_networks_stay_as_they_are(build) -> None:
    network = build()
    assert with_whole_output(network) is network


def test_padding_by_a_layer_and_true_strides_are_no_lost_border() -> None:
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(((1, 0), (1, 0)))(image))
    network = keras.Model(image, layers.Conv2D(2, 1)(x))
    assert network.output_shape == (None, 16, 16, 2)
    assert with_whole_output(network) is network


@pytest.mark.parametrize("length", [1, 2, 3, 9])
@pytest.mark.parametrize("border", [(0, 0), (3, 1), (11, 20)])
def test_the_mirror_goes_as_far_as_it_has_to(length: int, border: tuple[int, int]) -> None:
    image = np.arange(length, dtype=np.float32).reshape(1, length, 1, 1)
    received = answer(MirroredBorder(rows=border), image)[0, :, 0, 0]
    if length > 1:
        np.testing.assert_array_equal(received, np.pad(image[0, :, 0, 0], border, mode="reflect"))
    else:
        assert (received == 0).all()


def test_tiles_of_a_fixed_network_cover_an_image() -> None:
    path_report = inspect_file(ZOO / "keras315_valid_padding.keras")
    network = open_with_consent(path_report, None)
    info = examine(network, path_report)
    info = replace(info, settings=replace(info.settings, fit=Fit.TILE))
    pixels = np.random.default_rng(2).integers(0, 256, (40, 33, 3)).astype(np.uint8)
    assert Predictor(network, info).predict(pixels).classes.shape == (40, 33)
    assert json.dumps(info.input_shape) == "[16, 16, 1]"
    assert open_network(path_report).input_shape == (None, 32, 32, 1)
