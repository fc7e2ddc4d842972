"""Trains the network that ships as ``resources/models/default.keras``. Not part of the test suite.

    python -m tests.benchmarks.default_network DATA_DIR OUT.keras [--minutes 130] [--scenes 60]

DATA_DIR is the SegNet copy of CamVid: all 468 labelled frames, training and validation, are trained
on, and some synthetic scenes of `model.data.sample` on top, so that the sample of a new user gets
sensible masks, too. Nothing is held out: its score is measured by a run that leaves a drive out
(``seggui train DATA_DIR -o X.keras --groups ... --hold-out nothing``, see docs/networks.md).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from model.data.sample import draw_scene

NUM_CLASSES = 11
FIRST_SEED = 1000


def write_material(data_dir: Path, folder: Path, num_scenes: int) -> None:
    """A folder laid out like CamVid: links to all its frames, and drawn scenes, each a drive."""
    for name in ("train", "trainannot"):
        (folder / name).mkdir()
    for part in ("train", "val"):
        for image in (data_dir / part).iterdir():
            (folder / "train" / image.name).symlink_to(image.absolute())
            mask = data_dir / f"{part}annot" / image.name
            (folder / "trainannot" / image.name).symlink_to(mask.absolute())
    for number in range(num_scenes):
        scene = draw_scene(FIRST_SEED + number, height=360, width=480, time=number % 7)
        name = f"synthetic{number:03}_0.png"
        Image.fromarray(scene.image).save(folder / "train" / name)
        mask = np.minimum(scene.mask, NUM_CLASSES)
        Image.fromarray(mask).save(folder / "trainannot" / name)


def main() -> None:
    """Writes the material and has the program itself train on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=130.0)
    parser.add_argument("--scenes", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seggui-default-") as place:
        write_material(arguments.data_dir, Path(place), arguments.scenes)
        command = [
            sys.executable, "-m", "seggui", "train", place, "-o", str(arguments.out),
            "--hold-out", "nothing", "--minutes", str(arguments.minutes),
        ]  # fmt: skip
        sys.exit(subprocess.call(command, env=os.environ))


if __name__ == "__main__":
    main()
