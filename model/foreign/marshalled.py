"""Python code objects, read as data from the bytes that Keras stores for a Lambda layer. No Keras.

A strict reader of the marshal format that never makes a code object: Python's own ``marshal.loads``
is a native parser that foreign bytes can crash, and what it gives can be run. The writing Python is
not stored; the layouts of CPython 3.5 to 3.14 are tried, and the right one uses up all bytes.
Format: ``Python/marshal.c`` of each version.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Layout = Literal["3.5", "3.8", "3.11"]
"""Named after the first Python that writes code objects so."""

LAYOUTS: tuple[Layout, ...] = ("3.5", "3.8", "3.11")

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_ITEMS = 50_000
"""Values in all, each counted as often as it is referred to."""

_MAX_DIGITS = 64
_FLAG_REF = 0x80
_UNFINISHED = object()
_KIND_LOCAL, _KIND_CELL, _KIND_FREE = 0x20, 0x40, 0x80


class MarshalError(ValueError):
    """Bytes that no supported Python writes for a function, or that are beyond the limits."""


@dataclass(frozen=True)
class Code:
    """A function's code, as data.

    Attributes:
        layout: in which it was read.
        num_arguments: that may be given by position.
        num_keyword_arguments: that may be given by name only.
        flags: the ``co_flags``.
        instructions: the byte code.
        constants: numbers, texts, None, tuples, `Slice3`, `SetOf` and other `Code`.
        names: of globals and attributes.
        variables: local names, arguments first; from 3.11 on with cells and free ones behind.
        cells: names that functions inside use; before 3.11 only.
        free: names that come from around the function.
        name: of the function.
    """

    layout: Layout
    num_arguments: int
    num_keyword_arguments: int
    flags: int
    instructions: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]
    variables: tuple[str, ...]
    cells: tuple[str, ...]
    free: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Slice3:
    """A slice that Python 3.14 stores as one constant."""

    start: Any
    stop: Any
    step: Any


@dataclass(frozen=True)
class SetOf:
    """A set, which nothing but a condition needs."""

    items: tuple[Any, ...]


def read_code(data: bytes) -> tuple[Code, ...]:
    """Reads a stored function in every layout that fits.

    Args:
        data: as ``marshal.dumps`` gave them.

    Returns:
        One code per layout that uses up all bytes; practically always exactly one.

    Raises:
        MarshalError: no layout fits, or the data are beyond the limits.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise MarshalError(f"{len(data)} bytes are no stored function of at most {MAX_BYTES}")
    found, problems = [], []
    for layout in LAYOUTS:
        reader = _Reader(data, layout)
        try:
            found.append(reader.whole())
        except MarshalError as error:
            problems.append((reader.position, str(error)))
    if not found:  # what stopped the layout that came furthest says most
        raise MarshalError(f"no function of Python 3.5 to 3.14: {max(problems)[1]}")
    return tuple(found)


class _Reader:
    def __init__(self, data: bytes, layout: Layout) -> None:
        self._data, self._layout = data, layout
        self._position = 0
        self._depth = 0
        self._num_items = 0
        # Of each value that can be referred to: itself, and how many values are in it. Without the
        # count, a few nested pairs that name each other twice would be billions of values.
        self._references: list[tuple[Any, int]] = []

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self._position

    def whole(self) -> Code:
        code = self._value()
        if not isinstance(code, Code):
            raise MarshalError("they do not begin with a function")
        if self._position != len(self._data):
            raise MarshalError(f"{len(self._data) - self._position} bytes are left over")
        return code

    # -- values ----------------------------------------------------------------------------------

    def _value(self) -> Any:
        first = self._bytes(1)[0]
        kind = chr(first & ~_FLAG_REF)
        if kind == "r":
            return self._referred()
        read = _KINDS.get(kind)
        if read is None:
            raise MarshalError(f"a value of kind {kind!r} was not expected")
        self._count(1)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MarshalError(f"values are nested more than {MAX_DEPTH} deep")
        place = len(self._references)
        if first & _FLAG_REF:
            self._references.append((_UNFINISHED, 0))
        before = self._num_items
        value = read(self)
        if first & _FLAG_REF:
            self._references[place] = value, 1 + self._num_items - before
        self._depth -= 1
        return value

    def _referred(self) -> Any:
        place = self._integer()
        if not 0 <= place < len(self._references):
            raise MarshalError("a reference leads nowhere")
        value, num_items = self._references[place]
        if value is _UNFINISHED:
            raise MarshalError("a value contains itself")
        self._count(num_items)
        return value

    def _count(self, num_items: int) -> None:
        self._num_items += num_items
        if self._num_items > MAX_ITEMS:
            raise MarshalError(f"there are more than {MAX_ITEMS} values")

    def _integer(self) -> int:
        return int.from_bytes(self._bytes(4), "little", signed=True)

    def _long(self) -> int:
        num_digits = self._integer()
        if abs(num_digits) > _MAX_DIGITS:
            raise MarshalError(f"an integer has {abs(num_digits)} digits of 15 bits")
        value = 0
        for place in range(abs(num_digits)):
            digit = int.from_bytes(self._bytes(2), "little")
            if digit >> 15:
                raise MarshalError("an integer has a digit of more than 15 bits")
            value |= digit << (15 * place)
        return -value if num_digits < 0 else value

    def _float(self) -> float:
        return float(struct.unpack("<d", self._bytes(8))[0])

    def _complex(self) -> complex:
        return complex(self._float(), self._float())

    def _string(self) -> bytes:
        return self._bytes(self._integer())

    def _text(self) -> str:
        return self._decoded(self._string(), "utf-8", "surrogatepass")

    def _ascii(self) -> str:
        return self._decoded(self._string(), "ascii")

    def _short_ascii(self) -> str:
        return self._decoded(self._bytes(self._bytes(1)[0]), "ascii")

    def _decoded(self, data: bytes, encoding: str, errors: str = "strict") -> str:
        try:
            return data.decode(encoding, errors)
        except UnicodeDecodeError as error:
            raise MarshalError(f"a text is not {encoding}") from error

    def _tuple(self) -> tuple[Any, ...]:
        return self._items(self._integer())

    def _small_tuple(self) -> tuple[Any, ...]:
        return self._items(self._bytes(1)[0])

    def _items(self, length: int) -> tuple[Any, ...]:
        if not 0 <= length <= len(self._data) - self._position:  # each takes at least a byte
            raise MarshalError(f"a list of {length} values does not fit into the data")
        return tuple(self._value() for _ in range(length))

    def _set(self) -> SetOf:
        return SetOf(self._tuple())

    def _slice(self) -> Slice3:
        return Slice3(self._value(), self._value(), self._value())

    def _bytes(self, length: int) -> bytes:
        end = self._position + length
        if length < 0 or end > len(self._data):
            raise MarshalError("they end too early")
        data = self._data[self._position : end]
        self._position = end
        return data

    # -- code ------------------------------------------------------------------------------------

    def _code(self) -> Code:
        layout = self._layout
        num_arguments = self._integer()
        if layout != "3.5":
            self._integer()  # arguments by position only, among the others
        num_keyword_arguments = self._integer()
        if layout != "3.11":
            self._integer()  # number of local variables
        self._integer()  # size of the stack
        flags = self._integer()
        instructions, constants = self._kind(bytes), self._kind(tuple)
        names, variables = self._texts(), self._texts()
        free: tuple[str, ...]
        cells: tuple[str, ...]
        if layout == "3.11":
            kinds = self._kind(bytes)
            if len(kinds) != len(variables):
                raise MarshalError("its variables do not fit together")
            free = tuple(v for v, k in zip(variables, kinds, strict=True) if k & _KIND_FREE)
            cells = ()
        else:
            free, cells = self._texts(), self._texts()
        self._kind(str)  # the source's file name
        name = self._kind(str)
        if layout == "3.11":
            self._kind(str)  # the qualified name
        self._integer()  # the line in the source
        self._kind(bytes)  # lines
        if layout == "3.11":
            self._kind(bytes)  # exceptions
        if not 0 <= num_arguments + num_keyword_arguments <= len(variables):
            raise MarshalError("it has more arguments than variables")
        if num_arguments < 0 or num_keyword_arguments < 0:
            raise MarshalError("it has less than no arguments")
        return Code(
            layout, num_arguments, num_keyword_arguments, flags, instructions, constants, names,
            variables, cells, free, name,
        )  # fmt: skip

    def _kind(self, kind: type) -> Any:
        value = self._value()
        if type(value) is not kind:
            raise MarshalError(f"a {kind.__name__} was expected where a {_name(value)} stands")
        return value

    def _texts(self) -> tuple[str, ...]:
        values: tuple[Any, ...] = self._kind(tuple)
        if not all(type(value) is str for value in values):
            raise MarshalError("a name is no text")
        return values


def _name(value: Any) -> str:
    return type(value).__name__


_KINDS: dict[str, Callable[[_Reader], Any]] = {
    "N": lambda _: None, "T": lambda _: True, "F": lambda _: False, ".": lambda _: Ellipsis,
    "i": _Reader._integer, "l": _Reader._long, "g": _Reader._float, "y": _Reader._complex,
    "s": _Reader._string, "u": _Reader._text, "t": _Reader._text,
    "a": _Reader._ascii, "A": _Reader._ascii,
    "z": _Reader._short_ascii, "Z": _Reader._short_ascii,
    "(": _Reader._tuple, ")": _Reader._small_tuple, ":": _Reader._slice, "c": _Reader._code,
    ">": _Reader._set, "<": _Reader._set,
}  # fmt: skip
