"""Writes the table of keys and gestures in the manual from the tables in the code.

    python -m docs.shortcut_table

The actions come from ``seggui.actions``, the tools from ``seggui.canvas.tools.table``, gestures
from ``seggui.help_wiring``: the same three that the window and its list of shortcuts are made of.
``tests/unit/test_manual.py`` fails while the manual is behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from seggui.actions import ACTIONS, TOOLS
from seggui.canvas.tools.table import TOOLS as CANVAS_TOOLS
from seggui.help_wiring import GESTURES

MANUAL = Path(__file__).resolve().parents[1] / "resources" / "manual" / "manual.md"
CHAPTER = "## Keys and gestures\n"


def table() -> str:
    """The table as Markdown, with a line break at the end."""
    lines = ["| Where | What it does | Keys |", "|---|---|---|"]
    lines += [f"| {where} | {what} | {_keys(keys)} |" for where, what, keys in rows()]
    return "\n".join(lines) + "\n"


def rows() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Place, what it does, and its keys: gestures, tools, then the menus in their order."""
    for group, what, keys in GESTURES:
        yield group, what, tuple(keys.split(", "))
    for tool in CANVAS_TOOLS:
        yield TOOLS.replace("&", ""), tool.title.replace("&", ""), tool.shortcuts
    for action in ACTIONS:
        if action.shortcuts:
            title = action.text.replace("&", "").rstrip(".")
            yield action.menu.replace("&", ""), title, action.shortcuts


def with_table(manual: str) -> str:
    """The text of the manual with its table replaced by the one of the code.

    Raises:
        ValueError: the chapter is missing.
    """
    before, found, rest = manual.partition(CHAPTER)
    if not found:
        raise ValueError(f"the manual has no chapter {CHAPTER.strip()!r}")
    introduction, _, _ = rest.partition("| Where |")
    _, line, following = rest.partition("\n## ")
    return f"{before}{found}{introduction}{table()}{line}{following}"


def _keys(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def main() -> int:
    """Rewrites the table in the manual."""
    MANUAL.write_text(with_table(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
