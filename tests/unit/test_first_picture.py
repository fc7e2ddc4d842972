"""The picture that stands in for the first image: right, or none at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage

from model.data.images import read_image
from seggui.tasks import first_picture
from seggui.tasks.first_picture import read_picture


def colors(height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def pixels_of(image: QImage) -> np.ndarray:
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize("ending", ["png", "bmp"])
def test_a_picture_has_the_pixels_that_the_program_reads(
    tmp_path: Path, mode: str, ending: str
) -> None:
    path = tmp_path / f"image.{ending}"
    Image.fromarray(colors()).convert(mode).save(path)

    picture = read_picture("image", path, {"scale": 2.0})

    assert picture is not None
    assert picture.size == (24, 40)
    assert picture.view == {"scale": 2.0}
    assert np.array_equal(pixels_of(picture.image), read_image(path).pixels)


def test_a_turned_photograph_stands_upright(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    halves = np.zeros((32, 48, 3), np.uint8)
    halves[:, 24:] = 255
    Image.fromarray(halves).save(path, exif=exif, quality=95)

    picture = read_picture("image", path, None)

    assert picture is not None
    assert picture.size == (48, 32)
    expected = read_image(path).pixels.astype(int)
    assert np.abs(pixels_of(picture.image) - expected).max() < 8


def test_a_huge_image_is_read_with_fewer_pixels_but_keeps_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_picture, "MAX_PIXELS", 300)
    path = tmp_path / "large.png"
    Image.fromarray(colors()).save(path)

    picture = read_picture("image", path, None)

    assert picture is not None
    assert picture.size == (24, 40)
    assert (picture.image.height(), picture.image.width()) == (12, 20)


@pytest.mark.parametrize("kind", ["16 bit", "alpha", "tiff", "broken", "missing"])
def test_there_is_no_picture_where_it_might_look_different(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("image.tif" if kind == "tiff" else "image.png")
    if kind == "16 bit":
        Image.fromarray(np.arange(960, dtype=np.uint16).reshape(24, 40)).save(path)
    elif kind == "alpha":
        Image.fromarray(colors()).convert("RGBA").save(path)
    elif kind == "tiff":
        Image.fromarray(colors()).save(path)
    elif kind == "broken":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))

    assert read_picture("image", path, None) is None
