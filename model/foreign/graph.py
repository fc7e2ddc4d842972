"""A network as data: layers with options, and which tensors each call gets. No Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class TensorRef:
    """One output of one call of a layer.

    Attributes:
        layer: its name in the same network.
        call: which call of it, from 0.
        output: which of the tensors that the call gives, from 0.
    """

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Slice:
    """A Python slice in a stored call."""

    start: Any
    stop: Any
    step: Any


@dataclass(frozen=True)
class Constant:
    """An array that was stored in a call.

    Attributes:
        value: numbers, in nested lists.
        dtype: name, or an empty string.
    """

    value: Any
    dtype: str = ""


@dataclass(frozen=True)
class Call:
    """One call of a layer: of TensorRef, Slice, Constant, numbers, texts, None and Ellipsis."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSpec:
    """A layer, a named operation, or a network inside a network.

    Attributes:
        name: unique in its network.
        class_name: as stored.
        module: home of the class as stored, or an empty string; only ever compared.
        package: of a class that somebody registered (``package>Class``), or an empty string.
        config: options as stored; empty for a network.
        calls: where it is used; a layer of a Sequential has none of its own.
        network: what is inside, for a network.
        wrapped: the layer that a wrapper applies (``TimeDistributed`` and the like).
    """

    name: str
    class_name: str
    module: str
    package: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...] = ()
    network: NetworkSpec | None = None
    wrapped: LayerSpec | None = None

    def walk(self) -> Iterator[LayerSpec]:
        """Itself, and all layers inside of it."""
        yield self
        if self.network is not None:
            yield from self.network.walk()
        if self.wrapped is not None:
            yield from self.wrapped.walk()


@dataclass(frozen=True)
class NetworkSpec:
    """A network.

    Attributes:
        name: of the network.
        kind: a chain of layers, or a graph.
        layers: in the order of the file, which is the order of their weights.
        inputs, outputs: of a graph.
        input_shape: of a chain without an input layer, with the batch as None; or None.
    """

    name: str
    kind: Literal["functional", "sequential"]
    layers: tuple[LayerSpec, ...]
    inputs: tuple[TensorRef, ...] = ()
    outputs: tuple[TensorRef, ...] = ()
    input_shape: tuple[int | None, ...] | None = None

    def walk(self) -> Iterator[LayerSpec]:
        """All layers, also inside of inner networks, in the order of the file."""
        for layer in self.layers:
            yield from layer.walk()


def references(value: Any) -> Iterator[TensorRef]:
    """All tensors that a call, or a part of one, refers to."""
    if isinstance(value, TensorRef):
        yield value
    elif isinstance(value, Call):
        yield from references(value.args)
        yield from references(tuple(value.kwargs.values()))
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, Slice):
        yield from references((value.start, value.stop, value.step))


def network_before(network: NetworkSpec, layer: str) -> NetworkSpec | None:
    """The part of a network that a layer calculates from; None if there is no such part.

    Args:
        network: whose outermost layers are looked at.
        layer: name of one of them.
    """
    by_name = {each.name: each for each in network.layers}
    if layer not in by_name:
        return None
    if network.kind == "sequential":
        place = network.layers.index(by_name[layer])
        return replace(network, layers=network.layers[:place]) if place else None
    wanted = tuple(references(by_name[layer].calls[:1]))
    needed: set[str] = set()
    waiting = [ref.layer for ref in wanted]
    while waiting:
        name = waiting.pop()
        if name not in needed and name in by_name:
            needed.add(name)
            waiting += [ref.layer for ref in references(by_name[name].calls)]
    if not wanted or layer in needed:
        return None
    layers = tuple(each for each in network.layers if each.name in needed)
    inputs = tuple(ref for ref in network.inputs if ref.layer in needed)
    return replace(network, layers=layers, inputs=inputs, outputs=wanted)
