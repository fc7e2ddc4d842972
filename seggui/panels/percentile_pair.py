"""Two percentiles, the lower one below the higher one."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QWidget

_STEP = 0.1


class PercentilePair(QWidget):
    """Which percentiles of an image become 0 and 1."""

    def __init__(self, values: tuple[float, float], parent: QWidget | None = None) -> None:
        """Shows two percentiles.

        Args:
            values: the lower and the higher one, 0..100.
            parent: owns the widget.
        """
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._low, self._high = _spin(self.tr("Lower percentile")), _spin(self.tr("Higher one"))
        self._low.setObjectName("low_percentile")
        self._high.setObjectName("high_percentile")
        for widget in (QLabel(self.tr("0 is")), self._low, QLabel(self.tr("1 is")), self._high):
            row.addWidget(widget)
        row.addStretch(1)
        self.choose(values)
        self._low.valueChanged.connect(self._keep_apart)
        self._high.valueChanged.connect(self._keep_apart)

    def values(self) -> tuple[float, float]:
        """The lower and the higher one."""
        return self._low.value(), self._high.value()

    def choose(self, values: tuple[float, float]) -> None:
        """Shows two others."""
        self._low.setRange(0, 100 - _STEP)
        self._high.setRange(_STEP, 100)
        self._low.setValue(values[0])
        self._high.setValue(values[1])
        self._keep_apart()

    @Slot()
    def _keep_apart(self) -> None:
        self._low.setMaximum(self._high.value() - _STEP)
        self._high.setMinimum(self._low.value() + _STEP)


def _spin(name: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setDecimals(2)
    spin.setSingleStep(_STEP)
    spin.setSuffix(" %")
    spin.setAccessibleName(name)
    return spin
