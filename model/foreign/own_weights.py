"""Which variable of a user's own layer a stored array belongs to.

Such a layer may have others inside, several of one kind. Their automatic names differ between two
runs, so names are not compared: what counts is which attribute leads to a layer, where the file
says so, and else the order in which the layers inside come. Shapes are checked by whoever assigns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from model.foreign.weight_files import WeightGroup

ALIASES = {
    "depthwise_kernel": "kernel", "kernel": "depthwise_kernel",
    "sn_u": "vector_u", "u": "vector_u", "w": "kernel",
}  # fmt: skip
"""Names of a variable in older and newer versions, and in TensorFlow Addons."""

NAKED_CLONE = "_naked_clone_layer"
"""What WeightNormalization of TensorFlow Addons keeps for its start, and never uses again."""

_CLONE_IN_NAMES = "/data_dep_init/"
"""The same in the names of its arrays in HDF5 files."""


def without_clone(names: Sequence[str]) -> list[str]:
    """The names of a layer's arrays without those that only its start needed."""
    return [name for name in names if _CLONE_IN_NAMES not in name]


def in_stored_order(layer: keras.layers.Layer, names: Sequence[str]) -> list[Any] | None:
    """The variables of a layer in the order of the names that an HDF5 file has for it.

    Names are grouped by what stands before their last part: one group for each layer inside. The
    n-th group belongs to the n-th layer. Where that does not come out even, the order of Keras 2
    holds: all trainable ones first, then the others.

    Returns:
        One variable for each name, or None when their numbers differ.
    """
    variables = [*layer.trainable_weights, *layer.non_trainable_weights]
    if len(variables) != len(names):
        return None
    stored = _grouped([name.rpartition("/")[0] for name in names], names)
    owners = _owners(layer)
    ours = _grouped([owners[id(variable)] for variable in variables], variables)
    if len(stored) != len(ours):
        return variables
    found: dict[str, Any] = {}
    for their_names, our_variables in zip(stored, ours, strict=True):
        pairs = _by_kind(their_names, our_variables)
        if pairs is None:
            return variables
        found.update(pairs)
    return [found[name] for name in names]


def from_groups(layer: Any, group: WeightGroup) -> list[tuple[Any, Any]]:
    """Variables with their arrays from a ``.keras`` file: groups are called after attributes.

    Lists have groups called after the classes of what is in them, with a running number.
    """
    return _from_groups(layer, group, set())


def _from_groups(layer: Any, group: WeightGroup, seen: set[int]) -> list[tuple[Any, Any]]:
    if isinstance(layer, keras.layers.Layer):
        seen.add(id(layer))
        own = group.group("vars")
        arrays = own.numbered_arrays() if own is not None else []
        variables = [*layer._trainable_variables, *layer._non_trainable_variables]
        variables = [v for v in variables if any(v is weight for weight in layer.weights)]
        pairs = list(zip(variables, arrays, strict=len(arrays) > 0))
        for name in group.names_of_groups():
            inner, sub = _attribute(layer, name), group.group(name)
            if name != "vars" and sub is not None:
                pairs += _from_groups(inner, sub, seen)
        return pairs
    if isinstance(layer, Mapping):
        layer = list(layer.values())
    pairs = []
    used: dict[str, int] = {}
    for item in layer if isinstance(layer, list | tuple) else ():
        is_layer = isinstance(item, keras.layers.Layer)
        if not is_layer and not isinstance(item, list | tuple | Mapping):
            continue
        base = snake(type(item).__name__) if is_layer else "container"
        number = used[base] = used.get(base, -1) + 1
        sub = group.group(f"{base}_{number}" if number else base)
        if sub is not None and id(item) not in seen:
            pairs += _from_groups(item, sub, seen)
    return pairs


def at_path(layer: Any, path: str) -> Any:
    """The variable that a path of attributes and numbers leads to; None if it leads nowhere."""
    found = layer
    *parents, last = path.split("/")
    for part in parents:
        found = _step(found, part)
    variable = _step(found, last)
    if variable is None and last in ALIASES:
        variable = _step(found, ALIASES[last])
    return variable if any(variable is weight for weight in layer.weights) else None


def snake(class_name: str) -> str:
    """As Keras names groups after classes: ``Conv2DTranspose`` is ``conv2d_transpose``."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _step(found: Any, part: str) -> Any:
    if isinstance(found, list | tuple):
        return found[int(part)] if part.isdecimal() and int(part) < len(found) else None
    if isinstance(found, Mapping):
        return found.get(part)
    return _attribute(found, part)


def _attribute(holder: Any, name: str) -> Any:
    return getattr(holder, name, None) if hasattr(holder, name) else (
        getattr(holder, f"_{name}", None)
    )  # fmt: skip


def _owners(layer: keras.layers.Layer) -> dict[int, int]:
    """Which of the layers inside (by its number) a variable belongs to."""
    owners: dict[int, int] = {}
    for number, inner in enumerate(layer._flatten_layers()):
        for variable in (*inner._trainable_variables, *inner._non_trainable_variables):
            owners.setdefault(id(variable), number)
    return owners


def _grouped(keys: Sequence[Any], items: Sequence[Any]) -> list[list[Any]]:
    """Items with equal keys together, in the order in which the keys first come."""
    groups: dict[Any, list[Any]] = {}
    for key, item in zip(keys, items, strict=True):
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _by_kind(names: list[str], variables: list[Any]) -> dict[str, Any] | None:
    """Names and variables of one layer: by what they are called if that is clear, else in order."""
    if len(names) != len(variables):
        return None
    plain = [name.rpartition("/")[2].partition(":")[0] for name in names]
    own = [variable.name for variable in variables]
    for kinds in (plain, [re.sub(r"_\d+$", "", kind) for kind in plain]):
        wanted = [kind if kind in own else ALIASES.get(kind, kind) for kind in kinds]
        if len(set(own)) == len(own) and sorted(own) == sorted(wanted):
            return dict(zip(names, (variables[own.index(kind)] for kind in wanted), strict=True))
    return dict(zip(names, variables, strict=True))
