import numpy as np
import pytest
from keras import ops

from model.engine.protocol import Activation
from model.losses import KEEP_SCALE, answered_classes, make_loss, pack_target


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def target(classes, trusted, keep=None, old=None, *, channels=3):
    classes = np.asarray(classes, np.uint8)[None]
    trusted = np.asarray(trusted, np.float32)[None]
    keep = np.zeros_like(trusted) if keep is None else np.asarray(keep, np.float32)[None]
    if old is None:
        old = np.zeros((*classes.shape, channels), np.float32)
    return pack_target(classes, trusted, keep, np.asarray(old, np.float32))


def value(activation, packed, prediction, keep=0.0):
    loss = make_loss(activation, keep_old_answers=keep)
    return float(ops.convert_to_numpy(loss(packed, np.asarray(prediction, np.float32))))


@pytest.fixture
def logits():
    return np.random.default_rng(3).normal(size=(1, 2, 3, 3)).astype(np.float32)


def test_softmax_loss_is_the_weighted_mean_of_minus_log_probability(logits):
    classes, weights = [[0, 1, 2], [2, 1, 0]], [[1, 0, 4], [0, 1, 0]]
    p = softmax(logits)[0]
    expected = -(np.log(p[0, 0, 0]) + 4 * np.log(p[0, 2, 2]) + np.log(p[1, 1, 1])) / 6
    packed = target(classes, weights)
    assert value(Activation.SOFTMAX, packed, softmax(logits)) == pytest.approx(expected, rel=1e-5)
    assert value(Activation.LOGITS, packed, logits) == pytest.approx(expected, rel=1e-5)


def test_few_trusted_pixels_weigh_as_much_as_many(logits):
    """RootPainter's lesson: divide by the trusted weight, not by the size of the crop."""
    small = target([[1]], [[1]])
    large = target(np.full((8, 8), 1), np.pad([[1.0]], ((0, 7), (0, 7))))
    answer = np.broadcast_to(softmax(logits)[:, :1, :1], (1, 8, 8, 3))
    assert value(Activation.SOFTMAX, large, answer) == pytest.approx(
        value(Activation.SOFTMAX, small, answer[:, :1, :1]), rel=1e-6
    )


def test_void_and_untrusted_pixels_have_no_effect(logits):
    weights = [[1, 0, 0], [0, 1, 0]]
    one = target([[0, 255, 255], [255, 1, 255]], weights)
    other = target([[0, 1, 2], [0, 1, 2]], weights)
    changed = logits.copy()
    changed[0, 0, 1] = 50
    assert value(Activation.LOGITS, one, logits) == value(Activation.LOGITS, other, changed)


def test_one_sigmoid_channel_is_binary_cross_entropy():
    p = np.array([0.9, 0.2], np.float32).reshape(1, 1, 2, 1)
    expected = -(np.log(0.9) + np.log(0.8)) / 2
    packed = target([[1, 0]], [[1, 1]], channels=1)
    assert value(Activation.SIGMOID, packed, p) == pytest.approx(expected, rel=1e-5)
    scores = np.log(p / (1 - p))
    assert value(Activation.LOGITS, packed, scores) == pytest.approx(expected, rel=1e-5)


def test_independent_sigmoids_push_the_other_channels_down():
    p = np.array([0.9, 0.3, 0.2], np.float32).reshape(1, 1, 1, 3)
    expected = -(np.log(0.9) + np.log(0.7) + np.log(0.8)) / 3
    assert value(Activation.SIGMOID, target([[0]], [[1]]), p) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("channels", [1, 3])
def test_unchanged_answer_costs_nothing(activation, channels):
    answer = np.random.default_rng(1).uniform(0.05, 0.9, (1, 2, 3, channels)).astype(np.float32)
    if activation is Activation.SOFTMAX:
        answer = softmax(answer) if channels > 1 else answer
    packed = target(np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3)), answer)
    assert value(activation, packed, answer, keep=1.0) == pytest.approx(0.0, abs=1e-6)


def test_changed_answer_on_untouched_pixels_costs_in_proportion_to_keep(logits):
    old = softmax(logits)
    packed = target(np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3)), old)
    new = softmax(logits[..., ::-1])
    divergence = (old * (np.log(old) - np.log(new))).sum(-1).mean()
    assert value(Activation.SOFTMAX, packed, new, keep=0.5) == pytest.approx(
        0.5 * KEEP_SCALE * divergence, rel=1e-4
    )
    assert value(Activation.SOFTMAX, packed, new, keep=0.0) == 0.0


def test_smaller_output_is_resized_to_the_target(logits):
    answer = np.broadcast_to(softmax(logits)[:, :1, :1], (1, 2, 2, 3))
    packed = target(np.full((4, 4), 1), np.ones((4, 4)))
    expected = -np.log(answer[0, 0, 0, 1])
    assert value(Activation.SOFTMAX, packed, answer) == pytest.approx(expected, rel=1e-5)


def test_answered_classes_follow_the_activation():
    several = np.array([[0.2, 0.7, 0.1], [0.5, 0.2, 0.3]], np.float32).reshape(1, 1, 2, 3)
    assert answered_classes(several, Activation.SOFTMAX).tolist() == [[[1, 0]]]
    single = np.array([0.4, 0.6], np.float32).reshape(1, 1, 2, 1)
    assert answered_classes(single, Activation.SIGMOID).tolist() == [[[0, 1]]]
    assert answered_classes(single - 0.5, Activation.LOGITS).tolist() == [[[0, 1]]]
    assert answered_classes(single, Activation.LOGITS).tolist() == [[[1, 1]]]


def gradient_by_logits(loss, packed, logits, activate):
    tf = pytest.importorskip("tensorflow")
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        result = loss(tf.constant(packed), activate(variable))
    return result.numpy(), tape.gradient(result, variable).numpy()


def test_confident_mistake_of_a_softmax_keeps_its_full_gradient():
    logits = np.array([40.0, 0.0, 0.0], np.float32).reshape(1, 1, 1, 3)
    loss = make_loss(Activation.SOFTMAX, keep_old_answers=0.0)
    result, gradient = gradient_by_logits(loss, target([[1]], [[1]]), logits, ops.softmax)
    assert result == pytest.approx(40.0, rel=1e-4)
    np.testing.assert_allclose(gradient.ravel(), [1, -1, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("activation", "activate"),
    [
        (Activation.SOFTMAX, ops.softmax),
        (Activation.SIGMOID, ops.sigmoid),
        (Activation.LOGITS, lambda x: x),
    ],
)
def test_extreme_answers_stay_finite(activation, activate):
    logits = np.array([[300, -300, 0], [-300, -300, 300]], np.float32).reshape(1, 1, 2, 3)
    old = np.array([[0, 1, 0], [1, 0, 0]], np.float32).reshape(1, 1, 2, 3)
    packed = target([[1, 0]], [[1, 1]], [[1, 1]], old)
    loss = make_loss(activation, keep_old_answers=1.0)
    result, gradient = gradient_by_logits(loss, packed, logits, activate)
    assert np.isfinite(result)
    assert np.isfinite(gradient).all()
