"""What a survey has to tell the owner of a dataset: mistakes, gaps, surprises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.data.datasets.dataset import Dataset, Split

FEW_FILES = 5
"""So many files are named for each finding."""

Severity = Literal["error", "warning", "note"]


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


@dataclass(frozen=True, eq=False)
class ItemLook:
    """What one item is like.

    Attributes:
        size: (height, width) of the image, or None when it cannot be read.
        counts: (C + 1,) int64 pixels of each class, the last without one; zeros when unreadable.
        unknown: values without a meaning and their pixels.
        problem: why it cannot be used, as the kind of the finding and a sentence, or None.
    """

    size: tuple[int, int] | None
    counts: NDArray[np.int64]
    unknown: dict[str, int]
    problem: tuple[str, str] | None


def find_all(
    dataset: Dataset,
    looks: Sequence[ItemLook],
    class_pixels: tuple[int, ...],
    unknown: tuple[UnknownValue, ...],
) -> tuple[Finding, ...]:
    """Collects everything worth telling, the gravest first."""
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
        "Images that cannot be read: {n}. The first: {first}",
        "Copy them again from where they came from, or remove them.",
    ),
    "unreadable_mask": (
        "Masks that cannot be read: {n}. The first: {first}",
        "Copy or export them again, or remove them.",
    ),
    "size_mismatch": (
        "Masks of another size than their image: {n}; the same was expected. {first}.",
        "Make these masks again from the images as they are, or remove them. "
        "A photograph that was turned by its camera has to be turned in the mask too.",
    ),
}


def _broken_files(dataset: Dataset, looks: Sequence[ItemLook]) -> Iterable[Finding]:
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
        ("missing_mask", dataset.images_without_mask, "Images", "mask"),
        ("missing_image", dataset.masks_without_image, "Masks", "image"),
    ):
        if paths:
            yield Finding(
                kind, "warning",
                f"{what} without {other} of the same name, left out: {len(paths)}.",
                f"Add the missing files, or remove these {what.lower()}.",
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
    dataset: Dataset, looks: Sequence[ItemLook], unknown: tuple[UnknownValue, ...]
) -> Iterable[Finding]:
    if not unknown:
        return
    keys = [i.key for i, look in zip(dataset.items, looks, strict=True) if look.unknown]
    num_values = len({value for look in looks for value in look.unknown})
    first = ", ".join(f"{u.value} ({u.num_pixels:,} pixels)" for u in unknown[:3])
    yield Finding(
        "unknown_values", "warning",
        f"Values or colours that belong to none of the {len(dataset.label_set)} classes, ignored: "
        f"{num_values}: {first}{', ...' if num_values > 3 else ''}.",
        "If they are classes, name them with --labels; if not, correct the masks.",
        len(keys), tuple(keys[:FEW_FILES]),
    )  # fmt: skip


def _class_findings(
    dataset: Dataset, looks: Sequence[ItemLook], class_pixels: tuple[int, ...]
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
            f"Classes that never occur: {len(absent)} of {len(dataset.label_set)}: "
            f"{', '.join(absent)}.",
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
            f"Masks without a labelled pixel: {len(empty)}; nothing can be learned from them.",
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
            f"Videos or series with frames in several parts: {len(shared)} "
            f"({', '.join(shared[:3])}{more}). Scores on such parts look better than on new "
            "scenes.",
        )  # fmt: skip
