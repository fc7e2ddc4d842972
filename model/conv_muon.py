"""The optimizer of the default recipe: Muon for the kernels of convolutions. Imports Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan et al.: five rounds bring singular values of 0.01 to 1 near 1."""
_NUM_ROUNDS = 5
_TINY = 1e-7


class ConvMuon(keras.optimizers.Optimizer):
    """Steps of equal size in all directions of a convolution's kernel; Adam for everything else.

    A kernel (rows, columns, C, D) is a matrix (rows * columns * C, D). Its step is the momentum of
    its gradient with all singular values brought near 1, so that directions that gradients rarely
    point to are learnt as fast as others. Steps have the size that Adam's usually have, and so its
    learning rates and weight decay fit. The first and the last kernel of a network, biases and
    normalisation are Adam's.

    Sources: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024, also
    for convolutions; the size of steps is that of Liu et al., "Muon is scalable for LLM training",
    2025. Keras' own Muon leaves kernels of convolutions to Adam.
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        name: str = "conv_muon",
    ) -> None:
        """Nothing is built yet.

        Args:
            learning_rate: as for AdamW.
            weight_decay: decoupled, as that of AdamW; all variables but those excluded.
            momentum: of kernels.
            beta_1: Adam's mean of gradients.
            beta_2: Adam's mean of their squares.
            name: of the optimizer.
        """
        super().__init__(learning_rate, weight_decay=weight_decay or None, name=name)
        self.momentum, self.beta_1, self.beta_2 = momentum, beta_1, beta_2

    def build(self, var_list: Sequence[Any]) -> None:
        """Makes the state: a mean for each variable, a second one for those that are Adam's."""
        if self.built:
            return
        super().build(var_list)
        kernels = [variable for variable in var_list if len(variable.shape) == 4]
        inner = {id(variable) for variable in kernels[1:-1]}
        self._means = [self._like(variable, "mean") for variable in var_list]
        self._squares = [
            None if id(variable) in inner else self._like(variable, "square")
            for variable in var_list
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One step of one variable."""
        index = self._get_variable_index(variable)
        mean, square = self._means[index], self._squares[index]
        gradient = keras.ops.cast(gradient, variable.dtype)
        rate = keras.ops.cast(learning_rate, variable.dtype)
        if square is None:
            self._turn(gradient, variable, rate, mean)
        else:
            self._adam(gradient, variable, rate, mean, square)

    def _like(self, variable: Any, name: str) -> Any:
        return self.add_variable_from_reference(reference_variable=variable, name=name)

    def _turn(self, gradient: Any, variable: Any, rate: Any, mean: Any) -> None:
        self.assign(mean, self.momentum * mean + gradient)
        *others, width = variable.shape
        height = math.prod(others)
        ahead = keras.ops.reshape(gradient + self.momentum * mean, (height, width))  # Nesterov's
        step = orthogonalized(ahead) * (0.2 * math.sqrt(max(height, width)))
        self.assign_sub(variable, rate * keras.ops.reshape(step, variable.shape))

    def _adam(self, gradient: Any, variable: Any, rate: Any, mean: Any, square: Any) -> None:
        ops = keras.ops
        number = ops.cast(self.iterations + 1, variable.dtype)
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (gradient * gradient - square) * (1 - self.beta_2))
        rate = rate * ops.sqrt(1 - self.beta_2**number) / (1 - self.beta_1**number)
        self.assign_sub(variable, rate * mean / (ops.sqrt(square) + _TINY))


def orthogonalized(matrix: Any) -> Any:
    """A matrix with the same singular vectors and singular values of about 0.7 to 1.2.

    Args:
        matrix: (M, N) float; directions of less than a hundredth of its norm stay smaller.
    """
    ops = keras.ops
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if is_tall else matrix
    x = x / (ops.sqrt(ops.sum(x * x)) + _TINY)
    a, b, c = _QUINTIC
    for _ in range(_NUM_ROUNDS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return ops.transpose(x) if is_tall else x
