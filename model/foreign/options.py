"""Options of layers, as the Keras of today wants them. Pure data: no Keras.

What does not matter for a network that has its weights is dropped: initializers, regularizers and
constraints, whether a layer was frozen. What changes the numbers and is not known is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from model.errors import ModelFileError
from model.foreign.graph import LayerSpec
from model.foreign.vocabulary import (
    ACTIVATIONS,
    OUR_ACTIVATION,
    OUR_ACTIVATIONS,
    current_name,
    words,
)

MAX_WIDTH = 65_536
"""Filters, units, kernel sides and the like: no segmentation network comes near."""

_DROPPED_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_DROPPED = words(
    """
    name trainable batch_input_shape batch_shape input_dtype build_config activity_regularizer
    registered_name module class_name autocast lora_rank lora_alpha quantization_config
    batch_size optional sparse ragged implementation input_spec seed initializer regularizer
    constraint embeddings_regularizer synchronized
    """
)
_POLICIES = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
_NEEDLESS = {
    "BatchNormalization": ("fused", "renorm_clipping", "renorm_momentum", "virtual_batch_size"),
    "SpatialDropout2D": ("noise_shape",), "AlphaDropout": ("noise_shape",),
    "Dropout": ("noise_shape",), "DepthwiseConv2D": ("filters",), "Dense": ("input_dim",),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape"),
    "SwinTransformerBlock": ("mlp_drop", "attn_drop", "proj_drop", "drop_path_prob"),
}  # fmt: skip
"""Options of training, and such that follow from others."""

ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "Softmax", "PReLU")
"""Layers that may serve as the activation of another one."""

_RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}, "GroupNormalization": {"N": "groups"}}

_SHAPE_OPTIONS = frozenset({"target_shape", "dims", "shape"})


def options_of(layer: LayerSpec, accepted: frozenset[str], *, is_keras_2: bool) -> dict[str, Any]:
    """The keyword arguments for a layer of today's Keras.

    Args:
        layer: a listed layer.
        accepted: names that the layer of today takes.
        is_keras_2: who wrote the file.

    Raises:
        ModelFileError: an option that would change the numbers is not known, or is absurd.
    """
    given = dict(layer.config)
    _rewrite(current_name(layer.class_name), given, is_keras_2=is_keras_2)
    options: dict[str, Any] = {}
    for key, value in given.items():
        if key in _DROPPED or key.endswith(_DROPPED_ENDINGS):
            continue
        if key == "dtype":
            options[key] = policy_name(value, layer)
        elif key.endswith("activation"):
            options[key] = activation_name(value, layer, is_keras_2=is_keras_2)
        elif key in accepted:
            options[key] = _plain(value, key, layer)
        elif not _means_nothing(value):
            raise ModelFileError(
                f"The layer {layer.name!r} ({layer.class_name}) has the option {key} = "
                f"{_short(value)}, which this program does not know.",
                remedy="Report this file to the developers, or save it with a current Keras.",
            )
    if "dtype" not in accepted:
        options.pop("dtype", None)
    options["name"] = layer.name.replace("/", "_")  # Keras allows no slash any more
    return options


def policy_name(value: Any, layer: LayerSpec) -> str | None:
    """Name of a precision policy, however it was stored; None for the default."""
    if isinstance(value, Mapping):
        config = value.get("config")
        value = config.get("name") if isinstance(config, Mapping) else None
    if value is None or value == "_infer":
        return None
    if value not in _POLICIES:
        raise ModelFileError(
            f"The layer {layer.name!r} calculates in {_short(value)}; one of "
            f"{', '.join(_POLICIES)} was expected.",
            remedy="Save the network with one of these, for instance without quantization.",
        )
    return str(value)


def activation_name(  # noqa: PLR0911 - one return per kind of value
    value: Any, layer: LayerSpec, *, is_keras_2: bool
) -> str | tuple[str, Any]:
    """Name of an activation; ``(class name, options)`` where a layer serves as one.

    Raises:
        ModelFileError: it is none of the listed ones.
    """
    if value is None:
        return "linear"
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind in ACTIVATION_LAYERS and isinstance(config, Mapping):
            return str(kind), config
        if kind in ("function", "Function") and isinstance(config, str):
            registered = value.get("registered_name")
            value = registered if registered in OUR_ACTIVATIONS else config
        elif kind == "Activation" and isinstance(config, Mapping):
            return activation_name(config.get("activation"), layer, is_keras_2=is_keras_2)
        elif isinstance(kind, str):
            value = kind
    if isinstance(value, str) and value in OUR_ACTIVATIONS:
        return OUR_ACTIVATIONS[value]
    name = str(value).rpartition(">")[2] if isinstance(value, str) else ""
    if name == OUR_ACTIVATION:
        return name
    if name not in ACTIVATIONS:
        raise ModelFileError(
            f"The layer {layer.name!r} has the activation {_short(value)}, which Keras does not "
            "have.",
            remedy="Name the Python file that defines it, or replace it by a listed one.",
        )
    if is_keras_2 and name == "hard_sigmoid":
        return OUR_ACTIVATION
    return name


def unlisted_activation(value: Any) -> str:
    """The name of an activation, ``X`` or ``package>X``, that is not listed; ``""`` if it is."""
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind in ACTIVATION_LAYERS and isinstance(config, Mapping):
            return ""
        if kind == "Activation" and isinstance(config, Mapping):
            return unlisted_activation(config.get("activation"))
    name, _ = activation_parts(value)
    plain = name.rpartition(">")[2]
    is_listed = name in OUR_ACTIVATIONS or plain == OUR_ACTIVATION or plain in ACTIVATIONS
    return "" if is_listed or not name else name


def activation_parts(value: Any) -> tuple[str, Mapping[str, Any]]:
    """Name and options of a stored activation: a text, a function, or a layer; ``""`` if none."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, Mapping):
        return "", {}
    kind, config = value.get("class_name"), value.get("config")
    if kind == "Activation" and isinstance(config, Mapping):
        return activation_parts(config.get("activation"))
    if kind in ("function", "Function") and isinstance(config, str):
        registered = value.get("registered_name")
        has_package = isinstance(registered, str) and ">" in registered
        return (str(registered) if has_package else config), {}
    if isinstance(kind, str):
        return kind, config if isinstance(config, Mapping) else {}
    return "", {}


def _rewrite(name: str, options: dict[str, Any], *, is_keras_2: bool) -> None:
    """Renames options in place, and drops those that matter in training only."""
    for key in _NEEDLESS.get(name, ()):
        options.pop(key, None)
    for old, new in _RENAMED.get(name, {}).items():
        if old in options:
            options[new] = options.pop(old)
    axis = options.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        options["axis"] = axis[0]
    for key in ("negative_slope", "threshold", "max_value"):
        value = options.get(key)
        if isinstance(value, Mapping):  # a numpy number of an old version
            options[key] = value.get("value", value.get("config"))
    if is_keras_2 and options.get("data_format") is None:
        options.pop("data_format", None)


def _plain(value: Any, key: str, layer: LayerSpec) -> Any:
    """Numbers, texts and lists of them, within reason."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        if abs(value) > MAX_WIDTH and key not in _SHAPE_OPTIONS:
            raise ModelFileError(
                f"The layer {layer.name!r} declares {key} = {value}; no real network has more than "
                f"{MAX_WIDTH}.",
                remedy="Ask where the file comes from before using it.",
            )
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ModelFileError(f"The layer {layer.name!r} has {key} = {value}.")
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_plain(item, key, layer) for item in value)
    if isinstance(value, Mapping) and value.get("class_name") in ("__tuple__", "TensorShape"):
        return _plain(value.get("items", []), key, layer)
    raise ModelFileError(
        f"The layer {layer.name!r} ({layer.class_name}) has the option {key} = {_short(value)}; "
        "a number, a text or a list of them was expected.",
        remedy="Ask where the file comes from, or save the network again.",
    )


def _means_nothing(value: Any) -> bool:
    """Whether an option that today's layer does not have says nothing special."""
    return value in (None, False, 1, "", "auto", [], {})


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
