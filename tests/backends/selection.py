"""Which tests need Keras: those whose imports lead to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OWN = ("model", "seggui", "tests")


def tests_with_keras(folder: Path) -> list[Path]:
    """Test files whose imports lead to Keras, also through our modules and inside functions."""
    return [path for path in sorted(folder.rglob("test_*.py")) if _leads_to_keras(path)]


def _leads_to_keras(start: Path) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        for name in _imports(waiting.pop()):
            if name.partition(".")[0] == "keras":
                return True
            path = _file_of(name)
            if path is not None and path not in seen:
                seen.add(path)
                waiting.append(path)
    return False


@cache
def _imports(path: Path) -> frozenset[str]:
    """Names of modules, and of what is taken from them, since that may be a module as well."""
    return frozenset(_walk(ast.parse(path.read_text(encoding="utf-8"))))


def _walk(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file_of(name: str) -> Path | None:
    """Our file of that module, or None for others and for what is no module."""
    if name.partition(".")[0] not in _OWN:
        return None
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None
