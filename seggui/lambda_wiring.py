"""Connects Lambda layers that are not recognised with the window: asking, remembering, loading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from model.errors import LambdaError, OpenLambda, SegguiError
from model.foreign.replacements import ReplacementStore, understood
from seggui.panels.lambda_dialog import LambdaDialog
from seggui.parts import Parts
from seggui.settings import settings_dir
from seggui.single_question import SingleQuestion

if TYPE_CHECKING:
    from model.engine.protocol import ModelInfo


class LambdaWiring(QObject):
    """Replacements of Lambda layers; made when the first one is asked for."""

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._load_model = load_model
        self._store = ReplacementStore(settings_dir())
        self._question = SingleQuestion[LambdaDialog](self)

    @property
    def dialog(self) -> LambdaDialog | None:
        """The question that is open, or None."""
        return self._question.dialog

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
        dialog = LambdaDialog(path, reason, lambdas, understood, self._window)
        self._question.ask(dialog, partial(self._on_answered, path, sha256))

    def _on_answered(self, path: Path, sha256: str, dialog: LambdaDialog, accepted: bool) -> None:
        if not accepted:
            return
        try:
            self._store.keep(sha256, {**self._store.of(sha256), **dialog.chosen})
        except SegguiError as error:
            self._messages.error(error)
            return
        self._load_model(path)
