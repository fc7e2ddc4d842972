"""Icons by meaning, drawn from the icon font in the theme's colours.

The glyphs are those of qtawesome's Material Design font, but qtawesome itself is not imported: its
import and first icon cost 410 ms on a 2-core machine (qtpy, and all twelve fonts are loaded), and
on Windows it copies fonts into the user's profile. Reading the one font and its table costs 16 ms.
"""

from __future__ import annotations

import importlib.util
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QIconEngine,
    QPainter,
    QPainterPath,
    QPixmap,
    QPixmapCache,
    QRawFont,
    QTransform,
)

from seggui.theme import blend, current_colors

ColorRole = Literal[
    "text", "text_muted", "accent", "accent_text", "danger", "warning", "success", "predicted"
]

GLYPHS: dict[str, str] = {
    # files and program
    "open_folder": "folder-open-outline", "folder": "folder-outline", "image": "image-outline",
    "images": "image-multiple-outline", "broken_image": "image-broken-variant",
    "save": "content-save-outline", "export": "export-variant", "import": "import",
    "settings": "cog-outline", "quit": "exit-to-app", "theme": "theme-light-dark",
    "help": "help-circle-outline", "shortcuts": "keyboard-outline", "sample": "image-area",
    "recent": "history", "copy": "content-copy", "delete": "delete-outline",
    # tools
    "brush": "brush", "eraser": "eraser", "polygon": "vector-polygon",
    "fill": "format-color-fill", "pick": "eyedropper-variant", "undo": "undo", "redo": "redo",
    "swap": "swap-horizontal", "pan": "hand-back-right-outline",
    # looking
    "show": "eye-outline", "hide": "eye-off-outline", "opacity": "circle-opacity",
    "outline": "shape-outline", "fit": "fit-to-page-outline",
    "zoom_in": "magnify-plus-outline", "zoom_out": "magnify-minus-outline",
    "layers": "layers-outline", "compare": "compare",
    # lists
    "search": "magnify", "filter": "filter-variant", "previous": "chevron-left",
    "next": "chevron-right", "down": "chevron-down", "up": "chevron-up",
    "next_unreviewed": "skip-next-outline", "add": "plus", "rename": "form-textbox",
    "color": "palette-outline", "lock": "lock", "unlock": "lock-open-outline",
    "protect": "shield-lock-outline", "more": "dots-vertical",
    # state of an image
    "untouched": "circle-outline", "predicted": "creation", "corrected": "pencil",
    "reviewed": "check-circle", "held_out": "bullseye-arrow",
    # network
    "model": "graph-outline", "load_model": "brain", "predict": "auto-fix",
    "predict_all": "robot-outline", "fine_tune": "school-outline", "play": "play",
    "pause": "pause", "stop": "stop", "restore": "restore", "chart": "chart-line",
    "score": "scale-balance", "cpu": "chip", "gpu": "expansion-card", "keep": "check-bold",
    # messages
    "info": "information-outline", "warning": "alert-outline", "error": "alert-circle-outline",
    "success": "check-circle-outline", "close": "close", "check": "check",
}  # fmt: skip
"""Meaning -> name in the font. One meaning, one icon, everywhere."""

_EM_PX = 240.0  # of the outline that is scaled to every size
_BASELINE = 0.875  # Material Design glyphs fill a square of one em, this far above the baseline


def icon(name: str, color: ColorRole = "text") -> QIcon:
    """An icon that always has the colours of the theme, also after the theme changed.

    Args:
        name: a meaning from `GLYPHS`, or any name of the Material Design font.
        color: role in `ThemeColors` of the normal state. Checked is the accent, disabled is faint.

    Raises:
        KeyError: no such icon.
    """
    _icon_font().character(GLYPHS.get(name, name))  # fails here and not in a paint event
    return QIcon(_GlyphEngine(name, color))


def pixmap(name: str, size_px: int, color: QColor, *, scale: float = 1.0) -> QPixmap:
    """One glyph in one colour, for delegates that paint themselves.

    Args:
        name: as for `icon`.
        size_px: edge length in device-independent pixels.
        color: of the glyph.
        scale: device pixel ratio of the screen.
    """
    return _pixmap(name, round(size_px * scale), color.rgba(), scale)


@cache
def glyph_path(name: str) -> QPainterPath:
    """The outline of a glyph in a square of side 1. Do not change it: it is shared.

    Raises:
        KeyError: no such icon.
    """
    outline = _icon_font().outline(GLYPHS.get(name, name))
    outline.setFillRule(Qt.FillRule.WindingFill)
    outline.translate(0, _BASELINE * _EM_PX)
    return QTransform.fromScale(1 / _EM_PX, 1 / _EM_PX).map(outline)


class _IconFont(QObject):
    """The font and its table. Child of the application: a font must not outlive it."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        folder = _fonts_folder()
        table = next(folder.glob("materialdesignicons6-*.json"))
        # Parsing its 7000 entries costs ten times what looking up our sixty does.
        self._table = table.read_text(encoding="utf-8")
        self._file = next(folder.glob("materialdesignicons6-*.ttf"))

    @cached_property
    def _font(self) -> QRawFont:
        return QRawFont(str(self._file), _EM_PX)  # 10 ms: when the first icon is painted

    def character(self, glyph_name: str) -> str:
        entry = f'"{glyph_name}":'
        at = self._table.find(entry)
        if at < 0:
            raise KeyError(f"There is no icon {glyph_name!r}; GLYPHS or the font must have it.")
        start = self._table.index('"', at + len(entry)) + 1
        return chr(int(self._table[start : self._table.index('"', start)], 16))

    def outline(self, glyph_name: str) -> QPainterPath:
        character = self.character(glyph_name)
        return self._font.pathForGlyph(self._font.glyphIndexesForString(character)[0])


def _icon_font() -> _IconFont:
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("Icons need a running QApplication.")
    font = app.findChild(_IconFont, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return font if font is not None else _IconFont(app)


def _fonts_folder() -> Path:
    spec = importlib.util.find_spec("qtawesome")  # finds, does not import
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("The package qtawesome, which holds the icons, is not installed.")
    return Path(spec.submodule_search_locations[0]) / "fonts"


def _pixmap(name: str, size_px: int, rgba: int, scale: float) -> QPixmap:
    key = f"seggui-icon/{name}/{size_px}/{rgba:08x}/{scale}"
    image = QPixmap()
    if QPixmapCache.find(key, image):
        return image
    image = QPixmap(size_px, size_px)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    _draw(painter, QRect(0, 0, size_px, size_px), name, QColor.fromRgba(rgba))
    painter.end()
    image.setDevicePixelRatio(scale)
    QPixmapCache.insert(key, image)
    return image


def _draw(painter: QPainter, rect: QRect, name: str, color: QColor) -> None:
    side = min(rect.width(), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # At the left of a wider area: a button with such an icon size gets a gap before its text, which
    # no style sheet can give.
    painter.translate(rect.left(), rect.top() + (rect.height() - side) / 2)
    painter.scale(side, side)
    painter.fillPath(glyph_path(name), color)
    painter.restore()


class _GlyphEngine(QIconEngine):
    """Asks for the theme's colours at each paint, so that icons follow it without being told.

    It has no ``clone``, as qtawesome has none: PySide6 6.12 would free the copy twice. Qt calls it
    only when somebody adds pixmaps to such an icon, which nothing here does.
    """

    def __init__(self, name: str, color: ColorRole) -> None:
        super().__init__()
        self._name = name
        self._color = color

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        _draw(painter, rect, self._name, self._tint(mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        if size.width() == size.height():
            return _pixmap(self._name, size.width(), self._tint(mode, state).rgba(), 1.0)
        image = QPixmap(size)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return image

    def _tint(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        colors = current_colors()
        color: QColor = getattr(colors, self._color)
        if mode == QIcon.Mode.Disabled:
            if self._color == "accent_text":  # made for the accent, which a dead button has not
                return blend(colors.text, colors.window, 0.45)
            return blend(color, colors.window, 0.35)
        if state == QIcon.State.On and self._color == "text":
            return colors.accent
        return color
