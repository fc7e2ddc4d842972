"""An evaluation as one HTML page that needs nothing else, with its numbers beside it. No Keras.

The page has no script and names no other file; its policy forbids browsers to load any.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from model.data.atomic import write_atomic
from model.data.label_sets import IGNORE, LabelClass, LabelSet
from model.data.masks import ignore_color
from model.data.resources import resource_path
from model.evaluation_json import evaluation_to_json
from model.evaluation_result import Evaluation, worst_images
from model.report_charts import (
    bar,
    confusion_table,
    percent,
    shown_classes,
    swatch,
    training_charts,
)
from model.report_pictures import VOID_COLOR, WRONG_COLOR, ReportPicture, panes
from model.training_log import TrainingLog, read_training_log

REPORT_FILE = "report.html"
JSON_FILE = "evaluation.json"
CSV_FILE = "confusion.csv"

Facts = Mapping[str, Mapping[str, str]]
"""Heading -> name -> value, e.g. ``{"Network": {"File": "street.keras"}}``."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_NUM_WORST = 12
_NUM_CONFUSIONS = 8
_PACKAGES = ("keras", "tensorflow", "torch", "jax", "numpy", "pillow")


def write_report(
    folder: Path,
    evaluation: Evaluation,
    pictures: Sequence[ReportPicture] = (),
    *,
    training_log: Path | None = None,
    title: str = "Evaluation",
    facts: Facts | None = None,
    when: datetime | None = None,
) -> Path:
    """Writes ``report.html``, ``evaluation.json`` and ``confusion.csv``; old ones are replaced.

    Each file is complete or not there at all; the page comes last.

    Args:
        folder: made when it is missing.
        evaluation: the scores.
        pictures: shown in this order.
        training_log: the CSV log of the training; None leaves the curves out.
        title: of the page.
        facts: about network and dataset, for the page and the JSON file.
        when: date of the page; now when None.

    Returns:
        The path of the page.

    Raises:
        SegguiError: the training log is no such log.
        StorageError: the folder cannot be written.
    """
    log = None if training_log is None else read_training_log(training_log)
    moment = when or datetime.now().astimezone()
    given = dict(facts or {})
    about = {**given, "Software": {**given.get("Software", {}), **software_facts()}}
    data = {
        **evaluation_to_json(evaluation),
        "title": title,
        "date": moment.isoformat(timespec="seconds"),
        "facts": {heading: dict(rows) for heading, rows in about.items()},
    }
    page = _page(evaluation, pictures, log, title=title, facts=about, when=moment)
    write_atomic(folder / CSV_FILE, confusion_csv(evaluation).encode())
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
    write_atomic(folder / JSON_FILE, (text + "\n").encode())
    write_atomic(folder / REPORT_FILE, page.encode())
    return folder / REPORT_FILE


def confusion_csv(evaluation: Evaluation) -> str:
    """The confusion matrix as text: pixels, a row per true class, a column per predicted one."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["truth \\ prediction", *evaluation.class_names])
    for name, row in zip(evaluation.class_names, evaluation.confusion.tolist(), strict=True):
        writer.writerow([name, *row])
    return buffer.getvalue()


def software_facts() -> dict[str, str]:
    """Versions of what calculates, as installed; nothing is imported for it."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "System": platform.platform(terse=True)}


def label_set_of_evaluation(evaluation: Evaluation) -> LabelSet:
    """The classes that were scored, as a label set."""
    columns = zip(evaluation.class_names, evaluation.class_colors, strict=True)
    classes = tuple(LabelClass(i, name, color) for i, (name, color) in enumerate(columns))
    return LabelSet(evaluation.dataset_name, classes)


def _page(
    evaluation: Evaluation,
    pictures: Sequence[ReportPicture],
    log: TrainingLog | None,
    *,
    title: str,
    facts: Facts,
    when: datetime,
) -> str:
    style = resource_path("report", "report.css").read_text(encoding="utf-8")
    date = when.strftime("%Y-%m-%d %H:%M %Z").strip()
    body = "\n".join(
        [
            f"<header><h1>{escape(title)}</h1><p>{escape(evaluation.dataset_name)} &middot; "
            f"{len(evaluation.images):,} images &middot; {evaluation.total_pixels:,} labelled "
            f"pixels &middot; {escape(date)}</p></header>",
            _headline(evaluation),
            _classes(evaluation),
            _confusion(evaluation),
            _pictures(evaluation, pictures),
            _worst(evaluation),
            _curves(log),
            _facts(facts),
            _protocol(),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _headline(evaluation: Evaluation) -> str:
    scored, num = evaluation.num_scored_classes, evaluation.num_classes
    classes = f"{num} classes" if scored == num else f"{scored} of {num} classes"
    milliseconds = 1000 * evaluation.seconds_per_image
    cards = [
        (" first", percent(evaluation.mean_iou), f"mean IoU over {classes}"),
        (" first", percent(evaluation.accuracy), "accuracy: pixels right"),
        ("", percent(evaluation.mean_accuracy), "mean accuracy of the classes"),
        ("", percent(evaluation.frequency_weighted_iou), "frequency-weighted IoU"),
        ("", f"{milliseconds:,.0f}&nbsp;ms", "per image in the network"),
    ]
    inner = "".join(
        f'<div class="card{kind}"><b>{value}</b><span>{what}</span></div>'
        for kind, value, what in cards
    )
    return f'<section id="scores"><div class="cards">{inner}</div></section>'


def _classes(evaluation: Evaluation) -> str:
    total = evaluation.total_pixels or 1
    columns = zip(
        evaluation.class_names, evaluation.class_colors, evaluation.iou, evaluation.precision,
        evaluation.recall, evaluation.true_pixels, strict=True,
    )  # fmt: skip
    rows = "".join(
        f'<tr><th scope="row">{swatch(color)}{escape(name)}</th>'
        f'<td class="bar">{bar(iou, color)}</td><td class="number">{percent(iou)}</td>'
        f'<td class="number optional">{percent(precision)}</td>'
        f'<td class="number optional">{percent(recall)}</td>'
        f'<td class="number optional" title="{pixels:,} pixels">{percent(pixels / total)}</td></tr>'
        for name, color, iou, precision, recall, pixels in columns
    )
    return (
        '<section id="classes"><h2>Classes</h2>'
        '<table><thead><tr><th>Class</th><th class="bar">IoU</th><th class="number">IoU</th>'
        '<th class="number optional">Precision</th><th class="number optional">Recall</th>'
        '<th class="number optional">Share of pixels</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _confusion(evaluation: Evaluation) -> str:
    shown = len(shown_classes(evaluation))
    left_out = (
        f" The {shown} classes with the most pixels are shown; {CSV_FILE} has all."
        if shown < evaluation.num_classes
        else ""
    )
    return (
        '<section id="confusion"><h2>Confusion matrix</h2>'
        '<p class="note">Each row is a true class; the numbers say what percentage of its pixels '
        f"was given each class. Counts appear when a cell is pointed at.{left_out}</p>"
        f"{confusion_table(evaluation)}{_confusions(evaluation)}</section>"
    )


def _confusions(evaluation: Evaluation) -> str:
    """The most frequent mistakes in words."""
    wrong = evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_NUM_CONFUSIONS]
    pairs = [divmod(int(k), evaluation.num_classes) for k in order if wrong.flat[k]]
    if not pairs:
        return ""
    names, all_wrong = evaluation.class_names, int(wrong.sum())
    rows = "".join(
        f"<tr><td>{swatch(evaluation.class_colors[i])}{escape(names[i])}</td>"
        f"<td>{swatch(evaluation.class_colors[j])}{escape(names[j])}</td>"
        f'<td class="number">{int(wrong[i, j]):,}</td>'
        f'<td class="number">{percent(int(wrong[i, j]) / all_wrong)}</td></tr>'
        for i, j in pairs
    )
    return (
        '<h3 style="margin-top:20px">Most frequent mistakes</h3><div class="scroll"><table>'
        '<thead><tr><th>Truth</th><th>Predicted as</th><th class="number">Pixels</th>'
        f'<th class="number">Share of all mistakes</th></tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _pictures(evaluation: Evaluation, pictures: Sequence[ReportPicture]) -> str:
    if not pictures:
        return ""
    label_set = label_set_of_evaluation(evaluation)
    figures = "".join(_figure(picture, label_set) for picture in pictures)
    seen = {int(i) for p in pictures for a in (p.truth, p.predicted) for i in np.unique(a)}
    legend = "".join(f"<span>{swatch(c.color)}{escape(c.name)}</span>"
                     for c in label_set.classes if c.index in seen)  # fmt: skip
    if IGNORE in seen:
        legend += f"<span>{swatch(ignore_color(label_set))}void in the truth</span>"
    return (
        '<section id="pictures"><h2>Images</h2><p class="note">Chosen by their mean IoU: the best, '
        "the middle and the worst. In the difference, "
        f"{swatch(WRONG_COLOR)}wrong pixels are red and {swatch(VOID_COLOR)}void, which never "
        f'counts, is almost black.</p><div class="legend">{legend}</div>{figures}</section>'
    )


def _figure(picture: ReportPicture, label_set: LabelSet) -> str:
    score, key = picture.score, escape(picture.score.key)
    images = "".join(
        f'<div><img src="{uri}" alt="{name} of {key}">{name}</div>'
        for name, uri in panes(picture, label_set)
    )
    return (
        f'<figure class="picture"><figcaption><span class="role">{picture.role}</span>{key} '
        f"&middot; mean IoU {percent(score.mean_iou)} &middot; accuracy "
        f'{percent(score.accuracy)}</figcaption><div class="panes">{images}</div></figure>'
    )


def _worst(evaluation: Evaluation) -> str:
    worst = worst_images(evaluation, count=_NUM_WORST)
    if len(worst) < 2:
        return ""
    rows = "".join(
        f'<tr><td>{escape(score.key)}</td><td class="number">{percent(score.mean_iou)}</td>'
        f'<td class="number">{percent(score.accuracy)}</td>'
        f"<td>{_costliest(evaluation, score.wrong_pixels)}</td></tr>"
        for score in worst
    )
    return (
        '<section id="worst"><h2>Worst images</h2><div class="scroll"><table><thead><tr>'
        '<th>Image</th><th class="number">Mean IoU</th><th class="number">Accuracy</th>'
        f"<th>Most wrong pixels</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _costliest(evaluation: Evaluation, wrong_pixels: tuple[int, ...]) -> str:
    order = sorted(range(len(wrong_pixels)), key=lambda i: -wrong_pixels[i])[:3]
    return ", ".join(escape(evaluation.class_names[i]) for i in order if wrong_pixels[i])


def _curves(log: TrainingLog | None) -> str:
    if log is None:
        return ""
    last = max(log.positions)
    return (
        f'<section id="training"><h2>Training</h2><p class="note">{len(log.positions)} rows of the '
        f"training log, up to {escape(log.position_name)} {last:g}.</p>"
        f'<div class="charts">{training_charts(log)}</div></section>'
    )


def _facts(facts: Facts) -> str:
    tables = "".join(
        f"<div><h3>{escape(heading)}</h3><table><tbody>{_fact_rows(rows)}</tbody></table></div>"
        for heading, rows in facts.items()
    )
    return f'<section id="facts"><h2>Facts</h2><div class="facts">{tables}</div></section>'


def _fact_rows(rows: Mapping[str, str]) -> str:
    return "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows.items()
    )


def _protocol() -> str:
    return (
        '<section id="protocol"><h2>How it was counted</h2><p class="note">One confusion matrix '
        "over all pixels of all images, at the size of the images; pixels without a true class "
        "(void) count nowhere. IoU = TP / (TP + FP + FN) per class. The mean goes over all classes "
        "that occur in truth or prediction; a class that is never right counts as 0. The accuracy "
        "is the share of right pixels; the mean accuracy the mean of recall. No test-time "
        'augmentation.</p><p class="note">The mean IoU of one image is the mean over the classes '
        "that the truth of that image has; the mean over images of it is not the mean IoU "
        f"above.</p></section><footer>{JSON_FILE} beside this page has every number in full, "
        f"{CSV_FILE} the confusion matrix.</footer>"
    )
