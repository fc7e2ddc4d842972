"""A dataset: images, their masks, and what the masks mean. Frozen; it holds names, no pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.data.datasets.codings import DecodedMask, MaskCoding
from model.data.images import read_image
from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import read_mask
from model.errors import MaskError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_FIRST_TRUSTED = 2
"""Provenance of a project's pixels: 0 nobody, 1 network, 2 painted, 3 accepted by a person."""


@dataclass(frozen=True)
class DatasetItem:
    """One image with its mask.

    Attributes:
        key: path of the image relative to the dataset's folder, with "/"; names the item.
        image: the image file.
        mask: the mask file.
        split: the part that the dataset itself puts it into, or None.
        group: drive, city or video; neighbouring frames share it.
        coding: which of `Dataset.codings` the mask has.
        provenance: a project's file that says which pixels a person stands for, or None: all.
    """

    key: str
    image: Path
    mask: Path
    split: Split | None
    group: str
    coding: int = 0
    provenance: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Images with masks, found in a folder.

    Attributes:
        name: for people, e.g. ``"CamVid 11"``.
        layout: a name of the table of layouts, e.g. ``"camvid"``.
        folder: where it is.
        label_set: the classes; masks are read as their indices.
        items: at least one, in natural order within each part.
        codings: what mask files mean; `DatasetItem.coding` points into it.
        images_without_mask: files that were expected to have a mask.
        masks_without_image: files that were expected to have an image.
        empty_splits: parts whose folders are there, but nothing usable in them.
        notes: sentences about what was left out, and why.
    """

    name: str
    layout: str
    folder: Path
    label_set: LabelSet
    items: tuple[DatasetItem, ...]
    codings: tuple[MaskCoding, ...]
    images_without_mask: tuple[Path, ...] = ()
    masks_without_image: tuple[Path, ...] = ()
    empty_splits: tuple[Split, ...] = ()
    notes: tuple[str, ...] = ()

    def read_image(self, item: DatasetItem) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright, read-only.

        Raises:
            ImageError: missing, damaged or no image.
        """
        return read_image(item.image).pixels

    def read_mask(self, item: DatasetItem) -> NDArray[np.uint8]:
        """(H, W) uint8 class indices of `label_set`, a new array; 255 = ignore.

        Void, values and colours without a meaning, and what only a network said are ignore.

        Raises:
            MaskError: missing, damaged, or no mask.
        """
        return self.decode_mask(item).mask

    def decode_mask(self, item: DatasetItem) -> DecodedMask:
        """As `read_mask`, with the values that have no meaning.

        Raises:
            MaskError: missing, damaged, or no mask.
        """
        decoded = self.codings[item.coding].read(item.mask)
        if item.provenance is None:
            return decoded
        provenance = read_mask(item.provenance)
        if provenance.shape != decoded.mask.shape:
            raise MaskError(
                f"The mask {item.mask.name!r} has {_size(decoded.mask)} pixels and its provenance "
                f"{_size(provenance)}; the same size was expected.",
                remedy="Open the folder in the window: it repairs what can be repaired.",
            )
        mask = decoded.mask.copy()
        mask[provenance < _FIRST_TRUSTED] = IGNORE
        return replace(decoded, mask=mask)

    def read_pair(self, item: DatasetItem) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Image and mask of an item, which have the same size.

        Raises:
            ImageError: the image cannot be read.
            MaskError: the mask cannot be read, or has another size.
        """
        image, mask = self.read_image(item), self.read_mask(item)
        if image.shape[:2] != mask.shape:
            raise MaskError(
                f"The mask {item.mask.name!r} has {_size(mask)} pixels, its image "
                f"{_size(image)} (width x height); the same size was expected.",
                remedy="Make the mask again from the image as it is, or leave both out.",
            )
        return image, mask


def _size(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
