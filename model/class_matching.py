"""Bringing the classes of a network and of a dataset together, by their index. No Keras."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.data.label_sets import IGNORE, LabelSet
from model.engine.protocol import CancelToken, ModelInfo, ModelSettings, Prediction
from model.errors import LabelSetError
from model.evaluate_dataset import PixelPredictor

_MOST_NAMED = 4


@dataclass(frozen=True)
class ClassMatch:
    """How the classes of a network become those of a dataset.

    Attributes:
        settings: to load the network with, so that it never answers an excluded class.
        kept: index in the network of each class of the dataset, ascending.
        warnings: sentences about names that disagree.
    """

    settings: ModelSettings
    kept: tuple[int, ...]
    warnings: tuple[str, ...]


def match_classes(
    info: ModelInfo, label_set: LabelSet, *, excluded: Sequence[int] = ()
) -> ClassMatch:
    """Matches the classes that a network can answer with those of a dataset, in their order.

    Args:
        info: the network.
        label_set: the classes of the dataset.
        excluded: classes of the network that must not be answered, e.g. a void that was trained
            as a class, besides those that its settings exclude.

    Raises:
        LabelSetError: an excluded class does not exist, or the numbers of classes differ.
    """
    excluded = tuple(sorted({*excluded, *info.settings.excluded_classes}))
    unknown = [index for index in excluded if not 0 <= index < info.num_classes]
    if unknown:
        raise LabelSetError(
            f"The network has no class {unknown[0]} that could be left out; "
            f"0 to {info.num_classes - 1} exist."
        )
    kept = tuple(index for index in range(info.num_classes) if index not in excluded)
    if len(kept) != len(label_set):
        raise _different_numbers(info, label_set, kept)
    settings = replace(info.settings, excluded_classes=excluded)
    return ClassMatch(settings, kept, _disagreements(info, label_set, kept))


class RenumberedPredictor:
    """Answers with the indices of the dataset's classes where those of the network differ.

    Args:
        predictor: the network, loaded with the settings of a `ClassMatch`.
        kept: of the same `ClassMatch`.
    """

    def __init__(self, predictor: PixelPredictor, kept: Sequence[int]) -> None:
        self._predictor = predictor
        self._indices = np.full(256, IGNORE, np.uint8)
        self._indices[list(kept)] = np.arange(len(kept), dtype=np.uint8)

    def predict(
        self, pixels: npt.NDArray[np.uint8], *, is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts (H, W, 3) uint8 pixels at their own size."""
        prediction = self._predictor.predict(pixels, is_cancelled=is_cancelled)
        classes = self._indices[prediction.classes]
        classes.setflags(write=False)
        return replace(prediction, classes=classes)


def _different_numbers(
    info: ModelInfo, label_set: LabelSet, kept: tuple[int, ...]
) -> LabelSetError:
    num_left_out = info.num_classes - len(kept)
    left_out = f" ({num_left_out} of {info.num_classes} left out)" if num_left_out else ""
    message = (
        f"The network distinguishes {len(kept)} classes{left_out}, the dataset {label_set.name} "
        f"has {len(label_set)}; equal numbers were expected."
    )
    if len(kept) == len(label_set) + 1:
        last = kept[-1]
        remedy = (
            f"If the network was trained with void as a class, here {last} "
            f"({info.settings.class_names[last]!r}), leave it out with --drop-class {last}."
        )
    else:
        remedy = "Choose another network, or the label set that it was trained with (--labels)."
    return LabelSetError(message, remedy=remedy)


def _disagreements(info: ModelInfo, label_set: LabelSet, kept: tuple[int, ...]) -> tuple[str, ...]:
    names = [info.settings.class_names[index] for index in kept]
    pairs = [
        (mine.index, theirs, mine.name)
        for mine, theirs in zip(label_set.classes, names, strict=True)
        if not _mean_nothing(theirs, mine.name) and _bare(theirs) != _bare(mine.name)
    ]
    if not pairs:
        return ()
    first = "; ".join(f"{i} is {net!r} in the network and {data!r} in the dataset"
                      for i, net, data in pairs[:_MOST_NAMED])  # fmt: skip
    more = f"; and {len(pairs) - _MOST_NAMED} more" if len(pairs) > _MOST_NAMED else ""
    guessed = " The network's names are guessed." if info.settings_are_guessed else ""
    return (f"Classes are matched by index, but names disagree: {first}{more}.{guessed}",)


def _mean_nothing(*names: str) -> bool:
    return any(re.fullmatch(r"class \d+", name) for name in names)


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
