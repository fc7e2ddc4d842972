"""Scores a model on a dataset: accuracy, mean IoU, IoU per class, confusion matrix.

All labelled pixels of all images go into one confusion matrix; void never counts. Classes of model
and dataset are matched by their index. Without --split the test images are scored, else those for
validation, else all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.class_matching import RenumberedPredictor, match_classes
from model.data.datasets.dataset import Dataset, DatasetItem
from model.data.datasets.opening import LAYOUTS, open_dataset
from model.data.label_sets import load_label_set
from model.engine.protocol import DeviceInfo, ModelInfo, ModelSettings
from model.errors import SegguiError
from model.evaluate_dataset import ImageEvaluated, evaluate_dataset
from model.evaluation_json import evaluation_to_json
from model.evaluation_result import Evaluation
from model.report import write_report
from model.report_pictures import ReportPicture, make_pictures
from seggui.cli import DONE, add_engine_argument
from seggui.commands.fine_tune import count
from seggui.commands.network import engine_with, percent, require_folder
from seggui.commands.progress_bar import ProgressBar, duration
from seggui.commands.train import names
from seggui.version import VERSION

SPLITS = ("test", "validation", "train", "all")
LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)
_NUM_PICTURES = 9


@dataclass(frozen=True)
class Selection:
    """The images that are scored.

    Attributes:
        split: one of `SPLITS`.
        items: those of the split and the groups, at most as many as asked for.
        num_available: how many there are of them.
        groups: drives or cities that were asked for; empty are all.
    """

    split: str
    items: tuple[DatasetItem, ...]
    num_available: int
    groups: tuple[str, ...] = ()

    def words(self) -> str:
        """What is scored, for people."""
        words = "all images" if self.split == "all" else f"split {self.split}"
        return f"{words} of {', '.join(self.groups)}" if self.groups else words

    def warnings(self) -> tuple[str, ...]:
        """A sentence when images for training are among those of all splits."""
        num_train = sum(item.split == "train" for item in self.items)
        if self.split != "all" or not num_train or self.groups:
            return ()
        return (
            f"{num_train} of these {len(self.items)} images are there to train on: a network that "
            "was trained on them scores better here than on anything new.",
        )


class MaskReader:
    """A dataset as `evaluate_dataset` wants it, which takes note of what masks hold besides.

    Attributes:
        name: of the dataset.
        label_set: its classes.
        unknown: values and colours without a meaning by image, each with its pixels.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.name = dataset.name
        self.label_set = dataset.label_set
        self.unknown: dict[str, Mapping[str, int]] = {}

    def read_image(self, item: DatasetItem) -> npt.NDArray[np.uint8]:
        """Reads (H, W, 3) uint8 RGB."""
        return self._dataset.read_image(item)

    def read_mask(self, item: DatasetItem) -> npt.NDArray[np.uint8]:
        """Reads (H, W) uint8 class indices, 255 = ignore."""
        decoded = self._dataset.decode_mask(item)
        if decoded.unknown:
            self.unknown[item.key] = decoded.unknown
        return decoded.mask

    def warnings(self) -> tuple[str, ...]:
        """A sentence when masks held values or colours that nobody explained."""
        total: Counter[str] = Counter()
        for found in self.unknown.values():
            total.update(found)
        if not total:
            return ()
        most = ", ".join(f"{value!r} ({pixels:,} pixels)" for value, pixels in total.most_common(5))
        return (
            f"Masks of {len(self.unknown)} images hold {len(total)} values without a class, which "
            f"were not counted: {most}.",
        )


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
    with engine_with(arguments.model, arguments.engine) as (engine, info):
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
                is_cancelled=_never, count=_NUM_PICTURES,
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


def select(
    dataset: Dataset, split: str | None, limit: int | None, groups: tuple[str, ...] = ()
) -> Selection:
    """Chooses the images to score.

    Args:
        dataset: gives them.
        split: one of `SPLITS`; None takes the first of test, validation and all that has images.
        limit: at most so many, spread evenly so that one street does not stand for all.
        groups: only items of these drives or cities; empty takes all.

    Raises:
        SegguiError: the dataset has no such images.
    """
    candidates = tuple(i for i in dataset.items if not groups or i.group in groups)
    if not candidates:
        existing = sorted({item.group for item in dataset.items})
        raise SegguiError(
            f"No image of {dataset.name} belongs to {', '.join(groups)}.",
            remedy=f"Choose among: {', '.join(existing[:20])}.",
        )
    found = Counter(item.split for item in candidates)
    chosen = split or next((name for name in SPLITS[:2] if found[name]), "all")  # type: ignore[index]
    items = tuple(item for item in candidates if chosen in ("all", item.split))
    if not items:
        known = ", ".join(f"{n} of {name or 'no split'}" for name, n in sorted(
            found.items(), key=str)) or "no images"  # fmt: skip
        raise SegguiError(
            f"{dataset.name} has no images of the split {chosen!r}; found: {known}.",
            remedy="Choose another with --split.",
        )
    return Selection(chosen, spread(items, limit), len(items), groups)


def spread(items: Sequence[DatasetItem], limit: int | None) -> tuple[DatasetItem, ...]:
    """At most ``limit`` items, evenly spread over all of them."""
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[(2 * i + 1) * len(items) // (2 * limit)] for i in range(limit))


def score(predictor: RenumberedPredictor, reader: MaskReader, selection: Selection) -> Evaluation:
    """Scores the images with a progress bar on a terminal."""
    with ProgressBar("Evaluating", len(selection.items)) as bar:

        def show(event: ImageEvaluated) -> None:
            so_far = f"mean IoU {percent(event.so_far.mean_iou)}"
            bar.show(event.number, detail=so_far)

        bar.show(0)
        return evaluate_dataset(
            predictor, reader, selection.items, is_cancelled=_never, on_image=show
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


def network_facts(info: ModelInfo, settings: ModelSettings, device: DeviceInfo) -> dict[str, str]:
    """What report and JSON say about the network."""
    height, width, channels = ("any" if side is None else str(side) for side in info.input_shape)
    facts = {
        "File": info.path,
        "SHA-256": info.sha256,
        "Parameters": f"{info.num_parameters:,}",
        "Input": f"{height} x {width} x {channels}",
        "Scaling": settings.scaling.value,
        "Images are": settings.fit.value,
        "Classes": str(info.num_classes),
        "Runs on": f"{device.name}, {device.backend}",
    }
    if settings.excluded_classes:
        names = [f"{i} ({settings.class_names[i]})" for i in settings.excluded_classes]
        facts["Never answered"] = ", ".join(names)
    return facts


def dataset_facts(dataset: Dataset, selection: Selection) -> dict[str, str]:
    """What report and JSON say about the dataset."""
    facts = {
        "Name": dataset.name,
        "Layout": dataset.layout,
        "Folder": str(dataset.folder),
        "Split": selection.split,
        "Images scored": f"{len(selection.items)} of {selection.num_available}",
        "Classes": f"{len(dataset.label_set)} ({dataset.label_set.name})",
    }
    if dataset.images_without_mask:
        facts["Images without a mask"] = str(len(dataset.images_without_mask))
    return facts


def _never() -> bool:
    return False
