"""Predicting many images: files are read and written while the network works.

Imports no Keras. Threads are made here because the network must not wait for files: on a laptop,
decoding a photo and compressing its mask take about as long as a small network needs.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from model.data.images import RasterImage, read_image
from model.engine.protocol import CancelToken, Engine, Prediction, never
from model.errors import CancelledError, EngineDiedError, EngineError, ImageError

NUM_AHEAD = 3
"""Images decoded ahead, and predictions waiting to be written: bounds the memory."""

MAX_DEATHS_IN_A_ROW = 3


@dataclass(frozen=True)
class ImageJob:
    """One image to predict.

    Attributes:
        image_path: the image file.
        output_path: where its result goes.
    """

    image_path: Path
    output_path: Path


@dataclass(frozen=True)
class ImageOutcome:
    """What became of one image: written, or why not.

    Attributes:
        job: the image.
        error: None when its result is on disk.
        seconds: time inside the network.
    """

    job: ImageJob
    error: ImageError | EngineError | None
    seconds: float


WriteResult = Callable[[ImageJob, Prediction], None]
"""Writes one result; called from a thread of the pipeline."""


def predict_images(
    engine: Engine,
    jobs: Iterable[ImageJob],
    write: WriteResult,
    *,
    is_cancelled: CancelToken | None = None,
) -> Generator[ImageOutcome, None, None]:
    """Predicts images one after the other, in the given order.

    An image that cannot be read or predicted does not stop the others. Closing the iterator stops
    the work; results that are being written are finished.

    Args:
        engine: has a model loaded; used by the calling thread only.
        jobs: what to predict; taken as needed.
        write: writes one result.
        is_cancelled: asked at every image and, by the engine, at every tile.

    Yields:
        One outcome per job.

    Raises:
        CancelledError: ``is_cancelled`` said so.
        EngineDiedError: the engine died at several images in a row.
        StorageError: from ``write``, e.g. because the disk is full.
    """
    with _Pipeline(engine, write, is_cancelled or never) as pipeline:
        yield from pipeline.run(iter(jobs))


class _Pipeline:
    def __init__(self, engine: Engine, write: WriteResult, is_cancelled: CancelToken) -> None:
        self._engine = engine
        self._write = write
        self._is_cancelled = is_cancelled
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._writers = ThreadPoolExecutor(2, thread_name_prefix="write")
        self._reading: deque[tuple[ImageJob, Future[RasterImage]]] = deque()
        self._writing: deque[tuple[ImageJob, float, Future[None]]] = deque()
        self._num_deaths = 0

    def __enter__(self) -> _Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._readers.shutdown(cancel_futures=True)
        self._writers.shutdown()

    def run(self, jobs: Iterator[ImageJob]) -> Iterator[ImageOutcome]:
        self._read_ahead(jobs)
        while self._reading:
            if self._is_cancelled():
                raise CancelledError
            job, future = self._reading.popleft()
            self._read_ahead(jobs)
            try:
                prediction = self._engine.predict(
                    future.result().pixels, is_cancelled=self._is_cancelled
                )
            except (ImageError, EngineError) as error:
                self._count_deaths(error)
                yield ImageOutcome(job, error, 0.0)
                continue
            self._num_deaths = 0
            written = self._writers.submit(self._write, job, prediction)
            self._writing.append((job, prediction.seconds, written))
            yield from self._finished(at_most=NUM_AHEAD)
        yield from self._finished(at_most=0)

    def _read_ahead(self, jobs: Iterator[ImageJob]) -> None:
        with contextlib.suppress(StopIteration):
            while len(self._reading) < NUM_AHEAD:
                job = next(jobs)
                self._reading.append((job, self._readers.submit(read_image, job.image_path)))

    def _count_deaths(self, error: ImageError | EngineError) -> None:
        """One image may be too much for the memory; dying at all of them is another matter."""
        if isinstance(error, EngineDiedError):
            self._num_deaths += 1
            if self._num_deaths == MAX_DEATHS_IN_A_ROW:
                raise error

    def _finished(self, *, at_most: int) -> Iterator[ImageOutcome]:
        while self._writing and (len(self._writing) > at_most or self._writing[0][2].done()):
            job, seconds, written = self._writing.popleft()
            written.result()
            yield ImageOutcome(job, None, seconds)
