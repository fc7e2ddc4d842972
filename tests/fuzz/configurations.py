"""Mutations of a configuration: values, classes, references and layers that no Keras writes."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import marshal
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

MARKER_VARIABLE = "SEGGUI_ZOO_MARKER"
"""Environment variable with the path of the file that foreign code would write."""

_NUMBERS = (
    -1, 0, 1, 2, 3, 7, 255, 65_535, 65_536, 10**6, 10**9, 2**31, 2**63, 10**30, -(10**18), 0.5,
    -0.0, 1e308, 1e-320, float("nan"), float("inf"), True, False, None,
)  # fmt: skip
_TEXTS = (
    "", " ", "../../outside", "/etc/passwd", "a\0b", "a/b", "\ud800", "x" * 70_000, "None", "same",
    "channels_first", "float16", "int8", "string", "relu", "keras>relu", "os>system", "%s%n", "0",
    "http://localhost/x", "..", "layers", "\u202e", "{0.__class__}", "mixed_float16", "float8_e4m3",
)  # fmt: skip
_CLASSES = (
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "StringLookup", "TextVectorization", "Functional",
    "Sequential", "Model", "TimeDistributed", "Bidirectional", "LSTM", "Conv3D", "Reshape", "Dot",
    "Flatten", "Dense", "Conv2D", "Conv2DTranspose", "UpSampling2D", "ZeroPadding2D", "Cropping2D",
    "Resizing", "RandomCrop", "CenterCrop", "Permute", "RepeatVector", "EinsumDense", "Attention",
    "MultiHeadAttention", "Normalization", "BatchNormalization", "GroupNormalization", "PReLU",
    "Embedding", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "InputLayer", "Activation",
    "Concatenate", "Add", "Rescaling", "LeakyReLU", "Softmax", "SeparableConv2D", "__init__",
    "os.system", "evil>Conv2D", "Custom>Lambda", "", "Layer", "ThresholdedReLU", "DepthwiseConv2D",
    "__tuple__", "__tensor__", "__numpy__", "__lambda__", "__ellipsis__", "__slice__", "NotEqual",
    "GetItem", "TensorShape", "function", "Pad", "Transpose", "Tile", "Repeat", "Arange", "Einsum",
    "ExpandDims", "OldBilinearUpSampling2D", "ResizeLike",
)  # fmt: skip
_MODULES = (
    "os", "builtins", "keras.layers", "keras.src.ops.numpy", "keras.src.ops.image", "subprocess",
    "keras.src.ops.nn", "keras.utils", "keras.config", "keras.src.saving", "", None, "../x",
    "keras", "builtins\0", "keras.src.ops.core", "keras.src.ops.math",
)  # fmt: skip
_FUNCTIONS = (
    "math.multiply", "image.resize", "nn.relu", "os.system", "reshape", "tile", "zeros", "repeat",
    "__operators__.getitem", "compat.v1.image.resize", "io.read_file", "py_function", "concat",
    "expand_dims", "transpose", "pad", "split", "range", "fill", "strided_slice", "einsum",
    "keras.config.set_floatx", "__init__", "a\0",
)  # fmt: skip

Mutation = Callable[[Any, Random], Any]


def changed(config: Any, random: Random) -> tuple[Any, str]:
    """A configuration after one to six mutations, and what was done; the given one changes."""
    names = []
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        mutation = random.choice(_MUTATIONS)
        names.append(mutation.__name__.strip("_"))
        with contextlib.suppress(RecursionError):  # it is deep enough then
            config = mutation(config, random)
    return config, "+".join(names)


def as_text(config: Any, random: Random) -> str:
    """JSON, now and then with what JSON should not have."""
    try:
        text = json.dumps(config)
    except RecursionError:
        text = '{"config":' * 2000 + "{}" + "}" * 2000
    if random.random() > 0.06:
        return text
    place = random.randrange(len(text) + 1)
    return random.choice(
        (
            text[:place], text + text, "[" * 100_000, '{"a":' * 3000 + text + "}" * 3000,
            text[:place] + "\0" + text[place:], "\ufeff" + text, text.replace("1", "1" * 5000, 1),
            '{"class_name": "Functional", ' + text[1:], "null", "7", '"text"', "", " ",
            text.replace('"', "'"), "9" * 100_000,
        )
    )  # fmt: skip


# --- where ---


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        keys: Any = list(here) if isinstance(here, dict) else range(len(here)) if (
            isinstance(here, list)
        ) else ()  # fmt: skip
        for key in keys:
            yield here, key
            waiting.append(here[key])


def _spot(config: Any, random: Random, *keys: str) -> tuple[Any, Any] | None:
    found = [spot for spot in _spots(config) if not keys or spot[1] in keys]
    return random.choice(found) if found else None


def _layer_lists(config: Any) -> list[list[Any]]:
    return [
        here[key] for here, key in _spots(config)
        if key == "layers" and isinstance(here[key], list) and here[key]
    ]  # fmt: skip


def _value(random: Random) -> Any:
    which = random.random()
    if which < 0.45:
        return random.choice(_NUMBERS)
    if which < 0.65:
        return random.choice(_TEXTS)
    if which < 0.75:
        return [random.choice(_NUMBERS) for _ in range(random.choice((0, 1, 2, 3, 4, 1000)))]
    if which < 0.85:
        return random.choice(([], {}, [[]], [None], {"class_name": None}, {"config": {}}, [{}]))
    deep: Any = random.choice(_NUMBERS)
    for _ in range(random.choice((3, 20, 100, 300))):
        deep = [deep] if random.random() < 0.5 else {random.choice(("config", "a", "layers")): deep}
    return deep


# --- what ---


def _replace_value(config: Any, random: Random) -> Any:
    spot = _spot(config, random)
    if spot is not None:
        spot[0][spot[1]] = _value(random)
    return config


def _replace_number(config: Any, random: Random) -> Any:
    spots = [spot for spot in _spots(config) if isinstance(spot[0][spot[1]], int | float)]
    if spots:
        here, key = random.choice(spots)
        here[key] = random.choice(_NUMBERS)
    return config


def _replace_option(config: Any, random: Random) -> Any:
    """A wrong value for an option of a layer."""
    options = [here[key] for here, key in _spots(config)
               if key == "config" and isinstance(here[key], dict) and here[key]]  # fmt: skip
    if options:
        chosen = random.choice(options)
        chosen[random.choice(list(chosen))] = _value(random)
    return config


def _move_value(config: Any, random: Random) -> Any:
    here, there = _spot(config, random), _spot(config, random)
    if here is not None and there is not None:
        here[0][here[1]] = copy.deepcopy(there[0][there[1]])
    return config


def _drop(config: Any, random: Random) -> Any:
    spot = _spot(config, random)
    if spot is not None:
        del spot[0][spot[1]]
    return config


def _rename_key(config: Any, random: Random) -> Any:
    spot = _spot(config, random)
    if spot is not None and isinstance(spot[0], dict):
        keys = (*_TEXTS, "class_name", "config", "name", "layers", "inbound_nodes", "activation",
                "function", "units", "filters", "dtype", "shared_object_id")  # fmt: skip
        spot[0][random.choice(keys)] = spot[0].pop(spot[1])
    return config


def _swap_class(config: Any, random: Random) -> Any:
    spot = _spot(config, random, "class_name", "registered_name")
    if spot is not None:
        spot[0][spot[1]] = random.choice(_CLASSES)
    return config


def _swap_module(config: Any, random: Random) -> Any:
    spot = _spot(config, random, "module", "class_name")
    if spot is not None:
        spot[0]["module"] = random.choice(_MODULES)
    return config


def _swap_function(config: Any, random: Random) -> Any:
    spot = _spot(config, random, "function", "activation", "kernel_initializer", "name")
    if spot is not None:
        spot[0][spot[1]] = random.choice(_FUNCTIONS)
    return config


def _redirect(config: Any, random: Random) -> Any:
    """Lets a call, or an end of the network, refer to another layer, call or output."""
    nodes = [
        here[key]
        for here, key in _spots(config)
        if key in ("inbound_nodes", "input_layers", "output_layers", "keras_history")
    ]
    names = [here["name"] for here, key in _spots(config) if key == "name" and (
        isinstance(here, dict)
    )]  # fmt: skip
    spots = [spot for node in nodes for spot in _spots(node)
             if isinstance(spot[0][spot[1]], str | int)]  # fmt: skip
    if spots and names:
        here, key = random.choice(spots)
        is_name = isinstance(here[key], str)
        here[key] = random.choice(names) if is_name else random.choice((0, 1, 2, -1, 99, 2**40))
    return config


def _rename_layer(config: Any, random: Random) -> Any:
    """Another name at one place only, or the name of another layer."""
    spot = _spot(config, random, "name")
    if spot is not None:
        spot[0]["name"] = random.choice(
            (*_TEXTS, "../../x", "a:0", "conv2d", "conv2d_1", "input_1")
        )
    return config


def _double_layer(config: Any, random: Random) -> Any:
    lists = _layer_lists(config)
    if lists:
        layers = random.choice(lists)
        layer = copy.deepcopy(random.choice(layers))
        for _ in range(random.choice((1, 1, 3, 300))):
            layers.insert(random.randrange(len(layers) + 1), layer)
    return config


def _many_layers(config: Any, random: Random) -> Any:
    """Many layers with names of their own, in one chain; a graph with them is deep."""
    lists = _layer_lists(config)
    if not lists:
        return config
    layers = random.choice(lists)
    original = random.choice(layers)
    if not isinstance(original, dict):
        return config
    text = json.dumps(original)
    options = original.get("config")
    name = original.get("name") or (options.get("name") if isinstance(options, dict) else None)
    if isinstance(name, str) and name and len(text) < 5000:
        for number in range(random.choice((5, 50, 400))):
            layers.append(json.loads(text.replace(json.dumps(name), f'"{name[:50]!s}_{number}"')))
    return config


def _drop_layer(config: Any, random: Random) -> Any:
    lists = _layer_lists(config)
    if lists:
        layers = random.choice(lists)
        layers.pop(random.randrange(len(layers)))
    return config


def _shuffle_layers(config: Any, random: Random) -> Any:
    lists = _layer_lists(config)
    if lists:
        random.shuffle(random.choice(lists))
    return config


def _nest_network(config: Any, random: Random) -> Any:
    """The network as a layer of itself, a few times over."""
    for _ in range(random.choice((1, 1, 2, 20))):
        lists = _layer_lists(config)
        if not lists or len(json.dumps(config)) > 200_000:
            break
        random.choice(lists).append(copy.deepcopy(config))
    return config


def _wrap_network(config: Any, random: Random) -> Any:
    for _ in range(random.choice((1, 5, 18, 200))):
        config = {
            "class_name": random.choice(("Sequential", "Functional", "Model")),
            "config": {"name": "outer", "layers": [config]},
        }
    return config


def plant_code(config: Any, random: Random) -> Any:
    """A Lambda that writes the marker file when it runs."""
    lists = _layer_lists(config)
    if not lists:
        return config
    source = f"(lambda x: (open(__import__('os').environ['{MARKER_VARIABLE}'], 'w').close(), x)[1])"
    body = compile(source, "<fuzz>", "eval").co_consts[0]
    code = base64.b64encode(marshal.dumps(body)).decode() + "\n"
    function: Any = random.choice(
        (
            [code, None, None],
            {"class_name": "__lambda__", "config": {"code": code, "defaults": None}},
            source, ["!" + code[1:], None, None], [code[:-9], None, None],
            [code, [7], [[1]]], [code],
        )
    )  # fmt: skip
    kind = random.choice(
        ("Lambda", "Lambda", "Activation", "Conv2D", "keras>Lambda", "Custom>Lambda")
    )
    key = random.choice(("function", "output_shape", "mask", "activation", "kernel_initializer"))
    layers = random.choice(lists)
    target = random.choice(layers)
    if isinstance(target, dict):
        target["class_name"] = kind
        options = target.get("config")
        target["config"] = {**(options if isinstance(options, dict) else {}), key: function}
    return config


_MUTATIONS: tuple[Mutation, ...] = (
    _replace_value, _replace_value, _replace_number, _replace_number, _replace_option,
    _replace_option, _replace_option, _move_value, _drop, _rename_key, _swap_class, _swap_class,
    _swap_module, _swap_function, _redirect, _redirect, _rename_layer, _double_layer, _many_layers,
    _drop_layer, _shuffle_layers, _nest_network, _wrap_network, plant_code,
)  # fmt: skip
