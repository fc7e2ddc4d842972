"""From an image to its mask: the right classes at the image's own size, whatever the network is."""

from __future__ import annotations

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import backend
from model.engine.protocol import Fit
from model.errors import CancelledError, EngineError, ModelFileError
from model.fitting_settings import with_settings
from model.predictor import RUNS_BEFORE_TUNING, Predictor, choose_classes, padded_size
from model.speed import ChoiceStore
from tests.unit import zoo

pytestmark = zoo.keras_warnings


@pytest.fixture
def predictor_of(tmp_path):
    def build(model, **changes):
        network, info = zoo.opened(zoo.saved(model, tmp_path))
        return Predictor(network, with_settings(info, replace(info.settings, **changes)))

    return build


class _Counter:
    """Counts how often the compiled network runs, and may fail like a full device."""

    def __init__(self, monkeypatch, max_pixels=None):
        self.shapes = []
        self.on_cpu = []
        real = backend.compiled

        def compiled(function, *, on_cpu=False, **options):
            run = real(function, on_cpu=on_cpu, **options)

            def counted(*arrays):
                self.shapes.append(arrays[0].shape)
                self.on_cpu.append(on_cpu)
                if max_pixels and not on_cpu and np.prod(arrays[0].shape[1:3]) > max_pixels:
                    raise MemoryError
                return run(*arrays)

            return counted

        monkeypatch.setattr(backend, "compiled", compiled)


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "softmax"},
        {"activation": None},
        {"activation": "sigmoid"},
        {"rescale": True},
        {"size": (37, 53)},
    ],
)
def test_every_kind_of_output_gives_the_right_classes(predictor_of, options):
    pixels, truth = zoo.colors(37, 53)

    prediction = predictor_of(zoo.pointwise(**options)).predict(pixels)

    np.testing.assert_array_equal(prediction.classes, truth)
    assert prediction.classes.dtype == prediction.confidence.dtype == np.uint8
    assert not prediction.classes.flags.writeable
    assert not prediction.confidence.flags.writeable


def test_an_output_given_as_rows_of_pixels_is_understood(predictor_of):
    pixels, truth = zoo.colors(16, 24)
    np.testing.assert_array_equal(predictor_of(zoo.flat()).predict(pixels).classes, truth)


@pytest.mark.parametrize(
    ("options", "confidence"),
    [
        ({"activation": "softmax"}, np.exp(8) / (np.exp(8) + 2)),
        ({"activation": None}, np.exp(8) / (np.exp(8) + 2)),
        ({"activation": "sigmoid"}, 1 / (1 + np.exp(-4))),
    ],
)
def test_confidence_is_the_probability_times_255(predictor_of, options, confidence):
    pixels, _ = zoo.colors(8, 8)
    prediction = predictor_of(zoo.pointwise(**options)).predict(pixels)
    assert np.unique(prediction.confidence) == [round(confidence * 255)]


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_channel_means_background_and_foreground(predictor_of, activation):
    pixels, truth = zoo.colors(21, 13)  # the only channel answers red, which is class 0 of `truth`

    prediction = predictor_of(zoo.pointwise(activation=activation, num_outputs=1)).predict(pixels)

    np.testing.assert_array_equal(prediction.classes, truth == 0)
    assert np.unique(prediction.confidence) == [round(255 / (1 + np.exp(-4)))]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (361, 479), (64, 64), (65, 200)])
@pytest.mark.parametrize("build", [zoo.pointwise, lambda: zoo.unet(16), lambda: zoo.coarse(2)])
def test_the_mask_has_the_size_of_the_image(predictor_of, build, size):
    pixels, _ = zoo.colors(*size)
    prediction = predictor_of(build()).predict(pixels)
    assert prediction.classes.shape == prediction.confidence.shape == size


def test_images_of_many_sizes_pass_through_a_network_that_keras_traces_only_once(predictor_of):
    model = zoo.unet(4)
    predictor = predictor_of(model)
    for height, width in [(64, 64), (80, 72), (96, 100), (64, 64)]:
        pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
        whole = model(pixels[np.newaxis].astype(np.float32) / 255, training=False)
        expected = keras.ops.convert_to_numpy(whole)[0].argmax(-1)
        agreement = (predictor.predict(pixels).classes == expected).mean()
        assert agreement > 0.999


def test_a_coarse_output_is_smoothed_up_to_the_image(predictor_of):
    rows = np.zeros((64, 64, 3), np.uint8)
    rows[:32, :, 0] = 255
    rows[32:, :, 1] = 255

    prediction = predictor_of(zoo.coarse(4)).predict(rows)

    np.testing.assert_array_equal(prediction.classes, (np.indices((64, 64))[0] >= 32))
    assert prediction.confidence[0, 0] > prediction.confidence[31, 0]


@pytest.mark.parametrize("size", [(32, 48), (100, 75), (20, 10), (1, 1)])
def test_resizing_brings_probabilities_back_as_a_bilinear_resize_does(predictor_of, size):
    model = zoo.pointwise((32, 48))
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    predictor = predictor_of(model)

    prediction = predictor.predict(pixels)

    from model.preprocessing import resize_pixels

    small = resize_pixels(pixels, (32, 48))[np.newaxis].astype(np.float32) / 255
    expected = keras.ops.convert_to_numpy(
        keras.ops.image.resize(model(small), size, interpolation="bilinear", antialias=False)
    )[0]
    assert (prediction.classes == expected.argmax(-1)).mean() > 0.995
    np.testing.assert_allclose(prediction.confidence, expected.max(-1) * 255, atol=0.6)


def test_resizing_in_bands_gives_what_resizing_at_once_gives(predictor_of, monkeypatch):
    pixels = np.random.default_rng(4).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    predictor = predictor_of(zoo.pointwise((32, 48)))
    at_once = predictor.predict(pixels)

    monkeypatch.setattr("model.predictor._BAND_VALUES", 70 * 3 * 11)
    in_bands = predictor.predict(pixels)

    np.testing.assert_array_equal(in_bands.classes, at_once.classes)
    np.testing.assert_array_equal(in_bands.confidence, at_once.confidence)


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (150, 131)])
def test_tiles_give_what_the_whole_image_gives(predictor_of, size):
    pixels = np.random.default_rng(5).integers(0, 256, (*size, 3)).astype(np.uint8)
    whole = predictor_of(zoo.pointwise()).predict(pixels)

    tiled = predictor_of(zoo.pointwise(), fit=Fit.TILE, input_size=(64, 64)).predict(pixels)

    np.testing.assert_array_equal(tiled.classes, whole.classes)
    np.testing.assert_allclose(tiled.confidence.astype(int), whole.confidence.astype(int), atol=1)


def test_the_channel_order_reaches_the_network(predictor_of):
    pixels, truth = zoo.colors(30, 30)
    prediction = predictor_of(zoo.pointwise(), channel_order="bgr").predict(pixels)
    np.testing.assert_array_equal(prediction.classes, 2 - truth)


def test_the_chosen_output_is_the_one_that_answers(predictor_of):
    pixels, _ = zoo.colors(32, 32)
    model = zoo.with_helpers()
    helper = model(pixels[np.newaxis].astype(np.float32) / 255)[2]
    expected = keras.ops.convert_to_numpy(helper)[0].argmax(-1)
    prediction = predictor_of(model, output_index=2).predict(pixels)
    np.testing.assert_array_equal(prediction.classes, expected)


def test_a_cancelled_prediction_stops_at_the_next_tile(predictor_of, monkeypatch):
    runs = _Counter(monkeypatch)
    predictor = predictor_of(zoo.pointwise(), fit=Fit.TILE, input_size=(32, 32))
    pixels, truth = zoo.colors(100, 100)

    with pytest.raises(CancelledError):
        predictor.predict(pixels, lambda: len(runs.shapes) >= 3)

    assert len(runs.shapes) == 3
    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)


def test_a_device_without_room_for_the_image_gets_smaller_tiles(predictor_of, monkeypatch):
    runs = _Counter(monkeypatch, max_pixels=256 * 256)
    pixels, truth = zoo.colors(600, 500)

    prediction = predictor_of(zoo.pointwise()).predict(pixels)

    np.testing.assert_array_equal(prediction.classes, truth)
    assert runs.shapes[-1][1:3] == (256, 256)


def test_a_gpu_without_room_for_any_tile_hands_over_to_the_cpu(predictor_of, monkeypatch):
    runs = _Counter(monkeypatch, max_pixels=10)
    on_gpu = replace(backend.device_info(), kind="gpu")
    monkeypatch.setattr(backend, "device_info", lambda: on_gpu)
    pixels, truth = zoo.colors(40, 40)

    predictor = predictor_of(zoo.pointwise((40, 40)))

    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)
    assert runs.on_cpu == [False, True]


def test_no_room_anywhere_is_an_error_that_names_the_size(predictor_of, monkeypatch):
    _Counter(monkeypatch, max_pixels=10)
    with pytest.raises(EngineError, match="50 x 40 pixels"):
        predictor_of(zoo.pointwise()).predict(zoo.colors(40, 50)[0])


def test_an_image_too_large_for_main_memory_is_tiled_from_the_start(predictor_of, monkeypatch):
    runs = _Counter(monkeypatch)
    predictor = predictor_of(zoo.pointwise())
    monkeypatch.setattr(backend, "available_memory", lambda: 2 * 64 * 200 * 200)
    pixels, truth = zoo.colors(300, 300)

    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)
    assert {shape[1:3] for shape in runs.shapes} == {(200, 200)}


def test_a_failing_network_is_an_error_and_the_predictor_stays_usable(predictor_of, monkeypatch):
    predictor = predictor_of(zoo.pointwise())
    pixels, truth = zoo.colors(20, 20)
    with monkeypatch.context() as patch:
        patch.setattr(predictor, "_run", lambda *_: 1 / 0)
        with pytest.raises(EngineError, match="division by zero"):
            predictor.predict(pixels)
    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)


def test_compiled_networks_are_not_hoarded(predictor_of, monkeypatch):
    monkeypatch.setattr("model.predictor._MAX_COMPILED", 2)
    predictor = predictor_of(zoo.pointwise())
    for side in (64, 70, 80, 90):
        predictor.predict(zoo.colors(side, side)[0])
    assert len(predictor._compiled) == 2


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([1, 2, 4, 16, 32]))
@settings(max_examples=300, deadline=None)
def test_padding_costs_little_and_suits_the_network(height, width, multiple):
    for side, padded in zip((height, width), padded_size((height, width), multiple), strict=True):
        assert padded >= side
        assert padded % multiple == 0
        assert padded - side < max(64, multiple, side / 23)


def test_images_of_any_size_need_few_compiled_networks():
    assert len({padded_size((side, 512), 16)[0] for side in range(256, 2049)}) < 80


def test_of_equal_probabilities_the_lower_class_wins():
    classes, confidence = choose_classes(np.full((2, 2, 4), 0.25, np.float32))
    assert (classes == 0).all()
    assert (confidence == 64).all()


def test_the_highest_value_is_found_alike_on_every_device(monkeypatch):
    values = (
        np.random.default_rng(6).integers(0, 4, (1, 30, 20, 11)).astype(np.float32)
    )  # many equal
    for kind in ("cpu", "gpu"):
        device = replace(backend.device_info(), kind=kind)
        monkeypatch.setattr(backend, "device_info", lambda device=device: device)
        found, where = map(np.asarray, backend.highest(keras.ops.convert_to_tensor(values)))
        np.testing.assert_array_equal(found, values.max(-1))
        np.testing.assert_array_equal(where, values.argmax(-1))


@pytest.mark.parametrize(
    "changes",
    [
        {"fit": Fit.WHOLE},
        {"fit": Fit.RESIZE, "input_size": (16, 16)},
        {"fit": Fit.TILE, "input_size": (16, 16)},
    ],
)
@pytest.mark.parametrize("excluded", [0, 2])
def test_an_excluded_class_is_never_answered_and_the_next_best_is(predictor_of, excluded, changes):
    pixels, truth = zoo.colors(20, 21)
    # Where the excluded class would be best, a little of the last colour left decides.
    others = [c for c in range(3) if c != excluded]
    pixels = pixels.copy()
    pixels[truth == excluded, others[1]] = 90
    predictor = predictor_of(zoo.pointwise(), excluded_classes=(excluded,), **changes)
    classes = predictor.predict(pixels).classes
    assert set(np.unique(classes)) == set(others)
    if changes["fit"] is not Fit.RESIZE:
        expected = np.where(truth == excluded, others[1], truth)
        assert np.array_equal(classes, expected)


def test_a_network_that_is_sure_of_an_excluded_class_still_answers_another(predictor_of):
    model = zoo.pointwise()
    kernel, bias = model.get_layer("classes").get_weights()
    model.get_layer("classes").set_weights([kernel * 1000, bias])  # softmax of exactly 1, 0, 0
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[..., 0] = 255
    predictor = predictor_of(model, excluded_classes=(0,))
    assert np.unique(predictor.predict(pixels).classes).tolist() == [1]


@pytest.mark.parametrize("excluded", [(3,), (0, 1, 2)])
def test_excluding_all_or_unknown_classes_is_refused(predictor_of, excluded):
    with pytest.raises(ModelFileError, match="Exclude only classes that exist"):
        predictor_of(zoo.pointwise(), excluded_classes=excluded)


@zoo.several_ways
def test_tuning_waits_until_a_size_came_often_and_changes_no_class(predictor_of, tmp_path):
    predictor = predictor_of(zoo.pointwise())
    predictor.speed_up(ChoiceStore(tmp_path / "settings"))
    pixels, truth = zoo.colors(40, 56)
    predictor.predict(pixels)
    assert not predictor.can_be_tuned

    for _ in range(RUNS_BEFORE_TUNING):
        predictor.predict(pixels)
    assert predictor.can_be_tuned
    predictor.tune(lambda: False)

    assert not predictor.can_be_tuned
    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)
    (stored,) = json.loads((tmp_path / "settings" / "speed.json").read_text()).values()
    tried = set(backend.ways()) - {"winograd"}  # the network has no wide convolutions
    assert set(stored["milliseconds"]) | set(stored["refused"]) == tried


@zoo.several_ways
def test_a_remembered_way_is_taken_without_trying_the_others(predictor_of, tmp_path, monkeypatch):
    choices = ChoiceStore(tmp_path / "settings")
    monkeypatch.setattr(ChoiceStore, "find", lambda *_: "constants")
    tried = []
    real = backend.compiled

    def compiled(function, **options):
        tried.append(options.get("way", "graph"))
        return real(function, **options)

    monkeypatch.setattr(backend, "compiled", compiled)
    predictor = predictor_of(zoo.pointwise())
    predictor.speed_up(choices)
    for _ in range(RUNS_BEFORE_TUNING + 1):
        predictor.predict(zoo.colors(40, 56)[0])
    predictor.tune(lambda: False)

    assert tried == ["graph", "constants"]
    assert not (tmp_path / "settings").exists()


@zoo.several_ways
def test_an_interrupted_tuning_is_made_up_for_later(predictor_of, tmp_path):
    predictor = predictor_of(zoo.pointwise())
    predictor.speed_up(ChoiceStore(tmp_path))
    for _ in range(RUNS_BEFORE_TUNING + 1):
        predictor.predict(zoo.colors(40, 56)[0])

    predictor.tune(lambda: True)

    assert predictor.can_be_tuned


def test_changed_weights_are_followed_as_long_as_nothing_is_tuned(tmp_path):
    network, info = zoo.opened(zoo.saved(zoo.pointwise(), tmp_path))
    predictor = Predictor(network, info)
    pixels, truth = zoo.colors(40, 56)
    np.testing.assert_array_equal(predictor.predict(pixels).classes, truth)

    kernel, bias = network.get_layer("classes").get_weights()
    network.get_layer("classes").set_weights([np.roll(kernel, 1, axis=-1), bias])

    np.testing.assert_array_equal(predictor.predict(pixels).classes, (truth + 1) % 3)


def test_a_network_whose_weights_may_change_is_never_tuned(predictor_of):
    predictor = predictor_of(zoo.pointwise())
    for _ in range(RUNS_BEFORE_TUNING + 1):
        predictor.predict(zoo.colors(40, 56)[0])

    assert not predictor.can_be_tuned
