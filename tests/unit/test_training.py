import dataclasses
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from model.digest import file_sha256
from model.engine.protocol import (
    Activation,
    Fit,
    Scaling,
    Scores,
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingScored,
    TrainingSettings,
    TrainingStep,
)
from model.engine.training import TrainingRun
from model.errors import CancelledError, TrainingError
from model.examination import examine
from model.inspection import inspect_file
from model.model_settings import load_settings, load_settings_sha256, load_test
from model.opening import open_network
from model.predictor import Predictor
from model.selection import choose_blend, is_better, learning_rate_at
from model.training import fine_tune, open_model
from model.training_crops import crop_plan
from model.training_data import load_material
from model.tunable_network import TunableNetwork, blend, encoder_layers
from tests.unit import toy_task as toy

# WORKAROUND: tensorflow 2.21 variables with numpy 2 (its __array__ knows no copy keyword); recheck
# with tensorflow 2.22.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# Little keeping: in this task the errors that nobody painted look exactly like the painted ones.
SETTINGS = TrainingSettings(
    num_steps=40,
    batch_size=4,
    crop_size=48,
    learning_rate=1e-2,
    score_every=20,
    keep_old_answers=0.025,
)


@pytest.fixture(scope="module")
def base_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "base.keras"
    toy.write_base(path)
    return path


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    trained = [toy.corrected_sample(folder, seed) for seed in range(4)]
    return (*trained, toy.corrected_sample(folder, 9, is_held_out=True))


def request_for(base_path, samples, output_path, **settings):
    return TrainingRequest(
        base_path=str(base_path),
        base_settings=toy.SETTINGS,
        current_path=str(base_path),
        samples=samples,
        output_path=str(output_path),
        settings=dataclasses.replace(SETTINGS, **settings),
    )


def run(request, **tokens):
    events = list(fine_tune(request, **tokens))
    assert isinstance(events[0], TrainingPlan)
    assert isinstance(events[-1], TrainingDone)
    return events


def weights_of(path):
    return keras.models.load_model(path, compile=False).get_weights()


def variables_of(path, kind):
    network = keras.models.load_model(path, compile=False)
    return {
        f"{layer.name}/{v.name}": np.array(v)
        for layer in network.layers
        if isinstance(layer, kind)
        for v in layer.weights
    }


@pytest.fixture(scope="module")
def finished(base_path, samples, tmp_path_factory):
    """One ordinary run that several tests look at: (events, output path)."""
    output = tmp_path_factory.mktemp("out") / "tuned.keras"
    return run(request_for(base_path, samples, output)), output


# --- learning


def test_corrections_of_part_of_the_errors_teach_the_class_everywhere(finished):
    """The simulated annotator repainted 60 % of the errors of four images; a fifth is scored."""
    done = finished[0][-1]
    assert done.after.mean_iou > done.before.mean_iou + 0.2
    assert done.after.iou[2] > 0.6
    assert done.after.iou[0] > 0.9  # no collapse of a class that nobody corrected
    assert done.best_step > 0


def test_loss_falls(finished):
    losses = [e.loss for e in finished[0] if isinstance(e, TrainingStep)]
    assert np.mean(losses[-8:]) < 0.5 * np.mean(losses[:4])


def test_saved_network_predicts_what_was_scored(finished):
    events, output = finished
    network, info = open_model(output, None)
    pixels, truth = toy.scene(9)
    predicted = Predictor(network, info).predict(pixels).classes
    assert np.mean(predicted == truth) == pytest.approx(events[-1].after.accuracy, abs=1e-3)


def test_events_tell_the_plan_every_step_and_every_scoring(finished):
    plan, *others, done = finished[0]
    assert (plan.num_train_images, plan.num_held_out_images, plan.num_steps) == (4, 1, 40)
    assert plan.num_trusted_pixels[:2] == (0, 0)
    assert plan.num_trusted_pixels[2] > 500
    assert plan.estimated_seconds > 0
    assert [e.step for e in others if isinstance(e, TrainingStep)] == list(range(1, 41))
    scored = [e for e in others if isinstance(e, TrainingScored)]
    assert [e.step for e in scored[:3]] == [0, 20, 40]
    assert scored[0].scores == done.before
    assert [e for e in scored if e.is_best][-1].scores == done.after
    assert not done.held_out_is_tiles


def test_settings_file_lies_beside_the_result_and_knows_it(finished):
    output = finished[1]
    assert load_settings(output) == toy.SETTINGS
    assert load_settings_sha256(output) == file_sha256(output)
    test, _ = load_test(output, sha256=file_sha256(output))
    assert test is not None
    report = inspect_file(output)
    assert examine(open_network(report), report, settings=toy.SETTINGS, test=test).change == ""


def test_batch_normalisation_is_exactly_as_in_the_base(finished, base_path):
    before = variables_of(base_path, keras.layers.BatchNormalization)
    after = variables_of(finished[1], keras.layers.BatchNormalization)
    assert len(before) == 8
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_result_differs_from_the_base_in_weights_only(finished, base_path):
    base = keras.models.load_model(base_path, compile=False)
    tuned = keras.models.load_model(finished[1], compile=False)
    assert tuned.get_config() == base.get_config()
    assert not tuned.compiled


def test_same_seed_gives_the_same_network(base_path, samples, tmp_path):
    paths = [tmp_path / "one.keras", tmp_path / "two.keras"]
    for path in paths:
        run(request_for(base_path, samples, path, num_steps=6, score_every=6))
    for one, two in zip(*map(weights_of, paths), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


# --- what must not teach


@pytest.fixture(scope="module")
def weights_after(base_path, tmp_path_factory):
    """Weights after six steps by what nobody touched: (mask there, keep_old_answers)."""

    def train(*, is_noise, keep):
        folder = tmp_path_factory.mktemp("weights")
        seen = []
        original = TunableNetwork.averaged_weights

        def remember(network):
            seen.append(original(network))
            return seen[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TunableNetwork, "averaged_weights", remember)
            run(
                request_for(
                    base_path, blue_painted(folder, is_noise=is_noise), folder / "o.keras",
                    num_steps=6, score_every=6, keep_old_answers=keep,
                )
            )  # fmt: skip
        return seen[-1]

    return {
        "truth": train(is_noise=False, keep=0.0),
        "noise": train(is_noise=True, keep=0.0),
        "kept": train(is_noise=True, keep=1.0),
    }


def blue_painted(folder, *, is_noise):
    """Two samples with blue painted; what the mask says elsewhere nobody looked at."""
    result = []
    for seed in (0, 1):
        pixels, truth = toy.scene(seed)
        painted = truth == 2
        noise = np.random.default_rng(seed).integers(0, 3, truth.shape)
        rest = np.where(noise == 1, 255, noise) if is_noise else truth
        result.append(
            toy.write_sample(
                folder, f"s{seed}", pixels=pixels,
                mask=np.where(painted, 2, rest).astype(np.uint8),
                provenance=np.where(painted, 2, 1).astype(np.uint8),
            )
        )  # fmt: skip
    return tuple(result)


def test_untouched_pixels_have_no_effect_without_keep_old_answers(weights_after):
    for one, two in zip(weights_after["truth"], weights_after["noise"], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_keeping_old_answers_holds_back_what_nobody_asked_to_change(base_path, weights_after):
    """On red, which nobody corrected, the answer moves less with it than without."""
    network = keras.models.load_model(base_path, compile=False)
    tunable = TunableNetwork(network, output_index=0, trainable="all")
    scenes = [toy.scene(seed) for seed in range(50, 66)]
    x = np.stack([pixels for pixels, _ in scenes]).astype(np.float32)
    is_red = np.stack([truth for _, truth in scenes]) == 0
    before = network.predict_on_batch(x)
    moved = {}
    for name in ("noise", "kept"):
        tunable.set_weights(weights_after[name])
        after = network.predict_on_batch(x)
        moved[name] = float(np.abs(after - before)[is_red].mean())
    assert moved["kept"] < 0.9 * moved["noise"]


# --- never worse


def test_nothing_better_gives_the_base_back_and_says_so(base_path, samples, tmp_path):
    """The held-out image demands what the base says already; corrections can only harm there."""
    pixels, _ = toy.scene(20)
    held_out = toy.write_sample(
        tmp_path, "held", pixels=pixels, mask=toy.base_prediction(base_path, pixels),
        provenance=None, is_held_out=True,
    )  # fmt: skip
    output = tmp_path / "same.keras"
    done = run(request_for(base_path, (*samples[:4], held_out), output))[-1]
    assert done.best_step == 0
    assert done.after == done.before
    assert "result is the base model" in " ".join(done.notes)
    for mine, base in zip(weights_of(output), weights_of(base_path), strict=True):
        np.testing.assert_array_equal(mine, base)


def test_training_ends_by_itself_without_progress(base_path, samples, tmp_path):
    request = request_for(
        base_path, samples, tmp_path / "o.keras",
        learning_rate=1e-9, num_steps=40, score_every=2, patience=3,
    )  # fmt: skip
    done = run(request)[-1]
    assert done.num_steps_run == 6
    assert "no progress" in done.notes[0]


def test_without_held_out_image_tiles_are_scored(base_path, samples, tmp_path):
    events = run(
        request_for(base_path, samples[:4], tmp_path / "o.keras", num_steps=4, score_every=4)
    )
    assert events[0].num_held_out_images == 0
    assert events[-1].held_out_is_tiles
    assert events[-1].before.num_pixels[2] > 50


def test_model_in_force_is_scored_as_before(finished, base_path, samples, tmp_path):
    request = request_for(base_path, samples, tmp_path / "o.keras", num_steps=1, score_every=1)
    request = dataclasses.replace(request, current_path=str(finished[1]))
    done = run(request)[-1]
    assert done.before.mean_iou == pytest.approx(finished[0][-1].after.mean_iou, abs=1e-3)


# --- ending early


def test_stop_keeps_the_best_so_far(base_path, samples, tmp_path):
    steps = []
    request = request_for(base_path, samples, tmp_path / "o.keras", num_steps=500)
    for event in fine_tune(request, is_stopped=lambda: len(steps) >= 30):
        if isinstance(event, TrainingStep):
            steps.append(event.step)
    assert event.num_steps_run == 30
    assert event.best_step == 30
    assert event.after.mean_iou > event.before.mean_iou
    assert Path(event.output_path).is_file()


def test_cancel_leaves_no_file(base_path, samples, tmp_path):
    steps = []
    request = request_for(base_path, samples, tmp_path / "o.keras")
    events = fine_tune(request, is_cancelled=lambda: len(steps) >= 3)
    with pytest.raises(CancelledError):
        steps.extend(event for event in events if isinstance(event, TrainingStep))
    assert len(steps) == 3
    assert list(tmp_path.iterdir()) == []


def nan_from(step, monkeypatch):
    original, calls = TunableNetwork.step, []

    def broken(network, *arrays, **options):
        calls.append(1)
        return original(network, *arrays, **options) if len(calls) < step else float("nan")

    monkeypatch.setattr(TunableNetwork, "step", broken)


def test_nan_ends_training_with_the_best_before_it(base_path, samples, tmp_path, monkeypatch):
    nan_from(31, monkeypatch)
    request = request_for(base_path, samples, tmp_path / "o.keras", num_steps=60, score_every=30)
    done = run(request)[-1]
    assert done.best_step == 30
    assert "broke down at step 31" in done.notes[0]
    assert all(np.isfinite(w).all() for w in weights_of(tmp_path / "o.keras"))


def test_nan_at_the_first_step_is_an_error(base_path, samples, tmp_path, monkeypatch):
    nan_from(1, monkeypatch)
    with pytest.raises(TrainingError, match="very first step"):
        run(request_for(base_path, samples, tmp_path / "o.keras"))
    assert list(tmp_path.iterdir()) == []


def test_exploding_weights_never_reach_the_result(base_path, samples, tmp_path):
    """A real NaN: a learning rate far beyond sense."""
    request = request_for(
        base_path, samples, tmp_path / "o.keras", learning_rate=1e30, num_steps=8, score_every=4
    )
    run(request)
    assert all(np.isfinite(w).all() for w in weights_of(tmp_path / "o.keras"))


def test_out_of_memory_goes_on_with_fewer_crops(base_path, samples, tmp_path, monkeypatch):
    original = TunableNetwork.step

    def small_machine(network, inputs, target, **options):
        if len(inputs) > 2:
            raise MemoryError
        return original(network, inputs, target, **options)

    monkeypatch.setattr(TunableNetwork, "step", small_machine)
    request = request_for(base_path, samples, tmp_path / "o.keras", num_steps=3, score_every=3)
    done = run(request)[-1]
    assert done.num_steps_run == 3
    assert "2 crops per step" in done.notes[0]


def test_out_of_memory_on_a_single_crop_is_an_error(base_path, samples, tmp_path, monkeypatch):
    def no_memory(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(TunableNetwork, "step", no_memory)
    with pytest.raises(TrainingError, match="48 x 48"):
        run(request_for(base_path, samples, tmp_path / "o.keras"))


def test_other_failures_are_not_taken_for_lack_of_memory(base_path, samples, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(TunableNetwork, "step", broken)
    with pytest.raises(RuntimeError, match="no such kernel"):
        run(request_for(base_path, samples, tmp_path / "o.keras"))


def test_class_unknown_to_the_network_stops_before_training(base_path, tmp_path):
    pixels, truth = toy.scene(1)
    sample = toy.write_sample(tmp_path, "a", pixels=pixels, mask=truth + 1, provenance=None)
    with pytest.raises(TrainingError, match="class 3"):
        run(request_for(base_path, (sample,), tmp_path / "o.keras"))


# --- the parts


def test_decoder_only_leaves_the_encoder_exactly_as_it_was(base_path, samples, tmp_path):
    output = tmp_path / "o.keras"
    done = run(request_for(base_path, samples, output, trainable="decoder"))[-1]
    assert done.best_step > 0
    before, after = (variables_of(p, keras.layers.Conv2D) for p in (base_path, output))
    for name, value in before.items():
        is_equal = np.array_equal(value, after[name])
        assert is_equal == name.startswith("enc"), name


def test_encoder_ends_at_the_coarsest_scale(base_path):
    network = keras.models.load_model(base_path, compile=False)
    names = {layer.name for layer in encoder_layers(network)}
    assert {"enc0", "enc1", "enc1_bn", "drop"} <= names
    assert not {"up", "dec0", "answer"} & names


def test_network_of_one_scale_has_no_encoder():
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(2, 1, activation="softmax")(inputs))
    assert encoder_layers(network) == []


def test_nested_encoder_counts_with_all_its_layers():
    inner_in = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, padding="same", name="inner")(inner_in)
    backbone = keras.Model(inner_in, x, name="backbone")
    inputs = keras.Input((None, None, 3))
    y = keras.layers.UpSampling2D(4)(backbone(inputs))
    network = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="head")(y))
    names = {layer.name for layer in encoder_layers(network)}
    assert "inner" in names
    assert "head" not in names


def test_released_network_has_its_own_trainable_flags_again():
    network = toy.small_network()
    network.get_layer("enc0").trainable = False
    tunable = TunableNetwork(network, output_index=0, trainable="all")
    assert network.get_layer("enc0").trainable
    assert not network.get_layer("enc0_bn").trainable
    tunable.release()
    assert not network.get_layer("enc0").trainable
    assert network.get_layer("enc0_bn").trainable


def test_blend_goes_from_base_to_tuned():
    base, tuned = (np.zeros(3, np.float32),), (np.full(3, 8, np.float32),)
    assert blend(base, tuned, 0.25)[0].tolist() == [2, 2, 2]
    assert blend(base, tuned, 0.25)[0].dtype == np.float32


def test_learning_rate_rises_then_falls():
    rates = [learning_rate_at(step, SETTINGS) for step in range(1, 41)]
    assert rates[0] < rates[9]
    assert max(rates) <= SETTINGS.learning_rate
    assert rates[-1] == pytest.approx(0.05 * SETTINGS.learning_rate)


def scores(accuracy, *iou, num_pixels=None):
    known = [v for v in iou if v is not None]
    return Scores(
        accuracy=accuracy, mean_iou=float(np.mean(known)), iou=iou,
        num_pixels=num_pixels or (100,) * len(iou),
    )  # fmt: skip


def test_candidates_are_compared_by_accuracy_and_iou_together():
    assert is_better(scores(0.8, 0.5, 0.5), scores(0.7, 0.5, 0.5))
    assert is_better(scores(0.7, 0.6, 0.5), scores(0.7, 0.5, 0.5))
    assert not is_better(scores(0.7, 0.5, 0.5), scores(0.7, 0.5, 0.5))
    assert not is_better(scores(0.6, 0.51, 0.51), scores(0.7, 0.5, 0.5))


def test_a_class_of_few_pixels_counts_but_does_not_decide():
    base = scores(0.90, 0.9, 0.8, num_pixels=(90_000, 100))
    better_elsewhere = scores(0.93, 0.93, 0.2, num_pixels=(90_000, 100))
    much_worse = scores(0.90, 0.9, 0.2, num_pixels=(90_000, 100))
    assert is_better(better_elsewhere, base)
    assert is_better(base, much_worse)


def test_class_that_occurs_only_in_a_prediction_has_no_say():
    truth_only = scores(0.9, 0.9, None, num_pixels=(100, 0))
    invented = scores(0.9, 0.9, 0.0, num_pixels=(100, 0))
    assert not is_better(truth_only, invented)


def test_most_cautious_blend_with_most_of_the_gain_is_taken():
    base = scores(0.4, 0.4)
    assert choose_blend([scores(v, v) for v in (0.60, 0.56, 0.51, 0.45)], base) == 1
    assert choose_blend([scores(v, v) for v in (0.60, 0.45, 0.42, 0.41)], base) == 0
    assert choose_blend([scores(v, v) for v in (0.50, 0.55, 0.60, 0.42)], base) == 2


def test_crops_fit_what_the_network_accepts(base_path, samples):
    _, info = open_model(base_path, toy.SETTINGS)
    material = load_material(samples, num_classes=3, is_cancelled=lambda: False)
    free = dataclasses.replace(info, size_multiple=16)
    assert crop_plan(free, dataclasses.replace(SETTINGS, crop_size=50), material).size == (64, 64)
    assert crop_plan(free, dataclasses.replace(SETTINGS, crop_size=900), material).size == (64, 64)
    for fit in (Fit.RESIZE, Fit.TILE):
        settings = dataclasses.replace(toy.SETTINGS, fit=fit, input_size=(96, 128))
        plan = crop_plan(dataclasses.replace(info, settings=settings), SETTINGS, material)
        assert plan.size == (96, 128)
        assert plan.is_whole_image == (fit is Fit.RESIZE)


def test_fixed_gray_sigmoid_network_with_half_size_output_learns_too(tmp_path):
    """Another family of networks: 32 x 32 gray input, one foreground channel at half size."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 1))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    network = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))
    toy.stored_weights(network, "gray")
    network.save(tmp_path / "gray.keras")
    settings = dataclasses.replace(
        toy.SETTINGS,
        scaling=Scaling.UNIT,
        activation=Activation.SIGMOID,
        fit=Fit.RESIZE,
        input_size=(32, 32),
        class_names=("dark", "bright"),
        class_colors=((0, 0, 0), (255, 255, 255)),
    )
    samples = tuple(dark_and_bright(tmp_path, seed) for seed in range(3))
    request = TrainingRequest(
        str(tmp_path / "gray.keras"), settings, str(tmp_path / "gray.keras"), samples,
        str(tmp_path / "o.keras"),
        dataclasses.replace(SETTINGS, learning_rate=0.05, num_steps=100, score_every=50),
    )  # fmt: skip
    done = run(request)[-1]
    assert done.after.mean_iou > 0.8
    assert done.after.mean_iou > done.before.mean_iou + 0.1


def test_hdf5_network_with_two_outputs_and_flat_logits_learns_too(tmp_path):
    """What notebooks leave: .h5, deep supervision, a final Reshape, no softmax."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 48, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    side = keras.layers.Conv2D(2, 1, name="side")(x)
    flat = keras.layers.Reshape((32 * 48, 2), name="final")(keras.layers.Conv2D(2, 1)(x))
    base = tmp_path / "two.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls HDF5 legacy; people have it all the same
        keras.Model(inputs, [side, flat]).save(base)
    settings = dataclasses.replace(
        toy.SETTINGS,
        output_index=1,
        activation=Activation.LOGITS,
        fit=Fit.TILE,
        input_size=(32, 48),
        class_names=("dark", "bright"),
        class_colors=((0, 0, 0), (255, 255, 255)),
    )
    samples = tuple(dark_and_bright(tmp_path, seed) for seed in range(3))
    request = TrainingRequest(
        str(base), settings, str(base), samples, str(tmp_path / "o.keras"),
        dataclasses.replace(SETTINGS, learning_rate=0.03, num_steps=60, score_every=30),
    )  # fmt: skip
    done = run(request)[-1]
    assert done.after.mean_iou > 0.85
    _, info = open_model(tmp_path / "o.keras", None)
    assert info.settings == settings
    assert len(info.outputs) == 2


def dark_and_bright(folder, seed):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 2, (5, 6)), np.ones((10, 10), int)).astype(np.uint8)
    gray = np.clip(truth * 140 + 50 + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
    return toy.write_sample(
        folder, f"g{seed}", pixels=gray[..., None].repeat(3, -1), mask=truth, provenance=None
    )


# --- hosted in the calling thread


def test_run_in_this_thread_can_be_stopped_and_cancelled(base_path, samples, tmp_path):
    stopped = TrainingRun(
        request_for(base_path, samples, tmp_path / "o.keras", num_steps=500), hosting="thread"
    )
    for event in stopped.events():
        if isinstance(event, TrainingStep) and event.step == 5:
            stopped.stop_and_keep_best()
    assert isinstance(event, TrainingDone)
    assert event.num_steps_run == 5

    cancelled = TrainingRun(request_for(base_path, samples, tmp_path / "p.keras"), hosting="thread")
    cancelled.cancel()
    with pytest.raises(CancelledError):
        list(cancelled.events())
    assert not (tmp_path / "p.keras").exists()
