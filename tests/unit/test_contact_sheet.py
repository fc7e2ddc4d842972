"""What the contact sheet tries, how answers are compared with trusted pixels, and their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.data.label_sets import IGNORE, generic_label_set
from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.preprocessing import prepare_input
from seggui.core.contact_sheet import (
    PICTURE_SIDE,
    SheetAnswer,
    SheetImage,
    candidates,
    first_equals,
    ranking,
)
from seggui.core.records import Provenance

LABELS = generic_label_set(3)
SETTINGS = ModelSettings(
    Scaling.UNIT, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None,
    tuple(c.name for c in LABELS.classes), tuple(c.color for c in LABELS.classes),
)  # fmt: skip


def sheet_image(mask: np.ndarray, provenance: np.ndarray) -> SheetImage:
    return SheetImage(np.full((*mask.shape, 3), 90, np.uint8), mask, provenance, label_set=LABELS)


def answer(agreement: float | None, digest: bytes = b"") -> SheetAnswer:
    return SheetAnswer(np.zeros((1, 1, 3), np.uint8), digest, agreement)


def test_every_scaling_is_tried_in_both_orders_once_and_the_guess_first() -> None:
    found = candidates(SETTINGS, channels=3)

    assert found[0] == SETTINGS
    assert len(set(found)) == len(found) == 2 * len(Scaling) - 2
    assert {s.scaling for s in found if s.channel_order == "rgb"} == set(Scaling)
    # The means in BGR are what Caffe is, whatever its order says.
    means = {Scaling.CAFFE, Scaling.MEANS}
    assert {s.scaling for s in found if s.channel_order == "bgr"} == set(Scaling) - means


def test_caffe_is_not_tried_twice_though_its_settings_say_bgr() -> None:
    caffe = replace(SETTINGS, scaling=Scaling.CAFFE, channel_order="bgr")
    found = candidates(caffe, channels=3)
    assert found[0] == caffe
    assert [s.scaling for s in found].count(Scaling.CAFFE) == 1


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_gray_networks_know_no_order_of_colours(order) -> None:
    found = candidates(replace(SETTINGS, channel_order=order), channels=1)
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    given = [prepare_input(pixels, replace(SETTINGS, scaling=s), 1).tobytes() for s in Scaling]
    assert len(found) == len(set(given))
    assert {prepare_input(pixels, s, 1).tobytes() for s in found} == set(given)
    assert {s.channel_order for s in found} == {order}


def test_all_but_the_kind_of_input_stays_as_it_is() -> None:
    given = replace(SETTINGS, output_index=2, excluded_classes=(1,))
    for found in candidates(given, channels=3):
        back = replace(found, scaling=given.scaling, channel_order=given.channel_order)
        assert back == given


def test_only_what_a_person_painted_or_accepted_counts() -> None:
    mask = np.array([[0, 0, 1, 1, IGNORE, 2]], np.uint8)
    origin = np.array(
        [[Provenance.CORRECTED, Provenance.ACCEPTED, Provenance.CORRECTED, Provenance.PREDICTED,
          Provenance.CORRECTED, Provenance.UNSEEN]], np.uint8,
    )  # fmt: skip
    image = sheet_image(mask, origin)

    # Class 0: both found. Class 1: the one trusted pixel was taken for class 2.
    found = image.answer(np.array([[0, 0, 2, 0, 0, 0]], np.uint8))

    assert image.num_trusted == 3
    assert found.agreement == pytest.approx((1 + 0 + 0) / 3)
    assert image.answer(np.array([[0, 0, 1, 2, 2, 0]], np.uint8)).agreement == 1.0


def test_without_trusted_pixels_there_is_no_number() -> None:
    mask = np.zeros((4, 4), np.uint8)
    image = sheet_image(mask, np.full((4, 4), Provenance.PREDICTED, np.uint8))
    assert image.answer(mask).agreement is None


def test_a_smaller_answer_is_compared_at_the_size_of_the_mask() -> None:
    small = np.array([[0, 1], [2, 0]], np.uint8)
    mask = small.repeat(3, axis=0).repeat(5, axis=1)
    image = sheet_image(mask, np.full(mask.shape, Provenance.ACCEPTED, np.uint8))
    assert image.answer(small).agreement == 1.0


def test_the_picture_shows_the_colours_of_the_classes_over_the_image() -> None:
    mask = np.zeros((8, 8), np.uint8)
    found = sheet_image(mask, mask).answer(np.full((8, 8), 2, np.uint8))
    expected = (np.array(LABELS.classes[2].color) + 90) / 2
    np.testing.assert_allclose(found.picture[4, 4], expected, atol=1)
    assert not found.picture.flags.writeable


def test_pictures_of_large_images_are_small() -> None:
    mask = np.zeros((900, 1800), np.uint8)
    assert sheet_image(mask, mask).answer(mask).picture.shape == (320, PICTURE_SIDE, 3)


def test_only_networks_that_resize_get_a_smaller_image() -> None:
    mask = np.zeros((40, 60), np.uint8)
    image = sheet_image(mask, mask)
    resized = replace(SETTINGS, fit=Fit.RESIZE, input_size=(20, 20))

    assert image.pixels_for(SETTINGS).shape == (40, 60, 3)
    assert image.pixels_for(replace(resized, fit=Fit.TILE)).shape == (40, 60, 3)
    assert image.pixels_for(resized).shape == (20, 20, 3)
    assert image.pixels_for(replace(resized, input_size=(20, 80))).shape == (40, 60, 3)


def test_the_best_agreement_is_first_equal_ones_keep_their_order_failures_are_last() -> None:
    answers = (None, answer(0.5), answer(0.9), answer(0.5), answer(0.0))
    assert ranking(answers) == (2, 1, 3, 4, 0)


def test_equal_masks_name_the_first_of_them() -> None:
    answers = (answer(None, b"a"), answer(None, b"b"), None, answer(None, b"a"), answer(None, b"a"))
    assert first_equals(answers) == (None, None, None, 0, 0)


def test_masks_that_differ_in_one_pixel_are_not_equal() -> None:
    mask = np.zeros((6, 6), np.uint8)
    image = sheet_image(mask, mask)
    other = mask.copy()
    other[5, 5] = 1
    assert image.answer(mask).mask_digest == image.answer(mask.copy()).mask_digest
    assert image.answer(mask).mask_digest != image.answer(other).mask_digest
