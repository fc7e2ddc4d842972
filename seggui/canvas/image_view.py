"""The view: an image with its mask, zoomed and panned, repainted only where something changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPaintEvent,
    QPalette,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from model.data.label_sets import Color
from seggui.canvas.coordinates import device_rect, pixel_center, widget_rect
from seggui.canvas.editor import Point
from seggui.canvas.layers import ConfidenceLayer, ImageLayer, MaskLayer
from seggui.canvas.view_transform import Size, ViewTransform
from seggui.core.records import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seggui.core.early_strokes import EarlyStroke

_ZOOM_STEP = 1.25


@dataclass(frozen=True, eq=False)
class Picture:
    """How an image looks, before it can be worked on.

    Attributes:
        image: the pixels; may have fewer than the image itself.
        key: of the image.
        size: (height, width) of the image itself, in pixels.
        view: zoom and position as ``ImageView.view_state`` gave them, or None for the whole image.
    """

    image: QImage
    key: str
    size: Size
    view: Mapping[str, float] | None = None


class ImageView(QWidget):
    """One image with its mask; owns zoom and position, and nothing else.

    The mask is the owner's array itself: whoever changes it tells ``update_mask`` what changed.

    Signals:
        view_changed: zoom, position or size of the view.
        picture_painted: what ``set_picture`` gave is on the screen in a moment.
    """

    view_changed = Signal()
    picture_painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = ImageLayer()
        self._mask = MaskLayer()
        self._confidence = ConfidenceLayer()
        self._view = ViewTransform()
        self._is_fitted = True
        self._is_peeking = False
        self._placeholder = ""
        self._picture: Picture | None = None
        self._left: QImage | None = None  # the view as it was when its image was left
        self._ratio = self.device_pixel_ratio
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._image.set_background(self.palette().color(QPalette.ColorRole.Shadow))

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def has_image(self) -> bool:
        """Whether an image is shown."""
        return self._image.size != (0, 0)

    @property
    def image_size(self) -> Size:
        """(height, width) of the image in pixels, or of its picture; (0, 0) without one."""
        if self._picture is not None and not self.has_image:
            return self._picture.size
        return self._image.size

    @property
    def is_shown(self) -> bool:
        """Whether an image is to be seen, and be it by its picture."""
        return self.image_size != (0, 0)

    def set_image(
        self,
        image: QImage | None,
        *,
        keep_view: bool = False,
        levels: tuple[QImage, ...] | None = None,
    ) -> None:
        """Shows another image, without mask and confidence until they are set.

        Args:
            image: as made by ``image_from_pixels``; None shows the placeholder, or the picture of
                the image that comes, which stays where it is.
            keep_view: keep zoom and position instead of showing the whole image.
            levels: what ``smaller_levels`` gave for the image; without it, the canvas makes them
                when they are needed first, which takes 75 ms for 8192 x 4096.
        """
        if image is not None:
            self._picture = self._left = None
        self._image.set_image(image, levels)
        self._mask.set_mask(None)
        self._confidence.set_confidence(None)
        is_waiting = image is None and self._picture is not None
        if self._is_fitted or not (keep_view or is_waiting):
            self.fit()
        else:
            self.pan(0, 0)  # not out of sight in an image of another size
        self.update()

    def set_placeholder(self, text: str) -> None:
        """Sets the text in the middle while there is no image: empty, loading, broken."""
        self._placeholder = text
        self._picture = self._left = None
        self.setAccessibleDescription(text)
        self.update()

    def set_picture(self, picture: Picture) -> None:
        """Shows how an image looks until ``set_image`` brings the image itself, or a placeholder.

        It lies where the image will lie, and can be zoomed and panned; ``has_image`` is false.
        """
        self._picture, self._left = picture, None
        self.restore_view(picture.view or {})
        self.update()

    def leave_image(self) -> None:
        """Shows no image any more, but its picture until the next one, a picture or a text comes.

        The next one is mostly there in a moment: an empty view in between would only flicker.
        """
        if not self.has_image:
            return
        self._left = self._image.painted  # with the mask, it is on the screen still
        self._image.set_image(None, None)
        self._mask.set_mask(None)
        self._confidence.set_confidence(None)

    @property
    def has_picture(self) -> bool:
        """Whether a picture stands in for the image that comes."""
        return self._picture is not None

    @property
    def picture_key(self) -> str | None:
        """Of which image there is a picture, or None."""
        return self._picture.key if self._picture is not None else None

    def set_mask(self, mask: NDArray[np.uint8] | None) -> None:
        """Shows the owner's mask itself (no copy) until another one is set.

        Args:
            mask: (H, W) uint8 class indices of the image's size, 255 = ignore; None shows none.

        Raises:
            ValueError: if the mask has another size than the image.
        """
        self._check_size("mask", mask)
        self._mask.set_mask(mask)
        self.update()

    def update_mask(self, rect: Rect) -> None:
        """Repaints where the mask changed; ``rect`` in image pixels, clipped to the image."""
        changed = rect.clipped(*self.image_size)
        if changed.is_empty:
            return
        device = self._view.covered(changed)
        # The outline of a class also depends on the neighbours.
        self.repaint_device(
            Rect(device.top - 1, device.left - 1, device.bottom + 1, device.right + 1)
        )

    def set_class_colors(
        self, colors: Sequence[Color], hidden: frozenset[int] = frozenset()
    ) -> None:
        """Sets the colour of each class index; hidden classes are transparent, like 255."""
        self._mask.set_colors(colors, hidden)
        self.update()

    def set_opacity(self, opacity: float) -> None:
        """Sets how much of the image the mask covers, 0..1."""
        self._mask.set_opacity(opacity)
        self.update()

    def set_outlined(self, is_outlined: bool) -> None:
        """Shows only the borders of the classes, or filled areas."""
        self._mask.is_outlined = is_outlined
        self.update()

    def set_confidence(self, confidence: NDArray[np.floating[Any]] | None) -> None:
        """Shows where the network was unsure instead of the mask; None shows the mask again.

        Args:
            confidence: (H, W) floats 0..1 of the image's size, copied; low ones are hot.

        Raises:
            ValueError: if the array has another size than the image.
        """
        self._check_size("confidence", confidence)
        self._confidence.set_confidence(confidence)
        self.update()

    def set_peek(self, is_peeking: bool) -> None:
        """Hides everything but the image for a moment."""
        if is_peeking != self._is_peeking:
            self._is_peeking = is_peeking
            self.update()

    @property
    def is_peeking(self) -> bool:
        """Whether only the image is shown for the moment."""
        return self._is_peeking

    def set_smooth(self, is_smooth: bool) -> None:
        """Interpolates the enlarged image instead of showing square pixels (never the mask)."""
        self._image.is_smooth = is_smooth
        self.update()

    # -- view ------------------------------------------------------------------------------------

    @property
    def view(self) -> ViewTransform:
        """Where the image lies, in device pixels of the canvas."""
        return self._view

    @property
    def device_pixel_ratio(self) -> float:
        """Device pixels per logical pixel of the widget."""
        return self.devicePixelRatioF()

    @property
    def image_rect(self) -> QRect:
        """Where the image lies in the widget, in logical pixels; may reach outside."""
        whole = self._view.covered(Rect(0, 0, *self.image_size))
        return widget_rect(whole, self.device_pixel_ratio, margin_px=0)

    def widget_position(self, point: Point) -> QPointF:
        """The logical position in the widget of (row, column) in image pixels."""
        x, y = self._view.to_device(point)
        return QPointF(x, y) / self.device_pixel_ratio

    def fit(self) -> None:
        """Shows the whole image, and goes on doing so when the window changes its size."""
        if self.is_shown:
            self._set_view(ViewTransform.fitted(self.image_size, self._device_size()))
        self._is_fitted = True

    def zoom_to(self, scale: float, anchor: QPointF | None = None) -> None:
        """Zooms; what is under the anchor stays there.

        Args:
            scale: device pixels per image pixel, limited to what makes sense.
            anchor: logical position in the widget, or None for the middle.
        """
        if not self.is_shown:
            return
        place = QPointF(self.width(), self.height()) / 2 if anchor is None else anchor
        x, y = pixel_center(place, self.device_pixel_ratio)
        zoomed = self._view.zoomed(scale, x, y)
        if not self.contains(self._view.to_image(x, y)):
            zoomed = zoomed.kept_visible(self.image_size, self._device_size())
        self._is_fitted = False
        self._set_view(zoomed)

    def zoom_in(self) -> None:
        """Looks one step closer."""
        self.zoom_to(self._view.scale * _ZOOM_STEP)

    def zoom_out(self) -> None:
        """Steps back."""
        self.zoom_to(self._view.scale / _ZOOM_STEP)

    def actual_size(self) -> None:
        """One image pixel on one pixel of the screen."""
        self.zoom_to(1.0)

    def pan(self, dx: float, dy: float) -> None:
        """Moves the image by device pixels; a part of it stays in view."""
        if not self.is_shown:
            return
        moved = self._view.moved(dx, dy).kept_visible(self.image_size, self._device_size())
        self._is_fitted = False
        self._set_view(moved)

    def view_state(self) -> dict[str, float]:
        """What ``restore_view`` needs to show the same place again, in a window of any size."""
        height, width = self._device_size()
        row, column = self._view.to_image(width / 2, height / 2)
        is_fitted = float(self._is_fitted)
        return {"scale": self._view.scale, "row": row, "column": column, "is_fitted": is_fitted}

    def restore_view(self, state: Mapping[str, float]) -> None:
        """Shows the place again that ``view_state`` described; anything unusable is a fit."""
        view = self._stored_view(state)
        if view is None:
            self.fit()
            return
        self._is_fitted = False
        self._set_view(view)

    # -- for layers and tools --------------------------------------------------------------------

    def contains(self, point: Point) -> bool:
        """Whether (row, column) is on the image."""
        height, width = self.image_size
        return 0 <= point[0] < height and 0 <= point[1] < width

    def repaint_device(self, rect: Rect) -> None:
        """Schedules a repaint of device pixels."""
        if not rect.is_empty:
            self.update(widget_rect(rect, self.device_pixel_ratio))

    def paint_strokes(self, painter: QPainter, strokes: Iterable[EarlyStroke]) -> None:
        """Draws strokes that are in no mask yet, in device pixels. Without numpy."""
        whole = self._view.covered(Rect(0, 0, *self.image_size)).clipped(*self._device_size())
        self._mask.paint_strokes(painter, strokes, whole, self._view)

    def paint_over(self, painter: QPainter) -> None:
        """Draws what lies over image and mask, in device pixels; for subclasses."""

    # -- Qt events -------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Large: everything else in the window is there to serve it."""
        return QSize(960, 640)

    def minimumSizeHint(self) -> QSize:
        """Small, so that docks can be made wide."""
        return QSize(160, 120)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints what is dirty."""
        ratio = self.device_pixel_ratio
        if ratio != self._ratio:
            self._follow_ratio()
        painter = QPainter(self)
        try:
            painter.scale(1 / ratio, 1 / ratio)
            if self._left is not None:
                painter.drawImage(0, 0, self._left)
                return
            for rect in _few_rects(event.region()):
                self._paint_layers(painter, device_rect(rect, ratio).clipped(*self._device_size()))
            if self._picture is not None and not self.has_image:
                self._paint_picture(painter, self._picture)
            if self.is_shown:
                self.paint_over(painter)
            else:
                self._paint_placeholder(painter)
        finally:
            painter.end()
        if self.has_picture and not self.has_image:
            self.picture_painted.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the whole image in view, or what is in the middle."""
        if self._is_fitted or not event.oldSize().isValid():
            self.fit()
        else:
            grown = event.size() - event.oldSize()
            ratio = self.device_pixel_ratio
            self.pan(grown.width() * ratio / 2, grown.height() * ratio / 2)
        self.view_changed.emit()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._image.set_background(self.palette().color(QPalette.ColorRole.Shadow))
            self.update()

    # -- inside ----------------------------------------------------------------------------------

    def _device_size(self) -> Size:
        ratio = self.device_pixel_ratio
        return max(1, math.ceil(self.height() * ratio)), max(1, math.ceil(self.width() * ratio))

    def _set_view(self, view: ViewTransform) -> None:
        if view != self._view:
            self._view = view
            self.update()
            self.view_changed.emit()

    def _stored_view(self, state: Mapping[str, float]) -> ViewTransform | None:
        """The view of ``view_state`` for what is shown now; None fits it."""
        values = [state.get(name, math.nan) for name in ("scale", "row", "column", "is_fitted")]
        if not all(math.isfinite(value) for value in values) or values[0] <= 0 or values[3]:
            return None
        view = ViewTransform.centered(values[0], (values[1], values[2]), self._device_size())
        return view.kept_visible(self.image_size, self._device_size())

    def _follow_ratio(self) -> None:
        change = self.device_pixel_ratio / self._ratio
        self._ratio = self.device_pixel_ratio
        if self._is_fitted:
            self.fit()
        else:
            view = self._view.zoomed(self._view.scale * change, 0, 0)
            self._set_view(view.moved(view.left * (change - 1), view.top * (change - 1)))

    def _check_size(self, name: str, array: NDArray[Any] | None) -> None:
        if array is not None and array.shape != self._image.size:
            raise ValueError(f"The {name} is {array.shape}, the image {self._image.size}.")

    def _paint_layers(self, painter: QPainter, device: Rect) -> None:
        if device.is_empty:
            return
        self._image.paint(painter, device, self._view, shown=self._device_size())
        whole = self._view.covered(Rect(0, 0, *self._image.size))
        on_image = Rect(
            max(device.top, whole.top), max(device.left, whole.left),
            min(device.bottom, whole.bottom), min(device.right, whole.right),
        )  # fmt: skip
        if not self._is_peeking and not on_image.is_empty:
            self._confidence.paint(painter, on_image, self._view)
            self._mask.paint(painter, on_image, self._view, only_outline=self._confidence.is_shown)

    def _paint_picture(self, painter: QPainter, picture: Picture) -> None:
        """As the image will lie there. Without numpy, which is not loaded yet at the start."""
        view, (height, width) = self._view, picture.size
        is_smooth = view.scale < 1 or self._image.is_smooth
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smooth)
        target = QRectF(view.left, view.top, width * view.scale, height * view.scale)
        painter.drawImage(target, picture.image)

    def _paint_placeholder(self, painter: QPainter) -> None:
        painter.resetTransform()
        background = self.palette().color(QPalette.ColorRole.Shadow)
        is_dark = background.lightness() < 128
        painter.setPen(QColor(255, 255, 255, 190) if is_dark else QColor(0, 0, 0, 190))
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(24, 24, -24, -24), flags, self._placeholder)


def _few_rects(region: QRegion) -> list[QRect]:
    """The region's rectangles, or the one around them if that is little more to paint."""
    whole = region.boundingRect()
    if region.rectCount() == 1:
        return [whole]
    rects: list[QRect] = list(region)  # type: ignore[call-overload]  # the stub lacks __iter__
    area = sum(rect.width() * rect.height() for rect in rects)
    is_little_more = whole.width() * whole.height() <= 1.5 * area
    return [whole] if is_little_more or len(rects) > 16 else rects
