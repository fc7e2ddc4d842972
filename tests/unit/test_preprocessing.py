"""Pixels to network input: every scaling against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.errors import EngineError
from model.preprocessing import check_pixels, prepare_input, resize_pixels


def _settings(scaling, channel_order="rgb"):
    return ModelSettings(
        scaling, channel_order, 0, Activation.SOFTMAX, Fit.WHOLE, None, ("a",), ((0, 0, 0),)
    )


def _pixel(*values):
    return np.array([[values]], np.uint8)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (Scaling.RAW, [0, 128, 255]),
        (Scaling.UNIT, [0, 128 / 255, 1]),
        (Scaling.SIGNED, [-1, 128 / 127.5 - 1, 1]),
        (Scaling.IMAGENET, [-2.117904, (128 / 255 - 0.456) / 0.224, 2.64]),
        (Scaling.CAFFE, [255 - 103.939, 128 - 116.779, -123.68]),
        (Scaling.MEANS, [-123.68, 128 - 116.779, 255 - 103.939]),
        (Scaling.L2, [0, 128 / 285.3226244, 255 / 285.3226244]),
    ],
)
def test_each_scaling_gives_its_known_answer(scaling, expected):
    result = prepare_input(_pixel(0, 128, 255), _settings(scaling), 3)

    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result[0, 0], expected, atol=1e-5)


def test_standard_scaling_gives_mean_zero_and_deviation_one_over_the_whole_image():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)

    result = prepare_input(pixels, _settings(Scaling.STANDARD), 3)

    assert abs(result.mean()) < 1e-5
    assert abs(result.std() - 1) < 1e-5


def test_l2_scaling_treats_the_image_as_one_row_of_a_table():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    row = pixels.reshape(1, -1).astype(np.float64)

    result = prepare_input(pixels, _settings(Scaling.L2), 3)

    np.testing.assert_allclose(result.reshape(1, -1), row / np.linalg.norm(row), rtol=1e-5)


@pytest.mark.parametrize("scaling", list(Scaling))
def test_a_black_image_stays_finite(scaling):
    for channels in (1, 2, 3, 4):
        result = prepare_input(np.zeros((3, 3, 3), np.uint8), _settings(scaling), channels)
        assert np.isfinite(result).all()
        assert result.shape == (3, 3, channels)


@pytest.mark.parametrize("percentiles", [(1.0, 99.8), (0.0, 100.0), (25.0, 50.0)])
def test_percentiles_of_each_channel_become_zero_and_one(percentiles):
    pixels = np.random.default_rng(3).integers(0, 200, (40, 30, 3)).astype(np.uint8)
    pixels[..., 1] //= 3
    given = replace(_settings(Scaling.PERCENTILES), percentiles=percentiles)
    result = prepare_input(pixels, given, 3)
    low, high = (np.percentile(pixels, each, axis=(0, 1)) for each in percentiles)
    np.testing.assert_allclose(result, (pixels - low) / (high - low + 1e-6), atol=1e-5)


@pytest.mark.parametrize(
    ("scaling", "opacity"),
    [
        (Scaling.RAW, 255), (Scaling.UNIT, 1), (Scaling.SIGNED, 1), (Scaling.IMAGENET, 1),
        (Scaling.CAFFE, 255), (Scaling.MEANS, 255), (Scaling.PERCENTILES, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_opacity_is_full_and_stands_last_in_both_orders(scaling, opacity, order):
    pixels = np.random.default_rng(4).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    for channels in (2, 4):
        result = prepare_input(pixels, _settings(scaling, order), channels)
        assert result.shape == (6, 5, channels)
        assert (result[..., -1] == opacity).all()
        np.testing.assert_array_equal(
            result[..., :-1], prepare_input(pixels, _settings(scaling, order), channels - 1)
        )


def test_scalings_of_the_whole_image_count_opacity_as_a_channel():
    pixels = np.full((4, 4, 3), 100, np.uint8)
    result = prepare_input(pixels, _settings(Scaling.L2), 4)
    assert abs(float(np.sqrt((result**2).sum())) - 1) < 1e-6
    assert float(result[0, 0, 3] / result[0, 0, 0]) == pytest.approx(2.55)


def test_gray_input_is_the_luma_that_pillow_computes():
    pixels = np.random.default_rng(2).integers(0, 256, (16, 16, 3)).astype(np.uint8)

    result = prepare_input(pixels, _settings(Scaling.RAW), 1)

    np.testing.assert_array_equal(
        result[..., 0], np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    )
    assert prepare_input(_pixel(255, 0, 0), _settings(Scaling.RAW), 1)[0, 0, 0] == 76  # 0.299


def test_bgr_order_swaps_red_and_blue_once():
    np.testing.assert_array_equal(
        prepare_input(_pixel(1, 2, 3), _settings(Scaling.RAW, "bgr"), 3)[0, 0], [3, 2, 1]
    )


def test_caffe_scaling_is_bgr_whatever_the_order_says():
    rgb, bgr = (
        prepare_input(_pixel(1, 2, 3), _settings(Scaling.CAFFE, order), 3)
        for order in ("rgb", "bgr")
    )
    np.testing.assert_array_equal(rgb, bgr)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(list(Scaling)))
@settings(max_examples=40, deadline=None)
def test_the_image_given_is_never_changed(height, width, scaling):
    pixels = np.full((height, width, 3), 7, np.uint8)
    prepare_input(pixels, _settings(scaling), 3)[:] = 99
    assert (pixels == 7).all()


def test_resizing_a_flat_image_keeps_its_colour_and_takes_rows_first():
    resized = resize_pixels(np.full((4, 6, 3), 50, np.uint8), (10, 3))
    assert resized.shape == (10, 3, 3)
    assert (resized == 50).all()


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert abs(int(resize_pixels(stripes, (8, 8))[4, 4, 0]) - 127) < 12


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        "image.png",
    ],
)
def test_what_is_no_image_is_refused_with_what_was_expected(wrong):
    with pytest.raises(EngineError, match="uint8"):
        check_pixels(wrong)
