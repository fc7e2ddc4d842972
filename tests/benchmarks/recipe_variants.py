"""Trains variants of the default recipe one after another and scores them. Not part of the suite.

    python -m tests.benchmarks.like_public_split DATA_DIR FOLDER
    python -m tests.benchmarks.recipe_variants FOLDER [--epochs 16] [--seed 14] VARIANT...

A VARIANT is ``default`` or what it has instead: ``optimizer=adam,learning_rate=0.002`` or
``widths=16-32-64-128`` or ``crop_size=176-240,batch_size=16``; any field of `model.recipes.Recipe`.
All see the training images of FOLDER as often, with the schedule ending there, and are scored on
its test images. One line for each goes to standard output as it is ready: seconds and steps of the
training, loss of its last epoch, mean IoU and share of pixels right. Sixteen epochs of D3 are 304
steps of 14 crops, two to three minutes. One seed: differences under two points mean nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from model.recipes import DEFAULT, Recipe
from model.scratch_state import ScratchRequest, TrainingFolder
from model.training_log import read_training_log
from seggui.commands.fine_tune import train


def recipe_of(variant: str) -> Recipe:
    """The default recipe with the fields that ``variant`` names.

    Raises:
        ValueError: no such field, or a value that it cannot have.
    """
    changes: dict[str, Any] = {}
    for part in () if variant == DEFAULT.name else variant.split(","):
        name, _, text = part.partition("=")
        if name not in {field.name for field in dataclasses.fields(Recipe)}:
            raise ValueError(f"a recipe has no {name!r}")
        now = getattr(DEFAULT, name)
        if isinstance(now, tuple):
            changes[name] = tuple(int(number) for number in text.split("-"))
        elif isinstance(now, bool):
            changes[name] = ("False", "True").index(text) == 1
        else:
            changes[name] = type(now)(text)
    return dataclasses.replace(DEFAULT, **changes)


def line_of(folder: Path, variant: str, recipe: Recipe, out: Path) -> str:
    """Trains and scores one network, as the program's own commands do, and says how it went."""
    request = ScratchRequest(str(folder), str(out), recipe, holds_out="nothing")
    _, done, was_stopped = train(request, "process", is_quiet=True)
    if was_stopped:
        raise KeyboardInterrupt
    loss = read_training_log(TrainingFolder(out).log_path).columns["loss"][-1]
    command = [sys.executable, "-m", "seggui", "evaluate", str(out), str(folder)]
    command += ["--split", "test", "--json"]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    scores = answer["scores"]
    return (
        f"| {variant} | {done.seconds:.0f} s, {done.num_steps_run} steps | {loss:.3f} "
        f"| {100 * scores['mean_iou']:.1f} / {100 * scores['accuracy']:.1f} |"
    )


def main() -> None:
    """A line of a table for each variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("variants", nargs="+", metavar="VARIANT")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=14)
    arguments = parser.parse_args()
    same = {"epochs": arguments.epochs, "seed": arguments.seed}
    recipes = [dataclasses.replace(recipe_of(v), **same) for v in arguments.variants]
    print("| Variant | Training | Loss | mean IoU / pixels right |\n|---|---|---|---|", flush=True)
    for variant, recipe in zip(arguments.variants, recipes, strict=True):
        with tempfile.TemporaryDirectory(prefix="seggui-variant-") as place:
            print(line_of(arguments.folder, variant, recipe, Path(place) / "a.keras"), flush=True)


if __name__ == "__main__":
    main()
