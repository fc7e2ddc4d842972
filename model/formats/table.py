"""The table of mask formats: a new one is a codec in its own file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from model.errors import StorageError
from model.formats.color_png import COLOR_PNG
from model.formats.index_png import GRAY_PNG, INDEX_PNG
from model.formats.mask_format import MaskFormat
from model.formats.overlay import OVERLAY

FORMATS: Mapping[str, MaskFormat] = MappingProxyType(
    {each.name: each for each in (INDEX_PNG, GRAY_PNG, COLOR_PNG, OVERLAY)}
)
"""By name, in the order of the menu."""

DEFAULT_FORMAT = INDEX_PNG.name


def mask_format(name: str) -> MaskFormat:
    """Looks a format up by its name.

    Raises:
        StorageError: there is none; names those that exist.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise StorageError(
            f"There is no export format {name!r}.", remedy=f"Choose one of: {', '.join(FORMATS)}."
        ) from None
