"""The child process of a fine-tuning run: low priority, one core left to the window, then gone."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from model.engine.protocol import TrainingRequest
from model.errors import EngineError, SegguiError

STOP = "stop"
CANCEL = "cancel"

NICENESS = 15
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000


def main(pipe: Connection, request: TrainingRequest, log_path: Path | None) -> None:
    """Runs one fine-tuning and sends its events, or the one error that ended it.

    Args:
        pipe: events go out; ``STOP`` and ``CANCEL`` come in. When the other end closes, the parent
            is gone, and so is this process.
        request: what to train on what.
        log_path: file that output is appended to; None drops it.
    """
    _redirect_output(log_path)
    _lower_priority()
    _leave_a_core()
    stopped, cancelled = threading.Event(), threading.Event()
    listener = threading.Thread(
        target=_listen, args=(pipe, stopped, cancelled), name="training-orders", daemon=True
    )
    listener.start()
    try:
        # Only now: importing Keras takes seconds, and the environment above must be set before.
        from model.backend import configure
        from model.training import fine_tune

        configure()
        for event in fine_tune(request, is_cancelled=cancelled.is_set, is_stopped=stopped.is_set):
            pipe.send(event)
    except SegguiError as error:
        traceback.print_exc()
        pipe.send(error)
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, tell it
        traceback.print_exc()
        pipe.send(_unforeseen(error, log_path))


def _unforeseen(error: Exception, log_path: Path | None) -> EngineError:
    lines = str(error).strip().splitlines()
    where = f"The whole story is in {log_path}." if log_path else "Try again with other settings."
    return EngineError(
        f"Training failed: {type(error).__name__}: {lines[0] if lines else 'no message'}.",
        remedy=where,
    )


def _listen(pipe: Connection, stopped: threading.Event, cancelled: threading.Event) -> None:
    orders = {STOP: stopped, CANCEL: cancelled}
    while True:
        try:
            orders[pipe.recv()].set()
        except (EOFError, OSError):
            # The parent is gone or has closed; nobody wants the result. Not sys.exit: that would
            # only end this thread.
            os._exit(1)


def _redirect_output(log_path: Path | None) -> None:
    """Sends this process' output, that of C++ libraries included, to the log file."""
    sys.stdout.flush()
    sys.stderr.flush()
    path = os.devnull if log_path is None else os.fspath(log_path)
    if log_path is not None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _lower_priority() -> None:
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL_PRIORITY_CLASS)


def _leave_a_core() -> None:
    """Keeps one core free for the window where there are more than two; tells TensorFlow so."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    is_known = hasattr(os, "sched_getaffinity")
    num_cores = len(os.sched_getaffinity(0)) if is_known else os.cpu_count() or 1
    if num_cores > 2:
        for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, str(num_cores - 1))
