"""Layers that files need and that Keras has lost, or had in another form. All of them can be saved.

They are registered under the package ``seggui``: a network that was fine-tuned with one of them
opens here again, and elsewhere with this module imported.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from model.foreign.addon_layers import ADDON_FUNCTIONS, ADDON_LAYERS
from model.foreign.mirrored_border import MirroredBorder
from model.foreign.pyramid_layers import SpatialPyramidPooling
from model.foreign.transformer_layers import TRANSFORMER_LAYERS
from model.foreign.vocabulary import OUR_ACTIVATION


@keras.saving.register_keras_serializable(package="seggui")  # type: ignore[untyped-decorator]
def keras_2_hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, cut off at 0 and 1. Keras 3 has x / 6 + 0.5 under the same name."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="seggui")
class ThresholdedReLU(keras.layers.Layer):
    """x where x > theta, else 0 (Konda et al., 2014). Keras 3 does not have it any more."""

    def __init__(self, theta: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.theta = theta

    def call(self, inputs: Any) -> Any:
        """Any shape in, the same shape out."""
        return ops.where(inputs > self.theta, inputs, ops.zeros_like(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "theta": self.theta}


@keras.saving.register_keras_serializable(package="seggui")
class OldBilinearUpSampling2D(keras.layers.Layer):
    """Bilinear enlarging as TensorFlow 1 did it: output pixel i shows the input at i / size.

    Without half-pixel centres and without aligned corners; below the last row and right of the
    last column, its value goes on. Stand-alone Keras before 2.4 has this rule.
    """

    def __init__(self, size: tuple[int, int] = (2, 2), **options: Any) -> None:
        super().__init__(**options)
        self.size = (int(size[0]), int(size[1]))

    def call(self, inputs: Any) -> Any:
        """(N, H, W, C) in, (N, H * size[0], W * size[1], C) out."""
        return self._along(self._along(inputs, 1, self.size[0]), 2, self.size[1])

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(N, H * size[0], W * size[1], C), None where it is open."""
        batch, height, width, channels = input_shape
        rows, columns = self.size
        return (
            batch, None if height is None else height * rows,
            None if width is None else width * columns, channels,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "size": self.size}

    def _along(self, x: Any, axis: int, factor: int) -> Any:
        """Between each pixel and its next one there are ``factor`` steps; the last has no next."""
        if factor == 1:
            return x
        length = ops.shape(x)[axis]
        index = [slice(None)] * 4
        index[axis] = slice(1, None)
        following = x[tuple(index)]
        index[axis] = slice(length - 1, length)
        following = ops.concatenate([following, x[tuple(index)]], axis=axis)
        steps = [x + (following - x) * (step / factor) for step in range(factor)]
        mixed = ops.stack(steps, axis=axis + 1)
        shape = list(ops.shape(x))
        shape[axis] = length * factor
        return ops.reshape(mixed, [-1, *shape[1:]])


@keras.saving.register_keras_serializable(package="seggui")
class ResizeLike(keras.layers.Layer):
    """Resizes its first input to the height and width of its second, times a factor."""

    def __init__(
        self,
        interpolation: str = "bilinear",
        factors: tuple[float, float] = (1.0, 1.0),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.interpolation = interpolation
        self.factors = (float(factors[0]), float(factors[1]))

    def call(self, inputs: Any) -> Any:
        """[(N, H, W, C), (N, H2, W2, D)] in, (N, H2 * f, W2 * f, C) out."""
        x, like = inputs
        shape = ops.shape(like)
        size = [_times(shape[axis + 1], self.factors[axis]) for axis in (0, 1)]
        return ops.image.resize(x, size, interpolation=self.interpolation)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Height and width of the second input, channels of the first."""
        first, second = input_shape
        sides = [
            None if side is None else int(side * factor)
            for side, factor in zip(second[1:3], self.factors, strict=True)
        ]
        return (first[0], *sides, first[3])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "factors": self.factors,
        }


@keras.saving.register_keras_serializable(package="seggui")
class OldResizing(keras.layers.Layer):
    """Resizes as TensorFlow 1 did (``tf.compat.v1.image.resize``), to a size or like a tensor.

    Output pixel i shows the input at i * input size / output size, without pixel centres; with
    ``align_corners``, at i * (input size - 1) / (output size - 1).
    """

    def __init__(
        self,
        interpolation: str = "bilinear",
        size: tuple[int, int] | None = None,
        factors: tuple[float, float] = (1.0, 1.0),
        align_corners: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.interpolation = interpolation
        self.size = None if size is None else (int(size[0]), int(size[1]))
        self.factors = (float(factors[0]), float(factors[1]))
        self.align_corners = bool(align_corners)

    def call(self, inputs: Any) -> Any:
        """(N, H, W, C) in, with a second tensor (N, H2, W2, D) unless there is a size."""
        if self.size is not None:
            x, sides = inputs, list(self.size)
        else:
            x, like = inputs
            shape = ops.shape(like)
            sides = [_times(shape[axis + 1], self.factors[axis]) for axis in (0, 1)]
        return self._along(self._along(x, 1, sides[0]), 2, sides[1])

    def _along(self, x: Any, axis: int, length: Any) -> Any:
        given, wanted = ops.shape(x)[axis], length
        steps = ops.cast(ops.arange(0, wanted, dtype="int32"), "float32")
        last, end = ops.cast(given - 1, "float32"), ops.cast(wanted - 1, "float32")
        scale = ops.cast(given, "float32") / ops.cast(wanted, "float32")
        if self.align_corners:
            scale = ops.where(end > 0, last / ops.maximum(end, 1.0), 0.0)
        places = steps * scale
        if self.interpolation == "nearest":
            rounded = ops.floor(places + 0.5) if self.align_corners else ops.floor(places)
            return ops.take(x, ops.cast(ops.minimum(rounded, last), "int32"), axis=axis)
        lower = ops.floor(places)
        weight = ops.reshape(
            ops.cast(places - lower, x.dtype), [-1 if place == axis else 1 for place in range(4)]
        )
        before = ops.take(x, ops.cast(ops.minimum(lower, last), "int32"), axis=axis)
        after = ops.take(x, ops.cast(ops.minimum(lower + 1, last), "int32"), axis=axis)
        return before + (after - before) * weight

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Height and width as asked for, channels of the first."""
        if self.size is not None:
            return (input_shape[0], *self.size, input_shape[3])
        first, second = input_shape
        sides = [
            None if side is None else int(side * factor)
            for side, factor in zip(second[1:3], self.factors, strict=True)
        ]
        return (first[0], *sides, first[3])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {
            **super().get_config(), "interpolation": self.interpolation, "size": self.size,
            "factors": self.factors, "align_corners": self.align_corners,
        }  # fmt: skip


@keras.saving.register_keras_serializable(package="seggui")
class TanhGELU(keras.layers.Layer):
    """The Gaussian error linear unit by its tanh formula (Hendrycks and Gimpel, 2016)."""

    def call(self, inputs: Any) -> Any:
        """Any shape in, the same shape out."""
        return ops.gelu(inputs, approximate=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape


@keras.saving.register_keras_serializable(package="seggui")
class Snake(keras.layers.Layer):
    """x + sin(beta x)^2 / beta (Ziyin, Hartwig and Ueda, 2020).

    Under Keras 2, keras-unet-collection stores beta as a weight; under Keras 3 it does not.
    """

    def __init__(self, beta: float = 0.5, is_stored: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.beta, self.is_stored = float(beta), bool(is_stored)
        self.beta_factor: Any = self.beta

    def build(self, input_shape: Any) -> None:
        """One number or none; it stays as it is in fine-tuning."""
        if not self.is_stored:
            return
        self.beta_factor = self.add_weight(
            shape=(), name="beta_factor", trainable=False,
            initializer=keras.initializers.Constant(self.beta),
        )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """Any shape in, the same shape out."""
        return inputs + ops.square(ops.sin(self.beta_factor * inputs)) / self.beta_factor

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "beta": self.beta, "is_stored": self.is_stored}


def _times(side: Any, factor: float) -> Any:
    if factor == 1.0:
        return side
    if factor == int(factor):
        return side * int(factor)
    return ops.cast(ops.cast(side, "float32") * factor, "int32")


EQUIVALENTS: dict[str, type[keras.layers.Layer]] = {
    "ThresholdedReLU": ThresholdedReLU,
    "OldBilinearUpSampling2D": OldBilinearUpSampling2D,
    "ResizeLike": ResizeLike,
    "OldResizing": OldResizing,
    "TanhGELU": TanhGELU,
    "Snake": Snake,
    "MirroredBorder": MirroredBorder,
    "SpatialPyramidPooling": SpatialPyramidPooling,
    **ADDON_LAYERS,
    **TRANSFORMER_LAYERS,
}
"""Our layers by name."""

OUR_FUNCTIONS: dict[Any, Any] = {OUR_ACTIVATION: keras_2_hard_sigmoid, **ADDON_FUNCTIONS}
"""Our activations by name."""
