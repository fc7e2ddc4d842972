"""The list of classes: which one is painted with, which are shown, which are protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from model.data.label_sets import IGNORE, LabelSet
from seggui.icons import icon
from seggui.panels.class_list_delegate import ClassListDelegate
from seggui.panels.class_list_model import ClassListModel, share_text
from seggui.panels.class_list_view import ClassListView
from seggui.panels.widgets import muted_label, push_button, tool_button


class ClassListPanel(QWidget):
    """Shows the label set of the project and asks for changes; it changes nothing itself.

    Signals:
        class_chosen: (index) paint with this class.
        hidden_requested: (frozenset of indices) hide exactly these classes.
        locked_requested: (frozenset of indices) protect exactly these classes.
        renamed: (index, name) not empty, not the old one; may be another class's name.
        recolored: (index, (red, green, blue)).
        class_added: a new class is wanted.
    """

    class_chosen = Signal(int)
    hidden_requested = Signal(object)
    locked_requested = Signal(object)
    renamed = Signal(int, str)
    recolored = Signal(int, tuple)
    class_added = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = ClassListModel(self)
        self._view = ClassListView()
        self._is_updating = False
        self._shares_label = muted_label()
        self._add = push_button("add", self.tr("Add class"), self.tr("Adds a class to the project"))
        self._show_all = tool_button("show", self.tr("Show all classes"))
        self._unlock_all = tool_button("unlock", self.tr("Unlock all classes"))
        self._build()
        self._connect()
        self._update_buttons()

    # -- what is shown ----------------------------------------------------------------------------

    def set_label_set(self, label_set: LabelSet | None) -> None:
        """Shows these classes; None while nothing is open."""
        self._is_updating = True
        self._model.set_label_set(label_set)
        self._is_updating = False
        self._update_buttons()

    def set_current(self, index: int) -> None:
        """Marks the class that is painted with, without emitting `class_chosen`."""
        self._model.set_current(index)
        target = self._model.index(index)
        self._is_updating = True
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self._view.selectionModel().setCurrentIndex(target, flag)
        self._is_updating = False
        self._view.scrollTo(target)

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Marks the classes that are not shown."""
        self._model.set_hidden(hidden)
        self._update_buttons()

    def set_locked(self, locked: frozenset[int]) -> None:
        """Marks the classes that are protected."""
        self._model.set_locked(locked)
        self._update_buttons()

    def set_shares(self, shares: Mapping[int, float]) -> None:
        """Class index -> share of the image's pixels, 0..1; `IGNORE` is what is unlabelled.

        An empty mapping shows nothing.
        """
        self._model.set_shares({i: share for i, share in shares.items() if i != IGNORE})
        unlabelled = shares.get(IGNORE)
        text = self.tr("Unlabelled: {share}")
        self._shares_label.setText(
            text.format(share=share_text(unlabelled)) if unlabelled is not None else ""
        )

    # -- inside -----------------------------------------------------------------------------------

    def _build(self) -> None:
        self._view.setModel(self._model)
        self._view.setItemDelegate(ClassListDelegate(self._view))
        self._view.setAccessibleName(self.tr("Classes"))
        self._view.setMinimumHeight(96)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self._add)
        buttons.addWidget(self._shares_label, 1)
        buttons.addWidget(self._unlock_all)
        buttons.addWidget(self._show_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._view, 1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self._model.rename_requested.connect(self.renamed)
        self._view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._view.eye_pressed.connect(self._toggle_visible)
        self._view.lock_pressed.connect(self._toggle_locked)
        self._view.swatch_opened.connect(self._open_color_dialog)
        self._view.customContextMenuRequested.connect(self._on_context_menu_requested)
        self._add.clicked.connect(self._on_add_clicked)
        self._show_all.clicked.connect(self._on_show_all_clicked)
        self._unlock_all.clicked.connect(self._on_unlock_all_clicked)

    @Slot()
    def _on_current_changed(self, current: QModelIndex) -> None:
        if current.isValid() and not self._is_updating:
            self.class_chosen.emit(current.row())

    @Slot()
    def _on_add_clicked(self) -> None:
        self.class_added.emit()

    @Slot()
    def _on_show_all_clicked(self) -> None:
        self.hidden_requested.emit(frozenset())

    @Slot()
    def _on_unlock_all_clicked(self) -> None:
        self.locked_requested.emit(frozenset())

    @Slot()
    def _toggle_visible(self, index: int) -> None:
        self.hidden_requested.emit(self._model.hidden ^ {index})

    @Slot()
    def _toggle_locked(self, index: int) -> None:
        self.locked_requested.emit(self._model.locked ^ {index})

    @Slot()
    def _open_color_dialog(self, index: int) -> None:
        row = self._model.row(index)
        dialog = QColorDialog(QColor(*row.color), self)
        dialog.setWindowTitle(self.tr("Colour of {name}").format(name=row.name))

        def on_selected(color: QColor) -> None:
            self.recolored.emit(index, (color.red(), color.green(), color.blue()))

        dialog.colorSelected.connect(on_selected)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _on_context_menu_requested(self, position: QPoint) -> None:
        index = self._view.indexAt(position)
        if not index.isValid():
            return
        menu = self.context_menu(index.row())
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._view.viewport().mapToGlobal(position))

    def context_menu(self, index: int) -> QMenu:
        """Everything that can be asked for one class, for mouse and keyboard."""
        menu = QMenu(self)
        row, others = self._model.row(index), self._model.indices - {index}
        hidden, locked = self._model.hidden, self._model.locked
        emit_hidden, emit_locked = self.hidden_requested.emit, self.locked_requested.emit

        def add(icon_name: str, text: str, run: Callable[[], object]) -> None:
            menu.addAction(icon(icon_name), text).triggered.connect(lambda _checked: run())

        target = self._model.index(index)
        add("rename", self.tr("Rename…"), lambda: self._view.edit(target))
        add("color", self.tr("Change colour…"), lambda: self._open_color_dialog(index))
        menu.addSeparator()
        eye = ("hide", self.tr("Hide")) if row.is_visible else ("show", self.tr("Show"))
        add(*eye, lambda: emit_hidden(hidden ^ {index}))
        add("show", self.tr("Show only this class"), lambda: emit_hidden(others))
        add("layers", self.tr("Show all classes"), lambda: emit_hidden(frozenset()))
        menu.addSeparator()
        lock = ("unlock", self.tr("Unlock")) if row.is_locked else ("lock", self.tr("Lock"))
        add(*lock, lambda: emit_locked(locked ^ {index}))
        add("protect", self.tr("Lock all other classes"), lambda: emit_locked(others))
        add("unlock", self.tr("Unlock all classes"), lambda: emit_locked(frozenset()))
        return menu

    def _update_buttons(self) -> None:
        self._add.setEnabled(self._model.rowCount() > 0)
        self._show_all.setEnabled(bool(self._model.hidden))
        self._unlock_all.setEnabled(bool(self._model.locked))
