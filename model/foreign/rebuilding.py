"""A file that was looked at becomes a network: configuration and arrays in, Keras model out."""

from __future__ import annotations

import keras

from model.foreign.building import build_network
from model.foreign.checkpoints import place_checkpoint
from model.foreign.own_layers import OwnLayers
from model.foreign.placing import place_weights
from model.foreign.reading import read_network
from model.foreign.saved_model import stored_bytes, variables_of
from model.foreign.weight_files import open_weights
from model.foreign.weight_limit import limited_weights
from model.foreign.writer import has_old_bilinear, writer_of
from model.inspection import FileReport


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
    writer = writer_of(spec, report)
    if report.file_format == "saved_model":
        with variables_of(report.path) as prefix:
            with limited_weights(stored_bytes(prefix), file_name=name):
                built = build_network(spec, file_name=name, is_keras_2=True, own=own, writer=writer)
            place_checkpoint(built, prefix, file_name=name)
        return built.model
    with open_weights(report.path, report.file_format) as weights:
        with limited_weights(weights.num_numbers(), file_name=name):
            built = build_network(
                spec, file_name=name, is_keras_2=writer.is_keras_2,
                has_old_bilinear=has_old_bilinear(report.weights_version),
                widths=weights.dimensions(), own=own, writer=writer,
            )  # fmt: skip
        layout = "keras" if report.weights == "numbers" else report.file_format
        place_weights(
            built, weights, file_format=layout, file_name=name,
            is_from_elsewhere=report.weights != "whole",
        )  # fmt: skip
    return built.model
