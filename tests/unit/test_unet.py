"""The networks: their size, what they take, and what they give."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from model.recipes import DEFAULT, PLAIN
from model.scratch_network import build_network
from model.unet import UNetConfig, build_plain_unet, build_seed_unet, build_unet


def test_the_seed_network_has_the_parameters_of_the_seed_project() -> None:
    network = build_seed_unet((416, 416), channels=1, num_classes=12)

    assert network.count_params() == 31_031_464
    assert network.input_shape == (None, 416, 416, 1)
    assert network.output_shape == (None, 416, 416, 12)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_default_network_stays_small(tmp_path: Path) -> None:
    network = build_unet(UNetConfig(11))
    assert network.count_params() < 2_000_000
    network.save(tmp_path / "a.keras")
    assert (tmp_path / "a.keras").stat().st_size < 8_000_000


def multiply_adds(network: keras.Model) -> int:
    """Of all convolutions for one frame of CamVid, 360 rows padded to a multiple of 16."""
    kinds = (layers.Conv2D, layers.Conv2DTranspose)
    convolutions = [layer for layer in network.layers if isinstance(layer, kinds)]
    # A transposed convolution multiplies each place of its input with the whole kernel.
    places = [
        layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
        for layer in convolutions
    ]
    shapes = keras.Model(network.inputs, places).compute_output_shape((1, 368, 480, 3))
    return sum(
        math.prod(shape[1:3]) * math.prod(layer.kernel.shape)
        for layer, shape in zip(convolutions, shapes, strict=True)
    )


def test_the_default_network_takes_at_most_six_billion_multiply_adds_for_a_camvid_frame() -> None:
    assert 2.5e9 < multiply_adds(build_unet(UNetConfig(11))) < 6e9


def test_the_plain_recipe_s_network_costs_no_more_than_the_default_one() -> None:
    plain, default = build_network(PLAIN, 11), build_network(DEFAULT, 11)

    assert 0.4 < multiply_adds(plain) / multiply_adds(default) < 1.0
    assert not any(width % 8 for width in PLAIN.widths)
    assert not [layer for layer in plain.layers if isinstance(layer, layers.Add)]
    pools = [layer for layer in plain.layers if isinstance(layer, layers.MaxPooling2D)]
    assert len(pools) == len(PLAIN.widths) - 1


@pytest.mark.parametrize("widths", [(8, 16), (4, 8, 8, 16)])
@pytest.mark.parametrize("upsampling", ["bilinear", "transposed"])
def test_a_plain_network_of_any_depth_gives_probabilities_of_the_image_s_size(
    widths, upsampling
) -> None:
    recipe = dataclasses.replace(PLAIN, widths=widths, upsampling=upsampling, channels=1)
    network = build_network(recipe, 4)

    answer = network.predict_on_batch(np.full((1, 16, 24, 1), 100, np.float32))

    assert answer.shape == (1, 16, 24, 4)
    np.testing.assert_allclose(answer.sum(axis=-1), 1.0, atol=1e-5)


def test_a_plain_network_has_no_strided_stem() -> None:
    with pytest.raises(ValueError, match="stem_stride"):
        build_plain_unet(UNetConfig(3, widths=(8, 16), blocks=(0, 0)))


@pytest.mark.parametrize("normalization", ["batch", "group", "none"])
@pytest.mark.parametrize("upsampling", ["bilinear", "nearest", "transposed"])
@pytest.mark.parametrize("decoder", ["plain", "residual"])
def test_every_shape_gives_probabilities_of_the_image_s_size(
    normalization, upsampling, decoder
) -> None:
    config = UNetConfig(
        4, channels=1, widths=(8, 16), blocks=(1, 0), stem_stride=1,
        normalization=normalization, upsampling=upsampling, decoder=decoder,
    )  # fmt: skip
    network = build_unet(config)

    answer = network.predict_on_batch(np.full((1, 12, 20, 1), 100, np.float32))

    assert answer.shape == (1, 12, 20, 4)
    np.testing.assert_allclose(answer.sum(axis=-1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"num_classes": 1}, "num_classes"),
        ({"channels": 2}, "channels"),
        ({"widths": (8, 16), "blocks": (1,)}, "scale"),
        ({"stem_stride": 3}, "stem_stride"),
        ({"dropout": 1.0}, "dropout"),
        ({"widths": (4, 8), "blocks": (1, 1), "normalization": "group"}, "multiples"),
        ({"input_size": (100, 100)}, "multiple of 16"),
    ],
)
def test_impossible_shapes_are_refused_by_name(changes, word) -> None:
    with pytest.raises(ValueError, match=word):
        UNetConfig(**{"num_classes": 3, **changes})
