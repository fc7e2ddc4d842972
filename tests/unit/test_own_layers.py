"""Layers of somebody's own: with the Python file they open and live on, without it nothing runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.engine.client import open_engine
from model.engine.service import EngineService
from model.errors import ModelFileError, OwnLayersError
from model.foreign.own_layers import run_file
from model.inspection import inspect_file
from model.opening import open_network, open_with_consent
from model.trust import TrustStore
from tests.unit import zoo as networks
from tests.unit.test_zoo import ENTRIES, ZOO, answers, expected_of

pytestmark = [
    networks.keras_warnings,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the layers use tensorflow"),
]

CUSTOM = [pytest.param(e, id=e["name"]) for e in ENTRIES if e.get("unknown") and "code" in e]

BLOCKS = '''
import keras
from keras import layers, ops


class Gate(layers.Layer):
    """Own weights, a list of layers, a layer in an attribute with an underscore, statistics."""

    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters
        self.steps = [layers.Conv2D(filters, 1), layers.Conv2D(filters, 1)]
        self._norm = layers.BatchNormalization()
        self.last = layers.DepthwiseConv2D(3, padding="same")

    def build(self, shape):
        self.offset = self.add_weight(shape=(self.filters,), name="offset")
        self.scale = self.add_weight(shape=(self.filters,), name="scale")
        for step in self.steps:
            step.build(shape)
        self._norm.build(shape)
        self.last.build(shape)

    def call(self, x):
        for step in self.steps:
            x = ops.tanh(step(x))
        return self.last(self._norm(x)) * self.scale + self.offset

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


class Turned(layers.Layer):
    """No keyword options, and a from_config of its own."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"times_ten": self.factor * 10}

    @classmethod
    def from_config(cls, config):
        return cls(config["times_ten"] / 10)


def swish_of_mine(x):
    return x * ops.sigmoid(2 * x)
'''


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    path = tmp_path / "blocks.py"
    path.write_text(BLOCKS)
    return path


@pytest.fixture(autouse=True)
def no_modules_left() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.startswith("seggui_own_layers_")]:
        del sys.modules[name]


def made(module: Any) -> keras.Model:
    """A network with all of it, random weights everywhere; twice the same layer class."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding="same", activation=module.swish_of_mine)(inputs)
    x = module.Gate(4, name="gate_one")(x)
    x = module.Turned(0.5)(x)
    x = module.Gate(4, name="gate_two")(x)
    network = keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x))
    generator = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(generator.uniform(0.1, 1.0, variable.shape))
    return network


def saved_network(blocks: Path, path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A file, an image, and the answer of the network that was saved."""
    network = made(run_file(blocks)._module)
    network.save(path)
    image = np.random.default_rng(1).random((1, 16, 16, 3), np.float32)
    return path, image, answers(network, image)[0]


@pytest.mark.parametrize("entry", CUSTOM)
def test_it_opens_with_its_file_matches_trains_and_opens_again(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    report = inspect_file(ZOO / entry["file"])
    with pytest.raises(OwnLayersError) as caught:
        open_network(report)
    assert set(caught.value.names) == set(entry["unknown"])
    assert caught.value.model_sha256 == report.sha256

    network = open_network(report, code=ZOO / entry["code"])
    image, expected = expected_of(entry)
    for ours, theirs in zip(answers(network, image), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)

    before = [np.array(weight) for weight in network.get_weights()]
    network.compile(keras.optimizers.SGD(1e-3), "mse")
    for _ in range(2):
        network.train_on_batch(image, np.zeros_like(expected[0]))
    assert any(not np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))

    again = tmp_path / "again.keras"
    network.save(again)
    with pytest.raises(OwnLayersError):
        open_network(inspect_file(again))
    reopened = open_network(inspect_file(again), code=ZOO / entry["code"])
    np.testing.assert_allclose(
        answers(reopened, image)[0], answers(network, image)[0], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("name", ["blocks.keras", "blocks.h5"])
def test_lists_inner_layers_statistics_and_activations_get_their_weights(
    blocks: Path, tmp_path: Path, name: str
) -> None:
    path, image, expected = saved_network(blocks, tmp_path / name)
    with pytest.raises(OwnLayersError) as caught:
        open_network(inspect_file(path))
    assert set(caught.value.names) == {"swish_of_mine", "Gate", "Turned"}
    network = open_network(inspect_file(path), code=blocks)
    np.testing.assert_allclose(answers(network, image)[0], expected, atol=1e-6, rtol=0)


def test_an_own_layer_in_an_inner_network_gets_its_weights(blocks: Path, tmp_path: Path) -> None:
    inner = made(run_file(blocks)._module)
    inputs = keras.Input((16, 16, 3))
    network = keras.Model(inputs, inner(layers.Rescaling(2.0)(inputs)))
    image = np.random.default_rng(1).random((1, 16, 16, 3), np.float32)
    for name in ("nested.keras", "nested.h5"):
        network.save(tmp_path / name)
        opened = open_network(inspect_file(tmp_path / name), code=blocks)
        np.testing.assert_allclose(
            answers(opened, image)[0], answers(network, image)[0], atol=1e-6, rtol=0
        )


class FakeReader:
    """A checkpoint in memory: arrays by key."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays

    def get_tensor(self, key: str) -> np.ndarray:
        return self._arrays[key]


def checkpoint_of(paths: dict[str, np.ndarray]) -> tuple[FakeReader, list[dict[str, Any]]]:
    """A graph of objects as TensorFlow writes it, with one own layer and arrays at paths."""
    graph: list[dict[str, Any]] = [{"children": {"layer_with_weights-0": 1}, "key": ""}]
    graph.append({"children": {"keras_api": 0}, "key": ""})
    for path in paths:
        number = 1
        for part in path.split("/"):
            children = graph[number]["children"]
            if part not in children:
                children[part] = len(graph)
                graph.append({"children": {}, "key": ""})
            number = children[part]
        graph[number]["key"] = f"key of {path}"
    return FakeReader({f"key of {path}": array for path, array in paths.items()}), graph


@pytest.mark.parametrize("missing", ["", "steps/1/kernel"])
def test_a_checkpoint_reaches_the_variables_by_their_attributes(blocks: Path, missing: str) -> None:
    from model.foreign.building import BuiltEntry, BuiltNetwork
    from model.foreign.checkpoints import _Filler
    from model.foreign.graph import LayerSpec
    from model.foreign.placing import Placer

    own = run_file(blocks)
    spec = LayerSpec("gate", "Gate", "", "", {"filters": 2})
    layer = own.make(spec)
    inputs = keras.Input((8, 8, 2))
    built = BuiltNetwork(keras.Model(inputs, layer(inputs)), [BuiltEntry(spec, layer, is_own=True)])
    wanted = {
        "offset": layer.offset, "scale": layer.scale, "last/bias": layer.last.bias,
        "last/depthwise_kernel": layer.last.kernel, "_norm/gamma": layer._norm.gamma,
        "_norm/beta": layer._norm.beta, "_norm/moving_mean": layer._norm.moving_mean,
        "_norm/moving_variance": layer._norm.moving_variance,
        **{f"steps/{i}/kernel": layer.steps[i].kernel for i in (0, 1)},
        **{f"steps/{i}/bias": layer.steps[i].bias for i in (0, 1)},
    }  # fmt: skip
    arrays = {
        path: np.full(variable.shape, number + 1.0, np.float32)
        for number, (path, variable) in enumerate(wanted.items()) if path != missing
    }  # fmt: skip
    filler = _Filler(*checkpoint_of(arrays), Placer("x", built), "x")
    if missing:
        with pytest.raises(ModelFileError, match=r"stores .* for the layer"):
            filler.fill(built, filler._graph[0])
        return
    filler.fill(built, filler._graph[0])
    for path, variable in wanted.items():
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), arrays[path])


def test_a_normalisation_inside_an_own_layer_stays_fixed_in_fine_tuning(blocks: Path) -> None:
    from model.tunable_network import TunableNetwork

    network = made(run_file(blocks)._module)
    norm = network.get_layer("gate_one")._norm
    tunable = TunableNetwork(network, output_index=0, trainable="all")
    assert not norm.trainable
    assert network.get_layer("gate_one").steps[0].trainable
    tunable.release()
    assert norm.trainable


def test_a_missing_array_of_an_inner_layer_is_noticed(blocks: Path, tmp_path: Path) -> None:
    import h5py

    path, _, _ = saved_network(blocks, tmp_path / "blocks.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/gate_one"]
        names = list(group.attrs["weight_names"])
        group.attrs["weight_names"] = names[:-1]
    with pytest.raises(ModelFileError, match=r"stores \d+ arrays for 'gate_one', which needs 12"):
        open_network(inspect_file(path), code=blocks)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import keras\nx = 1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("def broken(:\n", "line 1: SyntaxError"),
        ("import no_such_module_here\n", "It imports no_such_module_here, which is not installed"),
        ("from absent import Gate, Turned, swish_of_mine\n", "does not define swish_of_mine, Gate"),
        ("import sys\nsys.exit('bye')\n", "line 2: SystemExit: bye"),
        ("raise ValueError('one\\ntwo')", "line 1: ValueError: one."),
        ("x = 1\n", "blocks.py does not define swish_of_mine, Gate, Turned, which blocks.keras"),
        ("Gate = Turned = int\nswish_of_mine = abs\n", "defines 'Gate', but as no layer of the"),
    ],
)
def test_what_is_wrong_with_the_file_is_shown_as_it_is(
    blocks: Path, tmp_path: Path, source: str, said: str
) -> None:
    path, _, _ = saved_network(blocks, tmp_path / "blocks.keras")
    blocks.write_text(source)
    with pytest.raises(OwnLayersError) as caught:
        open_network(inspect_file(path), code=blocks)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(caught.value.names) == {"swish_of_mine", "Gate", "Turned"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "self.filters = filters", "raise TypeError('no')",
            "cannot make the layer 'gate_one': line 11: TypeError: no",
        ),
        (
            "x = ops.tanh(step(x))", "x = ops.no_such(step(x))",
            "fails: line 26: AttributeError: module 'keras.ops' has no attribute 'no_such'",
        ),
    ],
)  # fmt: skip
def test_an_error_in_a_layer_names_its_line(
    blocks: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path, _, _ = saved_network(blocks, tmp_path / "blocks.keras")
    blocks.write_text(BLOCKS.replace(old, new))
    with pytest.raises(OwnLayersError) as caught:
        open_network(inspect_file(path), code=blocks)
    assert said in str(caught.value)


def marked(tmp_path: Path, blocks: Path) -> tuple[Path, Path, Path]:
    """A network, a Python file that leaves a mark when it runs, and the mark."""
    path, _, _ = saved_network(blocks, tmp_path / "blocks.keras")
    mark = tmp_path / "mark"
    blocks.write_text(f"{BLOCKS}\nwith open({str(mark)!r}, 'a') as mark:\n    mark.write('x')\n")
    return path, blocks, mark


def test_nothing_runs_without_consent_and_for_no_other_model(tmp_path: Path, blocks: Path) -> None:
    path, code, mark = marked(tmp_path, blocks)
    settings = tmp_path / "settings"
    TrustStore(settings).allow("c" * 64, code)
    for folder in (None, settings):
        with pytest.raises(OwnLayersError):
            open_with_consent(inspect_file(path), folder)
    plain = networks.saved(networks.pointwise(), tmp_path, "plain.keras")
    open_network(inspect_file(plain), code=code)  # needs no file: it is not run
    assert not mark.exists()

    TrustStore(settings).allow(inspect_file(path).sha256, code)
    open_with_consent(inspect_file(path), settings)
    assert mark.read_text() == "x"


def test_a_changed_file_and_a_revoked_one_are_not_run(tmp_path: Path, blocks: Path) -> None:
    path, code, mark = marked(tmp_path, blocks)
    settings, digest = tmp_path / "settings", inspect_file(path).sha256
    store = TrustStore(settings)
    store.allow(digest, code)
    code.write_text(code.read_text() + "# another\n")
    with pytest.raises(OwnLayersError, match="has changed"):
        open_with_consent(inspect_file(path), settings)
    store.allow(digest, code)
    store.revoke(digest)
    with pytest.raises(OwnLayersError, match="does not have"):
        open_with_consent(inspect_file(path), settings)
    with pytest.raises(OwnLayersError, match="has changed since it was trusted"):
        open_network(inspect_file(path), code=code, code_sha256="0" * 64)
    store.allow(digest, code)
    code.unlink()
    with pytest.raises(OwnLayersError, match="not there any more"):
        open_with_consent(inspect_file(path), settings)
    assert not mark.exists()


def test_code_among_the_options_of_an_own_layer_is_refused(tmp_path: Path, blocks: Path) -> None:
    own = run_file(blocks)
    from model.foreign.graph import LayerSpec

    options = {"filters": {"class_name": "__lambda__", "config": {"value": "..."}}}
    spec = LayerSpec("gate", "Gate", "", "", options)
    with pytest.raises(ModelFileError, match="program code inside of the model file is not run"):
        own.make(spec)


def test_the_folder_of_the_file_is_not_searched(tmp_path: Path, blocks: Path) -> None:
    (tmp_path / "beside.py").write_text("raise SystemError('ran')\n")
    blocks.write_text("import beside\n")
    assert run_file(blocks).missing_imports == ("beside",)


def test_the_engine_says_what_is_missing_and_opens_after_consent(
    tmp_path: Path, seggui_home: Path
) -> None:
    entry = next(e for e in ENTRIES if e["name"] == "tf210_custom_unregistered")
    settings = tmp_path / "settings"
    engine = open_engine("process", log_path=tmp_path / "log", settings_dir=settings)
    try:
        with pytest.raises(OwnLayersError) as caught:
            engine.load(str(ZOO / entry["file"]))
        assert set(caught.value.names) == set(entry["unknown"])
        TrustStore(settings).allow(caught.value.model_sha256, ZOO / entry["code"])
        assert engine.load(str(ZOO / entry["file"])).num_parameters > 0
    finally:
        engine.close()


def test_a_fine_tuned_network_keeps_the_trust_of_its_parent(tmp_path: Path) -> None:
    from PIL import Image

    from model.engine.protocol import (
        TrainingDone,
        TrainingRequest,
        TrainingSample,
        TrainingSettings,
    )
    from model.training import fine_tune

    entry = next(e for e in ENTRIES if e["name"] == "tf210_custom_unregistered")
    settings, base = tmp_path / "settings", ZOO / entry["file"]
    TrustStore(settings).allow(inspect_file(base).sha256, ZOO / entry["code"])
    info = EngineService().load(str(base), settings_dir=settings)
    rng = np.random.default_rng(0)
    samples = []
    for number in range(2):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(
            tmp_path / f"{number}.png"
        )
        Image.fromarray(np.full((64, 64), number, np.uint8)).save(tmp_path / f"m{number}.png")
        samples.append(
            TrainingSample(
                str(tmp_path / f"{number}.png"), str(tmp_path / f"m{number}.png"), None, number == 1
            )
        )
    output = tmp_path / "tuned.keras"
    request = TrainingRequest(
        str(base), info.settings, str(base), tuple(samples), str(output),
        TrainingSettings(num_steps=2, batch_size=1, crop_size=32, score_every=2),
        settings_dir=str(settings),
    )  # fmt: skip
    *_, done = fine_tune(request, is_cancelled=lambda: False, is_stopped=lambda: False)
    assert isinstance(done, TrainingDone)
    assert EngineService().load(str(output), settings_dir=settings).num_classes == info.num_classes
    with pytest.raises(OwnLayersError):
        EngineService().load(str(output), settings_dir=tmp_path / "elsewhere")
