"""Layers that apply another layer: each step of a sequence, and normalised kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.errors import LambdaError, ModelFileError, OwnLayersError
from model.foreign.addon_layers import WeightNormalization
from model.foreign.contents import describe_contents
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo

pytestmark = [
    zoo.keras_warnings,
    pytest.mark.filterwarnings("ignore:The `keras.initializers.serialize:UserWarning"),
]

OWN = """
from keras import layers


class Twice(layers.Layer):
    def build(self, shape):
        self.offset = self.add_weight(shape=(shape[-1],), name="offset")

    def call(self, x):
        return 2 * x + self.offset
"""


class Twice(layers.Layer):
    """As in the file above, and as Keras 3 wants it before it saves one in a wrapper."""

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def build(self, shape: Any) -> None:
        self.offset = self.add_weight(shape=(shape[-1],), name="offset")

    def call(self, x: Any) -> Any:
        return 2 * x + self.offset


def answer(network: keras.Model, image: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(network(image, training=False)))


def steps_of(layer: layers.Layer, side: int | None = 8) -> keras.Model:
    """A network that applies a layer to each row of an image."""
    image = keras.Input((side, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.TimeDistributed(layer, name="rows")(x)
    return randomised(keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(x)))


def randomised(network: keras.Model) -> keras.Model:
    random = np.random.default_rng(1)
    for weight in network.weights:
        if "float" in str(weight.dtype) and "variance" not in weight.name:
            weight.assign(random.normal(0.2, 1, weight.shape))
    return network


def check(network: keras.Model, path: Path, code: Path | None = None) -> keras.Model:
    """Opens a file, compares it with its network, trains, saves, and opens it again."""
    image = np.random.default_rng(0).normal(0, 1, (1, 8, 8, 3)).astype(np.float32)
    ours = open_network(inspect_file(path), code=code)
    np.testing.assert_allclose(answer(ours, image), answer(network, image), atol=1e-5)
    ours.compile("sgd", "mse")
    ours.train_on_batch(image, np.zeros((1, 8, 8, 2)))
    again = path.with_name("again.keras")
    ours.save(again)
    reopened = open_network(inspect_file(again), code=code)
    np.testing.assert_allclose(answer(reopened, image), answer(ours, image), atol=1e-6)
    return ours


@pytest.mark.parametrize("side", [8, None])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_lambda_for_each_step_is_read_and_not_run(
    tmp_path: Path, ending: str, side: int | None
) -> None:
    network = steps_of(layers.Lambda(lambda x: x / 4.0 - 1.0, name="scaled"), side)
    path = zoo.saved(network, tmp_path, f"model.{ending}")
    assert describe_contents(inspect_file(path)).replaced == ("Lambda 'scaled': x / 4.0 - 1.0",)
    check(network, path)


def test_an_unknown_lambda_for_each_step_is_asked_about(tmp_path: Path) -> None:
    network = steps_of(layers.Lambda(lambda x: x / float(len(str(x.shape))), name="odd"))
    path = zoo.saved(network, tmp_path, "model.h5")
    with pytest.raises(LambdaError, match="'odd'"):
        open_network(inspect_file(path))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_an_own_layer_for_each_step_asks_for_its_file(tmp_path: Path, ending: str) -> None:
    network = steps_of(Twice(name="mine"))
    path = zoo.saved(network, tmp_path, f"model.{ending}")
    with pytest.raises(OwnLayersError, match="Twice"):
        open_network(inspect_file(path))
    code = tmp_path / "mine.py"
    code.write_text(OWN)
    check(network, path, code)


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_network_for_each_step_opens(tmp_path: Path, ending: str) -> None:
    row = keras.Input((8, 4))
    inside = keras.Model(row, layers.Dense(3, name="a")(layers.Dense(5, name="b")(row)))
    network = steps_of(inside)
    check(network, zoo.saved(network, tmp_path, f"model.{ending}"))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_what_wraps_an_unknown_layer_of_another_kind_is_told_at_once(
    tmp_path: Path, ending: str
) -> None:
    image = keras.Input((8, 8, 3))
    x = layers.TimeDistributed(Twice())(image)
    x = layers.TimeDistributed(layers.Conv1D(3, 1))(x)
    path = zoo.saved(keras.Model(image, x), tmp_path, f"model.{ending}")
    with pytest.raises(ModelFileError, match="other data than images: it uses Conv1D"):
        open_network(inspect_file(path))


def around(wrap: Any) -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = wrap(layers.Conv2D(4, 3, padding="same", activation="relu"))(image)
    x = wrap(layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False))(x)
    x = wrap(layers.Conv2DTranspose(4, 2, strides=2))(x)
    return randomised(keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(x)))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_spectral_normalization_of_keras_opens(tmp_path: Path, ending: str) -> None:
    network = around(layers.SpectralNormalization)
    check(network, zoo.saved(network, tmp_path, f"model.{ending}"))


@pytest.mark.parametrize("is_initialized", [True, False])
def test_weight_normalization_is_saved_as_ours(tmp_path: Path, is_initialized: bool) -> None:
    network = around(WeightNormalization)
    for weight in network.weights:
        if weight.name == "initialized":
            weight.assign(is_initialized)
    check(network, zoo.saved(network, tmp_path, "model.keras"))


def test_weight_normalization_trains_direction_and_length() -> None:
    layer = WeightNormalization(layers.Dense(3))
    layer.build((None, 4))
    layer._initialized.assign(True)
    network = keras.Sequential([keras.Input((4,)), layer])
    before = [np.array(v) for v in (layer.g, layer.v, layer.layer.bias)]
    network.compile("sgd", "mse")
    network.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    after = [np.array(v) for v in (layer.g, layer.v, layer.layer.bias)]
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["SpectralNormalization", "WeightNormalization"])
def test_a_wrapper_of_this_name_that_somebody_wrote_is_asked_about(
    tmp_path: Path, name: str
) -> None:
    kind = type(name, (layers.Wrapper,), {"call": lambda self, x: self.layer(x)})
    path = zoo.saved(around(kind), tmp_path, "model.keras")
    with pytest.raises(OwnLayersError, match=name):
        open_network(inspect_file(path))


def test_wrappers_in_wrappers_end_in_a_sentence(tmp_path: Path) -> None:
    from model.foreign.reading import read_network

    layer: dict[str, Any] = {"class_name": "Dense", "config": {"units": 1}}
    for _ in range(50):
        layer = {"class_name": "TimeDistributed", "config": {"layer": layer}}
    config = {"class_name": "Sequential", "config": [layer]}
    with pytest.raises(ModelFileError, match="nests layers more than 16 deep"):
        read_network(config, file_name="x.h5")


@pytest.mark.parametrize("path", ["layer/kernel", "w"])
def test_a_checkpoint_reaches_the_layer_inside(path: str) -> None:
    from model.foreign.building import BuiltEntry, BuiltNetwork
    from model.foreign.checkpoints import _Filler
    from model.foreign.graph import LayerSpec
    from model.foreign.placing import Placer
    from tests.unit.test_own_layers import checkpoint_of

    inner = layers.Dense(3, use_bias=False)
    kind = layers.TimeDistributed if path == "layer/kernel" else layers.SpectralNormalization
    layer, inputs = kind(inner), keras.Input((8, 4))
    model = keras.Model(inputs, layer(inputs))
    inside = LayerSpec("dense", "Dense", "", "", {})
    spec = LayerSpec("rows", kind.__name__, "", "", {}, wrapped=inside)
    built = BuiltNetwork(model, [BuiltEntry(spec, layer)])
    arrays = {path: np.full((4, 3), 2.0, np.float32)}
    if path == "w":
        arrays["u"] = np.ones((1, 3), np.float32)
    filler = _Filler(*checkpoint_of(arrays), Placer("x", built), "x")
    filler.fill(built, filler._graph[0])
    assert (np.array(inner.kernel) == 2.0).all()


def test_a_pyramid_of_a_thousand_branches_is_refused_before_it_is_built() -> None:
    from model.foreign.pyramid_layers import SpatialPyramidPooling

    with pytest.raises(ValueError, match="1000 dilation rates"):
        SpatialPyramidPooling(dilation_rates=range(1000))


def test_an_error_of_keras_is_told_without_the_line_that_only_names_the_layer() -> None:
    from model.foreign.parser_errors import reason_of

    error = ValueError("Exception encountered when calling X.call().\n\n\x1b[1mToo few.\x1b[0m\n")
    assert reason_of(error) == "Too few"
