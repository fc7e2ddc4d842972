"""The project under SIGKILL: everything acknowledged is there afterwards."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from model.data.label_sets import IGNORE
from seggui.core.project import Project
from seggui.core.records import Provenance, Rect
from tests.unit.storage_help import (
    HEIGHT,
    KEY,
    WIDTH,
    Painter,
    blank,
    make_images,
    paint,
    png,
    random_work,
)

ROOT = Path(__file__).parents[2]

# Every line it prints is a promise: what mask and history are after a step that has returned.
_WRITER = """
import sys
from pathlib import Path
from seggui.core.project import Project
from tests.unit.storage_help import Painter, random_work
project = Project.open(Path(sys.argv[1]))
assert not project.is_read_only, project.notes
for promise in random_work(Painter.of(project), int(sys.argv[2]), project):
    print(*promise, flush=True)
"""


def _start(folder: Path, seed: int, code: str = _WRITER) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(seed)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def _promises_until_killed(writer: subprocess.Popen[str], num: int, delay_s: float) -> list[str]:
    """Kills the writer some time after its ``num``-th promise; returns all complete promises."""
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(num)]
    time.sleep(delay_s)  # not to wait for something, but to hit any instruction
    writer.kill()
    lines += writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    return [line for line in lines if line.endswith("\n")]


def _foretold(painter: Painter, seed: int, num: int) -> list[tuple[int, ...]]:
    """The first ``num`` promises of a writer that starts from ``painter``."""
    return list(itertools.islice(random_work(painter, seed, None), num))


def test_every_acknowledged_step_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    folder = make_images(tmp_path)
    generator = random.Random(20)
    painter = Painter(blank(), np.zeros_like(blank()))
    for seed in range(10):
        writer = _start(folder, seed)
        lines = _promises_until_killed(
            writer, generator.randrange(2, 40), generator.random() * 0.03
        )
        promises = [tuple(map(int, line.split())) for line in lines]
        foretold = _foretold(painter, seed, len(promises) + 1)
        assert promises == foretold[:-1]
        with Project.open(folder) as project:
            assert not project.is_read_only  # the lock of a killed process is free
            assert project.load(KEY, HEIGHT, WIDTH).notes == ()
            painter = Painter.of(project)
            # The step in the hand may be on disk already; nothing else may differ.
            assert painter.promise in foretold[-2:]
            project.flush_all_from_journal()
            assert project.dirty_keys() == ()
            if project.mask_path(KEY).exists():
                np.testing.assert_array_equal(png(project), painter.mask)
            assert not list((folder / "masks").glob(".*"))
            _assert_history_leads_back(painter)


def _assert_history_leads_back(painter: Painter) -> None:
    """Undoing and redoing everything gives only values that a writer used, and the same mask."""
    before = painter.mask.copy()
    num_done = len(painter.done)
    for _ in range(num_done):
        painter.undo()
        assert ((painter.mask < 200) | (painter.mask == IGNORE)).all()
        assert set(np.unique(painter.provenance)) <= {Provenance.UNSEEN, Provenance.CORRECTED}
    for _ in range(num_done):
        painter.redo()
    np.testing.assert_array_equal(painter.mask, before)


_APPENDER = """
import sys
from pathlib import Path
from seggui.core.project import Project
from seggui.core.records import Rect
from tests.unit.storage_help import KEY, WIDTH, Painter
project = Project.open(Path(sys.argv[1]))
painter = Painter.of(project)
while True:
    step = len(painter.done)
    project.append(KEY, painter.paint(Rect(0, 0, 1, WIDTH), step % 200, text=str(step)))
    print(step, flush=True)
"""


def test_no_acknowledged_edit_is_missing_after_a_kill(tmp_path: Path) -> None:
    folder = make_images(tmp_path)
    generator = random.Random(4)
    for _ in range(4):
        writer = _start(folder, 0, _APPENDER)
        promises = _promises_until_killed(writer, generator.randrange(1, 30), 0.02)
        with Project.open(folder) as project:
            loaded = project.load(KEY, HEIGHT, WIDTH)
            texts = [edit.text for edit in loaded.edits]
            assert texts == [str(step) for step in range(len(texts))]
            assert len(texts) - int(promises[-1]) in (1, 2)
            assert (loaded.mask[0] == (len(texts) - 1) % 200).all()


_HOLDER = """
import sys
from pathlib import Path
from seggui.core.project import Project
project = Project.open(Path(sys.argv[1]))
print(project.is_read_only, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    make_images(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "False\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_opens_read_only_and_names_the_first(tmp_path: Path, holder) -> None:
    with Project.open(tmp_path) as project:
        assert project.is_read_only
        assert f"process {holder.pid} on " in project.notes[0]


def test_the_end_of_a_process_frees_its_project(tmp_path: Path, holder) -> None:
    holder.kill()
    holder.wait()
    with Project.open(tmp_path) as project:
        assert not project.is_read_only
        paint(project, Rect(0, 0, 2, 2), 1)


def test_a_reader_sees_a_consistent_image_while_another_process_writes(tmp_path: Path) -> None:
    folder = make_images(tmp_path)
    writer = _start(folder, 7)
    assert writer.stdout is not None
    first = [writer.stdout.readline() for _ in range(3)]
    with Project.open(folder) as project:
        assert project.is_read_only
        seen = {Painter.of(project).promise for _ in range(25)}
        deadline = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < deadline:  # a busy machine writes slowly
            seen.add(Painter.of(project).promise)
    num = len(first) + len(_promises_until_killed(writer, 1, 0.0))
    foretold = _foretold(Painter(blank(), np.zeros_like(blank())), 7, num + 1)
    assert seen <= set(foretold)
    assert len(seen) > 1  # it really wrote meanwhile
