"""How long a fine-tuning run will take, said before it starts. Imports no Keras."""

from __future__ import annotations

from dataclasses import dataclass

from model.engine.protocol import TrainingSettings

# Measured with TensorFlow 2.21 on a 2-core machine, in units of "predict the same pixels once":
# forward and backward pass with the optimizer; the old network's answer costs one more.
STEP_COST = 4.5
OLD_ANSWER_COST = 1.0
DECODER_STEP_COST = 3.5
# Starting the process, importing Keras, opening the network twice, tracing the training step.
START_UP_SECONDS = 14.0
NUM_BLENDS = 3
"""Scorings after the last step: the best weights blended with the base in three strengths."""


@dataclass(frozen=True)
class TrainingWorkload:
    """What a run has to go through.

    Attributes:
        num_train_images: images trained on.
        num_held_out_images: images scored; 0 scores tiles of the train images.
        megapixels_per_image: mean size of an image, in 1e6 pixels.
        crop_megapixels: size of one crop, in 1e6 pixels.
        current_is_base: False when the model in force is another than the base, and scored too.
    """

    num_train_images: int
    num_held_out_images: int
    megapixels_per_image: float
    crop_megapixels: float
    current_is_base: bool = True


def estimate_seconds(
    settings: TrainingSettings,
    workload: TrainingWorkload,
    *,
    seconds_per_megapixel: float,
    calibration: float = 1.0,
) -> float:
    """Estimates the wall-clock of one run that uses all its steps.

    start-up + calibration * seconds per megapixel * (pixels of all steps * cost of a step
    + pixels of all scorings).

    Args:
        settings: how to train.
        workload: on what.
        seconds_per_megapixel: how long the base network takes to predict 1e6 pixels on this
            machine; ``Prediction.seconds`` of any image tells.
        calibration: real / estimated of earlier runs on this machine (see
            :func:`calibration_from`).

    Returns:
        Seconds.
    """
    step_cost = DECODER_STEP_COST if settings.trainable == "decoder" else STEP_COST
    if settings.keep_old_answers > 0:
        step_cost += OLD_ANSWER_COST
    trained = settings.num_steps * settings.batch_size * workload.crop_megapixels * step_cost
    num_scored = workload.num_held_out_images or workload.num_train_images
    num_scorings = 1 + settings.num_steps // max(1, settings.score_every) + NUM_BLENDS
    num_scorings += 0 if workload.current_is_base else 1
    scored = num_scorings * num_scored * workload.megapixels_per_image
    return START_UP_SECONDS + calibration * seconds_per_megapixel * (trained + scored)


def calibration_from(runs: list[tuple[float, float]]) -> float:
    """Calibration from earlier runs: (real seconds, estimated seconds with calibration 1).

    The median ratio, so that one run on a busy machine does not spoil it, kept within 0.2 to 5.
    Without runs 1.
    """
    ratios = sorted(
        (real - START_UP_SECONDS) / (estimated - START_UP_SECONDS)
        for real, estimated in runs
        if real > START_UP_SECONDS and estimated > START_UP_SECONDS
    )
    if not ratios:
        return 1.0
    middle = len(ratios) // 2
    median = ratios[middle] if len(ratios) % 2 else (ratios[middle - 1] + ratios[middle]) / 2
    return float(min(5.0, max(0.2, median)))
