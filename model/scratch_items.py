"""Which images a training from scratch learns from, and which it holds out. Imports no Keras."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from model.data.datasets.dataset import Dataset, DatasetItem
from model.data.datasets.split import split_dataset
from model.data.datasets.survey import DatasetSurvey
from model.errors import TrainingError
from model.recipes import Recipe
from model.scratch_state import ScratchRequest


def chosen_items(
    dataset: Dataset, survey: DatasetSurvey, request: ScratchRequest
) -> tuple[tuple[DatasetItem, ...], tuple[DatasetItem, ...]]:
    """What is trained on and what is held out, of what can be used.

    Raises:
        TrainingError: nothing to train on, or nothing held out where the recipe needs it.
    """
    recipe = request.recipe
    items = tuple(i for i in survey.usable if not request.groups or i.group in request.groups)
    if not items and not request.groups:
        grave = next((f for f in survey.findings if f.severity == "error"), None)
        raise TrainingError(
            f"No image of {dataset.folder} can be trained on. {grave.message if grave else ''}",
            remedy=grave.remedy if grave else "Add masks with classes.",
        )
    if not items:
        groups = sorted({item.group for item in dataset.items})
        raise TrainingError(
            f"No image of {dataset.folder} belongs to {', '.join(request.groups)}.",
            remedy=f"Choose among: {', '.join(groups[:20])}.",
        )
    if request.holds_out == "nothing":
        train = tuple(i for i in items if i.split != "test")
        validation: tuple[DatasetItem, ...] = ()
    else:
        if request.holds_out == "share":  # what the dataset holds out is left alone
            items = tuple(
                dataclasses.replace(i, split=None) for i in items if i.split in (None, "train")
            )
        if recipe.split == "drawn":
            return drawn_split(items, recipe)
        part = dataclasses.replace(dataset, items=items)
        rows = _rows(dataset, survey, items)
        split = split_dataset(
            part, seed=recipe.seed, validation_share=recipe.validation_share, test_share=0.0,
            survey=dataclasses.replace(survey, usable=items, pixels_per_item=rows),
        )  # fmt: skip
        train, validation = split.train, split.validation
    if not train:
        raise TrainingError(
            f"{dataset.folder} has no images to train on.",
            remedy="A dataset needs images with masks; `seggui dataset` says what was found.",
        )
    if not validation and recipe.patience:
        raise TrainingError(
            f"Nothing of {dataset.folder} is held out, but the recipe {recipe.name!r} stops by it.",
            remedy="Hold something out, or give --patience 0.",
        )
    return train, validation


def drawn_split(
    items: tuple[DatasetItem, ...], recipe: Recipe
) -> tuple[tuple[DatasetItem, ...], tuple[DatasetItem, ...]]:
    """Train and validation as ``sklearn.model_selection.train_test_split`` draws them.

    Only of images that the dataset does not hold out itself.
    """
    pool = [item for item in items if item.split in (None, "train")]
    order = np.random.RandomState(recipe.seed).permutation(len(pool))
    num_held_out = math.ceil(recipe.validation_share * len(pool))
    held_out, train = order[:num_held_out], order[num_held_out:]
    return tuple(pool[i] for i in train), tuple(pool[i] for i in held_out)


def pixels_of(
    dataset: Dataset, survey: DatasetSurvey, items: tuple[DatasetItem, ...]
) -> npt.NDArray[np.int64]:
    """Pixels of each class in some items.

    Raises:
        TrainingError: fewer than two classes occur, so there is nothing to tell apart.
    """
    counts: npt.NDArray[np.int64] = _rows(dataset, survey, items)[:, :-1].sum(axis=0)
    if (counts > 0).sum() < 2:
        found = [c.name for c, n in zip(dataset.label_set.classes, counts, strict=True) if n]
        raise TrainingError(
            f"The training images hold {' and '.join(found) or 'no class'} only; a network needs "
            "two classes to tell apart.",
            remedy="Add images of other classes, or mark the background as a class of its own.",
        )
    return counts


def _rows(
    dataset: Dataset, survey: DatasetSurvey, items: tuple[DatasetItem, ...]
) -> npt.NDArray[np.int64]:
    """The survey's counts of some items, in their order."""
    places = {item.key: place for place, item in enumerate(dataset.items)}
    rows: npt.NDArray[np.int64] = survey.pixels_per_item[[places[item.key] for item in items]]
    return rows
