"""The look of the window: colours for dark and light, a palette and one style sheet, live."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

ThemeMode = Literal["system", "dark", "light"]


@dataclass(frozen=True)
class ThemeColors:
    """Every colour the window uses. Painting code asks `current_colors` each time it paints.

    Attributes:
        window: behind everything.
        panel: lists and text fields.
        raised: buttons and other things that can be pressed.
        hover: the same under the pointer.
        selection: a selected row; text stays in ``text``.
        border: thin lines between areas.
        outline: edge of things that can be operated; stronger than ``border``.
        text: readable text, at least 4.5:1 on window, panel, raised, hover and selection.
        text_muted: secondary text, at least 4.5:1 on window, panel and selection.
        accent: the one colour that asks for attention; also a text colour.
        accent_text: text on ``accent``.
        danger, warning, success: meaning, at least 4.5:1 on window and panel.
        predicted: marks what a network said.
        canvas_background: around the image; neutral, so that it does not tint what is judged.
    """

    window: QColor
    panel: QColor
    raised: QColor
    hover: QColor
    selection: QColor
    border: QColor
    outline: QColor
    text: QColor
    text_muted: QColor
    accent: QColor
    accent_text: QColor
    danger: QColor
    warning: QColor
    success: QColor
    predicted: QColor
    canvas_background: QColor


DARK_COLORS = ThemeColors(
    window=QColor("#1d1f23"),
    panel=QColor("#25282d"),
    raised=QColor("#30343a"),
    hover=QColor("#3a3f47"),
    selection=QColor("#223955"),
    border=QColor("#363a41"),
    outline=QColor("#4b515a"),
    text=QColor("#e8eaed"),
    text_muted=QColor("#a9b0ba"),
    accent=QColor("#62a8ff"),
    accent_text=QColor("#08192e"),
    danger=QColor("#ff8a80"),
    warning=QColor("#f0b64a"),
    success=QColor("#5fcf80"),
    predicted=QColor("#c3a6ff"),
    canvas_background=QColor("#141517"),
)

LIGHT_COLORS = ThemeColors(
    window=QColor("#f2f3f5"),
    panel=QColor("#ffffff"),
    raised=QColor("#ffffff"),
    hover=QColor("#e9ecf0"),
    selection=QColor("#d8e7fc"),
    border=QColor("#d9dce1"),
    outline=QColor("#b9bfc8"),
    text=QColor("#1b1e23"),
    text_muted=QColor("#565d69"),
    accent=QColor("#1a5fd0"),
    accent_text=QColor("#ffffff"),
    danger=QColor("#b3261e"),
    warning=QColor("#875400"),
    success=QColor("#18713a"),
    predicted=QColor("#6a3fc4"),
    canvas_background=QColor("#d3d5d9"),
)


def current_colors() -> ThemeColors:
    """The colours in use. The palette of the application decides, so that nothing can disagree."""
    is_dark = QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128
    return DARK_COLORS if is_dark else LIGHT_COLORS


def apply_theme(app: QApplication, mode: ThemeMode) -> None:
    """Gives the application its look and keeps it in step with the system.

    May be called again at any time to change the mode; open windows change at once.

    Args:
        app: the application; GUI thread only.
        mode: ``"system"`` follows the system live, the others stay.
    """
    theme = app.findChild(_Theme, options=Qt.FindChildOption.FindDirectChildrenOnly)
    if theme is None:
        theme = _Theme(app)
    theme.set_mode(mode)


class _Theme(QObject):
    """Remembers the mode and re-applies the look when the system changes; child of the app."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._mode: ThemeMode = "system"
        self._applied: ThemeColors | None = None
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._on_color_scheme_changed)

    def set_mode(self, mode: ThemeMode) -> None:
        self._mode = mode
        schemes = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}
        # The request also turns title bars and native dialogs; Unknown takes it back.
        scheme = schemes.get(mode, Qt.ColorScheme.Unknown)
        self._app.styleHints().setColorScheme(scheme)
        self._refresh()

    @Slot()
    def _on_color_scheme_changed(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        colors = self._wanted_colors()
        if colors is self._applied:
            return
        self._applied = colors
        self._app.setPalette(palette_of(colors))
        self._app.setStyleSheet(style_sheet_of(colors))

    def _wanted_colors(self) -> ThemeColors:
        if self._mode != "system":
            return DARK_COLORS if self._mode == "dark" else LIGHT_COLORS
        is_dark = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return DARK_COLORS if is_dark else LIGHT_COLORS


def palette_of(colors: ThemeColors) -> QPalette:
    """The Qt palette for these colours, disabled state included."""
    role = QPalette.ColorRole
    palette = QPalette()
    normal = {
        role.Window: colors.window, role.WindowText: colors.text,
        role.Base: colors.panel, role.AlternateBase: colors.window, role.Text: colors.text,
        role.Button: colors.raised, role.ButtonText: colors.text, role.BrightText: colors.danger,
        role.ToolTipBase: colors.raised, role.ToolTipText: colors.text,
        role.PlaceholderText: colors.text_muted, role.Highlight: colors.accent,
        role.HighlightedText: colors.accent_text, role.Accent: colors.accent,
        role.Link: colors.accent, role.LinkVisited: colors.predicted,
        role.Light: colors.hover, role.Midlight: colors.raised, role.Mid: colors.border,
        role.Dark: colors.outline, role.Shadow: colors.canvas_background,
    }  # fmt: skip
    for color_role, color in normal.items():
        palette.setColor(color_role, color)
    disabled = blend(colors.text, colors.window, 0.45)
    for color_role in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, color_role, disabled)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, colors.border)
    return palette


def style_sheet_of(colors: ThemeColors) -> str:
    """The style sheet of the whole program, filled in with these colours."""
    values = {field.name: getattr(colors, field.name).name() for field in fields(colors)}
    values["accent_soft"] = blend(colors.accent, colors.panel, 0.18).name()
    values["accent_hover"] = blend(colors.accent, colors.text, 0.85).name()
    values["disabled"] = blend(colors.text, colors.window, 0.45).name()
    values["scroll"] = blend(colors.text, colors.window, 0.28).name()
    values["scheme"] = "dark" if colors is DARK_COLORS else "light"
    values["themes"] = (resources_folder() / "themes").as_posix()
    template = (resources_folder() / "themes" / "seggui.qss").read_text(encoding="utf-8")
    return Template(template).substitute(values)


def blend(front: QColor, back: QColor, share: float) -> QColor:
    """``share`` (0..1) of ``front`` over ``back``; opaque."""
    return QColor.fromRgbF(
        *(
            share * f + (1.0 - share) * b
            for f, b in zip(front.getRgbF()[:3], back.getRgbF()[:3], strict=True)  # type: ignore[index]
        )
    )


def resources_folder() -> Path:
    """Where icons and themes are, in a checkout and when installed."""
    here = Path(__file__).resolve().parent
    installed = here / "resources"
    return installed if installed.is_dir() else here.parent / "resources"
