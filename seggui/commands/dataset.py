"""Says what a dataset is: images, sizes, classes with their shares, and what is wrong with it.

The layout is found out by itself: CamVid, Cityscapes, a project, or images with masks of the same
name. Nothing is written.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from model.data.datasets.opening import LAYOUTS, open_dataset
from model.data.datasets.survey import survey_dataset
from model.data.datasets.survey_report import survey_table, to_json
from model.data.label_sets import load_label_set
from seggui.cli import DONE
from seggui.commands.progress_bar import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the dataset")
    add_dataset_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--layout`` and ``--labels``, which all commands share that open a dataset."""
    parser.add_argument(
        "--layout",
        choices=tuple(layout.name for layout in LAYOUTS),
        metavar="NAME",
        help="; ".join(f"{layout.name}: {layout.title}" for layout in LAYOUTS),
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="read the masks as the classes of this label set (JSON)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    label_set = load_label_set(arguments.labels) if arguments.labels else None
    dataset = open_dataset(arguments.folder, layout=arguments.layout, label_set=label_set)
    with ProgressBar("Looking at masks", len(dataset.items)) as bar:
        survey = survey_dataset(dataset, on_progress=lambda done, _: bar.show(done))
    print(json.dumps(to_json(survey), indent=2) if arguments.json else survey_table(survey))
    return DONE
