"""The networks: their size, what they take, and what they give."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import layers

from model.unet import UNetConfig, build_seed_unet, build_unet


def test_the_seed_network_has_the_parameters_of_the_seed_project() -> None:
    network = build_seed_unet((416, 416), channels=1, num_classes=12)

    assert network.count_params() == 31_031_464
    assert network.input_shape == (None, 416, 416, 1)
    assert network.output_shape == (None, 416, 416, 12)


def test_the_default_network_stays_small() -> None:
    assert build_unet(UNetConfig(11)).count_params() < 2_000_000


def test_the_default_network_takes_at_most_six_billion_multiply_adds_for_a_camvid_frame() -> None:
    network = build_unet(UNetConfig(11))
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    answers = keras.Model(network.inputs, [layer.output for layer in convolutions])
    shapes = answers.compute_output_shape((1, 368, 480, 3))  # 360 rows, padded to a multiple of 16
    counts = [
        math.prod(shape[1:3]) * math.prod(layer.kernel.shape)
        for layer, shape in zip(convolutions, shapes, strict=True)
    ]
    assert len(counts) > 20
    assert not any(isinstance(layer, layers.Conv2DTranspose) for layer in network.layers)
    assert 2.5e9 < sum(counts) < 6e9


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
