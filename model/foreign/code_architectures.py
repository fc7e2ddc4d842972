"""The network that a Python file of the user's builds, for a file that holds weights only.

The file is run, so this is called after consent only (`model.trust`), in the engine's process. What
its network looks like is kept as data then, and the file is not run for it again.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from model.errors import OwnLayersError
from model.foreign.architectures import Architecture
from model.foreign.own_layers import OwnLayers, reason, run_file
from model.foreign.weight_files import Shapes
from model.unet import build_seed_unet

_BUILDERS = ("model", "net", "build", "create", "fcn", "deeplab", "resunet", "vgg", "pspnet")
"""A function whose name has one of these in it, and none of the next, is called."""
_WORKERS = (
    "train",
    "fit",
    "main",
    "run",
    "load",
    "save",
    "predict",
    "test",
    "eval",
    "plot",
    "show",
)
_SHAPES = frozenset({"input_shape", "input_size", "img_shape", "image_shape", "shape", "img_size",
                     "image_size", "inputs_shape", "in_shape"})  # fmt: skip
_CLASSES = frozenset({"num_classes", "n_classes", "classes", "nclasses", "n_class", "num_class",
                      "n_labels", "num_labels", "output_channels", "out_channels", "n_filters_out",
                      "nb_classes"})  # fmt: skip
_CHANNELS = frozenset({"channels", "num_channels", "n_channels", "img_channels", "input_channels",
                       "in_channels"})  # fmt: skip
_SIDES = frozenset({"height", "width", "img_height", "img_width", "input_height", "input_width",
                    "image_height", "image_width", "img_h", "img_w", "h", "w"})  # fmt: skip
_TRIAL_SIDE = 256
_NO_NETWORK = (
    "a variable with a functional Keras model, or a function that returns one, was expected"
)
_REMEDY = "Choose the Python file that built the network, or a saved model of the same network."


def architecture_from_code(
    code: Path, *, sha256: str | None, shapes: Shapes, weights_name: str
) -> Architecture:
    """Runs a Python file and takes the network from it that the weights fit.

    Variables of the file are looked at first, then functions that are named like builders are
    called; an input shape and a number of classes that they ask for come from the weights.

    Args:
        code: the file; **it is run**.
        sha256: content that the user consented to; None trusts what is there.
        shapes: of the weights.
        weights_name: name of their file, for messages.

    Raises:
        OwnLayersError: it fails, or defines no network with these weights.
        ModelFileError: it cannot be read, or has changed.
    """
    own = run_file(code, sha256=sha256)
    problems: list[str] = []
    for name, make in _makers(own):
        for arguments in _arguments(make, shapes):
            try:
                with own.knowing_old_names():
                    network = make(**arguments)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code, told below
                problems.append(f"{name}: {reason(error, code)}")
                continue
            if not isinstance(network, keras.Model):
                break
            if _shapes(network) != Counter(shapes.all):
                problems.append(f"{name} has other weights than {weights_name}")
                continue
            config = _config_of(network)
            if config is not None:
                return Architecture(config, keras.__version__, code.name)
            problems.append(f"{name} is no functional model")
            break
    without = ", ".join(own.missing_imports)
    problems += [f"it imports {without}, which is not installed here"] if without else []
    found = "; ".join(dict.fromkeys(problems))[:600] or "it has none"
    raise OwnLayersError(
        f"{code.name} gives no network for {weights_name}: {found}; {_NO_NETWORK}.",
        names=(), remedy=_REMEDY,
    )  # fmt: skip


def known_architecture(shapes: Shapes) -> Architecture | None:
    """The seed project's U-Net, if the weights are exactly its own; None if they are not."""
    if len(shapes.all) != _NUM_SEED_ARRAYS or (3, 3, 512, 1024) not in shapes.all:
        return None
    network = build_seed_unet(channels=shapes.channels or 1, num_classes=shapes.num_classes or 1)
    if _shapes(network) != Counter(shapes.all):
        return None
    config = _config_of(network)
    assert config is not None
    return Architecture(config, keras.__version__, "the seed project's U-Net, which they fit")


_NUM_SEED_ARRAYS = 48


def _makers(own: OwnLayers) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Networks of the file, and functions that may build one, each with its name."""
    functions = []
    for name, value in own.items():
        if isinstance(value, keras.Model):
            yield name, lambda value=value: value
        elif inspect.isfunction(value) and own.is_defined_here(value) and _is_builder(name):
            functions.append((name, value))
    yield from functions


def _is_builder(name: str) -> bool:
    words = name.lower()
    return any(w in words for w in _BUILDERS) and not any(w in words for w in _WORKERS)


def _arguments(make: Callable[..., Any], shapes: Shapes) -> Iterator[dict[str, Any]]:
    """What to call a builder with: its own defaults, then what the weights tell."""
    parameters = inspect.signature(make).parameters
    needed = [p.name for p in parameters.values() if p.default is p.empty and _is_ordinary(p)]
    if not needed:
        yield {}
    # "width" with a default is mostly a number of channels.
    told = [n for n in parameters if n in _SHAPES | _CLASSES | _CHANNELS or n in _SIDES & {*needed}]
    if not told or set(needed) - set(told):
        return
    for side in (None, _TRIAL_SIDE):
        if side is None and _SIDES & set(told):
            continue  # sides that are calculated with
        yield {name: _told(name, side, shapes) for name in told}


def _is_ordinary(parameter: inspect.Parameter) -> bool:
    return parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _told(name: str, side: int | None, shapes: Shapes) -> Any:
    channels = shapes.channels or 3
    if name in _SHAPES:
        return (side, side, channels)
    if name in _CLASSES:
        return shapes.num_classes or 1
    return channels if name in _CHANNELS else side


def _shapes(network: keras.Model) -> Counter[tuple[int, ...]]:
    return Counter(tuple(variable.shape) for variable in network.weights)


def _config_of(network: keras.Model) -> Mapping[str, Any] | None:
    """As data; None for a network that is code (a class of its own with a ``call``)."""
    try:
        config = json.loads(network.to_json())
    except (NotImplementedError, TypeError, ValueError):
        return None
    return config if isinstance(config, dict) and "layers" in config.get("config", {}) else None
