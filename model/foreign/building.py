"""From a `NetworkSpec` to a Keras network, layer by layer, from the lists of `vocabulary`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from model.errors import ModelFileError, SegguiError
from model.foreign.graph import (
    Call,
    Constant,
    LayerSpec,
    NetworkSpec,
    Slice,
    TensorRef,
    references,
)
from model.foreign.layer_making import REMEDY, LayerMaker, Plan, plain_name
from model.foreign.layout import Layout, is_channels_first
from model.foreign.operation_nodes import Operations, is_many_tensors, is_operation
from model.foreign.operations import UnknownOperationError
from model.foreign.options import policy_name
from model.foreign.own_layers import OwnLayers
from model.foreign.parser_errors import reason_of, shortened
from model.foreign.public_layers import as_listed
from model.foreign.vocabulary import MERGES, NESTED_LAYERS, current_name
from model.foreign.writer import Writer

_INACTIVE_ARGUMENTS = frozenset({"training", "mask", "name", "use_causal_mask"})


@dataclass
class BuiltEntry:
    """A layer of a file and what was made of it.

    Attributes:
        spec: as stored.
        layer: the layer of today's Keras; None for an operation and for an inner network, unless
            that is wrapped: then the wrapper.
        network: what was made of an inner network.
        is_operation: it has no weights and is no layer where weights are stored.
        is_turned: it works on channels last where the file has them first.
        is_own: it has layers inside, or may have: its class is from the user's Python file, or is
            one of `model.foreign.transformer_layers`.
    """

    spec: LayerSpec
    layer: Any = None
    network: BuiltNetwork | None = None
    is_operation: bool = False
    is_turned: bool = False
    is_own: bool = False


@dataclass
class BuiltNetwork:
    """A network and its parts.

    Attributes:
        model: ready but for its weights.
        entries: in the order of the file.
        is_turned: of each output, whether it has its channels last where the file has them first.
    """

    model: keras.Model
    entries: list[BuiltEntry] = field(default_factory=list)
    is_turned: tuple[bool, ...] = ()


def build_network(
    spec: NetworkSpec,
    *,
    file_name: str,
    is_keras_2: bool,
    has_old_bilinear: bool = False,
    widths: frozenset[int] | None = None,
    own: OwnLayers | None = None,
    writer: Writer | None = None,
) -> BuiltNetwork:
    """Builds a network whose weights are still to be placed.

    Args:
        spec: from `model.foreign.reading.read_network`.
        file_name: for messages.
        is_keras_2: written by Keras 2, where a few names meant something else.
        has_old_bilinear: bilinear enlarging follows the rule of TensorFlow 1.
        widths: lengths that the stored arrays have; a layer that is wider than all of them is
            refused before memory is asked for. None checks nothing.
        own: layers and functions of the user's Python file, for names that are not listed.
        writer: what names in Lambda layers meant; None takes the newest of its generation.

    Raises:
        ModelFileError: a part is not listed or does not fit.
    """
    is_turned = is_channels_first(spec)
    plan = Plan(
        file_name, is_keras_2, has_old_bilinear,
        writer or Writer(is_keras_2, is_channels_first=is_turned),
        widths, own, Layout() if is_turned else None,
    )  # fmt: skip
    try:
        return _Builder(plan).network(spec)
    except SegguiError:
        raise
    except Exception as error:  # what Keras says of ends that do not fit together, and the like
        raise ModelFileError(
            f"{file_name} holds a network that cannot be built: {reason_of(error)}.",
            remedy=REMEDY,
        ) from error


class _Builder:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._layers, self._operations = LayerMaker(plan), Operations(plan)

    # -- networks --------------------------------------------------------------------------------

    def network(self, spec: NetworkSpec) -> BuiltNetwork:
        if spec.kind == "sequential":
            return self._chain(spec)
        return self._graph(spec)

    def _chain(self, spec: NetworkSpec) -> BuiltNetwork:
        if spec.input_shape is None:
            raise ModelFileError(
                f"{self._plan.file_name} does not say what size of image {spec.name!r} takes.",
                remedy="Save it after it was built: model.build((None, H, W, C)).",
            )
        start = self._start(spec.input_shape[1:], name=None, dtype="float32")
        entries, tensor = [], start
        for layer in spec.layers:
            entry = self._entry(layer)
            entries.append(entry)
            tensor = self._applied(entry, Call((tensor,)))
        model = keras.Model(start, tensor, name=plain_name(spec.name))
        return BuiltNetwork(model, entries, self._turned_ends([tensor]))

    def _graph(self, spec: NetworkSpec) -> BuiltNetwork:
        entries = {layer.name: self._entry(layer) for layer in spec.layers}
        tensors: dict[tuple[str, int], Any] = {}
        for layer in spec.layers:
            if layer.class_name == "InputLayer":
                tensors[layer.name, 0] = [entries[layer.name].layer]
        waiting = [
            (layer, number, call)
            for layer in spec.layers for number, call in enumerate(layer.calls)
            if layer.class_name != "InputLayer"
        ]  # fmt: skip
        while waiting:
            left = []
            for layer, number, call in waiting:
                if all((ref.layer, ref.call) in tensors for ref in references(call)):
                    result = self._applied(entries[layer.name], self._resolved(call, tensors))
                    tensors[layer.name, number] = _as_list(result)
                else:
                    left.append((layer, number, call))
            if len(left) == len(waiting):
                raise self._plan.wrong(f"has a layer {left[0][0].name!r} whose input never comes")
            waiting = left
        inputs = [self._tensor(ref, tensors) for ref in spec.inputs]
        outputs = [self._tensor(ref, tensors) for ref in spec.outputs]
        if not all(isinstance(output, keras.KerasTensor) for output in outputs):
            raise self._plan.wrong("has an output that is no tensor")
        model = keras.Model(_single(inputs), _single(outputs), name=plain_name(spec.name))
        return BuiltNetwork(model, list(entries.values()), self._turned_ends(outputs))

    def _turned_ends(self, outputs: list[Any]) -> tuple[bool, ...]:
        layout = self._plan.layout
        return tuple(layout is not None and layout.is_turned(output) for output in outputs)

    # -- layers ----------------------------------------------------------------------------------

    def _entry(self, spec: LayerSpec) -> BuiltEntry:
        if spec.network is not None:
            is_late = spec.network.kind == "sequential" and spec.network.input_shape is None
            return BuiltEntry(spec, network=None if is_late else self.network(spec.network))
        if spec.class_name == "InputLayer":
            return BuiltEntry(spec, self._input(spec))
        if is_operation(spec):
            return BuiltEntry(spec, is_operation=True)
        if spec.wrapped is not None and spec.wrapped.network is not None:
            inside = self.network(spec.wrapped.network)
            return BuiltEntry(spec, self._layers.around(spec, inside.model), inside)
        if self._plan.is_own(spec):
            return BuiltEntry(spec, self._layers.make(spec), is_own=True)
        is_nested = as_listed(spec).class_name in NESTED_LAYERS
        layer, is_turned = self._layers.make(spec), self._plan.is_turned(spec)
        return BuiltEntry(spec, layer, is_turned=is_turned, is_own=is_nested)

    def _input(self, spec: LayerSpec) -> Any:
        config = spec.config
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        if isinstance(shape, Mapping):
            shape = shape.get("items")
        is_shape = isinstance(shape, list) and len(shape) > 1
        if not is_shape or not all(s is None or (type(s) is int and 0 < s < 2**17) for s in shape):
            raise self._plan.wrong(f"has an input of shape {shortened(str(shape))}")
        dtype = policy_name(config.get("dtype"), spec) if not (
            str(config.get("dtype")).startswith(("int", "uint"))
        ) else str(config["dtype"])  # fmt: skip
        dtype = "float32" if dtype in (None, "mixed_float16", "mixed_bfloat16") else dtype
        return self._start(shape[1:], name=plain_name(spec.name), dtype=dtype)

    def _start(self, shape: Any, *, name: str | None, dtype: str) -> Any:
        if self._plan.layout is None or len(shape) != 3:
            return keras.Input(shape, name=name, dtype=dtype)
        channels, height, width = shape
        return self._plan.layout.mark(
            keras.Input((height, width, channels), name=name, dtype=dtype)
        )

    # -- calls -----------------------------------------------------------------------------------

    def _applied(self, entry: BuiltEntry, call: Call) -> Any:
        spec = entry.spec
        try:
            if entry.is_operation:
                return self._operations.apply(spec, call)
            if spec.network is not None and entry.network is None:
                entry.network = self._late_chain(spec.network, call)
            layer = entry.layer
            if layer is None and entry.network is not None:
                layer = entry.network.model
            kwargs = {k: v for k, v in call.kwargs.items() if k not in _INACTIVE_ARGUMENTS}
            args = list(call.args)
            if args and isinstance(args[0], tuple):
                args[0] = list(args[0])
            if kwargs.pop("mask", None) is not None:
                raise self._plan.wrong(f"masks the layer {spec.name!r}")
            if current_name(spec.class_name) in MERGES and len(args) > 1:
                args = [args]
            return self._in_layout(entry, layer, args, kwargs)
        except ModelFileError:
            raise
        except UnknownOperationError as error:
            raise ModelFileError(
                f"{self._plan.file_name} uses {error} in the layer {spec.name!r}, which this "
                "program does not know.",
                remedy=REMEDY,
            ) from error
        except Exception as error:
            if entry.is_own and self._plan.own is not None:
                with self._plan.own.naming_line(
                    f"{self._plan.own.path.name}: layer {spec.name!r} fails"
                ):
                    raise
            raise self._plan.failed(spec, error) from error

    def _late_chain(self, spec: NetworkSpec, call: Call) -> BuiltNetwork:
        """A chain inside of a network that does not say what it takes: what it gets first."""
        tensor, layout = call.args[0] if call.args else None, self._plan.layout
        if not isinstance(tensor, keras.KerasTensor):
            return self.network(spec)
        shape = tuple(tensor.shape[1:])
        if layout is not None and layout.is_turned(tensor):
            shape = (shape[-1], *shape[:-1])
        return self.network(replace(spec, input_shape=(None, *shape)))

    def _in_layout(self, entry: BuiltEntry, layer: Any, args: list[Any], kwargs: Any) -> Any:
        layout = self._plan.layout
        if layout is None:
            return layer(*args, **kwargs)
        if entry.layer is None and entry.network is not None:
            result = layer(*layout.turned(args), **kwargs)
            for tensor, is_turned in zip(_as_list(result), entry.network.is_turned, strict=True):
                if is_turned:
                    layout.mark(tensor)
            return result
        if self._plan.is_turned(entry.spec):
            result = layer(*layout.turned(args), **kwargs)
            return layout.mark(result) if len(result.shape) == 4 else result
        return layer(*layout.plain(args), **layout.plain(kwargs))

    def _resolved(  # noqa: PLR0911 - one return per kind of value
        self, value: Any, tensors: Mapping[tuple[str, int], Any]
    ) -> Any:
        if isinstance(value, TensorRef):
            return self._tensor(value, tensors)
        if isinstance(value, Call):
            return Call(
                tuple(self._resolved(arg, tensors) for arg in value.args),
                {key: self._resolved(arg, tensors) for key, arg in value.kwargs.items()},
            )
        if isinstance(value, tuple):
            return tuple(self._resolved(item, tensors) for item in value)
        if isinstance(value, Mapping):
            return {key: self._resolved(item, tensors) for key, item in value.items()}
        if isinstance(value, Slice):
            parts = (value.start, value.stop, value.step)
            return slice(*(self._resolved(part, tensors) for part in parts))
        if isinstance(value, Constant):
            return np.asarray(value.value, dtype=value.dtype or "float32")
        return value

    def _tensor(self, ref: TensorRef, tensors: Mapping[tuple[str, int], Any]) -> Any:
        outputs = tensors.get((ref.layer, ref.call))
        if outputs is None or not 0 <= ref.output < len(outputs):
            raise self._plan.wrong(f"refers to an output of {ref.layer!r} that does not exist")
        return outputs[ref.output]


def _as_list(result: Any) -> list[Any]:
    # A shape is a tuple of numbers, and one value; several tensors are several.
    if isinstance(result, list) or (isinstance(result, tuple) and is_many_tensors(result)):
        return list(result)
    return [result]


def _single(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items
