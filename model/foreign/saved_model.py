"""SavedModel folders of Keras 2: their layers as data, without running the graph in them. No Keras.

``keras_metadata.pb`` holds the configuration of the network as JSON, ``variables/`` an ordinary
TensorFlow checkpoint. Until TensorFlow 2.4 the same JSON lies in ``saved_model.pb``, beside the
program, which is never looked at.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.data.model_files import SAVED_MODEL_FILES
from model.errors import ModelFileError, ProgramError
from model.file_report import FileReport, TrainingNote
from model.foreign.json_text import parse_json
from model.foreign.parser_errors import ARCHIVE_ERRORS, reason_of
from model.foreign.weight_files import MAX_BYTES, check_archive

GRAPH, METADATA = SAVED_MODEL_FILES
_MAX_METADATA_BYTES = 64 * 2**20
_MAX_GRAPH_BYTES = 512 * 2**20
_NETWORKS = ("_tf_keras_network", "_tf_keras_sequential", "_tf_keras_model")
_BROKEN = "Copy or download the whole folder again."


def read_metadata(data: bytes, *, file_name: str) -> Mapping[str, Any]:
    """The root object of ``keras_metadata.pb``: ``class_name``, ``config``, ``keras_version``, ...

    Raises:
        ModelFileError: damaged, or the root is no network that is made of layers.
    """
    if len(data) > _MAX_METADATA_BYTES:
        raise ModelFileError(f"{file_name} holds {len(data)} bytes of metadata.", remedy=_BROKEN)
    try:
        for number, value in fields(data):
            if number != 1 or not isinstance(value, bytes):
                continue
            node = dict(fields(value))
            if node.get(3) == b"root" and isinstance(node.get(5), bytes):
                return _root(node, file_name)
    except ValueError as error:
        raise ModelFileError(
            f"{file_name} has a damaged {METADATA}: {reason_of(error)}.", remedy=_BROKEN
        ) from error
    raise ModelFileError(f"{file_name} has a {METADATA} without a network.", remedy=_BROKEN)


def read_graph(data: bytes, *, file_name: str) -> Mapping[str, Any]:
    """The same root object from ``saved_model.pb``, where TensorFlow 2.0 to 2.4 kept it.

    Raises:
        ModelFileError: there is none, so that the layers are lost; or it is damaged.
    """
    if len(data) > _MAX_GRAPH_BYTES:
        raise ModelFileError(f"{file_name} holds a program of {len(data)} bytes.", remedy=_BROKEN)
    try:
        user_object = dict(fields(_at(data, (2, 7, 1, 4))))  # meta graph, objects, root, its kind
        if not isinstance(user_object.get(3), bytes) or not user_object[3]:
            raise without_layers(file_name)
        return _root({4: user_object.get(1, b""), 5: user_object[3]}, file_name)
    except ValueError as error:
        raise without_layers(file_name) from error


def _at(data: bytes, path: tuple[int, ...]) -> bytes:
    """The first field of each number, one inside of the other."""
    for number in path:
        found = (value for key, value in fields(data) if key == number)
        value = next(found, None)
        if not isinstance(value, bytes):
            raise ValueError("a message without the part that was looked for")
        data = value
    return data


def without_layers(name: str) -> ProgramError:
    """The refusal of a SavedModel that has lost its layers."""
    return ProgramError(
        f"{name} is a SavedModel without {METADATA}: it holds a program and no layers, so that it "
        "can neither be checked nor trained. A network that Keras saved was expected.",
        remedy="Open the .keras or .h5 file that it was exported from.",
    )


def program_report(folder: Path, sha256: str) -> FileReport:
    """What there is to say about a program that may be run: nothing of it is read as data."""
    return FileReport(
        path=folder, sha256=sha256, file_format="saved_model", keras_version="", config={},
        training=TrainingNote(), input_scaling="", is_program=True,
        notes=("It is a program without layers: it predicts, and cannot be fine-tuned.",),
    )  # fmt: skip


def _root(node: Mapping[int, Any], file_name: str) -> Mapping[str, Any]:
    root = parse_json(node[5])
    identifier = bytes(node.get(4, b"")).decode("utf-8", "replace")
    if not isinstance(root, dict) or identifier not in _NETWORKS or "config" not in root:
        raise ModelFileError(
            f"{file_name} holds a {identifier or 'thing'} without layers; a network that is made "
            "of layers was expected (Functional or Sequential).",
            remedy="Rebuild it as keras.Model(inputs, outputs), and save that.",
        )
    return root


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a protocol buffer message: number and value (varint, or bytes)."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == 2:
            length, position = _varint(data, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if position + length > len(data):
            raise ValueError("a field that is longer than the file")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("it was cut off")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError("a number that is too long")


@contextlib.contextmanager
def variables_of(path: Path) -> Iterator[Path]:
    """The prefix of the checkpoint of a SavedModel folder, or of a zipped one.

    Raises:
        ModelFileError: there is none, or the archive is suspicious.
    """
    if path.is_dir():
        yield _prefix(path, path.name)
        return
    with tempfile.TemporaryDirectory(prefix="seggui-open-") as place:
        folder = Path(place)
        try:
            with zipfile.ZipFile(path) as archive:
                check_archive(archive, path.name)
                home = home_in(archive)
                for member in archive.infolist():
                    name = member.filename.removeprefix(f"{home}variables/")
                    is_here = member.filename.startswith(f"{home}variables/") and "/" not in name
                    if is_here and name:
                        (folder / "variables").mkdir(exist_ok=True)
                        copy = folder / "variables" / name
                        with archive.open(member) as source, copy.open("wb") as target:
                            shutil.copyfileobj(source, target, 2**20)
        except ARCHIVE_ERRORS as error:
            raise ModelFileError(
                f"{path.name} is damaged: {reason_of(error)}.", remedy=_BROKEN
            ) from error
        yield _prefix(folder, path.name)


def home_in(archive: zipfile.ZipFile) -> str:
    """The folder of an archive that is the SavedModel, with a slash behind it, or nothing."""
    name = next(name for name in archive.namelist() if name.rpartition("/")[2] == GRAPH)
    return name.removesuffix(GRAPH)


def stored_bytes(prefix: Path) -> int:
    """Bytes of the arrays of a checkpoint."""
    return sum(file.stat().st_size for file in prefix.parent.glob("variables.data-*"))


def _prefix(folder: Path, name: str) -> Path:
    prefix = folder / "variables" / "variables"
    if not prefix.with_suffix(".index").is_file():
        raise ModelFileError(
            f"{name} lacks its weights (variables/variables.index).", remedy=_BROKEN
        )
    stored = stored_bytes(prefix)
    if stored > MAX_BYTES:
        raise ModelFileError(f"{name} holds {stored} bytes of weights.")
    return prefix
