"""Decoding images and thumbnails away from the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QImage

from model.data.images import read_image, read_thumbnail
from seggui.canvas.layers import image_from_pixels, smaller_levels
from seggui.tasks.first_picture import read_picture
from seggui.tasks.job_thread import Done, Failed, JobThread

if TYPE_CHECKING:
    import numpy.typing as npt

    ViewState = Mapping[str, float] | None

THUMBNAIL_SIDE_PX = 96
PICTURE_SECONDS = 0.5
_THUMBNAIL_PRIORITY = 100


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """One image, ready for the canvas and for the network.

    Attributes:
        key: the image.
        pixels: (H, W, 3) uint8 RGB, read-only.
        image: the same for painting.
        levels: halved versions of ``image``, for smooth display of huge images.
    """

    key: str
    pixels: npt.NDArray[np.uint8]
    image: QImage
    levels: tuple[QImage, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.pixels.shape[:2]
        return height, width


class ImageLoader(QObject):
    """Reads images, the one on view first, thumbnails last.

    Signals:
        picture_ready: (:class:`Picture`) how the first image looks, before it is decoded.
    """

    picture_ready = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._has_picture_first = False
        self._goes_on = threading.Event()
        self._is_shown = threading.Event()
        self._thread = JobThread("images", self)
        self._thumbnails = JobThread("thumbnails", self)
        self._ahead: tuple[Path, DecodedImage] | None = None  # touched by the image thread only

    def show_picture_first(self) -> None:
        """Makes the next image that is read ahead known as a picture first.

        Decoding needs numpy, and its import stops the window. So the image waits until
        :meth:`go_on` says that the picture was painted, and thumbnails until :meth:`note_shown`,
        or half a second each: whoever waits for the brush does not wait for them.
        """
        self._has_picture_first = True

    @Slot()
    def go_on(self) -> None:
        """The picture is on the screen: the image itself may be decoded."""
        self._goes_on.set()

    @Slot()
    def note_shown(self) -> None:
        """The first image can be painted on: thumbnails may be read."""
        self._is_shown.set()

    def read_ahead(self, key: str, path: Path, *, view: ViewState = None) -> None:
        """Begins to decode what will be asked for in a moment. May be called from any thread.

        Args:
            key: the image.
            path: its file.
            view: zoom and position that it will be shown with.
        """
        self._thread.submit(
            lambda: self._keep(key, path, view), failed=_leave_to_load, priority=-1, tag=key
        )

    def load(self, key: str, path: Path, *, priority: int, done: Done, failed: Failed) -> None:
        """Decodes one image; ``done`` gets a :class:`DecodedImage`. Lower priorities go first."""
        self._thread.submit(
            lambda: self._taken(key, path), done=done, failed=failed, priority=priority, tag=key
        )

    def keep_only(self, keys: frozenset[str]) -> None:
        """Forgets queued images that nobody waits for any more."""
        self._thread.discard(lambda tag: tag not in keys)

    def load_for_batch(self, key: str, path: Path, *, done: Done, failed: Failed) -> None:
        """Decodes one image after all that the window waits for; not forgotten on the way.

        ``done`` gets (key, pixels): nobody will look at it, so no picture is made of it.
        """
        self._thumbnails.submit(lambda: (key, read_image(path).pixels), done=done, failed=failed)

    def load_thumbnail(self, key: str, path: Path, *, done: Done, failed: Failed) -> None:
        """Decodes a small version; ``done`` gets (key, QImage)."""
        self._thumbnails.submit(
            lambda: (key, self._thumbnail(path)),
            done=done, failed=failed, priority=_THUMBNAIL_PRIORITY, tag=key,
        )  # fmt: skip

    def forget_thumbnails(self) -> None:
        """Forgets queued thumbnails: another folder was opened, or the list was scrolled away."""
        self._thumbnails.discard(lambda tag: tag is not None)

    def close(self) -> None:
        """Ends both threads and waits."""
        self._goes_on.set()
        self._is_shown.set()
        self._thread.close(drain=False)
        self._thumbnails.close(drain=False)

    def _thumbnail(self, path: Path) -> QImage:
        if self._has_picture_first and self._goes_on.wait(PICTURE_SECONDS):
            self._is_shown.wait(PICTURE_SECONDS)
        return image_from_pixels(read_thumbnail(path, THUMBNAIL_SIDE_PX))

    def _keep(self, key: str, path: Path, view: ViewState) -> None:
        if self._has_picture_first and not self._goes_on.is_set():
            picture = read_picture(key, path, view)
            if picture is not None:
                self.picture_ready.emit(picture)
                self._goes_on.wait(PICTURE_SECONDS)
            self._goes_on.set()
        self._ahead = path, _decode(key, path)

    def _taken(self, key: str, path: Path) -> DecodedImage:
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead is not None and ahead[0] == path else _decode(key, path)


def _leave_to_load(error: Exception) -> None:
    """Who asks for the image gets the same error."""


def _decode(key: str, path: Path) -> DecodedImage:
    pixels = read_image(path).pixels
    image = image_from_pixels(pixels)
    return DecodedImage(key, pixels, image, smaller_levels(image))
