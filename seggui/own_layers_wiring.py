"""Connects the consent to run code with the window: asking, remembering, taking back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from model.data.model_files import model_of
from model.errors import OwnLayersError, ProgramError, SegguiError
from model.trust import TrustStore
from seggui.panels.own_layers_dialog import OwnLayersDialog, OwnLayersQuestion
from seggui.panels.program_dialog import ProgramDialog
from seggui.panels.trusted_files_dialog import TrustedFilesDialog, TrustedRow
from seggui.parts import Parts
from seggui.settings import settings_dir
from seggui.single_question import SingleQuestion


class OwnLayersWiring(QObject):
    """Consents to Python files and programs; made when the first one is asked for.

    Attributes:
        list_dialog: the list of consents that is open, or None.
    """

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._load_model = load_model
        self._store = TrustStore(settings_dir())
        self._question = SingleQuestion[OwnLayersDialog](self)
        self._program_question = SingleQuestion[ProgramDialog](self)
        self.list_dialog: TrustedFilesDialog | None = None

    @property
    def dialog(self) -> OwnLayersDialog | None:
        """The question that is open, or None."""
        return self._question.dialog

    @property
    def program_dialog(self) -> ProgramDialog | None:
        """The question about a program that is open, or None."""
        return self._program_question.dialog

    def ask_program(self, path: Path, error: ProgramError) -> None:
        """Asks whether the program of a SavedModel may be run; if so, it is loaded again."""
        if self.program_dialog is not None:
            return
        dialog = ProgramDialog(path, self._window)
        self._program_question.ask(dialog, partial(self._on_program_answered, path, error))

    def _on_program_answered(
        self, path: Path, error: ProgramError, _: ProgramDialog, accepted: bool
    ) -> None:
        if accepted:
            self._allow(path, error.model_sha256, model_of(path))
        else:
            self._tell_nothing_was_run(path)

    def ask(self, path: Path, error: OwnLayersError) -> None:
        """Asks for the Python file of a model; with one, it is loaded again."""
        if self.dialog is not None:
            return
        try:
            known = self._store.entry(error.model_sha256)
        except SegguiError as problem:
            self._messages.error(problem)
            return
        question = OwnLayersQuestion(
            path, error.names, error.message if known is not None else "",
            known.path if known is not None else None,
        )  # fmt: skip
        dialog = OwnLayersDialog(question, self._window)
        self._question.ask(dialog, partial(self._on_answered, path, error))

    def _on_answered(
        self, path: Path, error: OwnLayersError, dialog: OwnLayersDialog, accepted: bool
    ) -> None:
        if accepted and dialog.chosen is not None:
            self._allow(path, error.model_sha256, dialog.chosen)
        else:
            self._tell_nothing_was_run(path)

    def _allow(self, path: Path, model_sha256: str, code: Path) -> None:
        try:
            self._store.allow(model_sha256, code, model_name=path.name)
        except SegguiError as problem:
            self._messages.error(problem)
            return
        self._load_model(path)

    def _tell_nothing_was_run(self, path: Path) -> None:
        self._messages.info(
            self.tr("{name} was not opened, and nothing was run.").format(name=path.name)
        )

    # -- the list --------------------------------------------------------------------------------

    @Slot()
    def show_list(self) -> None:
        """Shows what is trusted."""
        rows = self._rows()
        if rows is None:
            return
        dialog = self.list_dialog = TrustedFilesDialog(self._window)
        dialog.show_rows(rows)
        dialog.remove_requested.connect(self._on_remove)
        dialog.finished.connect(self._on_list_closed)
        dialog.open()

    @Slot(str)
    def _on_remove(self, model_sha256: str) -> None:
        try:
            self._store.revoke(model_sha256)
        except SegguiError as error:
            self._messages.error(error)
        rows = self._rows()
        if rows is not None and self.list_dialog is not None:
            self.list_dialog.show_rows(rows)

    @Slot()
    def _on_list_closed(self, *_: object) -> None:
        dialog, self.list_dialog = self.list_dialog, None
        if dialog is not None:
            dialog.deleteLater()

    def _rows(self) -> list[TrustedRow] | None:
        try:
            entries = self._store.entries()
        except SegguiError as error:
            self._messages.error(error)
            return None
        return [
            TrustedRow(digest, code.model_name or digest[:12], str(code.path), code.when,
                       code.is_unchanged())
            for digest, code in reversed(entries.items())
        ]  # fmt: skip
