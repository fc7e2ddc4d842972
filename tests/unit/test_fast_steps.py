"""Fast training steps: bfloat16 where it is fast, the same loss, targets at the answers' size."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from model import backend
from model.augmentation import recolor
from model.batches import every_nth_pixel
from model.fast_steps import fast_steps
from model.recipes import DEFAULT, SEED
from model.scratch_losses import LabelledCrossentropy
from model.scratch_network import build_network, compile_learner, learner_of
from tests.unit import zoo

pytestmark = zoo.keras_warnings
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="bfloat16 is a way of TensorFlow's alone"
)

SMALL = dataclasses.replace(
    DEFAULT, widths=(8, 8), blocks=(0, 1), crop_size=(32, 48), dropout=0.0, warmup_steps=0,
    learning_rate=1e-2,
)  # fmt: skip


def batch(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    masks = rng.integers(0, 3, (2, 4, 6)).astype(np.uint8).repeat(8, 1).repeat(8, 2)
    masks[:, :2] = 255
    images = np.stack([masks * 60, masks * 20 + 90, 200 - masks * 30], -1).astype(np.float32)
    return images, masks


def compiled():
    keras.utils.set_random_seed(3)
    network = build_network(SMALL, 3)
    learner, stride = learner_of(network, SMALL)
    compile_learner(learner, SMALL, np.array([5, 5, 5]))
    return network, learner, stride


def losses(precision: str, num_steps: int = 25) -> list[float]:
    network, learner, stride = compiled()
    images, masks = batch()
    with fast_steps(network, precision=precision):
        return [
            float(learner.train_on_batch(images, every_nth_pixel(masks, stride, phase=n))[0])
            for n in range(num_steps)
        ]


@needs_tensorflow
def test_bfloat16_is_taken_where_it_is_fast_and_learns_as_float32_does(monkeypatch) -> None:
    exact = losses("float32")
    monkeypatch.setattr(backend, "ways", lambda: ("graph", "bfloat16"))
    rough = losses("auto")

    assert rough != exact, "it was not run in bfloat16"
    assert exact[-1] < 0.7 * exact[0]
    np.testing.assert_allclose(rough, exact, rtol=0.1)


def test_without_such_a_processor_it_is_float32(monkeypatch) -> None:
    monkeypatch.setattr(backend, "ways", lambda: ("graph",))
    network, _, _ = compiled()
    with fast_steps(network):
        assert {layer.compute_dtype for layer in network.layers} == {"float32"}


@needs_tensorflow
def test_the_network_and_its_variables_are_float32_afterwards(monkeypatch) -> None:
    monkeypatch.setattr(backend, "ways", lambda: ("graph", "bfloat16"))
    network, learner, stride = compiled()
    images, masks = batch()
    with fast_steps(network):
        assert network.get_layer("stem").compute_dtype == "bfloat16"
        learner.train_on_batch(images, every_nth_pixel(masks, stride, phase=0))

    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert all("bfloat16" not in str(v.dtype) for v in network.variables)


def test_what_the_learner_learns_is_in_the_network() -> None:
    network, learner, stride = compiled()
    images, masks = batch()
    before = network.get_weights()
    with fast_steps(network):
        for step in range(60):
            learner.train_on_batch(images, every_nth_pixel(masks, stride, phase=step))

    assert any((a != b).any() for a, b in zip(before, network.get_weights(), strict=True))
    assert learner.count_params() == network.count_params()
    answer = keras.ops.convert_to_numpy(network(images, training=True)).argmax(-1)
    assert (answer == masks)[masks != 255].mean() > 0.9


def test_the_seed_learns_with_its_own_answers_at_full_size() -> None:
    recipe = dataclasses.replace(SMALL, trains_void=True)
    network = build_network(recipe, 3)

    assert learner_of(network, recipe) == (network, 1)
    assert SEED.trains_void


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_scores_is_that_of_their_probabilities(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (2, 5, 4, 3)).astype(np.float32)
    truth = rng.integers(0, 3, (2, 5, 4)).astype(np.uint8)
    truth[0, 0] = 255
    weights = np.array([1.0, 2.0, 0.5], np.float32)
    probabilities = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    raised = probabilities * weights / (probabilities * weights).sum(-1, keepdims=True)
    wanted = np.eye(3)[np.where(truth == 255, 0, truth)] * (1 - smoothing) + smoothing / 3
    weight = np.where(truth == 255, 0.0, weights[np.where(truth == 255, 0, truth)])
    expected = (-(wanted * np.log(raised)).sum(-1) * weight).sum() / weight.sum()

    for answers, from_logits in ((scores, True), (probabilities, False)):
        loss = LabelledCrossentropy(3, smoothing, weights, from_logits=from_logits)
        assert float(loss(truth, answers)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_classes_that_weigh_more_are_not_answered_more_often_than_they_are(
    from_logits: bool,
) -> None:
    """What looks the same everywhere is best answered with the shares that its pixels have."""
    truth = np.array([0] * 90 + [1] * 10, np.uint8).reshape(1, 10, 10)
    loss = LabelledCrossentropy(2, 0.0, np.array([1.0, 5.0], np.float32), from_logits=from_logits)

    def loss_of(share: float) -> float:
        answer = np.broadcast_to(np.array([1 - share, share], np.float32), (1, 10, 10, 2))
        return float(loss(truth, np.log(answer) if from_logits else answer))

    shares = np.linspace(0.02, 0.98, 49)
    assert shares[np.argmin([loss_of(share) for share in shares])] == pytest.approx(0.1)


def test_an_overconfident_mistake_still_has_a_gradient() -> None:
    """A probability of 0 would have none; scores of any size do."""
    from keras import ops

    loss = LabelledCrossentropy(2, from_logits=True)
    truth = np.zeros((1, 1, 1), np.uint8)

    values = [float(loss(truth, ops.convert_to_tensor([[[[0.0, s]]]]))) for s in (200.0, 201.0)]
    assert values[1] - values[0] == pytest.approx(1.0, abs=1e-3)


def test_all_pixels_of_a_place_are_its_target_in_turn() -> None:
    masks = np.arange(16).reshape(1, 4, 4)

    parts = [every_nth_pixel(masks, 2, phase=step) for step in range(5)]

    assert [part[0, 0, 0] for part in parts] == [0, 1, 4, 5, 0]
    assert sorted(np.concatenate(parts[:4]).reshape(-1)) == list(range(16))
    assert every_nth_pixel(masks, 1, phase=3) is not None
    np.testing.assert_array_equal(every_nth_pixel(masks, 1, phase=3), masks)


def test_recoloring_changes_saturation_and_leaves_gray_as_it_is() -> None:
    gray = np.full((4, 4, 3), 90, np.uint8)
    red = np.full((4, 4, 3), (200, 50, 50), np.uint8)
    rng = np.random.default_rng(0)

    np.testing.assert_array_equal(recolor(gray, rng), gray)
    spreads = [int(np.ptp(recolor(red, rng)[0, 0])) for _ in range(40)]
    assert min(spreads) < 120
    assert max(spreads) > 180
