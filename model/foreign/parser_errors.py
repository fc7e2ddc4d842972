"""What the libraries that read files throw when a file is damaged, and what is said then. No Keras.

They promise little: a flipped bit in an HDF5 file comes out as OSError, RuntimeError, KeyError,
ValueError or TypeError, depending on where it lies (found by fuzzing).
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator

from model.errors import ModelFileError

HDF5_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError)
ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)
"""RuntimeError for encrypted members, ValueError for names and dates that are none."""

_BROKEN = "Copy or download it again, or save the network again."
_MAX_LENGTH = 200
_BOLD = re.compile(r"\x1b\[\d*m")


def reason_of(error: Exception) -> str:
    """The first line of what an error says, without a full stop; its kind if it says nothing.

    Keras puts a line in front that only names the layer, and prints what follows in bold.
    """
    text = _BOLD.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]
    return shortened(lines[0] if lines else type(error).__name__).rstrip(" .:")


def shortened(text: str) -> str:
    """A text from a file, as long as a message bears it."""
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


@contextlib.contextmanager
def refusing_damage(file_name: str) -> Iterator[None]:
    """Around calls of the HDF5 library only: turns what it throws into a refusal of the file.

    Raises:
        ModelFileError: the file is damaged.
    """
    try:
        yield
    except HDF5_ERRORS as error:
        raise ModelFileError(
            f"{file_name} is a damaged HDF5 file: {reason_of(error)}.", remedy=_BROKEN
        ) from error
