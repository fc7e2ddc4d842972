"""Writing masks from the window: from the journal, and from memory where that is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from seggui.core.document import MaskDocument
from seggui.core.store import DamagedJournalError, Journal
from tests.qt.program_kit import Driver, saved_mask, write_images


@pytest.fixture
def painted(driver: Driver, tmp_path: Path) -> str:
    """An image with a stroke that is journalled and not yet in its PNG."""
    (name,) = write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.stroke((30, 20), (30, 40))
    driver.until(lambda: driver.program.project.waiting_keys == {name})
    return name


def test_a_mask_is_written_without_copying_it_in_the_window(
    driver: Driver, tmp_path: Path, painted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(document: MaskDocument) -> None:
        raise AssertionError("the document was copied")

    monkeypatch.setattr(MaskDocument, "snapshot", copied)

    driver.until_saved()

    assert saved_mask(tmp_path, painted)[30, 30] == 0


def test_a_damaged_journal_is_repaired_from_memory(
    driver: Driver, tmp_path: Path, painted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(monkeypatch)

    driver.program.project.flush_now()

    mask = tmp_path / "masks" / painted
    driver.until(mask.exists)
    assert saved_mask(tmp_path, painted)[30, 30] == 0


def test_a_damaged_journal_is_repaired_from_memory_at_the_close(
    driver: Driver, tmp_path: Path, painted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(monkeypatch)

    driver.close()

    assert saved_mask(tmp_path, painted)[30, 30] == 0


def damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the journal fail as one with a damaged step does."""

    def damaged(*_: object) -> None:
        raise DamagedJournalError("A step is damaged.", remedy="None.")

    monkeypatch.setattr(Journal, "state", damaged)
