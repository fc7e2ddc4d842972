"""What the window shows of a dataset before a network is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DatasetLook:
    """A dataset in a few lines.

    Attributes:
        folder: of the dataset; None means the corrected images of the open project.
        headline: name, images, parts, sizes.
        class_names: of its classes.
        class_colors: one for each.
        num_pixels: of each class; zeros while the masks are not looked at yet.
        findings: (severity, sentence) for what its owner should know, the gravest first.
        is_complete: whether every mask was looked at.
        problem: why nothing can be trained on it, with what to do; empty when it can.
    """

    folder: Path | None
    headline: str = ""
    class_names: tuple[str, ...] = ()
    class_colors: tuple[tuple[int, int, int], ...] = ()
    num_pixels: tuple[int, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    is_complete: bool = False
    problem: str = ""
