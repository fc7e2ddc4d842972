"""What the user lets a Lambda layer calculate whose own code is not recognised. No Keras.

A replacement is written as the body of a ``lambda x:`` is, ``x / 255``. It is compiled, never run:
the compiled code is read as data by the same reader that reads the Lambda layers of files, so that
only listed operations come of it.
"""

from __future__ import annotations

import ast
import base64
import json
import marshal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from model.errors import ModelFileError
from model.foreign.graph import LayerSpec
from model.foreign.json_text import parse_json
from model.foreign.kept_texts import KeptTexts
from model.foreign.lambda_bodies import read_lambda
from model.foreign.writer import Writer

if TYPE_CHECKING:
    from model.file_report import FileReport

FOLDER = "replacements"
MAX_LENGTH = 300
_FORMAT = "seggui replacements of Lambda layers"
_VERSION = 1
_EXAMPLES = "Examples: x / 255, x / 127.5 - 1, tf.image.resize(x, (64, 64)), x[0] * x[1]."


def understood(text: str) -> str:
    """Reads a replacement, and gives it back as it was understood.

    Args:
        text: the body of a ``lambda x:``.

    Raises:
        ModelFileError: it is no calculation of listed operations; says what is in the way.
    """
    body = read_lambda(LayerSpec("x", "Lambda", "", "", _options(text)), Writer(is_keras_2=False))
    if body.expression is None:
        raise ModelFileError(f"{text!r} is not known here: {body.problem}.", remedy=_EXAMPLES)
    return body.text


def with_replacements(config: Any, replacements: Mapping[str, str]) -> Any:
    """A configuration in which Lambda layers calculate something else. The given one stays.

    Args:
        config: as Keras writes it; inner networks included.
        replacements: by the name of the layer.

    Raises:
        ModelFileError: a replacement is no calculation of listed operations.
    """
    if isinstance(config, list):
        return [with_replacements(item, replacements) for item in config]
    if not isinstance(config, Mapping):
        return config
    options = config.get("config")
    if config.get("class_name") == "Lambda" and isinstance(options, Mapping):
        text = replacements.get(str(options.get("name") or config.get("name")))
        if text is not None:
            understood(text)
            return {**config, "config": {**_kept(options), **_options(text)}}
    return {key: with_replacements(value, replacements) for key, value in config.items()}


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in ("name", "trainable", "dtype") if key in options}


def _options(text: str) -> dict[str, Any]:
    """The options of a Lambda layer with this body."""
    plain = text.strip()
    if not plain or len(plain) > MAX_LENGTH or "\n" in plain:
        raise ModelFileError(
            f"The replacement {plain[:40]!r} was received; one line of at most {MAX_LENGTH} "
            "characters was expected.",
            remedy=_EXAMPLES,
        )
    try:
        ast.parse(plain, mode="eval")  # complete by itself, whatever stands around it
        compiled = compile(f"lambda x: ({plain})", "<replacement>", "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ModelFileError(
            f"{plain!r} cannot be read: {getattr(error, 'msg', None) or error}.", remedy=_EXAMPLES
        ) from error
    codes = [value for value in compiled.co_consts if isinstance(value, CodeType)]
    if len(codes) != 1:
        raise ModelFileError(f"{plain!r} is no single calculation.", remedy=_EXAMPLES)
    code = base64.b64encode(marshal.dumps(codes[0])).decode("ascii")
    return {"function": [code, None, None], "function_type": "lambda"}


def with_chosen_replacements(report: FileReport, settings_dir: Path | None) -> FileReport:
    """The report of a file whose Lambda layers calculate what the user chose for them before.

    Args:
        report: from `model.inspection.inspect_file`.
        settings_dir: where that is kept; None keeps nothing.

    Raises:
        ModelFileError: what is kept is damaged.
        StorageError: it cannot be read.
    """
    chosen = ReplacementStore(settings_dir).of(report.sha256) if settings_dir else {}
    if not chosen:
        return report
    notes = [f"The Lambda layer {name!r} calculates {text}, as chosen." for name, text in
             chosen.items()]  # fmt: skip
    config = with_replacements(report.config, chosen)
    return replace(report, config=config, replacements=chosen, notes=(*report.notes, *notes))


class ReplacementStore:
    """Replacements by the digest of the model that they belong to, one file each."""

    def __init__(self, folder: Path) -> None:
        """Knows the place; nothing is read or made yet.

        Args:
            folder: where settings of models are kept; the engine gets it as ``settings_dir``.
        """
        self._texts = KeptTexts(folder / FOLDER, what="The replacements of Lambda layers")

    def of(self, model_sha256: str) -> dict[str, str]:
        """Texts by the name of the layer; empty when there are none.

        Raises:
            StorageError: they are there but cannot be read.
            ModelFileError: they are there but damaged; the file is left alone.
        """
        text = self._texts.read(model_sha256)
        return {} if text is None else _checked(text, self._texts.path(model_sha256))

    def keep(self, model_sha256: str, replacements: Mapping[str, str]) -> None:
        """Remembers replacements in the place of earlier ones; none at all forgets the model.

        Raises:
            ModelFileError: one is no calculation of listed operations; nothing has changed.
            StorageError: they could not be written; the earlier ones are still there.
        """
        for text in replacements.values():
            understood(text)
        if not replacements:
            self._texts.forget(model_sha256)
            return
        data = {"format": _FORMAT, "version": _VERSION, "layers": dict(replacements)}
        self._texts.write(model_sha256, json.dumps(data, indent=2))


def _checked(text: str, path: Path) -> dict[str, str]:
    try:
        data = parse_json(text)
    except ValueError as error:
        data = str(error)
    layers = data.get("layers") if isinstance(data, dict) else None
    is_ours = isinstance(data, dict) and data.get("format") == _FORMAT
    is_ours = is_ours and data.get("version") == _VERSION
    are_texts = isinstance(layers, dict) and all(isinstance(t, str) for t in layers.values())
    if not is_ours or not isinstance(layers, dict) or not are_texts:
        raise ModelFileError(
            f"{path} is damaged: {_FORMAT} of version {_VERSION} were expected.",
            remedy="Move it away; the layers are then asked for again.",
        )
    return {str(name): str(each) for name, each in layers.items()}
