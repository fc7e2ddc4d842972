"""Arrays of a model file, read with suspicion: HDF5 can point to other files and lie about sizes.

No Keras. Every member is looked at before anything of it is read: only plain groups and data sets
that lie in this very file are accepted, and no data set may declare more than is stored.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from model.errors import ModelFileError
from model.foreign.attributes import read_attribute
from model.foreign.heaps import check_heaps
from model.foreign.parser_errors import ARCHIVE_ERRORS, reason_of, refusing_damage, shortened

MAX_BYTES = 8 * 2**30
"""Of all arrays of a file together."""
MAX_MEMBERS = 200_000
_MAX_DEPTH = 64
_READINGS = 4
"""How often the bytes of a file may be read, on average."""
_MAX_RATIO = 1100
"""Unpacked to packed bytes of a member of an archive; deflate cannot do better."""
_MAX_WEIGHT_RATIO = 100
"""Declared to stored bytes of compressed weights beyond the first MiB; trained ones reach 2."""
_SUSPICIOUS = "Ask where the file comes from before using it."
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Groups of numbered layers, of Keras 3 and of 2.13."""
_BROKEN = "Copy or download it again, or save the network again."


@dataclass
class _Reading:
    """What was read of a file: names, and the bytes that may still come."""

    bytes_left: int
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Shapes:
    """What the weights of a file that holds nothing else tell of their network.

    Attributes:
        all: shape of every array.
        channels: of the input, from the first convolution; None when there is none.
        num_classes: of the output, from the last layer; None when there is none.
    """

    all: tuple[tuple[int, ...], ...]
    channels: int | None
    num_classes: int | None


class WeightGroup:
    """A group of an HDF5 file, checked as a whole when the file was opened."""

    def __init__(self, group: h5py.Group, file_name: str, reading: _Reading) -> None:
        self._group, self._file_name, self._reading = group, file_name, reading

    @property
    def path(self) -> str:
        """Inside of the file."""
        return str(self._group.name)

    def names_of_groups(self) -> tuple[str, ...]:
        """Groups in this one."""
        with refusing_damage(self._file_name):
            members = list(self._group.items())
        return tuple(name for name, member in members if isinstance(member, h5py.Group))

    def group(self, name: str) -> WeightGroup | None:
        """A group in this one, or None."""
        with refusing_damage(self._file_name):
            member = self._group.get(name)
        if not isinstance(member, h5py.Group):
            return None
        return WeightGroup(member, self._file_name, self._reading)

    def texts(self, attribute: str) -> tuple[str, ...] | None:
        """A list of texts that Keras 2 keeps as attribute, cut into pieces when it is long."""
        pieces = []
        with refusing_damage(self._file_name):
            if attribute in self._group.attrs:
                pieces = [read_attribute(self._group, attribute)]
            else:
                number = 0
                while f"{attribute}{number}" in self._group.attrs:
                    pieces.append(read_attribute(self._group, f"{attribute}{number}"))
                    number += 1
        if not pieces:
            return None
        filled = [piece for piece in pieces if not isinstance(piece, h5py.Empty)]
        return tuple(_text(value) for piece in filled for value in np.atleast_1d(piece).flat)

    def text(self, attribute: str) -> str:
        """One text, or an empty one."""
        with refusing_damage(self._file_name):
            value = read_attribute(self._group, attribute)
            return "" if value is None else _text(value)

    def array(self, name: str) -> npt.NDArray[np.generic]:
        """Reads a data set.

        Raises:
            ModelFileError: missing, or it holds values that are no finite numbers.
        """
        with refusing_damage(self._file_name):
            member = self._group.get(name)
        if not isinstance(member, h5py.Dataset):
            raise ModelFileError(
                f"{self._file_name} lacks the weights {shortened(f'{self.path}/{name}')}.",
                remedy=_BROKEN,
            )
        self._reading.used.add(member.name)
        with refusing_damage(self._file_name):
            if not _holds_numbers(member):
                raise ModelFileError(
                    f"{self._file_name} stores {_content(member)} at {shortened(member.name)}; "
                    "numbers were expected.",
                    remedy=_BROKEN,
                )
            self._reading.bytes_left -= int(member.nbytes)
            if self._reading.bytes_left < 0:
                raise _suspicious(self._file_name, "names the same weights again and again")
            values = np.asarray(member[()])
        if values.dtype.kind == "V" and values.dtype.itemsize == 2:  # bfloat16, as Keras 3 has it
            values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        check_numbers(values, member.name, self._file_name)
        return values

    def numbered_arrays(self) -> list[npt.NDArray[np.generic]]:
        """Data sets called 0, 1, 2, ... in this order."""
        with refusing_damage(self._file_name):
            names = [n for n, member in self._group.items() if isinstance(member, h5py.Dataset)]
        return [self.array(name) for name in sorted(names, key=_number)]

    def has_arrays(self) -> bool:
        """Whether there is any data set here or below."""
        return any(True for _ in self._sets())

    def unused(self) -> tuple[str, ...]:
        """Data sets here or below that nobody has read."""
        return tuple(str(each.name) for each in self._sets() if each.name not in self._reading.used)

    def dimensions(self) -> frozenset[int]:
        """All lengths that the shapes of the data sets have."""
        return frozenset(length for each in self._sets() for length in each.shape or ())

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Of a data set in this one; None if there is no such."""
        with refusing_damage(self._file_name):
            member = self._group.get(name)
            return tuple(member.shape or ()) if isinstance(member, h5py.Dataset) else None

    def shapes(self) -> list[tuple[int, ...]]:
        """Of all data sets here or below, but the states of random numbers."""
        sets = self._sets()
        return [tuple(m.shape or ()) for m in sets if "/seed_generator" not in str(m.name)]

    def amount(self) -> tuple[int, int]:
        """Numbers in all data sets here or below, and how many data sets there are."""
        sets = self._sets()
        return sum(int(each.size or 0) for each in sets), len(sets)

    def _sets(self) -> list[h5py.Dataset]:
        """Data sets here or below."""
        found: list[h5py.Dataset] = []

        def note(_: str, member: h5py.HLObject) -> None:
            if isinstance(member, h5py.Dataset):
                found.append(member)

        with refusing_damage(self._file_name):
            self._group.visititems(note)
        return found


def stored_shapes(weights: WeightGroup) -> Shapes:
    """What a file of weights tells of its network, without reading an array.

    Args:
        weights: the root of the file.

    Raises:
        ModelFileError: damaged.
    """
    by_layer = _shapes_by_name(weights) or _shapes_by_number(weights)
    filled = [shapes for shapes in by_layer if shapes]
    kernels = [shape for shapes in filled for shape in shapes if len(shape) == 4]
    last = filled[-1] if filled else []
    biases = [shape[0] for shape in last if len(shape) == 1]
    ends = biases or [shape[-1] for shape in last if shape]
    return Shapes(
        tuple(shape for shapes in filled for shape in shapes),
        kernels[0][2] if kernels else None,
        ends[-1] if ends else None,
    )


def _shapes_by_name(weights: WeightGroup) -> list[list[tuple[int, ...]]]:
    found = []
    for layer in weights.texts("layer_names") or ():
        group = weights.group(layer)
        names = group.texts("weight_names") if group is not None else None
        shapes = [group.shape(name) for name in names or ()] if group is not None else []
        found.append([shape for shape in shapes if shape is not None])
    return found


def _shapes_by_number(weights: WeightGroup) -> list[list[tuple[int, ...]]]:
    """Classes first, convolutions last of them: the last convolution mostly gives the classes."""
    container = next((g for g in map(weights.group, CONTAINERS) if g is not None), None)
    if container is None:
        return []
    names = sorted(container.names_of_groups(), key=base_and_number)
    names.sort(key=lambda name: base_and_number(name)[0] == "conv2d")
    groups = [container.group(name) for name in names]
    return [group.shapes() for group in groups if group is not None]


def base_and_number(name: str) -> tuple[str, int]:
    """``("conv2d", 4)`` of ``conv2d_4``; ``("conv2d", 0)`` of ``conv2d``."""
    match = re.fullmatch(r"(.+)_(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _holds_numbers(member: h5py.Dataset) -> bool:
    """Whether a data set holds plain numbers, or pairs of bytes, which is how bfloat16 is kept."""
    kind = member.dtype
    is_bfloat16 = kind.kind == "V" and kind.itemsize == 2 and kind.names is None
    return member.shape is not None and (kind.kind in "fiub" or is_bfloat16)


def _content(member: h5py.Dataset) -> str:
    return "nothing" if member.shape is None else shortened(str(member.dtype))


def check_numbers(values: npt.NDArray[np.generic], name: str, file_name: str) -> None:
    """Refuses weights of a training that failed.

    Raises:
        ModelFileError: some are NaN or infinite.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    bad = int(values.size - np.isfinite(values).sum())
    raise ModelFileError(
        f"{file_name} has weights that are not numbers (NaN or infinite): {bad} of {values.size} "
        f"at {name}. Its training failed.",
        remedy="Use a version from before it failed.",
    )


@contextlib.contextmanager
def open_weights(path: Path, file_format: str) -> Iterator[WeightGroup]:
    """The arrays of a whole model: the group that holds them.

    Args:
        path: of the file.
        file_format: ``"hdf5"`` or ``"keras"``.

    Raises:
        ModelFileError: damaged, or something in it points elsewhere or declares absurd sizes.
    """
    with contextlib.ExitStack() as stack:
        if file_format == "keras":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="seggui-open-"))
            h5_path = Path(folder) / "model.weights.h5"
            _extract_weights(path, h5_path)
        else:
            h5_path = path
        with refusing_damage(path.name):
            check_heaps(h5_path, file_name=path.name)
            opened = stack.enter_context(h5py.File(h5_path, "r"))
            num_bytes = check_members(opened, path.name)
        root = WeightGroup(opened, path.name, _Reading(_READINGS * num_bytes))
        yield (root.group("model_weights") or root) if file_format == "hdf5" else root


def check_members(file: h5py.File, file_name: str) -> int:
    """Looks at every member of an HDF5 file before anything is read.

    Returns:
        Bytes of all data sets together.

    Raises:
        ModelFileError: links, groups in two places, external storage, virtual data sets, absurd
            numbers or sizes.
    """
    num_members, num_bytes = 0, 0
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        group, depth = waiting.pop()
        info = h5py.h5o.get_info(group.id)
        if (info.fileno, info.addr) in seen:
            raise _suspicious(file_name, f"has the group {group.name} in two places")
        seen.add((info.fileno, info.addr))
        if depth > _MAX_DEPTH:
            raise _suspicious(file_name, f"nests groups more than {_MAX_DEPTH} deep")
        for name in list(group.keys()):
            num_members += 1
            if num_members > MAX_MEMBERS:
                raise _suspicious(file_name, f"has more than {MAX_MEMBERS} members")
            member = _member(group, name, file_name)
            if isinstance(member, h5py.Group):
                waiting.append((member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                num_bytes += _checked_bytes(member, file_name)
                if num_bytes > MAX_BYTES:
                    raise _suspicious(file_name, f"declares more than {MAX_BYTES} bytes")
    return num_bytes


def _member(group: h5py.Group, name: str, file_name: str) -> h5py.HLObject:
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise _suspicious(file_name, f"points to another file ({link.filename}) at {name}")
    if isinstance(link, h5py.SoftLink):
        raise _suspicious(file_name, f"points to another place ({link.path}) at {name}")
    return group[name]


def _checked_bytes(member: h5py.Dataset, file_name: str) -> int:
    """Bytes that a data set declares, once it is plain and they are really there."""
    if member.is_virtual:
        raise _suspicious(file_name, f"fetches {member.name} from elsewhere (a virtual data set)")
    if member.external:
        raise _suspicious(file_name, f"fetches {member.name} from another file")
    if member.shape is None or member.size == 0:
        return 0
    num_bytes: int = int(member.size) * max(1, member.dtype.itemsize)
    stored = int(member.id.get_storage_size())
    is_compressed = bool(member.compression) or member.id.get_create_plist().get_nfilters() > 0
    possible = stored * _MAX_WEIGHT_RATIO + 2**20 if is_compressed else stored
    is_compact = member.id.get_create_plist().get_layout() == h5py.h5d.COMPACT
    if num_bytes > possible and not is_compact:
        raise _suspicious(
            file_name,
            f"declares {num_bytes} bytes of weights at {member.name} and holds {stored}",
        )
    return num_bytes


def _extract_weights(path: Path, target: Path) -> None:
    name = target.name
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, path.name)
            with archive.open(name) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 2**20)
    except KeyError as error:
        raise ModelFileError(
            f"{path.name} holds no {name}; its weights are missing or in a form that this program "
            "does not read.",
            remedy="Save the network again with model.save('name.keras').",
        ) from error
    except ARCHIVE_ERRORS as error:
        raise ModelFileError(
            f"{path.name} is damaged: {reason_of(error)}.", remedy=_BROKEN
        ) from error


def check_archive(archive: zipfile.ZipFile, file_name: str) -> None:
    """Looks at the members of a zip archive before any is read.

    Raises:
        ModelFileError: a member leaves its folder, or the sizes are absurd.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise _suspicious(file_name, f"has {len(members)} members")
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise _suspicious(file_name, f"has a member outside of itself ({member.filename!r})")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelFileError(
                f"{file_name} packs {shortened(member.filename)!r} in a way that Keras never does.",
                remedy="Unpack it, and pack it as an ordinary zip archive again.",
            )
        if member.file_size > _MAX_RATIO * max(1, member.compress_size) + 4096:
            raise _suspicious(file_name, f"unpacks {member.filename!r} to an absurd size")
    total = sum(member.file_size for member in members)
    if total > MAX_BYTES:
        raise _suspicious(file_name, f"unpacks to {total} bytes")


def _suspicious(file_name: str, what: str) -> ModelFileError:
    return ModelFileError(
        f"{file_name} {shortened(what)}; a network that keeps its weights in its own file was "
        "expected.",
        remedy=_SUSPICIOUS,
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _number(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (2**31, name)
