"""A small test that is kept with a network: does it still give the numbers that it gave before?

Another version of Keras or of its backend may calculate a layer otherwise and say nothing. The
input is made from a few numbers, so that only some places of the output are stored. No Keras.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from model.input_kinds import CHANNELS

Floats = npt.NDArray[np.float32]
Precision = Literal["float32", "float16"]

NUM_PLACES = 32
SEED = 1

_TOLERANCES: dict[Precision, float] = {"float32": 1e-3, "float16": 0.03}
_GPU_TOLERANCE = 0.01
"""Graphics processors round 32-bit products to 10 bits (TF32) where a library lets them."""
_MAX_PIXELS = 2**22


@dataclass(frozen=True)
class KnownInput:
    """All that is needed to make the input again.

    Attributes:
        seed: of the noise.
        size: (height, width) in pixels.
        channels: of the network's input.
        scale: the largest value, 1 or 255.
    """

    seed: int
    size: tuple[int, int]
    channels: int
    scale: float

    def make(self) -> Floats:
        """(1, height, width, channels) float32 from 0 to ``scale``; a new array."""
        shape = (1, *self.size, self.channels)
        return noise(self.seed, shape) * np.float32(self.scale)


@dataclass(frozen=True)
class Libraries:
    """What calculated.

    Attributes:
        keras: version of Keras.
        backend: with version, e.g. ``"tensorflow 2.21.0"``.
        device: ``"cpu"`` or ``"gpu"``.
        program: version of seggui, or an empty string where it is not known.
    """

    keras: str
    backend: str
    device: str
    program: str = ""

    def __str__(self) -> str:
        """For people."""
        program = f", seggui {self.program}" if self.program else ""
        return f"Keras {self.keras}, {self.backend} on {self.device.upper()}{program}"


@dataclass(frozen=True)
class RememberedTest:
    """What a network answered to a known input.

    Attributes:
        input: what it was given, after all scaling.
        output_index: which output.
        values: at the places that `places` gives, as the network gave them.
        span: largest value of the whole output minus the smallest.
        precision: what the network calculates with.
        libraries: what calculated.
    """

    input: KnownInput
    output_index: int
    values: tuple[float, ...]
    span: float
    precision: Precision
    libraries: Libraries

    def difference(self, other: RememberedTest) -> float:
        """Largest difference to another answer, as a share of this one's span."""
        if len(self.values) != len(other.values):
            return math.inf
        largest = max(abs(a - b) for a, b in zip(self.values, other.values, strict=True))
        # A flat answer has no span; then the size of its values says what is much.
        return largest / max(self.span, 1e-3 * max(map(abs, self.values)), 1e-12)

    def tolerance(self, other: RememberedTest) -> float:
        """The difference that is nothing but rounding."""
        precisions = {self.precision, other.precision}
        devices = {self.libraries.device, other.libraries.device}
        if "float16" in precisions:
            return _TOLERANCES["float16"]
        return _TOLERANCES["float32"] if devices == {"cpu"} else _GPU_TOLERANCE


def noise(seed: int, shape: Sequence[int]) -> Floats:
    """Noise that is the same for ever, whatever numpy's generators will do; float32 in 0..1."""
    values = np.arange(math.prod(shape), dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 % 2**32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):  # murmur3's last steps
        values ^= values >> np.uint32(shift)
        values *= np.uint32(factor)
    return ((values >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)).reshape(shape)


def places(size: int, seed: int) -> npt.NDArray[np.intp]:
    """`NUM_PLACES` places in an output of ``size`` values, spread at random."""
    return (noise(seed + 1, (NUM_PLACES,)).astype(np.float64) * size).astype(np.intp)


def remember(
    source: KnownInput,
    answer: npt.NDArray[Any],
    *,
    output_index: int,
    precision: Precision,
    libraries: Libraries,
) -> RememberedTest:
    """Keeps what a network answered.

    Args:
        source: what it was given.
        answer: the chosen output, of any shape, finite.
        output_index: which output that is.
        precision: what the network calculates with.
        libraries: what calculated.
    """
    flat = np.asarray(answer, np.float32).reshape(-1)
    return RememberedTest(
        source, output_index, tuple(float(v) for v in flat[places(flat.size, source.seed)]),
        float(flat.max()) - float(flat.min()), precision, libraries,
    )  # fmt: skip


def change_words(name: str, before: RememberedTest, now: RememberedTest) -> str:
    """A sentence about numbers that differ by more than rounding; empty when they do not."""
    difference = before.difference(now)
    if difference <= before.tolerance(now):
        return ""
    percent = "all" if math.isinf(difference) else f"{100 * difference:.2g} %"
    return (
        f"{name} gives other numbers here than when its settings were saved: they differ by up to "
        f"{percent} of their range. Then: {before.libraries}. Now: {now.libraries}."
    )


def to_json(test: RememberedTest) -> dict[str, Any]:
    """The test as plain data that ``json.dumps`` takes and `from_json` reads."""
    source, libraries = test.input, test.libraries
    return {
        "seed": source.seed, "size": list(source.size), "channels": source.channels,
        "scale": source.scale, "output_index": test.output_index, "values": list(test.values),
        "span": test.span, "precision": test.precision, "keras": libraries.keras,
        "backend": libraries.backend, "device": libraries.device, "program": libraries.program,
    }  # fmt: skip


def from_json(data: object) -> RememberedTest:
    """Builds a test from what a file holds, checking every field.

    Raises:
        ValueError: names the field that is missing or wrong.
    """
    if not isinstance(data, dict):
        raise ValueError("test is no object")
    size: Any = data.get("size")
    if not _are(size, 2, _is_side) or size[0] * size[1] > _MAX_PIXELS:
        raise ValueError(f"test.size is {size!r:.60}")
    values: Any = data.get("values")
    if not _are(values, NUM_PLACES, _is_number):
        raise ValueError(f"test.values is not {NUM_PLACES} numbers")
    for field, is_valid in _FIELDS.items():
        if not is_valid(data.get(field)):
            raise ValueError(f"test.{field} is {data.get(field)!r:.60}")
    return RememberedTest(
        KnownInput(data["seed"], (size[0], size[1]), data["channels"], float(data["scale"])),
        data["output_index"], tuple(map(float, values)), float(data["span"]), data["precision"],
        Libraries(data["keras"], data["backend"], data["device"], data["program"]),
    )  # fmt: skip


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_side(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _MAX_PIXELS


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 60 and value.isprintable()


def _are(value: Any, length: int, is_valid: Any) -> bool:
    return isinstance(value, list) and len(value) == length and all(map(is_valid, value))


_FIELDS: dict[str, Any] = {
    "seed": lambda v: type(v) is int and 0 <= v < 2**31,
    "channels": lambda v: type(v) is int and v in CHANNELS,
    "scale": lambda v: _is_number(v) and 0 < v <= 255,
    "output_index": lambda v: type(v) is int and 0 <= v < 1000,
    "span": lambda v: _is_number(v) and v >= 0,
    "precision": lambda v: v in ("float32", "float16"),
    "keras": _is_words,
    "backend": _is_words,
    "device": lambda v: v in ("cpu", "gpu"),
    "program": _is_words,
}
