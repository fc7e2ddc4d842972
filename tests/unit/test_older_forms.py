"""Forms of files that only older versions write: metadata in the graph, chains without a size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from model.errors import ModelFileError
from model.foreign.graph import Call, LayerSpec, Slice, TensorRef
from model.foreign.node_defs import as_function
from model.foreign.saved_model import fields, read_metadata
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo
from tests.unit.test_zoo import ENTRIES, ZOO, answers, expected_of

pytestmark = zoo.keras_warnings


def message(*parts: tuple[int, bytes]) -> bytes:
    """A protocol buffer of fields that are bytes."""
    return b"".join(varint(number << 3 | 2) + varint(len(data)) + data for number, data in parts)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def folder_of_2_0(tmp_path: Path) -> Path:
    """A folder as TensorFlow 2.0 writes it: no keras_metadata.pb, the same text in the graph."""
    folder = tmp_path / "old"
    shutil.copytree(ZOO / "tf210_saved_plain", folder)
    metadata = (folder / "keras_metadata.pb").read_bytes()
    root = json.dumps(read_metadata(metadata, file_name="x")).encode()
    kind = message((1, b"_tf_keras_network"), (3, root))
    (folder / "saved_model.pb").write_bytes(
        message((2, message((7, message((1, message((4, kind))))))))
    )
    (folder / "keras_metadata.pb").unlink()
    return folder


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads a checkpoint")
def test_a_folder_of_tensorflow_2_0_keeps_its_layers_in_the_graph(tmp_path: Path) -> None:
    entry = next(e for e in ENTRIES if e["name"] == "tf210_saved_plain")
    image, expected = expected_of(entry)
    network = open_network(inspect_file(folder_of_2_0(tmp_path)))
    np.testing.assert_allclose(answers(network, image)[0], expected[0], atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads a checkpoint")
def test_a_zipped_one_as_well(tmp_path: Path) -> None:
    folder = folder_of_2_0(tmp_path)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    assert open_network(inspect_file(Path(packed))).count_params() > 0


@pytest.mark.parametrize(
    "content", [b"", b"xx", message((2, b"")), message((2, message((7, b"\xff"))))]
)
def test_a_graph_without_layers_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(content)
    with pytest.raises(ModelFileError, match="holds a program and no layers"):
        inspect_file(folder)


def test_fields_are_read_as_they_were_written() -> None:
    assert list(fields(message((300, b"a" * 200)))) == [(300, b"a" * 200)]


def without_sizes(path: Path) -> None:
    """As stand-alone Keras 2.3 saves a Sequential that began with an InputLayer."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (chain,) = (e for e in config["config"]["layers"] if e["class_name"] == "Sequential")
        chain["config"].pop("build_input_shape", None)
        chain["config"]["layers"] = [
            e for e in chain["config"]["layers"] if e["class_name"] != "InputLayer"
        ]
        file.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_a_chain_inside_takes_what_it_gets(tmp_path: Path, order: str) -> None:
    def conv(filters: int) -> Any:
        return layers.Conv2D(filters, 3, padding="same", data_format=order)

    shape = (16, 16, 3) if order == "channels_last" else (3, 16, 16)
    chain = keras.Sequential([keras.Input(shape), conv(4), layers.ReLU()], name="chain")
    image = keras.Input(shape)
    path = zoo.saved(keras.Model(image, conv(2)(chain(image))), tmp_path, "chain.h5")
    whole = open_network(inspect_file(path))
    without_sizes(path)
    received = open_network(inspect_file(path))
    pixels = np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(answers(received, pixels)[0], answers(whole, pixels)[0], atol=1e-6)


def node(op: str, constants: dict[str, Any], attr: dict[str, Any], **options: Any) -> LayerSpec:
    config = {"node_def": {"op": op, "attr": attr}, "constants": constants, **options}
    call = Call((TensorRef("a", 0, 0),))
    return LayerSpec("n", "TensorFlowOpLayer", "", "", config, (call,))


def test_a_node_of_tensorflow_2_0_is_a_function_with_its_constants_in_place() -> None:
    made = as_function(node("Sub", {"0": 1.0}, {}))
    assert (made.class_name, made.config["function"]) == ("TFOpLambda", "math.subtract")
    assert made.calls[0].args == (1.0, TensorRef("a", 0, 0))
    text = json.dumps({"op": "Mean", "attr": {"keep_dims": {"b": True}}})
    made = as_function(node("", {"1": [1, 2]}, {}, node_def=text))
    assert made.calls[0].args == (TensorRef("a", 0, 0), (1, 2), True)


def test_a_slice_is_read_from_its_masks() -> None:
    masks = {"begin_mask": {"i": "1"}, "end_mask": {"i": "3"}, "shrink_axis_mask": {"i": "4"}}
    made = as_function(
        node("StridedSlice", {"1": [0, 2, 5], "2": [0, 0, 6], "3": [1, 2, 1]}, masks)
    )
    assert made.calls[0].args[1] == (Slice(None, None, 1), Slice(2, None, 2), 5)


def test_unknown_nodes_are_told_and_broken_ones_refused() -> None:
    assert as_function(node("Py", {}, {})).config["function"] == "raw_ops.Py"
    broken = (
        node("Sub", {"7": 1.0}, {}), node("Sub", {"0": {"a": 1}}, {}), node("Cast", {}, {}),
        node("", {}, {}, node_def=5), node("StridedSlice", {}, {}), node("", {}, {}, node_def="["),
        node("MaxPool", {}, {"data_format": {"s": "TkNIVw=="}}),
    )  # fmt: skip
    for layer in broken:
        with pytest.raises(ValueError, match=r"\w"):
            as_function(layer)
