"""What every codec of a mask format offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.label_sets import LabelSet

Pixels = NDArray[np.uint8]

Encode = Callable[[Pixels, "Pixels | None", LabelSet], bytes]
"""(mask (H, W), image (H, W, 3) or None, label set) -> the bytes of a file."""

Decode = Callable[[bytes, LabelSet], Pixels]
"""(the bytes of a file, label set) -> mask (H, W)."""


@dataclass(frozen=True)
class MaskFormat:
    """A way to write one mask as one file.

    Attributes:
        name: for the command line, e.g. ``"color-png"``.
        title: for menus, e.g. ``"Colour PNG"``.
        description: one sentence: who reads it, what to expect.
        suffix: ending of the files, with the dot.
        encode: makes the file; raises MaskError or LabelSetError when it cannot be exact.
        decode: reads it back to the same mask, or None where the format keeps no classes.
        needs_image: whether ``encode`` must be given the image.
    """

    name: str
    title: str
    description: str
    suffix: str
    encode: Encode
    decode: Decode | None
    needs_image: bool = False
