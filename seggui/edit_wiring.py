"""Connects the session with canvas, class list, tool options and editing actions."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QShortcut

from model.data.label_sets import LabelSet, recolored, renamed, with_class_added
from model.errors import LabelSetError
from seggui.core.records import DocumentStatus, ImageStatus, Rect
from seggui.parts import Parts
from seggui.pointer_readout import PointerReadout
from seggui.session import MAX_RADIUS_PX, MIN_RADIUS_PX
from seggui.tool_hold import ToolHold

SHARES_DELAY_MS = 300
SHARES_SAMPLE_PIXELS = 250_000


class EditWiring(QObject):
    """Widgets emit intents, the session decides, the widgets show what became of it."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._window, self._session = parts.window, parts.session
        self._navigation, self._project = parts.navigation, parts.project
        self._messages, self._settings = parts.messages, parts.settings
        window, session, navigation = parts.window, parts.session, parts.navigation
        self.is_label_set_provisional = True
        self._shares_timer = QTimer(self, singleShot=True, interval=SHARES_DELAY_MS)
        self._shares_timer.timeout.connect(self._show_shares)
        navigation.take_view = window.canvas.view_state
        navigation.finish_gesture = window.canvas.finish_gesture
        window.canvas.set_editor(session)
        self._connect_session()
        self._connect_canvas()
        self._connect_class_list()
        self._connect_tool_options()
        self._hold = ToolHold(window)
        PointerReadout(parts)
        self._connect_actions()
        self._connect_view_options()
        self._restore_tool_options()
        self._add_digit_shortcuts()

    # -- label set -------------------------------------------------------------------------------

    def adopt_label_set(self, label_set: LabelSet, *, is_provisional: bool) -> None:
        """Uses a label set; a provisional one is stored with the first thing that is painted."""
        self.is_label_set_provisional = is_provisional
        self._session.set_label_set(label_set)
        if not is_provisional and not self._session.is_read_only:
            self._project.record_label_set(label_set)

    def keep_label_set(self) -> None:
        """Stores a provisional label set for good: masks depend on it now."""
        if self.is_label_set_provisional and self._session.label_set is not None:
            self.adopt_label_set(self._session.label_set, is_provisional=False)

    # -- wiring ----------------------------------------------------------------------------------

    def _connect_session(self) -> None:
        session = self._session
        session.document_changed.connect(self._on_document_changed)
        session.mask_changed.connect(self._on_mask_changed)
        session.status_changed.connect(self._on_status_changed)
        session.edit_committed.connect(self._on_edit_committed)
        session.image_status_changed.connect(self._on_image_status_changed)
        session.label_changed.connect(self._on_label_changed)
        session.label_set_changed.connect(self._on_label_set_changed)
        session.hidden_changed.connect(self._on_hidden_changed)
        session.locked_changed.connect(self._on_locked_changed)
        session.brush_radius_changed.connect(self._on_brush_radius_changed)

    def _connect_canvas(self) -> None:
        canvas = self._window.canvas
        canvas.view_changed.connect(self._on_view_changed)
        canvas.tool_changed.connect(self._on_tool_changed)
        canvas.edit_refused.connect(self._session.explain_refusal)

    def _connect_class_list(self) -> None:
        panel, session = self._window.class_list, self._session
        panel.class_chosen.connect(session.set_label)
        panel.hidden_requested.connect(session.set_hidden)
        panel.locked_requested.connect(session.set_locked)
        panel.renamed.connect(self._on_renamed)
        panel.recolored.connect(self._on_recolored)
        panel.class_added.connect(self._on_class_added)

    def _connect_tool_options(self) -> None:
        options, session = self._window.tool_options, self._session
        options.brush_radius_changed.connect(session.set_brush_radius)
        options.opacity_changed.connect(self._on_opacity_wanted)
        options.only_over_changed.connect(session.set_only_over)
        options.outline_changed.connect(self._window.actions_by_name["outline_action"].setChecked)

    def _connect_actions(self) -> None:
        actions, canvas, session = self._window.actions_by_name, self._window.canvas, self._session
        for action in actions.tools.actions():
            action.triggered.connect(self._on_tool_wanted)
        actions["brush_tool"].setChecked(True)
        for name, slot in (
            ("undo_action", self._on_undo), ("redo_action", self._on_redo),
            ("fill_unlabelled_action", session.fill_unlabelled),
            ("clear_mask_action", session.clear_mask),
            ("fit_action", canvas.fit), ("actual_size_action", canvas.actual_size),
            ("zoom_in_action", canvas.zoom_in), ("zoom_out_action", canvas.zoom_out),
            ("next_class_action", self._on_next_class),
            ("previous_class_action", self._on_previous_class),
            ("smaller_brush_action", self._on_smaller_brush),
            ("larger_brush_action", self._on_larger_brush),
        ):  # fmt: skip
            actions[name].triggered.connect(slot)
        actions["toggle_mask_action"].setChecked(True)
        actions["toggle_mask_action"].toggled.connect(self._on_mask_toggled)
        actions["outline_action"].toggled.connect(self._on_outline_toggled)
        actions["confidence_action"].toggled.connect(self._show_confidence)
        actions["lock_class_action"].triggered.connect(self._on_lock_current)

    def _connect_view_options(self) -> None:
        canvas, settings = self._window.canvas, self._settings
        for name, apply, default in (
            ("smooth_action", canvas.set_smooth, False),
            ("wheel_scrolls_action", canvas.set_wheel_scrolls, False),
            ("pen_pressure_action", canvas.set_pen_pressure, True),
        ):
            action = self._window.actions_by_name[name]
            action.toggled.connect(apply)
            action.setChecked(settings.flag(f"view/{name}", default))
            apply(action.isChecked())
            action.toggled.connect(self._on_view_option_toggled)

    def _restore_tool_options(self) -> None:
        opacity = self._settings.number("view/opacity", 0.5, low=0, high=1)
        self._window.tool_options.set_opacity(opacity)
        self._window.canvas.set_opacity(opacity)
        self._session.set_brush_radius(
            self._settings.number("brush/radius", 10.0, low=MIN_RADIUS_PX, high=MAX_RADIUS_PX)
        )

    def _add_digit_shortcuts(self) -> None:
        for digit in range(10):
            shortcut = QShortcut(str(digit), self._window)
            shortcut.setObjectName(f"class_shortcut_{(digit - 1) % 10}")
            shortcut.activated.connect(self._on_digit)

    # -- session -> widgets ----------------------------------------------------------------------

    @Slot()
    def _on_document_changed(self) -> None:
        canvas = self._window.canvas
        if self._session.document is None:
            canvas.leave_image()
        self._shares_timer.start()
        self._on_image_status_changed("", self._session.image_status)

    @Slot(object)
    def _on_mask_changed(self, rect: Rect) -> None:
        self._window.canvas.update_mask(rect)

    @Slot(object)
    def _on_status_changed(self, status: DocumentStatus) -> None:
        actions = self._window.actions_by_name
        document = self._session.document
        can_undo = status.can_undo or (document is not None and document.in_stroke)
        for name, can, verb, text in (
            ("undo_action", can_undo, self.tr("&Undo"), status.undo_text),
            ("redo_action", status.can_redo, self.tr("&Redo"), status.redo_text),
        ):
            actions[name].setEnabled(can and not self._session.is_read_only)
            actions[name].setText(f"{verb} {text}".strip())
        self._count_shares_soon()

    @Slot(str, object, int)
    def _on_edit_committed(self, _key: str, _edit: object, _num_forgotten: int) -> None:
        self.keep_label_set()

    @Slot(str, object)
    def _on_image_status_changed(self, _key: str, status: ImageStatus) -> None:
        action = self._window.actions_by_name["reviewed_action"]
        action.setChecked(status is ImageStatus.REVIEWED)

    @Slot(int)
    def _on_label_changed(self, index: int) -> None:
        self._window.class_list.set_current(index)
        self._window.actions_by_name["lock_class_action"].setChecked(index in self._session.locked)
        self._project_setting("current_class", index)

    @Slot(object)
    def _on_label_set_changed(self, label_set: LabelSet) -> None:
        self._window.class_list.set_label_set(label_set)
        self._window.tool_options.set_label_set(label_set)
        self._show_colors()

    @Slot(object)
    def _on_hidden_changed(self, hidden: frozenset[int]) -> None:
        self._window.class_list.set_hidden(hidden)
        self._show_colors()
        self._project_setting("hidden_classes", sorted(hidden))

    @Slot(object)
    def _on_locked_changed(self, locked: frozenset[int]) -> None:
        self._window.class_list.set_locked(locked)
        is_locked = self._session.label in locked
        self._window.actions_by_name["lock_class_action"].setChecked(is_locked)
        self._project_setting("locked_classes", sorted(locked))

    @Slot(float)
    def _on_brush_radius_changed(self, radius_px: float) -> None:
        self._window.tool_options.set_brush_radius(radius_px)
        self._window.canvas.refresh_cursor()
        self._settings.set("brush/radius", radius_px)

    def _show_colors(self) -> None:
        label_set = self._session.label_set
        if label_set is not None:
            colors = [c.color for c in label_set.classes]
            self._window.canvas.set_class_colors(colors, self._session.hidden)

    def _count_shares_soon(self) -> None:
        """After the stroke: counting and showing them would hold up several of its moves."""
        if self._session.is_painting:
            self._shares_timer.stop()
        else:
            self._shares_timer.start()

    @Slot()
    def _show_shares(self) -> None:
        mask = self._session.mask_view()
        if mask is None:
            self._window.class_list.set_shares({})
            return
        # An indicator, not a measurement: at most a quarter of a million pixels are counted.
        step = max(1, math.isqrt(mask.size // SHARES_SAMPLE_PIXELS))
        sample = mask[::step, ::step]
        counts = np.bincount(sample.ravel(), minlength=256) / sample.size
        self._window.class_list.set_shares({int(i): float(counts[i]) for i in counts.nonzero()[0]})

    def _project_setting(self, name: str, value: object) -> None:
        if self._navigation.opened is not None and not self._session.is_read_only:
            self._project.record_setting(name, value)

    # -- canvas -> status bar --------------------------------------------------------------------

    @Slot()
    def _on_view_changed(self) -> None:
        self._window.status.show_zoom(self._window.canvas.view.scale)

    # -- widgets -> session ----------------------------------------------------------------------

    @Slot(int, str)
    def _on_renamed(self, index: int, name: str) -> None:
        if self._session.label_set is not None:
            try:
                changed = renamed(self._session.label_set, index, name)
            except LabelSetError as error:
                self._messages.error(error)
                return
            self.adopt_label_set(changed, is_provisional=False)

    @Slot(int, object)
    def _on_recolored(self, index: int, color: tuple[int, int, int]) -> None:
        if self._session.label_set is not None:
            changed = recolored(self._session.label_set, index, color)
            self.adopt_label_set(changed, is_provisional=False)

    @Slot()
    def _on_class_added(self) -> None:
        label_set = self._session.label_set
        if label_set is None:
            return
        names = {c.name for c in label_set.classes}
        number = next(n for n in range(len(label_set), 999) if f"class {n}" not in names)
        changed = with_class_added(label_set, f"class {number}")
        self.adopt_label_set(changed, is_provisional=False)
        self._session.set_label(len(changed) - 1)

    @Slot(float)
    def _on_opacity_wanted(self, opacity: float) -> None:
        self._window.canvas.set_opacity(opacity)
        self._settings.set("view/opacity", opacity)

    @Slot()
    def _on_tool_wanted(self) -> None:
        action = self._window.actions_by_name.tools.checkedAction()
        if action is not None:
            self._hold.remember(self._window.canvas.tool)
            self._window.canvas.set_tool(action.objectName().removesuffix("_tool"))

    @Slot(str)
    def _on_tool_changed(self, tool: str) -> None:
        self._window.actions_by_name[f"{tool}_tool"].setChecked(True)

    @Slot(bool)
    def _on_view_option_toggled(self, is_on: bool) -> None:
        self._settings.set(f"view/{self.sender().objectName()}", is_on)

    @Slot()
    def _on_undo(self) -> None:
        self._window.canvas.finish_gesture()
        self._session.undo()

    @Slot()
    def _on_redo(self) -> None:
        self._window.canvas.finish_gesture()
        self._session.redo()

    @Slot()
    def _on_next_class(self) -> None:
        self._session.step_label(1)

    @Slot()
    def _on_previous_class(self) -> None:
        self._session.step_label(-1)

    @Slot()
    def _on_smaller_brush(self) -> None:
        self._session.step_brush(-1)

    @Slot()
    def _on_larger_brush(self) -> None:
        self._session.step_brush(1)

    @Slot()
    def _on_lock_current(self) -> None:
        session = self._session
        session.set_locked(session.locked ^ {session.label})

    @Slot()
    def _on_digit(self) -> None:
        self._session.set_label(int(self.sender().objectName().rsplit("_", 1)[1]))

    @Slot(bool)
    def _on_mask_toggled(self, is_shown: bool) -> None:
        self._window.canvas.set_peek(not is_shown)

    @Slot(bool)
    def _on_outline_toggled(self, is_outline: bool) -> None:
        self._window.canvas.set_outlined(is_outline)
        self._window.tool_options.set_outline(is_outline)

    # -- confidence ------------------------------------------------------------------------------

    @Slot(bool)
    def _show_confidence(self, is_shown: bool) -> None:
        bundle = self._navigation.current
        if not is_shown or bundle is None or bundle.confidence is None:
            self._window.canvas.set_confidence(None)
        else:
            self._window.canvas.set_confidence(bundle.confidence.astype(np.float32) / 255)

    def refresh_confidence(self) -> None:
        """Another image or another prediction is on view."""
        self._show_confidence(self._window.actions_by_name["confidence_action"].isChecked())
