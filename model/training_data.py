"""Corrected images as training material: what is trusted, what is held out, and random crops.

Imports no Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.data.images import read_image
from model.data.label_sets import IGNORE
from model.data.masks import read_mask
from model.engine.protocol import CancelToken, TrainingSample
from model.errors import CancelledError, MaskError, TrainingError
from model.sample_store import Memory, StoredItems

# Provenance values, as ``seggui.core.records.Provenance`` stores them (model never imports seggui).
UNSEEN, PREDICTED, CORRECTED, ACCEPTED = 0, 1, 2, 3

HELD_OUT_TILE_PX = 64
MEMORY_LIMIT_BYTES = 2 * 2**30

_SCORED_SHARE = (0.10, 0.50)


@dataclass(frozen=True, eq=False)
class LoadedSample:
    """One image with what is known about each of its pixels. Arrays are read-only.

    Attributes:
        name: the image file, for messages.
        pixels: (H, W, 3) uint8 RGB.
        classes: (H, W) uint8 class indices; 255 on every pixel that is not trusted.
        painted: (H, W) bool, trusted pixels that a person painted.
        untouched: (H, W) bool, pixels that nobody said anything about.
        is_held_out: never trained on.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint8]
    painted: npt.NDArray[np.bool_]
    untouched: npt.NDArray[np.bool_]
    is_held_out: bool = False

    def __post_init__(self) -> None:
        for array in (self.pixels, self.classes, self.painted, self.untouched):
            array.setflags(write=False)

    @property
    def num_bytes(self) -> int:
        """Memory that the arrays take."""
        return sum(a.nbytes for a in (self.pixels, self.classes, self.painted, self.untouched))

    @property
    def num_trusted(self) -> int:
        """Pixels with a class that a person vouches for."""
        return int(np.count_nonzero(self.classes != IGNORE))


def load_sample(sample: TrainingSample) -> LoadedSample:
    """Reads one image with its mask and provenance.

    A pixel is trusted when it is painted or accepted and not void; untouched when it is neither
    painted nor accepted. What the mask says about an untouched pixel is not looked at. Without
    provenance every pixel that is not void is trusted, and counts as accepted.

    Raises:
        ImageError: the image cannot be read.
        MaskError: mask or provenance cannot be read, or their size is not the image's.
    """
    pixels = read_image(Path(sample.image_path)).pixels
    mask = _read_same_size(sample.mask_path, sample.image_path, pixels.shape[:2])
    if sample.provenance_path is None:
        provenance = np.full(mask.shape, ACCEPTED, np.uint8)
    else:
        provenance = _read_same_size(sample.provenance_path, sample.image_path, pixels.shape[:2])
    said = (provenance == CORRECTED) | (provenance == ACCEPTED)
    classes = np.where(said, mask, IGNORE).astype(np.uint8)
    return LoadedSample(
        name=sample.image_path,
        pixels=pixels,
        classes=classes,
        painted=(provenance == CORRECTED) & (classes != IGNORE),
        untouched=~said,
        is_held_out=sample.is_held_out,
    )


def _read_same_size(path: str, image_path: str, size: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    mask = read_mask(Path(path))
    if mask.shape != size:
        raise MaskError(
            f"{path} has {mask.shape[1]} x {mask.shape[0]} pixels, its image {image_path} "
            f"has {size[1]} x {size[0]}.",
            remedy="Take this image out of the training, or make its mask again.",
        )
    return mask


class Samples(Protocol):
    """Some samples, in memory or read from disk when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> LoadedSample: ...

    def __iter__(self) -> Iterator[LoadedSample]: ...


@dataclass(frozen=True, eq=False)
class TrainingMaterial:
    """Everything a run learns from and is scored on.

    Attributes:
        train: images with trusted pixels, held-out tiles already taken out.
        held_out: images to score; the trusted pixels to count are those that are not 255.
        held_out_is_tiles: True when tiles of the train images are scored, because no held-out
            image has trusted pixels.
    """

    train: Samples
    held_out: Samples
    held_out_is_tiles: bool

    def num_trusted_pixels(self, num_classes: int) -> tuple[int, ...]:
        """Trusted pixels of each class over the train images."""
        counts = np.zeros(256, np.int64)
        for sample in self.train:
            counts += np.bincount(sample.classes.ravel(), minlength=256)
        return tuple(int(n) for n in counts[:num_classes])


def load_material(
    samples: Sequence[TrainingSample],
    *,
    num_classes: int,
    is_cancelled: CancelToken,
    limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> TrainingMaterial:
    """Reads all images and decides what is scored.

    Args:
        samples: what the user corrected.
        num_classes: classes of the network.
        is_cancelled: asked before each file.
        limit_bytes: memory for images; what does not fit is read again whenever it is needed.

    Raises:
        TrainingError: nothing to train on, or a class that the network does not have.
        ImageError: an image cannot be read.
        MaskError: a mask cannot be read or has another size than its image.
        CancelledError: ``is_cancelled`` said so.
    """
    memory: Memory[LoadedSample] = Memory(limit_bytes)
    trusted = []
    for sample, loaded in zip(samples, StoredItems(samples, load_sample, memory), strict=True):
        if is_cancelled():
            raise CancelledError
        _check_classes(loaded, num_classes)
        if loaded.num_trusted:
            trusted.append(sample)
    train = [s for s in trusted if not s.is_held_out]
    held_out = [s for s in trusted if s.is_held_out]
    if not train:
        raise TrainingError(
            f"{len(samples)} images were given for training, and none of those that may be "
            "trained on has a corrected or accepted pixel.",
            remedy="Correct at least one image, then try again.",
        )
    if not held_out:
        return _tile_material(train, memory)
    return TrainingMaterial(
        StoredItems(train, load_sample, memory),
        StoredItems(held_out, load_sample, memory),
        held_out_is_tiles=False,
    )


def _tile_material(
    train: Sequence[TrainingSample], memory: Memory[LoadedSample]
) -> TrainingMaterial:
    def trained(sample: TrainingSample) -> LoadedSample:
        return hold_out_tiles(load_sample(sample))[0]

    def scored(sample: TrainingSample) -> LoadedSample:
        return hold_out_tiles(load_sample(sample))[1]

    has_tiles = [s.num_trusted > 0 for s in StoredItems(train, scored, memory)]
    with_tiles = [s for s, is_split in zip(train, has_tiles, strict=True) if is_split]
    if not with_tiles:
        num_trusted = sum(load_sample(s).num_trusted for s in train)
        raise TrainingError(
            f"Only {num_trusted} corrected pixels in one place: too few to train on one part and "
            "check on another.",
            remedy="Paint a few more corrections, or accept an image.",
        )
    return TrainingMaterial(
        StoredItems(train, trained, memory),
        StoredItems(with_tiles, scored, memory),
        held_out_is_tiles=True,
    )


def _check_classes(sample: LoadedSample, num_classes: int) -> None:
    found = np.unique(sample.classes)
    unknown = [int(c) for c in found if num_classes <= c != IGNORE]
    if unknown:
        raise TrainingError(
            f"{sample.name} is labelled with class {', '.join(map(str, unknown))}, but the network "
            f"only has the classes 0 to {num_classes - 1}.",
            remedy="Relabel these pixels, or load a network that has these classes.",
        )


def hold_out_tiles(sample: LoadedSample) -> tuple[LoadedSample, LoadedSample]:
    """Splits one image into a part to train on and a quarter of its tiles to score.

    The tiles lie on a grid (every second row and column), so that the split does not depend on
    chance. Of the four possible grids, and smaller tiles where painting is sparse, the first is
    taken that has 10 to 50 % of the trusted pixels; failing that everything is trained on.

    Returns:
        The train part (held-out tiles are neither trusted nor untouched there), and the scored
        part, which may be without any trusted pixel.
    """
    trusted = sample.classes != IGNORE
    num_trusted = max(1, sample.num_trusted)
    side = min(HELD_OUT_TILE_PX, max(8, min(trusted.shape) // 4))
    while side >= 8:
        for phase in ((0, 0), (1, 1), (0, 1), (1, 0)):
            is_scored = _grid(trusted.shape, side, phase)
            share = np.count_nonzero(trusted & is_scored) / num_trusted
            if _SCORED_SHARE[0] <= share <= _SCORED_SHARE[1]:
                return _without(sample, is_scored), replace(
                    _without(sample, ~is_scored), is_held_out=True
                )
        side //= 2
    return sample, replace(_without(sample, np.ones(trusted.shape, bool)), is_held_out=True)


def _grid(shape: tuple[int, ...], side: int, phase: tuple[int, int]) -> npt.NDArray[np.bool_]:
    rows = np.arange(shape[0]) // side % 2 == phase[0]
    cols = np.arange(shape[1]) // side % 2 == phase[1]
    grid: npt.NDArray[np.bool_] = rows[:, None] & cols[None, :]
    return grid


def _without(sample: LoadedSample, removed: npt.NDArray[np.bool_]) -> LoadedSample:
    return replace(
        sample,
        classes=np.where(removed, IGNORE, sample.classes).astype(np.uint8),
        painted=sample.painted & ~removed,
        untouched=sample.untouched & ~removed,
    )
