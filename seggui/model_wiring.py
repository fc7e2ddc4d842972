"""Connects the network with the window: loading, what it is, which classes, what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QDialog, QFileDialog

from model.data.label_sets import LabelClass, LabelSet, builtin_label_sets
from model.data.resources import resource_path
from model.engine.classes import label_set_from, label_set_of, num_answered
from model.errors import (
    LabelSetError,
    LambdaError,
    OwnLayersError,
    ProgramError,
    StorageError,
    WeightsOnlyError,
)
from seggui.edit_wiring import EditWiring
from seggui.parts import Parts
from seggui.settings import settings_dir
from seggui.tasks.project_thread import OpenedProject

if TYPE_CHECKING:
    from model.engine.protocol import DeviceInfo, ModelInfo, ModelSettings
    from seggui.contact_sheet_wiring import ContactSheetWiring

_CLASSES_MESSAGE = "missing classes"
_QUESTION_MESSAGE = "question about a model"
_INPUT_MESSAGE = "open input values"
_NUMBERS_MESSAGE = "other numbers"


class ModelWiring(QObject):
    """Loading a network, showing what it is, and making its classes and the project's agree.

    Signals:
        own_layers_needed: (Path, OwnLayersError) a model opens with a Python file of the user's.
        program_consent_needed: (Path, ProgramError) a SavedModel is a program.
        network_needed: (Path, WeightsOnlyError) a file of weights opens with its network.
        lambdas_needed: (Path, LambdaError) a model opens once it is known what these calculate.
        lambdas_wanted: (ModelInfo) the user wants to see what was chosen for such layers.
    """

    own_layers_needed = Signal(object, object)
    program_consent_needed = Signal(object, object)
    network_needed = Signal(object, object)
    lambdas_needed = Signal(object, object)
    lambdas_wanted = Signal(object)

    def __init__(self, parts: Parts, editing: EditWiring) -> None:
        super().__init__(parts.window)
        self._window, self._session = parts.window, parts.session
        self._navigation, self._project = parts.navigation, parts.project
        self._prediction, self._editing = parts.prediction, editing
        self._messages, self._settings = parts.messages, parts.settings
        prediction, actions = parts.prediction, parts.window.actions_by_name
        self._is_explicit = False
        self.is_loading = False
        self._is_shipped = False
        self._parts = parts
        self._contact_sheet: ContactSheetWiring | None = None
        prediction.device_found.connect(self._on_device_found)
        prediction.model_loading.connect(self._on_model_loading)
        prediction.model_loaded.connect(self._on_model_loaded)
        prediction.model_failed.connect(self._on_model_failed)
        prediction.predicting_changed.connect(self._on_predicting_changed)
        prediction.answer_applied.connect(self._on_answer_applied)
        prediction.failed.connect(self._on_prediction_failed)
        prediction.engine_restarted.connect(self._on_engine_restarted)
        parts.session.label_set_changed.connect(self._on_label_set_changed)
        parts.navigation.folder_opened.connect(self._on_folder_opened)
        actions["load_model_action"].triggered.connect(self.ask_model)
        actions["model_settings_action"].triggered.connect(self.show_settings)
        actions["compare_action"].triggered.connect(self.compare)
        actions["replaced_layers_action"].triggered.connect(self._on_replaced_layers)
        parts.session.document_changed.connect(self._on_document_changed)
        actions["predict_action"].triggered.connect(self._on_predict)
        actions["automatic_action"].setChecked(self._settings.flag("model/automatic", True))
        prediction.is_automatic = actions["automatic_action"].isChecked()
        actions["automatic_action"].toggled.connect(self._on_automatic_toggled)
        self._window.welcome.load_model_requested.connect(self.ask_model)
        self._show_model(None)

    # -- loading ---------------------------------------------------------------------------------

    @Slot()
    def ask_model(self) -> None:
        """Lets the user choose a model file."""
        recent = self._settings.recent("models")
        start = str(recent[0].parent if recent else Path.home())
        chosen, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Load a Keras model"), start,
            self.tr("Keras models (*.keras *.h5 *.hdf5 *.zip saved_model.pb);;All files (*)"),
        )  # fmt: skip
        if chosen:
            self.load_model(Path(chosen))

    def load_model(self, path: Path) -> None:
        """Loads a model that the user chose; the project remembers it."""
        self._is_explicit = True
        self._prediction.load_model(path)

    def load_quietly(self, path: Path) -> None:
        """Loads a remembered model at the start."""
        self._is_explicit = False
        self._prediction.load_model(path)

    def label_set(self) -> LabelSet:
        """The classes to start a new project with: the network's, else street scenes."""
        if self._prediction.model is not None:
            return label_set_of(self._prediction.model)
        return builtin_label_sets()[0]

    @Slot(object)
    def _on_folder_opened(self, opened: OpenedProject) -> None:
        """A project brings its own network along."""
        stored = opened.settings.get("model_path")
        current = self._prediction.model
        if isinstance(stored, str) and (current is None or current.path != stored):
            path = Path(stored) if Path(stored).is_absolute() else opened.home / stored
            if path.exists():
                self.load_quietly(path)
            else:
                self._messages.warn(
                    self.tr(
                        "The model of this project is not at {path} any more. "
                        "Load it from where it is now, or load another one."
                    ).format(path=path),
                    action=(self.tr("Load model..."), self.ask_model),
                )  # fmt: skip

    @Slot(object)
    def _on_model_loading(self, path: Path) -> None:
        self.is_loading = True
        self._window.status.show_task(self.tr("Loading {name}...").format(name=path.name))

    @Slot(object)
    def _on_model_loaded(self, info: ModelInfo) -> None:
        self.is_loading = False
        self._messages.withdraw(_QUESTION_MESSAGE)
        self._messages.withdraw(_INPUT_MESSAGE)
        self._tell_change(info)
        self._window.status.show_task("")
        self._show_model(info)
        path = Path(info.path)
        self._settings.add_recent("models", path)
        self._settings.set("model/last", str(path))
        if self._navigation.opened is not None and not self._session.is_read_only:
            home = self._navigation.opened.home
            inside = path.is_relative_to(home)
            self._project.record_setting(
                "model_path", str(path.relative_to(home) if inside else path)
            )
        shipped = resource_path("models", "default.keras")
        self._is_shipped = not self._is_explicit and path == shipped
        self._match_label_sets(info)
        if self._is_shipped and self._prediction.fits_label_set:
            self._messages.info(
                self.tr(
                    "Masks come from the small street-scene network that ships with seggui. "
                    "Load your own with Ctrl+L; what you correct stays."
                ),
                timeout_ms=12_000,
            )
        from model.engine.protocol import Scaling

        # A network that scales its input by itself leaves nothing to guess.
        is_open = info.settings_are_guessed and info.settings.scaling is not Scaling.RAW
        if is_open and self._is_explicit:
            self._tell_open_input(path.name)

    def _tell_change(self, info: ModelInfo) -> None:
        """Says that the network calculates otherwise than when it was last used."""
        self._messages.withdraw(_NUMBERS_MESSAGE)
        if info.change:
            hint = self.tr("Look at its masks with care.")
            self._messages.warn(
                f"{info.change} {hint}",
                name=_NUMBERS_MESSAGE,
                action=(self.tr("Accept as they are"), self._accept_numbers),
            )

    @Slot()
    def _accept_numbers(self) -> None:
        try:
            self._prediction.accept_numbers(settings_dir())
        except StorageError as error:
            self._messages.error(error)

    def _tell_open_input(self, name: str) -> None:
        text = self.tr("{name} is loaded. Its file does not say which input values it expects.")
        if self._session.document is not None:
            hint = self.tr("Look at your image under each kind, and choose.")
            action = (self.tr("Compare..."), self.compare)
        else:
            hint = self.tr("If the masks look wrong, check the settings.")
            action = (self.tr("Settings..."), self.show_settings)
        self._messages.warn(f"{text.format(name=name)} {hint}", name=_INPUT_MESSAGE, action=action)

    @Slot(object, object)
    def _on_model_failed(self, path: Path, error: Exception) -> None:
        self.is_loading = False
        self._window.status.show_task("")
        context = self.tr("{name} was not loaded.").format(name=path.name)
        if self._prediction.model is not None:
            context += " " + self.tr("The model before stays in force.")
        if isinstance(error, OwnLayersError):
            ask, button = self.own_layers_needed, self.tr("Choose Python file...")
        elif isinstance(error, ProgramError) and error.model_sha256:
            ask, button = self.program_consent_needed, self.tr("Run the program...")
        elif isinstance(error, WeightsOnlyError):
            ask, button = self.network_needed, self.tr("Choose network...")
        elif isinstance(error, LambdaError):
            ask, button = self.lambdas_needed, self.tr("Say what they calculate...")
        else:
            self._messages.error(error, context=context)
            return
        if self._is_explicit:
            ask.emit(path, error)
        else:  # a question that nobody waits for does not get in the way
            self._messages.error(
                error,
                context=context,
                name=_QUESTION_MESSAGE,
                action=(button, lambda: ask.emit(path, error)),
            )

    def _show_model(self, info: ModelInfo | None) -> None:
        actions = self._window.actions_by_name
        for name in ("model_settings_action", "predict_all_action", "replaced_layers_action"):
            actions[name].setEnabled(info is not None)
        self._on_document_changed()
        if info is None:
            self._window.status.show_model(self.tr("No model"))
            return
        size = self.tr("{millions:.1f} M parameters").format(millions=info.num_parameters / 1e6)
        if info.is_program:
            size = self.tr("a program without layers")
        self._window.status.show_model(Path(info.path).name, f"{info.path}\n{size}")

    # -- classes ---------------------------------------------------------------------------------

    def _match_label_sets(self, info: ModelInfo) -> None:
        label_set = self._session.label_set
        if label_set is None or self._editing.is_label_set_provisional:
            self._editing.adopt_label_set(label_set_of(info), is_provisional=True)
            self._prediction.set_automatic(self._prediction.is_automatic)
            return
        # Nobody asked for the shipped network: where it does not fit, it keeps quiet.
        if not self._prediction.fits_label_set and not self._is_shipped:
            self.tell_missing_classes()

    @Slot(object)
    def _on_label_set_changed(self, _: object) -> None:
        """Another folder, or other classes: does the network still fit?"""
        if self._prediction.model is None or self._prediction.fits_label_set:
            self._messages.withdraw(_CLASSES_MESSAGE)
        elif not self._editing.is_label_set_provisional and not self._is_shipped:
            self.tell_missing_classes()

    def tell_missing_classes(self) -> None:
        """Says why the network does not predict here, and offers to add the classes it needs."""
        info, label_set = self._prediction.model, self._session.label_set
        if info is not None and label_set is not None:
            names = ", ".join(info.settings.class_names[len(label_set) : num_answered(info)])
            error = LabelSetError(
                f"{Path(info.path).name} knows {num_answered(info)} classes, but this project has "
                f"{len(label_set)}; it does not predict here until the project has them, too.",
                remedy=f"Add the missing classes ({names}), or load another model.",
            )
            self._messages.error(
                error,
                name=_CLASSES_MESSAGE,
                action=(self.tr("Add classes"), lambda: self._add_classes(info)),
            )

    def _add_classes(self, info: ModelInfo) -> None:
        label_set = self._session.label_set
        if label_set is None:
            return
        used = {c.name for c in label_set.classes}
        added = []
        for index in range(len(label_set), num_answered(info)):
            name = info.settings.class_names[index]
            name = f"{name} ({index})" if name in used else name
            added.append(LabelClass(index, name, info.settings.class_colors[index]))
        extended = LabelSet(label_set.name, (*label_set.classes, *added))
        self._editing.adopt_label_set(extended, is_provisional=False)
        self._prediction.set_automatic(self._prediction.is_automatic)

    # -- settings --------------------------------------------------------------------------------

    @Slot()
    def show_settings(self) -> None:
        """Shows what the network is, and lets the user correct what was guessed."""
        info = self._prediction.model
        if info is None:
            return
        from seggui.panels.model_dialog import ModelDialog

        dialog = ModelDialog(info, self._window, can_compare=self._session.document is not None)
        dialog.compare_requested.connect(
            lambda: self.contact_sheet.open(
                dialog.settings(), parent=dialog, chosen=dialog.choose_input
            )
        )
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._use(dialog.settings())

    @Slot()
    def _on_replaced_layers(self) -> None:
        if self._prediction.model is not None:
            self.lambdas_wanted.emit(self._prediction.model)

    @property
    def contact_sheet(self) -> ContactSheetWiring:
        """The image under each kind of input values."""
        from seggui.contact_sheet_wiring import ContactSheetWiring

        if self._contact_sheet is None:
            self._contact_sheet = ContactSheetWiring(self._parts)
        return self._contact_sheet

    @Slot()
    def compare(self) -> None:
        """Shows the image on view under each kind of input values, and lets the user choose."""
        info = self._prediction.model
        if info is not None:
            self.contact_sheet.open(info.settings, parent=self._window, chosen=self._use)

    @Slot()
    def _on_document_changed(self) -> None:
        can_compare = self._prediction.model is not None and self._session.document is not None
        self._window.actions_by_name["compare_action"].setEnabled(can_compare)

    def _use(self, settings: ModelSettings) -> None:
        """Puts settings in force and remembers them; also guessed ones that were confirmed."""
        info = self._prediction.model
        if info is None or (settings == info.settings and not info.settings_are_guessed):
            return
        self._is_explicit = False
        try:
            self._prediction.apply_settings(settings, settings_dir())
        except StorageError as error:
            self._messages.error(error)
            return
        self._messages.withdraw(_INPUT_MESSAGE)
        if self._editing.is_label_set_provisional:
            self._editing.adopt_label_set(
                label_set_from(settings.class_names, settings.class_colors), is_provisional=True
            )

    # -- predicting ------------------------------------------------------------------------------

    @Slot()
    def _on_predict(self) -> None:
        if self._prediction.model is None:
            self._messages.warn(
                self.tr("No model is loaded yet. Load a Keras model (.keras or .h5) first."),
                action=(self.tr("Load model..."), self.ask_model),
            )  # fmt: skip
            return
        if not self._prediction.fits_label_set:
            self.tell_missing_classes()
            return
        self._prediction.predict_current()

    @Slot(bool)
    def _on_automatic_toggled(self, is_automatic: bool) -> None:
        self._settings.set("model/automatic", is_automatic)
        self._prediction.set_automatic(is_automatic)

    @Slot(bool)
    def _on_predicting_changed(self, is_predicting: bool) -> None:
        self._window.status.show_task(self.tr("Predicting...") if is_predicting else "")

    @Slot(object)
    def _on_answer_applied(self, _: object) -> None:
        self._editing.refresh_confidence()

    @Slot(object)
    def _on_prediction_failed(self, error: Exception) -> None:
        self._messages.error(error)

    @Slot(str)
    def _on_engine_restarted(self, reason: str) -> None:
        self._messages.warn(
            self.tr("The engine stopped and was started again; nothing painted is touched. ({why})")
            .format(why=reason)
        )  # fmt: skip

    @Slot(object)
    def _on_device_found(self, device: DeviceInfo) -> None:
        self._window.status.show_device(device)
