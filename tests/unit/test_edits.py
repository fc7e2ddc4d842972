"""A MaskEdit is the change and nothing but the change."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from model.data.label_sets import IGNORE
from model.errors import MaskError, StorageError
from seggui.core.edits import apply_edit, edit_result, make_edit, prepare_prediction
from seggui.core.records import MaskEdit, Provenance, Rect

SHAPE = (5, 6)
RECT = Rect(3, 2, 8, 8)
PATCHES = np_st.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 0, 0, 7, 255]))


def edit_of(before, after, *, rect=RECT):
    return make_edit(rect, *before[:1], *after[:1], before[1], after[1], kind="stroke", text="Test")


@settings(max_examples=100, deadline=None)
@given(PATCHES, PATCHES, PATCHES, PATCHES)
def test_an_edit_turns_before_into_after_and_back(mask0, mask1, provenance0, provenance1):
    edit = edit_of((mask0, provenance0), (mask1, provenance1))
    mask, provenance = np.full((2, 10, 9), 99, np.uint8)
    mask[RECT.slices], provenance[RECT.slices] = mask0, provenance0
    before = mask.copy(), provenance.copy()
    if edit is None:
        assert np.array_equal(mask0, mask1)
        assert np.array_equal(provenance0, provenance1)
        return
    assert apply_edit(edit, mask, provenance) == edit.rect
    assert np.array_equal(mask[RECT.slices], mask1)
    assert np.array_equal(provenance[RECT.slices], provenance1)
    apply_edit(edit, mask, provenance)
    assert np.array_equal(mask, before[0])
    assert np.array_equal(provenance, before[1])


def test_the_rectangle_is_what_really_changed():
    mask = np.zeros(SHAPE, np.uint8)
    changed, provenance = mask.copy(), mask.copy()
    changed[1, 2] = 9
    provenance[3, 4] = 2
    edit = edit_of((mask, mask), (changed, provenance))
    assert edit.rect == Rect(RECT.top + 1, RECT.left + 2, RECT.top + 4, RECT.left + 5)


@pytest.mark.parametrize(
    "bad", [np.zeros((5, 7), np.uint8), np.zeros(SHAPE, np.int32), np.zeros(30, np.uint8)]
)
def test_patches_of_another_size_or_type_are_refused(bad):
    good = np.zeros(SHAPE, np.uint8)
    with pytest.raises(ValueError, match="expected uint8"):
        edit_of((good, good), (bad, good))


def packed(array):
    return zlib.compress(array.tobytes(), 1)


GOOD = packed(np.ones((2, 2), np.uint8))


@pytest.mark.parametrize(
    ("rect", "mask_xor", "provenance_xor"),
    [
        (Rect(0, 0, 2, 2), b"not zlib", GOOD),
        (Rect(0, 0, 2, 2), GOOD, b""),
        (Rect(0, 0, 2, 2), GOOD, GOOD[:-3]),
        (Rect(0, 0, 2, 2), GOOD, packed(np.ones((2, 3), np.uint8))),
        (Rect(0, 0, 2, 2), GOOD, packed(np.ones((1, 1), np.uint8))),
        (Rect(0, 0, 2, 2), GOOD, packed(np.zeros(50_000_000, np.uint8))),
        (Rect(8, 8, 10, 10), GOOD, GOOD),
        (Rect(-1, 0, 1, 2), GOOD, GOOD),
        (Rect(4, 4, 4, 4), GOOD, GOOD),
    ],
)
def test_a_damaged_edit_is_refused_and_changes_nothing(rect, mask_xor, provenance_xor):
    edit = MaskEdit(rect, mask_xor, provenance_xor, "stroke", "Brush: Road")
    mask, provenance = np.full((2, 9, 9), 3, np.uint8)
    with pytest.raises(StorageError, match="Brush: Road"):
        apply_edit(edit, mask, provenance)
    assert (mask == 3).all()
    assert (provenance == 3).all()


def test_a_prediction_reads_its_arguments_only_and_changes_only_what_no_person_said():
    provenance = np.array([list(Provenance)], np.uint8)
    mask = np.array([[IGNORE, 1, 2, 3]], np.uint8)
    classes = np.full((1, 4), 9, np.uint8)
    for array in (mask, provenance, classes):
        array.setflags(write=False)
    edit = prepare_prediction(mask, provenance, classes, text="Prediction")
    mask, provenance = mask.copy(), provenance.copy()
    apply_edit(edit, mask, provenance)
    assert mask.tolist() == [[9, 9, 2, 3]]
    assert provenance.tolist() == [[1, 1, 2, 3]]
    assert edit.kind == "prediction"


def test_a_prediction_without_class_leaves_pixels_unseen():
    mask = np.array([[4, IGNORE, 5]], np.uint8)
    provenance = np.array([[1, 0, 2]], np.uint8)
    edit = prepare_prediction(mask, provenance, np.full((1, 3), IGNORE, np.uint8), text="")
    apply_edit(edit, mask, provenance)
    assert mask.tolist() == [[IGNORE, IGNORE, 5]]
    assert provenance.tolist() == [[0, 0, 2]]


def test_a_prediction_of_another_size_is_refused():
    small, large = np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)
    with pytest.raises(MaskError, match="3 x 2 pixels"):
        prepare_prediction(small, small, large, text="")


def test_the_result_of_an_edit_is_what_applying_it_gives_and_changes_nothing():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 4, (7, 9)).astype(np.uint8) for _ in range(4)]
    for changed, same in ((arrays[1], arrays[0]), (arrays[3], arrays[2])):
        changed[:2], changed[:, 6:] = same[:2], same[:, 6:]  # a rectangle inside of the image
    mask, provenance = arrays[0].copy(), arrays[2].copy()
    edit = make_edit(Rect(0, 0, 7, 9), *arrays, kind="import", text="")
    result = edit_result(edit, mask, provenance)
    assert np.array_equal(mask, arrays[0])
    assert np.array_equal(provenance, arrays[2])
    assert np.array_equal(result.mask, arrays[1][edit.rect.slices])
    assert np.array_equal(result.provenance, arrays[3][edit.rect.slices])
    num_before, num_after = ((array == Provenance.CORRECTED).sum() for array in arrays[2:])
    assert result.num_corrected_change == num_after - num_before != 0
    assert not result.mask.flags.writeable
