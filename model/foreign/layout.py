"""Networks with channels first, calculated with channels last: exact, and possible on every CPU.

The rebuilt network takes and gives images with channels last, as all others. Inside, a tensor is
either turned (channels last where the file has them first) or as the file has it; what depends on
the order of the axes gets it as the file has it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.foreign.graph import NetworkSpec
from model.foreign.vocabulary import INACTIVE, MERGES, current_name, words

NEUTRAL = INACTIVE | MERGES | words("ReLU LeakyReLU PReLU ELU Identity Rescaling ThresholdedReLU")
"""Layers that do the same to each value, wherever it lies; merges mind their axis."""

WITH_AXIS = words("BatchNormalization Concatenate Softmax LayerNormalization GroupNormalization")
_TURNED_AXES = {0: 0, 1: 3, 2: 1, 3: 2}


def is_channels_first(network: NetworkSpec) -> bool:
    """Whether any layer of a network has its channels first."""
    return any(layer.config.get("data_format") == "channels_first" for layer in network.walk())


def turned_axis(axis: Any) -> Any:
    """Where an axis of (N, C, H, W) is in (N, H, W, C); several at once, too."""
    if isinstance(axis, list | tuple):
        return tuple(turned_axis(item) for item in axis)
    return _TURNED_AXES[int(axis) % 4]


class Layout:
    """Knows which tensors are turned."""

    def __init__(self) -> None:
        self._turned: dict[int, Any] = {}  # keeps them alive, so that no number comes back

    def is_turned(self, tensor: Any) -> bool:
        """Whether the tensor has its channels last while the file has them first."""
        return id(tensor) in self._turned

    def mark(self, result: Any) -> Any:
        """Notes that tensors are turned."""
        for tensor in result if isinstance(result, list) else [result]:
            self._turned[id(tensor)] = tensor
        return result

    def turned(self, value: Any) -> Any:
        """The same with channels last."""
        if isinstance(value, list | tuple):
            return type(value)(self.turned(item) for item in value)
        if not _is_image(value) or self.is_turned(value):
            return value
        return self.mark(keras.layers.Permute((2, 3, 1))(value))

    def plain(self, value: Any) -> Any:
        """The same as the file has it."""
        if isinstance(value, list | tuple):
            return type(value)(self.plain(item) for item in value)
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, keras.KerasTensor) and self.is_turned(value):
            return keras.layers.Permute((3, 1, 2))(value)
        return value

    def any_turned(self, value: Any) -> bool:
        """Whether a call gets a turned image."""
        if isinstance(value, list | tuple):
            return any(self.any_turned(item) for item in value)
        return isinstance(value, keras.KerasTensor) and self.is_turned(value)


def calculates_turned(class_name: str, data_format: object) -> bool:
    """Whether a layer works on turned tensors: it says so, or the order means nothing to it."""
    name = current_name(class_name)
    return data_format == "channels_first" or name in NEUTRAL or name in WITH_AXIS


def turned_options(class_name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of a layer for turned tensors.

    Raises:
        ValueError: a softmax over the width, which no network means.
    """
    turned = dict(options)
    if "data_format" in turned:
        turned["data_format"] = "channels_last"
    name = current_name(class_name)
    if name in WITH_AXIS:
        turned["axis"] = turned_axis(turned.get("axis", -1))
    if turned.get("shared_axes"):
        turned["shared_axes"] = turned_axis(turned["shared_axes"])
    if turned.get("activation") == "softmax":
        raise ValueError("a softmax over the width of an image with channels first")
    return turned


def _is_image(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor) and len(value.shape) == 4


def turned_array(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """(C, H, W) as (H, W, C)."""
    return np.moveaxis(array, 0, -1) if array.ndim == 3 else array
