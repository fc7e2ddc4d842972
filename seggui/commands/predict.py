"""Writes a mask for every image, with a model.

Without --format, masks are 8-bit PNG files with the class index of each pixel and a palette of the
classes' colours. The names of the classes are written beside them.
Folders are searched with their subfolders. One broken image does not stop the others.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from model.data.atomic import write_atomic
from model.data.images import read_image
from model.data.label_sets import LabelSet, save_label_set
from model.engine.classes import label_set_of
from model.engine.pipeline import ImageJob, ImageOutcome, predict_images
from model.engine.protocol import Engine, Prediction
from model.errors import SegguiError
from model.formats.mask_format import MaskFormat
from model.formats.table import DEFAULT_FORMAT, FORMATS
from seggui.cli import DONE, FAILED, add_engine_argument
from seggui.commands.network import add_model_arguments, engine_with, model_files
from seggui.commands.progress_bar import ProgressBar
from seggui.core.names import mask_names
from seggui.core.scan import scan_images

LABEL_SET_FILE = "label_set.json"


@dataclass(frozen=True)
class Totals:
    """What a run came to.

    Attributes:
        num_written: masks on disk.
        failures: image path and why it has no mask.
        seconds: wall clock without opening the model.
        network_seconds: time inside the network.
    """

    num_written: int
    failures: tuple[tuple[str, str], ...]
    seconds: float
    network_seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .keras or .h5 file")
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="image files, or folders of them"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="for masks")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default=DEFAULT_FORMAT,
        metavar="NAME",
        help=f"of the masks: {', '.join(FORMATS)} (default {DEFAULT_FORMAT})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_model_arguments(parser)
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    chosen = FORMATS[arguments.format]
    jobs = plan_jobs(arguments.images, arguments.output, suffix=chosen.suffix)
    with engine_with(arguments.model, arguments.engine, **model_files(arguments)) as (engine, info):
        label_set = label_set_of(info)
        save_label_set(arguments.output / LABEL_SET_FILE, label_set)
        totals = predict_all(engine, jobs, label_set, chosen)
    if arguments.json:
        print(json.dumps(_as_json(totals, arguments.output), indent=2))
    else:
        print(f"Wrote {totals.num_written} masks to {arguments.output} in {totals.seconds:.1f} s.")
    if totals.failures:
        print(_failure_line(totals, len(jobs)), file=sys.stderr)
    return FAILED if totals.failures else DONE


def plan_jobs(sources: list[Path], output: Path, *, suffix: str = ".png") -> list[ImageJob]:
    """Finds the images and names their masks; nothing is read or written.

    The images of one folder keep their subfolders. Several sources are told apart by the names of
    their folders where they have to be.

    Raises:
        SegguiError: a source is missing or holds no image, two masks would have one name, or a
            mask would overwrite one of the images.
    """
    images: dict[str, Path] = {}
    for source in sources:
        prefix = f"{source.resolve().name}/" if len(sources) > 1 else ""
        for key, path in _images_of(source, prefix).items():
            if images.setdefault(key, path) != path:
                raise SegguiError(
                    f"{images[key]} and {path} would have the same mask {key}.",
                    remedy="Predict them into two folders.",
                )
    originals = {path.resolve() for path in images.values()}
    jobs = [
        ImageJob(images[key], output.joinpath(*(name.removesuffix(".png") + suffix).split("/")))
        for key, name in mask_names(images).items()
    ]
    for job in jobs:
        if job.output_path.resolve() in originals:
            raise SegguiError(
                f"The mask of {job.image_path} would overwrite the image {job.output_path}.",
                remedy="Choose another folder with -o.",
            )
    return jobs


def predict_all(
    engine: Engine, jobs: list[ImageJob], label_set: LabelSet, chosen: MaskFormat
) -> Totals:
    """Predicts and writes all masks, with a progress bar on a terminal.

    Raises:
        StorageError: the disk is full, or the output folder cannot be written.
        EngineDiedError: the engine cannot be kept alive.
    """

    def write(job: ImageJob, prediction: Prediction) -> None:
        # Decoded a second time where an overlay needs it: keeping all images would cost memory.
        image = read_image(job.image_path).pixels if chosen.needs_image else None
        write_atomic(job.output_path, chosen.encode(prediction.classes, image, label_set))

    start = time.monotonic()
    outcomes: list[ImageOutcome] = []
    with (
        ProgressBar("Predicting", len(jobs)) as bar,
        contextlib.closing(predict_images(engine, jobs, write)) as running,
    ):
        bar.show(0)
        for outcome in running:
            outcomes.append(outcome)
            bar.show(len(outcomes), detail=outcome.job.image_path.name)
    failures = tuple((str(o.job.image_path), str(o.error)) for o in outcomes if o.error)
    return Totals(
        num_written=len(outcomes) - len(failures),
        failures=failures,
        seconds=time.monotonic() - start,
        network_seconds=sum(outcome.seconds for outcome in outcomes),
    )


def _images_of(source: Path, prefix: str) -> dict[str, Path]:
    """The images of one argument of the command line: key -> file."""
    if source.is_file():
        return {source.name: source}
    if not source.is_dir():
        raise SegguiError(f"{source} does not exist; an image or a folder was expected.")
    keys = scan_images(source)
    if not keys:
        raise SegguiError(f"The folder {source} holds no images (JPEG, PNG, TIFF, BMP, WebP).")
    return {prefix + key: source.joinpath(*key.split("/")) for key in keys}


def _failure_line(totals: Totals, num_images: int) -> str:
    first = totals.failures[0][1]
    others = "" if len(totals.failures) == 1 else f" (the first of {len(totals.failures)})"
    return f"seggui: {len(totals.failures)} of {num_images} images have no mask: {first}{others}"


def _as_json(totals: Totals, output: Path) -> dict[str, object]:
    return {
        "output": str(output),
        "num_written": totals.num_written,
        "failures": [{"image": image, "reason": reason} for image, reason in totals.failures],
        "seconds": totals.seconds,
        "network_seconds": totals.network_seconds,
    }
