"""The demonstration: its folder and its simulated person."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seggui.commands import demo
from seggui.core.edits import apply_edit
from seggui.core.records import Provenance
from seggui.core.simulated_person import correct_mistakes
from tests.unit.cli.kit import run


def test_demo_needs_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert run("demo", tmp_path, "--quick") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_demo_makes_its_own_folder_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo.prepare_folder(folder)
    (folder / "images" / "old.png").touch()
    (folder / "notes.txt").touch()
    demo.prepare_folder(folder)
    assert not (folder / "images" / "old.png").exists()
    assert (folder / "notes.txt").exists()


def test_simulated_person_paints_the_truth_and_only_around_mistakes() -> None:
    truth = np.zeros((60, 80), np.uint8)
    truth[:5] = 255
    mask = truth.copy()
    mask[30:34, 40:44] = 1
    mask[0, 0] = 1  # where nobody knows the truth, nothing is painted
    provenance = np.full_like(mask, Provenance.PREDICTED)
    edit = correct_mistakes(mask, provenance, truth, num_dabs=50, radius_px=3, seed=0)
    assert edit is not None
    apply_edit(edit, mask, provenance)
    assert np.array_equal(mask[5:], truth[5:])
    assert mask[0, 0] == 1
    corrected = provenance == Provenance.CORRECTED
    assert corrected[30:34, 40:44].all()
    assert corrected.sum() < 20 * 20
    again = correct_mistakes(mask, provenance, truth, num_dabs=50, radius_px=3, seed=1)
    assert again is None
