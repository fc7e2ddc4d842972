"""Batches for training from scratch: read, brought to one size, augmented, encoded. Imports Keras.

Each batch depends on nothing but the seed, the epoch and its number, so that a run that was
interrupted goes on with exactly the batches that it would have had.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
from PIL import Image

from model.augmentation import View, random_scale, recolor, relight, with_classes_of
from model.data.label_sets import IGNORE
from model.engine.protocol import ModelSettings
from model.preprocessing import prepare_input
from model.recipes import Recipe

Pixels = npt.NDArray[np.uint8]
Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | npt.NDArray[np.uint8]]

CACHE_BYTES = 512 * 2**20
LIGHT_STRENGTH = 1.5
"""Of changes of light: drives at dusk and at noon differ more than images of one folder."""
AHEAD = 3
"""Batches prepared while one is trained on."""


class ImageSource(Protocol):
    """Reads the images and masks of a dataset."""

    def read_image(self, item: Any) -> Pixels:
        """(H, W, 3) uint8."""
        ...

    def read_mask(self, item: Any) -> Pixels:
        """(H, W) uint8 class indices, 255 = ignore."""
        ...


class PairCache:
    """Decoded images with their masks, the latest as far as memory is meant for them."""

    def __init__(self, source: ImageSource, *, max_bytes: int = CACHE_BYTES) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._pairs: OrderedDict[int, tuple[Pixels, Pixels]] = OrderedDict()
        self._lock = threading.Lock()

    def pair(self, number: int, item: Any) -> tuple[Pixels, Pixels]:
        """Image and mask of one item; any thread may ask."""
        with self._lock:
            found = self._pairs.get(number)
            if found is not None:
                self._pairs.move_to_end(number)
                return found
        found = self._source.read_image(item), self._source.read_mask(item)
        with self._lock:
            if number not in self._pairs:
                self._pairs[number] = found
                self._num_bytes += found[0].nbytes + found[1].nbytes
            while self._num_bytes > self._max_bytes and len(self._pairs) > 1:
                _, (image, mask) = self._pairs.popitem(last=False)
                self._num_bytes -= image.nbytes + mask.nbytes
        return found


class TrainingBatches(keras.utils.PyDataset):
    """The training batches of one epoch; :func:`prefetched` starts the next one.

    Item ``i`` is (inputs (N, H, W, channels) float32, targets): one-hot (N, H, W, C) float32 where
    void is a class, else class indices (N, H, W) uint8 with 255 = ignore.
    """

    def __init__(
        self,
        source: ImageSource,
        items: Sequence[Any],
        recipe: Recipe,
        settings: ModelSettings,
        *,
        num_classes: int,
        batch_size: int,
        is_shuffled: bool,
    ) -> None:
        """Prepares nothing yet.

        Args:
            source: reads images and masks.
            items: what to train on.
            recipe: size, crops and augmentation.
            settings: how pixels become input.
            num_classes: of the label set, void not counted.
            batch_size: images per batch; may be changed between two epochs.
            is_shuffled: another order in every epoch.
        """
        super().__init__()
        self._cache = PairCache(source)
        self._items = tuple(items)
        self._recipe, self._settings = recipe, settings
        self._num_classes = num_classes
        self.batch_size = batch_size
        self._is_shuffled = is_shuffled
        self._epoch = 0
        self._order = np.arange(len(self._items))

    def start_epoch(self, epoch: int) -> None:
        """Draws the order of an epoch, counted from 0."""
        self._epoch = epoch
        if self._is_shuffled:
            rng = np.random.default_rng((self._recipe.seed, epoch))
            self._order = rng.permutation(len(self._items))

    def __len__(self) -> int:
        """Batches per epoch: augmented ones are all full, the others hold every image once."""
        if self._recipe.augments and self._is_shuffled:
            return max(1, len(self._items) // self.batch_size)
        return (len(self._items) + self.batch_size - 1) // self.batch_size

    def __getitem__(self, index: int) -> Batch:
        chosen = self._order[index * self.batch_size :][: self.batch_size]
        rng = np.random.default_rng((self._recipe.seed, self._epoch, index))
        views = [self._view(*self._cache.pair(int(n), self._items[n]), rng) for n in chosen]
        pairs = self._mixed(views, rng)
        channels = self._recipe.channels
        inputs = np.stack([prepare_input(pixels, self._settings, channels) for pixels, _ in pairs])
        masks = np.stack([mask for _, mask in pairs])
        if self._recipe.trains_void:
            return inputs, one_hot(masks, self._num_classes)
        return inputs, masks

    def _view(self, image: Pixels, mask: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        if self._recipe.input_size is not None:
            return _resized(image, mask, self._recipe.input_size)
        view = random_view(mask, self._recipe.crop_size, rng)
        pixels, labels = view.pixels(image), view.labels(mask, fill=IGNORE)
        if self._recipe.augments:
            pixels = relight(recolor(pixels, rng), rng, strength=LIGHT_STRENGTH)
        return pixels, labels

    def _mixed(
        self, pairs: list[tuple[Pixels, Pixels]], rng: np.random.Generator
    ) -> list[tuple[Pixels, Pixels]]:
        """A share of them with classes of the one before."""
        is_mixed = rng.random(len(pairs)) < self._recipe.mixed_share
        return [
            with_classes_of(pair, pairs[number - 1], rng, ignore=IGNORE) if mixes else pair
            for number, (pair, mixes) in enumerate(zip(pairs, is_mixed, strict=True))
        ]


def every_nth_pixel(targets: npt.NDArray[Any], stride: int, *, phase: int) -> npt.NDArray[Any]:
    """The targets of a network that answers at a fraction of the size.

    An answer stands for ``stride`` x ``stride`` pixels; each of them is its target in turn, so that
    over the steps it learns their mean, as if it had been given all of them.

    Args:
        targets: (N, H, W, ...).
        stride: 1 gives all.
        phase: counts the steps; decides which pixel it is.

    Returns:
        (N, ceil((H - row) / stride), ceil((W - column) / stride), ...) view.
    """
    row, column = divmod(phase % stride**2, stride)
    return targets[:, row::stride, column::stride]


def one_hot(masks: Pixels, num_classes: int) -> npt.NDArray[np.float32]:
    """(N, H, W) class indices as (N, H, W, num_classes + 1), the last channel for void."""
    indices = np.where(masks == IGNORE, num_classes, masks)
    return np.eye(num_classes + 1, dtype=np.float32)[indices]


def random_view(mask: Pixels, size: tuple[int, int], rng: np.random.Generator) -> View:
    """A random window: half of the time anywhere, half of the time around a random class."""
    scale = random_scale(rng)
    height, width = (max(1, round(side / scale)) for side in size)
    rows, cols = mask.shape
    row, col = int(rng.integers(rows)), int(rng.integers(cols))
    if rng.random() < 0.5:
        row, col = _place_of_random_class(mask, rng) or (row, col)
    # Not further outside than needed: what lies outside teaches nothing.
    top = _limited(row - height // 2, rows - height)
    left = _limited(col - width // 2, cols - width)
    return View(top, left, height, width, size, is_mirrored=bool(rng.random() < 0.5))


def _place_of_random_class(mask: Pixels, rng: np.random.Generator) -> tuple[int, int] | None:
    """A pixel of a class that is drawn first, so that rare classes come as often as large ones."""
    coarse = mask[::2, ::2]
    present = np.flatnonzero(np.bincount(coarse.reshape(-1), minlength=256)[:IGNORE])
    if not len(present):
        return None
    places = np.flatnonzero(coarse.reshape(-1) == rng.choice(present))
    row, col = divmod(int(rng.choice(places)), coarse.shape[1])
    return 2 * row, 2 * col


def _limited(start: int, largest: int) -> int:
    return min(max(start, min(0, largest)), max(0, largest))


def _resized(image: Pixels, mask: Pixels, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Both by nearest neighbour, as the seed did."""
    if mask.shape == size:
        return image, mask
    resize = Image.Resampling.NEAREST
    return (
        np.asarray(Image.fromarray(image).resize(size[::-1], resize)),
        np.asarray(Image.fromarray(mask).resize(size[::-1], resize)),
    )


def prefetched(
    batches: TrainingBatches, epoch: int, *, num_workers: int, note_wait: Callable[[float], None]
) -> Iterator[Batch]:
    """The batches of an epoch in order, prepared by threads while others are trained on.

    Args:
        batches: where they come from.
        epoch: counted from 0.
        num_workers: threads.
        note_wait: told the seconds that were waited for each batch.
    """
    batches.start_epoch(epoch)
    numbers = iter(range(len(batches)))
    with ThreadPoolExecutor(num_workers, thread_name_prefix="batches") as pool:
        ahead: list[Future[Batch]] = [
            pool.submit(batches.__getitem__, n) for _, n in zip(range(AHEAD), numbers, strict=False)
        ]
        try:
            while ahead:
                started = time.perf_counter()
                batch = ahead.pop(0).result()
                note_wait(time.perf_counter() - started)
                number = next(numbers, None)
                if number is not None:
                    ahead.append(pool.submit(batches.__getitem__, number))
                yield batch
        finally:
            for future in ahead:
                future.cancel()
