from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from model.errors import StorageError
from seggui.core.names import check_key, mask_names
from seggui.core.scan import scan_images


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_numbers_in_names_are_sorted_as_numbers(tmp_path: Path) -> None:
    _touch(tmp_path, "frame10.png", "frame2.png", "Frame1.png", "frame002.png")
    assert scan_images(tmp_path) == ("Frame1.png", "frame002.png", "frame2.png", "frame10.png")


def test_subfolders_follow_the_images_of_their_folder(tmp_path: Path) -> None:
    _touch(tmp_path, "z.png", "day10/a.jpg", "day2/b.jpg", "day2/left/c.jpg")
    assert scan_images(tmp_path) == ("z.png", "day2/b.jpg", "day2/left/c.jpg", "day10/a.jpg")


def test_masks_and_hidden_files_are_no_images(tmp_path: Path) -> None:
    _touch(
        tmp_path, "a.jpg", "masks/a.png", "masks/deep/b.png", ".seggui/provenance/a.png",
        ".hidden/c.png", "._a.jpg", "notes.txt", "inner/masks/d.png",
    )  # fmt: skip
    assert scan_images(tmp_path) == ("a.jpg", "inner/masks/d.png")


def test_masks_of_a_project_further_down_are_no_images(tmp_path: Path) -> None:
    _touch(tmp_path, "inner/d.jpg", "inner/masks/d.png", "inner/.seggui/project.sqlite")
    assert scan_images(tmp_path) == ("inner/d.jpg",)


def test_a_folder_named_like_an_image_is_entered(tmp_path: Path) -> None:
    _touch(tmp_path, "odd.png/a.jpg")
    assert scan_images(tmp_path) == ("odd.png/a.jpg",)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")
def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    _touch(tmp_path, "b/real.jpg")
    (tmp_path / "a").symlink_to(tmp_path / "b")  # sorts before the real folder
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nothing")
    assert scan_images(tmp_path) == ("b/real.jpg",)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")
def test_a_linked_folder_elsewhere_is_scanned(tmp_path: Path) -> None:
    _touch(tmp_path / "disk", "x.jpg")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "more").symlink_to(tmp_path / "disk")
    assert scan_images(tmp_path / "here") == ("more/x.jpg",)


def test_a_missing_folder_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="gone"):
        scan_images(tmp_path / "gone")


def test_unreadable_subfolders_are_passed_over(tmp_path: Path, monkeypatch) -> None:
    _touch(tmp_path, "a.jpg", "secret/b.jpg")
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert scan_images(tmp_path) == ("a.jpg",)


def test_a_mask_is_named_after_the_stem_of_its_image() -> None:
    assert mask_names(["a.jpg", "sub/a.jpg", "two.dots.png"]) == {
        "a.jpg": "a.png", "sub/a.jpg": "sub/a.png", "two.dots.png": "two.dots.png",
    }  # fmt: skip


def test_images_that_share_a_stem_keep_their_ending() -> None:
    names = mask_names(["s/a.jpg", "s/A.bmp", "s/b.jpg"])
    assert names == {"s/a.jpg": "s/a.jpg.png", "s/A.bmp": "s/A.bmp.png", "s/b.jpg": "s/b.png"}


def test_a_long_name_that_meets_a_short_one_gives_way() -> None:
    names = mask_names(["a.jpg", "a.bmp", "a.jpg.tif", "a.jpg.png.tif"])
    assert len({name.casefold() for name in names.values()}) == 4
    assert names["a.jpg"] == "a.jpg.png"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a\0.jpg"])
def test_keys_that_lead_out_of_the_project_are_refused(key: str) -> None:
    with pytest.raises(StorageError):
        check_key(key)
