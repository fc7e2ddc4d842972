"""Writes what the tests of the whole loop start from: ``python -m tests.e2e.lesson FOLDER``.

The task is that of the unit tests, colour decides the class, and the network was taught one wrong
idea: it takes blue for green. Fine-tuning puts that right in seconds, and a test can see it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from model.data.label_sets import generic_label_set
from model.data.masks import write_mask
from model.digest import file_sha256
from model.model_settings import save_settings
from tests.unit import toy_task

NUM_IMAGES = 8
_ROWS, _COLUMNS = 2, 3  # scenes of 64 x 64 pixels in each image


def write_lesson(folder: Path) -> None:
    """Writes ``network.keras`` with its settings, and images with their true masks."""
    network = folder / "network.keras"
    toy_task.write_base(network)
    save_settings(network, toy_task.SETTINGS, sha256=file_sha256(network))
    (folder / "images").mkdir()
    for number in range(NUM_IMAGES):
        seeds = range(number * _ROWS * _COLUMNS, (number + 1) * _ROWS * _COLUMNS)
        scenes = [toy_task.scene(seed) for seed in seeds]
        name = f"frame_{number:04}.png"
        Image.fromarray(_joined([pixels for pixels, _ in scenes])).save(folder / "images" / name)
        write_mask(
            folder / "truth" / name, _joined([mask for _, mask in scenes]), generic_label_set(3)
        )


def _joined(tiles: list[np.ndarray]) -> np.ndarray:
    rows = [np.concatenate(tiles[i * _COLUMNS : (i + 1) * _COLUMNS], 1) for i in range(_ROWS)]
    return np.concatenate(rows, 0)


if __name__ == "__main__":
    write_lesson(Path(sys.argv[1]))
