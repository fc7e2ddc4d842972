"""The pyramid of DeepLab as keras-hub has it, by its formula (Chen et al., 2017).

Attributes are called as in its files, so that stored arrays find their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

_MAX_RATES = 16


@keras.saving.register_keras_serializable(package="seggui")
class SpatialPyramidPooling(keras.layers.Layer):
    """Convolutions of several dilations beside each other, and the mean of the image.

    (N, H, W, C) in, (N, H, W, num_channels) out.
    """

    def __init__(
        self,
        dilation_rates: Sequence[int] = (6, 12, 18),
        num_channels: int = 256,
        activation: str = "relu",
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if len(dilation_rates) > _MAX_RATES:
            raise ValueError(f"{len(dilation_rates)} dilation rates; at most {_MAX_RATES} are used")
        self._given: dict[str, Any] = {
            "dilation_rates": [int(rate) for rate in dilation_rates],
            "num_channels": int(num_channels), "activation": activation, "dropout": float(dropout),
        }  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Weights: a convolution and a normalisation for each branch and for what joins them."""
        rates, width = self._given["dilation_rates"], self._given["num_channels"]
        mean = [
            keras.layers.GlobalAveragePooling2D(keepdims=True, dtype=self.dtype_policy),
            *self._branch(1, 1),
        ]
        branches = [self._branch(1, 1), *(self._branch(3, rate) for rate in rates), mean]
        self.aspp_parallel_channels = [keras.Sequential(branch) for branch in branches]
        for branch in self.aspp_parallel_channels:
            branch.build(input_shape)
        dropout = keras.layers.Dropout(self._given["dropout"], dtype=self.dtype_policy)
        self.projection = keras.Sequential([*self._branch(1, 1), dropout])
        self.projection.build((*input_shape[:-1], width * len(branches)))

    def _branch(self, side: int, rate: int) -> list[keras.layers.Layer]:
        policy = self.dtype_policy
        return [
            keras.layers.Conv2D(
                self._given["num_channels"], side, padding="same", dilation_rate=rate,
                use_bias=False, dtype=policy,
            ),
            keras.layers.BatchNormalization(dtype=policy),
            keras.layers.Activation(self._given["activation"], dtype=policy),
        ]  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        *local, mean = [branch(inputs) for branch in self.aspp_parallel_channels]
        mean = ops.broadcast_to(mean, (*ops.shape(local[0])[:3], mean.shape[3]))
        return self.projection(ops.concatenate([*local, mean], axis=-1))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same height and width."""
        return (*input_shape[:-1], self._given["num_channels"])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), **self._given}
