"""Shows how far the preparation is: one changing line on a terminal, some plain lines elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

QUIET_SECONDS = 10.0
"""Time between two lines about the same step where lines cannot be overwritten (logs, CI)."""


class Progress:
    """Writes to one stream; used by one thread.

    Attributes:
        started: monotonic seconds when the preparation began.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.started = clock()
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._last_step = ""
        self._last_time = 0.0

    def say(self, sentence: str) -> None:
        """Writes a line that stays."""
        self._clear_line()
        self._stream.write(sentence + "\n")
        self._stream.flush()

    def show(self, step: str, detail: str = "") -> None:
        """Shows what is being done now.

        Args:
            step: names the step; a new one is always shown.
            detail: how far it is; on a terminal always shown, elsewhere every ten seconds.
        """
        now = self._clock()
        line = f"[{_minutes(now - self.started)}] {step}{'  ' + detail if detail else ''}"
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + line[:width])
        elif step != self._last_step or now - self._last_time >= QUIET_SECONDS:
            self._stream.write(line + "\n")
            self._last_time = now
        self._last_step = step
        self._stream.flush()

    def close(self) -> None:
        """Ends the display."""

    def _clear_line(self) -> None:
        if self._is_terminal and self._last_step:
            self._stream.write("\r\x1b[K")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
