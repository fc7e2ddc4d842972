"""How the zoo lies in the repository: small, and byte for byte what the old versions wrote."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.zoo.packed import ZOO, pack, unpack, unpacked_zoo

MOST_BYTES = 3_000_000


def test_the_zoo_stays_small() -> None:
    assert sum(path.stat().st_size for path in ZOO.rglob("*") if path.is_file()) <= MOST_BYTES


def test_no_hdf5_file_lies_there_unpacked() -> None:
    assert not list(ZOO.rglob("*.h5"))


def test_every_file_of_the_index_is_there_when_unpacked() -> None:
    entries = json.loads((ZOO / "zoo.json").read_text("utf-8"))
    missing = [e["file"] for e in entries if not (unpacked_zoo() / e["file"]).exists()]
    assert len(entries) > 100
    assert not missing


def test_packing_and_unpacking_give_the_same_bytes(tmp_path: Path) -> None:
    content = bytes(5000) + b"\x89HDF end"
    folder = tmp_path / "zoo"
    (folder / "hostile").mkdir(parents=True)
    (folder / "hostile" / "a.h5").write_bytes(content)
    (folder / "b.keras").write_bytes(b"PK")

    assert pack(folder) == 1
    packed = folder / "hostile" / "a.h5.gz"
    assert packed.stat().st_size < len(content) / 10
    assert gzip.decompress(packed.read_bytes()) == content
    first = packed.read_bytes()

    unpack(folder, tmp_path / "out")
    assert (tmp_path / "out" / "hostile" / "a.h5").read_bytes() == content
    assert (tmp_path / "out" / "b.keras").read_bytes() == b"PK"
    pack(tmp_path / "out")
    assert (tmp_path / "out" / "hostile" / "a.h5.gz").read_bytes() == first
