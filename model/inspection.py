"""Finding out what a model file is, by its content and without Keras: nothing in it is executed.

Endings lie (``.keras`` files of early Keras 2 hold HDF5 inside, downloads turn out to be web
pages), and Keras believes them. So the first bytes decide here, and every file that is no whole
model is refused with a sentence that says what it is instead.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from model.config_clues import input_scaling, training_note
from model.data.model_files import holds_saved_model, model_of
from model.digest import file_sha256, unreadable_model
from model.errors import ModelFileError, ProgramError, WeightsOnlyError
from model.file_report import FileFormat, FileReport, WeightsLayout
from model.first_bytes import SAVE_WHOLE, ZIP_SIGNATURE, foreign_file, is_hdf5, read_start
from model.foreign.architectures import Architecture, ArchitectureStore
from model.foreign.attributes import read_attribute
from model.foreign.heaps import check_heaps
from model.foreign.json_text import parse_json
from model.foreign.parser_errors import ARCHIVE_ERRORS, HDF5_ERRORS, reason_of
from model.foreign.saved_model import (
    GRAPH,
    METADATA,
    home_in,
    read_graph,
    read_metadata,
)
from model.foreign.weight_files import CONTAINERS, check_archive

_MAX_JSON_BYTES = 64 * 2**20

RUN_PROGRAM = (
    "Or let the program run: it predicts then, and cannot be fine-tuned. It can read and write "
    "files as you can, so agree, in the window or with --run-program, only if you know where it "
    "comes from."
)


def inspect_file(path: Path, *, settings_dir: Path | None = None) -> FileReport:
    """Reads what a model file says about itself.

    Args:
        path: the file, or the folder of a SavedModel. Weights alone belong to a text called alike
            in the same folder, or to the network that was named for them before.
        settings_dir: where such networks are remembered; None remembers none.

    Raises:
        WeightsOnlyError: it holds weights only, and no network is known for them.
        ModelFileError: missing, empty, cut off, or no whole Keras model; says what it is instead.
    """
    path = model_of(path.absolute())
    if path.is_dir() and holds_saved_model(path):
        return _inspect_saved_model(path)
    start = read_start(path)
    if start.lstrip().startswith(b"{"):
        path = _weights_beside(path) or path
        start = read_start(path)
    if is_hdf5(path, start):
        return _inspect_hdf5(path, settings_dir)
    if start.startswith(ZIP_SIGNATURE):
        return _inspect_zip(path)
    raise foreign_file(path, start)


def read_architecture(source: Path) -> Architecture:
    """The network of a model file, or of a text that ``model.to_json()`` gave; weights are ignored.

    Raises:
        ModelFileError: it holds no network.
    """
    source = source.absolute()
    if not source.is_dir() and read_start(source).lstrip().startswith(b"{"):
        config = _read_json(source)
        return Architecture(config, str(config.get("keras_version", "")), source.name)
    try:
        report = inspect_file(source)
    except WeightsOnlyError as error:
        raise ModelFileError(
            f"{source.name} holds weights only, too; a file with the network was expected.",
            remedy="Choose a whole model, the text of model.to_json(), or a Python file.",
        ) from error
    return Architecture(report.config, report.keras_version, source.name)


# --- HDF5 ---


def inspect_weights(path: Path, architecture: Architecture) -> FileReport:
    """Reads what a file of weights says about itself, given its network.

    Raises:
        ModelFileError: it is no HDF5 file of weights.
    """
    path = path.absolute()
    if not is_hdf5(path, read_start(path)):
        raise foreign_file(path, read_start(path))
    return _inspect_hdf5(path, None, architecture)


def _inspect_hdf5(
    path: Path, settings_dir: Path | None, architecture: Architecture | None = None
) -> FileReport:
    try:
        check_heaps(path, file_name=path.name)
        with h5py.File(path, "r") as file:
            config = _text(read_attribute(file, "model_config"))
            training = _text(read_attribute(file, "training_config"))
            version = _text(read_attribute(file, "keras_version"))
            keys, attributes = set(file.keys()), set(file.attrs.keys())
            tensorflow = _tensorflow_of(file)
    except HDF5_ERRORS as error:
        reason = "it was cut off" if "truncated" in str(error) else reason_of(error)
        raise ModelFileError(
            f"{path.name} is a damaged HDF5 file: {reason}.", remedy="Copy or download it again."
        ) from error
    if not config:
        layout = _layout_of_weights(keys, attributes)
        if layout is None:
            raise _hdf5_without_network(path, keys)
        architecture = architecture or _architecture_of(path, settings_dir)
        return _with_architecture(path, layout, architecture, version)
    report = _report(path, "hdf5", version, _parse(path, config), _parse_optional(training))
    return replace(report, tensorflow=tensorflow)


def _tensorflow_of(file: h5py.File) -> int | None:
    """Stand-alone Keras names variables of optimizers ``training/Adam/...`` in TensorFlow 1."""
    # Asked for as a link first: following one could open another file.
    is_inside = isinstance(file.get("optimizer_weights", getlink=True), h5py.HardLink)
    group = file["optimizer_weights"] if is_inside else None
    names = read_attribute(group, "weight_names") if isinstance(group, h5py.Group) else None
    if names is None or isinstance(names, h5py.Empty):
        return None
    texts = [_text(name) for name in np.atleast_1d(names).flat]
    telling = [text for text in texts if not text.endswith("iterations:0")]
    if not telling:
        return None
    return 1 if all(text.startswith("training/") for text in telling) else 2


def _layout_of_weights(keys: set[str], attributes: set[str]) -> WeightsLayout | None:
    """How a file lies that holds weights only; None if it holds no weights."""
    if attributes & {"layer_names", "layer_names0"}:
        return "names"
    return "numbers" if keys & set(CONTAINERS) else None


def _architecture_beside(path: Path) -> Path | None:
    """The text with the network that weights belong to: called alike, in the same folder."""
    stem = path.name.removesuffix(".h5").removesuffix(".hdf5").removesuffix(".weights")
    plain = stem.removesuffix("_weights").removesuffix("-weights")
    names = (f"{stem}.json", f"{plain}.json", f"{plain}_architecture.json", f"{plain}_model.json")
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def _weights_beside(path: Path) -> Path | None:
    """The other way round, for a user who chose the text."""
    inside = sorted(path.parent.glob("*.h5")) + sorted(path.parent.glob("*.hdf5"))
    return next((file for file in inside if _architecture_beside(file) == path), None)


def _architecture_of(path: Path, settings_dir: Path | None) -> Architecture:
    """What was named for these weights, else what lies beside them."""
    digest = file_sha256(path)
    if settings_dir is not None:
        known = ArchitectureStore(settings_dir).of(digest)
        if known is not None:
            return known
    beside = _architecture_beside(path)
    if beside is not None:
        return read_architecture(beside)
    raise WeightsOnlyError(
        f"{path.name} holds weights only, without the network they belong to.",
        model_sha256=digest,
        remedy="Name a file with the network: a whole model, the text that model.to_json() gave "
        f"(put beside it as {path.name.partition('.')[0]}.json, it is found by itself), or a "
        "Python file.",
    )


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ModelFileError(f"{path.name} is too large for a network.")
        return _parse(path, path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise unreadable_model(path, error) from error


def _with_architecture(
    path: Path, layout: WeightsLayout, architecture: Architecture, version: str
) -> FileReport:
    note = f"The weights alone are in {path.name}; the network comes from {architecture.source}."
    report = _report(path, "hdf5", architecture.keras_version or version, architecture.config, {})
    return replace(
        report, weights=layout, weights_version=version or report.keras_version, notes=(note,)
    )


def _hdf5_without_network(path: Path, keys: set[str]) -> ModelFileError:
    if keys & {"model_weights", "vars"}:
        return ModelFileError(
            f"{path.name} holds weights only, without the network they belong to.",
            remedy="Save the whole network with model.save('name.keras') and open that file.",
        )
    return ModelFileError(
        f"{path.name} is an HDF5 data file; a Keras model was expected.",
        remedy="Choose a .keras or .h5 file that model.save() wrote.",
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


# --- zip ---


def _inspect_zip(path: Path) -> FileReport:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            check_archive(archive, path.name)
            if "config.json" not in names:
                if any(name.rpartition("/")[2] == GRAPH for name in names):
                    return _inspect_zipped_saved_model(path, archive)
                raise _foreign_zip(path, names)
            config = _parse(path, _read_member(path, archive, "config.json"))
            metadata: Mapping[str, Any] = {}
            if "metadata.json" in names:
                metadata = _parse(path, _read_member(path, archive, "metadata.json"))
    except ARCHIVE_ERRORS as error:
        raise ModelFileError(
            f"{path.name} begins like a .keras file but is damaged or was cut off "
            f"({reason_of(error)}).",
            remedy="Copy or download it again.",
        ) from error
    if not any(name.endswith((".weights.h5", ".weights.json")) for name in names):
        raise ModelFileError(f"{path.name} holds a network without its weights.", remedy=SAVE_WHOLE)
    compiled = config.get("compile_config")
    version = str(metadata.get("keras_version", ""))
    return _report(
        path, "keras", version, config, compiled if isinstance(compiled, Mapping) else {}
    )


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _MAX_JSON_BYTES:
        raise ModelFileError(
            f"{path.name} declares a {name} of {archive.getinfo(name).file_size} bytes; "
            f"no real network needs more than {_MAX_JSON_BYTES}.",
            remedy="Ask where the file comes from before using it.",
        )
    return archive.read(name).decode("utf-8", "replace")


def _foreign_zip(path: Path, names: list[str]) -> ModelFileError:
    if any(name.endswith("data.pkl") for name in names):
        what, remedy = "is a PyTorch model, which is never unpickled", "Export it to Keras first."
    elif any(name.endswith("config.json") for name in names):
        what, remedy = (
            "has its model inside a folder",
            "Zip the files themselves, or save it again.",
        )
    else:
        what, remedy = "is a zip archive without a model", "Choose a .keras or .h5 file."
    return ModelFileError(f"{path.name} {what}; a Keras model was expected.", remedy=remedy)


# --- SavedModel ---


def _inspect_saved_model(folder: Path) -> FileReport:
    has_metadata = (folder / METADATA).is_file()
    file = folder / (METADATA if has_metadata else GRAPH)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise unreadable_model(file, error) from error
    return _saved_model_report(folder, data, has_metadata=has_metadata)


def _inspect_zipped_saved_model(path: Path, archive: zipfile.ZipFile) -> FileReport:
    home = home_in(archive)
    has_metadata = f"{home}{METADATA}" in archive.namelist()
    data = archive.read(f"{home}{METADATA if has_metadata else GRAPH}")
    return _saved_model_report(path, data, has_metadata=has_metadata)


def _saved_model_report(path: Path, data: bytes, *, has_metadata: bool) -> FileReport:
    read = read_metadata if has_metadata else read_graph
    try:
        root = read(data, file_name=path.name)
    except ProgramError as error:
        raise _askable(path, error) from error
    training = root.get("training_config")
    return _report(
        path, "saved_model", str(root.get("keras_version", "")), root,
        training if isinstance(training, Mapping) else {},
    )  # fmt: skip


def _askable(path: Path, error: ProgramError) -> ProgramError:
    """The same refusal, with what it takes to run the program after all."""
    if not path.is_dir():
        remedy = f"{error.remedy} To run the program with your consent, unpack its folder first."
        return ProgramError(error.message, remedy=remedy)
    if any(inside.is_symlink() for inside in path.rglob("*")):
        return ProgramError(f"{error.message} It has links to other places.", remedy=error.remedy)
    return ProgramError(
        error.message, model_sha256=file_sha256(path), remedy=f"{error.remedy} {RUN_PROGRAM}"
    )


# --- the configuration ---


def _parse(path: Path, text: str) -> Mapping[str, Any]:
    try:
        data = parse_json(text)
    except ValueError as error:
        raise ModelFileError(
            f"{path.name} holds a configuration that is not valid JSON ({reason_of(error)}).",
            remedy="Save or download the model again.",
        ) from error
    if not isinstance(data, dict):
        raise ModelFileError(
            f"{path.name} holds {type(data).__name__} as configuration; an object was expected.",
            remedy="Save or download the model again.",
        )
    return data


def _parse_optional(text: str) -> Mapping[str, Any]:
    """Training information is a courtesy: when it cannot be read, it is simply unknown."""
    try:
        data = parse_json(text) if text else {}
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _report(
    path: Path,
    file_format: FileFormat,
    version: str,
    config: Mapping[str, Any],
    training: Mapping[str, Any],
) -> FileReport:
    return FileReport(
        path=path, sha256=file_sha256(path), file_format=file_format, keras_version=version,
        weights_version=version, config=config, training=training_note(training),
        input_scaling=input_scaling(config),
    )  # fmt: skip
