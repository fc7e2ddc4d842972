"""Training a new network from the window: dialog, run, end, resuming. The run is pretended."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel

from model.data.label_sets import generic_label_set
from model.engine.protocol import (
    DeviceInfo,
    Scores,
    TrainingDone,
    TrainingEvent,
    TrainingPlan,
    TrainingScored,
    TrainingStep,
)
from model.errors import CancelledError, TrainingError
from model.recipes import DEFAULT, PLAIN, SEED
from model.scratch_resume import interrupted_request, save_request
from model.scratch_state import RunState, ScratchRequest, TrainingFolder
from seggui.new_model_wiring import NewModelWiring
from seggui.panels.new_model_dialog import NewModelDialog
from tests.qt.program_kit import Driver, write_images

SCORES = Scores(0.9, 0.64, (0.6, 0.68, None), (10, 10, 0))
NOTHING = Scores(0.0, 0.0, (None, None, None), (0, 0, 0))


class PretendedRun:
    """Emits the events of a training; keeps a state on disk as the real one does."""

    requests: ClassVar[list[ScratchRequest]] = []
    gate = threading.Event()
    error: Exception | None = None

    def __init__(self, request: ScratchRequest, *, log_path: Path) -> None:
        self.request = request
        self._is_cancelled = threading.Event()
        self.requests.append(request)

    def events(self) -> Iterator[TrainingEvent]:
        output = Path(self.request.output_path)
        folder = TrainingFolder(output)
        if not self.request.resumes:
            folder.start_log()
        save_request(self.request)
        yield TrainingPlan(3, 1, (), 20, DeviceInfo("cpu", "CPU", "test"), 3.0)
        folder.save(
            self.request.recipe, RunState(epoch=1, step=10), weights=[], averaged=[],
            optimizer=[], best_weights=None, best_scores=None,
        )  # fmt: skip
        yield TrainingStep(10, 20, 0.9, 2.0)
        yield TrainingScored(10, SCORES, True)
        while not self.gate.wait(0.01):
            if self._is_cancelled.is_set():
                raise CancelledError
        if self.error is not None:
            raise self.error
        output.write_bytes(b"the new network")
        folder.remove_state()
        yield TrainingDone(str(output), NOTHING, SCORES, 10, 20, 3.0, False)

    def stop_and_keep_best(self) -> None:
        self.gate.set()

    def cancel(self) -> None:
        self._is_cancelled.set()


@pytest.fixture(autouse=True)
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seggui.scratch_control.TrainingRun", PretendedRun)
    PretendedRun.requests, PretendedRun.error = [], None
    PretendedRun.gate = threading.Event()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_images(folder / "images", 4, size=(40, 60))
    (folder / "masks").mkdir()
    for number in range(4):
        mask = np.zeros((40, 60), np.uint8)
        mask[:, 30:] = 1
        mask[:5, :5] = 2
        Image.fromarray(mask).save(folder / "masks" / f"frame_{number:03}.png")
    return folder


@pytest.fixture
def opened(driver: Driver, tmp_path: Path) -> Driver:
    """A program with a folder in which nobody painted yet."""
    write_images(tmp_path / "street", 2)
    driver.start(tmp_path / "street")
    return driver


def open_dialog(driver: Driver, output: Path) -> tuple[NewModelWiring, NewModelDialog]:
    driver.trigger("new_model_action")
    wiring = driver.program.late.new_model
    assert wiring is not None
    dialog = wiring.dialog
    assert dialog is not None
    dialog.output_edit.setText(str(output))
    return wiring, dialog


def choose(driver: Driver, dialog: NewModelDialog, dataset: Path) -> None:
    dialog.choose_source(dataset)
    driver.until(
        lambda: (
            "4 images" in dialog.dataset_box.headline_text()
            and "pixels" in dialog.dataset_box.headline_text()
        )
    )


def start(driver: Driver, dataset: Path, output: Path) -> NewModelWiring:
    wiring, dialog = open_dialog(driver, output)
    choose(driver, dialog, dataset)
    dialog.start_button.click()
    driver.until(lambda: (TrainingFolder(output)).has_state)
    return wiring


def test_the_dialog_shows_what_is_in_a_dataset(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    (dataset / "images" / "frame_009.png").write_bytes(
        (dataset / "images" / "frame_000.png").read_bytes()
    )
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    choose(opened, dialog, dataset)
    assert "60 x 40" in dialog.dataset_box.headline_text()
    assert "3 classes found" in dialog.dataset_box.headline_text()
    assert (
        "without" in dialog.dataset_box.findings_text()
        or "no mask" in dialog.dataset_box.findings_text()
    )
    assert dialog.start_button.isEnabled()
    dialog.reject()


def test_one_class_only_cannot_be_started(opened: Driver, dataset: Path, tmp_path: Path) -> None:
    for path in (dataset / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.ones_like(mask)).save(path)

    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    choose(opened, dialog, dataset)

    assert "1 class found" in dialog.dataset_box.headline_text()
    assert not dialog.start_button.isEnabled()
    dialog.reject()


def test_without_corrections_the_project_cannot_be_trained_on(
    opened: Driver, tmp_path: Path
) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    opened.until(lambda: "nothing to learn from" in dialog.dataset_box.headline_text())
    assert not dialog.start_button.isEnabled()
    dialog.reject()


def test_a_folder_without_masks_is_told_in_a_few_lines(opened: Driver, tmp_path: Path) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    (tmp_path / "photos").mkdir()
    dialog.choose_source(tmp_path / "photos")
    opened.until(lambda: "masks were found in photos" in dialog.dataset_box.headline_text())
    assert not dialog.start_button.isEnabled()
    dialog.reject()


def test_without_any_dataset_the_choice_says_so(driver: Driver, tmp_path: Path) -> None:
    driver.start()
    _, dialog = open_dialog(driver, tmp_path / "new.keras")
    box = dialog.dataset_box.source_box
    assert box.isVisible()
    assert not box.isEnabled()
    assert box.placeholderText()
    dialog.choose_source(tmp_path)
    assert box.isEnabled()
    assert box.currentText() == str(tmp_path)
    dialog.reject()


def test_unfolded_settings_are_on_view(opened: Driver, dataset: Path, tmp_path: Path) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    choose(opened, dialog, dataset)
    dialog.resize(620, 520)
    form = dialog.recipe_form
    assert form.widths.visibleRegion().isEmpty()
    dialog.findChild(object, "recipe_settings_button").click()
    opened.until(lambda: not form.widths.visibleRegion().isEmpty())
    dialog.reject()


def test_what_resume_means_is_seen_however_low_the_dialog_is(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    interrupted_by_the_command(dataset, tmp_path / "of command.keras")
    _, dialog = open_dialog(opened, tmp_path / "of command.keras")
    choose(opened, dialog, dataset)
    dialog.resize(620, 300)
    text = dialog.findChild(QLabel, "resume_text")
    opened.until(lambda: text.visibleRegion().boundingRect() == text.rect())
    dialog.reject()


def test_the_project_is_trained_on_as_it_is_on_disk(opened: Driver, tmp_path: Path) -> None:
    for label, row in ((2, 15), (1, 45)):
        opened.program.session.set_label(label)
        opened.stroke((row, 20), (row, 40))
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    opened.until(dialog.start_button.isEnabled)
    dialog.start_button.click()
    opened.until(lambda: bool(PretendedRun.requests))
    (request,) = PretendedRun.requests
    assert (request.dataset_path, request.layout) == (str(tmp_path / "street"), "project")
    assert (tmp_path / "street" / "masks" / "frame_000.png").exists()


def test_the_settings_become_the_recipe(opened: Driver, dataset: Path, tmp_path: Path) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new")
    choose(opened, dialog, dataset)
    form = dialog.recipe_form
    form.epochs.setValue(7)
    form.time.setValue(30)
    form.widths.setText("8, 16, 32, 64")
    form.crop_width.setValue(192)
    dialog.start_button.click()
    opened.until(lambda: bool(PretendedRun.requests))
    (request,) = PretendedRun.requests
    assert request.recipe.epochs == 7
    assert request.recipe.widths == (8, 16, 32, 64)
    assert request.recipe.crop_size == (DEFAULT.crop_size[0], 192)
    assert request.minutes == 30
    assert request.output_path == str(tmp_path / "new.keras")


def test_untouched_settings_are_the_recipes_to_the_letter(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    assert dialog.recipe_form.recipe() == DEFAULT
    dialog.findChild(object, "recipe_plain").setChecked(True)
    assert dialog.recipe_form.recipe() == PLAIN
    seed = dialog.findChild(object, "recipe_seed")
    seed.setChecked(True)
    assert dialog.recipe_form.recipe() == SEED
    assert dialog.recipe_form.minutes() is None
    dialog.reject()


def test_a_plain_network_has_as_many_scales_as_widths(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    form = dialog.recipe_form
    dialog.findChild(object, "recipe_plain").setChecked(True)
    form.widths.setText("8, 16, 32")
    assert form.recipe().widths == (8, 16, 32)
    form.widths.setText("8")
    assert form.recipe() is None
    assert "2 to 6 whole numbers" in form.problem
    dialog.reject()


def test_widths_that_cannot_be_are_told_before_the_start(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    _, dialog = open_dialog(opened, tmp_path / "new.keras")
    choose(opened, dialog, dataset)
    dialog.recipe_form.widths.setText("16, many")
    assert not dialog.start_button.isEnabled()
    assert "16, many" in dialog.problem_text()
    dialog.recipe_form.widths.setText("16, 32, 80, 128")
    assert dialog.start_button.isEnabled()
    dialog.reject()


def test_a_run_is_shown_in_the_training_panel_and_one_paints_meanwhile(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    start(opened, dataset, tmp_path / "new.keras")
    running = opened.window.training_panel.running
    opened.until(lambda: "Step 10 of 20" in running.headline_text())
    assert running.subject_text() == "New network new.keras"
    opened.program.session.set_label(2)
    opened.stroke((30, 20), (30, 40))
    assert (opened.mask() == 2).any()
    assert running.isVisible()


def test_a_finished_network_is_loaded_by_one_click(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    wiring = start(opened, dataset, tmp_path / "new.keras")
    with opened.qtbot.waitSignal(wiring.control.finished, timeout=10_000):
        PretendedRun.gate.set()
    panel = opened.window.training_panel
    assert "64.0% mean IoU" in panel.new_result.headline_text()
    opened.until(lambda: not wiring.control.is_running)
    with opened.qtbot.waitSignal(opened.program.prediction.model_loaded, timeout=10_000):
        panel.new_result.load_button.click()
    assert opened.program.prediction.model.path == str(tmp_path / "new.keras")
    assert panel.overview.isVisible()


def test_cancelling_leaves_nothing_behind(opened: Driver, dataset: Path, tmp_path: Path) -> None:
    wiring = start(opened, dataset, tmp_path / "new.keras")
    with opened.qtbot.waitSignal(wiring.control.ended, timeout=10_000) as signal:
        opened.window.training_panel.running.cancel_button.click()
    assert signal.args == [None]
    assert not list(tmp_path.glob("new*"))
    assert opened.window.training_panel.overview.isVisible()


def test_a_second_training_is_refused_while_one_runs(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    wiring = start(opened, dataset, tmp_path / "new.keras")
    opened.trigger("new_model_action")
    assert wiring.dialog is None
    assert "running already" in opened.window.message_bar.current.text
    assert len(PretendedRun.requests) == 1


def test_closing_the_window_keeps_the_run_and_the_next_start_goes_on_with_it(
    make_driver: Callable[..., Driver], dataset: Path, tmp_path: Path
) -> None:
    write_images(tmp_path / "street", 2)
    output = tmp_path / "new.keras"
    first = make_driver()
    first.start(tmp_path / "street")
    start(first, dataset, output)
    first.close()
    assert TrainingFolder(output).has_state
    second = make_driver()
    second.start(tmp_path / "street")
    second.trigger("new_model_action")
    dialog = second.program.late.new_model.dialog
    assert dialog.output_path() == output
    assert dialog.resume_button.isVisible()
    dialog.resume_button.click()
    second.until(lambda: len(PretendedRun.requests) == 2)
    before, after = PretendedRun.requests
    assert after.resumes
    assert (after.dataset_path, after.recipe) == (before.dataset_path, before.recipe)


def interrupted_by_the_command(dataset: Path, output: Path) -> ScratchRequest:
    """What `seggui train` leaves where it was killed; a unit test holds the run to it."""
    request = ScratchRequest(
        str(dataset), str(output), dataclasses.replace(DEFAULT, epochs=7), groups=("a", "b"),
        holds_out="share", minutes=90.0, label_set=generic_label_set(3),
    )  # fmt: skip
    folder = TrainingFolder(output)
    folder.start_log()
    save_request(request)
    folder.save(
        request.recipe, RunState(), weights=[], averaged=[], optimizer=[], best_weights=None,
        best_scores=None,
    )  # fmt: skip
    return request


def test_a_run_of_the_command_goes_on_in_the_window_with_all_that_it_was_asked_for(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    output = tmp_path / "of command.keras"
    request = interrupted_by_the_command(dataset, output)
    _, dialog = open_dialog(opened, output)
    assert "Resume goes on" in dialog.resume_text()
    dialog.resume_button.click()
    opened.until(lambda: bool(PretendedRun.requests))
    assert PretendedRun.requests == [dataclasses.replace(request, resumes=True)]


def test_another_file_takes_the_offer_back(opened: Driver, dataset: Path, tmp_path: Path) -> None:
    interrupted_by_the_command(dataset, tmp_path / "of command.keras")
    _, dialog = open_dialog(opened, tmp_path / "of command.keras")
    assert dialog.resume_button.isVisible()
    dialog.output_edit.setText(str(tmp_path / "other.keras"))
    assert not dialog.resume_button.isVisible()
    dialog.reject()


def test_a_run_that_does_not_say_what_it_was_asked_for_is_not_resumed_blindly(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new.keras"
    interrupted_by_the_command(dataset, output)
    (TrainingFolder(output).path / "request.json").unlink()
    with pytest.raises(TrainingError, match="does not say what it was trained on"):
        interrupted_request(output)
    _, dialog = open_dialog(opened, output)
    assert "does not say what it was trained on" in dialog.resume_text()
    assert not dialog.resume_button.isVisible()
    dialog.reject()


def test_an_error_of_the_run_speaks_the_language_of_the_window(
    opened: Driver, dataset: Path, tmp_path: Path
) -> None:
    PretendedRun.error = TrainingError("It ended.", remedy="Start it again with --resume.")
    wiring = start(opened, dataset, tmp_path / "new.keras")
    with opened.qtbot.waitSignal(wiring.control.ended, timeout=10_000):
        PretendedRun.gate.set()
    text = opened.window.message_bar.current.text
    assert "It ended." in text
    assert "--" not in text
