"""A simulated person who corrects a prediction with a brush, under a time budget.

Follows the correction protocol of the loop benchmark: errors count only where they are more than 2
pixels from a true class border, regions under 10 pixels are ignored, the largest region comes
first, and the brush is no wider than half the depth of the true region, so that borders stay
imperfect. Stroke and gap times are those of RootPainter's published simulator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BAND_PX = 2
MIN_REGION_PX = 10
MAX_RADIUS_PX = 16
PAINTING_SPEED_PX_PER_S = 400.0
STROKE_S, GAP_S, CLASS_CHANGE_S, REVIEW_S = 1.4, 1.5, 0.7, 2.0
NUM_PASSES = 3


@dataclass(frozen=True)
class Corrections:
    """What the person left behind.

    Attributes:
        mask: (H, W) uint8, the prediction with the strokes painted over it.
        painted: (H, W) bool, where the brush has been.
        seconds: simulated time.
        num_strokes: brush strokes.
    """

    mask: np.ndarray
    painted: np.ndarray
    seconds: float
    num_strokes: int


def correct(
    predicted: np.ndarray,
    truth: np.ndarray,
    *,
    budget_s: float,
    rng: np.random.Generator,
    wrong_class_share: float = 0.02,
    spill_share: float = 0.05,
) -> Corrections:
    """Corrects one prediction, largest error region first, until the time is over.

    Args:
        predicted: (H, W) uint8 class indices.
        truth: (H, W) uint8 class indices, 255 = void.
        budget_s: simulated seconds, review included.
        rng: of stroke times and mistakes.
        wrong_class_share: share of strokes in a wrong class.
        spill_share: share of strokes that spill over the border by one radius.
    """
    mask, painted = predicted.copy(), np.zeros(truth.shape, bool)
    seconds, num_strokes, last_class = REVIEW_S, 0, -1
    is_inner = away_from_borders(truth, BAND_PX) & (truth != 255)
    for attempt in range(NUM_PASSES):
        errors = is_inner & (mask != truth)
        for region in error_regions(errors, truth):
            label = int(truth[region][0])
            strokes, length = _strokes(region, truth == label, attempt)
            if strokes is None:
                continue
            if rng.random() < spill_share:
                strokes = dilated(strokes, 3)
            count = max(1, round(length / (PAINTING_SPEED_PX_PER_S * STROKE_S)))
            cost = count * (GAP_S + STROKE_S * rng.lognormal(0, 0.3))
            cost += CLASS_CHANGE_S if label != last_class else 0.0
            if seconds + cost > budget_s:
                return Corrections(mask, painted, seconds, num_strokes)
            is_slip = rng.random() < wrong_class_share
            last_class = int(rng.choice(np.unique(predicted))) if is_slip else label
            mask[strokes] = last_class
            painted |= strokes
            seconds += cost
            num_strokes += count
    return Corrections(mask, painted, seconds, num_strokes)


def _strokes(
    region: np.ndarray, inside: np.ndarray, attempt: int
) -> tuple[np.ndarray | None, float]:
    """(pixels painted, path length in px) of brushing one region; None when no brush fits."""
    deepest = max_depth(inside, region)
    radius = max(1, min(MAX_RADIUS_PX, deepest // 2) >> attempt)
    centers = eroded(inside, radius) & dilated(region, max(1, radius // 2))
    if not centers.any():
        radius = 1
        centers = region
    strokes = dilated(centers, radius) & inside
    return strokes, float(np.count_nonzero(strokes)) / (2 * radius)


def error_regions(errors: np.ndarray, truth: np.ndarray) -> list[np.ndarray]:
    """Masks of the 8-connected regions of one true class each, largest first."""
    regions = []
    for label in np.unique(truth[errors]):
        labels, count = connected(errors & (truth == label))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        regions += [
            (int(sizes[i]), labels == i) for i in range(1, count + 1) if sizes[i] >= MIN_REGION_PX
        ]
    return [region for _, region in sorted(regions, key=lambda pair: -pair[0])]


def connected(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels 8-connected regions: runs of each row, joined with those of the row above."""
    parents: list[int] = [0]

    def root(label: int) -> int:
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label

    labels = np.zeros(mask.shape, np.int32)
    above: list[tuple[int, int, int]] = []
    for row, line in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        current = []
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            touching = [root(n) for a, b, n in above if a <= stop and b >= start]
            label = min(touching) if touching else len(parents)
            if not touching:
                parents.append(label)
            for other in touching:
                parents[other] = label
            labels[row, start:stop] = label
            current.append((int(start), int(stop), label))
        above = current
    roots = np.array([root(i) for i in range(len(parents))])
    _, compact = np.unique(roots, return_inverse=True)
    return compact[labels], int(compact.max(initial=0))


def away_from_borders(truth: np.ndarray, distance_px: int) -> np.ndarray:
    """True where every pixel within ``distance_px`` rows and columns has the same class."""
    low, high = truth, truth
    for _ in range(distance_px):
        low = _neighbours(low, np.minimum)
        high = _neighbours(high, np.maximum)
    return low == high


def max_depth(inside: np.ndarray, region: np.ndarray) -> int:
    """How far the deepest pixel of a region is from outside, in px, up to twice the brush."""
    depth = 0
    while depth < 2 * MAX_RADIUS_PX and (inside & region).any():
        inside = eroded(inside, 1)
        depth += 1
    return depth


def eroded(mask: np.ndarray, radius: int) -> np.ndarray:
    """What remains when ``radius`` pixels are taken off all around (octagon)."""
    return ~dilated(~mask, radius)


def dilated(mask: np.ndarray, radius: int) -> np.ndarray:
    """Grown by ``radius`` pixels; crosses and squares in turn make an octagon, nearly a disc."""
    for i in range(radius):
        mask = _neighbours(mask, np.logical_or) if i % 2 else _cross(mask)
    return mask


def _cross(mask: np.ndarray) -> np.ndarray:
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def _neighbours(values: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Joins each pixel with its eight neighbours."""
    rows = values.copy()
    rows[1:] = join(rows[1:], values[:-1])
    rows[:-1] = join(rows[:-1], values[1:])
    result = rows.copy()
    result[:, 1:] = join(result[:, 1:], rows[:, :-1])
    result[:, :-1] = join(result[:, :-1], rows[:, 1:])
    return result
