"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from model.data.label_sets import LabelClass, LabelSet
from seggui import cli

LABELS = LabelSet("two", (LabelClass(0, "dark", (0, 0, 0)), LabelClass(1, "bright", (9, 9, 250))))


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def write_image(path: Path, value: int = 200) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(path)
    return path
