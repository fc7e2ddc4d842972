"""The real window program, taking orders from a benchmark; its argument is a folder.

Everything is as in ``seggui.app.run``, the engine's process included; added are the orders and the
heartbeat. Painting and keys come from outside, through the X server.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from model.engine.client import open_engine
from model.engine.protocol import TrainingSettings
from seggui.app import COLLECTOR_DELAY_MS, Program, start_collector
from seggui.navigation import Bundle
from seggui.settings import data_dir
from seggui.theme import apply_theme
from tests.benchmarks.orders import Heartbeat, OrderServer
from tests.benchmarks.slow_moves import WATCH_VARIABLE
from tests.benchmarks.spans import SpanLog


class Driver(QObject):
    """The orders."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self._heartbeat = Heartbeat(self)
        self._has_engine = False
        self._num_shown = self._num_answers = self._num_steps = 0
        self._batch_seconds = 0.0
        self._batch_start = 0.0
        self._left = 0
        self._direction = 1
        self._waits_for_answer = False
        # Unlike a single shot of 0 ms, which Qt calls before it paints.
        self._step_timer = QTimer(self, singleShot=True, interval=0)
        self._step_timer.timeout.connect(self._step)
        self._problems: list[str] = []
        program.navigation.image_shown.connect(self._on_shown)
        program.prediction.answer_applied.connect(self._on_answer)
        program.prediction.failed.connect(self._on_problem)
        program.prediction.device_found.connect(self._on_device)
        program.training.stepped.connect(self._on_step)
        program.training.ended.connect(self._on_problem)
        program.batch.finished.connect(self._on_batch_finished)
        names = (
            "brush", "canvas", "view", "state", "show", "load_model", "automatic", "fine_tune",
            "stop_training", "predict_all", "walk",
        )  # fmt: skip
        orders = {name: getattr(self, name) for name in names}
        orders |= {"start_heartbeat": self._heartbeat.start, "stop_heartbeat": self._heartbeat.stop}
        self._orders = orders
        self._server = OrderServer(orders, program.window.close, self)

    def add_order(self, name: str, order: Callable[..., Any]) -> None:
        """Takes one more order."""
        self._orders[name] = order

    def brush(self, radius_px: float, number: int) -> None:
        """Radius in image pixels, and a class; the numbers of classes begin anew at the end."""
        session = self._program.session
        session.set_brush_radius(radius_px)
        session.set_label(number % len(session.label_set or (0,)))

    def canvas(self) -> list[int]:
        """Left, top, width, height of the canvas on the screen."""
        canvas = self._program.window.canvas
        corner = canvas.mapToGlobal(QPointF(0, 0)).toPoint()
        return [corner.x(), corner.y(), canvas.width(), canvas.height()]

    def view(self, scale: float) -> None:
        """Shows the middle of the image at a scale; 0 fits."""
        canvas = self._program.window.canvas
        canvas.fit()
        if scale:
            canvas.zoom_to(scale)
        self._program.window.activateWindow()

    def state(self) -> dict[str, Any]:
        """What happened so far."""
        program = self._program
        return {
            "key": program.session.key,
            "engine": self._has_engine,
            "model": program.prediction.model is not None,
            "is_training": program.training.is_running,
            "is_walking": self._left > 0,
            "shown": self._num_shown, "answers": self._num_answers, "steps": self._num_steps,
            "batch_seconds": self._batch_seconds,
            "problems": self._problems,
        }  # fmt: skip

    def show(self, key: str) -> None:
        """Goes to an image."""
        self._program.navigation.show(key)

    def load_model(self, path: str) -> None:
        """Loads a network in the engine's process."""
        self._program.models.load_model(Path(path))

    def automatic(self, is_automatic: bool) -> None:
        """Whether images are predicted on arrival."""
        self._program.prediction.set_automatic(is_automatic)

    def fine_tune(self, num_steps: int) -> None:
        """Starts a run on what the folder has corrections for; it never stops early."""
        settings = replace(TrainingSettings(), num_steps=num_steps, patience=num_steps)
        self._program.training.start(settings)

    def stop_training(self) -> None:
        """Cancels the run."""
        self._program.training.cancel()

    def predict_all(self) -> int:
        """Predicts the folder as the menu does; the number of images."""
        keys = self._program.batch.keys_to_predict()
        self._batch_seconds, self._batch_start = 0.0, time.perf_counter()
        self._program.batch.start()
        return len(keys)

    def walk(self, num_images: int, waits_for_answer: bool = False) -> None:
        """Goes on to the next image as soon as one is on the screen, back at the ends.

        With ``waits_for_answer`` only once its prediction is there, too.
        """
        self._left, self._waits_for_answer = num_images, waits_for_answer
        self._step()

    @Slot(object)
    def _on_shown(self, bundle: Bundle) -> None:
        self._num_shown += 1
        # One that was predicted when it was passed before waits for no answer.
        is_predicted = bool(bundle.predicted_by) and bundle.prepared is None
        if is_predicted or not self._waits_for_answer:
            self._arrive()

    def _arrive(self) -> None:
        if self._left > 0:
            self._left -= 1
            self._step_timer.start()

    @Slot()
    def _step(self) -> None:
        if self._left <= 0:
            return
        navigation = self._program.navigation
        before = navigation.key
        navigation.show_neighbour(self._direction)
        if navigation.key == before:
            self._direction = -self._direction
            navigation.show_neighbour(self._direction)

    @Slot(object)
    def _on_answer(self, _: object) -> None:
        self._num_answers += 1
        if self._waits_for_answer:
            self._arrive()

    @Slot(object)
    def _on_device(self, _: object) -> None:
        self._has_engine = True

    @Slot(object)
    def _on_step(self, _: object) -> None:
        self._num_steps += 1

    @Slot(object)
    def _on_batch_finished(self, report: object) -> None:
        self._batch_seconds = time.perf_counter() - self._batch_start

    @Slot(object)
    def _on_problem(self, error: object) -> None:
        if error is not None:
            self._problems.append(str(error))


def _watching() -> SpanLog:
    """Watches what may hold up a move of the pointer."""
    from seggui.canvas.canvas import Canvas
    from seggui.edit_wiring import EditWiring
    from seggui.pointer_readout import PointerReadout
    from seggui.session import Session
    from seggui.tasks.job_thread import JobThread
    from seggui.tasks.project_thread import ProjectThread
    from seggui.training_control import TrainingControl
    from seggui.work_wiring import WorkWiring

    log = SpanLog()
    log.watch(Canvas, "mouseMoveEvent", "mousePressEvent", "mouseReleaseEvent", "paintEvent")
    log.watch(Session, "extend_stroke", "commit_stroke", "begin_stroke")
    log.watch(EditWiring, "_on_mask_changed", "_show_shares")
    log.watch(PointerReadout, "_on_pointer_moved", "_show")
    log.watch(EditWiring, "_on_status_changed", "_on_edit_committed")
    log.watch(JobThread, "_execute", "_on_finished", "submit")
    log.watch(ProjectThread, "_on_flush_due", "_on_drained")
    log.watch(TrainingControl, "_on_dirty_changed", "_count")
    log.watch(WorkWiring, "_on_overview_changed")
    return log


def main() -> None:
    """Runs the program until standard input ends."""
    gc.disable()  # as ``seggui.cli`` does
    log = _watching() if WATCH_VARIABLE in os.environ else None
    application = QApplication(sys.argv[:1])
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    engine = open_engine("process", log_path=data_dir() / "logs" / "engine.log")
    program = Program(engine)
    apply_theme(application, program.settings.theme())
    driver = Driver(program)
    if log is not None:
        application.installEventFilter(log)
        driver.add_order("spans", log.take)
    program.start(Path(sys.argv[1]), None)
    QTimer.singleShot(COLLECTOR_DELAY_MS, program, start_collector)
    application.exec()
    del driver


if __name__ == "__main__":
    main()
