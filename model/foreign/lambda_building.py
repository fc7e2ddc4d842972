"""A Lambda layer's expression on symbolic tensors: listed operations in a row, nothing else."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from model.foreign.expressions import Expression, Input, Operation
from model.foreign.graph import Slice
from model.foreign.operations import UnknownOperationError, apply_function

_ON_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "math.add": operator.add, "math.subtract": operator.sub, "math.multiply": operator.mul,
    "math.truediv": operator.truediv, "math.floordiv": operator.floordiv,
}  # fmt: skip
"""Sizes of tensors that are known when the network is built are numbers of Python."""


def apply_expression(expression: Expression, inputs: Any, name: str, dtype: str | None) -> Any:
    """Calculates what the Lambda layer did.

    Args:
        expression: from `model.foreign.lambda_bodies`.
        inputs: what the layer got: a tensor, or a tuple of tensors.
        name: of the layer.
        dtype: name of its precision policy; None leaves the tensors as they are.

    Returns:
        A tensor.

    Raises:
        UnknownOperationError: an operation does not go with these tensors.
    """
    given = _as_calculated(inputs, dtype)
    result = _applied(expression, given, name)
    if isinstance(result, list | tuple) or not isinstance(result, keras.KerasTensor):
        raise UnknownOperationError("a Lambda that gives no single tensor")
    if result is given:  # the layer's output must be a tensor of its own
        result = keras.layers.Identity(name=name.replace("/", "_"))(result)
    return result


def _as_calculated(inputs: Any, dtype: str | None) -> Any:
    """Keras converts what a layer with a policy gets."""
    if isinstance(inputs, list | tuple):
        return tuple(_as_calculated(item, dtype) for item in inputs)
    if dtype is None or not isinstance(inputs, keras.KerasTensor):
        return inputs
    wanted = keras.DTypePolicy(dtype).compute_dtype
    is_float = "float" in str(inputs.dtype)
    return ops.cast(inputs, wanted) if is_float and inputs.dtype != wanted else inputs


def _applied(value: Any, inputs: Any, name: str) -> Any:
    if isinstance(value, Input):
        return inputs
    if isinstance(value, Operation):
        args = tuple(_applied(arg, inputs, name) for arg in value.args)
        return _operation(value.function, args, name)
    if isinstance(value, tuple | list):
        return tuple(_applied(item, inputs, name) for item in value)
    if isinstance(value, Slice):
        parts = (value.start, value.stop, value.step)
        return slice(*(_applied(part, inputs, name) for part in parts))
    return value


def _operation(function: str, args: tuple[Any, ...], name: str) -> Any:
    on_numbers = _ON_NUMBERS.get(function)
    if on_numbers is not None:
        if all(isinstance(arg, int | float) for arg in args):
            return on_numbers(*args)
        args = _of_one_kind(args)
    return apply_function(function, args, {}, name)


def _of_one_kind(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lists of numbers become arrays of the kind of the tensor beside them."""
    kinds = [str(arg.dtype) for arg in args if isinstance(arg, keras.KerasTensor)]
    kind = kinds[0] if kinds and "float" in kinds[0] else "float32"
    return tuple(
        np.asarray(arg, kind) if isinstance(arg, tuple | list) else arg for arg in args
    )  # fmt: skip
