"""Shapes and sizes in words, for messages."""

from __future__ import annotations

from collections.abc import Sequence


def shape_words(shape: Sequence[int | None]) -> str:
    """``(free, 64, 64, 3)``; what is None is free."""
    return "(" + ", ".join("free" if side is None else str(side) for side in shape) + ")"


def size_words(size: Sequence[int | None]) -> str:
    """``64 x free``."""
    return " x ".join("free" if side is None else str(side) for side in size)
