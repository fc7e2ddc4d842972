"""The eraser: a brush that takes labels away."""

from __future__ import annotations

from typing import ClassVar

from seggui.canvas.tools.brush import BrushTool


class EraserTool(BrushTool):
    """Erases with every button, of the same size as the brush."""

    name: ClassVar[str] = "eraser"
    always_erases: ClassVar[bool] = True
