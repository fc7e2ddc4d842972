"""An engine without Keras, a model file and a folder of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seggui.commands import network
from seggui.core.project import Project
from seggui.core.records import ImageStatus
from seggui.core.simulated_person import correct_mistakes
from tests.unit.cli.kit import LABELS, write_image
from tests.unit.fake_engine import FakeEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that every command gets."""
    engine = FakeEngine()
    monkeypatch.setattr(network, "open_engine", lambda *_, **__: engine)
    return engine


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.keras"
    path.write_bytes(b"network")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, value in (("a.png", 10), ("b.jpg", 240), ("b.png", 20), ("sub/c.png", 250)):
        write_image(folder / name, value)
    return folder


@pytest.fixture
def project_folder(folder: Path) -> Path:
    """A folder with one reviewed, one corrected, one predicted and one untouched image."""
    with Project.open(folder) as project:
        project.set_label_set(LABELS)
        for key, status in (
            ("a.png", ImageStatus.REVIEWED),
            ("b.jpg", ImageStatus.CORRECTED),
            ("sub/c.png", ImageStatus.PREDICTED),
        ):
            loaded = project.load(key, 4, 6)
            truth = np.ones((4, 6), np.uint8)
            edit = correct_mistakes(
                loaded.mask, loaded.provenance, truth, num_dabs=9, radius_px=9, seed=0
            )
            assert edit is not None
            project.append(key, edit, status=status)
    return folder
