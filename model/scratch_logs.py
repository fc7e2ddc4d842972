"""The logs of a training from scratch: ``log.csv`` and curves for TensorBoard. Imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.errors import StorageError
from model.scratch_state import EpochRow, RunState, TrainingFolder
from model.tensorboard_log import TensorBoardLog


class ScratchLogs:
    """Writes both logs of one run. What cannot be written is noted, and the training goes on."""

    def __init__(self, folder: TrainingFolder, note: Callable[[str], None]) -> None:
        """Writes nothing yet.

        Args:
            folder: of the run.
            note: told in a sentence what could not be written; the curves are told of once.
        """
        self._folder, self._note = folder, note
        self._curves = TensorBoardLog(folder.path)
        self._are_curves_failing = False

    def trim(self, state: RunState) -> None:
        """Takes back what was written after a state from which a run goes on."""
        try:
            self._folder.trim_log(state.epoch)
        except StorageError as error:
            self._note(f"The log may hold epochs twice: {error}")
        with self._noting_once():
            self._curves.trim(epoch=state.epoch, step=state.step)

    def add_step(self, step: int, loss: float) -> None:
        """A step was made."""
        with self._noting_once():
            self._curves.add_step(step, {"loss": loss})

    def add_epoch(self, row: EpochRow, *, rate: float) -> None:
        """An epoch is over, whose last step had this learning rate."""
        try:
            self._folder.log(row)
        except StorageError as error:
            self._note(f"The log has no line for epoch {row.epoch}: {error}")
        with self._noting_once():
            self._curves.add_epoch(row.epoch, {**row.values, "learning_rate": rate})

    @contextmanager
    def _noting_once(self) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            if not self._are_curves_failing:
                self._note(str(error))
            self._are_curves_failing = True
