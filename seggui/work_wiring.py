"""Connects long work with the window: batch prediction, export, fine-tuning, versions, sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QProgressDialog

from seggui.batch_control import BatchReport, ExportRequest
from seggui.core.project import Project
from seggui.core.records import ImageStatus
from seggui.core.versions import ModelVersion, resolved_path
from seggui.folder_wiring import FolderWiring
from seggui.parts import Parts
from seggui.settings import data_dir
from seggui.tasks.job_thread import JobThread

if TYPE_CHECKING:
    from model.engine.protocol import (
        TrainingDone,
        TrainingScored,
        TrainingSettings,
        TrainingStep,
    )
    from model.exporting import ExportReport
    from seggui.core.training_overview import TrainingOverview

NUM_SAMPLE_IMAGES = 24
SAMPLE_SEED = 7


class WorkWiring(QObject):
    """Starts long work, shows how far it is, and tells how it ended."""

    def __init__(
        self, parts: Parts, folders: FolderWiring, tell_missing_classes: Callable[[], None]
    ) -> None:
        super().__init__(parts.window)
        self._window, self._navigation, self._project = (
            parts.window, parts.navigation, parts.project,
        )  # fmt: skip
        self._batch, self._export = parts.batch, parts.export
        self._prediction, self._tell_missing_classes = parts.prediction, tell_missing_classes
        self._training, self._preview, self._folders = parts.training, parts.preview, folders
        self._messages, self._settings = parts.messages, parts.settings
        window = parts.window
        self._sample_thread = JobThread("sample", self)
        self._dialog: QProgressDialog | None = None
        self._connect_batch()
        self._connect_training()
        window.actions_by_name["open_sample_action"].triggered.connect(self.open_sample)
        window.welcome.sample_requested.connect(self.open_sample)

    def close(self) -> None:
        """Ends the thread that draws the sample."""
        self._sample_thread.close(drain=False)

    def may_leave_folder(self) -> bool:
        """Asks when leaving the folder would end a fine-tuning."""
        training = self._training
        if training.is_running or training.is_undecided:
            text = (
                self.tr("A fine-tuning of this folder is running. Leaving the folder cancels it.")
                if training.is_running
                else self.tr(
                    "The new network of this folder waits for your decision. "
                    "Leaving the folder discards it; it stays in the list of versions."
                )
            )
            if not self._messages.ask(
                self.tr("Leave this folder?"), text, yes=self.tr("Leave"), no=self.tr("Stay")
            ):
                return False
            self._preview.stop()
            training.leave()
            self._window.training_panel.show_overview_page()
        return True

    # -- batch prediction and export -------------------------------------------------------------

    def _connect_batch(self) -> None:
        actions = self._window.actions_by_name
        actions["predict_all_action"].triggered.connect(self._on_predict_all)
        actions["export_action"].triggered.connect(self._on_export)
        self._batch.progressed.connect(self._on_progressed)
        self._batch.finished.connect(self._on_batch_finished)
        self._export.progressed.connect(self._on_progressed)
        self._export.finished.connect(self._on_export_finished)
        self._export.failed.connect(self._on_export_failed)

    @Slot()
    def _on_predict_all(self) -> None:
        if not self._prediction.fits_label_set:
            self._tell_missing_classes()
            return
        keys = self._batch.keys_to_predict()
        if not keys:
            self._messages.info(
                self.tr("Every image is reviewed or was predicted by this network already.")
            )
            return
        self._open_progress(
            self.tr("Predicting {count} images").format(count=len(keys)), self._batch.cancel
        )
        self._batch.start()

    @Slot(object)
    def _on_batch_finished(self, report: BatchReport) -> None:
        self._close_progress()
        text = self.tr("{count} images predicted.").format(count=report.num_done)
        if report.was_cancelled:
            text = self.tr("Stopped. ") + text
        if report.num_failed:
            reasons = "\n".join(report.errors)
            self._messages.warn(
                text + self.tr(" {count} failed:\n").format(count=report.num_failed) + reasons
            )
        else:
            self._messages.success(text)

    @Slot()
    def _on_export(self) -> None:
        opened = self._navigation.opened
        if opened is None:
            return
        reviewed = tuple(
            key for key in opened.keys
            if self._navigation.record(key).status is ImageStatus.REVIEWED
        )  # fmt: skip
        selected = self._window.image_list.selected_keys()
        choices = {"all": opened.keys, "reviewed": reviewed, "selected": selected}
        stored = self._settings.text("export/folder", "")
        folder = Path(stored) if stored else opened.home.parent / f"{opened.folder.name}-masks"
        from model.formats.table import FORMATS
        from seggui.panels.export_dialog import ExportDialog

        formats = {name: (f.title, f.description) for name, f in FORMATS.items()}
        counts = {name: len(keys) for name, keys in choices.items()}
        dialog = ExportDialog(formats, counts, folder, self._window)
        if dialog.exec() != QDialog.DialogCode.Accepted:
            return
        choice = dialog.choice()
        self._settings.set("export/folder", str(choice.output_dir))
        self._open_progress(self.tr("Exporting masks"), self._export.cancel)
        self._export.start(
            ExportRequest(
                choices[choice.which], choice.output_dir, choice.format_name,
                choice.include_unlabelled,
            )
        )  # fmt: skip

    @Slot(object)
    def _on_export_finished(self, report: ExportReport) -> None:
        self._close_progress()
        text = self.tr("{count} masks written to {folder} and checked.").format(
            count=report.num_written, folder=report.output_dir
        )
        if report.num_skipped:
            text += self.tr(" {count} images without a mask were left out.").format(
                count=report.num_skipped
            )
        if report.was_cancelled:
            text = self.tr("Stopped. ") + text
        if report.failures:
            reasons = "\n".join(f"{f.key}: {f.reason}" for f in report.failures[:10])
            self._messages.warn(f"{text}\n{reasons}")
            return
        url = QUrl.fromLocalFile(str(report.output_dir))
        self._messages.success(
            text, action=(self.tr("Open folder"), lambda: QDesktopServices.openUrl(url))
        )

    @Slot(object)
    def _on_export_failed(self, error: Exception) -> None:
        self._close_progress()
        self._messages.error(error, context=self.tr("The export stopped."))

    def _open_progress(self, title: str, cancel: object) -> None:
        dialog = QProgressDialog(title, self.tr("Stop"), 0, 0, self._window)
        dialog.setObjectName("progress_dialog")
        dialog.setWindowTitle(title)
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        dialog.setMinimumWidth(420)
        dialog.setMinimumDuration(400)
        dialog.setAutoReset(False)
        dialog.canceled.connect(cancel)
        self._dialog = dialog

    @Slot(int, int, str)
    def _on_progressed(self, num_done: int, num_all: int, key: str) -> None:
        if self._dialog is not None:
            self._dialog.setMaximum(num_all)
            self._dialog.setValue(num_done)
            self._dialog.setLabelText(
                self.tr("{done} of {all}\n{key}").format(done=num_done, all=num_all, key=key)
            )

    def _close_progress(self) -> None:
        if self._dialog is not None:
            self._dialog.close()
            self._dialog.deleteLater()
            self._dialog = None

    # -- fine-tuning -----------------------------------------------------------------------------

    def _connect_training(self) -> None:
        training, panel = self._training, self._window.training_panel
        training.overview_changed.connect(self._on_overview_changed)
        training.started.connect(self._on_training_started)
        training.stepped.connect(self._on_training_step)
        training.scored.connect(self._on_training_scored)
        training.finished.connect(self._on_training_finished)
        training.ended.connect(self._on_training_ended)
        training.version_kept.connect(self._on_version_kept)
        panel.start_requested.connect(self._on_start_requested)
        panel.stop_requested.connect(training.stop_and_keep_best)
        panel.cancel_requested.connect(training.cancel)
        panel.keep_requested.connect(self._on_keep)
        panel.discard_requested.connect(self._on_discard)
        panel.preview_toggled.connect(self._on_preview_toggled)
        panel.versions_requested.connect(self._on_versions)
        self._preview.failed.connect(self._on_preview_failed)
        actions = self._window.actions_by_name
        actions["fine_tune_action"].triggered.connect(self._window.show_training)
        actions["versions_action"].triggered.connect(self._on_versions)

    @Slot(object)
    def _on_overview_changed(self, overview: TrainingOverview) -> None:
        self._window.training_panel.set_overview(overview)

    @Slot(object)
    def _on_start_requested(self, settings: TrainingSettings) -> None:
        self._training.start(settings)

    @Slot(str)
    def _on_training_started(self, device: str) -> None:
        self._window.training_panel.show_running(device)

    @Slot(object)
    def _on_training_step(self, step: TrainingStep) -> None:
        self._window.training_panel.add_step(step)

    @Slot(object)
    def _on_training_scored(self, scored: TrainingScored) -> None:
        self._window.training_panel.add_score(scored)

    @Slot(object)
    def _on_training_finished(self, done: TrainingDone) -> None:
        from seggui.panels.training_pages import duration

        if self._training.overview is not None:
            self._window.training_panel.show_result(done, self._training.overview)
        self._window.show_training()
        self._messages.success(
            self.tr("Fine-tuning is done after {time}. Compare, then keep or discard it.").format(
                time=duration(done.seconds)
            )
        )

    @Slot(object)
    def _on_training_ended(self, error: Exception | None) -> None:
        self._window.training_panel.show_overview_page()
        if error is not None:
            self._messages.error(error, context=self.tr("Fine-tuning stopped."))
        else:
            self._messages.info(self.tr("Fine-tuning was cancelled; nothing has changed."))

    @Slot()
    def _on_keep(self) -> None:
        self._preview.stop()
        self._training.keep()
        self._window.training_panel.show_overview_page()

    @Slot()
    def _on_discard(self) -> None:
        self._preview.stop()
        self._training.discard()
        self._window.training_panel.show_overview_page()
        self._messages.info(self.tr("The network in force stays as it was."))

    @Slot(object)
    def _on_version_kept(self, version: ModelVersion) -> None:
        self._messages.success(
            self.tr("{name} is in force now; the next images are predicted by it.").format(
                name=version.name
            )
        )

    # -- preview ---------------------------------------------------------------------------------

    @Slot(bool)
    def _on_preview_toggled(self, is_on: bool) -> None:
        path = self._training.candidate_path
        if is_on and path is not None:
            self._preview.start(path)
        else:
            self._preview.stop()

    @Slot(object)
    def _on_preview_failed(self, error: Exception) -> None:
        self._window.training_panel.result.preview_button.setChecked(False)
        self._messages.error(error, context=self.tr("The preview failed."))

    # -- versions --------------------------------------------------------------------------------

    @Slot()
    def _on_versions(self) -> None:
        if self._navigation.opened is None:
            self._messages.info(self.tr("Open a folder first; versions belong to a folder."))
            return
        self._project.run(_versions_of, done=self._show_versions, failed=self._messages.error)

    def _show_versions(self, found: tuple[tuple[ModelVersion, ...], str | None]) -> None:
        from seggui.panels.version_dialog import VersionDialog, VersionRow

        versions, active = found
        if self._navigation.opened is None:
            return
        home = self._navigation.opened.home
        rows = tuple(
            VersionRow(v, v.id == active, resolved_path(v.path, home).is_file()) for v in versions
        )
        dialog = VersionDialog(rows, self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.chosen is not None:
            version = dialog.chosen
            self._training.restore(version, resolved_path(version.path, home))

    # -- sample ----------------------------------------------------------------------------------

    @Slot()
    def open_sample(self) -> None:
        """Draws street scenes into the user's data folder (once) and opens them."""
        folder = data_dir() / "sample"
        self._window.status.show_task(self.tr("Drawing sample scenes..."))
        self._sample_thread.submit(
            lambda: _make_sample(folder), done=self._on_sample_made, failed=self._on_sample_failed
        )

    def _on_sample_made(self, folder: Path) -> None:
        self._window.status.show_task("")
        self._folders.open_folder(folder)

    def _on_sample_failed(self, error: Exception) -> None:
        self._window.status.show_task("")
        self._messages.error(error, context=self.tr("The sample could not be made."))


def _make_sample(folder: Path) -> Path:
    from model.data.sample import write_sample_folder  # draws with half of Pillow: 40 ms

    stamp = folder / ".complete"
    if not stamp.exists():
        write_sample_folder(
            folder, num_images=NUM_SAMPLE_IMAGES, seed=SAMPLE_SEED, with_masks=False,
            height=360, width=480,
        )  # fmt: skip
        stamp.write_text("seggui sample\n", encoding="utf-8")
    return folder


def _versions_of(project: Project) -> tuple[tuple[ModelVersion, ...], str | None]:
    active = project.active_version()
    return project.versions(), active.id if active is not None else None
