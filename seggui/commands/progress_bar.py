"""A progress bar with the time left for people at a terminal; in a log, a line a minute."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

_BAR_WIDTH = 24
_REDRAW_SECONDS = 0.1
_LOG_SECONDS = 60.0


class ProgressBar:
    """One line on standard error that is drawn over; used by one thread, as a context manager.

    Where standard error is no terminal, a line is added for each minute of work, so that short work
    is silent and long work can be followed in the log of a server.

    Args:
        what: names the work, e.g. ``"Predicting"``.
        total: number of steps.
        stream: where to draw; standard error when None.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        what: str,
        total: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self.total = total
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._drawn_at: float | None = None
        self._is_terminal = self._stream.isatty()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_terminal and self._drawn_at is not None:
            self._stream.write("\n")
            self._stream.flush()

    def show(self, done: int, *, seconds_left: float | None = None, detail: str = "") -> None:
        """Shows that ``done`` steps are finished.

        Args:
            done: 0 to the total.
            seconds_left: until the end; from the pace so far when None.
            detail: shown at the end of the line.
        """
        now = self._clock()
        if not self._is_due(now, done):
            return
        self._drawn_at = now
        if seconds_left is None and done:
            seconds_left = (now - self._start) / done * (self.total - done)
        left = "" if seconds_left is None else f" {duration(seconds_left)} left"
        if self._is_terminal:
            filled = _BAR_WIDTH * done // max(1, self.total)
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            line = f"{self._what} {done}/{self.total} [{bar}]{left}  {detail}".rstrip()
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + line[:width])
        else:
            comma = "," if left else ""
            self._stream.write(f"{self._what} {done}/{self.total}{comma}{left}  {detail}".rstrip())
            self._stream.write("\n")
        self._stream.flush()

    def _is_due(self, now: float, done: int) -> bool:
        if not self._is_terminal:
            since = self._start if self._drawn_at is None else self._drawn_at
            return now - since >= _LOG_SECONDS
        is_time = self._drawn_at is None or now - self._drawn_at >= _REDRAW_SECONDS
        return is_time or done >= self.total


def duration(seconds: float) -> str:
    """A time span as hours, minutes and seconds, e.g. ``2:07``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
