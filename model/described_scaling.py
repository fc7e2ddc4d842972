"""How a description of bioimage.io scales pixels, as one of the scalings of this program. No Keras.

A description lists steps; those that multiply and add are put together, and what comes out is
looked up. What is not among ours is told, and never taken for something similar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.engine.protocol import Scaling
from model.input_kinds import DEFAULT_PERCENTILES
from model.preprocessing import IMAGENET_MEAN, IMAGENET_STD

_CLOSE = 0.02
"""How far a number may be off, relative: people write 0.0039 for 1/255."""
_NORMALIZATIONS = ("zero_mean_unit_variance", "fixed_zero_mean_unit_variance")


@dataclass(frozen=True)
class DescribedScaling:
    """What a list of steps comes to.

    Attributes:
        scaling: for pixels of 0 to 255; None where it is not among ours, or not described.
        percentiles: for ``Scaling.PERCENTILES``.
        notes: sentences about what could not be followed.
    """

    scaling: Scaling | None = None
    percentiles: tuple[float, float] = DEFAULT_PERCENTILES
    notes: tuple[str, ...] = ()


def described_scaling(tensor: Mapping[str, Any], name: str) -> DescribedScaling:
    """Understands the description of an input.

    Args:
        tensor: the table of the input, format 0.3 to 0.5.
        name: of the file, for notes.

    Raises:
        ValueError, TypeError: a step is not as it should be.
    """
    steps = tensor.get("preprocessing")
    if not steps:
        return DescribedScaling(_of_range(tensor.get("data_range")))
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise ValueError("preprocessing is no list of tables")
    gain, offset = _Numbers((1.0,)), _Numbers((0.0,))
    active = [step for step in steps if _kind(step) not in _HARMLESS]
    for number, step in enumerate(active):
        kind, options = _kind(step), _options(step)
        if kind == "scale_linear":
            factor, shift = _numbers(options.get("gain", 1.0)), _numbers(options.get("offset", 0.0))
            gain, offset = gain.times(factor), offset.times(factor).plus(shift)
        elif kind in _NORMALIZATIONS:
            if "mean" not in options or "std" not in options:
                return DescribedScaling(Scaling.STANDARD)  # of each image; scaled before or not
            factor = _numbers(options["std"]).inverse()
            shift = _numbers(options["mean"]).times(_Numbers((-1.0,)))
            gain, offset = gain.times(factor), offset.plus(shift).times(factor)
        elif kind == "scale_range" and number == len(active) - 1:
            return _percentiles(options, tensor, gain, name)
        else:
            said = f"{name} asks for {kind or 'a step without a name'}, which is not done here"
            return _unknown(f"{said}; check the scaling.")
    found = _named(gain, offset)
    if found is None:
        return _unknown(f"{name} asks for a scaling that is not among those here; check it.")
    return DescribedScaling(found)


_HARMLESS = ("ensure_dtype",)


def _kind(step: Mapping[str, Any]) -> str:
    return str(step.get("id") or step.get("name") or "")


def _options(step: Mapping[str, Any]) -> Mapping[str, Any]:
    options = step.get("kwargs") or {}
    if not isinstance(options, Mapping):
        raise TypeError(f"the options of {_kind(step)} are no table")
    return options


def _unknown(note: str) -> DescribedScaling:
    return DescribedScaling(notes=(note,))


# --- percentiles ---


def _percentiles(
    options: Mapping[str, Any], tensor: Mapping[str, Any], gain: _Numbers, name: str
) -> DescribedScaling:
    """``scale_range``: two percentiles become 0 and 1, whatever was multiplied before."""
    if options.get("mode") == "per_dataset" or "batch" in _joined(options):
        return _unknown(
            f"{name} asks for percentiles of a whole data set, which are not known here; check "
            "the scaling."
        )
    if options.get("reference_tensor") or min(gain) <= 0:
        return _unknown(
            f"{name} asks for percentiles of another image, which is not done here; check the "
            "scaling."
        )
    if _are_channels_joined(options, tensor):
        return _unknown(
            f"{name} asks for percentiles over all channels together, which is not done here; "
            "check the scaling."
        )
    low, high = options.get("min_percentile", 0.0), options.get("max_percentile", 100.0)
    if not all(type(side) in (int, float) and 0 <= side <= 100 for side in (low, high)):
        raise ValueError(f"its percentiles are {low!r:.20} and {high!r:.20}")
    if low >= high:
        raise ValueError(f"its lower percentile is {low} and its higher one {high}")
    return DescribedScaling(Scaling.PERCENTILES, (float(low), float(high)))


def _joined(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The axes that percentiles are taken over; letters before 0.5."""
    axes = options.get("axes")
    return tuple(map(str, axes)) if isinstance(axes, str | list) else ()


def _are_channels_joined(options: Mapping[str, Any], tensor: Mapping[str, Any]) -> bool:
    """Whether several channels share their percentiles; without ``axes``, all of them do."""
    joined = _joined(options)
    if joined and not {"c", "channel"} & set(joined):
        return False
    return _num_channels(tensor) != 1


def _num_channels(tensor: Mapping[str, Any]) -> int | None:
    """Channels of an input, None where that does not show."""
    axes, shape = tensor.get("axes"), tensor.get("shape")
    if isinstance(axes, str):
        if "c" not in axes:
            return 1
        is_known = isinstance(shape, list) and len(shape) == len(axes)
        size: Any = shape[axes.index("c")] if is_known and isinstance(shape, list) else None
        return size if type(size) is int else None
    tables = axes if isinstance(axes, list) else []
    channels = [axis for axis in tables if axis.get("type") == "channel"]
    if not channels:
        return 1
    names = channels[0].get("channel_names")
    return len(names) if isinstance(names, list) else None


# --- factors and offsets ---


class _Numbers(tuple[float, ...]):
    """One number for all channels, or one for each."""

    __slots__ = ()

    def times(self, other: _Numbers) -> _Numbers:
        return _Numbers(a * b for a, b in self._pairs(other))

    def plus(self, other: _Numbers) -> _Numbers:
        return _Numbers(a + b for a, b in self._pairs(other))

    def inverse(self) -> _Numbers:
        if not all(self):
            raise ValueError("it divides by zero")
        return _Numbers(1 / value for value in self)

    def _pairs(self, other: _Numbers) -> list[tuple[float, float]]:
        length = max(len(self), len(other))
        if {len(self), len(other)} - {1, length}:
            raise ValueError("its numbers are for different numbers of channels")
        return [(self[i % len(self)], other[i % len(other)]) for i in range(length)]

    def is_close(self, wanted: Sequence[float]) -> bool:
        pairs = self._pairs(_Numbers(wanted)) if len(self) in (1, len(wanted)) or (
            len(wanted) == 1
        ) else []  # fmt: skip
        return bool(pairs) and all(
            math.isclose(a, b, rel_tol=_CLOSE, abs_tol=1e-3 * (b == 0)) for a, b in pairs
        )


def _numbers(value: object) -> _Numbers:
    values: list[Any] = value if isinstance(value, list) else [value]
    while len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    flat = [v[0] if isinstance(v, list) and len(v) == 1 else v for v in values]
    if not flat or not all(type(v) in (int, float) and math.isfinite(v) for v in flat):
        raise ValueError(f"{value!r:.40} is no list of numbers")
    return _Numbers(float(v) for v in flat)


_KNOWN: dict[Scaling, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Scaling.RAW: ((1.0,), (0.0,)),
    Scaling.UNIT: ((1 / 255,), (0.0,)),
    Scaling.SIGNED: ((1 / 127.5,), (-1.0,)),
    Scaling.IMAGENET: (
        tuple(1 / (255 * std) for std in IMAGENET_STD),
        tuple(-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)),
    ),
    Scaling.MEANS: ((1.0,), (-123.68, -116.779, -103.939)),
}
"""Factor and offset of each scaling, for each channel or for all."""


def _named(gain: _Numbers, offset: _Numbers) -> Scaling | None:
    for scaling, (factor, shift) in _KNOWN.items():
        if gain.is_close(factor) and offset.is_close(shift):
            return scaling
    return None


def _of_range(value: object) -> Scaling | None:
    known = {(0.0, 1.0): Scaling.UNIT, (0.0, 255.0): Scaling.RAW, (-1.0, 1.0): Scaling.SIGNED}
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(type(side) in (int, float) for side in value):
        return None
    return known.get((float(value[0]), float(value[1])))
