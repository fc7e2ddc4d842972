"""Tells tests from outside where things are in the window. Changes and drives nothing.

With the environment variable ``SEGGUI_WIDGET_MAP`` set, the window writes what can be seen of it to
that JSON file, at most ten times a second and only when it changed. A test that sends real mouse
and key events needs this to aim: layout, fonts and theme differ from machine to machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint, QRect, QTimer, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QToolButton,
    QWidget,
)

if TYPE_CHECKING:  # the program starts this module
    from seggui.app import Program

VARIABLE = "SEGGUI_WIDGET_MAP"
INTERVAL_MS = 100


class WidgetMap(QObject):
    """Writes the map while the program lives.

    The file holds an object with:

    - ``widgets``: name -> ``rect`` ([x, y, width, height] on the screen, in device pixels, of the
      part that is not scrolled away), ``enabled``, and ``text`` and ``checked`` where there is
      such. Only what can be seen; where two have one name, that of the dialog wins. The name is the
      object name, or that of a tool button's action, or else what a screen reader says or what
      stands on a button.
    - ``active``: title of the window or dialog that has the keyboard, or null.
    - ``focus``: name of the widget that has the keyboard, or its kind and place when it has no
      name, or null.
    - ``dialog``: ``name``, ``title`` and ``text`` of the modal dialog, or null.
    - ``message``: ``kind`` and ``text`` of the message bar, or null.
    - ``canvas``: ``origin`` ([x, y] on the screen), ``view`` ([scale, top, left] of
      `ViewTransform`), ``size`` ([height, width] of the image), ``tool`` and ``placeholder``.
    - ``session``: what is edited, and with what.
    - ``model``: ``path`` and ``sha256`` of the network in force, or null.
    - ``training``: ``is_running``, ``is_undecided`` and ``num_steps`` made.
    - ``unsaved``: images whose changes are not on disk yet.
    """

    def __init__(self, program: Program, path: Path) -> None:
        """Starts to write.

        Args:
            program: what is described; becomes the parent.
            path: the file; its folder exists.
        """
        super().__init__(program)
        self._program, self._path = program, path
        self._last = ""
        self._num_steps = 0
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._write)
        self._timer.start()
        program.training.started.connect(self._on_training_started)
        program.training.stepped.connect(self._on_training_step)

    @Slot()
    def _on_training_started(self, _: object = None) -> None:
        self._num_steps = 0

    @Slot()
    def _on_training_step(self, _: object = None) -> None:
        self._num_steps += 1

    @Slot()
    def _write(self) -> None:
        text = json.dumps(self._described())
        if text != self._last:
            self._last = text
            part = self._path.with_name(f"{self._path.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(self._path)  # whoever reads gets a whole one; not synced, it is no data

    def _described(self) -> dict[str, Any]:
        program = self._program
        active, focus = QApplication.activeWindow(), QApplication.focusWidget()
        current = program.window.message_bar.current
        model = program.prediction.model
        return {
            "title": program.window.windowTitle(),
            "widgets": dict(_named_widgets()),
            "active": None if active is None else active.windowTitle(),
            "focus": None if focus is None else _name(focus) or _place(focus),
            "dialog": _dialog(),
            "message": None if current is None else {"kind": current.kind, "text": current.text},
            "canvas": self._canvas(),
            "session": self._session(),
            "model": None if model is None else {"path": model.path, "sha256": model.sha256},
            "training": {
                "is_running": program.training.is_running,
                "is_undecided": program.training.is_undecided,
                "num_steps": self._num_steps,
            },
            "unsaved": sorted(program.project.waiting_keys),
        }

    def _canvas(self) -> dict[str, Any]:
        canvas = self._program.window.canvas
        origin = canvas.mapToGlobal(QPoint(0, 0)) * canvas.device_pixel_ratio
        view = canvas.view
        return {
            "origin": [origin.x(), origin.y()],
            "view": [view.scale, view.top, view.left],
            "size": list(canvas.image_size) if canvas.has_image else None,
            "tool": canvas.tool,
            "placeholder": "" if canvas.has_image else canvas.accessibleDescription(),
        }

    def _session(self) -> dict[str, Any]:
        session, status = self._program.session, self._program.session.status
        bundle = self._program.navigation.current
        return {
            "key": session.key,
            "status": session.image_status.value,
            "predicted_by": "" if bundle is None else bundle.predicted_by,
            "label": session.label,
            "brush_radius_px": session.brush_radius_px,
            "can_edit": session.can_edit,
            "in_stroke": session.document is not None and session.document.in_stroke,
            "is_read_only": session.is_read_only,
            "revision": status.revision,
            "undo_text": status.undo_text if status.can_undo else "",
            "redo_text": status.redo_text if status.can_redo else "",
        }


def write_widget_map_if_wanted(program: Program) -> None:
    """Starts the map when the environment asks for it."""
    path = os.environ.get(VARIABLE)
    if path:
        WidgetMap(program, Path(path))


def _named_widgets() -> Iterator[tuple[str, dict[str, Any]]]:
    tops = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    for top in sorted(tops, key=lambda w: w is QApplication.activeModalWidget()):
        for widget in (top, *top.findChildren(QWidget)):
            name = _name(widget)
            seen = _seen(widget)
            if name and widget.isVisible() and not seen.isEmpty():
                yield name, _described_widget(widget, seen)


def _name(widget: QWidget) -> str:
    if isinstance(widget, QToolButton) and widget.defaultAction() is not None:
        return widget.defaultAction().objectName()
    name = widget.objectName()
    if name.startswith("qt_"):
        return ""
    text = widget.text().replace("&", "") if isinstance(widget, QAbstractButton) else ""
    return name or widget.accessibleName() or text


def _place(widget: QWidget) -> str:
    corner = widget.mapToGlobal(QPoint(0, 0))
    return f"{type(widget).__name__} at {corner.x()}, {corner.y()}"


def _seen(widget: QWidget) -> QRect:
    """The part that no parent cuts off, on the screen; visibleRegion() is less opaque children."""
    seen = QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size())
    parent = None if widget.isWindow() else widget.parentWidget()
    while parent is not None:
        seen &= QRect(parent.mapToGlobal(QPoint(0, 0)), parent.size())
        parent = None if parent.isWindow() else parent.parentWidget()
    return seen


def _described_widget(widget: QWidget, seen: QRect) -> dict[str, Any]:
    ratio = widget.devicePixelRatioF()
    sides = (seen.x(), seen.y(), seen.width(), seen.height())
    described: dict[str, Any] = {
        "rect": [round(side * ratio) for side in sides],
        "enabled": widget.isEnabled(),
    }
    if isinstance(widget, QLabel | QLineEdit | QAbstractButton | QAbstractSpinBox):
        described["text"] = widget.text()
    if isinstance(widget, QAbstractButton) and widget.isCheckable():
        described["checked"] = widget.isChecked()
    return described


def _dialog() -> dict[str, str] | None:
    dialog = QApplication.activeModalWidget()
    if not isinstance(dialog, QDialog):
        return None
    text = dialog.text() if isinstance(dialog, QMessageBox) else ""
    return {"name": dialog.objectName(), "title": dialog.windowTitle(), "text": text}
