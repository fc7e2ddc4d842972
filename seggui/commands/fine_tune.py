"""Trains a model further on the corrections of a project.

Old and new network are scored on the same held-out corrections. The model given is not changed.
Ctrl-C ends the training and keeps the best network so far; a second Ctrl-C keeps nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import TypeVar

from model.engine.protocol import (
    ModelInfo,
    Scores,
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingScored,
    TrainingSettings,
    TrainingStep,
)
from model.engine.training import TrainingRun
from model.errors import SegguiError, TrainingError
from model.scratch_state import ScratchRequest
from seggui.cli import DONE, STOPPED, add_engine_argument
from seggui.commands.network import (
    Hosting,
    add_model_arguments,
    engine_with,
    model_files,
    percent,
    scores_as_json,
    settings_folder,
    training_log,
)
from seggui.commands.progress_bar import ProgressBar, duration
from seggui.commands.projects import add_project_argument, opened_project
from seggui.core.training_request import build_training_request, record_result

_DEFAULTS = TrainingSettings()

Number = TypeVar("Number", int, float)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="the network to start from")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the images of the project")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL.keras", help="the new network"
    )
    _add_number(parser, "--steps", "num_steps", count, "optimizer steps at most")
    _add_number(parser, "--batch-size", "batch_size", count, "crops per step")
    _add_number(parser, "--crop-size", "crop_size", count, "side of a crop in pixels")
    _add_number(parser, "--learning-rate", "learning_rate", rate, "peak rate")
    _add_number(parser, "--keep-old", "keep_old_answers", share, "weight of the old answers, 0..1")
    _add_number(parser, "--score-every", "score_every", count, "steps between two scorings")
    _add_number(parser, "--patience", "patience", count, "scorings without progress until it stops")
    _add_number(parser, "--seed", "seed", int, "of crops and augmentation")
    parser.add_argument(
        "--trainable", choices=("all", "decoder"), default="all", help="which layers (default all)"
    )
    add_model_arguments(parser)
    add_project_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    output = checked_output(arguments.output, arguments.model)
    settings = TrainingSettings(
        **{field.name: getattr(arguments, field.name) for field in fields(TrainingSettings)}
    )
    with opened_project(arguments.folder, arguments.project) as project:
        with engine_with(arguments.model, arguments.engine, **model_files(arguments)) as (_, info):
            pass  # the training opens it itself: one network in memory at a time
        request = build_training_request(
            project, info, settings, output, settings_dir=settings_folder()
        )
        plan, done, was_stopped = train(request, arguments.engine, is_quiet=arguments.json)
        # Listed among the project's versions, but not in force: the window decides about that.
        record_result(project, request, plan, done, state="discarded")
    if arguments.json:
        print(json.dumps(_as_json(done), indent=2))
    else:
        print("\n".join(result_lines(done, info)))
    return STOPPED if was_stopped else DONE


def checked_output(output: Path, base: Path) -> Path:
    """Returns the absolute path of the new network.

    Raises:
        SegguiError: it is no ``.keras`` file, or the file to start from.
    """
    if output.suffix != ".keras":
        raise SegguiError(f"{output} does not end in .keras; that is what is written.")
    if output.exists() and base.exists() and output.samefile(base):
        raise SegguiError(
            f"{output} is the model that training starts from; it is never overwritten.",
            remedy="Choose another name with -o.",
        )
    return output.absolute()


def train(
    request: TrainingRequest | ScratchRequest, hosting: Hosting, *, is_quiet: bool
) -> tuple[TrainingPlan, TrainingDone, bool]:
    """Runs a training with progress on standard error.

    Returns:
        What was planned, what came out, and whether Ctrl-C ended it early.

    Raises:
        TrainingError: it cannot start or had to stop.
        CancelledError: a second Ctrl-C.
    """
    training = TrainingRun(request, hosting=hosting, log_path=training_log())
    plan: TrainingPlan | None = None
    score = ""
    with (
        _stopping_at_interrupt(training) as presses,
        ProgressBar("Training", 1) as bar,
        contextlib.closing(training),
    ):
        for event in training.events():
            if isinstance(event, TrainingPlan):
                plan = event
                bar.total = event.num_steps
                if not is_quiet:
                    print(_plan_line(event), file=sys.stderr)
            elif isinstance(event, TrainingStep):
                detail = f"loss {event.loss:.3f}{score}"
                bar.show(event.step, seconds_left=event.seconds_left, detail=detail)
            elif isinstance(event, TrainingScored):
                if sum(event.scores.num_pixels):
                    score = f", held out {percent(event.scores.mean_iou)} mean IoU"
            elif plan is not None:
                return plan, event, bool(presses)
    raise TrainingError("The training ended without a result.", remedy="Start it again.")


def result_lines(done: TrainingDone, info: ModelInfo) -> list[str]:
    """Before and after, class by class, and what that means."""
    where = "held-out parts of the images" if done.held_out_is_tiles else "held-out images"
    rows: list[tuple[str, float | None, float | None]] = [
        ("mean IoU", done.before.mean_iou, done.after.mean_iou),
        ("pixels right", done.before.accuracy, done.after.accuracy),
    ]
    names = info.settings.class_names
    rows += [
        (name, before, after)
        for name, before, after in zip(names, done.before.iou, done.after.iou, strict=True)
        if before is not None or after is not None
    ]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"On {where} ({sum(done.after.num_pixels):,} pixels):"]
    lines.append(f"  {'':<{width}}   before    after")
    lines += [
        f"  {name:<{width}} {percent(before):>8} {percent(after):>8}"
        for name, before, after in rows
    ]
    if done.best_step == 0:
        lines.append("No step was better than the model it started from; it is unchanged in")
    else:
        lines.append(f"The best network, of step {done.best_step}, is in")
    return [*lines, f"{done.output_path} ({duration(done.seconds)})"]


def scores_line(scores: Scores) -> str:
    """Both totals in one line."""
    return f"mean IoU {percent(scores.mean_iou)}, pixels right {percent(scores.accuracy)}"


@contextlib.contextmanager
def _stopping_at_interrupt(training: TrainingRun) -> Iterator[list[int]]:
    """Makes the first Ctrl-C keep the best network so far, and the second cancel."""
    presses: list[int] = []

    def on_interrupt(number: int, _frame: FrameType | None) -> None:
        presses.append(number)
        if len(presses) == 1:
            training.stop_and_keep_best()
            print(
                "\nStopping after this step; the best network so far is kept. "
                "Ctrl-C again drops it.",
                file=sys.stderr,
            )
        else:
            training.cancel()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield presses
    finally:
        signal.signal(signal.SIGINT, before)


def _plan_line(plan: TrainingPlan) -> str:
    if not plan.num_trusted_pixels:  # from scratch, every labelled pixel counts
        return (
            f"Training on {plan.num_train_images} images, held out: {plan.num_held_out_images}; at "
            f"most {plan.num_steps} steps, about {duration(plan.estimated_seconds)} on "
            f"{plan.device.name}."
        )
    held_out = plan.num_held_out_images or "parts of them"
    return (
        f"Training on {plan.num_train_images} images ({sum(plan.num_trusted_pixels):,} corrected "
        f"pixels), held out: {held_out}; at most {plan.num_steps} steps, about "
        f"{duration(plan.estimated_seconds)} on {plan.device.name}."
    )


def count(text: str) -> int:
    """Reads a whole number from 1 on."""
    return _checked(text, int, lambda value: value >= 1, "a whole number from 1 on")


def rate(text: str) -> float:
    """Reads a learning rate."""
    return _checked(text, float, lambda value: 0 < value <= 1, "a number above 0 and up to 1")


def share(text: str) -> float:
    """Reads a share."""
    return _checked(text, float, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def _checked(
    text: str, kind: Callable[[str], Number], is_valid: Callable[[Number], bool], expected: str
) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not is_valid(value):
        raise argparse.ArgumentTypeError(f"{text!r} was given; {expected} was expected")
    return value


def _add_number(
    parser: argparse.ArgumentParser,
    flag: str,
    name: str,
    kind: Callable[[str], float],
    what: str,
) -> None:
    default = getattr(_DEFAULTS, name)
    parser.add_argument(
        flag, dest=name, type=kind, default=default, metavar="N", help=f"{what} (default {default})"
    )


def _as_json(done: TrainingDone) -> dict[str, object]:
    return {
        "output": done.output_path,
        "before": scores_as_json(done.before),
        "after": scores_as_json(done.after),
        "best_step": done.best_step,
        "num_steps_run": done.num_steps_run,
        "held_out_is_tiles": done.held_out_is_tiles,
        "seconds": done.seconds,
    }
