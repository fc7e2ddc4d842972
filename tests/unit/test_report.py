"""The report: one page that needs nothing else, whose numbers are those of the JSON beside it."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.data.masks import decode_mask
from model.errors import SegguiError, StorageError
from model.evaluate_dataset import evaluate_dataset
from model.evaluation_json import evaluation_from_json
from model.report import confusion_csv, write_report
from model.report_charts import MOST_CLASSES_IN_MATRIX, ticks
from model.report_pictures import (
    VOID_COLOR,
    WRONG_COLOR,
    choose_pictures,
    difference_png,
    make_pictures,
)
from tests.unit.datasets_in_memory import Answers, never, pairs

VOID = 255
VOID_ELEMENTS = {"meta", "link", "img", "br", "hr", "input", "rect", "line", "circle", "polyline"}
LOADING = {"src", "href", "srcset", "xlink:href", "data", "action", "poster", "background"}


class Page(HTMLParser):
    """What a page holds: elements, values, pictures; refuses elements that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.values: list[tuple[float, str]] = []
        self.text = ""
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_ELEMENTS:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] == ["style"]:
            self.style += data
        elif self._open[-1:] == ["data"]:
            self.values.append((float(self.tags[-1][1]["value"]), data))
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def small_dataset(num_images: int = 8, num_classes: int = 4, size: tuple[int, int] = (12, 17)):
    rng = np.random.default_rng(5)
    masks = []
    for number in range(num_images):
        truth = rng.integers(0, num_classes, size).astype(np.uint8)
        truth[0, 0] = VOID
        answer = rng.integers(0, num_classes, size).astype(np.uint8)
        is_right = (rng.random(size) < number / num_images) & (truth != VOID)
        masks.append((truth, np.where(is_right, truth, answer)))
    return pairs(*masks, num_classes=num_classes)


def report_of(folder, dataset, **options):
    evaluation = evaluate_dataset(Answers(), dataset, dataset.items, is_cancelled=never)
    pictures = make_pictures(Answers(), dataset, dataset.items, evaluation, is_cancelled=never)
    path = write_report(folder, evaluation, pictures, **options)
    return evaluation, Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    log = folder / "log.csv"
    rows = [f"{i},{1 / (i + 1)},{1.2 / (i + 1)},{i / 10},0.001" for i in range(9)]
    log.write_text("\n".join(["epoch,loss,val_loss,accuracy,learning_rate", *rows]))
    evaluation, page = report_of(
        folder, small_dataset(), training_log=log, title="street.keras on CamVid",
        facts={"Network": {"Parameters": "1,234"}, "Software": {"seggui": "9.8"}},
        when=datetime(2026, 3, 4, 5, 6, tzinfo=timezone.utc),
    )  # fmt: skip
    return folder, evaluation, page


def test_page_needs_nothing_from_anywhere(report):
    _, _, page = report
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in LOADING & set(attributes):
            assert attributes[name].startswith("data:image/"), (tag, attributes[name][:40])
    styles = page.style + "".join(a.get("style") or "" for _, a in page.tags)
    assert "url(" not in styles
    assert "@import" not in styles
    policy = [m["content"] for m in page.of("meta") if "http-equiv" in m]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_page_follows_light_and_dark_and_prints(report):
    style = report[2].style
    assert "color-scheme: light dark" in style
    assert "@media (prefers-color-scheme: dark)" in style
    assert "@media print" in style
    assert style.count("{") == style.count("}")


def test_every_picture_can_be_decoded_and_has_the_size_of_the_image(report):
    _, _, page = report
    images = page.of("img")
    assert len(images) == 4 * 6
    for image in images:
        kind, _, data = image["src"].partition(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as opened:
            opened.load()
            assert opened.size == (17, 12)
            assert kind == f"data:image/{opened.format.lower()}"
        assert image["alt"]


def test_pictures_of_truth_and_prediction_hold_the_exact_classes(tmp_path):
    dataset = small_dataset(3)
    _, page = report_of(tmp_path, dataset)
    found = {image["alt"]: image["src"] for image in page.of("img")}
    for key in dataset.truths:
        for what, masks in (("Truth", dataset.truths), ("Prediction", dataset.answers)):
            data = base64.b64decode(found[f"{what} of {key}"].partition(",")[2])
            assert np.array_equal(decode_mask(data), masks[key])


def test_numbers_of_the_page_are_those_of_the_json(report):
    folder, evaluation, page = report
    data = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation_from_json(data) == evaluation
    scores = data["scores"]
    shown = [value for value, _ in page.values]
    assert shown[:4] == [
        scores["mean_iou"], scores["accuracy"], scores["mean_accuracy"],
        scores["frequency_weighted_iou"],
    ]  # fmt: skip
    total = scores["num_pixels"]
    rows = [(c["iou"], c["precision"], c["recall"], c["true_pixels"] / total)
            for c in data["classes"]]  # fmt: skip
    assert shown[4 : 4 + 16] == [value for row in rows for value in row]
    for value, text in page.values:
        assert text == f"{100 * value:.1f}\xa0%"


def test_bars_are_as_long_as_the_iou_and_have_the_colour_of_the_class(report):
    _, evaluation, page = report
    bars = [rect for rect in page.of("rect") if rect["class"] == "value"]
    assert [float(b["width"]) for b in bars] == pytest.approx([100 * v for v in evaluation.iou],
                                                              abs=1e-3)  # fmt: skip
    assert [b["fill"] for b in bars] == [f"rgb{c}" for c in evaluation.class_colors]


def test_heat_table_has_every_count_and_a_colour_by_share_of_the_row(report):
    _, evaluation, page = report
    cells = [c for c in page.of("td") if (c.get("class") or "").startswith("cell")]
    counts = [int(re.search(r": ([\d,]+) of", c["title"])[1].replace(",", "")) for c in cells]
    assert counts == evaluation.confusion.ravel().tolist()
    shares = [float(re.search(r"--heat\),([\d.]+)", c["style"])[1]) for c in cells]
    rows = evaluation.confusion / evaluation.confusion.sum(axis=1, keepdims=True)
    assert shares == pytest.approx(rows.ravel().tolist(), abs=6e-4)


def test_csv_holds_the_confusion_matrix(report):
    folder, evaluation, _ = report
    with (folder / "confusion.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head[1:]) == evaluation.class_names
    assert [[int(n) for n in row[1:]] for row in rows] == evaluation.confusion.tolist()
    assert tuple(row[0] for row in rows) == evaluation.class_names


def test_page_says_what_was_scored_when_and_with_what(report):
    folder, _, page = report
    for expected in ("street.keras on CamVid", "2026-03-04 05:06", "1,234", "8 images", "keras"):
        assert expected in page.text
    data = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert data["date"] == "2026-03-04T05:06:00+00:00"
    assert data["facts"]["Network"] == {"Parameters": "1,234"}
    assert data["facts"]["Software"]["numpy"] == np.__version__
    assert data["facts"]["Software"]["seggui"] == "9.8"


def test_training_curves_have_a_line_per_column_with_a_point_per_epoch(report):
    lines = report[2].of("polyline")
    assert len(lines) == 4
    assert all(len(line["points"].split()) == 9 for line in lines)
    assert sum("train" in line["class"].split() for line in lines) == 1


def test_an_exploded_loss_breaks_its_curve_and_sparse_scores_do_not(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss,mean_iou\n1,3,0.1\n2,2,\n3,nan,0.2\n4,2,\n5,1,0.3\n")
    _, page = report_of(tmp_path / "out", small_dataset(3), training_log=log)
    lines = [[float(p.split(",")[0]) for p in line["points"].split()]
             for line in page.of("polyline")]  # fmt: skip
    assert [len(line) for line in lines] == [2, 2, 3]


def test_names_are_text_and_never_markup(tmp_path):
    evil = '<script>alert("x")</script>&'
    dataset = small_dataset(3)
    first, *others = dataset.label_set.classes
    classes = (type(first)(0, evil, first.color), *others)
    dataset.label_set = type(dataset.label_set)("s", classes)
    dataset.truths = {evil + key: mask for key, mask in dataset.truths.items()}
    dataset.answers = {evil + key: mask for key, mask in dataset.answers.items()}
    _, page = report_of(tmp_path, dataset, title=evil, facts={evil: {evil: evil}})
    assert not page.of("script")
    assert page.text.count(evil) > 5


def test_large_images_are_made_smaller_without_mixing_classes(tmp_path):
    dataset = small_dataset(1, size=(40, 2000))
    _, page = report_of(tmp_path, dataset)
    sources = {image["alt"].partition(" ")[0]: image["src"] for image in page.of("img")}
    truth = decode_mask(base64.b64decode(sources["Truth"].partition(",")[2]))
    assert np.array_equal(truth, dataset.truths["a"][::3, ::3])


def test_many_classes_stay_readable_and_the_csv_has_all(tmp_path):
    num = MOST_CLASSES_IN_MATRIX + 5
    evaluation, page = report_of(tmp_path, small_dataset(2, num_classes=num, size=(60, 60)))
    cells = [c for c in page.of("td") if (c.get("class") or "").startswith("cell")]
    assert len(cells) == MOST_CLASSES_IN_MATRIX**2
    assert f"The {MOST_CLASSES_IN_MATRIX} classes with the most pixels are shown" in page.text
    assert len(confusion_csv(evaluation).splitlines()) == num + 1


def test_class_without_pixels_and_a_single_image_make_a_page(tmp_path):
    truth = np.zeros((4, 4), np.uint8)
    _, page = report_of(tmp_path, pairs((truth, truth), num_classes=3))
    assert "mean IoU over 1 of 3 classes" in page.text
    assert page.text.count("–") == 6  # IoU, precision and recall of two classes


def test_pictures_are_the_best_the_middle_and_the_worst():
    dataset = small_dataset(20)
    evaluation = evaluate_dataset(Answers(), dataset, dataset.items, is_cancelled=never)
    order = sorted(evaluation.images, key=lambda image: image.mean_iou)
    chosen = choose_pictures(evaluation, count=6)
    assert [role for role, _ in chosen] == ["best"] * 2 + ["typical"] * 2 + ["worst"] * 2
    ranks = [[image.key for image in order].index(key) for _, key in chosen]
    assert ranks == [19, 18, 10, 9, 1, 0]


@pytest.mark.parametrize("num_images", range(1, 8))
def test_every_picture_is_chosen_once_and_few_images_are_all_shown(num_images):
    dataset = small_dataset(num_images)
    evaluation = evaluate_dataset(Answers(), dataset, dataset.items, is_cancelled=never)
    keys = [key for _, key in choose_pictures(evaluation, count=6)]
    assert len(set(keys)) == len(keys) == min(6, num_images)


def test_difference_is_red_where_wrong_black_where_void_and_gray_elsewhere():
    gray = np.full((1, 3), 200, np.uint8)
    truth = np.array([[1, 1, VOID]], np.uint8)
    with Image.open(io.BytesIO(difference_png(gray, truth, np.uint8([[1, 2, 2]])))) as image:
        right, wrong, void = np.asarray(image.convert("RGB"))[0].tolist()
    assert len(set(right)) == 1
    assert (tuple(wrong), tuple(void)) == (WRONG_COLOR, VOID_COLOR)


def test_bad_training_log_leaves_the_old_report_as_it_is(tmp_path):
    report_of(tmp_path, small_dataset(2))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SegguiError, match="could not be read"):
        report_of(tmp_path, small_dataset(3), training_log=tmp_path / "none.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be written"):
        report_of(tmp_path / "file" / "report", small_dataset(1))


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6))
def test_ticks_enclose_the_values_and_are_few_and_even(low, span):
    high = low + span
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert len(set(found)) == len(found)


def test_importing_evaluation_and_report_imports_no_keras():
    code = (
        "import sys, model.evaluate_dataset, model.report, model.class_matching; "
        "print({'keras', 'tensorflow', 'PySide6', 'seggui'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
