"""Connects files of weights with the window: asking for their network, remembering it, loading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from model.errors import WeightsOnlyError
from seggui.panels.weights_dialog import WeightsDialog
from seggui.parts import Parts
from seggui.settings import settings_dir
from seggui.tasks.job_thread import JobThread


class WeightsWiring(QObject):
    """Names networks for weights; made when the first one is asked for.

    Attributes:
        dialog: the question that is open, or None.
    """

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._load_model = load_model
        self._asked: tuple[Path, WeightsOnlyError] | None = None
        self._thread: JobThread | None = None
        self.dialog: WeightsDialog | None = None

    def ask(self, path: Path, error: WeightsOnlyError) -> None:
        """Asks for the network of a file of weights; with one, it is loaded again."""
        if self.dialog is not None:
            return
        self._asked = path, error
        self.dialog = WeightsDialog(path, error.message, self._window)
        self.dialog.finished.connect(self._on_answered)
        self.dialog.open()

    def close(self) -> None:
        """Ends what still reads a file, and waits for it."""
        if self._thread is not None:
            self._thread.close(drain=False)
            self._thread = None

    @Slot(int)
    def _on_answered(self, result: int) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is None or self._asked is None:
            return
        path, error = self._asked
        chosen = dialog.chosen
        dialog.deleteLater()
        if result != QDialog.DialogCode.Accepted or chosen is None:
            self._messages.info(self.tr("{name} was not opened.").format(name=path.name))
            return
        if self._thread is None:
            self._thread = JobThread("naming networks", self)
        folder = settings_dir()

        def name() -> None:  # a model of some hundred MB takes a second to read
            from model.naming import name_network

            name_network(path, chosen, folder)

        self._thread.submit(
            name,
            done=lambda _: self._load_model(path),
            failed=lambda problem: self._on_failed(path, error, problem),
        )

    def _on_failed(self, path: Path, error: WeightsOnlyError, problem: Exception) -> None:
        self._messages.error(
            problem,
            context=self.tr("{name} was not opened.").format(name=path.name),
            action=(self.tr("Choose network..."), lambda: self.ask(path, error)),
        )
