"""What the reader of images promises."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.data import image_files
from model.data.images import image_size, is_image_name, read_image, read_thumbnail
from model.errors import ImageError


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


# Stored pixels -> upright pixels, written out from the EXIF standard, not from the reader.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path, pixels, orientation, suffix):
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)

    image = read_image(path)

    assert np.array_equal(image.pixels, UPRIGHT[orientation](pixels))
    assert image_size(path) == (image.height, image.width)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_thumbnail_of_a_jpeg_is_turned_like_the_image(tmp_path, orientation):
    stored = np.zeros((96, 160, 3), np.uint8)
    stored[:48, :80] = (250, 20, 20)  # marks the stored top left corner
    stored[48:, 80:] = (20, 20, 250)
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif, quality=95)

    thumbnail = read_thumbnail(path, 20)

    expected = UPRIGHT[orientation](stored[4::8, 4::8])
    assert thumbnail.shape == expected.shape
    assert np.abs(thumbnail.astype(int) - expected).mean() < 12
    assert image_size(path) == UPRIGHT[orientation](stored).shape[:2]


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_impossible_orientation_is_no_orientation(tmp_path, pixels, orientation):
    path = tmp_path / "odd.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)

    assert np.array_equal(read_image(path).pixels, pixels)


def test_pixels_are_read_only_rgb_bytes(tmp_path, pixels):
    path = tmp_path / "plain.png"
    Image.fromarray(pixels).save(path)

    read = read_image(path).pixels

    assert read.dtype == np.uint8
    assert np.array_equal(read, pixels)
    with pytest.raises(ValueError, match="read-only"):
        read[0, 0, 0] = 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (361, 479)])
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_odd_sizes_are_read_exactly(tmp_path, shape, suffix):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    path = tmp_path / f"odd{suffix}"
    Image.fromarray(pixels).save(path)

    assert np.array_equal(read_image(path).pixels, pixels)
    assert image_size(path) == shape
    assert read_thumbnail(path, 1).shape == (1, 1, 3)


def test_gray_becomes_equal_channels(tmp_path, pixels):
    path = tmp_path / "gray.png"
    Image.fromarray(pixels[..., 0]).save(path)

    assert np.array_equal(read_image(path).pixels, np.repeat(pixels[..., :1], 3, axis=2))


def test_one_bit_becomes_black_and_white(tmp_path):
    path = tmp_path / "bits.png"
    Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1").save(path)

    assert read_image(path).pixels[0, :, 0].tolist() == [0, 255, 0]


def test_palette_becomes_its_colours(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(path)

    assert read_image(path).pixels.tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_transparent_palette_entries_lie_on_white(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(path, transparency=0)

    assert read_image(path).pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_transparent_pixels_lie_on_white(tmp_path):
    path = tmp_path / "alpha.png"
    stored = np.array([[[9, 9, 9, 0], [100, 0, 0, 255], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(stored).save(path)

    assert read_image(path).pixels.tolist() == [[[255] * 3, [100, 0, 0], [204] * 3]]


def test_opaque_alpha_changes_nothing(tmp_path, pixels):
    path = tmp_path / "opaque.png"
    Image.fromarray(np.dstack([pixels, np.full((5, 7), 255, np.uint8)])).save(path)

    assert np.array_equal(read_image(path).pixels, pixels)


def test_gray_with_alpha_lies_on_white(tmp_path):
    path = tmp_path / "la.png"
    Image.fromarray(np.array([[[40, 255], [40, 0]]], np.uint8)).save(path)

    assert read_image(path).pixels[0, :, 1].tolist() == [40, 255]


def test_cmyk_jpeg_becomes_rgb(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)

    red, green, blue = read_image(path).pixels[8, 8].tolist()

    assert red > 240
    assert max(green, blue) < 15
    assert read_thumbnail(path, 4).shape == (4, 4, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_gray_is_stretched_between_its_darkest_and_brightest(tmp_path, suffix):
    values = np.linspace(1000, 5000, 10_000).reshape(100, 100).astype(np.uint16)
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(values).save(path)

    gray = read_image(path).pixels[..., 0].astype(int)

    expected = (values.astype(float) - 1004) / (4996 - 1004) * 255
    assert np.abs(gray - np.clip(expected, 0, 255)).max() <= 1
    assert (gray.min(), gray.max()) == (0, 255)


def test_a_few_hot_pixels_do_not_darken_a_deep_image(tmp_path):
    values = np.tile(np.arange(1000, 1200, dtype=np.uint16), (200, 1))
    values[0, :3] = 65535
    path = tmp_path / "hot.tif"
    Image.fromarray(values).save(path)

    assert read_image(path).pixels[1:].max() == 255


def test_big_endian_sixteen_bit_tiff_is_read(tmp_path):
    values = np.array([[0, 30000, 60000]], np.uint16)
    path = tmp_path / "motorola.tif"
    image = Image.frombytes("I;16B", (3, 1), values.astype(">u2").tobytes())
    image.save(path)

    assert np.abs(read_image(path).pixels[0, :, 0].astype(int) - [0, 128, 255]).max() <= 1


def test_float_tiff_is_stretched_and_what_is_not_finite_is_harmless(tmp_path):
    values = np.linspace(-1, 3, 4096, dtype=np.float32).reshape(64, 64).copy()
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    path = tmp_path / "float.tif"
    Image.fromarray(values).save(path)

    gray = read_image(path).pixels[..., 0]

    assert gray[0, :3].tolist() == [0, 255, 0]
    assert abs(int(gray[32, 0]) - 128) <= 2
    assert gray[-1, -1] == 255


@pytest.mark.parametrize("value", [0.0, 7.5, np.nan])
def test_a_constant_deep_image_is_read(tmp_path, value):
    path = tmp_path / "flat.tif"
    Image.fromarray(np.full((4, 4), value, np.float32)).save(path)

    assert len(np.unique(read_image(path).pixels)) == 1


def test_thirty_two_bit_integers_are_stretched(tmp_path):
    path = tmp_path / "int.tif"
    Image.fromarray(np.array([[-100_000, 0, 100_000]], np.int32)).save(path)

    assert np.abs(read_image(path).pixels[0, :, 0].astype(int) - [0, 128, 255]).max() <= 1


def test_sixteen_bit_colour_keeps_the_upper_bits(tmp_path):
    path = tmp_path / "deep_colour.png"
    path.write_bytes(_sixteen_bit_rgb_png([(0x1234, 0x8000, 0xFFFF)]))

    assert read_image(path).pixels.tolist() == [[[0x12, 0x80, 0xFF]]]


def _sixteen_bit_rgb_png(row: list[tuple[int, int, int]]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", len(row), 1, 16, 2, 0, 0, 0)
    body = b"\0" + b"".join(struct.pack(">HHH", *pixel) for pixel in row)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_the_first_page_of_a_tiff_is_read(tmp_path, pixels):
    path = tmp_path / "pages.tif"
    Image.fromarray(pixels).save(
        path, save_all=True, append_images=[Image.new("RGB", (30, 30), (1, 2, 3))]
    )

    assert np.array_equal(read_image(path).pixels, pixels)
    assert image_size(path) == (5, 7)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_the_first_frame_of_an_animation_is_read(tmp_path, pixels, suffix):
    path = tmp_path / f"moving{suffix}"
    Image.fromarray(pixels).save(
        path, save_all=True, append_images=[Image.fromarray(255 - pixels)], lossless=True
    )

    assert np.array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff_is_read(tmp_path, pixels, compression):
    path = tmp_path / "packed.tif"
    Image.fromarray(pixels).save(path, compression=compression)

    assert np.array_equal(read_image(path).pixels, pixels)


def test_the_content_counts_and_not_the_ending(tmp_path, pixels):
    path = tmp_path / "really_a.jpg"
    Image.fromarray(pixels).save(path, "PNG")

    assert np.array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize(
    "name",
    [
        "straße 道路 🚗.png",
        "with blank.png",
        "100%.png",
        "#1@home.PNG",
        "a" * 120 + ".png",
        "a.b.c.png",
    ],
)
def test_odd_names_are_read(tmp_path, pixels, name):
    path = tmp_path / name
    Image.fromarray(pixels).save(path, "PNG")

    assert is_image_name(name)
    assert np.array_equal(read_image(path).pixels, pixels)


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.JPEG", "a.Png", "a.tif", "a.TIFF", "a.bmp", "a.webp", "sub/a.jpg"]
)
def test_image_names_are_recognised_in_any_case(name):
    assert is_image_name(name)


@pytest.mark.parametrize(
    "name", ["a.txt", "png", ".png", "._a.jpg", ".hidden.png", "a.png.part", ""]
)
def test_other_names_are_no_images(name):
    assert not is_image_name(name)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # on damaged metadata; then Pillow raises
@pytest.mark.parametrize("reader", [read_image, image_size, lambda p: read_thumbnail(p, 32)])
class TestFailures:
    """Every way to fail is an ImageError that names the file and says what to do."""

    def _refused(self, reader, path: Path) -> str:
        with pytest.raises(ImageError) as caught:
            reader(path)
        assert path.name in str(caught.value)
        assert caught.value.remedy
        return str(caught.value)

    def test_missing(self, reader, tmp_path):
        assert "does not exist" in self._refused(reader, tmp_path / "gone.png")

    def test_below_a_file(self, reader, tmp_path):
        (tmp_path / "file").write_bytes(b"x")
        assert "does not exist" in self._refused(reader, tmp_path / "file" / "a.png")

    def test_folder(self, reader, tmp_path):
        (tmp_path / "folder.png").mkdir()
        assert "is a folder" in self._refused(reader, tmp_path / "folder.png")

    def test_empty(self, reader, tmp_path):
        (tmp_path / "empty.png").write_bytes(b"")
        assert "empty" in self._refused(reader, tmp_path / "empty.png")

    def test_text(self, reader, tmp_path):
        (tmp_path / "text.png").write_text("<html>404</html>")
        assert "JPEG, PNG, TIFF, BMP or WebP" in self._refused(reader, tmp_path / "text.png")

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
    def test_signature_only(self, reader, tmp_path, kind):
        path = tmp_path / "start"
        Image.new("RGB", (50, 50)).save(path, kind)
        path.write_bytes(path.read_bytes()[:17])
        assert "damaged" in self._refused(reader, path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
    def test_pipe(self, reader, tmp_path):
        os.mkfifo(tmp_path / "pipe.png")
        assert "not a regular file" in self._refused(reader, tmp_path / "pipe.png")

    def test_not_allowed(self, reader, tmp_path, monkeypatch):
        path = tmp_path / "secret.png"
        path.write_bytes(b"x")

        def refuse(*_args, **_options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)  # a test may run as root, whom no mode stops
        assert "may not be read" in self._refused(reader, path)

    def test_impossible_name(self, reader, tmp_path):
        with pytest.raises(ImageError):
            reader(tmp_path / "nul\0.png")

    def test_too_many_pixels(self, reader, tmp_path):
        path = tmp_path / "giant.png"
        data = bytearray(_sixteen_bit_rgb_png([(0, 0, 0)]))
        data[16:24] = (20_001).to_bytes(4, "big") + (20_000).to_bytes(4, "big")
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        path.write_bytes(data)
        message = self._refused(reader, path)
        assert "400,020,000" in message
        assert "400,000,000" in message


def test_a_webp_that_claims_a_giant_canvas_is_refused_with_the_limit(tmp_path):
    side = (1 << 20).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + side + side
    path = tmp_path / "bomb.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)

    with pytest.raises(ImageError, match="400,000,000"):
        read_image(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_a_truncated_file_is_refused_and_not_half_shown(tmp_path, kind):
    path = tmp_path / "cut"
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, kind)
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(ImageError, match="damaged or incomplete"):
        read_image(path)


def test_an_image_above_pillows_own_limit_is_read_without_warning(tmp_path):
    path = tmp_path / "wide.png"
    Image.new("1", (10_000, 9_000)).save(path)  # 90 million: Pillow alone would warn

    assert image_size(path) == (9_000, 10_000)


def test_running_out_of_memory_is_an_image_error(tmp_path, pixels, monkeypatch):
    path = tmp_path / "large.png"
    Image.fromarray(pixels).convert("L").save(path)

    def exhausted(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", exhausted)
    with pytest.raises(ImageError, match="memory"):
        read_image(path)


def test_thumbnails_keep_the_shape_and_never_grow(tmp_path):
    path = tmp_path / "wide.png"
    Image.new("RGB", (300, 100)).save(path)

    assert read_thumbnail(path, 60).shape == (20, 60, 3)
    assert read_thumbnail(path, 1000).shape == (100, 300, 3)


def test_thumbnail_of_a_jpeg_looks_like_the_image(tmp_path):
    columns = np.tile(np.linspace(0, 255, 640).astype(np.uint8), (480, 1))
    path = tmp_path / "ramp.jpg"
    Image.fromarray(np.dstack([columns] * 3)).save(path, quality=95)

    thumbnail = read_thumbnail(path, 64)

    assert thumbnail.shape == (48, 64, 3)
    assert np.abs(thumbnail[24, :, 0].astype(int) - columns[0, 5::10]).max() < 10


def test_many_threads_may_read_at_once(tmp_path, pixels):
    suffixes = [".png", ".tif", ".bmp"]
    for suffix in suffixes:
        Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
    start = threading.Barrier(8)

    def read(i: int) -> bool:
        start.wait()
        paths = [tmp_path / f"a{suffixes[(i + k) % 3]}" for k in range(12)]
        return all(np.array_equal(read_image(path).pixels, pixels) for path in paths)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def test_importing_the_reader_imports_no_pillow():
    code = "import sys, model.data.images, model.data.masks; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_only_the_plugin_of_the_file_is_imported(tmp_path, pixels):
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    code = (
        "import sys, pathlib, model.data.images as i; i.read_image(pathlib.Path(sys.argv[1]));"
        "print(sorted(m for m in sys.modules if m.endswith('ImagePlugin')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "['PIL.PngImagePlugin']"


@pytest.fixture(scope="module")
def healthy_files() -> dict[str, bytes]:
    pixels = np.random.default_rng(3).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {}
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP"):
        buffer = io.BytesIO()
        options = {} if kind == "BMP" else {"exif": exif}
        Image.fromarray(pixels).save(buffer, kind, **options)
        files[kind] = buffer.getvalue()
    return files


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # damaged metadata; Pillow goes on
@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP", "BMP"]),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
    length=st.integers(1, 1 << 16),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(healthy_files, kind, changes, length):
    data = bytearray(healthy_files[kind])
    for position, value in changes:
        data[position % len(data)] = value
    data = data[: 1 + length % len(data)]

    with (
        contextlib.suppress(ImageError),
        image_files.opened_bytes(bytes(data), "damaged") as image,
    ):
        image.getexif()
        assert image.convert("RGB").size == image.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_png_heeds_an_orientation_behind_the_pixels(tmp_path, pixels, orientation):
    path = tmp_path / "turned.png"
    Image.fromarray(pixels).save(path)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + data))
    end = path.read_bytes()[-12:]
    path.write_bytes(path.read_bytes()[:-12] + chunk + end)

    assert image_size(path) == UPRIGHT[orientation](pixels).shape[:2]
    assert image_size(path) == read_image(path).pixels.shape[:2]


def test_the_size_of_a_png_that_was_cut_off_is_refused(tmp_path, pixels):
    path = tmp_path / "cut.png"
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(ImageError, match="damaged or incomplete"):
        image_size(path)
