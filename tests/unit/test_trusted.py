"""Counting trusted pixels from files."""

from pathlib import Path

import numpy as np
import pytest

from model.data.masks import write_mask
from model.errors import MaskError
from seggui.core import trusted
from seggui.core.records import Provenance
from seggui.core.trusted import TrustedPixels


def test_only_what_a_person_painted_or_accepted_counts_whatever_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted, "_COUNTED_AT_ONCE", 17)  # bands that end within a row
    rng = np.random.default_rng(0)
    mask = rng.choice(np.array([0, 1, 2, 255], np.uint8), (20, 30))
    origin = rng.choice(np.array([int(p) for p in Provenance], np.uint8), mask.shape)
    write_mask(tmp_path / "mask.png", mask, None)
    write_mask(tmp_path / "origin.png", origin, None)

    counts = TrustedPixels().count(tmp_path / "mask.png", tmp_path / "origin.png")

    believed = (origin == Provenance.CORRECTED) | (origin == Provenance.ACCEPTED)
    assert counts[:3] == tuple(int((believed & (mask == c)).sum()) for c in range(3))
    assert sum(counts) == sum(counts[:3])


def test_a_provenance_of_another_size_is_refused(tmp_path: Path) -> None:
    write_mask(tmp_path / "mask.png", np.zeros((20, 30), np.uint8), None)
    write_mask(tmp_path / "origin.png", np.zeros((30, 20), np.uint8), None)
    with pytest.raises(MaskError, match="same height and width"):
        TrustedPixels().count(tmp_path / "mask.png", tmp_path / "origin.png")
