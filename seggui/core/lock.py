"""One writer per project: who holds it, and what the others are told."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from model.data.file_lock import try_lock
from model.errors import StorageError


class FolderNotWritableError(StorageError):
    """The project cannot be kept in this place; another ``home`` is needed."""


class ProjectLockedError(StorageError):
    """Another process writes to this project."""


class FolderLock:
    """Holds the lock of one project until it is released or the process ends.

    Attributes:
        is_exclusive: False where the disk knows no locks (some network drives).
    """

    def __init__(self, path: Path) -> None:
        """Takes the lock.

        Raises:
            ProjectLockedError: held by another process, or by another window of this one.
            FolderNotWritableError: the lock file cannot be made.
        """
        self._descriptor = _open(path)
        try:
            self.is_exclusive = try_lock(self._descriptor)
        except BlockingIOError:
            holder = _holder(self._descriptor)
            os.close(self._descriptor)
            raise ProjectLockedError(
                f"The project in {path.parent.parent} is already open in {holder}; "
                "it is shown read-only here.",
                remedy="Close it there and open the folder again to edit it here.",
            ) from None
        self._note_holder()

    def release(self) -> None:
        """Lets others write. Harmless when called again."""
        if self._descriptor >= 0:
            # The file stays: removing it would let two processes lock two files of one name.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _note_holder(self) -> None:
        text = json.dumps({"pid": os.getpid(), "host": _host()})
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only its name is unknown
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, text.encode())


def _host() -> str:
    """The name of this machine."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform  # only Windows needs it, and its import takes 6 ms

    return platform.node()


def require_writable(masks: Path) -> None:
    """Checks that masks can be written to a folder, where it exists.

    Raises:
        FolderNotWritableError: they cannot.
    """
    if masks.exists() and not os.access(masks, os.W_OK):
        raise FolderNotWritableError(
            f"Masks cannot be written to {masks}: no permission.",
            remedy="Choose another folder for the masks, or allow your user to write there.",
        )


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FolderNotWritableError(
            f"The project cannot be kept in {path.parent}: {reason}.",
            remedy="Choose another folder for the masks, or allow your user to write there.",
        ) from error


def _holder(descriptor: int) -> str:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        data = json.loads(os.read(descriptor, 4096))
        return f"another window (process {int(data['pid'])} on {data['host']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another window"
