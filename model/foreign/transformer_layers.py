"""The transformer layers of keras-unet-collection (TransUNET, Swin-UNET), by their formulas.

Dosovitskiy et al., 2020 (patches, positions); Liu et al., 2021 (windows, shifted windows, relative
positions). Attributes are called as in the files, so that stored arrays find their places. Images
are lists of tokens here: (N, rows * columns, C), row by row.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


class _Configured(keras.layers.Layer):
    """A layer whose options are saved under the names of its arguments."""

    def __init__(self, given: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._given = given

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), **self._given}


@keras.saving.register_keras_serializable(package="seggui")
class PatchExtract(_Configured):
    """(N, H, W, C) in, (N, patches, side * side * C) out: each patch's pixels as one token."""

    def __init__(self, patch_size: tuple[int, int] = (2, 2), **options: Any) -> None:
        super().__init__({"patch_size": patch_size}, **options)
        self.side = int(patch_size[0])

    def call(self, inputs: Any) -> Any:
        """What does not fill a patch at the lower and right edge is left out."""
        _, height, width, channels = inputs.shape
        side, rows, columns = self.side, height // self.side, width // self.side
        x = inputs[:, : rows * side, : columns * side]
        x = ops.reshape(x, (-1, rows, side, columns, side, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, rows * columns, side * side * channels))


@keras.saving.register_keras_serializable(package="seggui")
class PatchEmbedding(_Configured):
    """(N, patches, C) in, (N, patches, embed_dim) out: projected, plus a learned position."""

    def __init__(self, num_patch: int = 1, embed_dim: int = 1, **options: Any) -> None:
        super().__init__({"num_patch": num_patch, "embed_dim": embed_dim}, **options)
        self.proj = keras.layers.Dense(embed_dim, dtype=self.dtype_policy)
        self.pos_embed = keras.layers.Embedding(num_patch, embed_dim, dtype=self.dtype_policy)
        self.num_patch = num_patch

    def build(self, input_shape: Any) -> None:
        """Weights: the projection's two, and the positions."""
        self.proj.build(input_shape)
        self.pos_embed.build((self.num_patch,))

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        return self.proj(inputs) + self.pos_embed(ops.arange(0, self.num_patch))


@keras.saving.register_keras_serializable(package="seggui")
class PatchMerging(_Configured):
    """(N, H * W, C) in, (N, H * W / 4, 2 * embed_dim) out: four neighbours become one token."""

    def __init__(
        self, num_patch: tuple[int, int] = (2, 2), embed_dim: int = 1, **options: Any
    ) -> None:
        super().__init__({"num_patch": num_patch, "embed_dim": embed_dim}, **options)
        self.grid = (int(num_patch[0]), int(num_patch[1]))
        self.linear_trans = keras.layers.Dense(
            2 * embed_dim, use_bias=False, dtype=self.dtype_policy
        )

    def build(self, input_shape: Any) -> None:
        """Weights: one matrix."""
        self.linear_trans.build((*input_shape[:-1], 4 * input_shape[-1]))

    def call(self, inputs: Any) -> Any:
        """Order of the four: upper left, lower left, upper right, lower right."""
        rows, columns = self.grid
        channels = inputs.shape[-1]
        x = ops.reshape(inputs, (-1, rows // 2, 2, columns // 2, 2, channels))
        x = ops.transpose(x, (0, 1, 3, 4, 2, 5))
        return self.linear_trans(ops.reshape(x, (-1, rows * columns // 4, 4 * channels)))


@keras.saving.register_keras_serializable(package="seggui")
class PatchExpanding(_Configured):
    """(N, H * W, C) in; each token becomes upsample_rate ** 2 finer ones, of fewer channels.

    Out come tokens, or with ``return_vector=False`` an image (N, H * rate, W * rate, channels).
    """

    def __init__(
        self,
        num_patch: tuple[int, int] = (1, 1),
        embed_dim: int = 1,
        upsample_rate: int = 2,
        return_vector: bool = True,
        **options: Any,
    ) -> None:
        given = {
            "num_patch": num_patch, "embed_dim": embed_dim, "upsample_rate": upsample_rate,
            "return_vector": return_vector,
        }  # fmt: skip
        super().__init__(given, **options)
        self.grid = (int(num_patch[0]), int(num_patch[1]))
        self.rate, self.gives_tokens = int(upsample_rate), bool(return_vector)
        self.linear_trans1 = keras.layers.Conv2D(
            upsample_rate * embed_dim, 1, use_bias=False, dtype=self.dtype_policy
        )

    def build(self, input_shape: Any) -> None:
        """Weights: one matrix."""
        self.linear_trans1.build((input_shape[0], *self.grid, input_shape[-1]))

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        rows, columns = self.grid
        rate = self.rate
        x = self.linear_trans1(ops.reshape(inputs, (-1, rows, columns, inputs.shape[-1])))
        channels = x.shape[-1] // rate**2
        x = ops.reshape(x, (-1, rows, columns, rate, rate, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        if self.gives_tokens:
            return ops.reshape(x, (-1, rows * columns * rate**2, channels))
        return ops.reshape(x, (-1, rows * rate, columns * rate, channels))


@keras.saving.register_keras_serializable(package="seggui")
class WindowAttention(keras.layers.Layer):
    """Attention inside of windows, with a learned bias for each relative position.

    (windows, side * side, dim) in, the same out.
    """

    def __init__(
        self, dim: int, side: int, num_heads: int, qkv_bias: bool, qk_scale: float | None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(**options)
        self.dim, self.side, self.num_heads = dim, side, num_heads
        self.scale = qk_scale or (dim // num_heads) ** -0.5
        self.qkv = keras.layers.Dense(3 * dim, use_bias=qkv_bias, dtype=self.dtype_policy)
        self.proj = keras.layers.Dense(dim, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        """Weights: biases, their places (never trained), and the two projections'."""
        self.relative_position_bias_table = self.add_weight(
            shape=((2 * self.side - 1) ** 2, self.num_heads), name="positions", initializer="zeros"
        )
        self.relative_position_index = self.add_weight(
            shape=(self.side**2, self.side**2), name="places", dtype="int32", trainable=False,
            initializer=lambda *_, **__: ops.convert_to_tensor(_places(self.side)),
        )  # fmt: skip
        self.qkv.build(input_shape)
        self.proj.build(input_shape)

    def call(self, inputs: Any, apart: Any = None) -> Any:
        """``apart``: (windows of one image, side ** 2, side ** 2), added before the softmax."""
        tokens, heads = self.side**2, self.num_heads
        x = ops.reshape(self.qkv(inputs), (-1, tokens, 3, heads, self.dim // heads))
        x = ops.transpose(x, (2, 0, 3, 1, 4))
        query, key, value = x[0] * self.scale, x[1], x[2]
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        places = ops.reshape(self.relative_position_index, (-1,))
        bias = ops.take(self.relative_position_bias_table, places, axis=0)
        bias = ops.transpose(ops.reshape(bias, (tokens, tokens, heads)), (2, 0, 1))
        scores = scores + ops.cast(bias, scores.dtype)[None]
        if apart is not None:
            windows = apart.shape[0]
            scores = ops.reshape(scores, (-1, windows, heads, tokens, tokens))
            scores = scores + ops.cast(apart, scores.dtype)[None, :, None]
            scores = ops.reshape(scores, (-1, heads, tokens, tokens))
        mixed = ops.matmul(ops.softmax(scores, axis=-1), value)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))
        return self.proj(ops.reshape(mixed, (-1, tokens, self.dim)))


@keras.saving.register_keras_serializable(package="seggui")
class TwoDense(keras.layers.Layer):
    """Dense, exact GELU, Dense."""

    def __init__(self, hidden: int, dim: int, **options: Any) -> None:
        super().__init__(**options)
        self.fc1 = keras.layers.Dense(hidden, dtype=self.dtype_policy)
        self.fc2 = keras.layers.Dense(dim, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        """Weights: of both."""
        self.fc1.build(input_shape)
        self.fc2.build((*input_shape[:-1], self.fc1.units))

    def call(self, inputs: Any) -> Any:
        """(..., C) in, (..., dim) out."""
        return self.fc2(ops.gelu(self.fc1(inputs), approximate=False))


@keras.saving.register_keras_serializable(package="seggui")
class SwinTransformerBlock(_Configured):
    """Window attention and two dense layers, each with normalisation before and a way around it.

    (N, H * W, dim) in, the same out. With ``shift_size``, the windows are moved by so many tokens,
    and a mask keeps what was carried over the edge apart.
    """

    def __init__(
        self,
        *,
        dim: int = 1,
        num_patch: tuple[int, int] = (1, 1),
        num_heads: int = 1,
        window_size: int = 1,
        shift_size: int = 0,
        num_mlp: int = 1,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        **options: Any,
    ) -> None:
        given = {
            "dim": dim, "num_patch": num_patch, "num_heads": num_heads, "window_size": window_size,
            "shift_size": shift_size, "num_mlp": num_mlp, "qkv_bias": qkv_bias,
            "qk_scale": qk_scale,
        }  # fmt: skip
        super().__init__(given, **options)
        self.dim, self.grid = dim, (int(num_patch[0]), int(num_patch[1]))
        self.side, self.shift = int(window_size), int(shift_size)
        policy = self.dtype_policy
        self.norm1 = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy)
        self.attn = WindowAttention(
            dim, self.side, num_heads, bool(qkv_bias), qk_scale, dtype=policy
        )
        self.norm2 = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy)
        self.mlp = TwoDense(num_mlp, dim, dtype=policy)

    def build(self, input_shape: Any) -> None:
        """Weights: of the parts, and the mask (never trained) where windows are moved."""
        self.attn_mask = None
        if self.shift:
            (rows, columns), side = self.grid, self.side
            # Made by the initializer: whoever limits the weights has looked at the shape by then.
            self.attn_mask = self.add_weight(
                shape=((rows // side) * (columns // side), side**2, side**2), name="mask",
                trainable=False,
                initializer=lambda *_, **__: ops.convert_to_tensor(
                    _mask((rows, columns), side, self.shift)
                ),
            )  # fmt: skip
        self.norm1.build(input_shape)
        self.attn.build((None, self.side**2, self.dim))
        self.norm2.build(input_shape)
        self.mlp.build(input_shape)

    def call(self, inputs: Any) -> Any:
        """As the class says."""
        x = inputs + self._attended(self.norm1(inputs))
        return x + self.mlp(self.norm2(x))

    def _attended(self, x: Any) -> Any:
        (rows, columns), side, shift = self.grid, self.side, self.shift
        x = ops.reshape(x, (-1, rows, columns, self.dim))
        if shift:
            x = ops.roll(x, (-shift, -shift), axis=(1, 2))
        x = ops.reshape(x, (-1, rows // side, side, columns // side, side, self.dim))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, side**2, self.dim))
        x = self.attn(x, apart=self.attn_mask)
        x = ops.reshape(x, (-1, rows // side, columns // side, side, side, self.dim))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, self.dim))
        if shift:
            x = ops.roll(x, (shift, shift), axis=(1, 2))
        return ops.reshape(x, (-1, rows * columns, self.dim))


def _places(side: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """For each pair of tokens of a window, the row of the table that their distance has."""
    rows, columns = np.divmod(np.arange(side**2), side)
    down = rows[:, None] - rows[None] + side - 1
    right = columns[:, None] - columns[None] + side - 1
    return np.asarray(down * (2 * side - 1) + right, np.int32)


def _mask(grid: tuple[int, int], side: int, shift: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """-100 between tokens of a window that were not neighbours before the windows were moved."""
    bands = []
    for length in grid:
        band = np.zeros(length, int)
        band[length - side : length - shift] = 1
        band[length - shift :] = 2
        bands.append(band)
    regions = bands[0][:, None] * 3 + bands[1][None]
    squares = regions.reshape(grid[0] // side, side, grid[1] // side, side)
    windows = squares.transpose(0, 2, 1, 3).reshape(-1, side**2)
    return np.where(windows[:, None] != windows[:, :, None], -100.0, 0.0).astype(np.float32)


TRANSFORMER_LAYERS: dict[str, type[keras.layers.Layer]] = {
    "PatchExtract": PatchExtract,
    "PatchEmbedding": PatchEmbedding,
    "PatchMerging": PatchMerging,
    "PatchExpanding": PatchExpanding,
    "SwinTransformerBlock": SwinTransformerBlock,
}
"""The layers by name; they have layers inside."""
