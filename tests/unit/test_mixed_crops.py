"""Crops with classes of another crop laid over them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from model.augmentation import with_classes_of
from model.batches import TrainingBatches
from model.data.label_sets import IGNORE, suggest_label_set
from model.recipes import DEFAULT
from model.scratch_network import settings_for

SIZE = (24, 32)


def crop(seed: int, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Random classes; pixels that say which crop and class they are of."""
    labels = np.random.default_rng(seed).choice(np.array(classes, np.uint8), SIZE)
    return np.stack([np.full(SIZE, seed, np.uint8), labels, labels], axis=-1), labels


def test_every_pixel_comes_with_its_own_label() -> None:
    ours, theirs = crop(1, [0, 1, 2, IGNORE]), crop(2, [2, 3, 4, IGNORE])
    pixels, labels = with_classes_of(ours, theirs, np.random.default_rng(0), ignore=IGNORE)
    np.testing.assert_array_equal(pixels[..., 1], labels)
    is_theirs = pixels[..., 0] == 2
    assert 0 < is_theirs.mean() < 1
    np.testing.assert_array_equal(labels[is_theirs], theirs[1][is_theirs])
    np.testing.assert_array_equal(labels[~is_theirs], ours[1][~is_theirs])


@pytest.mark.parametrize("seed", range(5))
def test_a_class_is_taken_whole_or_not_at_all_and_void_never(seed: int) -> None:
    ours, theirs = crop(1, [0, 1]), crop(2, [2, 3, 4, 5, IGNORE])
    pixels, _ = with_classes_of(ours, theirs, np.random.default_rng(seed), ignore=IGNORE)
    is_theirs = pixels[..., 0] == 2
    for label in (2, 3, 4, 5):
        assert len(set(is_theirs[theirs[1] == label].tolist())) == 1
    assert not is_theirs[theirs[1] == IGNORE].any()


def test_each_class_is_taken_about_half_of_the_time() -> None:
    ours, theirs = crop(1, [0]), crop(2, [3, 4, 5])
    rng = np.random.default_rng(7)
    found = [set(with_classes_of(ours, theirs, rng, ignore=IGNORE)[1].flat) for _ in range(200)]
    for label in (3, 4, 5):
        assert 70 < sum(label in labels for labels in found) < 130


def test_what_is_given_stays_as_it_is() -> None:
    ours, theirs = crop(1, [0, 1]), crop(2, [2, 3])
    before = [array.copy() for array in (*ours, *theirs)]
    with_classes_of(ours, theirs, np.random.default_rng(0), ignore=IGNORE)
    for array, copy in zip((*ours, *theirs), before, strict=True):
        np.testing.assert_array_equal(array, copy)


class Halves:
    """Image n has class 2n at its left and 2n + 1 at its right."""

    def read_image(self, item: int) -> np.ndarray:
        return np.repeat(self.read_mask(item)[..., None], 3, axis=-1)

    def read_mask(self, item: int) -> np.ndarray:
        mask = np.full(SIZE, 2 * item, np.uint8)
        mask[:, SIZE[1] // 2 :] += 1
        return mask


def batch_of(share: float, number: int = 0) -> Any:
    recipe = dataclasses.replace(DEFAULT, mixed_share=share, crop_size=SIZE)
    batches = TrainingBatches(
        Halves(), range(8), recipe, settings_for(recipe, suggest_label_set(16)),
        num_classes=16, batch_size=8, is_shuffled=True,
    )  # fmt: skip
    batches.start_epoch(number)
    return batches[0]


def images_in(mask: np.ndarray) -> set[int]:
    return {int(label) // 2 for label in np.unique(mask) if label != IGNORE}


def test_a_batch_mixes_as_many_crops_as_the_recipe_says() -> None:
    assert all(len(images_in(mask)) == 1 for mask in batch_of(0.0)[1])
    masks = np.concatenate([batch_of(1.0, number)[1] for number in range(8)])
    assert np.mean([len(images_in(mask)) == 2 for mask in masks]) > 0.2
    halves = np.concatenate([batch_of(0.5, number)[1] for number in range(8)])
    mixed = [np.sum([len(images_in(mask)) == 2 for mask in part]) for part in (halves, masks)]
    assert 0 < mixed[0] < mixed[1]


def test_an_interrupted_run_gets_the_batches_that_it_would_have_had() -> None:
    for first, second in zip(batch_of(0.5, 3), batch_of(0.5, 3), strict=True):
        np.testing.assert_array_equal(first, second)
