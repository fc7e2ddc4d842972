"""A child process at the other end of a pipe: started by spawn, out of the way, never left behind.

Used by the prediction engine and by fine-tuning. Imports nothing heavy, on either side: the child's
work is named as text and imported once the child has settled.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_LOG_NAME = "engine.log"
_NICENESS = 5
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class ChildOptions:
    """How a child process is to live.

    Attributes:
        target: ``"package.module:function"``, called with the child's end of the pipe and
            ``argument``.
        argument: anything that pickles.
        folder: the child's own working directory.
        log_path: where its standard output and error go, appended.
        environment: set before anything heavy is imported.
    """

    target: str
    argument: object
    folder: str
    log_path: str
    environment: Mapping[str, str] = field(default_factory=dict)


class ChildProcess:
    """A running child and the parent's end of the pipe to it. Used by one thread at a time.

    Attributes:
        pipe: the parent's end; raises EOFError or OSError once the child is gone.
    """

    def __init__(
        self,
        target: str,
        *,
        argument: object = None,
        log_path: Path | None = None,
        environment: Mapping[str, str] | None = None,
        name: str = "seggui-engine",
    ) -> None:
        """Starts a child.

        Args:
            target: ``"package.module:function"``, called with (pipe, argument) in the child.
            argument: second argument of ``target``; must pickle.
            log_path: file that takes the child's output; None keeps it until `close`.
            environment: variables set in the child before it imports anything heavy.
            name: of the process, for people.

        Raises:
            OSError: no process could be started.
        """
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self._log_path = (log_path or self._folder / _LOG_NAME).absolute()
        self._log_start = _size_of(self._log_path)
        context = multiprocessing.get_context("spawn")
        self.pipe, child_pipe = context.Pipe()
        options = ChildOptions(
            target, argument, str(self._folder), str(self._log_path), dict(environment or {})
        )
        # A daemon is ended when this program ends without close(); others would be waited for.
        self._process = context.Process(
            target=_enter, args=(child_pipe, options), name=name, daemon=True
        )
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, True)
        try:
            self._process.start()
        except BaseException:
            self.pipe.close()
            self._finalizer()
            raise
        finally:
            child_pipe.close()  # so that the pipe ends when the child does

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.is_alive()

    def wait_for_message(self, timeout_seconds: float) -> bool:
        """Waits until the pipe has a message or has ended; False when the time is over."""
        return bool(connection.wait([self.pipe, self._process.sentinel], timeout_seconds))

    def describe_end(self) -> str:
        """How the child ended, in words: ``"killed by SIGKILL"``, ``"exit status 1"``."""
        self._process.join(_GRACE_SECONDS)
        code = self._process.exitcode
        if code is None:
            return "it no longer answers"
        if code >= 0:
            return f"exit status {code}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"

    def log_tail(self, max_lines: int = 5) -> str:
        """The last lines the child wrote, or an empty string."""
        try:
            with self._log_path.open("rb") as file:
                file.seek(max(self._log_start, _size_of(self._log_path) - 8192))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join([line for line in lines if line.strip()][-max_lines:])

    def close(self, *, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Ends the child and waits: it sees the pipe end, then is terminated, then killed.

        Safe to call twice, and from another thread than the one that waits for an answer.
        """
        with contextlib.suppress(OSError):
            self.pipe.close()
        self._process.join(grace_seconds)
        for stop in (self._process.terminate, self._process.kill):
            if self._process.exitcode is None:
                stop()
                self._process.join(5 * _GRACE_SECONDS)
        self._finalizer()


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- in the child ---


def _enter(pipe: Connection[Any, Any], options: ChildOptions) -> None:
    """The child's first function: settles down, does its work, and leaves without ceremony."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes the child
    _redirect_output(options.log_path)
    _watch_parent(options.folder)
    _lower_priority()
    os.chdir(options.folder)
    tempfile.tempdir = options.folder  # goes with it, however this process ends
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.update(options.environment)
    module, _, function = options.target.partition(":")
    status = 0
    try:
        getattr(importlib.import_module(module), function)(pipe, options.argument)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent closed its end, so nobody wants an answer any more; or it was killed, and then
        # nobody else tidies up. This may come here before the thread that watches for that.
        _remove(options.folder)
    except BaseException:  # noqa: BLE001 - the last resort of a process; the log is where it belongs
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    pipe.close()
    # TensorFlow's own threads can crash or hang an orderly exit; there is nothing left to tidy.
    os._exit(status)


def _redirect_output(log_path: str) -> None:
    """Sends output to the log, that of C libraries included; the child reads no keyboard."""
    Path(log_path).parent.mkdir(parents=True, exist_ok=True)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(null)
    # A windowed program on Windows has no streams at all, so new ones are made.
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)


def _watch_parent(folder: str) -> None:
    """Ends this process when the parent dies, also in the middle of a long calculation."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        connection.wait([parent.sentinel])
        _remove(folder)
        os._exit(0)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def _remove(folder: str) -> None:
    os.chdir(os.path.dirname(folder))  # Windows removes no folder that somebody is in
    shutil.rmtree(folder, ignore_errors=True)


def _lower_priority() -> None:
    """The window goes first: it answers at once while the network uses what is left."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
        return
    import ctypes

    below_normal = 0x4000
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - exists on Windows only
    kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
