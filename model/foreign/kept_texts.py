"""Texts about model files, kept by the digest of the file in a folder of the settings. No Keras."""

from __future__ import annotations

from pathlib import Path

from model.data.atomic import write_atomic
from model.digest import is_sha256
from model.errors import StorageError


class KeptTexts:
    """One text for each file that something is to be remembered of."""

    def __init__(self, folder: Path, *, what: str) -> None:
        """Knows the place; nothing is read or made yet.

        Args:
            folder: where the texts are.
            what: a text is, for messages.
        """
        self._folder, self._what = folder, what

    def path(self, sha256: str) -> Path:
        """Where the text about a file is."""
        if not is_sha256(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 of a file")
        return self._folder / f"{sha256}.json"

    def read(self, sha256: str) -> str | None:
        """The text, or None.

        Raises:
            StorageError: it is there but cannot be read.
        """
        path = self.path(sha256)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(
                f"{self._what}, {path}, could not be read: {error}.",
                remedy="Check its permissions.",
            ) from error

    def write(self, sha256: str, text: str) -> None:
        """Keeps a text in the place of an earlier one.

        Raises:
            StorageError: it could not be written; the earlier one is still there.
        """
        write_atomic(self.path(sha256), f"{text}\n".encode())

    def forget(self, sha256: str) -> None:
        """Removes the text; fine when there is none.

        Raises:
            StorageError: it could not be removed.
        """
        path = self.path(sha256)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{path} could not be removed: {error}.", remedy="Check its permissions."
            ) from error
