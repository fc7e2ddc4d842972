"""Connects Lambda layers that are not recognised with the window: asking, remembering, loading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from model.errors import LambdaError, OpenLambda, SegguiError
from model.foreign.replacements import ReplacementStore, understood
from seggui.panels.lambda_dialog import LambdaDialog
from seggui.parts import Parts
from seggui.settings import settings_dir

if TYPE_CHECKING:
    from model.engine.protocol import ModelInfo


class LambdaWiring(QObject):
    """Replacements of Lambda layers; made when the first one is asked for.

    Attributes:
        dialog: the question that is open, or None.
    """

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._load_model = load_model
        self._store = ReplacementStore(settings_dir())
        self._asked: tuple[Path, str] | None = None
        self.dialog: LambdaDialog | None = None

    def ask(self, path: Path, error: LambdaError) -> None:
        """Asks what the Lambda layers of a model calculate; with that, it is loaded again."""
        reason = error.message  # of what was chosen, if that did not fit
        if not any(each.chosen for each in error.lambdas):
            reason = self.tr("{name} has Lambda layers that are not recognised.").format(
                name=path.name
            )
        self._open(path, error.model_sha256, reason, error.lambdas)

    def ask_again(self, info: ModelInfo) -> None:
        """Shows what was chosen for the model in force, to choose something else."""
        try:
            chosen = self._store.of(info.sha256)
        except SegguiError as error:
            self._messages.error(error)
            return
        path = Path(info.path)
        if not chosen:
            self._messages.info(
                self.tr("{name} has no Lambda layers that you chose something for.").format(
                    name=path.name
                )
            )
            return
        reason = self.tr("{name} is open with what you chose for these layers.")
        lambdas = [OpenLambda(layer, "", chosen=text) for layer, text in chosen.items()]
        self._open(path, info.sha256, reason.format(name=path.name), lambdas)

    def _open(self, path: Path, sha256: str, reason: str, lambdas: Sequence[OpenLambda]) -> None:
        if self.dialog is not None:
            return
        self._asked = path, sha256
        self.dialog = LambdaDialog(path, reason, lambdas, understood, self._window)
        self.dialog.finished.connect(self._on_answered)
        self.dialog.open()

    @Slot(int)
    def _on_answered(self, result: int) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is None or self._asked is None:
            return
        path, sha256 = self._asked
        chosen = dialog.chosen
        dialog.deleteLater()
        if result != QDialog.DialogCode.Accepted:
            return
        try:
            self._store.keep(sha256, {**self._store.of(sha256), **chosen})
        except SegguiError as error:
            self._messages.error(error)
            return
        self._load_model(path)
