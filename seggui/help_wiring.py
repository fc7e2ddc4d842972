"""Connects help, theme, launcher and quitting."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QMessageBox

from model.data.resources import resource_path
from model.errors import SegguiError
from seggui.parts import Parts
from seggui.theme import ThemeMode, apply_theme
from seggui.version import VERSION

if TYPE_CHECKING:
    from seggui.panels.manual_dialog import ManualDialog
    from seggui.panels.shortcuts_dialog import ShortcutsDialog

GESTURES = (
    # group, what it does, keys and buttons; the manual has the same table
    ("Canvas", "Zoom at the pointer", "Wheel, Ctrl+Wheel, Pinch"),
    ("Canvas", "Move the view", "Middle button+Drag, Space+Drag, Two fingers on a trackpad"),
    ("Canvas", "Brush size", "Shift+Wheel, Alt+Drag"),
    ("Canvas", "Look at the plain image", "Hold H"),
    ("Canvas", "Use a tool for a moment", "Hold its key"),
    ("Canvas", "Erase with the brush", "Right button, Ctrl+Drag"),
    ("Canvas", "Straight line from the last stroke", "Shift+Click"),
    ("Canvas", "Close the polygon", "Enter, Double click, Click on the first corner"),
    ("Canvas", "Close the polygon and erase its inside", "Ctrl+Enter, Ctrl+Double click"),
    ("Canvas", "Take the last corner back", "Backspace, Right button"),
    ("Canvas", "Abort the stroke or the polygon", "Esc"),
    ("Classes", "Choose one of the first ten classes", "1 to 9, 0"),
    ("Classes", "Rename the class in the list", "F2"),
    ("Classes", "Show or hide the class in the list", "Space"),
)


class HelpWiring(QObject):
    """Shortcut overview, manual, about box, theme menu, launcher, quit."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._window, self._messages = parts.window, parts.messages
        self._settings = parts.settings
        self._shortcuts: ShortcutsDialog | None = None
        self._manual: ManualDialog | None = None
        actions = self._window.actions_by_name
        actions["shortcuts_action"].triggered.connect(self._on_shortcuts)
        actions["manual_action"].triggered.connect(self._on_manual)
        actions["about_action"].triggered.connect(self._on_about)
        actions["install_launcher_action"].triggered.connect(self._on_install_launcher)
        actions["quit_action"].triggered.connect(self._window.close)
        self._build_theme_menu()

    def _build_theme_menu(self) -> None:
        group = QActionGroup(self)
        titles: dict[ThemeMode, str] = {
            "system": self.tr("Follow the &system"),
            "dark": self.tr("&Dark"),
            "light": self.tr("&Light"),
        }
        current = self._settings.theme()
        for mode, title in titles.items():
            action = QAction(title, group)
            action.setCheckable(True)
            action.setChecked(mode == current)
            action.setData(mode)
            self._window.theme_menu.addAction(action)
        group.triggered.connect(self._on_theme_chosen)

    @Slot(QAction)
    def _on_theme_chosen(self, action: QAction) -> None:
        self._settings.set("window/theme", action.data())
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, self._settings.theme())

    @Slot()
    def _on_shortcuts(self) -> None:
        from seggui.panels.shortcuts_dialog import ShortcutRow, ShortcutsDialog

        rows = [ShortcutRow(group, title, keys) for group, title, keys in GESTURES]
        for spec, action in self._window.actions_by_name:
            keys = ", ".join(
                key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()
            )
            title = spec.text.replace("&", "").rstrip(".")
            if keys:
                rows.append(ShortcutRow(spec.menu.replace("&", ""), title, keys))
        self._shortcuts = ShortcutsDialog(rows, self._window)
        self._shortcuts.show()

    @Slot()
    def _on_manual(self) -> None:
        from seggui.panels.manual_dialog import ManualDialog

        if self._manual is None:
            self._manual = ManualDialog(resource_path("manual", "manual.md"), self._window)
        self._manual.show()
        self._manual.raise_()
        self._manual.activateWindow()

    @Slot()
    def _on_about(self) -> None:
        QMessageBox.about(
            self._window,
            self.tr("About seggui"),
            self.tr(
                "<h3>seggui {version}</h3><p>See a Keras network's masks, correct them with a "
                "brush, fine-tune: the next image is already better.</p>"
                "<p>Python {python}. MIT licence. Icons: Material Design Icons (Apache 2.0), "
                "through QtAwesome.</p>"
            ).format(version=VERSION, python=sys.version.split()[0]),
        )

    @Slot()
    def _on_install_launcher(self) -> None:
        from seggui import launcher_files

        try:
            paths = launcher_files.install()
        except (OSError, SegguiError) as error:
            self._messages.error(error, context=self.tr("The launcher was not installed."))
            return
        self._messages.success(
            self.tr("seggui is in the applications menu now ({paths}).").format(
                paths=", ".join(str(p) for p in paths)
            )
        )
