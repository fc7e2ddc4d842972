"""Functions of Lambda layers as eight Pythons stored them, and as this one does, for tests."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from model.foreign.graph import LayerSpec

_TESTS = Path(__file__).parents[1]


def _module() -> Any:
    path = _TESTS / "zoo" / "lambda_codes.py"
    spec = importlib.util.spec_from_file_location("lambda_codes_of_the_zoo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


module = _module()
"""The script that compiles them; ``module.BODIES``: name -> (function, what it calculates)."""

STORED: dict[str, dict[str, list[Any]]] = json.loads(
    (_TESTS / "data" / "lambda_codes.json").read_text("utf-8")
)
"""Version of Python -> name -> [code, defaults, closure]."""

RUNNING = "{}.{}".format(*sys.version_info)

EXPECTED: dict[str, str] = {name: text for name, (_, text) in module.BODIES.items()}


def bytes_of(stored: list[Any]) -> bytes:
    """The marshalled code of a stored function."""
    return base64.b64decode(stored[0])


def layer(stored: Any, /, **config: Any) -> LayerSpec:
    """A Lambda layer as Keras 2 stores it."""
    options = {"function": stored, "function_type": "lambda", "arguments": {}, **config}
    return LayerSpec("norm", "Lambda", "", "", options)


def layer_of(function: Any, /, **config: Any) -> LayerSpec:
    """The same of a function of this Python."""
    return layer(module.dumped(function), **config)
