"""Training from scratch from the command line, without Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from model.engine.protocol import (
    DeviceInfo,
    Scores,
    TrainingDone,
    TrainingPlan,
    TrainingScored,
    TrainingStep,
)
from model.recipes import DEFAULT, PLAIN, SEED
from model.scratch_resume import save_request
from model.scratch_state import RunState, ScratchRequest, TrainingFolder
from seggui.commands import fine_tune
from seggui.commands.progress_bar import ProgressBar
from tests.unit.cli.kit import run

NOTHING = Scores(0.0, 0.0, (None, None), (0, 0))
AFTER = Scores(0.9, 0.8, (0.7, 0.9), (70, 30))


class FakeTraining:
    """Two steps."""

    requests: ClassVar[list[ScratchRequest]] = []

    def __init__(self, request: ScratchRequest, **_: object) -> None:
        self.request = request
        type(self).requests.append(request)

    def events(self) -> Iterator[object]:
        device = DeviceInfo("cpu", "CPU, 2 cores", "none")
        yield TrainingPlan(12, 4, (), 2, device, 65.0)
        yield TrainingStep(1, 2, 0.5, 2.0)
        yield TrainingStep(2, 2, 0.4, 0.0)
        yield TrainingScored(2, AFTER, is_best=True)
        yield TrainingDone(
            self.request.output_path, NOTHING, AFTER, 2, 2, 61.0, False, ("Learned.",)
        )

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def training(monkeypatch: pytest.MonkeyPatch) -> list[ScratchRequest]:
    FakeTraining.requests = []
    monkeypatch.setattr(fine_tune, "TrainingRun", FakeTraining)
    return FakeTraining.requests


def test_the_default_recipe_is_trained_unless_another_is_named(
    tmp_path: Path, training: list[ScratchRequest]
) -> None:
    assert run("train", tmp_path, "-o", tmp_path / "a.keras") == 0
    assert run("train", tmp_path, "-o", tmp_path / "b.keras", "--recipe", "seed") == 0
    plain = run(
        "train", tmp_path, "-o", tmp_path / "c.keras", "--recipe", "plain", "--widths", "8,16"
    )
    assert plain == 0

    assert [r.recipe for r in training] == [DEFAULT, SEED, replace(PLAIN, widths=(8, 16))]
    assert training[0].output_path == str(tmp_path / "a.keras")


def test_options_change_the_recipe_and_nothing_else(
    tmp_path: Path, training: list[ScratchRequest]
) -> None:
    status = run(
        "train", tmp_path, "-o", tmp_path / "a.keras", "--epochs", 7, "--widths", "8,16",
        "--blocks", "1,1", "--gray", "--crop", 64, 96, "--groups", "A,B", "--minutes", 1.5,
        "--hold-out", "share", "--resume",
    )  # fmt: skip

    assert status == 0
    wanted = training[0]
    assert (wanted.recipe.epochs, wanted.recipe.widths, wanted.recipe.channels) == (7, (8, 16), 1)
    assert wanted.recipe.crop_size == (64, 96)
    assert wanted.recipe.learning_rate == DEFAULT.learning_rate
    assert (wanted.groups, wanted.minutes, wanted.holds_out) == (("A", "B"), 1.5, "share")
    assert wanted.resumes


def test_options_that_a_recipe_s_network_does_not_have_are_refused(
    tmp_path: Path, training: list[ScratchRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.keras"
    assert run("train", tmp_path, "-o", output, "--recipe", "plain", "--blocks", "1,1") == 1
    assert run("train", tmp_path, "-o", output, "--recipe", "seed", "--widths", "8,16") == 1

    said = capsys.readouterr().err
    assert "--blocks has no effect on the network of the recipe plain" in said
    assert "--widths has no effect on the network of the recipe seed" in said
    assert not training


def test_the_result_and_the_notes_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", tmp_path, "-o", tmp_path / "a.keras")

    said = capsys.readouterr()
    assert "Training on 12 images, held out: 4; at most 2 steps" in said.err
    assert "mean IoU 80.0 %" in said.out
    assert "Learned." in said.out


@pytest.mark.parametrize(
    ("scores", "shown"),
    [(AFTER, "loss 0.400, held out 80.0 % mean IoU"), (NOTHING, "loss 0.400")],
)
def test_the_progress_tells_the_score_where_something_is_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: Scores, shown: str
) -> None:
    details = []

    class ScoredEarly(FakeTraining):
        def events(self) -> Iterator[object]:
            plan, first, second, _, done = super().events()
            yield from (plan, first, TrainingScored(1, scores, is_best=True), second, done)

    class Recorded(ProgressBar):
        def show(self, done: int, **options: object) -> None:
            details.append(options["detail"])

    monkeypatch.setattr(fine_tune, "TrainingRun", ScoredEarly)
    monkeypatch.setattr(fine_tune, "ProgressBar", Recorded)
    run("train", tmp_path, "-o", tmp_path / "a.keras")

    assert details == ["loss 0.500", shown]


def test_json_is_one_object_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", tmp_path, "-o", tmp_path / "a.keras", "--json")

    said = capsys.readouterr()
    assert json.loads(said.out)["scores"]["mean_iou"] == 0.8
    assert not said.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "a.h5"), "does not end in .keras"),
        (("-o", "a.keras", "--learning-rate", "20"), "learning rate"),
    ],
)
def test_bad_options_end_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    try:
        status = run("train", tmp_path, *options)
    except SystemExit as error:
        status = error.code
    assert status in (1, 2)
    assert said.replace(" ", "") in capsys.readouterr().err.replace(" ", "").replace("-", "")


def test_an_interrupted_run_is_not_overwritten_by_accident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], training: list[ScratchRequest]
) -> None:
    folder = TrainingFolder(tmp_path / "a.keras")
    folder.start_log()
    (folder.path / "state.npz").write_bytes(b"hours of work")

    assert run("train", tmp_path, "-o", tmp_path / "a.keras") == 1

    assert "--resume" in capsys.readouterr().err
    assert not training


def interrupted(output: Path) -> ScratchRequest:
    """What was asked for of a run that ended after an epoch."""
    recipe = replace(PLAIN, widths=(8, 16), seed=5, mixed_share=0.25)
    began = ScratchRequest(
        str(output.parent), str(output), recipe, groups=("A",), holds_out="share", minutes=30.0
    )
    folder = TrainingFolder(output)
    folder.start_log()
    save_request(began)
    folder.save(
        recipe, RunState(epoch=1), weights=[], averaged=[], optimizer=[],
        best_weights=None, best_scores=None,
    )  # fmt: skip
    return began


def test_resume_alone_goes_on_with_what_was_asked_for(
    tmp_path: Path, training: list[ScratchRequest]
) -> None:
    began = interrupted(tmp_path / "a.keras")

    assert run("train", tmp_path, "-o", tmp_path / "a.keras", "--resume") == 0

    assert training == [replace(began, resumes=True)]


def test_what_is_given_with_resume_counts(tmp_path: Path, training: list[ScratchRequest]) -> None:
    began, moved = interrupted(tmp_path / "a.keras"), tmp_path / "moved"

    status = run(
        "train", moved, "-o", tmp_path / "a.keras", "--resume", "--recipe", "plain",
        "--epochs", 9, "--minutes", 50,
    )  # fmt: skip
    assert status == 0
    assert run("train", moved, "-o", tmp_path / "a.keras", "--resume", "--recipe", "default") == 0

    longer, other = training
    recipe = replace(began.recipe, epochs=9)
    assert longer == replace(
        began, dataset_path=str(moved), recipe=recipe, minutes=50.0, resumes=True
    )
    assert other.recipe == DEFAULT  # the training refuses it, and names what differs


def test_a_run_that_does_not_say_what_was_asked_for_goes_on_with_what_is_given(
    tmp_path: Path, training: list[ScratchRequest]
) -> None:
    output = tmp_path / "a.keras"
    interrupted(output)
    (TrainingFolder(output).path / "request.json").unlink()

    assert run("train", tmp_path, "-o", output, "--resume", "--groups", "B") == 0

    assert training == [
        ScratchRequest(str(tmp_path), str(output), DEFAULT, groups=("B",), resumes=True)
    ]
