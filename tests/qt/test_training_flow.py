"""Fine-tuning from the window: overview, run, decision, versions. The run itself is pretended."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from model.engine.protocol import (
    DeviceInfo,
    Scores,
    TrainingDone,
    TrainingEvent,
    TrainingPlan,
    TrainingRequest,
    TrainingScored,
    TrainingSettings,
    TrainingStep,
)
from model.errors import CancelledError, EngineDiedError
from tests.qt.program_kit import Driver, write_images

MODEL = Path("net.keras")
BEFORE = Scores(0.8, 0.5, (0.5, 0.5, None), (10, 10, 0))
AFTER = Scores(0.9, 0.7, (0.6, 0.8, None), (10, 10, 0))


class PretendedRun:
    """Emits the events of a run; waits before its end until it is told to go on."""

    requests: ClassVar[list[TrainingRequest]] = []
    gate = threading.Event()
    error: Exception | None = None

    def __init__(self, request: TrainingRequest, *, log_path: Path) -> None:
        self.request = request
        self._is_cancelled = threading.Event()
        self.requests.append(request)

    def events(self) -> Iterator[TrainingEvent]:
        yield TrainingPlan(1, 1, (5, 5, 0), 20, DeviceInfo("cpu", "CPU", "test"), 3.0)
        yield TrainingScored(0, BEFORE, True)
        yield TrainingStep(1, 20, 0.9, 2.0)
        while not self.gate.wait(0.01):
            if self._is_cancelled.is_set():
                raise CancelledError
        if self.error is not None:
            raise self.error
        yield TrainingScored(20, AFTER, True)
        Path(self.request.output_path).parent.mkdir(parents=True, exist_ok=True)
        Path(self.request.output_path).write_bytes(b"the new network")
        yield TrainingDone(self.request.output_path, BEFORE, AFTER, 20, 20, 3.0, False)

    def stop_and_keep_best(self) -> None:
        self.gate.set()

    def cancel(self) -> None:
        self._is_cancelled.set()

    def close(self) -> None:
        pass


@pytest.fixture
def trained(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A program with one corrected image, ready to be trained."""
    monkeypatch.setattr("model.engine.training.TrainingRun", PretendedRun)
    PretendedRun.requests, PretendedRun.error = [], None
    PretendedRun.gate = threading.Event()
    write_images(tmp_path, 4)
    (tmp_path / "net.keras").write_bytes(b"the old network")
    driver.start(tmp_path)
    driver.load_model(tmp_path / "net.keras")
    driver.until(lambda: bool((driver.mask() != 255).all()))
    driver.program.session.set_label(2)
    driver.stroke((30, 20), (30, 40))
    driver.until(
        lambda: (
            driver.program.training.overview is not None
            and driver.program.training.overview.num_train_images == 1
        )
    )
    return driver


def _finish(driver: Driver) -> None:
    driver.program.training.start(TrainingSettings(num_steps=20))
    with driver.qtbot.waitSignal(driver.program.training.finished, timeout=10_000):
        driver.until(lambda: bool(PretendedRun.requests))
        PretendedRun.gate.set()
    driver.until(lambda: not driver.program.training.is_running)


def _versions(folder: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(folder / ".seggui" / "project.sqlite") as connection:
        rows = connection.execute("SELECT data FROM versions ORDER BY place").fetchall()
    connection.close()
    return [json.loads(row[0]) for row in rows]


def test_the_overview_counts_what_a_person_painted(trained: Driver) -> None:
    overview = trained.program.training.overview
    painted = int((trained.mask() == 2).sum())
    assert overview.num_pixels[2] == painted
    assert sum(overview.num_pixels) == painted
    assert overview.problem == ""
    assert overview.estimated_seconds is not None
    assert trained.window.training_panel.overview.start_button.isEnabled()


def test_without_corrections_the_button_says_what_is_missing(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 2)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: driver.program.training.overview is not None)
    driver.until(lambda: "Correct" in driver.program.training.overview.problem)
    assert not driver.window.training_panel.overview.start_button.isEnabled()


def test_a_run_gets_the_masks_as_they_are_on_disk(trained: Driver, tmp_path: Path) -> None:
    from model.data.masks import read_mask

    mask = trained.mask()
    _finish(trained)
    (request,) = PretendedRun.requests
    assert [Path(s.image_path).name for s in request.samples] == ["frame_000.png"]
    assert np.array_equal(read_mask(Path(request.samples[0].mask_path)), mask)
    assert request.settings.num_steps == 20


def test_keeping_puts_the_new_network_in_force_and_lists_the_version(
    trained: Driver, tmp_path: Path
) -> None:
    _finish(trained)
    panel = trained.window.training_panel
    assert "50.0%" in panel.result._headline.text()
    with trained.qtbot.waitSignal(trained.program.prediction.model_loaded, timeout=10_000):
        panel.result.keep_button.click()
    loaded = Path(trained.program.prediction.model.path)
    assert loaded.read_bytes() == b"the new network"
    trained.until_saved()
    base, new = _versions(tmp_path)
    assert (base["state"], new["state"]) == ("base", "kept")
    assert new["parent"] == base["id"]
    assert new["scores_after"]["mean_iou"] == AFTER.mean_iou
    assert new["settings"]["num_steps"] == 20


def test_the_next_round_starts_from_the_base_and_scores_against_the_version_in_force(
    trained: Driver, tmp_path: Path
) -> None:
    _finish(trained)
    with trained.qtbot.waitSignal(trained.program.prediction.model_loaded, timeout=10_000):
        trained.program.training.keep()
    kept = trained.program.prediction.model.path
    _finish(trained)
    request = PretendedRun.requests[-1]
    assert Path(request.base_path) == tmp_path / "net.keras"
    assert request.current_path == kept


def test_discarding_leaves_the_old_network_in_force(trained: Driver, tmp_path: Path) -> None:
    _finish(trained)
    trained.window.training_panel.result.discard_button.click()
    trained.until(lambda: len(_versions(tmp_path)) == 2)
    assert trained.program.prediction.model.path == str(tmp_path / "net.keras")
    assert _versions(tmp_path)[1]["state"] == "discarded"


def test_cancelling_goes_back_to_the_start(trained: Driver, tmp_path: Path) -> None:
    trained.program.training.start(TrainingSettings())
    trained.until(lambda: bool(PretendedRun.requests))
    with trained.qtbot.waitSignal(trained.program.training.ended, timeout=10_000) as signal:
        trained.window.training_panel.running.cancel_button.click()
    assert signal.args == [None]
    assert [v["state"] for v in _versions(tmp_path)] == ["base"]


def test_a_run_that_dies_is_told_and_nothing_changes(trained: Driver, tmp_path: Path) -> None:
    PretendedRun.error = EngineDiedError("The training process ended.", remedy="Try again.")
    trained.program.training.start(TrainingSettings())
    with trained.qtbot.waitSignal(trained.program.training.ended, timeout=10_000):
        PretendedRun.gate.set()
    assert "training process ended" in trained.window.message_bar.current.text
    assert trained.program.prediction.model.path == str(tmp_path / "net.keras")


def test_one_can_paint_while_a_run_goes_on(trained: Driver, tmp_path: Path) -> None:
    trained.program.training.start(TrainingSettings())
    trained.until(lambda: bool(PretendedRun.requests))
    before = int((trained.mask() == 2).sum())
    trained.stroke((10, 10), (10, 60))
    assert int((trained.mask() == 2).sum()) > before
    assert trained.program.training.is_running
    trained.program.training.cancel()
    trained.until(lambda: not trained.program.training.is_running)


def test_closing_the_window_cancels_a_run(trained: Driver) -> None:
    trained.program.training.start(TrainingSettings())
    trained.until(lambda: bool(PretendedRun.requests))
    trained.close()
    assert trained.engine.is_closed


def test_a_version_is_brought_back_by_one_click(trained: Driver, tmp_path: Path) -> None:
    _finish(trained)
    with trained.qtbot.waitSignal(trained.program.prediction.model_loaded, timeout=10_000):
        trained.program.training.keep()
    from seggui.core.versions import ModelVersion

    base = ModelVersion(**_versions(tmp_path)[0])
    with trained.qtbot.waitSignal(trained.program.prediction.model_loaded, timeout=10_000):
        trained.program.training.restore(base, tmp_path / "net.keras")
    assert trained.program.prediction.model.path == str(tmp_path / "net.keras")


def test_leaving_the_folder_asks_and_cancels_the_run(
    trained: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    write_images(other, 1)
    questions: list[str] = []

    def answer(_: object, title: str, text: str, **_answers: str) -> bool:
        questions.append(text)
        return len(questions) > 1

    monkeypatch.setattr("seggui.messages.Messages.ask", answer)
    trained.program.training.start(TrainingSettings())
    trained.until(lambda: bool(PretendedRun.requests))
    trained.program.folders.open_folder(other)
    assert trained.program.training.is_running
    trained.program.folders.open_folder(other)
    trained.until(lambda: trained.program.navigation.opened.folder == other)
    trained.until(lambda: not trained.program.training.is_running)
    assert "cancels" in questions[0]


def test_an_undecided_network_is_listed_where_it_was_trained(
    trained: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    write_images(other, 1)
    monkeypatch.setattr("seggui.messages.Messages.ask", lambda *_, **__: True)
    _finish(trained)
    trained.program.folders.open_folder(other)
    trained.until(lambda: trained.program.navigation.opened.folder == other)
    assert [v["state"] for v in _versions(tmp_path)] == ["base", "discarded"]
