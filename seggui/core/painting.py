"""What a tool paints and what it leaves alone, applied to pixels."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.data.label_sets import IGNORE
from seggui.core.records import Provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seggui.core.edits import Pixels

    Selection = NDArray[np.bool_]


@dataclass(frozen=True)
class PaintRule:
    """What a tool paints, and what it leaves alone.

    Attributes:
        label: the class to paint, 0..254, or ``IGNORE`` for the eraser.
        locked: classes that are never painted over.
        only_over: paint only over these classes; None means over all that are not locked.
    """

    label: int
    locked: frozenset[int] = frozenset()
    only_over: frozenset[int] | None = None

    def __post_init__(self) -> None:
        for value in {self.label} | self.locked | (self.only_over or frozenset()):
            _check_label(value)

    @property
    def provenance(self) -> Provenance:
        """What painted pixels become: an erased pixel is one that nobody said anything about."""
        return Provenance.UNSEEN if self.label == IGNORE else Provenance.CORRECTED

    def may_paint_over(self) -> NDArray[np.bool_]:
        """(256,) bool: for each mask value, whether it may be painted over."""
        table = np.full(256, self.only_over is None)
        table[sorted(self.only_over or ())] = True
        table[sorted(self.locked)] = False
        return table


class Painter:
    """Applies a rule to pixels in place."""

    def __init__(self, rule: PaintRule) -> None:
        self._label = rule.label
        self._provenance = int(rule.provenance)
        self._may_paint_over = rule.may_paint_over()
        self._is_limited = not self._may_paint_over.all()

    def paint(self, mask: Pixels, provenance: Pixels, selection: Selection) -> tuple[bool, int]:
        """Paints the selected pixels that the rule allows.

        Returns:
            Whether anything changed, and by how much the number of corrected pixels grew.
        """
        if self._is_limited:
            selection = selection & self._may_paint_over[mask]
        changed = ((mask != self._label) | (provenance != self._provenance)) & selection
        if not changed.any():
            return False, 0
        was_corrected = np.count_nonzero(changed & (provenance == Provenance.CORRECTED))
        np.copyto(mask, self._label, where=changed, casting="unsafe")
        np.copyto(provenance, self._provenance, where=changed, casting="unsafe")
        is_corrected = self._provenance == Provenance.CORRECTED
        return True, (int(np.count_nonzero(changed)) if is_corrected else 0) - int(was_corrected)


def _check_label(value: int) -> None:
    if not 0 <= operator.index(value) <= IGNORE:
        raise ValueError(f"The class index is {value}; expected 0 to {IGNORE}.")
