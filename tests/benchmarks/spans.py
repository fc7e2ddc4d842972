"""What a measured program does when: spans of time, to be laid over moves that were slow.

Times are those of ``time.perf_counter()``, which on Linux is one clock for all processes.
"""

from __future__ import annotations

import functools
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject

Span = tuple[float, float, str, str]
"""Start, end, thread, what."""


class SpanLog(QObject):
    """Remembers when the functions that it watches ran, when Qt delivered what, and waits.

    It costs some microseconds for each span, so that measurements are made without it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self._gc_start = 0.0
        gc.callbacks.append(self._on_collection)

    def watch(self, owner: type, *names: str) -> None:
        """Replaces methods of a class by ones that are remembered; before objects are made."""
        for name in names:
            setattr(owner, name, self._watched(f"{owner.__name__}.{name}", getattr(owner, name)))

    def take(self) -> list[Span]:
        """What was remembered since the last call."""
        spans, self.spans = self.spans, []
        return spans

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notes each event that is delivered."""
        now = time.perf_counter()
        what = f"> {event.type().name} {type(watched).__name__} {watched.objectName()}"
        self.spans.append((now, now, threading.current_thread().name, what))
        return False

    def _watched(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            start, waited = time.perf_counter(), _waited_ms()
            try:
                return function(*arguments, **keywords)
            finally:
                name = threading.current_thread().name
                text = f"{what} (waited {_waited_ms() - waited:.2f} ms for a core)"
                self.spans.append((start, time.perf_counter(), name, text))

        return watched

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._gc_start = now
        else:
            name = threading.current_thread().name
            self.spans.append((self._gc_start, now, name, f"collector {info['generation']}"))


def _waited_ms() -> float:
    """How long this thread was ready to run and had no core, since it began."""
    text = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text()
    return int(text.split()[1]) / 1e6
