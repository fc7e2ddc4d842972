"""Evaluating in the window: what can be scored, live figures, worst images, the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from model.class_matching import RenumberedPredictor
from model.data.datasets.opening import open_dataset
from model.evaluate_dataset import evaluate_dataset
from model.evaluation_json import evaluation_from_json
from model.evaluation_result import Evaluation
from seggui.evaluation_wiring import EvaluationWiring
from seggui.panels.iou_bars import CLASS_ROLE
from seggui.panels.worst_images import common_ending
from seggui.theme import DARK_COLORS, LIGHT_COLORS, apply_theme
from tests.qt.program_kit import ColorEngine, Driver, model_info, write_images

SIZE = (40, 60)


def write_dataset(folder: Path, num_images: int = 4) -> Path:
    """Images whose left half is red and right half green; truth has some blue in later images."""
    write_images(folder / "images", num_images, size=SIZE)
    for number in range(num_images):
        mask = np.zeros(SIZE, np.uint8)
        mask[:, SIZE[1] // 2 :] = 1
        mask[: 2 * number, :10] = 2
        (folder / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(folder / "masks" / f"frame_{number:03}.png")
    return folder


def open_panel(driver: Driver) -> EvaluationWiring:
    """Opens the panel as the menu does."""
    driver.trigger("evaluate_action")
    driver.until(lambda: driver.program.late.evaluation is not None)
    wiring = driver.program.late.evaluation
    assert wiring is not None
    return wiring


def ready(wiring: EvaluationWiring) -> bool:
    return wiring.view.head.start_button.isEnabled()


def run(driver: Driver, wiring: EvaluationWiring) -> Evaluation:
    """Presses Evaluate and waits for the end."""
    driver.until(lambda: ready(wiring))
    with driver.qtbot.waitSignal(wiring.control.finished, timeout=10_000) as signal:
        wiring.view.head.start_button.click()
    evaluation = signal.args[0].evaluation
    assert isinstance(evaluation, Evaluation)
    return evaluation


@pytest.fixture
def scored(driver: Driver, tmp_path: Path) -> EvaluationWiring:
    """The images of a dataset are open, and the network was scored on it."""
    dataset = write_dataset(tmp_path / "data")
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    run(driver, wiring)
    return wiring


def test_the_panel_is_hidden_at_first_and_nothing_of_it_is_built(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    assert not driver.window.evaluation_panel.isVisible()
    assert "view" not in driver.window.evaluation_panel.__dict__
    assert driver.program.late.evaluation is None


def test_an_open_panel_is_open_again_at_the_next_start(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    first = make_driver()
    first.start(tmp_path)
    open_panel(first)
    first.close()
    second = make_driver()
    second.start(tmp_path)
    second.until(lambda: second.program.late.evaluation is not None)


def test_without_a_network_the_panel_says_what_is_needed(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    wiring = open_panel(driver)
    driver.until(lambda: "Load a Keras model" in wiring.view.empty_text())
    assert not ready(wiring)


def test_with_nothing_to_choose_a_part_of_the_choice_is_as_wide_as_the_button(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    head = open_panel(driver).view.head
    driver.until(lambda: head.start_button.width() == head.width())
    assert head.split_box.isHidden()
    assert head.source_box.width() == head.width()


def test_without_corrections_the_panel_says_what_is_needed_until_there_are_some(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    driver.until(lambda: "corrected or reviewed" in wiring.view.empty_text())
    driver.program.session.set_label(2)
    driver.stroke((30, 20), (30, 40))
    driver.until(lambda: ready(wiring))


def test_the_scores_are_those_of_the_command(scored: EvaluationWiring, tmp_path: Path) -> None:
    dataset = open_dataset(tmp_path / "data")
    engine = ColorEngine()
    engine.model = model_info("net.keras")
    expected = evaluate_dataset(
        RenumberedPredictor(engine, (0, 1, 2)), dataset, dataset.items, is_cancelled=lambda: False
    )
    assert scored.control.scored is not None
    assert scored.control.scored.evaluation == expected
    assert f"{expected.mean_iou:.1%}" in scored.view.head.figures_text()
    assert f"{expected.accuracy:.1%}" in scored.view.head.figures_text()


def test_only_what_a_person_stands_for_is_scored_in_a_project(
    driver: Driver, tmp_path: Path
) -> None:
    names = write_images(tmp_path, 3)
    driver.start(tmp_path)
    driver.load_model(tmp_path / "net.keras")
    driver.until(lambda: bool((driver.mask() != 255).all()))
    driver.program.session.set_label(2)
    driver.stroke((30, 10), (30, 20))
    painted = int((driver.mask() == 2).sum())
    wiring = open_panel(driver)
    evaluation = run(driver, wiring)
    assert [image.key for image in evaluation.images] == names[:1]
    assert evaluation.true_pixels == (0, 0, painted)
    assert evaluation.accuracy == 0.0


def test_held_out_images_are_named_so(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 4)
    driver.start(tmp_path)
    driver.load_model(tmp_path / "net.keras")
    for name in names[:3]:
        driver.show(name)
        driver.until(lambda: bool((driver.mask() != 255).all()))
        driver.trigger("reviewed_action")
    driver.until_saved()
    wiring = open_panel(driver)
    driver.until(lambda: ready(wiring))
    box = wiring.view.head.split_box
    driver.until(lambda: box.count() == 3)
    texts = [box.itemText(i) for i in range(box.count())]
    assert texts == ["Held out (1)", "Trained on (2)", "All (3)"]
    assert wiring.view.head.split() == "validation"


def test_the_weakest_class_is_first(scored: EvaluationWiring) -> None:
    bars = scored.view.bars
    assert scored.control.scored is not None
    iou = scored.control.scored.evaluation.iou
    shown = [int(bars.item(row, 0).data(CLASS_ROLE)) for row in range(bars.rowCount())]
    assert [iou[i] for i in shown] == sorted(iou)
    assert shown[0] == 2


def test_a_click_on_a_bar_ranks_the_images_by_what_is_wrong_of_its_class(
    driver: Driver, scored: EvaluationWiring
) -> None:
    table = scored.view.worst.table
    bars = scored.view.bars
    point = bars.visualItemRect(bars.item(0, 1)).center()
    QTest.mouseClick(bars.viewport(), Qt.MouseButton.LeftButton, pos=point)
    shown = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert [Path(name).name for name in shown] == [
        "frame_003.png", "frame_002.png", "frame_001.png",
    ]  # fmt: skip
    assert table.item(0, 2).text() == f"{6 * 10:,}"
    scored.view.worst.all_button.click()
    assert table.rowCount() == 4
    assert not bars.selectedItems()


def test_the_corner_of_the_matrix_says_what_rows_and_columns_are(
    scored: EvaluationWiring,
) -> None:
    assert "Rows are the right classes" in scored.view.confusion.matrix.tip_at(QPoint(2, 2))


def test_the_colour_of_a_class_stays_what_it_is_in_the_chosen_row(
    scored: EvaluationWiring,
) -> None:
    bars = scored.view.bars
    assert scored.control.scored is not None
    color = QColor(*scored.control.scored.evaluation.class_colors[2])
    scored.view.choose_class(2)
    swatch = bars.item(0, 0).icon()
    assert bars.item(0, 0).isSelected()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        image = swatch.pixmap(QSize(12, 12), mode).toImage()
        assert image.pixelColor(image.width() // 2, image.height() // 2) == color


def test_another_theme_recolours_warnings_and_what_cannot_be_opened(
    driver: Driver, scored: EvaluationWiring, tmp_path: Path, qapp: QApplication
) -> None:
    write_images(tmp_path / "other", 1)
    driver.program.folders.open_folder(tmp_path / "other")
    bars, worst = scored.view.bars, scored.view.worst
    scored.view.choose_class(2)
    driver.until(lambda: "not in the open folder" in worst.table.item(0, 0).toolTip())
    try:
        for mode, colors in (("dark", DARK_COLORS), ("light", LIGHT_COLORS)):
            apply_theme(qapp, mode)
            driver.until(lambda colors=colors: bars.item(0, 2).foreground() == colors.danger)
            assert worst.table.item(0, 0).foreground().color() == colors.text_muted
            assert [item.isSelected() for item in (bars.item(0, 0), bars.item(1, 0))] == [
                True, False,
            ]  # fmt: skip
    finally:
        apply_theme(qapp, "system")


@pytest.mark.parametrize(
    ("keys", "ending"),
    [
        (["a/f_000_leftImg8bit.png", "b/f_001_leftImg8bit.png"], "_leftImg8bit.png"),
        (["frame_000.png", "frame_010.png"], ""),
        (["a/x_1.png", "b/x_1.png"], ""),
        (["only_1.png"], ""),
        (["_1.png", "a_1.png"], ""),
    ],
)
def test_only_what_tells_no_image_from_another_is_left_out(keys: list[str], ending: str) -> None:
    assert common_ending(keys) == ending


def test_choosing_a_class_does_not_move_the_list_of_images(
    driver: Driver, scored: EvaluationWiring
) -> None:
    top = scored.view.worst.table.y()
    scored.view.choose_class(2)
    driver.until(scored.view.worst.all_button.isVisible)
    scored.view.worst.layout().activate()
    assert scored.view.worst.table.y() == top


def test_a_click_on_the_matrix_chooses_its_row(scored: EvaluationWiring) -> None:
    matrix = scored.view.confusion.matrix
    point = matrix.cell_center(2, 0)
    assert "60" not in matrix.tip_at(point)
    assert "120 of 120 pixels" in matrix.tip_at(point)
    QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=point)
    assert matrix.chosen == 2
    assert scored.view.worst.table.rowCount() == 3


def test_a_click_on_an_image_shows_it(driver: Driver, scored: EvaluationWiring) -> None:
    table = scored.view.worst.table
    point = table.visualItemRect(table.item(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point)
    driver.until(lambda: driver.program.session.key == "frame_003.png")


def test_an_image_of_another_folder_is_told_and_changes_nothing(
    driver: Driver, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "data")
    names = write_images(tmp_path / "other", 1)
    driver.start(tmp_path / "other")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    run(driver, wiring)
    wiring.view.image_chosen.emit("images/frame_003.png")
    assert "not in the open folder" in driver.window.message_bar.current.text
    assert driver.program.session.key == names[0]


def test_figures_come_while_it_runs_and_stopping_keeps_nothing(
    driver: Driver, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "data")
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    driver.until(lambda: driver.engine.num_predicted > 0)
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    driver.until(lambda: ready(wiring))
    with driver.qtbot.waitSignal(wiring.control.image_scored, timeout=10_000):
        wiring.control.image_scored.connect(_close_gate(driver), Qt.ConnectionType.DirectConnection)
        wiring.view.head.start_button.click()
    driver.until(lambda: bool(wiring.view.head.figures_text()))
    with driver.qtbot.waitSignal(wiring.control.failed, timeout=10_000) as signal:
        wiring.view.head.stop_button.click()
        driver.engine.gate.set()
    assert signal.args == [None]
    assert wiring.control.scored is None
    assert not wiring.view.head.figures_text()
    assert not wiring.view.head.report_button.isVisible()


def _close_gate(driver: Driver) -> Callable[[object], None]:
    return lambda _: driver.engine.gate.clear()


def test_one_can_paint_while_it_runs_and_the_visible_image_goes_first(
    driver: Driver, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "data", 6)
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    driver.until(lambda: bool((driver.mask() != 255).all()))
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    driver.until(lambda: ready(wiring))
    driver.engine.gate.clear()
    wiring.view.head.start_button.click()
    driver.program.session.set_label(2)
    driver.stroke((30, 20), (30, 40))
    assert (driver.mask() == 2).any()
    with driver.qtbot.waitSignal(driver.program.prediction.answer_applied, timeout=10_000):
        driver.trigger("predict_action")
        driver.engine.gate.set()
    driver.until(lambda: wiring.control.scored is not None)
    assert len(driver.engine.thread_names) == 1  # the engine takes one question at a time


def test_another_network_ends_the_evaluation_with_a_sentence(
    driver: Driver, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "data")
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    driver.until(lambda: ready(wiring))
    driver.engine.gate.clear()
    wiring.view.head.start_button.click()
    other = tmp_path / "other.keras"
    other.write_bytes(b"another")
    with driver.qtbot.waitSignal(wiring.control.failed, timeout=10_000):
        driver.program.models.load_model(other)
        driver.engine.gate.set()
    assert "Another network came into force" in driver.window.message_bar.current.text


def test_different_numbers_of_classes_are_told_in_words_of_the_window(
    driver: Driver, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "data")
    Image.fromarray(np.tile(np.arange(5, dtype=np.uint8), (40, 12))).save(
        dataset / "masks" / "frame_000.png"
    )
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    driver.until(lambda: ready(wiring))
    with driver.qtbot.waitSignal(wiring.control.failed, timeout=10_000):
        wiring.view.head.start_button.click()
    text = driver.window.message_bar.current.text
    assert "3 classes" in text
    assert "--" not in text


def test_a_folder_that_is_no_dataset_is_told_in_the_panel(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 1)
    (tmp_path / "empty").mkdir()
    driver.start(tmp_path / "images")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(tmp_path / "empty")
    driver.until(lambda: "No images with masks" in wiring.view.empty_text())
    assert not ready(wiring)


def test_the_report_on_disk_has_the_figures_of_the_panel(
    driver: Driver, scored: EvaluationWiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    monkeypatch.setattr(
        "seggui.evaluation_wiring.QFileDialog.getExistingDirectory", lambda *_: str(reports)
    )
    for number in (1, 2):  # the second one does not overwrite the first
        with driver.qtbot.waitSignal(scored.control.report_written, timeout=20_000):
            scored.view.head.report_button.click()
        assert len(list(reports.iterdir())) == number
    first = min(reports.iterdir(), key=lambda folder: len(folder.name))
    data = json.loads((first / "evaluation.json").read_text(encoding="utf-8"))
    assert scored.control.scored is not None
    assert evaluation_from_json(data) == scored.control.scored.evaluation
    assert data["title"] == "net.keras on data, all images"
    page = (first / "report.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 4
    assert str(reports) in driver.window.message_bar.current.text


def test_scores_of_a_project_leave_with_its_folder(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path / "one", 1)
    write_images(tmp_path / "two", 1)
    driver.start(tmp_path / "one")
    driver.load_model(tmp_path / "net.keras")
    driver.until(lambda: bool((driver.mask() != 255).all()))
    driver.stroke((30, 20), (30, 40))
    wiring = open_panel(driver)
    run(driver, wiring)
    driver.program.folders.open_folder(tmp_path / "two")
    driver.until(lambda: driver.program.navigation.opened.folder == tmp_path / "two")
    assert wiring.control.scored is None
    assert not wiring.view.head.figures_text()


def test_closing_the_window_ends_a_running_evaluation(driver: Driver, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "data")
    driver.start(dataset / "images")
    driver.load_model(tmp_path / "net.keras")
    wiring = open_panel(driver)
    wiring.use_dataset(dataset)
    driver.until(lambda: ready(wiring))
    driver.engine.gate.clear()
    wiring.view.head.start_button.click()
    driver.engine.gate.set()
    driver.close()
    assert driver.engine.is_closed
