"""Small datasets on disk, in every layout, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (6, 8)


def write_photo(path: Path, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


def write_values(path: Path, values: object) -> Path:
    """Writes stored values as they are: (H, W) gray, or (H, W, 3) colours. A list is spread."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(values, np.uint8)
    if pixels.ndim == 1 or pixels.shape[:2] != SIZE:
        pixels = spread(values)
    Image.fromarray(pixels).save(path)
    return path


def spread(values: object) -> np.ndarray:
    """Repeats a list of values or colours until ``SIZE`` is full, row by row."""
    listed = np.asarray(values, np.uint8)
    number = SIZE[0] * SIZE[1]
    picked = listed[np.arange(number) % len(listed)]
    return picked.reshape(*SIZE, *listed.shape[1:])


def write_pairs(folder: Path, masks: dict[str, object], images: str, labels: str) -> None:
    """``masks``: stem -> values; ``images`` and ``labels`` are the two subfolders."""
    for stem, values in masks.items():
        write_photo(folder / images / f"{stem}.jpg")
        write_values(folder / labels / f"{stem}.png", values)


def write_segnet(folder: Path, parts: dict[str, list[str]], values: object = (0, 3, 11)) -> Path:
    for part, stems in parts.items():
        for stem in stems:
            write_photo(folder / part / f"{stem}.png")
            write_values(folder / f"{part}annot" / f"{stem}.png", values)
    return folder


def write_frame(
    folder: Path, split: str, name: str, values: object, kind: str = "labelIds"
) -> None:
    """One frame of Cityscapes: ``name`` is ``city_sequence_frame``."""
    city = name.partition("_")[0]
    write_photo(folder / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
    write_values(folder / "gtFine" / split / city / f"{name}_gtFine_{kind}.png", values)
