"""Opens image files with Pillow: by content, without surprises, with errors a user can act on.

Only the one plugin that a file needs is imported. ``PIL.Image.open`` would import five to
forty-odd, depending on the ending, and would also hand hostile files to rarely used parsers.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from model.errors import ImageError, MaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

MAX_PIXELS = 400_000_000
"""Larger files are refused: decoded they need about 3 GB."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIGNATURE_BYTES = 16
_BAND_BYTES = 2**20

_DECODE_ERRORS = (
    # What Pillow's decoders raise on damaged files, found by cutting and flipping bytes.
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, AssertionError,
    ArithmeticError, EOFError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class _FileKind:
    module: str
    plugin: str
    signatures: tuple[bytes, ...]

    def fits(self, head: bytes) -> bool:
        if self.module == "WebPImagePlugin":
            return head[:4] == b"RIFF" and head[8:12] == b"WEBP"
        return head.startswith(self.signatures)


_KINDS = (
    _FileKind("JpegImagePlugin", "JpegImageFile", (b"\xff\xd8\xff",)),
    _FileKind("PngImagePlugin", "PngImageFile", (PNG_SIGNATURE,)),
    _FileKind("TiffImagePlugin", "TiffImageFile", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    _FileKind("WebPImagePlugin", "WebPImageFile", (b"RIFF",)),
    _FileKind("BmpImagePlugin", "BmpImageFile", (b"BM",)),
)


@dataclass(frozen=True)
class _Reporter:
    """Makes the errors for one file."""

    path: Path
    error_type: type[ImageError] | type[MaskError]

    def error(self, problem: str, remedy: str) -> ImageError | MaskError:
        what = "image" if self.error_type is ImageError else "mask"
        return self.error_type(f"The {what} {self.path.name!r} {problem}", remedy=remedy)

    def from_os(self, error: OSError) -> ImageError | MaskError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return self.error(
                f"does not exist in {self.path.parent}.",
                "It may have been moved or renamed; open the folder again.",
            )
        if isinstance(error, PermissionError):
            return self.error(
                "exists, but may not be read.", "Allow your user to read the file, then try again."
            )
        return self.error(
            f"cannot be read: {error.strerror or error}.",
            "Check the disk or the network drive, then try again.",
        )

    def damaged(self, error: BaseException) -> ImageError | MaskError:
        return self.error(
            f"is damaged or incomplete; a whole file was expected ({error}).",
            "Copy it again from where it came from.",
        )


def array_of(image: Image) -> NDArray[np.uint8]:
    """The 8-bit pixels of an image, a new array (H, W) or (H, W, channels).

    Copied in bands. Pillow hands pixels over under Python's lock, which takes 20 ms for a mask of
    8192 x 4096: a brush that moves meanwhile would stand still for as long.
    """
    image.load()
    width, height = image.size
    num_channels = len(image.getbands())
    shape = (height, width) if num_channels == 1 else (height, width, num_channels)
    pixels = np.empty(shape, np.uint8)
    num_rows = max(1, _BAND_BYTES // (width * num_channels))
    for top in range(0, height, num_rows):
        bottom = min(top + num_rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


@contextlib.contextmanager
def opened_image(
    path: Path, *, error_type: type[ImageError] | type[MaskError] = ImageError
) -> Iterator[Image]:
    """Opens the first frame of an image file; only the header is read until pixels are asked for.

    Whatever goes wrong inside the ``with`` block while Pillow decodes becomes ``error_type``, so
    keep the block to decoding. Any thread may call this.

    Args:
        path: a JPEG, PNG, TIFF, BMP or WebP file; the content counts, not the ending.
        error_type: the error to raise, which also decides what the file is called in its sentence.

    Raises:
        ImageError: (or ``error_type``) missing, a folder, not readable, empty, of another kind,
            damaged, truncated, or more than ``MAX_PIXELS`` pixels.
    """
    reporter = _Reporter(path, error_type)
    with _opened_file(reporter) as file, _decoded(file, reporter) as image:
        yield image


@contextlib.contextmanager
def opened_bytes(
    data: bytes, name: str, *, error_type: type[ImageError] | type[MaskError] = ImageError
) -> Iterator[Image]:
    """As `opened_image`, for a file that is in memory already; errors call it ``name``."""
    with _decoded(io.BytesIO(data), _Reporter(Path(name), error_type)) as image:
        yield image


@contextlib.contextmanager
def _decoded(file: IO[bytes], reporter: _Reporter) -> Iterator[Image]:
    try:
        image = _opened_by_content(file, reporter)
        _refuse_giant(image, reporter)
        yield image
    except (ImageError, MaskError):
        raise
    except MemoryError as error:
        raise reporter.error(
            "needs more memory to decode than this computer has free.",
            "Close other programs, or cut the image into smaller ones.",
        ) from error
    except _DECODE_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise reporter.from_os(error) from error
        raise reporter.damaged(error) from error


@contextlib.contextmanager
def _opened_file(reporter: _Reporter) -> Iterator[IO[bytes]]:
    try:
        kind = reporter.path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise reporter.error(
                "is a folder; an image file was expected.", "Choose a file inside it."
            )
        if not stat.S_ISREG(kind):  # opening a pipe would wait for ever
            raise reporter.error(
                "is not a regular file but a device or a pipe.", "Choose an image file."
            )
        file = reporter.path.open("rb")
    except OSError as error:
        raise reporter.from_os(error) from error
    except ValueError as error:  # a NUL in the name
        raise reporter.error(f"has an impossible name: {error}.", "Choose another file.") from error
    with file:
        yield file


def _shown(head: bytes) -> str:
    """First bytes for people: as text where they are such, else as numbers."""
    if all(32 <= byte < 127 for byte in head):
        return f'"{head.decode("ascii")}"'
    return "the bytes " + head.hex(" ")


def _opened_by_content(file: IO[bytes], reporter: _Reporter) -> Image:
    head = file.read(_SIGNATURE_BYTES)
    if not head:
        raise reporter.error(
            "is empty (0 bytes).", "Copy it again from where it came from, or remove it."
        )
    kind = next((kind for kind in _KINDS if kind.fits(head)), None)
    if kind is None:
        raise reporter.error(
            f"is not a picture that can be read: it begins with {_shown(head[:8])}; "
            "JPEG, PNG, TIFF, BMP or WebP was expected.",
            "Convert it to PNG, or remove it from the folder.",
        )
    _allow_large_images()
    from PIL.Image import DecompressionBombError

    plugin = importlib.import_module(f"PIL.{kind.module}")
    file.seek(0)
    try:
        return cast("Image", getattr(plugin, kind.plugin)(file))
    except DecompressionBombError as error:  # the WebP header, far above the limit
        raise reporter.error(
            f"is too large: {error} At most {MAX_PIXELS:,} pixels can be opened.",
            "Cut it into smaller images.",
        ) from error


def _allow_large_images() -> None:
    """Raises Pillow's own limit to ours, once, at the first file.

    Pillow warns above 89 million pixels and refuses twice that, inside its TIFF and WebP decoders
    too, where no argument reaches. The module variable is its documented switch.
    """
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS is not None and Image.MAX_IMAGE_PIXELS < MAX_PIXELS:
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def _refuse_giant(image: Image, reporter: _Reporter) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise reporter.error(
            f"has {width} x {height} = {width * height:,} pixels; "
            f"at most {MAX_PIXELS:,} can be opened.",
            "Cut it into smaller images.",
        )
