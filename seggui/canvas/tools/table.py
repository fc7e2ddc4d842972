"""The one table of tools: what they are called, how they look in the window, what they are."""

from __future__ import annotations

from dataclasses import dataclass

from seggui.canvas.tools.base import Tool
from seggui.canvas.tools.brush import BrushTool
from seggui.canvas.tools.eraser import EraserTool
from seggui.canvas.tools.fill import FillTool
from seggui.canvas.tools.pan import PanTool
from seggui.canvas.tools.pick import PickTool
from seggui.canvas.tools.polygon import PolygonTool


@dataclass(frozen=True)
class ToolInfo:
    """One tool for menus and bars.

    Attributes:
        name: stable; the action is called ``<name>_tool``.
        icon: meaning, or name in the Material Design font.
        shortcuts: keys; the first one is shown.
        title: for menus.
        tip: one sentence, what it does and with which gestures.
        tool_class: makes the tool for a canvas.
    """

    name: str
    icon: str
    shortcuts: tuple[str, ...]
    title: str
    tip: str
    tool_class: type[Tool]


TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo("brush", "brush", ("B",), "&Brush",
             "Paint the current class. Right button or Ctrl erases, Shift draws a straight line "
             "from the last point, Alt and drag changes the size.", BrushTool),
    ToolInfo("eraser", "eraser", ("E",), "&Eraser",
             "Remove labels with the brush.", EraserTool),
    ToolInfo("fill", "format-color-fill", ("F",), "&Fill",
             "Give the connected region under the pointer the current class.", FillTool),
    ToolInfo("polygon", "vector-polygon", ("P",), "&Polygon",
             "Click the corners; Enter, a double click or the first corner closes (with Ctrl: "
             "erases), Backspace or right click takes a corner back, Esc all.", PolygonTool),
    ToolInfo("pick", "eyedropper-variant", ("I", "L"), "P&ick class",
             "Make the class under the pointer the current one.", PickTool),
    ToolInfo("pan", "hand-back-right-outline", ("M",), "&Move view",
             "Drag the image. The middle button, or Space and drag, does it with every tool.",
             PanTool),
)  # fmt: skip
