"""Nodes of a graph that are no layers: operations by name, slices, what Lambda layers calculate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from model.foreign.graph import Call, LayerSpec
from model.foreign.lambda_bodies import read_lambda
from model.foreign.lambda_building import apply_expression
from model.foreign.layer_making import Plan, accepted, plain_name
from model.foreign.operations import apply_function
from model.foreign.options import policy_name
from model.foreign.vocabulary import OPERATION_MODULES, OPERATIONS_3

_FUNCTION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "Lambda"})

_BASE_OPTIONS = frozenset({"name", "dtype", "trainable"})


def is_operation(spec: LayerSpec) -> bool:
    """Whether an entry has no weights and is no layer where weights are stored."""
    if spec.class_name == "TimeDistributed" and spec.wrapped is not None:
        return spec.wrapped.class_name == "Lambda"
    return spec.class_name in _FUNCTION_LAYERS or spec.module in OPERATION_MODULES


class Operations:
    """Applies operations to symbolic tensors."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def apply(self, spec: LayerSpec, call: Call) -> Any:
        """What an operation gives.

        Raises:
            UnknownOperationError: it does not go with these tensors.
            ModelFileError: it is not listed.
        """
        layout = self._plan.layout
        if layout is not None:
            call = Call(layout.plain(call.args), layout.plain(dict(call.kwargs)))
        if spec.class_name == "TFOpLambda":
            function = str(spec.config.get("function", ""))
            return apply_function(function, call.args, dict(call.kwargs), spec.name)
        if spec.class_name == "Lambda":
            return self._lambda(spec, call)
        if spec.class_name == "TimeDistributed":
            return self._lambda_of_each_step(spec, call)
        if spec.class_name in ("SlicingOpLambda", "GetItem"):
            function = "__operators__.getitem"
            named = {"slice_spec" if k == "key" else k: v for k, v in call.kwargs.items()}
            return apply_function(function, call.args, named, spec.name)
        return self._of_keras_3(spec, call)

    def _of_keras_3(self, spec: LayerSpec, call: Call) -> Any:
        home = spec.module.rpartition(".")[2]
        if spec.class_name not in OPERATIONS_3.get(home, ()):
            raise self._plan.unknown(spec)
        kind = getattr(getattr(keras.src.ops, home), spec.class_name)
        known = accepted(kind)
        others = [k for k, v in spec.config.items() if k not in known and v is not None]
        if set(others) - _BASE_OPTIONS:
            raise self._plan.wrong(f"has the option {others[0]} for the operation {spec.name!r}")
        options = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in spec.config.items() if key in known and key != "name"
        }  # fmt: skip
        if any(isinstance(value, Mapping) for value in options.values()):
            raise self._plan.unknown(spec)
        args = [list(arg) if is_many_tensors(arg) else arg for arg in call.args]
        return kind(**options)(*args, **call.kwargs)

    def _lambda(self, spec: LayerSpec, call: Call) -> Any:
        """What a Lambda calculates, as listed operations; its code is read and never run."""
        body = read_lambda(spec, self._plan.writer)
        if body.expression is None or spec.package not in ("", "keras", "Keras"):
            raise self._plan.wrong(f"contains program code in the layer {body.described()}")
        if len(call.args) != 1:
            raise self._plan.wrong(
                f"gives the layer {spec.name!r} several things to calculate from"
            )
        policy = policy_name(spec.config.get("dtype"), spec)
        return apply_expression(body.expression, call.args[0], spec.name, policy)

    def _lambda_of_each_step(self, spec: LayerSpec, call: Call) -> Any:
        """A Lambda in a ``TimeDistributed``: a network of its operations, for each step."""
        tensor = call.args[0] if len(call.args) == 1 else None
        if spec.wrapped is None or not isinstance(tensor, keras.KerasTensor):
            raise self._plan.wrong(f"gives the layer {spec.name!r} several things to go through")
        step = keras.Input(tensor.shape[2:], dtype=tensor.dtype)
        inside = keras.Model(step, self._lambda(spec.wrapped, Call((step,))))
        return keras.layers.TimeDistributed(inside, name=plain_name(spec.name))(tensor)


def is_many_tensors(value: Any) -> bool:
    """Whether a value is a tuple of tensors, and not a shape or the like."""
    return (
        isinstance(value, tuple) and bool(value)
        and all(isinstance(item, keras.KerasTensor) for item in value)
    )  # fmt: skip
