"""What an export promises: exact files or none, an honest report, nothing of the user's touched."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import exporting
from model.data.atomic import write_atomic
from model.data.label_sets import suggest_label_set
from model.data.masks import read_mask, write_mask
from model.errors import StorageError
from model.exporting import ExportItem, export_masks
from model.formats.table import FORMATS

CAMVID = suggest_label_set(11)
SHAPE = (23, 31)


def make_project(folder: Path, names: list[str]) -> list[ExportItem]:
    """Images and random masks, with the files named as a project names them."""
    items = []
    for i, name in enumerate(names):
        rng = np.random.default_rng(i)
        image_path = folder / "images" / name
        image_path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)).save(image_path)
        output_name = str(Path(name).with_suffix(".png").as_posix())
        mask_path = folder / "masks" / output_name
        mask = rng.choice(np.array([*range(11), 255], np.uint8), SHAPE)
        write_mask(mask_path, mask, CAMVID)
        items.append(ExportItem(name, image_path, mask_path, output_name))
    return items


@pytest.fixture
def items(tmp_path) -> list[ExportItem]:
    return make_project(tmp_path, ["a.jpg", "b.png", "sub/c.png", "straße 道路 #1.bmp"])


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_one_file_per_image_in_the_same_place(tmp_path, items, name):
    out = tmp_path / "out"

    report = export_masks(items, out, name, CAMVID)

    stems = ["a", "b", "straße 道路 #1", "sub/c"]
    assert files_below(out) == [stem + FORMATS[name].suffix for stem in stems]
    assert report.num_written == 4
    assert report.failures == ()
    assert set(report.written) == {out / f for f in files_below(out)}
    assert not report.was_cancelled


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.decode])
def test_exported_files_hold_the_masks_pixel_by_pixel(tmp_path, items, name):
    report = export_masks(items, tmp_path / "out", name, CAMVID)

    for item, path in zip(items, report.written, strict=True):
        decoded = FORMATS[name].decode(path.read_bytes(), CAMVID)
        assert np.array_equal(decoded, read_mask(item.mask_path))
        assert set(np.unique(decoded)) <= {*range(11), 255}


def test_images_that_share_a_stem_keep_their_full_names(tmp_path):
    items = make_project(tmp_path, ["a.png"])
    twins = [
        ExportItem(n, items[0].image_path, items[0].mask_path, f"{n}.png")
        for n in ("a.jpg", "a.bmp")
    ]

    export_masks(twins, tmp_path / "out", "overlay", CAMVID)

    assert files_below(tmp_path / "out") == ["a.bmp.jpg", "a.jpg.jpg"]


def test_images_without_a_mask_are_skipped_and_counted(tmp_path, items):
    bare = ExportItem("a.jpg", items[0].image_path, None, "a.png")

    report = export_masks([bare, items[1]], tmp_path / "out", "index-png", CAMVID)

    assert (report.num_written, report.num_skipped, report.num_ignore_filled) == (1, 1, 0)
    assert files_below(tmp_path / "out") == ["b.png"]


def test_images_without_a_mask_become_all_ignore_when_asked(tmp_path, items):
    bare = ExportItem("a.jpg", items[0].image_path, None, "a.png")

    report = export_masks([bare], tmp_path / "out", "gray-png", CAMVID, include_unlabelled=True)

    assert (report.num_written, report.num_skipped, report.num_ignore_filled) == (1, 0, 1)
    exported = read_mask(tmp_path / "out" / "a.png")
    assert exported.shape == SHAPE
    assert (exported == 255).all()


def test_a_provider_gives_the_mask_that_is_not_on_disk_yet(tmp_path, items):
    current = np.full(SHAPE, 7, np.uint8)
    item = ExportItem("a.jpg", items[0].image_path, None, "a.png", provider=lambda: current)
    nothing = ExportItem("b.png", items[1].image_path, None, "b.png", provider=lambda: None)

    report = export_masks([item, nothing], tmp_path / "out", "index-png", CAMVID)

    assert (read_mask(tmp_path / "out" / "a.png") == 7).all()
    assert (report.num_written, report.num_skipped) == (1, 1)


def test_unknown_values_fail_that_file_only(tmp_path, items):
    write_mask(items[1].mask_path, np.full(SHAPE, 42, np.uint8), None)

    report = export_masks(items, tmp_path / "out", "index-png", CAMVID)

    assert report.num_written == 3
    assert [f.key for f in report.failures] == ["b.png"]
    assert f"{{42: {SHAPE[0] * SHAPE[1]}}}" in report.failures[0].reason
    assert "b.png" not in files_below(tmp_path / "out")


def test_a_mask_of_another_size_than_its_image_is_reported(tmp_path, items):
    write_mask(items[0].mask_path, np.zeros((5, 5), np.uint8), None)

    report = export_masks(items, tmp_path / "out", "gray-png", CAMVID)

    assert "5 x 5" in report.failures[0].reason
    assert "23 x 31" in report.failures[0].reason


@pytest.mark.parametrize("victim", ["image_path", "mask_path"])
@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_broken_and_missing_files_are_reported_and_the_others_go_on(
    tmp_path, items, victim, content
):
    path = getattr(items[2], victim)
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    report = export_masks(items, tmp_path / "out", "overlay", CAMVID)

    assert report.num_written == 3
    assert [f.key for f in report.failures] == ["sub/c.png"]
    assert path.name in report.failures[0].reason


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_not_what_was_written_is_caught_and_removed(
    tmp_path, items, name, monkeypatch
):
    def tampered(path: Path, data: bytes) -> None:
        if path.stem == "b":  # a valid file of another mask, as a failing disk cache might leave
            other = np.zeros((SHAPE[0], SHAPE[1] + (name == "overlay")), np.uint8)
            data = FORMATS[name].encode(other, np.zeros((*other.shape, 3), np.uint8), CAMVID)
        write_atomic(path, data)

    monkeypatch.setattr(exporting, "write_atomic", tampered)
    report = export_masks(items, tmp_path / "out", name, CAMVID)

    assert [f.key for f in report.failures] == ["b.png"]
    assert "read back" in report.failures[0].reason
    assert not any("b." in f for f in files_below(tmp_path / "out"))
    assert report.num_written == 3


def test_one_wrong_pixel_is_caught(tmp_path, items, monkeypatch):
    def one_pixel_off(path: Path, data: bytes) -> None:
        mask = FORMATS["gray-png"].decode(data, CAMVID)
        mask[-1, -1] = (int(mask[-1, -1]) + 1) % 11
        write_atomic(path, FORMATS["gray-png"].encode(mask, None, CAMVID))

    monkeypatch.setattr(exporting, "write_atomic", one_pixel_off)
    report = export_masks(items[:1], tmp_path / "out", "gray-png", CAMVID)

    assert "1 pixels differ" in report.failures[0].reason


def test_a_file_cut_on_the_way_is_caught(tmp_path, items, monkeypatch):
    monkeypatch.setattr(exporting, "write_atomic", lambda p, d: write_atomic(p, d[:-40]))

    report = export_masks(items[:2], tmp_path / "out", "index-png", CAMVID)

    assert report.num_written == 0
    assert len(report.failures) == 2
    assert files_below(tmp_path / "out") == []


def test_a_cancelled_export_leaves_complete_files_only(tmp_path, items):
    asked = iter([False, False, True])

    report = export_masks(
        items, tmp_path / "out", "index-png", CAMVID, is_cancelled=lambda: next(asked)
    )

    assert report.was_cancelled
    assert report.num_written == 2
    assert files_below(tmp_path / "out") == ["a.png", "b.png"]
    for item, path in zip(items, report.written, strict=False):
        assert np.array_equal(read_mask(path), read_mask(item.mask_path))


def test_progress_names_each_image_and_ends_full(tmp_path, items):
    seen = []

    export_masks(
        items[:2], tmp_path / "out", "index-png", CAMVID,
        on_progress=lambda done, total, key: seen.append((done, total, key)),
    )  # fmt: skip

    assert seen == [(0, 2, "a.jpg"), (1, 2, "b.png"), (2, 2, "")]


def test_a_full_disk_stops_and_says_how_many_are_complete(tmp_path, items, monkeypatch):
    import os

    replace, calls = os.replace, []

    def full_after_two(source, target):
        calls.append(target)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("os.replace", full_after_two)
    with pytest.raises(StorageError, match=r"No space left.*2 of 4 masks were exported"):
        export_masks(items, tmp_path / "out", "index-png", CAMVID)

    assert files_below(tmp_path / "out") == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "place", ["images", "masks", "masks/inside", "masks/../images", "masks/sub"]
)
def test_nothing_is_written_among_the_images_or_the_masks(tmp_path, items, place):
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    with pytest.raises(StorageError, match="Choose another folder"):
        export_masks(items, tmp_path / place, "index-png", CAMVID)

    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_new_folder_beside_images_that_lie_with_their_masks_is_allowed(tmp_path, items):
    beside = items[0].image_path.with_name("beside.png")
    write_mask(beside, np.zeros(SHAPE, np.uint8), CAMVID)
    item = ExportItem("a.jpg", items[0].image_path, beside, "a.png")

    report = export_masks([item], beside.parent / "export", "index-png", CAMVID)

    assert report.num_written == 1


def test_a_link_to_the_masks_is_seen_through(tmp_path, items):
    link = tmp_path / "elsewhere"
    try:
        link.symlink_to(tmp_path / "masks", target_is_directory=True)
    except OSError:
        pytest.skip("this system lets the user make no links")

    with pytest.raises(StorageError, match="Choose another folder"):
        export_masks(items, link, "index-png", CAMVID)


def test_protected_folders_hold_for_masks_from_memory(tmp_path, items):
    item = ExportItem("a.jpg", items[0].image_path, None, "a.png", provider=lambda: None)

    with pytest.raises(StorageError, match="Choose another folder"):
        export_masks(
            [item], tmp_path / "masks" / "x", "index-png", CAMVID,
            protected_dirs=[tmp_path / "masks"],
        )  # fmt: skip


@pytest.mark.parametrize(
    "output_name", ["../a.png", "/rooted/a.png", "", "sub/../../a.png", "..\\a.png"]
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, items, output_name):
    item = ExportItem("a.jpg", items[0].image_path, items[0].mask_path, output_name)

    with pytest.raises(StorageError, match="below the output folder"):
        export_masks([item], tmp_path / "out", "index-png", CAMVID)
    assert not (tmp_path / "out").exists()


def test_two_images_for_one_file_are_refused_before_anything_is_written(tmp_path, items):
    twin = ExportItem("A.png", items[1].image_path, items[1].mask_path, "A.png")

    with pytest.raises(StorageError, match=r"'a\.jpg' and 'A\.png'"):
        export_masks([items[0], twin], tmp_path / "out", "index-png", CAMVID)
    assert not (tmp_path / "out").exists()


def test_exporting_again_replaces_the_files(tmp_path, items):
    export_masks(items, tmp_path / "out", "index-png", CAMVID)
    write_mask(items[0].mask_path, np.full(SHAPE, 5, np.uint8), CAMVID)

    export_masks(items, tmp_path / "out", "index-png", CAMVID)

    assert (read_mask(tmp_path / "out" / "a.png") == 5).all()
    assert len(files_below(tmp_path / "out")) == 4
