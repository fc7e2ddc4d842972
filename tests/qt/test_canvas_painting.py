"""What the canvas shows: exact pixels at every zoom, also after partial repaints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QColor, QFocusEvent, QImage, QPalette
from PySide6.QtWidgets import QApplication

from seggui.canvas.canvas import Canvas
from seggui.canvas.cursor import joined
from seggui.canvas.image_view import Picture
from seggui.canvas.layers import image_from_pixels, smaller_levels
from seggui.core.records import Rect
from tests.qt.canvas_kit import (
    GREEN,
    IGNORE,
    RED,
    drag,
    move,
    on_screen,
    open_image,
    painted,
    place,
    press,
    random_pixels,
)  # fmt: skip

GRAY = (100, 100, 100)
SHADOW = QColor(20, 21, 23)


@pytest.fixture
def canvas(qtbot):
    widget = Canvas()
    qtbot.addWidget(widget)
    palette = widget.palette()
    palette.setColor(QPalette.ColorRole.Shadow, SHADOW)
    widget.setPalette(palette)
    widget.resize(320, 240)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def blended(color, below=GRAY, opacity=0.5):
    return np.array(color) * opacity + np.array(below) * (1 - opacity)


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.7, 16.0, 61.3])
def test_each_device_pixel_shows_the_image_pixel_under_its_centre(canvas, scale):
    pixels = random_pixels(50, 70)
    canvas.set_image(image_from_pixels(pixels))
    place(canvas, scale, 13.25, 7.75)
    shown = painted(canvas)
    for y in range(0, shown.shape[0], 7):
        for x in range(0, shown.shape[1], 5):
            row, column = np.floor(canvas.view.to_image(x + 0.5, y + 0.5)).astype(int)
            inside = 0 <= row < 50 and 0 <= column < 70
            expected = pixels[row, column] if inside else (20, 21, 23)
            assert tuple(shown[y, x]) == tuple(expected), (x, y)


@pytest.mark.parametrize("scale", [0.13, 0.5, 0.77, 1.0, 4.0, 9.1])
def test_the_mask_lies_exactly_on_its_pixels(canvas, scale):
    editor = open_image(canvas, 400, 600)
    editor.mask[::2] = 0
    editor.mask[:, ::3] = 1
    place(canvas, scale, 3.3, 5.9)
    shown = painted(canvas).astype(int)
    y, x = 60, 40
    for dy, dx in np.ndindex(9, 9):
        row, column = canvas.view.to_image(x + dx + 0.5, y + dy + 0.5)
        if not canvas.contains((row, column)):
            continue
        value = editor.mask[int(row), int(column)]
        expected = GRAY if value == IGNORE else blended([RED, GREEN][value])
        assert np.abs(shown[y + dy, x + dx] - expected).max() <= 2


@pytest.mark.parametrize("scale", [0.07, 0.19, 0.31, 0.499, 0.63, 0.97])
@pytest.mark.parametrize("offset", [0.0, 0.26, 0.5, 0.74])
def test_a_shrunk_image_ends_exactly_where_its_pixels_end(canvas, scale, offset):
    canvas.set_image(image_from_pixels(np.full((901, 1203, 3), 200, np.uint8)))
    place(canvas, scale, 10 + offset, 20 + offset)
    shown = painted(canvas)
    ys, xs = np.mgrid[: shown.shape[0], : shown.shape[1]] + 0.5
    inside = (ys >= 20 + offset) & (ys < 20 + offset + 901 * scale)
    inside &= (xs >= 10 + offset) & (xs < 10 + offset + 1203 * scale)
    assert np.array_equal(np.unique(shown[inside]), [200])
    assert np.array_equal(np.unique(shown[~inside]), [20, 21, 23])


def test_a_shrunk_image_is_smooth_and_not_shifted(canvas):
    columns = np.linspace(0, 255, 4096).astype(np.uint8)
    canvas.set_image(image_from_pixels(np.broadcast_to(columns[None, :, None], (64, 4096, 3))))
    place(canvas, 0.07)
    shown = painted(canvas)[2, :280, 0].astype(float)
    expected = (np.arange(280) + 0.5) / 0.07 / 4096 * 255
    assert np.abs(shown - expected)[2:-2].max() < 1.5


def test_smooth_enlarging_interpolates_the_image_but_never_the_mask(canvas):
    editor = open_image(canvas, 10, 10)
    place(canvas, 16.0)
    editor.mask[:, :5] = 0
    canvas.set_opacity(1.0)
    canvas.set_smooth(True)
    assert {tuple(color) for color in painted(canvas)[80, :160]} == {RED, GRAY}
    ramp = np.repeat(np.arange(0, 250, 25, dtype=np.uint8)[None, :, None], 10, 0).repeat(3, 2)
    canvas.set_image(image_from_pixels(ramp), keep_view=True)
    assert len(np.unique(painted(canvas)[80, :160, 0])) > 100
    canvas.set_smooth(False)
    assert len(np.unique(painted(canvas)[80, :160, 0])) == 10


def random_step(canvas, editor, rng):
    """One of the things that repaint a part of the canvas."""
    choice = rng.integers(0, 5)
    x, y = (int(rng.integers(0, side)) for side in (canvas.width(), canvas.height()))
    if choice <= 1:
        height, width = editor.mask.shape
        top, left = rng.integers(0, height), rng.integers(0, width)
        rect = Rect(top, left, top + rng.integers(1, 40), left + rng.integers(1, 40))
        editor.mask[rect.slices] = rng.choice([0, 1, 2, IGNORE])
        canvas.update_mask(rect.clipped(height, width))
    elif choice == 2:
        editor.brush_radius_px = float(rng.choice([0.5, 2.0, 7.5, 30.0]))
        drag(canvas, [(x, y), (x + 30, y - 17), (x + 35, y + 5)])
    elif choice == 3:
        move(canvas, x, y)
    else:
        canvas.update(x, y, 13, 9)


@pytest.mark.parametrize("look", ["filled", "outlined", "confidence", "polygon"])
def test_partial_repaints_leave_what_a_full_repaint_shows(canvas, look):
    rng = np.random.default_rng(7)
    # The coverage of an antialiased slope depends a little on where Qt clips it.
    tolerance = 16 if look == "polygon" else 0
    editor = open_image(canvas, 300, 400)
    canvas.set_image(image_from_pixels(random_pixels(300, 400)))
    canvas.set_mask(editor.mask)
    canvas.set_outlined(look == "outlined")
    if look == "confidence":
        canvas.set_confidence(rng.random((300, 400), np.float32))
    if look == "polygon":
        canvas.set_tool("polygon")
    for scale in np.exp(rng.uniform(np.log(0.2), np.log(30), 7)):
        canvas.zoom_to(float(scale), QPointF(100, 70))
        on_screen(canvas)
        for _ in range(5):
            random_step(canvas, editor, rng)
            shown = on_screen(canvas)
            height, width = shown.shape[:2]
            expected = painted(canvas)[:height, :width]
            difference = np.abs(shown.astype(int) - expected).max(axis=2)
            differing = np.argwhere(difference > tolerance)
            assert not len(differing), (scale, differing[:5], difference.max())
        canvas.finish_gesture()


@pytest.mark.parametrize("density", ["1.5", "2"])
def test_the_same_holds_on_dense_screens(density):
    if os.environ.get("QT_SCALE_FACTOR"):
        pytest.skip("this is the run on a dense screen")
    environment = os.environ | {"QT_SCALE_FACTOR": density}
    chosen = "partial_repaints or image_pixel_under or exactly_on_its_pixels"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", chosen],
        env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "15 passed" in done.stdout


def test_a_small_change_repaints_only_its_surroundings(canvas, qtbot):
    open_image(canvas, 200, 200)
    on_screen(canvas)
    regions = record_regions(canvas)
    canvas.update_mask(Rect(50, 60, 53, 64))
    on_screen(canvas)
    assert len(regions) == 1
    assert regions[0].boundingRect().contains(60, 50)
    assert regions[0].boundingRect().width() <= 10
    assert regions[0].boundingRect().height() <= 10


def record_regions(canvas):
    regions = []
    paint = canvas.paintEvent

    def recording(event):
        regions.append(event.region())
        paint(event)

    canvas.paintEvent = recording
    return regions


def test_a_moving_pointer_repaints_only_the_brush(canvas):
    editor = open_image(canvas, 200, 200)
    editor.brush_radius_px = 5.0
    move(canvas, 50, 50)
    on_screen(canvas)
    regions = record_regions(canvas)
    move(canvas, 56, 52)
    on_screen(canvas)
    assert len(regions) == 1
    bounds = regions[0].boundingRect()
    assert bounds.contains(QPoint(56, 52))
    assert bounds.width() <= 34
    assert bounds.height() <= 34


def test_a_brush_that_moved_a_little_is_repainted_in_one_piece(canvas):
    editor = open_image(canvas, 200, 200)
    editor.brush_radius_px = 5.0
    move(canvas, 50, 50)
    on_screen(canvas)
    pieces = []
    canvas.repaint_device = pieces.append
    move(canvas, 54, 53)
    assert len(pieces) == 1


def test_a_brush_that_jumped_is_repainted_here_and_there():
    here, there = Rect(0, 0, 20, 20), Rect(0, 900, 20, 920)
    assert joined([here], [there]) == [here, there]
    assert joined([], [there]) == [there]
    assert joined([here], []) == [here]


@pytest.mark.parametrize("step", [1, 7, 25, 60])
def test_what_is_repainted_covers_the_brush_before_and_after(step):
    before, after = Rect(0, 0, 40, 40), Rect(step, step, 40 + step, 40 + step)
    shown = np.zeros((120, 120), bool)
    for rect in joined([before], [after]):
        shown[rect.slices] = True
    assert shown[before.slices].all()
    assert shown[after.slices].all()


def test_hidden_and_ignored_and_unknown_classes_show_the_image(canvas):
    editor = open_image(canvas, 4, 4)
    place(canvas, 16.0)
    editor.mask[0], editor.mask[1], editor.mask[2], editor.mask[3] = 0, 1, IGNORE, 77
    canvas.set_class_colors([RED, GREEN], frozenset({1}))
    canvas.set_opacity(1.0)
    assert [tuple(painted(canvas)[y, 8]) for y in (8, 24, 40, 56)] == [RED, GRAY, GRAY, GRAY]


def test_colours_and_opacity_change_without_a_new_mask(canvas):
    editor = open_image(canvas, 4, 4)
    editor.mask[:] = 0
    canvas.set_class_colors([GREEN])
    canvas.set_opacity(0.25)
    assert np.abs(painted(canvas)[1, 1] - blended(GREEN, opacity=0.25)).max() <= 2


def test_outlines_show_the_border_and_leave_the_inside_free(canvas):
    editor = open_image(canvas, 40, 40)
    editor.mask[10:30, 10:30] = 0
    canvas.set_outlined(True)
    canvas.set_opacity(1.0)
    shown = painted(canvas)
    assert tuple(shown[10, 20]) == RED
    assert tuple(shown[20, 29]) == RED
    assert tuple(shown[20, 20]) == GRAY
    assert tuple(shown[5, 5]) == GRAY


def test_the_border_of_the_image_is_no_outline(canvas):
    editor = open_image(canvas, 40, 40)
    editor.mask[:] = 0
    canvas.set_outlined(True)
    assert np.all(painted(canvas)[:40, :40] == 100)


def test_low_confidence_is_hot_and_certainty_is_clear(canvas):
    open_image(canvas, 2, 2)
    place(canvas, 16.0)
    canvas.set_confidence(np.array([[0.0, 1.0], [np.nan, 0.95]], np.float32))
    shown = painted(canvas).astype(int)
    assert shown[8, 8, 0] > 200
    assert shown[8, 8, 2] < 60
    assert tuple(shown[8, 24]) == GRAY
    assert shown[24, 8, 0] > 200
    canvas.set_confidence(None)
    assert tuple(painted(canvas)[8, 8]) == GRAY


def test_peeking_shows_the_plain_image(canvas):
    editor = open_image(canvas, 4, 4)
    editor.mask[:] = 0
    canvas.set_peek(True)
    assert tuple(painted(canvas)[1, 1]) == GRAY
    canvas.set_peek(False)
    assert tuple(painted(canvas)[1, 1]) != GRAY


def test_without_an_image_the_placeholder_stands_on_the_background(canvas):
    open_image(canvas, 40, 40)
    canvas.set_image(None)
    empty = painted(canvas)
    assert np.array_equal(np.unique(empty.reshape(-1, 3), axis=0), [[20, 21, 23]])
    canvas.set_placeholder("Loading")
    assert (painted(canvas) != empty).any()
    assert canvas.accessibleDescription() == "Loading"


def test_another_image_is_shown_without_the_old_mask(canvas):
    editor = open_image(canvas, 40, 40)
    editor.mask[:] = 0
    canvas.set_image(image_from_pixels(np.full((40, 40, 3), 9, np.uint8)), keep_view=True)
    assert tuple(painted(canvas)[5, 5]) == (9, 9, 9)


def test_a_mask_of_another_size_is_refused(canvas):
    open_image(canvas, 40, 50)
    with pytest.raises(ValueError, match=r"\(50, 40\)"):
        canvas.set_mask(np.zeros((50, 40), np.uint8))
    with pytest.raises(ValueError, match="confidence"):
        canvas.set_confidence(np.zeros((50, 40), np.float32))


def test_an_image_of_one_pixel_is_shown_and_painted(canvas):
    editor = open_image(canvas, 1, 1)
    canvas.fit()
    x, y = canvas.width() // 2, canvas.height() // 2
    assert tuple(painted(canvas)[y, x]) == GRAY
    drag(canvas, [(x, y), (x + 1, y)])
    assert editor.mask[0, 0] == 1


def test_a_huge_image_fits_and_is_exact_at_its_far_corner(canvas):
    pixels = np.zeros((4096, 8192, 3), np.uint8)
    pixels[-1, -1], pixels[-2, -2] = (1, 2, 3), (4, 5, 6)
    canvas.set_image(image_from_pixels(pixels))
    mask = np.full((4096, 8192), IGNORE, np.uint8)
    mask[-1, -3] = 0
    canvas.set_mask(mask)
    canvas.set_class_colors([RED])
    canvas.set_opacity(1.0)
    assert canvas.view.scale == pytest.approx(320 / 8192)
    assert painted(canvas).shape[:2] == (240, 320)
    place(canvas, 37.3, 300 - 8192 * 37.3, 200 - 4096 * 37.3)
    shown = painted(canvas)
    for point, color in (
        ((4095.5, 8191.5), (1, 2, 3)), ((4094.5, 8190.5), (4, 5, 6)), ((4095.5, 8189.5), RED),
    ):  # fmt: skip
        x, y = canvas.view.to_device(point)
        for dx, dy in ((0, 0), (-18, -18), (18, 18)):
            assert tuple(shown[int(y) + dy, int(x) + dx]) == color


def test_levels_made_by_the_loader_show_the_same(canvas):
    image = image_from_pixels(random_pixels(1500, 2100))
    canvas.set_image(image)
    expected = painted(canvas)
    canvas.set_image(image, levels=smaller_levels(image))
    assert np.array_equal(painted(canvas), expected)
    assert [level.width() for level in smaller_levels(image)] == [1050, 525]


def test_pictures_are_copies_and_accept_read_only_views():
    pixels = random_pixels(6, 8)
    expected = pixels[:, ::2].copy()
    view = pixels[:, ::2]
    view.setflags(write=False)
    image = image_from_pixels(view)
    pixels[:] = 0
    assert image.format() == QImage.Format.Format_RGB32
    assert image.pixelColor(2, 3).getRgb()[:3] == tuple(int(v) for v in expected[3, 2])


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
     np.zeros((0, 4, 3), np.uint8)],
)  # fmt: skip
def test_other_arrays_are_no_pictures(bad):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        image_from_pixels(bad)


def grown(area):
    for axis in (0, 1):
        area = area | np.roll(area, 1, axis) | np.roll(area, -1, axis)
    return area


def test_the_cursor_outlines_exactly_the_pixels_that_a_press_paints(canvas):
    editor = open_image(canvas, 40, 40)
    place(canvas, 16.0, -100, -100)
    canvas.set_opacity(1.0)
    for radius in (0.5, 1.3, 4.0):
        editor.brush_radius_px = radius
        editor.mask[:] = IGNORE
        move(canvas, 155, 121)
        canvas.set_tool("pan")
        without = painted(canvas).astype(int)
        canvas.set_tool("brush")
        ring = (np.abs(painted(canvas).astype(int) - without) > 100).any(axis=2)
        press(canvas, 155, 121)
        inside = np.zeros(ring.shape, bool)
        for row, column in np.argwhere(editor.mask == 1):
            x, y = (round(v) for v in canvas.view.to_device((row, column)))
            inside[y : y + 16, x : x + 16] = True
        canvas.finish_gesture()
        border = grown(inside) & grown(~inside)
        assert not (ring & ~border).any()
        assert (grown(ring) & border).sum() > 0.95 * border.sum()


def test_a_picture_lies_where_the_image_will_lie_and_gives_way_to_it(canvas, qtbot):
    pixels = random_pixels(24, 40)
    image = image_from_pixels(pixels)
    canvas.set_image(image)
    place(canvas, 9.0, 3.0, 5.0)
    state, with_image = canvas.view_state(), painted(canvas)
    canvas.set_image(None)

    with qtbot.waitSignal(canvas.picture_painted):
        canvas.set_picture(Picture(image, "image.png", (24, 40), state))
    assert np.array_equal(painted(canvas), with_image)
    assert not canvas.has_image  # nothing can be painted on it

    canvas.set_image(image, keep_view=False)
    assert not canvas.has_picture
    canvas.set_image(None)
    assert np.all(painted(canvas) == painted(canvas)[0, 0])


def test_a_picture_stays_where_it_is_when_the_images_of_before_are_gone(canvas):
    image = image_from_pixels(random_pixels(24, 40))
    canvas.set_image(image)
    place(canvas, 9.0, 3.0, 5.0)
    state, view = canvas.view_state(), canvas.view
    canvas.set_image(None)
    canvas.set_picture(Picture(image, "image.png", (24, 40), state))
    canvas.set_image(None)  # the folder is open now; its picture was faster
    assert canvas.view == view
    canvas.set_image(image, keep_view=True)
    assert canvas.view == view


def test_what_went_wrong_is_told_instead_of_the_picture(canvas):
    canvas.set_picture(Picture(image_from_pixels(random_pixels(24, 40)), "image.png", (24, 40)))
    canvas.set_placeholder("The image cannot be read.")
    assert not canvas.has_picture


def test_the_image_that_was_left_stays_in_sight_until_the_next_one_comes(canvas):
    image = image_from_pixels(random_pixels(24, 40))
    canvas.set_image(image)
    place(canvas, 9.0, 3.0, 5.0)
    before = painted(canvas)

    canvas.leave_image()

    assert not canvas.has_image
    assert not canvas.has_picture  # of what comes, nothing is known
    assert np.array_equal(painted(canvas), before)
    canvas.set_placeholder("Loading...")
    assert not np.array_equal(painted(canvas), before)


def test_taking_the_focus_repaints_nothing(qtbot):
    class Watched(Canvas):
        num_paints = 0

        def paintEvent(self, event):  # noqa: N802
            self.num_paints += 1
            super().paintEvent(event)

    canvas = Watched()
    qtbot.addWidget(canvas)
    with qtbot.waitExposed(canvas):
        canvas.show()
    open_image(canvas, 50, 70)
    qtbot.waitUntil(lambda: canvas.num_paints > 0)
    QApplication.processEvents()
    before = canvas.num_paints
    for event in (QFocusEvent(QEvent.Type.FocusOut), QFocusEvent(QEvent.Type.FocusIn)):
        QApplication.sendEvent(canvas, event)
    QApplication.processEvents()
    assert canvas.num_paints == before
