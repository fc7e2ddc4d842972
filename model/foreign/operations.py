"""TensorFlow functions in graphs of Keras 2 (``TFOpLambda``, ``SlicingOpLambda``) as Keras ops.

Such a node carries no code, only the public name of a function and its arguments. Each listed name
has its meaning here; a name that is not listed is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from model.foreign.equivalents import OldResizing, ResizeLike
from model.foreign.operation_names import plain_function


class UnknownOperationError(ValueError):
    """The function is not listed, or is used in a way that is not."""


@dataclass(frozen=True)
class Side:
    """The height or width of a tensor that is known only when an image comes, times a factor."""

    tensor: Any
    axis: int
    factor: float = 1.0


def apply_function(function: str, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Any:
    """Applies a listed TensorFlow function to symbolic tensors.

    Args:
        function: as stored, such as ``math.truediv``.
        args: positional arguments: tensors, numbers, tuples.
        kwargs: the rest; ``name`` is ignored.
        name: of the node.

    Raises:
        UnknownOperationError: not listed, or with arguments that are not.
    """
    if function in _OLD_RESIZE:
        function = "image.resize_images"
    known = _FUNCTIONS.get(plain_function(function))
    if known is None:
        raise UnknownOperationError(f"the function {function}")
    kwargs = {key: value for key, value in kwargs.items() if key != "name"}
    try:
        return known(*args, **kwargs)
    except TypeError as error:
        raise UnknownOperationError(f"the function {function} with {sorted(kwargs)}") from error


def _arithmetic(on_tensors: Callable[[Any, Any], Any], on_sides: str) -> Callable[..., Any]:
    def apply(x: Any, y: Any) -> Any:
        if isinstance(x, Side | int) and isinstance(y, Side | int | float):
            return _side(x, y, on_sides)
        return on_tensors(_numbers(x), _numbers(y))

    return apply


def _numbers(value: Any) -> Any:
    """A list of numbers, one per channel, as an array."""
    return np.asarray(value, np.float32) if isinstance(value, tuple | list) else value


def _side(x: Any, y: Any, on_sides: str) -> Any:  # noqa: PLR0911 - a table of cases
    """Arithmetic on sizes of tensors, which may be open."""
    if isinstance(x, Side) and isinstance(y, int | float):
        if on_sides == "multiply":
            return Side(x.tensor, x.axis, x.factor * y)
        if on_sides == "divide":
            return Side(x.tensor, x.axis, x.factor / y)
    elif isinstance(y, Side) and on_sides == "multiply":
        return _side(y, x, on_sides)
    elif isinstance(x, int) and isinstance(y, int | float):
        if on_sides == "multiply":
            return int(x * y)
        if on_sides == "divide":
            return int(x // y)
        if on_sides == "add":
            return int(x + y)
        return int(x - y)
    raise UnknownOperationError(f"{on_sides} of the size of a tensor")


def _shape(input: Any, out_type: Any = None) -> tuple[Any, ...]:  # noqa: A002 - its name there
    sides = enumerate(input.shape)
    return tuple(Side(input, axis) if side is None else side for axis, side in sides)


def _getitem(x: Any, slice_spec: Any) -> Any:
    spec = slice_spec if isinstance(slice_spec, tuple) else (slice_spec,)
    if isinstance(x, tuple):
        if len(spec) != 1:
            raise UnknownOperationError("slicing of a shape in two ways")
        return x[spec[0]]
    return _sliced(x, spec)


def _sliced(x: Any, spec: tuple[Any, ...]) -> Any:
    """``x[spec]``; an axis that is turned round is flipped, for torch takes no steps backwards."""
    num_axes = sum(item is not None and item is not Ellipsis for item in spec)
    axis, flipped, rest = 0, [], []
    for item in spec:
        is_turned = isinstance(item, slice) and item == slice(None, None, -1)
        if is_turned:
            flipped.append(axis)
        rest.append(slice(None) if is_turned else item)
        if item is Ellipsis:
            axis += len(x.shape) - num_axes
        elif item is not None:
            axis += 1
    if not flipped:
        return x[spec]
    x = ops.flip(x, tuple(flipped))
    is_whole = all(item is Ellipsis or item == slice(None) for item in rest)
    return x if is_whole else x[tuple(rest)]


def _strided_slice(x: Any, begin: Any, end: Any, strides: Any = None, **masks: Any) -> Any:
    strides = strides or (1,) * len(begin)
    used = {key: value for key, value in masks.items() if value not in (0, None)}
    known = {"begin_mask", "end_mask", "shrink_axis_mask"}
    if not set(used) <= known or not all(isinstance(v, tuple) for v in (begin, end, strides)):
        raise UnknownOperationError("strided_slice with masks")
    spec: list[Any] = []
    for axis, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
        if used.get("shrink_axis_mask", 0) >> axis & 1:
            spec.append(start)
            continue
        spec.append(
            slice(
                None if used.get("begin_mask", 0) >> axis & 1 else start,
                None if used.get("end_mask", 0) >> axis & 1 else stop,
                step,
            )
        )
    return _getitem(x, tuple(spec))


_OLD_RESIZE = ("compat.v1.image.resize", "tf.compat.v1.image.resize")
"""In TensorFlow 2, the same name without the prefix has another rule."""


def _old_resize(
    images: Any, size: Any, method: Any = 0, align_corners: bool = False, **options: Any
) -> Any:
    """What the functions of TensorFlow 1 do, which never learned of pixel centres."""
    method = {0: "bilinear", 1: "nearest"}.get(method, method)
    if method not in ("bilinear", "nearest") or any(options.values()):
        raise UnknownOperationError(f"image.resize_images with method {method}")
    if any(isinstance(side, Side) for side in size):
        like, factors = _sides_of_one(size)
        layer = OldResizing(method, factors=factors, align_corners=align_corners)
        return layer([images, like])
    return OldResizing(method, size=tuple(size), align_corners=align_corners)(images)


def _sides_of_one(size: Any) -> tuple[Any, tuple[float, float]]:
    """The tensor that height and width are those of, and their factors."""
    rows, columns = size
    if not (isinstance(rows, Side) and isinstance(columns, Side)):
        raise UnknownOperationError("image.resize to a size that is open on one side only")
    if (rows.axis, columns.axis) != (1, 2) or rows.tensor is not columns.tensor:
        raise UnknownOperationError("image.resize to sides of different tensors")
    return rows.tensor, (rows.factor, columns.factor)


def _resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Any:
    method = {0: "bilinear", 1: "nearest", 2: "bicubic"}.get(method, method)
    if method not in ("bilinear", "nearest") or preserve_aspect_ratio or antialias:
        raise UnknownOperationError(f"image.resize with method {method}")
    if isinstance(size, tuple) and any(isinstance(side, Side) for side in size):
        like, factors = _sides_of_one(size)
        return ResizeLike(method, factors)([images, like])
    return keras.layers.Resizing(size[0], size[1], interpolation=method)(images)


def _reshape(tensor: Any, shape: Any) -> Any:
    sides = [-1 if isinstance(side, Side) and side.axis == 0 else side for side in shape]
    if any(isinstance(side, Side) for side in sides):
        raise UnknownOperationError("reshape to a size that is open")
    if sides and sides[0] in (-1, None):
        sides[0] = -1
    return ops.reshape(tensor, sides)


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: float = 0) -> Any:
    mode = mode.lower()
    if mode == "constant":
        return ops.pad(tensor, paddings, mode="constant", constant_values=constant_values)
    return ops.pad(tensor, paddings, mode=mode)


def _concat(values: Any, axis: int = -1) -> Any:
    if all(isinstance(value, tuple | int | Side) for value in values):  # parts of a shape
        parts = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(side for part in parts for side in part)
    return ops.concatenate(list(values), axis=axis)


def _stack(values: Any, axis: int = 0) -> Any:
    if all(isinstance(value, int | Side) for value in values):
        return tuple(values)
    return ops.stack(list(values), axis=axis)


def _pool(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def apply(input: Any, ksize: Any, strides: Any, padding: str, data_format: Any = "NHWC") -> Any:  # noqa: A002
        if data_format not in ("NHWC", None):
            raise UnknownOperationError("pooling with channels first")
        sizes = [v[1:3] if isinstance(v, tuple) and len(v) == 4 else v for v in (ksize, strides)]
        return reduce(input, sizes[0], sizes[1], padding=padding.lower())

    return apply


def _reduced(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def apply(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return reduce(input_tensor, axis=axis, keepdims=keepdims)

    return apply


def _standardized(image: Any) -> Any:
    """Mean 0 and deviation 1 of each image, as ``tf.image.per_image_standardization``."""
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    count = math.prod(side for side in image.shape[1:] if side is not None)
    if None in image.shape[1:]:
        raise UnknownOperationError("per_image_standardization of images of any size")
    deviation = ops.std(image, axis=(1, 2, 3), keepdims=True)
    return (image - mean) / ops.maximum(deviation, 1.0 / math.sqrt(count))


def _cast(x: Any, dtype: Any) -> Any:
    if isinstance(x, tuple | int | Side):
        return x  # a shape, or a part of one
    return ops.cast(x, str(dtype))


def _softmax(logits: Any, axis: int = -1) -> Any:
    return ops.softmax(logits, axis=-1 if axis is None else axis)


_add = _arithmetic(lambda x, y: ops.add(x, y), "add")
_subtract = _arithmetic(lambda x, y: ops.subtract(x, y), "subtract")
_multiply = _arithmetic(lambda x, y: ops.multiply(x, y), "multiply")
_divide = _arithmetic(lambda x, y: ops.true_divide(x, y), "divide")
_floordiv = _arithmetic(lambda x, y: ops.floor_divide(x, y), "divide")

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "math.add": _add, "add": _add, "__operators__.add": _add, "math.add_v2": _add,
    "math.subtract": _subtract, "subtract": _subtract, "__operators__.subtract": _subtract,
    "math.multiply": _multiply, "multiply": _multiply, "__operators__.multiply": _multiply,
    "math.truediv": _divide, "truediv": _divide, "math.divide": _divide, "divide": _divide,
    "realdiv": _divide, "math.floordiv": _floordiv, "floordiv": _floordiv,
    "math.negative": lambda x: -x, "negative": lambda x: -x,
    "math.pow": lambda x, y: ops.power(x, y), "pow": lambda x, y: ops.power(x, y),
    "math.square": lambda x: ops.square(x), "square": lambda x: ops.square(x),
    "math.sqrt": lambda x: ops.sqrt(x), "sqrt": lambda x: ops.sqrt(x),
    "math.rsqrt": lambda x: ops.rsqrt(x), "math.abs": lambda x: ops.absolute(x),
    "abs": lambda x: ops.absolute(x),
    "math.exp": lambda x: ops.exp(x), "exp": lambda x: ops.exp(x),
    "math.sin": lambda x: ops.sin(x), "math.cos": lambda x: ops.cos(x),
    "math.floor": lambda x: ops.floor(x), "math.round": lambda x: ops.round(x),
    "math.sign": lambda x: ops.sign(x), "math.ceil": lambda x: ops.ceil(x),
    "math.reciprocal": lambda x: 1.0 / x,
    "math.squared_difference": lambda x, y: ops.square(x - y),
    "math.divide_no_nan": lambda x, y: ops.divide_no_nan(x, y),
    "math.greater": lambda x, y: ops.greater(x, y), "math.less": lambda x, y: ops.less(x, y),
    "math.greater_equal": lambda x, y: ops.greater_equal(x, y),
    "math.less_equal": lambda x, y: ops.less_equal(x, y),
    "where": lambda condition, x, y: ops.where(condition, x, y),
    "math.add_n": lambda inputs: sum(inputs[1:], start=inputs[0]),
    "math.log": lambda x: ops.log(x), "math.log1p": lambda x: ops.log1p(x),
    "math.maximum": lambda x, y: ops.maximum(x, y), "maximum": lambda x, y: ops.maximum(x, y),
    "math.minimum": lambda x, y: ops.minimum(x, y), "minimum": lambda x, y: ops.minimum(x, y),
    "clip_by_value": lambda t, clip_value_min, clip_value_max: (
        ops.clip(t, clip_value_min, clip_value_max)
    ),
    "math.reduce_mean": _reduced(ops.mean), "reduce_mean": _reduced(ops.mean),
    "math.reduce_sum": _reduced(ops.sum), "reduce_sum": _reduced(ops.sum),
    "math.reduce_max": _reduced(ops.max), "reduce_max": _reduced(ops.max),
    "math.reduce_min": _reduced(ops.min), "reduce_min": _reduced(ops.min),
    "math.reduce_std": _reduced(ops.std), "math.reduce_variance": _reduced(ops.var),
    "nn.relu": lambda features: ops.relu(features),
    "nn.relu6": lambda features: ops.relu6(features),
    "nn.sigmoid": lambda x: ops.sigmoid(x), "math.sigmoid": lambda x: ops.sigmoid(x),
    "sigmoid": lambda x: ops.sigmoid(x),
    "nn.tanh": lambda x: ops.tanh(x), "math.tanh": lambda x: ops.tanh(x),
    "tanh": lambda x: ops.tanh(x),
    "nn.softmax": _softmax, "math.softmax": _softmax,
    "nn.log_softmax": lambda logits, axis=-1: ops.log_softmax(logits, axis=axis),
    "nn.leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, alpha),
    "nn.elu": lambda features: ops.elu(features), "nn.selu": lambda features: ops.selu(features),
    "nn.gelu": lambda features, approximate=False: ops.gelu(features, approximate=approximate),
    "nn.silu": lambda features, beta=1.0: features * ops.sigmoid(beta * features),
    "nn.swish": lambda features, beta=1.0: features * ops.sigmoid(beta * features),
    "nn.softplus": lambda features: ops.softplus(features),
    "math.softplus": lambda features: ops.softplus(features),
    "concat": _concat, "stack": _stack,
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis),
    "squeeze": lambda input, axis=None: ops.squeeze(input, axis),
    "reshape": _reshape, "transpose": lambda a, perm=None, conjugate=False: ops.transpose(a, perm),
    "stop_gradient": lambda input: ops.stop_gradient(input),
    "identity": lambda input: input, "cast": _cast,
    "image.resize": _resize, "image.resize_v2": _resize,
    "image.resize_images": _old_resize,
    "image.resize_bilinear": lambda images, size, align_corners=False, **options: (
        _old_resize(images, size, "bilinear", align_corners, **options)
    ),
    "image.resize_nearest_neighbor": lambda images, size, align_corners=False, **options: (
        _old_resize(images, size, "nearest", align_corners, **options)
    ),
    "image.per_image_standardization": _standardized,
    "image.rgb_to_grayscale": lambda images: ops.image.rgb_to_grayscale(images),
    "image.grayscale_to_rgb": lambda images: ops.repeat(images, 3, axis=-1),
    "shape": _shape, "strided_slice": _strided_slice, "__operators__.getitem": _getitem,
    "roll": lambda input, shift, axis: ops.roll(input, shift, axis),
    "image.flip_left_right": lambda image: ops.flip(image, axis=2),
    "image.flip_up_down": lambda image: ops.flip(image, axis=1),
    "repeat": lambda input, repeats, axis=None: ops.repeat(input, repeats, axis=axis),
    "einsum": lambda equation, *inputs: ops.einsum(equation, *inputs),
    "pad": _pad, "reverse": lambda tensor, axis: ops.flip(tensor, axis),
    "tile": lambda input, multiples: ops.tile(input, multiples),
    "split": lambda value, num_or_size_splits, axis=0: _split(value, num_or_size_splits, axis),
    "linalg.matmul": lambda a, b: ops.matmul(a, b), "matmul": lambda a, b: ops.matmul(a, b),
    "gather": lambda params, indices, axis: ops.take(params, indices, axis=axis),
    "ones_like": lambda input: ops.ones_like(input),
    "zeros_like": lambda input: ops.zeros_like(input),
    "nn.depth_to_space": lambda input, block_size: ops.depth_to_space(input, block_size),
    "depth_to_space": lambda input, block_size: ops.depth_to_space(input, block_size),
    "nn.space_to_depth": lambda input, block_size: ops.space_to_depth(input, block_size),
    "nn.max_pool": _pool(ops.max_pool), "nn.max_pool2d": _pool(ops.max_pool),
    "nn.avg_pool": _pool(ops.average_pool), "nn.avg_pool2d": _pool(ops.average_pool),
    "math.l2_normalize": lambda x, axis=None, epsilon=1e-12: (
        x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))
    ),
}  # fmt: skip
_FUNCTIONS["nn.l2_normalize"] = _FUNCTIONS["math.l2_normalize"]


def _split(value: Any, num_or_sizes: Any, axis: int) -> Any:
    if isinstance(num_or_sizes, int):
        return ops.split(value, num_or_sizes, axis)
    places, sum_so_far = [], 0
    for size in num_or_sizes[:-1]:
        sum_so_far += size
        places.append(sum_so_far)
    return ops.split(value, places, axis)
