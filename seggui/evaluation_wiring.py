"""Connects the evaluation with its panel, the open folder and the message bar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from seggui.core.evaluation_request import EvaluationOverview, EvaluationRequest
from seggui.evaluation_control import EvaluationControl, Scored
from seggui.parts import Parts

if TYPE_CHECKING:
    from model.engine.protocol import ModelInfo
    from model.evaluate_dataset import ImageEvaluated

LOOK_DELAY_MS = 400
MOST_FOLDERS = 6


class EvaluationWiring(QObject):
    """Shows what could be scored, runs it, opens images, writes the report."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._window, self._navigation = parts.window, parts.navigation
        self._messages, self._settings = parts.messages, parts.settings
        self._folder: Path | None = None
        self.view = parts.window.evaluation_panel.view
        self.control = EvaluationControl(
            parts.session, parts.navigation, parts.prediction, parts.project, self
        )
        self._look_timer = QTimer(self, singleShot=True, interval=LOOK_DELAY_MS)
        self._look_timer.timeout.connect(self._look)
        self._connect_view()
        self._connect_control()
        parts.navigation.folder_opened.connect(self._on_folder_opened)
        parts.prediction.model_loaded.connect(self._on_model_loaded)
        parts.project.dirty_changed.connect(self._on_dirty_changed)
        self._show_sources()
        self._show_openable()
        self._look()

    def close(self) -> None:
        """Ends the threads."""
        self._look_timer.stop()
        self.control.close()

    @Slot()
    def look_soon(self) -> None:
        """What could be scored may have changed."""
        self._look_timer.start()

    # -- connecting ------------------------------------------------------------------------------

    def _connect_view(self) -> None:
        view = self.view
        view.source_chosen.connect(self._on_source)
        view.browse_requested.connect(self._on_browse)
        view.start_requested.connect(self._on_start)
        view.cancel_requested.connect(self.control.cancel)
        view.report_requested.connect(self._on_report)
        view.image_chosen.connect(self._on_image)

    def _connect_control(self) -> None:
        control = self.control
        control.looked.connect(self._on_looked)
        control.started.connect(self.view.begin)
        control.image_scored.connect(self._on_image_scored)
        control.finished.connect(self._on_finished)
        control.failed.connect(self._on_failed)
        control.report_written.connect(self._on_report_written)
        control.report_failed.connect(self._on_report_failed)

    # -- what to score on ------------------------------------------------------------------------

    @Slot()
    def _look(self) -> None:
        if self._window.evaluation_panel.isVisible() and not self.control.is_running:
            self.control.look(self._folder)

    @Slot(object)
    def _on_looked(self, overview: EvaluationOverview) -> None:
        if overview.folder == self._folder:
            self.view.set_overview(overview)

    @Slot(bool)
    def _on_dirty_changed(self, is_dirty: bool) -> None:
        if not is_dirty:  # what is scored is what is on disk
            self.look_soon()

    @Slot(object)
    def _on_folder_opened(self, _: object) -> None:
        if self._folder is None:
            self.view.clear()
        self._show_openable()
        self.look_soon()

    @Slot(object)
    def _on_model_loaded(self, info: ModelInfo) -> None:
        scored = self.control.scored
        if scored is not None and scored.info.sha256 != info.sha256:
            text = self.tr("These are the scores of {name}; another network is in force now.")
            self.view.finish((text.format(name=Path(scored.info.path).name), *scored.notes))
        self.look_soon()

    @Slot(object)
    def _on_source(self, folder: Path | None) -> None:
        self._folder = folder
        self.control.scored = None
        self.view.clear()
        self._show_openable()
        self._look()

    @Slot()
    def _on_browse(self) -> None:
        recent = self._settings.recent("datasets")
        start = str(recent[0].parent if recent else Path.home())
        chosen = QFileDialog.getExistingDirectory(
            self._window, self.tr("Choose the folder of a dataset"), start
        )
        if chosen:
            self.use_dataset(Path(chosen))

    def use_dataset(self, folder: Path) -> None:
        """Chooses a dataset; it stays in the list."""
        self._settings.add_recent("datasets", folder)
        self._folder = folder
        self._show_sources()
        self._on_source(folder)

    def _show_sources(self) -> None:
        recent = [f for f in self._settings.recent("datasets") if f.is_dir() or f == self._folder]
        self.view.set_sources(recent[:MOST_FOLDERS], self._folder)

    # -- running ---------------------------------------------------------------------------------

    @Slot(object)
    def _on_start(self, request: EvaluationRequest) -> None:
        self.view.clear()
        self.control.start(request)

    @Slot(object)
    def _on_image_scored(self, event: ImageEvaluated) -> None:
        if self.control.is_running:
            self.view.add_image(event)

    @Slot(object)
    def _on_finished(self, scored: Scored) -> None:
        self.view.show_evaluation(scored.evaluation)
        self.view.finish(scored.notes)

    @Slot(object)
    def _on_failed(self, error: Exception | None) -> None:
        self.view.clear()
        if error is not None:
            self._messages.error(error, context=self.tr("The evaluation stopped."))
        self.look_soon()

    # -- images ----------------------------------------------------------------------------------

    def _show_openable(self) -> None:
        self._keys = self._openable()
        self.view.set_openable(self._keys.keys())

    def _openable(self) -> Mapping[str, str]:
        """Key in what is scored -> key in the open folder."""
        opened, folder = self._navigation.opened, self._folder
        if opened is None:
            return {}
        if folder is None or folder == opened.folder:
            return {key: key for key in opened.keys}
        if opened.folder.is_relative_to(folder):
            before = opened.folder.relative_to(folder)
            return {(before / key).as_posix(): key for key in opened.keys}
        if folder.is_relative_to(opened.folder):
            start = f"{folder.relative_to(opened.folder).as_posix()}/"
            return {key.removeprefix(start): key for key in opened.keys if key.startswith(start)}
        return {}

    @Slot(str)
    def _on_image(self, key: str) -> None:
        if key in self._keys:
            self._navigation.show(self._keys[key])
        else:
            self._messages.info(
                self.tr("{key} is not in the open folder, so it cannot be shown.").format(key=key)
            )

    # -- report ----------------------------------------------------------------------------------

    @Slot()
    def _on_report(self) -> None:
        stored = self._settings.text("evaluation/reports", "")
        chosen = QFileDialog.getExistingDirectory(
            self._window, self.tr("Where to put the folder of the report"),
            stored or str(Path.home()),
        )  # fmt: skip
        if chosen:
            self._settings.set("evaluation/reports", chosen)
            self._window.status.show_task(self.tr("Writing the report..."))
            self.view.set_reporting(True)
            self.control.save_report(Path(chosen))

    @Slot(object, bool)
    def _on_report_written(self, page: Path, has_pictures: bool) -> None:
        self._end_report()
        text = self.tr("The report is in {folder}.").format(folder=page.parent)
        if not has_pictures:
            text += " " + self.tr("It has no pictures: another network is in force by now.")
        url = QUrl.fromLocalFile(str(page))
        self._messages.success(
            text, action=(self.tr("Open report"), lambda: QDesktopServices.openUrl(url))
        )

    @Slot(object)
    def _on_report_failed(self, error: Exception) -> None:
        self._end_report()
        self._messages.error(error, context=self.tr("The report was not written."))

    def _end_report(self) -> None:
        self._window.status.show_task("")
        self.view.set_reporting(False)
