"""An engine without Keras: its network says class 1 where an image is bright."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.engine.protocol import (
    Activation,
    DeviceInfo,
    Fit,
    ModelInfo,
    ModelSettings,
    OutputInfo,
    Prediction,
    Scaling,
)
from model.errors import ModelFileError

SETTINGS = ModelSettings(
    Scaling.UNIT, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None,
    ("dark", "bright"), ((0, 0, 0), (250, 240, 0)),
)  # fmt: skip


def model_info(path: Path) -> ModelInfo:
    return ModelInfo(
        path=str(path.absolute()),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        file_format="keras",
        keras_version="3.15.1",
        num_parameters=1_234_567,
        input_shape=(None, None, 3),
        size_multiple=16,
        outputs=(OutputInfo("classes", (None, None, None, 2)),),
        num_classes=2,
        settings=SETTINGS,
        settings_are_guessed=True,
        notes=("The last layer is a softmax.",),
    )


class FakeEngine:
    """Keeps to the contract of ``model.engine.protocol.Engine``.

    Attributes:
        num_predicted: images answered so far.
        is_closed: whether ``close`` was called.
        before_predicting: called before each answer with the number of the image, from 0.
    """

    def __init__(self, before_predicting: Callable[[int], None] = lambda number: None) -> None:
        self.model: ModelInfo | None = None
        self.num_predicted = 0
        self.is_closed = False
        self.before_predicting = before_predicting

    def device(self) -> DeviceInfo:
        return DeviceInfo("cpu", "CPU, 2 cores", "none")

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if not Path(path).is_file():
            raise ModelFileError(f"{path} could not be read: No such file or directory.")
        self.model = model_info(Path(path))
        return self.model

    def predict(self, pixels: NDArray[np.uint8], *, is_cancelled: object = None) -> Prediction:
        self.before_predicting(self.num_predicted)
        self.num_predicted += 1
        classes = (pixels.mean(axis=2) > 127).astype(np.uint8)
        assert self.model is not None
        return Prediction(classes, np.full_like(classes, 200), self.model.sha256, 0.01)

    def try_settings(
        self,
        pixels: NDArray[np.uint8],
        settings: ModelSettings,
        *,
        is_cancelled: object = None,
    ) -> Prediction:
        return self.predict(pixels, is_cancelled=is_cancelled)

    def close(self) -> None:
        self.is_closed = True
