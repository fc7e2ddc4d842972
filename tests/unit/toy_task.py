"""A task that a network of a thousand weights learns in seconds: colour decides the class."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image

from model.engine.protocol import Activation, Fit, ModelSettings, Scaling, TrainingSample

SIDE = 64
COLORS = np.array([(200, 60, 50), (60, 190, 70), (50, 80, 210)], np.uint8)
BASE_ANSWERS = np.array([0, 1, 1], np.uint8)
"""What the base network says for each true class: it takes blue for green."""

SETTINGS = ModelSettings(
    scaling=Scaling.RAW,
    channel_order="rgb",
    output_index=0,
    activation=Activation.SOFTMAX,
    fit=Fit.WHOLE,
    input_size=None,
    class_names=("red", "green", "blue"),
    class_colors=((200, 60, 50), (60, 190, 70), (50, 80, 210)),
)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(64, 64, 3) uint8 pixels and (64, 64) uint8 true classes: noisy rectangles."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    for label in (1, 2, 1, 2, 0, 2):
        top, left = rng.integers(0, SIDE - 16, 2)
        height, width = rng.integers(10, 28, 2)
        truth[top : top + height, left : left + width] = label
    noise = rng.normal(0, 12, (SIDE, SIDE, 3))
    pixels = np.clip(COLORS[truth] * rng.uniform(0.8, 1.2) + noise, 0, 255).astype(np.uint8)
    return pixels, truth


def small_network() -> keras.Model:
    """A U-Net of two scales with batch normalisation and dropout; raw input, three classes.

    The dropout drops nothing: its random numbers are all that differs between Keras' backends, and
    whether forty steps teach the class turns on them. Without them TensorFlow, torch and JAX report
    the same losses to the fourth decimal.
    """
    inputs = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="enc0")(x)
    x = skip = layers.ReLU()(layers.BatchNormalization(momentum=0.7, name="enc0_bn")(x))
    x = layers.Conv2D(12, 3, strides=2, padding="same", use_bias=False, name="enc1")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7, name="enc1_bn")(x))
    x = layers.SpatialDropout2D(0.0, name="drop")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="up")(x)
    x = layers.Concatenate(name="join")([skip, x])
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="dec0")(x)
    outputs = layers.Conv2D(3, 1, activation="softmax", name="answer")(x)
    return keras.Model(inputs, outputs, name="toy")


def stored_weights(network: keras.Model, name: str) -> None:
    """Gives a network the weights of ``toy_weights.npz``, the same with every backend.

    ``"base"`` was trained for 40 steps of Adam(0.02) on the scenes 100 to 107 with
    `BASE_ANSWERS`, dropout of 0.05 and labels smoothed by 0.2: a network that has never doubted
    cannot be taught in a few seconds. ``"gray"`` are first weights.
    """
    with np.load(Path(__file__).with_name("toy_weights.npz"), allow_pickle=False) as stored:
        network.set_weights([stored[f"{name}{i}"] for i in range(len(network.get_weights()))])


def write_base(path: Path) -> None:
    """Saves the base network, which has its own wrong idea of blue."""
    network = small_network()
    stored_weights(network, "base")
    network.save(path)


def write_sample(
    folder: Path,
    name: str,
    *,
    pixels: np.ndarray,
    mask: np.ndarray,
    provenance: np.ndarray | None,
    is_held_out: bool = False,
) -> TrainingSample:
    """Writes image, mask and provenance as the program keeps them."""
    paths = {kind: folder / f"{name}_{kind}.png" for kind in ("image", "mask", "provenance")}
    Image.fromarray(pixels).save(paths["image"])
    Image.fromarray(mask).save(paths["mask"])
    if provenance is not None:
        Image.fromarray(provenance).save(paths["provenance"])
    return TrainingSample(
        image_path=str(paths["image"]),
        mask_path=str(paths["mask"]),
        provenance_path=None if provenance is None else str(paths["provenance"]),
        is_held_out=is_held_out,
    )


def corrected_sample(
    folder: Path, seed: int, *, share: float = 0.6, is_held_out: bool = False
) -> TrainingSample:
    """One scene as a person leaves it who repaints some of the base network's errors.

    Painted: a random ``share`` of the 8 x 8 blocks with errors, in the true class. Everything else
    keeps the base network's answer and nobody looked at it. Held-out scenes are fully accepted.
    """
    pixels, truth = scene(seed)
    mask = BASE_ANSWERS[truth]
    blocks = np.random.default_rng(seed).random((SIDE // 8, SIDE // 8)) < share
    painted = np.kron(blocks, np.ones((8, 8), bool)) & (mask != truth)
    mask = np.where(painted, truth, mask)
    provenance = np.where(painted, 2, 1).astype(np.uint8)
    if is_held_out:
        mask, provenance = truth, np.full(truth.shape, 3, np.uint8)
    return write_sample(
        folder, f"scene{seed}", pixels=pixels, mask=mask.astype(np.uint8),
        provenance=provenance, is_held_out=is_held_out,
    )  # fmt: skip


def base_prediction(base_path: Path, pixels: np.ndarray) -> np.ndarray:
    """(H, W) uint8, what the base network says about one scene."""
    network = keras.models.load_model(base_path, compile=False)
    return network.predict_on_batch(pixels[None].astype(np.float32))[0].argmax(-1).astype(np.uint8)
