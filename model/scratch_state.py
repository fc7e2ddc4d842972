"""What a training from scratch is asked for, and what it keeps on disk while it runs. No Keras.

Beside the network that is wanted, ``NAME.keras``, there is a folder ``NAME.training`` with:

- ``log.csv``: one line per epoch; stays when the training is over.
- ``events.out.tfevents.*``: the same and the loss of each step for TensorBoard; stays, too.
- ``request.json``: what was asked for, see `model.scratch_resume`.
- ``.lock``: held while a run goes on, so that no other process goes on with the same one.
- ``state.npz``: weights, running mean, optimizer, best network so far, and the counters. Written
  after every epoch, complete or not at all; removed when the training is over.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from model.data.atomic import write_atomic
from model.data.file_lock import try_lock
from model.data.label_sets import LabelSet
from model.engine.protocol import Scores
from model.errors import StorageError, TrainingError
from model.recipes import Recipe

Weights = list[npt.NDArray[Any]]

_VERSION = 1
_POSITION = ("epoch", "step", "seconds")
_LISTS = ("weights", "averaged", "optimizer", "best_weights")


@dataclass(frozen=True)
class ScratchRequest:
    """One training from scratch.

    Attributes:
        dataset_path: folder of the dataset.
        output_path: the network, ``.keras``.
        recipe: how to train.
        layout: of the dataset; None finds it out.
        label_set: classes of the dataset; None takes its own.
        groups: drives or cities to use; empty uses all.
        holds_out: ``"own"``: what the dataset itself keeps for validation, else a share;
            ``"share"``: a share of its training images; ``"nothing"``: training and validation
            images are trained on. Test images never are.
        minutes: the run is over then, schedule included; None runs all epochs.
        resumes: go on with the run whose state is beside ``output_path``.
    """

    dataset_path: str
    output_path: str
    recipe: Recipe
    layout: str | None = None
    label_set: LabelSet | None = None
    groups: tuple[str, ...] = ()
    holds_out: Literal["own", "share", "nothing"] = "own"
    minutes: float | None = None
    resumes: bool = False


@dataclass
class RunState:
    """Where a run is. Counters of whole epochs; sums of the running one are not kept."""

    epoch: int = 0
    step: int = 0
    elapsed: float = 0.0
    batch_size: int = 0
    best_value: float = float("-inf")
    stopping_value: float = float("-inf")
    best_step: int = 0
    num_without_progress: int = 0
    is_broken: bool = False
    sums: dict[str, float] = field(default_factory=dict)
    num_sums: int = 0

    def add(self, values: dict[str, Any]) -> None:
        """Adds what Keras said about one step."""
        self.num_sums += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)

    def means(self) -> dict[str, float]:
        """Means over the steps of the epoch."""
        return {name: value / max(1, self.num_sums) for name, value in self.sums.items()}


@dataclass(frozen=True)
class EpochRow:
    """One line of the log."""

    epoch: int
    step: int
    seconds: float
    values: dict[str, float]


@dataclass(frozen=True)
class LoadedState:
    """What a run goes on with."""

    state: RunState
    weights: Weights
    averaged: Weights
    optimizer: Weights
    best_weights: Weights | None
    best_scores: Scores | None


class TrainingFolder:
    """The folder beside the network that is wanted."""

    def __init__(self, output_path: Path) -> None:
        self._output = output_path
        self.path = output_path.with_name(f"{output_path.stem}.training")
        self._state_path = self.path / "state.npz"
        self._lock_path = self.path / ".lock"

    @property
    def log_path(self) -> Path:
        """The log, one line per epoch."""
        return self.path / "log.csv"

    @property
    def has_state(self) -> bool:
        """Whether an interrupted run can go on."""
        return self._state_path.is_file()

    def require_state(self) -> None:
        """Checks that there is something to go on with.

        Raises:
            TrainingError: there is not.
        """
        if not self.has_state:
            raise TrainingError(
                f"There is no interrupted training of {self._output.name} to go on with.",
                remedy="Start it without --resume.",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from running the same training; makes the folder.

        Raises:
            TrainingError: another process runs it, or another thread.
            StorageError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The file stays: removing it would let two processes lock two files of one name.
            lock = self._lock_path.open("ab")
        except OSError as error:
            raise _storage_error(self.path, error) from error
        with lock:
            try:
                try_lock(lock.fileno())
            except BlockingIOError as error:
                raise TrainingError(
                    f"{self._output.name} is being trained by another process right now.",
                    remedy="Wait for its end or stop it there, or choose another file.",
                ) from error
            yield

    @property
    def is_running(self) -> bool:
        """Whether a process runs this training right now."""
        if not self._lock_path.is_file():
            return False
        try:
            with self._lock_path.open("ab") as lock:
                try_lock(lock.fileno())
        except BlockingIOError:
            return True
        except OSError:
            return False  # whoever goes on with it will be told why that is impossible
        return False

    def start_log(self) -> None:
        """Begins anew; what an earlier run left is removed.

        Raises:
            StorageError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for path in self.path.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != self._lock_path:
                    path.unlink()
        except OSError as error:
            raise _storage_error(self.path, error) from error

    def log(self, row: EpochRow) -> None:
        """Appends a line; the first one brings the header, and decides the columns.

        Raises:
            StorageError: it could not be written.
        """
        try:
            before = self._log_text()
            header = _rows(before)[:1]
            names = header[0] if header else [*_POSITION, *sorted(row.values)]
            values = {name: f"{value:.6f}" for name, value in row.values.items()}
            values |= {"epoch": f"{row.epoch}", "step": f"{row.step}"}
            values["seconds"] = f"{row.seconds:.1f}"
            line = [values.get(name, "") for name in names]
            text = _csv_text([line] if header else [names, line])
            is_cut = bool(before) and not before.endswith("\n")  # by a full disk
            with self.log_path.open("a", encoding="utf-8", newline="") as file:
                file.write("\n" * is_cut + text)
        except OSError as error:
            raise _storage_error(self.log_path, error) from error

    def trim_log(self, epoch: int) -> None:
        """Takes back the lines after an epoch, from which a run goes on, and half-written ones.

        Raises:
            StorageError: it could not be read or written.
        """
        try:
            before = self._log_text()
        except OSError as error:
            raise _storage_error(self.log_path, error) from error
        header, *rows = _rows(before) or [[]]
        kept = [row for row in rows if _is_until(row, epoch, num_values=len(header))]
        if len(kept) < len(rows):
            write_atomic(self.log_path, _csv_text([header, *kept]).encode())

    def save(
        self,
        recipe: Recipe,
        state: RunState,
        *,
        weights: Weights,
        averaged: Weights,
        optimizer: Weights,
        best_weights: Weights | None,
        best_scores: Scores | None,
    ) -> None:
        """Writes the state; that of the epoch before stays when this fails.

        Raises:
            StorageError: it could not be written.
        """
        head = {
            "version": _VERSION,
            "recipe": _plain(dataclasses.asdict(recipe)),
            "state": {k: v for k, v in dataclasses.asdict(state).items() if "sums" not in k},
            "best_scores": None if best_scores is None else dataclasses.asdict(best_scores),
        }
        arrays: dict[str, npt.NDArray[Any]] = {"head": np.array(json.dumps(head))}
        lists = (weights, averaged, optimizer, best_weights or [])
        for name, values in zip(_LISTS, lists, strict=True):
            arrays |= {f"{name}_{number:04}": value for number, value in enumerate(values)}
        part = self._state_path.with_suffix(".part.npz")
        try:
            with part.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._state_path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _storage_error(self._state_path, error) from error

    def load(self, recipe: Recipe) -> LoadedState:
        """Reads the state of an interrupted run.

        Raises:
            TrainingError: there is none, it is damaged, or it is of another recipe.
        """
        self.require_state()
        try:
            with np.load(self._state_path, allow_pickle=False) as stored:
                head = json.loads(str(stored["head"]))
                lists = {
                    name: [stored[key] for key in sorted(stored.files) if key[:-5] == name]
                    for name in _LISTS
                }
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(
                f"The state of the interrupted training, {self._state_path}, is damaged ({error}).",
                remedy="Start the training anew, without --resume.",
            ) from error
        began = _defaults() | head["recipe"]  # an earlier version may not have known a setting
        different = [
            name for name, value in _plain(dataclasses.asdict(recipe)).items()
            if name not in ("epochs", "patience") and began.get(name) != value
        ]  # fmt: skip
        if different or head.get("version") != _VERSION:
            raise TrainingError(
                "The interrupted training was started with other settings "
                f"({', '.join(different) or 'another version of seggui'}).",
                remedy="Leave out what was not given then, or start anew without --resume.",
            )
        scores = head["best_scores"]
        return LoadedState(
            RunState(**head["state"]), lists["weights"], lists["averaged"], lists["optimizer"],
            lists["best_weights"] or None,
            None if scores is None else Scores(
                scores["accuracy"], scores["mean_iou"], tuple(scores["iou"]),
                tuple(scores["num_pixels"]),
            ),
        )  # fmt: skip

    def _log_text(self) -> str:
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace").replace("\0", "")

    def remove_state(self) -> None:
        """The training is over; the log stays."""
        self._state_path.unlink(missing_ok=True)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _defaults() -> dict[str, Any]:
    """What holds for a recipe that does not say so, as JSON gives it back."""
    given = {f.name: f.default for f in dataclasses.fields(Recipe)}
    return _plain({n: value for n, value in given.items() if value is not dataclasses.MISSING})


def _rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _is_until(row: list[str], epoch: int, *, num_values: int) -> bool:
    return len(row) == num_values and row[0].isdecimal() and int(row[0]) <= epoch


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} could not be written: {error.strerror or error}.",
        remedy="Free some space or check the permissions of the folder.",
    )
