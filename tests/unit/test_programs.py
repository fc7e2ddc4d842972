"""SavedModels without layers: programs that run after consent only, and then predict."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.digest import file_sha256
from model.engine.client import open_engine
from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.engine.service import EngineService
from model.errors import EngineDiedError, ModelFileError, ProgramError, TrainingError
from model.inspection import inspect_file
from model.model_settings import save_settings
from model.training import open_model
from model.trust import TrustStore
from tests.unit import zoo

pytestmark = [
    zoo.keras_warnings,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="it is a program for tensorflow"
    ),
]

IMAGE = np.random.default_rng(3).integers(0, 256, (30, 44, 3)).astype(np.uint8)


def network() -> keras.Model:
    keras.utils.set_random_seed(4)
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2DTranspose(8, 2, strides=2, activation="relu")(x)
    return keras.Model(image, layers.Conv2D(4, 1, activation="softmax")(x))


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    (tmp_path / "settings").mkdir()
    return TrustStore(tmp_path / "settings")


def load(path: Path, tmp_path: Path) -> EngineService:
    service = EngineService()
    service.load(str(path), settings_dir=tmp_path / "settings")
    return service


def written(tmp_path: Path, function: Any, *specs: Any, module: Any = None) -> Path:
    """A folder as ``tf.saved_model.save`` writes it."""
    import tensorflow as tf

    module = module or tf.Module()
    signature = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(tmp_path / "program"), signatures=signature)
    return tmp_path / "program"


def test_an_exported_network_predicts_after_consent_as_it_did_before(
    tmp_path: Path, store: TrustStore
) -> None:
    original, folder = tmp_path / "original.keras", tmp_path / "exported"
    model = network()
    model.save(original)
    model.export(str(folder), verbose=False)
    settings = ModelSettings(
        Scaling.UNIT, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None, tuple("abcd"),
        ((1, 2, 3), (4, 5, 6), (7, 8, 9), (3, 2, 1)),
    )  # fmt: skip
    for path in (original, folder):
        save_settings(path, settings, sha256=file_sha256(path))

    with pytest.raises(ProgramError, match="holds a program and no layers") as refused:
        load(folder, tmp_path)
    assert "--run-program" in str(refused.value)
    store.allow(refused.value.model_sha256, folder, model_name="exported")
    service = EngineService()
    assert service.load(str(folder), settings_dir=tmp_path / "settings").is_program
    found = service.predict(IMAGE)

    expected = load(original, tmp_path).predict(IMAGE)
    np.testing.assert_array_equal(found.classes, expected.classes)
    assert len(np.unique(found.classes)) > 1


def test_a_program_does_nothing_before_the_consent(tmp_path: Path, store: TrustStore) -> None:
    import tensorflow as tf

    marker = tmp_path / "marker"

    def answer(image: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(marker), "ran")]):
            return tf.nn.softmax(image, axis=-1)

    folder = written(tmp_path, answer, tf.TensorSpec((None, None, None, 3), tf.float32))
    for attempt in (lambda: inspect_file(folder), lambda: load(folder, tmp_path)):
        with pytest.raises(ProgramError):
            attempt()
    assert not marker.exists()

    store.allow(file_sha256(folder), folder)
    load(folder, tmp_path).predict(IMAGE)
    assert marker.exists()  # it would have


def test_a_changed_folder_asks_again(tmp_path: Path, store: TrustStore) -> None:
    import tensorflow as tf

    folder = written(tmp_path, tf.nn.softmax, tf.TensorSpec((None, None, None, 3), tf.float32))
    store.allow(file_sha256(folder), folder)
    load(folder, tmp_path)

    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "more.txt").write_text("new")
    with pytest.raises(ProgramError):
        load(folder, tmp_path)


def test_a_folder_with_links_or_in_an_archive_cannot_be_agreed_to(tmp_path: Path) -> None:
    import tensorflow as tf

    folder = written(tmp_path, tf.nn.softmax, tf.TensorSpec((None, None, None, 3), tf.float32))
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    with pytest.raises(ProgramError, match="unpack") as refused:
        inspect_file(archive)
    assert refused.value.model_sha256 == ""

    (folder / "more").symlink_to(tmp_path)  # what is behind it is in no digest
    with pytest.raises(ProgramError, match="links") as refused:
        inspect_file(folder)
    assert refused.value.model_sha256 == ""


def test_it_cannot_be_fine_tuned(tmp_path: Path, store: TrustStore) -> None:
    import tensorflow as tf

    folder = written(tmp_path, tf.nn.softmax, tf.TensorSpec((None, None, None, 3), tf.float32))
    store.allow(file_sha256(folder), folder)
    with pytest.raises(TrainingError, match="program without layers"):
        open_model(folder, None, settings_dir=tmp_path / "settings")


def test_a_program_for_one_image_at_a_time_is_run_once_for_each(
    tmp_path: Path, store: TrustStore
) -> None:
    import tensorflow as tf

    folder = written(tmp_path, tf.nn.softmax, tf.TensorSpec((1, 30, 44, 3), tf.float32))
    store.allow(file_sha256(folder), folder)
    service = load(folder, tmp_path)
    np.testing.assert_array_equal(service.predict(IMAGE).classes, IMAGE.argmax(-1))


def test_programs_for_something_else_are_refused_with_what_they_take(
    tmp_path: Path, store: TrustStore
) -> None:
    import tensorflow as tf

    image = tf.TensorSpec((None, None, None, 3), tf.float32)
    for number, (function, specs, said) in enumerate((
        (lambda a, b: a + b, (image, image), "takes 2 inputs"),
        (lambda a: a, (tf.TensorSpec((None, 7), tf.float32),), "takes float32 of shape"),
        (tf.strings.length, (tf.TensorSpec((None,), tf.string),), "takes string"),
        (lambda a: tf.argmax(a, -1), (image,), "answers with int64"),
    )):  # fmt: skip
        place = tmp_path / str(number)
        place.mkdir()
        folder = written(place, function, *specs)
        store.allow(file_sha256(folder), folder)
        with pytest.raises(ModelFileError, match=said):
            load(folder, tmp_path)


def test_a_damaged_program_is_one_sentence(tmp_path: Path, store: TrustStore) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x08\x01" + b"nothing that was ever a graph")
    store.allow(file_sha256(folder), folder)
    with pytest.raises(ModelFileError, match="cannot load") as refused:
        load(folder, tmp_path)
    assert "\n" not in str(refused.value)


def test_a_crash_in_native_code_while_loading_is_reported_and_survived(
    tmp_path: Path, store: TrustStore
) -> None:
    """TensorFlow has an operation that aborts the process that runs it: no exception, a signal."""
    import tensorflow as tf

    def answer(image: Any) -> Any:
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="as a bug would")]):
            return tf.nn.softmax(image, axis=-1)

    original = tmp_path / "original.keras"
    network().save(original)
    folder = written(tmp_path, answer, tf.TensorSpec((None, None, None, 3), tf.float32))
    store.allow(file_sha256(folder), folder)
    engine = open_engine(
        "process", log_path=tmp_path / "engine.log", settings_dir=tmp_path / "settings"
    )
    try:
        with pytest.raises(EngineDiedError, match="SIGABRT"):
            engine.load(str(folder))
        assert engine.load(str(original)).num_classes == 4
        assert engine.predict(IMAGE).classes.shape == IMAGE.shape[:2]
    finally:
        engine.close()
