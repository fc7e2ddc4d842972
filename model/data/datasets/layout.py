"""What every layout of datasets is: how it is recognised, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.data.datasets.dataset import Dataset
from model.data.label_sets import LabelSet


@dataclass(frozen=True)
class Layout:
    """One way in which people keep images and masks.

    Attributes:
        name: for the command line.
        title: for people.
        looks_for: what has to be in the folder, for messages.
        matches: whether a folder looks like it; reads names, and few small files.
        read: opens a folder as it, with a label set instead of the layout's own, or None.
        is_general: it is asked only when no special layout matches.
    """

    name: str
    title: str
    looks_for: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, LabelSet | None], Dataset]
    is_general: bool = False
