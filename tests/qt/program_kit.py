"""The whole window program with an engine that needs no Keras, and gestures on its canvas."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from model.data.label_sets import generic_label_set
from model.data.masks import read_mask
from model.digest import file_sha256
from model.engine.protocol import (
    Activation,
    CancelToken,
    DeviceInfo,
    Fit,
    ModelInfo,
    ModelSettings,
    OutputInfo,
    Prediction,
    Scaling,
)
from model.errors import CancelledError, EngineDiedError, EngineError, ModelFileError
from seggui.app import Program


def model_info(path: str, num_classes: int = 3, sha256: str = "") -> ModelInfo:
    """A network that maps the brightest colour channel to a class."""
    labels = generic_label_set(num_classes)
    settings = ModelSettings(
        Scaling.RAW, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None,
        tuple(c.name for c in labels.classes), tuple(c.color for c in labels.classes),
    )  # fmt: skip
    return ModelInfo(
        path, sha256 or f"sha-{Path(path).name}", "keras", "3.15.1", 100, (None, None, 3), 1,
        (OutputInfo("probabilities", (None, None, None, num_classes)),), num_classes, settings,
        settings_are_guessed=False,
    )  # fmt: skip


class ColorEngine:
    """Predicts the index of the brightest channel; counts calls; can fail, block or die."""

    def __init__(self) -> None:
        self.model: ModelInfo | None = None
        self.num_predicted = 0
        self.num_classes = 3
        self.shift = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.thread_names: set[str] = set()
        self.is_closed = False

    def device(self) -> DeviceInfo:
        return DeviceInfo("cpu", "CPU, 2 cores", "test 1.0")

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if "broken" in path:
            raise ModelFileError("This is no model.", remedy="Choose another file.")
        digest = file_sha256(Path(path)) if Path(path).exists() else ""
        info = model_info(path, self.num_classes, digest)
        self.model = info if settings is None else replace(info, settings=settings)
        return self.model

    def predict(self, pixels: np.ndarray, *, is_cancelled: CancelToken | None = None) -> Prediction:
        self.thread_names.add(threading.current_thread().name)
        self.gate.wait(20)
        if is_cancelled is not None and is_cancelled():
            raise CancelledError
        if self.model is None:
            raise EngineError("No model.")
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.num_predicted += 1
        classes = ((pixels.argmax(axis=2) + self.shift) % 3).astype(np.uint8)
        confidence = np.full(classes.shape, 204, np.uint8)
        for array in (classes, confidence):
            array.setflags(write=False)
        return Prediction(classes, confidence, self.model.sha256, 0.001)

    def try_settings(
        self,
        pixels: np.ndarray,
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """As with other settings; the wrong order of the channels gives the wrong classes."""
        turned = pixels if settings.channel_order == "rgb" else pixels[:, :, ::-1]
        return self.predict(turned, is_cancelled=is_cancelled)

    def close(self) -> None:
        self.is_closed = True


DIED = EngineDiedError("The engine ended.", remedy="It is started again.")


def write_images(folder: Path, num_images: int, *, size: tuple[int, int] = (60, 80)) -> list[str]:
    """Images whose left half is red (class 0) and right half green (class 1)."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = size
    names = []
    for number in range(num_images):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, : width // 2, 0] = 200
        pixels[:, width // 2 :, 1] = 200
        pixels[0, 0] = number
        name = f"frame_{number:03}.png"
        Image.fromarray(pixels).save(folder / name)
        names.append(name)
    return names


class Driver:
    """A running program and what a user does with it."""

    def __init__(self, qtbot: QtBot, engine: ColorEngine | None = None) -> None:
        self.qtbot = qtbot
        self.engine = engine or ColorEngine()
        self.program = Program(self.engine)
        self.window = self.program.window
        self.window.resize(1200, 800)
        self._is_closed = False

    def start(self, folder: Path | None = None, model: Path | None = None) -> None:
        """Starts like the command line does, and waits for the first image."""
        self.program.start(folder, model)
        if folder is not None:
            self.until(lambda: self.program.session.document is not None)

    def load_model(self, path: Path) -> None:
        """Loads a (pretended) model and waits until it is in force."""
        with self.qtbot.waitSignal(self.program.prediction.model_loaded, timeout=10_000):
            self.program.models.load_model(path)

    def until(self, condition: Callable[[], bool], timeout_ms: int = 10_000) -> None:
        """Lets the event loop run until something is true."""
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def until_saved(self) -> None:
        """Waits until everything is on disk."""
        self.program.project.flush_now()
        self.until(lambda: not self.program.project.waiting_keys)

    def trigger(self, name: str) -> None:
        """Chooses an action of the menus."""
        self.window.actions_by_name[name].trigger()

    def show(self, key: str) -> None:
        """Goes to an image and waits until it is on view."""
        self.program.navigation.show(key)
        self.until(lambda: self.program.session.key == key)

    def point(self, row: float, col: float) -> QPointF:
        """Where an image pixel is on the canvas."""
        return self.window.canvas.widget_position((row, col))

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drags the left button from one image position to another."""
        canvas = self.window.canvas
        first, last = self.point(*start).toPoint(), self.point(*end).toPoint()
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=first)
        QTest.mouseMove(canvas, (first + last) / 2)
        QTest.mouseMove(canvas, last)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=last)

    def mask(self) -> np.ndarray:
        """The mask on view."""
        view = self.program.session.mask_view()
        assert view is not None
        return np.array(view)

    def close(self) -> None:
        """Closes the window as its button does."""
        if not self._is_closed:
            self._is_closed = True
            self.window.close()
            self.window.deleteLater()


def saved_mask(folder: Path, name: str) -> np.ndarray:
    """A mask as it is on disk."""
    return read_mask(folder / "masks" / name)
