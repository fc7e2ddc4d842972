"""Pictures of a window as small files: few colours, those of the window exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

MOST_BYTES, NUM_EXACT_COLORS = 250_000, 56


def write_small(source: Path, target: Path) -> None:
    """Writes a picture with as many colours as fit into the allowed size.

    The most frequent colours are those of the window and stay exact; the image gets the others.

    Raises:
        RuntimeError: even the fewest colours take too much.
    """
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    colors, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    exact = colors[np.argsort(counts)[::-1][:NUM_EXACT_COLORS]]
    for num_others in (200, 128, 80, 48):
        found = picture.quantize(num_others, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
        others = np.array(found, np.uint8).reshape(-1, 3)[:num_others]
        palette = Image.new("P", (1, 1))
        palette.putpalette(np.concatenate([exact, others]).tobytes())
        small = picture.quantize(palette=palette, dither=Image.Dither.NONE)
        small.save(target, optimize=True)
        if target.stat().st_size < MOST_BYTES:
            return
    raise RuntimeError(f"{target} is still {target.stat().st_size} bytes large")
