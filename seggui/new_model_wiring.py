"""Connects the training of a new network with its dialog, the training panel and the messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from model.errors import SegguiError
from model.scratch_resume import interrupted_request
from model.scratch_state import ScratchRequest, TrainingFolder
from seggui.panels.new_model_dialog import NewModelChoice, NewModelDialog
from seggui.panels.training_pages import duration
from seggui.parts import Parts
from seggui.scratch_control import ScratchControl
from seggui.settings import data_dir

if TYPE_CHECKING:
    from model.engine.protocol import ModelSettings, TrainingDone
    from seggui.core.dataset_look import DatasetLook

MOST_FOLDERS = 6


class NewModelWiring(QObject):
    """Asks, starts, shows how it goes, and offers to load what came out."""

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._navigation = parts.window, parts.navigation
        self._training, self._prediction = parts.training, parts.prediction
        self._messages, self._settings = parts.messages, parts.settings
        self._load_model = load_model
        self.dialog: NewModelDialog | None = None
        self._output: Path | None = None
        self.control = ScratchControl(
            parts.session, parts.navigation, parts.project,
            log_path=data_dir() / "logs" / "new-model.log", parent=self,
        )  # fmt: skip
        self._connect()

    def close(self) -> None:
        """Interrupts what runs, and ends the threads."""
        self.control.close()

    def _connect(self) -> None:
        control, panel = self.control, self._window.training_panel
        control.looked.connect(self._on_looked)
        control.looking.connect(self._on_looking)
        control.started.connect(self._on_started)
        control.stepped.connect(panel.add_step)
        control.scored.connect(panel.add_score)
        control.finished.connect(self._on_finished)
        control.ended.connect(self._on_ended)
        panel.stop_requested.connect(control.stop_and_keep_best)
        panel.cancel_requested.connect(control.cancel)
        panel.load_requested.connect(self._on_load)
        panel.later_requested.connect(panel.show_overview_page)

    # -- the dialog ------------------------------------------------------------------------------

    def open_dialog(self) -> None:
        """Asks for a new training, unless one runs already."""
        if self.control.is_running or self._training.is_running:
            self._window.show_training()
            self._messages.info(
                self.tr("A training is running already. Let it end, or stop it, then start this.")
            )
            return
        if self._training.is_undecided:
            self._window.show_training()
            self._messages.info(self.tr("Decide first whether to keep the fine-tuned network."))
            return
        folders = [f for f in self._settings.recent("datasets") if f.is_dir()][:MOST_FOLDERS]
        has_project = self._navigation.opened is not None
        dialog = self.dialog = NewModelDialog(
            folders, has_project=has_project, output=self._proposed_output(), parent=self._window
        )
        dialog.source_chosen.connect(self.control.look)
        dialog.output_changed.connect(self._on_output_changed)
        dialog.start_requested.connect(self._on_start)
        dialog.resume_requested.connect(self._on_resume)
        dialog.finished.connect(self._on_closed)
        self._on_output_changed(dialog.output_path())
        if has_project or folders:
            dialog.choose_source(None if has_project else folders[0])
        dialog.open()

    def _proposed_output(self) -> Path:
        stored = self._settings.text("new_model/output", "")
        if stored and TrainingFolder(Path(stored)).has_state:
            return Path(stored)  # an interrupted run is what one most likely comes back for
        opened = self._navigation.opened
        folder = Path(stored).parent if stored else Path.home()
        name = opened.folder.name if opened is not None else "network"
        path, number = folder / f"{name}.keras", 2
        while path.exists():
            path, number = folder / f"{name}-{number}.keras", number + 1
        return path

    @Slot(object)
    def _on_looked(self, look: DatasetLook) -> None:
        if self.dialog is not None and self.dialog.source == look.folder:
            self.dialog.show_look(look)

    @Slot(int, int)
    def _on_looking(self, num_done: int, num_all: int) -> None:
        if self.dialog is not None:
            self.dialog.show_looking(num_done, num_all)

    @Slot(object)
    def _on_output_changed(self, output: Path) -> None:
        if self.dialog is None:
            return
        try:
            request = interrupted_request(output)
        except SegguiError as error:
            self.dialog.show_interrupted(True, str(error))
        else:
            self.dialog.show_interrupted(request is not None)

    @Slot(int)
    def _on_closed(self, _: int) -> None:
        self.control.stop_looking()
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    # -- the run ---------------------------------------------------------------------------------

    @Slot(object)
    def _on_start(self, choice: NewModelChoice) -> None:
        path = self.control.dataset_path(choice.folder)
        if path is None:
            return
        if choice.folder is not None:
            self._settings.add_recent("datasets", choice.folder)
        self._start(
            ScratchRequest(
                str(path), str(choice.output_path), choice.recipe,
                layout="project" if choice.folder is None else None, minutes=choice.minutes,
            )
        )  # fmt: skip

    @Slot(object)
    def _on_resume(self, output: Path) -> None:
        try:
            request = interrupted_request(output)
        except SegguiError as error:
            self._messages.error(error)
            return
        if request is not None:
            self._start(request)

    def _start(self, request: ScratchRequest) -> None:
        self._output = Path(request.output_path)
        self._settings.set("new_model/output", request.output_path)
        self.control.start(request)

    @Slot()
    def _on_started(self) -> None:
        device = self._prediction.device
        self._window.training_panel.show_running(
            device.name if device is not None else "", self._output.name if self._output else ""
        )
        self._window.show_training()

    @Slot(object, object)
    def _on_finished(self, done: TrainingDone, settings: ModelSettings | None) -> None:
        output = Path(done.output_path)
        names = settings.class_names if settings is not None else ()
        colors = settings.class_colors if settings is not None else ()
        self._window.training_panel.show_new_result(done, names, colors)
        self._window.show_training()
        self._messages.success(
            self.tr("{name} is trained after {time}.").format(
                name=output.name, time=duration(done.seconds)
            ),
            action=(self.tr("Load it"), self._on_load),
        )

    @Slot(object)
    def _on_ended(self, error: Exception | None) -> None:
        self._window.training_panel.show_overview_page()
        if error is None:
            self._messages.info(self.tr("The training was cancelled; nothing of it is kept."))
        else:
            self._messages.error(error, context=self.tr("The training stopped."))

    @Slot()
    def _on_load(self) -> None:
        self._window.training_panel.show_overview_page()
        if self._output is not None:
            self._load_model(self._output)
