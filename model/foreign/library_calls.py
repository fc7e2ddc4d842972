"""Functions of Keras and TensorFlow that Lambda layers call, as listed operations. No Keras.

A name says little about what it stood for when the file was written, and nothing of that is in the
file. So each of these is known by its last part, as in ``K.softmax``, ``tf.nn.softmax`` and
``backend.softmax``; where libraries differ, the parts before it decide, or it is refused.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model.foreign.expressions import (
    NotAnExpressionError,
    Operation,
    arithmetic,
    checked,
    depends,
    is_number,
    negative,
    subscript,
    text_of,
)
from model.foreign.graph import Slice
from model.foreign.vocabulary import words
from model.foreign.writer import Writer


@dataclass(frozen=True)
class Name:
    """A global, or a part of one: ``("tf", "image", "resize")``."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Where:
    """Around a call: who wrote it, and through what module."""

    writer: Writer
    path: tuple[str, ...]

    @property
    def is_backend(self) -> bool:
        """Whether it is a function of ``keras.backend``."""
        return bool(set(self.path[:-1]) & _BACKENDS)

    @property
    def is_of_keras_3(self) -> bool:
        """Whether it is a function of ``keras.ops``, or of numpy."""
        return bool(set(self.path[:-1]) & {"ops", "np", "numpy", "jnp", "torch"})


_BACKENDS = frozenset({"K", "backend", "KB", "kb", "k", "Kb", "KTF", "ktf"})

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

_DTYPES = words("float16 float32 float64 bfloat16 int32 int64 uint8 bool")
_METHODS = {
    "bilinear": "bilinear", "nearest": "nearest", "BILINEAR": "bilinear", 0: "bilinear",
    "NEAREST_NEIGHBOR": "nearest", "nearest_neighbor": "nearest", 1: "nearest",
}  # fmt: skip


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
    given: dict[str, Any] = {}
    for key, value in kwargs.items():
        plain = _ALIASES.get(key, key) if key not in _parameters(known) else key
        if key == "name" or plain in given:
            if key != "name":
                raise NotAnExpressionError(f"{shown} with {key} given twice")
            continue
        given[plain] = value
    if "where" in _parameters(known):
        given["where"] = where
    try:
        inspect.signature(known).bind(*args, **given)
    except TypeError as error:
        raise NotAnExpressionError(f"{shown} with these arguments") from error
    return checked(known(*args, **given))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


# -- checks of arguments --------------------------------------------------------------------------


def _tensor(value: Any) -> Any:
    if not depends(value) or isinstance(value, Slice):
        raise NotAnExpressionError(f"a function of {text_of(value)}")
    return value


def _axis(value: Any) -> Any:
    if isinstance(value, list):
        value = tuple(value)
    items = value if isinstance(value, tuple) else (value,)
    if not all(type(item) is int and abs(item) < 8 for item in items):
        raise NotAnExpressionError(f"the axis {text_of(value)}")
    return value


def _some_axis(value: Any) -> Any:
    return None if value is None else _axis(value)


def _number(value: Any) -> Any:
    if not is_number(value):
        raise NotAnExpressionError(f"{text_of(value)} where a number was expected")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 < value < 4096:
        raise NotAnExpressionError(f"{text_of(value)} where a small whole number was expected")
    return value


def _flag(value: Any) -> bool:
    if type(value) not in (bool, int):
        raise NotAnExpressionError(f"{text_of(value)} where True or False was expected")
    return bool(value)


def _sides(value: Any, length: int) -> tuple[Any, ...]:
    """Height and width: numbers, or parts of a shape."""
    if isinstance(value, Operation):  # tf.shape(x)[1:3]
        return tuple(subscript(value, place) for place in range(length))
    if isinstance(value, list):
        value = tuple(value)
    is_pair = isinstance(value, tuple) and len(value) == length
    if not is_pair or not all(depends(v) or (type(v) is int and 0 < v < 2**15) for v in value):
        raise NotAnExpressionError(f"the size {text_of(value)}")
    return tuple(value)


def _shape_of(value: Any) -> tuple[Any, ...]:
    if isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, tuple) or not all(type(v) is int or depends(v) for v in value):
        raise NotAnExpressionError(f"the shape {text_of(value)}")
    return value


def _pairs(value: Any) -> tuple[tuple[int, int], ...]:
    rows = tuple(tuple(row) if isinstance(row, list | tuple) else () for row in value) if (
        isinstance(value, list | tuple)
    ) else ()  # fmt: skip
    if not rows or not all(len(r) == 2 and all(type(v) is int and v >= 0 for v in r) for r in rows):
        raise NotAnExpressionError(f"the padding {text_of(value)}")
    return tuple((row[0], row[1]) for row in rows)


def _dtype(value: Any) -> str:
    name = value.path[-1] if isinstance(value, Name) else value
    if name not in _DTYPES:
        raise NotAnExpressionError(f"the type {text_of(value)}")
    return str(name)


def _method(value: Any) -> str:
    name = value.path[-1] if isinstance(value, Name) else value
    method = _METHODS.get(name) if isinstance(name, str | int) else None
    if method is None:
        raise NotAnExpressionError("a resize method other than bilinear and nearest")
    return method


def _last_channels(where: Where, data_format: Any) -> bool:
    """Whether the channels are last; refuses what nobody can know."""
    if data_format is None and where.writer.is_channels_first:
        raise NotAnExpressionError("a function that may take channels first or last")
    if data_format not in (None, "channels_last", "channels_first", "NHWC", "NCHW"):
        raise NotAnExpressionError(f"the data format {text_of(data_format)}")
    return data_format not in ("channels_first", "NCHW")


# -- functions that are more than one name for one operation ---------------------------------------


def _unary(function: str) -> Callable[..., Any]:
    return lambda x: Operation(function, (_tensor(x),))


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
        return Operation(function, (_tensor(x), _some_axis(axis), _flag(keepdims)))

    return apply


def _constant(x: Any, dtype: Any = None, shape: Any = None) -> Any:
    if dtype is not None and _dtype(dtype).startswith(("int", "uint", "bool")):
        raise NotAnExpressionError("an array of whole numbers")
    if shape is not None or depends(x):
        raise NotAnExpressionError("an array that is not of constants only")
    return list(x) if isinstance(x, tuple) else x


def _converted(x: Any, dtype: Any = None) -> Any:
    if not depends(x):
        return _constant(x, dtype)
    return x if dtype is None else Operation("cast", (x, _dtype(dtype)))


def _cast(x: Any, dtype: Any) -> Any:
    if is_number(x):
        return float(x) if "float" in _dtype(dtype) else int(x)
    return Operation("cast", (_tensor(x), _dtype(dtype)))


def _to_float(x: Any) -> Any:
    return _cast(x, "float32")


def _sqrt(x: Any, *, where: Where) -> Any:
    if is_number(x):
        if x < 0:
            raise NotAnExpressionError(f"the root of {x}")
        return math.sqrt(x)
    if where.is_backend:  # keras.backend gives 0 where numbers are negative
        x = Operation("math.maximum", (_tensor(x), 0.0))
    return Operation("math.sqrt", (_tensor(x),))


def _relu(x: Any, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Any:
    if threshold not in (0, 0.0) or (max_value is not None and alpha not in (0, 0.0)):
        raise NotAnExpressionError("relu with a threshold")
    if alpha not in (0, 0.0):
        return Operation("nn.leaky_relu", (_tensor(x), _number(alpha)))
    if max_value is not None:
        return Operation("clip_by_value", (_tensor(x), 0.0, _number(max_value)))
    return Operation("nn.relu", (_tensor(x),))


def _leaky_relu(x: Any, alpha: Any = 0.2) -> Any:
    return Operation("nn.leaky_relu", (_tensor(x), _number(alpha)))


def _elu(x: Any, alpha: Any = 1.0) -> Any:
    if alpha not in (1, 1.0):
        raise NotAnExpressionError(f"elu with alpha {text_of(alpha)}")
    return Operation("nn.elu", (_tensor(x),))


def _gelu(x: Any, approximate: Any = None, *, where: Where) -> Any:
    if approximate is None:  # keras.ops approximates unless told otherwise
        approximate = where.is_of_keras_3
    return Operation("nn.gelu", (_tensor(x), _flag(approximate)))


def _hard_sigmoid(x: Any, *, where: Where) -> Any:
    slope = 0.2 if where.writer.is_keras_2 else 1 / 6
    scaled = arithmetic("+", arithmetic("*", slope, _tensor(x)), 0.5)
    return Operation("clip_by_value", (scaled, 0.0, 1.0))


def _softsign(x: Any) -> Any:
    return arithmetic("/", x, arithmetic("+", 1.0, Operation("math.abs", (_tensor(x),))))


def _softmax(x: Any, axis: Any = -1) -> Any:
    return Operation("nn.softmax", (_tensor(x), _axis(-1 if axis is None else axis)))


def _log_softmax(x: Any, axis: Any = -1) -> Any:
    return Operation("nn.log_softmax", (_tensor(x), _axis(-1 if axis is None else axis)))


def _l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12) -> Any:
    return Operation("math.l2_normalize", (_tensor(x), _some_axis(axis), _number(epsilon)))


def _clip(x: Any, min_value: Any, max_value: Any) -> Any:
    return Operation("clip_by_value", (_tensor(x), _number(min_value), _number(max_value)))


def _expand_dims(x: Any, axis: Any = -1) -> Any:
    if type(axis) is not int:
        raise NotAnExpressionError(f"the axis {text_of(axis)}")
    return Operation("expand_dims", (_tensor(x), _axis(axis)))


def _squeeze(x: Any, axis: Any) -> Any:
    return Operation("squeeze", (_tensor(x), _axis(axis)))


def _concatenate(x: Any, axis: Any = None, *, where: Where) -> Any:
    if type(x) is int and isinstance(axis, tuple):  # tf.concat(axis, values) of TensorFlow 0
        raise NotAnExpressionError("concat with its axis first")
    if axis is None:
        if where.is_of_keras_3 or where.path[-1] == "concat":
            raise NotAnExpressionError("concat without an axis")
        axis = -1
    return Operation("concat", (_tensor(x), _axis(axis)))


def _stack(x: Any, axis: Any = 0) -> Any:
    return Operation("stack", (_tensor(x), _axis(axis)))


def _split(x: Any, num_or_size_splits: Any, axis: Any = 0) -> Any:
    if isinstance(num_or_size_splits, tuple | list):
        sizes: Any = tuple(_count(v) for v in num_or_size_splits)
    else:
        sizes = _count(num_or_size_splits)
    return Operation("split", (_tensor(x), sizes, _axis(axis)))


def _transpose(x: Any, pattern: Any = None) -> Any:
    if pattern is None:
        raise NotAnExpressionError("transpose without an order")
    return Operation("transpose", (_tensor(x), _axis(pattern)))


def _reverse(x: Any, axis: Any) -> Any:
    return Operation("reverse", (_tensor(x), _axis(axis)))


def _tile(x: Any, n: Any) -> Any:
    times = (n,) if type(n) is int else n
    if not isinstance(times, tuple | list):
        raise NotAnExpressionError(f"tile {text_of(n)}")
    return Operation("tile", (_tensor(x), tuple(_count(v) for v in times)))


def _repeat(x: Any, repeats: Any, axis: Any = None, *, where: Where) -> Any:
    if axis is None and where.is_backend:  # (N, D) becomes (N, repeats, D)
        row = Operation("expand_dims", (_tensor(x), 1))
        return Operation("tile", (row, (1, _count(repeats), 1)))
    return Operation("repeat", (_tensor(x), _count(repeats), _axis(axis)))


def _reshape(x: Any, shape: Any) -> Any:
    return Operation("reshape", (_tensor(x), _shape_of(shape)))


def _pad(x: Any, padding: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> Any:
    if not isinstance(mode, str) or mode.lower() not in ("constant", "reflect", "symmetric"):
        raise NotAnExpressionError(f"pad with mode {text_of(mode)}")
    return Operation("pad", (_tensor(x), _pairs(padding), mode.upper(), _number(constant_values)))


def _pad_image(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None, *, where: Where
) -> Any:
    pair = _pairs(padding)
    pairs = ((0, 0), *pair, (0, 0)) if _last_channels(where, data_format) else (
        ((0, 0), (0, 0), *pair)
    )  # fmt: skip
    return Operation("pad", (_tensor(x), pairs, "CONSTANT", 0))


def _gather(x: Any, indices: Any, axis: Any = None, batch_dims: Any = 0) -> Any:
    if isinstance(axis, list) or batch_dims != 0 or axis is None:
        raise NotAnExpressionError("gather without an axis")
    places = _axis_list(indices)
    return Operation("gather", (_tensor(x), places, _axis(axis)))


def _axis_list(indices: Any) -> tuple[int, ...]:
    if not isinstance(indices, tuple | list) or not all(
        type(v) is int and 0 <= v < 4096 for v in indices
    ):
        raise NotAnExpressionError(f"the places {text_of(indices)}")
    return tuple(indices)


def _blocks(function: str) -> Callable[..., Any]:
    def apply(x: Any, block_size: Any, data_format: Any = "NHWC") -> Any:
        if data_format not in ("NHWC", "channels_last"):
            raise NotAnExpressionError(f"{function} with channels first")
        return Operation(function, (_tensor(x), _count(block_size)))

    return apply


def _resize(
    x: Any, size: Any, method: Any = "bilinear", preserve_aspect_ratio: Any = False,
    antialias: Any = False, *, align_corners: Any = False, where: Where,
) -> Any:  # fmt: skip
    """``tf.image.resize``, which changed its rule with TensorFlow 2."""
    if "v1" in where.path:
        return _old_resize(x, size, method, align_corners)
    rule = where.writer.resize_of_tensorflow
    if align_corners is not False or rule == "old":
        # In TensorFlow 1 the fourth argument was another one.
        if preserve_aspect_ratio is not False or antialias is not False:
            raise NotAnExpressionError("resize that keeps the aspect ratio")
        return _old_resize(x, size, method, align_corners)
    if rule == "unknown":
        raise NotAnExpressionError(
            "tf.image.resize, which TensorFlow 1 and 2 calculate differently, and the file does "
            "not say which of them wrote it"
        )
    if preserve_aspect_ratio is not False or antialias is not False:
        raise NotAnExpressionError("resize that keeps the aspect ratio")
    return Operation("image.resize", (_tensor(x), _sides(size, 2), _method(method)))


def _old_resize(x: Any, size: Any, method: Any = 0, align_corners: Any = False) -> Any:
    return Operation(
        "image.resize_images", (_tensor(x), _sides(size, 2), _method(method), _flag(align_corners))
    )


def _old(method: str) -> Callable[..., Any]:
    def apply(
        x: Any, size: Any, align_corners: Any = False, half_pixel_centers: Any = False
    ) -> Any:
        if half_pixel_centers is not False:
            raise NotAnExpressionError("resize with half_pixel_centers")
        return _old_resize(x, size, method, align_corners)

    return apply


def _resize_images(x: Any, *args: Any, where: Where, **kwargs: Any) -> Any:
    """Of ``tf.image`` with a size, of ``keras.backend`` with two factors."""
    is_keras = len(args) >= 2 and type(args[0]) is int and type(args[1]) is int
    if is_keras or "height_factor" in kwargs:
        apply: Callable[..., Any] = _enlarged
        kwargs["where"] = where
    else:
        apply = _old_resize
    try:
        inspect.signature(apply).bind(x, *args, **kwargs)
    except TypeError as error:
        raise NotAnExpressionError("resize_images with these arguments") from error
    return apply(x, *args, **kwargs)


def _enlarged(
    x: Any, height_factor: Any, width_factor: Any, data_format: Any, method: Any = "nearest",
    *, where: Where,
) -> Any:  # fmt: skip
    rows, columns = _count(height_factor), _count(width_factor)
    if not _last_channels(where, data_format):
        turned = Operation("transpose", (_tensor(x), (0, 2, 3, 1)))
        result = _enlarged(turned, rows, columns, "channels_last", method, where=where)
        return Operation("transpose", (result, (0, 3, 1, 2)))
    if _method(method) == "nearest":
        taller = Operation("repeat", (_tensor(x), rows, 1))
        return Operation("repeat", (taller, columns, 2))
    shape = Operation("shape", (_tensor(x),))
    size = tuple(
        arithmetic("*", subscript(shape, axis), factor)
        for axis, factor in ((1, rows), (2, columns))
    )
    if where.writer.resize_of_keras == "old":
        return _old_resize(x, size)
    return Operation("image.resize", (x, size, "bilinear"))


def _pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: Any = "valid", data_format: Any = None,
    pool_mode: Any = "max", *, where: Where,
) -> Any:  # fmt: skip
    if not _last_channels(where, data_format) or pool_mode not in ("max", "avg"):
        raise NotAnExpressionError("pool2d with channels first")
    return _pool(f"nn.{pool_mode}_pool")(x, pool_size, strides, padding)


def _pool(function: str) -> Callable[..., Any]:
    def apply(x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = "NHWC") -> Any:
        if data_format not in (None, "NHWC") or str(padding).lower() not in ("same", "valid"):
            raise NotAnExpressionError("pooling with channels first")
        windows = [v if isinstance(v, tuple | list) else (v, v) for v in (ksize, strides)]
        sizes = [tuple(_count(n) for n in (v[1:3] if len(v) == 4 else v)) for v in windows]
        if any(len(size) != 2 for size in sizes):
            raise NotAnExpressionError("pooling of an unusual size")
        return Operation(function, (_tensor(x), *sizes, str(padding).upper()))

    return apply


def _fully_known(value: Any) -> Any:
    """``int(x)``, ``float(x)`` of a number."""
    return _number(value)


def _sequence(x: Any = ()) -> Any:
    if not isinstance(x, tuple | list):
        raise NotAnExpressionError(f"a list of {text_of(x)}")
    return x if isinstance(x, list) else tuple(x)


# -- preprocessing of keras.applications ----------------------------------------------------------

_BGR_MEANS = (103.939, 116.779, 123.68)
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MODES = {
    **dict.fromkeys(words("vgg16 vgg19 resnet resnet50"), "caffe"),
    **dict.fromkeys(
        words("mobilenet mobilenet_v2 inception_v3 xception inception_resnet_v2 resnet_v2 nasnet"),
        "tf"),
    "densenet": "torch",
}  # fmt: skip


def _preprocessed(x: Any, data_format: Any = None, mode: Any = None, *, where: Where) -> Any:
    """``keras.applications.FAMILY.preprocess_input``."""
    family = where.path[-2]
    if mode is None:
        mode = "caffe" if family == "imagenet_utils" else _MODES.get(family)
    if not _last_channels(where, data_format):
        raise NotAnExpressionError("preprocess_input with channels first")
    if mode == "tf":
        return arithmetic("-", arithmetic("/", _tensor(x), 127.5), 1.0)
    if mode == "torch":
        centred = arithmetic("-", arithmetic("/", _tensor(x), 255.0), list(_MEANS))
        return arithmetic("/", centred, list(_DEVIATIONS))
    if mode == "caffe":
        turned = subscript(_tensor(x), (Ellipsis, Slice(None, None, -1)))
        return arithmetic("-", turned, list(_BGR_MEANS))
    raise NotAnExpressionError(f"{family}.preprocess_input")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    # arithmetic
    "add": _binary("+"), "subtract": _binary("-"), "multiply": _binary("*"),
    "divide": _binary("/"), "truediv": _binary("/"), "true_divide": _binary("/"),
    "div": _binary("/"), "bias_add": _binary("+"), "negative": lambda x: negative(x),
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
    "hard_sigmoid": _hard_sigmoid, "softsign": _softsign, "linear": lambda x: _tensor(x),
    "exponential": _unary("math.exp"),
    # shapes
    "expand_dims": _expand_dims, "squeeze": _squeeze, "concatenate": _concatenate,
    "concat": _concatenate, "stack": _stack, "split": _split, "transpose": _transpose,
    "permute_dimensions": lambda x, pattern: _transpose(x, pattern), "reverse": _reverse,
    "flip": _reverse, "tile": _tile, "repeat": _repeat, "repeat_elements": _repeat,
    "reshape": _reshape, "pad": _pad, "spatial_2d_padding": _pad_image, "gather": _gather,
    "shape": lambda x: Operation("shape", (_tensor(x),)),
    "int_shape": lambda x: Operation("shape", (_tensor(x),)),
    "depth_to_space": _blocks("nn.depth_to_space"), "space_to_depth": _blocks("nn.space_to_depth"),
    # images
    "resize": _resize, "resize_images": _resize_images, "resize_bilinear": _old("bilinear"),
    "resize_nearest_neighbor": _old("nearest"), "pool2d": _pool2d,
    "max_pool": _pool("nn.max_pool"), "max_pool2d": _pool("nn.max_pool"),
    "avg_pool": _pool("nn.avg_pool"), "avg_pool2d": _pool("nn.avg_pool"),
    "per_image_standardization": _unary("image.per_image_standardization"),
    "rgb_to_grayscale": _unary("image.rgb_to_grayscale"),
    "grayscale_to_rgb": _unary("image.grayscale_to_rgb"),
    "flip_left_right": _unary("image.flip_left_right"),
    "flip_up_down": _unary("image.flip_up_down"), "preprocess_input": _preprocessed,
    # kinds of numbers
    "cast": _cast, "cast_to_floatx": _to_float, "to_float": _to_float,
    "constant": _constant, "array": _constant, "asarray": _constant,
    "convert_to_tensor": _converted, "float32": _fully_known, "float": lambda x: float(_number(x)),
    "int": lambda x: int(_number(x)), "list": _sequence, "tuple": _sequence,
    "epsilon": lambda: 1e-7, "floatx": lambda: "float32",
    "identity": lambda x: _tensor(x), "stop_gradient": lambda x: (
        Operation("stop_gradient", (_tensor(x),))
    ),
    "zeros_like": _unary("zeros_like"), "ones_like": _unary("ones_like"),
    "where": lambda condition, x, y: Operation("where", (_tensor(condition), x, y)),
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
