"""The dialogs show what they are given and return what the user chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from model.engine.protocol import Fit, Scaling, Scores, TrainingDone
from seggui.core.versions import ModelVersion
from seggui.panels.export_dialog import ExportDialog
from seggui.panels.model_dialog import ModelDialog
from seggui.panels.training_pages import ResultPage, duration
from seggui.panels.training_panel import TrainingPanel
from seggui.panels.version_dialog import VersionDialog, VersionRow
from seggui.theme import DARK_COLORS, LIGHT_COLORS, apply_theme
from tests.qt.program_kit import model_info

FORMATS = {"index-png": ("Index PNG", "indices"), "overlay": ("Overlay", "for slides")}


def test_the_model_dialog_returns_the_settings_unchanged(qtbot: QtBot) -> None:
    info = model_info("net.keras")
    dialog = ModelDialog(info)
    qtbot.addWidget(dialog)
    assert dialog.settings() == info.settings


def test_the_percentiles_can_be_set_where_they_matter_and_stay_apart(qtbot: QtBot) -> None:
    dialog = ModelDialog(model_info("net.keras"))
    qtbot.addWidget(dialog)
    low, high = dialog._percentiles._low, dialog._percentiles._high
    assert not low.isEnabled()
    dialog._scaling.choose(Scaling.PERCENTILES)
    assert low.isEnabled()
    high.setValue(60)
    low.setValue(80)
    assert low.value() < high.value()
    settings = dialog.settings()
    assert settings.scaling is Scaling.PERCENTILES
    assert settings.percentiles == (low.value(), high.value())


def test_the_model_dialog_returns_what_was_corrected(qtbot: QtBot) -> None:
    info = model_info("net.keras")
    dialog = ModelDialog(info)
    qtbot.addWidget(dialog)
    dialog._scaling.choose(Scaling.IMAGENET)
    dialog._order.choose("bgr")
    dialog._fit.choose(Fit.TILE)
    dialog._height.setValue(256)
    dialog._width.setValue(320)
    dialog._table.item(1, 1).setText("road")
    settings = dialog.settings()
    assert settings == replace(
        info.settings, scaling=Scaling.IMAGENET, channel_order="bgr", fit=Fit.TILE,
        input_size=(256, 320),
        class_names=(info.settings.class_names[0], "road", info.settings.class_names[2]),
    )  # fmt: skip


def test_a_fixed_network_cannot_take_whole_images(qtbot: QtBot) -> None:
    info = model_info("net.keras")
    settings = replace(info.settings, fit=Fit.RESIZE, input_size=(416, 416))
    dialog = ModelDialog(replace(info, input_shape=(416, 416, 1), settings=settings))
    qtbot.addWidget(dialog)
    assert dialog._fit.count() == 2
    assert not dialog._height.isEnabled()
    assert dialog.settings() == settings


def test_the_export_dialog_returns_the_choice(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportDialog(FORMATS, {"all": 9, "reviewed": 2, "selected": 1}, tmp_path)
    qtbot.addWidget(dialog)
    for button in dialog._which.buttons():
        button.setChecked(button.objectName() == "reviewed")
    for button in dialog._formats.buttons():
        button.setChecked(button.objectName() == "overlay")
    choice = dialog.choice()
    assert (choice.which, choice.format_name) == ("reviewed", "overlay")
    assert choice.output_dir == tmp_path


def test_the_export_dialog_offers_only_what_there_is(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportDialog(FORMATS, {"all": 9, "reviewed": 0, "selected": 3}, tmp_path)
    qtbot.addWidget(dialog)
    enabled = {b.objectName() for b in dialog._which.buttons() if b.isEnabled()}
    assert enabled == {"all", "selected"}
    assert dialog.choice().which == "selected"
    dialog._folder.setText(" ")
    assert not dialog._export.isEnabled()


def _version(name: str, state: str, parent: str | None = None) -> ModelVersion:
    return ModelVersion(name, name, f"{name}.keras", "sha", parent, state=state)


def test_only_versions_that_are_there_and_not_in_force_can_be_brought_back(qtbot: QtBot) -> None:
    rows = (
        VersionRow(_version("base", "base"), is_active=False, is_there=True),
        VersionRow(_version("one", "kept", "base"), is_active=True, is_there=True),
        VersionRow(_version("gone", "kept", "base"), is_active=False, is_there=False),
    )
    dialog = VersionDialog(rows)
    qtbot.addWidget(dialog)
    possible = []
    for row in range(3):
        dialog._table.selectRow(row)
        if dialog._restore.isEnabled():
            possible.append(dialog._table.item(row, 0).text())
    assert possible == ["base"]
    dialog._table.selectRow(2)
    dialog._restore.click()
    assert dialog.chosen == rows[0].version


def test_durations_are_for_people() -> None:
    texts = [duration(s) for s in (0.2, 40, 150, 7200, 8000)]
    assert texts == ["1 s", "40 s", "2 min", "2 h 0 min", "2 h 13 min"]


def test_the_result_shows_what_training_noticed(qtbot: QtBot) -> None:
    page = ResultPage()
    qtbot.addWidget(page)
    before, after = Scores(0.8, 0.5, (0.5, 0.5), (9, 9)), Scores(0.9, 0.6, (0.6, 0.6), (9, 9))
    note = "Mean IoU fell on rare classes although more pixels are right."
    done = TrainingDone("x.keras", before, after, 20, 25, 70.0, False, notes=(note,))
    page.show_result(done, ("Road", "Sky"), ((1, 2, 3), (4, 5, 6)))
    assert note in page._detail.text()
    assert "50.0% \u2192 60.0%" in page._headline.text()
    assert page._table.item(2, 3).text() == "+10.0"


def test_another_theme_recolours_what_got_better_or_worse(qtbot: QtBot, qapp: QApplication) -> None:
    page = ResultPage()
    qtbot.addWidget(page)
    before, after = Scores(0.8, 0.5, (0.5, 0.5), (9, 9)), Scores(0.8, 0.5, (0.6, 0.4), (9, 9))
    done = TrainingDone("x.keras", before, after, 20, 25, 70.0, False)
    page.show_result(done, ("Road", "Sky"), ((1, 2, 3), (4, 5, 6)))
    page.show()
    try:
        for mode, colors in (("dark", DARK_COLORS), ("light", LIGHT_COLORS)):
            apply_theme(qapp, mode)
            shown = [page._table.item(row, 3).foreground().color() for row in (2, 3)]
            assert shown == [colors.success, colors.danger]
    finally:
        apply_theme(qapp, "system")


def test_the_dock_says_whether_a_network_is_tuned_or_made(qtbot: QtBot) -> None:
    panel, titles = TrainingPanel(), []
    qtbot.addWidget(panel)
    panel.title_changed.connect(titles.append)
    panel.show_running("CPU", "street.keras")
    panel.show_overview_page()
    panel.show_running("CPU")
    assert titles == ["New model", "Fine-tune", "Fine-tune"]
