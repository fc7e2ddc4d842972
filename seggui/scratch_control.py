"""Training a new network from the window: looking at the dataset, the run, its end."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from model.data.datasets.opening import open_dataset
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.engine.protocol import TrainingDone, TrainingScored, TrainingStep
from model.engine.training import TrainingRun
from model.errors import CancelledError, DatasetError, SegguiError
from model.model_settings import load_settings
from model.scratch_state import ScratchRequest, TrainingFolder
from seggui.core.dataset_look import DatasetLook
from seggui.core.dataset_opening import open_chosen
from seggui.core.project import Project
from seggui.tasks.job_thread import JobThread

if TYPE_CHECKING:
    from model.data.datasets.dataset import Dataset
    from model.engine.protocol import TrainingEvent
    from seggui.navigation import Navigation
    from seggui.session import Session
    from seggui.tasks.project_thread import ProjectThread

_MOST_SIZES = 2


class ScratchControl(QObject):
    """Runs one training from scratch at a time in its own process.

    Signals:
        looked: (DatasetLook) once when the files are listed, again when all masks were read.
        looking: (masks read, masks in all).
        started: ().
        stepped, scored: (event).
        finished: (TrainingDone, ModelSettings of the new network or None).
        ended: (error or None) failed or cancelled.
    """

    looked = Signal(object)
    looking = Signal(int, int)
    started = Signal()
    stepped = Signal(object)
    scored = Signal(object)
    finished = Signal(object, object)
    ended = Signal(object)
    _event = Signal(object)

    def __init__(
        self,
        session: Session,
        navigation: Navigation,
        project: ProjectThread,
        *,
        log_path: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._navigation, self._project = session, navigation, project
        self._log_path = log_path
        self._thread = JobThread("new model", self)
        self._looker = JobThread("survey", self)
        self._look_cancelled = threading.Event()
        self._run: TrainingRun | None = None
        self._is_closing = False
        self._event.connect(self._on_event)

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._run is not None

    # -- before ----------------------------------------------------------------------------------

    def look(self, folder: Path | None) -> None:
        """Finds out what a dataset holds; the newest question is answered."""
        self.stop_looking()
        cancelled = self._look_cancelled = threading.Event()
        home = self.dataset_path(folder)
        if home is None:
            text = self.tr("Open a folder with corrected images, or choose a dataset.")
            self.looked.emit(DatasetLook(None, problem=text))
            return

        def on_failed(error: Exception) -> None:
            if not cancelled.is_set():
                self.looked.emit(DatasetLook(folder, problem=self._look_in_words(error, folder)))

        def on_opened(dataset: Dataset) -> None:
            if cancelled.is_set():
                return
            self.looked.emit(_first_look(dataset, folder))
            self._looker.submit(
                lambda: survey_dataset(
                    dataset, on_progress=self.looking.emit, is_cancelled=cancelled.is_set
                ),
                done=on_surveyed, failed=on_failed,
            )  # fmt: skip

        def on_surveyed(survey: DatasetSurvey) -> None:
            if not cancelled.is_set():
                self.looked.emit(_full_look(survey, folder))

        def submit(_: object = None) -> None:
            self._looker.submit(
                lambda: _open(home, is_project=folder is None), done=on_opened, failed=on_failed
            )

        if folder is None:
            self._session.commit_stroke()
            self._project.flush_now()
            self._project.run(_bring_to_disk, done=submit, failed=on_failed)
        else:
            submit()

    def _look_in_words(self, error: Exception, folder: Path | None) -> str:
        if isinstance(error, DatasetError) and folder is None:
            return self.tr(
                "No image of the open folder is corrected or reviewed yet, so there is nothing to "
                "learn from. Correct some, or choose a dataset."
            )
        return str(error)

    def stop_looking(self) -> None:
        """Nobody wants the answer any more."""
        self._look_cancelled.set()

    def dataset_path(self, folder: Path | None) -> Path | None:
        """Where the dataset is: a folder, or the project that is open; None without one."""
        opened = self._navigation.opened
        return folder if folder is not None else None if opened is None else opened.home

    # -- running ---------------------------------------------------------------------------------

    def start(self, request: ScratchRequest) -> None:
        """Starts a run; one that is going on is left alone."""
        if self._run is not None:
            return
        run = self._run = TrainingRun(request, log_path=self._log_path)
        self.started.emit()

        def work() -> None:
            try:
                for event in run.events():
                    if isinstance(event, TrainingDone):
                        self.finished.emit(event, load_settings(Path(event.output_path)))
                    self._event.emit(event)
            except CancelledError:
                if not self._is_closing:  # else the next start goes on with it
                    shutil.rmtree(TrainingFolder(Path(request.output_path)).path, True)
                raise

        self._thread.submit(work, done=self._on_ended, failed=self._on_failed)

    @Slot()
    def stop_and_keep_best(self) -> None:
        """Ends the run; the best network so far is the result."""
        if self._run is not None:
            self._run.stop_and_keep_best()

    @Slot()
    def cancel(self) -> None:
        """Ends the run; nothing of it stays."""
        if self._run is not None:
            self._run.cancel()

    def close(self) -> None:
        """Interrupts the run, keeps the state of its last epoch, and waits."""
        self._is_closing = True
        self.stop_looking()
        self.cancel()
        self._thread.close(drain=False)
        self._looker.close(drain=False)

    @Slot(object)
    def _on_event(self, event: TrainingEvent) -> None:
        if isinstance(event, TrainingStep):
            self.stepped.emit(event)
        elif isinstance(event, TrainingScored):
            self.scored.emit(event)

    def _on_ended(self, _: None) -> None:
        self._run = None

    def _on_failed(self, error: Exception) -> None:
        self._run = None
        self.ended.emit(None if isinstance(error, CancelledError) else _in_words(error))


def _in_words(error: Exception) -> Exception:
    """The remedies of the command name its options; those of the window are other ones."""
    if isinstance(error, SegguiError) and "--" in error.remedy:
        remedy = "Open New model again and choose the same file: it offers to go on."
        return type(error)(error.message, remedy=remedy)
    return error


def _open(folder: Path, *, is_project: bool) -> Dataset:
    return open_dataset(folder, layout="project") if is_project else open_chosen(folder)


def _bring_to_disk(project: Project) -> None:
    project.flush_all_from_journal()
    project.roles(project.keys)


def _number_of(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _first_look(dataset: Dataset, folder: Path | None) -> DatasetLook:
    classes = dataset.label_set.classes
    return DatasetLook(
        folder, f"{dataset.name}: {_number_of(len(dataset.items), 'image')}, "
        f"{_number_of(len(classes), 'class', 'classes')}",
        tuple(c.name for c in classes), tuple(c.color for c in classes), (0,) * len(classes),
    )  # fmt: skip


def _full_look(survey: DatasetSurvey, folder: Path | None) -> DatasetLook:
    classes = survey.label_set.classes
    parts = ", ".join(f"{number:,} {split}" for split, number in survey.num_by_split)
    sizes = ", ".join(f"{s.width} x {s.height}" for s in survey.sizes[:_MOST_SIZES])
    more = ", ..." if len(survey.sizes) > _MOST_SIZES else ""
    num_found = sum(n > 0 for n in survey.class_pixels)
    headline = (
        f"{survey.name}: {_number_of(survey.num_images, 'image')}{f' ({parts})' if parts else ''} "
        f"of {sizes}{more} pixels, {_number_of(num_found, 'class', 'classes')} found"
    )
    findings = tuple((f.severity, f"{f.message} {f.remedy}".strip()) for f in survey.findings)
    problem = "" if survey.usable else "None of these images has a mask that can be used."
    if survey.usable and num_found < 2:
        problem = "Only one class occurs; a network needs two to tell apart."
    return DatasetLook(
        folder, headline, tuple(c.name for c in classes), tuple(c.color for c in classes),
        survey.class_pixels, findings, True, problem,
    )  # fmt: skip
