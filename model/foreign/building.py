"""From a `NetworkSpec` to a Keras network, layer by layer, from the lists of `vocabulary`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from model.errors import ModelFileError, OwnLayersError, SegguiError
from model.foreign.contents import is_unknown, unknown_activations
from model.foreign.equivalents import EQUIVALENTS, OUR_FUNCTIONS
from model.foreign.graph import (
    Call,
    Constant,
    LayerSpec,
    NetworkSpec,
    Slice,
    TensorRef,
    references,
)
from model.foreign.lambda_bodies import read_lambda
from model.foreign.lambda_building import apply_expression
from model.foreign.layout import Layout, calculates_turned, is_channels_first, turned_options
from model.foreign.operations import UnknownOperationError, apply_function
from model.foreign.options import options_of, policy_name
from model.foreign.own_layers import OwnLayers
from model.foreign.parser_errors import reason_of, shortened
from model.foreign.public_layers import as_listed
from model.foreign.reading import read_layer
from model.foreign.vocabulary import (
    LAYERS,
    MERGES,
    NESTED_LAYERS,
    OPERATION_MODULES,
    OPERATIONS_3,
    current_name,
)
from model.foreign.writer import Writer

_FUNCTION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "Lambda"})
_REMEDY = "Save it with a current Keras, or report it to the developers of this program."
_INACTIVE_ARGUMENTS = frozenset({"training", "mask", "name", "use_causal_mask"})


@dataclass
class BuiltEntry:
    """A layer of a file and what was made of it.

    Attributes:
        spec: as stored.
        layer: the layer of today's Keras; None for an operation and for an inner network.
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
    builder = _Builder(file_name, is_keras_2, has_old_bilinear, widths, own)
    builder.writer = writer or Writer(is_keras_2, is_channels_first=is_channels_first(spec))
    if is_channels_first(spec):
        builder.layout = Layout()
    try:
        return builder.network(spec)
    except SegguiError:
        raise
    except Exception as error:  # what Keras says of ends that do not fit together, and the like
        raise ModelFileError(
            f"{file_name} holds a network that cannot be built: {reason_of(error)}.",
            remedy=_REMEDY,
        ) from error


class _Builder:
    def __init__(
        self,
        file_name: str,
        is_keras_2: bool,
        has_old_bilinear: bool,
        widths: frozenset[int] | None,
        own: OwnLayers | None,
    ) -> None:
        self._file_name, self._is_keras_2 = file_name, is_keras_2
        self._has_old_bilinear, self._widths = has_old_bilinear, widths
        self._own = own
        self.layout: Layout | None = None
        self.writer = Writer(is_keras_2)

    # -- networks --------------------------------------------------------------------------------

    def network(self, spec: NetworkSpec) -> BuiltNetwork:
        if spec.kind == "sequential":
            return self._chain(spec)
        return self._graph(spec)

    def _chain(self, spec: NetworkSpec) -> BuiltNetwork:
        if spec.input_shape is None:
            raise ModelFileError(
                f"{self._file_name} does not say what size of image {spec.name!r} takes.",
                remedy="Save it after it was built: model.build((None, H, W, C)).",
            )
        start = self._start(spec.input_shape[1:], name=None, dtype="float32")
        entries, tensor = [], start
        for layer in spec.layers:
            entry = self._entry(layer)
            entries.append(entry)
            tensor = self._applied(entry, Call((tensor,)))
        model = keras.Model(start, tensor, name=_plain_name(spec.name))
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
                raise self._wrong(f"has a layer {left[0][0].name!r} whose input never comes")
            waiting = left
        inputs = [self._tensor(ref, tensors) for ref in spec.inputs]
        outputs = [self._tensor(ref, tensors) for ref in spec.outputs]
        if not all(isinstance(output, keras.KerasTensor) for output in outputs):
            raise self._wrong("has an output that is no tensor")
        model = keras.Model(_single(inputs), _single(outputs), name=_plain_name(spec.name))
        return BuiltNetwork(model, list(entries.values()), self._turned_ends(outputs))

    def _turned_ends(self, outputs: list[Any]) -> tuple[bool, ...]:
        layout = self.layout
        return tuple(layout is not None and layout.is_turned(output) for output in outputs)

    # -- layers ----------------------------------------------------------------------------------

    def _entry(self, spec: LayerSpec) -> BuiltEntry:
        if spec.network is not None:
            return BuiltEntry(spec, network=self.network(spec.network))
        if spec.class_name == "InputLayer":
            return BuiltEntry(spec, self._input(spec))
        if spec.class_name in _FUNCTION_LAYERS or spec.module in OPERATION_MODULES:
            return BuiltEntry(spec, is_operation=True)
        if self._own is not None and is_unknown(spec):
            return BuiltEntry(spec, self._own_layer(spec, self._own), is_own=True)
        is_nested = as_listed(spec).class_name in NESTED_LAYERS
        layer = self._layer(spec)
        return BuiltEntry(spec, layer, is_turned=self._is_turned(spec), is_own=is_nested)

    def _own_layer(self, spec: LayerSpec, own: OwnLayers) -> keras.layers.Layer:
        if own.layer_class(spec.package, spec.class_name) is None:
            raise OwnLayersError(
                f"{own.path.name} defines {spec.class_name!r}, but as no layer of the Keras that "
                "runs here.",
                names=(), remedy="Derive it from keras.layers.Layer, or choose another file.",
            )  # fmt: skip
        with own.naming_line(f"{own.path.name} cannot make the layer {spec.name!r}"):
            return own.make(spec)

    def _input(self, spec: LayerSpec) -> Any:
        config = spec.config
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        if isinstance(shape, Mapping):
            shape = shape.get("items")
        is_shape = isinstance(shape, list) and len(shape) > 1
        if not is_shape or not all(s is None or (type(s) is int and 0 < s < 2**17) for s in shape):
            raise self._wrong(f"has an input of shape {shortened(str(shape))}")
        dtype = policy_name(config.get("dtype"), spec) if not (
            str(config.get("dtype")).startswith(("int", "uint"))
        ) else str(config["dtype"])  # fmt: skip
        dtype = "float32" if dtype in (None, "mixed_float16", "mixed_bfloat16") else dtype
        return self._start(shape[1:], name=_plain_name(spec.name), dtype=dtype)

    def _start(self, shape: Any, *, name: str | None, dtype: str) -> Any:
        if self.layout is None or len(shape) != 3:
            return keras.Input(shape, name=name, dtype=dtype)
        channels, height, width = shape
        return self.layout.mark(keras.Input((height, width, channels), name=name, dtype=dtype))

    def _layer(self, spec: LayerSpec) -> keras.layers.Layer:
        spec = as_listed(spec)
        name = current_name(spec.class_name)
        if name == "TimeDistributed":
            return self._wrapped(spec)
        if spec.package == "seggui" and name in EQUIVALENTS:
            kind: Any = EQUIVALENTS[name]
        elif name not in LAYERS or spec.package not in ("", "keras", "Keras"):
            raise self._unknown(spec)
        elif self._is_old_bilinear(spec):
            kind = EQUIVALENTS["OldBilinearUpSampling2D"]
        else:
            kind = EQUIVALENTS.get(name) or getattr(keras.layers, name)
        stored_as = keras.layers.UpSampling2D if self._is_old_bilinear(spec) else kind
        accepted = _accepted(stored_as)
        own_activations = self._own_activations(spec)
        if own_activations:
            config = {k: v for k, v in spec.config.items() if k not in own_activations}
            spec = replace(spec, config=config)
        options = options_of(spec, accepted, is_keras_2=self._is_keras_2)
        self._check_widths(spec, options)
        if kind is EQUIVALENTS["OldBilinearUpSampling2D"]:
            options = {key: options[key] for key in ("name", "size", "dtype") if key in options}
        if kind is EQUIVALENTS["Snake"]:
            options.setdefault("is_stored", self._is_keras_2)
        for key, value in options.items():
            if key.endswith("activation"):
                options[key] = _activation(value)
        options.update(own_activations)
        try:
            if self._is_turned(spec):
                options = turned_options(spec.class_name, options)
            return kind(**options)
        except Exception as error:
            raise self._failed(spec, error) from error

    def _own_activations(self, spec: LayerSpec) -> dict[str, Any]:
        """Activations of the user's Python file, by the option that they are for."""
        own, found = self._own, {}
        names = unknown_activations(spec) if own is not None else {}
        for key, name in names.items():
            assert own is not None
            with own.naming_line(f"{own.path.name} cannot make the activation {name!r}"):
                function = own.activation(spec.config[key])
            if function is None:
                raise self._unknown(replace(spec, class_name=name))
            found[key] = function
        return found

    def _wrapped(self, spec: LayerSpec) -> keras.layers.Layer:
        inner = read_layer(spec.config.get("layer"), file_name=self._file_name)
        if inner.network is not None:
            raise self._unknown(spec)
        return keras.layers.TimeDistributed(self._layer(inner), name=_plain_name(spec.name))

    def _is_turned(self, spec: LayerSpec) -> bool:
        data_format = spec.config.get("data_format")
        return self.layout is not None and calculates_turned(spec.class_name, data_format)

    def _is_old_bilinear(self, spec: LayerSpec) -> bool:
        is_bilinear = spec.config.get("interpolation") == "bilinear"
        return self._has_old_bilinear and spec.class_name == "UpSampling2D" and is_bilinear

    def _check_widths(self, spec: LayerSpec, options: Mapping[str, Any]) -> None:
        for key in ("filters", "units"):
            width = options.get(key)
            if self._widths is not None and isinstance(width, int) and width not in self._widths:
                raise ModelFileError(
                    f"{self._file_name} declares {key} = {width} for the layer {spec.name!r}, but "
                    "holds no weights of that size.",
                    remedy="Ask where the file comes from before using it.",
                )

    # -- calls -----------------------------------------------------------------------------------

    def _applied(self, entry: BuiltEntry, call: Call) -> Any:
        spec = entry.spec
        try:
            if entry.is_operation:
                return self._operation(spec, call)
            layer = entry.network.model if entry.network is not None else entry.layer
            kwargs = {k: v for k, v in call.kwargs.items() if k not in _INACTIVE_ARGUMENTS}
            args = list(call.args)
            if args and isinstance(args[0], tuple):
                args[0] = list(args[0])
            if kwargs.pop("mask", None) is not None:
                raise self._wrong(f"masks the layer {spec.name!r}")
            if current_name(spec.class_name) in MERGES and len(args) > 1:
                args = [args]
            return self._in_layout(entry, layer, args, kwargs)
        except ModelFileError:
            raise
        except UnknownOperationError as error:
            raise ModelFileError(
                f"{self._file_name} uses {error} in the layer {spec.name!r}, which this program "
                "does not know.",
                remedy=_REMEDY,
            ) from error
        except Exception as error:
            if entry.is_own and self._own is not None:
                with self._own.naming_line(f"{self._own.path.name}: layer {spec.name!r} fails"):
                    raise
            raise self._failed(spec, error) from error

    def _in_layout(self, entry: BuiltEntry, layer: Any, args: list[Any], kwargs: Any) -> Any:
        if self.layout is None:
            return layer(*args, **kwargs)
        if entry.network is not None:
            result = layer(*self.layout.turned(args), **kwargs)
            for tensor, is_turned in zip(_as_list(result), entry.network.is_turned, strict=True):
                if is_turned:
                    self.layout.mark(tensor)
            return result
        if self._is_turned(entry.spec):
            result = layer(*self.layout.turned(args), **kwargs)
            return self.layout.mark(result) if len(result.shape) == 4 else result
        return layer(*self.layout.plain(args), **self.layout.plain(kwargs))

    def _operation(self, spec: LayerSpec, call: Call) -> Any:
        if self.layout is not None:
            call = Call(self.layout.plain(call.args), self.layout.plain(dict(call.kwargs)))
        if spec.class_name == "TFOpLambda":
            function = str(spec.config.get("function", ""))
            return apply_function(function, call.args, dict(call.kwargs), spec.name)
        if spec.class_name == "Lambda":
            return self._lambda(spec, call)
        if spec.class_name in ("SlicingOpLambda", "GetItem"):
            function = "__operators__.getitem"
            named = {"slice_spec" if k == "key" else k: v for k, v in call.kwargs.items()}
            return apply_function(function, call.args, named, spec.name)
        home = spec.module.rpartition(".")[2]
        if spec.class_name not in OPERATIONS_3.get(home, ()):
            raise self._unknown(spec)
        kind = getattr(getattr(keras.src.ops, home), spec.class_name)
        accepted = _accepted(kind)
        options = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in spec.config.items() if key in accepted and key != "name"
        }  # fmt: skip
        if any(isinstance(value, Mapping) for value in options.values()):
            raise self._unknown(spec)
        args = [list(arg) if _is_many_tensors(arg) else arg for arg in call.args]
        return kind(**options)(*args, **call.kwargs)

    def _lambda(self, spec: LayerSpec, call: Call) -> Any:
        """What a Lambda calculates, as listed operations; its code is read and never run."""
        body = read_lambda(spec, self.writer)
        if body.expression is None or spec.package not in ("", "keras", "Keras"):
            raise self._wrong(f"contains program code in the layer {body.described()}")
        if len(call.args) != 1:
            raise self._wrong(f"gives the layer {spec.name!r} several things to calculate from")
        policy = policy_name(spec.config.get("dtype"), spec)
        return apply_expression(body.expression, call.args[0], spec.name, policy)

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
            raise self._wrong(f"refers to an output of {ref.layer!r} that does not exist")
        return outputs[ref.output]

    # -- what went wrong -------------------------------------------------------------------------

    def _unknown(self, spec: LayerSpec) -> ModelFileError:
        return ModelFileError(
            f"{self._file_name} uses a layer of its own called {spec.class_name!r} "
            f"({spec.name!r}), which Keras does not have.",
            remedy="Rebuild the network with built-in layers, and save it again.",
        )

    def _failed(self, spec: LayerSpec, error: Exception) -> ModelFileError:
        return ModelFileError(
            f"{self._file_name}: the layer {spec.name!r} ({spec.class_name}) cannot be built: "
            f"{reason_of(error)}.",
            remedy=_REMEDY,
        )

    def _wrong(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self._file_name} {what}.", remedy=_REMEDY)


def _activation(value: Any) -> Any:
    if isinstance(value, tuple):
        kind, config = value
        options = {k: v for k, v in config.items() if isinstance(v, int | float | type(None))}
        if kind == "LeakyReLU" and "alpha" in options:
            options["negative_slope"] = options.pop("alpha")
        return getattr(keras.layers, kind)(
            **{k: v for k, v in options.items() if k in _accepted(getattr(keras.layers, kind))}
        )
    return OUR_FUNCTIONS.get(value, value)


def _accepted(kind: Any) -> frozenset[str]:
    """Names of keyword arguments that a class takes, its base layers' included."""
    names: set[str] = set()
    for base in kind.__mro__:
        init = base.__dict__.get("__init__")
        if init is not None and base is not object:
            names.update(inspect.signature(init).parameters)
        if base is keras.layers.Layer:
            break
    return frozenset(names - {"self", "args", "kwargs"})


def _is_many_tensors(value: Any) -> bool:
    return (
        isinstance(value, tuple) and bool(value)
        and all(isinstance(item, keras.KerasTensor) for item in value)
    )  # fmt: skip


def _as_list(result: Any) -> list[Any]:
    # A shape is a tuple of numbers, and one value; several tensors are several.
    if isinstance(result, list) or (isinstance(result, tuple) and _is_many_tensors(result)):
        return list(result)
    return [result]


def _single(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items


def _plain_name(name: str) -> str:
    return name.replace("/", "_")
