"""What other programs write beside a model is followed where it fits, and never refuses a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from model.digest import file_sha256
from model.engine.protocol import Fit, ModelInfo, Scaling
from model.examination import examine
from model.inspection import inspect_file
from model.opening import open_network
from model.side_files import find_side_file
from tests.unit import zoo

pytestmark = zoo.keras_warnings


@pytest.fixture(scope="module")
def network() -> keras.Model:
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    return keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))


def put(network: keras.Model, folder: Path, name: str = "net.h5") -> Path:
    return zoo.saved(network, folder, name)


def opened(path: Path) -> ModelInfo:
    report = inspect_file(path)
    return examine(open_network(report), report)


def described(folder: Path, name: str, changes: dict[str, Any] | None = None) -> None:
    """A description in the form of bioimage.io 0.5, as YAML can hold JSON."""
    data: dict[str, Any] = {
        "type": "model", "format_version": "0.5.3", "name": "cells",
        "inputs": [{
            "id": "image",
            "axes": [
                {"type": "batch"}, {"type": "space", "id": "y", "size": 128},
                {"type": "space", "id": "x", "size": 160},
                {"type": "channel", "channel_names": ["r", "g", "b"]},
            ],
            "preprocessing": [{"id": "scale_linear", "kwargs": {"gain": 1 / 127.5, "offset": -1}}],
        }],
        "outputs": [{
            "id": "mask",
            "axes": [
                {"type": "batch"}, {"type": "space", "id": "y"}, {"type": "space", "id": "x"},
                {"type": "channel", "channel_names": ["ground", "cell", "edge"]},
            ],
        }],
        "weights": {"keras_hdf5": {"source": f"./{name}"}},
    }  # fmt: skip
    data.update(changes or {})
    (folder / "rdf.yaml").write_text(json.dumps(data), "utf-8")


def with_preprocessing(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": [{"axes": "byxc", "shape": [1, 64, 64, 3], "preprocessing": list(steps)}]}


def test_without_a_side_file_nothing_is_told(network: keras.Model, tmp_path: Path) -> None:
    path = put(network, tmp_path)
    assert find_side_file(path) is None
    assert opened(path).settings.scaling is Scaling.UNIT


@pytest.mark.parametrize("name", ["street_1.h5", "street_1.0", "street_1.00004"])
def test_the_configuration_of_keras_segmentation_is_followed(
    network: keras.Model, tmp_path: Path, name: str
) -> None:
    path = put(network, tmp_path, "model.h5").rename(tmp_path / name)
    (tmp_path / "street_1_config.json").write_text(json.dumps({
        "model_class": "vgg_unet", "n_classes": 3, "input_height": 96, "input_width": 160,
        "output_height": 48, "output_width": 80,
    }))  # fmt: skip
    info = opened(path)
    assert info.settings.scaling is Scaling.MEANS
    assert (info.settings.fit, info.settings.input_size) == (Fit.RESIZE, (96, 160))
    assert any("street_1_config.json tells how pixels are scaled" in note for note in info.notes)


def test_a_description_of_bioimage_io_is_followed(network: keras.Model, tmp_path: Path) -> None:
    path = put(network, tmp_path)
    described(tmp_path, path.name)
    settings = opened(path).settings
    assert settings.scaling is Scaling.SIGNED
    assert settings.input_size == (128, 160)
    assert settings.class_names == ("ground", "cell", "edge")


@pytest.mark.parametrize(
    ("steps", "scaling"),
    [
        ([{"name": "scale_linear", "kwargs": {"gain": 0.0039, "offset": 0, "axes": "yx"}}], "unit"),
        ([{"name": "scale_linear", "kwargs": {"gain": [1, 1, 1], "offset": 0.0}}], "raw"),
        ([{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample"}}], "standard"),
        (
            [
                {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
                {"id": "scale_linear", "kwargs": {"gain": 1 / 255}},
                {
                    "id": "fixed_zero_mean_unit_variance",
                    "kwargs": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
                },
            ],
            "imagenet",
        ),
        (
            [{"name": "zero_mean_unit_variance",
              "kwargs": {"mode": "fixed", "mean": [123.68, 116.78, 103.94], "std": [1, 1, 1]}}],
            "means",
        ),
    ],
)  # fmt: skip
def test_steps_come_to_a_scaling(
    network: keras.Model, tmp_path: Path, steps: list[Any], scaling: str
) -> None:
    path = put(network, tmp_path)
    described(tmp_path, path.name, with_preprocessing(*steps))
    info = opened(path)
    assert info.settings.scaling.value == scaling
    assert info.settings.input_size == (64, 64)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"name": "binarize", "kwargs": {"threshold": 3}}, "asks for binarize"),
        ({"name": "scale_range", "kwargs": {"mode": "per_sample"}}, "over all channels together"),
        ({"name": "scale_range", "kwargs": {"mode": "per_dataset", "axes": "xy"}}, "a whole data"),
        ({"id": "scale_range", "kwargs": {"axes": ["batch", "x", "y"]}}, "a whole data set"),
        (
            {"name": "scale_range", "kwargs": {"axes": "xy", "reference_tensor": "other"}},
            "of another image",
        ),
        ({"name": "scale_linear", "kwargs": {"gain": 3}}, "asks for a scaling"),
    ],
)
def test_a_scaling_that_is_not_there_is_told_and_the_guess_stays(
    network: keras.Model, tmp_path: Path, step: Any, said: str
) -> None:
    path = put(network, tmp_path)
    described(tmp_path, path.name, with_preprocessing(step))
    info = opened(path)
    assert info.settings.scaling is Scaling.UNIT
    assert any(said in note for note in info.notes)


@pytest.mark.parametrize(
    ("steps", "percentiles"),
    [
        ([{"name": "scale_range", "kwargs": {"mode": "per_sample", "axes": "xy",
           "min_percentile": 5, "max_percentile": 95.5}}], (5.0, 95.5)),
        ([{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
          {"id": "scale_linear", "kwargs": {"gain": 1 / 255}},
          {"id": "scale_range", "kwargs": {"axes": ["y", "x"], "max_percentile": 99.8}}],
         (0.0, 99.8)),
    ],
)  # fmt: skip
def test_percentiles_are_followed(
    network: keras.Model, tmp_path: Path, steps: list[Any], percentiles: tuple[float, float]
) -> None:
    path = put(network, tmp_path)
    described(tmp_path, path.name, with_preprocessing(*steps))
    settings = opened(path).settings
    assert settings.scaling is Scaling.PERCENTILES
    assert settings.percentiles == percentiles


@pytest.mark.parametrize("percentiles", [(60, 40), (-1, 99), ("a", 99), (0, 101)])
def test_percentiles_that_are_none_are_a_note(
    network: keras.Model, tmp_path: Path, percentiles: tuple[Any, Any]
) -> None:
    path = put(network, tmp_path)
    low, high = percentiles
    kwargs = {"axes": "xy", "min_percentile": low, "max_percentile": high}
    described(tmp_path, path.name, with_preprocessing({"name": "scale_range", "kwargs": kwargs}))
    info = opened(path)
    assert info.settings.scaling is Scaling.UNIT
    assert any("rdf.yaml is not followed: its" in note for note in info.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs: [", "not valid YAML"),
        ("- 1\n- 2", "no table"),
        ("&a [*a]", "no table"),
        ("!!python/object/apply:os.system ['touch evil']", "not valid YAML"),
        ("[" * 20_000, "is not followed"),
        ("x: " + "1" * 300_000, "more than 256 KiB"),
    ],
)
def test_a_broken_description_is_a_note(
    network: keras.Model, tmp_path: Path, text: str, said: str
) -> None:
    path = put(network, tmp_path)
    (tmp_path / "rdf.yaml").write_text(text, "utf-8")
    info = opened(path)
    assert info.settings.scaling is Scaling.UNIT
    assert any("rdf.yaml is not followed" in note and said in note for note in info.notes)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outputs": [{"axes": "byxc", "shape": [1, 64, 64, 5]}]}, "tells 5 classes"),
        ({"inputs": [{"axes": "byxc"}, {"axes": "byxc"}]}, "2 inputs"),
        ({"inputs": "image"}, "no list of tables"),
        (with_preprocessing({"id": "scale_linear", "kwargs": {"gain": "much"}}), "numbers"),
        (
            with_preprocessing(
                {"id": "scale_linear", "kwargs": {"gain": [1, 2], "offset": [1] * 3}}
            ),
            "channels",
        ),
        (
            with_preprocessing({"id": "zero_mean_unit_variance", "kwargs": {"mean": 0, "std": 0}}),
            "divides by zero",
        ),
        ({"weights": {"keras_hdf5": {"source": "net.h5", "sha256": "00"}}}, "another version"),
    ],
)
def test_a_description_that_contradicts_the_network_is_a_note(
    network: keras.Model, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = put(network, tmp_path)
    described(tmp_path, path.name, changes)
    info = opened(path)
    assert info.settings.scaling is Scaling.UNIT
    assert info.settings.fit is Fit.WHOLE
    assert any("rdf.yaml is not followed" in note and said in note for note in info.notes)


def test_a_description_of_another_model_in_the_folder_says_nothing(
    network: keras.Model, tmp_path: Path
) -> None:
    path = put(network, tmp_path)
    described(tmp_path, "another.h5")
    assert find_side_file(path) is None


def test_a_renamed_model_is_known_by_its_digest(network: keras.Model, tmp_path: Path) -> None:
    path = put(network, tmp_path)
    digest = file_sha256(path)
    described(
        tmp_path, path.name, {"weights": {"keras_hdf5": {"source": "a/b.h5", "sha256": digest}}}
    )
    assert opened(path).settings.scaling is Scaling.SIGNED


def test_a_fixed_input_of_another_size_is_a_contradiction(tmp_path: Path) -> None:
    image = keras.Input((64, 64, 3))
    fixed = keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(image))
    path = put(fixed, tmp_path)
    described(tmp_path, path.name)
    info = opened(path)
    assert info.settings.input_size == (64, 64)
    assert any("an input of 128 x 160 pixels" in note for note in info.notes)


def test_settings_of_this_program_come_first(network: keras.Model, tmp_path: Path) -> None:
    path = put(network, tmp_path)
    own = opened(path).settings
    described(tmp_path, path.name)
    report = inspect_file(path)
    info = examine(open_network(report), report, settings=own)
    assert info.settings == own
    assert not any("rdf.yaml" in note for note in info.notes)
