"""Stored code objects are read as data, whichever Python wrote them; anything else is an error."""

from __future__ import annotations

import marshal
import struct
import types
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.foreign.marshalled import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    Code,
    MarshalError,
    read_code,
)
from tests.unit import lambda_codes

LAYOUT_OF = {
    "3.6": "3.5", "3.7": "3.5", "3.8": "3.8", "3.9": "3.8", "3.10": "3.8",
    "3.11": "3.11", "3.12": "3.11", "3.13": "3.11",
}  # fmt: skip
SEEDS = [
    lambda_codes.bytes_of(f) for bodies in lambda_codes.STORED.values() for f in bodies.values()
]


def constant(data: bytes) -> bytes:
    """A function in the layout of Python 3.8 whose constants are these bytes."""
    head = b"c" + struct.pack("<6i", 1, 0, 0, 1, 1, 0x43)
    empty = marshal.dumps((), 2)
    text = marshal.dumps("f", 2)
    names = marshal.dumps(("x",), 2)
    parts = [marshal.dumps(b"", 2), data, empty, names, empty, empty, text, text]
    return head + b"".join(parts) + struct.pack("<i", 1) + marshal.dumps(b"", 2)


@pytest.mark.parametrize("version", sorted(lambda_codes.STORED))
def test_exactly_one_layout_fits_the_code_of_each_python(version: str) -> None:
    for stored in lambda_codes.STORED[version].values():
        codes = read_code(lambda_codes.bytes_of(stored))
        assert [code.layout for code in codes] == [LAYOUT_OF[version]]


def test_all_parts_are_those_that_this_python_reads() -> None:
    for function, _ in lambda_codes.module.BODIES.values():
        true: types.CodeType = function.__code__
        (code,) = read_code(marshal.dumps(true))
        assert code.num_arguments == true.co_argcount
        assert code.num_keyword_arguments == true.co_kwonlyargcount
        assert code.flags == true.co_flags
        assert code.instructions == true.co_code
        assert code.names == true.co_names
        assert code.variables[: true.co_nlocals] == true.co_varnames
        assert code.free == true.co_freevars
        assert code.name == true.co_name
        plain = [c for c in true.co_consts if not isinstance(c, types.CodeType | slice)]
        ours = [
            c for c in code.constants if not isinstance(c, Code) and type(c).__name__ != "Slice3"
        ]
        assert repr(ours) == repr(plain)


def test_every_cut_is_an_error() -> None:
    data = lambda_codes.bytes_of(lambda_codes.STORED["3.11"]["centred"])
    for length in range(len(data)):
        with pytest.raises(MarshalError):
            read_code(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00", b"c", b"N", marshal.dumps(1.5), marshal.dumps({"a": 1}), bytes(200),
        b"\xff" * 200, b"r\x00\x00\x00\x00", bytes(MAX_BYTES + 1),
        lambda_codes.bytes_of(lambda_codes.STORED["3.7"]["scaled"]) + b"\x00",
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_function_is_an_error(data: bytes) -> None:
    with pytest.raises(MarshalError):
        read_code(data)


@pytest.mark.parametrize(
    "value", [None, True, -1, 2**40, -(2**200), 1.5, 2j, "ä", b"x", ((), (1,))]
)
def test_constants_of_all_kinds_are_read(value: Any) -> None:
    (code,) = read_code(constant(marshal.dumps((value,), 4)))
    assert code.constants == (value,)
    assert type(code.constants[0]) is type(value)


def test_a_value_that_contains_itself_is_an_error() -> None:
    itself = b"\xa9\x01r\x00\x00\x00\x00"  # a tuple of one: reference 0, which is this tuple
    with pytest.raises(MarshalError, match="contains itself"):
        read_code(constant(itself))


def test_pairs_of_pairs_that_would_be_billions_of_values_are_an_error() -> None:
    data = constant(b")\x01" + _laughing(30))
    with pytest.raises(MarshalError, match=f"more than {MAX_ITEMS} values|nested"):
        read_code(data)


def _laughing(depth: int) -> bytes:
    """Nested pairs whose second half refers to the first: outer ones are numbered first."""
    data = b"\xa9\x02NN"
    for level in reversed(range(depth)):
        data = b"\xa9\x02" + data + b"r" + struct.pack("<i", level + 1)
    return data


def test_many_references_to_one_long_value_are_an_error() -> None:
    long = b"\xa8" + struct.pack("<i", 5000) + b"N" * 5000
    again = b"r\x00\x00\x00\x00" * 100
    data = constant(b")\x65" + long + again)
    with pytest.raises(MarshalError, match=f"more than {MAX_ITEMS} values"):
        read_code(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b")\x01" * (MAX_DEPTH + 5) + b"N", "deep"),
        (b"(\xff\xff\xff\x7f", "does not fit"),
        (b"(\xff\xff\xff\xff", "does not fit"),
        (b"l\xff\xff\xff\x7f", "digits"),
        (b"s\xff\xff\xff\x7f", "too early"),
        (b"z\x02\xc3\xa4", "not ascii"),
        (b"[\x00\x00\x00\x00", "not expected"),
        (b"{0", "not expected"),
    ],
)  # fmt: skip
def test_what_goes_beyond_the_limits_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(MarshalError, match=reason):
        read_code(constant(b")\x01" + data))


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), min_size=1, max_size=6),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_bytes_give_a_function_or_an_error(
    seed: bytes, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(seed)
    for place, new in changes:
        data[place : place + len(new)] = new
    try:
        codes = read_code(bytes(data))
    except MarshalError:
        return
    assert all(isinstance(code, Code) for code in codes)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_behind_a_head_give_a_function_or_an_error(data: bytes) -> None:
    try:
        codes = read_code(b"\xe3" + data)
    except MarshalError:
        return
    assert codes
