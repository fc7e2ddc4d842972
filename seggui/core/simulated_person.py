"""A person who corrects masks, simulated: for the demonstration and for measurements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.data.label_sets import IGNORE
from seggui.core.edits import make_edit
from seggui.core.records import MaskEdit, Provenance, Rect

Pixels = NDArray[np.uint8]


def correct_mistakes(
    mask: Pixels, provenance: Pixels, truth: Pixels, *, num_dabs: int, radius_px: int, seed: int
) -> MaskEdit | None:
    """Corrects some wrong places as a careful person would: exactly, one round dab after the other.

    Every dab lies on a wrong pixel drawn at random, so that large mistakes get most of them. Inside
    a dab the truth is painted; where the mask was right already, a person who paints over it says
    so, too.

    Args:
        mask: (H, W) uint8 class indices, 255 = ignore; only read, like the others.
        provenance: (H, W) uint8 values of :class:`Provenance`.
        truth: (H, W) uint8, what the person sees in the image; 255 is never painted.
        num_dabs: how often the brush is put down at most.
        radius_px: of the brush.
        seed: of the choice of places.

    Returns:
        The correction, or None when nothing is wrong.
    """
    random = np.random.default_rng(seed)
    new_mask, new_provenance = mask.copy(), provenance.copy()
    for _ in range(num_dabs):
        wrong = np.flatnonzero((new_mask != truth) & (truth != IGNORE))
        if wrong.size == 0:
            break
        row, col = divmod(int(random.choice(wrong)), mask.shape[1])
        box = Rect(row - radius_px, col - radius_px, row + radius_px + 1, col + radius_px + 1)
        place = box.clipped(*mask.shape).slices
        rows, cols = np.ogrid[place]
        dab = (rows - row) ** 2 + (cols - col) ** 2 <= radius_px**2
        dab &= truth[place] != IGNORE
        new_mask[place][dab] = truth[place][dab]
        new_provenance[place][dab] = Provenance.CORRECTED
    return make_edit(
        Rect(0, 0, *mask.shape),
        mask,
        new_mask,
        provenance,
        new_provenance,
        kind="stroke",
        text="Brush: corrections",
    )
