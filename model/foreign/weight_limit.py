"""A network that is being built asks for no more weights than its file holds.

Widths, kernels and input sizes of a few characters ask for terabytes: a kernel of 65535 by 65535,
a Dense layer behind a flattened image of 60000 by 60000. Every layer makes its weights through
`keras.layers.Layer.add_weight`, whatever it is, so they are counted there, before memory is asked
for. (Counting them per kind of layer would forget one.)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import keras

from model.errors import ModelFileError

_SPARE = 2**16
"""Numbers that layers may have and not store, such as the states of random numbers."""


@contextlib.contextmanager
def limited_weights(num_stored: int, *, file_name: str) -> Iterator[None]:
    """Counts the weights of all layers that are built inside; for the thread that uses Keras.

    Args:
        num_stored: numbers that the file holds.
        file_name: for the message.

    Raises:
        ModelFileError: the layers ask for more.
    """
    original = keras.layers.Layer.add_weight
    num_left = num_stored + _SPARE

    def add_weight(layer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal num_left
        sizes = [shape] if isinstance(shape, int) else list(shape or ())
        num_left -= math.prod(int(size) for size in sizes)
        if num_left < 0:
            raise ModelFileError(
                f"{file_name} holds {num_stored} numbers, and its layers ask for more: "
                f"{layer.name!r} for weights of the shape {tuple(sizes)}.",
                remedy="Ask where the file comes from before using it.",
            )
        return original(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
