"""Mutations of HDF5 files through their own library: members that a model file should not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.fuzz import configurations

_CONFIGURATION = "model_config"
_NAMES = ("../outside", "a/b/c", ".", "0", "1", "vars", "kernel:0", "layers", "x" * 3000, "\u202e",
          "model_weights", "top_level_model_weights", "-1", "00")  # fmt: skip


def change_hdf5(path: Path, random: Random) -> str:
    """Changes a sound HDF5 file in place, and says how.

    Raises:
        OSError, RuntimeError, KeyError, ValueError, TypeError: HDF5 does not let it happen; the
            file may be changed in part, which makes it no worse a file to read.
    """
    names = []
    with h5py.File(path, "r+") as file:
        if _CONFIGURATION in file.attrs and random.random() < 0.6:
            names.append(_change_configuration(file, random))
            if random.random() < 0.7:
                return "+".join(names)
        for _ in range(random.choice((1, 1, 2, 5))):
            change = random.choice(_CHANGES)
            names.append(change.__name__.strip("_"))
            change(file, random)
    return "+".join(names)


def _change_configuration(file: h5py.File, random: Random) -> str:
    text = file.attrs[_CONFIGURATION]
    config = json.loads(text)
    config, how = configurations.changed(config, random)
    changed = configurations.as_text(config, random)
    data = changed.encode("utf-8", "surrogatepass")
    if len(data) > 60_000:  # an attribute in its header ends at 64 KB, and longer ones are text
        file.attrs.create(_CONFIGURATION, changed.replace("\0", ""), dtype=h5py.string_dtype())
    else:
        file.attrs[_CONFIGURATION] = np.bytes_(data) if data else h5py.Empty("S1")
    return how


# --- where ---


def _sets(file: h5py.File) -> list[h5py.Dataset]:
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, it: found.append(it) if isinstance(it, h5py.Dataset) else None)
    return found


def _groups(file: h5py.File) -> list[h5py.Group]:
    found: list[h5py.Group] = [file]
    file.visititems(lambda _, it: found.append(it) if isinstance(it, h5py.Group) else None)
    return found


def _taken(file: h5py.File, random: Random) -> tuple[h5py.Group, str]:
    """A place where a data set was, or a new one."""
    sets = _sets(file)
    if not sets or random.random() < 0.1:
        return random.choice(_groups(file)), random.choice(_NAMES)
    member = random.choice(sets)
    group, name = member.parent, member.name.rpartition("/")[2]
    del group[name]
    return group, name


# --- what ---


def _other_values(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    group.create_dataset(name, data=random.choice(_VALUES)(file))


_VALUES: tuple[Callable[[h5py.File], Any], ...] = (
    lambda _: np.zeros((3, 3, 3, 4), np.float32), lambda _: np.zeros((0, 4), np.float32),
    lambda _: np.float32(1), lambda _: np.full(4, np.nan), lambda _: np.full(4, np.inf, np.float16),
    lambda _: np.arange(4, dtype=np.int8), lambda _: np.ones(4, bool),
    lambda _: np.ones(4, complex),
    lambda _: np.array([b"text", b"more"]), lambda _: "a text", lambda _: b"\x80\x04N.",
    lambda _: np.zeros(4, [("a", "f4"), ("b", "S9")]), lambda _: np.zeros(4, "V2"),
    lambda _: np.zeros(4, "V7"), lambda _: h5py.Empty("f4"), lambda _: np.zeros((1,) * 32, "f4"),
    lambda file: np.array([file.ref] * 4, h5py.ref_dtype), lambda _: np.zeros(4, ">f8"),
    lambda _: np.array(["x", "yy"], h5py.string_dtype()), lambda _: np.zeros((4, 2), "V2"),
    lambda _: np.full(4, 2**63, np.uint64), lambda _: np.zeros(4, "g"),
    lambda _: np.zeros(4, [("r", "V2"), ("i", "f4", (3,))]),
)  # fmt: skip


def _absurd_size(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    shape = random.choice(((2**20, 2**20), (10**9,), (2**40,), (1, 1, 3, 2**31), (2**16,) * 3))
    options = random.choice(
        (
            {"chunks": True}, {"chunks": True, "compression": "gzip"}, {}, {"fillvalue": 7},
            {"chunks": tuple(min(n, 64) for n in shape), "shuffle": True, "fletcher32": True},
        )
    )  # fmt: skip
    group.create_dataset(name, shape, "f4", **options)


def _bomb(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    size = random.choice((2**20, 2**20, 2**22))
    values = np.zeros(size, "f4")
    group.create_dataset(name, data=values, chunks=(size,), compression="gzip", compression_opts=1)


def _wide_member(file: h5py.File, random: Random) -> None:
    """Few members of many bytes each, or lists of lists."""
    group, name = _taken(file, random)
    kinds = ("S1000000", "V60000", h5py.vlen_dtype("f4"), np.dtype(("f4", (100, 100))),
             h5py.enum_dtype({"a": 1, "b": 2}), h5py.regionref_dtype)  # fmt: skip
    group.create_dataset(name, (random.choice((1, 3, 2000)),), random.choice(kinds), chunks=True)


def _link(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    target = random.choice([each.name for each in _groups(file)])
    group[name] = random.choice(
        (
            h5py.SoftLink(target), h5py.SoftLink("/nowhere"), h5py.SoftLink(f"{group.name}/{name}"),
            h5py.ExternalLink("secret_numbers.hdf5", "/numbers"), h5py.SoftLink("a" * 5000),
            h5py.ExternalLink("/etc/passwd", "/"), h5py.ExternalLink("", "/"), file[target],
            np.dtype("f4"),
        )
    )  # fmt: skip


def _cycle(file: h5py.File, random: Random) -> None:
    groups = _groups(file)
    for _ in range(random.choice((1, 3))):
        random.choice(groups)[f"again{random.randrange(99)}"] = random.choice(groups)


def _virtual(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    where = random.choice((".", "secret_numbers.hdf5", "/etc/passwd"))
    layout[:] = h5py.VirtualSource(where, random.choice(("numbers", name)), shape=(4,))
    group.create_virtual_dataset(name, layout)


def _external(file: h5py.File, random: Random) -> None:
    group, name = _taken(file, random)
    where = random.choice(("/etc/passwd", "secret_numbers.bin", "../outside"))
    group.create_dataset(name, (4,), "f4", external=[(where, 0, h5py.h5f.UNLIMITED)])


def _drop_member(file: h5py.File, random: Random) -> None:
    group = random.choice(_groups(file))
    if len(group):
        del group[random.choice(list(group))]


def _move_member(file: h5py.File, random: Random) -> None:
    group, other = random.choice(_groups(file)), random.choice(_groups(file))
    if len(group):
        source = group[random.choice(list(group))].name
        file.move(source, f"{other.name}/{random.choice(_NAMES)}")


def _swap_kind(file: h5py.File, random: Random) -> None:
    """A group where a data set was, or a data set where a group was."""
    group = random.choice(_groups(file))
    if not len(group):
        return
    name = random.choice(list(group))
    is_set = isinstance(group[name], h5py.Dataset)
    del group[name]
    if is_set:
        group.create_group(name)
    else:
        group[name] = np.zeros(3, "f4")


def _deep(file: h5py.File, random: Random) -> None:
    group = random.choice(_groups(file))
    for _ in range(random.choice((10, 10, 70, 150))):
        group = group.create_group("a")


def _many(file: h5py.File, random: Random) -> None:
    group = random.choice(_groups(file))
    for number in range(random.choice((20, 20, 300))):
        group.create_group(f"conv2d_{number}")


def _attribute(file: h5py.File, random: Random) -> None:
    """Another value for a list of names, a version, a configuration."""
    groups = _groups(file)
    owner = random.choice([file, *groups, *_sets(file)])
    names = (*owner.attrs, "model_config", "keras_version", "weight_names", "layer_names",
             "training_config", "name", "backend")  # fmt: skip
    name = random.choice(names)
    owner.attrs.pop(name, None)
    owner.attrs[name] = random.choice(_VALUES)(file)


def _names(file: h5py.File, random: Random) -> None:
    """Shuffled, doubled, foreign names in the list that says which arrays a layer has."""
    owners = [group for group in _groups(file) if "weight_names" in group.attrs]
    owners = [group for group in owners if len(group.attrs["weight_names"])]
    if not owners:
        return
    group = random.choice(owners)
    names = [name if isinstance(name, bytes) else name.encode() for name in
             group.attrs["weight_names"]]  # fmt: skip
    changes: tuple[list[bytes], ...] = (
        names[::-1], names * 2, names[:-1], [*names, b"../../outside"], [b"/"] * len(names),
        [b"\xff\xfe"], [b"."], [b""], [b"/model_weights"], names * 500, [b"a" * 3000],
    )  # fmt: skip
    group.attrs["weight_names"] = np.array(random.choice(changes))


_CHANGES: tuple[Callable[[h5py.File, Random], None], ...] = (
    _other_values, _other_values, _other_values, _absurd_size, _bomb, _wide_member, _link, _link,
    _cycle, _virtual, _external, _drop_member, _move_member, _swap_kind, _deep, _many, _attribute,
    _attribute, _names,
)  # fmt: skip
