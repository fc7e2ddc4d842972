"""Which code may be run for which model: the user's word, kept by content. No Keras, no Qt.

A model that uses layers of its own opens only with the Python file that defines them, and running
that file means running a program. So the consent is given for one model and one file, both known by
their SHA-256: another model asks again, and so does the same file after a change. A SavedModel
that is a program itself is its own code: the consent is for the folder.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from model.data.atomic import write_atomic
from model.digest import bytes_sha256, file_sha256, is_sha256
from model.errors import ModelFileError, StorageError

FILE_NAME = "trusted.json"
MAX_CODE_BYTES = 4 * 2**20
"""Of a Python file; a person writes a thousandth of that."""

_FORMAT = "seggui trusted Python files"
_VERSION = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrustedCode:
    """A Python file, or the program of a SavedModel folder, that may be run for a model.

    Attributes:
        path: of the file or folder, absolute.
        sha256: of its content when the user consented.
        when: of the consent, local time, ISO 8601 to the second.
        model_name: of the model file at that time, for people.
    """

    path: Path
    sha256: str
    when: str
    model_name: str = ""

    def is_unchanged(self) -> bool:
        """Whether it is there with the content that the user consented to."""
        try:
            return code_sha256(self.path) == self.sha256
        except ModelFileError:
            return False


class TrustStore:
    """Consents in one file of a folder; every call reads it anew, so that processes agree."""

    def __init__(self, folder: Path) -> None:
        """Knows the place; nothing is read or made yet.

        Args:
            folder: where settings of models are kept; the engine gets it as ``settings_dir``.
        """
        self._path = folder / FILE_NAME

    def allow(self, model_sha256: str, code_file: Path, *, model_name: str = "") -> TrustedCode:
        """Remembers that a Python file may be run for a model; replaces an earlier consent.

        Args:
            model_sha256: digest of the model file.
            code_file: the Python file, or the SavedModel folder itself, as it is now.
            model_name: name of the model file, for the list of consents.

        Raises:
            ModelFileError: the Python file cannot be read, or is none.
            StorageError: the consent could not be written; nothing has changed.
        """
        path = code_file.absolute()
        when = datetime.now().isoformat(timespec="seconds")
        return self._keep(model_sha256, TrustedCode(path, code_sha256(path), when, model_name))

    def inherit(self, parent_sha256: str, child_sha256: str, *, model_name: str = "") -> None:
        """Gives a network that this program trained the consent of the one it comes from.

        Its layers are those of its parent, and so is the file that defines them. Nothing happens
        where the parent has no consent.

        Raises:
            StorageError: the consents could not be read or written.
        """
        consent = self.entry(parent_sha256)
        if consent is not None and child_sha256 != parent_sha256:
            code = TrustedCode(consent.path, consent.sha256, consent.when, model_name)
            self._keep(child_sha256, code)

    def revoke(self, model_sha256: str) -> None:
        """Forgets a consent; fine when there is none.

        Raises:
            StorageError: it could not be written; the consent is still in force.
        """
        entries = self.entries()
        if entries.pop(model_sha256, None) is not None:
            self._write(entries)

    def allowed(self, model_sha256: str) -> TrustedCode | None:
        """The file that may be run for a model; None without consent, or if it changed since.

        Raises:
            StorageError: the consents could not be read.
        """
        code = self.entry(model_sha256)
        return code if code is not None and code.is_unchanged() else None

    def entry(self, model_sha256: str) -> TrustedCode | None:
        """The consent as it was given, whatever became of the file since.

        Raises:
            StorageError: the consents could not be read.
        """
        return self.entries().get(model_sha256)

    def entries(self) -> dict[str, TrustedCode]:
        """All consents by the digest of their model, oldest first.

        A damaged file is set aside under another name, and counts as empty: everything is asked
        again.

        Raises:
            StorageError: the consents could not be read.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(
                f"The list of trusted Python files {self._path} could not be read: "
                f"{error.strerror or error}.",
                remedy="Check its permissions.",
            ) from error
        try:
            return _entries(json.loads(text))
        except (ValueError, RecursionError) as error:
            self._set_aside(error)
            return {}

    def _keep(self, model_sha256: str, code: TrustedCode) -> TrustedCode:
        if not is_sha256(model_sha256):
            raise ValueError(f"{model_sha256!r} is no SHA-256 of a model")
        entries = self.entries()
        entries.pop(model_sha256, None)
        self._write({**entries, model_sha256: code})
        return code

    def _write(self, entries: dict[str, TrustedCode]) -> None:
        data = {
            "format": _FORMAT,
            "version": _VERSION,
            "models": {
                digest: {**asdict(code), "path": str(code.path)} for digest, code in entries.items()
            },
        }
        write_atomic(self._path, (json.dumps(data, indent=2) + "\n").encode())

    def _set_aside(self, error: Exception) -> None:
        number = 1
        while (aside := self._path.with_name(f"trusted.damaged-{number}.json")).exists():
            number += 1
        try:
            os.replace(self._path, aside)
        except FileNotFoundError:
            return  # another process was faster
        except OSError as problem:
            raise StorageError(
                f"The list of trusted Python files {self._path} is damaged ({error}), and could "
                f"not be set aside: {problem.strerror or problem}.",
                remedy="Move it away; what is trusted is then asked again.",
            ) from problem
        _log.warning("%s is damaged (%s) and was set aside as %s", self._path, error, aside)


def code_sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a Python file, or of a folder as `model.digest` makes it.

    Raises:
        ModelFileError: as `read_code`.
    """
    return file_sha256(path) if path.is_dir() else bytes_sha256(read_code(path))


def read_code(path: Path) -> bytes:
    """The content of a Python file.

    Raises:
        ModelFileError: it cannot be read, or is far too long to be one.
    """
    try:
        if path.is_file() and path.stat().st_size > MAX_CODE_BYTES:
            raise ModelFileError(
                f"{path.name} has {path.stat().st_size} bytes; a Python file of at most "
                f"{MAX_CODE_BYTES} was expected.",
                remedy="Choose the file that defines the layers.",
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"The Python file {path} could not be read: {error.strerror or error}.",
            remedy="Choose the file that defines the layers.",
        ) from error


def _entries(data: Any) -> dict[str, TrustedCode]:
    """Checks every field.

    Raises:
        ValueError: names the first one that is wrong.
    """
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise ValueError("it is no list of trusted Python files")
    if data.get("version") != _VERSION:
        raise ValueError(f"version is {data.get('version')!r}")
    models = data.get("models")
    if not isinstance(models, dict):
        raise ValueError("models is no object")
    return {_checked_digest(digest): _code(digest, entry) for digest, entry in models.items()}


def _code(digest: str, entry: Any) -> TrustedCode:
    fields = ("path", "sha256", "when", "model_name")
    known = entry if isinstance(entry, dict) else {}
    path, sha256, when, model_name = (str(known.get(field)) for field in fields)
    if not all(isinstance(known.get(field), str) for field in fields):
        raise ValueError(f"the entry of {digest[:12]} lacks a text")
    if not Path(path).is_absolute() or "\0" in path:
        raise ValueError(f"the entry of {digest[:12]} has the path {path!r}")
    return TrustedCode(Path(path), _checked_digest(sha256), when, model_name)


def _checked_digest(value: str) -> str:
    if not is_sha256(value):
        raise ValueError(f"{value[:20]!r} is no SHA-256")
    return value
