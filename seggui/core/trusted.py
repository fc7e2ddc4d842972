"""Counting the pixels that training may believe, with as little reading as possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.data.label_sets import IGNORE
from model.data.masks import count_values, read_mask
from seggui.core.records import Provenance

Counts = tuple[int, ...]
"""Trusted pixels of each class index 0..254."""

_NOTHING: Counts = (0,) * IGNORE


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
    trusted = mask != IGNORE
    if provenance_path.exists():
        provenance = read_mask(provenance_path)
        trusted &= np.isin(provenance, (Provenance.CORRECTED, Provenance.ACCEPTED))
    return tuple(int(n) for n in count_values(mask[trusted])[:IGNORE])
