"""JSON from a foreign file: nested no deeper than what walks through it can follow. No Keras."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 200
"""Of lists and objects in each other; networks in networks need four per network."""

MAX_LENGTH = 16 * 2**20
"""Of a text; those of networks with hundreds of layers have 1 or 2 MB, and four times as much as
this takes seconds to be read."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON, longer than MAX_LENGTH, or nested more than MAX_DEPTH deep.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"it has {len(text)} characters, and no network needs more than {MAX_LENGTH}"
        )
    too_deep = f"it is nested more than {MAX_DEPTH} deep"
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(too_deep) from None
    level = [value]
    for _ in range(MAX_DEPTH + 1):  # level by level: how deep Python recurses is not the same
        level = [
            inner for outer in level if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]  # fmt: skip
        if not level:
            return value
    raise ValueError(too_deep)
