"""Evaluating the network in force: reading, predicting behind the visible image, counting."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from model.class_matching import RenumberedPredictor, match_classes
from model.data.datasets.opening import open_dataset
from model.errors import CancelledError, DatasetError, LabelSetError, SegguiError
from model.evaluate_dataset import evaluate_dataset
from model.evaluation_selection import (
    MaskReader,
    Selection,
    dataset_facts,
    network_facts,
    select,
)
from model.report import write_report
from model.report_pictures import make_pictures
from model.scratch_state import TrainingFolder
from seggui.batch_control import BATCH_PRIORITY
from seggui.core.dataset_opening import open_chosen
from seggui.core.evaluation_request import EvaluationOverview, EvaluationRequest
from seggui.core.project import Project
from seggui.prediction_control import PredictionControl
from seggui.tasks.job_thread import JobThread
from seggui.version import VERSION

if TYPE_CHECKING:
    from model.class_matching import ClassMatch
    from model.data.datasets.dataset import Dataset
    from model.engine.protocol import CancelToken, ModelInfo, Prediction
    from model.evaluation_result import Evaluation
    from seggui.navigation import Navigation
    from seggui.session import Session
    from seggui.tasks.project_thread import ProjectThread

NUM_PICTURES = 9
_SPLITS = ("validation", "test", "train")
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Scored:
    """An evaluation that is complete, with all that its report says.

    Attributes:
        info: the network.
        match: how its classes became those of the dataset.
        dataset: what was scored on.
        selection: which of its images.
        notes: sentences that the user should know beside the scores.
        evaluation: the scores.
    """

    info: ModelInfo
    match: ClassMatch
    dataset: Dataset
    selection: Selection
    notes: tuple[str, ...]
    evaluation: Evaluation

    @property
    def title(self) -> str:
        """What was scored on what."""
        name = Path(self.info.path).name
        return f"{name} on {self.dataset.name}, {self.selection.words()}"


class QueuedPredictor:
    """The network in force; each image waits its turn behind those that the user looks at.

    Lives on the thread that evaluates. A network that is replaced meanwhile ends the evaluation:
    scores of two networks in one table would be those of neither.
    """

    def __init__(self, prediction: PredictionControl, info: ModelInfo) -> None:
        self._prediction, self._info = prediction, info

    def predict(
        self, pixels: npt.NDArray[np.uint8], *, is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts (H, W, 3) uint8 pixels at their own size.

        Raises:
            CancelledError: ``is_cancelled`` said so.
            SegguiError: another network came into force, or this one failed.
        """
        answers: list[Prediction | Exception] = []
        is_done = threading.Event()
        engine = self._prediction.engine

        def work() -> None:
            try:
                answers.append(engine.predict(pixels, is_cancelled=is_cancelled))
            except Exception as error:  # noqa: BLE001 - raised again where it was asked for
                answers.append(error)
            is_done.set()

        self._prediction.thread_of_engine.submit(
            work, failed=_log_unexpected, priority=BATCH_PRIORITY
        )
        while not is_done.wait(_POLL_SECONDS):
            if is_cancelled is not None and is_cancelled():
                raise CancelledError
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer.model_sha256 != self._info.sha256:
            raise _another_network()
        return answer


class EvaluationControl(QObject):
    """Runs one evaluation, or writes one report, at a time.

    Signals:
        looked: (EvaluationOverview) what could be scored.
        started: ().
        image_scored: (ImageEvaluated).
        finished: (Scored).
        failed: (error, or None when the user stopped it).
        report_written: (Path of the page, bool whether pictures are in it).
        report_failed: (error).
    """

    looked = Signal(object)
    started = Signal()
    image_scored = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    report_written = Signal(object, bool)
    report_failed = Signal(object)

    def __init__(
        self,
        session: Session,
        navigation: Navigation,
        prediction: PredictionControl,
        project: ProjectThread,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._navigation = session, navigation
        self._prediction, self._project = prediction, project
        self._thread = JobThread("evaluation", self)
        self._looker = JobThread("dataset", self)
        self._cancelled = threading.Event()
        self._stopped_by: SegguiError | None = None
        self._is_of_project = False
        self._look_number = 0
        self.is_running = False
        self.scored: Scored | None = None
        prediction.model_loaded.connect(self._on_model_loaded)
        navigation.folder_opened.connect(self._on_folder_opened)

    # -- before ----------------------------------------------------------------------------------

    def look(self, folder: Path | None) -> None:
        """Finds out what could be scored; the newest question is answered."""
        self._look_number += 1
        number, model, opened = self._look_number, self._prediction.model, self._navigation.opened
        if model is None:
            text = self.tr("Load a Keras model first: it is what is scored.")
            self.looked.emit(EvaluationOverview(folder, problem=text))
            return
        home = folder
        if home is None:
            if opened is None:
                text = self.tr("Open a folder with corrected images, or choose a dataset.")
                self.looked.emit(EvaluationOverview(None, problem=text))
                return
            home = opened.home
        network = Path(model.path).name

        def on_failed(error: Exception) -> None:
            if number == self._look_number:
                self.looked.emit(EvaluationOverview(folder, problem=self._in_words(error, folder)))

        def on_done(dataset: Dataset) -> None:
            if number == self._look_number:
                self.looked.emit(_overview(dataset, folder, network))

        def work() -> Dataset:
            return _open(home, is_project=folder is None)

        def submit(_: object = None) -> None:
            self._looker.submit(work, done=on_done, failed=on_failed)

        if folder is None:
            self._project.run(_decide_roles, done=submit, failed=on_failed)
        else:
            submit()

    # -- running ---------------------------------------------------------------------------------

    def start(self, request: EvaluationRequest) -> None:
        """Scores the network in force; masks of the open project are brought to disk first."""
        info, opened = self._prediction.model, self._navigation.opened
        if self.is_running or info is None:
            return
        self.is_running, self._is_of_project = True, request.folder is None
        self._cancelled, self._stopped_by, self.scored = threading.Event(), None, None
        self.started.emit()
        if request.folder is not None or opened is None:
            self._run(request, info, request.folder or Path())
            return
        home = opened.home
        self._session.commit_stroke()
        self._project.flush_now()
        self._project.run(
            _bring_to_disk, done=lambda _: self._run(request, info, home), failed=self._on_failed
        )

    def cancel(self) -> None:
        """Stops at the next image; nothing is kept."""
        self._cancelled.set()

    def close(self) -> None:
        """Stops and waits."""
        self.cancel()
        self._thread.close(drain=False)
        self._looker.close(drain=False)

    def _run(self, request: EvaluationRequest, info: ModelInfo, folder: Path) -> None:
        predictor = QueuedPredictor(self._prediction, info)
        is_cancelled, on_image = self._cancelled.is_set, self.image_scored.emit

        def work() -> Scored:
            dataset = _open(folder, is_project=request.folder is None)
            selection = select(dataset, request.split, None)
            match = match_classes(info, dataset.label_set, excluded=info.settings.excluded_classes)
            reader = MaskReader(dataset)
            evaluation = evaluate_dataset(
                RenumberedPredictor(predictor, match.kept), reader, selection.items,
                is_cancelled=is_cancelled, on_image=on_image,
            )  # fmt: skip
            notes = (
                *dataset.notes, *selection.warnings(), *match.warnings, *reader.warnings(),
            )  # fmt: skip
            return Scored(info, match, dataset, selection, notes, evaluation)

        self._thread.submit(work, done=self._on_scored, failed=self._on_failed)

    def _on_scored(self, scored: Scored) -> None:
        if self._cancelled.is_set():
            self._on_failed(CancelledError())
            return
        self.is_running, self.scored = False, scored
        self.finished.emit(scored)

    def _on_failed(self, error: Exception) -> None:
        self.is_running = False
        if isinstance(error, CancelledError):
            self.failed.emit(self._stopped_by)
        elif isinstance(error, LabelSetError):
            self.failed.emit(LabelSetError(error.message, remedy=_SAME_CLASSES))
        else:
            self.failed.emit(error)

    def _on_model_loaded(self, _: object) -> None:
        if self.is_running:
            self._stopped_by = _another_network()
            self.cancel()

    def _on_folder_opened(self, _: object) -> None:
        if self.is_running and self._is_of_project:
            self.cancel()
        elif self._is_of_project:
            self.scored = None

    def _in_words(self, error: Exception, folder: Path | None) -> str:
        if isinstance(error, DatasetError) and folder is None:
            return self.tr(
                "No image of this folder is corrected or reviewed yet, so nobody knows what would "
                "be right. Correct some, or mark them as reviewed; best some that the list marks "
                "as held out. Or choose a dataset."
            )
        return str(error)

    # -- report ----------------------------------------------------------------------------------

    def save_report(self, parent: Path) -> None:
        """Writes the report of the last evaluation into a new folder inside ``parent``."""
        scored = self.scored
        model, device = self._prediction.model, self._prediction.device
        if scored is None or device is None or self.is_running:
            raise RuntimeError("a report needs an evaluation that is over")
        has_pictures = model is not None and model.sha256 == scored.info.sha256
        predictor = QueuedPredictor(self._prediction, scored.info)
        cancelled = self._cancelled = threading.Event()

        def work() -> Path:
            facts = {
                "Network": network_facts(scored.info, scored.match.settings, device),
                "Dataset": dataset_facts(scored.dataset, scored.selection),
                **_warnings(scored.notes),
                "Software": {"seggui": VERSION},
            }
            pictures = make_pictures(
                RenumberedPredictor(predictor, scored.match.kept), scored.dataset,
                scored.selection.items, scored.evaluation,
                is_cancelled=cancelled.is_set, count=NUM_PICTURES,
            ) if has_pictures else ()  # fmt: skip
            log = TrainingFolder(Path(scored.info.path)).log_path
            return write_report(
                new_folder(parent, scored.title), scored.evaluation, pictures,
                training_log=log if log.is_file() else None, title=scored.title, facts=facts,
            )  # fmt: skip

        self._thread.submit(
            work, done=lambda page: self.report_written.emit(page, has_pictures),
            failed=self.report_failed.emit,
        )  # fmt: skip


_SAME_CLASSES = (
    "Choose images with the classes of the network, or load the network for these classes."
)


def new_folder(parent: Path, title: str) -> Path:
    """A folder in ``parent`` that does not exist yet, named after a title."""
    name = "".join(c if c.isalnum() or c in " .,-_()" else "-" for c in title).strip(" .")
    folder, number = parent / name, 2
    while folder.exists():
        folder, number = parent / f"{name} ({number})", number + 1
    return folder


def _open(folder: Path, *, is_project: bool) -> Dataset:
    return open_dataset(folder, layout="project") if is_project else open_chosen(folder)


def _overview(dataset: Dataset, folder: Path | None, network: str) -> EvaluationOverview:
    found = Counter(item.split for item in dataset.items)
    splits = [(name, found[name]) for name in _SPLITS if found[name]]  # type: ignore[index]
    if len(splits) != 1 or found[None]:
        splits.append(("all", len(dataset.items)))
    return EvaluationOverview(folder, tuple(splits), select(dataset, None, None).split, network)


def _bring_to_disk(project: Project) -> None:
    project.flush_all_from_journal()
    _decide_roles(project)


def _decide_roles(project: Project) -> None:
    """Now at the latest: held out must mean the same from now on."""
    project.roles(project.keys)


def _warnings(notes: tuple[str, ...]) -> dict[str, dict[str, str]]:
    return {"Warnings": {str(i): text for i, text in enumerate(notes, 1)}} if notes else {}


def _another_network() -> SegguiError:
    return SegguiError(
        "Another network came into force while the one before was scored.",
        remedy="Evaluate again to score the new one.",
    )


def _log_unexpected(error: Exception) -> None:
    _log.error("a queued prediction failed", exc_info=error)
