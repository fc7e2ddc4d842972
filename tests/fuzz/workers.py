"""Processes that open mutated files, watched from outside: they may crash, hang and be killed."""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.fuzz.making import forget, keep, make_file

_HANG_SECONDS = 30.0
"""Of wall-clock time, after which a process is killed; the 2 s are of processor time."""
_START_SECONDS = 300.0
_FILES_PER_PROCESS = 2000
"""Then another process goes on, since libraries do not give all memory back."""


@dataclass(frozen=True)
class Task:
    """One file to make and to open.

    Attributes:
        seed: for `make_file`.
        as_network: whether to build the network with Keras, too.
    """

    seed: str
    as_network: bool


@dataclass(frozen=True)
class Tried:
    """A task and what came of it.

    Attributes:
        task: that was done.
        recipe: what the file was made of.
        outcome: the stage, the result and so on, as in `tests.fuzz.trying.Outcome`.
    """

    task: Task
    recipe: str
    outcome: Any


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: Task | None = None
    started: float = field(default_factory=time.monotonic)
    num_done: int = 0
    is_ready: bool = False


def try_files(
    tasks: Iterator[Task], *, num_workers: int, with_keras: bool, kept_in: Path | None = None
) -> Iterator[Tried]:
    """Makes and opens files in processes of their own, in no certain order.

    Args:
        tasks: read one by one, so that a caller can stop at a time.
        num_workers: processes.
        with_keras: whether they can build networks.
        kept_in: a folder for the files that fail, called after their seeds.
    """
    with tempfile.TemporaryDirectory(prefix="seggui-fuzz-") as place:
        folder = Path(place)
        options = {"with_keras": with_keras, "kept_in": kept_in}
        workers = [_start(folder, options) for _ in range(num_workers)]
        try:
            while workers:
                for worker in list(workers):
                    tried, goes_on = _looked_after(worker, tasks)
                    if tried is not None:
                        yield tried
                    if goes_on:
                        continue
                    workers.remove(worker)
                    _stop(worker)
                    if worker.task is not None or worker.num_done >= _FILES_PER_PROCESS:
                        workers.append(_start(folder, options))
                if workers:
                    wait([worker.pipe for worker in workers], timeout=1)
        finally:
            for worker in workers:
                _stop(worker)


def _looked_after(worker: _Worker, tasks: Iterator[Task]) -> tuple[Tried | None, bool]:
    """Takes an answer, gives the next task. A worker that does not go on and has a task, died."""
    try:
        if not worker.pipe.poll():
            limit = _HANG_SECONDS if worker.is_ready else _START_SECONDS
            if time.monotonic() - worker.started < limit:
                return None, True
            return _lost(worker, "time", f"no answer for {limit:.0f} s"), False
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(10)
        return _lost(worker, "crash", f"the process ended with {worker.process.exitcode}"), False
    tried = None
    if worker.is_ready and worker.task is not None:
        tried = Tried(worker.task, *answer)
        worker.num_done += 1
    worker.is_ready, worker.task = True, None
    if worker.num_done >= _FILES_PER_PROCESS:
        return tried, False
    task = next(tasks, None)
    if task is None:
        return tried, False
    worker.pipe.send(task)
    worker.task, worker.started = task, time.monotonic()
    return tried, True


def _lost(worker: _Worker, kind: str, detail: str) -> Tried:
    from tests.fuzz.trying import Outcome

    if worker.task is None:
        raise RuntimeError(f"a process could not be prepared: {detail}")
    return Tried(worker.task, "", Outcome("", "failure", kind, detail))


def _start(folder: Path, options: dict[str, Any]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    place = Path(tempfile.mkdtemp(dir=folder))
    process = context.Process(target=_serve, args=(theirs, place, options), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(2)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


# --- in the process ---


def _serve(pipe: Connection, folder: Path, options: dict[str, Any]) -> None:
    from tests.fuzz.corpus import read_corpus
    from tests.fuzz.trying import MAX_BYTES, Attempt, Outcome

    attempt = Attempt(folder, with_keras=options["with_keras"])
    corpus = read_corpus()
    pipe.send(None)
    limit_memory = _memory_limiter(MAX_BYTES)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = make_file(corpus, task.seed, Path(place))
            if options["kept_in"] is not None:  # a crash would leave nothing to look at
                keep(made, options["kept_in"], task.seed)
            with limit_memory():
                outcome: Outcome = attempt.open(made.path, as_network=task.as_network)
            if options["kept_in"] is not None and outcome.result != "failure":
                forget(options["kept_in"], task.seed)
        pipe.send((made.recipe, outcome))


def _memory_limiter(num_bytes: int) -> Callable[[], Any]:
    """A context in which the process may not grow by more; without effect where there is none."""
    import contextlib

    if sys.platform != "linux":
        return contextlib.nullcontext
    import resource

    @contextlib.contextmanager
    def limited() -> Iterator[None]:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = pages * resource.getpagesize() + num_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

    return limited
