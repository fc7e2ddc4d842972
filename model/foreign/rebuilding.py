"""A file that was looked at becomes a network: configuration and arrays in, Keras model out."""

from __future__ import annotations

import re

import keras

from model.foreign.building import build_network
from model.foreign.checkpoints import place_checkpoint
from model.foreign.placing import place_weights
from model.foreign.reading import read_network
from model.foreign.saved_model import variables_of
from model.foreign.weight_files import open_weights
from model.inspection import FileReport


def rebuild(report: FileReport) -> keras.Model:
    """Builds the network of a file from listed parts only, and gives it the stored weights.

    Nothing in the file is executed, and Keras' own deserializer sees none of it.

    Args:
        report: from `model.inspection.inspect_file`.

    Returns:
        An ordinary Keras model, trainable, not compiled.

    Raises:
        ModelFileError: something is not listed, does not fit, or points out of the file.
    """
    name = report.path.name
    spec = read_network(report.config, file_name=name)
    if report.file_format == "saved_model":
        with variables_of(report.path) as prefix:
            built = build_network(spec, file_name=name, is_keras_2=True)
            place_checkpoint(built, prefix, file_name=name)
        return built.model
    with open_weights(report.path, report.file_format) as weights:
        built = build_network(
            spec, file_name=name, is_keras_2=is_keras_2(report),
            has_old_bilinear=has_old_bilinear(report.keras_version),
            widths=weights.dimensions(),
        )  # fmt: skip
        place_weights(built, weights, file_format=report.file_format, file_name=name)
    return built.model


def is_keras_2(report: FileReport) -> bool:
    """Whether Keras 2 wrote the file; the version says so, else the way the graph is written."""
    if report.keras_version:
        return not re.match(r"(3|[4-9]|\d\d)\.", report.keras_version)
    return "module" not in report.config


def has_old_bilinear(version: str) -> bool:
    """Stand-alone Keras before 2.4 enlarges as TensorFlow 1 did.

    Keras inside of TensorFlow says so by ``-tf``. For ``2.2.4-tf`` the rule cannot be known:
    TensorFlow 1.13 and 1.14 have the old one, 1.15 and 2.0 the new one.
    """
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None or "tf" in version:
        return False
    return (int(match[1]), int(match[2])) < (2, 4)
