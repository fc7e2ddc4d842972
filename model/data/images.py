"""The one reader of images: what it returns is what the user sees and what the network sees."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.data.image_files import array_of, opened_image
from model.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp"}
)
"""Endings of the files that a folder lists, in lower case."""

_DARKEST_PERCENT = 0.1
_BRIGHTEST_PERCENT = 99.9
_MOST_SAMPLES = 1_000_000

_PNG_ORIENTATIONS = {"exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"}

_TRANSPOSITIONS = {  # EXIF orientation -> member of PIL.Image.Transpose
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


@dataclass(frozen=True, eq=False)
class RasterImage:
    """A decoded image.

    Attributes:
        pixels: (H, W, 3) uint8, red, green, blue; read-only.
    """

    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])


def is_image_name(name: str) -> bool:
    """Whether a file of this name is listed as an image; nothing is opened.

    Hidden files are not: ``._photo.jpg`` is what macOS leaves beside ``photo.jpg``.
    """
    base = os.path.basename(name)
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES


def image_size(path: Path) -> tuple[int, int]:
    """The (height, width) that `read_image` would return, from the header alone.

    Raises:
        ImageError: as `read_image`; damage behind the header goes unnoticed.
    """
    with opened_image(path) as image:
        width, height = image.size
        if image.format == "PNG" and _is_plain_png(image):
            return height, width
        return (width, height) if _orientation(image) >= 5 else (height, width)


def read_image(path: Path) -> RasterImage:
    """Reads the first frame of an image as 8-bit RGB, upright.

    - EXIF orientation is applied here and nowhere else.
    - Transparent pixels lie on white, as paper and browsers show them: the colour hidden under
      full transparency is arbitrary, and black drawings would vanish on black.
    - Gray, palette, 1-bit and CMYK become RGB.
    - Images with one channel of more than 8 bits are mapped linearly, so that the darkest and
      the brightest 0.1 % of their pixels just clip. 16-bit RGB keeps the upper 8 bits.

    Raises:
        ImageError: missing, empty, damaged, truncated, no image, too large, or not readable.
    """
    with opened_image(path) as image:
        pixels = array_of(_upright(_as_rgb(image, path), _orientation(image)))
    return RasterImage(pixels)


def read_thumbnail(path: Path, max_side_px: int) -> NDArray[np.uint8]:
    """Reads an image scaled down so that no side is longer than ``max_side_px``; never up.

    JPEG is decoded at a fraction of its size, which is several times faster.

    Returns:
        (h, w, 3) uint8 RGB, read-only, upright as `read_image`.

    Raises:
        ImageError: as `read_image`.
    """
    from PIL import Image

    with opened_image(path) as image:
        orientation = _orientation(image)
        image.draft(None, (max_side_px, max_side_px))
        rgb = _as_rgb(image, path)
        scale = min(1.0, max_side_px / max(rgb.size))
        size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
        if size != rgb.size:
            rgb = rgb.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        pixels = np.asarray(_upright(rgb, orientation))
    pixels.setflags(write=False)
    return pixels


def _orientation(image: Image) -> int:
    """The EXIF orientation that is still to be applied: 1 is upright, 5 and more swap the sides."""
    if image.format == "TIFF":  # Pillow's TIFF reader applies it itself, to the size as well
        return 1
    orientation = image.getexif().get(0x0112, 1)
    return orientation if orientation in _TRANSPOSITIONS else 1


def _is_plain_png(image: Image) -> bool:
    """Whether a PNG is complete and has nowhere an orientation; the file is not decoded.

    An orientation may stand behind the pixels, so Pillow's ``getexif`` decodes them all to look
    there: 5 ms for a small photo. The lengths of the chunks lead there as well.
    """
    file = getattr(image, "fp", None)
    if file is None or _PNG_ORIENTATIONS & image.info.keys():
        return False
    file.seek(8)
    is_behind_pixels = False
    while len(head := file.read(8)) == 8:
        kind = head[4:]
        if kind == b"IEND":
            return True
        if is_behind_pixels and kind in (b"eXIf", b"iTXt", b"zTXt", b"tEXt"):
            return False
        is_behind_pixels |= kind == b"IDAT"
        file.seek(int.from_bytes(head[:4], "big") + 4, os.SEEK_CUR)
    return False


def _upright(image: Image, orientation: int) -> Image:
    from PIL import Image as PillowImage

    if orientation == 1:
        return image
    return image.transpose(PillowImage.Transpose[_TRANSPOSITIONS[orientation]])


def _as_rgb(image: Image, path: Path) -> Image:
    from PIL import Image as PillowImage

    if image.mode.startswith(("I", "F")):
        return PillowImage.fromarray(_stretched(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    if image.mode == "LAB":
        raise ImageError(
            f"The image {path.name!r} holds L*a*b* colours; gray, RGB or CMYK was expected.",
            remedy="Convert it to RGB with an image editor.",
        )
    image.load()  # damage is found here and not in whoever looks at the pixels first
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(rgba: Image) -> Image:
    from PIL import Image as PillowImage

    if rgba.getchannel("A").getextrema() == (255, 255):
        return rgba.convert("RGB")
    white = PillowImage.new("RGBA", rgba.size, (255, 255, 255, 255))
    white.alpha_composite(rgba)
    return white.convert("RGB")


def _stretched(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Maps (H, W) numbers of any type to uint8, linearly between two percentiles.

    Both display and network get this, so the user judges what the network was given. NaN is 0.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return _stretched_16_bit(values.astype(np.uint16))
    numbers: NDArray[np.floating[Any]] = values.astype(
        np.float32 if values.dtype.itemsize <= 4 else np.float64
    )
    finite = numbers[np.isfinite(numbers)]
    if finite.size == 0:
        return np.zeros(values.shape, np.uint8)
    sample = finite[:: 1 + finite.size // _MOST_SAMPLES]
    low, high = np.percentile(sample, (_DARKEST_PERCENT, _BRIGHTEST_PERCENT))
    return _scaled(numbers, float(low), float(high))


def _stretched_16_bit(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The same by counting and a table, which is exact and several times faster."""
    ranks = np.cumsum(np.bincount(values.reshape(-1), minlength=1 << 16))
    wanted = np.array((_DARKEST_PERCENT, _BRIGHTEST_PERCENT)) / 100 * (values.size - 1)
    outward = np.floor(wanted[0]), np.ceil(wanted[1])  # a few pixels keep their full range
    low, high = np.searchsorted(ranks, outward, side="right")
    return _scaled(np.arange(1 << 16, dtype=np.float32), float(low), float(high))[values]


def _scaled(numbers: NDArray[np.floating[Any]], low: float, high: float) -> NDArray[np.uint8]:
    span = max(high - low, float(np.finfo(np.float32).tiny))
    share = np.nan_to_num(np.clip((numbers - low) / span, 0.0, 1.0), nan=0.0)
    levels: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return levels
