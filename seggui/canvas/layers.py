"""What the canvas shows, layer by layer: image, mask, confidence. Each paints any device rectangle.

The image is resampled once per view into a cache as large as the view. Mask and confidence are
sampled for the dirty rectangle only, straight from the owner's array: nothing is recoloured that
is not painted. Sampling is ours and not QPainter's because Qt steps through a scaled image in
16-bit fractions from where the clip begins, so that a partial repaint may differ from a full one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from model.data.label_sets import IGNORE, Color
from seggui.canvas.view_transform import Size, ViewTransform
from seggui.core.records import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seggui.core.early_strokes import EarlyStroke

_HIGHEST_CONFIDENCE = 200


def image_from_pixels(pixels: NDArray[np.uint8]) -> QImage:
    """A picture that the canvas can show; a deep copy, safe to make in any thread.

    Args:
        pixels: (H, W, 3) uint8, red green blue.

    Returns:
        A QImage of Format_RGB32.

    Raises:
        ValueError: if the array has another shape or dtype.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            f"Expected an (H, W, 3) uint8 array with pixels, got {pixels.shape} {pixels.dtype}."
        )
    height, width = pixels.shape[:2]
    packed = np.ascontiguousarray(pixels)
    borrowed = QImage(packed.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return borrowed.convertToFormat(QImage.Format.Format_RGB32)


def smaller_levels(image: QImage) -> tuple[QImage, ...]:
    """The image halved again and again, for smooth display of huge images; safe in any thread.

    Halving 8192 x 4096 takes 60 ms: loaders do it in their thread and hand it to ``set_image``.

    Args:
        image: of Format_RGB32.

    Returns:
        Half size, quarter size, ... down to about a thousand pixels; empty for small images.
    """
    levels: list[QImage] = []
    current = image
    while max(current.width(), current.height()) > 1024:
        current = current.scaled(
            (current.width() + 1) // 2,
            (current.height() + 1) // 2,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        levels.append(current)
    return tuple(levels)


def sample(array: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Any]:
    """``array[rows][:, columns]`` for ascending indices, in the cheaper order.

    At 100 % it is a view of the array, else a copy.

    Args:
        array: (H, W), any dtype.
        rows: (h,) ascending row indices, at least one.
        columns: (w,) ascending column indices, at least one.
    """
    top, left = rows[0], columns[0]
    block: NDArray[Any] = array[top : rows[-1] + 1, left : columns[-1] + 1]
    if _is_consecutive(rows) and _is_consecutive(columns):
        return block
    if len(rows) > block.shape[0]:
        block = block.take(columns - left, axis=1, mode="clip")
        return block.take(rows - top, axis=0, mode="clip")  # type: ignore[no-any-return]
    block = block.take(rows - top, axis=0, mode="clip")
    return block.take(columns - left, axis=1, mode="clip")  # type: ignore[no-any-return]


class ImageLayer:
    """The image, resampled to the view once and then copied from there.

    Attributes:
        is_smooth: whether enlarged images are interpolated instead of showing square pixels.
    """

    def __init__(self) -> None:
        self.is_smooth = False
        self._background = QColor(0x14, 0x15, 0x17)
        self._image = QImage()
        self._levels: tuple[QImage, ...] | None = None
        self._cache = QImage()
        self._cache_key: tuple[object, ...] = ()

    @property
    def painted(self) -> QImage:
        """What was painted last, as large as the view."""
        return QImage(self._cache)

    @property
    def size(self) -> Size:
        """(height, width) of the image, (0, 0) without one."""
        return self._image.height(), self._image.width()

    def set_image(self, image: QImage | None, levels: tuple[QImage, ...] | None) -> None:
        """Takes another image; ``levels`` is what ``smaller_levels`` gave, None makes it later."""
        self._image = QImage() if image is None else image
        if self._image.format() not in (QImage.Format.Format_RGB32, QImage.Format.Format_Invalid):
            self._image = self._image.convertToFormat(QImage.Format.Format_RGB32)
        self._levels = levels
        self._cache_key = ()

    def set_background(self, color: QColor) -> None:
        """Sets what surrounds the image."""
        self._background = color
        self._cache_key = ()

    def paint(self, painter: QPainter, device: Rect, view: ViewTransform, *, shown: Size) -> None:
        """Paints image and background of the device rectangle; ``shown`` is the view's size."""
        key = (view, shown, self.is_smooth)
        if key != self._cache_key:
            self._fill_cache(view, shown)
            self._cache_key = key
        corner = QPoint(device.left, device.top)
        painter.drawImage(corner, self._cache, QRect(corner, _qsize(device)))

    def _fill_cache(self, view: ViewTransform, shown: Size) -> None:
        if (self._cache.height(), self._cache.width()) != shown:
            self._cache = QImage(shown[1], shown[0], QImage.Format.Format_RGB32)
        image_rect = Rect(0, 0, *self.size)
        visible = view.covered(image_rect).clipped(*shown)
        if visible != Rect(0, 0, *shown):
            self._cache.fill(self._background)
        if visible.is_empty:
            return
        if view.scale < 1 or self.is_smooth:
            self._fill_smoothly(view, visible)
            for edge in _edges(visible, view.covered(image_rect)):
                self._fill_nearest(view, edge)
        else:
            self._fill_nearest(view, visible)

    def _fill_nearest(self, view: ViewTransform, visible: Rect) -> None:
        rows, columns = view.rows(visible, self.size[0]), view.columns(visible, self.size[1])
        colors = sample(_pixels(self._image), rows, columns)
        _writable_pixels(self._cache)[visible.slices] = colors

    def _fill_smoothly(self, view: ViewTransform, visible: Rect) -> None:
        level = self._level_for(view.scale)
        row_scale = view.scale * self.size[0] / level.height()
        column_scale = view.scale * self.size[1] / level.width()
        # Only the visible part with a margin for the interpolation: Qt's fixed-point
        # coordinates overflow on what lies far outside.
        seen = view.shown(visible, self.size)
        top = max(0, int(seen.top * view.scale / row_scale) - 2)
        left = max(0, int(seen.left * view.scale / column_scale) - 2)
        bottom = min(level.height(), int(seen.bottom * view.scale / row_scale) + 3)
        right = min(level.width(), int(seen.right * view.scale / column_scale) + 3)
        target = QRectF(
            view.left + left * column_scale, view.top + top * row_scale,
            (right - left) * column_scale, (bottom - top) * row_scale,
        )  # fmt: skip
        painter = QPainter(self._cache)
        painter.setClipRect(QRect(QPoint(visible.left, visible.top), _qsize(visible)))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, level, QRectF(left, top, right - left, bottom - top))
        painter.end()

    def _level_for(self, scale: float) -> QImage:
        """The smallest version of the image that still has a pixel for every device pixel."""
        if scale > 0.5:
            return self._image
        if self._levels is None:
            self._levels = smaller_levels(self._image)
        wanted = self._image.width() * scale
        large_enough = [level for level in self._levels if level.width() >= wanted]
        return large_enough[-1] if large_enough else self._image


class MaskLayer:
    """The mask in the colours of its classes, blended over the image.

    Attributes:
        is_outlined: show only the borders between classes.
    """

    def __init__(self) -> None:
        self.is_outlined = False
        self._mask: NDArray[np.uint8] | None = None
        self._colors: tuple[Color, ...] = ()
        self._hidden: frozenset[int] = frozenset()
        self._opacity = 0.5
        self._table: NDArray[np.uint32] | None = None  # made by the first paint

    @property
    def opacity(self) -> float:
        """0 shows only the image, 1 only the mask."""
        return self._opacity

    def set_mask(self, mask: NDArray[np.uint8] | None) -> None:
        """Takes the owner's (H, W) uint8 array itself, not a copy; None shows no mask."""
        self._mask = mask

    def set_colors(self, colors: Sequence[Color], hidden: frozenset[int]) -> None:
        """Colour of each class index; hidden ones, IGNORE and unknown values are transparent."""
        self._colors = tuple(colors)
        self._hidden = hidden
        self._table = None

    def set_opacity(self, opacity: float) -> None:
        """Sets how much of the image the mask covers, 0..1."""
        self._opacity = min(max(opacity, 0.0), 1.0)
        self._table = None

    def paint(
        self, painter: QPainter, device: Rect, view: ViewTransform, *, only_outline: bool = False
    ) -> None:
        """Paints the device rectangle, which must lie inside the image."""
        if self._mask is None or device.is_empty:
            return
        if self.is_outlined or only_outline:
            _blend(painter, device, self._outline(self._mask, device, view))
        else:
            if self._table is None:
                self._table = self._color_table(self._opacity)
            _blend(painter, device, sample_colors(self._mask, device, view, table=self._table))

    def paint_strokes(
        self, painter: QPainter, strokes: Iterable[EarlyStroke], device: Rect, view: ViewTransform
    ) -> None:
        """Paints strokes that wait for the mask, inside the device rectangle. Without numpy.

        Into a layer of their own first: where strokes overlap, the later one counts.
        """
        strokes = list(strokes)
        if not strokes or device.is_empty:
            return
        layer = QImage(_qsize(device), QImage.Format.Format_ARGB32_Premultiplied)
        layer.fill(Qt.GlobalColor.transparent)
        over = QPainter(layer)
        over.translate(-device.left, -device.top)
        over.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        for stroke in strokes:
            color = self._stroke_color(stroke.rule.label)
            for piece in stroke.segments:
                pen = QPen(color, 2 * piece.radius_px * view.scale)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                over.setPen(pen)
                ends = [QPointF(*view.to_device(point)) for point in (piece.start, piece.end)]
                over.drawLine(*ends) if piece.start != piece.end else over.drawPoint(ends[0])
        over.end()
        painter.setOpacity(self._opacity)
        painter.drawImage(QPoint(device.left, device.top), layer)
        painter.setOpacity(1.0)

    def _stroke_color(self, label: int) -> QColor:
        if label in self._hidden or label >= len(self._colors):  # also an eraser's
            return QColor(Qt.GlobalColor.transparent)
        return QColor(*self._colors[label])

    def _color_table(self, opacity: float) -> NDArray[np.uint32]:
        table = np.zeros(256, np.uint32)
        for index, color in enumerate(self._colors[:IGNORE]):
            if index not in self._hidden:
                table[index] = premultiplied(color, opacity)
        return table

    def _outline(
        self, mask: NDArray[np.uint8], device: Rect, view: ViewTransform
    ) -> NDArray[np.uint32]:
        """Coloured where a neighbouring device pixel shows another class; the rest transparent."""
        wide = Rect(device.top - 1, device.left - 1, device.bottom + 1, device.right + 1)
        rows, columns = view.rows(wide, mask.shape[0]), view.columns(wide, mask.shape[1])
        classes = sample(mask, rows, columns)
        inner = classes[1:-1, 1:-1]
        is_border = inner != classes[:-2, 1:-1]
        is_border |= inner != classes[2:, 1:-1]
        is_border |= inner != classes[1:-1, :-2]
        is_border |= inner != classes[1:-1, 2:]
        colors: NDArray[np.uint32] = self._color_table(min(1.0, 2 * self._opacity)).take(
            inner, mode="clip"
        )
        colors *= is_border
        return colors


class ConfidenceLayer:
    """Where the network was unsure: the less sure, the hotter; certain pixels stay clear."""

    def __init__(self) -> None:
        self._levels: NDArray[np.uint8] | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to show."""
        return self._levels is not None

    def set_confidence(self, confidence: NDArray[np.floating[Any]] | None) -> None:
        """Takes an (H, W) array of 0..1 (copied as 8 bit), or None for nothing."""
        if confidence is None:
            self._levels = None
            return
        self._levels = (np.nan_to_num(confidence) * 255).clip(0, 255).astype(np.uint8)

    def paint(self, painter: QPainter, device: Rect, view: ViewTransform) -> None:
        """Paints the device rectangle, which must lie inside the image."""
        if self._levels is not None and not device.is_empty:
            _blend(painter, device, sample_colors(self._levels, device, view, table=_heat_table()))


def sample_colors(
    values: NDArray[np.uint8], device: Rect, view: ViewTransform, *, table: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """The colours of the values that the device pixels show.

    Args:
        values: (H, W) uint8.
        device: not empty, inside the image.
        view: where the image lies.
        table: (256,) uint32 colours, alpha premultiplied.

    Returns:
        (height, width) of ``device`` uint32, C-contiguous.
    """
    same = view.same_pixels(device)
    if same is not None:
        return table.take(values[same.slices], mode="clip")
    rows, columns = view.rows(device, values.shape[0]), view.columns(device, values.shape[1])
    if view.scale < 1:
        return table.take(sample(values, rows, columns), mode="clip")
    # Enlarged: colouring the few source pixels and then repeating them is cheaper.
    block = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return sample(table.take(block, mode="clip"), rows - rows[0], columns - columns[0])


def premultiplied(color: Color, opacity: float) -> int:
    """0xAARRGGBB with the colour already multiplied by the opacity, as Qt blends it."""
    red, green, blue = (round(channel * opacity) for channel in color)
    return round(255 * opacity) << 24 | red << 16 | green << 8 | blue


@cache
def _heat_table() -> NDArray[np.uint32]:
    table = np.zeros(256, np.uint32)
    for level in range(_HIGHEST_CONFIDENCE):
        doubt = 1 - level / _HIGHEST_CONFIDENCE
        table[level] = premultiplied((255, round(220 * (1 - doubt)), 0), 0.8 * doubt)
    return table


def _is_consecutive(indices: NDArray[np.intp]) -> bool:
    return bool((np.diff(indices) == 1).all())


def _edges(visible: Rect, whole: Rect) -> list[Rect]:
    """The outermost device pixels of the image, where they are in view.

    Qt draws a scaled image one pixel short where its edge falls on the centre of a device pixel.
    """
    lines = (
        (visible.top == whole.top, replace(visible, bottom=visible.top + 1)),
        (visible.left == whole.left, replace(visible, right=visible.left + 1)),
        (visible.bottom == whole.bottom, replace(visible, top=visible.bottom - 1)),
        (visible.right == whole.right, replace(visible, left=visible.right - 1)),
    )
    return [line for is_edge, line in lines if is_edge]


def _blend(painter: QPainter, device: Rect, colors: NDArray[np.uint32]) -> None:
    height, width = colors.shape
    picture = QImage(
        colors.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
    )
    painter.drawImage(QPoint(device.left, device.top), picture)


def _qsize(rect: Rect) -> QSize:
    return QSize(rect.width, rect.height)


def _pixels(image: QImage) -> NDArray[np.uint32]:
    """(H, W) uint32 read-only view of a 32-bit image, valid while the image lives."""
    return _reshaped(np.frombuffer(image.constBits(), np.uint32), image)


def _writable_pixels(image: QImage) -> NDArray[np.uint32]:
    return _reshaped(np.frombuffer(image.bits(), np.uint32), image)


def _reshaped(flat: NDArray[np.uint32], image: QImage) -> NDArray[np.uint32]:
    return flat.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()]
