"""Times the editing core, each gesture at two image sizes. Not part of the test suite.

    python -m tests.benchmarks.bench_core [--repeats 200]

Work per mouse event must follow the brush and not the image: the last column says whether it does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from seggui.core.document import MaskDocument, PaintRule

SIZES = {"2048x1024": (1024, 2048), "8192x4096": (4096, 8192)}
NUM_CLASSES = 11
STEP_PX = 12  # between two mouse events of a quick hand


def scene(height: int, width: int, *, seed: int) -> np.ndarray:
    """(height, width) uint8 classes in blobs, about as ragged as a street scene."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, NUM_CLASSES, (height // 64 + 1, width // 64 + 1), np.uint8)
    blobs = coarse.repeat(64, axis=0).repeat(64, axis=1)[:height, :width]
    shift = rng.integers(0, 9, height)
    return np.stack([np.roll(row, step) for row, step in zip(blobs, shift, strict=True)])


def median_ms(action: Callable[[], object], repeats: int) -> float:
    """Median time of an action in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000


class Hand:
    """Paints on and on in one document, in a line that comes back when it leaves the image."""

    def __init__(self, document: MaskDocument, radius_px: float) -> None:
        self.document = document
        self.radius_px = radius_px
        self.at = np.array([document.height / 2 + 0.3, document.width / 2 + 0.1])
        self.direction = np.array([0.6, 0.8])

    def extend(self) -> None:
        after = self.at + STEP_PX * self.direction
        outside = (after < 0) | (after > [self.document.height, self.document.width])
        self.direction[outside] *= -1
        self.document.extend_stroke(tuple(self.at), tuple(after), self.radius_px)
        self.at = after


def time_strokes(document: MaskDocument, repeats: int) -> dict[str, float]:
    """Extending, committing and undoing strokes."""
    rows = {}
    for radius in (0.5, 5, 20, 60):
        hand = Hand(document, radius)
        rule = PaintRule(3, locked=frozenset({1}))
        document.begin_stroke(rule, text="Brush")
        rows[f"extend, radius {radius}"] = median_ms(hand.extend, repeats)
        document.abort_stroke()
    commits = []
    hand = Hand(document, 20)
    for _ in range(10):
        document.begin_stroke(PaintRule(4), text="Brush")
        for _ in range(20):
            hand.extend()
        commits.append(median_ms(document.commit_stroke, 1))
    rows["commit, 20 moves of radius 20"] = float(np.median(commits))
    rows["undo that"] = median_ms(document.undo, 10)
    return rows


def time_areas(document: MaskDocument) -> dict[str, float]:
    """Operations on regions and whole images."""
    height, width = document.height, document.width
    corner, far = (1.0, 1.0), (height - 1.0, width - 1.0)
    rows = {}
    document.begin_stroke(PaintRule(5), text="Brush")
    rows["extend across the image, radius 5"] = median_ms(
        lambda: document.extend_stroke(corner, far, 5), 1
    )
    rows["commit that"] = median_ms(document.commit_stroke, 1)
    rows["fill one region"] = median_ms(
        lambda: document.fill(height // 2, width // 4, PaintRule(9), text="Fill"), 1
    )
    triangle = (corner, far, (height - 1.0, 1.0))
    rows["polygon over half the image"] = median_ms(
        lambda: document.paint_polygon(triangle, PaintRule(6), text="Polygon"), 1
    )
    prediction = scene(height, width, seed=2)
    rows["apply a prediction"] = median_ms(
        lambda: document.apply_prediction(prediction, text="Prediction"), 1
    )
    rows["undo that "] = median_ms(document.undo, 1)
    document.import_mask(np.zeros((height, width), np.uint8), text="Import")
    rows["fill the whole image"] = median_ms(
        lambda: document.fill(0, 0, PaintRule(7), text="Fill"), 1
    )
    return rows


def measure(height: int, width: int, repeats: int) -> dict[str, float]:
    document = MaskDocument.blank(height, width)
    document.apply_prediction(scene(height, width, seed=1), text="Prediction")
    return {**time_strokes(document, repeats), **time_areas(document)}


def main() -> None:
    """Prints a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    columns = {name: measure(*size, repeats) for name, size in SIZES.items()}
    small, large = columns.values()
    print(f"{'ms, median':36s}{''.join(f'{name:>12s}' for name in columns)}{'ratio':>8s}")
    for name, value in small.items():
        print(f"{name:36s}{value:12.3f}{large[name]:12.3f}{large[name] / value:8.2f}")


if __name__ == "__main__":
    main()
