"""The engine as everybody sees it: in a child process, or in the calling thread. No Keras."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from model.engine.messages import (
    CancelRequest,
    Failed,
    Loaded,
    LoadRequest,
    Predicted,
    PredictRequest,
    Ready,
    receive_array,
    send_array,
)
from model.engine.process import ChildProcess
from model.engine.protocol import (
    CancelToken,
    DeviceInfo,
    Engine,
    ModelInfo,
    ModelSettings,
    Prediction,
)
from model.errors import CancelledError, EngineDiedError, EngineError
from model.preprocessing import check_pixels

if TYPE_CHECKING:
    from model.engine.service import EngineService

Pixels = npt.NDArray[np.uint8]

CHILD_TARGET = "model.engine.child:serve"
"""What the child process runs; named as text, so that nothing of Keras is imported here."""

_POLL_SECONDS = 0.02
_DEATHS_UNTIL_WHY = 3


def open_engine(
    hosting: Literal["process", "thread"] = "process",
    *,
    log_path: Path | None = None,
    settings_dir: Path | None = None,
) -> Engine:
    """Makes an engine; nothing is started until it is asked for something.

    Args:
        hosting: ``"process"`` keeps Keras in a child process, ``"thread"`` in the calling thread.
        log_path: file that takes what the child process writes; unused by ``"thread"``.
        settings_dir: where settings of models in read-only folders are.

    Raises:
        ValueError: there is no such hosting.
    """
    if hosting == "process":
        return ProcessEngine(log_path=log_path, settings_dir=settings_dir)
    if hosting == "thread":
        return ThreadEngine(settings_dir=settings_dir)
    raise ValueError(f"hosting is {hosting!r}; 'process' or 'thread' was expected")


class ThreadEngine:
    """The engine in the calling thread, for tests and debugging."""

    def __init__(self, *, settings_dir: Path | None = None) -> None:
        self._settings_dir = settings_dir
        self._service: EngineService | None = None
        self._model: ModelInfo | None = None
        self._is_closed = False

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None."""
        return self._model

    def device(self) -> DeviceInfo:
        """What networks run on here."""
        return self._started().device()

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        """Opens a model; see `Engine.load`."""
        self._model = self._started().load(path, settings, settings_dir=self._settings_dir)
        return self._model

    def predict(self, pixels: Pixels, *, is_cancelled: CancelToken | None = None) -> Prediction:
        """Predicts one image; see `Engine.predict`."""
        check_pixels(pixels)
        return self._started().predict(pixels, is_cancelled=is_cancelled)

    def try_settings(
        self,
        pixels: Pixels,
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """Predicts one image with other settings; see `Engine.try_settings`."""
        check_pixels(pixels)
        return self._started().predict(pixels, settings=settings, is_cancelled=is_cancelled)

    def close(self) -> None:
        """Lets go of the network."""
        self._is_closed, self._service, self._model = True, None, None

    def _started(self) -> EngineService:
        _refuse_closed(self._is_closed)
        if self._service is None:
            service: EngineService = importlib.import_module("model.engine.service").EngineService()
            self._service = service
        return self._service


class ProcessEngine:
    """The engine in a child process, which is started when needed and again when it died."""

    def __init__(self, *, log_path: Path | None = None, settings_dir: Path | None = None) -> None:
        self._log_path = log_path
        self._settings_dir = None if settings_dir is None else str(settings_dir)
        self._child: ChildProcess | None = None
        self._device: DeviceInfo | None = None
        self._model: ModelInfo | None = None
        self._number = 0
        self._unanswered: int | None = None  # a cancelled request whose answer is still to come
        self._num_deaths = 0  # in a row, without an answer in between
        self._is_closed = False

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None."""
        return self._model

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        return None if self._child is None else self._child.pid

    def device(self) -> DeviceInfo:
        """What networks run on in the child."""
        self._started()
        assert self._device is not None
        return self._device

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        """Opens a model; see `Engine.load`."""
        absolute = str(Path(path).absolute())  # the child works in a folder of its own
        child = self._started()
        try:
            self._model = self._load_in(child, absolute, settings)
        except EngineDiedError as error:
            raise _death_while_loading(absolute, error) from error
        self._num_deaths = 0
        return self._model

    def predict(self, pixels: Pixels, *, is_cancelled: CancelToken | None = None) -> Prediction:
        """Predicts one image; see `Engine.predict`."""
        return self._predict(pixels, None, is_cancelled)

    def try_settings(
        self,
        pixels: Pixels,
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        """Predicts one image with other settings; see `Engine.try_settings`."""
        return self._predict(pixels, settings, is_cancelled)

    def _predict(
        self, pixels: Pixels, settings: ModelSettings | None, is_cancelled: CancelToken | None
    ) -> Prediction:
        check_pixels(pixels)
        if self._model is None:
            _refuse_closed(self._is_closed)
            raise EngineError("No model is loaded.", remedy="Load a model first.")
        if is_cancelled is not None and is_cancelled():
            raise CancelledError()
        child = self._started()
        number = self._next_number()
        with self._reporting_death(child):
            child.pipe.send(PredictRequest(number, pixels.shape, settings))
            send_array(child.pipe, pixels)
        prediction: Prediction = self._wait(child, number, is_cancelled)
        self._num_deaths = 0  # only here and in load(): starting well is no success yet
        return prediction

    def close(self) -> None:
        """Ends the child process and waits for it."""
        self._is_closed = True
        self._model = None
        self._drop_child()

    # --- the child's life ---

    def _started(self) -> ChildProcess:
        """The running child, with the model loaded; starts one when there is none."""
        _refuse_closed(self._is_closed)
        if self._child is not None and not self._child.is_alive:
            self._drop_child()  # died between two calls: no call was hurt, so nobody needs to know
        if self._child is None:
            self._start()
        assert self._child is not None
        if self._unanswered is not None:
            self._skip_answer(self._child)
        return self._child

    def _start(self) -> None:
        child = ChildProcess(CHILD_TARGET, log_path=self._log_path)
        self._child, self._unanswered = child, None
        self._device = self._wait(child, 0, None)
        if self._model is not None:
            self._model = self._load_in(child, self._model.path, self._model.settings)

    def _drop_child(self) -> None:
        child, self._child, self._unanswered = self._child, None, None
        if child is not None:
            child.close()

    @contextlib.contextmanager
    def _reporting_death(self, child: ChildProcess) -> Any:
        """Turns a broken pipe into the error that users understand."""
        try:
            yield
        except (EOFError, OSError, ValueError) as error:
            raise self._death(child) from error

    def _death(self, child: ChildProcess) -> EngineError:
        _refuse_closed(self._is_closed)  # closed by another thread: not a death
        self._num_deaths += 1
        message = f"The engine process ended unexpectedly ({child.describe_end()})."
        remedy = "It starts again by itself with the next request."
        if self._num_deaths >= _DEATHS_UNTIL_WHY:
            tail = child.log_tail() or "nothing"
            message = (
                f"The engine process ended {self._num_deaths} times in a row, "
                f"the last time with {child.describe_end()}. Its last words: {tail}"
            )
            remedy = "Try a smaller image or another model, and check the free memory."
        self._drop_child()
        return EngineDiedError(message, remedy=remedy)

    # --- requests and answers ---

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _load_in(self, child: ChildProcess, path: str, settings: ModelSettings | None) -> ModelInfo:
        number = self._next_number()
        with self._reporting_death(child):
            child.pipe.send(LoadRequest(number, path, settings, self._settings_dir))
        return self._wait(child, number, None)  # type: ignore[no-any-return]

    def _wait(self, child: ChildProcess, number: int, is_cancelled: CancelToken | None) -> Any:
        """The answer to a request; leaves at once when cancelled, the answer is skipped later."""
        with self._reporting_death(child):
            while not child.wait_for_message(_POLL_SECONDS if is_cancelled else 1.0):
                if is_cancelled is not None and is_cancelled():
                    child.pipe.send(CancelRequest(number))
                    self._unanswered = number
                    raise CancelledError()
            answer = self._receive(child)
        if isinstance(answer, Failed):
            if number == 0:
                self._drop_child()
            raise answer.error
        return answer

    def _skip_answer(self, child: ChildProcess) -> None:
        """Takes the answer to a cancelled request out of the pipe; it comes with the next tile."""
        self._unanswered = None
        with self._reporting_death(child):
            self._receive(child)

    def _receive(self, child: ChildProcess) -> Any:
        """One answer with everything that belongs to it."""
        answer = child.pipe.recv()
        if isinstance(answer, Ready):
            return answer.device
        if isinstance(answer, Loaded):
            return answer.info
        if isinstance(answer, Predicted):
            arrays = [receive_array(child.pipe, answer.shape) for _ in range(2)]
            for array in arrays:
                array.setflags(write=False)
            return Prediction(arrays[0], arrays[1], answer.model_sha256, answer.seconds)
        return answer


def _death_while_loading(path: str, error: EngineDiedError) -> EngineDiedError:
    """The file is what is new, so it is the first to be suspected."""
    return EngineDiedError(
        f"{Path(path).name} made the engine process end while it was being opened. {error.message}",
        remedy="The file may be damaged, too large for this computer, or made to do harm: download "
        f"it again, or ask where it comes from. The model before stays in force. {error.remedy}",
    )


def _refuse_closed(is_closed: bool) -> None:
    if is_closed:
        raise EngineError("The engine is closed.", remedy="Open a new one.")
