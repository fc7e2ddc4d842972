"""What the reader and writer of masks promise."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from model.data.label_sets import LabelClass, LabelSet, generic_label_set, suggest_label_set
from model.data.masks import (
    decode_mask,
    encode_mask,
    ignore_color,
    palette,
    read_mask,
    unknown_values,
    write_mask,
)
from model.errors import MaskError, StorageError

CAMVID = suggest_label_set(11)


@pytest.fixture
def mask() -> np.ndarray:
    values = np.array([*range(11), 255], np.uint8)
    return np.random.default_rng(0).choice(values, (37, 53))


@settings(max_examples=60, deadline=None)
@given(
    mask=st_numpy.arrays(np.uint8, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=20)),
    with_palette=st.booleans(),
)
def test_every_mask_survives_encoding_exactly(mask, with_palette):
    assert np.array_equal(decode_mask(encode_mask(mask, CAMVID if with_palette else None)), mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (361, 479)])
def test_odd_sizes_survive_the_disk(tmp_path, shape):
    mask = np.random.default_rng(1).integers(0, 11, shape, dtype=np.uint8)

    write_mask(tmp_path / "m.png", mask, CAMVID)

    assert np.array_equal(read_mask(tmp_path / "m.png"), mask)


def test_a_read_mask_belongs_to_the_caller(tmp_path, mask):
    write_mask(tmp_path / "m.png", mask, CAMVID)

    read = read_mask(tmp_path / "m.png")
    read[0, 0] = 3

    assert read.dtype == np.uint8


def test_any_viewer_shows_the_colours_of_the_classes(tmp_path, mask):
    write_mask(tmp_path / "m.png", mask, CAMVID)

    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB"))

    for label_class in CAMVID.classes:
        assert (shown[mask == label_class.index] == label_class.color).all()
    assert (shown[mask == 255] == (0, 0, 0)).all()


def test_a_non_contiguous_mask_is_written_as_it_looks(mask):
    assert np.array_equal(decode_mask(encode_mask(mask.T[::-1], CAMVID)), mask.T[::-1])


def test_the_file_holds_no_gamma_profile_text_or_time(mask):
    assert _chunk_names(encode_mask(mask, CAMVID)) <= {"IHDR", "PLTE", "IDAT", "IEND"}
    assert _chunk_names(encode_mask(mask, None)) <= {"IHDR", "IDAT", "IEND"}


def _chunk_names(data: bytes) -> set[str]:
    names, position = set(), 8
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        names.add(data[position + 4 : position + 8].decode())
        position += 12 + length
    return names


def test_the_same_mask_gives_the_same_bytes(mask):
    assert encode_mask(mask, CAMVID) == encode_mask(mask.copy(), CAMVID)


def test_ignore_is_never_shown_in_the_colour_of_a_class():
    voc = suggest_label_set(21)  # its background is black
    black_and_more = LabelSet(
        "dark",
        tuple(
            LabelClass(i, str(i), c)
            for i, c in enumerate([(0, 0, 0), (224, 224, 192), (255, 255, 255)])
        ),
    )

    for label_set in (CAMVID, voc, black_and_more, generic_label_set(255)):
        assert ignore_color(label_set) not in {c.color for c in label_set.classes}
        assert palette(label_set)[255].tolist() == list(ignore_color(label_set))


def test_gray_and_one_bit_files_are_read_as_indices(tmp_path):
    Image.fromarray(np.array([[0, 10, 255]], np.uint8)).save(tmp_path / "gray.png")
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(tmp_path / "bit.png")

    assert read_mask(tmp_path / "gray.png").tolist() == [[0, 10, 255]]
    assert read_mask(tmp_path / "bit.png").tolist() == [[0, 1]]


def test_the_index_counts_and_not_the_colour(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([7, 7, 7] * 3)
    image.save(tmp_path / "same.png", transparency=1)

    assert read_mask(tmp_path / "same.png").tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_palettes_keep_their_indices(tmp_path, bits):
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([9, 9, 9, 200, 0, 0])
    image.save(tmp_path / "small.png", bits=bits)

    assert read_mask(tmp_path / "small.png").tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("mode", "advice"),
    [
        ("RGB", "colour PNG"),
        ("RGBA", "colour PNG"),
        ("LA", "colour PNG"),
        ("I;16", "16 or more bits"),
    ],
)
def test_pictures_that_hold_no_indices_are_refused_with_advice(tmp_path, mode, advice):
    path = tmp_path / "no_mask.png"
    Image.new(mode, (4, 4)).save(path)

    with pytest.raises(MaskError, match=advice) as caught:
        read_mask(path)
    assert "no_mask.png" in str(caught.value)


def test_a_jpeg_is_refused_because_it_changes_values(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "lossy.png", "JPEG")

    with pytest.raises(MaskError, match="changes pixel values"):
        read_mask(tmp_path / "lossy.png")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", None])
def test_broken_files_are_mask_errors_that_name_the_file(tmp_path, content):
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(MaskError, match=r"The mask 'broken\.png'"):
        read_mask(path)


def test_a_truncated_mask_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (99, 99), dtype=np.uint8)
    path = tmp_path / "cut.png"
    write_mask(path, noise, None)
    path.write_bytes(path.read_bytes()[:-3000])

    with pytest.raises(MaskError, match="damaged"):
        read_mask(path)


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 2), np.int64), np.zeros((2, 2, 3), np.uint8), np.zeros((0, 3), np.uint8)],
)
def test_what_is_no_mask_is_not_encoded(array):
    with pytest.raises(MaskError, match="uint8"):
        encode_mask(array, CAMVID)


def test_writing_makes_the_folders_and_leaves_no_other_file(tmp_path, mask):
    path = tmp_path / "masks" / "sub folder" / "straße 道路.png"

    write_mask(path, mask, CAMVID)

    assert np.array_equal(read_mask(path), mask)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_write_keeps_the_old_mask(tmp_path, mask, monkeypatch):
    path = tmp_path / "m.png"
    write_mask(path, mask, CAMVID)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StorageError, match="No space left"):
        write_mask(path, np.zeros_like(mask), CAMVID)

    assert np.array_equal(read_mask(path), mask)
    assert [p.name for p in tmp_path.iterdir()] == ["m.png"]


def test_unknown_values_are_counted_and_ignore_is_not_one():
    mask = np.array([[0, 10, 11], [11, 254, 255]], np.uint8)

    assert unknown_values(mask, CAMVID) == {11: 2, 254: 1}
    assert unknown_values(mask[:1, :2], CAMVID) == {}


def test_segnet_masks_are_read_with_their_void_reported():
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "camvid" / "trainannot"
    files = sorted(folder.glob("*.png"))[::60]
    if not files:
        pytest.skip(f"no CamVid masks in {folder}")
    for path in files:
        mask = read_mask(path)
        assert mask.shape == (360, 480)
        assert set(unknown_values(mask, CAMVID)) <= {11}


@pytest.mark.parametrize("size", [(1, 1), (3000, 700), (700, 3000), (5, 3_000_000)])
def test_large_masks_are_read_in_bands_without_a_seam(tmp_path, size):
    mask = np.random.default_rng(0).integers(0, 12, size, dtype=np.uint8)
    write_mask(tmp_path / "mask.png", mask, None)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)
