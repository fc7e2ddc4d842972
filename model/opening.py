"""From a model file to a Keras model: the one place where Keras deserializes a foreign file."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from model.errors import ModelFileError
from model.inspection import FileReport, iter_layers

_ENDINGS = {"keras": ".keras", "hdf5": ".h5"}


def open_network(report: FileReport) -> keras.Model:
    """Opens the file of a report; nothing of its training state is restored, no code in it is run.

    Args:
        report: from `model.inspection.inspect_file`.

    Returns:
        The network, not compiled.

    Raises:
        ModelFileError: the file holds code, layers that Keras does not know, or does not load.
    """
    if report.code_layers:
        raise ModelFileError(
            f"{report.path.name} contains program code in the layer {report.code_layers[0]}; "
            "a file from elsewhere could do anything with it, so it is not opened.",
            remedy="Replace it by a built-in layer such as Rescaling, and save the model again.",
        )
    with _right_ending(report) as path:
        try:
            network = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise _refusal(report, error) from error
    if not isinstance(network, keras.Model):
        raise ModelFileError(
            f"{report.path.name} holds a {type(network).__name__}; a Keras model was expected.",
            remedy="Save the network itself with model.save().",
        )
    return network


@contextlib.contextmanager
def _right_ending(report: FileReport) -> Iterator[Path]:
    """The file under a name whose ending tells the truth: Keras decides by it, case-sensitively."""
    ending = _ENDINGS[report.file_format]
    if report.path.name.endswith(ending):
        yield report.path
        return
    with tempfile.TemporaryDirectory(prefix="seggui-open-") as folder:
        renamed = Path(folder) / f"model{ending}"
        try:
            os.symlink(report.path, renamed)
        except OSError:  # Windows without the privilege, or a file system without links
            shutil.copyfile(report.path, renamed)
        yield renamed


def _refusal(report: FileReport, error: Exception) -> ModelFileError:
    unknown = _unknown_layers(report)
    if unknown:
        return ModelFileError(
            f"{report.path.name} uses layers that Keras does not have: {', '.join(unknown)}.",
            remedy="Rebuild the network with built-in layers, and save it again.",
        )
    writer = f" (written by Keras {report.keras_version})" if report.keras_version else ""
    return ModelFileError(
        f"Keras {keras.__version__} cannot open {report.path.name}{writer}: {_reason(error)}.",
        remedy="Save it again with a current Keras, as a .keras file.",
    )


def _unknown_layers(report: FileReport) -> tuple[str, ...]:
    """Class names of layers that no Keras module has, in the order of the file, each once."""
    names = (
        entry["class_name"]
        for entry in iter_layers(report.config)
        if _is_layer_entry(entry) and not _is_known(entry["class_name"])
    )
    return tuple(dict.fromkeys(names))


def _is_layer_entry(entry: Any) -> bool:
    return "inbound_nodes" in entry or "build_config" in entry


def _is_known(class_name: str) -> bool:
    if class_name in ("Functional", "Model", "Sequential", "InputLayer"):
        return True
    homes = (keras.layers, keras.ops, keras.src.ops.numpy, keras.src.ops.nn, keras.src.ops.image)
    return any(hasattr(home, class_name) for home in homes)


def _reason(error: Exception) -> str:
    """The first sentence of what Keras says, without the dump that follows it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text.split("\x1b")[0][:240].rstrip(" .:")
