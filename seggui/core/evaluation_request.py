"""What the evaluation panel asks for, and what it shows before anything is scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvaluationRequest:
    """Which images to score.

    Attributes:
        folder: of a dataset; None means the corrected images of the open project.
        split: ``"train"``, ``"validation"``, ``"test"`` or ``"all"``.
    """

    folder: Path | None
    split: str


@dataclass(frozen=True)
class EvaluationOverview:
    """What could be scored right now.

    Attributes:
        folder: as in `EvaluationRequest`.
        num_by_split: (split, images), for each that has some, and for ``"all"``.
        split: the one that an evaluation should use unless the user says otherwise; empty when
            there is nothing to score.
        network: name of the file of the network in force, or empty.
        problem: why nothing can be scored, with what to do; empty when it can.
    """

    folder: Path | None
    num_by_split: tuple[tuple[str, int], ...] = ()
    split: str = ""
    network: str = ""
    problem: str = ""
