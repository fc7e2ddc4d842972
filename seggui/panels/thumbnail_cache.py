"""The thumbnails that were seen last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection

from PySide6.QtGui import QImage, QPixmap

MAX_THUMBNAILS = 400
"""About 400 x 96 x 64 x 4 bytes = 10 MB."""


class ThumbnailCache:
    """Keeps the most recently used thumbnails and knows which ones are on their way."""

    def __init__(self, capacity: int = MAX_THUMBNAILS) -> None:
        self._capacity = capacity
        self._pixmaps: OrderedDict[str, QPixmap] = OrderedDict()
        self._requested: set[str] = set()

    def __len__(self) -> int:
        return len(self._pixmaps)

    def get(self, key: str) -> QPixmap | None:
        """The thumbnail, a null pixmap for an image that cannot be read, None when not there."""
        pixmap = self._pixmaps.get(key)
        if pixmap is not None:
            self._pixmaps.move_to_end(key)
        return pixmap

    def put(self, key: str, image: QImage) -> None:
        """Takes a thumbnail; a null image says that there is none to be had."""
        self._requested.discard(key)
        self._pixmaps[key] = QPixmap.fromImage(image)
        self._pixmaps.move_to_end(key)
        while len(self._pixmaps) > self._capacity:
            self._pixmaps.popitem(last=False)

    def request(self, visible_keys: Collection[str], ask: Callable[[str], None]) -> None:
        """Asks for what is visible and missing, once while it stays visible.

        Whoever loads may drop requests that scrolled away: they come again when seen again.
        """
        self._requested.intersection_update(visible_keys)
        for key in visible_keys:
            if key not in self._pixmaps and key not in self._requested:
                self._requested.add(key)
                ask(key)

    def clear(self) -> None:
        """Forgets everything, for another folder."""
        self._pixmaps.clear()
        self._requested.clear()
