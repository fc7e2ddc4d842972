"""The running mean of a network's weights while it is trained. Imports Keras."""

from __future__ import annotations

import keras

MOST_STEPS = 16
"""Between two updates: each copies all weights, a quarter of a step of the default recipe."""


def steps_between(momentum: float) -> int:
    """Steps from one update to the next: at most a twenty-fifth of those the mean goes back."""
    return max(1, min(MOST_STEPS, round(0.04 / (1.0 - momentum))))


class RunningMean:
    """Keeps a second network at the mean of the latest weights of a first one.

    The mean forgets by ``momentum`` per step; several steps at once forget by the product. Young
    means forget faster, or the random start would stay in them for long.
    """

    def __init__(self, network: keras.Model, averaged: keras.Model, momentum: float) -> None:
        """Starts with the weights of the moment.

        Args:
            network: is trained.
            averaged: of the same shape; gets the mean.
            momentum: 0 keeps no mean but a copy.
        """
        self._network, self._averaged, self._momentum = network, averaged, momentum
        self._every = steps_between(momentum)
        self._share, self._num_waiting = 1.0, 0
        averaged.set_weights(network.get_weights())

    def note_step(self, step: int) -> None:
        """A step was made, the ``step``-th of the run; every few of them the mean follows."""
        self._share *= min(self._momentum, (1 + step) / (10 + step))
        self._num_waiting += 1
        if self._momentum and self._num_waiting == self._every:
            self.catch_up()

    def catch_up(self) -> None:
        """Takes in the steps since the last update, so that none waits."""
        if self._num_waiting:
            share = self._share
            pairs = zip(self._averaged.get_weights(), self._network.get_weights(), strict=True)
            self._averaged.set_weights([share * old + (1 - share) * new for old, new in pairs])
        self.forget_waiting()

    def forget_waiting(self) -> None:
        """Leaves out the steps since the last update: they led to weights that are no numbers."""
        self._share, self._num_waiting = 1.0, 0
