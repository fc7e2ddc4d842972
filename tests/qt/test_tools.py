"""What the tools ask of the editor, gesture by gesture."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from seggui.canvas.canvas import Canvas
from seggui.canvas.tools.table import TOOLS
from seggui.icons import icon
from tests.qt.canvas_kit import (
    CTRL,
    IGNORE,
    LEFT,
    MIDDLE,
    NO_KEY,
    RIGHT,
    SHIFT,
    drag,
    gray_image,
    move,
    open_image,
    pen,
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


@pytest.fixture
def editor(canvas):
    return open_image(canvas, 200, 300)


def click(canvas, x, y, button=LEFT, keys=NO_KEY):
    press(canvas, x, y, button, keys)
    release(canvas, x, y, button, keys)


def double_click(canvas, x, y, button=LEFT, keys=NO_KEY):
    """As the system sends it: press, release, double click, release."""
    click(canvas, x, y, button, keys)
    position = QPointF(x, y)
    second = QEvent.Type.MouseButtonDblClick
    event = QMouseEvent(second, position, canvas.mapToGlobal(position), button, button, keys)
    QApplication.sendEvent(canvas, event)
    release(canvas, x, y, button, keys)


# -- brush and eraser ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 3.0, 12.5])
def test_the_pencil_paints_exactly_the_pixel_under_the_pointer(canvas, editor, scale):
    place(canvas, scale, -20.0, -10.0)
    editor.brush_radius_px = 0.5
    for x, y in ((3, 4), (100, 77), (201, 150)):
        editor.mask[:] = IGNORE
        click(canvas, x, y)
        row, column = int((y + 0.5 + 10) / scale), int((x + 0.5 + 20) / scale)
        assert np.argwhere(editor.mask != IGNORE).tolist() == [[row, column]]


def test_every_event_of_a_fast_stroke_arrives_in_order(canvas, editor):
    places = [(10, 10), (200, 15), (30, 190), (31, 190), (250, 100), (12, 60)]
    drag(canvas, places)
    points = [(y + 0.5, x + 0.5) for x, y in places]
    assert editor.segments == list(zip([points[0], *points[:-1]], points, strict=True))
    assert editor.names == ["begin", *["extend"] * 6, "commit"]


def test_a_release_elsewhere_than_the_last_move_paints_to_there(canvas, editor):
    press(canvas, 10, 10)
    release(canvas, 60, 10)
    assert editor.segments[-1] == ((10.5, 10.5), (10.5, 60.5))


def test_a_stroke_may_begin_and_end_outside_the_image(canvas, editor):
    place(canvas, 1.0, 50.0, 40.0)
    drag(canvas, [(10, 100), (100, 100), (310, 235)])
    assert editor.segments[0][0] == (60.5, -39.5)
    assert editor.names[-1] == "commit"
    assert editor.mask[60, 0] == 1


@pytest.mark.parametrize(
    ("gesture", "erases"),
    [
        (("brush", LEFT, NO_KEY), False),
        (("brush", RIGHT, NO_KEY), True),
        (("brush", LEFT, CTRL), True),
        (("eraser", LEFT, NO_KEY), True),
        (("eraser", RIGHT, NO_KEY), True),
    ],
)
def test_what_erases(canvas, editor, gesture, erases):
    tool, button, keys = gesture
    canvas.set_tool(tool)
    drag(canvas, [(10, 10), (20, 10)], button, keys)
    assert editor.calls[0] == ("begin", erases)
    assert editor.names[-1] == "commit"


def test_escape_takes_the_stroke_back_and_the_rest_of_the_drag_paints_nothing(canvas, editor):
    press(canvas, 10, 10)
    move(canvas, 50, 10)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert np.all(editor.mask == IGNORE)
    move(canvas, 90, 90)
    release(canvas, 90, 90)
    assert editor.names == ["begin", "extend", "extend", "abort"]
    click(canvas, 5, 5)
    assert editor.names[-1] == "commit"


def test_shift_draws_a_straight_line_from_the_end_of_the_last_stroke(canvas, editor):
    drag(canvas, [(10, 10), (20, 30)])
    click(canvas, 100, 90, keys=SHIFT)
    assert editor.segments[-1] == ((30.5, 20.5), (90.5, 100.5))
    click(canvas, 150, 20, keys=SHIFT)
    assert editor.segments[-1] == ((90.5, 100.5), (20.5, 150.5))


def test_shift_without_a_last_stroke_paints_where_it_is(canvas, editor):
    click(canvas, 100, 90, keys=SHIFT)
    assert editor.segments == [((90.5, 100.5), (90.5, 100.5))]


def test_an_aborted_stroke_is_no_start_of_a_straight_line(canvas, editor):
    click(canvas, 10, 10)
    press(canvas, 50, 50)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    release(canvas, 50, 50)
    click(canvas, 100, 90, keys=SHIFT)
    assert editor.segments[-1] == ((10.5, 10.5), (90.5, 100.5))


def test_a_straight_line_never_starts_in_another_image(canvas, editor):
    click(canvas, 10, 10)
    canvas.set_image(gray_image(200, 300), keep_view=True)
    click(canvas, 100, 90, keys=SHIFT)
    assert editor.segments[-1] == ((90.5, 100.5), (90.5, 100.5))


def test_two_fast_clicks_are_two_dabs(canvas, editor):
    double_click(canvas, 30, 30)
    assert editor.names == ["begin", "extend", "commit"] * 2


def test_other_buttons_during_a_stroke_change_nothing(canvas, editor):
    press(canvas, 10, 10)
    press(canvas, 12, 10, RIGHT)
    press(canvas, 12, 10, MIDDLE)
    release(canvas, 12, 10, MIDDLE)
    release(canvas, 12, 10, RIGHT)
    assert editor.names.count("begin") == 1
    assert "commit" not in editor.names
    release(canvas, 12, 10)
    assert editor.names[-1] == "commit"


def test_a_lost_release_ends_the_stroke_at_the_next_move(canvas, editor):
    press(canvas, 10, 10)
    position = QPointF(80, 80)
    event = QMouseEvent(
        QEvent.Type.MouseMove, position, canvas.mapToGlobal(position),
        Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NO_KEY,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert editor.names[-1] == "commit"
    QApplication.sendEvent(canvas, event)
    assert editor.names.count("commit") == 1


def test_zooming_during_a_stroke_goes_on_painting_where_the_pointer_is(canvas, editor):
    press(canvas, 100, 100)
    wheel(canvas, 100, 100, notches=3, keys=CTRL)
    move(canvas, 120, 100)
    release(canvas, 120, 100)
    scale = canvas.view.scale
    assert scale > 1.5
    assert editor.segments[-1][0] == pytest.approx((100.5, 100.5))
    assert editor.segments[-1][1] == pytest.approx((100.5, 100.5 + 20 / scale))


@pytest.mark.parametrize("other", ["eraser", "pan", "polygon"])
def test_another_tool_in_the_middle_of_a_stroke_commits_it(canvas, editor, qtbot, other):
    press(canvas, 10, 10)
    with qtbot.waitSignal(canvas.tool_changed) as changed:
        canvas.set_tool(other)
    assert changed.args == [other]
    assert editor.names == ["begin", "extend", "commit"]
    move(canvas, 40, 40)
    release(canvas, 40, 40)
    assert editor.names == ["begin", "extend", "commit"]


def test_the_same_tool_again_does_not_end_the_stroke(canvas, editor, qtbot):
    press(canvas, 10, 10)
    with qtbot.assertNotEmitted(canvas.tool_changed):
        canvas.set_tool("brush")
    move(canvas, 40, 40)
    assert editor.names == ["begin", "extend", "extend"]
    canvas.finish_gesture()


def test_an_unknown_tool_is_an_error(canvas):
    with pytest.raises(KeyError):
        canvas.set_tool("spray")


def test_finishing_the_gesture_commits_once_and_only_if_there_is_a_stroke(canvas, editor):
    canvas.finish_gesture()
    press(canvas, 10, 10)
    canvas.finish_gesture()
    canvas.finish_gesture()
    release(canvas, 10, 10)
    assert editor.names == ["begin", "extend", "commit"]


def test_hiding_the_canvas_commits_the_stroke(canvas, editor):
    press(canvas, 10, 10)
    canvas.hide()
    assert editor.names[-1] == "commit"


def test_an_image_that_changes_in_the_middle_of_a_stroke_gets_nothing_of_it(canvas, editor):
    press(canvas, 10, 10)
    editor.commit_stroke()  # the owner did, before it changed the document
    canvas.set_image(gray_image(50, 50))
    move(canvas, 30, 30)
    release(canvas, 30, 30)
    assert editor.names == ["begin", "extend", "commit"]


@pytest.mark.parametrize("tool", ["brush", "eraser", "fill", "polygon"])
def test_a_tool_that_may_not_edit_says_so_and_does_nothing(canvas, editor, qtbot, tool):
    canvas.set_tool(tool)
    editor.can_edit = False
    with qtbot.waitSignal(canvas.edit_refused):
        drag(canvas, [(10, 10), (20, 20)])
    assert editor.calls == []
    assert not canvas._tool.is_active


@pytest.mark.parametrize("tool", ["pick", "pan"])
def test_looking_is_always_allowed(canvas, editor, qtbot, tool):
    canvas.set_tool(tool)
    editor.can_edit = False
    with qtbot.assertNotEmitted(canvas.edit_refused):
        drag(canvas, [(10, 10), (20, 20)])


def test_without_an_editor_the_canvas_only_shows(canvas):
    canvas.set_image(gray_image(50, 50))
    drag(canvas, [(10, 10), (20, 20)])
    wheel(canvas, 10, 10, notches=1, keys=SHIFT)
    drag(canvas, [(10, 10), (20, 20)], LEFT, Qt.KeyboardModifier.AltModifier)
    before = canvas.view
    drag(canvas, [(10, 10), (20, 20)], MIDDLE)
    assert canvas.view != before


# -- pen -------------------------------------------------------------------------------------------


def test_the_pressure_of_a_pen_sets_the_radius_and_lifting_it_adds_no_dab(canvas, editor):
    editor.brush_radius_px = 10.0
    pen(canvas, QEvent.Type.TabletPress, 20.25, 30.75, pressure=1.0)
    pen(canvas, QEvent.Type.TabletMove, 60.0, 30.75, pressure=0.5)
    pen(canvas, QEvent.Type.TabletRelease, 60.0, 30.75, pressure=0.0)
    assert editor.calls == [
        ("begin", False),
        ("extend", (30.75, 20.25), (30.75, 20.25), 10.0),
        ("extend", (30.75, 20.25), (30.75, 60.0), pytest.approx(5.5)),
        ("commit",),
    ]


def test_without_pressure_a_pen_is_like_a_mouse(canvas, editor):
    canvas.set_pen_pressure(False)
    pen(canvas, QEvent.Type.TabletPress, 20.0, 30.0, pressure=0.2)
    pen(canvas, QEvent.Type.TabletRelease, 50.0, 30.0, pressure=0.0)
    assert [call[3] for call in editor.calls if call[0] == "extend"] == [None, None]
    assert editor.segments[-1] == ((30.0, 20.0), (30.0, 50.0))


def test_the_other_end_of_a_pen_erases(canvas, editor):
    pen(canvas, QEvent.Type.TabletPress, 20.0, 30.0, pressure=0.5, eraser=True)
    pen(canvas, QEvent.Type.TabletRelease, 20.0, 30.0, pressure=0.0, eraser=True)
    assert editor.calls[0] == ("begin", True)


# -- fill, pick, pan -------------------------------------------------------------------------------


def test_fill_fills_once_where_it_is_clicked_and_only_on_the_image(canvas, editor):
    canvas.set_tool("fill")
    double_click(canvas, 30, 40)
    click(canvas, 310, 40)
    click(canvas, 30, 50, RIGHT)
    assert editor.calls == [("fill", (40.5, 30.5))]


def test_pick_follows_a_drag_and_ignores_what_is_not_the_image(canvas, editor):
    canvas.set_tool("pick")
    drag(canvas, [(30, 40), (35, 40), (315, 40)])
    move(canvas, 10, 10)
    assert editor.calls == [("pick", (40.5, 30.5)), ("pick", (40.5, 35.5))]


def test_pan_moves_the_view_and_its_hand_closes(canvas, editor):
    canvas.set_tool("pan")
    before = canvas.view
    press(canvas, 100, 100)
    assert canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    move(canvas, 110, 95)
    release(canvas, 110, 95)
    assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    move(canvas, 150, 150)
    moved = (canvas.view.left - before.left, canvas.view.top - before.top)
    assert moved == pytest.approx((10, -5))
    assert editor.calls == []


# -- polygon ---------------------------------------------------------------------------------------

CORNERS = [(50, 50), (150, 50), (150, 120)]
POINTS = tuple((y + 0.5, x + 0.5) for x, y in CORNERS)


@pytest.fixture
def polygon(canvas, editor):
    canvas.set_tool("polygon")
    for x, y in CORNERS:
        click(canvas, x, y)
    return canvas._tool


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_closes_the_polygon(canvas, editor, polygon, key):
    QTest.keyClick(canvas, key)
    assert editor.calls == [("polygon", POINTS, False)]
    assert not polygon.is_active


def test_a_click_on_the_first_corner_closes_the_polygon(canvas, editor, polygon):
    click(canvas, 53, 46)
    assert editor.calls == [("polygon", POINTS, False)]


def test_a_double_click_adds_the_last_corner_and_closes(canvas, editor, polygon):
    double_click(canvas, 60, 180)
    assert editor.calls == [("polygon", (*POINTS, (180.5, 60.5)), False)]


def test_ctrl_while_closing_erases(canvas, editor, polygon):
    QTest.keyClick(canvas, Qt.Key.Key_Return, CTRL)
    assert editor.calls == [("polygon", POINTS, True)]
    for x, y in CORNERS:
        click(canvas, x, y)
    click(canvas, *CORNERS[0], LEFT, CTRL)
    assert editor.calls[1] == ("polygon", POINTS, True)


def test_backspace_and_right_click_take_the_last_corner_back(canvas, editor, polygon):
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    assert polygon.points == POINTS[:2]
    click(canvas, 5, 5, RIGHT)
    assert polygon.points == POINTS[:1]
    double_click(canvas, 5, 5, RIGHT)
    assert not polygon.is_active
    assert editor.calls == []


def test_escape_drops_the_polygon(canvas, editor, polygon):
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not polygon.is_active
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert editor.calls == []


def test_two_corners_are_no_polygon(canvas, editor):
    canvas.set_tool("polygon")
    for x, y in CORNERS[:2]:
        click(canvas, x, y)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    double_click(canvas, 150, 50)
    assert editor.calls == []


def test_a_polygon_survives_another_tool_and_zooming_but_not_another_image(canvas, editor, polygon):
    canvas.set_tool("brush")
    canvas.zoom_to(4.0, QPointF(20, 20))
    canvas.set_tool("polygon")
    assert polygon.points == POINTS
    canvas.set_image(gray_image(200, 300))
    assert not polygon.is_active


def test_a_polygon_is_kept_when_it_may_not_be_painted(canvas, editor, polygon, qtbot):
    editor.can_edit = False
    with qtbot.waitSignal(canvas.edit_refused):
        QTest.keyClick(canvas, Qt.Key.Key_Return)
    editor.can_edit = True
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert editor.calls == [("polygon", POINTS, False)]


def test_the_open_side_follows_the_pointer(canvas, editor, polygon):
    move(canvas, 100, 180)
    image = canvas.grab().toImage()
    halfway = QPoint((150 + 100) // 2, (120 + 180) // 2)
    around = [image.pixelColor(halfway + QPoint(dx, 0)).lightness() for dx in (-2, -1, 0, 1, 2)]
    assert max(around) > 200


# -- table -----------------------------------------------------------------------------------------


def test_every_tool_of_the_table_can_be_taken_and_has_an_icon_and_help(canvas, editor, qapp):
    shortcuts = [key for info in TOOLS for key in info.shortcuts]
    assert len(shortcuts) == len(set(shortcuts))
    assert [info.name for info in TOOLS] == ["brush", "eraser", "fill", "polygon", "pick", "pan"]
    for info in TOOLS:
        canvas.set_tool(info.name)
        assert canvas.tool == info.name == info.tool_class.name
        assert not icon(info.icon).isNull()
        assert info.title
        assert info.tip.endswith(".")
