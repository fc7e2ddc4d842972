"""Datasets and networks of a few pixels, for tests of evaluation: nothing is read from disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from model.data.label_sets import LabelClass, LabelSet
from model.engine.protocol import Prediction

COLORS = ((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222))


def label_set(num_classes: int, name: str = "small") -> LabelSet:
    return LabelSet(
        name,
        tuple(
            LabelClass(i, f"name {i}", COLORS[i] if i < len(COLORS) else (i, 0, i))
            for i in range(num_classes)
        ),
    )


def mask(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint8)


@dataclass(frozen=True)
class Item:
    key: str


@dataclass
class Pairs:
    """Truth and answer by key; the answer is hidden in the image for `Answers` to find."""

    label_set: LabelSet
    truths: dict[str, np.ndarray]
    answers: dict[str, np.ndarray]
    name: str = "pairs"
    reads: list[str] = field(default_factory=list)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(Item(key) for key in self.truths)

    def read_image(self, item: Item) -> np.ndarray:
        self.reads.append(item.key)
        return np.repeat(self.answers[item.key][..., np.newaxis], 3, axis=2)

    def read_mask(self, item: Item) -> np.ndarray:
        return self.truths[item.key]


class Answers:
    """A network that says the red channel."""

    def __init__(self, seconds: float = 0.5) -> None:
        self.seconds = seconds
        self.before: Callable[[int], None] = lambda number: None
        self.num_predicted = 0

    def predict(self, pixels: np.ndarray, *, is_cancelled: object = None) -> Prediction:
        self.num_predicted += 1
        self.before(self.num_predicted)
        classes = pixels[..., 0].copy()
        return Prediction(classes, classes, "sha", self.seconds)


def never() -> bool:
    return False


def pairs(*masks: tuple[np.ndarray, np.ndarray], num_classes: int = 3) -> Pairs:
    """A dataset of (truth, answer) pairs called a, b, c, ..."""
    keys = [chr(ord("a") + i) for i in range(len(masks))]
    truths = {key: truth for key, (truth, _) in zip(keys, masks, strict=True)}
    answers = {key: answer for key, (_, answer) in zip(keys, masks, strict=True)}
    return Pairs(label_set(num_classes), truths, answers)
