"""Random crops of corrected images: where they are cut, and how much each pixel counts.

Imports no Keras.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.augmentation import View, random_scale, relight
from model.data.label_sets import IGNORE
from model.engine.protocol import Fit, ModelInfo, TrainingSettings
from model.training_data import Samples, TrainingMaterial

MIN_CROP_PX = 32

MAX_PAINTED_WEIGHT = 10.0
"""How much more than an accepted pixel a painted one may weigh."""

CLASS_BALANCE = 0.5
"""0 counts every pixel alike, 1 every class alike."""

MAX_CLASS_WEIGHT = 4.0

_NUM_REMEMBERED_PIXELS = 4096


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Crops, before the network's own preprocessing.

    Attributes:
        clean: (N, H, W, 3) uint8, as photographed; what the old network is asked about.
        pixels: (N, H, W, 3) uint8, the same crops in other light.
        classes: (N, H, W) uint8; any value where ``trusted_weight`` is 0.
        trusted_weight: (N, H, W) float32.
        keep_weight: (N, H, W) float32, 1 on untouched pixels.
    """

    clean: npt.NDArray[np.uint8]
    pixels: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint8]
    trusted_weight: npt.NDArray[np.float32]
    keep_weight: npt.NDArray[np.float32]


def crop_plan(info: ModelInfo, settings: TrainingSettings, material: TrainingMaterial) -> CropPlan:
    """Which crops the network can take: its own size when that is fixed, else about crop_size.

    A crop is never larger than the largest image, rounded up to what the network accepts.
    """
    fit, fixed = info.settings.fit, info.settings.input_size
    if fit is not Fit.WHOLE and fixed is not None:
        return CropPlan(fixed, fit is Fit.RESIZE, settings.batch_size)
    multiple = info.size_multiple
    wanted = max(settings.crop_size, MIN_CROP_PX)
    largest = [max(s.classes.shape[axis] for s in material.train) for axis in (0, 1)]
    height, width = (math.ceil(min(wanted, side) / multiple) * multiple for side in largest)
    return CropPlan((height, width), False, settings.batch_size)


@dataclass(frozen=True)
class CropPlan:
    """How crops are cut.

    Attributes:
        size: (height, width) of what the network gets.
        is_whole_image: True for networks that see every image resized to their input size; a crop
            is then the whole image, moved and scaled a little.
        batch_size: crops per batch.
    """

    size: tuple[int, int]
    is_whole_image: bool
    batch_size: int


class CropSampler:
    """Draws random crops: half of them around painted pixels, classes in turn; the rest anywhere.

    Without painted pixels the first half is drawn around any trusted pixel. Each image is as likely
    as any other in the second half, however much was painted on it.
    """

    def __init__(self, samples: Samples, plan: CropPlan, rng: np.random.Generator) -> None:
        self._samples = samples
        self._plan = plan
        self._rng = rng
        self._painted_weight = painted_weight(samples)
        self._class_weights = class_weights(samples)
        self._places = _places_by_class(samples, rng)

    def batch(self, batch_size: int | None = None) -> TrainingBatch:
        """The next batch; a smaller ``batch_size`` than planned may be asked for."""
        crops = [
            self._crop(is_centred=i % 2 == 0) for i in range(batch_size or self._plan.batch_size)
        ]
        clean, pixels, classes, trusted, keep = (
            np.stack(arrays) for arrays in zip(*crops, strict=True)
        )
        return TrainingBatch(clean, pixels, classes, trusted, keep)

    def _crop(self, *, is_centred: bool) -> tuple[npt.NDArray[np.generic], ...]:
        if is_centred or self._plan.batch_size == 1:
            index, row, col = self._around()
        else:
            index, row, col = self._anywhere()
        sample = self._samples[index]
        view = self._view(sample.classes.shape, row, col)
        clean = view.pixels(sample.pixels)
        classes = view.labels(sample.classes, fill=IGNORE)
        painted = view.labels(sample.painted.view(np.uint8), fill=0)
        untouched = view.labels(sample.untouched.view(np.uint8), fill=0)
        weight = np.where(painted, self._painted_weight, 1.0) * self._class_weights[classes]
        return (
            clean,
            relight(clean, self._rng),
            classes,
            weight.astype(np.float32),
            untouched.astype(np.float32),
        )

    def _around(self) -> tuple[int, int, int]:
        # Ragged: a class that one image shows is as likely as one that all images show.
        by_image = self._places[int(self._rng.integers(len(self._places)))]
        index, places = by_image[int(self._rng.integers(len(by_image)))]
        row, col = places[int(self._rng.integers(len(places)))]
        return index, int(row), int(col)

    def _anywhere(self) -> tuple[int, int, int]:
        index = int(self._rng.integers(len(self._samples)))
        rows, cols = self._samples[index].classes.shape
        return index, int(self._rng.integers(rows)), int(self._rng.integers(cols))

    def _view(self, shape: tuple[int, ...], row: int, col: int) -> View:
        """A window with (row, col) somewhere in its middle half, inside the image if it fits."""
        scale = random_scale(self._rng)
        base = shape if self._plan.is_whole_image else self._plan.size
        height, width = (max(8, round(side / scale)) for side in base[:2])
        shift = self._rng.uniform(-0.25, 0.25, 2)
        top = _inside(row + shift[0] * height - height / 2, height, shape[0])
        left = _inside(col + shift[1] * width - width / 2, width, shape[1])
        return View(top, left, height, width, self._plan.size, bool(self._rng.random() < 0.5))


def _inside(start: float, length: int, limit: int) -> int:
    """Moves a window into 0..limit; one that is longer than that sticks out on both sides."""
    low, high = min(0, limit - length), max(0, limit - length)
    return int(np.clip(round(start), low, high))


def painted_weight(samples: Samples) -> float:
    """Weight of a painted pixel where an accepted one has 1: both halves of the loss, if possible.

    Painted pixels were wrong before and are few; without this they would drown in accepted ones.
    """
    painted = sum(int(np.count_nonzero(s.painted)) for s in samples)
    accepted = sum(s.num_trusted for s in samples) - painted
    return float(np.clip(accepted / max(1, painted), 1.0, MAX_PAINTED_WEIGHT))


def class_weights(samples: Samples) -> npt.NDArray[np.float64]:
    """(256,) weights by mask value: more for rare classes, 0 for ignore, 1 on the mean pixel.

    The next images need not show the classes as often as those that happened to be corrected:
    without this, ten frames of a park road teach the network that there are no buildings.
    """
    boost = painted_weight(samples) - 1.0
    counts = np.zeros(256)
    for sample in samples:
        counts += np.bincount(sample.classes.ravel(), minlength=256)
        counts += boost * np.bincount(sample.classes[sample.painted], minlength=256)
    counts[IGNORE] = 0
    is_present = counts > 0
    weights = np.zeros(256)
    share = counts[is_present] / counts.sum()
    relative = (1 / (len(share) * share)) ** CLASS_BALANCE
    weights[is_present] = np.clip(relative, 1 / MAX_CLASS_WEIGHT, MAX_CLASS_WEIGHT)
    mean = float((weights * counts).sum() / counts.sum())
    normalised: npt.NDArray[np.float64] = weights / mean
    return normalised


def _places_by_class(
    samples: Samples, rng: np.random.Generator
) -> list[list[tuple[int, npt.NDArray[np.intp]]]]:
    """For each class that occurs: (image, some of its pixels) for each image that shows it."""
    has_painted = any(s.painted.any() for s in samples)
    places: dict[int, list[tuple[int, npt.NDArray[np.intp]]]] = {}
    for index, sample in enumerate(samples):
        wanted = sample.painted if has_painted else sample.classes != IGNORE
        for label in np.unique(sample.classes[wanted]):
            found = np.argwhere(wanted & (sample.classes == label))
            if len(found) > _NUM_REMEMBERED_PIXELS:
                found = found[rng.choice(len(found), _NUM_REMEMBERED_PIXELS, replace=False)]
            places.setdefault(int(label), []).append((index, found))
    return [places[label] for label in sorted(places)]
