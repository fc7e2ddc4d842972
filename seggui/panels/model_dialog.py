"""Shows what a network is, and lets the user correct what its file does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from model.engine.protocol import (
    Activation,
    Fit,
    ModelInfo,
    ModelSettings,
    Scaling,
)
from model.input_kinds import WITH_OPACITY
from seggui.panels.percentile_pair import PercentilePair
from seggui.panels.widgets import push_button

SCALINGS = (
    (Scaling.RAW, "0 to 255, as it is"),
    (Scaling.UNIT, "0 to 1 (divided by 255)"),
    (Scaling.SIGNED, "-1 to 1"),
    (Scaling.IMAGENET, "ImageNet mean and deviation"),
    (Scaling.CAFFE, "Caffe: BGR minus means"),
    (Scaling.MEANS, "RGB minus means"),
    (Scaling.STANDARD, "Per image: mean 0, deviation 1"),
    (Scaling.L2, "Per image: divided by its norm"),
    (Scaling.PERCENTILES, "Per image and channel: percentiles to 0 and 1"),
)
_ACTIVATIONS = (
    (Activation.SOFTMAX, "Softmax: one class per pixel"),
    (Activation.SIGMOID, "Sigmoid: independent probabilities"),
    (Activation.LOGITS, "Scores without limits (logits)"),
)
_FITS = (
    (Fit.WHOLE, "Whole image at its own size"),
    (Fit.RESIZE, "Resized to the input size"),
    (Fit.TILE, "Overlapping tiles of the input size"),
)
_ORDERS = (("rgb", "RGB"), ("bgr", "BGR"))


class ModelDialog(QDialog):
    """The facts above, what can be corrected below, the classes at the end.

    Signals:
        compare_requested: () the user wants to see the image under each kind of input values.
    """

    compare_requested = Signal()

    def __init__(
        self, info: ModelInfo, parent: QWidget | None = None, *, can_compare: bool = False
    ) -> None:
        super().__init__(parent)
        self._can_compare = can_compare
        self.setObjectName("model_dialog")
        self.setWindowTitle(self.tr("Model settings"))
        self.setMinimumSize(560, 620)
        self._info = info
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self._build_facts())
        layout.addWidget(self._build_settings())
        layout.addWidget(self._build_classes(), 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        use = buttons.addButton(
            self.tr("Use these settings"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        use.setObjectName("use_settings_button")
        use.setProperty("role", "primary")
        use.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._on_fit_changed()

    def settings(self) -> ModelSettings:
        """What is set right now."""
        fit = self._fit.currentData()
        size = (self._height.value(), self._width.value())
        return replace(
            self._info.settings,
            scaling=self._scaling.currentData(),
            percentiles=self._percentiles.values(),
            channel_order=self._order.currentData(),
            output_index=self._output.currentData(),
            activation=self._activation.currentData(),
            fit=fit,
            input_size=None if fit is Fit.WHOLE else size,
            class_names=tuple(self._name(row) for row in range(self._table.rowCount())),
            class_colors=tuple(self._color(row) for row in range(self._table.rowCount())),
        )

    def choose_input(self, settings: ModelSettings) -> None:
        """Sets input values and colour order to those of other settings."""
        self._scaling.choose(settings.scaling)
        self._percentiles.choose(settings.percentiles)
        self._order.choose(settings.channel_order)

    # -- building --------------------------------------------------------------------------------

    def _build_facts(self) -> QGroupBox:
        info = self._info
        box = QGroupBox(Path(info.path).name)
        form = QFormLayout(box)
        height, width, channels = info.input_shape
        size = f"{height or self.tr('any')} x {width or self.tr('any')}"
        kind = self.tr("gray") if channels <= 2 else self.tr("colour")
        if channels in WITH_OPACITY:
            kind = self.tr("{kind} and opacity").format(kind=kind)
        multiple = self.tr(", multiples of {count}").format(count=info.size_multiple)
        written = info.keras_version or self.tr("unknown version")
        for title, text in (
            (self.tr("File:"), f"{info.path}"),
            (self.tr("Written by:"), f"Keras {written}, {info.file_format}"),
            (self.tr("Parameters:"), f"{info.num_parameters:,}"),
            (self.tr("Input:"), f"{size}, {kind}{multiple if info.size_multiple > 1 else ''}"),
            (self.tr("Classes:"), str(info.num_classes)),
        ):
            label = QLabel(text)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(title, label)
        for note in info.notes:
            label = QLabel(note)
            label.setWordWrap(True)
            label.setProperty("role", "muted")
            form.addRow(label)
        return box

    def _build_settings(self) -> QGroupBox:
        info, settings = self._info, self._info.settings
        guessed = self.tr("How it is used (guessed: check it)")
        box = QGroupBox(guessed if info.settings_are_guessed else self.tr("How it is used"))
        form = QFormLayout(box)
        self._scaling = _combo(SCALINGS, settings.scaling, "scaling")
        self._order = _combo(_ORDERS, settings.channel_order, "channel_order")
        self._order.setEnabled(info.input_shape[2] >= 3)
        outputs = [(i, f"{o.name} {_shape(o.shape)}") for i, o in enumerate(info.outputs)]
        self._output = _combo(outputs, settings.output_index, "output")
        self._output.setEnabled(len(outputs) > 1)
        self._activation = _combo(_ACTIVATIONS, settings.activation, "activation")
        self._fit = _combo(self._possible_fits(), settings.fit, "fit")
        self._fit.currentIndexChanged.connect(self._on_fit_changed)
        form.addRow(self.tr("Input values:"), self._build_scaling())
        self._percentiles = PercentilePair(settings.percentiles)
        form.addRow(self.tr("Percentiles:"), self._percentiles)
        self._scaling.currentIndexChanged.connect(self._on_scaling_changed)
        self._on_scaling_changed()
        form.addRow(self.tr("Colour order:"), self._order)
        form.addRow(self.tr("Output:"), self._output)
        form.addRow(self.tr("Output values:"), self._activation)
        form.addRow(self.tr("Other image sizes:"), self._fit)
        form.addRow(self.tr("Input size:"), self._build_size())
        return box

    def _build_scaling(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._scaling, 1)
        tip = self.tr("Show the image on view with the mask of each kind of input values.")
        if not self._can_compare:
            tip = self.tr("Open an image first.")
        compare = push_button("view-grid-outline", self.tr("Compare on the image..."), tip)
        compare.setObjectName("compare_button")
        compare.setEnabled(self._can_compare)
        compare.clicked.connect(self.compare_requested)
        row.addWidget(compare)
        return widget

    def _possible_fits(self) -> Sequence[tuple[Fit, str]]:
        is_fixed = None not in self._info.input_shape[:2]
        return [row for row in _FITS if not (is_fixed and row[0] is Fit.WHOLE)]

    def _build_size(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        height, width, _ = self._info.input_shape
        size = self._info.settings.input_size or (height or 512, width or 512)
        self._height, self._width = QSpinBox(), QSpinBox()
        for spin, value, name in (
            (self._height, size[0], self.tr("Height")), (self._width, size[1], self.tr("Width")),
        ):  # fmt: skip
            multiple = self._info.size_multiple
            spin.setRange(multiple, 16384)
            spin.setSingleStep(multiple)
            spin.setValue(value)
            spin.setSuffix(" px")
            spin.setAccessibleName(name)
        row.addWidget(QLabel(self.tr("height")))
        row.addWidget(self._height)
        row.addWidget(QLabel(self.tr("width")))
        row.addWidget(self._width)
        row.addStretch(1)
        return widget

    def _build_classes(self) -> QGroupBox:
        box = QGroupBox(self.tr("Classes (double-click to change a name or a colour)"))
        layout = QVBoxLayout(box)
        settings = self._info.settings
        self._table = QTableWidget(len(settings.class_names), 2)
        self._table.setObjectName("model_classes")
        self._table.setHorizontalHeaderLabels([self.tr("Colour"), self.tr("Name")])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().setDefaultSectionSize(26)
        for row, (name, color) in enumerate(
            zip(settings.class_names, settings.class_colors, strict=True)
        ):
            swatch = QTableWidgetItem()
            swatch.setFlags(Qt.ItemFlag.ItemIsEnabled)
            swatch.setBackground(QColor(*color))
            self._table.setItem(row, 0, swatch)
            self._table.setItem(row, 1, QTableWidgetItem(name))
            self._table.setVerticalHeaderItem(row, QTableWidgetItem(str(row)))
        self._table.cellDoubleClicked.connect(self._on_cell_double_clicked)
        layout.addWidget(self._table)
        return box

    # -- reading ---------------------------------------------------------------------------------

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self._table.item(row, column)
        if item is None:
            raise IndexError(f"no class {row} in the table")
        return item

    def _name(self, row: int) -> str:
        return self._item(row, 1).text().strip() or self._info.settings.class_names[row]

    def _color(self, row: int) -> tuple[int, int, int]:
        color = self._item(row, 0).background().color()
        return color.red(), color.green(), color.blue()

    @Slot()
    def _on_scaling_changed(self) -> None:
        self._percentiles.setEnabled(self._scaling.currentData() is Scaling.PERCENTILES)

    @Slot()
    def _on_fit_changed(self) -> None:
        is_fixed = None not in self._info.input_shape[:2]
        is_open = self._fit.currentData() is not Fit.WHOLE and not is_fixed
        self._height.setEnabled(is_open)
        self._width.setEnabled(is_open)

    @Slot(int, int)
    def _on_cell_double_clicked(self, row: int, column: int) -> None:
        if column == 0:
            item = self._item(row, 0)
            color = QColorDialog.getColor(item.background().color(), self)
            if color.isValid():
                item.setBackground(color)


def _combo(rows: Sequence[tuple[Any, str]], current: Any, name: str) -> _ChoiceBox:
    # Qt turns a str-Enum stored as item data into a plain text; the member is looked up again.
    combo = _ChoiceBox(rows)
    combo.setObjectName(name)
    combo.choose(current)
    return combo


class _ChoiceBox(QComboBox):
    """A combo box whose current data is a member of its table, enums included."""

    def __init__(self, rows: Sequence[tuple[Any, str]]) -> None:
        super().__init__()
        self._values = [value for value, _ in rows]
        self.addItems([text for _, text in rows])

    def choose(self, value: Any) -> None:
        self.setCurrentIndex(self._values.index(value) if value in self._values else 0)

    def currentData(self, role: int = Qt.ItemDataRole.UserRole) -> Any:
        return self._values[self.currentIndex()]


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("?" if side is None else str(side) for side in shape[1:])
