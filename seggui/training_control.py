"""Fine-tuning from the window: what it would be made of, running it, keeping or discarding it.

What only a run needs is imported by the run: the window starts without it.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from model.data.images import image_size
from model.errors import CancelledError
from seggui.core import versions
from seggui.core.project import Project
from seggui.core.records import TRUSTED_STATUSES
from seggui.core.trusted import TrustedPixels
from seggui.navigation import Navigation
from seggui.prediction_control import PredictionControl
from seggui.session import Session
from seggui.tasks.job_thread import Done, JobThread
from seggui.tasks.project_thread import ProjectThread

if TYPE_CHECKING:
    from model.engine.protocol import (
        ModelInfo,
        TrainingDone,
        TrainingEvent,
        TrainingPlan,
        TrainingRequest,
        TrainingSettings,
    )
    from model.engine.training import TrainingRun
    from seggui.core.training_overview import TrainingOverview

_log = logging.getLogger(__name__)

OVERVIEW_DELAY_MS = 600


@dataclass(frozen=True)
class _Counted:
    """Trusted pixels by role, and what earlier runs took against their estimates."""

    num_train: int
    num_held_out: int
    num_pixels: tuple[int, ...]
    megapixels: float
    runs: tuple[tuple[float, float], ...]


class TrainingControl(QObject):
    """Runs one fine-tuning at a time in its own process; painting and predicting go on meanwhile.

    Signals:
        overview_changed: (TrainingOverview).
        started: (device name).
        planned, stepped, scored: (event).
        finished: (TrainingDone) the user decides now.
        ended: (error or None) cancelled or failed: back to the start.
        version_kept: (ModelVersion).
    """

    overview_changed = Signal(object)
    started = Signal(str)
    planned = Signal(object)
    stepped = Signal(object)
    scored = Signal(object)
    finished = Signal(object)
    ended = Signal(object)
    version_kept = Signal(object)
    _event = Signal(object)

    def __init__(
        self,
        session: Session,
        navigation: Navigation,
        prediction: PredictionControl,
        project: ProjectThread,
        *,
        log_path: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._navigation = session, navigation
        self._prediction, self._project = prediction, project
        self._log_path = log_path
        self._thread = JobThread("training", self)
        self._counter = JobThread("trusted pixels", self)
        self._trusted = TrustedPixels()
        self._run: TrainingRun | None = None
        self._request: TrainingRequest | None = None
        self._done: TrainingDone | None = None
        self._plan: TrainingPlan | None = None
        self._estimate = 0.0
        self._is_abandoned = False
        self._are_roles_known = False
        self.overview: TrainingOverview | None = None
        self._timer = QTimer(self, singleShot=True, interval=OVERVIEW_DELAY_MS)
        self._timer.timeout.connect(self._count)
        self._event.connect(self._on_event)
        navigation.record_changed.connect(self.refresh)
        navigation.folder_opened.connect(self._on_folder_opened)
        prediction.model_loaded.connect(self.refresh)
        prediction.device_found.connect(self.refresh)
        prediction.answer_applied.connect(self._on_answer)
        session.status_changed.connect(self.refresh)
        project.dirty_changed.connect(self._on_dirty_changed)

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._run is not None

    @property
    def is_undecided(self) -> bool:
        """Whether a finished run waits for keep or discard."""
        return self._done is not None

    @property
    def candidate_path(self) -> Path | None:
        """The new network that waits for a decision."""
        return Path(self._done.output_path) if self._done is not None else None

    # -- before ----------------------------------------------------------------------------------

    @Slot()
    def refresh(self, _: object = None) -> None:
        """Counts again what a run would be made of, soon."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot(object)
    def _on_folder_opened(self, _: object) -> None:
        self._are_roles_known = False
        self.refresh()

    @Slot(bool)
    def _on_dirty_changed(self, is_dirty: bool) -> None:
        if not is_dirty:  # counted is what is on disk
            self.refresh()

    @Slot(object)
    def _on_answer(self, _: object) -> None:
        if self.overview is None or self.overview.estimated_seconds is None:
            self.refresh()

    @Slot()
    def _count(self) -> None:
        if self._navigation.opened is None:
            return
        if not self._are_roles_known:
            self._are_roles_known = True
            self._project.run(
                _held_out_keys, done=self._navigation.note_held_out, failed=self._on_count_failed
            )
        keys = tuple(
            key for key in self._navigation.keys
            if self._navigation.record(key).status in TRUSTED_STATUSES
        )  # fmt: skip
        self._project.run(
            lambda project: _places(project, keys),
            done=self._on_places,
            failed=self._on_count_failed,
        )

    def _on_places(self, places: _Places) -> None:
        self._counter.submit(
            lambda: _count_trusted(self._trusted, places),
            done=self._on_counted, failed=self._on_count_failed,
        )  # fmt: skip

    def _on_count_failed(self, error: Exception) -> None:
        # The same trouble is told where it matters: when saving, or when training starts.
        _log.warning("counting trusted pixels failed", exc_info=error)

    def _on_counted(self, counted: _Counted) -> None:
        from seggui.core.training_overview import TrainingOverview

        label_set = self._session.label_set
        if label_set is None:
            return
        size = len(label_set)
        device = self._prediction.device
        self.overview = TrainingOverview(
            counted.num_train, counted.num_held_out, counted.num_pixels[:size],
            tuple(c.name for c in label_set.classes), tuple(c.color for c in label_set.classes),
            self._estimated_seconds(counted), device.name if device is not None else "",
            self._problem(counted), self._advice(counted),
        )  # fmt: skip
        self.overview_changed.emit(self.overview)

    def _estimated_seconds(self, counted: _Counted) -> float | None:
        from model.engine.protocol import TrainingSettings
        from model.estimate import TrainingWorkload, calibration_from, estimate_seconds

        speed, model = self._prediction.seconds_per_megapixel, self._prediction.model
        if speed is None or model is None or not counted.num_train + counted.num_held_out:
            return None
        settings = TrainingSettings()
        height, width, _ = model.input_shape
        crop = (height or settings.crop_size) * (width or settings.crop_size) / 1e6
        workload = TrainingWorkload(
            counted.num_train, counted.num_held_out, counted.megapixels, crop
        )
        self._estimate = estimate_seconds(settings, workload, seconds_per_megapixel=speed)
        return estimate_seconds(
            settings, workload, seconds_per_megapixel=speed,
            calibration=calibration_from(list(counted.runs)),
        )  # fmt: skip

    def _problem(self, counted: _Counted) -> str:
        if self._session.is_read_only:
            return self.tr("This folder is open read-only, so nothing can be trained here.")
        if self._prediction.model is None:
            return self.tr("Load a Keras model first: fine-tuning starts from it.")
        if self._prediction.model.is_program:
            return self.tr(
                "The model is a program without layers: it predicts, and cannot be fine-tuned. "
                "Load a .keras or .h5 file for that."
            )
        if not counted.num_train:
            if counted.num_held_out:
                return self.tr(
                    "All corrected images are held out to measure the result. "
                    "Correct one that is not marked as held out."
                )
            return self.tr("Correct at least one image with the brush, or mark one as reviewed.")
        return ""

    def _advice(self, counted: _Counted) -> tuple[str, ...]:
        advice = []
        if counted.num_train and not counted.num_held_out:
            advice.append(
                self.tr(
                    "No held-out image is corrected yet. Correct one that the list marks with a "
                    "target, so that old and new network are compared on an image neither saw."
                )
            )
        if 0 < counted.num_train < 5:
            advice.append(self.tr("5 to 10 corrected images usually pay well."))
        return tuple(advice)

    # -- running ---------------------------------------------------------------------------------

    def start(self, settings: TrainingSettings) -> None:
        """Brings every mask to disk and starts a run."""
        model = self._prediction.model
        if self._run is not None or model is None or self._navigation.opened is None:
            return
        self.discard()
        self._session.commit_stroke()
        self._project.flush_now()
        device = self._prediction.device
        self.started.emit(device.name if device is not None else "")
        self._project.run(
            lambda project: _prepare(project, model, settings),
            done=self._on_prepared, failed=self._on_failed,
        )  # fmt: skip

    def _on_prepared(self, request: TrainingRequest) -> None:
        from model.engine.training import TrainingRun

        self._request, self._plan = request, None
        run = self._run = TrainingRun(request, log_path=self._log_path)

        def work() -> None:
            for event in run.events():
                self._event.emit(event)

        self._thread.submit(work, done=self._on_ended, failed=self._on_failed)

    def stop_and_keep_best(self) -> None:
        """Ends the run; the best network so far is the result."""
        if self._run is not None:
            self._run.stop_and_keep_best()

    def cancel(self) -> None:
        """Ends the run without a result."""
        if self._run is not None:
            self._run.cancel()

    @Slot(object)
    def _on_event(self, event: TrainingEvent) -> None:
        from model.engine.protocol import TrainingPlan, TrainingScored, TrainingStep

        if isinstance(event, TrainingPlan):
            self._plan = event
            self.planned.emit(event)
        elif isinstance(event, TrainingStep):
            self.stepped.emit(event)
        elif isinstance(event, TrainingScored):
            self.scored.emit(event)
        else:
            self._done = event
            self.finished.emit(event)

    def _on_ended(self, _: None) -> None:
        self._run = None

    def _on_failed(self, error: Exception) -> None:
        was_running, self._run = self._run is not None, None
        if self._is_abandoned:  # its project is closed: there is nowhere to record it
            self._is_abandoned = False
            self.ended.emit(None)
            return
        is_cancelled = isinstance(error, CancelledError)
        if was_running:
            self._record_failure("cancelled" if is_cancelled else "failed", str(error))
        self.ended.emit(None if is_cancelled else error)

    def _record_failure(self, outcome: str, note: str) -> None:
        from seggui.core.training_request import new_id, now

        request, plan = self._request, self._plan
        if request is None:
            return
        run = versions.TrainingRun(
            new_id(), now(), outcome, estimated_seconds=self._estimate,
            num_images=plan.num_train_images if plan is not None else 0,
            device=plan.device.name if plan is not None else "",
            settings=asdict(request.settings), note=note,
        )  # fmt: skip
        self._project.run(lambda project: project.add_run(run), failed=self._on_count_failed)

    # -- deciding --------------------------------------------------------------------------------

    def keep(self) -> None:
        """Makes the new network the one in force; the old one stays in the list of versions."""
        self._settle("kept", done=self._on_kept)

    def discard(self) -> None:
        """Stays with the network in force; the new one stays in the list, not in force."""
        if self._done is not None:
            self._settle("discarded", done=None)

    def leave(self) -> None:
        """The folder is about to be left: what runs is cancelled, what is undecided is not kept."""
        self.discard()
        if self._run is not None:
            self._is_abandoned = True
            self._run.cancel()

    def restore(self, version: versions.ModelVersion, path: Path) -> None:
        """Brings a version back into force."""
        self._project.run(
            lambda project: project.set_active_version(version.id),
            done=lambda _: self._prediction.load_model(path), failed=self.ended.emit,
        )  # fmt: skip

    def close(self) -> None:
        """Cancels what runs, and waits."""
        self.cancel()
        self.discard()
        self._thread.close(drain=False)
        self._counter.close(drain=False)

    def _settle(self, state: str, *, done: Done | None) -> None:
        from seggui.core.training_request import record_result

        finished, request, plan = self._done, self._request, self._plan
        if finished is None or request is None or plan is None:
            return
        self._done = None
        estimated = self._estimate
        self._project.run(
            lambda project: record_result(
                project, request, plan, finished, state=state, estimated_seconds=estimated
            ),
            done=done, failed=self.ended.emit,
        )  # fmt: skip

    def _on_kept(self, version: versions.ModelVersion) -> None:
        if self._navigation.opened is not None:
            path = versions.resolved_path(version.path, self._navigation.opened.home)
            self._prediction.load_model(path)
        self.version_kept.emit(version)


@dataclass(frozen=True)
class _Places:
    """Files of the images to count, with their roles."""

    images: tuple[tuple[Path, Path, bool], ...]
    runs: tuple[tuple[float, float], ...]
    megapixels: float


def _held_out_keys(project: Project) -> frozenset[str]:
    roles = project.roles(project.keys)
    return frozenset(key for key, is_held_out in roles.items() if is_held_out)


def _places(project: Project, keys: tuple[str, ...]) -> _Places:
    roles = project.roles(keys)
    images = tuple((project.mask_path(k), project.provenance_path(k), roles[k]) for k in keys)
    runs = tuple(
        (run.seconds, run.estimated_seconds) for run in project.runs() if run.outcome == "finished"
    )
    return _Places(images, runs, _mean_megapixels(images))


def _mean_megapixels(images: tuple[tuple[Path, Path, bool], ...]) -> float:
    for mask_path, _, _ in images:
        if mask_path.exists():
            height, width = image_size(mask_path)
            return height * width / 1e6
    return 0.0


def _count_trusted(trusted: TrustedPixels, places: _Places) -> _Counted:
    total = [0] * 255
    numbers = {False: 0, True: 0}
    for mask_path, provenance_path, is_held_out in places.images:
        counts = trusted.count(mask_path, provenance_path)
        if any(counts):
            numbers[is_held_out] += 1
            if not is_held_out:
                total = [a + b for a, b in zip(total, counts, strict=True)]
    return _Counted(numbers[False], numbers[True], tuple(total), places.megapixels, places.runs)


def _prepare(project: Project, model: ModelInfo, settings: TrainingSettings) -> TrainingRequest:
    from datetime import datetime

    from seggui.core.training_request import build_training_request, register_base
    from seggui.settings import settings_dir

    base = register_base(project, model)
    output = project.models_dir / f"version-{datetime.now():%Y%m%d-%H%M%S}.keras"
    return build_training_request(
        project, model, settings, output,
        base_path=project.version_path(base), settings_dir=settings_dir(),
    )  # fmt: skip
