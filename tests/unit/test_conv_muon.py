"""Muon for convolutions: equal steps in all directions of a kernel, Adam for the rest."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from model.conv_muon import ConvMuon, orthogonalized
from model.recipes import DEFAULT, PLAIN, SEED
from model.scratch_network import build_network, compile_learner, learner_of
from tests.unit import zoo

pytestmark = zoo.keras_warnings

SHAPES = {
    "first/kernel": (3, 3, 3, 8), "first/bias": (8,), "inner/kernel": (3, 3, 8, 16),
    "norm/gamma": (16,), "narrow/kernel": (1, 1, 16, 4), "last/kernel": (1, 1, 4, 3),
}  # fmt: skip
INNER = ("inner/kernel", "narrow/kernel")


def variables() -> list[keras.Variable]:
    rng = np.random.default_rng(0)
    return [
        keras.Variable(rng.normal(size=shape).astype(np.float32), name=name.replace("/", "_"))
        for name, shape in SHAPES.items()
    ]


def gradients(seed: int) -> list[object]:
    rng = np.random.default_rng(seed)
    return [
        ops.convert_to_tensor(rng.normal(size=shape).astype(np.float32))
        for shape in SHAPES.values()
    ]


def after(optimizer: keras.optimizers.Optimizer, num_steps: int) -> dict[str, np.ndarray]:
    weights = variables()
    for step in range(num_steps):
        optimizer.apply(gradients(step), weights)
    return dict(zip(SHAPES, map(ops.convert_to_numpy, weights), strict=True))


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (16, 16)])
def test_a_matrix_keeps_its_directions_and_gets_equal_strength_in_them(
    shape: tuple[int, int],
) -> None:
    rng = np.random.default_rng(1)
    u, _, vt = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    strengths = np.geomspace(1.0, 0.1, len(vt))
    matrix = (u * strengths) @ vt

    turned = ops.convert_to_numpy(orthogonalized(ops.convert_to_tensor(matrix.astype(np.float32))))

    inside = u.T @ turned @ vt.T
    assert np.diag(inside).min() > 0.6
    assert np.diag(inside).max() < 1.3
    np.testing.assert_allclose(inside - np.diag(np.diag(inside)), 0.0, atol=1e-4)


def test_a_gradient_of_nothing_moves_nothing() -> None:
    turned = orthogonalized(ops.zeros((6, 4)))
    np.testing.assert_array_equal(ops.convert_to_numpy(turned), np.zeros((6, 4)))


def test_the_first_and_last_kernel_biases_and_normalisation_are_adam_s() -> None:
    ours = after(ConvMuon(0.01, weight_decay=0.1), 3)
    adam = after(keras.optimizers.AdamW(0.01, weight_decay=0.1), 3)

    for name in SHAPES:
        if name in INNER:
            assert np.abs(ours[name] - adam[name]).max() > 1e-3, name
        else:
            np.testing.assert_allclose(ours[name], adam[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_kernels_between_them_move_as_far_in_every_direction_as_adam_does_on_the_whole() -> None:
    before = dict(zip(SHAPES, map(ops.convert_to_numpy, variables()), strict=True))
    moved = after(ConvMuon(0.01), 1)
    adam = after(keras.optimizers.Adam(0.01), 1)

    for name in INNER:
        step = (moved[name] - before[name]).reshape(-1, SHAPES[name][-1])
        strengths = np.linalg.svd(step, compute_uv=False)
        assert strengths.max() < 2.0 * strengths.min()
        size = np.sqrt(np.square(adam[name] - before[name]).mean())
        assert np.sqrt(np.square(step).mean()) == pytest.approx(0.2 * size, rel=0.5)


def test_momentum_goes_on_where_gradients_stop() -> None:
    optimizer, weights = ConvMuon(0.01), variables()
    optimizer.apply(gradients(0), weights)
    before = ops.convert_to_numpy(weights[2])
    optimizer.apply([ops.zeros_like(g) for g in gradients(0)], weights)
    assert np.abs(ops.convert_to_numpy(weights[2]) - before).max() > 1e-4


def test_only_kernels_shrink() -> None:
    """By weight decay, where no gradient moves them."""
    network = build_network(DEFAULT, 3)
    learner, _ = learner_of(network, DEFAULT)
    optimizer = compile_learner(learner, DEFAULT, np.array([5, 5, 5]))
    for variable in learner.trainable_variables:
        variable.assign(np.ones(variable.shape, np.float32))
    optimizer.learning_rate = 0.1
    optimizer.apply([ops.zeros(v.shape) for v in learner.trainable_variables])

    shrunk = {v.path.rpartition("/")[2] for v in learner.trainable_variables
              if ops.convert_to_numpy(v).max() < 1.0}  # fmt: skip
    assert shrunk == {"kernel"}


def test_which_optimizer_each_recipe_has() -> None:
    counts = np.array([5, 5, 5])
    found = {}
    for recipe in (DEFAULT, PLAIN):
        learner, _ = learner_of(build_network(recipe, 3), recipe)
        optimizer = compile_learner(learner, recipe, counts)
        found[recipe.name] = type(optimizer)
    assert found == {"default": ConvMuon, "plain": ConvMuon}
    assert SEED.optimizer == "adam"
    assert SEED.weight_decay == 0
