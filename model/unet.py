"""Building U-Nets: an encoder that widens as it shrinks, and a decoder that joins each scale again.

Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", 2015. Differences kept small and named: "same" padding, normalisation, residual
blocks, a strided stem (most of a full-resolution U-Net's time goes into its first and last blocks),
bilinear upsampling, which leaves no checkerboard, and dilated convolutions at the coarsest scale.

Imports Keras; only the engine and the training commands use this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers

NUM_GROUPS = 8
"""Of group normalisation; widths must be multiples of it."""


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a U-Net.

    The kind was chosen by seconds per training step on two cores: 1.0 to 1.2 s for eight crops of
    320 x 256, where residual blocks at every scale of the encoder and decoder, at the same number
    of parameters, take 2.7 s. Widths and blocks were then chosen by what such a network knows of
    streets that it has not seen (docs/networks.md), within 2 million parameters.

    Attributes:
        num_classes: number of output channels, at least 2; the output is a softmax over them.
        channels: 1 for gray input, 3 for RGB.
        widths: channels of each encoder scale, finest first; every further scale halves the size.
        blocks: residual blocks of each scale, as many entries as ``widths``; 0 leaves one
            convolution.
        stem_stride: 1 works at full resolution; 2 halves the size once before the first scale.
        normalization: after each convolution: over the batch, over groups of channels (for tiny
            batches; Wu and He, 2018), or none.
        upsampling: how the decoder doubles the size: fixed bilinear or nearest, or a learned
            transposed convolution.
        decoder: one 3x3 convolution at each scale (``"plain"``), or a residual block.
        dropout: share of the deepest scale's channels dropped in training, in [0, 1).
        input_size: (height, width) in pixels, or None for any multiple of :attr:`size_multiple`.
    """

    num_classes: int
    channels: int = 3
    widths: tuple[int, ...] = (16, 48, 96, 128)
    blocks: tuple[int, ...] = (0, 2, 4, 2)
    stem_stride: int = 2
    normalization: Literal["batch", "group", "none"] = "batch"
    upsampling: Literal["bilinear", "nearest", "transposed"] = "bilinear"
    decoder: Literal["plain", "residual"] = "plain"
    dropout: float = 0.1
    input_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.num_classes < 2:
            raise ValueError(f"num_classes is {self.num_classes}; a softmax needs at least 2")
        if self.channels not in (1, 3):
            raise ValueError(f"channels is {self.channels}; use 1 for gray or 3 for RGB")
        if len(self.widths) != len(self.blocks) or not self.widths:
            raise ValueError(
                f"{len(self.widths)} widths and {len(self.blocks)} blocks; give one entry per scale"
            )
        if self.stem_stride not in (1, 2):
            raise ValueError(f"stem_stride is {self.stem_stride}; use 1 or 2")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it is a share from 0 to below 1")
        if self.normalization == "group" and any(w % NUM_GROUPS for w in self.widths):
            raise ValueError(f"widths {self.widths} are not all multiples of {NUM_GROUPS}")
        sides = self.input_size or ()
        if any(side % self.size_multiple for side in sides):
            raise ValueError(
                f"input_size {self.input_size} is no multiple of {self.size_multiple}, as "
                f"{len(self.widths)} scales need"
            )

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
    return _Builder(config).build(name)


class _Builder:
    """Puts the layers of one configuration together."""

    def __init__(self, config: UNetConfig) -> None:
        self._config = config

    def build(self, name: str) -> keras.Model:
        config = self._config
        height, width = config.input_size or (None, None)
        inputs = keras.Input((height, width, config.channels), name="image")
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_input")(inputs)
        x, skips = self._encode(x)
        if config.dropout:
            x = layers.SpatialDropout2D(config.dropout, name="dropout")(x)
        x = self._add_context(x)
        x = self._decode(x, skips)
        x = layers.Conv2D(config.num_classes, 1, name="logits")(x)
        if config.stem_stride == 2:
            x = layers.UpSampling2D(2, interpolation="bilinear", name="to_full_size")(x)
        outputs = layers.Softmax(name="probabilities", dtype="float32")(x)
        return keras.Model(inputs, outputs, name=name)

    def _encode(self, x: Any) -> tuple[Any, list[Any]]:
        config = self._config
        x = self._conv(x, config.widths[0], 3, strides=config.stem_stride, name="stem")
        skips: list[Any] = []
        for scale, num_blocks in enumerate(config.blocks):
            if scale:
                skips.append(x)
                x = self._conv(x, config.widths[scale], 3, strides=2, name=f"down{scale}")
            for block in range(num_blocks):
                x = self._residual(x, config.widths[scale], name=f"enc{scale}_{block}")
        return x, skips

    def _decode(self, x: Any, skips: list[Any]) -> Any:
        config = self._config
        for scale in range(len(config.widths) - 2, -1, -1):
            width = config.widths[scale]
            x = layers.Concatenate(name=f"join{scale}")([skips[scale], self._enlarged(x, scale)])
            if config.decoder == "plain":
                x = self._conv(x, width, 3, name=f"dec{scale}")
            else:
                x = self._conv(x, width, 1, name=f"mix{scale}")
                x = self._residual(x, width, name=f"dec{scale}")
        return x

    def _enlarged(self, x: Any, scale: int) -> Any:
        """Twice the size, with the channels of the scale that it is joined to."""
        width, way = self._config.widths[scale], self._config.upsampling
        if way == "transposed":
            return layers.Conv2DTranspose(width, 2, strides=2, name=f"up{scale}")(x)
        # Narrowed before it is made larger: the same sum, a quarter of the work.
        x = self._conv(x, width, 1, name=f"narrow{scale}")
        return layers.UpSampling2D(2, interpolation=way, name=f"up{scale}")(x)

    def _conv(self, x: Any, num_filters: int, size: int, *, name: str, **options: Any) -> Any:
        """Convolution, normalisation, ReLU."""
        x = self._plain_conv(x, num_filters, size, name=name, **options)
        return layers.ReLU(name=f"{name}_relu")(self._normalized(x, f"{name}_bn"))

    def _residual(self, x: Any, num_filters: int, *, name: str) -> Any:
        """Two 3x3 convolutions around a shortcut (He et al., 2016)."""
        y = self._conv(x, num_filters, 3, name=f"{name}_a")
        y = self._normalized(self._plain_conv(y, num_filters, 3, name=f"{name}_b"), f"{name}_b_bn")
        return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))

    def _add_context(self, x: Any) -> Any:
        """Parallel dilated 3x3 convolutions: a wide field of view at the coarsest scale."""
        width = self._config.widths[-1]
        branches = [
            self._plain_conv(x, max(1, width // 4), 3, name=f"context_{rate}", dilation_rate=rate)
            for rate in (1, 2, 4, 8)
        ]
        y = self._normalized(layers.Concatenate(name="context_join")(branches), "context_bn")
        y = layers.ReLU(name="context_relu")(y)
        return layers.Concatenate(name="context_out")([x, y])

    def _plain_conv(self, x: Any, num_filters: int, size: int, *, name: str, **options: Any) -> Any:
        return layers.Conv2D(
            num_filters, size, padding="same", use_bias=self._config.normalization == "none",
            kernel_initializer="he_normal", name=name, **options,
        )(x)  # fmt: skip

    def _normalized(self, x: Any, name: str) -> Any:
        if self._config.normalization == "batch":
            # 0.9 instead of 0.99: a small data set has few steps per epoch, and slow statistics
            # lag behind.
            return layers.BatchNormalization(momentum=0.9, name=name)(x)
        if self._config.normalization == "group":
            return layers.GroupNormalization(NUM_GROUPS, name=name)(x)
        return x


def build_plain_unet(config: UNetConfig, *, name: str = "plain_unet") -> keras.Model:
    """Builds an untrained U-Net as in the paper, but padded and normalised.

    Two 3x3 convolutions at each scale of encoder and decoder, from the full size on, maximum
    pooling between them, and no context module. With the same multiply-adds it is narrower than
    `build_unet`, and slower, because its first and last scale have the size of the image.

    Args:
        config: the shape; ``stem_stride`` must be 1, ``blocks`` and ``decoder`` say nothing here.
        name: name of the Keras model.

    Returns:
        A functional model with input and output as those of `build_unet`.
    """
    if config.stem_stride != 1:
        raise ValueError(f"stem_stride is {config.stem_stride}; a plain U-Net has 1")
    return _PlainBuilder(config).build(name)


class _PlainBuilder(_Builder):
    """Two convolutions at each scale, and pooling."""

    def _encode(self, x: Any) -> tuple[Any, list[Any]]:
        skips: list[Any] = []
        for scale, width in enumerate(self._config.widths):
            if scale:
                skips.append(x)
                x = layers.MaxPooling2D(name=f"pool{scale}")(x)
            x = self._pair(x, width, f"enc{scale}")
        return x, skips

    def _decode(self, x: Any, skips: list[Any]) -> Any:
        for scale in range(len(skips) - 1, -1, -1):
            width = self._config.widths[scale]
            x = layers.Concatenate(name=f"join{scale}")([skips[scale], self._enlarged(x, scale)])
            x = self._pair(x, width, f"dec{scale}")
        return x

    def _add_context(self, x: Any) -> Any:
        return x

    def _pair(self, x: Any, num_filters: int, name: str) -> Any:
        x = self._conv(x, num_filters, 3, name=f"{name}_a")
        return self._conv(x, num_filters, 3, name=f"{name}_b")


def build_seed_unet(
    input_size: tuple[int, int] = (416, 416), *, channels: int = 1, num_classes: int = 12
) -> keras.Model:
    """Builds the network of the seed project: the classic U-Net with 64 to 1024 channels.

    Upsampling by repetition and a 2x2 convolution, dropout 0.5 at the two deepest scales, and
    ``num_classes`` channels with a ReLU before the softmax, as the seed had it: 31,031,464
    parameters with the default arguments.

    Args:
        input_size: (height, width), multiples of 16.
        channels: of the input.
        num_classes: of the output; the seed trained void as its twelfth class.

    Returns:
        A functional model, input (N, H, W, channels) float32 as the seed scaled it
        (`Scaling.L2`), output (N, H, W, num_classes) softmax.
    """
    if any(side % 16 for side in input_size):
        raise ValueError(f"input_size is {input_size}; both sides must be multiples of 16")
    inputs = keras.Input((*input_size, channels), name="image")
    x: Any = inputs
    skips: list[Any] = []
    for scale, width in enumerate((64, 128, 256, 512, 1024)):
        if scale:
            x = layers.MaxPooling2D(name=f"pool{scale}")(x)
        x = _seed_pair(x, width, f"down{scale}")
        if scale >= 3:
            x = layers.Dropout(0.5, name=f"drop{scale}")(x)
        skips.append(x)
    for scale, width in ((3, 512), (2, 256), (1, 128), (0, 64)):
        x = layers.UpSampling2D(2, name=f"enlarge{scale}")(x)
        x = _seed_conv(x, width, 2, f"up{scale}")
        x = layers.Concatenate(name=f"join{scale}")([skips[scale], x])
        x = _seed_pair(x, width, f"dec{scale}")
    x = layers.Conv2D(num_classes, 1, activation="relu", name="classes")(x)
    outputs = layers.Conv2D(num_classes, 1, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="seed_unet")


def _seed_pair(x: Any, width: int, name: str) -> Any:
    return _seed_conv(_seed_conv(x, width, 3, f"{name}_a"), width, 3, f"{name}_b")


def _seed_conv(x: Any, width: int, size: int, name: str) -> Any:
    return layers.Conv2D(
        width, size, activation="relu", padding="same", kernel_initializer="he_normal", name=name
    )(x)
