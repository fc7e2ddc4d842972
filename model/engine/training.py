"""Starting, following and ending a training run. The Keras half runs in a child process."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from model.engine.protocol import TrainingDone, TrainingEvent, TrainingRequest
from model.errors import CancelledError, EngineDiedError, SegguiError
from model.scratch_state import ScratchRequest

if TYPE_CHECKING:
    from model.engine.process import ChildProcess

GRACE_SECONDS = 5.0
"""How long a cancelled child may take to end by itself; a step of a large network takes seconds."""

_POLL_SECONDS = 0.1


class TrainingRun:
    """One fine-tuning or training from scratch, in a child process or in the asking thread.

    :meth:`events` belongs to one worker thread; :meth:`stop_and_keep_best` and :meth:`cancel` may
    be called from any thread at any time and return at once.
    """

    def __init__(
        self,
        request: TrainingRequest | ScratchRequest,
        *,
        hosting: Literal["process", "thread"] = "process",
        log_path: Path | None = None,
    ) -> None:
        """Prepares a run; nothing starts before :meth:`events`.

        Args:
            request: what to train on what.
            hosting: ``"thread"`` trains in the thread that iterates, for tests and debugging.
            log_path: file that the child's output is appended to; None drops it at the end.
        """
        self._request = _with_absolute_paths(request)
        self._hosting = hosting
        self._log_path = log_path
        self._stopped = threading.Event()
        self._cancelled = threading.Event()
        self._child: ChildProcess | None = None

    @property
    def pid(self) -> int | None:
        """Process number of the running child, or None."""
        return None if self._child is None else self._child.pid

    def events(self) -> Iterator[TrainingEvent]:
        """Starts the run and gives its events as they happen; blocks in between.

        Yields:
            One ``TrainingPlan``, then steps and scorings, last one ``TrainingDone``.

        Raises:
            TrainingError: the run cannot start or had to stop.
            SegguiError: a file cannot be read or written; see ``model.training.fine_tune``.
            EngineDiedError: the child process ended unexpectedly.
            CancelledError: :meth:`cancel` was called.
        """
        # Not at the top: the window imports this module at its start.
        from model.engine import training_child
        from model.engine.process import ChildProcess

        if self._hosting == "thread":
            yield from self._in_this_thread()
            return
        if self._cancelled.is_set():
            raise CancelledError
        child = self._child = ChildProcess(
            "model.engine.training_child:main",
            argument=self._request,
            log_path=self._log_path,
            environment=training_child.environment(),
            name="seggui-training",
        )
        try:
            yield from self._from(child)
        finally:
            self.close()

    def stop_and_keep_best(self) -> None:
        """Ends training after the current step; the best network so far is the result."""
        self._stopped.set()

    def cancel(self) -> None:
        """Ends the run without a result; files it began are removed."""
        self._cancelled.set()

    def close(self) -> None:
        """Ends the child process if it still runs, and waits for it. Safe to call twice."""
        child, self._child = self._child, None
        if child is not None:
            child.close()
            # A child that was killed while it wrote could not tidy up; a result stays.
            part_path(Path(self._request.output_path)).unlink(missing_ok=True)

    def _in_this_thread(self) -> Iterator[TrainingEvent]:
        from model.engine.training_child import run

        yield from run(
            self._request,
            is_cancelled=self._cancelled.is_set,
            is_stopped=self._stopped.is_set,
        )

    def _from(self, child: ChildProcess) -> Iterator[TrainingEvent]:
        from model.engine import training_child

        deadline: float | None = None
        is_stop_sent = False
        while True:
            if self._cancelled.is_set() and deadline is None:
                _send(child, training_child.CANCEL)
                deadline = time.monotonic() + GRACE_SECONDS
            if self._stopped.is_set() and not is_stop_sent:
                _send(child, training_child.STOP)
                is_stop_sent = True
            if deadline is not None and time.monotonic() > deadline:
                raise CancelledError
            if not child.wait_for_message(_POLL_SECONDS):
                continue
            message = _receive(child)
            if isinstance(message, SegguiError):
                # A child that dies of being cancelled has done what it was asked to.
                raise CancelledError if deadline is not None else message
            yield message
            if isinstance(message, TrainingDone):
                return


def part_path(output_path: Path) -> Path:
    """Where a network is written before it is renamed to ``output_path``."""
    return output_path.with_name(f".{output_path.stem}.part.keras")


def _with_absolute_paths(
    request: TrainingRequest | ScratchRequest,
) -> TrainingRequest | ScratchRequest:
    """The child has a working directory of its own, so a relative path would mean another file."""
    if isinstance(request, ScratchRequest):
        return dataclasses.replace(
            request,
            dataset_path=os.path.abspath(request.dataset_path),
            output_path=os.path.abspath(request.output_path),
        )
    samples = tuple(
        dataclasses.replace(
            sample,
            image_path=os.path.abspath(sample.image_path),
            mask_path=os.path.abspath(sample.mask_path),
            provenance_path=sample.provenance_path and os.path.abspath(sample.provenance_path),
        )
        for sample in request.samples
    )
    return dataclasses.replace(
        request,
        samples=samples,
        base_path=os.path.abspath(request.base_path),
        current_path=os.path.abspath(request.current_path),
        output_path=os.path.abspath(request.output_path),
    )


def _send(child: ChildProcess, word: str) -> None:
    # A child that has just ended needs no message; the next receive finds out.
    with contextlib.suppress(OSError):
        child.pipe.send(word)


def _receive(child: ChildProcess) -> TrainingEvent | SegguiError:
    """The next message; an error when there will be none."""
    try:
        message: TrainingEvent | SegguiError = child.pipe.recv()
    except (EOFError, OSError):
        how = child.describe_end()
        why = " Probably memory ran out." if "SIGKILL" in how else ""
        return EngineDiedError(
            f"The training process ended unexpectedly ({how}).{why} The model in force is "
            "unchanged.",
            remedy="Try again with a smaller crop size or batch size.",
        )
    return message
