"""A network with a Lambda layer calculates what the Lambda did, from listed operations only."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model.foreign.building import build_network
from model.foreign.graph import Call, LayerSpec, NetworkSpec, TensorRef
from model.foreign.operations import apply_function
from model.foreign.writer import Writer
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import lambda_codes
from tests.unit import zoo as networks

pytestmark = networks.keras_warnings

tensorflow = pytest.importorskip(
    "tensorflow", reason="what the functions give is asked of TensorFlow"
)

RECOGNISED = sorted(name for name, text in lambda_codes.EXPECTED.items() if text)
SHAPE = (2, 6, 10, 8)


def called(function: Any, *args: Any) -> np.ndarray:
    """What a function of our own gives when it is really called, with TensorFlow and Keras."""
    from keras.src.legacy import backend

    scope = {**function.__globals__, "tf": tensorflow, "K": backend, "np": np}
    real = types.FunctionType(
        function.__code__, scope, "f", function.__defaults__, function.__closure__
    )
    return np.asarray(real(*args))


def network(layer: LayerSpec, *shapes: tuple[Any, ...]) -> NetworkSpec:
    inputs = [
        LayerSpec(f"in{i}", "InputLayer", "", "", {"batch_input_shape": [None, *shape]})
        for i, shape in enumerate(shapes)
    ]
    refs = tuple(TensorRef(i.name, 0, 0) for i in inputs)
    call = Call((refs[0] if len(refs) == 1 else refs,))
    layer = LayerSpec(layer.name, "Lambda", "", "", layer.config, (call,))
    outputs = (TensorRef(layer.name, 0, 0),)
    return NetworkSpec("n", "functional", (*inputs, layer), refs, outputs)


def built(layer: LayerSpec, *shapes: tuple[Any, ...], writer: Writer | None = None) -> keras.Model:
    spec = network(layer, *shapes)
    return build_network(spec, file_name="x.h5", is_keras_2=True, writer=writer).model


def images(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    return [random.uniform(-3, 3, SHAPE).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "is_open"),
    [
        (name, is_open) for name in RECOGNISED for is_open in (False, True)
        if not (is_open and name == "twice")  # that function itself needs to know the size
    ],
)  # fmt: skip
def test_it_gives_what_the_function_gives(name: str, is_open: bool, tmp_path: Path) -> None:
    function = lambda_codes.module.BODIES[name][0]
    inputs = images(2 if name in ("two", "like") else 1)
    if name in ("normalise", "means", "caffe"):
        inputs = [x[..., :3] for x in inputs]
    channels = inputs[0].shape[-1]
    shape = (None, None, channels) if is_open else (6, 10, channels)
    value: Any = inputs[0] if len(inputs) == 1 else inputs
    if name == "caffe":  # its import is not the point
        expected = value[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    elif name == "imported":
        expected = np.repeat(np.repeat(value, 4, 1), 4, 2)
    else:
        tensors = [tensorflow.constant(x) for x in inputs]
        expected = called(function, tensors[0] if len(tensors) == 1 else tensors)

    model = built(lambda_codes.layer_of(function), *([shape] * len(inputs)))
    received = np.asarray(model(value))

    np.testing.assert_allclose(received, expected, atol=2e-6, rtol=2e-6)
    path = tmp_path / "again.keras"
    model.save(path)
    if len(inputs) == 1:
        again = open_network(inspect_file(path))
        np.testing.assert_array_equal(np.asarray(again(value)), received)


@pytest.mark.parametrize("name", ["resize_bilinear", "resize_nearest_neighbor"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(12, 20), (5, 7), (1, 1), (13, 3)])
def test_old_resizing_is_that_of_tensorflow_1(
    name: str, align_corners: bool, size: tuple[int, int]
) -> None:
    image = images(1)[0]
    theirs = getattr(tensorflow.compat.v1.image, name)(image, size, align_corners=align_corners)
    inputs = keras.Input(SHAPE[1:])
    ours = apply_function(
        f"compat.v1.image.{name}", (inputs, size), {"align_corners": align_corners}, "resize"
    )
    received = keras.Model(inputs, ours)(image)
    np.testing.assert_allclose(np.asarray(received), theirs.numpy(), atol=1e-5)


def test_old_resizing_to_the_size_of_another_tensor_knows_its_size_late() -> None:
    def function(x: Any) -> Any:
        return tf.image.resize_bilinear(x[0], tf.shape(x[1])[1:3])  # type: ignore[name-defined]  # noqa: F821

    model = built(lambda_codes.layer_of(function), (None, None, 8), (None, None, 2))
    image, other = images(1)[0], np.zeros((2, 15, 9, 2), np.float32)
    theirs = tensorflow.compat.v1.image.resize_bilinear(image, (15, 9)).numpy()
    np.testing.assert_allclose(np.asarray(model([image, other])), theirs, atol=1e-5)


@pytest.mark.parametrize("rule", ["old", "new"])
def test_resize_images_of_keras_follows_the_rule_of_its_version(rule: Any) -> None:
    def function(x: Any) -> Any:
        return K.resize_images(x, 2, 3, "channels_last", "bilinear")  # type: ignore[name-defined]  # noqa: F821

    image = images(1)[0]
    resize = tensorflow.image.resize if rule == "new" else tensorflow.compat.v1.image.resize
    for shape in ((6, 10, 8), (None, None, 8)):
        model = built(lambda_codes.layer_of(function), shape, writer=Writer(resize_of_keras=rule))
        theirs = resize(image, (12, 30)).numpy()
        np.testing.assert_allclose(np.asarray(model(image)), theirs, atol=1e-5)


def test_channels_first_are_resized_in_their_own_order() -> None:
    def function(x: Any) -> Any:
        return K.resize_images(x, 2, 2, "channels_first")  # type: ignore[name-defined]  # noqa: F821

    image = images(1)[0]
    model = built(lambda_codes.layer_of(function), SHAPE[1:])
    expected = np.repeat(np.repeat(image, 2, axis=2), 2, axis=3)
    np.testing.assert_array_equal(np.asarray(model(image)), expected)


def test_a_precision_policy_converts_what_the_layer_gets() -> None:
    layer = lambda_codes.layer_of(
        lambda x: (x - [0.5, 0.25, 0.125]) / 0.3,
        dtype={"class_name": "Policy", "config": {"name": "mixed_float16"}},
    )
    model = built(layer, (4, 4, 3))
    image = np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    received = np.asarray(model(image))
    assert received.dtype == np.float16
    expected = (image.astype(np.float16) - np.array([0.5, 0.25, 0.125], np.float16)) / np.float16(
        0.3
    )
    np.testing.assert_allclose(received, expected, rtol=2e-3, atol=1e-3)


def test_a_lambda_that_gives_its_input_back_has_an_output_of_its_own() -> None:
    model = built(lambda_codes.layer_of(lambda x: x), (4, 4, 3))
    image = np.ones((1, 4, 4, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(model(image)), image)
    assert model.outputs[0] is not model.inputs[0]
