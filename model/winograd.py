"""Wide 3 x 3 convolutions with a quarter of the multiplications, on a CPU. Imports Keras.

Winograd's F(4 x 4, 3 x 3): Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
CVPR 2016. Tiles of 6 x 6 pixels and the kernels are transformed, 36 products of matrices take the
place of the convolution, and the result is transformed back to tiles of 4 x 4. TensorFlow's own
kernels for CPUs run at the peak of two cores without AVX-512, so that only fewer multiplications
help: convolutions of 256 to 512 channels at 52 to 104 pixels take half the time, of 128 channels at
208 pixels three quarters. With fewer channels the transforms cost more than they save. The kernels
grow fourfold.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
import numpy.typing as npt

from model.replaced_calls import replaced_calls

Floats = npt.NDArray[np.float32]

MIN_CHANNELS = 60
"""Harmonic, ``in * out / (in + out)``: how many products each transformed number is for."""
MIN_TILES = 36
MAX_BYTES = 512 * 2**20
"""Of all transformed kernels of a network."""

BAND_BYTES = 25 * 10**6
"""Transformed numbers at a time: rows of tiles are worked on in bands that caches can hold."""

_TILE = 4
_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)  # fmt: skip
_KERNEL = np.array(
    [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
    np.float64,
)  # fmt: skip
_OUTPUT = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    np.float32,
)
_kernels: WeakKeyDictionary[keras.Layer, Any] = WeakKeyDictionary()
"""Transformed, as tensors that all sizes of image share."""


def wide_convolutions(network: keras.Model, *, max_bytes: int = MAX_BYTES) -> tuple[Any, ...]:
    """Layers of a network that this is for, as long as their kernels fit into the memory.

    Args:
        network: inner networks are looked through.
        max_bytes: of the transformed kernels together.
    """
    found, num_bytes = [], 0
    for layer in network._flatten_layers(include_self=False):
        if not _is_wide(layer):
            continue
        size = _num_bytes(layer)
        if num_bytes + size <= max_bytes:
            found.append(layer)
            num_bytes += size
    return tuple(found)


@contextlib.contextmanager
def fewer_multiplications(network: keras.Model, *, max_bytes: int = MAX_BYTES) -> Iterator[None]:
    """While it lasts, wide convolutions are traced in this way, with the weights of the moment.

    Args:
        network: changed within the context and as before after it; nobody else may use it there.
        max_bytes: see `wide_convolutions`.
    """
    layers = wide_convolutions(network, max_bytes=max_bytes)
    with replaced_calls(layers, "convolution_op", _convolve):
        yield


def transformed_kernel(kernel: npt.NDArray[np.floating[Any]]) -> Floats:
    """Brings the kernel of a convolution to the form that is multiplied with.

    Args:
        kernel: (3, 3, C, K).

    Returns:
        (36, C, K) float32.
    """
    channels = kernel.shape[2:]
    flat = np.asarray(kernel, np.float32).reshape(9, -1)
    return (_both(_KERNEL) @ flat).reshape(36, *channels)


def _is_wide(layer: Any) -> bool:
    if type(layer) is not keras.layers.Conv2D or not layer.built:
        return False
    is_plain = (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 1), (1, 1))
    is_plain = is_plain and layer.padding == "same" and layer.groups == 1
    is_plain = is_plain and layer.data_format == "channels_last"
    if not is_plain or layer.compute_dtype != "float32":
        return False
    channels, filters = layer.kernel.shape[2:]
    return bool(channels * filters / (channels + filters) >= MIN_CHANNELS)


def _num_bytes(layer: Any) -> int:
    channels, filters = layer.kernel.shape[2:]
    return 36 * int(channels) * int(filters) * 4


def _convolve(layer: Any, inputs: Any, kernel: Any) -> Any:
    """``layer.convolution_op`` for tensors of a known size; others go the ordinary way."""
    import tensorflow as tf

    count, height, width, channels = inputs.shape
    if None in (count, height, width):
        return type(layer).convolution_op(layer, inputs, kernel)
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    num_tiles = count * rows * columns
    if num_tiles < MIN_TILES:
        return type(layer).convolution_op(layer, inputs, kernel)
    places = _places(inputs, rows, columns)
    height_of_band = _height_of_band(rows, num_tiles, channels + kernel.shape[3])
    bands = [
        _convolve_band(layer, places, range(first, min(first + height_of_band, rows)))
        for first in range(0, rows, height_of_band)
    ]
    whole = bands[0] if len(bands) == 1 else tf.concat(bands, axis=1)
    return whole[:, :height, :width]


def _height_of_band(rows: int, num_tiles: int, channels: int) -> int:
    """Rows of tiles in a band."""
    num_bands = math.ceil(36 * num_tiles * channels * 4 / BAND_BYTES)
    return math.ceil(rows / min(rows, num_bands))


def _places(inputs: Any, rows: int, columns: int) -> Any:
    """Pixels by their place in a tile of 4 x 4: (N, rows + 1, 4, columns + 1, 4, C), padded."""
    import tensorflow as tf

    count, height, width, channels = inputs.shape
    below, right = (rows + 1) * _TILE - 1 - height, (columns + 1) * _TILE - 1 - width
    padded = tf.pad(inputs, [[0, 0], [1, below], [1, right], [0, 0]])
    return tf.reshape(padded, [count, rows + 1, _TILE, columns + 1, _TILE, channels])


def _convolve_band(layer: Any, places: Any, band: range) -> Any:
    """Some rows of tiles: (N, 4 * rows, 4 * columns, K)."""
    import tensorflow as tf

    count, _, _, columns, _, channels = places.shape
    columns, rows = columns - 1, len(band)
    num_tiles, kernel = count * rows * columns, _kernel_of(layer)
    # One place of all tiles after the other; the last two rows and columns are those of the next.
    ordered = tf.transpose(places[:, band.start : band.stop + 1], [2, 4, 0, 1, 3, 5])
    tiles = tf.concat([ordered[:, :, :, :rows], ordered[:2, :, :, 1:]], axis=0)
    tiles = tf.concat([tiles[..., :columns, :], tiles[:, :2, ..., 1:, :]], axis=1)
    tiles = tf.reshape(tiles, [36, num_tiles * channels])
    tiles = tf.reshape(tf.matmul(_both(_INPUT), tiles), [36, num_tiles, channels])
    product = tf.matmul(tiles, kernel)  # (36, tiles, filters)
    filters = kernel.shape[2]
    answer = tf.matmul(_both(_OUTPUT), tf.reshape(product, [36, num_tiles * filters]))
    answer = tf.reshape(answer, [_TILE, _TILE, count, rows, columns, filters])
    answer = tf.transpose(answer, [2, 3, 0, 4, 1, 5])
    return tf.reshape(answer, [count, rows * _TILE, columns * _TILE, filters])


def _both(matrix: npt.NDArray[np.floating[Any]]) -> Floats:
    """Rows and columns of a tile in one step."""
    return np.kron(matrix, matrix).astype(np.float32)


def _kernel_of(layer: Any) -> Any:
    import tensorflow as tf

    found = _kernels.get(layer)
    if found is None:
        with tf.init_scope():  # outside of the graph that is traced
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            found = _kernels[layer] = tf.constant(transformed_kernel(kernel))
    return found
