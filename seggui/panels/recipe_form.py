"""The recipe of a new network: which one, and its essential settings folded away."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from model.recipes import DEFAULT, PLAIN, SEED, Recipe

_MOST_MINUTES = 14 * 24 * 60
_CROP_STEP_PX = 32  # each scale halves; what is left over would not fit together again
_MOST_PLAIN_SCALES = 6  # halved five times: multiples of _CROP_STEP_PX


class RecipeForm(QWidget):
    """The recipes as choices, then what can be changed.

    Signals:
        changed: another recipe, or a value.
        unfolded: the settings are shown.
    """

    changed = Signal()
    unfolded = Signal()

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._choices: list[tuple[QRadioButton, Recipe]] = []
        for recipe, title, text in (
            (
                DEFAULT, self.tr("Default"),
                self.tr("A compact colour network for images of any size. Trains on a laptop."),
            ),
            (
                PLAIN, self.tr("Plain U-Net"),
                self.tr("As in the paper: two convolutions at each scale. You choose the depth."),
            ),
            (
                SEED, self.tr("Seed"),
                self.tr("The U-Net of 31 million weights, gray, 416 x 416. Takes days."),
            ),
        ):  # fmt: skip
            layout.addWidget(self._choice(recipe, title))
            label = QLabel(text)
            label.setProperty("role", "muted")
            label.setIndent(24)
            label.setWordWrap(True)
            layout.addWidget(label)
        self._fold = QToolButton()
        self._fold.setObjectName("recipe_settings_button")
        self._fold.setText(self.tr("Settings"))
        self._fold.setToolTip(self.tr("What of the recipe can be changed"))
        self._fold.setCheckable(True)
        self._fold.setArrowType(Qt.ArrowType.RightArrow)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.toggled.connect(self._on_fold)
        layout.addWidget(self._fold)
        self._form = self._build_form()
        self._form.hide()
        layout.addWidget(self._form)
        self._choices[0][0].setChecked(True)
        self.problem = ""

    def recipe(self) -> Recipe | None:
        """The recipe as it is set; None, with ``problem`` set, when a value cannot be."""
        chosen = self._chosen()
        changes: dict[str, object] = {
            "epochs": self.epochs.value(), "batch_size": self.batch.value(),
            "seed": self.seed.value(),
        }  # fmt: skip
        self.problem = ""
        try:
            if chosen.architecture != "seed":
                widths = tuple(int(part) for part in self.widths.text().split(","))
                changes |= {
                    "crop_size": (self.crop_height.value(), self.crop_width.value()),
                    "widths": widths, "dropout": self.dropout.value(),
                }  # fmt: skip
                if len(widths) not in _possible_scales(chosen) or min(widths) < 1:
                    raise ValueError
            return dataclasses.replace(chosen, **changes)  # type: ignore[arg-type]
        except ValueError:
            possible = _possible_scales(chosen)
            count = f"{possible[0]}" if len(possible) == 1 else f"{possible[0]} to {possible[-1]}"
            self.problem = self.tr(
                "Widths are {text!r}; {count} whole numbers such as {example} were expected."
            ).format(text=self.widths.text(), count=count, example=_joined(chosen.widths))
            return None

    def minutes(self) -> float | None:
        """The limit of time, or None."""
        return float(self.time.value()) or None

    def _choice(self, recipe: Recipe, title: str) -> QRadioButton:
        button = QRadioButton(title)
        button.setObjectName(f"recipe_{recipe.name}")
        button.toggled.connect(self._on_recipe)
        self._choices.append((button, recipe))
        return button

    def _chosen(self) -> Recipe:
        return next((recipe for button, recipe in self._choices if button.isChecked()), DEFAULT)

    def _build_form(self) -> QWidget:
        box = QWidget()
        form = QFormLayout(box)
        form.setContentsMargins(24, 0, 0, 0)
        self.epochs = self._spin(1, 100_000, self.tr("Times through all images, at most"))
        self.time = self._spin(
            0, _MOST_MINUTES, self.tr("The training is over then, with all it needs for that")
        )
        self.time.setSpecialValueText(self.tr("no limit"))
        self.time.setSuffix(self.tr(" min"))
        self.time.setSingleStep(15)
        self.batch = self._spin(1, 256, self.tr("Images or crops in one step; less needs less"))
        self.crop_height = self._spin(32, 2048, self.tr("Height of crops in pixels"))
        self.crop_width = self._spin(32, 2048, self.tr("Width of crops in pixels"))
        crop = QWidget()
        row = QHBoxLayout(crop)
        row.setContentsMargins(0, 0, 0, 0)
        for spin in (self.crop_height, self.crop_width):
            spin.setSingleStep(_CROP_STEP_PX)
            spin.editingFinished.connect(self._on_crop)
        row.addWidget(self.crop_height, 1)
        row.addWidget(QLabel("x"))
        row.addWidget(self.crop_width, 1)
        self.widths = QLineEdit()
        self.widths.setToolTip(self.tr("Channels of each scale; more knows more and takes longer"))
        self.widths.setAccessibleName(self.tr("Channels of each scale"))
        self.widths.textChanged.connect(self.changed)
        self.dropout = QDoubleSpinBox()
        self.dropout.setRange(0.0, 0.9)
        self.dropout.setSingleStep(0.05)
        self.dropout.setToolTip(self.tr("Share of the coarsest scale that is left out at random"))
        self.dropout.setAccessibleName(self.dropout.toolTip())
        self.seed = self._spin(0, 2**31 - 1, self.tr("Another number gives another network"))
        self._not_seed = (crop, self.widths, self.dropout)
        for title, field in (
            (self.tr("Epochs:"), self.epochs), (self.tr("Time:"), self.time),
            (self.tr("Batch size:"), self.batch), (self.tr("Crop, height x width:"), crop),
            (self.tr("Widths:"), self.widths), (self.tr("Dropout:"), self.dropout),
            (self.tr("Random seed:"), self.seed),
        ):  # fmt: skip
            form.addRow(title, field)
        return box

    def _spin(self, low: int, high: int, tip: str) -> QSpinBox:
        spin = QSpinBox()
        spin.setRange(low, high)
        spin.setToolTip(tip)
        spin.setAccessibleName(tip)
        return spin

    @Slot(bool)
    def _on_fold(self, is_open: bool) -> None:
        self._form.setVisible(is_open)
        self._fold.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        if is_open:
            # Once the layouts know the new height: before that there is nothing to scroll.
            QTimer.singleShot(0, self, self.unfolded.emit)

    @Slot()
    def _on_crop(self) -> None:
        for spin in (self.crop_height, self.crop_width):
            spin.setValue(round(spin.value() / _CROP_STEP_PX) * _CROP_STEP_PX)

    @Slot(bool)
    def _on_recipe(self, is_on: bool) -> None:
        if not is_on:
            return
        recipe = self._chosen()
        self.epochs.setValue(recipe.epochs)
        self.batch.setValue(recipe.batch_size)
        self.crop_height.setValue(recipe.crop_size[0])
        self.crop_width.setValue(recipe.crop_size[1])
        self.widths.setText(_joined(recipe.widths))
        self.dropout.setValue(recipe.dropout)
        self.seed.setValue(recipe.seed)
        for field in self._not_seed:
            field.setEnabled(recipe.architecture != "seed")
        self.changed.emit()


def _possible_scales(recipe: Recipe) -> range:
    """How many widths a recipe's network can have."""
    if recipe.architecture == "plain":
        return range(2, _MOST_PLAIN_SCALES + 1)
    return range(len(recipe.widths), len(recipe.widths) + 1)  # one for each of its blocks


def _joined(widths: tuple[int, ...]) -> str:
    return ", ".join(str(width) for width in widths)
