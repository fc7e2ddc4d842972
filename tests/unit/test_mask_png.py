"""The quick reader of our own masks: the same pixels as Pillow, or none."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.data import mask_png
from model.data.label_sets import LabelClass, LabelSet
from model.data.mask_png import read_plain_mask
from model.data.masks import _chunk, encode_mask

LABELS = LabelSet("two", (LabelClass(0, "a", (1, 2, 3)), LabelClass(1, "b", (4, 5, 6))))


def by_pillow(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("label_set", [None, LABELS])
@pytest.mark.parametrize("band_bytes", [1, 100, 2**20])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (37, 53)])
def test_it_reads_what_the_writer_wrote(
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int],
    band_bytes: int,
    label_set: LabelSet | None,
) -> None:
    monkeypatch.setattr(mask_png, "_BAND_BYTES", band_bytes)
    mask = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    read = read_plain_mask(encode_mask(mask, label_set))
    assert read is not None
    assert np.array_equal(read, mask)
    assert read.flags.writeable


def test_pixels_may_be_spread_over_several_chunks() -> None:
    mask = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    data = encode_mask(mask, None)
    start = data.index(b"IDAT") - 4
    end = data.index(b"IEND") - 4
    packed = data[start + 8 : end - 4]
    pieces = [packed[i : i + 7] for i in range(0, len(packed), 7)]
    spread = data[:start] + b"".join(_chunk(b"IDAT", piece) for piece in pieces) + data[end:]
    read = read_plain_mask(spread)
    assert read is not None
    assert np.array_equal(read, mask)
    assert np.array_equal(by_pillow(spread), mask)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA", "I;16"])
def test_what_others_wrote_is_right_or_left_to_pillow(mode: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    gray_16 = Image.fromarray(values[:, :, 0].astype(np.uint16) * 257)
    image = gray_16 if mode == "I;16" else Image.fromarray(values).convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    read = read_plain_mask(file.getvalue())
    assert read is None or np.array_equal(read, by_pillow(file.getvalue()))


@pytest.mark.parametrize("size", [0, 7, 8, 20, 40, -1, -5, -13, -20])
def test_a_file_that_is_cut_off_is_left_to_pillow(size: int) -> None:
    data = encode_mask(np.random.default_rng(0).integers(0, 9, (20, 30), np.uint8), None)
    assert read_plain_mask(data[:size]) is None


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_never_changes_pixels_unnoticed(place: int, value: int) -> None:
    mask = np.arange(600, dtype=np.uint16).astype(np.uint8).reshape(20, 30)
    data = bytearray(encode_mask(mask, LABELS))
    data[place % len(data)] = value
    read = read_plain_mask(bytes(data))
    assert read is None or np.array_equal(read, mask)


def test_an_absurd_size_takes_no_memory() -> None:
    data = encode_mask(np.zeros((2, 2), np.uint8), None)
    header = bytearray(data[16:29])
    header[:8] = b"\x7f\xff\xff\xff" * 2
    start = data.index(b"IDAT") - 4
    assert read_plain_mask(data[:8] + _chunk(b"IHDR", bytes(header)) + data[start:]) is None
