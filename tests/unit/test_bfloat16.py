"""bfloat16: offered where the processor has it, the same classes, the same weights."""

from __future__ import annotations

import itertools
import json

import keras
import numpy as np
import pytest
from keras import layers

from model import backend, bfloat16, speed
from model.bfloat16 import computing_in_bfloat16, has_fast_bfloat16
from model.engine.protocol import DeviceInfo
from model.predictor import RUNS_BEFORE_TUNING, Predictor
from model.speed import MIN_AGREEMENT, ChoiceStore
from model.unet import UNetConfig, build_unet
from tests.unit import toy_task, zoo

pytestmark = zoo.keras_warnings
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="bfloat16 is a way of TensorFlow's alone"
)


@pytest.fixture
def fast_bfloat16(monkeypatch):
    """A CPU that has instructions for it, or claims so."""
    monkeypatch.setattr(bfloat16, "is_fast_here", lambda: True)
    monkeypatch.setattr(backend, "device_info", lambda: DeviceInfo("cpu", "CPU", "tensorflow"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small U-Net with batch normalisation that learned its task."""
    path = tmp_path_factory.mktemp("toy") / "toy.keras"
    toy_task.write_base(path)
    return zoo.opened(path, toy_task.SETTINGS)


def labels_of(network, way):
    def labels(inputs):
        return backend.highest(network(inputs, training=False))

    return backend.compiled(labels, way=way, network=network)


@pytest.mark.parametrize(
    ("text", "is_fast"),
    [
        ("flags\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("flags\t\t: amx_tile amx_bf16 amx_int8\n\nflags\t\t: amx_bf16\n", True),
        ("flags\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("flags\t: amx_bf16\n\nflags\t: avx2\n", False),
        ("model name\t: avx512_bf16\n", False),
        ("bugs\t: amx_bf16\nflags\t: avx2\n", False),
        ("Features\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_fast_bfloat16_is_read_from_the_flags_of_every_processor(text, is_fast) -> None:
    assert has_fast_bfloat16(text) is is_fast


@needs_tensorflow
def test_it_is_a_way_only_where_it_is_fast(monkeypatch, fast_bfloat16) -> None:
    assert "bfloat16" in backend.ways()
    monkeypatch.setattr(bfloat16, "is_fast_here", lambda: False)
    assert "bfloat16" not in backend.ways()


@needs_tensorflow
def test_a_trained_network_keeps_its_classes_and_nearly_its_values(trained) -> None:
    network, _ = trained
    pixels = np.stack([toy_task.scene(seed)[0] for seed in range(8)]).astype(np.float32)

    values, classes = labels_of(network, "graph")(pixels)
    rough_values, rough_classes = labels_of(network, "bfloat16")(pixels)

    assert (classes == rough_classes).mean() >= MIN_AGREEMENT
    assert len(np.unique(classes)) == 2, "one class alone would agree with anything"
    difference = np.abs(values - rough_values)
    assert difference.max() > 0, "it was not run in bfloat16"
    assert difference.mean() < 0.01
    assert rough_values.dtype == np.float32


@needs_tensorflow
def test_convolutions_run_in_bfloat16_and_the_answer_in_float32() -> None:
    network = build_unet(UNetConfig(3, widths=(8, 16), blocks=(0, 1)))
    seen = {}

    def record(inputs):
        for name in ("stem", "enc1_0_a", "logits", "to_full_size", "probabilities"):
            layer = network.get_layer(name)
            seen[name] = layer.compute_dtype
            assert {str(w.dtype) for w in layer.weights} <= {"float32"}
        return (network(inputs, training=False),)

    backend.compiled(record, way="bfloat16", network=network)(np.zeros((1, 16, 16, 3), np.float32))

    assert seen == {
        "stem": "bfloat16", "enc1_0_a": "bfloat16",
        "logits": "float32", "to_full_size": "float32", "probabilities": "float32",
    }  # fmt: skip


@needs_tensorflow
def test_changed_weights_are_followed() -> None:
    network = zoo.unet()
    run = labels_of(network, "bfloat16")
    image = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 3)).astype(np.float32)
    before = run(image)[0]
    network.set_weights([weight * 1.5 for weight in network.get_weights()])

    after = run(image)[0]

    np.testing.assert_allclose(after, labels_of(network, "graph")(image)[0], atol=0.02)
    assert np.abs(after - before).max() > 0.05


@needs_tensorflow
@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_as_before_afterwards(fails) -> None:
    network = zoo.unet()
    network.layers[1].dtype_policy = "mixed_float16"
    before = [layer.dtype_policy.name for layer in network.layers]

    try:
        with computing_in_bfloat16(network):
            during = [layer.dtype_policy.name for layer in network.layers]
            if fails:
                raise KeyError
    except KeyError:
        pass

    assert [layer.dtype_policy.name for layer in network.layers] == before
    assert "mixed_bfloat16" in during
    assert during[1] == "mixed_float16", "a policy that the author chose stays"


@needs_tensorflow
def test_of_a_network_inside_a_network_only_the_end_stays_float32() -> None:
    inner = zoo.unet()
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, layers.Softmax()(inner(inputs)))

    with computing_in_bfloat16(network):
        policies = [layer.dtype_policy.name for layer in inner.layers if layer.weights]

    assert policies == ["mixed_bfloat16", "mixed_bfloat16", "float32"]


@needs_tensorflow
def test_without_the_network_it_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the network"):
        backend.compiled(lambda inputs: (inputs,), way="bfloat16")


def tuned(predictor: Predictor, monkeypatch, tmp_path) -> dict[str, object]:
    """What was remembered after tuning, with bfloat16 seeming ten times as fast."""
    seconds = itertools.cycle((1.0, 0.1))
    monkeypatch.setattr(speed, "seconds_of", lambda _: next(seconds))
    monkeypatch.setattr(backend, "ways", lambda: ("graph", "bfloat16"))
    predictor.speed_up(ChoiceStore(tmp_path))
    pixels, _ = toy_task.scene(3)
    for _ in range(RUNS_BEFORE_TUNING + 1):
        predictor.predict(pixels)
    predictor.tune(lambda: False)
    (stored,) = json.loads((tmp_path / "speed.json").read_text()).values()
    return stored


@needs_tensorflow
def test_it_is_taken_when_it_is_faster_and_agrees(trained, monkeypatch, tmp_path) -> None:
    network, info = trained
    predictor = Predictor(network, info)
    truth = Predictor(network, info).predict(toy_task.scene(5)[0]).classes

    stored = tuned(predictor, monkeypatch, tmp_path)

    assert stored["way"] == "bfloat16"
    classes = predictor.predict(toy_task.scene(5)[0]).classes
    assert (classes == truth).mean() >= MIN_AGREEMENT


@needs_tensorflow
def test_a_network_that_lives_from_small_differences_stays_in_float32(
    monkeypatch, tmp_path
) -> None:
    # 200.5 and 200 are one number in bfloat16: the difference that decides is lost.
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(3, 1, name="first")(inputs)
    network = keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax", name="last")(x))
    eye = np.eye(3, dtype=np.float32)[np.newaxis, np.newaxis]
    network.get_layer("first").set_weights([eye / 512, np.full(3, 200, np.float32)])
    network.get_layer("last").set_weights([100 * eye, np.zeros(3, np.float32)])
    opened, info = zoo.opened(zoo.saved(network, tmp_path), toy_task.SETTINGS)

    stored = tuned(Predictor(opened, info), monkeypatch, tmp_path)

    assert stored["way"] == "graph"
    assert "of the pixels keep their class" in stored["refused"]["bfloat16"]
