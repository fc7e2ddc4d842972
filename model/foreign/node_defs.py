"""Nodes of TensorFlow 2.0 to 2.3 (``TensorFlowOpLayer``) as the named functions of later versions.

Such a layer holds one node of a graph as text: the name of the operation, its attributes, and
which of its inputs are constants. Pure data: no Keras, nothing is run.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from model.foreign.graph import Call, LayerSpec, Slice
from model.foreign.json_text import parse_json

Function = tuple[str, tuple[Any, ...]]
"""Name of a function and its arguments."""


def as_function(layer: LayerSpec) -> LayerSpec:
    """The same node as a ``TFOpLambda``.

    Args:
        layer: of class ``TensorFlowOpLayer``.

    Returns:
        One with the function ``raw_ops.NAME`` where the operation is not known.

    Raises:
        ValueError: the node is none.
    """
    node = layer.config.get("node_def")
    node = parse_json(node) if isinstance(node, str) else node
    constants = layer.config.get("constants") or {}
    if not isinstance(node, Mapping) or not isinstance(constants, Mapping):
        raise ValueError("a node that is no table")
    name, attributes = str(node.get("op")), node.get("attr") or {}
    known = _KNOWN.get(name) if isinstance(attributes, Mapping) else None
    if known is None:
        config = {"name": layer.name, "function": f"raw_ops.{name}"}
        return replace(layer, class_name="TFOpLambda", config=config)
    found = [known(_inputs(call, constants), attributes) for call in layer.calls]
    names = {function for function, _ in found} or {f"raw_ops.{name}"}
    config = {"name": layer.name, "function": names.pop()}
    calls = tuple(Call(args) for _, args in found)
    return replace(layer, class_name="TFOpLambda", config=config, calls=calls)


def _inputs(call: Call, constants: Mapping[str, Any]) -> list[Any]:
    """Tensors and constants in the order of the node's inputs."""
    tensors = list(call.args)
    if len(tensors) == 1 and isinstance(tensors[0], tuple):
        tensors = list(tensors[0])
    inputs: list[Any] = []
    for number in range(len(tensors) + len(constants)):
        if str(number) in constants:
            inputs.append(_plain(constants[str(number)]))
        elif tensors:
            inputs.append(tensors.pop(0))
        else:
            raise ValueError("a constant that is no input")
    return inputs


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError("a constant that is no number")


def _whole(attributes: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = attributes.get(name)
    return int(value.get("i", default)) if isinstance(value, Mapping) else default


def _flag(attributes: Mapping[str, Any], name: str) -> bool:
    value = attributes.get(name)
    return isinstance(value, Mapping) and value.get("b") is True


def _as(function: str) -> Callable[[list[Any], Mapping[str, Any]], Function]:
    return lambda inputs, _: (function, tuple(inputs))


def _reduced(function: str) -> Callable[[list[Any], Mapping[str, Any]], Function]:
    return lambda inputs, attr: (function, (*inputs, _flag(attr, "keep_dims")))


def _resized(method: str) -> Callable[[list[Any], Mapping[str, Any]], Function]:
    def apply(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
        if _flag(attr, "half_pixel_centers"):
            return "image.resize", (*inputs, method)
        return "image.resize_images", (*inputs, method, _flag(attr, "align_corners"))

    return apply


def _blocks(function: str) -> Callable[[list[Any], Mapping[str, Any]], Function]:
    return lambda inputs, attr: (function, (*inputs, _whole(attr, "block_size")))


def _concat(inputs: list[Any], _: Mapping[str, Any]) -> Function:
    return "concat", (tuple(inputs[:-1]), inputs[-1])


def _stack(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
    return "stack", (tuple(inputs), _whole(attr, "axis"))


def _cast(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
    kinds = {"DT_FLOAT": "float32", "DT_HALF": "float16", "DT_INT32": "int32", "DT_INT64": "int64"}
    kind = attr.get("DstT")
    wanted = kinds.get(str(kind.get("type"))) if isinstance(kind, Mapping) else None
    if wanted is None:
        raise ValueError("a kind of number that is not listed")
    return "cast", (*inputs, wanted)


def _text(attributes: Mapping[str, Any], name: str, default: str) -> str:
    """Texts of attributes are written in base 64."""
    value = attributes.get(name)
    if not isinstance(value, Mapping):
        return default
    return base64.b64decode(str(value.get("s")), validate=True).decode("ascii")


def _numbers(attributes: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    value = attributes.get(name)
    listed = value.get("list") if isinstance(value, Mapping) else None
    numbers = listed.get("i") if isinstance(listed, Mapping) else None
    return tuple(int(number) for number in numbers) if isinstance(numbers, list) else None


def _pooled(function: str) -> Callable[[list[Any], Mapping[str, Any]], Function]:
    def apply(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
        if _text(attr, "data_format", "NHWC") != "NHWC":
            raise ValueError("pooling with channels first")
        sizes = _numbers(attr, "ksize"), _numbers(attr, "strides")
        return function, (*inputs, *sizes, _text(attr, "padding", "VALID"))

    return apply


def _squeezed(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
    axes = _numbers(attr, "squeeze_dims")
    return "squeeze", tuple(inputs) if axes is None else (*inputs, axes)


def _leaky(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
    alpha = attr.get("alpha")
    slope = alpha.get("f", 0.2) if isinstance(alpha, Mapping) else 0.2
    return "nn.leaky_relu", (*inputs, float(slope))


def _sliced(inputs: list[Any], attr: Mapping[str, Any]) -> Function:
    """A slice: bits of five masks say what stands for the whole axis, an index, a new axis."""
    tensor, *bounds = inputs
    if len(bounds) != 3 or not all(isinstance(each, tuple) for each in bounds):
        raise ValueError("a slice with bounds that are calculated")
    begin, end, step, new, single, dots = (
        _whole(attr, f"{name}_mask")
        for name in ("begin", "end", "strides", "new_axis", "shrink_axis", "ellipsis")
    )
    index: list[Any] = []
    for place, (first, last, by) in enumerate(zip(*bounds, strict=True)):
        bit = 1 << place
        if dots & bit:
            index.append(Ellipsis)
        elif new & bit:
            index.append(None)
        elif single & bit:
            index.append(first)
        else:
            index.append(Slice(None if begin & bit else first, None if end & bit else last, by))
    if step:
        raise ValueError("a slice with a mask that does not exist")
    return "__operators__.getitem", (tensor, tuple(index))


_SAME_ARGUMENTS = {
    "RealDiv": "math.truediv", "Sub": "math.subtract", "Mul": "math.multiply", "Add": "math.add",
    "AddV2": "math.add", "BiasAdd": "math.add", "Neg": "math.negative", "Pow": "math.pow",
    "FloorDiv": "math.floordiv", "Maximum": "math.maximum", "Minimum": "math.minimum",
    "SquaredDifference": "math.squared_difference", "Relu": "nn.relu", "Relu6": "nn.relu6",
    "Elu": "nn.elu", "Selu": "nn.selu", "Sigmoid": "math.sigmoid", "Tanh": "math.tanh",
    "Softmax": "nn.softmax", "LogSoftmax": "nn.log_softmax", "Softplus": "math.softplus",
    "Exp": "math.exp", "Log": "math.log", "Log1p": "math.log1p", "Sqrt": "math.sqrt",
    "Rsqrt": "math.rsqrt", "Square": "math.square", "Abs": "math.abs", "Floor": "math.floor",
    "Ceil": "math.ceil", "Round": "math.round", "Sign": "math.sign",
    "Reciprocal": "math.reciprocal", "Reshape": "reshape", "Transpose": "transpose",
    "ExpandDims": "expand_dims", "Shape": "shape", "Pad": "pad", "Tile": "tile",
    "ReverseV2": "reverse", "Identity": "identity", "StopGradient": "stop_gradient",
}  # fmt: skip
"""Operations whose inputs are the arguments of a listed function."""

_KNOWN: dict[str, Callable[[list[Any], Mapping[str, Any]], Function]] = {
    **{name: _as(function) for name, function in _SAME_ARGUMENTS.items()},
    "Mean": _reduced("math.reduce_mean"), "Sum": _reduced("math.reduce_sum"),
    "Max": _reduced("math.reduce_max"), "Min": _reduced("math.reduce_min"),
    "ResizeBilinear": _resized("bilinear"), "ResizeNearestNeighbor": _resized("nearest"),
    "DepthToSpace": _blocks("nn.depth_to_space"), "SpaceToDepth": _blocks("nn.space_to_depth"),
    "MaxPool": _pooled("nn.max_pool2d"), "AvgPool": _pooled("nn.avg_pool2d"),
    "ConcatV2": _concat, "Pack": _stack, "Cast": _cast, "Squeeze": _squeezed,
    "LeakyRelu": _leaky, "StridedSlice": _sliced,
}  # fmt: skip
