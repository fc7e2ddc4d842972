"""Folders, images and a network for measuring the window."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.remote import ROOT

SIZE, HUGE_SIZE = (1024, 2048), (4096, 8192)
NUM_CLASSES = 11
NUM_FILES = 8
PLAIN_SHARE = 0.6
"""Of width and height: the plain block in the middle of each image."""


def block_color(number: int) -> int:
    """0xRRGGBB in the middle of image ``number`` of a folder: no neighbour and no theme has it."""
    return 0x20C020 + (number % NUM_FILES) * 0x180011


def write_image(path: Path, size: tuple[int, int], number: int) -> None:
    """A PNG as large as those of a camera: blurred shapes with noise, and a plain middle.

    A look at the middle of the window tells which image is there.
    """
    height, width = size
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 200, (height // 64 + 1, width // 64 + 1, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture) + rng.integers(0, 12, (height, width, 3), np.uint8)
    color = block_color(number)
    channels = (color >> 16, color >> 8 & 255, color & 255)
    top, left = (round(side * (1 - PLAIN_SHARE) / 2) for side in size)
    pixels[top : height - top, left : width - left] = channels
    Image.fromarray(pixels).save(path, compress_level=3)


def write_folder(folder: Path, num_images: int, *, size: tuple[int, int] = SIZE) -> Path:
    """A folder of images; beyond the first eight, they are hard links to these."""
    folder.mkdir(parents=True)
    for number in range(num_images):
        path = folder / f"frame_{number:05d}.png"
        if number < NUM_FILES:
            write_image(path, size, number)
        else:
            os.link(folder / f"frame_{number % NUM_FILES:05d}.png", path)
    return folder


def write_corrections(folder: Path, numbers: Iterable[int]) -> None:
    """Masks as another tool leaves them: they count as corrected, and can be trained on."""
    masks = folder / "masks"
    masks.mkdir()
    rng = np.random.default_rng(0)
    for number in numbers:
        coarse = rng.integers(0, NUM_CLASSES, (SIZE[0] // 64, SIZE[1] // 64), np.uint8)
        mask = coarse.repeat(64, axis=0).repeat(64, axis=1)
        Image.fromarray(mask).save(masks / f"frame_{number:05d}.png")


def write_network(path: Path) -> Path:
    """The product's own untrained U-Net; made in another process, since Keras is heavy."""
    code = (
        "from model.unet import UNetConfig, build_unet\n"
        f"build_unet(UNetConfig(num_classes={NUM_CLASSES})).save({str(path)!r})"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    return path
