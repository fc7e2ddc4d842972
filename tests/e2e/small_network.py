"""Trains the small network that the end-to-end tests start from: ``python -m ... FILE``.

It knows the sample scenes, but was taught one wrong idea: that the sky is a building. That is
something which fine-tuning can put right in seconds, and which a test can see.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from model.data.sample import Scene, draw_scene, sample_label_set
from model.data.sample_objects import BUILDING, SKY
from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.inspection import file_sha256
from model.model_settings import save_settings
from model.unet import UNetConfig, build_unet

HEIGHT, WIDTH = 180, 240
NUM_STEPS = 60
_CROP = (96, 128)
_BATCH = 4
_SEEDS = range(100, 110)  # other streets than the tests open


def train(path: Path) -> None:
    """Trains for some seconds and writes the model with its settings."""
    keras.utils.set_random_seed(3)
    classes = sample_label_set().classes
    network = build_unet(
        UNetConfig(len(classes), widths=(8, 16), blocks=(1, 1), dropout=0.0), name="small"
    )
    # Shares the layers; what is saved has no optimizer, as in people's files.
    pupil = keras.Model(network.inputs, network.outputs)
    # Smoothed labels: a network that has never doubted is slow to learn better.
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    pupil.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    scenes = [draw_scene(seed, height=HEIGHT, width=WIDTH) for seed in _SEEDS]
    random = np.random.default_rng(0)
    for _ in range(NUM_STEPS):
        pupil.train_on_batch(*_lesson(scenes, random, len(classes)))
    network.save(path)
    settings = ModelSettings(
        Scaling.RAW, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None,
        tuple(c.name for c in classes), tuple(c.color for c in classes),
    )  # fmt: skip
    save_settings(path, settings, sha256=file_sha256(path))


def _lesson(
    scenes: list[Scene], random: np.random.Generator, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """A batch of crops: (N, H, W, 3) float32 in 0..255, and (N, H, W, C) float32 wrong ideas."""
    images, answers = [], []
    for index in random.integers(0, len(scenes), _BATCH):
        scene, (height, width) = scenes[index], _CROP
        top, left = random.integers(0, HEIGHT - height), random.integers(0, WIDTH - width)
        window = np.s_[top : top + height, left : left + width]
        mask = scene.mask[window]
        images.append(scene.image[window].astype(np.float32))
        answers.append(np.eye(num_classes, dtype=np.float32)[np.where(mask == SKY, BUILDING, mask)])
    return np.stack(images), np.stack(answers)


if __name__ == "__main__":
    train(Path(sys.argv[1]))
