"""Inside a measured program: takes the orders of ``remote.py``, and feels the loop's pulse."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QSocketNotifier, Qt, QTimer, Slot

BEAT_MS = 2


class OrderServer(QObject):
    """Reads orders from standard input when the event loop is free, and answers on output.

    An order is a line of JSON, a list of its name and its arguments; so is the answer, of anything.
    The end of the input calls ``on_end``.
    """

    def __init__(
        self, orders: Mapping[str, Callable[..., Any]], on_end: Callable[[], object],
        parent: QObject | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._orders, self._on_end = orders, on_end
        self._unread = b""
        self._notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_input)

    @Slot()
    def _on_input(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self._notifier.setEnabled(False)
            self._on_end()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            name, *arguments = json.loads(line)
            answer = self._orders[name](*arguments)
            os.write(1, json.dumps(answer).encode() + b"\n")


class Heartbeat(QObject):
    """Remembers how long the event loop let a timer of 2 ms wait."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gaps: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self, interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)

    def start(self) -> None:
        """Begins anew."""
        self._gaps = []
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> list[float]:
        """Milliseconds from beat to beat since the start, the last one included."""
        self._timer.stop()
        return [*self._gaps, (time.perf_counter() - self._last) * 1000]

    @Slot()
    def _on_beat(self) -> None:
        now = time.perf_counter()
        self._gaps.append((now - self._last) * 1000)
        self._last = now


def quit_program() -> None:
    """Ends the event loop."""
    QCoreApplication.quit()
