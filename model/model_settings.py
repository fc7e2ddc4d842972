"""The settings file beside a model: what the model file itself cannot say. No Keras.

``street.keras`` keeps its settings in ``street.seggui.json``. Where the model's folder cannot be
written, the file goes to a settings folder under a name that also tells models of one name apart.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar

from model.data.atomic import write_atomic
from model.data.label_sets import MAX_CLASSES, Color
from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.errors import ModelFileError
from model.input_kinds import DEFAULT_PERCENTILES
from model.remembered_test import RememberedTest, from_json, to_json

_FORMAT = "seggui model settings"
_VERSION = 1
_MAX_SIDE = 65_536
_REPAIR = "Correct it with a text editor, or move it away to have the settings guessed again."
_Choice = TypeVar("_Choice", bound=Enum)


def settings_path(model_path: Path, settings_dir: Path | None = None) -> Path:
    """Where the settings of a model are: beside it, or in ``settings_dir`` when that is given."""
    if settings_dir is None:
        return model_path.with_name(model_path.stem + ".seggui.json")
    key = hashlib.sha256(str(model_path.absolute()).encode()).hexdigest()[:12]
    return settings_dir / f"{model_path.stem}-{key}.seggui.json"


def load_settings(model_path: Path, *, settings_dir: Path | None = None) -> ModelSettings | None:
    """Reads the settings of a model: those beside it, else those in the settings folder.

    Returns:
        The settings, or None when there is no such file.

    Raises:
        ModelFileError: the file is there but not valid; names file and field. It is left alone.
    """
    found = _find(model_path, settings_dir)
    return None if found is None else settings_from_json(_read_json(found), source=found)


def load_settings_sha256(model_path: Path, *, settings_dir: Path | None = None) -> str:
    """The digest of the model file that the settings were saved for; empty when there are none."""
    found = _find(model_path, settings_dir)
    data = _read_json(found) if found is not None else None
    return str(data.get("model_sha256", "")) if isinstance(data, dict) else ""


def load_test(
    model_path: Path, *, sha256: str, settings_dir: Path | None = None
) -> tuple[RememberedTest | None, str]:
    """Reads the test that was saved with the settings of a model.

    Args:
        model_path: the model file.
        sha256: its digest; a test of another network says nothing.
        settings_dir: where settings of models in read-only folders are.

    Returns:
        The test, or None when there is none, and a sentence about one that is damaged, or nothing.
    """
    found = _find(model_path, settings_dir)
    try:
        data = _read_json(found) if found is not None else None
    except ModelFileError as error:  # whoever needs the settings themselves refuses it
        return None, error.message
    if found is None or not isinstance(data, dict) or data.get("model_sha256") != sha256:
        return None, ""
    if data.get("test") is None:
        return None, ""
    try:
        return from_json(data["test"]), ""
    except ValueError as error:
        return None, f"The test in {found.name} is damaged and was not made: {error}."


def save_settings(
    model_path: Path,
    settings: ModelSettings,
    *,
    sha256: str,
    settings_dir: Path | None = None,
    test: RememberedTest | None = None,
) -> Path:
    """Writes the settings beside the model, or into ``settings_dir`` when the folder is read-only.

    Args:
        model_path: the model file.
        settings: what to write.
        sha256: digest of the model file, so that an exchanged model is noticed.
        settings_dir: where to go when the model's folder cannot be written.
        test: what the network answered to a known input, so that changed libraries are noticed.

    Returns:
        The file that was written.

    Raises:
        StorageError: it could not be written; the old file survives.
    """
    target = settings_path(model_path)
    if settings_dir is not None and not os.access(target.parent, os.W_OK):
        target = settings_path(model_path, settings_dir)
    data = {"model_sha256": sha256, **settings_to_json(settings)}
    if test is not None:
        data["test"] = to_json(test)
    write_atomic(target, (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode())
    return target


def settings_to_json(settings: ModelSettings) -> dict[str, Any]:
    """The settings as plain data that ``json.dumps`` takes and `settings_from_json` reads."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "scaling": settings.scaling.value,
        "percentiles": list(settings.percentiles),
        "channel_order": settings.channel_order,
        "output_index": settings.output_index,
        "activation": settings.activation.value,
        "fit": settings.fit.value,
        "input_size": None if settings.input_size is None else list(settings.input_size),
        "classes": [
            {"name": name, "color": list(color)}
            for name, color in zip(settings.class_names, settings.class_colors, strict=True)
        ],
        "excluded_classes": list(settings.excluded_classes),
    }


def settings_from_json(data: object, *, source: Path) -> ModelSettings:
    """Builds settings from what a file holds, checking every field.

    Raises:
        ModelFileError: names the first field that is missing or wrong, and ``source``.
    """
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise _wrong(source, "format", data if not isinstance(data, dict) else data.get("format"),
                     repr(_FORMAT))  # fmt: skip
    if data.get("version") != _VERSION:
        raise _wrong(source, "version", data.get("version"), f"{_VERSION}")
    names, colors = _classes(data.get("classes"), source)
    return ModelSettings(
        scaling=_choice(Scaling, data, "scaling", source),
        channel_order=_channel_order(data.get("channel_order"), source),
        output_index=_output_index(data.get("output_index"), source),
        activation=_choice(Activation, data, "activation", source),
        fit=_choice(Fit, data, "fit", source),
        input_size=_input_size(data.get("input_size"), source),
        class_names=names,
        class_colors=colors,
        # Files of older versions lack these fields.
        excluded_classes=_excluded(data.get("excluded_classes", []), len(names), source),
        percentiles=_percentiles(data.get("percentiles", list(DEFAULT_PERCENTILES)), source),
    )


def _find(model_path: Path, settings_dir: Path | None) -> Path | None:
    candidates = [settings_path(model_path)]
    if settings_dir is not None:
        candidates.append(settings_path(model_path, settings_dir))
    return next((path for path in candidates if path.is_file()), None)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ModelFileError(
            f"The settings file {path} could not be read: {error.strerror or error}.",
            remedy="Check its permissions, or move it away to have the settings guessed again.",
        ) from error
    except ValueError as error:
        raise ModelFileError(
            f"The settings file {path} is not valid JSON ({error}).",
            remedy=_REPAIR,
        ) from error


def _wrong(source: Path, field: str, received: object, expected: str) -> ModelFileError:
    return ModelFileError(
        f"The settings file {source} is not valid: {field} is {received!r:.80}; "
        f"{expected} was expected.",
        remedy=_REPAIR,
    )


def _choice(kind: type[_Choice], data: dict[str, Any], field: str, source: Path) -> _Choice:
    known = [member.value for member in kind]
    if data.get(field) not in known:
        raise _wrong(source, field, data.get(field), "one of " + ", ".join(map(str, known)))
    return kind(data[field])


def _channel_order(value: object, source: Path) -> Literal["rgb", "bgr"]:
    if value == "rgb":
        return "rgb"
    if value == "bgr":
        return "bgr"
    raise _wrong(source, "channel_order", value, "'rgb' or 'bgr'")


def _output_index(value: object, source: Path) -> int:
    if type(value) is not int or not 0 <= value < 1000:
        raise _wrong(source, "output_index", value, "a whole number from 0 on")
    return value


def _input_size(value: object, source: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    if not _is_list_of(value, 2, lambda side: type(side) is int and 1 <= side <= _MAX_SIDE):
        raise _wrong(source, "input_size", value, "null or [height, width] in pixels")
    assert isinstance(value, list)
    return value[0], value[1]


def _percentiles(value: object, source: Path) -> tuple[float, float]:
    if not _is_list_of(value, 2, lambda part: type(part) in (int, float) and 0 <= part <= 100):
        raise _wrong(source, "percentiles", value, "[lower, upper], 0 to 100")
    assert isinstance(value, list)
    if value[0] >= value[1]:
        raise _wrong(source, "percentiles", value, "a lower and a higher one")
    return float(value[0]), float(value[1])


def _classes(value: object, source: Path) -> tuple[tuple[str, ...], tuple[Color, ...]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CLASSES:
        raise _wrong(source, "classes", value, f"a list of 1 to {MAX_CLASSES} classes")
    names: list[str] = []
    colors: list[Color] = []
    for index, entry in enumerate(value):
        name = entry.get("name") if isinstance(entry, dict) else None
        color = entry.get("color") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.strip() or name in names:
            raise _wrong(source, f"classes[{index}].name", name, "a name of its own")
        if not _is_list_of(color, 3, lambda part: type(part) is int and 0 <= part <= 255):
            raise _wrong(source, f"classes[{index}].color", color, "[red, green, blue], 0 to 255")
        assert isinstance(color, list)
        names.append(name)
        colors.append((color[0], color[1], color[2]))
    return tuple(names), tuple(colors)


def _excluded(value: object, num_classes: int, source: Path) -> tuple[int, ...]:
    def is_class(index: Any) -> bool:
        return type(index) is int and 0 <= index < num_classes

    if not isinstance(value, list) or not all(map(is_class, value)) or len(value) >= num_classes:
        raise _wrong(source, "excluded_classes", value, "a list of some class indices")
    return tuple(sorted(set(value)))


def _is_list_of(value: object, length: int, is_valid: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and len(value) == length and all(map(is_valid, value))
