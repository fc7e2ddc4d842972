"""Trains the small U-Net that the CamVid loop benchmark starts from. Not part of the test suite.

    python -m tests.benchmarks.camvid_base DATA_DIR OUT.keras [--minutes 50] [--drives A,B]

Stage "P3 other day" of the quality protocol: the base network sees two drives, and the loop is then
measured on the third. The last 20 frames of drive 0016E5 stay out: they are the forgetting set.
Results are saved at every epoch, so that the run can be stopped at any time.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NUM_CLASSES = 11
NUM_FORGETTING = 20
CROP = (240, 320)
BATCH_SIZE = 8
# 1 / log(1.10 + share of pixels): a mild weight for rare classes, from this copy of the labels.
CLASS_WEIGHTS = np.array(
    [4.11, 3.40, 9.56, 2.80, 7.30, 5.45, 9.40, 9.44, 6.70, 9.87, 10.20, 0.0], np.float32
)


def frame_names(data_dir: Path, drives: tuple[str, ...]) -> list[str]:
    """File names of the training frames of some drives, without the forgetting set."""
    names = sorted(p.name for p in (data_dir / "train").iterdir())
    forgetting = [n for n in names if n.startswith("0016E5")][-NUM_FORGETTING:]
    return [n for n in names if n.startswith(drives) and n not in forgetting]


def load(data_dir: Path, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, 3) uint8 and masks (N, H, W) uint8, 11 = void."""
    images = np.stack([np.asarray(Image.open(data_dir / "train" / n)) for n in names])
    masks = np.stack([np.asarray(Image.open(data_dir / "trainannot" / n)) for n in names])
    return images, masks


def random_crop(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One augmented crop: scaled, mirrored, relit; half of them centred on a random class."""
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(1.6))))
    height, width = (round(side / scale) for side in CROP)
    rows, cols = mask.shape
    height, width = min(height, rows), min(width, cols)
    top = int(rng.integers(0, rows - height + 1))
    left = int(rng.integers(0, cols - width + 1))
    if rng.random() < 0.5:
        present = np.unique(mask[mask < NUM_CLASSES])
        chosen = np.argwhere(mask == rng.choice(present))
        row, col = chosen[rng.integers(len(chosen))]
        top = int(np.clip(row - height // 2, 0, rows - height))
        left = int(np.clip(col - width // 2, 0, cols - width))
    window = slice(top, top + height), slice(left, left + width)
    size = (CROP[1], CROP[0])
    x = np.asarray(Image.fromarray(image[window]).resize(size, Image.Resampling.BILINEAR))
    y = np.asarray(Image.fromarray(mask[window]).resize(size, Image.Resampling.NEAREST))
    if rng.random() < 0.5:
        x, y = x[:, ::-1], y[:, ::-1]
    gain = rng.uniform(0.5, 1.4) * rng.uniform(0.9, 1.1, 3)
    lit = np.clip(x / 255.0, 0, 1) ** rng.uniform(0.7, 1.4) * gain
    return (np.clip(lit, 0, 1) * 255).astype(np.float32), y.astype(np.int32)


def main() -> None:
    """Trains until the minutes are over, then saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--drives", default="0001TP,0016E5")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    import keras

    from model.unet import UNetConfig, build_unet

    keras.utils.set_random_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    names = frame_names(arguments.data_dir, tuple(arguments.drives.split(",")))
    images, masks = load(arguments.data_dir, names)
    config = UNetConfig(NUM_CLASSES, widths=(16, 32, 64, 96), blocks=(1, 1, 2, 2))
    network = build_unet(config, name="camvid_unet")
    plain = build_unet(config, name="camvid_unet")  # never compiled: saved without an optimizer
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=1e-2)
    network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy())
    started = time.monotonic()
    budget_s = arguments.minutes * 60
    epoch = 0
    while (elapsed_s := time.monotonic() - started) < budget_s:
        order = rng.permutation(len(images))
        losses = []
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
            share = min(1.0, (time.monotonic() - started) / budget_s)
            optimizer.learning_rate = arguments.learning_rate * (1 - share) ** 0.9 + 1e-6
            pairs = [random_crop(images[i], masks[i], rng) for i in order[start:][:BATCH_SIZE]]
            x = np.stack([p[0] for p in pairs])
            y = np.stack([p[1] for p in pairs])
            weights = CLASS_WEIGHTS[y]
            weights /= weights.mean()
            losses.append(float(network.train_on_batch(x, np.minimum(y, NUM_CLASSES - 1), weights)))
        epoch += 1
        plain.set_weights(network.get_weights())
        plain.save(arguments.out)
        print(f"epoch {epoch}  {elapsed_s:.0f} s  loss {np.mean(losses):.3f}", flush=True)


if __name__ == "__main__":
    main()
