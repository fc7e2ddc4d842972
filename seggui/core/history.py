"""The undo and redo steps of one document, bounded in number and memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from seggui.core.records import MaskEdit

MAX_EDITS = 500
MAX_BYTES = 32 * 2**20

_RECORD_BYTES = 400  # the Python objects around the compressed bytes


class EditHistory:
    """A line of edits and a position in it: edits before it can be undone, those after it redone.

    It only remembers; the document applies. When it grows over its bounds the oldest edits are
    forgotten, but never the newest: the last step can always be undone.
    """

    def __init__(
        self,
        edits: Sequence[MaskEdit] = (),
        position: int | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        max_edits: int = MAX_EDITS,
    ) -> None:
        """Starts empty or with restored edits.

        Args:
            edits: oldest first.
            position: how many of them are applied; None means all.
            max_bytes: bound of the memory that the edits hold.
            max_edits: bound of their number, at least 1.

        Raises:
            ValueError: the position is not in the line, or a bound is not positive.
        """
        if max_bytes < 1 or max_edits < 1:
            raise ValueError(
                f"max_bytes={max_bytes} and max_edits={max_edits}; expected at least 1 of each."
            )
        self._position = len(edits) if position is None else position
        if not 0 <= self._position <= len(edits):
            raise ValueError(f"Position {position} is not in a history of {len(edits)} edits.")
        self._edits = deque(edits)
        self._max_bytes = max_bytes
        self._max_edits = max_edits
        self._num_bytes = sum(_size(edit) for edit in edits)
        self._num_forgotten = 0
        self._forget_oldest()
        # Steps to redo go from the far end: without its predecessor an edit cannot be redone.
        while self._is_too_large():
            self._num_bytes -= _size(self._edits.pop())

    @property
    def edits(self) -> tuple[MaskEdit, ...]:
        """All edits, oldest first."""
        return tuple(self._edits)

    @property
    def position(self) -> int:
        """How many of the edits are applied."""
        return self._position

    @property
    def num_bytes(self) -> int:
        """Memory that the edits hold."""
        return self._num_bytes

    @property
    def num_forgotten(self) -> int:
        """How many of the oldest edits were forgotten since the history was made."""
        return self._num_forgotten

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return self._position < len(self._edits)

    @property
    def next_undo(self) -> MaskEdit | None:
        """The edit that :meth:`undo` would return."""
        return self._edits[self._position - 1] if self.can_undo else None

    @property
    def next_redo(self) -> MaskEdit | None:
        """The edit that :meth:`redo` would return."""
        return self._edits[self._position] if self.can_redo else None

    def push(self, edit: MaskEdit) -> int:
        """Adds an applied edit and forgets what could have been redone.

        Returns:
            How many of the oldest edits were forgotten to stay within the bounds.
        """
        while self.can_redo:
            self._num_bytes -= _size(self._edits.pop())
        self._edits.append(edit)
        self._num_bytes += _size(edit)
        self._position += 1
        return self._forget_oldest()

    def undo(self) -> MaskEdit | None:
        """Goes one step back; the caller applies the edit that it returns."""
        edit = self.next_undo
        if edit is not None:
            self._position -= 1
        return edit

    def redo(self) -> MaskEdit | None:
        """Goes one step forward; the caller applies the edit that it returns."""
        edit = self.next_redo
        if edit is not None:
            self._position += 1
        return edit

    def _forget_oldest(self) -> int:
        num_dropped = 0
        while self._position > 0 and self._is_too_large():
            self._num_bytes -= _size(self._edits.popleft())
            self._position -= 1
            num_dropped += 1
        self._num_forgotten += num_dropped
        return num_dropped

    def _is_too_large(self) -> bool:
        num_edits = len(self._edits)
        return num_edits > self._max_edits or (num_edits > 1 and self._num_bytes > self._max_bytes)


def _size(edit: MaskEdit) -> int:
    return len(edit.mask_xor) + len(edit.provenance_xor) + _RECORD_BYTES
