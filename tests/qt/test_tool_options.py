"""The strip of tool options tells what the user wants and shows what is set."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSlider, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from model.data.label_sets import IGNORE, LabelClass, LabelSet
from seggui.panels.tool_options import MAX_SLIDER_DIAMETER_PX, ToolOptions

LABELS = LabelSet("two", (LabelClass(0, "Sky", (0, 0, 9)), LabelClass(1, "Road", (9, 0, 0))))


@pytest.fixture
def options(qtbot: QtBot) -> ToolOptions:
    options = ToolOptions()
    qtbot.addWidget(options)
    options.set_label_set(LABELS)
    options.show()
    return options


def slider(options: ToolOptions, name: str) -> QSlider:
    found = options.findChild(QSlider, name)
    assert isinstance(found, QSlider)
    return found


def diameter(options: ToolOptions) -> QSpinBox:
    found = options.findChild(QSpinBox, "brush_diameter")
    assert isinstance(found, QSpinBox)
    return found


def only_over(options: ToolOptions) -> QComboBox:
    found = options.findChild(QComboBox, "paint_only_over")
    assert isinstance(found, QComboBox)
    return found


def test_typed_diameter_is_told_as_radius_and_moves_the_slider(
    options: ToolOptions, qtbot: QtBot
) -> None:
    before = slider(options, "brush_size").value()
    with qtbot.waitSignal(options.brush_radius_changed, timeout=1000) as changed:
        diameter(options).setValue(45)
    assert changed.args == [22.5]
    assert slider(options, "brush_size").value() > before


def test_the_slider_spans_one_to_its_largest_diameter(options: ToolOptions, qtbot: QtBot) -> None:
    radii: list[float] = []
    options.brush_radius_changed.connect(radii.append)
    size = slider(options, "brush_size")
    size.setValue(size.minimum())
    size.setValue(size.maximum())
    assert radii == [0.5, MAX_SLIDER_DIAMETER_PX / 2]
    assert diameter(options).value() == MAX_SLIDER_DIAMETER_PX


def test_the_middle_of_the_slider_is_a_small_brush(options: ToolOptions) -> None:
    size = slider(options, "brush_size")
    size.setValue((size.minimum() + size.maximum()) // 2)
    assert diameter(options).value() == round(MAX_SLIDER_DIAMETER_PX**0.5)


@pytest.mark.parametrize(("radius", "shown"), [(0.5, 1), (3.7, 7), (12, 24), (900, 1800)])
def test_showing_a_radius_emits_nothing(
    options: ToolOptions, qtbot: QtBot, radius: float, shown: int
) -> None:
    with qtbot.assertNotEmitted(options.brush_radius_changed):
        options.set_brush_radius(radius)
    assert diameter(options).value() == shown


def test_opacity_is_told_and_shown_as_a_share(options: ToolOptions, qtbot: QtBot) -> None:
    with qtbot.waitSignal(options.opacity_changed, timeout=1000) as changed:
        slider(options, "mask_opacity").setValue(30)
    assert changed.args == [0.3]
    with qtbot.assertNotEmitted(options.opacity_changed):
        options.set_opacity(0.75)
    assert slider(options, "mask_opacity").value() == 75


def test_outline_is_asked_for_by_its_button_only(options: ToolOptions, qtbot: QtBot) -> None:
    button = options.findChild(QToolButton, "outline_button")
    assert isinstance(button, QToolButton)
    with qtbot.assertNotEmitted(options.outline_changed):
        options.set_outline(True)
        options.set_outline(False)
    with qtbot.waitSignal(options.outline_changed, timeout=1000) as changed:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert changed.args == [True]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Unlabelled pixels", frozenset({IGNORE})), ("Road", frozenset({1}))],
)
def test_a_restriction_is_told_and_shown_loudly(
    options: ToolOptions, qtbot: QtBot, text: str, wanted: frozenset[int]
) -> None:
    box = only_over(options)
    with qtbot.waitSignal(options.only_over_changed, timeout=1000) as changed:
        box.setCurrentText(text)
    assert changed.args == [wanted]
    assert box.property("restricted") is True
    assert text in box.toolTip()
    with qtbot.waitSignal(options.only_over_changed, timeout=1000) as changed:
        box.setCurrentIndex(0)
    assert changed.args == [None]
    assert box.property("restricted") is False


def test_showing_a_restriction_of_several_names_them_all(
    options: ToolOptions, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(options.only_over_changed):
        options.set_only_over(frozenset({0, 1}))
    assert "Sky, Road" in only_over(options).toolTip()


def test_a_new_label_set_keeps_the_choice_while_its_class_exists(
    options: ToolOptions, qtbot: QtBot
) -> None:
    options.set_only_over(frozenset({1}))
    with qtbot.assertNotEmitted(options.only_over_changed):
        options.set_label_set(LabelSet("same", (*LABELS.classes, LabelClass(2, "Car", (1, 1, 1)))))
    assert only_over(options).currentText() == "Road"
    options.set_label_set(None)
    assert only_over(options).currentData() is None


def test_every_control_has_a_tooltip_and_a_name_to_be_read(options: ToolOptions) -> None:
    for kind in (QSlider, QSpinBox, QComboBox, QToolButton):
        for control in options.findChildren(kind):
            assert control.toolTip()
            assert control.accessibleName()


def test_the_vertical_strip_has_the_same_controls(qtbot: QtBot) -> None:
    strip = ToolOptions(Qt.Orientation.Vertical)
    qtbot.addWidget(strip)
    strip.show()
    assert diameter(strip).isVisible()
    assert only_over(strip).y() + only_over(strip).parentWidget().y() > diameter(strip).y()
