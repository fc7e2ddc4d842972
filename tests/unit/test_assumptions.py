"""What a file does not tell is decided by what it shows of its writer, and the choice is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
from keras import layers

from model.examination import examine
from model.file_report import FileReport
from model.foreign.assumptions import assumptions_about
from model.foreign.equivalents import OldResizing
from model.foreign.public_layers import as_listed
from model.foreign.reading import read_network
from model.foreign.writer import writer_of
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo
from tests.zoo.packed import unpacked_zoo

pytestmark = zoo.keras_warnings
ZOO = unpacked_zoo()


class Interp(layers.Layer):
    """As keras-segmentation has it."""

    def __init__(self, new_size: Any, **options: Any) -> None:
        super().__init__(**options)
        self.new_size = new_size

    def call(self, x: Any) -> Any:
        return keras.ops.image.resize(x, self.new_size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "new_size": self.new_size}


def written_by(version: str, tmp_path: Path, layer: layers.Layer, **changes: Any) -> FileReport:
    image = keras.Input((8, 8, 3))
    x = layer(layers.Conv2D(4, 3, 2, padding="same", name="first")(image))
    network = keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))
    path = zoo.saved(network, tmp_path, "model.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = version
        config = json.loads(file.attrs["model_config"])
        for entry in config["config"]["layers"]:
            if entry["name"] == layer.name:
                entry["config"] = {
                    key: value for key, value in {**entry["config"], **changes}.items()
                    if value is not None
                }  # fmt: skip
        file.attrs["model_config"] = json.dumps(config)
    return inspect_file(path)


def assumed(report: FileReport) -> tuple[str, ...]:
    network = read_network(report.config, file_name="x")
    return assumptions_about(network, writer_of(network, report))


def interp_of(report: FileReport) -> Any:
    network = read_network(report.config, file_name="x")
    writer = writer_of(network, report)
    (spec,) = (as_listed(s, writer) for s in network.walk() if s.class_name == "Interp")
    return spec


@pytest.mark.parametrize(
    ("version", "class_name", "aligns", "told"),
    [
        ("2.8.0", "Resizing", None, ""),
        ("2.4.0", "Resizing", None, ""),
        ("2.3.1", "Resizing", None, "TensorFlow 2 was assumed"),
        ("2.2.4", "OldResizing", False, "TensorFlow 1.13 to 1.15"),
        ("2.1.6", "OldResizing", True, "aligned corners, as they did before"),
    ],
)
def test_interp_resizes_as_the_version_shows_and_what_it_does_not_show_is_told(
    tmp_path: Path, version: str, class_name: str, aligns: bool | None, told: str
) -> None:
    report = written_by(version, tmp_path, Interp((8, 8), name="x"))
    spec = interp_of(report)
    assert (spec.class_name, spec.config.get("align_corners")) == (class_name, aligns)
    sentences = assumed(report)
    assert len(sentences) == (1 if told else 0)
    assert told in "".join(sentences)
    notes = examine(open_network(report), report).notes
    assert set(sentences) <= set(notes)


@pytest.mark.parametrize(("tensorflow", "kind"), [(1, OldResizing), (2, layers.Resizing)])
def test_the_optimizer_of_stand_alone_keras_tells_its_tensorflow(
    tensorflow: int, kind: type[layers.Layer]
) -> None:
    report = inspect_file(ZOO / f"keras23_library_interp_tf{tensorflow}.h5")
    assert report.keras_version == "2.3.1"
    assert report.tensorflow == tensorflow
    network = open_network(report)
    assert any(isinstance(layer, kind) for layer in network.layers)
    without = replace(report, tensorflow=None)
    assert "does not say whether TensorFlow 1 or 2" in assumed(without)[0]


def test_interp_of_one_number_or_none_is_refused_with_a_sentence(tmp_path: Path) -> None:
    from model.errors import ModelFileError

    for value in ("large", [1, 2, 3], {"a": 1}):
        report = written_by("2.8.0", tmp_path, Interp((8, 8), name="x"), new_size=value)
        with pytest.raises(ModelFileError, match="'x'"):
            open_network(report)


def test_tensorflow_1_14_forgets_how_it_enlarges_and_that_is_told(tmp_path: Path) -> None:
    layer = layers.UpSampling2D(name="x")
    report = written_by("2.2.4-tf", tmp_path, layer, interpolation=None)
    (sentence,) = assumed(report)
    assert "do not save how UpSampling2D layers enlarge" in sentence
    assert sentence in examine(open_network(report), report).notes
    assert not assumed(written_by("2.2.4-tf", tmp_path, layer))
    assert not assumed(written_by("2.2.4", tmp_path, layer, interpolation=None))
