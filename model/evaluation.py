"""Scoring a network on whole images at their own size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.engine.protocol import CancelToken, Prediction, Scores
from model.errors import CancelledError
from model.metrics import ConfusionMatrix
from model.training_data import LoadedSample


class PixelPredictor(Protocol):
    """Anything that predicts the classes of one image; ``model.predictor.Predictor`` does."""

    def predict(
        self, pixels: npt.NDArray[np.uint8], is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts (H, W, 3) uint8 pixels at their own size."""
        ...


def evaluate_samples(
    predictor: PixelPredictor,
    samples: Iterable[LoadedSample],
    *,
    num_classes: int,
    is_cancelled: CancelToken,
) -> Scores:
    """Scores a network on all trusted pixels of some images, in one confusion matrix.

    Args:
        predictor: the network.
        samples: images with their trusted pixels; read one at a time, so a generator of
            :func:`model.training_data.load_sample` needs the memory of one image.
        num_classes: classes of the network.
        is_cancelled: asked before each image and by the predictor between tiles.

    Raises:
        CancelledError: ``is_cancelled`` said so.
        EngineError: the network failed on an image.
    """
    confusion = ConfusionMatrix(num_classes)
    for sample in samples:
        if is_cancelled():
            raise CancelledError
        prediction = predictor.predict(sample.pixels, is_cancelled)
        confusion.add(sample.classes, prediction.classes)
    return confusion.scores()
