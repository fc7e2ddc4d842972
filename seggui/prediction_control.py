"""The network at work for the window: loading it, predicting what is on view first, then ahead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from model.engine.classes import num_answered
from model.errors import CancelledError, EngineDiedError
from seggui.core.edits import edit_result, prepare_prediction
from seggui.core.records import ImageStatus
from seggui.navigation import Bundle, Navigation, PreparedAnswer
from seggui.session import Session
from seggui.tasks.job_thread import JobThread
from seggui.tasks.project_thread import ProjectThread
from seggui.version import VERSION

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from model.engine.protocol import DeviceInfo, Engine, ModelInfo, ModelSettings, Prediction
    from model.remembered_test import RememberedTest

_log = logging.getLogger(__name__)

PREDICTION_TEXT = "Prediction"

_ON_VIEW, _TRIAL = 0, 1
"""Urgencies of the image on view and of other settings that are tried on it; what is predicted
ahead comes after both."""
_TRIAL_TAG = "trial"


@dataclass(frozen=True, eq=False)
class Answer:
    """A prediction, and how to bring it into the mask."""

    key: str
    prediction: Prediction
    prepared: PreparedAnswer


def _signed(test: RememberedTest | None) -> RememberedTest | None:
    """The same with the version of this program."""
    if test is None:
        return None
    return replace(test, libraries=replace(test.libraries, program=VERSION))


class PredictionControl(QObject):
    """Asks the engine from a worker thread and brings its answers into the documents.

    Signals:
        device_found: (DeviceInfo).
        model_loading: (Path).
        model_loaded: (ModelInfo).
        model_failed: (Path, error) the network before stays in force.
        predicting_changed: (bool) whether the image on view waits for its mask.
        answer_applied: (Bundle) confidence and mask are there.
        failed: (error) one image could not be predicted; told once per network.
        engine_restarted: () it died and was started again.
    """

    device_found = Signal(object)
    model_loading = Signal(object)
    model_loaded = Signal(object)
    model_failed = Signal(object, object)
    predicting_changed = Signal(bool)
    answer_applied = Signal(object)
    failed = Signal(object)
    engine_restarted = Signal(str)

    def __init__(
        self,
        engine: Engine,
        session: Session,
        navigation: Navigation,
        project: ProjectThread,
        *,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine, self._session = engine, session
        self._navigation, self._project = navigation, project
        self._thread = JobThread("prediction", self)
        self.model: ModelInfo | None = None
        self.device: DeviceInfo | None = None
        self.is_automatic = True
        self.seconds_per_megapixel: float | None = None
        self._is_compiled = False
        self._wanted: dict[str, int] = {}
        self._trials_dropped = threading.Event()
        self._submitted: set[tuple[str, str]] = set()
        self._deaths: dict[str, int] = {}
        self._failed_for: set[tuple[str, str]] = set()
        navigation.bundle_ready.connect(self._on_bundle_ready)
        navigation.folder_opened.connect(self._on_folder_opened)
        # After a stroke; later, since an answer applied inside a signal would tell news in the
        # wrong order to those who hear the signal after us.
        self._apply_timer = QTimer(self, singleShot=True, interval=0)
        self._apply_timer.timeout.connect(self._apply_to_current)
        session.status_changed.connect(self._on_document_status)

    # -- the network -----------------------------------------------------------------------------

    @property
    def thread_of_engine(self) -> JobThread:
        """The one thread that may call the engine; batch prediction shares it."""
        return self._thread

    @property
    def engine(self) -> Engine:
        """To be called from :attr:`thread_of_engine` only."""
        return self._engine

    def start_engine(self) -> None:
        """Starts the engine in the background and finds out what it runs on."""
        self._thread.submit(self._engine.device, done=self._on_device, failed=self.failed.emit)

    def load_model(self, path: Path, settings: ModelSettings | None = None) -> None:
        """Opens a network in the background; the one before predicts until the new one is there."""
        self.model_loading.emit(path)
        self._thread.submit(
            lambda: self._engine.load(str(path), settings),
            done=self._on_model_loaded,
            failed=lambda error: self.model_failed.emit(path, error),
            priority=-1,
        )

    def apply_settings(self, settings: ModelSettings, settings_dir: Path) -> None:
        """Uses the network differently from now on, and remembers that beside the model.

        Args:
            settings: how to use it.
            settings_dir: where to remember it when the model's folder cannot be written.

        Raises:
            StorageError: it could not be remembered; nothing has changed.
        """
        if self.model is None:
            return
        info = self.model
        path = Path(info.path)
        from model.model_settings import save_settings

        test = _signed(info.test)
        save_settings(path, settings, sha256=info.sha256, settings_dir=settings_dir, test=test)
        self._forget_predictions()
        for bundle in self._navigation.bundles():
            bundle.predicted_by = ""  # the same network says something else now
        self.load_model(path, settings)

    def accept_numbers(self, settings_dir: Path) -> None:
        """Remembers what the network answers here as right, in place of what is kept beside it.

        Args:
            settings_dir: where to remember it when the model's folder cannot be written.

        Raises:
            StorageError: it could not be remembered.
        """
        from model.model_settings import save_settings

        info = self.model
        if info is not None:
            save_settings(
                Path(info.path), info.settings, sha256=info.sha256, settings_dir=settings_dir,
                test=_signed(info.test),
            )  # fmt: skip
            self.model = replace(info, change="")

    # -- predicting ------------------------------------------------------------------------------

    def predict_current(self) -> None:
        """Predicts the image on view again, also when this network did it before."""
        bundle = self._navigation.current
        if bundle is None or self.model is None:
            return
        bundle.predicted_by = ""
        self._failed_for.discard((bundle.key, self.model.sha256))
        self._request(bundle, 0)

    def try_settings(
        self,
        settings: ModelSettings,
        *,
        prepare: Callable[[], npt.NDArray[np.uint8]],
        finish: Callable[[Prediction], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Predicts an image as if other settings were in force, after what the image on view needs.

        Mask, network and settings in force stay as they are. It fails with ``CancelledError`` when
        another network came into force, after :meth:`drop_trials` while it was at work, and when
        the engine died of an earlier one.

        Args:
            settings: how to use the network this once.
            prepare: gives the image, (H, W, 3) uint8 RGB; called on the engine's thread.
            finish: makes of the prediction what ``done`` gets; the same.
            done: called on the GUI thread.
            failed: the same, with the error.
        """
        if self.model is None:
            return
        digest, is_dropped = self.model.sha256, self._trials_dropped

        def is_cancelled() -> bool:
            loaded = self._engine.model
            return is_dropped.is_set() or (loaded is not None and loaded.sha256 != digest)

        def work() -> Any:
            if is_cancelled():
                raise CancelledError
            pixels = prepare()
            try:
                found = self._engine.try_settings(pixels, settings, is_cancelled=is_cancelled)
            except EngineDiedError:
                is_dropped.set()  # the others of this round would end it again
                raise
            return finish(found)

        self._thread.submit(work, done=done, failed=failed, priority=_TRIAL, tag=_TRIAL_TAG)

    def drop_trials(self) -> None:
        """Forgets what is queued by :meth:`try_settings` and stops what is at work."""
        self._trials_dropped.set()
        self._trials_dropped = threading.Event()
        self._thread.discard(lambda tag: tag == _TRIAL_TAG)

    def set_automatic(self, is_automatic: bool) -> None:
        """Whether images are predicted when one arrives at them."""
        self.is_automatic = is_automatic
        if is_automatic:
            self._request_all()

    def close(self) -> None:
        """Ends thread and engine, and waits."""
        self._wanted.clear()
        self.drop_trials()
        self._thread.submit(self._engine.close, failed=self._on_close_failed, priority=-100)
        self._thread.close(drain=True)

    def _on_close_failed(self, error: Exception) -> None:
        _log.error("closing the engine failed", exc_info=error)

    def _on_device(self, device: DeviceInfo) -> None:
        self.device = device
        self.device_found.emit(device)

    def _on_model_loaded(self, info: ModelInfo) -> None:
        self.model = info
        self.seconds_per_megapixel, self._is_compiled = None, False
        self._forget_predictions()
        self.model_loaded.emit(info)
        self._thread.submit(self._engine.device, done=self._on_device, failed=self.failed.emit)
        self._request_all()

    def _forget_predictions(self) -> None:
        self._submitted.clear()
        for bundle in self._navigation.bundles():
            bundle.prepared = None

    def _on_folder_opened(self, _: object) -> None:
        self._wanted.clear()
        self._submitted.clear()
        self._thread.discard(lambda tag: isinstance(tag, tuple))

    def _request_all(self) -> None:
        current = self._navigation.current
        if current is None:
            return
        self._on_bundle_ready(current, 0)
        for bundle in self._navigation.bundles():
            if bundle is not current:
                self._on_bundle_ready(bundle, 1)

    def _on_bundle_ready(self, bundle: Bundle, distance: int) -> None:
        if distance == 0:
            self._wanted = {bundle.key: 0}
            self._drop_passed()
            self._apply_waiting(bundle)
        else:
            self._wanted[bundle.key] = distance
        if self.is_automatic and self._needs_prediction(bundle):
            self._request(bundle, distance)

    def _drop_passed(self) -> None:
        """Forgets what is queued for images left behind: each holds pixels and a copy of a mask."""
        passed = {pair for pair in self._submitted if not self._navigation.is_near(pair[0])}
        dropped: list[tuple[str, str]] = []

        def is_passed(tag: object) -> bool:
            is_it = tag in passed
            if is_it:
                dropped.append(tag)  # type: ignore[arg-type]
            return is_it

        if passed:
            self._thread.discard(is_passed)
            self._submitted.difference_update(dropped)

    def _needs_prediction(self, bundle: Bundle) -> bool:
        if self.model is None or self._session.is_read_only:
            return False
        pair = (bundle.key, self.model.sha256)
        is_reviewed = self._navigation.record(bundle.key).status is ImageStatus.REVIEWED
        is_done = bundle.predicted_by == self.model.sha256
        return not (is_reviewed or is_done or pair in self._failed_for)

    def _request(self, bundle: Bundle, distance: int) -> None:
        if self.model is None or not self.fits_label_set:
            return
        pair = (bundle.key, self.model.sha256)
        if pair in self._submitted:
            if distance:
                return
            # It may be queued behind others: then queue it again in front.
            if not self._thread.discard(lambda tag: tag == pair):
                self.predicting_changed.emit(True)
                return  # at work already, or its answer is on the way
        self._submitted.add(pair)
        mask, provenance, revision = bundle.document.snapshot()
        key, pixels = bundle.key, bundle.decoded.pixels

        def work() -> Answer:
            if key not in self._wanted:
                raise CancelledError
            prediction = self._engine.predict(pixels, is_cancelled=lambda: key not in self._wanted)
            edit = prepare_prediction(mask, provenance, prediction.classes, text=PREDICTION_TEXT)
            result = edit_result(edit, mask, provenance) if edit is not None else None
            prepared = PreparedAnswer(edit, result, revision, prediction.classes)
            return Answer(key, prediction, prepared)

        self._thread.submit(
            work, done=self._on_answer, failed=lambda error: self._on_failed(pair, error),
            priority=_ON_VIEW if distance == 0 else _TRIAL + distance, tag=pair,
        )  # fmt: skip
        if distance == 0:
            self.predicting_changed.emit(True)

    @property
    def fits_label_set(self) -> bool:
        """Whether the project has every class that the network can answer with."""
        label_set = self._session.label_set
        return (
            self.model is not None
            and label_set is not None
            and num_answered(self.model) <= len(label_set)
        )

    def _on_answer(self, answer: Answer) -> None:
        prediction = answer.prediction
        self._submitted.discard((answer.key, prediction.model_sha256))
        bundle = self._navigation.bundle(answer.key)
        if bundle is None or self.model is None or prediction.model_sha256 != self.model.sha256:
            return  # stale: another folder, or another network by now
        height, width = bundle.decoded.size
        self._note_speed(prediction.seconds / (height * width / 1e6))
        bundle.confidence = prediction.confidence
        bundle.predicted_by = prediction.model_sha256
        bundle.prepared = answer.prepared
        if bundle is self._navigation.current:
            self._apply_waiting(bundle)

    def _note_speed(self, speed: float) -> None:
        # The first prediction of each size compiles the network, which takes many times as long.
        # So the very first tells nothing, and of the others the fastest tells what one costs.
        if self._is_compiled:
            self.seconds_per_megapixel = min(speed, self.seconds_per_megapixel or speed)
        self._is_compiled = True

    def _apply_waiting(self, bundle: Bundle) -> None:
        """Brings a prepared answer into the document on view."""
        if bundle.prepared is None or self._navigation.current is not bundle:
            return
        if bundle.document.in_stroke:
            return  # again when the stroke is committed
        answer, bundle.prepared = bundle.prepared, None
        if bundle.document.revision != answer.revision:  # painted meanwhile: the edit is stale
            self._session.apply_prediction(answer.classes, text=PREDICTION_TEXT)
        elif answer.edit is not None:
            self._session.apply_prepared(
                answer.edit, revision=answer.revision, result=answer.result
            )
        self._note_predicted(bundle)
        self.predicting_changed.emit(False)
        self.answer_applied.emit(bundle)

    def _note_predicted(self, bundle: Bundle) -> None:
        status = self._session.image_status
        if status is ImageStatus.UNTOUCHED:
            status = ImageStatus.PREDICTED
            self._session.image_status = status
        self._project.record_status(bundle.key, status, bundle.predicted_by)
        record = replace(
            self._navigation.record(bundle.key), status=status, model_sha256=bundle.predicted_by
        )
        self._navigation.note_record(record)

    @Slot(object)
    def _on_document_status(self, _: object) -> None:
        self._apply_timer.start()

    @Slot()
    def _apply_to_current(self) -> None:
        current = self._navigation.current
        if current is not None and current.prepared is not None:
            self._apply_waiting(current)

    def _on_failed(self, pair: tuple[str, str], error: Exception) -> None:
        key, _ = pair
        self._submitted.discard(pair)
        bundle = self._navigation.bundle(key)
        is_current = bundle is not None and bundle is self._navigation.current
        if isinstance(error, CancelledError):
            is_wanted = self.is_automatic and key in self._wanted
            if is_wanted and bundle is not None and self._needs_prediction(bundle):
                self._request(bundle, self._wanted[key])  # wanted again before it was given up
            return
        if isinstance(error, EngineDiedError) and self._deaths.get(key, 0) < 1:
            self._deaths[key] = self._deaths.get(key, 0) + 1
            self.engine_restarted.emit(str(error))
            if bundle is not None:
                self._request(bundle, 0 if is_current else 1)
            return
        self._failed_for.add(pair)
        if is_current:
            self.predicting_changed.emit(False)
            self.failed.emit(error)
