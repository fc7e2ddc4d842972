"""What a Lambda layer calculates, as a tree of listed operations. Pure data: no Keras, no code.

Values are what Python would have: numbers, texts, None, Ellipsis, tuples, `Slice`, lists (of which
the file does not tell whether they were lists or arrays), the layer's `Input`, and `Operation`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from model.foreign.graph import Slice

MAX_SIZE = 300
"""Parts of a tree, each counted as often as it is used."""

_MAX_LENGTH = 64
_MAX_INTEGER = 1 << 31
_MAX_DEPTH = 40


class NotAnExpressionError(ValueError):
    """The body is more than listed operations in a row; the text says what was found."""


@dataclass(frozen=True)
class Input:
    """What the Lambda layer gets: a tensor, or several."""


@dataclass(frozen=True)
class Operation:
    """One listed operation.

    Attributes:
        function: one of `model.foreign.operation_names.FUNCTION_NAMES`.
        args: in the order that `model.foreign.operations` has.
        size: parts of the tree.
    """

    function: str
    args: tuple[Any, ...]
    size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        size = 1 + sum(_size(value) for value in self.args)
        if size > MAX_SIZE or _depth(self.args) > _MAX_DEPTH:
            raise NotAnExpressionError(f"more than {MAX_SIZE} operations")
        object.__setattr__(self, "size", size)


INPUT = Input()
Expression = Input | Operation


def is_tensor(value: Any) -> bool:
    """Whether the value is calculated, and not a constant."""
    return isinstance(value, Input | Operation)


def depends(value: Any) -> bool:
    """Whether there is something calculated in the value."""
    if isinstance(value, tuple | list):
        return any(depends(item) for item in value)
    if isinstance(value, Slice):
        return any(depends(part) for part in (value.start, value.stop, value.step))
    return is_tensor(value)


def is_number(value: Any) -> bool:
    """Whether the value is a real number that Python calculates with."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- arithmetic -----------------------------------------------------------------------------------

_ARITHMETIC: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "+": ("math.add", operator.add), "-": ("math.subtract", operator.sub),
    "*": ("math.multiply", operator.mul), "/": ("math.truediv", operator.truediv),
    "//": ("math.floordiv", operator.floordiv), "**": ("math.pow", operator.pow),
}  # fmt: skip

_COMPARISON = {
    "<": "math.less", "<=": "math.less_equal", ">": "math.greater", ">=": "math.greater_equal",
}  # fmt: skip


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """``left sign right`` as Python would have it.

    Raises:
        NotAnExpressionError: this cannot be, or what it means is not known.
    """
    if is_number(left) and is_number(right):
        return _calculated(sign, left, right)
    if isinstance(left, tuple) and not _is_operand_of(right):
        return _of_tuples(sign, left, right)
    if not (_is_operand(left) and _is_operand(right)):
        raise NotAnExpressionError(f"{text_of(left)} {sign} {text_of(right)}")
    if is_tensor(left) or is_tensor(right):
        return Operation(_ARITHMETIC[sign][0], (left, right))
    return _of_lists(sign, left, right)


def compared(sign: str, left: Any, right: Any) -> Operation:
    """A comparison of tensors, element by element."""
    name = _COMPARISON.get(sign)
    if name is None or not (is_tensor(left) or is_tensor(right)):
        raise NotAnExpressionError("a condition")
    if not (_is_operand(left) and _is_operand(right)):
        raise NotAnExpressionError("a condition")
    return Operation(name, (left, right))


def negative(value: Any) -> Any:
    """``-value``."""
    if is_number(value):
        return -value
    if isinstance(value, list) and _is_array(value):
        return [negative(item) for item in value]
    if not is_tensor(value):
        raise NotAnExpressionError(f"-{text_of(value)}")
    return Operation("math.negative", (value,))


def _is_operand_of(value: Any) -> bool:
    return is_tensor(value) or isinstance(value, list)


def _is_operand(value: Any) -> bool:
    return is_tensor(value) or is_number(value) or _is_array(value)


def _is_array(value: Any) -> bool:
    """Numbers, or lists of them."""
    return isinstance(value, tuple | list) and all(is_number(v) or _is_array(v) for v in value)


def _calculated(sign: str, left: Any, right: Any) -> Any:
    if sign == "**" and (abs(left) > _MAX_INTEGER or abs(right) > 64):
        raise NotAnExpressionError("a power that is too large")
    try:
        value = _ARITHMETIC[sign][1](left, right)
    except (ArithmeticError, ValueError) as error:
        raise NotAnExpressionError(f"{left} {sign} {right}") from error
    if not is_number(value) or not math.isfinite(value) or abs(value) > 1e300:
        raise NotAnExpressionError(f"{left} {sign} {right}")
    return value


def _of_tuples(sign: str, left: tuple[Any, ...], right: Any) -> Any:
    """Python joins and repeats sequences; these are known to be such."""
    if sign == "+" and isinstance(right, tuple):
        result = left + right
    elif sign == "*" and type(right) is int and len(left) * max(right, 0) <= _MAX_LENGTH:
        result = left * right
    else:
        raise NotAnExpressionError(f"{text_of(left)} {sign} {text_of(right)}")
    return checked(result)


def _of_lists(sign: str, left: Any, right: Any) -> list[Any]:
    """Arithmetic with lists of a file, which were arrays if it can be calculated.

    ``list + list`` and ``list * whole number`` mean one thing for lists and another for arrays.
    """
    pair = (left, right)
    is_open = sign == "+" and not any(is_number(v) for v in pair)
    is_open = is_open or (sign == "*" and any(type(v) is int for v in pair))
    if is_open:
        raise NotAnExpressionError(f"{text_of(left)} {sign} {text_of(right)}, which may be either")
    if is_number(left) or is_number(right):
        if isinstance(left, tuple | list):
            return [_element(sign, item, right) for item in left]
        return [_element(sign, left, item) for item in right]
    if len(left) != len(right):
        raise NotAnExpressionError("lists of different lengths")
    return [_element(sign, a, b) for a, b in zip(left, right, strict=True)]


def _element(sign: str, left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _calculated(sign, left, right)
    return _of_lists(sign, left, right)


# -- parts ----------------------------------------------------------------------------------------


def subscript(value: Any, index: Any) -> Any:
    """``value[index]``.

    Raises:
        NotAnExpressionError: there is no such part.
    """
    if is_tensor(value):
        if not _is_index(index):
            raise NotAnExpressionError(f"[{text_of(index)}]")
        return Operation("__operators__.getitem", (value, index))
    if not isinstance(value, tuple | list) or depends(index):
        raise NotAnExpressionError(f"{text_of(value)}[...]")
    try:
        if isinstance(index, Slice):
            return value[slice(index.start, index.stop, index.step)]
        if type(index) is int:
            return value[index]
    except (IndexError, TypeError, ValueError) as error:
        raise NotAnExpressionError(f"{text_of(value)}[{text_of(index)}]") from error
    raise NotAnExpressionError(f"{text_of(value)}[{text_of(index)}]")


def _is_index(index: Any) -> bool:
    if isinstance(index, tuple):
        return all(_is_index(item) and not isinstance(item, tuple) for item in index)
    if isinstance(index, Slice):
        parts = (index.start, index.stop, index.step)
        return all(part is None or type(part) is int or is_tensor(part) for part in parts)
    return index is None or index is Ellipsis or type(index) is int or is_tensor(index)


def checked(value: Any) -> Any:
    """The value, if it is small enough.

    Raises:
        NotAnExpressionError: it is not.
    """
    if _size(value) > MAX_SIZE or _depth(value) > _MAX_DEPTH:
        raise NotAnExpressionError(f"more than {MAX_SIZE} values")
    return value


def _size(value: Any) -> int:
    if isinstance(value, Operation):
        return value.size
    if isinstance(value, tuple | list):
        return 1 + sum(_size(item) for item in value)
    if isinstance(value, Slice):
        return 1 + sum(_size(part) for part in (value.start, value.stop, value.step))
    return 1


def _depth(value: Any) -> int:
    if isinstance(value, Operation):
        return _depth(value.args)
    if isinstance(value, tuple | list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


# -- text -----------------------------------------------------------------------------------------

_SIGNS = {
    **{name: sign for sign, (name, _) in _ARITHMETIC.items()},
    **{name: sign for sign, name in _COMPARISON.items()},
}
_BINDING = {"<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "//": 3, "**": 5}


def text_of(value: Any) -> str:
    """The value as somebody would write it: ``x / 127.5 - 1``."""
    return _written(value, 0)


def _written(value: Any, binding: int) -> str:  # noqa: PLR0911 - one return per kind of value
    if isinstance(value, Input):
        return "x"
    if isinstance(value, Operation):
        return _operation(value, binding)
    if isinstance(value, tuple | list):
        shown = [_written(item, 0) for item in value[:8]] + (["..."] if len(value) > 8 else [])
        inside = ", ".join(shown)
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, Slice):
        return _slice(value)
    if value is Ellipsis:
        return "..."
    if isinstance(value, str | bytes):
        return repr(value if len(value) <= 40 else value[:40])
    if is_number(value) or value is None or isinstance(value, bool | complex):
        number = repr(value)
        return f"({number})" if is_number(value) and value < 0 and binding > 2 else number
    return type(value).__name__


def _operation(value: Operation, binding: int) -> str:
    sign = _SIGNS.get(value.function)
    if sign is not None and len(value.args) == 2:
        own = _BINDING[sign]
        left, right = _written(value.args[0], own), _written(value.args[1], own + 1)
        text = f"{left} {sign} {right}"
        return f"({text})" if own < binding else text
    if value.function == "math.negative":
        text = f"-{_written(value.args[0], 4)}"
        return f"({text})" if binding > 3 else text
    if value.function == "__operators__.getitem":
        index = value.args[1]
        items = index if isinstance(index, tuple) else (index,)
        return f"{_written(value.args[0], 6)}[{', '.join(_written(item, 0) for item in items)}]"
    inside = ", ".join(_written(item, 0) for item in value.args)
    return f"{value.function.rpartition('.')[2]}({inside})"


def _slice(value: Slice) -> str:
    start, stop, step = (
        "" if part is None else _written(part, 0) for part in (value.start, value.stop, value.step)
    )
    return f"{start}:{stop}" if not step else f"{start}:{stop}:{step}"
