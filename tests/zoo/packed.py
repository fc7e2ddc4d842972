"""The zoo as it lies in the repository: HDF5 files are packed with gzip, byte-equal inside.

    python tests/zoo/packed.py pack tests/data/zoo           # after a writer has written
    python tests/zoo/packed.py unpack tests/data/zoo OUT_DIR # for scripts that want plain files

HDF5 reserves whole blocks for groups of a few names, so five sixths of a tiny file are zeros.
"""

from __future__ import annotations

import atexit
import functools
import gzip
import shutil
import sys
import tempfile
from pathlib import Path

SUFFIX = ".gz"
ZOO = Path(__file__).parents[1] / "data" / "zoo"


def pack(folder: Path) -> int:
    """Replaces every HDF5 file below a folder by a packed one; returns how many."""
    files = sorted(folder.rglob("*.h5"))
    for path in files:
        # Without name and time: packing the same bytes again gives the same file.
        packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        path.with_name(path.name + SUFFIX).write_bytes(packed)
        path.unlink()
    return len(files)


def unpack(folder: Path, target: Path) -> None:
    """Copies the zoo to a new or empty folder, with plain HDF5 files."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*")):
        copy = target / path.relative_to(folder)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        else:
            copy.with_name(plain_name(path)).write_bytes(read_plain(path))


def plain_name(path: Path) -> str:
    """The name of a file when it is not packed."""
    return path.name.removesuffix(SUFFIX)


def read_plain(path: Path) -> bytes:
    """The content of a file when it is not packed."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == SUFFIX else content


@functools.cache
def unpacked_zoo() -> Path:
    """The zoo with plain files, in a folder that lives as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="seggui-zoo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    unpack(ZOO, folder)
    return folder


def main(command: str, folder: str, *target: str) -> None:
    """Packs a folder in place, or unpacks it to another."""
    if command == "pack" and not target:
        print(f"{pack(Path(folder))} files packed")
    elif command == "unpack" and len(target) == 1:
        unpack(Path(folder), Path(target[0]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
