"""Predicting a whole folder, and exporting it: long work with progress and a way to stop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from model.errors import CancelledError, StorageError
from seggui.core.names import mask_names
from seggui.core.predictions import store_prediction
from seggui.core.project import Project
from seggui.core.records import ImageRecord, ImageStatus
from seggui.navigation import Bundle, Navigation
from seggui.prediction_control import PREDICTION_TEXT, PredictionControl
from seggui.session import Session
from seggui.tasks.image_loader import ImageLoader
from seggui.tasks.job_thread import JobThread
from seggui.tasks.project_thread import ProjectThread

if TYPE_CHECKING:
    import numpy.typing as npt

    from model.exporting import ExportItem, ExportReport

Sources = tuple[Session, ImageLoader, ProjectThread]

_MAX_IN_FLIGHT = 3
BATCH_PRIORITY = 50
_RETRY_MS = 200


@dataclass(frozen=True)
class BatchReport:
    """How a prediction of the folder ended: image counts, and the first errors in words."""

    num_done: int
    num_failed: int
    was_cancelled: bool
    errors: tuple[str, ...]


class BatchPrediction(QObject):
    """Predicts every image that is not reviewed; the image on view always goes first.

    Decoding, network and writing overlap: three images are on their way at a time.

    Signals:
        progressed: (number done, number in all, key).
        finished: (BatchReport).
    """

    progressed = Signal(int, int, str)
    finished = Signal(object)

    def __init__(
        self, prediction: PredictionControl, navigation: Navigation, *, sources: Sources
    ) -> None:
        super().__init__(prediction)
        self._prediction, self._navigation = prediction, navigation
        self._session, self._loader, self._project = sources
        self._waiting: deque[str] = deque()
        self._in_flight: set[str] = set()
        self._total = self._num_done = self._num_failed = 0
        self._errors: list[str] = []
        self._cancelled = Event()
        self._sha256 = ""
        navigation.folder_opened.connect(self.cancel)

    @property
    def is_running(self) -> bool:
        """Whether images are on their way."""
        return bool(self._waiting or self._in_flight)

    def keys_to_predict(self) -> tuple[str, ...]:
        """Images that this network has not predicted and that nobody reviewed."""
        model = self._prediction.model
        if model is None or not self._prediction.fits_label_set:
            return ()
        records = (self._navigation.record(key) for key in self._navigation.keys)
        return tuple(
            r.key
            for r in records
            if r.status is not ImageStatus.REVIEWED and r.model_sha256 != model.sha256
        )

    def start(self) -> None:
        """Starts; an earlier batch must have ended."""
        model = self._prediction.model
        if self.is_running or model is None:
            return
        self._cancelled = Event()
        self._sha256 = model.sha256
        self._waiting = deque(self.keys_to_predict())
        self._total, self._num_done, self._num_failed = len(self._waiting), 0, 0
        self._errors = []
        self._pump()

    def cancel(self, _: object = None) -> None:
        """Stops after the images on their way; what is done stays done."""
        self._cancelled.set()
        self._waiting.clear()

    def _pump(self) -> None:
        while self._waiting and len(self._in_flight) < _MAX_IN_FLIGHT:
            key = self._waiting.popleft()
            self._in_flight.add(key)
            self._loader.load_for_batch(
                key, self._navigation.path_of(key),
                done=self._on_decoded, failed=partial(self._on_failed, key),
            )  # fmt: skip
        if not self.is_running:
            self.finished.emit(
                BatchReport(
                    self._num_done, self._num_failed, self._cancelled.is_set(),
                    tuple(self._errors[:10]),
                )
            )  # fmt: skip

    def _on_decoded(self, decoded: tuple[str, npt.NDArray[np.uint8]]) -> None:
        (key, pixels), engine, cancelled = decoded, self._prediction.engine, self._cancelled

        def work() -> npt.NDArray[np.uint8]:
            if cancelled.is_set():
                raise CancelledError
            return engine.predict(pixels, is_cancelled=cancelled.is_set).classes

        self._prediction.thread_of_engine.submit(
            work, done=lambda classes: self._on_predicted(key, classes),
            failed=lambda error: self._on_failed(key, error), priority=BATCH_PRIORITY,
        )  # fmt: skip

    def _on_predicted(self, key: str, classes: npt.NDArray[np.uint8]) -> None:
        model = self._prediction.model
        if model is None or model.sha256 != self._sha256 or self._cancelled.is_set():
            self._on_failed(key, CancelledError())
            return
        if self._navigation.is_loading(key):
            # Its document is on the way into memory without this answer: ask again afterwards.
            self._in_flight.discard(key)
            self._waiting.append(key)
            QTimer.singleShot(_RETRY_MS, self, self._pump)
            return
        bundle = self._navigation.bundle(key)
        if bundle is not None:  # memory is ahead of the disk: change it there
            self._on_stored(self._apply_in_memory(bundle, classes))
            return
        sha256 = self._sha256
        self._project.run(
            lambda project: store_prediction(project, key, classes, sha256),
            done=self._on_stored, failed=lambda error: self._on_failed(key, error),
        )  # fmt: skip

    def _apply_in_memory(self, bundle: Bundle, classes: npt.NDArray[np.uint8]) -> ImageRecord:
        if bundle.key == self._session.key:
            self._session.apply_prediction(classes, text=PREDICTION_TEXT)
        else:
            self._navigation.apply_prediction(bundle, classes, text=PREDICTION_TEXT)
        bundle.predicted_by, bundle.prepared = self._sha256, None
        record = self._navigation.record(bundle.key)
        is_first = record.status is ImageStatus.UNTOUCHED
        status = ImageStatus.PREDICTED if is_first else record.status
        self._project.record_status(bundle.key, status, self._sha256)
        return replace(record, status=status, model_sha256=self._sha256)

    def _on_stored(self, record: ImageRecord) -> None:
        self._in_flight.discard(record.key)
        self._num_done += 1
        self._navigation.note_record(record)
        self.progressed.emit(self._num_done + self._num_failed, self._total, record.key)
        self._pump()

    def _on_failed(self, key: str, error: Exception) -> None:
        self._in_flight.discard(key)
        if not isinstance(error, CancelledError):
            self._num_failed += 1
            self._errors.append(str(error))
            if isinstance(error, StorageError):  # a full disk fails for every image alike
                self.cancel()
            self.progressed.emit(self._num_done + self._num_failed, self._total, key)
        self._pump()


@dataclass(frozen=True)
class ExportRequest:
    """What the export dialog asks for.

    Attributes:
        keys: images, in order.
        output_dir: where the files go.
        format_name: key of ``model.formats.table.FORMATS``.
        include_unlabelled: whether images without a mask become all-ignore masks.
    """

    keys: tuple[str, ...]
    output_dir: Path
    format_name: str
    include_unlabelled: bool


class ExportControl(QObject):
    """Writes masks for other programs on a thread of its own.

    Signals:
        progressed: (number done, number in all, key).
        finished: (ExportReport).
        failed: (error).
    """

    progressed = Signal(int, int, str)
    finished = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        navigation: Navigation,
        session: Session,
        project: ProjectThread,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._navigation, self._session, self._project = navigation, session, project
        self._thread = JobThread("export", self)
        self._cancelled = Event()
        self.is_running = False

    def start(self, request: ExportRequest) -> None:
        """Brings every mask on disk up to date, then exports."""
        self._session.commit_stroke()
        self._project.flush_now()
        self._cancelled = Event()
        self.is_running = True
        self._project.run(
            lambda project: _export_items(project, request.keys),
            done=lambda items: self._run(request, items), failed=self._on_failed,
        )  # fmt: skip

    def cancel(self) -> None:
        """Stops after the file in work; complete files stay."""
        self._cancelled.set()

    def close(self) -> None:
        """Stops and waits."""
        self.cancel()
        self._thread.close(drain=False)

    def _run(self, request: ExportRequest, items: tuple[ExportItem, ...]) -> None:
        label_set, cancelled = self._session.label_set, self._cancelled
        if label_set is None:
            return

        def work() -> ExportReport:
            from model.exporting import export_masks

            return export_masks(
                items, request.output_dir, request.format_name, label_set,
                include_unlabelled=request.include_unlabelled,
                on_progress=self.progressed.emit, is_cancelled=cancelled.is_set,
            )  # fmt: skip

        self._thread.submit(work, done=self._on_done, failed=self._on_failed)

    def _on_done(self, report: ExportReport) -> None:
        self.is_running = False
        self.finished.emit(report)

    def _on_failed(self, error: Exception) -> None:
        self.is_running = False
        self.failed.emit(error)


def _export_items(project: Project, keys: tuple[str, ...]) -> tuple[ExportItem, ...]:
    from model.exporting import ExportItem

    project.flush_all_from_journal()
    names = mask_names(project.keys)
    items = []
    for key in keys:
        mask = project.mask_path(key)
        items.append(
            ExportItem(key, project.folder / key, mask if mask.exists() else None, names[key])
        )
    return tuple(items)
