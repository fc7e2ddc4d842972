"""Looking at every file of a dataset: what is there, how much of each class, and what is wrong."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.datasets.findings import FEW_FILES, Finding, ItemLook, UnknownValue, find_all
from model.data.images import image_size
from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import count_values
from model.errors import CancelledError, ImageError, MaskError

_MOST_UNKNOWN = 20
_MOST_THREADS = 4

ProgressCallback = Callable[[int, int], None]
"""Told (items done, items in all); called from the calling thread."""


@dataclass(frozen=True)
class SizeCount:
    """Images of one size.

    Attributes:
        height: rows.
        width: columns.
        num_images: so many.
    """

    height: int
    width: int
    num_images: int


@dataclass(frozen=True, eq=False)
class DatasetSurvey:
    """What `survey_dataset` found.

    Attributes:
        name: of the dataset.
        layout: its layout.
        folder: where it is.
        label_set: its classes.
        num_images: images with a mask.
        num_by_split: (part, images) for each part that the dataset has itself.
        sizes: of the images, the most frequent first.
        class_pixels: pixels of each class.
        class_images: images in which each class occurs.
        ignored_pixels: pixels that are void or unlabelled on purpose.
        unknown: values and colours without a meaning, the most frequent first; at most 20.
        unknown_pixels: pixels of all of them.
        findings: what is wrong, the gravest first.
        usable: items that can be read, whose sizes fit, and that have a labelled pixel.
        pixels_per_item: (items, classes + 1) int64, read-only; one row for each item of the
            dataset, the last column are pixels without a class; zeros where unreadable.
    """

    name: str
    layout: str
    folder: Path
    label_set: LabelSet
    num_images: int
    num_by_split: tuple[tuple[Split, int], ...]
    sizes: tuple[SizeCount, ...]
    class_pixels: tuple[int, ...]
    class_images: tuple[int, ...]
    ignored_pixels: int
    unknown: tuple[UnknownValue, ...]
    unknown_pixels: int
    findings: tuple[Finding, ...]
    usable: tuple[DatasetItem, ...]
    pixels_per_item: NDArray[np.int64]

    @property
    def num_pixels(self) -> int:
        """Pixels of all masks that could be read."""
        return sum(self.class_pixels) + self.ignored_pixels + self.unknown_pixels

    def class_share(self, index: int) -> float:
        """Share of a class among the pixels that have one, 0..1."""
        labelled = sum(self.class_pixels)
        return self.class_pixels[index] / labelled if labelled else 0.0


def survey_dataset(
    dataset: Dataset,
    *,
    on_progress: ProgressCallback | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> DatasetSurvey:
    """Reads every mask, and the header of every image.

    Files that cannot be used become findings; nothing stops the survey but a cancellation.

    Args:
        dataset: what to look at.
        on_progress: told after every item.
        is_cancelled: asked before every item.

    Raises:
        CancelledError: ``is_cancelled`` said so.
    """
    looks = _look_at_all(dataset, on_progress, is_cancelled)
    per_item = np.array([look.counts for look in looks], np.int64)
    per_item = per_item.reshape(-1, len(dataset.label_set) + 1)
    per_item.setflags(write=False)
    class_pixels = tuple(int(n) for n in per_item[:, :-1].sum(axis=0))
    unknown = _unknown_values(dataset, looks)
    unknown_pixels = sum(sum(look.unknown.values()) for look in looks)
    splits = Counter(item.split for item in dataset.items)
    return DatasetSurvey(
        name=dataset.name,
        layout=dataset.layout,
        folder=dataset.folder,
        label_set=dataset.label_set,
        num_images=len(dataset.items),
        num_by_split=tuple((split, splits[split]) for split in SPLITS if splits[split]),
        sizes=_sizes(looks),
        class_pixels=class_pixels,
        class_images=tuple(int(n) for n in (per_item[:, :-1] > 0).sum(axis=0)),
        ignored_pixels=int(per_item[:, -1].sum()) - unknown_pixels,
        unknown=unknown,
        unknown_pixels=unknown_pixels,
        findings=find_all(dataset, looks, class_pixels, unknown),
        usable=tuple(
            item
            for item, look in zip(dataset.items, looks, strict=True)
            if look.problem is None and look.counts[:-1].any()
        ),
        pixels_per_item=per_item,
    )


def _look_at_all(
    dataset: Dataset, on_progress: ProgressCallback | None, is_cancelled: Callable[[], bool]
) -> list[ItemLook]:
    """Decoding runs outside Python's lock, so a thread for each core helps."""
    looks: list[ItemLook] = []
    stopped = threading.Event()

    def look(item: DatasetItem) -> ItemLook:
        if stopped.is_set():
            raise CancelledError
        return _look_at(dataset, item)

    num_threads = min(_MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(num_threads, thread_name_prefix="survey") as pool:
        try:
            for each in pool.map(look, dataset.items):
                if is_cancelled():
                    raise CancelledError
                looks.append(each)
                if on_progress is not None:
                    on_progress(len(looks), len(dataset.items))
        finally:
            stopped.set()
    return looks


def _look_at(dataset: Dataset, item: DatasetItem) -> ItemLook:
    num_classes = len(dataset.label_set)
    counts = np.zeros(num_classes + 1, np.int64)
    try:
        size = image_size(item.image)
    except ImageError as error:
        return ItemLook(None, counts, {}, ("unreadable_image", str(error)))
    try:
        decoded = dataset.decode_mask(item)
    except MaskError as error:
        return ItemLook(size, counts, {}, ("unreadable_mask", str(error)))
    found = count_values(decoded.mask)
    counts[:num_classes] = found[:num_classes]
    counts[num_classes] = found[IGNORE]
    problem = None
    if decoded.mask.shape != size:
        height, width = decoded.mask.shape
        problem = (
            "size_mismatch",
            f"{item.key}: the image has {size[1]} x {size[0]} pixels, its mask {width} x {height}",
        )
    return ItemLook(size, counts, dict(decoded.unknown), problem)


def _sizes(looks: Iterable[ItemLook]) -> tuple[SizeCount, ...]:
    counted = Counter(look.size for look in looks if look.size is not None)
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(SizeCount(*size, number) for size, number in ordered)


def _unknown_values(dataset: Dataset, looks: Sequence[ItemLook]) -> tuple[UnknownValue, ...]:
    pixels: Counter[str] = Counter()
    files: dict[str, list[str]] = {}
    for item, look in zip(dataset.items, looks, strict=True):
        pixels.update(look.unknown)
        for value in look.unknown:
            files.setdefault(value, []).append(item.key)
    return tuple(
        UnknownValue(value, number, len(files[value]), tuple(files[value][:FEW_FILES]))
        for value, number in sorted(pixels.items(), key=lambda pair: (-pair[1], pair[0]))
    )[:_MOST_UNKNOWN]
