"""What every mask format promises, and what each one adds."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.data.label_sets import (
    LabelClass,
    LabelSet,
    builtin_label_sets,
    generic_label_set,
    suggest_label_set,
)
from model.errors import LabelSetError, MaskError, StorageError
from model.formats.overlay import blend
from model.formats.table import DEFAULT_FORMAT, FORMATS, mask_format

CAMVID = suggest_label_set(11)
LOSSLESS = [name for name, each in FORMATS.items() if each.decode]
LABEL_SETS = [*builtin_label_sets(), generic_label_set(1), generic_label_set(255)]


def masks_of(label_set: LabelSet) -> st.SearchStrategy[np.ndarray]:
    shapes = st.sampled_from([(1, 1), (1, 17), (17, 1), (23, 31)])
    values = np.array([*range(len(label_set)), 255], np.uint8)
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(
        lambda shape, seed: np.random.default_rng(seed).choice(values, shape), shapes, seeds
    )


def test_the_table_is_complete_and_read_only():
    assert list(FORMATS) == ["index-png", "gray-png", "color-png", "overlay"]
    assert DEFAULT_FORMAT in FORMATS
    for name, each in FORMATS.items():
        assert each.name == name
        assert each.suffix.startswith(".")
        assert each.title
        assert each.description.endswith(".")
    with pytest.raises(TypeError):
        FORMATS["new"] = FORMATS["overlay"]


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(StorageError, match=r"'coco'.*index-png.*overlay"):
        mask_format("coco")


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_lossless_format_round_trips_exactly(name, data):
    label_set = data.draw(st.sampled_from(LABEL_SETS))
    mask = data.draw(masks_of(label_set))
    each = FORMATS[name]

    decoded = each.decode(each.encode(mask, None, label_set), label_set)

    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, mask)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n rest"])
def test_a_corrupt_file_is_a_mask_error(name, content):
    with pytest.raises(MaskError):
        FORMATS[name].decode(content, CAMVID)


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_truncated_file_is_a_mask_error(name):
    mask = np.random.default_rng(0).integers(0, 11, (99, 99), dtype=np.uint8)
    data = FORMATS[name].encode(mask, None, CAMVID)

    with pytest.raises(MaskError):
        FORMATS[name].decode(data[: len(data) // 2], CAMVID)


def _opened(name: str, mask: np.ndarray, image: np.ndarray | None = None) -> Image.Image:
    opened = Image.open(io.BytesIO(FORMATS[name].encode(mask, image, CAMVID)))
    opened.load()
    return opened


def test_gray_png_has_no_palette_and_the_index_png_has_one():
    mask = np.array([[0, 10, 255]], np.uint8)

    assert _opened("gray-png", mask).mode == "L"
    assert np.asarray(_opened("gray-png", mask)).tolist() == [[0, 10, 255]]
    assert _opened("index-png", mask).mode == "P"


def test_color_png_is_rgb_with_exactly_the_colours_of_the_classes():
    mask = np.array([[3, 4, 255]], np.uint8)

    opened = _opened("color-png", mask)

    assert opened.mode == "RGB"
    assert np.asarray(opened).tolist() == [[[128, 64, 128], [60, 40, 222], [0, 0, 0]]]


def test_ignore_and_a_black_background_stay_apart_in_colour():
    voc = suggest_label_set(21)
    mask = np.array([[0, 255]], np.uint8)

    data = FORMATS["color-png"].encode(mask, None, voc)

    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown.tolist() == [[[0, 0, 0], [224, 224, 192]]]  # as VOC itself shows its void


def test_color_png_refuses_classes_that_share_a_colour():
    twins = LabelSet("twins", tuple(LabelClass(i, n, (9, 9, 9)) for i, n in enumerate("ab")))
    mask = np.zeros((2, 2), np.uint8)
    good = FORMATS["color-png"].encode(mask, None, CAMVID)

    with pytest.raises(LabelSetError, match=r"share a colour.*'a', 'b'"):
        FORMATS["color-png"].encode(mask, None, twins)
    with pytest.raises(LabelSetError, match="share a colour"):
        FORMATS["color-png"].decode(good, twins)


def test_color_png_refuses_values_without_a_class():
    with pytest.raises(MaskError, match=r"\{11: 1\}"):
        FORMATS["color-png"].encode(np.array([[0, 11]], np.uint8), None, CAMVID)


def test_unknown_colours_are_named_with_their_pixels_and_never_folded():
    pixels = np.full((3, 3, 3), (128, 64, 128), np.uint8)
    pixels[0, 0] = (1, 2, 3)
    pixels[1] = (128, 64, 127)  # one step beside road: what a JPEG in between would make
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")

    with pytest.raises(MaskError) as caught:
        FORMATS["color-png"].decode(buffer.getvalue(), CAMVID)

    assert "2 colours" in str(caught.value)
    assert "(128, 64, 127): 3 pixels" in str(caught.value)
    assert "(1, 2, 3): 1 pixels" in str(caught.value)


def test_opaque_rgba_colour_masks_are_read_because_cityscapes_ships_them():
    mask = np.array([[0, 3]], np.uint8)
    buffer = io.BytesIO()
    _opened("color-png", mask).convert("RGBA").save(buffer, "PNG")

    assert FORMATS["color-png"].decode(buffer.getvalue(), CAMVID).tolist() == [[0, 3]]


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("RGB", "JPEG"), ("RGBA", "PNG")])
def test_other_pictures_are_no_colour_masks(mode, kind):
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, kind)  # the RGBA one is transparent

    with pytest.raises(MaskError, match="no colour mask"):
        FORMATS["color-png"].decode(buffer.getvalue(), CAMVID)


def test_blend_mixes_by_opacity_and_leaves_ignore_plain():
    mask = np.zeros((5, 9), np.uint8)
    mask[:, 6:] = 255
    image = np.full((5, 9, 3), (0, 100, 255), np.uint8)

    half = blend(mask, image, CAMVID, opacity=0.5)

    assert half[2, 2].tolist() == [64, 114, 191]
    assert np.array_equal(half[:, 6:], image[:, 6:])


@pytest.mark.parametrize(("opacity", "expected"), [(0.0, (0, 100, 255)), (1.0, (128, 128, 128))])
def test_blend_reaches_both_ends(opacity, expected):
    image = np.full((4, 4, 3), (0, 100, 255), np.uint8)

    shown = blend(np.zeros((4, 4), np.uint8), image, CAMVID, opacity=opacity)

    assert (shown == expected).all()


def test_borders_between_classes_are_visible():
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 1
    image = np.full((8, 8, 3), 200, np.uint8)

    shown = blend(mask, image, CAMVID, opacity=0.2)

    assert (shown[:, 4] == CAMVID.classes[1].color).all()
    assert not (shown[:, 5] == CAMVID.classes[1].color).any()


def test_an_overlay_has_the_size_of_the_image_and_is_near_the_blend():
    mask = np.zeros((23, 31), np.uint8)
    mask[10:, :] = 3
    image = np.full((23, 31, 3), 90, np.uint8)

    opened = _opened("overlay", mask, image)

    assert opened.size == (31, 23)
    assert np.abs(np.asarray(opened).astype(int) - blend(mask, image, CAMVID)).mean() < 6


def test_an_overlay_needs_an_image_of_the_same_size():
    mask = np.zeros((4, 4), np.uint8)
    with pytest.raises(MaskError, match="needs the image"):
        FORMATS["overlay"].encode(mask, None, CAMVID)
    with pytest.raises(MaskError, match="same height and width"):
        FORMATS["overlay"].encode(mask, np.zeros((4, 5, 3), np.uint8), CAMVID)
