"""Arguments of the functions that Lambda layers call, checked one by one. No Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.foreign.expressions import (
    NotAnExpressionError,
    Operation,
    depends,
    is_number,
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

_DTYPES = words("float16 float32 float64 bfloat16 int32 int64 uint8 bool")
_METHODS = {
    "bilinear": "bilinear", "nearest": "nearest", "BILINEAR": "bilinear", 0: "bilinear",
    "NEAREST_NEIGHBOR": "nearest", "nearest_neighbor": "nearest", 1: "nearest",
}  # fmt: skip


def tensor(value: Any) -> Any:
    """Something that is calculated."""
    if not depends(value) or isinstance(value, Slice):
        raise NotAnExpressionError(f"a function of {text_of(value)}")
    return value


def axis(value: Any) -> Any:
    """One axis, or several."""
    if isinstance(value, list):
        value = tuple(value)
    items = value if isinstance(value, tuple) else (value,)
    if not all(type(item) is int and abs(item) < 8 for item in items):
        raise NotAnExpressionError(f"the axis {text_of(value)}")
    return value


def some_axis(value: Any) -> Any:
    """One axis, several, or None for all."""
    return None if value is None else axis(value)


def number(value: Any) -> Any:
    """A real number."""
    if not is_number(value):
        raise NotAnExpressionError(f"{text_of(value)} where a number was expected")
    return value


def count(value: Any) -> int:
    """A small whole number above 0."""
    if type(value) is not int or not 0 < value < 4096:
        raise NotAnExpressionError(f"{text_of(value)} where a small whole number was expected")
    return value


def flag(value: Any) -> bool:
    """True or False."""
    if type(value) not in (bool, int):
        raise NotAnExpressionError(f"{text_of(value)} where True or False was expected")
    return bool(value)


def sides(value: Any, length: int) -> tuple[Any, ...]:
    """Height and width: numbers, or parts of a shape."""
    if isinstance(value, Operation):  # tf.shape(x)[1:3]
        return tuple(subscript(value, place) for place in range(length))
    if isinstance(value, list):
        value = tuple(value)
    is_pair = isinstance(value, tuple) and len(value) == length
    if not is_pair or not all(depends(v) or (type(v) is int and 0 < v < 2**15) for v in value):
        raise NotAnExpressionError(f"the size {text_of(value)}")
    return tuple(value)


def shape_of(value: Any) -> tuple[Any, ...]:
    """A shape: whole numbers and parts of other shapes."""
    if isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, tuple) or not all(type(v) is int or depends(v) for v in value):
        raise NotAnExpressionError(f"the shape {text_of(value)}")
    return value


def pairs(value: Any) -> tuple[tuple[int, int], ...]:
    """How much to add before and after, per axis."""
    rows = tuple(tuple(row) if isinstance(row, list | tuple) else () for row in value) if (
        isinstance(value, list | tuple)
    ) else ()  # fmt: skip
    if not rows or not all(len(r) == 2 and all(type(v) is int and v >= 0 for v in r) for r in rows):
        raise NotAnExpressionError(f"the padding {text_of(value)}")
    return tuple((row[0], row[1]) for row in rows)


def dtype(value: Any) -> str:
    """Name of a kind of numbers."""
    name = value.path[-1] if isinstance(value, Name) else value
    if name not in _DTYPES:
        raise NotAnExpressionError(f"the type {text_of(value)}")
    return str(name)


def method(value: Any) -> str:
    """Name of a way to resize."""
    name = value.path[-1] if isinstance(value, Name) else value
    found = _METHODS.get(name) if isinstance(name, str | int) else None
    if found is None:
        raise NotAnExpressionError("a resize method other than bilinear and nearest")
    return found


def last_channels(where: Where, data_format: Any) -> bool:
    """Whether the channels are last; refuses what nobody can know."""
    if data_format is None and where.writer.is_channels_first:
        raise NotAnExpressionError("a function that may take channels first or last")
    if data_format not in (None, "channels_last", "channels_first", "NHWC", "NCHW"):
        raise NotAnExpressionError(f"the data format {text_of(data_format)}")
    return data_format not in ("channels_first", "NCHW")


def axis_list(indices: Any) -> tuple[int, ...]:
    """Places along an axis."""
    if not isinstance(indices, tuple | list) or not all(
        type(v) is int and 0 <= v < 4096 for v in indices
    ):
        raise NotAnExpressionError(f"the places {text_of(indices)}")
    return tuple(indices)
