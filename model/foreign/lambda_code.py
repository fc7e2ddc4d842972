"""Follows the byte code of a straight function on names instead of tensors. Nothing is executed.

A stack machine for the instructions of `model.foreign.opcodes`: what would be calculated becomes
an `Operation`. Jumps are followed forward only, and where the condition is a comparison of
constants in the file (``axis == 3``); a body with other conditions, loops, inner functions or
anything that reaches outside is no expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.foreign.call_arguments import Name
from model.foreign.expressions import (
    INPUT,
    Expression,
    NotAnExpressionError,
    Operation,
    arithmetic,
    checked,
    compared,
    is_tensor,
    negative,
    subscript,
    text_of,
)
from model.foreign.graph import Slice
from model.foreign.listed_calls import call
from model.foreign.marshalled import Code, SetOf, Slice3
from model.foreign.opcodes import (
    BINARY_OPERATORS,
    COMPARISONS,
    VERSIONS,
    ByteCodeError,
    Instruction,
    jump_target,
    read_instructions,
)
from model.foreign.writer import Writer

_GENERATOR_FLAGS = 0x20 | 0x80 | 0x100 | 0x200
_VARIABLE_FLAGS = 0x04 | 0x08
_GIVEN_BY_KERAS = ("mask", "training")
_MAX_STACK = 200
_LIST_TO_TUPLE = 6  # of CALL_INTRINSIC_1
_UNARY_POSITIVE = 5
_SIGNS = {
    "ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "TRUE_DIVIDE": "/", "FLOOR_DIVIDE": "//",
    "POWER": "**",
}  # fmt: skip
_CONDITIONS = ("<", "<=", "==", "!=", ">", ">=")
_JUMPS = {"POP_JUMP_IF_FALSE": False, "POP_JUMP_IF_TRUE": True}
"""Whether they jump when the condition holds."""


@dataclass(frozen=True)
class _Attribute:
    """A method of a calculated value."""

    value: Any
    name: str


@dataclass(frozen=True)
class _Unknown:
    """A value that the file does not hold."""

    name: str


_NULL = _Unknown("nothing")


def follow(
    code: Code,
    version: str,
    *,
    defaults: Sequence[Any],
    closure: Sequence[Any],
    arguments: Mapping[str, Any],
    writer: Writer,
) -> Expression:
    """What a function calculates from its first argument.

    Args:
        code: from `model.foreign.marshalled`.
        version: of Python, one that fits the layout of the code.
        defaults: of the last arguments.
        closure: of the free names.
        arguments: that Keras gives by name.
        writer: of the file.

    Raises:
        NotAnExpressionError: it does more than listed operations.
        ByteCodeError: it is not code of this version.
    """
    if code.flags & _GENERATOR_FLAGS:
        raise NotAnExpressionError("a generator")
    machine = _Machine(code, version, writer)
    machine.locals.update(_bound(code, defaults, arguments))
    machine.free.update(zip(code.free, closure, strict=False))
    result = machine.run(code.instructions)
    if not is_tensor(result):
        raise NotAnExpressionError(f"a function that gives {text_of(result)}")
    return result  # type: ignore[no-any-return]


def _bound(code: Code, defaults: Sequence[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    names = code.variables[: code.num_arguments + code.num_keyword_arguments]
    if not code.num_arguments or not names:
        raise NotAnExpressionError("a function without arguments")
    if len(defaults) > code.num_arguments:
        raise NotAnExpressionError("more defaults than arguments")
    bound: dict[str, Any] = {name: _Unknown(name) for name in names}
    first = code.num_arguments - len(defaults)
    bound.update(zip(code.variables[first : code.num_arguments], defaults, strict=True))
    for name in _GIVEN_BY_KERAS:
        if name in bound:
            bound[name] = _Unknown(name)
    for name, value in arguments.items():
        if name not in bound and not code.flags & _VARIABLE_FLAGS:
            raise NotAnExpressionError(f"a function without an argument {name}")
        bound[name] = value
    if names[0] in arguments:
        raise NotAnExpressionError(f"a function whose argument {names[0]} is given twice")
    bound[names[0]] = INPUT
    return bound


class _Machine:
    def __init__(self, code: Code, version: str, writer: Writer) -> None:
        self._code, self._writer, self._version = code, writer, version
        self._at = VERSIONS.index(version)
        self._stack: list[Any] = []
        self._keywords: tuple[str, ...] = ()
        self.locals: dict[str, Any] = {}
        self.free: dict[str, Any] = {}

    def run(self, code: bytes) -> Any:
        instructions = read_instructions(code, self._version)
        if self._at >= VERSIONS.index("3.11"):
            self._begin(instructions)
        is_branched = False
        while (instruction := next(instructions, None)) is not None:
            if instruction.name in _JUMPS:
                is_branched = True
                if self._decided() is _JUMPS[instruction.name]:
                    start = jump_target(instruction, self._version)
                    instructions = read_instructions(code, self._version, start=start)
                continue
            if instruction.name in ("RETURN_VALUE", "RETURN_CONST"):
                is_constant = instruction.name == "RETURN_CONST"
                result = self._constant(instruction.argument) if is_constant else self._pop()
                if self._stack or not (is_branched or next(instructions, None) is None):
                    raise NotAnExpressionError("a condition")
                return _known(result)
            self._step(instruction.name, instruction.argument)
            if len(self._stack) > _MAX_STACK:
                raise NotAnExpressionError("too much at once")
        raise ByteCodeError("the code does not end")

    def _begin(self, instructions: Iterator[Instruction]) -> None:
        """Since 3.11 every function begins in the same way, with numbers of each version."""
        first = next(instructions, None)
        if first is not None and first.name == "COPY_FREE_VARS":
            first = next(instructions, None)
        if first is None or (first.name, first.argument) != ("RESUME", 0):
            raise ByteCodeError(f"it does not begin as code of Python {self._version} does")

    def _step(self, name: str, argument: int) -> None:
        family, _, operator = name.partition("_")
        if family in ("BINARY", "INPLACE") and operator in _SIGNS:
            self._binary(_SIGNS[operator])
            return
        step = _STEPS.get(name)
        if step is None:
            raise NotAnExpressionError(f"the instruction {name}")
        step(self, argument)

    # -- the stack -------------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise ByteCodeError("the code takes more than it has")
        return self._stack.pop()

    def _pop_many(self, number: int) -> tuple[Any, ...]:
        if number > len(self._stack):
            raise ByteCodeError("the code takes more than it has")
        values = tuple(self._stack[len(self._stack) - number :])
        del self._stack[len(self._stack) - number :]
        return values

    # -- loading and storing ---------------------------------------------------------------------

    def _item(self, values: Sequence[Any], place: int) -> Any:
        if not 0 <= place < len(values):
            raise ByteCodeError("the code refers to what is not there")
        return values[place]

    def _constant(self, place: int) -> Any:
        return _plain(self._item(self._code.constants, place))

    def _load_constant(self, place: int) -> None:
        self._push(self._constant(place))

    def _load(self, place: int) -> None:
        name = self._item(self._code.variables, place)
        if name not in self.locals:
            raise NotAnExpressionError(f"the variable {name} before it has a value")
        self._push(self.locals[name])

    def _load_two(self, places: int) -> None:
        self._load(places >> 4)
        self._load(places & 15)

    def _store(self, place: int) -> None:
        self.locals[self._item(self._code.variables, place)] = self._pop()

    def _store_load(self, places: int) -> None:
        self._store(places >> 4)
        self._load(places & 15)

    def _store_two(self, places: int) -> None:
        self._store(places >> 4)
        self._store(places & 15)

    def _load_around(self, place: int) -> None:
        is_new = self._at >= VERSIONS.index("3.11")
        names = self._code.variables if is_new else self._code.cells + self._code.free
        name = self._item(names, place)
        if name not in self.free:
            raise NotAnExpressionError(f"{name}, which is not in the file")
        self._push(self.free[name])

    def _load_global(self, argument: int) -> None:
        is_new = self._at >= VERSIONS.index("3.11")
        name = Name((self._item(self._code.names, argument >> 1 if is_new else argument),))
        if not is_new or not argument & 1:
            self._push(name)
        elif self._at >= VERSIONS.index("3.13"):
            self._stack += [name, _NULL]
        else:
            self._stack += [_NULL, name]

    def _load_attribute(self, argument: int) -> None:
        is_new = self._at >= VERSIONS.index("3.12")
        name = self._item(self._code.names, argument >> 1 if is_new else argument)
        value = self._attribute(self._pop(), name)
        if not is_new or not argument & 1:
            self._push(value)
        elif self._at >= VERSIONS.index("3.13"):
            self._stack += [value, _NULL]
        else:
            self._stack += [_NULL, value]

    def _load_method(self, argument: int) -> None:
        value = self._attribute(self._pop(), self._item(self._code.names, argument))
        # Two places on the stack, which CALL_METHOD (and CALL of 3.11) take back again.
        self._stack += [_NULL, value]

    def _attribute(self, value: Any, name: str) -> Any:
        if isinstance(value, Name):
            path = (*value.path, name)
            return None if name == "newaxis" else Name(path)
        if is_tensor(value):
            if name == "value" and _is_side(value):  # of a dimension in TensorFlow 1
                return value
            return Operation("shape", (value,)) if name == "shape" else _Attribute(value, name)
        raise NotAnExpressionError(f"{_shown(value)}.{name}")

    def _import(self, argument: int) -> None:
        """An import is only a name here, like any other global."""
        path = tuple(self._item(self._code.names, argument).split("."))
        wanted, level = self._pop(), self._pop()
        if level != 0:
            raise NotAnExpressionError("an import from beside itself")
        self._push(Name(path if wanted else path[:1]))

    def _import_from(self, argument: int) -> None:
        module = self._pop()
        if not isinstance(module, Name):
            raise ByteCodeError("an import from what is no module")
        self._stack += [module, Name((*module.path, self._item(self._code.names, argument)))]

    def _swap(self, number: int) -> None:
        if number != 2:
            raise NotAnExpressionError("an instruction that is not listed")
        first, second = self._pop_many(2)
        self._stack += [second, first]

    # -- calculating -----------------------------------------------------------------------------

    def _binary(self, sign: str) -> None:
        right, left = _known(self._pop()), _known(self._pop())
        self._push(arithmetic(sign, left, right))

    def _binary_operation(self, argument: int) -> None:
        sign = BINARY_OPERATORS.get(argument if argument == 26 else argument % 13)
        if sign is None or argument > 26:
            raise NotAnExpressionError("an operator that is not listed")
        if sign == "[]":
            self._subscript(0)
        else:
            self._binary(sign)

    def _compare(self, argument: int) -> None:
        since = max((v for v in COMPARISONS if VERSIONS.index(v) <= self._at), key=VERSIONS.index)
        number = argument >> COMPARISONS[since]
        if number >= len(_CONDITIONS):
            raise NotAnExpressionError("a condition")
        right, left = _known(self._pop()), _known(self._pop())
        if _CONDITIONS[number] in ("==", "!=") and _is_plain(left) and _is_plain(right):
            self._push((left == right) is (_CONDITIONS[number] == "=="))
        else:
            self._push(compared(_CONDITIONS[number], left, right))

    def _decided(self) -> bool:
        """The condition of a jump, where it is known whatever goes into the network."""
        condition = self._pop()
        if not isinstance(condition, bool):
            raise NotAnExpressionError("a condition")
        return condition

    def _negative(self, _: int) -> None:
        self._push(negative(_known(self._pop())))

    def _subscript(self, _: int) -> None:
        index, value = _known(self._pop()), _known(self._pop())
        self._push(subscript(value, index))

    def _slice_of(self, _: int) -> None:
        stop, start, value = (_known(self._pop()) for _ in range(3))
        self._push(subscript(value, Slice(start, stop, None)))

    def _build(self, number: int) -> None:
        self._push(checked(tuple(_known(value) for value in self._pop_many(number))))

    def _build_slice(self, number: int) -> None:
        if number not in (2, 3):
            raise ByteCodeError("a slice of unusual length")
        parts = [_known(value) for value in self._pop_many(number)]
        self._push(Slice(parts[0], parts[1], parts[2] if number == 3 else None))

    def _extend(self, place: int) -> None:
        more, values = _known(self._pop()), self._pop()
        if place != 1 or not isinstance(more, tuple) or not isinstance(values, tuple):
            raise NotAnExpressionError("a list that is put together")
        self._push(checked(values + more))

    def _unpack(self, number: int) -> None:
        value = _known(self._pop())
        if isinstance(value, tuple | list) and len(value) != number:
            raise NotAnExpressionError("a sequence of another length")
        self._stack += [subscript(value, place) for place in reversed(range(number))]

    def _intrinsic(self, argument: int) -> None:
        if argument not in (_LIST_TO_TUPLE, _UNARY_POSITIVE):
            raise NotAnExpressionError("an instruction that is not listed")
        value = _known(self._pop())
        if argument == _UNARY_POSITIVE:
            raise NotAnExpressionError(f"+{text_of(value)}")
        self._push(value)

    # -- calling ---------------------------------------------------------------------------------

    def _call_function(self, argument: int) -> None:
        """3.5 to 3.10; in 3.5, keywords and values follow each other on the stack."""
        kwargs: dict[str, Any] = {}
        if self._version == "3.5":
            pairs = self._pop_many(2 * (argument >> 8))
            kwargs = dict(zip(_texts(pairs[::2]), pairs[1::2], strict=True))
            argument &= 255
        args = self._pop_many(argument)
        self._push(self._called(self._pop(), args, kwargs))

    def _call_with_names(self, number: int) -> None:
        names = _texts(self._pop())
        args, kwargs = self._split(self._pop_many(number), names)
        if self._at >= VERSIONS.index("3.13"):
            self._drop_null()
        self._push(self._called(self._pop(), args, kwargs))

    def _call_method(self, number: int) -> None:
        args = self._pop_many(number)
        function = self._pop()
        self._drop_null()
        self._push(self._called(function, args, {}))

    def _call(self, number: int) -> None:
        args, kwargs = self._split(self._pop_many(number), self._keywords)
        self._keywords = ()
        if self._at >= VERSIONS.index("3.13"):
            self._drop_null()
            function = self._pop()
        else:
            function = self._pop()
            self._drop_null()
        self._push(self._called(function, args, kwargs))

    def _drop_null(self) -> None:
        if self._pop() is not _NULL:
            raise NotAnExpressionError("a call of something that is no function")

    def _set_keywords(self, place: int) -> None:
        self._keywords = _texts(self._constant(place))

    def _split(
        self, values: tuple[Any, ...], names: tuple[str, ...]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if len(names) > len(values) or len(set(names)) < len(names):
            raise ByteCodeError("more names than values")
        start = len(values) - len(names)
        return values[:start], dict(zip(names, values[start:], strict=True))

    def _called(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = tuple(_known(value, allow_names=True) for value in args)
        kwargs = {key: _known(value, allow_names=True) for key, value in kwargs.items()}
        if isinstance(function, Name):
            return call(function, args, kwargs, self._writer)
        if isinstance(function, _Attribute) and not args and not kwargs:
            if function.name == "get_shape":
                return Operation("shape", (function.value,))
            if function.name == "as_list" and _is_shape(function.value):
                return function.value
        raise NotAnExpressionError(f"a call of {_shown(function)}")


def _plain(value: Any) -> Any:
    """A constant of a function, in the words of `model.foreign.expressions`."""
    if isinstance(value, Slice3):
        return Slice(_plain(value.start), _plain(value.stop), _plain(value.step))
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, Code | SetOf | bytes | complex):
        return _Unknown("a function inside" if isinstance(value, Code) else "an unusual constant")
    return value


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _known(value: Any, *, allow_names: bool = False) -> Any:
    if isinstance(value, tuple):
        return tuple(_known(item, allow_names=allow_names) for item in value)
    if isinstance(value, _Unknown | _Attribute) or (isinstance(value, Name) and not allow_names):
        raise NotAnExpressionError(f"{_shown(value)}, which is not in the file")
    return value


def _shown(value: Any) -> str:
    if isinstance(value, Name):
        return ".".join(value.path)
    if isinstance(value, _Attribute):
        return f"{text_of(value.value)}.{value.name}"
    return value.name if isinstance(value, _Unknown) else text_of(value)


def _is_shape(value: Any) -> bool:
    return isinstance(value, Operation) and value.function == "shape"


def _is_side(value: Any) -> bool:
    is_part = isinstance(value, Operation) and value.function == "__operators__.getitem"
    return is_part and _is_shape(value.args[0])


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, tuple) or not all(type(value) is str for value in values):
        raise ByteCodeError("a name is no text")
    return values


def _nothing(_: _Machine, __: int) -> None:
    pass


def _discard(machine: _Machine, _: int) -> None:
    machine._pop()


_STEPS: dict[str, Callable[[_Machine, int], None]] = {
    **dict.fromkeys(("NOP", "PRECALL", "LIST_TO_TUPLE"), _nothing),
    "PUSH_NULL": lambda machine, _: machine._push(_NULL),
    "POP_TOP": _discard, "SWAP": _Machine._swap,
    "ROT_TWO": lambda machine, _: machine._swap(2),
    "LOAD_FAST": _Machine._load, "LOAD_FAST_CHECK": _Machine._load,
    "LOAD_FAST_BORROW": _Machine._load, "LOAD_FAST_LOAD_FAST": _Machine._load_two,
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": _Machine._load_two, "STORE_FAST": _Machine._store,
    "STORE_FAST_LOAD_FAST": _Machine._store_load, "STORE_FAST_STORE_FAST": _Machine._store_two,
    "LOAD_CONST": _Machine._load_constant, "LOAD_SMALL_INT": _Machine._push,
    "LOAD_GLOBAL": _Machine._load_global, "LOAD_DEREF": _Machine._load_around,
    "LOAD_ATTR": _Machine._load_attribute, "LOAD_METHOD": _Machine._load_method,
    "IMPORT_NAME": _Machine._import, "IMPORT_FROM": _Machine._import_from,
    "BINARY_OP": _Machine._binary_operation, "BINARY_SUBSCR": _Machine._subscript,
    "BINARY_SLICE": _Machine._slice_of, "COMPARE_OP": _Machine._compare,
    "UNARY_NEGATIVE": _Machine._negative, "BUILD_TUPLE": _Machine._build,
    "BUILD_LIST": _Machine._build, "BUILD_SLICE": _Machine._build_slice,
    "LIST_EXTEND": _Machine._extend, "UNPACK_SEQUENCE": _Machine._unpack,
    "CALL_INTRINSIC_1": _Machine._intrinsic, "KW_NAMES": _Machine._set_keywords,
    "CALL": _Machine._call, "CALL_KW": _Machine._call_with_names,
    "CALL_FUNCTION": _Machine._call_function, "CALL_FUNCTION_KW": _Machine._call_with_names,
    "CALL_METHOD": _Machine._call_method,
}  # fmt: skip
