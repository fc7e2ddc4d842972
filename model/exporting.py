"""Writes the masks of many images in one format, and proves each file by reading it back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from model.data.atomic import write_atomic
from model.data.image_files import opened_bytes
from model.data.images import image_size, read_image
from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import read_mask, unknown_values
from model.errors import MaskError, SegguiError, StorageError
from model.formats.mask_format import MaskFormat
from model.formats.table import mask_format

Pixels = NDArray[np.uint8]

MaskProvider = Callable[[], "Pixels | None"]
"""Gives the (H, W) uint8 mask of one image, or None when it has none."""


@dataclass(frozen=True)
class ExportItem:
    """One image whose mask is to be exported.

    Attributes:
        key: names the image in reports and progress.
        image_path: the image.
        mask_path: its mask file; None when there is none, or when ``provider`` is given.
        output_name: path of the file to write, relative to the output folder, with "/"; an
            ending ``.png`` is replaced by the one of the format.
        provider: gives the mask from memory instead of ``mask_path``; called in the thread of
            `export_masks`.
    """

    key: str
    image_path: Path
    mask_path: Path | None
    output_name: str
    provider: MaskProvider | None = None


@dataclass(frozen=True)
class ExportFailure:
    """A file that was not written: which image, and a sentence that says why."""

    key: str
    reason: str


@dataclass(frozen=True)
class ExportReport:
    """What an export did.

    Attributes:
        output_dir: where to.
        written: the files written and verified, in order.
        num_skipped: images without a mask that were left out.
        num_ignore_filled: images without a mask, written as all ignore; part of ``written``.
        failures: images whose mask could not be exported; the others went on.
        was_cancelled: whether the user stopped it; what is written is complete.
    """

    output_dir: Path
    written: tuple[Path, ...]
    num_skipped: int
    num_ignore_filled: int
    failures: tuple[ExportFailure, ...]
    was_cancelled: bool

    @property
    def num_written(self) -> int:
        """Files written and verified."""
        return len(self.written)


def export_masks(
    items: Sequence[ExportItem],
    output_dir: Path,
    format_name: str,
    label_set: LabelSet,
    *,
    include_unlabelled: bool = False,
    protected_dirs: Iterable[Path] = (),
    on_progress: Callable[[int, int, str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Writes the masks of ``items`` below ``output_dir``; may run in any thread.

    Every file is written atomically, read back from disk and compared with the mask, pixel by
    pixel (where the format keeps no classes: by size); one that differs is removed and reported.
    A mask that is broken, of another size than its image, or has values that are no class is
    reported; the others go on.

    Args:
        items: what to export.
        output_dir: made when missing; files of the same name are replaced.
        format_name: a key of ``FORMATS``.
        label_set: classes and colours.
        include_unlabelled: write images without a mask as all ignore, instead of skipping them.
        protected_dirs: folders that nothing may be written into, such as the project's masks; the
            folders of the items' images and masks always are.
        on_progress: called before each item with (number done, number of items, key) and once at
            the end with an empty key.
        is_cancelled: asked before each item.

    Raises:
        StorageError: unknown format; output in a protected folder; two items with one output
            name; the folder cannot be written or the disk is full (says how many are written).
    """
    chosen = mask_format(format_name)
    targets = _targets(items, output_dir, chosen.suffix, tuple(protected_dirs))
    job = _Export(chosen, label_set, include_unlabelled)
    was_cancelled = False
    for i, (item, target) in enumerate(zip(items, targets, strict=True)):
        if is_cancelled and is_cancelled():
            was_cancelled = True
            break
        if on_progress:
            on_progress(i, len(items), item.key)
        job.export(item, target, num_items=len(items))
    else:
        if on_progress:
            on_progress(len(items), len(items), "")
    return job.report(output_dir, was_cancelled=was_cancelled)


def _targets(
    items: Sequence[ExportItem], output_dir: Path, suffix: str, protected_dirs: tuple[Path, ...]
) -> list[Path]:
    """The file of each item, once all of them are known to be harmless."""
    image_dirs = {item.image_path.parent for item in items}
    mask_dirs = {item.mask_path.parent for item in items if item.mask_path}
    guard = _Guard(image_dirs, mask_dirs, protected_dirs)
    taken: dict[Path, str] = {}
    targets = []
    for item in items:
        target = output_dir / _relative_name(item, suffix)
        guard.check(target.parent)
        # Upper and lower case are one file on many disks, perhaps on the one this goes to next.
        other = taken.setdefault(Path(str(target).casefold()), item.key)
        if other != item.key:
            raise StorageError(
                f"{other!r} and {item.key!r} would both be written to {target}.",
                remedy="Rename one of the two images.",
            )
        targets.append(target)
    return targets


def _relative_name(item: ExportItem, suffix: str) -> str:
    path = PurePosixPath(item.output_name)
    if not path.name or path.is_absolute() or ".." in path.parts or "\\" in item.output_name:
        raise StorageError(
            f"{item.output_name!r} is no name for an exported file; "
            "a path below the output folder was expected."
        )
    return item.output_name.removesuffix(".png") + suffix


class _Guard:
    """Refuses output folders that hold images or masks, or that lie in a folder of masks alone."""

    def __init__(
        self, image_dirs: set[Path], mask_dirs: set[Path], protected_dirs: tuple[Path, ...]
    ) -> None:
        images = {_identity(folder) for folder in image_dirs}
        masks = {_identity(folder) for folder in mask_dirs}
        # Where masks lie beside or above the images, a new folder inside is what users expect.
        around_images = images.union(*(folder.parents for folder in images))
        self._closed = (masks - around_images) | {_identity(folder) for folder in protected_dirs}
        self._protected = images | masks | self._closed
        self._allowed: set[Path] = set()

    def check(self, folder: Path) -> None:
        if folder in self._allowed:
            return
        identity = _identity(folder)
        if identity in self._protected or self._closed.intersection(identity.parents):
            raise StorageError(
                f"{folder} holds the images or masks of the project; exporting there would mix "
                "or overwrite them.",
                remedy="Choose another folder.",
            )
        self._allowed.add(folder)


def _identity(folder: Path) -> Path:
    return Path(os.path.normcase(folder.resolve()))


class _Export:
    """One running export: what is done so far."""

    def __init__(self, chosen: MaskFormat, label_set: LabelSet, include_unlabelled: bool) -> None:
        self._format = chosen
        self._label_set = label_set
        self._include_unlabelled = include_unlabelled
        self._written: list[Path] = []
        self._failures: list[ExportFailure] = []
        self._num_skipped = 0
        self._num_ignore_filled = 0

    def export(self, item: ExportItem, target: Path, *, num_items: int) -> None:
        try:
            mask = self._mask(item)
            is_unlabelled = mask is None
            if mask is None and not self._include_unlabelled:
                self._num_skipped += 1
                return
            if mask is None:
                mask = np.full(image_size(item.image_path), IGNORE, np.uint8)
            data = self._encoded(item, mask)
            self._write(target, data, num_items)
            self._verify(target, mask)
            self._written.append(target)
            self._num_ignore_filled += is_unlabelled
        except StorageError:
            raise
        except SegguiError as error:
            self._failures.append(ExportFailure(item.key, str(error)))

    def report(self, output_dir: Path, *, was_cancelled: bool) -> ExportReport:
        return ExportReport(
            output_dir, tuple(self._written), self._num_skipped, self._num_ignore_filled,
            tuple(self._failures), was_cancelled,
        )  # fmt: skip

    def _mask(self, item: ExportItem) -> Pixels | None:
        if item.provider is not None:
            return item.provider()
        return read_mask(item.mask_path) if item.mask_path else None

    def _encoded(self, item: ExportItem, mask: Pixels) -> bytes:
        unknown = unknown_values(mask, self._label_set)
        if unknown:
            raise MaskError(
                f"The mask of {item.key!r} has values that are no class of "
                f"{self._label_set.name!r} (value: pixels): {unknown}.",
                remedy="Correct these pixels, or choose the label set it was made with.",
            )
        size = image_size(item.image_path)
        if mask.shape != size:
            raise MaskError(
                f"The mask of {item.key!r} has {mask.shape[0]} x {mask.shape[1]} pixels "
                f"(height x width); its image has {size[0]} x {size[1]}.",
                remedy="Check that the mask belongs to this image.",
            )
        image = read_image(item.image_path).pixels if self._format.needs_image else None
        return self._format.encode(mask, image, self._label_set)

    def _write(self, target: Path, data: bytes, num_items: int) -> None:
        try:
            write_atomic(target, data)
        except StorageError as error:
            raise StorageError(
                f"{error.message} {len(self._written)} of {num_items} masks were exported; "
                "they are complete.",
                remedy=error.remedy,
            ) from error

    def _verify(self, target: Path, mask: Pixels) -> None:
        """Reads the file from disk; removes it and raises MaskError unless it holds the mask."""
        problem = self._difference(target, mask)
        if problem:
            with contextlib.suppress(OSError):  # the report names it in any case
                target.unlink()
            raise MaskError(
                f"{target} was written, but {problem}; it was removed.",
                remedy="Check the disk, then export again.",
            )

    def _difference(self, target: Path, mask: Pixels) -> str:
        try:
            data = target.read_bytes()
            if self._format.decode is None:
                with opened_bytes(data, target.name) as image:
                    image.load()
                    shape = (image.height, image.width)
            else:
                found = self._format.decode(data, self._label_set)
                shape = (found.shape[0], found.shape[1])
        except (OSError, SegguiError) as error:
            return f"could not be read back ({error})"
        if shape != mask.shape:
            return f"read back it has {shape[0]} x {shape[1]} pixels"
        if self._format.decode is not None and not np.array_equal(found, mask):
            return f"read back {np.count_nonzero(found != mask)} pixels differ"
        return ""
