"""What the commands share that use a network."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from model.data.model_files import model_of
from model.engine.client import open_engine
from model.engine.protocol import Engine, ModelInfo, Scores
from model.errors import ProgramError, SegguiError
from model.trust import TrustStore
from seggui.launcher.ready import user_data_folder

if TYPE_CHECKING:
    from model.file_report import FileReport
    from model.foreign.contents import Contents

Hosting = Literal["process", "thread"]


def engine_log() -> Path:
    """The file that takes what Keras and TensorFlow print."""
    return Path(user_data_folder(), "logs", "engine.log")


def training_log() -> Path:
    """The file that takes what a training prints."""
    return Path(user_data_folder(), "logs", "training.log")


def settings_folder() -> Path:
    """Where the settings of models in read-only folders are."""
    return Path(user_data_folder(), "models")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what all commands share that open a model of somebody's: files and words beside it."""
    parser.add_argument(
        "--replace",
        action="append",
        default=[],
        metavar="'LAYER=TEXT'",
        help="what a Lambda layer calculates whose code is not recognised, written as the body of "
        "a lambda x: 'scale=x / 255'. Its own code is not run. May be given several times; "
        "remembered for this model",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="FILE",
        help="the network that MODEL belongs to, if that holds weights only: a whole model, the "
        "text of model.to_json(), or a Python file that builds it. A Python file is RUN on this "
        "computer, see --layers. Remembered for these weights",
    )
    parser.add_argument(
        "--layers",
        type=Path,
        metavar="FILE.py",
        help="the Python file that defines the model's own layers. It is RUN on this computer and "
        "can do anything you can do: name it only if you know where it comes from. Remembered for "
        "this model until one of the two files changes, and listed in the window under Model, "
        "Trusted code",
    )
    parser.add_argument(
        "--run-program",
        action="store_true",
        help="MODEL is the folder of a SavedModel without layers: RUN the program in it, which can "
        "read and write files as you can. It predicts and cannot be fine-tuned. Remembered as with "
        "--layers",
    )


def consent_to_program(model: Path) -> None:
    """Remembers that the program of a SavedModel may be run; says so if that was not needed.

    Raises:
        ModelFileError: it is no model, or a program that cannot be run from where it is.
        StorageError: the consent could not be written.
    """
    from model.inspection import inspect_file

    try:
        inspect_file(model, settings_dir=settings_folder())
    except ProgramError as error:
        if not error.model_sha256:
            raise
        folder = model_of(model)
        TrustStore(settings_folder()).allow(error.model_sha256, folder, model_name=folder.name)
    else:
        print(f"seggui: {model.name} has layers and needs no --run-program.", file=sys.stderr)


def consent(report: FileReport, layers: Path) -> None:
    """Remembers that a Python file may be run for a model; says so if that was not needed.

    Raises:
        ModelFileError: the Python file cannot be read.
        StorageError: the consent could not be written.
    """
    from model.foreign.contents import describe_contents

    name = report.path.name
    if describe_contents(report).needs_own_layers:
        TrustStore(settings_folder()).allow(report.sha256, layers, model_name=name)
    else:
        print(f"seggui: {name} needs no --layers; {layers} is not run.", file=sys.stderr)


def name_network(model: Path, network: Path) -> None:
    """Remembers the network of a file of weights; says so if none was needed.

    Raises:
        ModelFileError: one of the two files is not what it should be.
        StorageError: it could not be remembered.
    """
    from model.naming import name_network, needs_network

    if needs_network(model):
        name_network(model, network, settings_folder())
    else:
        print(
            f"seggui: {model.name} is a whole model and needs no --network; {network} is not used.",
            file=sys.stderr,
        )


def replace_lambdas(report: FileReport, given: list[str]) -> None:
    """Remembers what Lambda layers of a model calculate, beside what was said before.

    Raises:
        SegguiError: a text is no replacement, or the model has no such layer.
        StorageError: it could not be remembered.
    """
    from model.foreign.contents import describe_contents
    from model.foreign.replacements import ReplacementStore

    chosen = {}
    known = [body.layer for body in describe_contents(report).lambdas]
    for text in given:
        layer, sign, body = text.partition("=")
        if not sign or layer.strip() not in known:
            has = ", ".join(known) or "none"
            raise SegguiError(
                f"--replace {text!r} was received; LAYER=TEXT with a Lambda layer of "
                f"{report.path.name} was expected (it has {has}).",
                remedy="For example --replace 'scale=x / 255'.",
            )
        chosen[layer.strip()] = body.strip()
    store = ReplacementStore(settings_folder())
    store.keep(report.sha256, {**store.of(report.sha256), **chosen})


def is_trusted(report: FileReport, contents: Contents, layers: Path | None) -> bool:
    """Whether all that a model lacks is a Python file, and there is, or will be, the consent."""
    if not contents.needs_own_layers:
        return False
    return layers is not None or TrustStore(settings_folder()).entry(report.sha256) is not None


class ModelFiles(TypedDict):
    """Keyword arguments of `engine_with` that come from the command line."""

    layers: Path | None
    network: Path | None
    replacements: list[str]
    runs_program: bool


def model_files(arguments: argparse.Namespace) -> ModelFiles:
    """What ``add_model_arguments`` added."""
    return {
        "layers": arguments.layers,
        "network": arguments.network,
        "replacements": arguments.replace,
        "runs_program": arguments.run_program,
    }


@contextlib.contextmanager
def engine_with(
    model: Path,
    hosting: Hosting,
    *,
    layers: Path | None = None,
    network: Path | None = None,
    replacements: list[str] | None = None,
    runs_program: bool = False,
) -> Iterator[tuple[Engine, ModelInfo]]:
    """Opens a model in an engine of its own, which ends with the ``with`` block.

    Args:
        model: the file.
        hosting: where the network runs.
        layers: Python file that the user consents to run for this model, if it needs one.
        network: what the model belongs to if it holds weights only; a Python file is run.
        replacements: ``LAYER=TEXT`` of Lambda layers.
        runs_program: the user consents to run the program of a SavedModel without layers.

    Raises:
        ModelFileError: the file is no usable model.
    """
    if runs_program:
        consent_to_program(model)
    if network is not None:
        name_network(model, network)
    if replacements:
        from model.inspection import inspect_file

        replace_lambdas(inspect_file(model, settings_dir=settings_folder()), replacements)
    if layers is not None:
        from model.inspection import inspect_file

        consent(inspect_file(model, settings_dir=settings_folder()), layers)
    log = engine_log()
    log.parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(hosting, log_path=log, settings_dir=settings_folder())
    try:
        yield engine, engine.load(str(model.absolute()))
    finally:
        engine.close()


def percent(share: float | None) -> str:
    """A share of 0..1 for people."""
    return "-" if share is None else f"{100 * share:.1f} %"


def scores_as_json(scores: Scores) -> dict[str, object]:
    """Scores as a JSON object; shares are 0..1."""
    return {
        "accuracy": scores.accuracy,
        "mean_iou": scores.mean_iou,
        "iou": list(scores.iou),
        "num_pixels": list(scores.num_pixels),
    }


def require_folder(path: Path, expected: str) -> None:
    """Refuses what is no folder.

    Raises:
        SegguiError: names what was expected.
    """
    if not path.is_dir():
        found = "is not a folder" if path.exists() else "does not exist"
        raise SegguiError(f"{path} {found}; {expected} was expected.")
