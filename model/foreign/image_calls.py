"""Functions on images that Lambda layers call: resizing, padding, pooling, preprocessing. No Keras.

Every one gives an operation, or raises `NotAnExpressionError`; see `model.foreign.listed_calls`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from model.foreign import call_arguments as given
from model.foreign.call_arguments import Where
from model.foreign.expressions import NotAnExpressionError, Operation, arithmetic, subscript
from model.foreign.graph import Slice
from model.foreign.vocabulary import words


def resize(
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
    return Operation("image.resize", (given.tensor(x), given.sides(size, 2), given.method(method)))


def _old_resize(x: Any, size: Any, method: Any = 0, align_corners: Any = False) -> Any:
    sides, way = given.sides(size, 2), given.method(method)
    return Operation(
        "image.resize_images", (given.tensor(x), sides, way, given.flag(align_corners))
    )  # fmt: skip


def old_resize(method: str) -> Callable[..., Any]:
    """A function of TensorFlow 1 that resizes in one way."""

    def apply(
        x: Any, size: Any, align_corners: Any = False, half_pixel_centers: Any = False
    ) -> Any:
        if half_pixel_centers is not False:
            raise NotAnExpressionError("resize with half_pixel_centers")
        return _old_resize(x, size, method, align_corners)

    return apply


def resize_images(x: Any, *args: Any, where: Where, **kwargs: Any) -> Any:
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
    rows, columns = given.count(height_factor), given.count(width_factor)
    if not given.last_channels(where, data_format):
        turned = Operation("transpose", (given.tensor(x), (0, 2, 3, 1)))
        result = _enlarged(turned, rows, columns, "channels_last", method, where=where)
        return Operation("transpose", (result, (0, 3, 1, 2)))
    if given.method(method) == "nearest":
        taller = Operation("repeat", (given.tensor(x), rows, 1))
        return Operation("repeat", (taller, columns, 2))
    shape = Operation("shape", (given.tensor(x),))
    size = tuple(
        arithmetic("*", subscript(shape, axis), factor)
        for axis, factor in ((1, rows), (2, columns))
    )
    if where.writer.resize_of_keras == "old":
        return _old_resize(x, size)
    return Operation("image.resize", (x, size, "bilinear"))


def pool2d(  # noqa: PLR0917 - as Keras has it
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: Any = "valid", data_format: Any = None,
    pool_mode: Any = "max", *, where: Where,
) -> Any:  # fmt: skip
    """``keras.backend.pool2d``."""
    if not given.last_channels(where, data_format) or pool_mode not in ("max", "avg"):
        raise NotAnExpressionError("pool2d with channels first")
    return pool(f"nn.{pool_mode}pool")(x, pool_size, strides, padding)


def pool(function: str) -> Callable[..., Any]:
    """A pooling function of ``tf.nn``."""

    def apply(x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = "NHWC") -> Any:
        if data_format not in (None, "NHWC") or str(padding).lower() not in ("same", "valid"):
            raise NotAnExpressionError("pooling with channels first")
        windows = [v if isinstance(v, tuple | list) else (v, v) for v in (ksize, strides)]
        sizes = [tuple(given.count(n) for n in (v[1:3] if len(v) == 4 else v)) for v in windows]
        if any(len(size) != 2 for size in sizes):
            raise NotAnExpressionError("pooling of an unusual size")
        return Operation(function, (given.tensor(x), *sizes, str(padding).upper()))

    return apply


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


def preprocessed(x: Any, data_format: Any = None, mode: Any = None, *, where: Where) -> Any:
    """``keras.applications.FAMILY.preprocess_input``."""
    family = where.path[-2]
    if mode is None:
        mode = "caffe" if family == "imagenet_utils" else _MODES.get(family)
    if not given.last_channels(where, data_format):
        raise NotAnExpressionError("preprocess_input with channels first")
    if mode == "tf":
        return arithmetic("-", arithmetic("/", given.tensor(x), 127.5), 1.0)
    if mode == "torch":
        centred = arithmetic("-", arithmetic("/", given.tensor(x), 255.0), list(_MEANS))
        return arithmetic("/", centred, list(_DEVIATIONS))
    if mode == "caffe":
        turned = subscript(given.tensor(x), (Ellipsis, Slice(None, None, -1)))
        return arithmetic("-", turned, list(_BGR_MEANS))
    raise NotAnExpressionError(f"{family}.preprocess_input")


def pad_image(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None, *, where: Where
) -> Any:
    """``keras.backend.spatial_2d_padding``."""
    pair = given.pairs(padding)
    pairs = ((0, 0), *pair, (0, 0)) if given.last_channels(where, data_format) else (
        ((0, 0), (0, 0), *pair)
    )  # fmt: skip
    return Operation("pad", (given.tensor(x), pairs, "CONSTANT", 0))
