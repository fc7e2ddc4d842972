"""Stored arrays into the layers of a rebuilt network: by name, each shape and count checked.

Two ways of storing are in use. HDF5 models keep a list of names per layer. ``.keras`` files keep
groups that are called after the *class* of a layer with a running number, in the order of layers.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.errors import ModelFileError
from model.foreign.building import BuiltEntry, BuiltNetwork
from model.foreign.layout import turned_array
from model.foreign.own_weights import (
    ALIASES,
    NAKED_CLONE,
    from_groups,
    in_stored_order,
    snake,
    without_clone,
)
from model.foreign.public_layers import as_listed
from model.foreign.weight_files import CONTAINERS, WeightGroup, base_and_number

Array = npt.NDArray[np.generic]
_BROKEN = "Save the network again, or ask its author for the version that wrote it."


def place_weights(
    built: BuiltNetwork,
    weights: WeightGroup,
    *,
    file_format: str,
    file_name: str,
    is_from_elsewhere: bool = False,
) -> None:
    """Gives every layer its stored arrays.

    Args:
        built: the network.
        weights: of the file.
        file_format: ``"hdf5"`` for arrays under the names of layers, else under numbers.
        file_name: for messages.
        is_from_elsewhere: the network is not from the file of the weights. Names that Keras gives
            by itself count on during a session (``conv2d_24``), so they may differ then.

    Raises:
        ModelFileError: an array is missing, left over, or has another shape.
    """
    placer = Placer(file_name, built, is_from_elsewhere=is_from_elsewhere)
    if file_format == "hdf5":
        placer.by_name(built, weights)
        left = [name for name in weights.unused() if "/optimizer_weights/" not in name]
        left = [name for name in left if not placer.is_needless(name)]
    else:
        placer.by_number(built, weights)
        left = [name for container in CONTAINERS for name in _unused_in(weights.group(container))]
        left = [name for name in left if not placer.is_needless(name)]
    if left:
        raise ModelFileError(
            f"{file_name} holds weights that no layer asks for: {_listed(left)}.", remedy=_BROKEN
        )
    placer.check_all(built)


class Placer:
    """Puts arrays into layers, and remembers which layers got theirs."""

    def __init__(
        self, file_name: str, built: BuiltNetwork, *, is_from_elsewhere: bool = False
    ) -> None:
        self._file_name, self._is_from_elsewhere = file_name, is_from_elsewhere
        self._turned = {id(entry.layer) for entry in _entries(built) if entry.is_turned}
        self._own = {id(entry.layer) for entry in _entries(built) if entry.is_own}
        self._filled: set[int] = set()
        self._ignored: set[str] = set()

    def is_needless(self, path: str) -> bool:
        """Whether an array may be left over: it was needed for the first batch of training only."""
        return path in self._ignored

    def check_all(self, built: BuiltNetwork) -> None:
        """No layer with weights was left as it was made."""
        empty = [layer.name for layer in _leaves(built) if id(layer) not in self._filled]
        if empty:
            raise ModelFileError(
                f"{self._file_name} lacks the weights of {_listed(empty)}.", remedy=_BROKEN
            )

    # -- HDF5 models -----------------------------------------------------------------------------

    def by_name(self, built: BuiltNetwork, weights: WeightGroup) -> None:
        """From an HDF5 model: a group per layer, with a list of names."""
        renamed = self._stored_names(built, weights) if self._is_from_elsewhere else {}
        for entry in built.entries:
            group = weights.group(renamed.get(entry.spec.name, entry.spec.name))
            names = group.texts("weight_names") if group is not None else None
            if group is None or not names:
                continue
            if as_listed(entry.spec).class_name == "WeightNormalization":
                self._ignored |= {f"{group.path}/{name}" for name in names}
                names = tuple(without_clone(names))
            arrays = [group.array(name) for name in names]
            if entry.network is not None:
                self._into_network(entry.network, names, arrays)
            else:
                self._into_named(entry.layer, names, arrays)

    def _stored_names(self, built: BuiltNetwork, weights: WeightGroup) -> dict[str, str]:
        """What the layers of a network from elsewhere are called in the file of the weights.

        By their names; else, where those are Keras' own, by the order of their numbers; else in the
        order of the file, as Keras itself reads weights. Shapes are checked in any case.
        """
        stored = []
        for name in weights.texts("layer_names") or ():
            group = weights.group(name)
            if group is not None and group.texts("weight_names"):
                stored.append(name)
        wanted = [entry.spec.name for entry in built.entries if has_weights(entry)]
        if len(stored) != len(wanted) or set(stored) == set(wanted):
            return {}
        ranked = [sorted(names, key=base_and_number) for names in (wanted, stored)]
        bases = [[base_and_number(name)[0] for name in names] for names in ranked]
        pairs = ranked if bases[0] == bases[1] else [wanted, stored]
        return dict(zip(*pairs, strict=True))

    def _into_named(
        self, layer: keras.layers.Layer, names: Sequence[str], arrays: Sequence[Array]
    ) -> None:
        if id(layer) not in self._own:
            self.into_layer(layer, [_kind(name) for name in names], arrays)
            return
        variables = in_stored_order(layer, names)
        if variables is None:
            raise self._count(layer, len(layer.weights), len(arrays))
        self.into_variables(layer, variables, arrays)

    def _into_network(
        self, network: BuiltNetwork, names: Sequence[str], arrays: Sequence[Array]
    ) -> None:
        """All arrays of an inner network lie in one list, with the names of its layers in them."""
        leaves = list(_leaves(network))
        counts = Counter(layer.name for layer in leaves)
        by_layer: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(names):
            owner = _owner(name, counts)
            if owner:
                by_layer[owner].append(index)
        is_clear = all(count == 1 for count in counts.values()) and all(
            len(by_layer[layer.name]) == len(layer.weights) for layer in leaves
        )
        if is_clear and sum(map(len, by_layer.values())) == len(names):
            for layer in leaves:
                chosen = by_layer[layer.name]
                self._into_named(layer, [names[i] for i in chosen], [arrays[i] for i in chosen])
            return
        self._in_order(leaves, arrays)

    def _in_order(self, leaves: Sequence[keras.layers.Layer], arrays: Sequence[Array]) -> None:
        """Keras' own rule where names say nothing: all trainable ones first, then the others.

        Of a network that was frozen, all are others: layer by layer then.
        """
        slots = [(layer, v) for layer in leaves for v in layer.trainable_weights]
        slots += [(layer, v) for layer in leaves for v in layer.non_trainable_weights]
        frozen = [(layer, v) for layer in leaves for v in layer.weights]
        shapes = [array.shape for array in arrays]
        if [tuple(v.shape) for _, v in slots] != shapes == [tuple(v.shape) for _, v in frozen]:
            slots = frozen
        if len(slots) != len(arrays):
            raise self._count(leaves[0] if leaves else None, len(slots), len(arrays))
        for (layer, variable), array in zip(slots, arrays, strict=True):
            self._assign(layer, variable, array)
            self._filled.add(id(layer))

    # -- .keras files ----------------------------------------------------------------------------

    def by_number(self, built: BuiltNetwork, weights: WeightGroup) -> None:
        """From a ``.keras`` file: groups called after classes, numbered in the order of layers."""
        container = next((g for g in map(weights.group, CONTAINERS) if g is not None), None)
        entries = [entry for entry in built.entries if not entry.is_operation]
        if container is None:
            if any(has_weights(entry) for entry in entries):
                raise ModelFileError(
                    f"{self._file_name} holds no weights for {built.model.name!r}.", remedy=_BROKEN
                )
            return
        stored: dict[str, list[WeightGroup]] = defaultdict(list)
        for name in sorted(container.names_of_groups(), key=base_and_number):
            group = container.group(name)
            assert group is not None
            stored[base_and_number(name)[0]].append(group)
        wanted: dict[str, list[Any]] = defaultdict(list)
        for entry in entries:
            wanted[base_and_number(snake(entry.spec.class_name))[0]].append(entry)
        for base, of_class in wanted.items():
            for entry, group in self._pairs(of_class, stored.get(base, [])):
                self._into_entry(entry, group)

    def _pairs(self, entries: list[Any], groups: list[WeightGroup]) -> Iterable[tuple[Any, Any]]:
        """The n-th layer of a class has the n-th group, whatever numbers are left out."""
        if len(entries) == len(groups):
            return zip(entries, groups, strict=True)
        entries = [entry for entry in entries if has_weights(entry)]
        groups = [group for group in groups if group.has_arrays()]
        if len(entries) != len(groups):
            raise ModelFileError(
                f"{self._file_name} holds weights of {len(groups)} layers and has {len(entries)} "
                f"of their class ({entries[0].spec.class_name if entries else groups[0].path}).",
                remedy=_BROKEN,
            )
        return zip(entries, groups, strict=True)

    def _into_entry(self, entry: Any, group: WeightGroup) -> None:
        inner = group.group("vars")
        name = inner.text("name") if inner is not None else ""
        is_other = name != entry.spec.name and not (
            self._is_from_elsewhere
            and base_and_number(name)[0] == base_and_number(entry.spec.name)[0]
        )
        if name and is_other and entry.network is None:
            raise ModelFileError(
                f"{self._file_name} stores the weights of {name!r} where those of "
                f"{entry.spec.name!r} were expected.",
                remedy=_BROKEN,
            )
        if entry.network is not None:
            inside = group.group("layer") if entry.layer is not None else group
            self.by_number(entry.network, inside or group)
        elif has_weights(entry):
            clone = group.group(NAKED_CLONE)
            if clone is not None and entry.spec.class_name == "WeightNormalization":
                self._ignored.update(clone.unused())
            variables, arrays = self._numbered(entry, group)
            if len(variables) != len(arrays):
                raise self._count(entry.layer, len(variables), len(arrays))
            self.into_variables(entry.layer, variables, arrays)

    def _numbered(
        self, entry: BuiltEntry, group: WeightGroup
    ) -> tuple[Sequence[Any], Sequence[Array]]:
        if not entry.is_own:
            return _numbered(entry.layer, group)
        try:
            pairs = from_groups(entry.layer, group)
        except ValueError as error:
            raise ModelFileError(
                f"{self._file_name} stores another number of arrays than the layers inside of "
                f"{entry.layer.name!r} need: {error}.",
                remedy=_BROKEN,
            ) from error
        if {id(variable) for variable, _ in pairs} != {id(v) for v in entry.layer.weights}:
            raise self._count(entry.layer, len(entry.layer.weights), len(pairs))
        return [variable for variable, _ in pairs], [array for _, array in pairs]

    # -- one layer -------------------------------------------------------------------------------

    def into_layer(
        self, layer: keras.layers.Layer, kinds: Sequence[str], arrays: Sequence[Array]
    ) -> None:
        """Gives a layer its arrays: by what they are called if that is clear, else in order."""
        variables = list(layer.weights)
        if len(variables) != len(arrays):
            raise self._count(layer, len(variables), len(arrays))
        own = [variable.name for variable in variables]
        wanted = [ALIASES.get(kind, kind) if kind not in own else kind for kind in kinds]
        if len(set(own)) == len(own) and sorted(own) == sorted(wanted):
            order = [wanted.index(name) for name in own]
        else:
            order = list(range(len(own)))
        self.into_variables(layer, variables, [arrays[index] for index in order])

    def into_variables(
        self, layer: keras.layers.Layer, variables: Sequence[Any], arrays: Sequence[Array]
    ) -> None:
        """Gives variables of a layer their arrays, one each."""
        for variable, array in zip(variables, arrays, strict=True):
            self._assign(layer, variable, array)
        self._finish(layer)

    def _finish(self, layer: keras.layers.Layer) -> None:
        self._filled.add(id(layer))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()

    def _assign(self, layer: keras.layers.Layer, variable: Any, array: Array) -> None:
        if id(layer) in self._turned and variable.name == "alpha":
            array = turned_array(array)
        if tuple(variable.shape) != array.shape:
            raise ModelFileError(
                f"{self._file_name} stores {array.shape} as {variable.name!r} of the layer "
                f"{layer.name!r}, which needs {tuple(variable.shape)}.",
                remedy=_BROKEN,
            )
        if array.dtype.kind not in "fiub":
            raise ModelFileError(
                f"{self._file_name} stores {array.dtype} as {variable.name!r} of the layer "
                f"{layer.name!r}; numbers were expected.",
                remedy=_BROKEN,
            )
        variable.assign(array)

    def _count(self, layer: Any, expected: int, received: int) -> ModelFileError:
        name = layer.name if layer is not None else "a layer without weights"
        return ModelFileError(
            f"{self._file_name} stores {received} arrays for {name!r}, which needs {expected}.",
            remedy=_BROKEN,
        )


def _owner(name: str, layers: Container[str]) -> str:
    """The layer that a name in a list of an inner network belongs to; empty if none.

    Names of layers may have slashes, which are no more allowed and are underscores here.
    """
    parts = name.split("/")[:-1]
    for end in range(len(parts), 0, -1):
        for start in range(end):
            owner = "_".join(parts[start:end])
            if owner in layers:
                return owner
    return ""


def _leaves(built: BuiltNetwork) -> Iterator[keras.layers.Layer]:
    """Layers with weights, inner networks opened, each once."""
    seen: set[int] = set()
    for entry in built.entries:
        inside = _leaves(entry.network) if entry.network is not None else iter([entry.layer])
        for layer in inside:
            if id(layer) not in seen and getattr(layer, "weights", None):
                seen.add(id(layer))
                yield layer


def _entries(built: BuiltNetwork) -> Iterator[BuiltEntry]:
    for entry in built.entries:
        if entry.network is not None:
            yield from _entries(entry.network)
        else:
            yield entry


def has_weights(entry: BuiltEntry) -> bool:
    """Whether anything is stored for a layer or an inner network."""
    if entry.network is not None:
        return any(True for _ in _leaves(entry.network))
    return bool(getattr(entry.layer, "weights", None))


def _numbered(layer: keras.layers.Layer, group: WeightGroup) -> tuple[list[Any], list[Array]]:
    """Variables and arrays of a layer and of the layers that it has inside (attention)."""
    own = group.group("vars")
    variables = [*layer._trainable_variables, *layer._non_trainable_variables]
    variables = [v for v in variables if any(v is weight for weight in layer.weights)]
    arrays = own.numbered_arrays() if own is not None else []
    for name in group.names_of_groups():
        inner = getattr(layer, name, None) or getattr(layer, f"_{name}", None)
        sub = group.group(name)
        if name != "vars" and isinstance(inner, keras.layers.Layer) and sub is not None:
            more_variables, more_arrays = _numbered(inner, sub)
            if len(more_variables) > len(more_arrays):  # the outer layer has taken one over
                known = {id(variable) for variable in variables}
                more_variables = [v for v in more_variables if id(v) not in known]
            variables += more_variables
            arrays += more_arrays
    return variables, arrays


def _unused_in(group: WeightGroup | None) -> tuple[str, ...]:
    return group.unused() if group is not None else ()


def _kind(name: str) -> str:
    """``kernel`` of ``model/conv/kernel:0`` and of ``conv/kernel_1``."""
    last = name.rpartition("/")[2].partition(":")[0]
    return re.sub(r"_\d+$", "", last)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
