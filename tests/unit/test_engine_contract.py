"""What an engine promises, in both hostings, and what the child process promises on top."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from model.engine import client
from model.engine.client import open_engine
from model.engine.protocol import Fit, Scaling
from model.errors import CancelledError, EngineDiedError, EngineError, ModelFileError
from model.model_settings import save_settings
from model.preprocessing import resize_pixels
from tests.unit import zoo
from tests.unit.test_engine_process import REPOSITORY, TARGETS

pytestmark = zoo.keras_warnings


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the networks that these tests load."""
    folder = tmp_path_factory.mktemp("models")
    zoo.saved(zoo.pointwise(), folder, "colors.keras")
    zoo.saved(zoo.pointwise(activation="sigmoid", num_outputs=1), folder, "binary.h5")
    zoo.saved(zoo.classifier(), folder, "classifier.keras")
    return folder


_shared_engines = []


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """The rule of all tests, but the child of the engine that this module shares may live on."""
    threads = set(threading.enumerate())
    yield
    shared = [getattr(engine, "pid", None) for engine in _shared_engines]
    assert [child for child in multiprocessing.active_children() if child.pid not in shared] == []
    assert [t for t in threading.enumerate() if t not in threads and not t.daemon] == []


@pytest.fixture(scope="module", params=["process", "thread"])
def engine(request, tmp_path_factory):
    """One engine for all tests of a hosting: starting TensorFlow costs seconds."""
    scratch = tmp_path_factory.mktemp("scratch")
    before, tempfile.tempdir = tempfile.tempdir, str(scratch)
    engine = open_engine(request.param, settings_dir=tmp_path_factory.mktemp("settings"))
    _shared_engines.append(engine)
    yield engine
    engine.close()
    engine.close()
    _shared_engines.clear()
    tempfile.tempdir = before
    assert list(scratch.iterdir()) == []
    assert multiprocessing.active_children() == []


@pytest.fixture
def loaded(engine, models):
    engine.load(str(models / "colors.keras"))
    return engine


def test_predicting_without_a_model_is_refused():
    for hosting in ("process", "thread"):
        engine = open_engine(hosting)
        assert engine.model is None
        with pytest.raises(EngineError, match="No model is loaded"):
            engine.predict(np.zeros((4, 4, 3), np.uint8))
        engine.close()


def test_the_device_is_named(engine):
    device = engine.device()
    assert device.kind in ("cpu", "gpu")
    assert device.name
    assert device.backend.split()[0] in ("tensorflow", "torch", "jax")


def test_a_model_loads_and_predicts(engine, models):
    info = engine.load(str(models / "colors.keras"))
    pixels, truth = zoo.colors(37, 53)

    prediction = engine.predict(pixels)

    assert engine.model == info
    assert info.path == str(models / "colors.keras")
    assert info.num_classes == 3
    np.testing.assert_array_equal(prediction.classes, truth)
    assert prediction.confidence.shape == truth.shape
    assert prediction.model_sha256 == info.sha256
    assert prediction.seconds > 0
    assert not prediction.classes.flags.writeable
    assert not prediction.confidence.flags.writeable


def test_a_relative_path_is_taken_from_the_callers_folder(engine, models, monkeypatch):
    monkeypatch.chdir(models)
    assert engine.load("binary.h5").path == str(models / "binary.h5")


def test_a_view_into_a_larger_image_predicts_as_its_copy(loaded):
    pixels, truth = zoo.colors(40, 60)
    prediction = loaded.predict(pixels[5:35:3, ::-2])
    np.testing.assert_array_equal(prediction.classes, truth[5:35:3, ::-2])


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_an_image_of_another_type_is_refused_and_the_engine_goes_on(loaded, dtype):
    pixels, truth = zoo.colors(10, 10)
    with pytest.raises(EngineError, match="uint8 was expected"):
        loaded.predict(pixels.astype(dtype))
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


@pytest.mark.parametrize("name", ["classifier.keras", "missing.keras"])
def test_a_failing_load_keeps_the_previous_model(loaded, models, name):
    before = loaded.model
    with pytest.raises(ModelFileError, match=name.partition(".")[0]) as caught:
        loaded.load(str(models / name))
    assert type(caught.value) is ModelFileError
    pixels, truth = zoo.colors(10, 10)
    assert loaded.model == before
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


def test_settings_given_win_over_the_file_beside_the_model(engine, models, tmp_path):
    path = tmp_path / "colors.keras"
    path.write_bytes((models / "colors.keras").read_bytes())
    guessed = engine.load(str(path))
    stored = replace(guessed.settings, channel_order="bgr", class_names=("a", "b", "c"))
    save_settings(path, stored, sha256=guessed.sha256)

    from_file = engine.load(str(path))
    pixels, truth = zoo.colors(12, 12)
    np.testing.assert_array_equal(engine.predict(pixels).classes, 2 - truth)
    given = engine.load(str(path), replace(stored, scaling=Scaling.SIGNED))

    assert guessed.settings_are_guessed
    assert not from_file.settings_are_guessed
    assert from_file.settings == stored
    assert from_file.notes == ()
    assert not given.settings_are_guessed
    assert given.settings.scaling is Scaling.SIGNED


def test_settings_of_an_exchanged_model_are_used_but_noted(engine, models, tmp_path):
    path = tmp_path / "colors.keras"
    path.write_bytes((models / "colors.keras").read_bytes())
    save_settings(path, engine.load(str(path)).settings, sha256="0" * 64)
    assert "another version" in engine.load(str(path)).notes[0]


@pytest.fixture
def remembered(engine, models, tmp_path):
    """A model with settings and test beside it, and the settings file."""
    path = tmp_path / "colors.keras"
    path.write_bytes((models / "colors.keras").read_bytes())
    info = engine.load(str(path))
    assert info.test is not None
    assert info.change == ""
    return path, save_settings(path, info.settings, sha256=info.sha256, test=info.test)


def edited(settings_file, **fields):
    data = json.loads(settings_file.read_text())
    data["test"].update(fields)
    settings_file.write_text(json.dumps(data))


def test_a_network_that_gives_the_same_numbers_says_nothing(engine, remembered):
    path, written = remembered
    before = written.read_bytes()
    info = engine.load(str(path))
    assert info.change == ""
    assert info.notes == ()
    assert written.read_bytes() == before


def test_other_numbers_than_remembered_are_told_with_both_versions(engine, remembered):
    path, written = remembered
    stored = json.loads(written.read_text())["test"]
    values = [stored["values"][0] + 0.01, *stored["values"][1:]]
    edited(written, values=values, keras="3.99.0", program="0.0.9")

    info = engine.load(str(path))

    assert "other numbers" in info.change
    assert "Keras 3.99.0" in info.change
    assert "seggui 0.0.9" in info.change
    assert f"Now: Keras {keras.version()}" in info.change
    assert re.search(r"up to (1|0\.9\d|1\.\d) %", info.change)
    assert info.change in info.notes
    pixels, truth = zoo.colors(10, 10)
    np.testing.assert_array_equal(engine.predict(pixels).classes, truth)


def test_a_difference_that_is_rounding_says_nothing(engine, remembered):
    path, written = remembered
    stored = json.loads(written.read_text())["test"]
    edited(written, values=[v + 0.0005 * stored["span"] for v in stored["values"]])
    assert engine.load(str(path)).change == ""


def test_a_test_made_with_another_input_is_made_again_with_that_one(engine, remembered):
    path, written = remembered
    size = json.loads(written.read_text())["test"]["size"]
    edited(written, size=[size[0] + 8, size[1]])
    assert "other numbers" in engine.load(str(path)).change


@pytest.mark.parametrize("fields", [{"output_index": 5}, {"channels": 1}])
def test_a_test_that_cannot_be_made_is_a_note_and_no_refusal(engine, remembered, fields):
    path, written = remembered
    edited(written, **fields)
    info = engine.load(str(path))
    assert info.change == ""
    assert "could not be made" in info.notes[0]


def test_a_damaged_test_is_named_and_nothing_is_refused(engine, remembered):
    path, written = remembered
    edited(written, values="many")
    before = written.read_bytes()
    info = engine.load(str(path))
    assert info.change == ""
    assert "colors.seggui.json is damaged" in info.notes[0]
    assert "test.values" in info.notes[0]
    assert written.read_bytes() == before


def test_the_test_of_another_version_of_the_file_says_nothing(engine, remembered):
    path, written = remembered
    data = json.loads(written.read_text())
    data["test"]["values"] = [0.0] * 32
    written.write_text(json.dumps({**data, "model_sha256": "0" * 64}))
    assert engine.load(str(path)).change == ""


def test_loading_from_a_read_only_folder_writes_nothing(engine, remembered):
    path, written = remembered
    edited(written, values=[0.0] * 32)
    path.parent.chmod(0o555)
    try:
        before = sorted(p.name for p in path.parent.iterdir()), written.read_bytes()
        assert "other numbers" in engine.load(str(path)).change
        assert (sorted(p.name for p in path.parent.iterdir()), written.read_bytes()) == before
    finally:
        path.parent.chmod(0o755)


def test_a_cancelled_prediction_leaves_the_engine_usable(engine, models):
    info = engine.load(str(models / "colors.keras"))
    engine.load(info.path, replace(info.settings, fit=Fit.TILE, input_size=(32, 32)))
    large, _ = zoo.colors(600, 600)
    asked = []

    def is_cancelled():
        asked.append(True)
        return len(asked) > 1

    for _ in range(2):
        asked.clear()
        with pytest.raises(CancelledError):
            engine.predict(large, is_cancelled=is_cancelled)
    small, truth = zoo.colors(50, 40)
    np.testing.assert_array_equal(engine.predict(small).classes, truth)


def test_a_prediction_that_nobody_cancels_is_complete(loaded):
    pixels, truth = zoo.colors(30, 30)
    prediction = loaded.predict(pixels, is_cancelled=lambda: False)
    np.testing.assert_array_equal(prediction.classes, truth)


def test_other_settings_are_tried_for_one_image_and_those_in_force_stay(loaded):
    pixels, truth = zoo.colors(20, 30)
    before = loaded.model
    turned = replace(before.settings, channel_order="bgr")
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)

    tried = loaded.try_settings(pixels, turned)

    np.testing.assert_array_equal(tried.classes, 2 - truth)
    assert tried.model_sha256 == before.sha256
    assert not tried.classes.flags.writeable
    assert loaded.model == before
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


def test_what_is_tried_reads_the_output_in_its_own_way(loaded):
    pixels, truth = zoo.colors(20, 30)
    excluding = replace(loaded.model.settings, excluded_classes=(0,))

    tried = loaded.try_settings(pixels, excluding)

    assert 0 not in tried.classes
    assert 0 in truth
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


def test_an_image_brought_to_the_input_size_before_is_answered_as_the_whole(loaded):
    pixels, _ = zoo.colors(48, 72)
    resized = replace(loaded.model.settings, fit=Fit.RESIZE, input_size=(16, 24))

    whole = loaded.try_settings(pixels, resized)
    small = loaded.try_settings(resize_pixels(pixels, (16, 24)), resized)

    assert small.classes.shape == (16, 24)
    np.testing.assert_array_equal(whole.classes[1::3, 1::3], small.classes)


def test_settings_that_do_not_fit_are_not_tried(loaded):
    pixels, truth = zoo.colors(10, 10)
    wrong = replace(loaded.model.settings, class_names=("a",), class_colors=((0, 0, 0),))

    with pytest.raises(ModelFileError, match="1 classes"):
        loaded.try_settings(pixels, wrong)

    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


def test_trying_without_a_model_or_an_image_is_refused(loaded):
    with pytest.raises(EngineError, match="uint8 was expected"):
        loaded.try_settings(np.zeros((4, 4), np.uint8), loaded.model.settings)
    empty = open_engine("thread")
    with pytest.raises(EngineError, match="No model"):
        empty.try_settings(np.zeros((4, 4, 3), np.uint8), loaded.model.settings)
    empty.close()


def test_a_try_can_be_cancelled(loaded):
    with pytest.raises(CancelledError):
        loaded.try_settings(
            np.zeros((8, 8, 3), np.uint8), loaded.model.settings, is_cancelled=lambda: True
        )
    pixels, truth = zoo.colors(50, 40)
    np.testing.assert_array_equal(loaded.predict(pixels).classes, truth)


def test_a_closed_engine_says_so():
    for hosting in ("process", "thread"):
        engine = open_engine(hosting)
        engine.close()
        with pytest.raises(EngineError, match="closed"):
            engine.device()


def test_an_unknown_hosting_is_refused():
    with pytest.raises(ValueError, match="'process' or 'thread'"):
        open_engine("cloud")


# --- the child process ---


def test_a_killed_child_is_replaced_and_the_model_with_its_settings_is_back(models, tmp_path):
    engine = open_engine(log_path=tmp_path / "engine.log")
    try:
        info = engine.load(str(models / "colors.keras"))
        engine.load(info.path, replace(info.settings, channel_order="bgr"))
        pixels, truth = zoo.colors(96, 96)  # small enough for the pipe, which nobody reads
        first = engine.pid

        # Killed in the middle of the call: the token is asked while the answer is awaited, which
        # cannot come from a process that stands still.
        os.kill(first, signal.SIGSTOP)
        asked = []

        def kill_at_second_question():
            asked.append(True)
            if len(asked) == 2:
                os.kill(first, signal.SIGKILL)
            return False

        with pytest.raises(EngineDiedError, match="killed by SIGKILL"):
            engine.predict(pixels, is_cancelled=kill_at_second_question)

        np.testing.assert_array_equal(engine.predict(pixels).classes, 2 - truth)
        assert engine.pid != first
        assert not Path(f"/proc/{first}").exists()
    finally:
        engine.close()
    assert multiprocessing.active_children() == []


def test_the_third_death_in_a_row_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(client, "CHILD_TARGET", f"{TARGETS}:die_at_once")
    engine = open_engine(log_path=tmp_path / "engine.log")
    for _ in range(2):
        with pytest.raises(EngineDiedError, match="exit status 9") as caught:
            engine.load("model.keras")
        assert "starts again by itself" in caught.value.remedy
        assert "model.keras made the engine process end while it was being opened" in str(
            caught.value
        )
    with pytest.raises(EngineDiedError, match=r"3 times in a row.*the driver crashed"):
        engine.load("model.keras")
    engine.close()


def test_keras_that_cannot_be_imported_is_an_error_and_not_a_silence(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "abacus")
    engine = open_engine()
    with pytest.raises(EngineError, match=r"Keras could not be started.*abacus"):
        engine.device()
    engine.close()
    assert multiprocessing.active_children() == []


def test_closing_from_another_thread_ends_a_call_that_waits(monkeypatch):
    monkeypatch.setattr(client, "CHILD_TARGET", f"{TARGETS}:calculate_for_ever")
    engine = open_engine()
    errors = []

    def wait():
        try:
            engine.load("model.keras")
        except EngineError as error:
            errors.append(error)

    # The stub's first message is taken for the device; the load is then never answered.
    thread = threading.Thread(target=wait)
    thread.start()
    while engine.pid is None:
        threading.Event().wait(0.01)
    engine.close()
    thread.join(30)
    assert not thread.is_alive()
    assert [type(error) for error in errors] == [EngineError]


def test_the_light_half_imports_no_keras():
    code = (
        "import sys, model.engine.client, model.inspection, model.preprocessing, model.tiling, "
        "model.model_settings, model.engine.child, model.engine.process\n"
        "print(sorted({'keras', 'tensorflow', 'PySide6', 'seggui'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert result.stdout.strip() == "[]"


@zoo.several_ways
def test_the_child_finds_its_fastest_way_while_nobody_asks(models, tmp_path):
    engine = open_engine(log_path=tmp_path / "engine.log", settings_dir=tmp_path)
    pixels, truth = zoo.colors(40, 56)
    try:
        engine.load(str(models / "colors.keras"))
        for _ in range(4):
            engine.predict(pixels)

        deadline = time.monotonic() + 60
        while not (tmp_path / "speed.json").exists():
            assert time.monotonic() < deadline, "nothing was remembered"
            time.sleep(0.05)

        np.testing.assert_array_equal(engine.predict(pixels).classes, truth)
    finally:
        engine.close()
