"""Networks without padding, made to answer for every pixel. Imports Keras.

The U-Net of 2015 has convolutions that shrink: its mask lacks a border of the image. Such a network
gets a wider image, mirrored at its edges, and everything else can treat it like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from model.foreign.mirrored_border import MirroredBorder

_STARTS = (256, 512, 1024)
"""Sides of images that are tried where any size may come; the smallest that survives the border."""
_STEPS = (1, 2, 4, 8, 16, 32, 64)

Size = tuple[int, int]


@dataclass(frozen=True)
class _Loss:
    """What a network takes away.

    Attributes:
        border: rows and columns of the image that the output lacks.
        extra: rows and columns that have to be added at the end, so that images of ``multiple``
            pixels fit; the output is cut by as much.
    """

    border: Size
    extra: Size


def with_whole_output(network: keras.Model) -> keras.Model:
    """The same network if it answers for the whole image, else one around it that does.

    Args:
        network: from `model.opening.open_network`; the new one shares its layers.

    Returns:
        A network whose outputs are as large as its input, where they lacked a border only.
    """
    inputs = getattr(network, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or not any(map(_may_shrink, _leaves(network))):
        return network
    loss = _loss_of(network)
    return network if loss is None else _around(network, loss)


def border_of(network: keras.Model) -> Size | None:
    """Rows and columns that were put around the image for a network; None if nothing was."""
    for layer in network.layers:
        if isinstance(layer, MirroredBorder):
            return 2 * layer.rows[0], 2 * layer.columns[0]
    return None


def _leaves(network: keras.Model) -> Iterator[keras.layers.Layer]:
    return (layer for layer in network._flatten_layers() if not isinstance(layer, keras.Model))


def _may_shrink(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.Cropping2D):
        return True
    kernel = getattr(layer, "kernel_size", ())
    return getattr(layer, "padding", "") == "valid" and any(side > 1 for side in kernel)


def _loss_of(network: keras.Model) -> _Loss | None:
    height, width = network.inputs[0].shape[1:3]
    if height is not None and width is not None:
        border = _border(network, (height, width))
        return None if border is None else _Loss(border, (0, 0))
    if height is not None or width is not None:
        return None
    found = _free_size(network)
    if found is None:
        return None
    side, step = found
    border = _border(network, (side, side))
    if border is None:
        return None
    return _Loss(border, ((side - border[0]) % step, (side - border[1]) % step))


def _free_size(network: keras.Model) -> tuple[int, int] | None:
    """A side of an image that the network takes, and by how much it may grow."""
    for start in _STARTS:
        for side in range(start, start + max(_STEPS)):
            if _sizes(network, (side, side)):
                step = _step(network, (side, side))
                return None if step is None else (side, step)
    return None


def _border(network: keras.Model, size: Size) -> Size | None:
    """What the largest output lacks; None where it lacks nothing, or is coarser than the image."""
    found = _sizes(network, size)
    if not found:
        return None
    largest = max(found)
    border = size[0] - largest[0], size[1] - largest[1]
    if min(border) <= 0 or _step(network, size) is None:
        return None
    return border


def _step(network: keras.Model, size: Size) -> int | None:
    """By how many pixels image and output can grow together; None if they never do."""
    before = max(_sizes(network, size), default=None)
    for step in _STEPS:
        after = max(_sizes(network, (size[0] + step, size[1] + step)), default=None)
        if before and after and after == (before[0] + step, before[1] + step):
            return step
    return None


def _sizes(network: keras.Model, size: Size) -> list[Size]:
    """Height and width of each output for an image of this size; empty if it does not fit."""
    image = network.inputs[0]
    spec = keras.KerasTensor((1, *size, image.shape[3]), dtype=image.dtype)
    try:
        outputs = network._run_through_graph(spec, _shape_of)
    except Exception:  # noqa: BLE001 - each layer has its own error for sizes that do not fit
        return []
    shapes = [output.shape for output in keras.tree.flatten(outputs)]
    if any(len(shape) != 4 or None in shape or min(shape) <= 0 for shape in shapes):
        return []
    return [shape[1:3] for shape in shapes]


def _shape_of(operation: Any) -> Callable[..., Any]:
    """What an operation gives for shapes. Concatenate looks at them only when it is built."""
    if isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph"):
        return lambda *args, **_: operation._run_through_graph(args[0], _shape_of)
    if not isinstance(operation, keras.layers.Concatenate):
        return operation.compute_output_spec  # type: ignore[no-any-return]

    def joined(specs: Sequence[Any], **_: Any) -> Any:
        axis = operation.axis % len(specs[0].shape)
        if len({(*spec.shape[:axis], *spec.shape[axis + 1 :]) for spec in specs}) > 1:
            raise ValueError("shapes that do not fit together")
        return operation.compute_output_spec(specs)

    return joined


def _around(network: keras.Model, loss: _Loss) -> keras.Model:
    image = network.inputs[0]
    height, width = (
        None if side is None else side - lost
        for side, lost in zip(image.shape[1:3], loss.border, strict=True)
    )
    inputs = keras.Input((height, width, image.shape[3]), dtype=image.dtype)
    rows, columns = (
        (lost // 2, lost - lost // 2 + extra)
        for lost, extra in zip(loss.border, loss.extra, strict=True)
    )
    # Its layers once more, and not the network as one layer: fine-tuning looks at each of them.
    whole = network._run_through_graph(MirroredBorder(rows, columns)(inputs), _itself)
    outputs: list[Any] = keras.tree.flatten(whole)
    if any(loss.extra):
        crop = tuple((0, extra) for extra in loss.extra)
        outputs = [
            keras.layers.Cropping2D(crop, name=f"{name}_whole")(answer)
            for answer, name in zip(outputs, network.output_names, strict=True)
        ]
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name=network.name)


def _itself(operation: Any) -> Any:
    return operation
