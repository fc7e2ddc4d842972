"""The three pages of the training panel: overview, running, result."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QSpinBox,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from model.engine.protocol import TrainingDone, TrainingScored, TrainingSettings, TrainingStep
from seggui.core.training_overview import TrainingOverview
from seggui.panels.class_bars import ClassBars
from seggui.panels.score_table import score_table
from seggui.panels.training_chart import TrainingChart
from seggui.panels.widgets import muted_label, push_button
from seggui.theme import current_colors

_TINY_CHANGE = 0.0005
_CHANGE = Qt.ItemDataRole.UserRole
_TRAINABLE = ("all", "decoder")


class OverviewPage(QScrollArea):
    """Before a run: images, pixels per class, time, settings folded away, one big button."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        self._headline = QLabel(self.tr("Correct an image, then teach it to the network."))
        self._headline.setWordWrap(True)
        self._headline.setProperty("role", "heading")
        self._time = muted_label(wrap=True)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setProperty("role", "muted")
        self._bars = ClassBars()
        self._advice = muted_label(wrap=True)
        self.start_button = push_button(
            "fine_tune", self.tr("Fine-tune"),
            self.tr("Train the network on your corrections; you decide afterwards"),
            role="primary", color="accent_text",
        )  # fmt: skip
        self.start_button.setObjectName("fine_tune_button")
        self.start_button.setEnabled(False)
        self.versions_button = push_button(
            "recent",
            self.tr("Versions..."),
            self.tr("Every version of the network with its scores; one click brings it back"),
        )
        self.versions_button.setObjectName("versions_button")
        row = QHBoxLayout()
        row.addWidget(self.start_button, 1)
        row.addWidget(self.versions_button)
        for widget in (self._headline, self._time, self._problem):
            layout.addWidget(widget)
        layout.addLayout(row)
        layout.addWidget(self._advice)
        layout.addWidget(self._bars)
        layout.addWidget(self._build_settings())
        layout.addStretch(1)
        self.setWidget(content)

    def show_overview(self, overview: TrainingOverview) -> None:
        """Shows the numbers of a run that could be started now."""
        train, held_out = overview.num_train_images, overview.num_held_out_images
        if train + held_out:
            images = self.tr("1 image") if train == 1 else self.tr("{n} images").format(n=train)
            self._headline.setText(
                self.tr("{images} to train on, {held_out} held out to measure").format(
                    images=images, held_out=held_out
                )
            )
        else:
            self._headline.setText(self.tr("Correct an image, then teach it to the network."))
        self._time.setText(_time_text(overview))
        self._time.setVisible(bool(self._time.text()))
        self._problem.setText(overview.problem)
        self._problem.setVisible(bool(overview.problem))
        self._advice.setText("\n".join(overview.advice))
        self._advice.setVisible(bool(overview.advice))
        self._bars.set_values(overview.class_names, overview.class_colors, overview.num_pixels)
        self.start_button.setEnabled(not overview.problem)

    def settings(self) -> TrainingSettings:
        """What the folded settings say."""
        return TrainingSettings(
            num_steps=self._steps.value(),
            batch_size=self._batch.value(),
            crop_size=self._crop.value(),
            learning_rate=self._rate.value(),
            trainable=_TRAINABLE[self._trainable.currentIndex()],  # type: ignore[arg-type]
            keep_old_answers=self._keep.value(),
        )

    def _build_settings(self) -> QWidget:
        defaults = TrainingSettings()
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        self._fold = QToolButton()
        self._fold.setText(self.tr("Settings"))
        self._fold.setToolTip(self.tr("Settings for experts; the defaults suit most folders"))
        self._fold.setCheckable(True)
        self._fold.setArrowType(Qt.ArrowType.RightArrow)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.toggled.connect(self._on_fold_toggled)
        self._form = QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(8, 0, 0, 0)
        self._steps = _spin(defaults.num_steps, 1, 100_000, self.tr("Optimizer steps at most"))
        self._batch = _spin(defaults.batch_size, 1, 64, self.tr("Crops per step"))
        self._crop = _spin(
            defaults.crop_size, 32, 2048, self.tr("Height and width of a crop in pixels")
        )
        self._crop.setSingleStep(32)
        self._rate = _decimal(defaults.learning_rate, 1e-6, 1e-1, 6, self.tr("Peak learning rate"))
        self._keep = _decimal(
            defaults.keep_old_answers, 0, 1, 2,
            self.tr("How strongly pixels nobody touched keep the old network's answer"),
        )  # fmt: skip
        self._trainable = QComboBox()
        self._trainable.addItems([self.tr("All layers"), self.tr("Decoder only (faster)")])
        for title, field in (
            (self.tr("Steps:"), self._steps), (self.tr("Batch size:"), self._batch),
            (self.tr("Crop size:"), self._crop), (self.tr("Learning rate:"), self._rate),
            (self.tr("Keep old answers:"), self._keep), (self.tr("Train:"), self._trainable),
        ):  # fmt: skip
            form.addRow(title, field)
        self._form.hide()
        layout.addWidget(self._fold)
        layout.addWidget(self._form)
        return box

    @Slot(bool)
    def _on_fold_toggled(self, is_open: bool) -> None:
        self._form.setVisible(is_open)
        self._fold.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)


class RunningPage(QWidget):
    """During a run: progress, time left, curves, and two ways to end it."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        self._headline = QLabel()
        self._headline.setProperty("role", "heading")
        self._progress = QProgressBar()
        self._progress.setObjectName("training_progress")
        self._progress.setTextVisible(False)
        self._progress.setProperty("role", "slim")
        self._detail = muted_label(wrap=True)
        self.chart = TrainingChart()
        self.stop_button = push_button(
            "check",
            self.tr("Stop and keep best"),
            self.tr("End now with the best network so far; you still decide whether to keep it"),
        )
        self.stop_button.setObjectName("stop_training_button")
        self.cancel_button = push_button(
            "close", self.tr("Cancel and discard"), self.tr("End now and forget this run")
        )
        self.cancel_button.setObjectName("cancel_training_button")
        self._subject = muted_label(wrap=True)
        self._subject.hide()
        for widget in (self._subject, self._headline, self._progress, self._detail):
            layout.addWidget(widget)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.stop_button)  # beside each other their texts would be cut off
        layout.addWidget(self.cancel_button)

    def begin(self, device: str, name: str = "") -> None:
        """Nothing is known yet: the training process is starting.

        Args:
            device: what it runs on.
            name: of the file of a network that is new; empty for a fine-tuning.
        """
        self.chart.clear()
        self._subject.setText(self.tr("New network {name}").format(name=name))
        self._subject.setVisible(bool(name))
        self._headline.setText(self.tr("Starting on {device}...").format(device=device))
        self._detail.setText(self.tr("You can go on painting meanwhile."))
        self._progress.setRange(0, 0)
        self.stop_button.setEnabled(False)
        self.cancel_button.setEnabled(True)
        self._best = 0.0

    def add_step(self, step: TrainingStep) -> None:
        """One optimizer step is made."""
        self._progress.setRange(0, step.num_steps)
        self._progress.setValue(step.step)
        self._headline.setText(
            self.tr("Step {step} of {count}, {time} left").format(
                step=step.step, count=step.num_steps, time=duration(step.seconds_left)
            )
        )
        self.chart.add_loss(step.step, step.num_steps, step.loss)
        self.stop_button.setEnabled(True)

    def add_score(self, scored: TrainingScored) -> None:
        """The held-out images were scored."""
        self.chart.add_score(scored.step, scored.scores.mean_iou, is_best=scored.is_best)
        if scored.is_best:
            self._best = scored.scores.mean_iou
        self._detail.setText(
            self.tr("Held-out mean IoU {now:.1%}, best {best:.1%}").format(
                now=scored.scores.mean_iou, best=self._best
            )
        )

    def headline_text(self) -> str:
        """How far the run is, in one sentence."""
        return self._headline.text()

    def subject_text(self) -> str:
        """Which new network it is; empty for a fine-tuning."""
        return "" if self._subject.isHidden() else self._subject.text()

    def show_stopping(self, text: str) -> None:
        """The user ended the run; the process finishes its step."""
        self._headline.setText(text)
        self._progress.setRange(0, 0)
        self.stop_button.setEnabled(False)
        self.cancel_button.setEnabled(False)


class ResultPage(QWidget):
    """After a run: old and new network on the same held-out pixels, class by class; keep or not."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        self._headline = QLabel()
        self._headline.setObjectName("training_headline")
        self._headline.setWordWrap(True)
        self._headline.setProperty("role", "heading")
        self._detail = muted_label(wrap=True)
        self._table = score_table(
            "training_scores",
            [self.tr("Class"), self.tr("Before"), self.tr("After"), self.tr("Change")],
        )
        self.preview_button = push_button(
            "compare",
            self.tr("Preview on this image"),
            self.tr("Show the new network's mask of the image on view, without changing anything"),
        )
        self.preview_button.setObjectName("preview_button")
        self.preview_button.setCheckable(True)
        self.keep_button = push_button(
            "keep", self.tr("Keep the new network"),
            self.tr("Use it from now on; the old version can be brought back at any time"),
            role="primary", color="accent_text",
        )  # fmt: skip
        self.keep_button.setObjectName("keep_button")
        self.discard_button = push_button(
            "close", self.tr("Discard"), self.tr("Stay with the network in force")
        )
        self.discard_button.setObjectName("discard_button")
        row = QHBoxLayout()
        row.addWidget(self.keep_button, 1)
        row.addWidget(self.discard_button)
        layout.addWidget(self._headline)
        layout.addWidget(self._detail)
        layout.addWidget(self._table, 1)
        layout.addWidget(self.preview_button)
        layout.addLayout(row)

    def show_result(
        self, done: TrainingDone, names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...]
    ) -> None:
        """Shows both scores, class by class."""
        self.preview_button.setChecked(False)
        self._headline.setText(_verdict(self, done))
        self._detail.setText(_explanation(self, done))
        before, after = done.before, done.after
        rows = [i for i in range(len(before.iou)) if not (before.iou[i] is None is after.iou[i])]
        self._table.setRowCount(len(rows) + 2)
        self._set_row(0, self.tr("Mean IoU"), before.mean_iou, after.mean_iou, None)
        self._set_row(1, self.tr("Accuracy"), before.accuracy, after.accuracy, None)
        for row, index in enumerate(rows, start=2):
            name = names[index] if index < len(names) else str(index)
            color = colors[index] if index < len(colors) else None
            self._set_row(row, name, before.iou[index], after.iou[index], color)

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for row in range(self._table.rowCount()):
                self._color_change(row)

    def _color_change(self, row: int) -> None:
        item = self._table.item(row, 3)
        change = None if item is None else item.data(_CHANGE)
        if item is not None and change is not None and abs(change) > _TINY_CHANGE:
            colors = current_colors()
            item.setForeground(colors.success if change > 0 else colors.danger)

    def _set_row(
        self,
        row: int,
        name: str,
        before: float | None,
        after: float | None,
        color: tuple[int, int, int] | None,
    ) -> None:
        change = None if before is None or after is None else after - before
        texts = (name, _percent(before), _percent(after), _change_text(change))
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            elif color is not None:
                item.setData(Qt.ItemDataRole.DecorationRole, QColor(*color))
            if row < 2:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            item.setData(_CHANGE, change)
            self._table.setItem(row, column, item)
        self._color_change(row)


def duration(seconds: float) -> str:
    """A duration for people: ``"40 s"``, ``"3 min"``, ``"1 h 20 min"``."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _time_text(overview: TrainingOverview) -> str:
    if overview.estimated_seconds is None:
        return ""
    where = f" on {overview.device}" if overview.device else ""
    return f"Takes about {duration(overview.estimated_seconds)}{where}"


def _verdict(widget: QWidget, done: TrainingDone) -> str:
    before, after = done.before.mean_iou, done.after.mean_iou
    if done.best_step == 0:
        return widget.tr("Nothing beat the network in force. Better keep it.")
    word = widget.tr("Better") if after > before else widget.tr("Not better")
    return f"{word}: {before:.1%} \u2192 {after:.1%} mean IoU"


def _explanation(widget: QWidget, done: TrainingDone) -> str:
    if done.held_out_is_tiles:
        where = widget.tr(
            "Measured on tiles of the same images that were kept out of training, which flatters "
            "the new network; correct an image marked as held out for an honest measurement."
        )
    else:
        where = widget.tr("Both measured on the same held-out images, never trained on.")
    steps = widget.tr("{steps} steps in {time}.").format(
        steps=done.num_steps_run, time=duration(done.seconds)
    )
    return " ".join((where, steps, *done.notes))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _change_text(change: float | None) -> str:
    if change is None:
        return ""
    return "0.0" if abs(change) <= _TINY_CHANGE else f"{change * 100:+.1f}"


def _spin(value: int, low: int, high: int, tip: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setToolTip(tip)
    spin.setAccessibleName(tip)
    return spin


def _decimal(value: float, low: float, high: float, decimals: int, tip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setDecimals(decimals)
    spin.setRange(low, high)
    spin.setSingleStep(10.0**-decimals * (10 if decimals > 2 else 5))
    spin.setValue(value)
    spin.setToolTip(tip)
    spin.setAccessibleName(tip)
    return spin
