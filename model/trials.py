"""Trying a network on noise: which sizes it takes, and what it answers. Imports Keras."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model import backend
from model.engine.protocol import ModelSettings, Scaling
from model.errors import ModelFileError
from model.foreign.parser_errors import reason_of
from model.remembered_test import (
    SEED,
    KnownInput,
    Libraries,
    RememberedTest,
    change_words,
    remember,
)
from model.taken_images import taken_shape

Floats = npt.NDArray[np.float32]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
_TRIAL_SIDE = 64


@dataclass(frozen=True)
class OutputGrid:
    """How an output lies over the input.

    Attributes:
        stride: (rows, columns) of input pixels for one output pixel.
        is_flat: True when the output is (N, rows * columns, C).
        channels: C.
    """

    stride: tuple[int, int]
    is_flat: bool
    channels: int


def output_grid(shape: tuple[int, ...], size: tuple[int, int]) -> OutputGrid | None:
    """How an answer of ``shape`` lies over an input of ``size``; None when it does not."""
    if len(shape) == 4:
        rows, columns = shape[1:3]
        if not rows or not columns or size[0] % rows or size[1] % columns:
            return None
        return OutputGrid((size[0] // rows, size[1] // columns), False, shape[3])
    if len(shape) == 3:
        for stride in (1, 2, 4, 8):
            if size[0] % stride == size[1] % stride == 0:
                rows, columns = size[0] // stride, size[1] // stride
                if rows * columns == shape[1]:
                    return OutputGrid((stride, stride), True, shape[2])
    return None


def run_eagerly(network: keras.Model, inputs: Floats) -> list[npt.NDArray[Any]]:
    """Every output of the network for one batch, in the order of ``network.outputs``."""
    answers = keras.tree.flatten(network(keras.ops.convert_to_tensor(inputs), training=False))
    return [np.asarray(keras.ops.convert_to_numpy(answer)) for answer in answers]


@dataclass(frozen=True)
class Trial:
    """A size at which the network worked: its multiple, and every output for (1, H, W, C) noise."""

    multiple: int
    source: KnownInput
    answers: tuple[npt.NDArray[Any], ...]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.source.size

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of every output."""
        return tuple(answer.shape for answer in self.answers)


def find_working_size(
    network: keras.Model,
    input_shape: tuple[int | None, int | None, int],
    name: str,
    noise_scale: float,
) -> Trial:
    """Tries ever coarser sizes until one works and gives an output that lies over the input."""
    _refuse_giants(network, _trial_size(1, input_shape), name)
    failure: Exception | None = None
    last: Trial | None = None
    is_fixed = None not in input_shape[:2]
    for multiple in (1,) if is_fixed else _MULTIPLES:
        size = _trial_size(multiple, input_shape)
        source = KnownInput(SEED, size, input_shape[2], noise_scale)
        try:
            answers = run_eagerly(network, source.make())
        except Exception as error:  # noqa: BLE001 - each backend has its own error for wrong sizes
            failure = error
            continue
        last = Trial(multiple, source, tuple(answers))
        if any(output_grid(shape, size) for shape in last.shapes):
            return last
    if last is not None:
        return last  # works, but no output lies over the input: the caller says what it gives
    reason = reason_of(failure) if failure else "unknown"
    raise ModelFileError(
        f"{name} fails on images of every size that was tried: {reason:.200}.",
        remedy="Check that it predicts in Keras.",
    ) from failure


def _refuse_giants(network: keras.Model, size: tuple[int, int], name: str) -> None:
    """Refuses a network that would fill the memory with one tensor, before it does.

    Raises:
        ModelFileError: names the numbers.
    """
    largest = max((math.prod(shape) for shape in shapes_inside(network, size)), default=0)
    free = backend.available_memory()
    if largest * 4 > free:
        raise ModelFileError(
            f"{name} needs {largest * 4 / 2**30:.0f} GB for one step of an image of "
            f"{size[0]} x {size[1]} pixels; {free / 2**30:.0f} GB are free.",
            remedy="Ask where the file comes from before using it.",
        )


def shapes_inside(network: keras.Model, size: tuple[int, int]) -> list[tuple[int, ...]]:
    """Shapes of the tensors between the layers for one image; nothing is calculated.

    Returns:
        What could be worked out: nothing where a layer does not fit this size.
    """
    found: list[tuple[int, ...]] = []

    def noting(operation: Any) -> Callable[..., Any]:
        if isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph"):
            return lambda *args, **_: operation._run_through_graph(args[0], noting)

        def apply(*args: Any, **kwargs: Any) -> Any:
            result = operation.compute_output_spec(*args, **kwargs)
            shapes = [spec.shape for spec in keras.tree.flatten(result) if hasattr(spec, "shape")]
            found.extend(shape for shape in shapes if None not in shape)
            return result

        return apply

    image = network.inputs[0]
    spec = keras.KerasTensor((1, *size, image.shape[3]), dtype=image.dtype)
    with contextlib.suppress(Exception):  # each layer has its own error for sizes that do not fit
        network._run_through_graph(spec, noting)
    return found


def _trial_size(multiple: int, input_shape: tuple[int | None, int | None, int]) -> tuple[int, int]:
    """Two different odd multiples, so that nothing that wants a coarser multiple passes by luck."""
    factor = max(1, _TRIAL_SIDE // multiple) | 1
    free = (multiple * factor, multiple * (factor + 2))
    return input_shape[0] or free[0], input_shape[1] or free[1]


# --- does it still calculate the same? ---


def remember_answer(
    network: keras.Model, source: KnownInput, answer: npt.NDArray[Any], index: int
) -> RememberedTest:
    """A test of an answer, with the versions that calculated it."""
    kinds = {str(getattr(layer, "compute_dtype", "")) for layer in network._flatten_layers()}
    is_half = any("float16" in kind for kind in kinds)  # bfloat16 as well
    device = backend.device_info()
    libraries = Libraries(keras.version(), device.backend, device.kind)
    return remember(
        source, answer, output_index=index, precision="float16" if is_half else "float32",
        libraries=libraries,
    )  # fmt: skip


def compare(
    network: keras.Model, name: str, *, before: RememberedTest | None, now: RememberedTest
) -> tuple[str, str]:
    """What changed, and why that could not be found out; both empty when all is well.

    The trial that is made anyhow is the answer, unless the test was made with another input.
    """
    if before is None:
        return "", ""
    if (before.input, before.output_index) != (now.input, now.output_index):
        try:
            answer = run_eagerly(network, before.input.make())[before.output_index]
            now = remember_answer(network, before.input, answer, before.output_index)
        except Exception as error:  # noqa: BLE001 - each backend has its own error for wrong sizes
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return "", f"The test in its settings could not be made: {reason:.200}."
    return change_words(name, before, now), ""


def answer_to_keep(network: keras.Model, settings: ModelSettings) -> RememberedTest | None:
    """What a network answers to a known input, to be kept beside its file with its settings.

    Returns:
        The answer, or None when it holds values that are not numbers.

    Raises:
        ModelFileError: the network takes no images.
    """
    name, index = str(network.name), settings.output_index
    noise_scale = 255.0 if settings.scaling is Scaling.RAW else 1.0
    trial = find_working_size(network, taken_shape(network, name), name, noise_scale)
    answer = trial.answers[index]
    return (
        remember_answer(network, trial.source, answer, index) if np.isfinite(answer).all() else None
    )
