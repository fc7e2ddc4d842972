"""The loss that counts overlap: known answers, what it leaves out, and when a training uses it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import jaccard_score

from model.engine.protocol import TrainingStep
from model.scratch_losses import CrossentropyWithOverlap, LabelledCrossentropy, LovaszSoftmax
from model.scratch_network import add_overlap, compile_learner, learner_of
from model.scratch_state import TrainingFolder
from model.scratch_training import train_from_scratch
from tests.unit import zoo
from tests.unit.test_scratch_training import SMALL, dataset, finished, log_of, request

__all__ = ["dataset"]  # the fixture

pytestmark = [
    zoo.keras_warnings,
    # WORKAROUND: tensorflow 2.21 variables with numpy 2; see test_scratch_training.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NO_OVERLAP = dataclasses.replace(SMALL, overlap_from=1.0)


def truth_and_answers(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(2, 6, 8) classes with some void, and probabilities (2, 6, 8, 4)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, (2, 6, 8)).astype(np.uint8)
    truth[0, :2] = 255
    answers = np.exp(rng.normal(0, 2, (2, 6, 8, 4)))
    return truth, (answers / answers.sum(-1, keepdims=True)).astype(np.float32)


def value(truth: np.ndarray, answers: np.ndarray, **options: bool) -> float:
    return float(LovaszSoftmax(answers.shape[-1], **options)(truth, answers))


def by_definition(truth: np.ndarray, answers: np.ndarray) -> float:
    """Set function by set function: 1 - IoU of the k gravest mistakes, for every k."""
    known = truth != 255
    losses = []
    for number in range(answers.shape[-1]):
        is_class = truth[known] == number
        if not is_class.any():
            continue
        mistakes = np.abs(is_class - answers[known][:, number].astype(float))
        order = np.argsort(-mistakes)
        loss = before = 0.0
        for k, place in enumerate(order, start=1):
            wrong = np.zeros(len(order), bool)
            wrong[order[:k]] = True
            found = (is_class & ~wrong).sum()
            distance = 1 - found / (is_class | wrong).sum()
            loss += mistakes[place] * (distance - before)
            before = distance
        losses.append(loss)
    return float(np.mean(losses))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_the_paper_defines(seed: int) -> None:
    truth, answers = truth_and_answers(seed)
    assert value(truth, answers) == pytest.approx(by_definition(truth, answers), rel=1e-4)


def test_of_certain_answers_it_is_one_minus_the_mean_iou() -> None:
    truth, answers = truth_and_answers()
    certain = np.eye(4, dtype=np.float32)[answers.argmax(-1)]
    known = truth != 255
    iou = jaccard_score(truth[known], answers.argmax(-1)[known], average=None)

    assert value(truth, certain) == pytest.approx(1 - iou.mean(), abs=1e-5)
    assert value(truth, np.eye(4, dtype=np.float32)[np.minimum(truth, 3)]) == pytest.approx(0.0)


def test_scores_give_what_their_probabilities_give() -> None:
    truth, answers = truth_and_answers()
    scores = np.log(answers) + 3.0
    assert value(truth, scores, from_logits=True) == pytest.approx(value(truth, answers), rel=1e-5)


def test_void_and_classes_that_are_not_there_have_no_effect() -> None:
    truth, answers = truth_and_answers()
    truth[truth == 3] = 255
    changed = answers.copy()
    changed[truth == 255] = (0.0, 0.0, 1.0, 0.0)

    assert value(truth, changed) == pytest.approx(value(truth, answers), rel=1e-6)
    assert value(truth, answers[..., :3]) == pytest.approx(value(truth, answers), rel=1e-6)
    assert value(np.full_like(truth, 255), answers) == 0.0


def test_its_descent_raises_the_overlap_of_a_rare_class() -> None:
    """One pixel in fifty, which cross-entropy alone answers with its share and so never."""
    rng = np.random.default_rng(1)
    truth = (rng.random((1, 40, 40)) < 0.02).astype(np.uint8)
    looks = truth + rng.normal(0, 0.7, truth.shape)  # told apart, but not well
    inputs = np.stack([looks, np.ones_like(looks)], -1).astype(np.float32)

    def iou_after(loss: keras.losses.Loss) -> float:
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((40, 40, 2)), keras.layers.Dense(2)])
        model.compile(keras.optimizers.Adam(0.05), loss)
        for _ in range(300):
            model.train_on_batch(inputs, truth)
        answer = ops.convert_to_numpy(model(inputs)).argmax(-1)
        return float(jaccard_score(truth.reshape(-1), answer.reshape(-1)))

    cross_entropy = LabelledCrossentropy(2, from_logits=True)
    overlap = LovaszSoftmax(2, from_logits=True)
    both = iou_after(CrossentropyWithOverlap(cross_entropy, overlap))
    assert both > 1.2 * iou_after(cross_entropy)


def test_the_last_quarter_of_a_training_counts_overlap_and_tells_the_same_number(
    dataset: Path,
) -> None:
    plain = [e.loss for e in steps_of(dataset, NO_OVERLAP)]
    mixed = [e.loss for e in steps_of(dataset, dataclasses.replace(SMALL, overlap_from=0.5))]

    # Steps 1 to 5 of 9 begin before half of the run is over; what is told of the sixth is still
    # the cross-entropy that was, of weights that have not changed by overlap yet.
    assert mixed[:6] == pytest.approx(plain[:6], abs=1e-3)
    assert mixed[8] != pytest.approx(plain[8], abs=1e-4)
    assert [row["loss"] for row in log_of(request(dataset))][1] == pytest.approx(
        np.mean(mixed[3:6]), abs=1e-4
    )


def test_a_run_of_an_earlier_version_that_knew_no_overlap_can_be_gone_on_with(
    dataset: Path,
) -> None:
    events = train_from_scratch(request(dataset, NO_OVERLAP))
    next(e for e in events if isinstance(e, TrainingStep) and e.step == 4)
    events.close()
    path = TrainingFolder(Path(request(dataset).output_path)).path / "state.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["head"] = np.array(str(arrays["head"]).replace(', "overlap_from": 1.0', ""))
    assert "overlap" not in str(arrays["head"])
    np.savez(path, **arrays)

    done = finished(request(dataset, NO_OVERLAP, resumes=True))

    assert done.num_steps_run == 9


def test_changing_the_loss_keeps_the_optimizer_and_its_state() -> None:
    from model.scratch_network import build_network

    network = build_network(SMALL, 3)
    learner, _ = learner_of(network, SMALL)
    counts = np.array([5, 5, 5])
    optimizer = compile_learner(learner, SMALL, counts)
    images = np.zeros((2, 32, 48, 3), np.float32)
    learner.train_on_batch(images, np.zeros((2, 16, 24), np.uint8))

    add_overlap(learner, SMALL, counts)
    learner.train_on_batch(images, np.zeros((2, 16, 24), np.uint8))

    assert learner.optimizer is optimizer
    assert int(optimizer.iterations) == 2


def steps_of(dataset: Path, recipe: object) -> list[TrainingStep]:
    events = train_from_scratch(request(dataset, recipe))
    return [event for event in events if isinstance(event, TrainingStep)]
