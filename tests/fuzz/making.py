"""One mutated file from a seed: the same one at every run."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz import archives, damage, hdf5_files
from tests.fuzz.corpus import Source

_REFUSALS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError)
"""What a library says when it does not let a mutation happen."""


@dataclass(frozen=True)
class Made:
    """A mutated file.

    Attributes:
        path: of the file or folder.
        recipe: what it was and what was done to it.
    """

    path: Path
    recipe: str


def make_file(corpus: tuple[Source, ...], seed: str, folder: Path) -> Made:
    """Mutates a source.

    Args:
        corpus: of `read_corpus`; three of four files are made from genuine ones.
        seed: any text.
        folder: where the result goes; an empty one.
    """
    random = Random(seed)
    genuine = tuple(source for source in corpus if source.is_genuine)
    source = random.choice(genuine if random.random() < 0.75 else corpus)
    others = [each for each in genuine if each.kind == source.kind] or genuine
    other = random.choice(others if random.random() < 0.8 else genuine)
    if source.kind == "folder":
        return _folder(source, other, random, folder)
    if source.kind == "other" or random.random() < 0.25:
        data, how = damage.damaged(source.data, other.data, random)
    elif source.kind == "hdf5":
        data, how = _changed_hdf5(source.data, random)
    else:
        data, how = _changed_archive(source, other, random)
    if random.random() < 0.08:
        data, more = damage.damaged(data, other.data, random)
        how = f"{how}, {more}"
    path = folder / f"mutant{source.suffix}"
    path.write_bytes(data)
    for suffix, network in source.files.items():
        is_changed = random.random() < 0.6
        text, more = archives.changed_json(network, random) if is_changed else (network, "as it is")
        how = f"{how}, {suffix}: {more}"
        path.with_suffix(suffix).write_bytes(text)
    return Made(path, f"{source.name}: {how}")


def _members(source: Source) -> archives.Members:
    if source.kind == "folder":
        return dict(source.files)
    if source.kind in ("keras", "archive"):
        return archives.read_archive(source.data)
    return {"model.weights.h5": source.data}


def _changed_hdf5(data: bytes, random: Random) -> tuple[bytes, str]:
    with tempfile.TemporaryDirectory(prefix="seggui-fuzz-") as place:
        path = Path(place) / "changed.h5"
        path.write_bytes(data)
        try:
            how = hdf5_files.change_hdf5(path, random)
        except _REFUSALS as error:
            how = f"refused mutation ({type(error).__name__})"
        return path.read_bytes(), how


def _changed_archive(source: Source, other: Source, random: Random) -> tuple[bytes, str]:
    try:
        members, others = _members(source), _members(other)
    except (zipfile.BadZipFile, *_REFUSALS):
        return damage.damaged(source.data, other.data, random)
    members, how = archives.changed_members(members, others, random, change_hdf5=_changed_hdf5)
    return archives.write_archive(members, random), how


def _folder(source: Source, other: Source, random: Random, folder: Path) -> Made:
    members, how = archives.changed_members(
        _members(source), _members(other), random, change_hdf5=_changed_hdf5
    )
    path = folder / "mutant"
    path.mkdir()
    archives.write_folder(members, path)
    return Made(path, f"{source.name}: {how}")


def keep(made: Made, folder: Path, name: str) -> None:
    """Copies a mutated file, and what lies beside it, to where it stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in made.path.parent.iterdir():
        target = folder / f"{name}{path.suffix}"
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target)


def forget(folder: Path, name: str) -> None:
    """Removes again what was kept."""
    for path in (folder / name, *folder.glob(f"{name}.*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
