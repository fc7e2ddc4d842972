"""Layers that calculate in another way for a while, with the same weights. Imports no Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any


@contextlib.contextmanager
def replaced_calls(
    layers: Iterable[Any], method: str, function: Callable[..., Any]
) -> Iterator[None]:
    """While it lasts, what is traced of some layers calls a function instead of their method.

    Args:
        layers: changed within the context and as before after it; nobody else may use them there.
        method: its name.
        function: takes the layer and then what the method takes; ``type(layer).method`` is still
            the ordinary way.
    """
    changed = list(layers)
    try:
        for layer in changed:
            # Past Keras' bookkeeping of attributes: it is none of the layer's state.
            object.__setattr__(layer, method, partial(function, layer))
        yield
    finally:
        for layer in changed:
            object.__delattr__(layer, method)
