"""Looking at datasets from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.data.label_sets import generic_label_set, save_label_set
from tests.unit.cli.kit import run
from tests.unit.dataset_folders import write_pairs, write_segnet


def test_dataset_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1", "0001TP_2"], "val": ["0006R0_1"]})
    assert run("dataset", tmp_path) == 0
    said = capsys.readouterr().out
    assert f"CamVid, 11 classes (camvid) in {tmp_path}" in said
    assert "Images: 3 with a mask: 2 train, 1 validation" in said
    assert "Classes that never occur: 9 of 11" in said


def test_dataset_prints_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pairs(tmp_path, {"a": [0, 1, 9]}, "images", "masks")
    save_label_set(tmp_path / "mine.json", generic_label_set(2, "mine"))
    assert run("dataset", tmp_path, "--json", "--labels", tmp_path / "mine.json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["layout"] == "pairs"
    assert [each["num_pixels"] for each in described["classes"]] == [16, 16]
    assert described["unknown"][0]["value"] == "9"


def test_dataset_reads_a_folder_in_the_layout_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1"]})
    assert run("dataset", tmp_path, "--json", "--layout", "pairs") == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "pairs"


def test_dataset_fails_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dataset", tmp_path) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "is no dataset in a known layout" in said.err


def test_dataset_refuses_an_unknown_layout(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        run("dataset", tmp_path, "--layout", "coco")
    assert caught.value.code == 2
