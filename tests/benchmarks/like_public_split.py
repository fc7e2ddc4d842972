"""Writes D3: what we have of CamVid, divided as its public test split is. Not part of the suite.

    python -m tests.benchmarks.like_public_split DATA_DIR FOLDER
    seggui train FOLDER -o d3.keras --hold-out nothing --epochs 61 --seed 14
    seggui evaluate d3.keras FOLDER --split test

DATA_DIR is the SegNet copy of CamVid; FOLDER gets links. The public test split, which we do not
have, is the second half of drive 0001TP and a drive through streets with houses by day. D3 tests
on what is most like it: the second half of our part of 0001TP, three seconds after what is trained
on, and the first minute of drive 0016E5, a minute away from the rest of that drive. The streets are
new then, but camera, light and season are not: real scores on the public split may be lower.
"""

from __future__ import annotations

import argparse
from pathlib import Path

LAST_OF_DUSK, FIRST_OF_NEW_DUSK = 7560, 7650
LAST_OF_NEW_STREET = 2400
"""Numbers of frames, 30 to the second."""


def part_of(stem: str) -> str | None:
    """``"train"``, ``"test"``, or None for the frames between both; of ``0001TP_007650``."""
    drive, _, number = stem.partition("_")
    frame = int(number.lstrip("f"))
    if drive == "0001TP":
        if frame >= FIRST_OF_NEW_DUSK:
            return "test"
        return "train" if frame <= LAST_OF_DUSK else None
    return "test" if drive == "0016E5" and frame <= LAST_OF_NEW_STREET else "train"


def main() -> None:
    """Writes the folder and says how many frames each part has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    data_dir, counts = arguments.data_dir.absolute(), {"train": 0, "test": 0}
    for image in sorted((data_dir / "train").iterdir()):
        part = part_of(image.stem)
        if part is None:
            continue
        counts[part] += 1
        for name, source in ((part, image), (f"{part}annot", data_dir / "trainannot" / image.name)):
            (arguments.folder / name).mkdir(parents=True, exist_ok=True)
            (arguments.folder / name / image.name).symlink_to(source)
    print(f"{counts['train']} images to train on, {counts['test']} to test on.")


if __name__ == "__main__":
    main()
