"""Counting the pixels that training may believe, with as little reading as possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.data.label_sets import IGNORE
from model.data.masks import count_values, read_mask
from model.errors import MaskError
from seggui.core.records import Provenance

Counts = tuple[int, ...]
"""Trusted pixels of each class index 0..254."""

_NOTHING: Counts = (0,) * IGNORE
_COUNTED_AT_ONCE = 2**20


class TrustedPixels:
    """Counts trusted pixels per class from mask and provenance files; unchanged files once only.

    Trusted is what a person painted or accepted, and belongs to a class. Without a provenance file
    every pixel with a class is trusted: the mask was made elsewhere, by people.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], Counts]] = {}

    def count(self, mask_path: Path, provenance_path: Path) -> Counts:
        """Counts one image; zeros when it has no mask.

        Raises:
            MaskError: a file is broken.
        """
        stamp = (*_stamp(mask_path), *_stamp(provenance_path))
        known = self._known.get(mask_path)
        if known is not None and known[0] == stamp:
            return known[1]
        counts = _count(mask_path, provenance_path)
        self._known[mask_path] = (stamp, counts)
        return counts


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


def _count(mask_path: Path, provenance_path: Path) -> Counts:
    if not mask_path.exists():
        return _NOTHING
    mask = read_mask(mask_path)
    provenance = read_mask(provenance_path) if provenance_path.exists() else None
    if provenance is not None and provenance.shape != mask.shape:
        raise MaskError(
            f"{provenance_path.name} is {provenance.shape}, its mask {mask.shape}; "
            "the same height and width were expected."
        )
    counts = np.zeros(256, np.int64)
    for start in range(0, mask.size, _COUNTED_AT_ONCE):  # no long work while a brush may move
        some = mask.reshape(-1)[start : start + _COUNTED_AT_ONCE]
        if provenance is not None:
            origin = provenance.reshape(-1)[start : start + _COUNTED_AT_ONCE]
            is_trusted = (origin == Provenance.CORRECTED) | (origin == Provenance.ACCEPTED)
            some = some[is_trusted]
        counts += count_values(some)
    return tuple(int(n) for n in counts[:IGNORE])
