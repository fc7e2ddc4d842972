"""The Keras half of the engine: opens models and predicts. The same in both hostings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model import backend
from model.engine.protocol import CancelToken, DeviceInfo, ModelInfo, ModelSettings, Prediction
from model.errors import EngineError
from model.examination import examine
from model.file_report import FileReport
from model.fitting_settings import with_settings
from model.model_settings import load_settings, load_settings_sha256, load_test
from model.opening import inspect_with_consent, open_with_consent
from model.predictor import Predictor
from model.speed import ChoiceStore


class EngineService:
    """One loaded network and its predictor. Used by one thread."""

    def __init__(self) -> None:
        """Prepares the backend."""
        backend.configure()
        self._predictor: Predictor | None = None
        self._report: FileReport | None = None

    def device(self) -> DeviceInfo:
        """What networks run on here."""
        return backend.device_info()

    def load(
        self, path: str, settings: ModelSettings | None = None, *, settings_dir: Path | None = None
    ) -> ModelInfo:
        """Opens a model; see `model.engine.protocol.Engine.load`."""
        report = inspect_with_consent(Path(path), settings_dir)
        stored, notes = (None, ()) if settings else _stored_settings(report, settings_dir)
        notes = (*report.notes, *notes)
        network = open_with_consent(report, settings_dir)
        test, damage = load_test(report.path, sha256=report.sha256, settings_dir=settings_dir)
        info = examine(
            network, report, settings=settings or stored, are_guessed=False,
            notes=(*notes, damage) if damage else notes, test=test,
        )  # fmt: skip
        self._predictor, self._report = Predictor(network, info), report
        if not report.is_program:  # what is inside of one is not ours to change
            self._predictor.speed_up(ChoiceStore(settings_dir))
        return info

    @property
    def has_idle_work(self) -> bool:
        """Whether time without requests can make later answers faster."""
        return self._predictor is not None and self._predictor.can_be_tuned

    def use_idle_time(self, is_interrupted: Callable[[], bool]) -> None:
        """Does that; ``is_interrupted`` says that a request came."""
        if self._predictor is not None:
            self._predictor.tune(is_interrupted)

    def predict(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        settings: ModelSettings | None = None,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """Predicts one image; see `predict` and `try_settings` of `model.engine.protocol.Engine`.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            settings: to use for this image only; None uses those in force.
            is_cancelled: asked between tiles.
        """
        if self._predictor is None:
            raise EngineError("No model is loaded.", remedy="Load a model first.")
        predictor = self._predictor if settings is None else self._trying(settings)
        return predictor.predict(pixels, is_cancelled)

    def _trying(self, settings: ModelSettings) -> Predictor:
        """A predictor of the same network with other settings, checked as when they are loaded."""
        assert self._predictor is not None
        assert self._report is not None
        info = self._predictor.info
        if settings.output_index == info.settings.output_index:
            return self._predictor.used_otherwise(with_settings(info, settings))
        examined = examine(self._predictor.network, self._report, settings=settings)
        return self._predictor.used_otherwise(examined)


def _stored_settings(
    report: FileReport, settings_dir: Path | None
) -> tuple[ModelSettings | None, tuple[str, ...]]:
    stored = load_settings(report.path, settings_dir=settings_dir)
    if stored is None:
        return None, ()
    saved_for = load_settings_sha256(report.path, settings_dir=settings_dir)
    if saved_for in ("", report.sha256):
        return stored, ()
    return stored, ("The settings file was saved for another version of this model file.",)
