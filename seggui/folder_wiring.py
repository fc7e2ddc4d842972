"""Connects folders and images with the image list, the welcome page and the message bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QFileDialog

from model.data.images import is_image_name
from model.data.label_sets import LabelSet, builtin_label_sets
from model.data.model_files import begins_like_a_model, holds_saved_model
from seggui.core.project import FolderNotWritableError
from seggui.core.records import ImageRecord, ImageStatus
from seggui.edit_wiring import EditWiring
from seggui.navigation import Bundle
from seggui.parts import Parts
from seggui.settings import data_dir, kept_home, name_of_home
from seggui.tasks.project_thread import OpenedProject

MODEL_ENDINGS = (".keras", ".h5", ".hdf5", ".zip", ".pb")
LOADING_TEXT_DELAY_MS = 150
_SAVE_MESSAGE = "saving"


class FolderWiring(QObject):
    """Opening a folder, walking through it, and saying what went wrong there."""

    def __init__(self, parts: Parts, editing: EditWiring) -> None:
        super().__init__(parts.window)
        self._window, self._session = parts.window, parts.session
        self._navigation, self._loader = parts.navigation, parts.loader
        self._project, self._editing = parts.project, editing
        self._messages, self._settings = parts.messages, parts.settings
        self.may_leave_folder: Callable[[], bool] = lambda: True
        self.open_model: Callable[[Path], None] = lambda _: None
        self.initial_label_set: Callable[[], LabelSet] = lambda: builtin_label_sets()[0]
        self._asked_elsewhere: set[Path] = set()
        # Telling "loading" for the blink of an eye would only flicker.
        self._loading_timer = QTimer(self, singleShot=True, interval=LOADING_TEXT_DELAY_MS)
        self._loading_timer.timeout.connect(self._on_loading_slow)
        self._connect()
        self._fill_recent()

    def _connect(self) -> None:
        navigation, window, project = self._navigation, self._window, self._project
        navigation.folder_opened.connect(self._on_folder_opened)
        navigation.open_failed.connect(self._on_open_failed)
        navigation.image_loading.connect(self._on_image_loading)
        navigation.image_shown.connect(self._on_image_shown)
        navigation.image_failed.connect(self._on_image_failed)
        navigation.record_changed.connect(self._on_record_changed)
        navigation.records_changed.connect(self._on_records_changed)
        project.save_failed.connect(self._on_save_failed)
        project.save_recovered.connect(self._on_save_recovered)
        project.dirty_changed.connect(self._on_dirty_changed)
        project.noted.connect(self._on_noted)
        window.image_list.image_chosen.connect(navigation.show)
        window.image_list.thumbnail_requested.connect(self._on_thumbnail_requested)
        navigation.use_order(window.image_list.neighbours)
        window.welcome.open_folder_requested.connect(self.ask_folder)
        window.welcome.recent_chosen.connect(self.open_folder)
        window.welcome.folder_dropped.connect(self.open_folder)
        window.welcome.file_dropped.connect(self._on_file_dropped)
        window.path_dropped.connect(self.open_path)
        self._session.edit_refused.connect(self._on_edit_refused)
        self._session.status_changed.connect(self._on_document_status)
        actions = window.actions_by_name
        for name, slot in (
            ("open_folder_action", self.ask_folder),
            ("close_folder_action", self.close_folder),
            ("next_image_action", self._on_next),
            ("previous_image_action", self._on_previous),
            ("next_unreviewed_action", self._on_next_unreviewed),
            ("previous_unreviewed_action", self._on_previous_unreviewed),
            ("reviewed_action", self._on_reviewed),
            ("review_and_next_action", self._on_review_and_next),
            ("save_action", self._on_save),
        ):  # fmt: skip
            actions[name].triggered.connect(slot)

    # -- opening ---------------------------------------------------------------------------------

    @Slot()
    def ask_folder(self) -> None:
        """Lets the user choose a folder."""
        recent = self._settings.recent("folders")
        start = str(recent[0].parent if recent else Path.home())
        chosen = QFileDialog.getExistingDirectory(
            self._window, self.tr("Open a folder of images"), start
        )
        if chosen:
            self.open_folder(Path(chosen))

    @Slot(Path)
    def open_folder(self, folder: Path) -> None:
        """Opens a folder; a project kept elsewhere for it is found again."""
        self._open(folder, key=None)

    @Slot()
    def close_folder(self) -> None:
        """Goes back to the start page; the next start begins there, too."""
        if self._project.has_failed:
            self._messages.warn(self.tr("The folder stays open until everything is saved."))
            return
        if not self.may_leave_folder():
            return
        self._navigation.close_folder()
        self._settings.set("window/folder", "")
        self._window.set_title(None)
        self._window.show_welcome()

    def _open(self, folder: Path, *, key: str | None) -> None:
        if not self.may_leave_folder():
            return
        self._navigation.open_folder(folder, kept_home(self._settings, folder), key=key)

    @Slot(str)
    def open_path(self, text: str) -> None:
        """Opens whatever was dropped or named: a folder, an image in its folder, or a model."""
        path = Path(text).absolute()
        if path.is_dir() and holds_saved_model(path):
            self.open_model(path)
        elif path.is_dir():
            self.open_folder(path)
        elif path.suffix.lower() in MODEL_ENDINGS:
            self.open_model(path)
        elif is_image_name(path.name):
            self._open(path.parent, key=path.name)
        elif begins_like_a_model(path):  # keras-segmentation calls its checkpoints name.0
            self.open_model(path)
        else:
            self._messages.warn(
                self.tr(
                    "{name} is neither a folder, an image nor a Keras model. "
                    "Drop a folder of images, a .keras or .h5 file, or a SavedModel folder."
                ).format(name=path.name)
            )

    @Slot(Path)
    def _on_file_dropped(self, path: Path) -> None:
        self.open_path(str(path))

    @Slot(object)
    def _on_folder_opened(self, opened: OpenedProject) -> None:
        self._settings.add_recent("folders", opened.folder)
        self._settings.set("window/folder", str(opened.folder))
        self._fill_recent()
        self._restore_editing(opened)
        self._window.canvas.set_image(None)  # other images: zoom and position start anew
        panel = self._window.image_list
        panel.set_keys(opened.keys)
        panel.set_records(opened.records)
        self._window.show_editor()
        if not opened.keys:
            self._window.set_title(opened.folder.name)
            self._window.canvas.set_placeholder(
                self.tr(
                    "No images in {name}.\nseggui reads JPEG, PNG, TIFF, BMP and WebP, "
                    "also in subfolders."
                ).format(name=opened.folder.name)
            )
        for note in opened.notes:
            self._messages.warn(note)
        if opened.is_read_only and not opened.notes:
            self._messages.warn(self.tr("This folder is open read-only: nothing can be changed."))

    def _restore_editing(self, opened: OpenedProject) -> None:
        stored = opened.label_set
        self._editing.adopt_label_set(
            stored or self.initial_label_set(), is_provisional=stored is None
        )
        session, settings = self._session, opened.settings
        session.set_hidden(_indices(settings.get("hidden_classes")))
        session.set_locked(_indices(settings.get("locked_classes")))
        label = settings.get("current_class")
        session.set_label(label if isinstance(label, int) else 0)

    @Slot(object, object)
    def _on_open_failed(self, folder: Path, error: Exception) -> None:
        if isinstance(error, FolderNotWritableError) and folder not in self._asked_elsewhere:
            self._asked_elsewhere.add(folder)
            self._offer_home(folder, error)
            return
        self._messages.error(error)

    def _offer_home(self, folder: Path, error: Exception) -> None:
        home = data_dir() / "projects" / name_of_home(folder)
        question = self.tr(
            "{error}\n\nMasks and history can be kept in another place instead:\n{home}"
        ).format(error=error, home=home)
        if self._messages.ask(
            self.tr("This folder cannot be written"), question,
            yes=self.tr("Keep them there"), no=self.tr("Cancel"),
        ):  # fmt: skip
            self._settings.set(f"homes/{name_of_home(folder)}", str(home))
            self._navigation.open_folder(folder, home)

    def _fill_recent(self) -> None:
        recent = self._settings.recent("folders")
        self._window.welcome.set_recent(recent)
        menu = self._window.recent_menu
        menu.clear()
        for folder in recent:
            action = QAction(str(folder), menu)
            action.setData(str(folder))
            action.triggered.connect(self._on_recent)
            menu.addAction(action)
        menu.setEnabled(bool(recent))

    @Slot()
    def _on_recent(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.open_folder(Path(action.data()))

    # -- images ----------------------------------------------------------------------------------

    @Slot(str)
    def _on_image_loading(self, key: str) -> None:
        self._window.image_list.set_current(key)
        self._window.set_title(key)
        canvas = self._window.canvas
        if canvas.has_picture and canvas.picture_key != key:
            canvas.set_placeholder("")
        self._loading_timer.start()

    @Slot()
    def _on_loading_slow(self) -> None:
        if not self._window.canvas.has_picture:
            self._window.canvas.set_placeholder(self.tr("Loading..."))

    @Slot(object)
    def _on_image_shown(self, bundle: Bundle) -> None:
        self._loading_timer.stop()
        canvas = self._window.canvas
        view = bundle.view if canvas.picture_key != bundle.key else None  # it has been there
        canvas.set_image(bundle.decoded.image, keep_view=view is None, levels=bundle.decoded.levels)
        canvas.set_mask(bundle.document.mask)
        if view is not None:
            canvas.restore_view(view)
        self._editing.refresh_confidence()
        self._window.image_list.set_current(bundle.key)
        self._window.set_title(bundle.key)
        self._tell_notes(bundle)

    def _tell_notes(self, bundle: Bundle) -> None:
        notes, bundle.notes = bundle.notes, ()
        label_set = self._session.label_set
        unknown = bundle.highest_label
        if label_set is not None and unknown >= len(label_set):
            notes = (*notes, self._unknown_text(unknown, len(label_set)))
        if notes:
            self._messages.warn("\n".join(notes))

    def _unknown_text(self, value: int, num_classes: int) -> str:
        return self.tr(
            "The mask of this image has pixels of class {value}, but the project has only "
            "{count} classes (0 to {last}). They are kept as they are; add classes to name them."
        ).format(value=value, count=num_classes, last=num_classes - 1)

    @Slot(str, object)
    def _on_image_failed(self, key: str, error: Exception) -> None:
        self._loading_timer.stop()
        self._window.image_list.set_current(key)
        self._window.set_title(key)
        self._window.canvas.set_placeholder(str(error))

    @Slot(object)
    def _on_record_changed(self, record: ImageRecord) -> None:
        self._window.image_list.set_record(record)

    @Slot(object)
    def _on_records_changed(self, records: dict[str, ImageRecord]) -> None:
        self._window.image_list.set_records(records)

    @Slot(str)
    def _on_thumbnail_requested(self, key: str) -> None:
        self._loader.load_thumbnail(
            key, self._navigation.path_of(key),
            done=self._on_thumbnail, failed=lambda _: self._on_thumbnail((key, QImage())),
        )  # fmt: skip

    def _on_thumbnail(self, loaded: tuple[str, QImage]) -> None:
        self._window.image_list.set_thumbnail(*loaded)

    @Slot(str)
    def _on_edit_refused(self, reason: str) -> None:
        self._messages.info(reason)

    # -- actions ---------------------------------------------------------------------------------

    @Slot()
    def _on_next(self) -> None:
        self._navigation.show_neighbour(1)

    @Slot()
    def _on_previous(self) -> None:
        self._navigation.show_neighbour(-1)

    @Slot()
    def _on_next_unreviewed(self) -> None:
        self._show_unreviewed(1)

    @Slot()
    def _on_previous_unreviewed(self) -> None:
        self._show_unreviewed(-1)

    def _show_unreviewed(self, step: int) -> None:
        wanted = frozenset(ImageStatus) - {ImageStatus.REVIEWED}
        key = self._window.image_list.next_with_status(
            self._navigation.key, wanted, forward=step > 0
        )
        if key is not None:
            self._navigation.show(key)
        else:
            self._messages.info(self.tr("Every image of the list is reviewed."))

    @Slot(bool)
    def _on_reviewed(self, is_reviewed: bool) -> None:
        self._session.set_reviewed(is_reviewed)

    @Slot()
    def _on_review_and_next(self) -> None:
        self._session.set_reviewed(True)
        self._navigation.show_neighbour(1)

    @Slot()
    def _on_save(self) -> None:
        self._session.commit_stroke()
        self._project.flush_now()

    @Slot(object)
    def _on_document_status(self, _: object) -> None:
        can_edit = self._session.can_edit
        for name in (
            "reviewed_action", "review_and_next_action", "fill_unlabelled_action",
            "clear_mask_action", "predict_action",
        ):  # fmt: skip
            self._window.actions_by_name[name].setEnabled(can_edit)

    # -- saving ----------------------------------------------------------------------------------

    @Slot(object)
    def _on_save_failed(self, error: Exception) -> None:
        self._window.status.show_saved(self.tr("NOT SAVED"))
        self._messages.error(
            error,
            name=_SAVE_MESSAGE,
            context=self.tr("What you paint is kept in memory and saved as soon as possible."),
            action=(self.tr("Try again"), self._project.retry),
        )  # fmt: skip

    @Slot()
    def _on_save_recovered(self) -> None:
        self._messages.withdraw(_SAVE_MESSAGE)
        self._messages.info(self.tr("Everything is saved again."))

    @Slot(str)
    def _on_noted(self, text: str) -> None:
        self._messages.warn(text)

    @Slot(bool)
    def _on_dirty_changed(self, is_dirty: bool) -> None:
        if not self._project.has_failed:
            self._window.status.show_saved(self.tr("Saving...") if is_dirty else self.tr("Saved"))


def _indices(value: object) -> frozenset[int]:
    """Class indices from a stored setting; anything else counts as none."""
    return (
        frozenset(i for i in value if isinstance(i, int))
        if isinstance(value, list)
        else frozenset()
    )
