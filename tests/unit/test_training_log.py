"""Reading the CSV log of a training."""

from __future__ import annotations

import math

import pytest

from model.errors import SegguiError
from model.training_log import read_training_log


def written(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_of_numbers_are_read_by_epoch(tmp_path):
    log = read_training_log(written(tmp_path, "epoch,step,loss,note\n0,10,1.5,x\n1,20,0.5,\n"))
    assert (log.position_name, log.positions) == ("epoch", (0.0, 1.0))
    assert log.columns == {"loss": (1.5, 0.5)}


def test_rows_are_counted_where_no_column_does(tmp_path):
    log = read_training_log(written(tmp_path, "loss\n3\n2\n\n1\n"))
    assert (log.position_name, log.positions) == ("row", (1.0, 2.0, 3.0))


def test_what_was_not_measured_differs_from_what_is_no_number(tmp_path):
    log = read_training_log(written(tmp_path, "epoch,loss,mean_iou\n1,2,\n2,nan,0.5\n3,inf\n"))
    assert log.columns["mean_iou"] == (None, 0.5, None)
    assert log.columns["loss"][0] == 2
    assert math.isnan(log.columns["loss"][1])
    assert log.columns["loss"][2] == math.inf


@pytest.mark.parametrize("text", ["", "epoch,loss\n", "epoch,loss\n1,nan\n", "some\nwords\n"])
def test_log_without_a_number_is_refused(tmp_path, text):
    with pytest.raises(SegguiError, match="holds no numbers"):
        read_training_log(written(tmp_path, text))


def test_missing_log_is_refused_by_its_name(tmp_path):
    with pytest.raises(SegguiError, match=r"none\.csv could not be read"):
        read_training_log(tmp_path / "none.csv")


def test_binary_file_is_no_log(tmp_path):
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(SegguiError, match="is no CSV text"):
        read_training_log(tmp_path / "log.csv")
