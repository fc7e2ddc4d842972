"""The main window: where everything stands. It decides nothing; the wiring modules connect it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from seggui.actions import ACTIONS, FILE, TOOLS, Actions, ActionSpec
from seggui.canvas.canvas import Canvas
from seggui.canvas.tools.table import TOOLS as TOOL_SPECS
from seggui.panels.class_list import ClassListPanel
from seggui.panels.evaluation_panel import EvaluationPanel
from seggui.panels.image_list import ImageListPanel
from seggui.panels.message_bar import MessageBar
from seggui.panels.tool_options import ToolOptions
from seggui.panels.training_panel import TrainingPanel
from seggui.panels.welcome import WelcomePage
from seggui.settings import Settings
from seggui.status_bar import StatusBar

_STATE_VERSION = 1
_FIRST_SIZE = QSize(1440, 900)
_TOP_BAR = (
    "open_folder_action", "load_model_action", None,
    "previous_image_action", "next_image_action", None,
    "undo_action", "redo_action", None,
    "fit_action", "toggle_mask_action", "confidence_action", None,
    "predict_action", "reviewed_action", "export_action", "fine_tune_action",
)  # fmt: skip


class MainWindow(QMainWindow):
    """Welcome page or canvas in the middle, docks around, one status bar.

    Signals:
        closing: the window is about to close; everything must be brought to safety.
        path_dropped: (str) a folder, an image or a model file was dropped.
    """

    closing = Signal()
    path_dropped = Signal(str)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self.may_close = True
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.actions_by_name = Actions(tool_actions() + ACTIONS, self)
        self.canvas = Canvas()
        self.message_bar = MessageBar()
        self.welcome = WelcomePage()
        self.image_list = ImageListPanel()
        self.class_list = ClassListPanel()
        self.tool_options = ToolOptions()
        self.training_panel = TrainingPanel()
        self.evaluation_panel = EvaluationPanel()
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self._build_center()
        self._build_bars()
        self._build_docks()
        self._build_menus()
        self.set_title(None)
        self._restore()

    def set_title(self, name: str | None) -> None:
        """Shows the image in the title bar; None while nothing is open."""
        self.setWindowTitle(f"{name} - seggui" if name else "seggui")

    def show_welcome(self) -> None:
        """Shows the page for when nothing is open."""
        self._pages.setCurrentWidget(self.welcome)
        self._set_editing_visible(False)

    def show_editor(self) -> None:
        """Shows canvas and docks."""
        if self._pages.currentWidget() is not self._editor:
            self._pages.setCurrentWidget(self._editor)
            self._set_editing_visible(True)
        self.canvas.setFocus()

    def show_training(self) -> None:
        """Brings the training panel to the front."""
        self._training_dock.show()
        self._training_dock.raise_()

    def show_evaluation(self) -> None:
        """Brings the evaluation panel to the front."""
        self._evaluation_dock.show()
        self._evaluation_dock.raise_()

    def save_layout(self) -> None:
        """Remembers size, docks and bars."""
        self._settings.set("window/geometry", self.saveGeometry())
        if self._pages.currentWidget() is self._editor:
            self._settings.set("window/state", self.saveState(_STATE_VERSION))

    # -- Qt events -------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Lets the program save; it may refuse by ``may_close``."""
        self.closing.emit()
        if self.may_close:
            event.accept()
        else:
            event.ignore()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Folders, images and models may be dropped anywhere."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens what was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.path_dropped.emit(url.toLocalFile())
                return

    # -- building --------------------------------------------------------------------------------

    def _build_center(self) -> None:
        self._editor = QWidget()
        layout = QVBoxLayout(self._editor)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._editor)
        self.setCentralWidget(_Center(self._pages, self.message_bar))

    def _build_bars(self) -> None:
        self._main_bar = self._bar(self.tr("Main"), "main_bar", Qt.ToolBarArea.TopToolBarArea)
        for name in _TOP_BAR:
            if name is None:
                self._main_bar.addSeparator()
            else:
                self._main_bar.addAction(self.actions_by_name[name])
        self.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
        self._options_bar = self._bar(
            self.tr("Tool options"), "options_bar", Qt.ToolBarArea.TopToolBarArea
        )
        self._options_bar.addWidget(self.tool_options)
        self._tool_bar = self._bar(self.tr("Tools"), "tool_bar", Qt.ToolBarArea.LeftToolBarArea)
        for action in self.actions_by_name.tools.actions():
            self._tool_bar.addAction(action)

    def _bar(self, title: str, name: str, area: Qt.ToolBarArea) -> QToolBar:
        bar = QToolBar(title)
        bar.setObjectName(name)
        bar.setIconSize(QSize(20, 20))
        self.addToolBar(area, bar)
        return bar

    def _build_docks(self) -> None:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self._image_dock = self._dock(self.tr("Images"), "image_dock", self.image_list, left)
        self._class_dock = self._dock(self.tr("Classes"), "class_dock", self.class_list, right)
        self._training_dock = self._dock(
            self.tr("Fine-tune"), "training_dock", self.training_panel, right
        )
        self.training_panel.title_changed.connect(self._training_dock.setWindowTitle)
        self.setCorner(Qt.Corner.BottomRightCorner, right)  # classes are needed to paint
        self._evaluation_dock = self._dock(
            self.tr("Evaluation"), "evaluation_dock", self.evaluation_panel,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )  # fmt: skip
        self._evaluation_dock.hide()
        self.resizeDocks(
            [self._image_dock, self._class_dock], [230, 300], Qt.Orientation.Horizontal
        )
        self.resizeDocks(
            [self._class_dock, self._training_dock], [420, 380], Qt.Orientation.Vertical
        )
        self.resizeDocks([self._evaluation_dock], [340], Qt.Orientation.Vertical)

    def _dock(self, title: str, name: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setWidget(panel)
        self.addDockWidget(area, dock)
        return dock

    def _build_menus(self) -> None:
        menus: dict[str, QMenu] = {}
        for spec, action in self.actions_by_name:
            menu = menus.get(spec.menu)
            if menu is None:
                menu = menus[spec.menu] = QMenu(self.tr(spec.menu), self)
                menu.setToolTipsVisible(True)
            if spec.has_separator:
                menu.addSeparator()
            menu.addAction(action)
            self.addAction(action)  # shortcuts work also while the menu bar is hidden
        self.recent_menu = QMenu(self.tr("Open &recent"), self)
        menus[FILE].insertMenu(self.actions_by_name["open_sample_action"], self.recent_menu)
        for title in ("&File", "&Edit", "&View", "&Image", "&Tools", "&Model", "&Help"):
            self.menuBar().addMenu(menus[title])
        self._add_view_toggles(menus["&View"])

    def _add_view_toggles(self, menu: QMenu) -> None:
        menu.addSeparator()
        panels = menu.addMenu(self.tr("&Panels"))
        docks = (self._image_dock, self._class_dock, self._training_dock, self._evaluation_dock)
        for dock in docks:
            panels.addAction(dock.toggleViewAction())
        for bar in (self._main_bar, self._tool_bar, self._options_bar):
            panels.addAction(bar.toggleViewAction())
        self.theme_menu = menu.addMenu(self.tr("&Theme"))

    def _set_editing_visible(self, is_visible: bool) -> None:
        widgets = (
            self._image_dock, self._class_dock, self._training_dock,
            self._tool_bar, self._options_bar, self._main_bar,
        )  # fmt: skip
        if not is_visible:
            for widget in (*widgets, self._evaluation_dock):
                widget.hide()
            return
        for widget in widgets:
            widget.show()
        self.restoreState(self._settings.bytes("window/state"), _STATE_VERSION)

    def _restore(self) -> None:
        if self.restoreGeometry(self._settings.bytes("window/geometry")):
            return
        available = self.screen().availableGeometry()
        self.resize(_FIRST_SIZE)
        if available.width() < _FIRST_SIZE.width() * 1.1:
            self.setWindowState(Qt.WindowState.WindowMaximized)  # a small screen: use all of it


class _Center(QWidget):
    """The page, and the message bar over its top.

    The bar does not push the page down: an image that moves under the pointer in the middle of a
    stroke would be painted in the wrong place.
    """

    def __init__(self, page: QWidget, bar: QWidget) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(page)
        self._bar = bar
        bar.setParent(self)
        bar.installEventFilter(self)
        bar.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The bar keeps the full width."""
        super().resizeEvent(event)
        self._place_bar()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Another message has another height."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._place_bar()
        return super().eventFilter(watched, event)

    def _place_bar(self) -> None:
        layout = self._bar.layout()
        if layout is not None:
            height = layout.totalHeightForWidth(self.width())
            self._bar.setGeometry(0, 0, self.width(), height)


def tool_actions() -> tuple[ActionSpec, ...]:
    """The canvas tools as actions: B is the brush, E the eraser, ..."""
    return tuple(
        ActionSpec(
            f"{tool.name}_tool", TOOLS, tool.title, tool.icon, tool.shortcuts, tool.tip, True
        )
        for tool in TOOL_SPECS
    )
