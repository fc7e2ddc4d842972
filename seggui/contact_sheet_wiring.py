"""Connects the contact sheet with the engine: what is tried, what is shown, what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QWidget

from model.engine.classes import label_set_of, num_answered
from model.errors import CancelledError, EngineDiedError
from seggui.core.contact_sheet import (
    SheetAnswer,
    SheetImage,
    candidates,
    first_equals,
    ranking,
)
from seggui.panels.contact_sheet import ContactSheet, SheetHead
from seggui.panels.model_dialog import SCALINGS
from seggui.panels.sheet_tile import TileText
from seggui.parts import Parts

if TYPE_CHECKING:
    from model.engine.protocol import ModelInfo, ModelSettings

Chosen = Callable[["ModelSettings"], None]

_SHARE_OF_WINDOW = 0.94


class ContactSheetWiring(QObject):
    """The sheet that is open; made when the first one is asked for.

    Attributes:
        dialog: the sheet, or None.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._window, self._session = parts.window, parts.session
        self._navigation, self._prediction = parts.navigation, parts.prediction
        self.dialog: ContactSheet | None = None
        self._tried: tuple[ModelSettings, ...] = ()
        self._answers: list[SheetAnswer | None] = []
        self._num_open = 0
        self._chosen: Chosen | None = None
        self._prediction.model_loaded.connect(self._on_model_loaded)

    def open(self, settings: ModelSettings, *, parent: QWidget, chosen: Chosen) -> None:
        """Shows the image on view under each kind of input; nothing without image or network.

        Args:
            settings: what is guessed or in use; all but the kind of input stays.
            parent: what the sheet belongs to.
            chosen: called with the settings that the user chose; not called when cancelled.
        """
        info, bundle = self._prediction.model, self._navigation.current
        if info is None or bundle is None or self.dialog is not None:
            return
        self._session.commit_stroke()
        mask, provenance, _ = bundle.document.snapshot()
        label_set = self._session.label_set
        if label_set is None or len(label_set) < num_answered(info):
            label_set = label_set_of(info)
        image = SheetImage(bundle.decoded.pixels, mask, provenance, label_set=label_set)
        self._chosen = chosen
        self._tried = candidates(settings, channels=info.input_shape[2])
        self._answers = [None] * len(self._tried)
        self._num_open = len(self._tried)
        height, width = bundle.decoded.size
        self.dialog = ContactSheet(
            SheetHead(Path(info.path).name, image.num_trusted), self._texts(info),
            aspect=height / width, parent=parent,
        )  # fmt: skip
        self.dialog.resize(self._window.size() * _SHARE_OF_WINDOW)
        self.dialog.finished.connect(self._on_finished)
        self._ask(self.dialog, image)
        self.dialog.open()

    def _texts(self, info: ModelInfo) -> list[TileText]:
        names = dict(SCALINGS)
        is_color = info.input_shape[2] >= 3
        is_guess = info.settings_are_guessed and self._tried[0] == info.settings
        mark = self.tr("guessed") if is_guess else self.tr("in use")
        return [
            TileText(
                names[settings.scaling],
                settings.channel_order.upper() if is_color and not _names_order(settings) else "",
                mark if index == 0 else "",
            )
            for index, settings in enumerate(self._tried)
        ]

    def _ask(self, dialog: ContactSheet, image: SheetImage) -> None:
        for index, settings in enumerate(self._tried):
            self._prediction.try_settings(
                settings,
                prepare=partial(image.pixels_for, settings),
                finish=lambda prediction: image.answer(prediction.classes),
                done=partial(self._on_answer, dialog, index),
                failed=partial(self._on_failed, dialog, index),
            )

    def _on_answer(self, dialog: ContactSheet, index: int, answer: SheetAnswer) -> None:
        if dialog is not self.dialog:
            return  # closed meanwhile
        self._answers[index] = answer
        equals = first_equals(tuple(self._answers))
        dialog.show_picture(index, _image(answer), agreement=answer.agreement, equals=equals[index])
        self._settle()

    def _on_failed(self, dialog: ContactSheet, index: int, error: Exception) -> None:
        if dialog is not self.dialog or isinstance(error, CancelledError):
            return
        dialog.show_failure(index, str(error))
        if isinstance(error, EngineDiedError):  # then the others are not tried
            for other in range(index + 1, len(self._tried)):
                dialog.show_failure(other, str(error))
            self._num_open = 1
        self._settle()

    def _settle(self) -> None:
        """Once nothing is open any more, the best comes first, if there is something to go by."""
        self._num_open -= 1
        has_numbers = any(a is not None and a.agreement is not None for a in self._answers)
        if self._num_open == 0 and has_numbers and self.dialog is not None:
            self.dialog.show_ranking(ranking(tuple(self._answers)))

    @Slot(object)
    def _on_model_loaded(self, _: object) -> None:
        if self.dialog is not None:
            self.dialog.reject()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        dialog, self.dialog = self.dialog, None
        chosen, self._chosen = self._chosen, None
        self._prediction.drop_trials()
        self._answers = []
        if dialog is None:
            return
        dialog.deleteLater()
        is_accepted = result == QDialog.DialogCode.Accepted
        if is_accepted and dialog.chosen is not None and chosen is not None:
            chosen(self._tried[dialog.chosen])


def _names_order(settings: ModelSettings) -> bool:
    """Whether the name of the input values says the order of the colours already."""
    return settings.scaling.value in ("caffe", "means")


def _image(answer: SheetAnswer) -> QImage:
    height, width = answer.picture.shape[:2]
    # A copy: QImage does not keep the array alive.
    return QImage(answer.picture.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
