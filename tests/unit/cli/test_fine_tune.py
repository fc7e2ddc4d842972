"""Fine-tuning on a project, without Keras."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from model.engine.protocol import (
    DeviceInfo,
    Scores,
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingScored,
    TrainingStep,
)
from seggui.commands import fine_tune
from seggui.core.project import Project
from tests.unit.cli.kit import run
from tests.unit.fake_engine import FakeEngine

BEFORE = Scores(0.5, 0.4, (0.4, None), (70, 30))
AFTER = Scores(0.9, 0.8, (0.7, 0.9), (70, 30))


class FakeTraining:
    """A run with three steps, that stops after the first when it is asked to."""

    requests: ClassVar[list[TrainingRequest]] = []
    interrupts_at: int | None = None
    was_stopped = False

    def __init__(self, request: TrainingRequest, **_: object) -> None:
        self.request = request
        type(self).requests.append(request)

    def events(self) -> Iterator[object]:
        device = DeviceInfo("cpu", "CPU, 2 cores", "none")
        yield TrainingPlan(2, 0, (70, 30), 3, device, 65.0)
        for step in (1, 2, 3):
            if self.interrupts_at == step:
                os.kill(os.getpid(), signal.SIGINT)
            yield TrainingStep(step, 3, 0.5, 2.0)
            yield TrainingScored(step, AFTER, is_best=True)
            if self.was_stopped:
                break
        Path(self.request.output_path).write_bytes(b"better")
        yield TrainingDone(self.request.output_path, BEFORE, AFTER, step, step, 61.0, False)

    def stop_and_keep_best(self) -> None:
        self.was_stopped = True

    def cancel(self) -> None:
        raise AssertionError("one Ctrl-C must not cancel")

    def close(self) -> None:
        pass


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> type[FakeTraining]:
    class Training(FakeTraining):
        requests: ClassVar[list[TrainingRequest]] = []

    monkeypatch.setattr(fine_tune, "TrainingRun", Training)
    return Training


def test_fine_tune_trains_on_the_corrections_and_compares(
    engine: FakeEngine,
    training: type[FakeTraining],
    project_folder: Path,
    network_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "new.keras"
    arguments = ("--steps", 3, "--batch-size", 2, "--learning-rate", "0.001")
    assert run("fine-tune", network_file, project_folder, "-o", output, *arguments) == 0
    (request,) = training.requests
    assert {Path(sample.image_path).name for sample in request.samples} == {"a.png", "b.jpg"}
    settings = request.settings
    assert (settings.num_steps, settings.batch_size, settings.learning_rate) == (3, 2, 0.001)
    said = capsys.readouterr()
    lines = [line.split() for line in said.out.splitlines()]
    assert ["mean", "IoU", "40.0", "%", "80.0", "%"] in lines
    assert ["bright", "-", "90.0", "%"] in lines
    assert "about 1:05 on CPU, 2 cores" in said.err


def test_fine_tune_is_remembered_by_the_project_without_changing_its_model(
    engine: FakeEngine,
    training: type[FakeTraining],
    project_folder: Path,
    network_file: Path,
    tmp_path: Path,
) -> None:
    assert run("fine-tune", network_file, project_folder, "-o", tmp_path / "new.keras") == 0
    with Project.open(project_folder) as project:
        assert [run.seconds for run in project.runs()] == [61.0]
        (version,) = [v for v in project.versions() if v.state != "base"]
        assert project.version_path(version) == tmp_path / "new.keras"
        active = project.active_version()
        assert active is None or active.id != version.id


def test_fine_tune_says_in_json_what_it_did(
    engine: FakeEngine,
    training: type[FakeTraining],
    project_folder: Path,
    network_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "new.keras"
    assert run("fine-tune", network_file, project_folder, "-o", output, "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["before"]["mean_iou"], done["after"]["mean_iou"]) == (0.4, 0.8)
    assert done["after"]["iou"] == [0.7, 0.9]


def test_interrupted_fine_tuning_keeps_the_best_network_so_far(
    engine: FakeEngine,
    training: type[FakeTraining],
    project_folder: Path,
    network_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    training.interrupts_at = 2
    output = tmp_path / "new.keras"
    before = signal.getsignal(signal.SIGINT)
    assert run("fine-tune", network_file, project_folder, "-o", output) == 130
    assert output.read_bytes() == b"better"
    said = capsys.readouterr()
    assert "the best network so far is kept" in said.err
    assert "of step 2" in said.out
    assert signal.getsignal(signal.SIGINT) is before


def test_fine_tune_never_overwrites_the_model_it_starts_from(
    engine: FakeEngine, training: type[FakeTraining], project_folder: Path, network_file: Path
) -> None:
    assert run("fine-tune", network_file, project_folder, "-o", network_file) == 1
    assert network_file.read_bytes() == b"network"
    assert training.requests == []


def test_fine_tune_without_corrections_says_what_to_do(
    engine: FakeEngine,
    training: type[FakeTraining],
    folder: Path,
    network_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("fine-tune", network_file, folder, "-o", tmp_path / "new.keras") == 1
    assert "Correct some images with the brush" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--steps", "0"), ("--steps", "many"), ("--learning-rate", "0"), ("--keep-old", "1.5")],
)
def test_impossible_training_numbers_are_usage_errors(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run("fine-tune", "a.keras", ".", "-o", "b.keras", flag, value)
    assert exit_info.value.code == 2
    assert f"{value!r} was given" in capsys.readouterr().err
