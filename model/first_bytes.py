"""What a file is by its first bytes, whatever it is called. No Keras, and nothing is parsed."""

from __future__ import annotations

from pathlib import Path

from model.digest import unreadable_model
from model.errors import ModelFileError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
SAVE_WHOLE = "Save the whole network with model.save('name.keras') and open that file."


def read_start(path: Path) -> bytes:
    """The first 4096 bytes of a file.

    Raises:
        ModelFileError: it is a folder, or cannot be read.
    """
    if path.is_dir():
        raise ModelFileError(
            f"{path.name} is a folder; a .keras or .h5 file was expected.",
            remedy="Choose the model file itself.",
        )
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise unreadable_model(path, error) from error


def is_hdf5(path: Path, start: bytes) -> bool:
    """Whether a file is HDF5, also behind a user block."""
    if start.startswith(HDF5_SIGNATURE):
        return True
    # HDF5 allows a user block before the signature: 512, 1024, 2048, ... bytes.
    with path.open("rb") as file:
        for offset in (512 << shift for shift in range(8)):
            file.seek(offset)
            if file.read(8) == HDF5_SIGNATURE:
                return True
    return False


def foreign_file(path: Path, start: bytes) -> ModelFileError:
    """The refusal of a file that is neither HDF5 nor a zip archive."""
    what, remedy = _name_foreign(start)
    return ModelFileError(f"{path.name} {what}; a Keras model was expected.", remedy=remedy)


_ORIGINAL = "Open the Keras model that it was converted from."
_UNPACK = "Unpack it, and choose the model in it."
_PICTURE = "is a picture", "Choose a .keras or .h5 file."
_BEGINNINGS = (
    (b"\x1f\x8b", "is a packed archive (gzip)", _UNPACK),
    (b"7z\xbc\xaf", "is a packed archive (7-Zip)", _UNPACK),
    (b"Rar!", "is a packed archive (RAR)", _UNPACK),
    (b"BZh", "is a packed archive (bzip2)", _UNPACK),
    (b"\xfd7zXZ", "is a packed archive (xz)", _UNPACK),
    (b"\x89PNG", *_PICTURE),
    (b"\xff\xd8\xff", *_PICTURE),
    (b"GIF8", *_PICTURE),
    (b"%PDF", "is a PDF document", "Choose a .keras or .h5 file."),
    (b"\x93NUMPY", "is an array of numpy", SAVE_WHOLE),
    *((b"\x80" + bytes([version]),
       "is a Python pickle, which is never opened since it can run code", SAVE_WHOLE)
      for version in range(2, 6)),
)  # fmt: skip
"""First bytes, what the file is, and what to do."""


def _name_foreign(start: bytes) -> tuple[str, str]:  # noqa: PLR0911 - what no table can say
    text = start[:512].lstrip().lower()
    if not start:
        return "is empty", "Copy or download it again."
    if not any(start):
        return "holds nothing but zeros", "The copy broke; copy or download it again."
    if start.startswith(b"version https://git-lfs"):
        return _name_lfs_pointer(start)
    for beginning, what, remedy in _BEGINNINGS:
        if start.startswith(beginning):
            return what, remedy
    if text.startswith((b"<!doctype", b"<html")) or (
        text.startswith(b"<?xml") and b"<html" in text
    ):
        return "is a saved web page", "Download the file itself, not the page that shows it."
    if start[4:8] == b"TFL3":
        return "is a TensorFlow Lite model", _ORIGINAL
    if start[257:262] == b"ustar":
        return "is a packed archive (tar)", _UNPACK
    if _looks_like_onnx(start):
        return "is an ONNX model", "Open the Keras model that it was exported from."
    if text.startswith(b"{"):
        return "is a JSON text without weights", SAVE_WHOLE
    return "is no model file that Keras writes", "Choose a .keras or .h5 file."


def _looks_like_onnx(start: bytes) -> bool:
    """A message whose first field is a small version number, and then producer, graph or opset."""
    is_version = len(start) > 2 and start[0] == 0x08 and start[1] < 32
    return is_version and (start[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42) or b"onnx" in start.lower())


def _name_lfs_pointer(start: bytes) -> tuple[str, str]:
    sizes = [line[5:].strip() for line in start.splitlines() if line.startswith(b"size ")]
    size = f" to a file of {sizes[0].decode('ascii', 'replace')} bytes" if sizes else ""
    return f"is a git-LFS pointer{size}", "Run 'git lfs pull' to get the file itself."
