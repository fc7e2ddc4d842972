"""The running mean of weights in training: what it forgets, and when it follows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from model.running_mean import MOST_STEPS, RunningMean, steps_between

# WORKAROUND: tensorflow 2.21 variables with numpy 2 (its __array__ knows no copy keyword); recheck
# with the next TensorFlow.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def networks() -> tuple[keras.Model, keras.Model]:
    def build() -> keras.Model:
        inputs = keras.Input((1,))
        return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))

    return build(), build()


def weight_of(network: keras.Model) -> float:
    return float(network.get_weights()[0][0, 0])


def put(network: keras.Model, value: float) -> None:
    network.set_weights([np.full((1, 1), value, np.float32)])


def test_the_mean_starts_with_the_weights_of_the_moment() -> None:
    network, averaged = networks()
    put(network, 3.0)
    RunningMean(network, averaged, 0.9)
    assert weight_of(averaged) == 3.0


def test_it_follows_every_few_steps_and_forgets_as_much_as_single_steps_would() -> None:
    network, averaged = networks()
    put(network, 1.0)
    mean = RunningMean(network, averaged, 0.99)
    put(network, 0.0)
    for step in range(1001, 1005):
        assert weight_of(averaged) == 1.0
        mean.note_step(step)
    assert weight_of(averaged) == pytest.approx(0.99**4)


def test_updates_are_close_to_each_other_beside_what_the_mean_goes_back() -> None:
    assert [steps_between(momentum) for momentum in (0.0, 0.5, 0.9, 0.99)] == [1, 1, 1, 4]
    assert steps_between(0.998) == steps_between(0.99999) == MOST_STEPS


def test_what_waits_is_taken_in_once_and_not_again() -> None:
    network, averaged = networks()
    put(network, 1.0)
    mean = RunningMean(network, averaged, 0.99)
    put(network, 0.0)
    mean.note_step(1001)
    mean.note_step(1002)
    mean.catch_up()
    mean.catch_up()
    assert weight_of(averaged) == pytest.approx(0.99**2)


def test_young_means_forget_the_random_start_as_fast_as_with_single_steps() -> None:
    network, averaged = networks()
    put(network, 1.0)
    mean = RunningMean(network, averaged, 0.998)
    put(network, 0.0)
    expected = 1.0
    for step in range(1, 1 + MOST_STEPS):
        expected *= (1 + step) / (10 + step)
        mean.note_step(step)
    assert weight_of(averaged) == pytest.approx(expected, rel=1e-5)
    assert expected < 1e-4


def test_forgotten_steps_leave_no_trace() -> None:
    network, averaged = networks()
    put(network, 1.0)
    mean = RunningMean(network, averaged, 0.99)
    put(network, float("nan"))
    mean.note_step(1001)
    mean.forget_waiting()
    mean.catch_up()
    assert weight_of(averaged) == 1.0


def test_without_momentum_it_is_a_copy_when_asked_for() -> None:
    network, averaged = networks()
    put(network, 1.0)
    mean = RunningMean(network, averaged, 0.0)
    for step in range(1, 32):
        put(network, float(step))
        mean.note_step(step)
    assert weight_of(averaged) == 1.0
    mean.catch_up()
    assert weight_of(averaged) == 31.0
