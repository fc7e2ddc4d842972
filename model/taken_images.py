"""What images a network takes, and whether its weights can be used at all. Imports Keras."""

from __future__ import annotations

import keras

from model.errors import ModelFileError
from model.input_kinds import CHANNELS
from model.words import shape_words

_MAX_PIXELS = 2**26
"""Of a network that takes one size only: 8192 x 8192."""

WANTED = "a network that gives a class for each pixel of an image was expected"


def taken_shape(network: keras.Model, name: str) -> tuple[int | None, int | None, int]:
    """Height, width and channels of the one image that a network takes; None where free.

    Raises:
        ModelFileError: it takes something else; says what.
    """
    try:
        inputs = network.inputs
    except (AttributeError, ValueError):
        inputs = None
    if not inputs:
        raise ModelFileError(
            f"{name} does not say what its input is (a subclassed model); {WANTED}.",
            remedy="Build it as a functional model with keras.Input, and save it again.",
        )
    if len(inputs) > 1:
        raise ModelFileError(f"{name} has {len(inputs)} inputs; one image was expected.")
    shape = tuple(inputs[0].shape)
    if len(shape) != 4:
        raise ModelFileError(
            f"{name} takes input of shape {shape_words(shape)}; "
            "a batch of images (N, height, width, channels) was expected."
        )
    if _is_channels_first(network, shape):
        raise ModelFileError(
            f"{name} wants the colour channels first, {shape_words(shape)}; channels last was "
            "expected.",
            remedy="Save it with data_format='channels_last'.",
        )
    if shape[3] not in CHANNELS:
        channels = "a free number of" if shape[3] is None else shape[3]
        raise ModelFileError(
            f"{name} takes images with {channels} channels, {shape_words(shape)}; 1 (gray) or 3 "
            "(colour) were expected, or these with opacity (2 or 4).",
            remedy="Images have red, green and blue here, so nothing can be given for more "
            "channels; use a network that was trained with colour or gray images.",
        )
    if (shape[1] or 1) * (shape[2] or 1) > _MAX_PIXELS:
        raise ModelFileError(
            f"{name} takes images of {shape[1]} x {shape[2]} pixels; at most {_MAX_PIXELS} pixels "
            "were expected.",
            remedy="Ask where the file comes from before using it.",
        )
    return shape[1], shape[2], shape[3]


def _is_channels_first(network: keras.Model, shape: tuple[int | None, ...]) -> bool:
    layers = network._flatten_layers()
    if any(getattr(layer, "data_format", "") == "channels_first" for layer in layers):
        return True
    return shape[3] not in CHANNELS and shape[1] in CHANNELS


def refuse_broken_weights(network: keras.Model, name: str) -> None:
    """Refuses weights that are no numbers.

    Raises:
        ModelFileError: names the first such variable.
    """
    for variable in network.weights:
        if "float" not in str(variable.dtype):
            continue
        if not bool(keras.ops.all(keras.ops.isfinite(variable))):
            raise ModelFileError(
                f"{name} has weights that are not numbers, in {variable.path}; "
                "its training must have diverged.",
                remedy="Use an earlier version of the model.",
            )
