"""A border around images, for networks whose convolutions eat one: the image, mirrored."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="seggui")
class MirroredBorder(keras.layers.Layer):
    """Continues an image beyond its edges as in a mirror, however far (Ronneberger et al., 2015).

    (N, H, W, C) in, (N, top + H + bottom, left + W + right, C) out. The pixel at the edge itself is
    not repeated.
    """

    def __init__(
        self,
        rows: tuple[int, int] = (0, 0),
        columns: tuple[int, int] = (0, 0),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.rows = (int(rows[0]), int(rows[1]))
        self.columns = (int(columns[0]), int(columns[1]))

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        return _along(_along(inputs, 1, self.rows), 2, self.columns)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(N, top + H + bottom, left + W + right, C), None where it is open."""
        batch, height, width, channels = input_shape
        return (
            batch, None if height is None else height + sum(self.rows),
            None if width is None else width + sum(self.columns), channels,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "rows": self.rows, "columns": self.columns}


def _along(x: Any, axis: int, border: tuple[int, int]) -> Any:
    """Places beyond the edges go back and forth: 2 1 0 1 2 3 2 1."""
    length = ops.shape(x)[axis]
    places = ops.arange(-border[0], length + border[1], dtype="int32")
    period = ops.maximum(2 * (ops.cast(length, "int32") - 1), 1)
    last = ops.cast(length, "int32") - 1
    return ops.take(x, last - ops.absolute(last - ops.mod(places, period)), axis=axis)
