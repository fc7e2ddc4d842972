"""Scores a model on a dataset: accuracy, mean IoU, IoU per class, confusion matrix.

All labelled pixels of all images go into one confusion matrix; void never counts. Classes of model
and dataset are matched by their index. Without --split the test images are scored, else those for
validation, else all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from model.class_matching import RenumberedPredictor, match_classes
from model.data.datasets.opening import LAYOUTS, open_dataset
from model.data.label_sets import load_label_set
from model.engine.protocol import never
from model.errors import SegguiError
from model.evaluate_dataset import ImageEvaluated, evaluate_dataset
from model.evaluation_json import evaluation_to_json
from model.evaluation_result import Evaluation
from model.evaluation_selection import (
    SPLITS,
    MaskReader,
    Selection,
    dataset_facts,
    network_facts,
    select,
)
from model.report import write_report
from model.report_pictures import ReportPicture, make_pictures
from seggui.cli import DONE, add_engine_argument
from seggui.commands.fine_tune import count
from seggui.commands.network import (
    add_model_arguments,
    engine_with,
    model_files,
    percent,
    require_folder,
)
from seggui.commands.progress_bar import ProgressBar, duration
from seggui.commands.train import names
from seggui.version import VERSION

LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)
_NUM_PICTURES = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .keras or .h5 file")
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="folder with images and masks"
    )
    parser.add_argument("--split", choices=SPLITS, help="which images (default: see above)")
    parser.add_argument(
        "--groups", type=names, default=(), metavar="A,B", help="only these drives or cities"
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only N images, spread evenly")
    parser.add_argument(
        "--layout", choices=LAYOUT_NAMES, metavar="NAME",
        help=f"of the dataset, where it is not found by itself: {', '.join(LAYOUT_NAMES)}",
    )  # fmt: skip
    parser.add_argument("--labels", type=Path, metavar="FILE", help="label set of the dataset")
    parser.add_argument(
        "--drop-class", type=int, action="append", default=[], metavar="N",
        help="class of the model that it must not answer, e.g. a void that was trained as a class",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write an HTML page with pictures and curves"
    )
    parser.add_argument(
        "--training-log", type=Path, metavar="FILE",
        help="CSV log for the curves of the report (default: what train left beside the model)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_model_arguments(parser)
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    require_folder(arguments.dataset, "a dataset")
    log = training_log_of(arguments)
    labels = None if arguments.labels is None else load_label_set(arguments.labels)
    dataset = open_dataset(arguments.dataset, layout=arguments.layout, label_set=labels)
    selection = select(dataset, arguments.split, arguments.limit, arguments.groups)
    about_images = (*dataset.notes, *selection.warnings())
    warn(about_images)
    with engine_with(arguments.model, arguments.engine, **model_files(arguments)) as (engine, info):
        match = match_classes(info, dataset.label_set, excluded=arguments.drop_class)
        warn(match.warnings)
        if match.settings != info.settings:
            engine.load(info.path, match.settings)
        reader, predictor = MaskReader(dataset), RenumberedPredictor(engine, match.kept)
        evaluation = score(predictor, reader, selection)
        pictures: tuple[ReportPicture, ...] = ()
        if arguments.report is not None:
            pictures = make_pictures(
                predictor, dataset, selection.items, evaluation,
                is_cancelled=never, count=_NUM_PICTURES,
            )  # fmt: skip
        device = engine.device()
    warn(reader.warnings())
    warnings = (*about_images, *match.warnings, *reader.warnings())
    facts = {
        "Network": network_facts(info, match.settings, device),
        "Dataset": dataset_facts(dataset, selection),
        **({"Warnings": {str(i): text for i, text in enumerate(warnings, 1)}} if warnings else {}),
        "Software": {"seggui": VERSION},
    }
    page = None
    if arguments.report is not None:
        page = write_report(
            arguments.report, evaluation, pictures, training_log=log, facts=facts,
            title=f"{Path(info.path).name} on {dataset.name}, {selection.words()}",
        )  # fmt: skip
    if arguments.json:
        report = None if page is None else str(page)
        data = {**evaluation_to_json(evaluation), "facts": facts, "report": report}
        print(json.dumps(data, indent=2, allow_nan=False))
    else:
        print("\n".join(result_lines(evaluation, selection, page)))
    return DONE


def warn(sentences: Sequence[str]) -> None:
    """Prints what the user should know beside the scores."""
    for sentence in sentences:
        print(f"seggui: {sentence}", file=sys.stderr)


def training_log_of(arguments: argparse.Namespace) -> Path | None:
    """The log that the report draws: the one that was named, else the one beside the model."""
    named: Path | None = arguments.training_log
    if named is not None and not named.is_file():
        raise SegguiError(f"{named} is no file; the CSV log of a training was expected.")
    model: Path = arguments.model
    beside = model.with_name(f"{model.stem}.training") / "log.csv"
    return named or (beside if beside.is_file() else None)


def score(predictor: RenumberedPredictor, reader: MaskReader, selection: Selection) -> Evaluation:
    """Scores the images with a progress bar on a terminal."""
    with ProgressBar("Evaluating", len(selection.items)) as bar:

        def show(event: ImageEvaluated) -> None:
            so_far = f"mean IoU {percent(event.so_far.mean_iou)}"
            bar.show(event.number, detail=so_far)

        bar.show(0)
        return evaluate_dataset(
            predictor, reader, selection.items, is_cancelled=never, on_image=show
        )


def result_lines(evaluation: Evaluation, selection: Selection, page: Path | None) -> list[str]:
    """The scores for people."""
    scored = evaluation.num_scored_classes
    width = max(len("frequency-weighted IoU"), *(len(name) for name in evaluation.class_names))
    of = f" of {selection.num_available}" if len(selection.items) < selection.num_available else ""
    lines = [
        f"{evaluation.dataset_name}, {selection.words()}: {len(selection.items)}{of} images, "
        f"{evaluation.total_pixels:,} labelled pixels",
        "",
        f"{f'mean IoU ({scored} classes)':<{width}} {percent(evaluation.mean_iou):>8}",
        f"{'accuracy':<{width}} {percent(evaluation.accuracy):>8}",
        f"{'mean accuracy':<{width}} {percent(evaluation.mean_accuracy):>8}",
        f"{'frequency-weighted IoU':<{width}} {percent(evaluation.frequency_weighted_iou):>8}",
        "",
        f"{'class':<{width}} {'IoU':>8} {'precision':>10} {'recall':>8} {'pixels':>14}",
    ]
    columns = zip(
        evaluation.class_names, evaluation.iou, evaluation.precision, evaluation.recall,
        evaluation.true_pixels, strict=True,
    )  # fmt: skip
    lines += [
        f"{name:<{width}} {percent(iou):>8} {percent(precision):>10} {percent(recall):>8} "
        f"{pixels:>14,}"
        for name, iou, precision, recall, pixels in columns
    ]
    total = sum(image.seconds for image in evaluation.images)
    lines.append("")
    lines.append(
        f"{1000 * evaluation.seconds_per_image:,.0f} ms per image in the network, "
        f"{duration(total)} in all"
    )
    return lines if page is None else [*lines, f"The report is in {page}"]
