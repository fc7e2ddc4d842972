"""Dividing a dataset into parts: seeded, rare classes in every part, videos not torn apart."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.datasets.folders import natural_key
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.errors import DatasetError

_UNITS_PER_PART = 3
"""A part that is cut out of few videos consists of about so many pieces, for variety."""


@dataclass(frozen=True)
class DatasetSplit:
    """A dataset in parts; no item is in two of them.

    Attributes:
        train: to learn from; never empty.
        validation: to choose the best state by; may be empty.
        test: to report on; may be empty.
        notes: sentences about what could not be as asked.
    """

    train: tuple[DatasetItem, ...]
    validation: tuple[DatasetItem, ...]
    test: tuple[DatasetItem, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Unit:
    """Items that stay together: a whole group, or neighbouring frames of one.

    Attributes:
        items: at least one.
        classes: (C + G,) in how many of them each class occurs, and how many are of each group
            that had to be cut: each part should have some of it too.
    """

    items: tuple[DatasetItem, ...]
    classes: NDArray[np.int64]


def split_dataset(
    dataset: Dataset,
    *,
    seed: int,
    validation_share: float,
    test_share: float,
    survey: DatasetSurvey | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> DatasetSplit:
    """Divides a dataset; the same arguments give the same parts on every computer.

    Parts that the dataset has itself are kept as they are. A part that it lacks is taken from its
    training images and from those without a part. Frames of one group (drive, video) stay together
    as a whole where there are enough groups; else groups are cut into a few contiguous blocks. The
    pieces are dealt out so that each class occurs in every part, as far as possible.

    Args:
        dataset: what to divide.
        seed: another one gives another division, where one has to be made.
        validation_share: of all items, 0 or more, for a validation part if the dataset has none.
        test_share: the same for a test part.
        survey: of this dataset; only its usable items are divided. None reads the masks when
            something has to be divided, and divides all items.
        is_cancelled: asked at every mask.

    Raises:
        DatasetError: shares that leave nothing to train on, nothing to train on, or too few items.
        CancelledError: ``is_cancelled`` said so.
    """
    _check_shares(validation_share, test_share)
    items = dataset.items if survey is None else survey.usable
    own: dict[Split, list[DatasetItem]] = {
        split: [item for item in items if item.split == split] for split in SPLITS
    }
    pool = [item for item in items if item.split in (None, "train")]
    asked: dict[Split, float] = {"validation": validation_share, "test": test_share}
    wanted = {
        split: max(1, round(share * len(items)))
        for split, share in asked.items()
        if share > 0 and not own[split]
    }
    if len(pool) < 1 + len(wanted):
        raise DatasetError(
            f"{dataset.folder} has {len(pool)} images with a usable mask for "
            f"{' and '.join(('train', *wanted))}; at least {1 + len(wanted)} were expected.",
            remedy="Add labelled images, or ask for fewer parts.",
        )
    notes: tuple[str, ...] = ()
    if wanted:
        survey = survey or survey_dataset(dataset, is_cancelled=is_cancelled)
        parts = _divide(pool, _presence(dataset, survey), wanted, seed)
        notes = _missing_classes(dataset, survey, parts)
        own.update(parts)
    else:
        own["train"] = pool
    place = {item.key: i for i, item in enumerate(dataset.items)}
    train, validation, test = (
        tuple(sorted(own[split], key=lambda item: place[item.key])) for split in SPLITS
    )
    return DatasetSplit(train, validation, test, notes)


def _check_shares(validation_share: float, test_share: float) -> None:
    shares = (validation_share, test_share)
    if not all(0 <= share < 1 for share in shares) or sum(shares) >= 1:
        raise DatasetError(
            f"Shares of {validation_share} for validation and {test_share} for test leave nothing "
            "to train on; numbers from 0 whose sum is below 1 were expected.",
        )


def _presence(dataset: Dataset, survey: DatasetSurvey) -> dict[str, NDArray[np.int64]]:
    present = (survey.pixels_per_item[:, :-1] > 0).astype(np.int64)
    return {item.key: present[i] for i, item in enumerate(dataset.items)}


def _divide(
    pool: Sequence[DatasetItem],
    presence: Mapping[str, NDArray[np.int64]],
    wanted: Mapping[Split, int],
    seed: int,
) -> dict[Split, list[DatasetItem]]:
    """Makes ``wanted`` parts of so many items, and leaves the rest to training."""
    pieces = _pieces(pool, wanted)
    cut = [group for group, n in Counter(piece[0].group for piece in pieces).items() if n > 1]
    units = [_unit(piece, presence, cut) for piece in pieces]
    random.Random(seed).shuffle(units)
    targets: dict[Split, int] = {"train": len(pool) - sum(wanted.values()), **wanted}
    dealer = _Dealer(targets, np.sum([unit.classes for unit in units], axis=0))
    while units:
        dealer.deal(units)
    dealer.fill_empty_parts()
    return {
        split: [item for unit in units for item in unit.items]
        for split, units in dealer.parts.items()
    }


def _unit(
    items: Sequence[DatasetItem], presence: Mapping[str, NDArray[np.int64]], cut: Sequence[str]
) -> _Unit:
    classes = np.sum([presence[item.key] for item in items], axis=0)
    groups = [len(items) * (items[0].group == group) for group in cut]
    return _Unit(tuple(items), np.concatenate([classes, np.array(groups, np.int64)]))


def _pieces(pool: Sequence[DatasetItem], wanted: Mapping[Split, int]) -> list[list[DatasetItem]]:
    groups: dict[str, list[DatasetItem]] = defaultdict(list)
    for item in sorted(pool, key=lambda item: natural_key(item.key)):
        groups[item.group].append(item)
    smallest = min(wanted.values())
    longest = max(1, math.ceil(smallest / _UNITS_PER_PART))
    in_small_groups = sum(len(g) for g in groups.values() if 2 * len(g) <= smallest)
    if in_small_groups >= 2 * sum(wanted.values()):
        return list(groups.values())
    return [piece for group in groups.values() for piece in _cut(group, longest)]


def _cut(group: list[DatasetItem], longest: int) -> list[list[DatasetItem]]:
    """Contiguous blocks, as equal as possible."""
    num_blocks = math.ceil(len(group) / longest)
    bounds = [len(group) * i // num_blocks for i in range(num_blocks + 1)]
    return [group[start:end] for start, end in itertools.pairwise(bounds)]


class _Dealer:
    """Deals units to parts, the rarest class first (after Sechidis et al. 2011)."""

    def __init__(self, targets: Mapping[Split, int], classes: NDArray[np.int64]) -> None:
        self.parts: dict[Split, list[_Unit]] = {split: [] for split in targets}
        self._targets = targets
        self._sizes = dict.fromkeys(targets, 0)
        total = sum(targets.values())
        self._wishes = {s: classes * (number / total) for s, number in targets.items()}
        self._has = {split: np.zeros(len(classes), np.int64) for split in targets}

    def deal(self, units: list[_Unit]) -> None:
        """Takes a unit with the class that fewest units have out of ``units`` and gives it away."""
        holders = np.sum([unit.classes > 0 for unit in units], axis=0)
        if holders.any():
            rarest = int(np.argmin(np.where(holders > 0, holders, np.iinfo(np.int64).max)))
            unit = next(unit for unit in units if unit.classes[rarest])
        else:
            rarest, unit = None, units[0]
        units.remove(unit)
        self._give(unit, self._part_for(unit, rarest))

    def _part_for(self, unit: _Unit, rarest: int | None) -> Split:
        # Half a unit too many is as good as half a unit too few. Training takes the rest.
        open_parts: list[Split] = [
            split
            for split, size in self._sizes.items()
            if size + len(unit.items) / 2 <= self._targets[split]
        ]
        if not open_parts:
            return "train"
        if rarest is not None:
            for split in open_parts:  # training first: what it never sees it cannot learn
                if not self._has[split][rarest]:
                    return split
            return max(open_parts, key=lambda s: (self._wishes[s][rarest], self._room(s)))
        return max(open_parts, key=self._room)

    def _room(self, split: Split) -> int:
        return self._targets[split] - self._sizes[split]

    def _give(self, unit: _Unit, split: Split) -> None:
        self.parts[split].append(unit)
        self._sizes[split] += len(unit.items)
        self._wishes[split] = self._wishes[split] - unit.classes
        self._has[split] = self._has[split] + unit.classes

    def fill_empty_parts(self) -> None:
        """Units may be larger than a part should be: then the smallest one is the part."""
        for units in self.parts.values():
            if not units:
                giver = max(self.parts.values(), key=len)
                smallest = min(giver, key=lambda unit: len(unit.items))
                giver.remove(smallest)
                units.append(smallest)


def _missing_classes(
    dataset: Dataset, survey: DatasetSurvey, parts: Mapping[Split, Sequence[DatasetItem]]
) -> tuple[str, ...]:
    presence = _presence(dataset, survey)
    overall = [index for index, number in enumerate(survey.class_images) if number]
    notes = []
    for split, items in parts.items():
        seen = np.sum([presence[item.key] for item in items], axis=0)
        names = [dataset.label_set.classes[i].name for i in overall if not seen[i]]
        if names:
            notes.append(f"The part {split!r} has no pixel of {', '.join(names)}.")
    return tuple(notes)
