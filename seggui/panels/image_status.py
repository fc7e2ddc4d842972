"""How the status of an image is told: icon, colour and word, never the colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QColor

from seggui.core.records import ImageStatus
from seggui.icons import ColorRole
from seggui.theme import ThemeColors


@dataclass(frozen=True)
class StatusLook:
    """How one status looks.

    Attributes:
        icon_name: for `seggui.icons`.
        color_role: field of `ThemeColors`, also for `seggui.icons.icon`.
        source_text: untranslated word; ask `text`.
        source_hint: untranslated sentence; ask `hint`.
    """

    icon_name: str
    color_role: ColorRole
    source_text: str
    source_hint: str

    @property
    def text(self) -> str:
        """The word in the user's language."""
        return QCoreApplication.translate("ImageStatus", self.source_text)

    @property
    def hint(self) -> str:
        """What the status means, in the user's language."""
        return QCoreApplication.translate("ImageStatus", self.source_hint)

    def color(self, colors: ThemeColors) -> QColor:
        """The colour in this theme."""
        color: QColor = getattr(colors, self.color_role)
        return color


_TEXT = QT_TRANSLATE_NOOP
STATUS_LOOKS: dict[ImageStatus, StatusLook] = {
    ImageStatus.UNTOUCHED: StatusLook(
        "untouched",
        "text_muted",
        str(_TEXT("ImageStatus", "Untouched")),
        str(_TEXT("ImageStatus", "No mask yet")),
    ),
    ImageStatus.PREDICTED: StatusLook(
        "predicted",
        "predicted",
        str(_TEXT("ImageStatus", "Predicted")),
        str(_TEXT("ImageStatus", "Mask by the model, not looked at")),
    ),
    ImageStatus.CORRECTED: StatusLook(
        "corrected",
        "warning",
        str(_TEXT("ImageStatus", "Corrected")),
        str(_TEXT("ImageStatus", "Painted on, not yet reviewed")),
    ),
    ImageStatus.REVIEWED: StatusLook(
        "reviewed",
        "success",
        str(_TEXT("ImageStatus", "Reviewed")),
        str(_TEXT("ImageStatus", "Checked and accepted by a person")),
    ),
}
"""In the order of the work."""
