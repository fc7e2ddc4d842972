"""Looking at a new network's mask of the image on view before deciding; nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from model.engine.deferred import DeferredEngine
from seggui.canvas.canvas import Canvas
from seggui.navigation import Bundle, Navigation
from seggui.session import Session
from seggui.settings import settings_dir
from seggui.tasks.job_thread import JobThread

if TYPE_CHECKING:
    import numpy.typing as npt

    from model.engine.protocol import Engine


class PreviewControl(QObject):
    """Shows the candidate's answer over the image instead of the mask, as long as it is on.

    The candidate lives in an engine of its own, so that the network in force goes on serving. While
    the preview is on, painting is switched off: what is seen is not the mask.

    Signals:
        failed: (error).
        busy_changed: (bool).
    """

    failed = Signal(object)
    busy_changed = Signal(bool)

    def __init__(
        self,
        canvas: Canvas,
        session: Session,
        navigation: Navigation,
        *,
        log_path: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._canvas, self._session, self._navigation = canvas, session, navigation
        self._log_path = log_path
        self._thread: JobThread | None = None
        self._engine: Engine | None = None
        self._is_on = False
        navigation.image_shown.connect(self._on_image_shown)

    @property
    def is_on(self) -> bool:
        """Whether the canvas shows the candidate's answer."""
        return self._is_on

    def start(self, path: Path) -> None:
        """Loads the candidate and shows its answer for the image on view."""
        self._session.commit_stroke()
        self._is_on = self._session.is_previewing = True
        if self._thread is None:
            self._thread = JobThread("preview", self)
            engine = self._engine = DeferredEngine(self._open_engine)
            self._thread.submit(lambda: engine.load(str(path)), failed=self._on_failed)
        self._predict(self._navigation.current)

    def stop(self) -> None:
        """Shows the mask again and ends the candidate's engine."""
        was_on, self._is_on = self._is_on, False
        self._session.is_previewing = False
        mask = self._session.mask_view()
        if was_on and mask is not None:
            self._canvas.set_mask(mask)
        self.close()

    def close(self) -> None:
        """Ends thread and engine, and waits."""
        thread, engine = self._thread, self._engine
        self._thread = self._engine = None
        if thread is not None and engine is not None:
            thread.discard(lambda _: True)
            thread.submit(engine.close, failed=self.failed.emit)
            thread.close(drain=True)

    def _open_engine(self) -> Engine:
        from model.engine.client import open_engine

        return open_engine("process", log_path=self._log_path, settings_dir=settings_dir())

    def _on_image_shown(self, bundle: Bundle) -> None:
        if self._is_on:
            self._predict(bundle)

    def _predict(self, bundle: Bundle | None) -> None:
        engine = self._engine
        if bundle is None or engine is None or self._thread is None:
            return
        key, pixels = bundle.key, bundle.decoded.pixels
        self.busy_changed.emit(True)
        self._thread.submit(
            lambda: engine.predict(pixels).classes,
            done=lambda classes: self._on_answer(key, classes), failed=self._on_failed,
        )  # fmt: skip

    def _on_answer(self, key: str, classes: npt.NDArray[np.uint8]) -> None:
        self.busy_changed.emit(False)
        if self._is_on and self._session.key == key:
            self._canvas.set_mask(classes)

    def _on_failed(self, error: Exception) -> None:
        self.busy_changed.emit(False)
        self.failed.emit(error)
