"""Exporting the masks of a project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.data.label_sets import load_label_set, save_label_set
from model.data.masks import read_mask, write_mask
from seggui.core.project import Project
from tests.unit.cli.kit import LABELS, run


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("reviewed", {"a.png"}),
        ("corrected", {"a.png", "b.jpg.png"}),
        ("all", {"a.png", "b.jpg.png", "sub/c.png"}),
    ],
)
def test_export_writes_the_chosen_images_from_the_journal(
    project_folder: Path, tmp_path: Path, only: str, expected: set[str]
) -> None:
    output = tmp_path / "out"
    assert run("export", project_folder, "--format", "gray-png", "-o", output, "--only", only) == 0
    found = {path.relative_to(output).as_posix() for path in output.rglob("*.png")}
    assert found == expected
    assert np.all(read_mask(output / "a.png") == 1)
    assert load_label_set(output / "label_set.json") == LABELS


def test_export_says_in_json_what_it_did(
    project_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", project_folder, "-o", tmp_path / "out", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "output": str(tmp_path / "out"), "num_written": 3, "num_skipped": 0, "failures": [],
    }  # fmt: skip


def test_export_refuses_the_project_s_own_masks(
    project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", project_folder, "-o", project_folder / "masks") == 1
    assert "Choose another folder" in capsys.readouterr().err


def test_export_of_masks_from_elsewhere_needs_their_classes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mask(folder / "masks" / "a.png", np.ones((4, 6), np.uint8), None)
    assert run("export", folder, "-o", tmp_path / "out") == 1
    assert "name them with --label-set" in capsys.readouterr().err
    save_label_set(tmp_path / "two.json", LABELS)
    arguments = ("-o", tmp_path / "out", "--label-set", tmp_path / "two.json")
    assert run("export", folder, *arguments) == 0
    assert np.all(read_mask(tmp_path / "out" / "a.png") == 1)


def test_project_that_is_open_elsewhere_is_left_alone(
    project_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(project_folder):
        assert run("export", project_folder, "-o", tmp_path / "out") == 1
    assert "is open in another window or command" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
