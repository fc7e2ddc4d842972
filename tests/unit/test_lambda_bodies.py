"""What a Lambda layer calculates shows from its stored code, which is never run."""

from __future__ import annotations

import base64
import builtins
import marshal
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.foreign.expressions import INPUT, Operation
from model.foreign.graph import LayerSpec, NetworkSpec
from model.foreign.lambda_bodies import LambdaBody, read_lambda
from model.foreign.opcodes import OF_LAYOUT, VERSIONS
from model.foreign.writer import Writer, has_old_bilinear
from tests.unit import lambda_codes

WRITER = Writer()
VERSIONS_STORED = sorted(lambda_codes.STORED)


def read(function: Any, writer: Writer = WRITER, **config: Any) -> LambdaBody:
    """What is found out about a function of this Python."""
    return read_lambda(lambda_codes.layer_of(function, **config), writer)


# -- every Python ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(lambda_codes.EXPECTED))
@pytest.mark.parametrize("version", VERSIONS_STORED)
def test_the_code_of_every_python_says_the_same(version: str, name: str) -> None:
    body = read_lambda(lambda_codes.layer(lambda_codes.STORED[version][name]), WRITER)
    assert body.text == lambda_codes.EXPECTED[name]
    assert (body.expression is None) == (not body.text) == bool(body.problem)


@pytest.mark.parametrize("name", sorted(lambda_codes.EXPECTED))
def test_the_code_of_the_running_python_says_the_same(name: str) -> None:
    function, text = lambda_codes.module.BODIES[name]
    assert read(function).text == text


def assembled(
    code: bytes, constants: tuple[Any, ...], names: tuple[str, ...] = (), *, is_new: bool
) -> list[Any]:
    """A stored function of ``x`` from its byte code, for Pythons that are not at hand."""
    head = struct.pack("<5i", 1, 0, 0, 4, 3) if is_new else struct.pack("<5i", 1, 0, 1, 4, 0x43)
    empty, text = marshal.dumps((), 2), marshal.dumps("f", 2)
    parts = [marshal.dumps(code, 2), _dumped(constants), marshal.dumps(names, 2)]
    parts += [marshal.dumps(("x",), 2)]
    parts += [marshal.dumps(b"\x26", 2), text, text, text] if is_new else [empty, empty, text, text]
    end = [marshal.dumps(b"", 2)] * (2 if is_new else 1)
    data = b"c" + head + b"".join(parts) + struct.pack("<i", 1) + b"".join(end)
    return [base64.b64encode(data).decode("ascii"), None, None]


def _dumped(constants: tuple[Any, ...]) -> bytes:
    """Constants, with slices as Python 3.14 writes them."""
    items = [
        b":" + b"".join(marshal.dumps(v, 2) for v in (item.start, item.stop, item.step))
        if isinstance(item, slice) else marshal.dumps(item, 2)
        for item in constants
    ]  # fmt: skip
    return b"(" + struct.pack("<i", len(items)) + b"".join(items)


CACHES_OF_OPERATOR = bytes(10)
OF_PYTHON_3_14 = {
    # RESUME, LOAD_FAST_BORROW x, LOAD_SMALL_INT 255, BINARY_OP /, RETURN_VALUE
    "x / 255": (bytes([128, 0, 86, 0, 94, 255, 44, 11]) + CACHES_OF_OPERATOR + bytes([35, 0]), ()),
    # ... LOAD_CONST 127.5, BINARY_OP /, LOAD_SMALL_INT 1, BINARY_OP -, ...
    "x / 127.5 - 1": (
        bytes([128, 0, 86, 0, 82, 0, 44, 11]) + CACHES_OF_OPERATOR + bytes([94, 1, 44, 10])
        + CACHES_OF_OPERATOR + bytes([35, 0]),
        (127.5,),
    ),
    # ... LOAD_CONST (..., slice(None, 3)), BINARY_OP [], ...
    "x[..., :3]": (
        bytes([128, 0, 86, 0, 82, 0, 82, 1, 51, 2, 44, 26]) + CACHES_OF_OPERATOR + bytes([35, 0]),
        (..., slice(None, 3)),
    ),
}  # fmt: skip
OF_PYTHON_3_5 = {
    # LOAD_FAST x, LOAD_CONST 255, BINARY_TRUE_DIVIDE, RETURN_VALUE: one byte, or three
    "x / 255": (bytes([124, 0, 0, 100, 0, 0, 27, 83]), (255,), ()),
    # K, .softmax, x, "axis", 1, CALL_FUNCTION with one by position and one by name
    "softmax(x, 1)": (
        bytes([116, 0, 0, 106, 1, 0, 124, 0, 0, 100, 0, 0, 100, 1, 0, 131, 1, 1, 83]),
        ("axis", 1), ("K", "softmax"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", OF_PYTHON_3_14)
def test_code_of_python_3_14_is_understood(text: str) -> None:
    code, constants = OF_PYTHON_3_14[text]
    assert (
        read_lambda(lambda_codes.layer(assembled(code, constants, is_new=True)), WRITER).text
        == text
    )


@pytest.mark.parametrize("text", OF_PYTHON_3_5)
def test_code_of_python_3_5_is_understood(text: str) -> None:
    code, constants, names = OF_PYTHON_3_5[text]
    stored = assembled(code, constants, names, is_new=False)
    assert read_lambda(lambda_codes.layer(stored), WRITER).text == text


def test_every_layout_has_its_pythons_and_all_are_there() -> None:
    assert [v for versions in OF_LAYOUT.values() for v in versions] == list(VERSIONS)


def test_code_that_two_pythons_understand_differently_is_not_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"3.8": INPUT, "3.9": Operation("math.negative", (INPUT,)), "3.10": INPUT}
    monkeypatch.setattr(
        "model.foreign.lambda_bodies.follow", lambda code, version, **_: answers[version]
    )
    body = read_lambda(lambda_codes.layer(lambda_codes.STORED["3.9"]["scaled"]), WRITER)
    assert body.expression is None
    assert "differently" in body.problem


# -- nothing is run --------------------------------------------------------------------------------


def test_nothing_is_run_and_no_native_reader_sees_the_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("this must not happen")

    layers = [
        lambda_codes.layer(f) for bodies in lambda_codes.STORED.values() for f in bodies.values()
    ]
    monkeypatch.setattr(marshal, "loads", forbidden)
    for name in ("exec", "eval", "compile", "open", "__import__"):
        monkeypatch.setattr(builtins, name, forbidden)
    bodies = [read_lambda(layer, WRITER) for layer in layers]
    monkeypatch.undo()
    assert sum(body.expression is not None for body in bodies) > len(bodies) / 2


@given(
    st.sampled_from([f for bodies in lambda_codes.STORED.values() for f in bodies.values()]),
    st.lists(st.tuples(st.integers(20, 260), st.integers(0, 255)), min_size=1, max_size=5),
)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_code_is_refused_or_gives_a_small_expression(
    stored: list[Any], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(lambda_codes.bytes_of(stored))
    for place, byte in changes:
        if place < len(data):
            data[place] = byte
    code = base64.b64encode(bytes(data)).decode("ascii")
    body = read_lambda(lambda_codes.layer([code, *stored[1:]]), WRITER)
    if body.expression is None:
        assert body.problem
    else:
        assert body.text
    assert "\n" not in body.described()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["class_name", "config", "code", "value", "items", "type", "a"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["function", "arguments", "output_shape", "mask", "function_type"]),
)
@settings(max_examples=300, deadline=None)
def test_any_configuration_is_refused_or_understood(value: Any, key: str) -> None:
    layer = lambda_codes.layer_of(lambda x: x / 255, **{key: value})
    assert isinstance(read_lambda(layer, WRITER), LambdaBody)


def doubling(x: Any) -> Any:
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    x = x + x
    return x  # noqa: RET504


def repeating(x: Any) -> Any:
    a = (x,) * 60
    b = (a,) * 60
    return tf.concat((b,) * 60, 1)  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [doubling, repeating])
def test_what_would_grow_without_end_is_refused(function: Any) -> None:
    body = read(function)
    assert body.expression is None
    assert "more than" in body.problem


# -- what belongs to a function --------------------------------------------------------------------


def test_defaults_closure_and_arguments_are_constants() -> None:
    offset = 0.25

    def scale(x: Any, factor: float = 3.0, gain: float = 1.0) -> Any:
        return x * factor * gain + offset

    assert read(scale).text == "x * 3.0 * 1.0 + 0.25"
    assert read(scale, arguments={"gain": 0.5}).text == "x * 3.0 * 0.5 + 0.25"
    assert read(scale, arguments={"other": 0.5}).expression is None


@pytest.mark.parametrize("name", ["mask", "training"])
def test_what_keras_gives_when_it_calls_is_not_known(name: str) -> None:
    given_one = {
        "mask": lambda x, mask=2.0: x * mask, "training": lambda x, training=2.0: x * training,
    }[name]  # fmt: skip
    ignored = {
        "mask": lambda x, mask=None: x / 2, "training": lambda x, training=None: x / 2,
    }[name]  # fmt: skip
    assert read(given_one).expression is None
    assert read(ignored).text == "x / 2"


def test_keras_3_stores_the_same_in_another_form() -> None:
    code, defaults, closure = lambda_codes.STORED["3.12"]["normalise"]
    config = {"code": code, "defaults": defaults, "closure": closure}
    layer = LayerSpec(
        "norm", "Lambda", "keras.layers", "",
        {"function": {"class_name": "__lambda__", "config": config}, "arguments": {}},
    )  # fmt: skip
    assert read_lambda(layer, WRITER).text == lambda_codes.EXPECTED["normalise"]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"function": "softmax", "function_type": "function"}, "softmax(x, -1)"),
        (
            {"function": {"class_name": "function", "module": "builtins", "config": "relu"}},
            "relu(x)",
        ),
        (
            {"function": "relu", "function_type": "function", "module": "tensorflow.python"},
            "relu(x)",
        ),
        ({"function": "relu", "function_type": "function", "module": "__main__"}, ""),
        ({"function": "set_floatx", "function_type": "function"}, ""),
        ({"function": "get_file", "function_type": "function", "module": "keras.utils"}, ""),
        ({"function": {"class_name": "function", "module": "os", "config": "getcwd"}}, ""),
        ({"function": {"class_name": "TFSMLayer", "config": {}}}, ""),
        ({"function": None}, ""), ({"function": 7}, ""), ({}, ""), ({"function": "AAAA"}, ""),
    ],
)  # fmt: skip
def test_a_name_is_recognised_only_as_a_public_activation(
    config: dict[str, Any], text: str
) -> None:
    body = read_lambda(LayerSpec("norm", "Lambda", "", "", config), WRITER)
    assert body.text == text


def test_hard_sigmoid_is_that_of_the_keras_that_wrote_it() -> None:
    def function(x: Any) -> Any:
        return K.hard_sigmoid(x)  # type: ignore[name-defined]  # noqa: F821

    assert read(function).text == "clip_by_value(0.2 * x + 0.5, 0.0, 1.0)"
    newer = read(function, Writer(is_keras_2=False))
    assert newer.text == f"clip_by_value({1 / 6} * x + 0.5, 0.0, 1.0)"


@pytest.mark.parametrize("key", ["output_shape", "mask"])
def test_code_beside_the_function_may_only_be_about_shapes(key: str) -> None:
    harmless = lambda_codes.module.dumped(lambda shape: (shape[0], shape[1] * 2, *list(shape)[2:]))
    hidden = lambda_codes.STORED["3.11"]["system"]
    kind = {"output_shape_type": "lambda"}
    assert read(lambda x: x / 255, **{key: harmless}, **kind).text == "x / 255"
    refused = read(lambda x: x / 255, **{key: hidden}, **kind)
    assert refused.expression is None
    assert key in refused.problem


def test_a_stored_shape_is_no_code() -> None:
    body = read(lambda x: x / 255, output_shape=[None, 16, 16, 3], output_shape_type="raw")
    assert body.text == "x / 255"


# -- which rule ------------------------------------------------------------------------------------


def network(**config: Any) -> NetworkSpec:
    return NetworkSpec("n", "sequential", (LayerSpec("c", "Conv2D", "", "", config),))


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("2.1.6-tf", "old"), ("2.2.4", "old"), ("2.3.1", "unknown"), ("2.4.3", "new"),
        ("2.2.4-tf", "new"), ("2.3.0-tf", "new"), ("2.15.0", "new"), ("3.5.0", "new"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_the_rule_of_resizing_follows_from_the_version(version: str, rule: str) -> None:
    from model.foreign import writer

    found = writer._resize_of_tensorflow(
        network(), version, is_keras_2=not version.startswith("3.")
    )
    assert found == rule


def test_initializers_with_a_type_tell_tensorflow_1_from_2() -> None:
    from model.foreign import writer

    typed = {"kernel_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}}}
    assert writer._resize_of_tensorflow(network(**typed), "2.2.4-tf", is_keras_2=True) == "old"
    assert writer._resize_of_tensorflow(network(**typed), "2.10.0", is_keras_2=True) == "new"
    assert has_old_bilinear("2.3.1")
    assert not has_old_bilinear("2.2.4-tf")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("new", "resize(x, (9, 7), 'bilinear')"),
        ("old", "resize_images(x, (9, 7), 'bilinear', False)"),
        ("unknown", ""),
    ],
)  # fmt: skip
def test_resize_is_what_it_was_in_that_tensorflow(rule: Any, text: str) -> None:
    def function(x: Any) -> Any:
        return tf.image.resize(x, [9, 7])  # type: ignore[name-defined]  # noqa: F821

    body = read(function, Writer(resize_of_tensorflow=rule))
    assert body.text == text
    assert not body.text or not body.problem
    assert text or "TensorFlow 1 and 2" in body.problem


# -- what people see -------------------------------------------------------------------------------


def test_what_is_not_recognised_is_described_by_its_constants_and_names() -> None:
    body = read_lambda(lambda_codes.layer(lambda_codes.STORED["3.9"]["system"]), WRITER)
    assert body.expression is None
    assert "true" in body.constants
    assert body.names == ("os", "system")
    assert body.described().startswith("Lambda 'norm' (")
    assert "'true'" in body.described()
    assert "os, system" in body.described()


def test_what_is_recognised_is_described_by_what_it_calculates() -> None:
    body = read(lambda x: (x - 127.5) / 127.5)
    assert body.described() == "Lambda 'norm': (x - 127.5) / 127.5"
    assert body.constants == (127.5,)


def test_every_instruction_that_is_followed_is_one_of_python() -> None:
    from model.foreign import lambda_code, opcodes

    assert not set(lambda_code._STEPS) - set(opcodes._TABLE.split())
