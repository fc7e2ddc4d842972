"""Looking at every file of a dataset: what is there, how much of each class, and what is wrong."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.images import image_size
from model.data.label_sets import IGNORE, LabelSet
from model.errors import CancelledError, ImageError, MaskError

FEW_FILES = 5
"""So many files are named for each finding."""

_MOST_UNKNOWN = 20
_MOST_THREADS = 4

Severity = Literal["error", "warning", "note"]

ProgressCallback = Callable[[int, int], None]
"""Told (items done, items in all); called from the calling thread."""


@dataclass(frozen=True)
class Finding:
    """Something that the owner of the data should know.

    Attributes:
        kind: a word for programs, e.g. ``"size_mismatch"``.
        severity: ``"error"``: these files cannot be used; ``"warning"``: training suffers;
            ``"note"``: good to know.
        message: what was found and what was expected.
        remedy: what to do, or an empty string.
        num_files: how many files are concerned; 0 where it is not about files.
        files: the first few, relative to the folder where they are in it.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""
    num_files: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnknownValue:
    """A value or colour that nobody gave a meaning; its pixels are read as ignore.

    Attributes:
        value: a number, or red green blue.
        num_pixels: in all masks.
        num_files: masks that hold it.
        files: keys of the first few.
    """

    value: str
    num_pixels: int
    num_files: int
    files: tuple[str, ...]


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


@dataclass(frozen=True, eq=False)
class _Look:
    """What one item is like."""

    size: tuple[int, int] | None
    counts: NDArray[np.int64]
    unknown: dict[str, int]
    problem: tuple[str, str] | None  # kind, sentence


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
        findings=_findings(dataset, looks, class_pixels, unknown),
        usable=tuple(
            item
            for item, look in zip(dataset.items, looks, strict=True)
            if look.problem is None and look.counts[:-1].any()
        ),
        pixels_per_item=per_item,
    )


def _look_at_all(
    dataset: Dataset, on_progress: ProgressCallback | None, is_cancelled: Callable[[], bool]
) -> list[_Look]:
    """Decoding runs outside Python's lock, so a thread for each core helps."""
    looks: list[_Look] = []
    stopped = threading.Event()

    def look(item: DatasetItem) -> _Look:
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


def _look_at(dataset: Dataset, item: DatasetItem) -> _Look:
    num_classes = len(dataset.label_set)
    counts = np.zeros(num_classes + 1, np.int64)
    try:
        size = image_size(item.image)
    except ImageError as error:
        return _Look(None, counts, {}, ("unreadable_image", str(error)))
    try:
        decoded = dataset.decode_mask(item)
    except MaskError as error:
        return _Look(size, counts, {}, ("unreadable_mask", str(error)))
    found = np.bincount(decoded.mask.reshape(-1), minlength=256)
    counts[:num_classes] = found[:num_classes]
    counts[num_classes] = found[IGNORE]
    problem = None
    if decoded.mask.shape != size:
        height, width = decoded.mask.shape
        problem = (
            "size_mismatch",
            f"{item.key}: the image has {size[1]} x {size[0]} pixels, its mask {width} x {height}",
        )
    return _Look(size, counts, dict(decoded.unknown), problem)


def _sizes(looks: Iterable[_Look]) -> tuple[SizeCount, ...]:
    counted = Counter(look.size for look in looks if look.size is not None)
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(SizeCount(*size, number) for size, number in ordered)


def _unknown_values(dataset: Dataset, looks: Sequence[_Look]) -> tuple[UnknownValue, ...]:
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


# -- findings -------------------------------------------------------------------------------------


def _findings(
    dataset: Dataset,
    looks: Sequence[_Look],
    class_pixels: tuple[int, ...],
    unknown: tuple[UnknownValue, ...],
) -> tuple[Finding, ...]:
    found = [
        *_broken_files(dataset, looks),
        *_partners(dataset),
        *_empty_splits(dataset),
        *_unknown_finding(dataset, looks, unknown),
        *_class_findings(dataset, looks, class_pixels),
        *_shared_groups(dataset),
        *(Finding("left_out", "note", note) for note in dataset.notes),
    ]
    order: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


_BROKEN: dict[str, tuple[str, str]] = {
    "unreadable_image": (
        "{n} images cannot be read. The first: {first}",
        "Copy them again from where they came from, or remove them.",
    ),
    "unreadable_mask": (
        "{n} masks cannot be read. The first: {first}",
        "Copy or export them again, or remove them.",
    ),
    "size_mismatch": (
        "{n} masks have another size than their image; the same was expected. {first}.",
        "Make these masks again from the images as they are, or remove them. "
        "A photograph that was turned by its camera has to be turned in the mask too.",
    ),
}


def _broken_files(dataset: Dataset, looks: Sequence[_Look]) -> Iterable[Finding]:
    for kind, (message, remedy) in _BROKEN.items():
        concerned = [
            (item.key, look.problem[1])
            for item, look in zip(dataset.items, looks, strict=True)
            if look.problem is not None and look.problem[0] == kind
        ]
        if concerned:
            yield Finding(
                kind, "error", message.format(n=len(concerned), first=concerned[0][1]), remedy,
                len(concerned), tuple(key for key, _ in concerned[:FEW_FILES]),
            )  # fmt: skip


def _partners(dataset: Dataset) -> Iterable[Finding]:
    for kind, paths, what, other in (
        ("missing_mask", dataset.images_without_mask, "images", "mask"),
        ("missing_image", dataset.masks_without_image, "masks", "image"),
    ):
        if paths:
            yield Finding(
                kind, "warning",
                f"{len(paths)} {what} have no {other} of the same name and are left out.",
                f"Add the missing files, or remove these {what}.",
                len(paths), tuple(_relative(path, dataset.folder) for path in paths[:FEW_FILES]),
            )  # fmt: skip


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _empty_splits(dataset: Dataset) -> Iterable[Finding]:
    for split in dataset.empty_splits:
        yield Finding(
            "empty_split", "warning",
            f"The part {split!r} has folders, but no image with a mask in them.",
            "Fill its folders, or remove them: then this part is taken from the others.",
        )  # fmt: skip


def _unknown_finding(
    dataset: Dataset, looks: Sequence[_Look], unknown: tuple[UnknownValue, ...]
) -> Iterable[Finding]:
    if not unknown:
        return
    keys = [i.key for i, look in zip(dataset.items, looks, strict=True) if look.unknown]
    num_values = len({value for look in looks for value in look.unknown})
    first = ", ".join(f"{u.value} ({u.num_pixels:,} pixels)" for u in unknown[:3])
    yield Finding(
        "unknown_values", "warning",
        f"{num_values} values or colours belong to none of the {len(dataset.label_set)} classes "
        f"and are ignored: {first}{', ...' if num_values > 3 else ''}.",
        "If they are classes, name them with --labels; if not, correct the masks.",
        len(keys), tuple(keys[:FEW_FILES]),
    )  # fmt: skip


def _class_findings(
    dataset: Dataset, looks: Sequence[_Look], class_pixels: tuple[int, ...]
) -> Iterable[Finding]:
    present = [c.name for c in dataset.label_set.classes if class_pixels[c.index]]
    absent = [c.name for c in dataset.label_set.classes if not class_pixels[c.index]]
    if not present:
        yield Finding(
            "no_class", "error",
            "No pixel of any mask has a class; at least two classes were expected.",
            "Check that these are the masks, and that the label set is theirs.",
        )  # fmt: skip
        return
    if len(present) == 1:
        yield Finding(
            "single_class", "error",
            f"Every labelled pixel is {present[0]!r}; a network learns to tell classes apart, so "
            "at least two were expected.",
            "Label what is not this class too, e.g. as background.",
        )  # fmt: skip
    if absent:
        yield Finding(
            "absent_class", "warning",
            f"{len(absent)} of {len(dataset.label_set)} classes never occur: {', '.join(absent)}.",
            "A network cannot learn them. Check the label set if that is a surprise.",
        )  # fmt: skip
    empty = [
        item.key
        for item, look in zip(dataset.items, looks, strict=True)
        if look.problem is None and not look.counts[:-1].any()
    ]
    if empty:
        yield Finding(
            "empty_mask", "warning",
            f"{len(empty)} masks have no labelled pixel; nothing can be learned from them.",
            "Label them, or leave them out.", len(empty), tuple(empty[:FEW_FILES]),
        )  # fmt: skip


def _shared_groups(dataset: Dataset) -> Iterable[Finding]:
    parts: dict[str, set[Split]] = {}
    sizes = Counter(item.group for item in dataset.items)
    for item in dataset.items:
        if item.split is not None:
            parts.setdefault(item.group, set()).add(item.split)
    shared = [g for g, splits in parts.items() if len(splits) > 1 and sizes[g] > 2]
    if shared and dataset.layout != "project":
        more = ", ..." if len(shared) > 3 else ""
        yield Finding(
            "shared_group", "note",
            f"{len(shared)} videos or series have frames in several parts "
            f"({', '.join(shared[:3])}{more}): scores on such parts look better than on new "
            "scenes.",
        )  # fmt: skip
