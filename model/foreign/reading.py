"""From a stored configuration, of any Keras, to a `NetworkSpec`. Pure data: no Keras, no imports.

Three ways of writing a graph are in use: lists of four per tensor (Keras 2), the same with tensors
in the keyword arguments (TensorFlow 2.4 on), and objects (Keras 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from model.errors import ModelFileError
from model.foreign.graph import (
    Call,
    Constant,
    LayerSpec,
    NetworkSpec,
    Slice,
    TensorRef,
    references,
)
from model.foreign.node_defs import as_function
from model.foreign.parser_errors import shortened
from model.foreign.vocabulary import WRAPPERS, operation_module

_GRAPHS = frozenset({"Functional", "Model"})
MAX_LAYERS = 20_000
MAX_DEPTH = 16
MAX_NAME = 1000
"""Of layers, classes and options, in characters; names are shown in messages."""
_REMEDY = "Save the network again with model.save(), or ask where the file comes from."


def read_network(config: Mapping[str, Any], *, file_name: str) -> NetworkSpec:
    """Understands a configuration.

    Args:
        config: the object with ``class_name`` and ``config`` that a file holds.
        file_name: for messages.

    Raises:
        ModelFileError: it is no graph and no chain of layers, or contradicts itself.
    """
    return _Reader(file_name).network(config, depth=0)


class _Reader:
    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._num_layers = 0

    # -- networks --------------------------------------------------------------------------------

    def network(self, entry: Mapping[str, Any], *, depth: int) -> NetworkSpec:
        if depth > MAX_DEPTH:
            raise self._wrong(f"nests networks more than {MAX_DEPTH} deep")
        kind = entry.get("class_name")
        config = entry.get("config")
        if kind == "Sequential":
            return self._sequential(config, depth)
        is_graph = isinstance(kind, str) and kind in _GRAPHS
        if is_graph and isinstance(config, Mapping) and "layers" in config:
            return self._functional(config, depth)
        raise self._written_as_class(entry)

    def _written_as_class(self, entry: Mapping[str, Any]) -> ModelFileError:
        if not isinstance(entry.get("class_name"), str):
            return self._wrong("holds a configuration that names no class")
        names = _classes_in(entry)
        others = names[1:7]
        inside = f" (with {', '.join(others)} inside)" if others else ""
        package = str(entry.get("registered_name") or "").rpartition(">")[0]
        return ModelFileError(
            f"{self._file_name} holds a {shortened(names[0])}{inside}; a network that is made of "
            "layers was expected (Functional or Sequential). A network that is written as a class "
            "of its own keeps its layers in Python code, and not in the file.",
            remedy=_class_remedy(shortened(package)),
        )

    def _sequential(self, config: Any, depth: int) -> NetworkSpec:
        options: Mapping[str, Any] = config if isinstance(config, Mapping) else {}
        entries = options.get("layers") if isinstance(config, Mapping) else config
        layers = tuple(self.layer(entry, depth=depth) for entry in self._list(entries, "layers"))
        shape = self._shape(options.get("build_input_shape"))
        if shape is None and layers:
            first = layers[0].config
            shape = self._shape(first.get("batch_input_shape") or first.get("batch_shape"))
        if layers and layers[0].class_name == "InputLayer":
            layers = layers[1:]
        return NetworkSpec(
            str(options.get("name") or "sequential"), "sequential", self._unique(layers),
            input_shape=shape,
        )  # fmt: skip

    def _functional(self, config: Mapping[str, Any], depth: int) -> NetworkSpec:
        layers = self._unique(
            tuple(
                self.layer(entry, depth=depth) for entry in self._list(config["layers"], "layers")
            )
        )
        inputs = self._ends(config.get("input_layers"), "input_layers")
        outputs = self._ends(config.get("output_layers"), "output_layers")
        network = NetworkSpec(
            str(config.get("name") or "model"), "functional", layers, inputs, outputs
        )
        return _with_calls_from_zero(network)

    def _unique(self, layers: tuple[LayerSpec, ...]) -> tuple[LayerSpec, ...]:
        names = [layer.name for layer in layers]
        twice = next((name for name in names if names.count(name) > 1), None) if (
            len(set(names)) < len(names)
        ) else None  # fmt: skip
        if twice is not None:
            raise self._wrong(f"has two layers called {twice!r}")
        return layers

    # -- layers ----------------------------------------------------------------------------------

    def layer(self, entry: Any, *, depth: int) -> LayerSpec:
        if depth > MAX_DEPTH:
            raise self._wrong(f"nests layers more than {MAX_DEPTH} deep")
        self._num_layers += 1
        if self._num_layers > MAX_LAYERS:
            raise self._wrong(f"has more than {MAX_LAYERS} layers")
        class_name = entry.get("class_name") if isinstance(entry, Mapping) else None
        config = entry.get("config") if isinstance(entry, Mapping) else None
        if not isinstance(class_name, str) or not isinstance(config, Mapping | list):
            raise self._wrong(f"has a layer that is {_short(entry)}")
        package, _, plain = class_name.rpartition(">")
        registered = entry.get("registered_name")
        if not package and isinstance(registered, str) and ">" in registered:
            package = registered.rpartition(">")[0]
        options = config if isinstance(config, Mapping) else {}
        name = entry.get("name") or options.get("name") or plain
        if not isinstance(name, str | int):
            raise self._wrong(f"has a layer whose name is {_short(name)}")
        name = str(name)
        self._check_lengths(class_name, name, *options)
        network = None
        if plain in _GRAPHS or plain == "Sequential":
            network = self.network({"class_name": plain, "config": config}, depth=depth + 1)
        wrapped = None
        if plain in WRAPPERS:
            wrapped = self.layer(options.get("layer"), depth=depth + 1)
        calls = entry.get("inbound_nodes") or []
        spec = LayerSpec(
            name, plain, _module_of(entry, plain, options), package,
            options if network is None else {},
            tuple(self._call(node) for node in self._list(calls, "inbound_nodes")), network,
            wrapped,
        )  # fmt: skip
        if plain != "TensorFlowOpLayer":
            return spec
        try:
            return as_function(spec)
        except ValueError as error:
            raise self._wrong(f"has the node {shortened(name)!r} with {error}") from error

    def _check_lengths(self, *names: str) -> None:
        longest = max(names, key=len)
        if len(longest) > MAX_NAME:
            raise self._wrong(f"has a name of {len(longest)} characters ({shortened(longest)})")

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, node: Any) -> Call:
        if isinstance(node, Mapping) and "args" in node:
            kwargs = node.get("kwargs") or {}
            if not isinstance(kwargs, Mapping):
                raise self._wrong(f"calls a layer with {_short(kwargs)}")
            return Call(
                tuple(self._new(value) for value in self._list(node["args"], "args")),
                {str(key): self._new(value) for key, value in kwargs.items()},
            )
        if isinstance(node, list):
            return self._old_call(node)
        raise self._wrong(f"calls a layer with {_short(node)}")

    def _old_call(self, node: list[Any]) -> Call:
        entries = [node] if node and isinstance(node[0], str) else node
        if not all(_is_old_tensor(entry) for entry in entries):
            raise self._wrong(f"calls a layer with {_short(node)}")
        kwargs: dict[str, Any] = {}
        tensors = []
        for entry in entries:
            if len(entry) > 3 and isinstance(entry[3], Mapping):
                kwargs.update({str(key): self._old(value) for key, value in entry[3].items()})
            tensors.append(self._old(entry[:3]))
        if not tensors:
            return Call((), kwargs)
        return Call((tensors[0] if len(tensors) == 1 else tuple(tensors),), kwargs)

    def _old(self, value: Any) -> Any:
        """A value of Keras 2, where a list of text and two numbers is a tensor."""
        if _is_old_tensor(value):
            layer, call, output = value[:3]
            return self._plain(output) if layer == "_CONSTANT_VALUE" else (
                TensorRef(layer, int(call), int(output))
            )  # fmt: skip
        if isinstance(value, list):
            return tuple(self._old(item) for item in value)
        if isinstance(value, Mapping) and "class_name" not in value:
            if set(value) <= {"start", "stop", "step"} and value:
                return Slice(*(self._old(value.get(key)) for key in ("start", "stop", "step")))
            return {str(key): self._old(item) for key, item in value.items()}
        return self._plain(value)

    def _new(self, value: Any) -> Any:
        """A value of Keras 3."""
        if isinstance(value, list):
            return tuple(self._new(item) for item in value)
        if isinstance(value, Mapping):
            kind, config = value.get("class_name"), value.get("config")
            if kind == "__keras_tensor__" and isinstance(config, Mapping):
                return self._reference(config.get("keras_history"))
            if kind == "__slice__" and isinstance(config, Mapping):
                return Slice(*(self._new(config.get(key)) for key in ("start", "stop", "step")))
            if kind is None:
                return {str(key): self._new(item) for key, item in value.items()}
        return self._plain(value)

    def _plain(self, value: Any) -> Any:
        """What both write in the same way."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return tuple(self._plain(item) for item in value)
        if isinstance(value, Mapping):
            kind, config = value.get("class_name"), value.get("config")
            if kind == "__tuple__":
                return tuple(self._new(item) for item in self._list(value.get("items"), "items"))
            if kind == "__ellipsis__":
                return Ellipsis
            if kind == "TensorShape":
                return tuple(self._plain(v) for v in self._list(value.get("items"), "items"))
            if kind in ("__tensor__", "__numpy__") and isinstance(config, Mapping):
                return Constant(config.get("value"), str(config.get("dtype", "")))
        raise self._wrong(f"gives a layer {_short(value)}")

    # -- parts -----------------------------------------------------------------------------------

    def _reference(self, value: Any) -> TensorRef:
        if not _is_old_tensor(value):
            raise self._wrong(f"refers to {_short(value)} as a tensor")
        return TensorRef(value[0], int(value[1]), int(value[2]))

    def _ends(self, value: Any, what: str) -> tuple[TensorRef, ...]:
        if _is_old_tensor(value):
            return (self._reference(value),)
        items = list(value.values()) if isinstance(value, Mapping) else value
        found = tuple(self._reference(item) for item in self._list(items, what))
        if not found:
            raise self._wrong(f"has no {what.replace('_', ' ')}")
        return found

    def _list(self, value: Any, what: str) -> Sequence[Any]:
        if not isinstance(value, list):
            raise self._wrong(f"has {_short(value)} as {what}; a list was expected")
        return value

    def _shape(self, value: Any) -> tuple[int | None, ...] | None:
        if isinstance(value, Mapping):
            value = value.get("items")
        if not isinstance(value, list) or not all(v is None or type(v) is int for v in value):
            return None
        return tuple(value)

    def _wrong(self, what: str) -> ModelFileError:
        return ModelFileError(
            f"{self._file_name} {what}; that is no network that Keras writes.", remedy=_REMEDY
        )


def _module_of(entry: Mapping[str, Any], class_name: str, options: Mapping[str, Any]) -> str:
    """Home of a class. HDF5 files of Keras 3 leave it out, also for operations.

    An operation is called as Keras 3 writes calls, and has none of the options of layers.
    """
    module = entry.get("module")
    if isinstance(module, str):
        return module
    calls = entry.get("inbound_nodes")
    is_new = isinstance(calls, list) and bool(calls) and isinstance(calls[0], Mapping)
    if "module" in entry or "trainable" in options or not is_new:
        return ""
    return operation_module(class_name)


def _class_remedy(package: str) -> str:
    if not package:
        return "Rebuild it as keras.Model(inputs, outputs), and save that."
    return (
        f"Where {package} is installed, take it apart into plain layers and save that; the manual "
        "has the lines for it (Files that are no plain network)."
    )


def _classes_in(entry: Mapping[str, Any]) -> list[str]:
    """The class of a network, and those of other packages than Keras among its options."""
    found = [str(entry.get("class_name"))]
    waiting: list[Any] = [entry.get("config")]
    for value in waiting:  # grows meanwhile
        if isinstance(value, Mapping):
            home = str(value.get("module") or "").partition(".")[0]
            if isinstance(value.get("class_name"), str) and home not in ("keras", "builtins", ""):
                found.append(shortened(value["class_name"]))
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return list(dict.fromkeys(found))


def _is_old_tensor(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) >= 3
        and isinstance(value[0], str) and type(value[1]) is int
        and (type(value[2]) is int or value[0] == "_CONSTANT_VALUE")
        and (len(value) == 3 or (len(value) == 4 and isinstance(value[3], Mapping | type(None))))
    )  # fmt: skip


def _with_calls_from_zero(network: NetworkSpec) -> NetworkSpec:
    """Counts the calls of every layer from 0.

    Keras 2 counts the calls of an inner network from 1: making it was call 0. Whether it did shows:
    then the highest number is one too high.
    """
    highest: dict[str, int] = {}
    everything = [*network.inputs, *network.outputs]
    for layer in network.layers:
        everything += references(layer.calls)
    for ref in everything:
        highest[ref.layer] = max(highest.get(ref.layer, 0), ref.call)
    late = {
        layer.name for layer in network.layers
        if layer.network is not None and highest.get(layer.name, 0) >= len(layer.calls) > 0
    }  # fmt: skip
    if not late:
        return network
    return replace(
        network,
        layers=tuple(
            replace(layer, calls=tuple(_shifted(call, late) for call in layer.calls))
            for layer in network.layers
        ),
        inputs=_shifted(network.inputs, late),
        outputs=_shifted(network.outputs, late),
    )


def _shifted(value: Any, late: set[str]) -> Any:
    if isinstance(value, TensorRef):
        return replace(value, call=value.call - 1) if value.layer in late else value
    if isinstance(value, Call):
        return Call(_shifted(value.args, late), _shifted(value.kwargs, late))
    if isinstance(value, tuple):
        return tuple(_shifted(item, late) for item in value)
    if isinstance(value, Mapping):
        return {key: _shifted(item, late) for key, item in value.items()}
    if isinstance(value, Slice):
        return Slice(*(_shifted(v, late) for v in (value.start, value.stop, value.step)))
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
