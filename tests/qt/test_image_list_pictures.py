"""Rows of the image list keep their pictures; what is seen must be what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor, QImage, QPaintEvent, QRegion
from PySide6.QtWidgets import QApplication, QListView
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


@pytest.mark.parametrize(
    "change",
    [
        lambda panel: panel.set_record(ImageRecord("b.png", ImageStatus.PREDICTED)),
        lambda panel: panel.set_thumbnail("b.png", thumbnail()),
    ],
    ids=["status", "thumbnail"],
)
def test_a_change_of_one_row_repaints_no_other(
    make_panel: MakePanel, qtbot: QtBot, change: Callable[[ImageListPanel], None]
) -> None:
    painted = Painted(make_panel(), qtbot)

    change(painted.panel)

    qtbot.waitUntil(lambda: "b.png" in painted.rows())
    QApplication.processEvents()
    assert painted.rows() == {"b.png"}


def test_going_on_to_the_next_image_repaints_the_two_rows(
    make_panel: MakePanel, qtbot: QtBot
) -> None:
    painted = Painted(make_panel(), qtbot)
    painted.panel.set_current("a.png")
    qtbot.waitUntil(lambda: "a.png" in painted.rows())
    painted.region = QRegion()

    painted.panel.set_current("b.png")

    qtbot.waitUntil(lambda: "b.png" in painted.rows())
    QApplication.processEvents()
    assert painted.rows() == {"a.png", "b.png"}


class Painted(QObject):
    """Remembers what is repainted of a panel, from when it is on the screen and at rest."""

    def __init__(self, panel: ImageListPanel, qtbot: QtBot) -> None:
        super().__init__(panel)
        self.panel = panel
        self.view = panel.findChild(QListView, "image_list")
        with qtbot.waitSignal(panel.thumbnail_requested), qtbot.waitExposed(panel):
            panel.show()
        for key in KEYS:
            panel.set_thumbnail(key, QImage())
        QApplication.processEvents()
        self.region = QRegion()
        self.view.viewport().installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QPaintEvent):
            self.region += event.region()
        return False

    def rows(self) -> set[str]:
        model = self.view.model()
        indices = [model.index(row, 0) for row in range(model.rowCount())]
        return {i.data() for i in indices if self.region.intersects(self.view.visualRect(i))}
