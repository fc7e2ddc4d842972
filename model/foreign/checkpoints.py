"""Arrays of a TensorFlow checkpoint into a rebuilt network.

A checkpoint keeps a graph of objects beside its arrays: from the network, ``layer_with_weights-N``
leads to the N-th layer that has weights, in the order of the configuration, and from a layer the
names of its variables lead to the keys of the arrays. The keys alone do not say it: an array that
can be reached in several ways is stored under the shortest one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import ModelFileError
from model.foreign.building import BuiltNetwork
from model.foreign.own_weights import ALIASES, NAKED_CLONE, at_path
from model.foreign.placing import Placer, has_weights
from model.foreign.saved_model import fields
from model.foreign.weight_files import check_numbers

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_MAX_DEPTH = 3
_LISTS = frozenset({"keras_api", "variables", "trainable_variables", "non_trainable_variables"})
_BROKEN = "Copy or download the whole folder again."


def place_checkpoint(built: BuiltNetwork, prefix: Path, *, file_name: str) -> None:
    """Gives every layer its array of a checkpoint.

    Raises:
        ModelFileError: damaged, an array is missing, left over, or has another shape; or there is
            no TensorFlow to read it with.
    """
    reader, graph = _open(prefix, file_name)
    filler = _Filler(reader, graph, Placer(file_name, built), file_name)
    try:
        filler.fill(built, graph[0] if graph else {})
    except (ValueError, KeyError, IndexError, RuntimeError) as error:
        raise _damaged(file_name, error) from error
    filler.placer.check_all(built)


Node = Mapping[str, Any]
"""``{"children": {name: number of a node}, "key": of its array, or an empty text}``."""


def _open(prefix: Path, file_name: str) -> tuple[Any, list[Node]]:
    try:
        from tensorflow import errors, train
    except ImportError as error:
        raise ModelFileError(
            f"{file_name} is a SavedModel; its weights can be read with TensorFlow only, which is "
            "not installed here.",
            remedy="Save it as a .keras or .h5 file, or install TensorFlow.",
        ) from error
    try:
        reader = train.load_checkpoint(str(prefix))
        shapes: Mapping[str, list[int]] = reader.get_variable_to_shape_map()
        stored = sum(file.stat().st_size for file in prefix.parent.glob("variables.data-*"))
        declared = sum(int(np.prod(shape, dtype=object)) for shape in shapes.values())
        if declared > stored:
            raise ModelFileError(
                f"{file_name} declares {declared} weights and holds {stored} bytes.",
                remedy="Ask where the file comes from before using it.",
            )
        return reader, _nodes(bytes(reader.get_tensor(_GRAPH)))
    except (errors.OpError, ValueError, IndexError, RuntimeError) as error:
        raise _damaged(file_name, error) from error


def _nodes(data: bytes) -> list[Node]:
    """The objects of a ``TrackableObjectGraph`` message."""
    nodes: list[Node] = []
    for number, value in fields(data):
        if number != 1 or not isinstance(value, bytes):
            continue
        children: dict[str, int] = {}
        key = ""
        for inner, part in fields(value):
            if not isinstance(part, bytes):
                continue
            found = dict(fields(part))
            if inner == 1:
                children[_text(found.get(2))] = int(found.get(1, 0))
            elif inner == 2 and _text(found.get(1)) == "VARIABLE_VALUE":
                key = _text(found.get(3))
        nodes.append({"children": children, "key": key})
    return nodes


class _Filler:
    def __init__(self, reader: Any, graph: list[Node], placer: Placer, file_name: str) -> None:
        self._reader, self._graph, self._file_name = reader, graph, file_name
        self.placer = placer

    def fill(self, built: BuiltNetwork, node: Node) -> None:
        """All layers of a network, and of the networks in it."""
        entries = [e for e in built.entries if not e.is_operation and has_weights(e)]
        names = [name for name in node["children"] if name.startswith("layer_with_weights-")]
        if len(names) != len(entries):
            raise ModelFileError(
                f"{self._file_name} holds weights of {len(names)} layers and has {len(entries)}.",
                remedy=_BROKEN,
            )
        for number, entry in enumerate(entries):
            child = self._graph[node["children"][f"layer_with_weights-{number}"]]
            if entry.network is not None:
                is_wrapped = entry.layer is not None
                self.fill(
                    entry.network, self._graph[child["children"]["layer"]] if is_wrapped else child
                )
            elif entry.is_own or entry.spec.wrapped is not None:
                self._fill_own(entry.layer, child)
            else:
                self._fill_layer(entry.layer, child)

    def _fill_layer(self, layer: Any, node: Node) -> None:
        keys = dict(self._keys_under(node, "", 0))
        order = [_match(weight, keys) for weight in layer.weights]
        if "" in order or len(set(order)) != len(keys):
            raise ModelFileError(
                f"{self._file_name} stores {sorted(keys)} for the layer {layer.name!r}, which "
                f"needs {[weight.name for weight in layer.weights]}.",
                remedy=_BROKEN,
            )
        arrays = self._arrays({name: keys[name] for name in order})
        self.placer.into_layer(layer, [weight.name for weight in layer.weights], arrays)

    def _fill_own(self, layer: Any, node: Node) -> None:
        """A user's own layer: the checkpoint names the attributes that lead to its variables."""
        keys = self._keys_inside(node)
        found = {path: at_path(layer, path) for path in keys}
        by_variable = {id(v): path for path, v in found.items() if v is not None}
        reached = {keys[path] for path in by_variable.values()}
        if len(by_variable) != len(layer.weights) or reached != set(keys.values()):
            raise ModelFileError(
                f"{self._file_name} stores {sorted(keys)} for the layer {layer.name!r}, which "
                f"needs {[weight.path for weight in layer.weights]}.",
                remedy=_BROKEN,
            )
        order = [by_variable[id(weight)] for weight in layer.weights]
        self.placer.into_variables(
            layer, layer.weights, self._arrays({path: keys[path] for path in order})
        )

    def _keys_inside(self, node: Node) -> dict[str, str]:
        """Keys of all variables below a node by the shortest path that leads to each."""
        keys: dict[str, str] = {}
        waiting, seen = [("", node)], {id(node)}
        for path, parent in waiting:  # grows meanwhile
            for name, number in parent["children"].items():
                child = self._graph[number]
                if name in _LISTS or name == NAKED_CLONE or id(child) in seen:
                    continue
                seen.add(id(child))
                if child["key"]:
                    keys[f"{path}{name}"] = child["key"]
                else:
                    waiting.append((f"{path}{name}/", child))
        return keys

    def _arrays(self, keys: Mapping[str, str]) -> list[Any]:
        """Arrays by their keys, in order."""
        arrays = [self._reader.get_tensor(key) for key in keys.values()]
        for array, name in zip(arrays, keys, strict=True):
            check_numbers(array, name, self._file_name)
        return arrays

    def _keys_under(self, node: Node, path: str, depth: int) -> Iterator[tuple[str, str]]:
        if depth > _MAX_DEPTH:
            return
        for name, number in node["children"].items():
            if name in _LISTS or name.startswith(("layer-", "layer_with_weights-")):
                continue
            child = self._graph[number]
            if child["key"]:
                yield f"{path}{name}", child["key"]
            else:
                yield from self._keys_under(child, f"{path}{name}/", depth + 1)


def _match(weight: Any, keys: Mapping[str, str]) -> str:
    """The stored name of a variable: its own, an older one, or one in a layer of its own."""
    parent, own = str(weight.path).split("/")[-2:]
    for name in (own, ALIASES.get(own, own)):
        if name in keys:
            return name
    inside = [name for name in keys if name.endswith(f"/{own}") and f"_{parent}_" in f"_{name}_"]
    if not inside:
        inside = [name for name in keys if name.rpartition("/")[2] == own
                  and parent.split("_")[-1] in name]  # fmt: skip
    return inside[0] if len(inside) == 1 else ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _damaged(file_name: str, error: Exception) -> ModelFileError:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return ModelFileError(f"The weights in {file_name} are damaged: {reason}.", remedy=_BROKEN)
