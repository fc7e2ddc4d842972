"""Says what a model file is: layers, input, classes, activation, preprocessing, risks.

The file is looked through as data first, without Keras. Only a network that is made of listed parts
is built, to find out the rest; anything else is described, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model.data.model_files import model_of
from model.engine.protocol import ModelInfo
from model.errors import ProgramError, SegguiError, WeightsOnlyError
from model.file_report import FileReport
from model.foreign.contents import Contents, describe_contents
from model.foreign.replacements import with_chosen_replacements
from model.foreign.saved_model import program_report
from model.inspection import inspect_file
from model.trust import TrustStore
from seggui.cli import DONE, FAILED, add_engine_argument
from seggui.commands.network import (
    add_model_arguments,
    consent_to_program,
    engine_with,
    is_trusted,
    name_network,
    replace_lambdas,
    settings_folder,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .keras or .h5 file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_model_arguments(parser)
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    if arguments.run_program:
        consent_to_program(arguments.model)
    if arguments.network is not None:
        name_network(arguments.model, arguments.network)
    report = _report(arguments)
    if arguments.replace:
        replace_lambdas(report, arguments.replace)
    report = with_chosen_replacements(report, settings_folder())
    contents = describe_contents(report)
    info, problem = None, ""
    try:
        if not is_trusted(report, contents, arguments.layers):
            contents.check(report.path.name)
        layers = arguments.layers
        with engine_with(arguments.model, arguments.engine, layers=layers) as (_, loaded):
            info = loaded
    except SegguiError as error:
        problem = str(error)
    if arguments.json:
        print(json.dumps(as_json(report, contents, info, problem), indent=2))
    else:
        print("\n".join(as_lines(report, contents, info)))
    if problem:
        print(f"seggui: {problem}", file=sys.stderr)
    return FAILED if problem else DONE


def _report(arguments: argparse.Namespace) -> FileReport:
    """What the file says; a trusted Python file is run where the network comes from it.

    A program says nothing about itself; without consent it is refused here.
    """
    try:
        return inspect_file(arguments.model, settings_dir=settings_folder())
    except WeightsOnlyError as error:
        if TrustStore(settings_folder()).entry(error.model_sha256) is None:
            raise
    except ProgramError as error:
        if TrustStore(settings_folder()).entry(error.model_sha256) is None:
            raise
        return program_report(model_of(arguments.model).absolute(), error.model_sha256)
    with engine_with(arguments.model, arguments.engine):
        return inspect_file(arguments.model, settings_dir=settings_folder())


def as_json(
    report: FileReport, contents: Contents, info: ModelInfo | None, problem: str
) -> dict[str, Any]:
    """What is known, as one JSON object; ``"problem"`` is empty when the model opens."""
    described: dict[str, Any] = {
        "path": str(report.path),
        "sha256": report.sha256,
        "file_format": report.file_format,
        "keras_version": report.keras_version,
        "contents": asdict(contents),
    }
    if info is not None:
        described.update(asdict(info))
    return {**described, "risks": risks(report, contents), "problem": problem}


def risks(report: FileReport, contents: Contents) -> list[str]:
    """Sentences about what in the file could do harm; empty when it is only a network."""
    return [
        *(f"It contains program code in the layer {layer}." for layer in contents.code),
        *(f"It fetches something from outside in the layer {each}." for each in contents.outside),
        *(["It is a program, which can read and write files."] if report.is_program else []),
    ]


def as_lines(report: FileReport, contents: Contents, info: ModelInfo | None) -> list[str]:
    """What is known, for people."""
    rows = [
        ("File", f"{report.path}"),
        ("Format", f"{report.file_format}, Keras {report.keras_version or 'of unknown version'}"),
        ("SHA-256", report.sha256),
        ("Layers", _counted(contents.layers)),
        ("Risks", " ".join(risks(report, contents)) or "none found"),
    ]
    if info is not None:
        rows += _network_rows(info) + _settings_rows(info)
    lines = [f"{name + ':':<16}{text}" for name, text in rows]
    if info is not None:
        lines += [f"Note: {note}" for note in info.notes]
    return lines


def _network_rows(info: ModelInfo) -> list[tuple[str, str]]:
    outputs = [f"{output.name} {_shape(output.shape)}" for output in info.outputs]
    multiple = f", sides in multiples of {info.size_multiple}" if info.size_multiple > 1 else ""
    return [
        ("Parameters", f"{info.num_parameters:,}"),
        ("Input", f"{_shape(info.input_shape)}{multiple}"),
        ("Outputs", "; ".join(outputs)),
    ]


def _settings_rows(info: ModelInfo) -> list[tuple[str, str]]:
    settings = info.settings
    size = settings.input_size
    fit = settings.fit.value + (f" {size[0]} x {size[1]}" if size else "")
    return [
        ("Activation", f"{settings.activation.value} (output {settings.output_index})"),
        ("Preprocessing", f"{settings.scaling.value}, {settings.channel_order}, images: {fit}"),
        ("Settings", "worked out" if info.settings_are_guessed else "from the settings file"),
        ("Classes", f"{info.num_classes}: {', '.join(settings.class_names)}"),
    ]


def _counted(layers: Mapping[str, int]) -> str:
    most = sorted(layers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name}" for name, count in most)


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)
