"""From a model file to a Keras model: the one place where a foreign file becomes a network.

Keras' own loader is not used: it believes the ending of a name, calls functions that a file names,
and opens less than a third of the files that people have. See `model.foreign`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras

from model.data.model_files import model_of
from model.errors import (
    LambdaError,
    ModelFileError,
    OpenLambda,
    OwnLayersError,
    ProgramError,
    WeightsOnlyError,
)
from model.file_report import FileReport
from model.foreign.architectures import Architecture, ArchitectureStore
from model.foreign.code_architectures import architecture_from_code, known_architecture
from model.foreign.contents import OWN_LAYERS_REMEDY, Contents, describe_contents
from model.foreign.own_layers import OwnLayers, run_file
from model.foreign.programs import open_program
from model.foreign.rebuilding import rebuild, shapes_before
from model.foreign.replacements import with_chosen_replacements
from model.foreign.saved_model import program_report
from model.foreign.weight_files import Shapes, open_weights, stored_shapes
from model.inspection import inspect_file, inspect_weights
from model.trust import TrustStore
from model.whole_output import with_whole_output


def open_network(
    report: FileReport, *, code: Path | None = None, code_sha256: str | None = None
) -> keras.Model:
    """Opens the file of a report; nothing of its training state is restored, no code in it is run.

    Args:
        report: from `model.inspection.inspect_file`.
        code: Python file that defines layers and functions that are not listed. It is run, and only
            if the network needs it: give it only with the user's consent (`model.trust`).
        code_sha256: its content at the time of the consent; None trusts what is there.

    Returns:
        The network, not compiled; an ordinary Keras model that can be trained and saved.

    Raises:
        LambdaError: it has Lambda layers whose code is not recognised, or what was chosen for them
            does not fit.
        OwnLayersError: it uses layers or functions of its user's own, and ``code`` is None, fails,
            or does not define them all.
        WeightsOnlyError: its weights are of another network than the one that was named for them.
        ModelFileError: the file holds code, layers that are not known, or does not fit together.
    """
    contents = describe_contents(report)
    if code is None or not contents.needs_own_layers:
        _check(contents, report)
        return _rebuilt(report)
    replace(contents, unknown=()).check(report.path.name)
    try:
        return _rebuilt(report, _run(report, code, code_sha256, contents.unknown))
    except OwnLayersError as error:
        raise OwnLayersError(
            error.message, names=contents.unknown, model_sha256=report.sha256, remedy=error.remedy
        ) from error


def _check(contents: Contents, report: FileReport) -> None:
    """Whoever is asked what a Lambda layer calculates should see what it gets."""
    try:
        contents.check(report.path.name, model_sha256=report.sha256)
    except LambdaError as error:
        shown = tuple(
            replace(each, shapes=shapes_before(report, each.layer)) for each in error.lambdas
        )
        raise LambdaError(
            error.message, lambdas=shown, model_sha256=report.sha256, remedy=error.remedy
        ) from error


def _rebuilt(report: FileReport, own: OwnLayers | None = None) -> keras.Model:
    """Another network may be named for weights that do not fit the one they were opened with."""
    try:
        return rebuild(report, own=own)
    except OwnLayersError:
        raise
    except ModelFileError as error:
        if report.replacements:
            raise LambdaError(
                f"{report.path.name} cannot be built with what was chosen for its Lambda layers: "
                f"{error.message}",
                lambdas=tuple(
                    OpenLambda(name, "", shapes=shapes_before(report, name), chosen=text)
                    for name, text in report.replacements.items()
                ),
                model_sha256=report.sha256, remedy="Choose something else for them.",
            ) from error  # fmt: skip
        if report.weights == "whole":
            raise
        raise WeightsOnlyError(
            f"{' '.join(report.notes)} The two do not fit together: {error.message}",
            model_sha256=report.sha256,
            remedy="Name a file with the very network that the weights were saved from.",
        ) from error


def open_with_consent(report: FileReport, settings_dir: Path | None) -> keras.Model:
    """Opens a file, with the Python file that the user consented to for it, if it needs one.

    Args:
        report: from `model.inspection.inspect_file`.
        settings_dir: where consents are kept; None knows none.

    Returns:
        The network; one without padding with a border around its images (`model.whole_output`).
        The program of a SavedModel without layers is run; only `inspect_with_consent` makes a
        report of one.

    Raises:
        OwnLayersError: it needs a Python file, and there is no consent, or the file changed since.
        ModelFileError: see `open_network`.
        StorageError: the consents cannot be read.
    """
    if report.is_program:
        return open_program(report.path)
    return with_whole_output(_opened_with_consent(report, settings_dir))


def _opened_with_consent(report: FileReport, settings_dir: Path | None) -> keras.Model:
    if settings_dir is None or not describe_contents(report).needs_own_layers:
        return open_network(report)
    consent = TrustStore(settings_dir).entry(report.sha256)
    if consent is None:
        return open_network(report)
    if not consent.is_unchanged():
        state = "has changed" if consent.path.exists() else "is not there any more"
        raise OwnLayersError(
            f"{report.path.name} uses layers of its own. The Python file that was trusted for it, "
            f"{consent.path}, {state}.",
            names=describe_contents(report).unknown, model_sha256=report.sha256,
            remedy=OWN_LAYERS_REMEDY,
        )  # fmt: skip
    return open_network(report, code=consent.path, code_sha256=consent.sha256)


def inspect_with_consent(path: Path, settings_dir: Path | None) -> FileReport:
    """Inspects a file; one that holds weights only gets its network where that can be had.

    The network is the one that lies beside it or was named before; else the seed project's U-Net,
    if the weights are exactly its own; else that of the Python file that the user consented to for
    these weights, which is run once: what it built is kept as data. Lambda layers calculate what
    the user chose for them. A SavedModel without layers gets a report only where the user consented
    to run its program.

    Args:
        path: the file, or the folder of a SavedModel.
        settings_dir: where networks and consents are kept; None knows and keeps none.

    Raises:
        WeightsOnlyError: there is no network for the weights, and why not in the Python file.
        ProgramError: a SavedModel without layers, and there is no consent to run it.
        ModelFileError: no model.
        StorageError: what is kept cannot be read or written.
    """
    return with_chosen_replacements(_inspected(path, settings_dir), settings_dir)


def _inspected(path: Path, settings_dir: Path | None) -> FileReport:
    try:
        return inspect_file(path, settings_dir=settings_dir)
    except WeightsOnlyError as error:
        missing = error
    except ProgramError as error:
        consent = None
        if settings_dir is not None and error.model_sha256:
            consent = TrustStore(settings_dir).entry(error.model_sha256)
        if consent is None or consent.sha256 != error.model_sha256:
            raise
        return program_report(model_of(path).absolute(), error.model_sha256)
    with open_weights(path, "hdf5") as weights:
        shapes = stored_shapes(weights)
    found = known_architecture(shapes)
    if found is None and settings_dir is not None:
        found = _architecture_with_consent(path, shapes, settings_dir, missing)
        ArchitectureStore(settings_dir).keep(missing.model_sha256, found)
    if found is None:
        raise missing
    return inspect_weights(path, found)


def _architecture_with_consent(
    path: Path, shapes: Shapes, settings_dir: Path, missing: WeightsOnlyError
) -> Architecture:
    consent = TrustStore(settings_dir).entry(missing.model_sha256)
    if consent is None:
        raise missing
    try:
        if not consent.is_unchanged():
            state = "has changed" if consent.path.exists() else "is not there any more"
            raise ModelFileError(
                f"The Python file that was trusted for it, {consent.path}, {state}.",
                remedy=missing.remedy,
            )
        return architecture_from_code(
            consent.path, sha256=consent.sha256, shapes=shapes, weights_name=path.name
        )
    except ModelFileError as error:
        raise WeightsOnlyError(
            f"{missing.message} {error.message}", model_sha256=missing.model_sha256,
            remedy=error.remedy,
        ) from error  # fmt: skip


def _run(
    report: FileReport, code: Path, code_sha256: str | None, names: tuple[str, ...]
) -> OwnLayers:
    """Runs the file and looks whether all names can be had from it."""
    try:
        own = run_file(code, sha256=code_sha256)
    except ModelFileError as error:  # another file may do better
        raise OwnLayersError(error.message, names=names, remedy=error.remedy) from error
    missing = [name for name in names if not own.defines(name)]
    if missing:
        without = ", ".join(own.missing_imports)
        raise OwnLayersError(
            f"{code.name} does not define {', '.join(missing)}, which {report.path.name} uses."
            + (f" It imports {without}, which is not installed here." if without else ""),
            names=names, remedy="Choose the Python file that defines all of them.",
        )  # fmt: skip
    return own
