"""Writing a file so that a crash at any moment leaves the old one or the new one, never a half."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from model.errors import StorageError


def write_atomic(path: Path, data: bytes) -> None:
    """Writes ``data`` beside ``path``, syncs it, and renames it over ``path``.

    Missing parent folders are made. The old file survives every failure.

    Raises:
        StorageError: disk full, no permission, folder gone; names the file and the reason.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp gives 0600; masks are shared with other tools and people
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        reason = error.strerror or str(error)
        raise StorageError(
            f"{path} could not be written: {reason}.",
            remedy="Free some space or check the permissions of the folder, then save again.",
        ) from error
