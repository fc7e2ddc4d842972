"""Trains a network from scratch on a dataset.

The recipe "default" is a compact colour U-Net for laptops, "plain" a U-Net as in the paper that
is trained like it, "seed" repeats the seed project's run.
Ctrl-C ends the training and keeps the best network so far; a second Ctrl-C keeps only the state
of the last epoch, and --resume goes on from there, with all options as they were then unless they
are given again. Beside MODEL.keras there is a folder MODEL.training with the log, one line per
epoch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from model.data.label_sets import load_label_set
from model.engine.protocol import TrainingDone
from model.errors import SegguiError
from model.recipes import DEFAULT, RECIPES, Recipe, without_effect
from model.scratch_resume import has_request, interrupted_request
from model.scratch_state import ScratchRequest, TrainingFolder
from seggui.cli import DONE, STOPPED, add_engine_argument
from seggui.commands.fine_tune import count, rate, share, train
from seggui.commands.network import percent, scores_as_json
from seggui.commands.progress_bar import duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="folder with images and masks"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL.keras", help="the new network"
    )
    parser.add_argument("--recipe", choices=tuple(RECIPES), help=f"(default: {DEFAULT.name})")
    for flag, kind, what in (
        ("--epochs", count, "times through all images, at most"),
        ("--batch-size", count, "images or crops per step"),
        ("--learning-rate", rate, "peak rate"),
        ("--patience", int, "epochs without progress until it stops, 0 never"),
        ("--validation-share", share, "of the images, held out"),
        ("--seed", int, "of split, weights and crops"),
    ):
        parser.add_argument(flag, type=kind, metavar="N", help=f"{what} (default: the recipe's)")
    parser.add_argument(
        "--crop", type=count, nargs=2, metavar=("H", "W"), help="size of crops in pixels"
    )
    parser.add_argument(
        "--widths", type=_whole_numbers, metavar="A,B,..", help="channels of each scale"
    )
    parser.add_argument(
        "--blocks", type=_whole_numbers, metavar="A,B,..", help="residual blocks of each scale"
    )
    parser.add_argument("--normalization", choices=("batch", "group", "none"))
    parser.add_argument("--upsampling", choices=("bilinear", "nearest", "transposed"))
    parser.add_argument("--decoder", choices=("plain", "residual"))
    parser.add_argument("--dropout", type=share, metavar="N", help="at the coarsest scale")
    parser.add_argument("--gray", action="store_const", const=1, dest="channels", help="gray input")
    parser.add_argument(
        "--precision", choices=("auto", "float32"),
        help="auto multiplies in bfloat16 where the processor has instructions for it",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, metavar="N", help="end then, schedule included")
    parser.add_argument("--groups", type=names, metavar="A,B", help="only these drives or cities")
    parser.add_argument("--layout", metavar="NAME", help="of the dataset; found by itself")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="label set of the dataset")
    parser.add_argument(
        "--hold-out", choices=("own", "share", "nothing"), dest="holds_out",
        help="what the dataset itself holds out (default), a share of its training images, nothing",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    request = request_from(arguments)
    _, done, was_stopped = train(request, arguments.engine, is_quiet=arguments.json)
    if arguments.json:
        print(json.dumps(_as_json(done), indent=2))
    else:
        print("\n".join(result_lines(done, request)))
    return STOPPED if was_stopped else DONE


def request_from(arguments: argparse.Namespace) -> ScratchRequest:
    """What is asked for; where a run is resumed, what was asked for then, but for what is new.

    Raises:
        SegguiError: a value that cannot be, an output that cannot be written to, or an interrupted
            run that cannot be gone on with.
    """
    output = _checked_output(arguments)
    began = interrupted_request(output) if arguments.resume and has_request(output) else None
    if began is None or arguments.recipe not in (None, began.recipe.name):
        recipe = RECIPES[arguments.recipe or DEFAULT.name]
    else:
        recipe = began.recipe
    changes = {
        "layout": arguments.layout, "groups": arguments.groups, "holds_out": arguments.holds_out,
        "minutes": arguments.minutes,
        "label_set": load_label_set(arguments.labels) if arguments.labels else None,
    }  # fmt: skip
    return dataclasses.replace(
        began or ScratchRequest(str(arguments.dataset), str(output), recipe),
        dataset_path=str(arguments.dataset), recipe=_changed(recipe, arguments),
        resumes=arguments.resume,
        **{name: value for name, value in changes.items() if value is not None},
    )  # fmt: skip


def _changed(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe with what the command line changes.

    Raises:
        SegguiError: a value that cannot be.
    """
    names = (
        "epochs", "batch_size", "learning_rate", "patience", "validation_share", "seed", "widths",
        "blocks", "normalization", "upsampling", "decoder", "dropout", "channels",
        "precision",
    )  # fmt: skip
    changes = {name: getattr(arguments, name) for name in names}
    changes["crop_size"] = tuple(arguments.crop) if arguments.crop else None
    given = {name: value for name, value in changes.items() if value is not None}
    useless = [name for name in without_effect(recipe) if name in given]
    if useless:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        raise SegguiError(
            f"{options} has no effect on the network of the recipe {recipe.name}.",
            remedy="Leave it out, or choose another recipe.",
        )
    try:
        return dataclasses.replace(recipe, **given)
    except ValueError as error:
        raise SegguiError(f"{error}.") from error


def result_lines(done: TrainingDone, request: ScratchRequest) -> list[str]:
    """How it went, in sentences."""
    folder = TrainingFolder(Path(done.output_path))
    lines = list(done.notes)
    if sum(done.after.num_pixels):
        lines.append(
            f"On held-out images: mean IoU {percent(done.after.mean_iou)}, "
            f"pixels right {percent(done.after.accuracy)}."
        )
    lines.append(
        f"{done.output_path}, of step {done.best_step} of {done.num_steps_run} "
        f"({duration(done.seconds)}); log in {folder.log_path}"
    )
    if folder.has_state:
        lines.append("--resume goes on with this run.")
    return lines


def _checked_output(arguments: argparse.Namespace) -> Path:
    output: Path = arguments.output
    if output.suffix != ".keras":
        raise SegguiError(f"{output} does not end in .keras; that is what is written.")
    if TrainingFolder(output).has_state and not arguments.resume:
        raise SegguiError(
            f"An interrupted training of {output.name} is in {TrainingFolder(output).path}.",
            remedy="Go on with it with --resume, or remove that folder to start anew.",
        )
    return output.absolute()


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} was given; whole numbers such as 16,32,64 were expected"
        ) from error


def names(text: str) -> tuple[str, ...]:
    """Reads names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _as_json(done: TrainingDone) -> dict[str, object]:
    return {
        "output": done.output_path,
        "scores": scores_as_json(done.after),
        "best_step": done.best_step,
        "num_steps_run": done.num_steps_run,
        "seconds": done.seconds,
        "notes": list(done.notes),
    }
