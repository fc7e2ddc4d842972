"""Networks for files that hold weights only: where each came from is remembered. No Keras.

A file of weights says nothing about the network. Once its user has named a model, a text or a
Python file with the network, what that said is kept as data, by the digest of the weights, so that
neither the question nor the Python file is needed a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.data.atomic import write_atomic
from model.errors import ModelFileError, StorageError
from model.foreign.json_text import parse_json

FOLDER = "architectures"
_FORMAT = "seggui architecture"
_VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORGET = "Move it away; the network is then asked for again."


@dataclass(frozen=True)
class Architecture:
    """A network without its weights.

    Attributes:
        config: as Keras writes it, with ``class_name`` and ``config``.
        keras_version: of the writer, or an empty string.
        source: where it comes from, for people: the name of a file, or a few words.
    """

    config: Mapping[str, Any]
    keras_version: str
    source: str


class ArchitectureStore:
    """Networks by the digest of the weights that they belong to, one file each."""

    def __init__(self, folder: Path) -> None:
        """Knows the place; nothing is read or made yet.

        Args:
            folder: where settings of models are kept; the engine gets it as ``settings_dir``.
        """
        self._folder = folder / FOLDER

    def of(self, weights_sha256: str) -> Architecture | None:
        """The network that was named for these weights, or None.

        Raises:
            StorageError: it is there but cannot be read.
            ModelFileError: it is there but damaged; it is left alone.
        """
        path = self._path(weights_sha256)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(
                f"The network of these weights, {path}, could not be read: {error}.",
                remedy="Check its permissions.",
            ) from error
        return _architecture(text, path)

    def keep(self, weights_sha256: str, architecture: Architecture) -> None:
        """Remembers the network of a file of weights; replaces an earlier one.

        Raises:
            StorageError: it could not be written; the earlier one is still there.
        """
        data = {"format": _FORMAT, "version": _VERSION, **asdict(architecture)}
        write_atomic(self._path(weights_sha256), (json.dumps(data) + "\n").encode())

    def forget(self, weights_sha256: str) -> None:
        """Asks anew next time; fine when there is none.

        Raises:
            StorageError: it could not be removed.
        """
        path = self._path(weights_sha256)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{path} could not be removed: {error}.", remedy="Check its permissions."
            ) from error

    def _path(self, weights_sha256: str) -> Path:
        if not _DIGEST.fullmatch(weights_sha256):
            raise ValueError(f"{weights_sha256!r} is no SHA-256 of a file")
        return self._folder / f"{weights_sha256}.json"


def _architecture(text: str, path: Path) -> Architecture:
    try:
        data = parse_json(text)
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}.", remedy=_FORGET) from error
    is_ours = isinstance(data, dict) and data.get("format") == _FORMAT
    if not is_ours or data.get("version") != _VERSION:
        raise ModelFileError(f"{path} is no {_FORMAT} of version {_VERSION}.", remedy=_FORGET)
    config, version, source = (data.get(each) for each in ("config", "keras_version", "source"))
    is_complete = isinstance(version, str) and isinstance(source, str)
    if not isinstance(config, dict) or not is_complete:
        raise ModelFileError(f"{path} lacks a part of the network.", remedy=_FORGET)
    return Architecture(config, str(version), str(source))
