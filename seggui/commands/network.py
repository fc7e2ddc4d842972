"""What the commands share that use a network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from model.engine.client import open_engine
from model.engine.protocol import Engine, ModelInfo, Scores
from model.errors import SegguiError
from seggui.launcher.ready import user_data_folder

Hosting = Literal["process", "thread"]


def engine_log() -> Path:
    """The file that takes what Keras and TensorFlow print."""
    return Path(user_data_folder(), "logs", "engine.log")


def training_log() -> Path:
    """The file that takes what a training prints."""
    return Path(user_data_folder(), "logs", "training.log")


def settings_folder() -> Path:
    """Where the settings of models in read-only folders are."""
    return Path(user_data_folder(), "models")


@contextlib.contextmanager
def engine_with(model: Path, hosting: Hosting) -> Iterator[tuple[Engine, ModelInfo]]:
    """Opens a model in an engine of its own, which ends with the ``with`` block.

    Raises:
        ModelFileError: the file is no usable model.
    """
    log = engine_log()
    log.parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(hosting, log_path=log, settings_dir=settings_folder())
    try:
        yield engine, engine.load(str(model.absolute()))
    finally:
        engine.close()


def percent(share: float | None) -> str:
    """A share of 0..1 for people."""
    return "-" if share is None else f"{100 * share:.1f} %"


def scores_as_json(scores: Scores) -> dict[str, object]:
    """Scores as a JSON object; shares are 0..1."""
    return {
        "accuracy": scores.accuracy,
        "mean_iou": scores.mean_iou,
        "iou": list(scores.iou),
        "num_pixels": list(scores.num_pixels),
    }


def require_folder(path: Path, expected: str) -> None:
    """Refuses what is no folder.

    Raises:
        SegguiError: names what was expected.
    """
    if not path.is_dir():
        found = "is not a folder" if path.exists() else "does not exist"
        raise SegguiError(f"{path} {found}; {expected} was expected.")
