"""The list of images: filter, order, choice, thumbnails, counts."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QColor, QImage, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QListView,
    QMainWindow,
    QProgressBar,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from seggui.core.records import ImageRecord, ImageStatus
from seggui.panels.image_list import ImageListPanel
from seggui.panels.image_list_model import RECORD_ROLE, THUMBNAIL_ROLE, ImageListModel
from seggui.panels.thumbnail_cache import MAX_THUMBNAILS

KEYS = ("day/a_01.png", "day/a_02.png", "night/a_03.png", "night/b_04.png", "b_05.png")
REVIEWED, CORRECTED = ImageStatus.REVIEWED, ImageStatus.CORRECTED


@pytest.fixture
def panel(qtbot: QtBot) -> ImageListPanel:
    panel = ImageListPanel()
    qtbot.addWidget(panel)
    panel.resize(260, 600)
    panel.set_keys(KEYS)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def view_of(panel: ImageListPanel) -> QListView:
    view = panel.findChild(QListView, "image_list")
    assert isinstance(view, QListView)
    return view


def filter_of(panel: ImageListPanel) -> QLineEdit:
    edit = panel.findChild(QLineEdit)
    assert isinstance(edit, QLineEdit)
    return edit


def chip_of(panel: ImageListPanel, status: ImageStatus) -> QToolButton:
    chip = panel.findChild(QToolButton, f"status_filter_{status.value}")
    assert isinstance(chip, QToolButton)
    return chip


def names(panel: ImageListPanel) -> list[str]:
    model = view_of(panel).model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_all_words_of_the_filter_must_be_in_the_path(panel: ImageListPanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(filter_of(panel), "NIGHT a_")
    assert names(panel) == ["a_03.png"]


def test_escape_clears_the_filter_and_then_leaves_it(panel: ImageListPanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(filter_of(panel), "night")
    qtbot.keyClick(filter_of(panel), Qt.Key.Key_Escape)
    assert len(names(panel)) == 5
    with qtbot.waitSignal(panel.filter_left, timeout=1000):
        qtbot.keyClick(filter_of(panel), Qt.Key.Key_Escape)


def test_typing_in_the_filter_fires_no_shortcut_of_the_window(
    panel: ImageListPanel, qtbot: QtBot
) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(panel)
    fired: list[str] = []
    for key in ("B", "1", "Escape", "["):
        QShortcut(key, window).activated.connect(lambda key=key: fired.append(key))
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    panel.focus_filter()
    qtbot.keyClicks(filter_of(panel), "b1[")
    assert filter_of(panel).text() == "b1["
    qtbot.keyClick(filter_of(panel), Qt.Key.Key_Escape)
    assert filter_of(panel).text() == ""
    assert fired == []
    panel.focus_list()
    qtbot.keyClick(view_of(panel), Qt.Key.Key_B)
    assert fired == ["B"]
    window.takeCentralWidget()  # qtbot closes both


def test_arrow_keys_walk_the_list_and_choose_images(panel: ImageListPanel, qtbot: QtBot) -> None:
    panel.set_current(KEYS[0])
    chosen: list[str] = []
    panel.image_chosen.connect(chosen.append)
    for _ in range(2):
        qtbot.keyClick(view_of(panel), Qt.Key.Key_Down)
    qtbot.keyClick(view_of(panel), Qt.Key.Key_Up)
    assert chosen == [KEYS[1], KEYS[2], KEYS[1]]


def test_letters_in_the_list_open_no_other_image(panel: ImageListPanel, qtbot: QtBot) -> None:
    panel.set_current(KEYS[0])
    with qtbot.assertNotEmitted(panel.image_chosen):
        qtbot.keyClick(view_of(panel), Qt.Key.Key_B)


def test_setting_the_current_image_chooses_nothing(panel: ImageListPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.image_chosen):
        panel.set_current(KEYS[3])
    assert view_of(panel).currentIndex().row() == 3
    assert panel.selected_keys() == (KEYS[3],)


def test_answering_a_choice_keeps_a_selection_of_several(panel: ImageListPanel) -> None:
    panel.image_chosen.connect(panel.set_current)
    panel.set_current(KEYS[0])
    view = view_of(panel)
    model, flags = view.model(), QItemSelectionModel.SelectionFlag
    view.selectionModel().setCurrentIndex(model.index(1, 0), flags.Select)
    assert panel.selected_keys() == KEYS[:2]


def test_filtering_keeps_the_current_image_and_chooses_nothing(
    panel: ImageListPanel, qtbot: QtBot
) -> None:
    panel.set_current(KEYS[2])
    with qtbot.assertNotEmitted(panel.image_chosen):
        filter_of(panel).setText("day")
        assert not view_of(panel).currentIndex().isValid()
        filter_of(panel).setText("")
    assert panel.current_key == KEYS[2]
    assert view_of(panel).currentIndex().row() == 2


def test_status_chips_count_the_folder_and_filter_the_list(
    panel: ImageListPanel, qtbot: QtBot
) -> None:
    panel.set_records({KEYS[1]: ImageRecord(KEYS[1], REVIEWED)})
    panel.set_record(ImageRecord(KEYS[4], CORRECTED))
    assert chip_of(panel, ImageStatus.UNTOUCHED).text() == "3"
    qtbot.mouseClick(chip_of(panel, REVIEWED), Qt.MouseButton.LeftButton)
    assert names(panel) == ["a_02.png"]
    qtbot.mouseClick(chip_of(panel, CORRECTED), Qt.MouseButton.LeftButton)
    assert names(panel) == ["a_02.png", "b_05.png"]


def test_progress_tells_how_far_the_folder_is(panel: ImageListPanel) -> None:
    panel.set_record(ImageRecord(KEYS[0], REVIEWED))
    panel.set_record(ImageRecord(KEYS[1], CORRECTED))
    texts = [label.text() for label in panel.findChildren(QLabel)]
    assert "1 of 5 reviewed, 1 corrected" in texts
    bar = panel.findChild(QProgressBar)
    assert isinstance(bar, QProgressBar)
    assert (bar.value(), bar.maximum()) == (1, 5)


def test_the_image_in_work_stays_until_another_one_is_current(
    panel: ImageListPanel, qtbot: QtBot
) -> None:
    panel.set_current(KEYS[1])
    chip_of(panel, ImageStatus.UNTOUCHED).setChecked(True)
    with qtbot.assertNotEmitted(panel.image_chosen):
        panel.set_record(ImageRecord(KEYS[1], REVIEWED))
    assert "a_02.png" in names(panel)
    panel.set_current(KEYS[2])
    qtbot.waitUntil(lambda: "a_02.png" not in names(panel), timeout=1000)
    assert panel.selected_keys() == (KEYS[2],)


def test_neighbours_follow_the_filter_also_around_a_hidden_image(panel: ImageListPanel) -> None:
    assert panel.neighbours(KEYS[0]) == (None, KEYS[1])
    assert panel.neighbours(KEYS[4]) == (KEYS[3], None)
    filter_of(panel).setText("a_")
    assert panel.neighbours(KEYS[3]) == (KEYS[2], None)
    assert panel.neighbours("other folder.png") == (None, None)


def test_next_with_status_goes_around_the_end_and_never_stays(panel: ImageListPanel) -> None:
    for key in (KEYS[1], KEYS[3]):
        panel.set_record(ImageRecord(key, REVIEWED))
    assert panel.next_with_status(KEYS[1], {REVIEWED}) == KEYS[3]
    assert panel.next_with_status(KEYS[3], {REVIEWED}) == KEYS[1]
    assert panel.next_with_status(KEYS[3], {REVIEWED}, forward=False) == KEYS[1]
    assert panel.next_with_status(KEYS[2], {REVIEWED}, forward=False) == KEYS[1]
    assert panel.next_with_status(None, {REVIEWED}) == KEYS[1]
    assert panel.next_with_status(KEYS[0], {CORRECTED}) is None


def test_late_answers_for_another_folder_change_nothing(panel: ImageListPanel) -> None:
    panel.set_record(ImageRecord("gone.png", REVIEWED))
    panel.set_records({"gone.png": ImageRecord("gone.png", REVIEWED)})
    panel.set_thumbnail("gone.png", QImage(8, 8, QImage.Format.Format_RGB32))
    assert chip_of(panel, REVIEWED).text() == "0"


def test_only_visible_rows_of_ten_thousand_ask_for_thumbnails(
    panel: ImageListPanel, qtbot: QtBot
) -> None:
    asked: list[str] = []
    panel.thumbnail_requested.connect(asked.append)
    keys = tuple(f"{i:05}.png" for i in range(10_000))
    panel.set_keys(keys)
    qtbot.waitUntil(lambda: len(asked) > 0, timeout=2000)
    assert asked[0] == keys[0]
    assert len(asked) < 30
    view_of(panel).scrollToBottom()
    qtbot.waitUntil(lambda: keys[-1] in asked, timeout=2000)
    assert len(asked) < 60


def test_python_work_per_change_does_not_grow_with_the_folder(
    panel: ImageListPanel, qapp: QApplication
) -> None:
    keys = tuple(f"{i:05}.png" for i in range(10_000))
    panel.set_keys(keys)
    qapp.processEvents()
    calls: list[str] = []
    # Counts real calls: a patched method would not be seen, Qt's wrapper remembers the first one.
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name))
    panel.set_record(ImageRecord(keys[3], CORRECTED))
    panel.set_current(keys[5000])
    qapp.processEvents()
    sys.setprofile(None)
    assert len(calls) > 10
    assert calls.count("rowCount") < 1000


def test_a_thumbnail_is_asked_for_again_when_it_is_seen_again(qtbot: QtBot) -> None:
    model = ImageListModel()
    model.set_keys(KEYS)
    asked: list[str] = []
    model.thumbnail_requested.connect(asked.append)
    model.request_thumbnails(0, 1)
    model.request_thumbnails(1, 2)
    model.request_thumbnails(0, 0)
    assert asked == [KEYS[0], KEYS[1], KEYS[2], KEYS[0]]
    model.set_thumbnail(KEYS[0], QImage())  # unreadable: known, so never asked for again
    model.request_thumbnails(3, 3)
    model.request_thumbnails(0, 0)
    assert asked.count(KEYS[0]) == 2


def test_only_the_latest_thumbnails_are_kept(qtbot: QtBot) -> None:
    model = ImageListModel()
    keys = tuple(f"{i}.png" for i in range(MAX_THUMBNAILS + 10))
    model.set_keys(keys)
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    for key in keys:
        model.set_thumbnail(key, image)
    kept = [model.index(row).data(THUMBNAIL_ROLE) is not None for row in range(len(keys))]
    assert kept == [False] * 10 + [True] * MAX_THUMBNAILS


def test_a_row_paints_its_thumbnail(panel: ImageListPanel) -> None:
    image = QImage(72, 48, QImage.Format.Format_RGB32)
    image.fill(QColor(10, 200, 30))
    panel.set_thumbnail(KEYS[0], image)
    view = view_of(panel)
    rect = view.visualRect(view.model().index(0, 0))
    shot = view.viewport().grab().toImage()
    assert shot.pixelColor(rect.left() + 40, rect.center().y()) == QColor(10, 200, 30)


def test_a_screen_reader_hears_status_and_held_out(panel: ImageListPanel) -> None:
    panel.set_record(ImageRecord(KEYS[0], CORRECTED, is_held_out=True))
    index = view_of(panel).model().index(0, 0)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert KEYS[0] in spoken
    assert "Corrected" in spoken
    assert "Held out" in spoken


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(ImageStatus)), max_size=30))
def test_rows_equal_a_fresh_filter_after_any_changes(
    changes: list[tuple[int, ImageStatus]],
) -> None:
    keys = tuple(f"{i}.png" for i in range(8))
    model = ImageListModel()
    model.set_keys(keys)
    model.set_filter("", frozenset({ImageStatus.UNTOUCHED, CORRECTED}))
    statuses = dict.fromkeys(keys, ImageStatus.UNTOUCHED)
    for position, status in changes:
        statuses[keys[position]] = status
        model.set_record(ImageRecord(keys[position], status))
    wanted = [k for k in keys if statuses[k] in (ImageStatus.UNTOUCHED, CORRECTED)]
    assert [model.key(row) for row in range(model.rowCount())] == wanted
    assert [model.index(r).data(RECORD_ROLE).status for r in range(model.rowCount())] == [
        statuses[k] for k in wanted
    ]
    for status in ImageStatus:
        assert model.count(status) == list(statuses.values()).count(status)


def test_the_model_obeys_the_rules_of_qt(qtbot: QtBot, qtmodeltester: object) -> None:
    model = ImageListModel()
    model.set_keys(KEYS)
    qtmodeltester.check(model)  # type: ignore[attr-defined]
    model.set_filter("day", frozenset())
    model.set_record(ImageRecord(KEYS[0], REVIEWED))
    assert model.rowCount(QModelIndex()) == 2
