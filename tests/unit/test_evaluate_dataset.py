"""Scores of a network on a dataset: by hand, against scikit-learn, and against Cityscapes' own."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import (
    confusion_matrix,
    jaccard_score,
    precision_score,
    recall_score,
)

from model.errors import (
    CancelledError,
    EngineDiedError,
    LabelSetError,
    MaskError,
    SegguiError,
)
from model.evaluate_dataset import evaluate_dataset
from model.evaluation_json import evaluation_from_json, evaluation_to_json
from model.evaluation_result import Evaluation, worst_images
from tests.unit.datasets_in_memory import Answers, Pairs, mask, never, pairs

VOID = 255
NUM_CLASSES = 4


def evaluated(dataset: Pairs, predictor: Answers | None = None) -> Evaluation:
    return evaluate_dataset(predictor or Answers(), dataset, dataset.items, is_cancelled=never)


TWO_IMAGES = pairs(
    (mask([0, 0, 1], [1, 1, VOID]), mask([0, 1, 1], [1, 0, 2])),
    (mask([0, 0]), mask([0, 0])),
)


def test_known_answer_on_two_images():
    found = evaluated(TWO_IMAGES)
    assert found.confusion.tolist() == [[3, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert found.confusion.dtype == np.int64
    assert not found.confusion.flags.writeable
    assert found.accuracy == 5 / 7
    assert found.iou == (3 / 5, 2 / 4, None)
    assert found.mean_iou == pytest.approx((3 / 5 + 2 / 4) / 2)
    assert found.num_scored_classes == 2
    assert found.precision == (3 / 4, 2 / 3, None)
    assert found.recall == (3 / 4, 2 / 3, None)
    assert found.mean_accuracy == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert found.frequency_weighted_iou == pytest.approx((4 * 3 / 5 + 3 * 2 / 4) / 7)
    assert found.true_pixels == (4, 3, 0)
    assert found.predicted_pixels == (4, 3, 0)
    assert found.seconds_per_image == 0.5
    assert found.class_names == ("name 0", "name 1", "name 2")


def test_known_answer_for_each_image():
    first, second = evaluated(TWO_IMAGES).images
    assert (first.key, first.num_pixels, first.accuracy) == ("a", 5, 3 / 5)
    assert first.iou == (1 / 3, 2 / 4, None)
    assert first.mean_iou == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert first.wrong_pixels == (2, 2, 0)
    assert (second.mean_iou, second.wrong_pixels) == (1.0, (0, 0, 0))


def test_void_counts_nowhere_whatever_is_predicted_there():
    answers = [mask([0, 1, c]) for c in range(3)]
    found = [evaluated(pairs((mask([0, 1, VOID]), answer))) for answer in answers]
    assert found[0] == found[1] == found[2]


def test_class_that_is_never_true_lowers_the_mean_of_all_but_not_that_of_its_image():
    found = evaluated(pairs((mask([0, 0]), mask([0, 2]))))
    assert found.iou == (0.5, None, 0.0)
    assert (found.mean_iou, found.num_scored_classes) == (0.25, 2)
    assert found.images[0].mean_iou == 0.5
    assert found.recall == (0.5, None, None)
    assert found.precision == (1.0, None, 0.0)
    assert found.mean_accuracy == 0.5


def test_scores_are_of_all_pixels_and_not_means_of_images():
    found = evaluated(pairs((mask([0] * 9), mask([0] * 9)), (mask([0]), mask([1]))))
    assert found.accuracy == 0.9
    assert found.iou[0] == 0.9


def test_image_without_a_labelled_pixel_has_no_scores_and_changes_none():
    empty = (mask([VOID, VOID]), mask([0, 1]))
    found = evaluated(pairs((mask([0, 1]), mask([0, 0])), empty))
    assert (found.images[1].accuracy, found.images[1].mean_iou) == (None, None)
    assert (
        found.confusion.tolist()
        == evaluated(pairs((mask([0, 1]), mask([0, 0])))).confusion.tolist()
    )
    assert "b" not in {image.key for image in worst_images(found)}


def random_pairs(seed: int) -> Pairs:
    rng = np.random.default_rng(seed)
    shapes = [(11, 7), (3, 19), (8, 8)]
    return pairs(
        *(
            (
                rng.choice([0, 1, 2, 3, VOID], size=shape).astype(np.uint8),
                rng.integers(0, 5, size=shape).astype(np.uint8),
            )
            for shape in shapes
        ),
        num_classes=6,
    )


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed):
    dataset = random_pairs(seed)
    found = evaluated(dataset)
    truth = np.concatenate([t.ravel() for t in dataset.truths.values()])
    answer = np.concatenate([a.ravel() for a in dataset.answers.values()])
    truth, answer = truth[truth != VOID], answer[truth != VOID]
    matrix = confusion_matrix(truth, answer, labels=range(6))
    assert found.confusion.tolist() == matrix.tolist()
    for ours, theirs in (
        (found.iou, jaccard_score), (found.precision, precision_score), (found.recall, recall_score)
    ):  # fmt: skip
        values = theirs(truth, answer, labels=range(6), average=None, zero_division=0.0)
        assert [value or 0.0 for value in ours] == pytest.approx(values.tolist(), abs=1e-12)


def cityscapes_pair(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answer by a formula, so that every NumPy makes the same."""
    i = np.arange(23 * 31, dtype=np.int64).reshape(23, 31) + 713 * number
    noise = (i * i * 7919 + i * 104729 + 12345) % 65537
    truth = np.array([*range(12), 15, VOID])[noise // 31 % 14]
    other = np.array([*range(13), 17])[noise // 1009 % 14]
    answer = np.where((noise % 10 < 3) | (truth == VOID), other, truth)
    return truth.astype(np.uint8), answer.astype(np.uint8)


RECORDED_FROM_CITYSCAPES = (
    # cityscapesScripts 2.3.0, evalPixelLevelSemanticLabeling with NumPy 1.26: evaluatePair for the
    # three pairs (train ids as ids, void as id 0), getIouScoreForLabel, getScoreAverage.
    0.583732057416268, 0.5594059405940595, 0.5812807881773399, 0.55625, 0.5303030303030303,
    0.5876288659793815, 0.5833333333333334, 0.5867346938775511, 0.5533980582524272,
    0.6197916666666666, 0.5970873786407767, 0.5344827586206896, 0.0, None, None,
    0.7017543859649122, None, 0.0, None,
)  # fmt: skip
RECORDED_AVERAGE = 0.5050121971884292


def test_agrees_with_what_the_cityscapes_scripts_said():
    # The package itself is no dependency: 2.3.0 calls numpy.in1d, which NumPy 2.4 does not have.
    found = evaluated(pairs(*map(cityscapes_pair, range(3)), num_classes=19))
    assert [value is None for value in found.iou] == [v is None for v in RECORDED_FROM_CITYSCAPES]
    assert [v or 0.0 for v in found.iou] == pytest.approx(
        [v or 0.0 for v in RECORDED_FROM_CITYSCAPES], abs=1e-15
    )
    assert found.mean_iou == pytest.approx(RECORDED_AVERAGE, abs=1e-15)


masks = arrays.arrays(
    np.uint8, (5, 6), elements=st.sampled_from([0, 1, 2, 3, VOID])
)  # fmt: skip
answers = arrays.arrays(np.uint8, (5, 6), elements=st.integers(0, NUM_CLASSES - 1))
lists = st.lists(st.tuples(masks, answers), min_size=1, max_size=4).filter(
    lambda found: any((truth != VOID).any() for truth, _ in found)
)


def slow_iou(dataset: Pairs, label: int) -> float | None:
    """TP / (TP + FP + FN) over all pixels that are not void, pixel by pixel."""
    hits = misses = alarms = 0
    for key, truth in dataset.truths.items():
        for true, said in zip(truth.flat, dataset.answers[key].flat, strict=True):
            if true == VOID:
                continue
            hits += true == label and said == label
            misses += true == label and said != label
            alarms += true != label and said == label
    union = int(hits) + int(misses) + int(alarms)
    return int(hits) / union if union else None


@given(lists)
def test_scores_follow_their_definitions(found_pairs):
    dataset = pairs(*found_pairs, num_classes=NUM_CLASSES)
    found = evaluated(dataset)
    assert found.iou == tuple(slow_iou(dataset, label) for label in range(NUM_CLASSES))
    scored = [value for value in found.iou if value is not None]
    assert found.num_scored_classes == len(scored)
    assert found.mean_iou == pytest.approx(sum(scored) / len(scored))
    assert found.total_pixels == sum(image.num_pixels for image in found.images)
    shares = (found.accuracy, found.mean_iou, found.mean_accuracy, found.frequency_weighted_iou)
    assert all(0 <= share <= 1 for share in shares)


@given(lists)
def test_wrong_pixels_of_the_images_add_up_to_what_the_class_lacks(found_pairs):
    found = evaluated(pairs(*found_pairs, num_classes=NUM_CLASSES))
    for label in range(NUM_CLASSES):
        hit = int(found.confusion[label, label])
        union = found.true_pixels[label] + found.predicted_pixels[label] - hit
        assert sum(image.wrong_pixels[label] for image in found.images) == union - hit


@given(lists, st.permutations(range(4)))
def test_order_of_images_and_names_of_classes_change_no_score(found_pairs, order):
    found = evaluated(pairs(*found_pairs, num_classes=NUM_CLASSES))
    assert np.array_equal(
        evaluated(pairs(*reversed(found_pairs), num_classes=NUM_CLASSES)).confusion, found.confusion
    )
    names = np.full(256, VOID, np.uint8)
    names[:4] = order
    renamed = [(names[truth], names[answer]) for truth, answer in found_pairs]
    other = evaluated(pairs(*renamed, num_classes=NUM_CLASSES))
    assert [other.iou[order[i]] for i in range(4)] == list(found.iou)
    assert other.accuracy == found.accuracy


@given(lists)
def test_a_perfect_answer_scores_1_everywhere(found_pairs):
    perfect = [(truth, np.where(truth == VOID, 0, truth).astype(np.uint8))
               for truth, _ in found_pairs]  # fmt: skip
    found = evaluated(pairs(*perfect, num_classes=NUM_CLASSES))
    assert (found.accuracy, found.mean_iou, found.mean_accuracy) == (1, 1, 1)
    assert found.frequency_weighted_iou == pytest.approx(1)
    assert all(value in (None, 1.0) for value in found.iou)


@given(lists, st.floats(0, 1e6))
def test_json_brings_every_evaluation_back_exactly(found_pairs, seconds):
    dataset = pairs(*found_pairs, num_classes=NUM_CLASSES)
    found = evaluated(dataset, Answers(seconds))
    text = json.dumps(evaluation_to_json(found), allow_nan=False)
    assert evaluation_from_json(json.loads(text)) == found


def test_json_repeats_the_scores_for_other_programs():
    data = evaluation_to_json(evaluated(TWO_IMAGES))
    assert data["scores"]["accuracy"] == 5 / 7
    assert data["scores"]["num_scored_classes"] == 2
    assert [row["iou"] for row in data["classes"]] == [3 / 5, 2 / 4, None]
    assert data["confusion"] == [[3, 1, 0], [1, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("format",), "mask", "format"),
        (("version",), 2, "version"),
        (("dataset",), "", "dataset"),
        (("classes",), [], "classes"),
        (("classes", 1, "name"), 7, "classes[1].name"),
        (("classes", 0, "color"), [0, 0, 256], "classes[0].color"),
        (("confusion",), [[0]], "confusion"),
        (("confusion", 2), [0, 0], "confusion[2]"),
        (("confusion", 0, 1), -1, "confusion[0][1]"),
        (("confusion", 0, 1), 0.5, "confusion[0][1]"),
        (("images",), None, "images"),
        (("images", 0, "accuracy"), 1.5, "images[0].accuracy"),
        (("images", 0, "accuracy"), True, "images[0].accuracy"),
        (("images", 0, "accuracy"), math.nan, "images[0].accuracy"),
        (("images", 1, "iou"), [1.0], "images[1].iou"),
        (("images", 1, "wrong_pixels", 2), "3", "images[1].wrong_pixels[2]"),
        (("images", 1, "seconds"), math.inf, "images[1].seconds"),
    ],
)
def test_corrupt_json_is_refused_by_the_name_of_the_field(path, value, named):
    data = evaluation_to_json(evaluated(TWO_IMAGES))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SegguiError) as caught:
        evaluation_from_json(data)
    assert f": {named} is " in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "evaluation", {}])
def test_json_of_something_else_is_refused(data):
    with pytest.raises(SegguiError, match="format is"):
        evaluation_from_json(data)


def test_worst_images_come_by_mean_iou_and_for_a_class_by_its_wrong_pixels():
    right, half = mask([0, 0, 1, 1]), mask([0, 0, 1, 0])
    found = evaluated(
        pairs((right, right), (right, half), (mask([1] * 8), mask([0] * 6 + [1] * 2)),
              (mask([2, 2]), mask([2, 2])))
    )  # fmt: skip
    assert [image.key for image in worst_images(found)] == ["c", "b", "a", "d"]
    assert [image.key for image in worst_images(found, count=1)] == ["c"]
    assert [image.key for image in worst_images(found, 1)] == ["c", "b"]
    assert [image.key for image in worst_images(found, 0)] == ["c", "b"]
    assert worst_images(found, 2) == ()
    assert worst_images(found, 2, count=5) == ()


def test_worst_images_of_an_unknown_class_are_refused():
    with pytest.raises(ValueError, match="only 0 to 2 exist"):
        worst_images(evaluated(TWO_IMAGES), 3)


def test_on_image_tells_number_score_and_the_state_so_far():
    events = []
    found = evaluate_dataset(
        Answers(), TWO_IMAGES, TWO_IMAGES.items, is_cancelled=never, on_image=events.append
    )
    assert [(event.number, event.total, event.score.key) for event in events] == [
        (1, 2, "a"), (2, 2, "b"),
    ]  # fmt: skip
    assert events[0].so_far == evaluated(pairs((TWO_IMAGES.truths["a"], TWO_IMAGES.answers["a"])))
    assert events[1].so_far == found


def test_cancelling_stops_before_the_next_image():
    predictor, dataset = Answers(), pairs(*[(mask([0]), mask([0]))] * 3)
    with pytest.raises(CancelledError):
        evaluate_dataset(
            predictor, dataset, dataset.items, is_cancelled=lambda: predictor.num_predicted == 2
        )
    assert dataset.reads == ["a", "b"]


def test_prediction_of_a_class_beyond_the_label_set_is_an_error_even_on_void():
    with pytest.raises(LabelSetError, match="predicted class 3 in a, but small only has"):
        evaluated(pairs((mask([0, VOID]), mask([0, 3]))))


def test_truth_of_a_class_beyond_the_label_set_is_an_error():
    with pytest.raises(MaskError, match="The mask of a cannot be scored: class 9 found"):
        evaluated(pairs((mask([0, 9]), mask([0, 0]))))


def test_mask_of_another_size_than_its_image_is_an_error_with_both_sizes():
    with pytest.raises(MaskError, match="The mask of a has 3 x 1 pixels, its image 2 x 1"):
        evaluated(pairs((mask([0, 0, 0]), mask([0, 0]))))


def test_no_image_or_no_labelled_pixel_is_an_error():
    dataset = pairs((mask([VOID]), mask([0])))
    with pytest.raises(SegguiError, match="has a pixel with a class"):
        evaluated(dataset)
    with pytest.raises(SegguiError, match="no image of pairs to score"):
        evaluate_dataset(Answers(), dataset, (), is_cancelled=never)


def test_engine_that_dies_once_at_an_image_is_asked_again_and_twice_is_an_error():
    def die_at(*numbers):
        def before(number):
            if number in numbers:
                raise EngineDiedError("killed")

        predictor = Answers()
        predictor.before = before
        return predictor

    assert evaluated(TWO_IMAGES, die_at(2)) == evaluated(TWO_IMAGES)
    with pytest.raises(EngineDiedError):
        evaluated(TWO_IMAGES, die_at(2, 3))
