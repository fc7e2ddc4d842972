"""Mutations of zip archives and of SavedModel folders, member by member."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from tests.fuzz import configurations, damage

_NAMES = ("../outside", "/outside", "a/../../outside", "C:\\outside", "config.json", "a\0b", "",
          "model.weights.h5", "variables/variables.index", "..\\outside", "x" * 60_000,
          "config.json/", "assets/", "metadata.json", "saved_model.pb")  # fmt: skip

Members = dict[str, bytes]
ChangeHdf5 = Callable[[bytes, Random], tuple[bytes, str]]
"""From the bytes of an HDF5 file to those of a changed one, and what was done."""


def read_archive(data: bytes) -> Members:
    """The members of a sound archive.

    Raises:
        zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError: it is not sound.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > 2**24:
            raise OSError("a bomb is no source")
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def changed_members(
    members: Members, others: Mapping[str, bytes], random: Random, *, change_hdf5: ChangeHdf5
) -> tuple[Members, str]:
    """Members after one to three mutations, and what was done.

    Args:
        members: of a model; they stay.
        others: members of another model.
        random: decides everything.
        change_hdf5: changes the weights of a ``.keras`` file.
    """
    members, names = dict(members), []
    for _ in range(random.choice((1, 1, 2, 3))):
        names.append(_change(members, others, random, change_hdf5))
    return members, "+".join(names)


def _change(  # noqa: PLR0911 - one return per kind of change
    members: Members, others: Mapping[str, bytes], random: Random, change_hdf5: ChangeHdf5
) -> str:
    if not members:
        return "nothing"
    name = random.choice(list(members))
    which = random.random()
    if which < 0.12 and others:
        other = random.choice(list(others))
        members[name if random.random() < 0.3 else other] = others[other]
        return "exchange"
    if which < 0.17:
        del members[name]
        return "drop"
    if which < 0.22:
        members[random.choice(_NAMES)] = members.pop(name)
        return "rename"
    config = next((each for each in members if each.endswith("config.json")), None)
    metadata = next((each for each in members if each.endswith("keras_metadata.pb")), None)
    weights = next((each for each in members if each.endswith(".weights.h5")), None)
    if which < 0.65 and config is not None:
        members[config], how = changed_json(members[config], random)
        return how
    if which < 0.70 and metadata is not None:
        members[metadata], how = _changed_metadata(members[metadata], random)
        return how
    if which < 0.88 and weights is not None:
        members[weights], how = change_hdf5(members[weights], random)
        return how
    members[name], how = damage.damaged(members[name], b"".join(others.values()), random)
    return how


def changed_json(data: bytes, random: Random) -> tuple[bytes, str]:
    """Another configuration, as the bytes of a file, and what was done."""
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        return damage.damaged(data, data, random)
    config, how = configurations.changed(config, random)
    text = configurations.as_text(config, random)
    encoding = random.choice(("utf-8",) * 12 + ("utf-16", "utf-32"))
    return text.encode(encoding, "surrogatepass"), how


# --- keras_metadata.pb ---


def _changed_metadata(data: bytes, random: Random) -> tuple[bytes, str]:
    """Another configuration inside of the messages, or messages in another order."""
    nodes = _messages(data)
    if not nodes:
        return damage.damaged(data, data, random)
    if random.random() < 0.15:
        random.shuffle(nodes)
        return b"".join(_field(1, node) for node in nodes), "shuffle_messages"
    index = 0 if random.random() < 0.8 else random.randrange(len(nodes))
    place = nodes[index].find(b"{")
    start = nodes[index].rfind(b"*", 0, place)  # the tag of field 5, which holds the JSON
    try:
        config = json.loads(nodes[index][place:])
    except (ValueError, RecursionError):
        return damage.damaged(data, data, random)
    config, how = configurations.changed(config, random)
    text = configurations.as_text(config, random).encode("utf-8", "surrogatepass")
    nodes[index] = nodes[index][:start] + _field(5, text)
    return b"".join(_field(1, node) for node in nodes), how


def _messages(data: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(data) and data[position] == 0x0A:
        length, position = _number(data, position + 1)
        found.append(data[position : position + length])
        position += length
    return found


def _number(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return value, position


def _field(number: int, value: bytes) -> bytes:
    length, encoded = len(value), bytearray([number << 3 | 2])
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    encoded.append(length)
    return bytes(encoded) + value


# --- writing ---


def write_archive(members: Members, random: Random) -> bytes:
    """A zip archive, now and then with what none should have."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name or "empty")
            kinds = (zipfile.ZIP_STORED,) * 60 + (zipfile.ZIP_DEFLATED,) * 20
            kinds += (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
            entry.compress_type = random.choice(kinds)
            if random.random() < 0.02:
                entry.external_attr = 0o120777 << 16  # a symbolic link
            archive.writestr(entry, data)
        if random.random() < 0.03:
            for number in range(random.choice((10, 3000))):
                archive.writestr(f"many/{number}", b"")
        if random.random() < 0.02:
            archive.writestr("bomb.bin", bytes(2**24), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def write_folder(members: Members, folder: Path) -> None:
    """The files of a SavedModel; names that would leave the folder are left out."""
    for name, data in members.items():
        path = folder / name if name and "\0" not in name and len(name) < 200 else None
        inside = path is not None and path.resolve().is_relative_to(folder.resolve())
        if path is None or not inside or path.is_dir() or path.parent.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
