"""Asks what Lambda layers calculate whose code is not recognised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from model.errors import ModelFileError, OpenLambda
from seggui.panels.widgets import muted_label

Understand = Callable[[str], str]
"""Gives a replacement back as it is understood; raises ModelFileError."""

_OF_ONE = (
    ("Passes it on unchanged", "x"),
    ("Divides by 255", "x / 255"),
    ("Brings 0 to 255 to -1 to 1", "x / 127.5 - 1"),
    ("RGB to BGR", "x[..., ::-1]"),
    ("Twice the size, bilinear", "tf.image.resize(x, (tf.shape(x)[1] * 2, tf.shape(x)[2] * 2))"),
    ("Twice the size, repeated", "tf.repeat(tf.repeat(x, 2, 1), 2, 2)"),
    ("Another size, bilinear", "tf.image.resize(x, (128, 128))"),
    ("Depth to space, blocks of 2", "tf.nn.depth_to_space(x, 2)"),
    ("Mean over the image", "tf.reduce_mean(x, (1, 2), True)"),
    ("Mean over the channels", "tf.reduce_mean(x, -1, True)"),
    ("Softmax over the channels", "tf.nn.softmax(x)"),
    ("Sigmoid", "tf.nn.sigmoid(x)"),
    ("ReLU", "tf.nn.relu(x)"),
    ("One more axis at the end", "tf.expand_dims(x, -1)"),
)
_OF_SEVERAL = (
    ("The first at the size of the second", "tf.image.resize(x[0], tf.shape(x[1])[1:3])"),
    ("Sum", "x[0] + x[1]"),
    ("Product", "x[0] * x[1]"),
    ("Side by side, as channels", "tf.concat(x, -1)"),
    ("The first only", "x[0]"),
)


class LambdaDialog(QDialog):
    """One box per layer: what shows of it, and what it shall calculate."""

    def __init__(
        self,
        model: Path,
        reason: str,
        lambdas: Sequence[OpenLambda],
        understand: Understand,
        parent: QWidget | None = None,
    ) -> None:
        """Builds the dialog.

        Args:
            model: the file.
            reason: why this is asked, in sentences.
            lambdas: the layers.
            understand: reads what was written.
            parent: the window.
        """
        super().__init__(parent)
        self.setObjectName("lambda_dialog")
        self.setWindowTitle(self.tr("Lambda layers of {name}").format(name=model.name))
        self.setMinimumSize(620, 440)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(_plain(reason, "lambda_reason"))
        layout.addWidget(
            _plain(
                self.tr(
                    "A Lambda layer holds program code. seggui does not run it, but if you know "
                    "what it calculates, the network opens with that instead: choose it, or write "
                    "it as after lambda x: in Python. What you write is not run either."
                ),
                "lambda_advice",
            )
        )
        self._boxes = [_LambdaBox(each, understand) for each in lambdas]
        layout.addWidget(self._scrolled(), 1)
        layout.addWidget(muted_label(self.tr("Remembered for this model."), wrap=True))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._open = buttons.addButton(
            self.tr("&Open with these"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self._open.setObjectName("open_with_these_button")
        self._open.setProperty("role", "primary")
        self._open.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        for box in self._boxes:
            box.changed.connect(self._on_changed)
        self._on_changed()
        self.resize(620, 440 + 170 * (min(len(self._boxes), 2) - 1))

    @property
    def chosen(self) -> dict[str, str]:
        """What each layer shall calculate, by its name."""
        return {box.layer: box.text for box in self._boxes}

    def _scrolled(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for box in self._boxes:
            column.addWidget(box)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        return area

    @Slot()
    def _on_changed(self) -> None:
        self._open.setEnabled(all(box.is_valid for box in self._boxes))


class _LambdaBox(QGroupBox):
    """One layer.

    Signals:
        changed: what it shall calculate.
    """

    changed = Signal()

    def __init__(self, asked: OpenLambda, understand: Understand) -> None:
        super().__init__()
        self.layer, self._understand = asked.layer, understand
        self.is_valid = False
        self.setTitle(asked.layer)
        self.setObjectName(f"lambda_{asked.layer}")
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        gets = [*asked.gets, *asked.shapes] if len(asked.gets) != len(asked.shapes) else [
            f"{layer}: {shape}" for layer, shape in zip(asked.gets, asked.shapes, strict=True)
        ]  # fmt: skip
        if gets:
            form.addRow(self.tr("Gets:"), _plain("\n".join(gets), "gets"))
        if asked.found:
            form.addRow(self.tr("Its code shows:"), _plain(asked.found, "found"))
        self._choices = self._offered(asked)
        self._combo = QComboBox()
        self._combo.setObjectName("calculation")
        self._combo.setAccessibleName(self.tr("What {layer} calculates").format(layer=self.layer))
        self._combo.addItems([self.tr("Choose..."), *(words for words, _ in self._choices)])
        self._combo.addItem(self.tr("Something else"))
        self._line = QLineEdit(asked.chosen)
        self._line.setObjectName("replacement")
        self._line.setAccessibleName(self.tr("The same as text"))
        self._line.setPlaceholderText("x / 255" if self._choices[0][1] == "x" else "x[0] + x[1]")
        self._told = muted_label(wrap=True)
        self._told.setTextFormat(Qt.TextFormat.PlainText)
        self._told.setObjectName("told")
        self._told.setText(" ")  # room for a line, so that nothing moves under the pointer
        form.addRow(self.tr("Calculates:"), self._combo)
        form.addRow(self.tr("lambda x:"), self._line)
        form.addRow("", self._told)
        self._combo.activated.connect(self._on_chosen)
        self._line.textChanged.connect(self._on_text)
        self._on_text()

    @property
    def text(self) -> str:
        """What it shall calculate."""
        return self._line.text().strip()

    def _offered(self, asked: OpenLambda) -> tuple[tuple[str, str], ...]:
        num_inputs = len(asked.shapes) or len(asked.gets)
        if num_inputs == 0:
            return _OF_ONE + _OF_SEVERAL
        return _OF_ONE if num_inputs == 1 else _OF_SEVERAL

    @Slot(int)
    def _on_chosen(self, row: int) -> None:
        if 0 < row <= len(self._choices):
            self._line.setText(self._choices[row - 1][1])
        elif row > 0:
            self._line.setFocus()
            self._line.selectAll()

    @Slot()
    def _on_text(self) -> None:
        texts = [text for _, text in self._choices]
        if self.text in texts:
            row = texts.index(self.text) + 1
        else:
            row = len(texts) + 1 if self.text else 0
        self._combo.setCurrentIndex(row)
        self.is_valid, told = False, " "
        if self.text:
            try:
                told = self.tr("Understood as {text}").format(text=self._understand(self.text))
                self.is_valid = True
            except ModelFileError as error:
                told = error.message
        self._told.setText(told)
        self.changed.emit()


def _plain(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)  # names come from the file
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
