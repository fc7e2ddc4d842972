"""One thread that runs jobs in order of urgency and hands results back to the GUI thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal, Slot

_log = logging.getLogger(__name__)

NICENESS = 5
"""Of these threads, and of the processes they start on top of what those take themselves.

Reading an image keeps a core busy for 50 ms and a network keeps all of them busy. Between equals,
Linux lets the window wait its turn: while walking through images, one wait in a hundred was 27 ms;
it is 15 ms now, and the images come as fast as before.
"""

Done = Callable[[Any], None]
Failed = Callable[[Exception], None]


@dataclass(order=True)
class _Job:
    priority: int
    number: int
    work: Callable[[], Any] = field(compare=False)
    done: Done | None = field(compare=False)
    failed: Failed = field(compare=False)
    tag: Hashable = field(compare=False)


@dataclass(frozen=True)
class _Outcome:
    job: _Job
    result: Any
    error: Exception | None


class JobThread(QObject):
    """Runs jobs one at a time on a thread of its own.

    ``work`` runs on the thread; ``done(result)`` or ``failed(error)`` runs later on the GUI thread,
    from its event loop. Jobs of equal priority keep their order.
    """

    _finished = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: list[_Job] = []
        self._numbers = itertools.count()
        self._condition = threading.Condition()
        self._is_closing = False
        self._is_busy = False
        self._finished.connect(self._on_finished)
        self._thread = _LoopThread(self._run)
        self._thread.setObjectName(name)
        self._thread.start()

    def submit(
        self,
        work: Callable[[], Any],
        *,
        failed: Failed,
        done: Done | None = None,
        priority: int = 0,
        tag: Hashable = None,
    ) -> None:
        """Queues a job; lower priorities go first. After :meth:`close` nothing is run any more."""
        with self._condition:
            if self._is_closing:
                # Timers and answers on their way may still ask while the program closes.
                _log.debug("%s is closed; a job is dropped", self._thread.objectName())
                return
            job = _Job(priority, next(self._numbers), work, done, failed, tag)
            heapq.heappush(self._queue, job)
            self._condition.notify()

    def discard(self, matches: Callable[[Hashable], bool]) -> int:
        """Forgets queued jobs whose tag matches, and returns how many; a running one goes on."""
        with self._condition:
            num_before = len(self._queue)
            self._queue = [job for job in self._queue if not matches(job.tag)]
            heapq.heapify(self._queue)
            return num_before - len(self._queue)

    @property
    def is_idle(self) -> bool:
        """True when nothing is queued or running."""
        with self._condition:
            return not self._queue and not self._is_busy

    def close(self, *, drain: bool) -> None:
        """Ends the thread and waits for it.

        Args:
            drain: run what is queued first (storage), or forget it (everything else).
        """
        with self._condition:
            self._is_closing = True
            if not drain:
                self._queue.clear()
            self._condition.notify()
        self._thread.wait()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._is_closing:
                    self._condition.wait()
                if not self._queue:
                    return
                job = heapq.heappop(self._queue)
                self._is_busy = True
            outcome = self._execute(job)
            with self._condition:
                self._is_busy = False
            self._finished.emit(outcome)
            del job, outcome  # their arrays must not live until the next job

    def _execute(self, job: _Job) -> _Outcome:
        try:
            return _Outcome(job, job.work(), None)
        except Exception as error:  # noqa: BLE001 - handed to the job's owner, never swallowed
            _log.debug("job failed on %s", self._thread.objectName(), exc_info=True)
            return _Outcome(job, None, error)

    @Slot(object)
    def _on_finished(self, outcome: _Outcome) -> None:
        if self._is_closing:
            return  # whoever waited for it is gone
        if outcome.error is not None:
            outcome.job.failed(outcome.error)
        elif outcome.job.done is not None:
            outcome.job.done(outcome.result)


class _LoopThread(QThread):
    """A QThread that runs one function."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def run(self) -> None:
        if sys.platform == "linux":  # where niceness is each thread's own, unlike elsewhere
            os.nice(NICENESS)
        self._function()
