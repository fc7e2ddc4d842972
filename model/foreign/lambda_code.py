"""Follows the byte code of a straight function on names instead of tensors. Nothing is executed.

A stack machine for the instructions of `model.foreign.opcodes`: what would be calculated becomes
an `Operation`. Jumps are followed forward only, and where the condition is a comparison of
constants in the file (``axis == 3``); a body with other conditions, loops, inner functions or
anything that reaches outside is no expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from model.foreign.lambda_memory import Memory
from model.foreign.lambda_values import (
    NULL,
    Attribute,
    Unknown,
    is_plain,
    is_shape,
    known,
    shown,
    texts,
)
from model.foreign.listed_calls import call
from model.foreign.marshalled import Code
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
    bound: dict[str, Any] = {name: Unknown(name) for name in names}
    first = code.num_arguments - len(defaults)
    bound.update(zip(code.variables[first : code.num_arguments], defaults, strict=True))
    for name in _GIVEN_BY_KERAS:
        if name in bound:
            bound[name] = Unknown(name)
    for name, value in arguments.items():
        if name not in bound and not code.flags & _VARIABLE_FLAGS:
            raise NotAnExpressionError(f"a function without an argument {name}")
        bound[name] = value
    if names[0] in arguments:
        raise NotAnExpressionError(f"a function whose argument {names[0]} is given twice")
    bound[names[0]] = INPUT
    return bound


class _Machine(Memory):
    def __init__(self, code: Code, version: str, writer: Writer) -> None:
        super().__init__(code, version)
        self._writer = writer
        self._keywords: tuple[str, ...] = ()

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
                return known(result)
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

    # -- calculating -----------------------------------------------------------------------------

    def _binary(self, sign: str) -> None:
        right, left = known(self._pop()), known(self._pop())
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
        right, left = known(self._pop()), known(self._pop())
        if _CONDITIONS[number] in ("==", "!=") and is_plain(left) and is_plain(right):
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
        self._push(negative(known(self._pop())))

    def _subscript(self, _: int) -> None:
        index, value = known(self._pop()), known(self._pop())
        self._push(subscript(value, index))

    def _slice_of(self, _: int) -> None:
        stop, start, value = (known(self._pop()) for _ in range(3))
        self._push(subscript(value, Slice(start, stop, None)))

    def _build(self, number: int) -> None:
        self._push(checked(tuple(known(value) for value in self._pop_many(number))))

    def _build_slice(self, number: int) -> None:
        if number not in (2, 3):
            raise ByteCodeError("a slice of unusual length")
        parts = [known(value) for value in self._pop_many(number)]
        self._push(Slice(parts[0], parts[1], parts[2] if number == 3 else None))

    def _extend(self, place: int) -> None:
        more, values = known(self._pop()), self._pop()
        if place != 1 or not isinstance(more, tuple) or not isinstance(values, tuple):
            raise NotAnExpressionError("a list that is put together")
        self._push(checked(values + more))

    def _unpack(self, number: int) -> None:
        value = known(self._pop())
        if isinstance(value, tuple | list) and len(value) != number:
            raise NotAnExpressionError("a sequence of another length")
        self._stack += [subscript(value, place) for place in reversed(range(number))]

    def _intrinsic(self, argument: int) -> None:
        if argument not in (_LIST_TO_TUPLE, _UNARY_POSITIVE):
            raise NotAnExpressionError("an instruction that is not listed")
        value = known(self._pop())
        if argument == _UNARY_POSITIVE:
            raise NotAnExpressionError(f"+{text_of(value)}")
        self._push(value)

    # -- calling ---------------------------------------------------------------------------------

    def _call_function(self, argument: int) -> None:
        """3.5 to 3.10; in 3.5, keywords and values follow each other on the stack."""
        kwargs: dict[str, Any] = {}
        if self._version == "3.5":
            pairs = self._pop_many(2 * (argument >> 8))
            kwargs = dict(zip(texts(pairs[::2]), pairs[1::2], strict=True))
            argument &= 255
        args = self._pop_many(argument)
        self._push(self._called(self._pop(), args, kwargs))

    def _call_with_names(self, number: int) -> None:
        names = texts(self._pop())
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
        if self._pop() is not NULL:
            raise NotAnExpressionError("a call of something that is no function")

    def _set_keywords(self, place: int) -> None:
        self._keywords = texts(self._constant(place))

    def _split(
        self, values: tuple[Any, ...], names: tuple[str, ...]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if len(names) > len(values) or len(set(names)) < len(names):
            raise ByteCodeError("more names than values")
        start = len(values) - len(names)
        return values[:start], dict(zip(names, values[start:], strict=True))

    def _called(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = tuple(known(value, allow_names=True) for value in args)
        kwargs = {key: known(value, allow_names=True) for key, value in kwargs.items()}
        if isinstance(function, Name):
            return call(function, args, kwargs, self._writer)
        if isinstance(function, Attribute) and not args and not kwargs:
            if function.name == "get_shape":
                return Operation("shape", (function.value,))
            if function.name == "as_list" and is_shape(function.value):
                return function.value
        raise NotAnExpressionError(f"a call of {shown(function)}")


def _nothing(_: _Machine, __: int) -> None:
    pass


def _discard(machine: _Machine, _: int) -> None:
    machine._pop()


_STEPS: dict[str, Callable[[_Machine, int], None]] = {
    **dict.fromkeys(("NOP", "PRECALL", "LIST_TO_TUPLE"), _nothing),
    "PUSH_NULL": lambda machine, _: machine._push(NULL),
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
