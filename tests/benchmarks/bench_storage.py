"""How long the project takes: journalling, opening, loading, flushing.

Run it as ``python -m tests.benchmarks.bench_storage``. Numbers depend on the disk above all: every
acknowledged edit is synced.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from model.data.masks import write_mask
from seggui.core.edits import apply_edit, make_edit
from seggui.core.project import Project
from seggui.core.records import ImageStatus, MaskEdit, Provenance, Rect
from seggui.core.scan import scan_images

HEIGHT, WIDTH = 1024, 2048
NUM_IMAGES = 10_000
NUM_EDITS = 300
KEY = "street_00000.jpg"


def main() -> None:
    """Measures everything and prints it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(NUM_IMAGES):
            (folder / f"street_{i:05d}.jpg").touch()
        _report("scan of 10,000 names", _repeated(lambda: scan_images(folder), 9))
        _editing(folder)
        _opening(folder)


def _editing(folder: Path) -> None:
    with Project.open(folder) as project:
        write_mask(project.mask_path(KEY), _street(), None)
        mask, provenance = _loaded(project)
        edits = [_stroke(mask, provenance, seed) for seed in range(NUM_EDITS)]
        _report("append of a stroke", [_timed(lambda e=e: project.append(KEY, e)) for e in edits])
        undos = [_timed(lambda: project.undo(KEY)) for _ in range(100)]
        _report("undo", undos)
        for _ in range(100):
            project.redo(KEY)
        project.flush(KEY)
        for seed in range(100):
            project.append(KEY, _stroke(mask, provenance, seed), num_dropped=1)
        load = _repeated(lambda: project.load(KEY, HEIGHT, WIDTH), 9)
        _report("load with 100 edits pending, 300 in the history", load)
        flushes = []
        for seed in range(9):
            project.append(KEY, _stroke(mask, provenance, seed), num_dropped=1)
            flushes.append(_timed(lambda: project.flush(KEY)))
        _report("flush of 2048 x 1024", flushes)
        _report("load, nothing pending", _repeated(lambda: project.load(KEY, HEIGHT, WIDTH), 9))
        size = (folder / ".seggui" / "project.sqlite").stat().st_size
        print(f"{'database with 300 steps of history':50} {size / 2**20:9.2f} MiB")


def _opening(folder: Path) -> None:
    with Project.open(folder) as project:
        _report("roles of 10,000 images, first time", [_timed(lambda: project.roles(project.keys))])
        with project._database.transaction() as connection:  # ten thousand syncs otherwise
            connection.executemany(
                "INSERT OR IGNORE INTO images (key, name, status) VALUES (?, ?, ?)",
                [
                    (key, key[:-3] + "png", ImageStatus.REVIEWED.value)
                    for key in project.keys
                ],
            )  # fmt: skip
        _report("records of 10,000 images", _repeated(project.records, 9))
        _report("roles of 10,000 images, later", _repeated(lambda: project.roles(project.keys), 5))
    _report("open with 10,000 images", _repeated(lambda: Project.open(folder).close(), 9))


def _street() -> np.ndarray:
    """A mask with as many edges as a street scene has."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 3 * np.sin(rows / 37) + 3 * np.cos(columns / 53) + np.sin((rows + columns) / 11)
    return np.abs(waves).astype(np.uint8)


def _loaded(project: Project) -> tuple[np.ndarray, np.ndarray]:
    loaded = project.load(KEY, HEIGHT, WIDTH)
    return loaded.mask, loaded.provenance


def _stroke(mask: np.ndarray, provenance: np.ndarray, seed: int) -> MaskEdit:
    """A diagonal brush stroke of 20 px radius, applied to the arrays."""
    generator = np.random.default_rng(seed)
    top, left = int(generator.integers(0, HEIGHT - 240)), int(generator.integers(0, WIDTH - 340))
    rect = Rect(top, left, top + 240, left + 340)
    rows, columns = np.mgrid[0:240, 0:340]
    inside = np.abs(rows - columns * 0.6 - 15) < 20
    value = (int(mask[top + 20, left + 20]) + 1) % 11
    after = np.where(inside, np.uint8(value), mask[rect.slices])
    painted = np.where(inside, np.uint8(Provenance.CORRECTED), provenance[rect.slices])
    edit = make_edit(
        rect,
        mask[rect.slices],
        after,
        provenance[rect.slices],
        painted,
        kind="stroke",
        text="Brush",
    )
    assert edit is not None
    apply_edit(edit, mask, provenance)
    return edit


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time in seconds."""
    start, start_cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - start, time.thread_time() - start_cpu


def _repeated(work: Callable[[], object], num: int) -> list[tuple[float, float]]:
    return [_timed(work) for _ in range(num)]


def _report(what: str, seconds: list[tuple[float, float]]) -> None:
    milliseconds, cpu = np.asarray(seconds).T * 1000
    print(
        f"{what:50} median {np.median(milliseconds):8.2f} ms   "
        f"p99 {np.percentile(milliseconds, 99):8.2f} ms   "
        f"processor {np.median(cpu):8.2f} ms   ({len(seconds)} times)"
    )


if __name__ == "__main__":
    main()
