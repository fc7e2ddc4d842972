"""Asks what a new network is trained on, how, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from model.recipes import Recipe
from seggui.core.dataset_look import DatasetLook
from seggui.icons import ColorRole
from seggui.panels.dataset_box import DatasetBox
from seggui.panels.recipe_form import RecipeForm
from seggui.panels.widgets import IconLabel, push_button, restyle

_TITLE_PX = 32  # of a group, above what is in it


@dataclass(frozen=True)
class NewModelChoice:
    """What the user chose.

    Attributes:
        folder: of the dataset; None means the corrected images of the open project.
        recipe: how to train.
        minutes: limit of time, or None.
        output_path: the network, ``.keras``, absolute.
    """

    folder: Path | None
    recipe: Recipe
    minutes: float | None
    output_path: Path


class NewModelDialog(QDialog):
    """Dataset, recipe, file. It starts nothing itself.

    Signals:
        source_chosen: (Path or None) another dataset: it wants to be looked at.
        output_changed: (Path) another file: is an interrupted run beside it?
        start_requested: (NewModelChoice).
        resume_requested: (Path) go on with the run beside this file.
    """

    source_chosen = Signal(object)
    output_changed = Signal(object)
    start_requested = Signal(object)
    resume_requested = Signal(object)

    def __init__(
        self, folders: Sequence[Path], *, has_project: bool, output: Path, parent: QWidget
    ) -> None:
        """Makes the dialog.

        Args:
            folders: datasets that were used before.
            has_project: whether a folder is open whose corrected images could be used.
            output: proposed file.
            parent: window that it belongs to.
        """
        super().__init__(parent)
        self.setObjectName("new_model_dialog")
        self.setWindowTitle(self.tr("New model"))
        self.resize(620, 720)
        self._sources: list[Path | None] = [*([None] if has_project else []), *folders]
        self.source: Path | None = None
        self._look = DatasetLook(None)
        self._is_interrupted = False
        self.dataset_box = DatasetBox()
        self.recipe_form = RecipeForm()
        content = self._content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(12)
        inner.addWidget(self.dataset_box)
        inner.addWidget(self._build_recipe())
        inner.addWidget(self._build_output(output))
        inner.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self._area, 1)
        layout.addWidget(self._build_words())
        layout.addWidget(self._build_buttons())
        self.dataset_box.source_box.activated.connect(self._on_source)
        self.dataset_box.browse_button.clicked.connect(self._on_browse)
        self.recipe_form.changed.connect(self._check)
        self.recipe_form.unfolded.connect(self._on_unfolded)
        self._fill_sources()
        self._check()

    # -- shown from outside ----------------------------------------------------------------------

    def begin_look(self) -> None:
        """The dataset is being read."""
        self._look = DatasetLook(self.source)
        self.dataset_box.begin()
        self._check()

    def show_looking(self, num_done: int, num_all: int) -> None:
        """So many masks were read."""
        self.dataset_box.show_progress(num_done, num_all)

    def show_look(self, look: DatasetLook) -> None:
        """Shows what was found."""
        self._look = look
        self.dataset_box.show_look(look)
        self._check()

    def show_interrupted(self, is_interrupted: bool, problem: str = "") -> None:
        """Offers to go on with a run."""
        self._is_interrupted = is_interrupted and not problem
        self._resume_text.setText(
            problem
            or self.tr(
                "An interrupted training of this file is here. Resume goes on with it, with its "
                "own dataset and settings; Start begins anew and removes it."
            )
        )
        self._show_words(self._resume, is_interrupted)
        self._check()

    def choose_source(self, folder: Path | None) -> None:
        """Chooses a dataset."""
        if folder not in self._sources:
            self._sources.append(folder)
            self._fill_sources()
        with QSignalBlocker(self.dataset_box.source_box):
            self.dataset_box.source_box.setCurrentIndex(self._sources.index(folder))
        self.source = folder
        self.begin_look()
        self.source_chosen.emit(folder)

    def output_path(self) -> Path:
        """The file that is named."""
        path = Path(self.output_edit.text().strip()).expanduser()
        return path.absolute() if path.suffix == ".keras" else Path(f"{path.absolute()}.keras")

    def problem_text(self) -> str:
        """What stands in the way, or will be replaced."""
        return self._problem.text()

    def resume_text(self) -> str:
        """What is said of an interrupted run."""
        return self._resume_text.text()

    # -- building --------------------------------------------------------------------------------

    def _build_recipe(self) -> QGroupBox:
        box = QGroupBox(self.tr("Recipe"))
        layout = QVBoxLayout(box)
        layout.addWidget(self.recipe_form)
        return box

    def _build_output(self, output: Path) -> QGroupBox:
        box = QGroupBox(self.tr("New network"))
        layout = QVBoxLayout(box)
        self.output_edit = QLineEdit(str(output))
        self.output_edit.setObjectName("new_model_output")
        self.output_edit.setAccessibleName(self.tr("File of the new network"))
        self.output_edit.textChanged.connect(self._on_output)
        browse = push_button(
            "save", self.tr("Browse..."), self.tr("Choose where the new network is written")
        )
        browse.clicked.connect(self._on_browse_output)
        row = QHBoxLayout()
        row.addWidget(self.output_edit, 1)
        row.addWidget(browse)
        layout.addLayout(row)
        return box

    def _build_words(self) -> QWidget:
        """What decides which button to press stands above them, and cannot be scrolled away."""
        self._words = QWidget()
        layout = QVBoxLayout(self._words)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self._resume, self._resume_text = _remark("recent", "accent", "resume_text")
        self._note, self._problem = _remark("warning", "warning", "new_model_problem")
        for remark in (self._resume, self._note):
            remark.hide()
            layout.addWidget(remark)
        self._words.hide()
        return self._words

    def _show_words(self, remark: QWidget, is_shown: bool) -> None:
        remark.setVisible(is_shown)
        self._words.setHidden(self._resume.isHidden() and self._note.isHidden())

    def _build_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.resume_button = buttons.addButton(self.tr("Resume"), role)
        self.resume_button.setObjectName("resume_button")
        self.start_button = buttons.addButton(self.tr("Start"), role)
        self.start_button.setObjectName("start_button")
        for button in buttons.buttons():
            button.setAutoDefault(False)  # type: ignore[attr-defined]
        self.resume_button.clicked.connect(self._on_resume)
        self.start_button.clicked.connect(self._on_start)
        buttons.rejected.connect(self.reject)
        return buttons

    def _fill_sources(self) -> None:
        with QSignalBlocker(self.dataset_box.source_box):
            self.dataset_box.source_box.clear()
            for folder in self._sources:
                self.dataset_box.source_box.addItem(
                    self.tr("Corrected images of the open folder") if folder is None
                    else str(folder)
                )  # fmt: skip
            self.dataset_box.source_box.setEnabled(bool(self._sources))

    # -- reacting --------------------------------------------------------------------------------

    @Slot()
    def _check(self) -> None:
        """Says what is missing; what stands in the way cannot be started."""
        is_ready = bool(self._look.headline) and not self._look.problem
        self.recipe_form.recipe()
        problem = self._look.problem if self._look.headline else ""
        problem = problem or self.recipe_form.problem
        if not problem and not self.output_edit.text().strip():
            problem = self.tr("Name the file of the new network.")
        elif not problem and self.output_path().exists():
            self._problem.setText(
                self.tr("{name} is replaced when the training is over.").format(
                    name=self.output_path().name)
            )  # fmt: skip
        if problem or not self.output_path().exists():
            self._problem.setText(problem)
        self._show_words(self._note, bool(self._problem.text()))
        self.start_button.setEnabled(is_ready and not problem)
        self.resume_button.setVisible(self._is_interrupted)
        for button, is_first in (
            (self.resume_button, self._is_interrupted),
            (self.start_button, not self._is_interrupted),
        ):
            button.setProperty("role", "primary" if is_first else "")
            restyle(button)

    @Slot(int)
    def _on_source(self, index: int) -> None:
        if self._sources[index] != self._look.folder or not self._look.headline:
            self.choose_source(self._sources[index])

    @Slot()
    def _on_browse(self) -> None:
        start = str(self.source.parent if self.source is not None else Path.home())
        chosen = QFileDialog.getExistingDirectory(
            self, self.tr("Choose the folder of a dataset"), start
        )
        if chosen:
            self.choose_source(Path(chosen))

    @Slot()
    def _on_browse_output(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Write the new network to"), self.output_edit.text(),
            self.tr("Keras models (*.keras)"),
        )  # fmt: skip
        if chosen:
            self.output_edit.setText(chosen)

    @Slot(str)
    def _on_output(self, text: str) -> None:
        self._is_interrupted = False
        self._show_words(self._resume, False)
        if text.strip():
            self.output_changed.emit(self.output_path())
        self._check()

    @Slot()
    def _on_unfolded(self) -> None:
        """The settings begin where the page used to end."""
        top = self.recipe_form.mapTo(self._content, QPoint()).y()
        self._area.verticalScrollBar().setValue(top - _TITLE_PX)

    @Slot()
    def _on_start(self) -> None:
        recipe = self.recipe_form.recipe()
        if recipe is not None:
            self.start_requested.emit(
                NewModelChoice(
                    self._look.folder, recipe, self.recipe_form.minutes(), self.output_path()
                )
            )
            self.accept()

    @Slot()
    def _on_resume(self) -> None:
        self.resume_requested.emit(self.output_path())
        self.accept()


def _remark(icon_name: str, color: ColorRole, name: str) -> tuple[QWidget, QLabel]:
    """A line of text that its icon makes one look at."""
    remark, text = QWidget(), QLabel()
    text.setObjectName(name)
    text.setWordWrap(True)
    row = QHBoxLayout(remark)
    row.setContentsMargins(2, 0, 2, 0)
    row.setSpacing(8)
    row.addWidget(IconLabel(icon_name, color=color), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(text, 1)
    return remark, text
