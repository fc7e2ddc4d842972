"""Naming the network that a file of weights belongs to. No Keras; nothing is run here."""

from __future__ import annotations

from pathlib import Path

from model.digest import file_sha256
from model.errors import WeightsOnlyError
from model.foreign.architectures import ArchitectureStore
from model.inspection import inspect_file, read_architecture
from model.trust import TrustStore

CODE_ENDINGS = (".py",)


def is_code(source: Path) -> bool:
    """Whether naming this file means running it."""
    return source.suffix.lower() in CODE_ENDINGS


def needs_network(weights: Path) -> bool:
    """Whether a file holds weights only, so that a network can be named for it.

    Raises:
        ModelFileError: it is no model at all.
    """
    try:
        return inspect_file(weights).weights != "whole"
    except WeightsOnlyError:
        return True


def name_network(weights: Path, source: Path, settings_dir: Path) -> None:
    """Remembers which network a file of weights belongs to; the engine finds it from then on.

    Args:
        weights: the file that holds weights only.
        source: a whole model, the text of ``model.to_json()``, or a Python file. The latter gets
            the consent to be **run** for these weights, once, in the engine's process.
        settings_dir: where the engine looks for it.

    Raises:
        ModelFileError: the source cannot be read, or holds no network.
        StorageError: it could not be remembered.
    """
    digest, networks = file_sha256(weights), ArchitectureStore(settings_dir)
    if is_code(source):
        TrustStore(settings_dir).allow(digest, source, model_name=weights.name)
        networks.forget(digest)  # of a network that was named before
    else:
        networks.keep(digest, read_architecture(source))
