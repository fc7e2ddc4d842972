"""Byte code of CPython 3.5 to 3.14 as a list of named instructions. Pure data: nothing is run.

The numbers are those of ``Lib/opcode.py`` (``Lib/_opcode_metadata.py`` from 3.13 on) of each
version; they are facts of the format, and only the instructions that straight expressions need are
listed. Whatever is missing ends the reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VERSIONS = ("3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

OF_LAYOUT = {
    "3.5": ("3.5", "3.6", "3.7"),
    "3.8": ("3.8", "3.9", "3.10"),
    "3.11": ("3.11", "3.12", "3.13", "3.14"),
}
"""Which versions write a code object in the same layout (`model.foreign.marshalled.Layout`)."""

_TABLE = """
CACHE                                -    -    -    -    -    -    0    0    0    0
RESUME                               -    -    -    -    -    -  151  151  149  128
NOP                                  9    9    9    9    9    9    9    9   30   27
EXTENDED_ARG                       144  144  144  144  144  144  144  144   71   69
COPY_FREE_VARS                       -    -    -    -    -    -  149  149   62   60
POP_TOP                              1    1    1    1    1    1    1    1   32   31
PUSH_NULL                            -    -    -    -    -    -    2    2   34   33
ROT_TWO                              2    2    2    2    2    2    -    -    -    -
SWAP                                 -    -    -    -    -    -   99   99  115  117
LOAD_FAST                          124  124  124  124  124  124  124  124   85   84
LOAD_FAST_CHECK                      -    -    -    -    -    -    -  127   87   88
LOAD_FAST_BORROW                     -    -    -    -    -    -    -    -    -   86
LOAD_FAST_LOAD_FAST                  -    -    -    -    -    -    -    -   88   89
LOAD_FAST_BORROW_LOAD_FAST_BORROW    -    -    -    -    -    -    -    -    -   87
STORE_FAST                         125  125  125  125  125  125  125  125  110  112
STORE_FAST_LOAD_FAST                 -    -    -    -    -    -    -    -  111  113
STORE_FAST_STORE_FAST                -    -    -    -    -    -    -    -  112  114
LOAD_CONST                         100  100  100  100  100  100  100  100   83   82
LOAD_SMALL_INT                       -    -    -    -    -    -    -    -    -   94
LOAD_GLOBAL                        116  116  116  116  116  116  116  116   91   92
LOAD_DEREF                         136  136  136  136  136  136  137  137   84   83
LOAD_ATTR                          106  106  106  106  106  106  106  106   82   80
LOAD_METHOD                          -    -  160  160  160  160  160    -    -    -
IMPORT_NAME                        108  108  108  108  108  108  108  108   75   73
IMPORT_FROM                        109  109  109  109  109  109  109  109   74   72
BINARY_ADD                          23   23   23   23   23   23    -    -    -    -
BINARY_SUBTRACT                     24   24   24   24   24   24    -    -    -    -
BINARY_MULTIPLY                     20   20   20   20   20   20    -    -    -    -
BINARY_TRUE_DIVIDE                  27   27   27   27   27   27    -    -    -    -
BINARY_FLOOR_DIVIDE                 26   26   26   26   26   26    -    -    -    -
BINARY_POWER                        19   19   19   19   19   19    -    -    -    -
INPLACE_ADD                         55   55   55   55   55   55    -    -    -    -
INPLACE_SUBTRACT                    56   56   56   56   56   56    -    -    -    -
INPLACE_MULTIPLY                    57   57   57   57   57   57    -    -    -    -
INPLACE_TRUE_DIVIDE                 29   29   29   29   29   29    -    -    -    -
INPLACE_FLOOR_DIVIDE                28   28   28   28   28   28    -    -    -    -
INPLACE_POWER                       67   67   67   67   67   67    -    -    -    -
BINARY_OP                            -    -    -    -    -    -  122  122   45   44
BINARY_SUBSCR                       25   25   25   25   25   25   25   25    5    -
BINARY_SLICE                         -    -    -    -    -    -    -   26    4    1
COMPARE_OP                         107  107  107  107  107  107  107  107   58   56
POP_JUMP_IF_FALSE                  114  114  114  114  114  114  114  114   97    -
POP_JUMP_IF_TRUE                   115  115  115  115  115  115  115  115  100    -
UNARY_NEGATIVE                      11   11   11   11   11   11   11   11   42   41
BUILD_TUPLE                        102  102  102  102  102  102  102  102   52   51
BUILD_LIST                         103  103  103  103  103  103  103  103   47   46
BUILD_SLICE                        133  133  133  133  133  133  133  133   50   49
LIST_EXTEND                          -    -    -    -  162  162  162  162   81   79
LIST_TO_TUPLE                        -    -    -    -   82   82   82    -    -    -
UNPACK_SEQUENCE                     92   92   92   92   92   92   92   92  117  119
CALL_INTRINSIC_1                     -    -    -    -    -    -    -  173   55   53
KW_NAMES                             -    -    -    -    -    -  172  172    -    -
PRECALL                              -    -    -    -    -    -  166    -    -    -
CALL                                 -    -    -    -    -    -  171  171   53   52
CALL_KW                              -    -    -    -    -    -    -    -   57   55
CALL_FUNCTION                      131  131  131  131  131  131    -    -    -    -
CALL_FUNCTION_KW                     -  141  141  141  141  141    -    -    -    -
CALL_METHOD                          -    -  161  161  161  161    -    -    -    -
RETURN_VALUE                        83   83   83   83   83   83   83   83   36   35
RETURN_CONST                         -    -    -    -    -    -    -  121  103    -
"""

_CACHES = {  # words of cache behind an instruction, 3.11 to 3.14
    "PRECALL": (1, 0, 0, 0), "CALL": (4, 3, 3, 3), "CALL_KW": (0, 0, 0, 3),
    "BINARY_OP": (1, 1, 1, 5), "BINARY_SUBSCR": (4, 1, 1, 0), "COMPARE_OP": (2, 1, 1, 1),
    "LOAD_GLOBAL": (5, 4, 4, 4), "LOAD_ATTR": (4, 9, 9, 9), "LOAD_METHOD": (10, 0, 0, 0),
    "UNPACK_SEQUENCE": (1, 1, 1, 1), "POP_JUMP_IF_FALSE": (0, 0, 1, 1),
    "POP_JUMP_IF_TRUE": (0, 0, 1, 1),
}  # fmt: skip

BINARY_OPERATORS = {0: "+", 2: "//", 5: "*", 8: "**", 10: "-", 11: "/", 26: "[]"}
"""Argument of ``BINARY_OP``; the in-place ones are 13 higher, 26 is new in 3.14."""

COMPARISONS = {"3.5": 0, "3.12": 4, "3.13": 5}
"""From this version on, by how many bits the argument of ``COMPARE_OP`` is shifted."""

_HAS_ARGUMENT_FROM = 90  # in 3.5; later all have one
_MAX_ARGUMENT = 1 << 24


class ByteCodeError(ValueError):
    """Byte code that this version does not write, or with an instruction that is not listed."""


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: as CPython has it; 3.11 calls the jumps ``POP_JUMP_FORWARD_IF_...``.
        argument: 0 where it has none.
        end: where the next one begins, in bytes.
    """

    name: str
    argument: int
    end: int = 0


def _opcodes() -> dict[str, dict[int, str]]:
    tables: dict[str, dict[int, str]] = {version: {} for version in VERSIONS}
    for line in _TABLE.split("\n"):
        name, *numbers = line.split() or [""]
        for version, number in zip(VERSIONS, numbers, strict=bool(numbers)):
            if number != "-":
                tables[version][int(number)] = name
    return tables


_OPCODES = _opcodes()


def read_instructions(code: bytes, version: str, *, start: int = 0) -> Iterator[Instruction]:
    """Names the instructions of one Python version, without caches and long arguments.

    Args:
        code: byte code.
        version: one of `VERSIONS`.
        start: where to begin, in bytes.

    Raises:
        ByteCodeError: an instruction is not listed, or the code is cut.
    """
    table, place = _OPCODES[version], start
    is_new = VERSIONS.index(version) - VERSIONS.index("3.11")
    high = 0
    while place < len(code):
        name = table.get(code[place])
        if name is None or name == "CACHE":
            raise ByteCodeError(f"instruction {code[place]} of Python {version} is not listed")
        argument, place = _argument(code, place, version)
        argument |= high
        if name == "EXTENDED_ARG":
            high = argument << (16 if version == "3.5" else 8)
            if high > _MAX_ARGUMENT:
                raise ByteCodeError("an argument is too large")
            continue
        high = 0
        end = place
        if is_new >= 0:
            end = place + 2 * _CACHES.get(name, (0, 0, 0, 0))[is_new]
        yield Instruction(name, argument, end)
        if any(code[place:end:2]) or end > len(code):
            raise ByteCodeError("a cache is not empty")
        place = end
    if high:
        raise ByteCodeError("the code ends in the middle of an instruction")


def jump_target(instruction: Instruction, version: str) -> int:
    """Where a jump forward leads to, in bytes.

    Raises:
        ByteCodeError: it leads back.
    """
    at = VERSIONS.index(version)
    target = instruction.argument * (2 if at >= VERSIONS.index("3.10") else 1)
    if at >= VERSIONS.index("3.11"):
        target += instruction.end
    if target < instruction.end:
        raise ByteCodeError("a jump back")
    return target


def _argument(code: bytes, place: int, version: str) -> tuple[int, int]:
    """The argument of an instruction, and where the next one begins."""
    if version == "3.5":
        if code[place] < _HAS_ARGUMENT_FROM:
            return 0, place + 1
        width = 3
    else:
        width = 2
    if place + width > len(code):
        raise ByteCodeError("the code ends in the middle of an instruction")
    return int.from_bytes(code[place + 1 : place + width], "little"), place + width
