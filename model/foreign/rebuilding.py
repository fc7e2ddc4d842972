"""A file that was looked at becomes a network: configuration and arrays in, Keras model out."""

from __future__ import annotations

import keras

from model.errors import ModelFileError
from model.file_report import FileReport
from model.foreign.building import BuiltNetwork, build_network
from model.foreign.checkpoints import place_checkpoint
from model.foreign.graph import NetworkSpec, network_before
from model.foreign.own_layers import OwnLayers
from model.foreign.placing import place_weights
from model.foreign.reading import read_network
from model.foreign.saved_model import stored_bytes, variables_of
from model.foreign.weight_files import open_weights
from model.foreign.weight_limit import limited_weights
from model.foreign.writer import has_old_bilinear, writer_of


def rebuild(report: FileReport, *, own: OwnLayers | None = None) -> keras.Model:
    """Builds the network of a file from listed parts only, and gives it the stored weights.

    Nothing in the file is executed, and Keras' own deserializer sees none of it.

    Args:
        report: from `model.inspection.inspect_file`.
        own: what the user's Python file defines, for the parts that are not listed.

    Returns:
        An ordinary Keras model, trainable, not compiled.

    Raises:
        ModelFileError: something is not listed, does not fit, or points out of the file.
    """
    name = report.path.name
    spec = read_network(report.config, file_name=name)
    if report.file_format == "saved_model":
        with variables_of(report.path) as prefix:
            with limited_weights(stored_bytes(prefix), file_name=name):
                built = _built(report, spec, own=own)
            place_checkpoint(built, prefix, file_name=name)
        return built.model
    with open_weights(report.path, report.file_format) as weights:
        with limited_weights(*weights.amount(), file_name=name):
            built = _built(report, spec, own=own, widths=weights.dimensions())
        layout = "keras" if report.weights == "numbers" else report.file_format
        place_weights(
            built, weights, file_format=layout, file_name=name,
            is_from_elsewhere=report.weights != "whole",
        )  # fmt: skip
    return built.model


def shapes_before(report: FileReport, layer: str) -> tuple[str, ...]:
    """What a layer gets that itself cannot be built: the shape of each tensor, for people.

    Args:
        report: from `model.inspection.inspect_file`.
        layer: its name, in the outermost network.

    Returns:
        ``? x 64 x 64 x 3`` for each tensor; nothing where what comes before cannot be built either.
    """
    name = report.path.name
    before = network_before(read_network(report.config, file_name=name), layer)
    if before is None or report.file_format == "saved_model":
        return ()
    try:
        with (
            open_weights(report.path, report.file_format) as weights,
            limited_weights(*weights.amount(), file_name=name),
        ):
            built = _built(report, before, widths=weights.dimensions())
    except ModelFileError:
        return ()
    return tuple(
        " x ".join("?" if side is None else str(side) for side in tensor.shape)
        for tensor in built.model.outputs
    )


def _built(
    report: FileReport,
    spec: NetworkSpec,
    *,
    own: OwnLayers | None = None,
    widths: frozenset[int] | None = None,
) -> BuiltNetwork:
    writer = writer_of(spec, report)
    is_folder = report.file_format == "saved_model"
    return build_network(
        spec, file_name=report.path.name, is_keras_2=is_folder or writer.is_keras_2,
        has_old_bilinear=not is_folder and has_old_bilinear(report.weights_version),
        widths=widths, own=own, writer=writer,
    )  # fmt: skip
