"""Networks for files that hold weights only: where each came from is remembered. No Keras.

A file of weights says nothing about the network. Once its user has named a model, a text or a
Python file with the network, what that said is kept as data, by the digest of the weights, so that
neither the question nor the Python file is needed a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.errors import ModelFileError
from model.foreign.json_text import parse_json
from model.foreign.kept_texts import KeptTexts

FOLDER = "architectures"
_FORMAT = "seggui architecture"
_VERSION = 1
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
        self._texts = KeptTexts(folder / FOLDER, what="The network of these weights")

    def of(self, weights_sha256: str) -> Architecture | None:
        """The network that was named for these weights, or None.

        Raises:
            StorageError: it is there but cannot be read.
            ModelFileError: it is there but damaged; it is left alone.
        """
        text = self._texts.read(weights_sha256)
        return None if text is None else _architecture(text, self._texts.path(weights_sha256))

    def keep(self, weights_sha256: str, architecture: Architecture) -> None:
        """Remembers the network of a file of weights; replaces an earlier one.

        Raises:
            StorageError: it could not be written; the earlier one is still there.
        """
        data = {"format": _FORMAT, "version": _VERSION, **asdict(architecture)}
        self._texts.write(weights_sha256, json.dumps(data))

    def forget(self, weights_sha256: str) -> None:
        """Asks anew next time; fine when there is none.

        Raises:
            StorageError: it could not be removed.
        """
        self._texts.forget(weights_sha256)


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
