"""The result of a training from scratch: how good the new network is, and whether to load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.score_table import score_table
from seggui.panels.training_pages import duration
from seggui.panels.widgets import muted_label, push_button

if TYPE_CHECKING:
    from model.engine.protocol import TrainingDone


class NewModelResult(QWidget):
    """Scores on the images that were held out, class by class, and two buttons."""

    def __init__(self) -> None:
        super().__init__()
        self._headline = QLabel()
        self._headline.setObjectName("new_model_headline")
        self._headline.setWordWrap(True)
        self._headline.setProperty("role", "heading")
        self._detail = muted_label(wrap=True)
        self._table = score_table("new_model_scores", [self.tr("Class"), self.tr("IoU")])
        self.load_button = push_button(
            "load_model", self.tr("Load the new network"),
            self.tr("Predict with it from now on; what you painted stays"),
            role="primary", color="accent_text",
        )  # fmt: skip
        self.load_button.setObjectName("load_new_model_button")
        self.later_button = push_button(
            "close", self.tr("Later"), self.tr("It stays where it was written")
        )
        self.later_button.setObjectName("later_button")
        row = QHBoxLayout()
        row.addWidget(self.load_button, 1)
        row.addWidget(self.later_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self._headline)
        layout.addWidget(self._detail)
        layout.addWidget(self._table, 1)
        layout.addLayout(row)

    def show_result(
        self, done: TrainingDone, names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...]
    ) -> None:
        """Shows the scores; classes that do not occur are left out."""
        scores, name = done.after, Path(done.output_path).name
        is_measured = sum(scores.num_pixels) > 0
        self._headline.setText(
            self.tr("{name}: {iou} mean IoU on held-out images").format(
                name=name, iou=f"{scores.mean_iou:.1%}"
            )
            if is_measured
            else self.tr("{name} is trained; no image was held out to measure it").format(name=name)
        )
        self._detail.setText(
            " ".join(
                (
                    self.tr("From step {best} of {steps}, in {time}. It is at {path}.").format(
                        best=done.best_step, steps=done.num_steps_run,
                        time=duration(done.seconds), path=done.output_path,
                    ),
                    *done.notes,
                )
            )
        )  # fmt: skip
        shown = [i for i, iou in enumerate(scores.iou) if iou is not None]
        self._table.setVisible(is_measured)
        self._table.setRowCount(len(shown) + 1)
        self._set_row(0, self.tr("Accuracy"), scores.accuracy, None)
        for row, index in enumerate(shown, start=1):
            title = names[index] if index < len(names) else str(index)
            color = colors[index] if index < len(colors) else None
            self._set_row(row, title, scores.iou[index] or 0.0, color)

    def headline_text(self) -> str:
        """The result in one sentence."""
        return self._headline.text()

    def _set_row(
        self, row: int, title: str, share: float, color: tuple[int, int, int] | None
    ) -> None:
        name, number = QTableWidgetItem(title), QTableWidgetItem(f"{share:.1%}")
        number.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if color is not None:
            name.setData(Qt.ItemDataRole.DecorationRole, QColor(*color))
        for column, item in enumerate((name, number)):
            self._table.setItem(row, column, item)
