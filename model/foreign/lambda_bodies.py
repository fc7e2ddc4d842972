"""Lambda layers of a file, looked at as data: what each calculates, if that shows. No Keras.

The stored function is Python byte code. It is neither run nor given to anything that could run it:
it is read by `model.foreign.marshalled` and followed by `model.foreign.lambda_code`. Code for
``output_shape`` and ``mask`` is not needed, for that follows from the operations; it is looked at
because a file that hides something there is not opened.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.foreign.expressions import (
    INPUT,
    Expression,
    NotAnExpressionError,
    is_tensor,
    text_of,
)
from model.foreign.graph import LayerSpec
from model.foreign.lambda_code import follow
from model.foreign.listed_calls import activation
from model.foreign.marshalled import MAX_BYTES, Code, MarshalError, read_code
from model.foreign.opcodes import OF_LAYOUT, ByteCodeError
from model.foreign.vocabulary import words
from model.foreign.writer import Writer

_MAX_SHOWN = 12
_MAX_VALUES = 2_000
_SHAPE_NAMES = words(
    """
    list tuple int float len range round max min sum abs AssertionError ValueError K tf np math
    keras backend shape int_shape as_list get_shape value append floor ceil ndim
    """
)
"""Globals and attributes that functions of shapes use."""

_LIBRARIES = ("keras", "tensorflow", "tf_keras", "builtins")


@dataclass(frozen=True)
class LambdaBody:
    """What was found out about a Lambda layer.

    Attributes:
        layer: its name.
        expression: what it calculates, of listed operations only; None where that is not known.
        text: the same for people, ``x / 255``; empty where it is not known.
        constants: numbers and texts in its code, and what it got from around; decoded.
        names: of the functions and modules that its code names.
        problem: why it is not known, in words; empty where it is.
    """

    layer: str
    expression: Expression | None
    text: str
    constants: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    problem: str = ""

    def described(self) -> str:
        """One line for a message: the layer, and what its code shows."""
        if self.expression is not None:
            return f"Lambda {self.layer!r}: {_one_line(self.text)}"
        shown = self.shown()
        return f"Lambda {self.layer!r}" + (f" ({shown})" if shown else "")

    def shown(self) -> str:
        """What its code shows, where it is not known what it calculates; maybe nothing."""
        parts = [self.problem] if self.problem else []
        if self.constants:
            parts.append(f"constants {_listed([text_of(value) for value in self.constants])}")
        if self.names:
            parts.append(f"names {_listed(self.names)}")
        return "; ".join(parts)


class _UnreadableError(ValueError):
    """The stored function is none."""


@dataclass(frozen=True)
class _Stored:
    """A function as a file holds it."""

    codes: tuple[Code, ...]
    defaults: tuple[Any, ...]
    closure: tuple[Any, ...]


def read_lambda(layer: LayerSpec, writer: Writer) -> LambdaBody:
    """Looks at a Lambda layer.

    Args:
        layer: of class ``Lambda``.
        writer: of the file.
    """
    stored: _Stored | None = None
    try:
        arguments = _arguments(layer.config.get("arguments"))
        name = _function_name(layer.config)
        if name is not None:
            expression = _named(name, layer.config, arguments, writer)
        else:
            stored = _stored(layer.config.get("function"))
            expression = _agreed(stored, arguments, writer)
        _check_beside(layer.config)
    except (NotAnExpressionError, _UnreadableError, MarshalError, ByteCodeError) as error:
        return LambdaBody(
            layer.name, None, "", *_shown(stored), problem=_one_line(str(error))
        )  # fmt: skip
    return LambdaBody(layer.name, expression, text_of(expression), *_shown(stored))


# -- what is stored -------------------------------------------------------------------------------


def _function_name(config: Mapping[str, Any]) -> str | None:
    """The public name, where the function is stored by name only."""
    function = config.get("function")
    if isinstance(function, str) and config.get("function_type") != "lambda":
        return function
    if isinstance(function, Mapping) and function.get("class_name") != "__lambda__":
        name = function.get("config")
        return name if isinstance(name, str) else str(function.get("class_name"))
    return None


def _named(
    name: str, config: Mapping[str, Any], arguments: Mapping[str, Any], writer: Writer
) -> Expression:
    function = config.get("function")
    module = function.get("module") if isinstance(function, Mapping) else config.get("module")
    is_public = not module or str(module).partition(".")[0] in _LIBRARIES
    if arguments or not is_public or not re.fullmatch(r"\w{1,40}", name):
        raise NotAnExpressionError(f"the function {name} of {module}")
    return _expression(activation(name, INPUT, writer))


def _stored(function: Any) -> _Stored:
    """Both ways of writing: a list of three (Keras 2), or an object with names (Keras 3)."""
    if isinstance(function, Mapping):
        config = function.get("config")
        if not isinstance(config, Mapping):
            raise _UnreadableError("its function is not stored")
        if "value" in config:
            return _stored(config["value"])
        parts = [config.get(key) for key in ("code", "defaults", "closure")]
    elif isinstance(function, list | tuple) and 1 <= len(function) <= 3:
        parts = [*function, None, None][:3]
    else:
        parts = [function, None, None]
    if isinstance(parts[0], Mapping):
        raise _UnreadableError("its function is not stored as code")
    return _Stored(_codes(parts[0]), _values(parts[1]), _values(parts[2]))


def _codes(text: Any) -> tuple[Code, ...]:
    if not isinstance(text, str) or len(text) > 2 * MAX_BYTES:
        raise _UnreadableError("its function is not stored as code")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        # Keras before 2.0.9 stored the bytes as text.
        try:
            data = text.encode("raw_unicode_escape")
        except UnicodeEncodeError:
            raise _UnreadableError("its function is not stored as code") from error
    return read_code(data)


def _arguments(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _UnreadableError("its arguments are not stored by name")
    return {str(key): _value(item, [0]) for key, item in value.items()}


def _values(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        value = value.get("items")
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise _UnreadableError("what its function got from around it is no list")
    return tuple(_value(item, [0]) for item in value)


def _value(value: Any, num_values: list[int]) -> Any:
    """A value of JSON; of a list the file does not say whether it was an array."""
    num_values[0] += 1
    if num_values[0] > _MAX_VALUES:
        raise _UnreadableError("it got more numbers than any known function needs")
    if isinstance(value, Mapping):
        if value.get("class_name") in ("__tuple__", "TensorShape"):
            value = value.get("items")
        elif value.get("type") == "ndarray":
            value = value.get("value")
        elif value.get("class_name") == "__ellipsis__":
            return Ellipsis
    if isinstance(value, list | tuple):
        return [_value(item, num_values) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise _UnreadableError("it got a number that is none")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {}  # nothing that can be calculated with


def _check_beside(config: Mapping[str, Any]) -> None:
    """Code beside the function: of shapes it is common in old files, of anything else suspicious.

    Raises:
        NotAnExpressionError: it names more than calculating with shapes needs.
    """
    for key in ("output_shape", "mask"):
        value = config.get(key)
        if key == "output_shape" and config.get("output_shape_type") in ("raw", None):
            is_shape = isinstance(value, list) and all(
                v is None or isinstance(v, int | list) for v in value
            )
            if value is None or is_shape or _is_stored_tuple(value):
                continue
        if value is None:
            continue
        codes = _stored(value).codes
        names = {name for code in codes for name in code.names}
        if names - _SHAPE_NAMES or any(_has_code(code.constants) for code in codes):
            raise NotAnExpressionError(f"code of its own for {key}")


def _is_stored_tuple(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") in ("__tuple__", "TensorShape")


def _has_code(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_has_code(item) for item in value)
    return isinstance(value, Code)


# -- what it means --------------------------------------------------------------------------------


def _agreed(stored: _Stored, arguments: Mapping[str, Any], writer: Writer) -> Expression:
    """What all Python versions that may have written the code agree on."""
    found: dict[str, Expression] = {}
    problems: list[Exception] = []
    for code in stored.codes:
        for version in OF_LAYOUT[code.layout]:
            try:
                expression = _expression(
                    follow(
                        code, version, defaults=stored.defaults, closure=stored.closure,
                        arguments=arguments, writer=writer,
                    )
                )  # fmt: skip
            except (NotAnExpressionError, ByteCodeError) as error:
                problems.append(error)
            else:
                found[repr(expression)] = expression
    if len(found) > 1:
        raise NotAnExpressionError("code that two versions of Python understand differently")
    if not found:
        # What a version could not even decode is less telling than what one did not know.
        known = [e for e in problems if isinstance(e, NotAnExpressionError)]
        raise known[0] if known else NotAnExpressionError("more than a straight calculation")
    return next(iter(found.values()))


def _expression(value: Any) -> Expression:
    if not is_tensor(value):
        raise NotAnExpressionError(f"a function that gives {text_of(value)}")
    return value  # type: ignore[no-any-return]


# -- for people -----------------------------------------------------------------------------------


def _shown(stored: _Stored | None) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Constants and names, as far as they say anything."""
    if stored is None:
        return (), ()
    codes = _with_inner(stored.codes[0])
    values = [value for code in codes for value in code.constants]
    values += [*stored.defaults, *stored.closure]
    constants = tuple(
        value for value in values
        if value is not None and isinstance(value, bool | int | float | str | tuple | list)
    )  # fmt: skip
    return constants, tuple(dict.fromkeys(name for code in codes for name in code.names))


def _with_inner(code: Code) -> list[Code]:
    """A function and those that are defined inside of it, such as the body of a comprehension."""
    found = [code]
    for value in code.constants:
        if isinstance(value, Code):
            found += _with_inner(value)
    return found


def _listed(values: Sequence[str]) -> str:
    shown = [_one_line(value) for value in values[:_MAX_SHOWN]]
    return ", ".join(shown) + (", ..." if len(values) > _MAX_SHOWN else "")


def _one_line(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= 160 else plain[:157] + "..."
