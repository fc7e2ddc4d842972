"""How fast to learn at each step of a training from scratch. Imports no Keras."""

from __future__ import annotations

from model.recipes import Recipe

POWER = 0.9
"""Of the falling schedule (Chen et al., DeepLab, 2017)."""


def progress(step: int, num_steps: int, seconds: float, minutes: float | None) -> float:
    """How far a run is, 0..1: by steps, or by time where that is scarcer.

    Args:
        step: steps made.
        num_steps: steps at most.
        seconds: passed so far.
        minutes: that the run may take, or None.
    """
    by_steps = step / max(1, num_steps)
    by_time = 0.0 if minutes is None else seconds / max(1e-9, 60 * minutes)
    return min(1.0, max(by_steps, by_time))


def learning_rate(recipe: Recipe, step: int, share: float) -> float:
    """The rate of one step.

    Args:
        recipe: peak, schedule and warm-up.
        step: counted from 0.
        share: :func:`progress` of the run.
    """
    rate = recipe.learning_rate
    if recipe.warmup_steps and step < recipe.warmup_steps:
        rate *= (step + 1) / recipe.warmup_steps
    if recipe.schedule == "poly":
        rate *= max(1e-4, (1.0 - share) ** POWER)
    return rate
