"""Reading the CSV log of a training: one row per epoch, one column per number. No Keras."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from model.errors import SegguiError

_POSITION = ("epoch", "step")


@dataclass(frozen=True)
class TrainingLog:
    """The curves of a training.

    Attributes:
        position_name: what counts the rows, e.g. ``"epoch"``.
        positions: one per row, ascending as written.
        columns: name -> one value per row; None where nothing was written, not a number (NaN) where
            what was written is none, as when the loss exploded.
    """

    position_name: str
    positions: tuple[float, ...]
    columns: dict[str, tuple[float | None, ...]]


def read_training_log(path: Path) -> TrainingLog:
    """Reads a log as ``keras.callbacks.CSVLogger`` writes it; columns without numbers are left out.

    Columns ``epoch`` and ``step`` are no curves; without both, rows count from 1.

    Raises:
        SegguiError: missing, not readable as text, or without a single number.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise SegguiError(
            f"The training log {path} could not be read: {error.strerror or error}.",
            remedy="Name the CSV file that the training wrote, or leave it out.",
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SegguiError(f"The training log {path} is no CSV text: {error}.") from error
    names = [name.strip() for name in rows[0]] if rows else []
    values = {
        name: tuple(_number(row[i]) if i < len(row) else None for row in rows[1:])
        for i, name in enumerate(names)
    }
    found = {name: column for name, column in values.items() if any(map(_is_finite, column))}
    position = next((name for name in _POSITION if name in found), None)
    positions = _positions(found[position] if position else (None,) * len(rows[1:]))
    found = {name: column for name, column in found.items() if name not in _POSITION}
    if not found:
        raise SegguiError(
            f"The training log {path} holds no numbers; a header and one row per epoch were "
            "expected."
        )
    return TrainingLog(position or "row", positions, found)


def _positions(values: tuple[float | None, ...]) -> tuple[float, ...]:
    known = enumerate(values, start=1)
    return tuple(v if v is not None and _is_finite(v) else float(i) for i, v in known)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None if not text.strip() else math.nan
