"""What a followed function remembers: a stack, variables, and how instructions move values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.foreign.call_arguments import Name
from model.foreign.expressions import NotAnExpressionError, Operation, is_tensor
from model.foreign.lambda_values import NULL, Attribute, is_side, plain, shown
from model.foreign.marshalled import Code
from model.foreign.opcodes import VERSIONS, ByteCodeError


class Memory:
    """The stack and the variables of one call of a function.

    Attributes:
        locals: its variables by name.
        free: what it got from around, by name.
    """

    def __init__(self, code: Code, version: str) -> None:
        self._code, self._version = code, version
        self._at = VERSIONS.index(version)
        self._stack: list[Any] = []
        self.locals: dict[str, Any] = {}
        self.free: dict[str, Any] = {}

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
        return plain(self._item(self._code.constants, place))

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
        self._push_for_call(name, is_called=is_new and bool(argument & 1))

    def _load_attribute(self, argument: int) -> None:
        is_new = self._at >= VERSIONS.index("3.12")
        name = self._item(self._code.names, argument >> 1 if is_new else argument)
        value = self._attribute(self._pop(), name)
        self._push_for_call(value, is_called=is_new and bool(argument & 1))

    def _push_for_call(self, value: Any, *, is_called: bool) -> None:
        """A value, with the empty place that a call takes back if one follows."""
        if not is_called:
            self._push(value)
        elif self._at >= VERSIONS.index("3.13"):
            self._stack += [value, NULL]
        else:
            self._stack += [NULL, value]

    def _load_method(self, argument: int) -> None:
        value = self._attribute(self._pop(), self._item(self._code.names, argument))
        # Two places on the stack, which CALL_METHOD (and CALL of 3.11) take back again.
        self._stack += [NULL, value]

    def _attribute(self, value: Any, name: str) -> Any:
        if isinstance(value, Name):
            path = (*value.path, name)
            return None if name == "newaxis" else Name(path)
        if is_tensor(value):
            if name == "value" and is_side(value):  # of a dimension in TensorFlow 1
                return value
            return Operation("shape", (value,)) if name == "shape" else Attribute(value, name)
        raise NotAnExpressionError(f"{shown(value)}.{name}")

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
