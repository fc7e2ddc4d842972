"""An engine that is made when it is asked for the first time. Imports nothing but the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from model.engine.protocol import (
        CancelToken,
        DeviceInfo,
        Engine,
        ModelInfo,
        ModelSettings,
        Prediction,
    )


class DeferredEngine:
    """Keeps what an engine imports (pipes, processes) out of the start of a program.

    Like any engine, it belongs to one thread; the real one is made in that thread.
    """

    def __init__(self, make: Callable[[], Engine]) -> None:
        """Remembers how to make the engine; see `model.engine.client.open_engine`."""
        self._make = make
        self._engine: Engine | None = None
        self._is_closed = False

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None."""
        return None if self._engine is None else self._engine.model

    def device(self) -> DeviceInfo:
        """What networks run on; see `Engine.device`."""
        return self._made().device()

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        """Opens a model; see `Engine.load`."""
        return self._made().load(path, settings)

    def predict(
        self, pixels: npt.NDArray[np.uint8], *, is_cancelled: CancelToken | None = None
    ) -> Prediction:
        """Predicts one image; see `Engine.predict`."""
        return self._made().predict(pixels, is_cancelled=is_cancelled)

    def try_settings(
        self,
        pixels: npt.NDArray[np.uint8],
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """Predicts one image with other settings; see `Engine.try_settings`."""
        return self._made().try_settings(pixels, settings, is_cancelled=is_cancelled)

    def close(self) -> None:
        """Closes the engine, if it was ever needed."""
        self._is_closed = True
        if self._engine is not None:
            self._engine.close()

    def _made(self) -> Engine:
        if self._engine is None:
            self._engine = self._make()
            if self._is_closed:  # so that it refuses as a closed engine does
                self._engine.close()
        return self._engine
