"""Which Keras wrote a file, and what names meant there. No Keras."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from model.foreign.graph import NetworkSpec

if TYPE_CHECKING:
    from model.file_report import FileReport

Rule = Literal["old", "new", "unknown"]
"""How pixels are weighed when an image is resized: as TensorFlow 1 did, or with pixel centres."""


@dataclass(frozen=True)
class Writer:
    """What is known of the program that wrote a file.

    Attributes:
        is_keras_2: or older; a few names mean something else in Keras 3.
        resize_of_keras: the rule of ``keras.backend.resize_images`` and of bilinear enlarging.
        resize_of_tensorflow: the rule of ``tf.image.resize``.
        is_channels_first: some layer has its channels first.
        has_image_resize: its TensorFlow had ``tf.image.resize`` (1.13 and later).
        keras_version: of the file, or an empty string.
    """

    is_keras_2: bool = True
    resize_of_keras: Rule = "new"
    resize_of_tensorflow: Rule = "new"
    is_channels_first: bool = False
    has_image_resize: bool = True
    keras_version: str = ""


def writer_of(network: NetworkSpec, report: FileReport) -> Writer:
    """Works out who wrote a network.

    Args:
        network: as read from the report's configuration.
        report: from `model.inspection.inspect_file`.
    """
    version = report.keras_version
    # Only Keras 2 writes folders with layers in them, and it does so since TensorFlow 2.
    is_folder = report.file_format == "saved_model"
    is_old = is_folder or is_keras_2(version, report.config)
    rule = "new" if is_folder else _resize_of_tensorflow(network, version, is_keras_2=is_old)
    if rule == "unknown" and report.tensorflow:
        rule = "old" if report.tensorflow == 1 else "new"
    numbers = _numbers(version)
    return Writer(
        is_old,
        "old" if has_old_bilinear(version) else "new",
        rule,
        any(layer.config.get("data_format") == "channels_first" for layer in network.walk()),
        numbers is None or numbers >= (2, 2),
        version,
    )


def is_keras_2(version: str, config: Mapping[str, Any]) -> bool:
    """Whether Keras 2 wrote the file; the version says so, else the way the graph is written."""
    if version:
        return not re.match(r"(3|[4-9]|\d\d)\.", version)
    return "module" not in config


def has_old_bilinear(version: str) -> bool:
    """Stand-alone Keras before 2.4 enlarges as TensorFlow 1 did.

    Keras inside of TensorFlow says so by ``-tf``. Of ``2.2.4-tf``, TensorFlow 1.13 and 1.14 have
    the old rule, too, but do not store the interpolation (`model.foreign.assumptions`).
    """
    numbers = _numbers(version)
    return numbers is not None and "tf" not in version and numbers < (2, 4)


def _resize_of_tensorflow(network: NetworkSpec, version: str, *, is_keras_2: bool) -> Rule:
    """In TensorFlow 1, ``tf.image.resize`` was what is ``tf.compat.v1.image.resize`` since."""
    numbers = _numbers(version)
    if not is_keras_2:
        return "new"
    if numbers is None:
        return "unknown"
    if "tf" not in version:  # 2.3 ran with both, and does not say with which
        return "old" if numbers < (2, 3) else "unknown" if numbers < (2, 4) else "new"
    if numbers < (2, 2):
        return "old"
    # 2.2.4-tf: TensorFlow 1.13 to 2.1. Only initializers of TensorFlow 1 have a type of their own.
    return "old" if numbers < (2, 3) and _has_typed_initializers(network) else "new"


def _has_typed_initializers(network: NetworkSpec) -> bool:
    for layer in network.walk():
        for key, value in layer.config.items():
            config = value.get("config") if isinstance(value, Mapping) else None
            if key.endswith("_initializer") and isinstance(config, Mapping) and "dtype" in config:
                return True
    return False


def _numbers(version: str) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", version)
    return None if match is None else (int(match[1]), int(match[2]))
