"""Connects files of weights with the window: asking for their network, remembering it, loading."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from model.errors import WeightsOnlyError
from seggui.panels.weights_dialog import WeightsDialog
from seggui.parts import Parts
from seggui.settings import settings_dir
from seggui.single_question import SingleQuestion
from seggui.tasks.job_thread import JobThread


class WeightsWiring(QObject):
    """Names networks for weights; made when the first one is asked for."""

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._load_model = load_model
        self._thread: JobThread | None = None
        self._question = SingleQuestion[WeightsDialog](self)

    @property
    def dialog(self) -> WeightsDialog | None:
        """The question that is open, or None."""
        return self._question.dialog

    def ask(self, path: Path, error: WeightsOnlyError) -> None:
        """Asks for the network of a file of weights; with one, it is loaded again."""
        if self.dialog is not None:
            return
        dialog = WeightsDialog(path, error.message, self._window)
        self._question.ask(dialog, partial(self._on_answered, path, error))

    def close(self) -> None:
        """Ends what still reads a file, and waits for it."""
        if self._thread is not None:
            self._thread.close(drain=False)
            self._thread = None

    def _on_answered(
        self, path: Path, error: WeightsOnlyError, dialog: WeightsDialog, accepted: bool
    ) -> None:
        chosen = dialog.chosen
        if not accepted or chosen is None:
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
