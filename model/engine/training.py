"""Starting, following and ending a fine-tuning run. The Keras half runs in a child process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path
from typing import Literal

from model.engine import training_child
from model.engine.protocol import TrainingDone, TrainingEvent, TrainingRequest
from model.errors import CancelledError, EngineDiedError, SegguiError

GRACE_SECONDS = 5.0
"""How long a cancelled child may take to end by itself; a step of a large network takes seconds."""

_POLL_SECONDS = 0.1


class TrainingRun:
    """One fine-tuning run, in a child process of its own or in the thread that asks for events.

    :meth:`events` belongs to one worker thread; :meth:`stop_and_keep_best` and :meth:`cancel` may
    be called from any thread at any time and return at once.
    """

    def __init__(
        self,
        request: TrainingRequest,
        *,
        hosting: Literal["process", "thread"] = "process",
        log_path: Path | None = None,
    ) -> None:
        """Prepares a run; nothing starts before :meth:`events`.

        Args:
            request: what to train on what.
            hosting: ``"thread"`` trains in the thread that iterates, for tests and debugging.
            log_path: file that the child's output is appended to; None drops it.
        """
        self._request = request
        self._hosting = hosting
        self._log_path = log_path
        self._stopped = threading.Event()
        self._cancelled = threading.Event()
        self._child: _Child | None = None

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
        if self._hosting == "thread":
            yield from self._in_this_thread()
            return
        self._child = _Child(self._request, self._log_path)
        try:
            yield from self._from(self._child)
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
        if self._child is not None:
            self._child.close()
            self._child = None
            remove_partial_output(self._request)

    def _in_this_thread(self) -> Iterator[TrainingEvent]:
        from model.training import fine_tune

        yield from fine_tune(
            self._request,
            is_cancelled=self._cancelled.is_set,
            is_stopped=self._stopped.is_set,
        )

    def _from(self, child: _Child) -> Iterator[TrainingEvent]:
        deadline: float | None = None
        while True:
            if self._cancelled.is_set() and deadline is None:
                child.send(training_child.CANCEL)
                deadline = time.monotonic() + GRACE_SECONDS
            elif self._stopped.is_set():
                child.send_once(training_child.STOP)
            if deadline is not None and time.monotonic() > deadline:
                child.close()
                raise CancelledError
            message = child.receive(_POLL_SECONDS)
            if message is None:
                continue
            if isinstance(message, SegguiError):
                # A child that dies of a cancelled run has done what it was asked to.
                raise CancelledError if deadline is not None else message
            yield message
            if isinstance(message, TrainingDone):
                return


class _Child:
    """The process and the pipe to it."""

    def __init__(self, request: TrainingRequest, log_path: Path | None) -> None:
        # Never fork: TensorFlow hangs for good in a forked child.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=training_child.main,
            args=(theirs, request, log_path),
            name="seggui-training",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # else the end of the child would not close the pipe
        self._sent: set[str] = set()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def send(self, word: str) -> None:
        # A child that has just ended needs no message; receive() finds out.
        with contextlib.suppress(OSError):
            self._pipe.send(word)

    def send_once(self, word: str) -> None:
        if word not in self._sent:
            self._sent.add(word)
            self.send(word)

    def receive(self, timeout_s: float) -> TrainingEvent | SegguiError | None:
        """The next message, None when there is none yet, an error when there will be none."""
        if not connection.wait([self._pipe, self._process.sentinel], timeout_s):
            return None
        try:
            if self._pipe.poll():
                message: TrainingEvent | SegguiError = self._pipe.recv()
                return message
            if self._process.is_alive():
                return None
        except (EOFError, OSError):
            # The pipe closes a moment before the process is gone.
            pass
        return self._obituary()

    def _obituary(self) -> EngineDiedError:
        self._process.join(GRACE_SECONDS)
        code = self._process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        why = " Probably memory ran out." if code == -9 else ""
        return EngineDiedError(
            f"The training process ended unexpectedly ({how}).{why} The model in force is "
            "unchanged.",
            remedy="Try again with a smaller crop size or batch size.",
        )

    def close(self) -> None:
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._pipe.close()


def remove_partial_output(request: TrainingRequest) -> None:
    """Removes what a killed run left half-written beside its output; the output itself stays."""
    part_path(Path(request.output_path)).unlink(missing_ok=True)


def part_path(output_path: Path) -> Path:
    """Where a network is written before it is renamed to ``output_path``."""
    return output_path.with_name(f".{output_path.stem}.part{os.extsep}keras")
