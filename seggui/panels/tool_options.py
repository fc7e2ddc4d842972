"""The options of the brush and of the overlay, in one strip."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QWidget,
)

from model.data.label_sets import IGNORE, LabelSet
from seggui.panels.widgets import IconLabel, restyle, tool_button

MAX_SLIDER_DIAMETER_PX = 300
MAX_DIAMETER_PX = 2000
_STEPS = 400  # of the brush slider


class ToolOptions(QWidget):
    """Brush size, what may be painted over, and how the masks are shown.

    Setters show a value and emit nothing.

    Signals:
        brush_radius_changed: (radius in image pixels, at least 0.5).
        only_over_changed: (frozenset of class values, or None to paint anywhere); `IGNORE` stands
            for unlabelled pixels.
        opacity_changed: (0..1) of the mask over the image.
        outline_changed: (bool) show outlines in place of filled areas.
    """

    brush_radius_changed = Signal(float)
    only_over_changed = Signal(object)
    opacity_changed = Signal(float)
    outline_changed = Signal(bool)

    def __init__(
        self,
        orientation: Qt.Orientation = Qt.Orientation.Horizontal,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._orientation = orientation
        self._size = QSlider(Qt.Orientation.Horizontal)
        self._size_px = QSpinBox(minimum=1, maximum=MAX_DIAMETER_PX, suffix=self.tr(" px"))
        self._only_over = QComboBox()
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity_text = QLabel()
        self._outline = tool_button(
            "outline", self.tr("Show outlines in place of filled areas"), checkable=True
        )
        self._name_widgets()
        self._build()
        self._connect()
        self.set_label_set(None)
        self.set_brush_radius(10.0)
        self.set_opacity(0.5)

    # -- what is shown ----------------------------------------------------------------------------

    def set_brush_radius(self, radius_px: float) -> None:
        """Shows the size of the brush; people see it as a diameter in whole pixels."""
        diameter = max(1, round(2 * radius_px))
        with QSignalBlocker(self._size), QSignalBlocker(self._size_px):
            self._size.setValue(_step_of(diameter))
            self._size_px.setValue(diameter)

    def set_opacity(self, opacity: float) -> None:
        """Shows the opacity of the mask, 0..1."""
        percent = round(opacity * 100)
        with QSignalBlocker(self._opacity):
            self._opacity.setValue(percent)
        self._opacity_text.setText(f"{percent} %")

    def set_outline(self, is_outline: bool) -> None:
        """Shows whether outlines are drawn in place of areas."""
        with QSignalBlocker(self._outline):
            self._outline.setChecked(is_outline)

    def set_label_set(self, label_set: LabelSet | None) -> None:
        """Offers these classes to paint over; the choice stays when it still exists."""
        chosen = self._only_over.currentData()
        with QSignalBlocker(self._only_over):
            self._only_over.clear()
            self._only_over.addItem(self.tr("Anything"), None)
            self._only_over.addItem(self.tr("Unlabelled pixels"), IGNORE)
            for label in label_set.classes if label_set is not None else ():
                self._only_over.addItem(_swatch(label.color), label.name, label.index)
        self.set_only_over(None if chosen is None else frozenset({chosen}))

    def set_only_over(self, classes: frozenset[int] | None) -> None:
        """Shows what may be painted over; None is anything.

        The box offers one class. Of several the lowest is shown, with all named in the tooltip.
        """
        position = self._only_over.findData(min(classes)) if classes else 0
        with QSignalBlocker(self._only_over):
            self._only_over.setCurrentIndex(max(0, position))
        rows = (self._only_over.findData(value) for value in sorted(classes or ()))
        self._show_restriction([self._only_over.itemText(row) for row in rows if row >= 0])

    # -- inside -----------------------------------------------------------------------------------

    def _name_widgets(self) -> None:
        for name, widget in (
            ("brush_size", self._size), ("brush_diameter", self._size_px),
            ("paint_only_over", self._only_over), ("mask_opacity", self._opacity),
            ("outline_button", self._outline),
        ):  # fmt: skip
            widget.setObjectName(name)
        self._size.setToolTip(self.tr("Brush size ([ and ])"))
        self._size.setAccessibleName(self.tr("Brush size"))
        self._size_px.setToolTip(self.tr("Diameter of the brush in image pixels"))
        self._size_px.setAccessibleName(self.tr("Brush diameter in pixels"))
        self._size_px.setKeyboardTracking(False)
        self._size_px.setFixedWidth(self.fontMetrics().horizontalAdvance("2000 px") + 34)
        self._only_over.setAccessibleName(self.tr("Paint only over"))
        self._opacity.setToolTip(self.tr("Opacity of the mask over the image"))
        self._opacity.setAccessibleName(self.tr("Mask opacity"))
        self._opacity_text.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %") + 4)
        self._size.setRange(0, _STEPS)
        self._size.setPageStep(20)
        self._opacity.setRange(0, 100)
        for slider in (self._size, self._opacity):
            slider.setMinimumWidth(88)
            slider.setMaximumWidth(180)

    def _build(self) -> None:
        is_row = self._orientation == Qt.Orientation.Horizontal
        directions = QBoxLayout.Direction
        layout = QBoxLayout(directions.LeftToRight if is_row else directions.TopToBottom, self)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.setSpacing(10 if is_row else 8)
        groups = (
            self._group("brush", self.tr("Size"), self._size, self._size_px),
            self._group("protect", self.tr("Paint over"), self._only_over),
            self._group(
                "opacity", self.tr("Mask"), self._opacity, self._opacity_text, self._outline
            ),
        )
        for position, group in enumerate(groups):
            if position and is_row:
                layout.addWidget(_divider())
            layout.addWidget(group)
        layout.addStretch(1)

    def _group(self, icon_name: str, title: str, *controls: QWidget) -> QWidget:
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        glyph = IconLabel(icon_name)
        label = QLabel(title)
        label.setBuddy(controls[0])
        row.addWidget(glyph)
        row.addWidget(label)
        for control in controls:
            row.addWidget(control, 1 if isinstance(control, QSlider | QComboBox) else 0)
        return group

    def _connect(self) -> None:
        self._size.valueChanged.connect(self._on_size_slid)
        self._size_px.valueChanged.connect(self._on_size_entered)
        self._opacity.valueChanged.connect(self._on_opacity_slid)
        self._outline.toggled.connect(self.outline_changed)
        self._only_over.currentIndexChanged.connect(self._on_only_over_chosen)

    @Slot()
    def _on_size_slid(self, step: int) -> None:
        diameter = _diameter_of(step)
        with QSignalBlocker(self._size_px):
            self._size_px.setValue(diameter)
        self.brush_radius_changed.emit(diameter / 2)

    @Slot()
    def _on_size_entered(self, diameter: int) -> None:
        with QSignalBlocker(self._size):
            self._size.setValue(_step_of(diameter))
        self.brush_radius_changed.emit(diameter / 2)

    @Slot()
    def _on_opacity_slid(self, percent: int) -> None:
        self._opacity_text.setText(f"{percent} %")
        self.opacity_changed.emit(percent / 100)

    @Slot()
    def _on_only_over_chosen(self) -> None:
        value = self._only_over.currentData()
        self._show_restriction([] if value is None else [self._only_over.currentText()])
        self.only_over_changed.emit(None if value is None else frozenset({value}))

    def _show_restriction(self, names: list[str]) -> None:
        # Loud on purpose: people who forget it believe that painting is broken (Slicer's FAQ).
        self._only_over.setProperty("restricted", bool(names))
        restyle(self._only_over)
        free = self.tr("The brush paints over anything that is not locked")
        bound = self.tr("Restricted: the brush changes only {names}")
        self._only_over.setToolTip(bound.format(names=", ".join(names)) if names else free)


def _diameter_of(step: int) -> int:
    """Slider position -> diameter in pixels, so that each move changes it by the same factor."""
    return round(math.pow(MAX_SLIDER_DIAMETER_PX, step / _STEPS))


def _step_of(diameter: int) -> int:
    share = math.log(max(1, diameter)) / math.log(MAX_SLIDER_DIAMETER_PX)
    return min(_STEPS, round(share * _STEPS))


def _swatch(color: tuple[int, int, int]) -> QIcon:
    image = QPixmap(16, 16)
    image.fill(QColor(*color))
    return QIcon(image)


def _divider() -> QFrame:
    line = QFrame()
    line.setProperty("role", "divider")
    line.setFixedWidth(1)
    line.setMinimumHeight(20)
    return line
