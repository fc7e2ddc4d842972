"""The child process of a training run: low priority, one core left to the window, then gone.

What every child does first (output to the log, its own folder, the watch over its parent) is in
``model.engine.process``.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from model.engine.protocol import CancelToken, TrainingEvent, TrainingRequest
from model.errors import EngineError, SegguiError
from model.scratch_state import ScratchRequest

STOP = "stop"
CANCEL = "cancel"

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"

NICENESS = 15
"""Below the engine that predicts: the image in front of the user comes before the training."""

_PARENT_SECONDS = 0.3
"""The pipe of a dying parent may end a moment before the parent counts as dead."""


def environment() -> dict[str, str]:
    """Variables of the child: fast convolutions, and one core left to the window if there are more.

    TensorFlow switches oneDNN on by itself only on processors made for neural networks (AVX-512
    VNNI and later). Training gains from it on others too, 1.4x to 1.7x with the default recipe on
    AVX2: its gradients of convolutions are the difference. A variable that the user set stays.
    """
    variables = {} if ONEDNN in os.environ else {ONEDNN: "1"}
    is_known = hasattr(os, "sched_getaffinity")
    num_cores = len(os.sched_getaffinity(0)) if is_known else os.cpu_count() or 1
    if num_cores <= 2:
        return variables
    num_used = str(num_cores - 1)
    return variables | {"TF_NUM_INTRAOP_THREADS": num_used, "OMP_NUM_THREADS": num_used}


def run(
    request: TrainingRequest | ScratchRequest, *, is_cancelled: CancelToken, is_stopped: CancelToken
) -> Iterator[TrainingEvent]:
    """The training that a request asks for; imports Keras."""
    if isinstance(request, ScratchRequest):
        from model.scratch_training import train_from_scratch

        return train_from_scratch(request, is_cancelled=is_cancelled, is_stopped=is_stopped)
    from model.training import fine_tune

    return fine_tune(request, is_cancelled=is_cancelled, is_stopped=is_stopped)


def main(pipe: Connection[Any, Any], request: TrainingRequest | ScratchRequest) -> None:
    """Runs one training and sends its events, or the one error that ended it.

    Args:
        pipe: events go out; ``STOP`` and ``CANCEL`` come in. When the other end closes, nobody
            wants the result, and this process ends.
        request: what to train on what; absolute paths.
    """
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))
    stopped, cancelled = threading.Event(), threading.Event()
    threading.Thread(
        target=_listen, args=(pipe, stopped, cancelled), name="training-orders", daemon=True
    ).start()
    try:
        # Only now: importing Keras takes seconds, in which orders are heard already.
        from model.backend import configure

        configure()
        for event in run(request, is_cancelled=cancelled.is_set, is_stopped=stopped.is_set):
            pipe.send(event)
    except SegguiError as error:
        traceback.print_exc()
        pipe.send(error)
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, tell it
        traceback.print_exc()
        pipe.send(_unforeseen(error))


def _unforeseen(error: Exception) -> EngineError:
    lines = str(error).strip().splitlines()
    return EngineError(
        f"Training failed: {type(error).__name__}: {lines[0] if lines else 'no message'}.",
        remedy="The log has the details; try again with other settings.",
    )


def _listen(
    pipe: Connection[Any, Any], stopped: threading.Event, cancelled: threading.Event
) -> None:
    orders = {STOP: stopped, CANCEL: cancelled}
    while True:
        try:
            orders[pipe.recv()].set()
        except (EOFError, OSError):
            break
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join(_PARENT_SECONDS)
        if not parent.is_alive():
            return  # the watch over the parent ends this process, and tidies its folder first
    # Not sys.exit: that would only end this thread. A step of Keras cannot be interrupted.
    os._exit(1)
