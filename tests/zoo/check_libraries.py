"""Open what `libraries.py` wrote: `python -m tests.zoo.check_libraries DIR [PART_OF_NAME]`.

Each file is opened, asked the writer's own question, trained for two steps, saved and opened again.
One line per file; `--table` prints the table of docs/model-files.md instead.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model.errors import SegguiError
from model.inspection import inspect_file
from model.opening import open_network
from tests.zoo.shelf import read_index


def check(folder: Path, entry: dict[str, Any]) -> str:
    """Say how one file fares; ``"right"`` where all is well."""
    try:
        network = open_network(inspect_file(folder / entry["file"]))
    except SegguiError as error:
        return f"{type(error).__name__}: {error}"
    with np.load(folder / entry["sample"]) as arrays:
        image = arrays["x"]
        expected = [arrays[name] for name in sorted(arrays.files) if name != "x"]
    received = answers(network, image)
    if [y.shape for y in received] != [y.shape for y in expected]:
        return f"shapes {[y.shape for y in received]}, wanted {[y.shape for y in expected]}"
    off = max(
        float(np.abs(a - b).max()) / max(1.0, float(np.abs(b).max()))
        for a, b in zip(received, expected, strict=True)
    )
    if not off < 1e-4:
        return f"WRONG by {off:.1e}"
    return train_and_save(network, image, expected)


def train_and_save(network: keras.Model, image: np.ndarray, expected: list[np.ndarray]) -> str:
    """Two steps of training, and a round trip through a file."""
    network.compile(keras.optimizers.SGD(1e-4), "mse")
    targets = [np.zeros_like(y) for y in expected]
    for _ in range(2):
        network.train_on_batch(image, targets[0] if len(targets) == 1 else targets)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.keras"
        network.save(again)
        reopened = open_network(inspect_file(again))
        off = max(
            float(np.abs(a - b).max())
            for a, b in zip(answers(reopened, image), answers(network, image), strict=True)
        )
    return "right" if off < 1e-4 else f"WRONG after saving by {off:.1e}"


def answers(network: keras.Model, image: np.ndarray) -> list[np.ndarray]:
    """Every output for one batch."""
    outputs = network(image, training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(y), np.float32) for y in outputs]


def main() -> None:
    """Check one file after the other."""
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    folder, part = Path(arguments[0]), arguments[1] if len(arguments) > 1 else ""
    table: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in read_index(str(folder)):
        if part not in entry["file"]:
            continue
        keras.backend.clear_session()
        said = check(folder, entry)
        print(f"{entry['file']}: {said}", flush=True)
        name = entry["name"].partition("_")[2]
        table[(entry["library"], entry["writer"])].append(
            name if said == "right" else f"**{name}**"
        )
    if "--table" in sys.argv:
        for (library, writer), names in sorted(table.items()):
            print(f"| {library} | {writer} | {', '.join(names)} |")


if __name__ == "__main__":
    main()
