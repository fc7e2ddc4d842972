"""Building U-Nets: an encoder that widens as it shrinks, and a decoder that joins each scale again.

Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", 2015. Differences kept small and named: "same" padding, batch normalisation, residual
blocks, a strided stem (most of a full-resolution U-Net's time goes into its first and last blocks),
and bilinear upsampling, which leaves no checkerboard.

Imports Keras; only the engine and the training commands use this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a U-Net.

    Attributes:
        num_classes: number of output channels, at least 2; the output is a softmax over them.
        channels: 1 for gray input, 3 for RGB.
        widths: channels of each encoder scale, finest first; every further scale halves the size.
        blocks: residual blocks of each scale, as many entries as ``widths``.
        stem_stride: 1 works at full resolution; 2 halves the size once before the first scale.
        dropout: share of the deepest scale's channels dropped in training, in [0, 1).
        input_size: (height, width) in pixels, or None for any multiple of :attr:`size_multiple`.
    """

    num_classes: int
    channels: int = 3
    widths: tuple[int, ...] = (24, 48, 96, 128)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    stem_stride: int = 2
    dropout: float = 0.1
    input_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.num_classes < 2:
            raise ValueError(f"num_classes is {self.num_classes}; a softmax needs at least 2")
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"{len(self.widths)} widths and {len(self.blocks)} blocks; give one entry per scale"
            )
        if self.stem_stride not in (1, 2):
            raise ValueError(f"stem_stride is {self.stem_stride}; use 1 or 2")

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return int(self.stem_stride * 2 ** (len(self.widths) - 1))


def build_unet(config: UNetConfig, *, name: str = "unet") -> keras.Model:
    """Builds an untrained U-Net that takes raw 0..255 images and returns class probabilities.

    Args:
        config: the shape of the network.
        name: name of the Keras model.

    Returns:
        A functional model, input (N, H, W, channels) float32 in 0..255, output
        (N, H, W, num_classes) float32 probabilities that sum to 1 over the last axis.
    """
    height, width = config.input_size or (None, None)
    inputs = keras.Input((height, width, config.channels), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_input")(inputs)
    x = _conv(x, config.widths[0], 3, strides=config.stem_stride, name="stem")
    skips: list[Any] = []
    for scale, (num_filters, num_blocks) in enumerate(
        zip(config.widths, config.blocks, strict=True)
    ):
        if scale:
            skips.append(x)
            x = _conv(x, num_filters, 3, strides=2, name=f"down{scale}")
        for block in range(num_blocks):
            x = _residual(x, num_filters, name=f"enc{scale}_{block}")
    if config.dropout:
        x = layers.SpatialDropout2D(config.dropout, name="dropout")(x)
    x = _add_context(x, config.widths[-1])
    for scale in range(len(config.widths) - 2, -1, -1):
        num_filters = config.widths[scale]
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"up{scale}")(x)
        x = layers.Concatenate(name=f"join{scale}")([skips[scale], x])
        x = _conv(x, num_filters, 1, name=f"mix{scale}")
        x = _residual(x, num_filters, name=f"dec{scale}")
    x = layers.Conv2D(config.num_classes, 1, name="logits")(x)
    if config.stem_stride == 2:
        x = layers.UpSampling2D(2, interpolation="bilinear", name="to_full_size")(x)
    outputs = layers.Softmax(name="probabilities", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _conv(x: Any, num_filters: int, size: int, *, name: str, **options: Any) -> Any:
    """Convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(
        num_filters, size, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name, **options,
    )(x)  # fmt: skip
    # 0.9 instead of 0.99: a small data set has few steps per epoch, and slow statistics lag behind.
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _residual(x: Any, num_filters: int, *, name: str) -> Any:
    """Two 3x3 convolutions around a shortcut (He et al., 2016)."""
    y = _conv(x, num_filters, 3, name=f"{name}_a")
    y = layers.Conv2D(
        num_filters, 3, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_b",
    )(y)  # fmt: skip
    y = layers.BatchNormalization(momentum=0.9, name=f"{name}_b_bn")(y)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _add_context(x: Any, num_filters: int) -> Any:
    """Parallel dilated 3x3 convolutions: a wide field of view at the coarsest scale."""
    branches = [
        layers.Conv2D(
            num_filters // 4, 3, padding="same", dilation_rate=rate, use_bias=False,
            kernel_initializer="he_normal", name=f"context_{rate}",
        )(x)
        for rate in (1, 2, 4, 8)
    ]  # fmt: skip
    y = layers.Concatenate(name="context_join")(branches)
    y = layers.BatchNormalization(momentum=0.9, name="context_bn")(y)
    y = layers.ReLU(name="context_relu")(y)
    return layers.Concatenate(name="context_out")([x, y])
