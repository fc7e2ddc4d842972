"""Zoom, pan, brush size, peek, and what the pointer tells."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QFocusEvent, QKeySequence, QNativeGestureEvent, QPointingDevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow

from seggui.canvas.canvas import Canvas
from seggui.core.records import Rect
from tests.qt.canvas_kit import (
    ALT,
    CTRL,
    LEFT,
    MIDDLE,
    SHIFT,
    drag,
    gray_image,
    move,
    open_image,
    place,
    press,
    release,
    wheel,
)


@pytest.fixture
def canvas(qtbot):
    widget = Canvas()
    qtbot.addWidget(widget)
    widget.resize(320, 240)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def point_under(canvas, x, y):
    return canvas.view.to_image(x + 0.5, y + 0.5)


# -- view ------------------------------------------------------------------------------------------


def test_an_image_is_fitted_at_first_and_stays_fitted_when_the_window_grows(canvas):
    canvas.set_image(gray_image(100, 400))
    assert canvas.view.scale == pytest.approx(0.8)
    assert canvas.image_rect.width() == 320
    canvas.resize(640, 480)
    assert canvas.view.scale == pytest.approx(1.6)
    assert canvas.image_rect.center().y() == pytest.approx(240, abs=1)


def test_after_zooming_the_middle_stays_in_the_middle_when_the_window_grows(canvas):
    canvas.set_image(gray_image(100, 400))
    canvas.zoom_to(5.0, QPointF(200, 100))
    middle = canvas.view.to_image(160, 120)
    canvas.resize(640, 480)
    assert canvas.view.to_image(320, 240) == pytest.approx(middle)


@pytest.mark.parametrize("scale", [0.2, 1.0, 7.0, 64.0])
def test_zooming_keeps_what_is_under_the_anchor(canvas, scale):
    canvas.set_image(gray_image(900, 1200))
    for x, y in ((3, 60), (160, 120), (310, 170)):
        canvas.fit()
        before = point_under(canvas, x, y)
        canvas.zoom_to(scale, QPointF(x, y))
        assert point_under(canvas, x, y) == pytest.approx(before, abs=1e-6)


def test_actual_size_is_one_image_pixel_per_device_pixel(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.actual_size()
    assert canvas.view.scale == 1.0


def test_zooming_in_and_out_again_is_where_it_was(canvas):
    canvas.set_image(gray_image(900, 1200))
    before = canvas.view_state()
    canvas.zoom_in()
    assert canvas.view.scale > before["scale"]
    canvas.zoom_out()
    after = canvas.view_state()
    assert after["scale"] == pytest.approx(before["scale"])
    assert (after["row"], after["column"]) == pytest.approx((before["row"], before["column"]))


def test_a_view_comes_back_in_a_window_of_another_size(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.zoom_to(3.0, QPointF(50, 60))
    state = canvas.view_state()
    canvas.fit()
    canvas.resize(500, 300)
    canvas.restore_view(state)
    assert canvas.view_state() == pytest.approx(state)


def test_a_fitted_view_comes_back_fitted(canvas):
    canvas.set_image(gray_image(900, 1200))
    state = canvas.view_state()
    canvas.zoom_to(3.0)
    canvas.restore_view(state)
    canvas.resize(640, 480)
    assert canvas.view.scale == pytest.approx(480 / 900)


@pytest.mark.parametrize("state", [{}, {"scale": 0.0, "row": 1.0, "column": 1.0, "is_fitted": 0.0},
                                   {"scale": 2.0, "row": float("nan"), "column": 1.0}])  # fmt: skip
def test_an_unusable_view_is_a_fit(canvas, state):
    canvas.set_image(gray_image(900, 1200))
    canvas.zoom_to(9.0)
    canvas.restore_view(state)
    assert canvas.view.scale == pytest.approx(240 / 900)


def test_the_view_is_kept_for_the_next_image_on_request(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.zoom_to(3.0, QPointF(50, 60))
    before = canvas.view
    canvas.set_image(gray_image(900, 1200), keep_view=True)
    assert canvas.view == before
    canvas.set_image(gray_image(900, 1200))
    assert canvas.view.scale == pytest.approx(240 / 900)


def test_a_kept_view_never_leaves_a_smaller_image_out_of_sight(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.zoom_to(3.0, QPointF(310, 230))
    canvas.set_image(gray_image(10, 10), keep_view=True)
    assert not canvas.view.shown(Rect(0, 0, 240, 320), (10, 10)).is_empty


def test_panning_far_keeps_a_part_of_the_image_in_view(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.pan(1e6, -1e6)
    assert not canvas.view.shown(Rect(0, 0, 240, 320), (900, 1200)).is_empty


def test_changes_of_the_view_are_told_once(canvas, qtbot):
    canvas.set_image(gray_image(900, 1200))
    with qtbot.waitSignal(canvas.view_changed):
        canvas.zoom_to(2.0)
    with qtbot.assertNotEmitted(canvas.view_changed):
        canvas.zoom_to(2.0)


# -- wheel and fingers -----------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [Qt.KeyboardModifier.NoModifier, CTRL])
def test_the_wheel_zooms_at_the_pointer(canvas, keys):
    canvas.set_image(gray_image(900, 1200))
    before, scale = point_under(canvas, 100, 90), canvas.view.scale
    wheel(canvas, 100, 90, notches=2, keys=keys)
    assert canvas.view.scale == pytest.approx(scale * 1.44)
    assert point_under(canvas, 100, 90) == pytest.approx(before)
    wheel(canvas, 100, 90, notches=-2, keys=keys)
    assert canvas.view.scale == pytest.approx(scale)


def test_the_wheel_scrolls_if_so_set_and_ctrl_still_zooms(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.set_wheel_scrolls(True)
    canvas.zoom_to(2.0)
    before = canvas.view
    wheel(canvas, 100, 90, notches=-1)
    assert canvas.view.scale == before.scale
    assert canvas.view.top < before.top
    wheel(canvas, 100, 90, notches=1, keys=CTRL)
    assert canvas.view.scale > before.scale


@pytest.mark.parametrize("sideways", [False, True])
def test_shift_and_wheel_step_the_brush_also_where_the_system_turns_the_wheel(canvas, sideways):
    editor = open_image(canvas, 100, 100)
    wheel(canvas, 50, 50, notches=1, keys=SHIFT, sideways=sideways)
    wheel(canvas, 50, 50, notches=-2, keys=SHIFT, sideways=sideways)
    assert editor.calls == [("step", 1), ("step", -2)]


def test_parts_of_a_notch_add_up_to_a_step_of_the_brush(canvas):
    editor = open_image(canvas, 100, 100)
    for _ in range(8):
        wheel(canvas, 50, 50, notches=0.25, keys=SHIFT)
    assert editor.calls == [("step", 1), ("step", 1)]


def test_two_fingers_pan_and_with_ctrl_zoom(canvas):
    canvas.set_image(gray_image(900, 1200))
    canvas.zoom_to(2.0)
    before = canvas.view
    update = Qt.ScrollPhase.ScrollUpdate
    wheel(canvas, 100, 90, notches=0.1, pixels=QPoint(-7, 11), phase=update)
    assert canvas.view.scale == before.scale
    moved = (canvas.view.left - before.left, canvas.view.top - before.top)
    assert moved == pytest.approx((-7, 11))
    wheel(canvas, 100, 90, notches=0.1, pixels=QPoint(-7, 11), phase=update, keys=CTRL)
    assert canvas.view.scale > before.scale


def test_a_wheel_with_pixel_deltas_is_still_a_wheel(canvas):
    canvas.set_image(gray_image(900, 1200))
    scale = canvas.view.scale
    wheel(canvas, 100, 90, notches=1, pixels=QPoint(0, 120))
    assert canvas.view.scale > scale


def test_a_pinch_zooms_at_the_fingers(canvas):
    canvas.set_image(gray_image(900, 1200))
    before, scale = point_under(canvas, 100, 90), canvas.view.scale
    place_ = QPointF(100, 90)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        place_, place_, canvas.mapToGlobal(place_), 0.25, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert canvas.view.scale == pytest.approx(scale * 1.25)
    assert point_under(canvas, 100, 90) == pytest.approx(before)


def test_without_an_image_no_gesture_does_anything(canvas):
    before = canvas.view
    wheel(canvas, 100, 90, notches=3)
    wheel(canvas, 100, 90, notches=3, keys=SHIFT)
    drag(canvas, [(10, 10), (50, 50)])
    drag(canvas, [(10, 10), (50, 50)], MIDDLE)
    canvas.zoom_in()
    canvas.pan(5, 5)
    assert canvas.view == before


# -- pan and brush size by dragging ----------------------------------------------------------------


def test_the_middle_button_pans_and_paints_nothing(canvas):
    editor = open_image(canvas, 900, 1200)
    before = canvas.view
    drag(canvas, [(100, 100), (90, 105), (60, 80)], MIDDLE)
    moved = (canvas.view.left - before.left, canvas.view.top - before.top)
    assert moved == pytest.approx((-40, -20))
    assert editor.calls == []


def test_space_and_left_drag_pan_and_after_the_release_of_space_the_drag_goes_on(canvas):
    editor = open_image(canvas, 900, 1200)
    before = canvas.view
    move(canvas, 100, 100)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    press(canvas, 100, 100)
    assert canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    move(canvas, 80, 100)
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    move(canvas, 70, 100)
    release(canvas, 70, 100)
    assert canvas.view.left - before.left == pytest.approx(-30)
    assert editor.calls == []
    assert canvas.cursor().shape() == Qt.CursorShape.BlankCursor


def test_space_is_let_go_when_the_focus_leaves(qtbot, canvas):
    editor = open_image(canvas, 900, 1200)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.keyPress(canvas, Qt.Key.Key_H)
    canvas.clearFocus()
    QApplication.sendEvent(canvas, QFocusEvent(QEvent.Type.FocusOut))
    drag(canvas, [(20, 20), (30, 20)])
    assert editor.names[0] == "begin"


def test_alt_and_a_sideways_drag_take_the_border_of_the_brush_along(canvas):
    editor = open_image(canvas, 900, 1200)
    place(canvas, 2.0)
    drag(canvas, [(100, 100), (110, 180), (120, 60)], LEFT, ALT)
    assert editor.brush_radius_px == pytest.approx(3.0 + 20 / 2)
    drag(canvas, [(100, 100), (10, 100)], LEFT, ALT)
    assert editor.brush_radius_px == 0.5
    assert editor.calls == []


# -- keys ------------------------------------------------------------------------------------------


def test_holding_h_shows_the_image_until_it_is_released(canvas):
    editor = open_image(canvas, 20, 20)
    editor.mask[:] = 0
    colors = []
    for action in (None, QTest.keyPress, QTest.keyRelease):
        if action:
            action(canvas, Qt.Key.Key_H)
        colors.append(canvas.grab().toImage().pixelColor(5, 5).getRgb()[:3])
    assert colors[1] == (100, 100, 100)
    assert colors[0] == colors[2] != colors[1]


def test_held_keys_win_over_shortcuts_but_other_keys_stay_shortcuts(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    canvas = Canvas()
    window.setCentralWidget(canvas)
    triggered = []
    for key in ("Space", "H", "Escape", "B"):
        action = QAction(key, window)
        action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _=False, key=key: triggered.append(key))
        window.addAction(action)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    open_image(canvas, 100, 100)
    canvas.setFocus()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_H, Qt.Key.Key_B, Qt.Key.Key_Escape):
        QTest.keyClick(canvas, key)
    press(canvas, 20, 20)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    release(canvas, 20, 20)
    assert triggered == ["B", "Escape"]


def test_the_canvas_takes_the_focus_by_click_and_tab_and_names_itself(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    canvas, field = Canvas(), QLineEdit(window)
    window.setCentralWidget(canvas)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    field.move(100, 100)
    field.setFocus()
    press(canvas, 5, 5)
    release(canvas, 5, 5)
    assert canvas.hasFocus()
    assert canvas.objectName() == "canvas"
    assert canvas.accessibleName()
    assert canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus


# -- what the pointer tells ------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0, 17.5])
def test_the_pixel_under_the_pointer_is_told(canvas, scale):
    open_image(canvas, 900, 1200)
    place(canvas, scale, -33.0, -21.0)
    told = []
    canvas.pointer_moved.connect(lambda row, column: told.append((row, column)))
    for x, y in ((1, 2), (17, 31), (200, 100)):
        move(canvas, x, y)
        expected = np.floor(((y + 0.5 + 21) / scale, (x + 0.5 + 33) / scale)).astype(int)
        assert told[-1] == tuple(expected)


def test_leaving_the_image_is_told_once(canvas, qtbot):
    open_image(canvas, 50, 50)
    move(canvas, 20, 20)
    left = []
    canvas.pointer_left.connect(lambda: left.append(True))
    move(canvas, 100, 100)
    move(canvas, 120, 100)
    assert left == [True]
    move(canvas, 20, 20)
    canvas.set_image(None)
    assert left == [True, True]


def test_a_zoom_under_a_resting_pointer_tells_the_new_pixel(canvas):
    open_image(canvas, 900, 1200)
    move(canvas, 100, 100)
    told = []
    canvas.pointer_moved.connect(lambda row, column: told.append((row, column)))
    canvas.pan(-10, -20)
    assert told == [(120, 110)]


def test_the_system_cursor_says_what_a_press_would_do(canvas):
    editor = open_image(canvas, 50, 50)
    shapes = {}
    move(canvas, 20, 20)
    for name in ("eraser", "fill", "polygon", "pick", "pan", "brush"):
        canvas.set_tool(name)
        shapes[name] = canvas.cursor().shape()
    cross = Qt.CursorShape.CrossCursor
    assert shapes == {
        "brush": Qt.CursorShape.BlankCursor, "eraser": Qt.CursorShape.BlankCursor, "fill": cross,
        "polygon": cross, "pick": cross, "pan": Qt.CursorShape.OpenHandCursor,
    }  # fmt: skip
    editor.can_edit = False
    canvas.refresh_cursor()
    assert canvas.cursor().shape() == Qt.CursorShape.ForbiddenCursor
    canvas.set_tool("pick")
    assert canvas.cursor().shape() == cross
    canvas.set_image(None)
    assert canvas.cursor().shape() == Qt.CursorShape.ArrowCursor
