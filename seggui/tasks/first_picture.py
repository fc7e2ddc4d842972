"""How an image looks, read by Qt alone: neither numpy nor Pillow have to be there for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

from seggui.canvas.image_view import Picture

FORMATS = frozenset((b"jpeg", b"png", b"bmp", b"webp"))
MAX_PIXELS = 2**22
"""Larger images are read with fewer pixels, more than any window of the first second has."""

_PLAIN = frozenset(
    (
        QImage.Format.Format_RGB32, QImage.Format.Format_RGB888,
        QImage.Format.Format_Grayscale8, QImage.Format.Format_Indexed8,
    )
)  # fmt: skip
"""Eight bits per channel and opaque: only these look the same by any reader."""


def read_picture(key: str, path: Path, view: Mapping[str, float] | None) -> Picture | None:
    """Reads an image the fast way, upright as its EXIF orientation says.

    Args:
        key: the image.
        path: its file.
        view: zoom and position that it will be shown with, or None.

    Returns:
        None where the picture might differ from what the program's own reader makes of the file,
        or where it cannot be read: that reader says why.
    """
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    stored = reader.size()
    is_known = bytes(reader.format().data()) in FORMATS and reader.imageFormat() in _PLAIN
    if not is_known or stored.isEmpty() or reader.supportsAnimation():
        return None
    size = stored
    while size.width() * size.height() > MAX_PIXELS:
        size = QSize(size.width() // 2, size.height() // 2)
    if size != stored:
        reader.setScaledSize(size)
    image = reader.read()
    if image.isNull():
        return None
    quarter_turn = QImageIOHandler.Transformation.TransformationRotate90
    is_turned = bool(reader.transformation() & quarter_turn)
    height, width = stored.height(), stored.width()
    return Picture(image, key, (width, height) if is_turned else (height, width), view)
