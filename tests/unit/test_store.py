"""Journal and PNGs, read back from disk: what is acknowledged stays, whatever else happens."""

from __future__ import annotations

import os
import sqlite3
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.data.atomic import write_atomic
from model.data.label_sets import IGNORE, generic_label_set
from model.data.masks import write_mask
from model.errors import StorageError
from seggui.core import database, project_images
from seggui.core.mask_files import read_provenance
from seggui.core.project import Project
from seggui.core.records import ImageStatus, MaskEdit, Provenance, Rect
from seggui.core.stored_image import pack, unpack
from tests.unit.storage_help import (
    HEIGHT,
    KEY,
    WIDTH,
    Painter,
    assert_shows,
    blank,
    make_images,
    paint,
    png,
)

BOX = Rect(2, 3, 9, 12)
OTHER = Rect(5, 5, 20, 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images")


# -- edits and history -----------------------------------------------------------------------------


def test_an_image_nobody_touched_is_blank_and_leaves_no_trace(folder: Path) -> None:
    with Project.open(folder) as project:
        loaded = project.load(KEY, HEIGHT, WIDTH)
        assert (loaded.mask == IGNORE).all()
        assert (loaded.provenance == Provenance.UNSEEN).all()
        assert loaded.mask.flags.writeable
        assert (loaded.edits, loaded.position, loaded.view, loaded.notes) == ((), 0, None, ())
        assert project.records() == {}
    assert not (folder / "masks").exists()


def test_an_edit_is_there_after_reopening_without_any_png(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 3)
        assert project.dirty_keys() == (KEY,)
    assert not (folder / "masks").exists()
    with Project.open(folder) as project:
        assert_shows(project, painter)


def test_undo_and_redo_survive_reopening(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 3)
        project.append(KEY, painter.paint(OTHER, 1))
        for _ in range(2):
            painter.undo()
            project.undo(KEY)
        painter.redo()
        project.redo(KEY)
    with Project.open(folder) as project:
        assert_shows(project, painter)
        painter.redo()
        project.redo(KEY)
        assert_shows(project, painter)


def test_a_new_edit_takes_the_place_of_the_steps_to_redo(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 3)
        project.append(KEY, painter.paint(OTHER, 1))
        painter.undo()
        project.undo(KEY)
        project.append(KEY, painter.paint(OTHER, 2))
        assert_shows(project, painter)
        with pytest.raises(StorageError, match="redo"):
            project.redo(KEY)


def test_dropped_steps_leave_the_history_and_not_the_mask(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.append(KEY, painter.paint(OTHER, 2))
        project.append(KEY, painter.paint(BOX, 3), num_dropped=2)
        del painter.done[:2]
        assert_shows(project, painter)
        painter.undo()
        project.undo(KEY)
        with pytest.raises(StorageError, match="undo"):
            project.undo(KEY)
        assert_shows(project, painter)


def test_the_database_keeps_only_what_pixels_or_history_need(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        for value in range(2, 30):
            project.append(KEY, painter.paint(BOX, value), num_dropped=int(value > 5))
        project.flush(KEY)
    with sqlite3.connect(folder / ".seggui" / "project.sqlite") as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("edits", "stack", "log")
        ]
    connection.close()
    assert counts == [5, 5, 0]


def test_an_edit_of_an_image_that_was_not_loaded_is_refused(folder: Path) -> None:
    with Project.open(folder) as project:
        edit = Painter(blank(), np.zeros_like(blank())).paint(BOX, 1)
        with pytest.raises(StorageError, match="not loaded"):
            project.append(KEY, edit)


@pytest.mark.parametrize(
    "edit",
    [
        MaskEdit(Rect(0, 0, HEIGHT + 1, 1), b"", b"", "stroke", "outside"),
        MaskEdit(Rect(0, 0, 2, 2), b"no zlib", b"no zlib", "stroke", "damaged"),
        MaskEdit(Rect(3, 3, 3, 3), b"", b"", "stroke", "empty"),
    ],
    ids=lambda edit: edit.text,
)
def test_an_edit_that_cannot_be_applied_never_enters_the_journal(
    folder: Path, edit: MaskEdit
) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        with pytest.raises(StorageError, match="does not fit"):
            project.append(KEY, edit)
        assert_shows(project, painter)


def test_a_status_given_with_an_edit_is_stored_with_it(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = Painter.of(project)
        project.append(KEY, painter.paint(BOX, 1), status=ImageStatus.PREDICTED)
        assert project.records()[KEY].status is ImageStatus.PREDICTED


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_sequence_of_steps_matches_a_naive_model(tmp_path_factory, data) -> None:
    folder = make_images(tmp_path_factory.mktemp("any"))
    project = Project.open(folder)
    painter = Painter.of(project)
    actions = st.sampled_from(["paint", "paint", "paint", "undo", "redo", "flush", "reopen", "all"])
    try:
        for action in data.draw(st.lists(actions, min_size=1, max_size=14)):
            if action == "paint":
                top, left = (
                    data.draw(st.integers(0, HEIGHT - 1)),
                    data.draw(st.integers(0, WIDTH - 1)),
                )
                old = int(painter.mask[top, left])
                value = (old + data.draw(st.integers(1, 200))) % 256
                rect = Rect(top, left, min(HEIGHT, top + 7), min(WIDTH, left + 9))
                dropped = data.draw(st.integers(0, len(painter.done)))
                project.append(KEY, painter.paint(rect, value), num_dropped=dropped)
                del painter.done[:dropped]
            elif action == "undo" and painter.done:
                painter.undo()
                project.undo(KEY)
            elif action == "redo" and painter.undone:
                painter.redo()
                project.redo(KEY)
            elif action == "flush":
                project.flush(KEY, painter.mask, painter.provenance)
            elif action == "all":
                project.flush_all_from_journal()
            elif action == "reopen":
                project.close()
                project = Project.open(folder)
            assert_shows(project, painter)
        project.flush(KEY)
        if project.mask_path(KEY).exists():
            np.testing.assert_array_equal(png(project), painter.mask)
        assert project.dirty_keys() == ()
    finally:
        project.close()


# -- flushing --------------------------------------------------------------------------------------


def test_flushing_writes_what_any_viewer_can_show(folder: Path) -> None:
    with Project.open(folder) as project:
        project.set_label_set(generic_label_set(4))
        painter = paint(project, BOX, 3)
        assert project.flush(KEY, painter.mask, painter.provenance).was_written
        np.testing.assert_array_equal(png(project), painter.mask)
        provenance = read_provenance(project.provenance_path(KEY), HEIGHT, WIDTH)
        np.testing.assert_array_equal(provenance, painter.provenance)
        assert project.mask_path(KEY) == folder / "masks" / "street.png"
        assert project.dirty_keys() == ()
        assert not project.flush(KEY).was_written


def test_flushing_never_writes_an_edit_that_is_not_journalled_yet(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 3)
        expected = painter.mask.copy()
        waiting = painter.paint(OTHER, 1)
        project.flush(KEY, painter.mask, painter.provenance)
        np.testing.assert_array_equal(png(project), expected)
        project.append(KEY, waiting)  # the retry: applied once and not twice
        assert_shows(project, painter)


def test_all_masks_behind_their_journal_are_brought_up_to_date(tmp_path: Path) -> None:
    keys = ("a.jpg", "deep/b.jpg", "c.jpg")
    make_images(tmp_path, *keys)
    with Project.open(tmp_path) as project:
        painters = {key: paint(project, BOX, i, key) for i, key in enumerate(keys)}
    seen: list[tuple[int, int]] = []
    with Project.open(tmp_path) as project:
        assert set(project.dirty_keys()) == set(keys)
        progress = lambda done, total: seen.append((done, total))  # noqa: E731
        assert project.flush_all_from_journal(on_progress=progress) == ()
        for key, painter in painters.items():
            np.testing.assert_array_equal(png(project, key), painter.mask)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_mask_somebody_deleted_is_written_again_before_an_export(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 3)
        project.flush(KEY)
        project.mask_path(KEY).unlink()
        project.flush_all_from_journal()
        np.testing.assert_array_equal(png(project), painter.mask)


class _Crash(BaseException):
    """Like a kill: nothing catches it."""


def _crash(*_: object) -> None:
    raise _Crash


@pytest.mark.parametrize("has_earlier_png", [False, True])
@pytest.mark.parametrize("step", range(7))
def test_a_crash_at_any_step_of_a_flush_loses_nothing(
    folder: Path, monkeypatch, step: int, has_earlier_png: bool
) -> None:
    project = Project.open(folder)
    painter = paint(project, BOX, 1)
    if has_earlier_png:
        project.flush(KEY)
        project.append(KEY, painter.paint(OTHER, 2))
    places = [
        (database, "commit", 0), (project_images, "encode_mask", 0), (os, "replace", 0),
        (project_images, "encode_provenance", 0), (os, "replace", 1),
        (project_images, "_sync_folder", 0), (database, "commit", 1),
    ]  # fmt: skip
    module, name, passes = places[step]
    real, calls = getattr(module, name), []

    def crashing(*arguments):
        calls.append(arguments)
        return real(*arguments) if len(calls) <= passes else _crash()

    monkeypatch.setattr(module, name, crashing)
    with pytest.raises(_Crash):
        project.flush(KEY)
    monkeypatch.undo()
    project.close()
    with Project.open(folder) as project:
        assert_shows(project, painter)
        assert project.load(KEY, HEIGHT, WIDTH).notes == ()
        assert project.dirty_keys() == (KEY,)
        project.append(KEY, painter.paint(Rect(0, 0, 3, 3), 7))
        monkeypatch.setattr(os, "replace", _crash)  # and once more, before the first is settled
        with pytest.raises(_Crash):
            project.flush(KEY)
        monkeypatch.undo()
    with Project.open(folder) as project:
        assert_shows(project, painter)
        assert project.flush_all_from_journal() == ()
        np.testing.assert_array_equal(png(project), painter.mask)
        assert sorted(p.name for p in (folder / "masks").iterdir()) == ["street.png"]


# -- full disks ------------------------------------------------------------------------------------


def test_an_edit_that_finds_the_disk_full_can_be_journalled_later(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        before = Painter(painter.mask.copy(), painter.provenance.copy(), list(painter.done))
        connection = project._database._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        noise = np.random.default_rng(0).integers(0, 250, (HEIGHT, WIDTH), np.uint8)
        edit = painter.paint(Rect(0, 0, HEIGHT, WIDTH), noise, text="long " * 2000 * (1 + free))
        with pytest.raises(StorageError, match="full"):
            project.append(KEY, edit)
        connection.execute("PRAGMA max_page_count = 1000000")
        assert_shows(project, before)
        project.append(KEY, edit)
        assert_shows(project, painter)


def test_a_png_that_finds_the_disk_full_leaves_the_old_one(folder: Path, monkeypatch) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        old = png(project)
        project.append(KEY, painter.paint(OTHER, 2))

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            project.flush(KEY)
        np.testing.assert_array_equal(png(project), old)
        assert_shows(project, painter)
        monkeypatch.undo()
        project.flush(KEY)
        np.testing.assert_array_equal(png(project), painter.mask)
        assert project.dirty_keys() == ()


# -- changes from outside --------------------------------------------------------------------------


def test_a_mask_changed_by_another_program_is_kept_and_can_be_undone(folder: Path) -> None:
    theirs = blank()
    theirs[0:4, 0:4] = 2
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        project.append(KEY, painter.paint(OTHER, 3))  # not in any PNG yet
        write_mask(project.mask_path(KEY), theirs, None)
        loaded = project.load(KEY, HEIGHT, WIDTH)
        np.testing.assert_array_equal(loaded.mask, theirs)
        assert "another program" in loaded.notes[0]
        assert loaded.edits[-1].kind == "import"
        assert (loaded.provenance[0:4, 0:4] == Provenance.ACCEPTED).all()
        assert project.records()[KEY].status is ImageStatus.CORRECTED
        project.undo(KEY)
    with Project.open(folder) as project:
        loaded = project.load(KEY, HEIGHT, WIDTH)
        assert loaded.notes == ()
        np.testing.assert_array_equal(loaded.mask, painter.mask)
        np.testing.assert_array_equal(loaded.provenance, painter.provenance)
        project.flush(KEY)
        np.testing.assert_array_equal(png(project), painter.mask)


def test_a_mask_saved_again_with_the_same_content_is_ours(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        write_mask(project.mask_path(KEY), painter.mask, generic_label_set(9))
        assert_shows(project, painter)
        assert project.load(KEY, HEIGHT, WIDTH).notes == ()


def test_a_mask_changed_while_its_image_is_open_is_kept_beside_ours(folder: Path) -> None:
    theirs = blank()
    theirs[0:4, 0:4] = 2
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        project.append(KEY, painter.paint(OTHER, 3))
        write_mask(project.mask_path(KEY), theirs, None)
        report = project.flush(KEY)
        assert "street.png.outside-1" in report.notes[0]
        np.testing.assert_array_equal(png(project), painter.mask)
        aside = folder / "masks" / "street.png.outside-1"
        write_atomic(folder / "aside.png", aside.read_bytes())
        np.testing.assert_array_equal(project_images.read_mask_file(aside).mask, theirs)


def test_a_missing_mask_comes_back_from_the_journal(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        project.mask_path(KEY).unlink()
        assert "missing" in project.load(KEY, HEIGHT, WIDTH).notes[0]
        assert_shows(project, painter)
        project.flush(KEY)
        np.testing.assert_array_equal(png(project), painter.mask)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_corrupt_mask_is_set_aside_and_everything_is_restored(folder: Path, damage: str) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        project.append(KEY, painter.paint(OTHER, 2))
        path = project.mask_path(KEY)
        good = path.read_bytes()
        flipped = bytes([*good[:60], good[60] ^ 0xFF, *good[61:]])
        broken = {"cut": good[: len(good) // 2], "flipped": flipped, "empty": b"", "text": b"hi"}
        path.write_bytes(broken[damage])
        loaded = project.load(KEY, HEIGHT, WIDTH)
        assert "street.png.broken-1" in " ".join(loaded.notes)
        assert (folder / "masks" / "street.png.broken-1").read_bytes() == broken[damage]
        assert_shows(project, painter)
        project.flush_all_from_journal()
        np.testing.assert_array_equal(png(project), painter.mask)


def test_a_second_corrupt_mask_does_not_replace_the_first(folder: Path) -> None:
    with Project.open(folder) as project:
        paint(project, BOX, 1)
        for content in (b"one", b"two"):
            project.flush(KEY)
            project.mask_path(KEY).write_bytes(content)
            project.load(KEY, HEIGHT, WIDTH)
    masks = folder / "masks"
    assert (masks / "street.png.broken-1").read_bytes() == b"one"
    assert (masks / "street.png.broken-2").read_bytes() == b"two"


def test_a_mask_saved_in_another_size_is_set_aside(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        write_mask(project.mask_path(KEY), np.zeros((5, 6), np.uint8), None)
        assert "6 x 5" in project.load(KEY, HEIGHT, WIDTH).notes[0]
        assert (folder / "masks" / "street.png.outside-1").exists()
        assert_shows(project, painter)


def test_a_mask_that_cannot_be_read_now_is_not_taken_for_corrupt(folder: Path, monkeypatch) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)

        def failing(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Path, "open", failing)
        with pytest.raises(StorageError, match="Input/output error"):
            project.load(KEY, HEIGHT, WIDTH)
        monkeypatch.undo()
        assert_shows(project, painter)


@pytest.mark.parametrize("is_flushed", [False, True])
def test_an_image_of_another_size_gets_a_new_mask_and_the_old_one_is_kept(
    folder: Path, is_flushed: bool
) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        if not is_flushed:
            project.append(KEY, painter.paint(OTHER, 2))
        loaded = project.load(KEY, WIDTH, HEIGHT)
        assert loaded.mask.shape == (WIDTH, HEIGHT)
        assert (loaded.mask == IGNORE).all()
        assert (loaded.edits, loaded.record.status) == ((), ImageStatus.UNTOUCHED)
        assert "32x24" in loaded.notes[0]
        aside = project_images.read_mask_file(folder / "masks" / "street.png.32x24-1")
        np.testing.assert_array_equal(aside.mask, painter.mask)
        assert not project.mask_path(KEY).exists()
        assert project.load(KEY, WIDTH, HEIGHT).notes == ()


def test_damaged_pixels_in_the_journal_leave_the_mask_of_the_png(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        project.append(KEY, painter.paint(OTHER, 2))
    connection = sqlite3.connect(folder / ".seggui" / "project.sqlite")
    connection.execute("UPDATE snapshots SET mask = x'00'")
    connection.commit()
    connection.close()
    with Project.open(folder) as project:
        loaded = project.load(KEY, HEIGHT, WIDTH)
        np.testing.assert_array_equal(loaded.mask, png(project))
        assert "damaged" in loaded.notes[0]
        painter = paint(project, OTHER, 3)
        assert_shows(project, painter)


# -- masks of other tools --------------------------------------------------------------------------


def test_existing_masks_are_read_and_trusted(folder: Path) -> None:
    theirs = blank()
    theirs[BOX.slices] = 2
    write_mask(folder / "masks" / "street.png", theirs, None)
    before = (folder / "masks" / "street.png").read_bytes()
    with Project.open(folder) as project:
        assert project.records()[KEY].status is ImageStatus.CORRECTED
        loaded = project.load(KEY, HEIGHT, WIDTH)
        np.testing.assert_array_equal(loaded.mask, theirs)
        assert (loaded.provenance[BOX.slices] == Provenance.ACCEPTED).all()
        assert (loaded.provenance == Provenance.ACCEPTED).sum() == BOX.height * BOX.width
        assert loaded.record.status is ImageStatus.CORRECTED
        assert project.flush_all_from_journal() == ()
        assert (folder / "masks" / "street.png").read_bytes() == before
        painter = paint(project, OTHER, 1)
    with Project.open(folder) as project:
        assert_shows(project, painter)


@pytest.mark.parametrize("content", ["colour", "size", "broken"])
def test_an_unusable_mask_of_another_tool_is_moved_only_when_ours_takes_its_place(
    folder: Path, content: str
) -> None:
    path = folder / "masks" / "street.png"
    if content == "colour":
        make_images(folder / "masks", "street.png")
    elif content == "size":
        write_mask(path, np.zeros((3, 3), np.uint8), None)
    else:
        write_atomic(path, b"broken")
    theirs = path.read_bytes()
    with Project.open(folder) as project:
        assert len(project.load(KEY, HEIGHT, WIDTH).notes) == 1
        assert path.read_bytes() == theirs
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        np.testing.assert_array_equal(png(project), painter.mask)
    aside = [p for p in (folder / "masks").iterdir() if p.name != "street.png"]
    assert [p.read_bytes() for p in aside] == [theirs]


def test_without_its_project_file_a_mask_keeps_its_provenance(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        painter.provenance[:] = Provenance.UNSEEN
        project.flush(KEY)
    (folder / ".seggui" / "project.sqlite").unlink()
    with Project.open(folder) as project:
        loaded = project.load(KEY, HEIGHT, WIDTH)
        assert (loaded.provenance[BOX.slices] == Provenance.CORRECTED).all()
        np.testing.assert_array_equal(loaded.mask, painter.mask)


@pytest.mark.parametrize("size", [(1, 1), (2000, 1500), (3, 1_000_000)])
@pytest.mark.parametrize("kind", ["plain", "noise"])
def test_snapshots_of_any_size_come_back_and_others_are_refused(
    size: tuple[int, int], kind: str
) -> None:
    pixels = np.zeros(size, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    data = pack(pixels)

    restored = unpack(data, *size)
    np.testing.assert_array_equal(restored, pixels)
    assert restored.flags.writeable
    with pytest.raises(ValueError, match="pixels"):
        unpack(data, size[0] + 1, size[1])
    with pytest.raises(ValueError, match="pixels"):
        unpack(data, size[0], size[1] - 1 if size[1] > 1 else 0)
    with pytest.raises((zlib.error, ValueError)):
        unpack(data[: len(data) // 2], *size)
