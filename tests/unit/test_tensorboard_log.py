"""Event files for TensorBoard, read back by TensorFlow's own reader, which checks the checksums."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from model import tensorboard_log
from model.errors import StorageError
from model.tensorboard_log import TensorBoardLog, crc32c

Number = tuple[str, int, float]


def events_of(path: Path) -> list[object]:
    """Every event of one file, by TensorFlow's reader and TensorFlow's protobuf."""
    tf = pytest.importorskip("tensorflow")
    from tensorflow.core.util.event_pb2 import Event

    return [Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset([str(path)])]


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*tfevents*"))


def numbers_of(folder: Path) -> list[Number]:
    """(tag, step, value) of all files in the order in which TensorBoard reads them."""
    return [
        (value.tag, event.step, value.simple_value)
        for path in files_of(folder)
        for event in events_of(path)
        for value in event.summary.value
    ]


def test_the_checksum_is_that_of_the_standard() -> None:
    # RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_tensorflow_reads_every_number_with_its_step(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.add_step(1, {"loss": 2.5})
    log.add_step(300, {"loss": 1.25})
    log.add_epoch(1, {"loss": 1.875, "val_mean_iou": 0.5})
    log.add_epoch(70_000, {"loss": math.nan})

    (path,) = files_of(tmp_path)
    head, *_ = events_of(path)
    *numbers, last = numbers_of(tmp_path)

    assert head.file_version == "brain.Event:2"
    assert numbers == [
        ("step/loss", 1, 2.5), ("step/loss", 300, 1.25),
        ("epoch/loss", 1, 1.875), ("epoch/val_mean_iou", 1, 0.5),
    ]  # fmt: skip
    assert last[:2] == ("epoch/loss", 70_000)
    assert math.isnan(last[2])


def test_a_run_that_goes_on_gets_a_later_file_without_what_it_repeats(tmp_path: Path) -> None:
    first = TensorBoardLog(tmp_path)
    for step in range(1, 8):
        first.add_step(step, {"loss": step})
        if step % 3 == 0:
            first.add_epoch(step // 3, {"loss": step})
    first.flush()  # killed in the third epoch, and the state of the second was not written

    second = TensorBoardLog(tmp_path)
    second.trim(epoch=1, step=3)
    for step in range(4, 7):
        second.add_step(step, {"loss": 10 * step})
    second.add_epoch(2, {"loss": 60})

    assert [n[1:] for n in numbers_of(tmp_path) if n[0] == "step/loss"] == [
        (1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0), (5, 50.0), (6, 60.0),
    ]  # fmt: skip
    assert [n[1:] for n in numbers_of(tmp_path) if n[0] == "epoch/loss"] == [(1, 3.0), (2, 60.0)]
    assert len(files_of(tmp_path)) == 2


@pytest.mark.parametrize("num_cut", [1, 4, 12, 30])
def test_a_record_that_a_kill_cut_off_is_removed(tmp_path: Path, num_cut: int) -> None:
    log = TensorBoardLog(tmp_path)
    log.add_epoch(1, {"loss": 1.0})
    log.add_epoch(2, {"loss": 2.0})
    (path,) = files_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-num_cut])

    TensorBoardLog(tmp_path).trim(epoch=2, step=2)

    assert numbers_of(tmp_path) == [("epoch/loss", 1, 1.0)]


def test_files_that_need_no_trimming_and_those_of_others_stay_as_they_are(tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.1700000000.host.1.0.v2"
    other.write_bytes(b"of another program")
    log = TensorBoardLog(tmp_path)
    log.add_epoch(1, {"loss": 1.0})
    before = {path: (path.stat().st_ino, path.read_bytes()) for path in files_of(tmp_path)}

    TensorBoardLog(tmp_path).trim(epoch=1, step=1)

    assert before == {p: (p.stat().st_ino, p.read_bytes()) for p in files_of(tmp_path)}
    assert len(before) == 2


def test_what_could_not_be_written_comes_with_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = TensorBoardLog(tmp_path)
    log.add_epoch(1, {"loss": 1.0})
    (path,) = files_of(tmp_path)
    original = tensorboard_log.TensorBoardLog._append

    def cut_off(self: TensorBoardLog, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoardLog, "_append", cut_off)
    with pytest.raises(StorageError, match="No space left"):
        log.add_epoch(2, {"loss": 2.0})
    monkeypatch.setattr(TensorBoardLog, "_append", original)
    log.add_epoch(3, {"loss": 3.0})

    assert numbers_of(tmp_path) == [
        ("epoch/loss", 1, 1.0), ("epoch/loss", 2, 2.0), ("epoch/loss", 3, 3.0),
    ]  # fmt: skip


def test_a_file_that_somebody_removed_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    log.add_epoch(1, {"loss": 1.0})
    (path,) = files_of(tmp_path)
    path.unlink()

    log.add_epoch(2, {"loss": 2.0})

    assert numbers_of(tmp_path) == [("epoch/loss", 2, 2.0)]


def test_steps_reach_the_disk_before_the_epoch_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = TensorBoardLog(tmp_path)
    log.add_step(1, {"loss": 1.0})
    assert not files_of(tmp_path)
    monkeypatch.setattr(tensorboard_log, "FLUSH_SECONDS", 0.0)

    log.add_step(2, {"loss": 2.0})

    assert numbers_of(tmp_path) == [("step/loss", 1, 1.0), ("step/loss", 2, 2.0)]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path / "gone")
    with pytest.raises(StorageError, match="gone"):
        log.add_epoch(1, {"loss": 1.0})
