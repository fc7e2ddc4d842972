"""Which of several tuned networks is kept, and how fast training goes. Imports no Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence

from model.engine.protocol import Scores, TrainingSettings

WARM_UP_STEPS = 10

KEPT_GAIN = 0.75
"""Share of the best gain that a more cautious blend must keep to be preferred."""


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """Rises over the first ten steps, then falls along half a cosine to a twentieth."""
    warm_up = min(1.0, step / WARM_UP_STEPS)
    decay = 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.num_steps))
    return settings.learning_rate * warm_up * max(0.05, decay)


def merit(scores: Scores) -> float:
    """What candidates are compared by, 0..1: half accuracy, half IoU of the classes that occur.

    IoU is weighted by the square root of each class's pixels. Plain mean IoU misled in the loop
    benchmark: on two held-out frames it hung on classes of which a hundred pixels were accepted by
    mistake, and refused a network that was 5.6 points better on the true masks. Accuracy alone does
    not see rare classes.
    """
    weights = [math.sqrt(count) for count in scores.num_pixels]
    total = sum(weights)
    if not total:
        return 0.0
    weighted = sum(w * (iou or 0.0) for w, iou in zip(weights, scores.iou, strict=True)) / total
    return (weighted + scores.accuracy) / 2


def is_better(scores: Scores, other: Scores) -> bool:
    """Whether a network is worth taking over another."""
    return merit(scores) > merit(other) + 1e-6


def choose_blend(candidates: Sequence[Scores], base: Scores) -> int:
    """Which of some blends to take: the last one that keeps most of the largest gain.

    Args:
        candidates: from the fully tuned network to the one next to the base.
        base: of the base itself.

    Returns:
        Index into ``candidates``.
    """
    gains = [merit(scores) - merit(base) for scores in candidates]
    return max(i for i, gain in enumerate(gains) if gain >= KEPT_GAIN * max(gains))
