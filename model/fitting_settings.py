"""Whether settings fit a network. No Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model.engine.protocol import Fit, ModelInfo, ModelSettings
from model.errors import ModelFileError
from model.words import size_words


def check_settings(info: ModelInfo, settings: ModelSettings) -> None:
    """Refuses settings that do not fit a network.

    Raises:
        ModelFileError: wrong number of classes, or an input size the network cannot take.
    """
    name = Path(info.path).name
    if len(settings.class_names) != info.num_classes or len(settings.class_colors) != len(
        settings.class_names
    ):
        raise ModelFileError(
            f"The settings name {len(settings.class_names)} classes with "
            f"{len(settings.class_colors)} colours, but {name} distinguishes {info.num_classes}.",
            remedy="Choose a label set of that many classes.",
        )
    excluded = set(settings.excluded_classes)
    if not excluded <= set(range(info.num_classes)) or len(excluded) == info.num_classes:
        raise ModelFileError(
            f"The settings exclude the classes {sorted(excluded)} of the {info.num_classes} that "
            f"{name} distinguishes.",
            remedy="Exclude only classes that exist, and leave at least one.",
        )
    fixed = info.input_shape[:2]
    if settings.fit is Fit.WHOLE:
        if fixed != (None, None):
            raise ModelFileError(
                f"{name} takes images of {size_words(fixed)} only, not whole images of any size.",
                remedy="Choose resizing or tiles.",
            )
        return
    if settings.input_size is None:
        raise ModelFileError(f"Resizing and tiles need an input size for {name}.")
    for side, want in zip(settings.input_size, fixed, strict=True):
        if want not in (None, side) or (want is None and side % info.size_multiple):
            raise ModelFileError(
                f"The settings give the input size {size_words(settings.input_size)}, but {name} "
                f"takes {size_words(fixed)} in multiples of {info.size_multiple} pixels.",
                remedy="Change the input size.",
            )


def with_settings(info: ModelInfo, settings: ModelSettings) -> ModelInfo:
    """The same network used in another way.

    Raises:
        ModelFileError: the settings do not fit the network.
    """
    check_settings(info, settings)
    return replace(info, settings=settings, settings_are_guessed=False)
