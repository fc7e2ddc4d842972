"""The files that mutations start from: everything that the zoo has, hostile files included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.zoo.packed import ZOO, plain_name, read_plain

Kind = Literal["hdf5", "keras", "archive", "folder", "other"]

_KINDS: dict[str, Kind] = {".h5": "hdf5", ".keras": "keras", ".zip": "archive"}


@dataclass(frozen=True)
class Source:
    """A file of the zoo.

    Attributes:
        name: relative to the zoo.
        kind: by its first bytes and not by its ending.
        suffix: of the file.
        is_genuine: not one of those made to do harm.
        data: of the file; of a folder, all in a row.
        files: of a folder; the network that lies beside weights, if there is one.
    """

    name: str
    kind: Kind
    suffix: str
    is_genuine: bool
    data: bytes
    files: Mapping[str, bytes]


def read_corpus() -> tuple[Source, ...]:
    """All sources with their content, in a fixed order: 3.6 MB."""
    found = []
    for place, is_genuine in ((ZOO, True), (ZOO / "hostile", False)):
        for path in sorted(place.iterdir(), key=plain_name) if place.is_dir() else ():
            kind = _kind_of(path)
            if kind is not None:
                files = _read_folder(path) if kind == "folder" else _network_beside(path)
                data = b"".join(files.values()) if kind == "folder" else read_plain(path)
                name = path.with_name(plain_name(path)).relative_to(ZOO)
                found.append(Source(name.as_posix(), kind, name.suffix, is_genuine, data, files))
    return tuple(found)


def _kind_of(path: Path) -> Kind | None:
    if path.is_dir():
        return "folder" if (path / "saved_model.pb").is_file() else None
    if path.suffix in (".npz", ".py", ".txt", ".md") or path.name == "zoo.json":
        return None
    start = read_plain(path)[:8]
    if start.startswith(b"\x89HDF"):
        return "hdf5"
    if start.startswith(b"PK\x03\x04"):
        return "archive" if path.suffix == ".zip" else "keras"
    return "other"


def _network_beside(path: Path) -> dict[str, bytes]:
    plain = path.with_name(plain_name(path))
    beside = plain.with_suffix(".json")
    is_there = plain.suffix == ".h5" and beside.is_file()
    return {".json": beside.read_bytes()} if is_there else {}


def _read_folder(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
