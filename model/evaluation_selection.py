"""Which images of a dataset are scored, and what a report says about network and dataset. No Keras.

Shared by ``seggui evaluate`` and the window, so that both mean the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.data.datasets.dataset import Dataset, DatasetItem
from model.engine.protocol import DeviceInfo, ModelInfo, ModelSettings
from model.errors import SegguiError

SPLITS = ("test", "validation", "train", "all")


@dataclass(frozen=True)
class Selection:
    """The images that are scored.

    Attributes:
        split: one of `SPLITS`.
        items: those of the split and the groups, at most as many as asked for.
        num_available: how many there are of them.
        groups: drives or cities that were asked for; empty are all.
    """

    split: str
    items: tuple[DatasetItem, ...]
    num_available: int
    groups: tuple[str, ...] = ()

    def words(self) -> str:
        """What is scored, for people."""
        words = "all images" if self.split == "all" else f"split {self.split}"
        return f"{words} of {', '.join(self.groups)}" if self.groups else words

    def warnings(self) -> tuple[str, ...]:
        """A sentence when images for training are among those of all splits."""
        num_train = sum(item.split == "train" for item in self.items)
        if self.split != "all" or not num_train or self.groups:
            return ()
        return (
            f"{num_train} of these {len(self.items)} images are there to train on: a network that "
            "was trained on them scores better here than on anything new.",
        )


class MaskReader:
    """A dataset as `evaluate_dataset` wants it, which takes note of what masks hold besides.

    Attributes:
        name: of the dataset.
        label_set: its classes.
        unknown: values and colours without a meaning by image, each with its pixels.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.name = dataset.name
        self.label_set = dataset.label_set
        self.unknown: dict[str, Mapping[str, int]] = {}

    def read_image(self, item: DatasetItem) -> npt.NDArray[np.uint8]:
        """Reads (H, W, 3) uint8 RGB."""
        return self._dataset.read_image(item)

    def read_mask(self, item: DatasetItem) -> npt.NDArray[np.uint8]:
        """Reads (H, W) uint8 class indices, 255 = ignore."""
        decoded = self._dataset.decode_mask(item)
        if decoded.unknown:
            self.unknown[item.key] = decoded.unknown
        return decoded.mask

    def warnings(self) -> tuple[str, ...]:
        """A sentence when masks held values or colours that nobody explained."""
        total: Counter[str] = Counter()
        for found in self.unknown.values():
            total.update(found)
        if not total:
            return ()
        most = ", ".join(f"{value!r} ({pixels:,} pixels)" for value, pixels in total.most_common(5))
        return (
            f"Masks hold values without a class ({len(total)} in {len(self.unknown)} of the images)"
            f", which were not counted: {most}.",
        )


def select(
    dataset: Dataset, split: str | None, limit: int | None, groups: tuple[str, ...] = ()
) -> Selection:
    """Chooses the images to score.

    Args:
        dataset: gives them.
        split: one of `SPLITS`; None takes the first of test, validation and all that has images.
        limit: at most so many, spread evenly so that one street does not stand for all.
        groups: only items of these drives or cities; empty takes all.

    Raises:
        SegguiError: the dataset has no such images.
    """
    candidates = tuple(i for i in dataset.items if not groups or i.group in groups)
    if not candidates:
        existing = sorted({item.group for item in dataset.items})
        raise SegguiError(
            f"No image of {dataset.name} belongs to {', '.join(groups)}.",
            remedy=f"Choose among: {', '.join(existing[:20])}.",
        )
    found = Counter(item.split for item in candidates)
    chosen = split or next((name for name in SPLITS[:2] if found[name]), "all")  # type: ignore[index]
    items = tuple(item for item in candidates if chosen in ("all", item.split))
    if not items:
        known = ", ".join(f"{n} of {name or 'no split'}" for name, n in sorted(
            found.items(), key=str)) or "no images"  # fmt: skip
        raise SegguiError(
            f"{dataset.name} has no images of the split {chosen!r}; found: {known}.",
            remedy="Choose another with --split.",
        )
    return Selection(chosen, spread(items, limit), len(items), groups)


def spread(items: Sequence[DatasetItem], limit: int | None) -> tuple[DatasetItem, ...]:
    """At most ``limit`` items, evenly spread over all of them."""
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[(2 * i + 1) * len(items) // (2 * limit)] for i in range(limit))


def network_facts(info: ModelInfo, settings: ModelSettings, device: DeviceInfo) -> dict[str, str]:
    """What report and JSON say about the network."""
    height, width, channels = ("any" if side is None else str(side) for side in info.input_shape)
    facts = {
        "File": info.path,
        "SHA-256": info.sha256,
        "Parameters": f"{info.num_parameters:,}",
        "Input": f"{height} x {width} x {channels}",
        "Scaling": settings.scaling.value,
        "Images are": settings.fit.value,
        "Classes": str(info.num_classes),
        "Runs on": f"{device.name}, {device.backend}",
    }
    if settings.excluded_classes:
        names = [f"{i} ({settings.class_names[i]})" for i in settings.excluded_classes]
        facts["Never answered"] = ", ".join(names)
    return facts


def dataset_facts(dataset: Dataset, selection: Selection) -> dict[str, str]:
    """What report and JSON say about the dataset."""
    facts = {
        "Name": dataset.name,
        "Layout": dataset.layout,
        "Folder": str(dataset.folder),
        "Split": selection.split,
        "Images scored": f"{len(selection.items)} of {selection.num_available}",
        "Classes": f"{len(dataset.label_set)} ({dataset.label_set.name})",
    }
    if dataset.images_without_mask:
        facts["Images without a mask"] = str(len(dataset.images_without_mask))
    return facts
