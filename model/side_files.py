"""What other programs write beside a model: scaling, classes, input size. No Keras.

Two forms are read. keras-segmentation leaves ``NAME_config.json`` beside ``NAME.0`` or ``NAME.h5``.
Models of bioimage.io come with ``rdf.yaml`` (also ``bioimageio.yaml``, ``model.yaml``), which names
the file of the weights. Both are followed as far as they tell, and only where there is no settings
file of this program. A side file is a help, never a reason to refuse a model: what is wrong with
it becomes a note.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.data.label_sets import Color, suggest_label_set
from model.described_scaling import described_scaling
from model.digest import file_sha256
from model.engine.protocol import Fit, ModelInfo, ModelSettings, Scaling
from model.input_kinds import DEFAULT_PERCENTILES

_MAX_BYTES = 256 * 2**10
_MAX_SIDE = 65_536
_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml", "rdf.yml", "model.yml")
_WEIGHTS = ("keras_hdf5", "keras_v3", "tensorflow_saved_model_bundle")


@dataclass(frozen=True)
class SideFile:
    """What a side file tells; None and empty where it does not.

    Attributes:
        path: the file.
        scaling: how pixels of 0 to 255 become the input.
        percentiles: for ``Scaling.PERCENTILES``.
        input_size: (height, width) in pixels.
        num_channels: values per pixel of the output.
        class_names: one for each value per pixel.
        notes: sentences about what could not be followed.
        is_broken: nothing in it is to be used.
    """

    path: Path
    scaling: Scaling | None = None
    percentiles: tuple[float, float] = DEFAULT_PERCENTILES
    input_size: tuple[int, int] | None = None
    num_channels: int | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_broken: bool = False


def find_side_file(model_path: Path, *, sha256: str = "") -> SideFile | None:
    """Reads the side file of a model.

    Args:
        model_path: the model file or folder.
        sha256: its digest, which a description may give; empty compares nothing.

    Returns:
        What it tells; None if there is none for this model. It is never changed.
    """
    for path in _configurations(model_path):
        if path.is_file():
            return _guarded(path, _from_configuration)
    for name in _DESCRIPTIONS:
        path = model_path.with_name(name)
        if path.is_file():
            found = _guarded(path, lambda data, at: _from_description(data, at, model_path, sha256))
            if found is not None:
                return found
    return None


def following(info: ModelInfo, side: SideFile) -> ModelInfo:
    """The same model with guessed settings replaced by what a side file tells.

    Where the file contradicts the network, nothing of it is used. The caller checks the settings.

    Args:
        info: with guessed settings.
        side: from `find_side_file`.

    Returns:
        With notes that say what was taken from where, or why not.
    """
    contradiction = "" if side.is_broken else _contradiction(info, side)
    notes = side.notes
    if contradiction:
        notes = (*notes, f"{side.path.name} is not followed: {contradiction}.")
    if side.is_broken or contradiction:
        return replace(info, notes=(*info.notes, *notes))
    settings, taken = _followed(info, side)
    if taken:
        notes = (f"{side.path.name} tells {_listed(taken)}.", *notes)
    return replace(info, settings=settings, notes=(*info.notes, *notes))


def _followed(info: ModelInfo, side: SideFile) -> tuple[ModelSettings, list[str]]:
    settings, taken = info.settings, []
    if side.scaling is not None:
        settings = replace(settings, scaling=side.scaling, percentiles=side.percentiles)
        taken.append("how pixels are scaled")
    is_free = info.input_shape[:2] == (None, None)
    if side.input_size is not None and is_free and _is_multiple(side.input_size, info):
        settings = replace(settings, fit=Fit.RESIZE, input_size=side.input_size)
        taken.append("the input size")
    names = side.class_names
    if names:
        colors: list[Color] = [entry.color for entry in suggest_label_set(len(names)).classes]
        settings = replace(settings, class_names=names, class_colors=tuple(colors))
        taken.append("the names of the classes")
    elif side.num_channels is not None:
        taken.append("the number of classes")
    return settings, taken


def _contradiction(info: ModelInfo, side: SideFile) -> str:
    shape = info.outputs[info.settings.output_index].shape
    channels = shape[-1] if shape else None
    if side.num_channels is not None and channels not in (None, side.num_channels):
        return f"it tells {side.num_channels} classes, and the network gives {channels}"
    if side.class_names and len(side.class_names) != info.num_classes:
        return f"it names {len(side.class_names)} classes of {info.num_classes}"
    if side.input_size is not None:
        for want, told in zip(info.input_shape[:2], side.input_size, strict=True):
            if want not in (None, told):
                size = f"{side.input_size[0]} x {side.input_size[1]}"
                return f"it tells an input of {size} pixels, which the network does not take"
    return ""


def _is_multiple(size: tuple[int, int], info: ModelInfo) -> bool:
    return all(side % info.size_multiple == 0 for side in size)


# --- reading ---


def _guarded(path: Path, read: Any) -> SideFile | None:
    """The file as data, read by ``read``; a broken one as a note."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES // 1024} KiB")
        data = _parsed(path)
        if not isinstance(data, Mapping):
            raise TypeError("it holds no table of names and values")
        result = read(data, path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return SideFile(
            path, is_broken=True, notes=(f"{path.name} is not followed: {reason:.120}.",)
        )
    return result if isinstance(result, SideFile) else None


def _parsed(path: Path) -> object:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"it is not valid YAML ({error})") from error


# --- keras-segmentation ---


def _configurations(model_path: Path) -> list[Path]:
    """``unet_1_config.json`` for ``unet_1.h5``, ``unet_1.0`` and ``unet_1.00004``."""
    stems = [model_path.name]
    while stems[-1].rpartition(".")[0]:
        stems.append(stems[-1].rpartition(".")[0])
    return [model_path.with_name(f"{stem}_config.json") for stem in stems]


def _from_configuration(data: Mapping[str, Any], path: Path) -> SideFile | None:
    if "model_class" not in data:
        return None
    num_classes = _whole(data.get("n_classes"), "n_classes")
    sides = [_whole(data.get(key), key) for key in ("input_height", "input_width")]
    size = (sides[0], sides[1]) if sides[0] is not None and sides[1] is not None else None
    # Its loader turns BGR into RGB behind the subtraction, unlike the convention it is named after.
    return SideFile(path, scaling=Scaling.MEANS, input_size=size, num_channels=num_classes)


def _whole(value: object, key: str) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= _MAX_SIDE:
        raise ValueError(f"{key} is {value!r:.40}, a number of at least 1 was expected")
    return value


# --- bioimage.io ---


def _from_description(
    data: Mapping[str, Any], path: Path, model_path: Path, sha256: str
) -> SideFile | None:
    source = _source_of(data, model_path, sha256)
    if source is None:
        return None
    digest = str(source.get("sha256") or "").lower()
    if digest and model_path.is_file() and digest != (sha256 or file_sha256(model_path)):
        raise ValueError("it was written for another version of this model file")
    if data.get("type", "model") != "model":
        return None
    inputs, outputs = _tables(data.get("inputs"), "inputs"), _tables(data.get("outputs"), "outputs")
    if len(inputs) != 1:
        raise ValueError(f"it tells {len(inputs)} inputs, one image was expected")
    told = described_scaling(inputs[0], path.name)
    channels, names = _classes_of(outputs[0]) if len(outputs) == 1 else (None, ())
    return SideFile(
        path, scaling=told.scaling, percentiles=told.percentiles,
        input_size=_size_of(inputs[0]), num_channels=channels, class_names=names,
        notes=told.notes,
    )  # fmt: skip


def _source_of(data: Mapping[str, Any], model_path: Path, sha256: str) -> Mapping[str, Any] | None:
    """The entry of the weights that are in this file, by name or by digest."""
    weights = data.get("weights")
    if not isinstance(weights, Mapping):
        return None
    for form in _WEIGHTS:
        entry = weights.get(form)
        if not isinstance(entry, Mapping):
            continue
        name = str(entry.get("source") or "").rpartition("/")[2]
        if name in (model_path.name, f"{model_path.name}.zip"):
            return entry
        if sha256 and str(entry.get("sha256") or "").lower() == sha256:
            return entry
    return None


def _tables(value: object, key: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError(f"{key} is no list of tables")
    return value


def _axes_of(tensor: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Letters of the axes and their sizes (a number, or None where it is free), 0.3 to 0.5."""
    axes = tensor.get("axes")
    if isinstance(axes, str):
        shape = tensor.get("shape")
        sizes = shape if isinstance(shape, list) else [None] * len(axes)
        return list(axes), sizes
    letters, sizes = [], []
    for axis in _tables(axes, "axes"):
        kind = str(axis.get("type", ""))
        letters.append({"channel": "c", "batch": "b"}.get(kind, str(axis.get("id", ""))))
        names = axis.get("channel_names")
        sizes.append(len(names) if isinstance(names, list) else axis.get("size"))
    return letters, sizes


def _size_of(tensor: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width where they are fixed."""
    letters, sizes = _axes_of(tensor)
    found = dict(zip(letters, sizes, strict=False))
    height, width = found.get("y"), found.get("x")
    if type(height) is not int or type(width) is not int:
        return None
    if not (1 <= height <= _MAX_SIDE and 1 <= width <= _MAX_SIDE):
        raise ValueError(f"it tells an input of {height} x {width} pixels")
    return height, width


def _classes_of(tensor: Mapping[str, Any]) -> tuple[int | None, tuple[str, ...]]:
    letters, sizes = _axes_of(tensor)
    if len(letters) != len(sizes) or "c" not in letters:
        return None, ()
    place = letters.index("c")
    channels = sizes[place] if type(sizes[place]) is int else None
    axes = tensor.get("axes")
    given = axes[place].get("channel_names") if isinstance(axes, list) else None
    names = tuple(str(name).strip() for name in given) if isinstance(given, list) else ()
    is_usable = len(names) > 1 and len(set(names)) == len(names) and all(names)
    return channels, names if is_usable and len(names) == channels else ()


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
