"""The demonstration runs the whole loop for real: networks, training, project, export."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from model.data.masks import read_mask
from seggui.core.project import Project
from seggui.core.records import ImageStatus

PROJECT = Path(__file__).resolve().parents[2]


def test_demo_predicts_corrects_fine_tunes_compares_and_exports(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "seggui", "demo", folder, "--quick", "--engine", "thread"],
        cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for expected in ("Predicting them", "Correcting mistakes", "mean IoU", "Exported 6 masks"):
        assert expected in done.stdout
    assert (folder / "models" / "fine-tuned.keras").is_file()
    with Project.open(folder / "images") as project:
        statuses = [record.status for record in project.records().values()]
        assert statuses.count(ImageStatus.CORRECTED) == 4
        assert statuses.count(ImageStatus.PREDICTED) == 2
        active = project.active_version()
        assert active is not None
        assert project.version_path(active) == folder / "models" / "fine-tuned.keras"
        for key in project.keys:
            assert read_mask(project.mask_path(key)).max() < 11
    assert len(list((folder / "export").glob("*.png"))) == 6
