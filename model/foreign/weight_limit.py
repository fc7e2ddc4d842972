"""A network that is being built asks for no more weights than its file holds.

Widths, kernels and input sizes of a few characters ask for terabytes: a kernel of 65535 by 65535,
a Dense layer behind a flattened image of 60000 by 60000. Every layer makes its weights through
`keras.layers.Layer.add_weight`, whatever it is, so they are counted there, before memory is asked
for. (Counting them per kind of layer would forget one.) Their number is limited as well: hundreds
of layers with a few weights each take seconds to build.
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

_SPARE_ARRAYS = 64


@contextlib.contextmanager
def limited_weights(
    num_stored: int, num_arrays: int | None = None, *, file_name: str
) -> Iterator[None]:
    """Counts the weights of all layers that are built inside; for the thread that uses Keras.

    Args:
        num_stored: numbers that the file holds.
        num_arrays: arrays that they are in; None where that is not known.
        file_name: for the message.

    Raises:
        ModelFileError: the layers ask for more.
    """
    original = keras.layers.Layer.add_weight
    num_left = num_stored + _SPARE
    # Twice: an array that several layers store in the same place is one in the file.
    arrays_left = math.inf if num_arrays is None else 2 * num_arrays + _SPARE_ARRAYS

    def add_weight(layer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal num_left, arrays_left
        sizes = [shape] if isinstance(shape, int) else list(shape or ())
        num_left -= math.prod(int(size) for size in sizes)
        arrays_left -= 1
        if num_left < 0 or arrays_left < 0:
            held = f"{num_stored} numbers" if num_left < 0 else f"{num_arrays} arrays"
            raise ModelFileError(
                f"{file_name} holds {held}, and its layers ask for more: "
                f"{layer.name!r} for weights of the shape {tuple(sizes)}.",
                remedy="Ask where the file comes from before using it.",
            )
        return original(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
