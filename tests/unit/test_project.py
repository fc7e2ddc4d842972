"""Opening, naming, settings, versions and roles of a project, and what damage does to them."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from model.data.label_sets import generic_label_set
from model.data.masks import write_mask
from model.errors import CancelledError, StorageError
from seggui.core import lock as lock_module
from seggui.core import schema
from seggui.core.database import DatabaseDamagedError
from seggui.core.project import (
    FolderNotWritableError,
    ModelVersion,
    Project,
    ReadOnlyProjectError,
    TrainingRun,
)
from seggui.core.records import ImageStatus, Provenance, Rect
from seggui.core.schema import ProjectTooNewError
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

VERSION = ModelVersion(
    id="v1", name="First", path="model.keras", sha256="ab" * 32, created="2025-01-02T03:04:05Z",
    settings={"epochs": 3}, scores_after={"mean": 0.5}, num_images=4,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images")


def _database(folder: Path) -> Path:
    return folder / ".seggui" / "project.sqlite"


# -- opening ---------------------------------------------------------------------------------------


def test_the_images_are_never_written_to(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with Project.open(folder) as project:
        paint(project, BOX, 1)
        project.flush(KEY)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_opening_read_only_writes_nothing_at_all(folder: Path) -> None:
    with Project.open(folder, read_only=True) as project:
        assert project.keys == (KEY,)
        assert (project.load(KEY, HEIGHT, WIDTH).mask == blank()).all()
        assert project.roles([KEY]) == {KEY: False}
        for change in (
            lambda: project.set_status(KEY, ImageStatus.REVIEWED),
            lambda: project.flush(KEY),
            lambda: project.set_setting("a", 1),
            lambda: project.set_label_set(generic_label_set(2)),
            lambda: project.add_version(VERSION),
            lambda: project.undo(KEY),
        ):
            with pytest.raises(ReadOnlyProjectError):
                change()
    assert [path.name for path in folder.iterdir()] == [KEY]


def test_a_read_only_project_shows_what_the_writing_window_stored(folder: Path) -> None:
    with Project.open(folder) as writer:
        painter = paint(writer, BOX, 1)
        with Project.open(folder) as reader:
            assert reader.is_read_only
            assert "read-only" in reader.notes[0]
            assert_shows(reader, painter)
            writer.append(KEY, painter.paint(OTHER, 2))
            writer.flush(KEY)
            assert_shows(reader, painter)
    with Project.open(folder) as project:
        assert not project.is_read_only


def test_a_project_on_media_that_cannot_be_written_opens_read_only(
    folder: Path, monkeypatch
) -> None:
    project = Project.open(folder)
    painter = paint(project, BOX, 1)
    copy = folder.parent / "media"
    shutil.copytree(folder, copy)  # with the last edit still in the -wal file
    project.close()
    real = sqlite3.connect

    def connect(name: str, **options: object) -> sqlite3.Connection:
        if str(copy) in name:  # what SQLite says where it cannot make a -shm file
            raise sqlite3.OperationalError("unable to open database file")
        return real(name, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    with Project.open(copy, read_only=True) as project:
        assert_shows(project, painter)


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no folder"):
        Project.open(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_a_project_belongs_to_the_thread_that_opened_it(folder: Path) -> None:
    caught: list[BaseException] = []

    def use() -> None:
        try:
            project.records()
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    with Project.open(folder) as project:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_a_disk_without_locks_is_used_with_a_warning(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(lock_module, "try_lock", lambda _: False)
    with Project.open(folder) as project:
        assert not project.is_read_only
        assert "cannot lock" in project.notes[0]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(folder: Path) -> None:
    masks = folder / "masks" / "deep"
    masks.mkdir(parents=True)
    (masks / ".abcd1234.part").write_bytes(b"half")
    (masks / ".keep.part").write_bytes(b"theirs")
    Project.open(folder).close()
    assert [path.name for path in masks.iterdir()] == [".keep.part"]


# -- a home elsewhere ------------------------------------------------------------------------------


def _forbid_writing(monkeypatch, folder: Path) -> None:
    real = os.open

    def guarded(path, flags, *arguments, **options):
        if flags & os.O_CREAT and Path(path).is_relative_to(folder):
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", guarded)


def test_a_folder_that_cannot_be_written_gets_its_project_elsewhere(
    folder: Path, tmp_path: Path, monkeypatch
) -> None:
    _forbid_writing(monkeypatch, folder)
    with pytest.raises(FolderNotWritableError, match="Permission denied"):
        Project.open(folder)
    home = tmp_path / "home"
    with Project.open(folder, home=home) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        assert project.mask_path(KEY) == home / "masks" / "street.png"
        assert project.models_dir == home / ".seggui" / "models"
    with Project.open(folder, home=home) as project:
        assert_shows(project, painter)
        np.testing.assert_array_equal(png(project), painter.mask)
    assert not (folder / "masks").exists()


def test_masks_beside_unwritable_images_are_read_and_saved_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    theirs = blank()
    theirs[BOX.slices] = 4
    write_mask(folder / "masks" / "street.png", theirs, None)
    before = (folder / "masks" / "street.png").read_bytes()
    with Project.open(folder, home=tmp_path / "home") as project:
        assert project.records()[KEY].status is ImageStatus.CORRECTED
        np.testing.assert_array_equal(project.load(KEY, HEIGHT, WIDTH).mask, theirs)
        painter = paint(project, OTHER, 1)
        project.flush_all_from_journal()
        np.testing.assert_array_equal(png(project), painter.mask)
    assert (folder / "masks" / "street.png").read_bytes() == before


def test_a_home_made_for_another_folder_is_told(folder: Path, tmp_path: Path) -> None:
    Project.open(folder, home=tmp_path / "home").close()
    other = make_images(tmp_path / "other")
    with Project.open(other, home=tmp_path / "home") as project:
        assert str(folder) in project.notes[0]


# -- names -----------------------------------------------------------------------------------------

_ODD = ["a b.jpg", "50%#@!&+;.jpg", "Straße 道路 🚗.png", "quote'\"?.jpg", "sub dir/ü.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forbids some of these names")
@pytest.mark.parametrize("parent", ["plain", "a b#c%20?d@ü"])
def test_odd_names_keep_their_masks(tmp_path: Path, parent: str) -> None:
    folder = make_images(tmp_path / parent, *_ODD)
    with Project.open(folder) as project:
        assert set(project.keys) == set(_ODD)
        painters = {key: paint(project, BOX, i, key) for i, key in enumerate(_ODD)}
        project.flush_all_from_journal()
        project.roles(_ODD)
    with Project.open(folder) as project:
        for key, painter in painters.items():
            assert_shows(project, painter, key)
            np.testing.assert_array_equal(png(project, key), painter.mask)
        assert set(project.records()) == set(_ODD)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_unicode_keeps_its_mask(tmp_path: Path) -> None:
    key = os.fsdecode(b"caf\xe9.jpg")
    folder = make_images(tmp_path, key)
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1, key)
        project.flush(key)
    with Project.open(folder) as project:
        assert project.keys == (key,)
        assert_shows(project, painter, key)
        assert project.records()[key].key == key
        np.testing.assert_array_equal(png(project, key), painter.mask)


def test_images_that_share_a_stem_have_masks_of_their_own(tmp_path: Path) -> None:
    folder = make_images(tmp_path, "a.jpg", "A.png")
    with Project.open(folder) as project:
        painters = {key: paint(project, BOX, i, key) for i, key in enumerate(project.keys)}
        project.flush_all_from_journal()
        for key, painter in painters.items():
            np.testing.assert_array_equal(png(project, key), painter.mask)
    assert {p.name for p in (folder / "masks").iterdir()} == {"a.jpg.png", "A.png.png"}


def test_a_mask_follows_when_a_second_image_with_its_stem_comes_and_goes(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        make_images(folder, "street.bmp")
        assert project.rescan() == ("street.bmp", KEY)
        assert project.mask_path(KEY).name == "street.jpg.png"
        assert project.provenance_path(KEY).exists()
        assert_shows(project, painter)
        other = paint(project, OTHER, 5, "street.bmp")
        project.flush("street.bmp")
        np.testing.assert_array_equal(png(project), painter.mask)
        (folder / "street.bmp").unlink()
    with Project.open(folder) as project:
        assert project.mask_path(KEY).name == "street.png"
        np.testing.assert_array_equal(png(project), painter.mask)
        make_images(folder, "street.bmp")
        project.rescan()
        assert_shows(project, other, "street.bmp")
        assert_shows(project, painter)


# -- records, roles, settings ----------------------------------------------------------------------


def test_records_hold_what_was_stored_and_nothing_else(tmp_path: Path) -> None:
    folder = make_images(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    with Project.open(folder) as project:
        project.set_status("a.jpg", ImageStatus.PREDICTED, model_sha256="ab")
        project.set_status("a.jpg", ImageStatus.REVIEWED)
        project.save_view("b.jpg", {"zoom": 2.5, "row": 3})
        project.set_status("d.jpg", ImageStatus.REVIEWED)
    (folder / "d.jpg").unlink()
    with Project.open(folder) as project:
        records = project.records()
        assert set(records) == {"a.jpg", "b.jpg"}
        assert records["a.jpg"].status is ImageStatus.REVIEWED
        assert records["a.jpg"].model_sha256 == "ab"
        assert records["b.jpg"].status is ImageStatus.UNTOUCHED
        assert project.load("b.jpg", HEIGHT, WIDTH).view == {"zoom": 2.5, "row": 3}


def test_roles_are_decided_once_for_all_images(tmp_path: Path) -> None:
    folder = make_images(tmp_path, *(f"f{i}.png" for i in range(10)))
    with Project.open(folder) as project:
        first = project.roles(["f3.png", "f1.png"])
        assert first == {"f3.png": False, "f1.png": True}
        everything = project.roles(project.keys)
    for i in range(5):
        (folder / f"f{i * 2}.png").unlink()
    with Project.open(folder) as project:
        left = project.roles(project.keys)
        assert left == {key: everything[key] for key in project.keys}
        assert project.records()["f1.png"].is_held_out is True
        assert project.load("f1.png", HEIGHT, WIDTH).record.is_held_out is True


def test_settings_and_classes_survive_reopening(folder: Path) -> None:
    with Project.open(folder) as project:
        assert project.label_set is None
        project.set_label_set(generic_label_set(5, "Mine"))
        project.set_setting("brush", {"radius": 7.5, "locked": [1, 2]})
        project.set_setting("current", KEY)
        project.set_setting("current", "other")
    with Project.open(folder) as project:
        assert project.label_set == generic_label_set(5, "Mine")
        assert project.settings() == {
            "brush": {"radius": 7.5, "locked": [1, 2]}, "current": "other",
        }  # fmt: skip
        assert project.get_setting("brush")["radius"] == 7.5
        assert project.get_setting("missing", 3) == 3


def test_classes_that_cannot_be_read_are_told_and_not_guessed(folder: Path) -> None:
    with Project.open(folder) as project:
        project.set_label_set(generic_label_set(5))
    connection = sqlite3.connect(_database(folder))
    connection.execute("UPDATE internals SET value = '{\"name\": 3}' WHERE name = 'label_set'")
    connection.commit()
    connection.close()
    with Project.open(folder) as project:
        assert project.label_set is None
        assert "classes" in project.notes[0]


# -- versions --------------------------------------------------------------------------------------


def test_model_versions_survive_and_move_with_the_project(folder: Path) -> None:
    with Project.open(folder) as project:
        inside = project.add_version(
            ModelVersion("v2", "Second", str(project.models_dir / "b.keras"), "cd", parent="v1")
        )
        outside = folder.parent / "elsewhere" / "a.keras"
        base = project.add_version(ModelVersion("v1", "Base", str(outside), "ab", state="base"))
        assert inside.path == ".seggui/models/b.keras"
        project.set_active_version("v2")
    moved = folder.rename(folder.parent / "moved")
    with Project.open(moved) as project:
        assert project.versions() == (inside, base)
        assert project.active_version() == inside
        assert project.version_path(inside) == moved / ".seggui" / "models" / "b.keras"
        assert project.version_path(base) == outside
        project.set_active_version(None)
        assert project.active_version() is None


def test_a_version_can_be_changed_but_not_added_twice(folder: Path) -> None:
    with Project.open(folder) as project:
        stored = project.add_version(VERSION)
        with pytest.raises(StorageError, match="taken"):
            project.add_version(VERSION)
        discarded = ModelVersion(**{**stored.__dict__, "state": "discarded", "note": "worse"})
        project.update_version(discarded)
        assert project.versions() == (discarded,)
        with pytest.raises(StorageError, match="no model version"):
            project.update_version(ModelVersion("v9", "?", "x", "y"))
        with pytest.raises(StorageError, match="no model version"):
            project.set_active_version("v9")
        with pytest.raises(StorageError, match="cannot be stored"):
            project.add_version(ModelVersion("nan", "n", "x", "y", settings={"a": float("nan")}))


def test_runs_survive_reopening_in_order(folder: Path) -> None:
    runs = [
        TrainingRun("a", "2025-01-01T00:00:00Z", "finished", 30.0, 41.5, 12, "v1", "CPU", {"n": 1}),
        TrainingRun("b", "2025-01-02T00:00:00Z", "failed", note="out of memory"),
    ]
    with Project.open(folder) as project:
        for run in runs:
            project.add_run(run)
    with Project.open(folder) as project:
        assert project.runs() == tuple(runs)


def test_an_unreadable_version_does_not_hide_the_others(folder: Path) -> None:
    with Project.open(folder) as project:
        project.add_version(VERSION)
        project.add_version(ModelVersion("v2", "Second", "b", "c"))
    connection = sqlite3.connect(_database(folder))
    bad = json.dumps({**VERSION.__dict__, "settings": "none"})
    connection.execute("UPDATE versions SET data = ? WHERE id = 'v1'", (bad,))
    connection.commit()
    connection.close()
    with Project.open(folder) as project:
        assert [version.id for version in project.versions()] == ["v2"]
        assert "v1" in project.notes[0]


# -- damage ----------------------------------------------------------------------------------------


def _filled(folder: Path) -> Painter:
    with Project.open(folder) as project:
        project.set_label_set(generic_label_set(5))
        project.roles(project.keys)
        project.add_version(VERSION)
        painter = paint(project, BOX, 1)
        project.set_status(KEY, ImageStatus.REVIEWED)
        project.flush(KEY)
    return painter


@pytest.mark.parametrize("content", [b"this is no database" * 99, b"\0" * 8192, b"SQLite format 3"])
def test_a_corrupt_project_file_is_set_aside_and_the_masks_stay(
    folder: Path, content: bytes
) -> None:
    painter = _filled(folder)
    _database(folder).write_bytes(content)
    (folder / ".seggui" / "project.sqlite-wal").write_bytes(b"wal")
    with Project.open(folder) as project:
        assert "project.sqlite.broken-1" in project.notes[0]
        loaded = project.load(KEY, HEIGHT, WIDTH)
        np.testing.assert_array_equal(loaded.mask, painter.mask)
        np.testing.assert_array_equal(loaded.provenance, painter.provenance)
        paint(project, OTHER, 2)
    assert (folder / ".seggui" / "project.sqlite.broken-1").read_bytes() == content
    with Project.open(folder) as project:
        assert project.notes == ()


def test_what_is_readable_in_a_corrupt_project_file_is_taken_over(folder: Path) -> None:
    painter = _filled(folder)
    connection = sqlite3.connect(_database(folder))
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='edits'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(_database(folder).read_bytes())
    data[(root - 1) * size : root * size] = b"\xa5" * size
    _database(folder).write_bytes(data)
    with Project.open(folder) as project:
        assert "broken-1" in project.notes[0]
        assert project.label_set == generic_label_set(5)
        assert [version.id for version in project.versions()] == ["v1"]
        assert project.records()[KEY].status is ImageStatus.REVIEWED
        assert project.records()[KEY].is_held_out is False
        np.testing.assert_array_equal(project.load(KEY, HEIGHT, WIDTH).mask, painter.mask)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_never_keep_a_folder_from_opening(folder: Path, seed: int) -> None:
    painter = _filled(folder)
    generator = random.Random(seed)
    data = bytearray(_database(folder).read_bytes())
    end = 100 if seed < 6 else len(data)  # the header, then anywhere
    for _ in range(1 + seed % 3):
        data[generator.randrange(end)] ^= 1 << generator.randrange(8)
    _database(folder).write_bytes(data)
    with Project.open(folder) as project:
        project.records()
        np.testing.assert_array_equal(project.load(KEY, HEIGHT, WIDTH).mask, painter.mask)
        painter = paint(project, OTHER, 2)
    with Project.open(folder) as project:
        assert_shows(project, painter)


def test_a_project_of_a_newer_version_is_left_alone(folder: Path) -> None:
    _filled(folder)
    connection = sqlite3.connect(_database(folder))
    connection.executescript("CREATE TABLE newer (x); PRAGMA user_version = 99;")
    connection.close()
    before = _database(folder).read_bytes()
    for read_only in (False, True):
        with pytest.raises(ProjectTooNewError, match="99"):
            Project.open(folder, read_only=read_only)
    assert _database(folder).read_bytes() == before


def test_a_database_of_somebody_else_is_set_aside(folder: Path) -> None:
    _database(folder).parent.mkdir()
    connection = sqlite3.connect(_database(folder))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with Project.open(folder) as project:
        assert "no seggui project" in project.notes[0]


def test_damage_found_while_working_is_repaired_at_the_next_opening(
    folder: Path, monkeypatch
) -> None:
    painter = _filled(folder)
    connection = sqlite3.connect(_database(folder))
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='snapshots'")
    page, size = root.fetchone()[0], connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(_database(folder).read_bytes())
    data[(page - 1) * size : page * size] = b"\xa5" * size
    _database(folder).write_bytes(data)
    monkeypatch.setattr(schema, "_FULL_CHECK_MAX_BYTES", 0)  # as if it were too large to check
    with Project.open(folder) as project, pytest.raises(DatabaseDamagedError, match="Open the"):
        project.load(KEY, HEIGHT, WIDTH)
    with Project.open(folder) as project:
        assert "broken-1" in project.notes[0]
        np.testing.assert_array_equal(project.load(KEY, HEIGHT, WIDTH).mask, painter.mask)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files from being deleted")
def test_a_project_folder_deleted_while_open_is_written_again(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        shutil.rmtree(folder / ".seggui")
        project.append(KEY, painter.paint(OTHER, 2))
        with Project.open(folder) as second:
            assert second.is_read_only
    with Project.open(folder) as project:
        assert_shows(project, painter)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files from being moved")
def test_a_disk_that_is_gone_is_an_error_and_is_not_made_again(folder: Path) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        edit = painter.paint(OTHER, 2)
        gone = folder.rename(folder.parent / "unplugged")
        with pytest.raises(StorageError, match="while it was open"):
            project.append(KEY, edit)
        assert not folder.exists()
        gone.rename(folder)
        project.append(KEY, edit)
        assert_shows(project, painter)


def test_without_project_and_provenance_masks_of_the_network_are_not_taken_for_corrected(
    folder: Path,
) -> None:
    with Project.open(folder) as project:
        painter = paint(project, BOX, 1)
        project.flush(KEY)
        painter.provenance[BOX.slices] = Provenance.PREDICTED
        write_mask(project.provenance_path(KEY), painter.provenance, None)
    _database(folder).unlink()
    with Project.open(folder) as project:
        assert project.records()[KEY].status is ImageStatus.PREDICTED
        assert project.load(KEY, HEIGHT, WIDTH).record.status is ImageStatus.PREDICTED


def test_writing_all_masks_stops_when_asked(tmp_path: Path) -> None:
    folder = make_images(tmp_path, "a.jpg", "b.jpg")
    with Project.open(folder) as project:
        for key in project.keys:
            paint(project, BOX, 1, key)
        answers = iter([False, True])
        with pytest.raises(CancelledError):
            project.flush_all_from_journal(should_stop=lambda: next(answers))
        assert project.dirty_keys() == ("b.jpg",)
