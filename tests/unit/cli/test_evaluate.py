"""Scoring a model on a dataset."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.datasets.opening import open_dataset
from model.data.label_sets import LabelClass, LabelSet, save_label_set
from model.errors import EngineError, SegguiError
from model.evaluation_json import evaluation_from_json
from model.evaluation_selection import select, spread
from tests.unit import zoo
from tests.unit.cli.kit import LABELS, run
from tests.unit.fake_engine import FakeEngine

# bright or dark images, and what their masks say: 3 of 4 pixels right, all right, half right
ANSWERS = {"a": (240, [1, 1, 1, 0]), "b": (10, [0, 0, 0, 0]), "c": (240, [1, 0, 1, 0])}


def write_pair(folder: Path, split: str, stem: str, pixels: np.ndarray, mask: np.ndarray) -> None:
    for kind, array in (("images", pixels), ("masks", mask)):
        path = folder / kind / split / f"{stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)


def gray_dataset(folder: Path, *splits: str) -> Path:
    for split in splits or ("",):
        for stem, (value, classes) in ANSWERS.items():
            mask = np.array([[*classes, 255]], np.uint8)
            write_pair(folder, split, stem, np.full((1, 5, 3), value, np.uint8), mask)
    save_label_set(folder / "label_set.json", LABELS)
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return gray_dataset(tmp_path / "data")


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    save_label_set(tmp_path / "labels.json", LABELS)
    return tmp_path / "labels.json"


def test_evaluate_prints_scores_for_people(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("evaluate", network_file, dataset, "--labels", labels) == 0
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()]
    # 5 dark pixels right and 3 missed, 4 bright ones right: IoU 4 / 7 and 5 / 8
    assert ["dark", "57.1", "%", "100.0", "%", "57.1", "%", "7"] in rows
    assert ["bright", "62.5", "%", "62.5", "%", "100.0", "%", "5"] in rows
    assert ["accuracy", "75.0", "%"] in rows
    assert ["mean", "IoU", "(2", "classes)", "59.8", "%"] in rows
    assert "3 images, 12 labelled pixels" in said.out
    assert said.err == ""
    assert engine.is_closed


def test_evaluate_prints_exactly_one_json_object(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("evaluate", network_file, dataset, "--labels", labels, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    evaluation = evaluation_from_json(data)
    assert evaluation.confusion.tolist() == [[4, 3], [0, 5]]
    assert [Path(image.key).name for image in evaluation.images] == ["a.png", "b.png", "c.png"]
    assert data["scores"]["accuracy"] == 0.75
    assert data["report"] is None
    assert data["facts"]["Network"]["Parameters"] == "1,234,567"
    assert data["facts"]["Dataset"]["Images scored"] == "3 of 3"


def test_evaluate_writes_a_report_with_pictures_and_the_log_beside_the_model(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = tmp_path / "net.training" / "log.csv"
    log.parent.mkdir()
    log.write_text("epoch,loss\n1,2\n2,1\n", encoding="utf-8")
    folder = tmp_path / "report"
    assert run("evaluate", network_file, dataset, "--labels", labels, "--report", folder) == 0
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "evaluation.json", "confusion.csv",
    }  # fmt: skip
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4 * 3
    assert page.count("<polyline ") == 1
    assert "net.keras" in page
    assert str(folder / "report.html") in capsys.readouterr().out


def test_evaluate_shows_a_bar_with_the_time_left_on_a_terminal(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run("evaluate", network_file, dataset, "--labels", labels) == 0
    last = terminal.getvalue().split("\r\x1b[K")[-1]
    assert last.startswith("Evaluating 3/3 [########################] 0:00 left")


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (("train", "val", "test"), "test"),
        (("train", "val"), "validation"),
        (("train",), "all"),
        ((), "all"),
    ],
)
def test_test_images_are_scored_first_then_those_for_validation_then_all(
    tmp_path: Path, splits: tuple[str, ...], expected: str
) -> None:
    found = open_dataset(gray_dataset(tmp_path / "data", *splits), label_set=LABELS)
    chosen = select(found, None, None)
    assert (chosen.split, len(chosen.items)) == (expected, 3)
    assert expected == "all" or {item.split for item in chosen.items} == {expected}


def test_all_takes_every_split_and_a_missing_split_is_an_error_that_says_what_there_is(
    tmp_path: Path,
) -> None:
    found = open_dataset(gray_dataset(tmp_path / "data", "train", "val"), label_set=LABELS)
    assert len(select(found, "all", None).items) == 6
    with pytest.raises(SegguiError, match="'test'; found: 3 of train, 3 of validation"):
        select(found, "test", None)


@pytest.mark.parametrize(("limit", "expected"), [(1, [5]), (2, [2, 7]), (3, [1, 5, 8]), (99, None)])
def test_limit_spreads_the_images_evenly(limit: int, expected: list[int] | None) -> None:
    items = list(range(10))
    assert spread(items, limit) == tuple(expected or items)  # type: ignore[arg-type, comparison-overlap]


def test_training_images_among_all_are_a_warning(
    engine: FakeEngine,
    network_file: Path,
    labels: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = gray_dataset(tmp_path / "more", "train", "val")
    command = ("evaluate", network_file, folder, "--labels", labels)
    assert run(*command, "--split", "all") == 0
    assert "3 of these 6 images are there to train on" in capsys.readouterr().err
    assert run(*command, "--split", "train") == 0
    assert capsys.readouterr().err == ""


def test_limit_is_said_with_the_scores(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("evaluate", network_file, dataset, "--labels", labels, "--limit", 2) == 0
    assert "all images: 2 of 3 images" in capsys.readouterr().out


def test_values_without_a_class_are_not_counted_and_said(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mask = np.array([[0, 0, 0, 7, 7]], np.uint8)
    write_pair(dataset, "", "b", np.full((1, 5, 3), 10, np.uint8), mask)
    assert run("evaluate", network_file, dataset, "--labels", labels, "--json") == 0
    said = capsys.readouterr()
    assert "Masks hold values without a class (1 in 1 of the images)" in said.err
    assert "'7' (2 pixels)" in said.err
    data = json.loads(said.out)
    assert data["scores"]["num_pixels"] == 4 + 3 + 4
    assert "'7'" in data["facts"]["Warnings"]["1"]


def test_other_names_are_a_warning_on_standard_error_only(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = LabelSet("x", (LabelClass(0, "night", (0, 0, 0)), LabelClass(1, "day", (9, 9, 9))))
    save_label_set(tmp_path / "x.json", other)
    assert run("evaluate", network_file, dataset, "--labels", tmp_path / "x.json", "--json") == 0
    said = capsys.readouterr()
    assert "0 is 'dark' in the network and 'night' in the dataset" in said.err
    assert json.loads(said.out)["classes"][0]["name"] == "night"


@pytest.mark.parametrize("num_classes", [1, 3])
def test_another_number_of_classes_fails_before_anything_is_predicted(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    tmp_path: Path,
    num_classes: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    classes = tuple(LabelClass(i, f"name {i}", (i, 0, 0)) for i in range(num_classes))
    save_label_set(tmp_path / "x.json", LabelSet("x", classes))
    assert run("evaluate", network_file, dataset, "--labels", tmp_path / "x.json") == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert f"distinguishes 2 classes, the dataset x has {num_classes}" in said.err
    assert ("--drop-class 1" in said.err) is (num_classes == 1)
    assert (engine.num_predicted, engine.is_closed) == (0, True)


def test_failing_network_writes_no_report(
    engine: FakeEngine,
    network_file: Path,
    dataset: Path,
    labels: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise EngineError("Out of memory.")

    engine.before_predicting = fail
    report = tmp_path / "report"
    assert run("evaluate", network_file, dataset, "--labels", labels, "--report", report) == 1
    assert capsys.readouterr().err == "seggui: Out of memory.\n"
    assert not report.exists()


def test_interrupted_evaluation_ends_with_130_and_closes_the_engine(
    engine: FakeEngine, network_file: Path, dataset: Path, labels: Path
) -> None:
    def interrupt(number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt

    engine.before_predicting = interrupt
    assert run("evaluate", network_file, dataset, "--labels", labels) == 130
    assert engine.is_closed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no.keras", "none"], "none does not exist; a dataset was expected"),
        (["no.keras", ".", "--training-log", "no.csv"], "no.csv is no file; the CSV log"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", *arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("seggui: ")
    assert said.count("\n") == 1
    assert expected in said


ColorsOf = Callable[[np.ndarray], np.ndarray]


def color_dataset(folder: Path, classes_of: ColorsOf, num_classes: int = 3) -> Path:
    """Red, green and blue blocks, with the class of each colour given by a function."""
    for number, size in enumerate([(20, 21), (33, 16)]):
        pixels, truth = zoo.colors(*size)
        write_pair(folder, "", f"street{number}", pixels, classes_of(truth))
    names = tuple(LabelClass(i, f"class {i}", (i, 0, 0)) for i in range(num_classes))
    save_label_set(folder.parent / "labels.json", LabelSet("colours", names))
    return folder


@zoo.keras_warnings
def test_a_real_network_scores_what_is_right_and_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken(truth: np.ndarray) -> np.ndarray:
        mask = truth.copy()
        mask[:10] = np.where(truth[:10] == 2, 1, truth[:10])  # here, blue is called green
        mask[-1] = 255
        return mask

    folder = color_dataset(tmp_path / "data", mistaken)
    network = zoo.saved(zoo.pointwise(), tmp_path)
    assert run("evaluate", network, folder, "--labels", tmp_path / "labels.json", "--json",
               "--engine", "thread") == 0  # fmt: skip
    found = evaluation_from_json(json.loads(capsys.readouterr().out))
    expected = np.zeros((3, 3), int)
    for size in [(20, 21), (33, 16)]:
        truth = zoo.colors(*size)[1]
        mask = mistaken(truth)
        for pair in zip(mask[mask != 255], truth[mask != 255], strict=True):
            expected[pair] += 1
    assert expected[1, 2] > 0
    assert found.confusion.tolist() == expected.tolist()


@zoo.keras_warnings
def test_a_class_left_out_is_never_answered_and_the_others_move_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Classes 0 and 3 of the network both mean red; without 0, red is 3 and becomes the last of 3.
    folder = color_dataset(
        tmp_path / "data", lambda truth: ((truth.astype(int) + 2) % 3).astype(np.uint8)
    )
    network = zoo.saved(zoo.pointwise(num_outputs=4), tmp_path)
    command = ("evaluate", network, folder, "--labels", tmp_path / "labels.json", "--json",
               "--engine", "thread")  # fmt: skip
    assert run(*command) == 1
    assert "leave it out with --drop-class 3" in capsys.readouterr().err
    assert run(*command, "--drop-class", 0) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["scores"]["mean_iou"] == 1
    assert data["facts"]["Network"]["Never answered"].startswith("0 (")


@zoo.keras_warnings
def test_camvid_is_found_by_itself_and_void_never_counts(
    camvid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = zoo.saved(zoo.pointwise(num_outputs=11), tmp_path)
    assert run("evaluate", network, camvid, "--limit", 2, "--json", "--engine", "thread") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["facts"]["Dataset"]["Split"] == "validation"
    assert data["facts"]["Dataset"]["Images scored"] == "2 of 101"
    labelled = 0
    for image in data["images"]:
        with Image.open(camvid / "valannot" / Path(image["key"]).name) as opened:
            labelled += int((np.asarray(opened) < 11).sum())
    assert data["scores"]["num_pixels"] == labelled


def test_only_the_groups_that_were_asked_for_are_scored(tmp_path: Path) -> None:
    found = open_dataset(gray_dataset(tmp_path / "data", "train", "val"), label_set=LABELS)
    items = tuple(
        replace(item, group="dusk" if number % 2 else "day")
        for number, item in enumerate(found.items)
    )
    found = replace(found, items=items)

    chosen = select(found, "all", None, ("dusk",))

    assert [item.group for item in chosen.items] == ["dusk"] * 3
    assert chosen.words() == "all images of dusk"
    with pytest.raises(SegguiError, match=r"night.*day, dusk"):
        select(found, None, None, ("night",))
