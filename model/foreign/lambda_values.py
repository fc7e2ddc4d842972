"""Values that a followed function has in hand: names, methods, and what the file does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.foreign.call_arguments import Name
from model.foreign.expressions import NotAnExpressionError, Operation, text_of
from model.foreign.graph import Slice
from model.foreign.marshalled import Code, SetOf, Slice3
from model.foreign.opcodes import ByteCodeError


@dataclass(frozen=True)
class Attribute:
    """A method of a calculated value."""

    value: Any
    name: str


@dataclass(frozen=True)
class Unknown:
    """A value that the file does not hold."""

    name: str


NULL = Unknown("nothing")
"""A place on the stack that holds no value."""


def plain(value: Any) -> Any:
    """A constant of a function, in the words of `model.foreign.expressions`."""
    if isinstance(value, Slice3):
        return Slice(plain(value.start), plain(value.stop), plain(value.step))
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, Code | SetOf | bytes | complex):
        return Unknown("a function inside" if isinstance(value, Code) else "an unusual constant")
    return value


def is_plain(value: Any) -> bool:
    """Whether a value is a constant."""
    return value is None or isinstance(value, str | int | float)


def known(value: Any, *, allow_names: bool = False) -> Any:
    """A value that can be calculated with.

    Raises:
        NotAnExpressionError: the file does not hold it.
    """
    if isinstance(value, tuple):
        return tuple(known(item, allow_names=allow_names) for item in value)
    if isinstance(value, Unknown | Attribute) or (isinstance(value, Name) and not allow_names):
        raise NotAnExpressionError(f"{shown(value)}, which is not in the file")
    return value


def shown(value: Any) -> str:
    """A value in words."""
    if isinstance(value, Name):
        return ".".join(value.path)
    if isinstance(value, Attribute):
        return f"{text_of(value.value)}.{value.name}"
    return value.name if isinstance(value, Unknown) else text_of(value)


def is_shape(value: Any) -> bool:
    """Whether a value is the shape of a tensor."""
    return isinstance(value, Operation) and value.function == "shape"


def is_side(value: Any) -> bool:
    """Whether a value is one side of a tensor's shape."""
    is_part = isinstance(value, Operation) and value.function == "__operators__.getitem"
    return is_part and is_shape(value.args[0])


def texts(values: Any) -> tuple[str, ...]:
    """Names of arguments.

    Raises:
        ByteCodeError: they are none.
    """
    if not isinstance(values, tuple) or not all(type(value) is str for value in values):
        raise ByteCodeError("a name is no text")
    return values
