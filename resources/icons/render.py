"""Draws the bitmap icons from ``seggui.svg``: ``python resources/icons/render.py``.

The results are committed; a test compares them with the drawing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

HERE = Path(__file__).parent
WINDOWS_SIZES = [16, 24, 32, 48, 64, 128, 256]


def render(source: Path, size: int) -> Image.Image:
    """Draws an SVG file as a square RGBA image of ``size`` pixels; needs a QGuiApplication."""
    image = QImage(size, size, QImage.Format.Format_RGBA8888)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(source)).render(painter)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(size, size, 4)
    return Image.fromarray(pixels.copy())


def write_icons(folder: Path) -> None:
    """Writes ``seggui.png``, ``seggui.ico`` and ``seggui.icns`` to ``folder``."""
    source = HERE / "seggui.svg"
    render(source, 256).save(folder / "seggui.png", optimize=True)
    small = [render(source, size) for size in WINDOWS_SIZES]
    small[-1].save(
        folder / "seggui.ico",
        sizes=[(size, size) for size in WINDOWS_SIZES],
        append_images=small[:-1],
    )
    render(source, 512).save(folder / "seggui.icns")


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication(sys.argv[:1])
    write_icons(HERE)
