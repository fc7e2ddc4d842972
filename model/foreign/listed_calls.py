"""Functions of Keras and TensorFlow that Lambda layers call, as listed operations. No Keras.

A name says little about what it stood for when the file was written, and nothing of that is in the
file. So each of these is known by its last part, as in ``K.softmax``, ``tf.nn.softmax`` and
``backend.softmax``; where libraries differ, the parts before it decide, or it is refused.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from model.foreign import call_arguments as given
from model.foreign import image_calls
from model.foreign.call_arguments import Name, Where
from model.foreign.expressions import (
    NotAnExpressionError,
    Operation,
    arithmetic,
    checked,
    depends,
    is_number,
    negative,
    text_of,
)
from model.foreign.vocabulary import words
from model.foreign.writer import Writer

_NEEDS_MODULE = words(
    """
    resize repeat reverse flip split pad gather take max min sum pow abs round array constant
    asarray preprocess_input shape cast mean std var add divide multiply subtract log
    """
)
"""Too common: without a module before it, such a name may be a function of the user's own."""

_ALIASES = {
    **dict.fromkeys(
        words("input inputs tensor input_tensor tensors values value a features logits image "
              "images t params x1 start_indices xs object"), "x"),
    "x2": "y", "axes": "axis", "dim": "axis", "reduction_indices": "axis", "concat_dim": "axis",
    "keep_dims": "keepdims", "perm": "pattern", "multiples": "n", "rep": "repeats",
    "clip_value_min": "min_value", "clip_value_max": "max_value", "x_min": "min_value",
    "x_max": "max_value", "negative_slope": "alpha", "interpolation": "method",
    "paddings": "padding", "pad_width": "padding", "newshape": "shape", "exponent": "y",
}  # fmt: skip
"""Names of the same argument in different libraries."""


def call(name: Name, args: tuple[Any, ...], kwargs: Mapping[str, Any], writer: Writer) -> Any:
    """What ``name(*args, **kwargs)`` calculates.

    Args:
        name: of a function.
        args: values as in `model.foreign.expressions`, or `Name`.
        kwargs: the rest; ``name`` is ignored.
        writer: who wrote it.

    Raises:
        NotAnExpressionError: the function is not listed, or not with these arguments.
    """
    last = name.path[-1]
    known = _FUNCTIONS.get(last)
    shown = ".".join(name.path)
    if known is None or (last in _NEEDS_MODULE and len(name.path) < 2):
        raise NotAnExpressionError(f"the function {shown}")
    where = Where(writer, name.path)
    by_name: dict[str, Any] = {}
    for key, value in kwargs.items():
        plain = _ALIASES.get(key, key) if key not in _parameters(known) else key
        if key == "name" or plain in by_name:
            if key != "name":
                raise NotAnExpressionError(f"{shown} with {key} given twice")
            continue
        by_name[plain] = value
    if "where" in _parameters(known):
        by_name["where"] = where
    try:
        inspect.signature(known).bind(*args, **by_name)
    except TypeError as error:
        raise NotAnExpressionError(f"{shown} with these arguments") from error
    return checked(known(*args, **by_name))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


# -- functions that are more than one name for one operation ---------------------------------------


def _unary(function: str) -> Callable[..., Any]:
    return lambda x: Operation(function, (given.tensor(x),))


def _binary(sign: str) -> Callable[..., Any]:
    return lambda x, y: arithmetic(sign, x, y)


def _both(function: str) -> Callable[..., Any]:
    def apply(x: Any, y: Any) -> Any:
        if not depends(x) and not depends(y):
            raise NotAnExpressionError("a function of constants")
        return Operation(function, (x, y))

    return apply


def _reduced(function: str) -> Callable[..., Any]:
    def apply(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        return Operation(function, (given.tensor(x), given.some_axis(axis), given.flag(keepdims)))

    return apply


def _constant(x: Any, dtype: Any = None, shape: Any = None) -> Any:
    if dtype is not None and given.dtype(dtype).startswith(("int", "uint", "bool")):
        raise NotAnExpressionError("an array of whole numbers")
    if shape is not None or depends(x):
        raise NotAnExpressionError("an array that is not of constants only")
    return list(x) if isinstance(x, tuple) else x


def _converted(x: Any, dtype: Any = None) -> Any:
    if not depends(x):
        return _constant(x, dtype)
    return x if dtype is None else Operation("cast", (x, given.dtype(dtype)))


def _cast(x: Any, dtype: Any) -> Any:
    if is_number(x):
        return float(x) if "float" in given.dtype(dtype) else int(x)
    return Operation("cast", (given.tensor(x), given.dtype(dtype)))


def _to_float(x: Any) -> Any:
    return _cast(x, "float32")


def _sqrt(x: Any, *, where: Where) -> Any:
    if is_number(x):
        if x < 0:
            raise NotAnExpressionError(f"the root of {x}")
        return math.sqrt(x)
    if where.is_backend:  # keras.backend gives 0 where numbers are negative
        x = Operation("math.maximum", (given.tensor(x), 0.0))
    return Operation("math.sqrt", (given.tensor(x),))


def _relu(x: Any, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Any:
    if threshold not in (0, 0.0) or (max_value is not None and alpha not in (0, 0.0)):
        raise NotAnExpressionError("relu with a threshold")
    if alpha not in (0, 0.0):
        return Operation("nn.leaky_relu", (given.tensor(x), given.number(alpha)))
    if max_value is not None:
        return Operation("clip_by_value", (given.tensor(x), 0.0, given.number(max_value)))
    return Operation("nn.relu", (given.tensor(x),))


def _leaky_relu(x: Any, alpha: Any = 0.2) -> Any:
    return Operation("nn.leaky_relu", (given.tensor(x), given.number(alpha)))


def _elu(x: Any, alpha: Any = 1.0) -> Any:
    if alpha not in (1, 1.0):
        raise NotAnExpressionError(f"elu with alpha {text_of(alpha)}")
    return Operation("nn.elu", (given.tensor(x),))


def _gelu(x: Any, approximate: Any = None, *, where: Where) -> Any:
    if approximate is None:  # keras.ops approximates unless told otherwise
        approximate = where.is_of_keras_3
    return Operation("nn.gelu", (given.tensor(x), given.flag(approximate)))


def _hard_sigmoid(x: Any, *, where: Where) -> Any:
    slope = 0.2 if where.writer.is_keras_2 else 1 / 6
    scaled = arithmetic("+", arithmetic("*", slope, given.tensor(x)), 0.5)
    return Operation("clip_by_value", (scaled, 0.0, 1.0))


def _softsign(x: Any) -> Any:
    return arithmetic("/", x, arithmetic("+", 1.0, Operation("math.abs", (given.tensor(x),))))


def _softmax(x: Any, axis: Any = -1) -> Any:
    return Operation("nn.softmax", (given.tensor(x), given.axis(-1 if axis is None else axis)))


def _log_softmax(x: Any, axis: Any = -1) -> Any:
    return Operation("nn.log_softmax", (given.tensor(x), given.axis(-1 if axis is None else axis)))


def _l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12) -> Any:
    return Operation(
        "math.l2_normalize", (given.tensor(x), given.some_axis(axis), given.number(epsilon))
    )


def _clip(x: Any, min_value: Any, max_value: Any) -> Any:
    return Operation(
        "clip_by_value", (given.tensor(x), given.number(min_value), given.number(max_value))
    )


def _expand_dims(x: Any, axis: Any = -1) -> Any:
    if type(axis) is not int:
        raise NotAnExpressionError(f"the axis {text_of(axis)}")
    return Operation("expand_dims", (given.tensor(x), given.axis(axis)))


def _squeeze(x: Any, axis: Any) -> Any:
    return Operation("squeeze", (given.tensor(x), given.axis(axis)))


def _concatenate(x: Any, axis: Any = None, *, where: Where) -> Any:
    if type(x) is int and isinstance(axis, tuple):  # tf.concat(axis, values) of TensorFlow 0
        raise NotAnExpressionError("concat with its axis first")
    if axis is None:
        if where.is_of_keras_3 or where.path[-1] == "concat":
            raise NotAnExpressionError("concat without an axis")
        axis = -1
    return Operation("concat", (given.tensor(x), given.axis(axis)))


def _stack(x: Any, axis: Any = 0) -> Any:
    return Operation("stack", (given.tensor(x), given.axis(axis)))


def _split(x: Any, num_or_size_splits: Any, axis: Any = 0) -> Any:
    if isinstance(num_or_size_splits, tuple | list):
        sizes: Any = tuple(given.count(v) for v in num_or_size_splits)
    else:
        sizes = given.count(num_or_size_splits)
    return Operation("split", (given.tensor(x), sizes, given.axis(axis)))


def _transpose(x: Any, pattern: Any = None) -> Any:
    if pattern is None:
        raise NotAnExpressionError("transpose without an order")
    return Operation("transpose", (given.tensor(x), given.axis(pattern)))


def _reverse(x: Any, axis: Any) -> Any:
    return Operation("reverse", (given.tensor(x), given.axis(axis)))


def _tile(x: Any, n: Any) -> Any:
    times = (n,) if type(n) is int else n
    if not isinstance(times, tuple | list):
        raise NotAnExpressionError(f"tile {text_of(n)}")
    return Operation("tile", (given.tensor(x), tuple(given.count(v) for v in times)))


def _repeat(x: Any, repeats: Any, axis: Any = None, *, where: Where) -> Any:
    if axis is None and where.is_backend:  # (N, D) becomes (N, repeats, D)
        row = Operation("expand_dims", (given.tensor(x), 1))
        return Operation("tile", (row, (1, given.count(repeats), 1)))
    return Operation("repeat", (given.tensor(x), given.count(repeats), given.axis(axis)))


def _reshape(x: Any, shape: Any) -> Any:
    return Operation("reshape", (given.tensor(x), given.shape_of(shape)))


def _pad(x: Any, padding: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> Any:
    if not isinstance(mode, str) or mode.lower() not in ("constant", "reflect", "symmetric"):
        raise NotAnExpressionError(f"pad with mode {text_of(mode)}")
    return Operation(
        "pad", (given.tensor(x), given.pairs(padding), mode.upper(), given.number(constant_values))
    )


def _gather(x: Any, indices: Any, axis: Any = None, batch_dims: Any = 0) -> Any:
    if isinstance(axis, list) or batch_dims != 0 or axis is None:
        raise NotAnExpressionError("gather without an axis")
    places = given.axis_list(indices)
    return Operation("gather", (given.tensor(x), places, given.axis(axis)))


def _blocks(function: str) -> Callable[..., Any]:
    def apply(x: Any, block_size: Any, data_format: Any = "NHWC") -> Any:
        if data_format not in ("NHWC", "channels_last"):
            raise NotAnExpressionError(f"{function} with channels first")
        return Operation(function, (given.tensor(x), given.count(block_size)))

    return apply


def _fully_known(value: Any) -> Any:
    """``int(x)``, ``float(x)`` of a number."""
    return given.number(value)


def _sequence(x: Any = ()) -> Any:
    if not isinstance(x, tuple | list):
        raise NotAnExpressionError(f"a list of {text_of(x)}")
    return x if isinstance(x, list) else tuple(x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    # arithmetic
    "add": _binary("+"), "subtract": _binary("-"), "multiply": _binary("*"),
    "divide": _binary("/"), "truediv": _binary("/"), "true_divide": _binary("/"),
    "div": _binary("/"), "bias_add": _binary("+"), "negative": negative,
    "pow": _both("math.pow"), "power": _both("math.pow"),
    "maximum": _both("math.maximum"), "minimum": _both("math.minimum"),
    "greater": _both("math.greater"), "less": _both("math.less"),
    "greater_equal": _both("math.greater_equal"), "less_equal": _both("math.less_equal"),
    "squared_difference": _both("math.squared_difference"), "sqrt": _sqrt,
    **{name: _unary(f"math.{name}") for name in (
        "square", "rsqrt", "abs", "exp", "log", "log1p", "sin", "cos", "floor", "ceil", "round",
        "sign", "tanh", "sigmoid", "softplus",
    )},
    "clip": _clip, "clip_by_value": _clip,
    # over axes
    **{name: _reduced(f"math.reduce_{name.removeprefix('reduce_')}") for name in (
        "mean", "sum", "max", "min", "std", "reduce_mean", "reduce_sum", "reduce_max",
        "reduce_min", "reduce_std", "reduce_variance",
    )},
    "var": _reduced("math.reduce_variance"), "l2_normalize": _l2_normalize,
    # activations
    "relu": _relu, "relu6": _unary("nn.relu6"), "leaky_relu": _leaky_relu, "elu": _elu,
    "selu": _unary("nn.selu"), "gelu": _gelu, "silu": _unary("nn.silu"),
    "swish": _unary("nn.silu"), "softmax": _softmax, "log_softmax": _log_softmax,
    "hard_sigmoid": _hard_sigmoid, "softsign": _softsign, "linear": given.tensor,
    "exponential": _unary("math.exp"),
    # shapes
    "expand_dims": _expand_dims, "squeeze": _squeeze, "concatenate": _concatenate,
    "concat": _concatenate, "stack": _stack, "split": _split, "transpose": _transpose,
    "permute_dimensions": _transpose, "reverse": _reverse,
    "flip": _reverse, "tile": _tile, "repeat": _repeat, "repeat_elements": _repeat,
    "reshape": _reshape, "pad": _pad, "gather": _gather,
    "spatial_2d_padding": image_calls.pad_image,
    "shape": lambda x: Operation("shape", (given.tensor(x),)),
    "int_shape": lambda x: Operation("shape", (given.tensor(x),)),
    "depth_to_space": _blocks("nn.depth_to_space"), "space_to_depth": _blocks("nn.space_to_depth"),
    # images
    "resize": image_calls.resize, "resize_images": image_calls.resize_images,
    "resize_bilinear": image_calls.old_resize("bilinear"),
    "resize_nearest_neighbor": image_calls.old_resize("nearest"), "pool2d": image_calls.pool2d,
    "max_pool": image_calls.pool("nn.max_pool"), "max_pool2d": image_calls.pool("nn.max_pool"),
    "avg_pool": image_calls.pool("nn.avg_pool"), "avg_pool2d": image_calls.pool("nn.avg_pool"),
    "per_image_standardization": _unary("image.per_image_standardization"),
    "rgb_to_grayscale": _unary("image.rgb_to_grayscale"),
    "grayscale_to_rgb": _unary("image.grayscale_to_rgb"),
    "flip_left_right": _unary("image.flip_left_right"),
    "flip_up_down": _unary("image.flip_up_down"), "preprocess_input": image_calls.preprocessed,
    # kinds of numbers
    "cast": _cast, "cast_to_floatx": _to_float, "to_float": _to_float,
    "constant": _constant, "array": _constant, "asarray": _constant,
    "convert_to_tensor": _converted, "float32": _fully_known,
    "float": lambda x: float(given.number(x)),
    "int": lambda x: int(given.number(x)), "list": _sequence, "tuple": _sequence,
    "epsilon": lambda: 1e-7, "floatx": lambda: "float32",
    "identity": given.tensor, "stop_gradient": lambda x: (
        Operation("stop_gradient", (given.tensor(x),))
    ),
    "zeros_like": _unary("zeros_like"), "ones_like": _unary("ones_like"),
    "where": lambda condition, x, y: Operation("where", (given.tensor(condition), x, y)),
    "matmul": _both("linalg.matmul"),
}  # fmt: skip


def activation(name: str, value: Any, writer: Writer) -> Any:
    """What the activation of this public name gives.

    Raises:
        NotAnExpressionError: it is not listed.
    """
    if name not in _ACTIVATIONS:
        raise NotAnExpressionError(f"the function {name}")
    return call(Name(("activations", name)), (value,), {}, writer)


_ACTIVATIONS = words(
    """
    elu exponential gelu hard_sigmoid leaky_relu linear log_softmax relu relu6 selu sigmoid silu
    softmax softplus softsign swish tanh
    """
)
