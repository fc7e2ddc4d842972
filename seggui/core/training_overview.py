"""What the training panel shows before anything starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingOverview:
    """What a fine-tuning run would be made of, in numbers.

    Attributes:
        num_train_images: images with trusted pixels that would be trained on.
        num_held_out_images: images with trusted pixels that would only be scored.
        num_pixels: trusted pixels of each class over the images trained on.
        class_names: names for ``num_pixels``.
        class_colors: (red, green, blue) of each class.
        estimated_seconds: until the end on this machine, or None while nothing was measured yet.
        device: what it would run on, for people; empty while unknown.
        problem: why it cannot start, with what to do; empty when it can.
        advice: sentences that help to get more out of it.
    """

    num_train_images: int
    num_held_out_images: int
    num_pixels: tuple[int, ...]
    class_names: tuple[str, ...]
    class_colors: tuple[tuple[int, int, int], ...]
    estimated_seconds: float | None
    device: str
    problem: str = ""
    advice: tuple[str, ...] = ()
