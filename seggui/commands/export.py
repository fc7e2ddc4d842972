"""Writes the masks of a project in another format.

Each file is read back and compared with the mask before it counts as written.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from model.data.label_sets import LabelSet, load_label_set, save_label_set
from model.errors import SegguiError
from model.exporting import ExportItem, ExportReport, export_masks
from model.formats.table import DEFAULT_FORMAT, FORMATS
from seggui.cli import DONE, FAILED
from seggui.commands.predict import LABEL_SET_FILE
from seggui.commands.progress_bar import ProgressBar
from seggui.commands.projects import add_project_argument, opened_project
from seggui.core.names import mask_names
from seggui.core.project import Project
from seggui.core.records import ImageStatus

ONLY = {
    "reviewed": frozenset({ImageStatus.REVIEWED}),
    "corrected": frozenset({ImageStatus.REVIEWED, ImageStatus.CORRECTED}),
    "all": frozenset(ImageStatus),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the images of the project")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default=DEFAULT_FORMAT,
        metavar="NAME",
        help="; ".join(f"{each.name}: {each.description}" for each in FORMATS.values()),
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="for masks")
    parser.add_argument(
        "--only",
        choices=tuple(ONLY),
        default="all",
        help="which images: reviewed, corrected (reviewed ones too), or all that have a mask",
    )
    parser.add_argument(
        "--label-set",
        type=Path,
        metavar="FILE",
        help="the classes, as JSON, for a project that was never opened in the window",
    )
    add_project_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    with opened_project(arguments.folder, arguments.project) as project:
        label_set = load_label_set(arguments.label_set) if arguments.label_set else None
        report = export_project(
            project,
            arguments.output,
            arguments.format,
            statuses=ONLY[arguments.only],
            label_set=label_set,
        )
    if arguments.json:
        print(json.dumps(_as_json(report), indent=2))
    else:
        print(f"Wrote {report.num_written} masks to {report.output_dir}, each read back.")
    for failure in report.failures:
        print(f"seggui: {failure.key} was not exported: {failure.reason}", file=sys.stderr)
    return FAILED if report.failures else DONE


def export_project(
    project: Project,
    output: Path,
    format_name: str,
    *,
    statuses: frozenset[ImageStatus] = ONLY["all"],
    label_set: LabelSet | None = None,
) -> ExportReport:
    """Exports the masks of all images with one of ``statuses``, and the label set.

    Args:
        project: its PNGs are up to date.
        output: where to.
        format_name: a key of ``FORMATS``.
        statuses: how far an image has to be.
        label_set: classes and colours; None takes those of the project.

    Raises:
        SegguiError: the project has no classes, or no such image.
        StorageError: the folder cannot be written or is one of the project's own.
    """
    records = project.records()
    keys = [key for key, record in records.items() if record.status in statuses]
    items = [
        ExportItem(key, project.folder / key, project.mask_path(key), name)
        for key, name in mask_names(project.keys).items()
        if key in set(keys) and project.mask_path(key).is_file()
    ]
    label_set = label_set or project.label_set
    if label_set is None:
        raise SegguiError(
            f"The project {project.folder} does not know its classes yet.",
            remedy="Open the folder in the window first, or name them with --label-set.",
        )
    if not items:
        raise SegguiError(
            f"The project {project.folder} has no mask that fits: {len(project.keys)} images, "
            f"{len(records)} with something painted or predicted.",
            remedy="Predict or paint first, or choose more with --only all.",
        )
    with ProgressBar("Exporting", len(items)) as bar:
        report = export_masks(
            items,
            output,
            format_name,
            label_set,
            protected_dirs=(project.home / "masks",),
            on_progress=lambda done, _, key: bar.show(done, detail=key),
        )
    save_label_set(output / LABEL_SET_FILE, label_set)
    return report


def _as_json(report: ExportReport) -> dict[str, object]:
    return {
        "output": str(report.output_dir),
        "num_written": report.num_written,
        "num_skipped": report.num_skipped,
        "failures": [{"image": each.key, "reason": each.reason} for each in report.failures],
    }
