"""Composition root: builds every part of the window program and passes each what it needs."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from model.data.resources import resource_path
from model.engine.deferred import DeferredEngine
from seggui.navigation import Navigation
from seggui.session import Session
from seggui.settings import Settings, data_dir, kept_home, settings_dir
from seggui.tasks.image_loader import ImageLoader
from seggui.tasks.project_thread import ProjectThread
from seggui.theme import apply_theme

if TYPE_CHECKING:
    from model.engine.protocol import Engine
    from seggui.canvas.image_view import Picture

Hosting = Literal["process", "thread"]

ENGINE_DELAY_MS = 150
"""The first image and the brush come first; the engine's start takes a core for seconds."""

FIRST_PAINT_DELAY_MS = 250
"""How long the window waits for its first image: everything is laid out and painted only once."""

COLLECTOR_DELAY_MS = 3000
"""Switched off while the program starts; see ``seggui.cli``."""

PICTURE_PAUSE_MS = 40
"""From the first picture until its image is decoded: the rest of the window is painted meanwhile,
and a stroke that is begun at once gets the interpreter for itself."""

MAX_LOG_BYTES = 2**20

_log = logging.getLogger(__name__)


class Program(QObject):
    """Everything that lives as long as the window."""

    def __init__(
        self, engine: Engine, *, shipped_model: Path | None = None, first_folder: Path | None = None
    ) -> None:
        """Builds the window and its threads; nothing is shown yet.

        Args:
            engine: the network's home; started later, and ended by :meth:`close`.
            shipped_model: loaded when the user never loaded one.
            first_folder: what :meth:`start` will be asked to show: it is read while the window is
                built. None reads nothing yet.
        """
        super().__init__()
        self._shipped_model = shipped_model
        self.settings = Settings(parent=self)
        self.session = Session(self)
        self.project = ProjectThread(self)
        self.loader = ImageLoader(self)
        self.navigation = Navigation(self.session, self.project, self.loader, parent=self)
        self._first_folder = first_folder.absolute() if first_folder is not None else None
        if self._first_folder is not None:  # the answer waits for the event loop
            self.loader.picture_ready.connect(self._on_first_picture)
            self.loader.show_picture_first()
            self.navigation.image_shown.connect(self.loader.note_shown)
            self.navigation.image_failed.connect(self.loader.note_shown)
            home = kept_home(self.settings, self._first_folder)
            self.navigation.open_folder(self._first_folder, home)
        self._build(engine)
        self._wire()
        self._is_closed = False
        self.window.closing.connect(self.close)

    def _build(self, engine: Engine) -> None:
        # Imported here, while the first image is read in its thread.
        from seggui.batch_control import BatchPrediction, ExportControl
        from seggui.main_window import MainWindow
        from seggui.messages import Messages
        from seggui.prediction_control import PredictionControl
        from seggui.preview_control import PreviewControl
        from seggui.training_control import TrainingControl

        logs = data_dir() / "logs"
        self.prediction = PredictionControl(
            engine, self.session, self.navigation, self.project, parent=self
        )
        self.training = TrainingControl(
            self.session, self.navigation, self.prediction, self.project,
            log_path=logs / "training.log", parent=self,
        )  # fmt: skip
        self.batch = BatchPrediction(
            self.prediction, self.navigation, sources=(self.session, self.loader, self.project)
        )
        self.export = ExportControl(self.navigation, self.session, self.project, self)
        self.window = MainWindow(self.settings)
        self.preview = PreviewControl(
            self.window.canvas, self.session, self.navigation,
            log_path=logs / "preview.log", parent=self,
        )  # fmt: skip
        self.messages = Messages(self.window.message_bar, self.window, self)

    def _wire(self) -> None:
        from seggui.edit_wiring import EditWiring
        from seggui.folder_wiring import FolderWiring
        from seggui.help_wiring import HelpWiring
        from seggui.late_wiring import LateWiring
        from seggui.model_wiring import ModelWiring
        from seggui.parts import Parts
        from seggui.work_wiring import WorkWiring

        parts = Parts(
            self.window, self.messages, self.settings, self.session, self.navigation, self.loader,
            self.project, self.prediction, self.batch, self.export, self.training, self.preview,
        )  # fmt: skip
        editing = EditWiring(parts)
        self.models = ModelWiring(parts, editing)
        self.folders = FolderWiring(parts, editing)
        self.folders.open_model = self.models.load_model
        self.folders.initial_label_set = self.models.label_set
        self.work = WorkWiring(parts, self.folders, self.models.tell_missing_classes)
        self.folders.may_leave_folder = self.work.may_leave_folder
        HelpWiring(parts)
        self.late = LateWiring(parts, self.models.load_model)
        self.models.own_layers_needed.connect(self.late.ask_own_layers)
        self.models.program_consent_needed.connect(self.late.ask_program)
        self.models.network_needed.connect(self.late.ask_network)
        self.models.lambdas_needed.connect(self.late.ask_lambdas)
        self.models.lambdas_wanted.connect(self.late.change_lambdas)

    def start(self, folder: Path | None, model: Path | None) -> None:
        """Shows the window and begins to read; the engine starts once the image is there."""
        self._model = model or self._last_model()
        self._is_model_named = model is not None
        folder = folder or last_folder(self.settings)
        if folder is not None:
            self.window.show_editor()
            if folder.absolute() != self._first_folder:
                self.folders.open_folder(folder.absolute())
            self._paint_with_image()
        else:
            self.window.show_welcome()
        self.window.show()
        if folder is None:
            self._start_engine_soon()
        else:
            self.navigation.image_shown.connect(self._start_engine_soon)
            self.navigation.image_failed.connect(self._start_engine_soon)
            self.navigation.open_failed.connect(self._start_engine_soon)
            self.navigation.folder_opened.connect(self._on_opened_at_start)

    def _paint_with_image(self) -> None:
        """Lets the window appear at once with its image, instead of empty, listed, and full."""
        navigation = self.navigation
        self.window.setUpdatesEnabled(False)
        for is_there in (navigation.image_shown, navigation.image_failed, navigation.open_failed):
            is_there.connect(self._paint_now)
        QTimer.singleShot(FIRST_PAINT_DELAY_MS, self, self._paint_now)

    @Slot()
    def _paint_now(self, *_: object) -> None:
        if not self._is_closed and not self.window.updatesEnabled():
            self.window.setUpdatesEnabled(True)

    @Slot(object)
    def _on_first_picture(self, picture: Picture) -> None:
        if self.session.document is not None:  # the image itself was faster
            return
        self.window.canvas.picture_painted.connect(
            self._on_picture_painted, Qt.ConnectionType.SingleShotConnection
        )
        self.window.canvas.set_picture(picture)
        self._paint_now()

    @Slot()
    def _on_picture_painted(self) -> None:
        # Strokes can be made from here on, and loading numpy would make the first one stutter.
        QTimer.singleShot(PICTURE_PAUSE_MS, self.loader.go_on)

    @Slot(object)
    def _on_opened_at_start(self, _: object) -> None:
        if not self.navigation.keys:
            self._start_engine_soon()

    @Slot()
    def _start_engine_soon(self, *_: object) -> None:
        if self._model is _STARTED:
            return
        self._path_to_load, self._model = self._model, _STARTED
        QTimer.singleShot(ENGINE_DELAY_MS, self, self._start_engine)

    @Slot()
    def _start_engine(self) -> None:
        self.prediction.start_engine()
        path = self._path_to_load
        is_chosen = self.prediction.model is not None or self.models.is_loading
        if path is None or (is_chosen and not self._is_model_named):
            return
        if self._is_model_named:
            self.models.load_model(path)
        else:
            self.models.load_quietly(path)

    def _last_model(self) -> Path | None:
        last = Path(self.settings.text("model/last", ""))
        if last.name and last.exists():
            return last
        return self._shipped_model

    @Slot()
    def close(self) -> None:
        """Brings everything to safety and ends every thread and process; asks when that fails."""
        if self._is_closed:
            return
        if self.session.early_strokes:  # their image is there in a moment, and can be saved then
            self.window.may_close = False
            self.navigation.when_settled(self.window.close)
            return
        self.navigation.leave_image()
        self.project.flush_now()
        if self.project.has_failed and not self._may_lose():
            self.window.may_close = False
            return
        self.window.may_close = True
        self._is_closed = True
        self.window.save_layout()
        self.batch.cancel()
        self.late.close()
        self.preview.close()
        self.training.close()
        self.prediction.close()
        self.export.close()
        self.work.close()
        self.loader.close()
        self.project.close()
        self.settings.sync()
        self.window.canvas.set_editor(None)

    def _may_lose(self) -> bool:
        return self.messages.ask(
            self.tr("Not everything is saved"),
            self.tr(
                "Some changes could not be written yet and are only in memory. Make room on the "
                "disk or plug the folder in again, and they are saved by themselves.\n\n"
                "Closing now loses them."
            ),
            yes=self.tr("Close and lose them"),
            no=self.tr("Stay"),
        )


def last_folder(settings: Settings) -> Path | None:
    """The folder that was open when the program was closed, if it is still there."""
    stored = settings.text("window/folder", "")
    return Path(stored) if stored and Path(stored).is_dir() else None


_STARTED = Path("/")
"""Marks that the engine was started; never a model."""


def run(folder: Path | None, model: Path | None, *, engine_hosting: Hosting = "process") -> int:
    """Runs the window until it is closed.

    Args:
        folder: opened at once, or None for the welcome page.
        model: loaded at once, or None for the one of the project or the last one.
        engine_hosting: where the network runs.

    Returns:
        Exit status, 0.
    """
    signals = _catch_signals()
    _start_log(data_dir() / "logs")
    app = QApplication(sys.argv[:1])
    # Every pointer position counts: Qt must not merge moves while the program is busy. On X11 the
    # application switches that on when it is made, so it can only be switched off afterwards.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    app.setApplicationName("seggui")
    app.setDesktopFileName("seggui")
    app.setWindowIcon(QIcon(str(resource_path("icons", "seggui.svg"))))
    first = folder or last_folder(Settings())
    program = Program(
        DeferredEngine(lambda: _open_engine(engine_hosting)),
        shipped_model=resource_path("models", "default.keras"),
        first_folder=first,
    )
    apply_theme(app, program.settings.theme())
    _close_on_signals(program, signals)
    program.start(first, model)
    if "SEGGUI_WIDGET_MAP" in os.environ:
        from seggui.widget_map import write_widget_map_if_wanted

        write_widget_map_if_wanted(program)
    QTimer.singleShot(COLLECTOR_DELAY_MS, program, start_collector)
    return app.exec()


def start_collector() -> None:
    """Lets Python look for garbage again, once the start is over."""
    gc.freeze()  # all that is there now stays: full collections need not look at it
    gc.enable()


def _open_engine(hosting: Hosting) -> Engine:
    from model.engine.client import open_engine  # in the engine's thread, after the first image

    log_path = data_dir() / "logs" / "engine.log"
    return open_engine(hosting, log_path=log_path, settings_dir=settings_dir())


def _start_log(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _log_handler(folder / "seggui.log")
    except OSError as error:  # an unwritable home must not stop the program
        handler = logging.StreamHandler()
        _log.warning("no log file in %s: %s", folder, error)
    logging.basicConfig(
        level=logging.INFO, handlers=[handler],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )  # fmt: skip
    faulthandler.enable()
    sys.excepthook = _log_unexpected


def _log_handler(path: Path) -> logging.Handler:
    """A new log file, with the one before kept beside it once it is long.

    Done here since ``logging.handlers`` imports sockets and pickling, 10 ms of the start.
    """
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return logging.FileHandler(path, encoding="utf-8")


def _log_unexpected(kind: type[BaseException], error: BaseException, trace: object) -> None:
    _log.critical("unexpected error", exc_info=(kind, error, trace))  # type: ignore[arg-type]
    sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]


def _catch_signals() -> int | None:
    """Takes Ctrl-C and polite kills from now on; they wait in the pipe that is returned.

    Before anything is opened: a kill in the middle of starting must not end us half-way.
    """
    if sys.platform == "win32":
        return None
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reader


def _close_on_signals(program: Program, reader: int | None) -> None:
    """Ctrl-C and a polite kill close the window as its button does."""
    if reader is not None:
        notifier = QSocketNotifier(reader, QSocketNotifier.Type.Read, program)
        notifier.activated.connect(program.window.close)
