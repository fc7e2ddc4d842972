"""The table of `docs/model-files.md`: every file of the zoo here and with plain `load_model`.

    python -m tests.zoo.table > table.md

Plain `keras.models.load_model` is only given the genuine files: the others could run something.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from model.errors import ModelFileError
from model.inspection import inspect_file
from model.opening import open_network
from tests.zoo.packed import unpacked_zoo

ZOO = unpacked_zoo()


def answers(network: keras.Model, image: np.ndarray) -> list[np.ndarray]:
    """What a network says, as float32."""
    outputs = network(image, training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(y), np.float32) for y in outputs]


def difference(network: keras.Model, entry: dict[str, Any], *, turns: bool) -> float:
    """Largest difference from what the writer said; infinite for another shape."""
    with np.load(ZOO / entry["sample"]) as sample:
        image = sample["x"]
        expected = [sample[name] for name in sorted(sample.files) if name.startswith("y")]
    if turns and "channels_first" in entry["name"]:
        image = np.moveaxis(image, 1, -1)
        expected = [np.moveaxis(y, 1, -1) for y in expected]
    received = answers(network, image)
    if [y.shape for y in received] != [y.shape for y in expected]:
        return float("inf")
    return max(float(np.abs(a - b).max()) for a, b in zip(received, expected, strict=True))


def verdict(open_it: Any, entry: dict[str, Any], *, turns: bool) -> str:
    """ "opens", "wrong numbers", or "no"."""
    tolerance = 0.03 if "16" in entry["what"] else 1e-4
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = open_it(ZOO / entry["file"])
            if "sample" not in entry:
                return "opens"
            found = difference(network, entry, turns=turns)
    except ModelFileError:
        return "no"
    except Exception as error:
        return f"no ({type(error).__name__})" if turns else "no"
    return "opens" if found <= tolerance else f"**wrong numbers** ({found:.2g})"


def plain(path: Path) -> Any:
    """As a user does it."""
    return keras.models.load_model(path)


def ours(path: Path) -> Any:
    """As this program does it."""
    return open_network(inspect_file(path))


def main() -> None:
    """Prints the table of genuine files, then that of the refused ones."""
    entries = json.loads((ZOO / "zoo.json").read_text("utf-8"))
    genuine = [e for e in entries if "hostile" not in e["file"]]
    counts = {"ours": 0, "plain": 0}
    rows = []
    for entry in sorted(genuine, key=lambda e: (e["writer"], e["name"])):
        here, there = verdict(ours, entry, turns=True), verdict(plain, entry, turns=False)
        counts["ours"] += here == "opens"
        counts["plain"] += there == "opens"
        rows.append(f"| {entry['name']} | {entry['writer']} | {entry['what']} | {here} | {there} |")
    print(f"seggui opens {counts['ours']} of {len(genuine)}, plain load_model {counts['plain']}.\n")
    print("| File | Written by | What it is | seggui | `load_model` |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print("\n| Refused file | What seggui says |\n|---|---|")
    for entry in sorted((e for e in entries if "hostile" in e["file"]), key=lambda e: e["name"]):
        try:
            from tests.unit import zoo

            zoo.opened(ZOO / entry["file"])
            said = "opens: what is wrong in it is never looked at"
        except ModelFileError as error:
            said = error.message
        print(f"| {Path(entry['file']).name} | {said.replace('|', '/')} |")


if __name__ == "__main__":
    main()
