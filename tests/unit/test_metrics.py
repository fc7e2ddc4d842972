import numpy as np
import pytest

from model.metrics import ConfusionMatrix


def mask(*rows):
    return np.array(rows, np.uint8)


def scores_by_sets(truth, predicted, num_classes):
    """The textbook definition with sets of pixels, one class at a time."""
    pixels = [i for i in range(truth.size) if truth.flat[i] != 255]
    iou = []
    for label in range(num_classes):
        true = {i for i in pixels if truth.flat[i] == label}
        said = {i for i in pixels if predicted.flat[i] == label}
        iou.append(len(true & said) / len(true | said) if true | said else None)
    right = sum(truth.flat[i] == predicted.flat[i] for i in pixels)
    return right / len(pixels), iou


def test_known_answer_on_six_pixels():
    matrix = ConfusionMatrix(3)
    matrix.add(mask([0, 0, 1], [1, 1, 255]), mask([0, 1, 1], [1, 0, 2]))
    scores = matrix.scores()
    assert scores.accuracy == pytest.approx(3 / 5)
    assert scores.iou == (pytest.approx(1 / 3), pytest.approx(2 / 4), None)
    assert scores.mean_iou == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert scores.num_pixels == (2, 3, 0)


def test_ignored_pixels_do_not_count_whatever_was_predicted_there():
    matrix = ConfusionMatrix(2)
    matrix.add(mask([0, 255]), mask([0, 1]))
    assert matrix.scores().iou == (1.0, None)


def test_class_predicted_but_never_true_scores_zero_and_lowers_the_mean():
    matrix = ConfusionMatrix(2)
    matrix.add(mask([0, 0]), mask([0, 1]))
    assert matrix.scores().iou == (0.5, 0.0)
    assert matrix.scores().mean_iou == 0.25


def test_agrees_with_set_based_definition_on_random_masks():
    rng = np.random.default_rng(7)
    truth = rng.choice([0, 1, 2, 3, 4, 255], size=(23, 31)).astype(np.uint8)
    predicted = rng.integers(0, 4, size=(23, 31)).astype(np.uint8)
    matrix = ConfusionMatrix(6)
    matrix.add(truth, predicted)
    accuracy, iou = scores_by_sets(truth, predicted, 6)
    assert matrix.scores().accuracy == pytest.approx(accuracy)
    assert matrix.scores().iou == pytest.approx(tuple(iou))


def test_two_images_score_as_one_matrix_and_not_as_a_mean_of_two():
    matrix = ConfusionMatrix(2)
    matrix.add(mask([0, 0, 0, 0]), mask([0, 0, 0, 0]))
    matrix.add(mask([1]), mask([0]))
    assert matrix.scores().iou == (pytest.approx(4 / 5), 0.0)


def test_counted_limits_what_is_scored():
    matrix = ConfusionMatrix(2)
    matrix.add(mask([0, 1]), mask([1, 1]), counted=np.array([[False, True]]))
    assert matrix.scores().accuracy == 1.0


def test_nothing_counted_scores_zero_without_a_warning():
    scores = ConfusionMatrix(2).scores()
    assert (scores.accuracy, scores.mean_iou, scores.iou) == (0.0, 0.0, (None, None))


def test_class_beyond_the_matrix_is_refused_with_its_number():
    with pytest.raises(ValueError, match="class 7 found"):
        ConfusionMatrix(3).add(mask([7]), mask([0]))


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="truth is"):
        ConfusionMatrix(2).add(mask([0, 0]), mask([0], [0]))
