"""The engine's process: answers requests from the pipe, one by one, until the pipe ends."""

from __future__ import annotations

import importlib
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.engine.memory_limit import limited_memory
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
from model.errors import EngineError, SegguiError

IDLE_SECONDS = 2.0
"""After this long without a request the next one is not to be expected at once."""

if TYPE_CHECKING:
    from model.engine.service import EngineService


def serve(pipe: Connection[Any, Any], _argument: object) -> None:
    """Serves until the parent closes its end, which raises EOFError here."""
    try:
        # Named as text and not imported above: a broken Keras must become an answer, not a silence.
        service: EngineService = importlib.import_module("model.engine.service").EngineService()
        pipe.send(Ready(service.device()))
    except Exception as error:  # noqa: BLE001 - whatever the import of a backend can raise
        pipe.send(Failed(0, _portable(error, "Keras could not be started")))
        return
    while True:
        # pipe.poll also ends when the parent has gone; then recv() says so.
        while service.has_idle_work and not pipe.poll(IDLE_SECONDS):
            service.use_idle_time(pipe.poll)
        _answer(pipe, service, pipe.recv())


def _answer(pipe: Connection[Any, Any], service: EngineService, request: object) -> None:
    if isinstance(request, LoadRequest):
        _answer_load(pipe, service, request)
    elif isinstance(request, PredictRequest):
        _answer_predict(pipe, service, request)
    # A cancellation that comes after its answer left has nothing to cancel.


def _answer_load(pipe: Connection[Any, Any], service: EngineService, request: LoadRequest) -> None:
    folder = None if request.settings_dir is None else Path(request.settings_dir)
    try:
        with limited_memory():
            info = service.load(request.path, request.settings, settings_dir=folder)
    except Exception as error:  # noqa: BLE001 - every failure must be answered, or the caller waits
        pipe.send(Failed(request.number, _portable(error, "The model could not be loaded")))
        return
    pipe.send(Loaded(request.number, info))


def _answer_predict(
    pipe: Connection[Any, Any], service: EngineService, request: PredictRequest
) -> None:
    pixels = receive_array(pipe, request.shape)
    try:
        prediction = service.predict(
            pixels,
            settings=request.settings,
            is_cancelled=lambda: _is_cancelled(pipe, request.number),
        )
    except Exception as error:  # noqa: BLE001 - as above
        pipe.send(Failed(request.number, _portable(error, "The network failed")))
        return
    height, width = prediction.classes.shape
    pipe.send(
        Predicted(request.number, (height, width), prediction.model_sha256, prediction.seconds)
    )
    send_array(pipe, prediction.classes)
    send_array(pipe, prediction.confidence)


def _is_cancelled(pipe: Connection[Any, Any], number: int) -> bool:
    """Whether a cancellation has arrived; the parent sends nothing else while it waits."""
    while pipe.poll():
        message = pipe.recv()
        if isinstance(message, CancelRequest) and message.number == number:
            return True
    return False


def _portable(error: Exception, what: str) -> Exception:
    """The error itself when it is ours; else its text, since foreign types may not unpickle."""
    if isinstance(error, SegguiError):
        return error
    return EngineError(f"{what}: {type(error).__name__}: {str(error)[:500]}")
