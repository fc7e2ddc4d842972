"""From an image to classes and confidence at the image's own size. Imports Keras.

What costs time is done inside the compiled network: probabilities, resizing and the choice of the
class, so that two bytes per pixel leave the device and not one float per class.
"""

from __future__ import annotations

import copy
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from model import backend
from model.engine.protocol import Activation, CancelToken, Fit, ModelInfo, Prediction
from model.errors import CancelledError, EngineError
from model.preprocessing import check_pixels, prepare_input, resize_pixels
from model.speed import FIRST_WAY, ChoiceStore, choose_way, machine_name
from model.tiling import Tile, plan_tiles, stitch_bands
from model.trials import output_grid
from model.winograd import wide_convolutions

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
"""(H, W) uint8 classes and (H, W) uint8 confidence."""

TUNED = ("labels", "probabilities")
RUNS_BEFORE_TUNING = 3
"""A size that comes once or twice is not worth trying anything."""
MAX_CONSTANTS = 10_000_000

_MAX_COMPILED = 24
_SMALLEST_SIDE = 64
_LARGEST_TILE = 1024
_SMALLEST_TILE = 128
_BAND_VALUES = 2**26
"""Floats that resized probabilities may take at a time: 256 MB."""


class Predictor:
    """Predicts images with one network. Used by one thread.

    Attributes:
        info: the network and how it is used.
    """

    def __init__(self, network: keras.Model, info: ModelInfo) -> None:
        """Makes a predictor.

        Args:
            network: from `model.opening.open_network`; not changed.
            info: from `model.examination.examine`.
        """
        self.info = info
        self._network = _NetworkHead(network, info)
        self._compiled: OrderedDict[tuple[Any, ...], backend.Compiled] = OrderedDict()
        self._bytes_per_pixel = _estimate_bytes_per_pixel(network, info)
        self._tile_side: int | None = None  # set once the device had no room for whole images
        self._on_cpu = False
        self._choices: ChoiceStore | None = None
        self._settled: set[tuple[Any, ...]] = set()
        self._seen: tuple[tuple[Any, ...], tuple[npt.NDArray[Any], ...], int] | None = None

    @property
    def network(self) -> keras.Model:
        """The network itself."""
        return self._network.network

    def used_otherwise(self, info: ModelInfo) -> Predictor:
        """A predictor of the same network with other settings; this one stays as it is.

        Where the output is read in the same way, both share what is compiled.

        Args:
            info: the same network, with settings that fit it.
        """
        other = copy.copy(self)
        other.info = info
        other._network = _NetworkHead(self.network, info)
        other._choices = other._seen = None  # tuning is for what comes again and again
        if not other._network.reads_as(self._network):
            other._compiled, other._settled = OrderedDict(), set()
        return other

    def speed_up(self, choices: ChoiceStore) -> None:
        """Allows :meth:`tune`; only for a network whose weights do not change any more."""
        self._choices = choices

    @property
    def can_be_tuned(self) -> bool:
        """Whether a size came often enough to find out how it is run fastest."""
        seen = self._seen
        return (
            self._choices is not None and seen is not None and seen[2] >= RUNS_BEFORE_TUNING
            and seen[0] in self._compiled and seen[0] not in self._settled
            and len(backend.ways()) > 1
        )  # fmt: skip

    def tune(self, is_interrupted: Callable[[], bool]) -> None:
        """Finds the fastest way to run the size that came last; called when nobody waits.

        Args:
            is_interrupted: asked in between; somebody waits now.
        """
        if not self.can_be_tuned or self._seen is None or self._choices is None:
            return
        key, arrays, _ = self._seen
        machine = machine_name(backend.device_info().backend, backend.num_cores())
        name = f"{self.info.sha256}|{key}|{machine}"
        remembered = self._choices.find(name)
        make = {way: self._maker(key, way) for way in self._ways() if remembered in (None, way)}
        self._settled.add(key)  # also when it fails: it is tried once
        chosen = choose_way(self._compiled[key], make, arrays, is_interrupted=is_interrupted)
        if chosen is None:
            self._settled.discard(key)
            return
        choice, self._compiled[key] = chosen
        self._seen = None
        if remembered is None:
            self._choices.remember(name, choice)

    def _ways(self) -> tuple[str, ...]:
        """Those to try; each size would hold the weights of a large network once more."""
        useless = set()
        if self.info.num_parameters > MAX_CONSTANTS:
            useless.add("constants")
        if not wide_convolutions(self._network.network):
            useless.add("winograd")
        return tuple(way for way in backend.ways()[1:] if way not in useless)

    def _maker(self, key: tuple[Any, ...], way: str) -> Callable[[], backend.Compiled]:
        head, on_cpu = self._network, self._on_cpu
        function = getattr(head, key[0])
        return lambda: backend.compiled(function, on_cpu=on_cpu, way=way, network=head.network)

    def predict(self, pixels: Pixels, is_cancelled: CancelToken | None = None) -> Prediction:
        """Predicts one image.

        Args:
            pixels: (H, W, 3) uint8 RGB, at least one pixel.
            is_cancelled: asked before the start and between tiles.

        Raises:
            EngineError: the network failed on this image; the predictor stays usable.
            CancelledError: ``is_cancelled`` said so.
        """
        check_pixels(pixels)
        start = time.perf_counter()
        while True:
            _check(is_cancelled)
            try:
                classes, confidence = self._predict_labels(pixels, is_cancelled)
                break
            except CancelledError:
                raise
            except Exception as error:  # every backend has its own errors
                if not backend.is_out_of_memory(error) or not self._retreat():
                    raise _failed(pixels, error) from error
        for array in (classes, confidence):
            array.setflags(write=False)
        seconds = time.perf_counter() - start
        return Prediction(classes, confidence, self.info.sha256, seconds)

    def _predict_labels(self, pixels: Pixels, is_cancelled: CancelToken | None) -> Labels:
        settings = self.info.settings
        if settings.fit is Fit.RESIZE:
            return self._predict_resized(pixels, self._fixed_size())
        if settings.fit is Fit.TILE:
            return self._predict_tiled(pixels, self._fixed_size(), is_cancelled)
        side = self._tile_side or self._side_that_fits(pixels)
        if side is None or max(pixels.shape[:2]) <= side:
            return self._predict_whole(pixels)
        return self._predict_tiled(pixels, (side, side), is_cancelled)

    # --- three ways to bring an image to the network ---

    def _predict_whole(self, pixels: Pixels) -> Labels:
        height, width = pixels.shape[:2]
        inputs = self._prepare(pixels, padded_size((height, width), self.info.size_multiple))
        classes, confidence = self._run("labels", inputs)
        # A copy of the part that counts; a view would keep the padded arrays alive.
        return classes[0, :height, :width].copy(), confidence[0, :height, :width].copy()

    def _predict_resized(self, pixels: Pixels, size: tuple[int, int]) -> Labels:
        inputs = self._prepare(resize_pixels(pixels, size), size)
        height, width = pixels.shape[:2]
        if size == (height, width):
            classes, confidence = self._run("labels", inputs)
            return classes[0].copy(), confidence[0].copy()
        (probabilities,) = self._run("probabilities", inputs)
        return self._resize_to_labels(probabilities, (height, width))

    def _predict_tiled(
        self, pixels: Pixels, size: tuple[int, int], is_cancelled: CancelToken | None
    ) -> Labels:
        height, width = pixels.shape[:2]
        classes = np.empty((height, width), np.uint8)
        confidence = np.empty((height, width), np.uint8)
        # Scaled as a whole: normalisation per image must not change from tile to tile.
        scaled = prepare_input(pixels, self.info.settings, self.info.input_shape[2])

        def answer(tile: Tile) -> Floats:
            _check(is_cancelled)
            bottom, right = tile.top + tile.height, tile.left + tile.width
            inputs = _pad(scaled[tile.top : bottom, tile.left : right], size)[np.newaxis]
            (probabilities,) = self._run("probabilities", inputs)
            part: Floats = probabilities[0, : tile.height, : tile.width]
            return part

        def finish(top: int, band: Floats) -> None:
            rows = slice(top, top + len(band))
            classes[rows], confidence[rows] = choose_classes(band)

        stitch_bands(plan_tiles((height, width), size), (height, width), answer, finish)
        return classes, confidence

    # --- helpers ---

    def _prepare(self, pixels: Pixels, size: tuple[int, int]) -> Floats:
        scaled = prepare_input(pixels, self.info.settings, self.info.input_shape[2])
        return _pad(scaled, size)[np.newaxis]

    def _fixed_size(self) -> tuple[int, int]:
        size = self.info.settings.input_size
        assert size is not None, "check_settings demands a size for RESIZE and TILE"
        return size

    def _run(self, what: str, *arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """Runs a compiled function, compiling it when these shapes are new."""
        key = (what, self._on_cpu, *(array.shape for array in arrays))
        if key not in self._compiled:
            self._compiled[key] = self._maker(key, FIRST_WAY)()
            while len(self._compiled) > _MAX_COMPILED:
                dropped, _ = self._compiled.popitem(last=False)
                self._settled.discard(dropped)
        self._compiled.move_to_end(key)
        if self._choices is not None and what in TUNED and key not in self._settled:
            num_runs = self._seen[2] if self._seen is not None and self._seen[0] == key else 0
            self._seen = key, arrays, num_runs + 1
        return self._compiled[key](*arrays)

    def _resize_to_labels(self, probabilities: Floats, size: tuple[int, int]) -> Labels:
        """Resizes probabilities bilinearly, band by band, and chooses the classes."""
        height, width = size
        classes, confidence = np.empty(size, np.uint8), np.empty(size, np.uint8)
        rows_per_band = max(1, _BAND_VALUES // (width * probabilities.shape[-1]))
        columns = _interpolation(width, probabilities.shape[2])
        all_rows = _interpolation(height, probabilities.shape[1])
        for top in range(0, height, rows_per_band):
            band = slice(top, top + rows_per_band)
            rows = tuple(part[band] for part in all_rows)
            best, sure = self._run("resized_labels", probabilities, *rows, *columns)
            classes[band], confidence[band] = best[0], sure[0]
        return classes, confidence

    def _side_that_fits(self, pixels: Pixels) -> int | None:
        """Side of the tiles that main memory allows; None when the whole image fits."""
        num_pixels = pixels.shape[0] * pixels.shape[1]
        limit = backend.available_memory() // 2 // self._bytes_per_pixel
        if num_pixels <= limit:
            return None
        side = min(_LARGEST_TILE, max(_SMALLEST_TILE, int(limit**0.5)))
        return _rounded(side, self.info.size_multiple)

    def _retreat(self) -> bool:
        """After running out of memory: smaller tiles, then the CPU; False when nothing is left."""
        self._compiled.clear()
        self._settled.clear()
        self._seen = None
        if self.info.settings.fit is Fit.WHOLE:
            side = (self._tile_side or 2 * _LARGEST_TILE) // 2
            if side >= _SMALLEST_TILE:
                self._tile_side = _rounded(side, self.info.size_multiple)
                return True
        if self._on_cpu or backend.device_info().kind == "cpu":
            return False
        self._on_cpu = True
        return True


class _NetworkHead:
    """What is compiled: the network with everything behind it that is cheaper inside the graph.

    Attributes:
        network: the network alone.
    """

    def __init__(self, network: keras.Model, info: ModelInfo) -> None:
        self.network = network
        self._index = info.settings.output_index
        self._activation = info.settings.activation
        self._excluded = info.settings.excluded_classes

    def reads_as(self, other: _NetworkHead) -> bool:
        """Whether the same output is read in the same way."""
        return (self._index, self._activation, self._excluded) == (
            other._index, other._activation, other._excluded,
        )  # fmt: skip

    def probabilities(self, inputs: Any) -> tuple[Any, ...]:
        """(1, H, W, channels) float32 to (1, H, W, classes) float32, at the input's resolution."""
        size = int(inputs.shape[1]), int(inputs.shape[2])
        answers = keras.tree.flatten(self.network(inputs, training=False))
        answer = ops.cast(answers[self._index], "float32")
        grid = output_grid(tuple(answer.shape), size)
        if grid is None:
            raise EngineError(f"The network turned {size} pixels into {tuple(answer.shape)}.")
        rows, columns = size[0] // grid.stride[0], size[1] // grid.stride[1]
        if grid.is_flat:
            answer = ops.reshape(answer, (-1, rows, columns, grid.channels))
        answer = self._without_excluded(self._as_probabilities(answer))
        if grid.stride != (1, 1):
            answer = ops.image.resize(answer, size, interpolation="bilinear")
        return (answer,)

    def labels(self, inputs: Any) -> tuple[Any, ...]:
        """(1, H, W, channels) float32 to (1, H, W) uint8 classes and confidence."""
        return _labels_of(self.probabilities(inputs)[0])

    def resized_labels(  # noqa: PLR0917 - tensors of a compiled function have no names
        self, values: Any, above: Any, below: Any, down: Any, left: Any, right: Any, across: Any
    ) -> tuple[Any, ...]:
        """Interpolates (1, h, w, classes) probabilities at the given rows and columns."""
        values = ops.take(values, left, axis=2) * (1 - across)[None, None, :, None] + (
            ops.take(values, right, axis=2) * across[None, None, :, None]
        )
        values = ops.take(values, above, axis=1) * (1 - down)[None, :, None, None] + (
            ops.take(values, below, axis=1) * down[None, :, None, None]
        )
        return _labels_of(values)

    def _as_probabilities(self, answer: Any) -> Any:
        """Probabilities over the classes; independent sigmoids stay as they are."""
        if answer.shape[-1] == 1:
            if self._activation is Activation.LOGITS:
                answer = ops.sigmoid(answer)
            return ops.concatenate([1 - answer, answer], axis=-1)
        return ops.softmax(answer, axis=-1) if self._activation is Activation.LOGITS else answer

    def _without_excluded(self, answer: Any) -> Any:
        """Probabilities in which excluded classes stay below all others, also after resizing."""
        if not self._excluded:
            return answer
        is_excluded = np.isin(np.arange(int(answer.shape[-1])), self._excluded)
        return ops.where(ops.convert_to_tensor(is_excluded), -1.0, answer)


def choose_classes(probabilities: Floats) -> Labels:
    """The most probable class of each pixel, the lower index when equal.

    Networks with independent sigmoids get the same rule: every pixel has one class here, and where
    no class reaches 0.5 the low confidence says so.

    Args:
        probabilities: (H, W, C) float32 in 0..1.

    Returns:
        (H, W) uint8 classes and (H, W) uint8 confidence, probability times 255, rounded.
    """
    best = probabilities.argmax(-1).astype(np.uint8)
    return best, np.rint(np.clip(probabilities.max(-1), 0, 1) * 255).astype(np.uint8)


def padded_size(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The size an image is padded to: few enough sizes that compiling for each is worth it.

    Every new size costs a second of compiling. Sides become multiples of the network's multiple, or
    of a power of two times it, as long as that adds at most about 4 %.
    """
    height, width = (_rounded(max(side, _SMALLEST_SIDE), _step(side, multiple)) for side in size)
    return height, width


def _step(side: int, multiple: int) -> int:
    step = multiple
    while step * 2 <= side // 24:
        step *= 2
    return step


def _rounded(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def _pad(scaled: Floats, size: tuple[int, int]) -> Floats:
    """Mirrors the image into the missing rows and columns at the bottom and the right."""
    missing = [want - have for want, have in zip(size, scaled.shape[:2], strict=True)]
    if not any(missing):
        return scaled
    return np.pad(scaled, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")


def _interpolation(
    length: int, source_length: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Floats]:
    """For each target pixel the two source pixels beside its centre, and the second's share."""
    centers = (np.arange(length) + 0.5) * source_length / length - 0.5
    centers = np.clip(centers, 0, source_length - 1)
    first = np.floor(centers).astype(np.int32)
    second = np.minimum(first + 1, source_length - 1).astype(np.int32)
    return first, second, (centers - first).astype(np.float32)


def _labels_of(probabilities: Any) -> tuple[Any, ...]:
    highest, best = backend.highest(probabilities)
    confidence = ops.round(ops.clip(highest, 0.0, 1.0) * 255.0)
    return ops.cast(best, "uint8"), ops.cast(confidence, "uint8")


def _check(is_cancelled: Callable[[], bool] | None) -> None:
    if is_cancelled is not None and is_cancelled():
        raise CancelledError()


def _failed(pixels: Pixels, error: Exception) -> EngineError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = (lines[0] if lines else type(error).__name__)[:200].rstrip(" .:")
    height, width = pixels.shape[:2]
    return EngineError(f"The network failed on an image of {width} x {height} pixels: {reason}.")


def _estimate_bytes_per_pixel(network: keras.Model, info: ModelInfo) -> int:
    """What one image pixel costs in main memory while the network runs: half of all activations.

    A U-Net keeps its encoder until the decoder has used it and frees the rest as it goes.
    """
    side = 16 * info.size_multiple
    height, width, channels = info.input_shape
    shape = (1, height or side, width or side, channels)
    values = _count_values(network, [keras.KerasTensor(shape)])
    return max(64, int(values * 4 / 2 / (shape[1] * shape[2])))


def _count_values(network: keras.Model, inputs: Sequence[Any]) -> int:
    """Values in the outputs of all layers together, for inputs of known shape; nothing is run."""
    by_depth = keras.Model(network.inputs, network.outputs)._nodes_by_depth
    nodes = [node for group in by_depth.values() for node in group]
    tensors = [tensor for node in nodes for tensor in node.output_tensors]
    everything = keras.Function(network.inputs, tensors)
    specs = keras.tree.flatten(everything.compute_output_spec(list(inputs)))
    total = sum(int(math.prod(spec.shape)) for spec in specs)
    spec_of = {id(tensor): spec for tensor, spec in zip(tensors, specs, strict=True)}
    for node in nodes:
        if isinstance(node.operation, keras.Model):
            inner = [spec_of[id(tensor)] for tensor in node.input_tensors]
            total += _count_values(node.operation, inner)
    return total
