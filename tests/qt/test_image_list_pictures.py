"""Rows of the image list keep their pictures; what is seen must be what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from seggui.core.records import ImageRecord, ImageStatus
from seggui.panels import image_list_delegate
from seggui.panels.image_list import ImageListPanel
from seggui.theme import apply_theme

KEYS = ("a.png", "b.png", "c.png")
MakePanel = Callable[[], ImageListPanel]


@pytest.fixture
def make_panel(qtbot: QtBot, qapp: QApplication) -> Iterator[MakePanel]:
    """Makes panels in the dark theme, all of one size."""

    def make() -> ImageListPanel:
        panel = ImageListPanel()
        qtbot.addWidget(panel)
        panel.resize(260, 400)
        panel.set_keys(KEYS)
        return panel

    apply_theme(qapp, "dark")
    yield make
    apply_theme(qapp, "system")


def thumbnail() -> QImage:
    image = QImage(60, 40, QImage.Format.Format_RGB32)
    image.fill(QColor(200, 30, 90))
    return image


CHANGES: dict[str, Callable[[ImageListPanel], None]] = {
    "status": lambda panel: panel.set_record(ImageRecord("b.png", ImageStatus.REVIEWED)),
    "held out": lambda panel: panel.set_record(ImageRecord("b.png", is_held_out=True)),
    "thumbnail": lambda panel: panel.set_thumbnail("b.png", thumbnail()),
    "broken file": lambda panel: panel.set_thumbnail("b.png", QImage()),
    "current image": lambda panel: panel.set_current("b.png"),
    "width": lambda panel: panel.resize(300, 400),
    "names": lambda panel: panel.set_keys(("a.png", "other.png", "c.png")),
    "theme": lambda _: apply_theme(QApplication.instance(), "light"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen_in_rows_that_were_painted_before(
    make_panel: MakePanel, change: Callable[[ImageListPanel], None]
) -> None:
    panel, fresh = make_panel(), make_panel()
    before = panel.grab().toImage()

    change(panel)
    change(fresh)

    after = panel.grab().toImage()
    assert after != before
    assert after == fresh.grab().toImage()


def test_rows_that_did_not_change_are_not_painted_again(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make_panel()
    panel.grab()
    painted = Mock(wraps=image_list_delegate._painted)
    monkeypatch.setattr(image_list_delegate, "_painted", painted)

    panel.grab()
    panel.set_record(ImageRecord("b.png", ImageStatus.REVIEWED))
    panel.grab()

    assert [call.args[1] for call in painted.call_args_list] == ["b.png"]
