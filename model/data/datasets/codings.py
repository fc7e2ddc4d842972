"""What the pixels of mask files mean: numbers or colours, as classes of a label set."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.data.image_files import opened_image
from model.data.label_sets import IGNORE, Color, LabelSet
from model.data.masks import ignore_color
from model.errors import MaskError

if TYPE_CHECKING:
    from PIL.Image import Image

UNKNOWN = -1
"""In `MaskCoding.values`: nobody said what this value means."""

_UNKNOWN_COLOR = 254  # in the table of all colours; so at most 254 classes can have colours
_CHANNELS = 0xFFFFFF

VOID_NAMES = frozenset(
    {"void", "unlabelled", "unlabeled", "ignore", "ignored", "__ignore__", "unknown"}
)
"""What tables of classes call the pixels that belong to none, in lower case."""


@dataclass(frozen=True, eq=False)
class DecodedMask:
    """A mask file, understood.

    Attributes:
        mask: (H, W) uint8 class indices, 255 = ignore; unknown values are ignore as well.
        unknown: value (``"12"``) or colour (``"64 128 0"``) without a meaning -> its pixels.
    """

    mask: NDArray[np.uint8]
    unknown: Mapping[str, int]


@dataclass(frozen=True)
class MaskCoding:
    """Says which class a stored value or colour means.

    Attributes:
        values: for each stored value 0..255 a class index, ``IGNORE`` or ``UNKNOWN``; empty when
            the masks are colours and nothing else.
        colors: known colours, each with a class index or ``IGNORE``; each colour once.
        rgb_holds_values: RGB files with three equal channels hold values and not colours.
    """

    values: tuple[int, ...] = ()
    colors: tuple[tuple[Color, int], ...] = ()
    rgb_holds_values: bool = False

    def read(self, path: Path) -> DecodedMask:
        """Reads and decodes a mask file.

        Raises:
            MaskError: missing, damaged, JPEG, more than 8 bits, or partly transparent.
        """
        pixels = read_stored(path, as_colors=not self.values)
        if pixels.ndim == 2:
            return self._from_values(pixels)
        if self.rgb_holds_values and is_gray(pixels):
            return self._from_values(pixels[..., 0])
        return self._from_colors(pixels)

    def _from_values(self, stored: NDArray[np.uint8]) -> DecodedMask:
        table = np.array(self.values or (UNKNOWN,) * 256)
        counts = np.bincount(stored.reshape(-1), minlength=256)
        unknown = {
            str(v): int(counts[v]) for v in np.flatnonzero((table == UNKNOWN) & (counts > 0))
        }
        table[table == UNKNOWN] = IGNORE
        return DecodedMask(table.astype(np.uint8)[stored], unknown)

    def _from_colors(self, stored: NDArray[np.uint8]) -> DecodedMask:
        codes = color_codes(stored)
        mask = _color_table(self.colors)[codes]
        strange = mask == _UNKNOWN_COLOR
        if not strange.any():
            return DecodedMask(mask, {})
        colors, counts = np.unique(codes[strange], return_counts=True)
        mask[strange] = IGNORE
        names = (color_name(color_of(int(code))) for code in colors)
        return DecodedMask(mask, dict(zip(names, map(int, counts), strict=True)))


def read_stored(path: Path, *, as_colors: bool = False) -> NDArray[np.uint8]:
    """Reads the pixels of a mask file as they are stored.

    Args:
        path: gray, palette, 1-bit, 16-bit with small values, RGB, or opaque RGBA.
        as_colors: palette files give their colours and not their indices.

    Returns:
        (H, W) uint8 values, or (H, W, 4) uint8 red, green, blue, 255.

    Raises:
        MaskError: as `MaskCoding.read`.
    """
    with opened_image(path, error_type=MaskError) as image:
        if image.format == "JPEG":
            raise MaskError(
                f"The mask {path.name!r} is a JPEG, which changes pixel values; PNG was expected.",
                remedy="Go back to the original masks: the exact classes are lost in this file.",
            )
        return _stored_pixels(image, path.name, as_colors=as_colors)


def _stored_pixels(image: Image, name: str, *, as_colors: bool) -> NDArray[np.uint8]:
    if image.mode in ("L", "1") or (image.mode == "P" and not as_colors):
        return np.array(image, dtype=np.uint8)
    if image.mode.startswith("I"):
        return _narrowed(np.asarray(image), name)
    if image.mode in ("RGB", "P"):
        return np.array(image.convert("RGB").convert("RGBA"), np.uint8)
    if image.mode in ("RGBA", "LA"):
        pixels = np.asarray(image.convert("RGBA"))
        if pixels[..., 3].min() == 255:
            return pixels if image.mode == "RGBA" else pixels[..., 0].copy()
        raise MaskError(
            f"The mask {name!r} is partly transparent; opaque colours or class numbers "
            "were expected.",
            remedy="Export the masks again without transparency.",
        )
    raise MaskError(
        f"The mask {name!r} is stored as {image.mode}; 8-bit class numbers or RGB colours "
        "were expected.",
        remedy="Export the masks again as PNG.",
    )


def _narrowed(values: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    if wide.min() < 0 or wide.max() > 255:
        raise MaskError(
            f"The mask {name!r} holds values from {wide.min()} to {wide.max()}; 0 to 255 with the "
            "class number were expected.",
            remedy="If it holds instance numbers, use the file with the classes instead.",
        )
    return wide.astype(np.uint8)


def is_gray(pixels: NDArray[np.uint8]) -> bool:
    """Whether red, green and blue of an (H, W, 3 or more) array are equal everywhere."""
    red = pixels[..., 0]
    return bool((red == pixels[..., 1]).all() and (red == pixels[..., 2]).all())


def color_codes(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(H, W, 4) uint8 colours as (H, W) numbers; `color_of` is the way back."""
    codes = np.ascontiguousarray(pixels).view("<u4")[..., 0]
    return (codes & _CHANNELS).astype(np.uint32, copy=False)


def color_of(code: int) -> Color:
    """The colour that `color_codes` made a number."""
    return code & 255, code >> 8 & 255, code >> 16


def color_name(color: Color) -> str:
    """A colour as tables of classes write it, e.g. ``"64 128 0"``."""
    return " ".join(map(str, color))


@functools.lru_cache(maxsize=4)  # 16 MB each, and a process reads from one or two datasets
def _color_table(colors: tuple[tuple[Color, int], ...]) -> NDArray[np.uint8]:
    table = np.full(1 << 24, _UNKNOWN_COLOR, np.uint8)
    for (red, green, blue), index in colors:
        table[red | green << 8 | blue << 16] = index
    table.setflags(write=False)
    return table


def values_in_order(label_set: LabelSet, *, ignored: Iterable[int] = ()) -> tuple[int, ...]:
    """For `MaskCoding.values`: value i is class i, 255 and the ``ignored`` ones are ignore."""
    table = [UNKNOWN] * 256
    for value in (*ignored, IGNORE):
        table[value] = IGNORE
    table[: len(label_set)] = range(len(label_set))
    return tuple(table)


def colors_of_classes(label_set: LabelSet) -> tuple[tuple[Color, int], ...]:
    """For `MaskCoding.colors`: the classes' own, and the one that stands for ignore.

    Raises:
        MaskError: two classes share a colour, so the colour does not say which is meant.
    """
    owners: dict[Color, str] = {}
    for each in label_set.classes:
        if each.color in owners:
            raise MaskError(
                f"{owners[each.color]!r} and {each.name!r} of {label_set.name!r} have the same "
                f"colour {color_name(each.color)}; colour masks need a colour for each class.",
                remedy="Recolour one of them in the label set.",
            )
        owners[each.color] = each.name
    known = [(each.color, each.index) for each in label_set.classes]
    return (*known, (ignore_color(label_set), IGNORE))


def classes_by_name(
    names: Sequence[str], label_set: LabelSet, *, folded: Mapping[str, str] | None = None
) -> tuple[int, ...]:
    """Finds the class of a label set that each name means; ``IGNORE`` where there is none.

    Args:
        names: of the dataset's own classes.
        label_set: the classes wanted.
        folded: own name -> name of the class it belongs to when it is no class itself.
    """
    wanted = {each.name.casefold(): each.index for each in label_set.classes}
    return tuple(
        wanted.get(name.casefold(), wanted.get((folded or {}).get(name, "").casefold(), IGNORE))
        for name in names
    )
