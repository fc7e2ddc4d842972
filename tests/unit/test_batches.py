"""Batches of a training from scratch: what is in them, in which order, and who waits for them."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest

from model.batches import (
    Batch,
    PairCache,
    TrainingBatches,
    one_hot,
    prefetched,
    random_view,
)
from model.data.label_sets import IGNORE, suggest_label_set
from model.recipes import DEFAULT, SEED, Recipe
from model.scratch_network import settings_for
from model.scratch_pace import Pace

NUM_CLASSES = 3


class Numbered:
    """Images whose pixels all say which one they are; counts how often each was read."""

    def __init__(self, size: tuple[int, int] = (20, 30)) -> None:
        self.size = size
        self.reads: list[int] = []
        self._lock = threading.Lock()

    def read_image(self, item: int) -> np.ndarray:
        with self._lock:
            self.reads.append(item)
        return np.full((*self.size, 3), 10 * (item + 1), np.uint8)

    def read_mask(self, item: int) -> np.ndarray:
        return np.full(self.size, item % NUM_CLASSES, np.uint8)


class Broken(Numbered):
    def read_image(self, item: int) -> np.ndarray:
        if item == 2:
            raise OSError("the disk is gone")
        return super().read_image(item)


SIMPLE = dataclasses.replace(
    SEED, input_size=(16, 16), channels=3, scaling=DEFAULT.scaling, batch_size=2
)
"""Whole images, unscaled, void a class: pixels can be read back from the batches."""


def batches(
    source: Any, num_images: int, recipe: Recipe = SIMPLE, *, is_shuffled: bool = True
) -> TrainingBatches:
    return TrainingBatches(
        source, range(num_images), recipe, settings_for(recipe, suggest_label_set(NUM_CLASSES)),
        num_classes=NUM_CLASSES, batch_size=recipe.batch_size, is_shuffled=is_shuffled,
    )  # fmt: skip


def numbers(batch: Batch) -> list[int]:
    """Which images a batch of ``SIMPLE`` holds."""
    return [int(image.flat[0]) // 10 - 1 for image in batch[0]]


def test_classes_are_encoded_one_hot_with_void_last() -> None:
    encoded = one_hot(np.array([[[0, 2], [1, IGNORE]]], np.uint8), 3)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(
        encoded, [[[[1, 0, 0, 0], [0, 0, 1, 0]], [[0, 1, 0, 0], [0, 0, 0, 1]]]]
    )


def test_a_class_beyond_the_encoding_is_an_error() -> None:
    with pytest.raises(IndexError):
        one_hot(np.array([[[4]]], np.uint8), 3)


def test_the_seed_gets_gray_images_of_its_size_with_length_one_and_all_classes_one_hot() -> None:
    class Halves(Numbered):
        def read_mask(self, item: int) -> np.ndarray:
            mask = super().read_mask(item)
            mask[:, : self.size[1] // 2] = IGNORE
            return mask

    inputs, targets = batches(Halves(), 8, SEED)[0]
    assert inputs.shape == (8, 416, 416, 1)
    np.testing.assert_allclose((inputs.astype(np.float64) ** 2).sum((1, 2, 3)), 1, rtol=1e-4)
    assert targets.shape == (8, 416, 416, NUM_CLASSES + 1)
    np.testing.assert_array_equal(targets.sum(-1), 1)
    assert targets[:, :, :208, NUM_CLASSES].all()
    assert not targets[:, :, 208:, NUM_CLASSES].any()


def test_an_epoch_without_crops_holds_every_image_once_in_another_order_each_time() -> None:
    every = batches(Numbered(), 7)
    orders = []
    for epoch in range(3):
        every.start_epoch(epoch)
        orders.append([n for i in range(len(every)) for n in numbers(every[i])])
    assert [sorted(order) for order in orders] == [list(range(7))] * 3
    assert len({tuple(order) for order in orders}) == 3


def test_what_is_not_shuffled_stays_in_order() -> None:
    every = batches(Numbered(), 5, is_shuffled=False)
    every.start_epoch(1)
    assert [numbers(every[i]) for i in range(len(every))] == [[0, 1], [2, 3], [4]]


def test_batches_of_crops_are_all_full_and_void_is_no_class_of_theirs() -> None:
    recipe = dataclasses.replace(DEFAULT, crop_size=(32, 48), batch_size=4)
    every = batches(Numbered(), 11, recipe)
    every.start_epoch(0)
    assert len(every) == 2
    for index in range(2):
        inputs, masks = every[index]
        assert inputs.shape == (4, 32, 48, 3)
        assert inputs.dtype == np.float32
        assert masks.shape == (4, 32, 48)
        assert masks.dtype == np.uint8
        # The images are smaller than a crop: what lies outside of them is nobody's class.
        assert set(np.unique(masks)) <= {0, 1, 2, IGNORE}
        assert (masks == IGNORE).any()


def test_fewer_images_than_a_batch_are_still_a_batch() -> None:
    recipe = dataclasses.replace(DEFAULT, crop_size=(16, 16), batch_size=8)
    assert len(batches(Numbered(), 3, recipe)) == 1


def test_a_batch_depends_on_seed_epoch_and_number_alone() -> None:
    recipe = dataclasses.replace(DEFAULT, crop_size=(16, 16), batch_size=2)
    first, second = batches(Numbered(), 6, recipe), batches(Numbered(), 6, recipe)
    first.start_epoch(0)
    _ = [first[i] for i in range(3)]
    first.start_epoch(4)
    second.start_epoch(4)
    for ours, theirs in zip(first[2], second[2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = batches(Numbered(), 6, dataclasses.replace(recipe, seed=recipe.seed + 1))
    other.start_epoch(4)
    assert not np.array_equal(first[2][0], other[2][0])


def test_a_quarter_of_the_windows_show_one_of_two_classes_however_small() -> None:
    mask = np.zeros((100, 400), np.uint8)
    mask[40:44, 300:304] = 1
    rng = np.random.default_rng(3)
    views = [random_view(mask, (20, 20), rng) for _ in range(400)]
    share = np.mean([1 in view.labels(mask, fill=IGNORE) for view in views])
    # Half of the draws are around a class, and there are two; few others meet it by chance.
    assert 0.2 < share < 0.35


def test_batches_prepared_ahead_come_in_order_and_waiting_is_told() -> None:
    every, waits = batches(Numbered(), 9, is_shuffled=False), list[float]()
    found = list(prefetched(every, 0, num_workers=2, note_wait=waits.append))
    assert [numbers(batch) for batch in found] == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]
    assert len(waits) == len(found)
    assert min(waits) >= 0


def test_an_image_that_cannot_be_read_ends_the_epoch_at_its_batch() -> None:
    every = batches(Broken(), 6, is_shuffled=False)
    coming = prefetched(every, 0, num_workers=2, note_wait=lambda _: None)
    assert numbers(next(coming)) == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(coming)


def test_leaving_an_epoch_early_leaves_no_thread() -> None:
    coming = prefetched(batches(Numbered(), 40), 0, num_workers=2, note_wait=lambda _: None)
    next(coming)
    coming.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


def test_images_are_read_once_as_long_as_they_fit_into_memory() -> None:
    source = Numbered()
    one = source.size[0] * source.size[1] * 4
    cache = PairCache(source, max_bytes=2 * one)
    for item in (0, 1, 0, 1):
        cache.pair(item, item)
    assert source.reads == [0, 1]
    cache.pair(2, 2)  # 0 was used before 1 and makes room
    cache.pair(1, 1)
    assert source.reads == [0, 1, 2]
    image, mask = cache.pair(0, 0)
    assert source.reads == [0, 1, 2, 0]
    assert int(image.flat[0]) == 10
    assert int(mask.flat[0]) == 0


def test_the_share_of_waiting_is_that_of_waits_and_steps() -> None:
    pace = Pace(None)
    assert pace.waiting_share == 0
    for _ in range(3):
        pace.note_wait(1.0)
        pace.note_step(4.0)
    assert pace.waiting_share == pytest.approx(0.2)
