"""The files that mutations start from: everything that the zoo has, hostile files included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ZOO = Path(__file__).parents[1] / "data" / "zoo"

Kind = Literal["hdf5", "keras", "archive", "folder", "other"]

_KINDS: dict[str, Kind] = {".h5": "hdf5", ".keras": "keras", ".zip": "archive"}


@dataclass(frozen=True)
class Source:
    """A file of the zoo.

    Attributes:
        name: relative to the zoo.
        kind: by its first bytes and not by its ending.
        path: of the file, or of the folder of a SavedModel.
        is_genuine: not one of those made to do harm.
    """

    name: str
    kind: Kind
    path: Path
    is_genuine: bool


def read_corpus() -> tuple[Source, ...]:
    """All sources, in a fixed order."""
    found = []
    for place, is_genuine in ((ZOO, True), (ZOO / "hostile", False)):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            kind = _kind_of(path)
            if kind is not None:
                found.append(Source(str(path.relative_to(ZOO)), kind, path, is_genuine))
    return tuple(found)


def _kind_of(path: Path) -> Kind | None:
    if path.is_dir():
        return "folder" if (path / "saved_model.pb").is_file() else None
    if path.suffix in (".npz", ".py", ".txt", ".md") or path.name == "zoo.json":
        return None
    start = path.read_bytes()[:8]
    if start.startswith(b"\x89HDF"):
        return "hdf5"
    if start.startswith(b"PK\x03\x04"):
        return "archive" if path.suffix == ".zip" else "keras"
    return "other"
