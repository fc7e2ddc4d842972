"""How good a network in training is on what it is not trained on. Imports Keras."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from model.batches import TrainingBatches
from model.data.datasets.dataset import Dataset, DatasetItem
from model.engine.protocol import CancelToken, ModelInfo, Scores
from model.errors import CancelledError
from model.metrics import ConfusionMatrix
from model.predictor import Predictor
from model.recipes import Recipe

_TINY = 1e-7


class HeldOut:
    """The images that are held out, and the network that is scored on them.

    A recipe that trains void as a class at one size, as the seed's, is judged as Keras would: on
    batches of that size. Every other network is judged by its answers at the images' own size,
    through the predictor that serves everybody later.
    """

    def __init__(
        self,
        dataset: Dataset,
        items: tuple[DatasetItem, ...],
        recipe: Recipe,
        network: keras.Model,
        *,
        info: ModelInfo,
        is_cancelled: CancelToken,
    ) -> None:
        """Reads nothing yet.

        Args:
            dataset: where the images and masks are read from.
            items: what is held out; may be empty.
            recipe: tells how to judge.
            network: with the weights of the moment at each scoring.
            info: of the network, as the predictor wants it.
            is_cancelled: asked at every image or batch.
        """
        self._dataset, self._items, self._recipe = dataset, items, recipe
        self._network, self._settings = network, info.settings
        self._predictor = Predictor(network, info)
        self._is_cancelled = is_cancelled

    def score(self, batch_size: int) -> tuple[Scores, dict[str, float]]:
        """Scores over the classes, and what the log says of them.

        Args:
            batch_size: images per batch, where batches are scored.

        Raises:
            CancelledError: ``is_cancelled`` said so.
        """
        if not self._items:
            return no_scores(len(self._dataset.label_set)), {}
        if self._recipe.trains_void and self._recipe.input_size is not None:
            scores, values = self._score_batches(batch_size)
        else:
            scores = self._score_images()
            values = {"val_accuracy": scores.accuracy}
        return scores, {**values, "val_mean_iou": scores.mean_iou}

    def _score_images(self) -> Scores:
        confusion = ConfusionMatrix(len(self._dataset.label_set))
        for item in self._items:
            self._check_cancelled()
            pixels = self._dataset.read_image(item)
            predicted = self._predictor.predict(pixels, self._is_cancelled).classes
            confusion.add(self._dataset.read_mask(item), predicted)
        return confusion.scores()

    def _score_batches(self, batch_size: int) -> tuple[Scores, dict[str, float]]:
        """As Keras validates: at the network's size, void counted as the class that it is."""
        num_classes = len(self._dataset.label_set)
        confusion = ConfusionMatrix(num_classes + 1)
        batches = TrainingBatches(
            self._dataset, self._items, self._recipe, self._settings,
            num_classes=num_classes, batch_size=batch_size, is_shuffled=False,
        )  # fmt: skip
        loss_sum, num_right, num_all = 0.0, 0, 0
        for index in range(len(batches)):
            self._check_cancelled()
            inputs, targets = batches[index]
            answer = np.asarray(keras.ops.convert_to_numpy(self._network.predict_on_batch(inputs)))
            truth = targets.argmax(axis=-1).astype(np.uint8)
            predicted = answer.argmax(axis=-1).astype(np.uint8)
            confusion.add(
                truth.reshape(-1, truth.shape[-1]), predicted.reshape(-1, predicted.shape[-1])
            )
            chosen = np.take_along_axis(answer, truth[..., None].astype(np.intp), axis=-1)
            loss_sum += float(-np.log(np.maximum(chosen, _TINY)).mean()) * len(inputs)
            num_right += int((truth == predicted).sum())
            num_all += truth.size
        values = {"val_loss": loss_sum / len(self._items), "val_accuracy": num_right / num_all}
        return _without_void(confusion, num_classes), values

    def _check_cancelled(self) -> None:
        if self._is_cancelled():
            raise CancelledError


def no_scores(num_classes: int) -> Scores:
    """The scores where nothing is held out."""
    return Scores(0.0, 0.0, (None,) * num_classes, (0,) * num_classes)


def _without_void(confusion: ConfusionMatrix, num_classes: int) -> Scores:
    """Scores over the pixels whose truth is a class; a prediction of void there is an error."""
    counts = confusion.counts.copy()
    counts[num_classes:] = 0
    kept = ConfusionMatrix(confusion.num_classes)
    kept.counts = counts
    scores = kept.scores()
    iou = scores.iou[:num_classes]
    known = [value for value in iou if value is not None]
    return dataclasses.replace(
        scores, iou=iou, num_pixels=scores.num_pixels[:num_classes],
        mean_iou=float(np.mean(known)) if known else 0.0,
    )  # fmt: skip
