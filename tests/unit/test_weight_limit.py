"""A few characters in a file cannot make a network that fills the memory."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from model.errors import ModelFileError
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo as networks

pytestmark = networks.keras_warnings

HUGE_IMAGE = {"batch_shape": [None, 60_000, 60_000, 3]}


def with_options(
    model: keras.Model, folder: Path, class_name: str, options: dict[str, Any]
) -> Path:
    """Saves a network, and changes options of the layers of a class in the file."""
    source = networks.saved(model, folder, "sound.keras")
    target = folder / "absurd.keras"
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as changed:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "config.json":
                config = json.loads(data)
                for layer in config["config"]["layers"]:
                    if layer["class_name"] == class_name:
                        layer["config"].update(options)
                data = json.dumps(config).encode()
            changed.writestr(name, data)
    return target


def network_of(*parts: layers.Layer) -> keras.Model:
    image = x = keras.Input((8, 8, 3))
    for part in parts:
        x = part(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    ("parts", "class_name", "options"),
    [
        ([layers.Conv2D(4, 3, padding="same")], "Conv2D", {"kernel_size": [65_535, 65_535]}),
        ([layers.SeparableConv2D(4, 3)], "SeparableConv2D", {"depth_multiplier": 65_535}),
        ([layers.Flatten(), layers.Dense(4)], "InputLayer", HUGE_IMAGE),
        ([layers.PReLU()], "InputLayer", HUGE_IMAGE),
        ([layers.LayerNormalization(axis=[1, 2, 3])], "InputLayer", HUGE_IMAGE),
    ],
    ids=["kernel", "depth", "flattened", "per_pixel", "normalized"],
)
def test_layers_cannot_ask_for_more_weights_than_are_stored(
    tmp_path: Path, parts: list[layers.Layer], class_name: str, options: dict[str, Any]
) -> None:
    path = with_options(network_of(*parts), tmp_path, class_name, options)
    made = keras.layers.Layer.add_weight

    with pytest.raises(ModelFileError, match="its layers ask for more"):
        open_network(inspect_file(path))

    assert keras.layers.Layer.add_weight is made


def test_layers_cannot_ask_for_many_more_arrays_than_are_stored(tmp_path: Path) -> None:
    """Four hundred layers with a few weights each take seconds to build."""
    source = networks.saved(network_of(layers.Conv2D(3, 3, padding="same")), tmp_path, "one.keras")
    target = tmp_path / "many.keras"
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as changed:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "config.json":
                data = json.dumps(repeated(json.loads(data), 400)).encode()
            changed.writestr(name, data)
    made, calls = keras.layers.Layer.add_weight, []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return made(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.layers.Layer, "add_weight", counted)
        with pytest.raises(ModelFileError, match="holds 2 arrays, and its layers ask for more"):
            open_network(inspect_file(target))

    assert len(calls) < 100


def repeated(config: dict[str, Any], times: int) -> dict[str, Any]:
    """The configuration with the last layer once more, and again, each on the one before."""
    listed = config["config"]["layers"]
    last = json.dumps(listed[-1])
    before, own = listed[-2]["config"]["name"], listed[-1]["config"]["name"]
    for number in range(times):
        name = f"{own}_{number}"
        text = last.replace(f'"{before}"', f'"{own if number == 0 else f"{own}_{number - 1}"}"')
        layer = json.loads(text)
        layer["name"] = layer["config"]["name"] = name
        listed.append(layer)
    config["config"]["output_layers"] = [[f"{own}_{times - 1}", 0, 0]]
    return config


def test_an_ordinary_network_is_within_the_limit(tmp_path: Path) -> None:
    path = networks.saved(networks.unet(), tmp_path)
    assert open_network(inspect_file(path)).count_params() == networks.unet().count_params()
