import dataclasses

import pytest

from model.engine.protocol import TrainingSettings
from model.estimate import (
    START_UP_SECONDS,
    STEP_COST,
    TrainingWorkload,
    calibration_from,
    estimate_seconds,
)

SETTINGS = TrainingSettings(num_steps=100, batch_size=4, score_every=25, keep_old_answers=0.0)
WORKLOAD = TrainingWorkload(
    num_train_images=8, num_held_out_images=2, megapixels_per_image=0.2, crop_megapixels=0.05
)


def seconds(settings=SETTINGS, workload=WORKLOAD, calibration=1.0):
    return estimate_seconds(settings, workload, seconds_per_megapixel=1.0, calibration=calibration)


def test_twice_the_steps_cost_twice_the_training():
    longer = dataclasses.replace(SETTINGS, num_steps=200, score_every=50)
    training = seconds(longer) - seconds()
    assert training == pytest.approx(100 * 4 * 0.05 * STEP_COST)


def test_asking_the_old_network_costs_more_and_the_decoder_alone_less():
    assert seconds(dataclasses.replace(SETTINGS, keep_old_answers=0.5)) > seconds()
    assert seconds(dataclasses.replace(SETTINGS, trainable="decoder")) < seconds()


def test_without_held_out_images_the_train_images_are_scored():
    tiles = dataclasses.replace(WORKLOAD, num_held_out_images=0)
    num_scorings = 1 + 4 + 3
    assert seconds(workload=tiles) - seconds() == pytest.approx(num_scorings * (8 - 2) * 0.2)


def test_another_model_in_force_is_scored_once_more():
    other = dataclasses.replace(WORKLOAD, current_is_base=False)
    assert seconds(workload=other) - seconds() == pytest.approx(2 * 0.2)


def test_calibration_stretches_everything_but_the_start():
    assert seconds(calibration=2.0) - START_UP_SECONDS == pytest.approx(
        2 * (seconds() - START_UP_SECONDS)
    )


def test_calibration_is_the_median_of_earlier_runs():
    runs = [(START_UP_SECONDS + 100 * f, START_UP_SECONDS + 100) for f in (1.2, 9.0, 1.4)]
    assert calibration_from(runs) == pytest.approx(1.4)
    assert calibration_from(runs[:1] + runs[2:]) == pytest.approx(1.3)


def test_calibration_without_runs_is_one_and_stays_within_bounds():
    assert calibration_from([]) == 1.0
    assert calibration_from([(1000.0, START_UP_SECONDS + 1)]) == 5.0
