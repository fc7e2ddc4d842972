"""Files that hold weights only, and the network that their user names for them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from model.digest import file_sha256
from model.errors import ModelFileError, WeightsOnlyError
from model.foreign.architectures import Architecture, ArchitectureStore
from model.foreign.code_architectures import known_architecture
from model.foreign.weight_files import Shapes
from model.inspection import inspect_file, read_architecture
from model.opening import inspect_with_consent, open_with_consent
from model.trust import TrustStore
from model.unet import build_seed_unet
from tests.unit import zoo as networks

pytestmark = networks.keras_warnings

CODE = """
import keras
from keras import layers

def train_model():
    raise RuntimeError("nobody asked for a training")

def decoder_width():
    return 4

def build_unet(input_shape, n_classes, width=5):
    image = keras.Input(input_shape)
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Conv2D(n_classes, 1, activation="softmax")(x))
"""


def network(*, width: int = 5, channels: int = 3, num_classes: int = 4) -> keras.Model:
    """What ``CODE`` builds, with weights that are no beginner's."""
    image = keras.Input((None, None, channels))
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    model = keras.Model(image, layers.Conv2D(num_classes, 1, activation="softmax")(x))
    noise = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(noise.uniform(0.1, 0.9, variable.shape))
    return model


def in_old_layout(model: keras.Model, path: Path, *, first_number: int = 0) -> None:
    """Writes weights as ``save_weights`` of Keras 2 did: a list of layers, a list of names each."""
    counts: dict[str, int] = {}
    with h5py.File(path, "w") as file:
        names = []
        for layer in model.layers:
            base = (
                "conv2d" if isinstance(layer, layers.Conv2D) else layer.name.rstrip("_0123456789")
            )
            number = counts.setdefault(base, first_number)
            counts[base] += 1
            name = f"{base}_{number}" if number else base
            names.append(name.encode())
            group = file.create_group(name)
            own = [f"{name}/{v.name}:0" for v in layer.weights]
            group.attrs["weight_names"] = [each.encode() for each in own]
            for each, variable in zip(own, layer.weights, strict=True):
                group[each] = variable.numpy()
        file.attrs["layer_names"] = names
        file.attrs["keras_version"] = b"2.10.0"


def answer(model: keras.Model) -> np.ndarray:
    image = np.linspace(0, 1, 8 * 6 * 3, dtype=np.float32).reshape(1, 8, 6, 3)
    return np.asarray(keras.ops.convert_to_numpy(model(image)))


@pytest.fixture
def trained() -> keras.Model:
    return network()


@pytest.fixture(params=["new.weights.h5", "old.h5"])
def weights(request: pytest.FixtureRequest, trained: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    if request.param == "old.h5":
        in_old_layout(trained, path, first_number=23)
    else:
        trained.save_weights(path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "settings"


def write_code(folder: Path, text: str = CODE) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


def opened(path: Path, store: Path) -> keras.Model:
    return open_with_consent(inspect_with_consent(path, store), store)


def test_they_are_refused_with_what_helps_and_known_by_their_digest(weights, store):
    with pytest.raises(WeightsOnlyError, match="holds weights only") as refused:
        inspect_with_consent(weights, store)
    assert refused.value.model_sha256 == file_sha256(weights)
    assert "to_json" in refused.value.remedy
    assert not store.exists()


@pytest.mark.parametrize("kind", ["same.keras", "same.h5", "same.json"])
def test_another_file_with_the_network_is_named_once(weights, trained, store, kind):
    source = weights.parent / "elsewhere" / kind
    source.parent.mkdir()
    if kind == "same.json":
        source.write_text(network().to_json())
    else:
        networks.saved(network(), source.parent, kind)
    ArchitectureStore(store).keep(file_sha256(weights), read_architecture(source))
    source.unlink()
    report = inspect_with_consent(weights, store)
    assert kind in report.notes[0]
    np.testing.assert_allclose(answer(opened(weights, store)), answer(trained), atol=1e-6)


def test_a_network_that_does_not_fit_is_refused(weights, store):
    other = weights.parent / "other.json"
    other.write_text(network(width=6).to_json())
    ArchitectureStore(store).keep(file_sha256(weights), read_architecture(other))
    with pytest.raises(WeightsOnlyError, match=r"other\.json\. The two do not fit") as refused:
        opened(weights, store)
    assert refused.value.model_sha256 == file_sha256(weights)  # another one can be named


def test_weights_are_no_network_for_weights(weights):
    with pytest.raises(ModelFileError, match="weights only, too"):
        read_architecture(weights)


def test_a_python_file_builds_the_network_after_consent_and_is_run_once(weights, trained, store):
    code = write_code(weights.parent)
    with pytest.raises(WeightsOnlyError):
        opened(weights, store)
    TrustStore(store).allow(file_sha256(weights), code)
    np.testing.assert_allclose(answer(opened(weights, store)), answer(trained), atol=1e-6)
    code.unlink()
    np.testing.assert_allclose(answer(opened(weights, store)), answer(trained), atol=1e-6)


def test_a_variable_of_the_file_serves_as_well(weights, trained, store):
    code = write_code(weights.parent, f"{CODE}\nmine = build_unet((64, 64, 3), 4)\n")
    TrustStore(store).allow(file_sha256(weights), code)
    assert opened(weights, store).input_shape == (None, 64, 64, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import keras\n", "mine.py gives no network"),
        ("1 / 0\n", "line 1: ZeroDivisionError"),
        (CODE.replace("width=5", "width=6"), "build_unet has other weights"),
        (CODE.replace("    x = layers.Batch", "    None.shape\n    x = layers.Batch"),
         "line 14: AttributeError"),
    ],
)  # fmt: skip
def test_a_python_file_without_the_network_is_told_why(weights, store, text, expected):
    TrustStore(store).allow(file_sha256(weights), write_code(weights.parent, text))
    with pytest.raises(WeightsOnlyError) as refused:
        opened(weights, store)
    assert expected in str(refused.value)
    assert refused.value.model_sha256 == file_sha256(weights)
    assert not (store / "architectures").exists()


def test_a_python_file_that_changed_since_is_not_run(weights, store):
    code = write_code(weights.parent)
    TrustStore(store).allow(file_sha256(weights), code)
    code.write_text(f"{CODE}\nopen({str(code.parent / 'marker')!r}, 'w').close()\n")
    with pytest.raises(WeightsOnlyError, match="has changed"):
        opened(weights, store)
    assert not (code.parent / "marker").exists()


def test_layers_of_its_own_come_from_the_same_file(tmp_path, store):
    code = write_code(
        tmp_path,
        "import keras\n"
        "class Double(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
        "def make_net(shape=(None, None, 3)):\n"
        "    image = keras.Input(shape)\n"
        "    x = Double()(keras.layers.Conv2D(3, 1)(image))\n"
        "    return keras.Model(image, keras.layers.Softmax()(x))\n",
    )
    image = keras.Input((None, None, 3))
    plain = keras.Model(image, layers.Conv2D(3, 1)(image))
    path = tmp_path / "mine.weights.h5"
    plain.save_weights(path)
    TrustStore(store).allow(file_sha256(path), code)
    scores = np.exp(2 * answer(plain))
    expected = scores / scores.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(answer(opened(path, store)), expected, atol=1e-6)


def test_the_seeds_network_is_known_by_its_weights():
    seed = build_seed_unet((32, 32), channels=3, num_classes=7)
    shapes = tuple(tuple(variable.shape) for variable in seed.weights)
    found = known_architecture(Shapes(shapes, 3, 7))
    assert found is not None
    assert "seed" in found.source
    assert known_architecture(Shapes((*shapes[:-1], (8,)), 3, 7)) is None


def test_a_damaged_entry_is_named_and_left_alone(weights, store):
    ArchitectureStore(store).keep(
        file_sha256(weights), Architecture(json.loads(network().to_json()), "3", "x")
    )
    (entry,) = (store / "architectures").iterdir()
    entry.write_text('{"format": 1')
    with pytest.raises(ModelFileError, match="damaged"):
        inspect_file(weights, settings_dir=store)
    assert entry.read_text() == '{"format": 1'
    ArchitectureStore(store).forget(file_sha256(weights))
    with pytest.raises(WeightsOnlyError):
        inspect_file(weights, settings_dir=store)
