"""Training from scratch: what comes out, what is kept, and going on after an interruption."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split

from model import scratch_training
from model.data.datasets.opening import open_dataset
from model.data.datasets.survey import survey_dataset
from model.data.label_sets import generic_label_set
from model.engine.protocol import Scores, TrainingDone, TrainingPlan, TrainingScored, TrainingStep
from model.errors import CancelledError, StorageError, TrainingError
from model.evaluate_dataset import evaluate_dataset
from model.examination import examine
from model.inspection import inspect_file
from model.model_settings import load_settings
from model.opening import open_network
from model.predictor import Predictor
from model.recipes import DEFAULT, PLAIN, SEED, Recipe
from model.scratch_items import chosen_items, drawn_split
from model.scratch_losses import LabelledAccuracy, LabelledCrossentropy, class_weights
from model.scratch_network import build_network
from model.scratch_resume import interrupted_request
from model.scratch_state import EpochRow, RunState, ScratchRequest, TrainingFolder
from model.scratch_training import train_from_scratch
from tests.unit.test_tensorboard_log import numbers_of
from tests.unit.toy_task import scene

# WORKAROUND: tensorflow 2.21 variables with numpy 2 (its __array__ knows no copy keyword); recheck
# with the next TensorFlow.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SMALL = dataclasses.replace(
    DEFAULT, widths=(8, 8), blocks=(0, 1), epochs=3, batch_size=4, crop_size=(32, 48),
    warmup_steps=2, learning_rate=1e-2, averaging=0.9, validation_share=0.25,
    score_every=1, overlap_from=1.0,  # each change of the loss is traced, which takes seconds
)  # fmt: skip
SMALL_SEED = dataclasses.replace(SEED, epochs=2, batch_size=4, validation_share=0.25)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Sixteen small scenes of three classes, with some void."""
    folder = tmp_path / "scenes"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(16):
        pixels, truth = scene(number)
        truth[:3] = 255
        Image.fromarray(pixels).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(truth).save(folder / "masks" / f"{number:02}.png")
    return folder


@pytest.fixture(autouse=True)
def small_seed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed's network itself takes half a minute per step; its shape has a test of its own."""

    def built(recipe: Recipe, num_classes: int) -> keras.Model:
        if recipe.architecture != "seed":
            return build_network(recipe, num_classes)
        inputs = keras.Input((*recipe.input_size, recipe.channels))
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", strides=2)(inputs)
        x = keras.layers.UpSampling2D(2)(x)
        x = keras.layers.Conv2D(num_classes + recipe.trains_void, 1, activation="softmax")(x)
        return keras.Model(inputs, x)

    monkeypatch.setattr(scratch_training, "build_network", built)


def request(dataset: Path, recipe: Recipe = SMALL, **options: object) -> ScratchRequest:
    output = dataset.parent / "network.keras"
    return ScratchRequest(str(dataset), str(output), recipe, **options)


def finished(wanted: ScratchRequest) -> TrainingDone:
    *_, done = train_from_scratch(wanted)
    assert isinstance(done, TrainingDone)
    return done


def log_of(wanted: ScratchRequest) -> list[dict[str, float]]:
    lines = TrainingFolder(Path(wanted.output_path)).log_path.read_text().splitlines()
    names = lines[0].split(",")
    return [dict(zip(names, map(float, line.split(",")), strict=True)) for line in lines[1:]]


def test_a_run_tells_its_plan_then_steps_and_scores_and_ends_with_a_network(dataset: Path) -> None:
    events = list(train_from_scratch(request(dataset)))

    plan, done = events[0], events[-1]
    assert isinstance(plan, TrainingPlan)
    assert isinstance(done, TrainingDone)
    assert (plan.num_train_images, plan.num_held_out_images) == (12, 4)
    assert plan.num_steps == 9
    assert [e.step for e in events if isinstance(e, TrainingStep)] == list(range(1, 10))
    assert [e.step for e in events if isinstance(e, TrainingScored)] == [3, 6, 9]


def test_the_network_opens_with_load_model_and_answers_as_it_was_scored(dataset: Path) -> None:
    wanted = request(dataset, dataclasses.replace(SMALL, epochs=12))
    done = finished(wanted)

    network = keras.models.load_model(done.output_path)
    settings = load_settings(Path(done.output_path))

    assert settings is not None
    assert settings.class_names == tuple(c.name for c in open_dataset(dataset).label_set.classes)
    pixels, truth = scene(99)
    answer = network.predict_on_batch(pixels[None].astype(np.float32))[0].argmax(-1)
    assert done.after.accuracy > 0.8
    assert (answer == truth).mean() > 0.7


def test_training_again_with_the_same_seed_gives_the_same_network(dataset: Path) -> None:
    first = keras.models.load_model(finished(request(dataset)).output_path).get_weights()
    again = keras.models.load_model(finished(request(dataset)).output_path).get_weights()

    for one, other in zip(first, again, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_interrupted_run_goes_on_with_what_it_would_have_done(dataset: Path) -> None:
    recipe = dataclasses.replace(SMALL, overlap_from=0.75)  # from the seventh step on
    whole = keras.models.load_model(finished(request(dataset, recipe)).output_path).get_weights()
    rows = log_of(request(dataset, recipe))

    events = train_from_scratch(request(dataset, recipe))
    for event in events:  # killed in the second epoch
        if isinstance(event, TrainingStep) and event.step == 5:
            events.close()
            break
    assert interrupted_request(Path(request(dataset, recipe).output_path)) == request(
        dataset, recipe, resumes=True
    )
    resumed = list(train_from_scratch(request(dataset, recipe, resumes=True)))

    assert [e.step for e in resumed if isinstance(e, TrainingStep)] == [4, 5, 6, 7, 8, 9]
    network = keras.models.load_model(request(dataset, recipe).output_path)
    for one, other in zip(whole, network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert [r["epoch"] for r in log_of(request(dataset, recipe))] == [1, 2, 3]
    assert log_of(request(dataset, recipe))[-1]["loss"] == pytest.approx(rows[-1]["loss"], abs=1e-3)


def test_the_curves_for_tensorboard_are_those_of_the_log(dataset: Path) -> None:
    finished(request(dataset))

    numbers = numbers_of(TrainingFolder(Path(request(dataset).output_path)).path)
    for name in ("loss", "accuracy", "val_accuracy", "val_mean_iou"):
        logged = [
            (row["epoch"], pytest.approx(row[name], abs=1e-5)) for row in log_of(request(dataset))
        ]
        assert [(step, value) for tag, step, value in numbers if tag == f"epoch/{name}"] == logged
    assert [step for tag, step, _ in numbers if tag == "step/loss"] == list(range(1, 10))
    rates = [value for tag, _, value in numbers if tag == "epoch/learning_rate"]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < rates[0] < SMALL.learning_rate


def test_logs_hold_nothing_twice_where_a_kill_came_between_log_and_state(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingFolder, "save", saving_only_first(TrainingFolder.save))
    events = train_from_scratch(request(dataset))
    scored = (e for e in events if isinstance(e, TrainingScored))
    next(scored), next(scored)
    events.close()
    monkeypatch.undo()
    assert [row["epoch"] for row in log_of(request(dataset))] == [1, 2]

    finished(request(dataset, resumes=True))

    numbers = numbers_of(TrainingFolder(Path(request(dataset).output_path)).path)
    assert [row["epoch"] for row in log_of(request(dataset))] == [1, 2, 3]
    assert [step for tag, step, _ in numbers if tag == "epoch/val_mean_iou"] == [1, 2, 3]
    assert [step for tag, step, _ in numbers if tag == "step/loss"] == list(range(1, 10))


def saving_only_first(original: Callable[..., None]) -> Callable[..., None]:
    calls = itertools.count()

    def save(self: TrainingFolder, *args: object, **options: object) -> None:
        if next(calls) == 0:
            original(self, *args, **options)

    return save


def test_curves_that_cannot_be_written_are_noted_once_and_training_goes_on(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.tensorboard_log.TensorBoardLog._append", full)

    done = finished(request(dataset))

    assert sum("TensorBoard" in note for note in done.notes) == 1
    assert done.num_steps_run == 9


def test_a_run_says_what_it_was_asked_for_with_its_classes(dataset: Path) -> None:
    wanted = request(
        dataset, label_set=generic_label_set(4), holds_out="share", minutes=60.0, layout="pairs"
    )
    events = train_from_scratch(wanted)
    next(e for e in events if isinstance(e, TrainingScored))
    events.close()

    found = interrupted_request(Path(wanted.output_path))

    assert found == dataclasses.replace(wanted, resumes=True)


def test_resuming_with_other_settings_is_refused_and_keeps_the_state(dataset: Path) -> None:
    events = train_from_scratch(request(dataset))
    next(e for e in events if isinstance(e, TrainingScored))
    events.close()
    other = dataclasses.replace(SMALL, learning_rate=5e-3)

    with pytest.raises(TrainingError, match="learning_rate"):
        list(train_from_scratch(request(dataset, other, resumes=True)))
    assert TrainingFolder(Path(request(dataset).output_path)).has_state


def test_resuming_with_other_images_is_refused_and_keeps_the_state(dataset: Path) -> None:
    events = train_from_scratch(request(dataset, holds_out="share"))
    next(e for e in events if isinstance(e, TrainingScored))
    events.close()

    with pytest.raises(TrainingError, match="held out: share"):
        list(train_from_scratch(request(dataset, holds_out="nothing", resumes=True)))
    assert TrainingFolder(Path(request(dataset).output_path)).has_state


def test_a_run_that_goes_on_elsewhere_is_neither_resumed_nor_begun_anew(dataset: Path) -> None:
    events = train_from_scratch(request(dataset))
    next(e for e in events if isinstance(e, TrainingScored))
    output = Path(request(dataset).output_path)
    before = sorted(path.name for path in TrainingFolder(output).path.iterdir())

    with pytest.raises(TrainingError, match="right now"):
        interrupted_request(output)
    for resumes in (True, False):
        with pytest.raises(TrainingError, match="right now"):
            list(train_from_scratch(request(dataset, resumes=resumes)))

    assert sorted(path.name for path in TrainingFolder(output).path.iterdir()) == before
    events.close()
    assert interrupted_request(output) is not None


def test_resuming_what_was_never_begun_says_so(dataset: Path) -> None:
    with pytest.raises(TrainingError, match="no interrupted training"):
        list(train_from_scratch(request(dataset, resumes=True)))
    assert not list(dataset.parent.glob("network*"))


def test_stopping_keeps_the_best_network_and_the_state_to_go_on(dataset: Path) -> None:
    wanted = request(dataset, dataclasses.replace(SMALL, epochs=50))
    num_asked = itertools.count()

    *_, done = train_from_scratch(wanted, is_stopped=lambda: next(num_asked) > 12)

    assert isinstance(done, TrainingDone)
    assert done.num_steps_run < 150
    assert Path(done.output_path).exists()
    assert TrainingFolder(Path(done.output_path)).has_state


def test_cancelling_writes_no_network(dataset: Path) -> None:
    num_asked = itertools.count()
    with pytest.raises(CancelledError):
        list(train_from_scratch(request(dataset), is_cancelled=lambda: next(num_asked) > 3))
    assert not Path(request(dataset).output_path).exists()


def test_a_budget_of_minutes_ends_the_run_with_its_schedule(dataset: Path) -> None:
    wanted = request(dataset, dataclasses.replace(SMALL, epochs=10_000), minutes=0.05)

    done = finished(wanted)

    assert done.num_steps_run < 30_000
    assert Path(done.output_path).exists()


def test_the_seed_recipe_trains_void_at_a_fixed_size_and_stops_without_progress(
    dataset: Path,
) -> None:
    recipe = dataclasses.replace(SMALL_SEED, input_size=(48, 48), epochs=40, min_delta=0.99)

    done = finished(request(dataset, recipe))

    rows = log_of(request(dataset))
    assert set(rows[0]) >= {"accuracy", "loss", "val_accuracy", "val_loss", "val_mean_iou"}
    assert len(rows) == 6  # the first is progress against nothing, then five without
    settings = load_settings(Path(done.output_path))
    assert settings is not None
    assert settings.class_names[-1] == "Void"
    assert settings.excluded_classes == (3,)
    assert len(done.after.iou) == 3


@pytest.mark.parametrize("architecture", ["compact", "plain", "seed"])
def test_a_fixed_size_without_void_is_scored_as_the_network_will_be_used(
    dataset: Path, architecture: str
) -> None:
    recipe = dataclasses.replace(
        SMALL, architecture=architecture, input_size=(48, 64), epochs=2, channels=1
    )
    wanted = request(dataset, recipe)

    done = finished(wanted)

    # The same images by the command's way: the file opened anew, and the general evaluation.
    opened = open_dataset(dataset)
    _, held_out = chosen_items(opened, survey_dataset(opened), wanted)
    evaluation = evaluate_dataset(
        predictor_of(Path(done.output_path)), opened, held_out, is_cancelled=lambda: False
    )
    assert len(held_out) == 4
    assert done.after.num_pixels == evaluation.true_pixels
    assert done.after.mean_iou == pytest.approx(evaluation.mean_iou, abs=1e-6)
    assert {"val_accuracy", "val_mean_iou"} <= set(log_of(wanted)[0])


def predictor_of(path: Path) -> Predictor:
    report = inspect_file(path)
    network = open_network(report)
    return Predictor(network, examine(network, report, settings=load_settings(path)))


def test_weights_that_are_no_numbers_are_not_kept_though_the_loss_was_one(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)
    original = keras.Model.train_on_batch

    def exploding(self: keras.Model, *args: object, **options: object) -> object:
        values = original(self, *args, **options)
        if next(calls) == 6:  # the last step of the second epoch
            self.set_weights([np.full_like(w, np.nan) for w in self.get_weights()])
        return values

    monkeypatch.setattr(keras.Model, "train_on_batch", exploding)

    done = finished(
        request(dataset, holds_out="nothing", recipe=dataclasses.replace(SMALL, batch_size=5))
    )

    assert done.best_step == 3
    assert any("not a number" in note for note in done.notes)
    weights = keras.models.load_model(done.output_path).get_weights()
    assert all(np.isfinite(w).all() for w in weights)


def test_a_first_step_that_is_no_number_ends_the_run_where_nothing_is_held_out(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)
    original = keras.Model.train_on_batch

    def broken(self: keras.Model, *args: object, **options: object) -> dict[str, float]:
        values = original(self, *args, **options)
        return {**values, "loss": float("nan")} if next(calls) == 5 else values

    monkeypatch.setattr(keras.Model, "train_on_batch", broken)
    wanted = request(dataset, holds_out="nothing")  # sixteen images, four steps

    done = finished(wanted)

    assert done.best_step == 4
    lines = TrainingFolder(Path(wanted.output_path)).log_path.read_text().splitlines()
    assert lines[0].split(",") == ["epoch", "step", "seconds", "accuracy", "loss"]
    assert lines[2].startswith("2,4,")
    assert lines[2].endswith(",,")


def test_a_loss_that_is_no_number_keeps_the_best_network_before(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()
    original = keras.Model.train_on_batch

    def broken(self: keras.Model, *args: object, **options: object) -> dict[str, float]:
        values = original(self, *args, **options)
        return {**values, "loss": float("nan")} if next(calls) == 4 else values

    monkeypatch.setattr(keras.Model, "train_on_batch", broken)

    done = finished(request(dataset))

    assert any("not a number" in note for note in done.notes)
    assert done.best_step == 3
    assert all(
        np.isfinite(w).all() for w in keras.models.load_model(done.output_path).get_weights()
    )


def test_a_loss_that_is_no_number_at_once_is_an_error(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "train_on_batch", lambda *_, **__: {"loss": float("nan")})
    with pytest.raises(TrainingError, match="learning rate"):
        list(train_from_scratch(request(dataset)))


def test_too_little_memory_halves_the_batch_and_says_so(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = keras.Model.train_on_batch

    def greedy(self: keras.Model, x: np.ndarray, *args: object, **options: object) -> object:
        if len(x) > 2:
            raise MemoryError
        return original(self, x, *args, **options)

    monkeypatch.setattr(keras.Model, "train_on_batch", greedy)

    done = finished(request(dataset))

    assert any("2 images per step" in note for note in done.notes)


def test_a_full_disk_at_a_checkpoint_leaves_the_last_one_and_training_goes_on(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = TrainingFolder.save, itertools.count()

    def full(self: TrainingFolder, *args: object, **options: object) -> None:
        if next(calls) == 1:
            raise StorageError("No space.", remedy="Free some.")
        original(self, *args, **options)

    monkeypatch.setattr(TrainingFolder, "save", full)

    done = finished(request(dataset))

    assert done.num_steps_run == 9
    assert any("After epoch 2" in note for note in done.notes)


def test_void_neither_teaches_nor_counts() -> None:
    loss = LabelledCrossentropy(3)
    truth = np.full((1, 4, 4), 255, np.uint8)
    truth[0, 0, 0] = 1
    answer = np.full((1, 4, 4, 3), 1 / 3, np.float32)
    answer[0, 0, 0] = (0.0, 1.0, 0.0)

    assert float(loss(truth, answer)) == pytest.approx(0.0, abs=1e-5)
    metric = LabelledAccuracy()
    metric.update_state(truth, answer)
    assert float(metric.result()) == 1.0


def test_rare_classes_weigh_more_but_mildly(dataset: Path) -> None:
    opened = open_dataset(dataset)
    weights = class_weights(np.array(survey_dataset(opened).class_pixels))
    counts = np.zeros(256, int)
    for item in opened.items:
        counts += np.bincount(opened.read_mask(item).reshape(-1), minlength=256)

    shares = counts[:3] / counts[:3].sum()
    assert list(np.argsort(weights)) == list(np.argsort(-shares))
    assert (weights * shares).sum() == pytest.approx(1.0)


def test_the_state_on_disk_is_complete_or_the_one_before(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "n.keras")
    folder.start_log()
    scores = Scores(0.5, 0.25, (0.5, None), (3, 0))
    state = RunState(epoch=2, step=7, best_value=0.25)
    weights = [np.arange(3.0), np.zeros((0,))]
    folder.save(
        SMALL, state, weights=weights, averaged=weights, optimizer=[np.array(1.0)],
        best_weights=weights, best_scores=scores,
    )  # fmt: skip

    loaded = folder.load(SMALL)

    assert loaded.state == state
    assert loaded.best_scores == scores
    np.testing.assert_array_equal(loaded.weights[0], weights[0])
    (folder.path / "state.npz").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="damaged"):
        folder.load(SMALL)


def test_a_log_that_a_full_disk_cut_off_goes_on_in_a_new_line_and_is_trimmed(
    tmp_path: Path,
) -> None:
    folder = TrainingFolder(tmp_path / "n.keras")
    folder.start_log()
    folder.log(EpochRow(1, 5, 1.0, {"loss": 0.5, "accuracy": 0.25}))
    whole = folder.log_path.read_text()
    folder.log_path.write_text(whole + "2,10,2")
    folder.log(EpochRow(3, 15, 3.0, {"loss": 0.25, "accuracy": 0.5}))

    lines = folder.log_path.read_text().splitlines()
    assert lines[2:] == ["2,10,2", "3,15,3.0,0.500000,0.250000"]
    folder.trim_log(2)
    assert folder.log_path.read_text() == whole


def test_the_seed_recipe_divides_as_scikit_learn_did(dataset: Path) -> None:
    items = open_dataset(dataset).items

    train, held_out = drawn_split(items, SEED)

    expected = train_test_split(list(items), test_size=0.1, random_state=14)
    assert [list(train), list(held_out)] == expected


def test_masks_of_another_size_are_left_out_and_named(dataset: Path) -> None:
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(dataset / "masks" / "03.png")

    events = list(train_from_scratch(request(dataset)))

    plan, done = events[0], events[-1]
    assert isinstance(plan, TrainingPlan)
    assert isinstance(done, TrainingDone)
    assert plan.num_train_images + plan.num_held_out_images == 15
    assert any("03.png" in note or "size" in note for note in done.notes)


def test_one_class_only_is_refused_by_its_name(dataset: Path) -> None:
    for path in (dataset / "masks").iterdir():
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(path)

    with pytest.raises(TrainingError, match="two classes"):
        list(train_from_scratch(request(dataset)))


def test_unknown_groups_are_named_with_those_that_exist(dataset: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        list(train_from_scratch(request(dataset, groups=("nowhere",))))


def test_recipes_survive_json() -> None:
    for recipe in (DEFAULT, PLAIN, SEED):
        assert json.loads(json.dumps(dataclasses.asdict(recipe)))["name"] == recipe.name
