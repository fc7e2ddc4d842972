"""Predicting many images: reading, network and writing at the same time, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.images import RasterImage, read_image
from model.engine import pipeline
from model.engine.pipeline import MAX_DEATHS_IN_A_ROW, NUM_AHEAD, ImageJob, predict_images
from model.engine.protocol import Prediction
from model.errors import CancelledError, EngineDiedError, EngineError, StorageError
from tests.unit.fake_engine import FakeEngine

PATIENCE_S = 30.0


@pytest.fixture
def jobs(tmp_path: Path) -> list[ImageJob]:
    for i in range(8):
        Image.fromarray(np.full((4, 6, 3), 30 * i, np.uint8)).save(tmp_path / f"{i}.png")
    return [ImageJob(tmp_path / f"{i}.png", tmp_path / "out" / f"{i}") for i in range(8)]


def make_engine(tmp_path: Path, before: Callable[[int], None] = lambda number: None) -> FakeEngine:
    (tmp_path / "m.keras").write_bytes(b"network")
    engine = FakeEngine(before)
    engine.load(str(tmp_path / "m.keras"))
    return engine


def drop(_job: ImageJob, _prediction: Prediction) -> None:
    pass


def test_every_image_is_written_once_in_order(jobs: list[ImageJob], tmp_path: Path) -> None:
    written: dict[Path, Prediction] = {}
    outcomes = list(predict_images(make_engine(tmp_path), jobs, written.__setitem__))
    assert [outcome.job for outcome in outcomes] == jobs
    assert all(outcome.error is None and outcome.seconds > 0 for outcome in outcomes)
    assert [int(written[job].classes[0, 0]) for job in jobs] == [0, 0, 0, 0, 0, 1, 1, 1]


def test_next_image_is_read_while_the_network_works(
    jobs: list[ImageJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {job.image_path: threading.Event() for job in jobs}

    def noted(path: Path) -> RasterImage:
        image = read_image(path)
        read[path].set()
        return image

    def wait_for_next(number: int) -> None:
        if number + 1 < len(jobs):
            assert read[jobs[number + 1].image_path].wait(PATIENCE_S)

    monkeypatch.setattr(pipeline, "read_image", noted)
    outcomes = list(predict_images(make_engine(tmp_path, wait_for_next), jobs, drop))
    assert len(outcomes) == len(jobs)


def test_network_goes_on_while_a_result_is_written(jobs: list[ImageJob], tmp_path: Path) -> None:
    started = [threading.Event() for _ in jobs]

    def write(job: ImageJob, _prediction: Prediction) -> None:
        number = jobs.index(job)
        if number + 1 < len(jobs):
            assert started[number + 1].wait(PATIENCE_S)

    engine = make_engine(tmp_path, lambda number: started[number].set())
    assert len(list(predict_images(engine, jobs, write))) == len(jobs)


def test_images_are_taken_as_needed_so_that_memory_is_bounded(
    jobs: list[ImageJob], tmp_path: Path
) -> None:
    taken: list[int] = []

    def endless() -> object:
        for number in range(10**9):
            taken.append(number)
            yield jobs[number % len(jobs)]

    engine = make_engine(tmp_path)
    outcomes = predict_images(engine, endless(), drop)
    for _ in range(20):
        next(outcomes)
    outcomes.close()
    assert len(taken) <= 20 + 2 * NUM_AHEAD + 2


def test_broken_image_does_not_stop_the_others(jobs: list[ImageJob], tmp_path: Path) -> None:
    jobs[2].image_path.write_bytes(b"no picture")
    outcomes = list(predict_images(make_engine(tmp_path), jobs, drop))
    failed = [outcome for outcome in outcomes if outcome.error]
    assert [outcome.job for outcome in failed] == [jobs[2]]
    assert "2.png" in str(failed[0].error)
    assert len(outcomes) == len(jobs)


def test_network_that_fails_at_one_image_goes_on(jobs: list[ImageJob], tmp_path: Path) -> None:
    def fail_once(number: int) -> None:
        if number == 0:
            engine.num_predicted += 1
            raise EngineError("Out of memory.")

    engine = make_engine(tmp_path, fail_once)
    outcomes = list(predict_images(engine, jobs, drop))
    assert sorted(str(o.error) for o in outcomes if o.error) == ["Out of memory."]
    assert sum(outcome.error is None for outcome in outcomes) == len(jobs) - 1


def test_engine_that_always_dies_ends_the_run(jobs: list[ImageJob], tmp_path: Path) -> None:
    def die(_: int) -> None:
        raise EngineDiedError("It died.")

    tried = []
    with pytest.raises(EngineDiedError):
        tried.extend(predict_images(make_engine(tmp_path, die), jobs, drop))
    assert len(tried) == MAX_DEATHS_IN_A_ROW - 1


def test_full_disk_ends_the_run_at_once(jobs: list[ImageJob], tmp_path: Path) -> None:
    def write(_job: ImageJob, _prediction: Prediction) -> None:
        raise StorageError("The disk is full.")

    engine = make_engine(tmp_path)
    with pytest.raises(StorageError, match="The disk is full"):
        list(predict_images(engine, jobs, write))
    assert engine.num_predicted <= NUM_AHEAD + 2


def test_cancelled_run_stops_and_finishes_what_is_being_written(
    jobs: list[ImageJob], tmp_path: Path
) -> None:
    engine = make_engine(tmp_path)
    written: list[ImageJob] = []
    running = predict_images(
        engine, jobs, lambda job, _: written.append(job),
        is_cancelled=lambda: engine.num_predicted >= 3,
    )  # fmt: skip
    with pytest.raises(CancelledError):
        list(running)
    assert written == jobs[:3]
