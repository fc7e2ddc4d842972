"""Jobs run one after another, urgent ones first, and come back on the GUI thread."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from seggui.tasks.job_thread import JobThread


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[JobThread]:
    thread = JobThread("test")
    yield thread
    thread.close(drain=False)


def _fail(error: Exception) -> None:
    raise AssertionError(error)


def test_results_arrive_on_the_gui_thread(jobs: JobThread, qtbot: QtBot) -> None:
    seen: list[tuple[int, int]] = []
    jobs.submit(
        threading.get_ident,
        done=lambda worker: seen.append((worker, threading.get_ident())), failed=_fail,
    )  # fmt: skip
    qtbot.waitUntil(lambda: bool(seen))
    worker, receiver = seen[0]
    assert receiver == threading.get_ident() != worker


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
def test_jobs_let_the_window_go_first(jobs: JobThread, qtbot: QtBot) -> None:
    niceness: list[int] = []
    before = os.nice(0)
    jobs.submit(lambda: os.nice(0), done=niceness.append, failed=_fail)
    qtbot.waitUntil(lambda: bool(niceness))
    assert niceness[0] > before == os.nice(0)


def test_urgent_jobs_overtake_and_equals_keep_their_order(jobs: JobThread, qtbot: QtBot) -> None:
    gate, order = threading.Event(), []
    jobs.submit(lambda: gate.wait(10), failed=_fail)
    for name, priority in (("late", 5), ("first", 0), ("second", 0), ("urgent", -1)):
        jobs.submit(lambda name=name: name, done=order.append, failed=_fail, priority=priority)
    gate.set()
    qtbot.waitUntil(lambda: len(order) == 4)
    assert order == ["urgent", "first", "second", "late"]


def test_errors_go_to_their_owner_and_the_thread_goes_on(jobs: JobThread, qtbot: QtBot) -> None:
    errors: list[Exception] = []
    results: list[int] = []
    jobs.submit(lambda: 1 // 0, failed=errors.append)
    jobs.submit(lambda: 7, done=results.append, failed=_fail)
    qtbot.waitUntil(lambda: bool(results))
    assert isinstance(errors[0], ZeroDivisionError)


def test_discarded_jobs_never_run(jobs: JobThread, qtbot: QtBot) -> None:
    gate, ran = threading.Event(), []
    jobs.submit(lambda: gate.wait(10), failed=_fail)
    jobs.submit(lambda: ran.append("a"), failed=_fail, tag="a")
    jobs.submit(lambda: ran.append("b"), done=lambda _: None, failed=_fail, tag="b")
    jobs.discard(lambda tag: tag == "a")
    gate.set()
    qtbot.waitUntil(lambda: bool(ran))
    qtbot.waitUntil(lambda: jobs.is_idle)
    assert ran == ["b"]


def test_draining_runs_what_is_queued_before_the_thread_ends(qtbot: QtBot) -> None:
    thread, ran = JobThread("drain"), []
    for number in range(5):
        thread.submit(lambda number=number: ran.append(number), failed=_fail)
    thread.close(drain=True)
    assert ran == [0, 1, 2, 3, 4]


def test_a_closed_thread_takes_no_more_jobs(qtbot: QtBot) -> None:
    thread, ran = JobThread("closed"), []
    thread.close(drain=True)
    thread.submit(lambda: ran.append(1), failed=_fail)
    assert ran == []
