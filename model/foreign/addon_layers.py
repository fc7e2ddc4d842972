"""Layers and activations of TensorFlow Addons that Keras never had, by their public formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="seggui")


@_register
class FilterResponseNormalization(keras.layers.Layer):
    """x / sqrt(mean of x squared + epsilon), scaled and moved (Singh and Krishnan, 2019).

    (N, H, W, C) in, the same out; the mean is over rows and columns.
    """

    def __init__(
        self,
        epsilon: float = 1e-6,
        axis: tuple[int, ...] = (1, 2),
        learned_epsilon: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.epsilon, self.axis = float(epsilon), tuple(int(number) for number in axis)
        self.learned_epsilon = bool(learned_epsilon)

    def build(self, input_shape: Any) -> None:
        """Weights: scale and offset of each channel; one number more if epsilon is learned."""
        shape = tuple(
            1 if axis in (0, *self.axis) else side for axis, side in enumerate(input_shape)
        )
        self.gamma = self.add_weight(shape=shape, name="gamma", initializer="ones")
        self.beta = self.add_weight(shape=shape, name="beta", initializer="zeros")
        if self.learned_epsilon:
            self.more = self.add_weight(shape=(1,), name="learned_epsilon", initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        power = ops.mean(ops.square(inputs), axis=self.axis, keepdims=True)
        epsilon = abs(self.epsilon)
        if self.learned_epsilon:
            epsilon = epsilon + ops.abs(self.more)
        return inputs * ops.rsqrt(power + epsilon) * self.gamma + self.beta

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {
            **super().get_config(), "epsilon": self.epsilon, "axis": self.axis,
            "learned_epsilon": self.learned_epsilon,
        }  # fmt: skip


@_register
class ApproximateGELU(keras.layers.Layer):
    """The Gaussian error linear unit, exact or by its tanh formula."""

    def __init__(self, approximate: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.approximate = bool(approximate)

    def call(self, inputs: Any) -> Any:
        """Any shape in, the same shape out."""
        return ops.gelu(inputs, approximate=self.approximate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "approximate": self.approximate}


@_register
class WeightNormalization(keras.layers.Wrapper):
    """A layer whose kernel is stored as direction and length (Salimans and Kingma, 2016).

    Shapes in and out are those of the layer inside. The length is one number for each of the last
    axis of the kernel. Until ``initialized`` is true, the kernel is taken as it is.
    """

    def __init__(self, layer: Any, data_init: bool = True, **options: Any) -> None:
        super().__init__(layer, **options)
        self.data_init = bool(data_init)

    def build(self, input_shape: Any) -> None:
        """Weights: lengths, direction, whether lengths count; then those of the layer inside."""
        super().build(input_shape)
        kernel = self.layer.kernel
        self.g = self.add_weight(shape=(kernel.shape[-1],), name="g", initializer="ones")
        self.v = kernel
        self._initialized = self.add_weight(
            shape=(), name="initialized", initializer="zeros", dtype="bool", trainable=False
        )

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        direction = ops.convert_to_tensor(self.v)
        power = ops.sum(ops.square(direction), tuple(range(direction.ndim - 1)), keepdims=True)
        # Values and no variables: JAX takes none of them in a traced function.
        has_lengths = ops.convert_to_tensor(self._initialized)
        length = ops.where(has_lengths, ops.convert_to_tensor(self.g), ops.sqrt(power))
        kernel = direction * ops.rsqrt(ops.maximum(power, 1e-12)) * length
        others = [each for each in self.layer.variables if each is not self.v]
        values = [(self.v, kernel), *((each, each.value) for each in others)]
        with keras.StatelessScope(state_mapping=values):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the layer inside."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "data_init": self.data_init}


@_register  # type: ignore[untyped-decorator]
def tanh_gelu(x: Any) -> Any:
    """GELU by its tanh formula."""
    return ops.gelu(x, approximate=True)


@_register  # type: ignore[untyped-decorator]
def lisht(x: Any) -> Any:
    """x tanh(x) (Roy et al., 2019)."""
    return x * ops.tanh(x)


@_register  # type: ignore[untyped-decorator]
def snake(x: Any) -> Any:
    """x + sin(x)^2 (Ziyin, Hartwig and Ueda, 2020, with frequency 1)."""
    return x + ops.square(ops.sin(x))


@_register  # type: ignore[untyped-decorator]
def mean_rrelu(x: Any) -> Any:
    """What the randomized leaky ReLU gives at prediction: the mean slope of 1/8 to 1/3."""
    return ops.where(x >= 0, x, x * ((1 / 8 + 1 / 3) / 2))


ADDON_LAYERS: dict[str, type[keras.layers.Layer]] = {
    "FilterResponseNormalization": FilterResponseNormalization,
    "ApproximateGELU": ApproximateGELU,
    "WeightNormalization": WeightNormalization,
}
"""The layers by name."""

ADDON_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh_gelu": tanh_gelu, "lisht": lisht, "snake": snake, "mean_rrelu": mean_rrelu,
}  # fmt: skip
"""The activations by name."""
