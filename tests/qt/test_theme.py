"""The theme is readable, follows its mode live, and icons follow it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields

import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QImage, QPalette
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from seggui.icons import GLYPHS, glyph_path, icon, pixmap
from seggui.theme import (
    DARK_COLORS,
    LIGHT_COLORS,
    ThemeColors,
    ThemeMode,
    apply_theme,
    blend,
    current_colors,
    style_sheet_of,
)

THEMES = pytest.mark.parametrize("colors", [DARK_COLORS, LIGHT_COLORS], ids=["dark", "light"])


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    yield qapp
    apply_theme(qapp, "system")


def luminance(color: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(v) for v in (color.redF(), color.greenF(), color.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(front: QColor, back: QColor) -> float:
    lighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def most_opaque(image: QImage) -> QColor:
    """The colour of the most opaque pixel."""
    pixels = [image.pixelColor(x, y) for y in range(image.height()) for x in range(image.width())]
    return max(pixels, key=lambda c: c.alpha())


@THEMES
@pytest.mark.parametrize("back", ["window", "panel", "raised", "hover", "selection"])
def test_text_reaches_wcag_contrast_on_every_surface(colors: ThemeColors, back: str) -> None:
    assert contrast(colors.text, getattr(colors, back)) >= 7


@THEMES
@pytest.mark.parametrize("back", ["window", "panel", "selection"])
@pytest.mark.parametrize(
    "front", ["text_muted", "accent", "danger", "warning", "success", "predicted"]
)
def test_coloured_text_reaches_wcag_contrast(colors: ThemeColors, front: str, back: str) -> None:
    assert contrast(getattr(colors, front), getattr(colors, back)) >= 4.5


@THEMES
def test_text_on_the_accent_and_on_tinted_messages_is_readable(colors: ThemeColors) -> None:
    assert contrast(colors.accent_text, colors.accent) >= 4.5
    for kind in ("accent", "success", "warning", "danger"):
        assert contrast(colors.text, blend(getattr(colors, kind), colors.panel, 0.12)) >= 7


@THEMES
def test_style_sheet_has_no_unfilled_name_and_all_its_images_exist(colors: ThemeColors) -> None:
    sheet = style_sheet_of(colors)
    assert "$" not in sheet
    paths = {part.split('"')[0] for part in sheet.split('url("')[1:]}
    assert paths
    assert all(QImage(path).width() > 0 for path in paths)


def test_mode_changes_palette_and_colours_of_the_running_program(app: QApplication) -> None:
    apply_theme(app, "dark")
    assert current_colors() is DARK_COLORS
    apply_theme(app, "light")
    assert current_colors() is LIGHT_COLORS
    assert app.palette().color(QPalette.ColorRole.Window) == LIGHT_COLORS.window


def test_open_widgets_are_repainted_when_the_mode_changes(app: QApplication, qtbot: QtBot) -> None:
    apply_theme(app, "dark")
    button = QPushButton("Open")
    qtbot.addWidget(button)
    button.show()
    dark = button.grab().toImage().pixelColor(button.width() // 2, 4)
    apply_theme(app, "light")
    light = button.grab().toImage().pixelColor(button.width() // 2, 4)
    assert (dark, light) == (DARK_COLORS.raised, LIGHT_COLORS.raised)


def test_system_mode_follows_the_system_live(
    app: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_theme(app, "system")
    hints = app.styleHints()
    for scheme, colors in (
        (Qt.ColorScheme.Dark, DARK_COLORS),
        (Qt.ColorScheme.Light, LIGHT_COLORS),
    ):
        # The offscreen platform has no scheme of its own: answer and signal as a system would.
        monkeypatch.setattr(type(hints), "colorScheme", lambda _hints, s=scheme: s)
        hints.colorSchemeChanged.emit(scheme)
        assert current_colors() is colors


def test_system_mode_ignores_a_fixed_mode_no_longer(app: QApplication) -> None:
    apply_theme(app, "dark")
    apply_theme(app, "system")
    is_dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
    assert current_colors() is (DARK_COLORS if is_dark else LIGHT_COLORS)


def test_an_icon_made_before_the_theme_changed_has_the_new_colour(app: QApplication) -> None:
    apply_theme(app, "dark")
    brush = icon("brush")
    assert most_opaque(brush.pixmap(QSize(32, 32)).toImage()) == DARK_COLORS.text
    apply_theme(app, "light")
    assert most_opaque(brush.pixmap(QSize(32, 32)).toImage()) == LIGHT_COLORS.text


def test_a_checked_icon_has_the_accent(app: QApplication) -> None:
    apply_theme(app, "dark")
    image = icon("brush").pixmap(QSize(32, 32), QIcon.Mode.Normal, QIcon.State.On).toImage()
    assert most_opaque(image) == DARK_COLORS.accent


@pytest.mark.parametrize("name", sorted(GLYPHS))
def test_every_icon_fills_its_square_and_is_not_cut_off(qapp: QApplication, name: str) -> None:
    bounds = glyph_path(name).boundingRect()
    assert QRectF(-0.001, -0.001, 1.002, 1.002).contains(bounds)
    assert max(bounds.width(), bounds.height()) > 0.4
    image = pixmap(name, 48, QColor("black")).toImage()
    assert most_opaque(image).alpha() == 255


def test_an_unknown_icon_fails_where_it_is_asked_for(qapp: QApplication) -> None:
    with pytest.raises(KeyError, match="no_such_icon"):
        icon("no_such_icon")


def test_icons_do_not_import_qtawesome() -> None:
    program = (
        "import json, sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from seggui.icons import icon; icon('brush').pixmap(16, 16);"
        "print(json.dumps([m for m in ('qtawesome', 'qtpy') if m in sys.modules]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert json.loads(answer.stdout) == []


def test_the_two_themes_name_the_same_colours() -> None:
    for field in fields(ThemeColors):
        assert getattr(DARK_COLORS, field.name).isValid()
        assert getattr(LIGHT_COLORS, field.name).isValid()


@pytest.mark.parametrize(("mode", "colors"), [("dark", DARK_COLORS), ("light", LIGHT_COLORS)])
def test_the_icon_of_a_dead_primary_button_is_seen(
    app: QApplication, mode: ThemeMode, colors: ThemeColors
) -> None:
    apply_theme(app, mode)
    image = icon("score", "accent_text").pixmap(QSize(32, 32), QIcon.Mode.Disabled).toImage()
    assert contrast(most_opaque(image), colors.border) >= 2.0
