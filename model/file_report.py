"""What a whole-model file says about itself, as data. No Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_CODE_LAYERS = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})

InputScaling = Literal["", "raw", "batch_normalization"]
FileFormat = Literal["keras", "hdf5", "saved_model"]
WeightsLayout = Literal["names", "numbers"]


@dataclass(frozen=True)
class TrainingNote:
    """What the file remembers of its training, for information only; it is never restored.

    Attributes:
        loss: name of the loss, or an empty string.
        from_logits: whether the loss expected logits; None when the file does not say.
    """

    loss: str = ""
    from_logits: bool | None = None


@dataclass(frozen=True)
class FileReport:
    """What a whole-model file says about itself.

    Attributes:
        path: the file, absolute.
        sha256: hexadecimal digest of the file.
        file_format: what is really inside, whatever the ending says.
        keras_version: of the writer, or an empty string.
        config: the network's configuration as Keras wrote it.
        training: what is known of its training.
        input_scaling: what the layers right behind the input show: ``"raw"`` when they scale 0..255
            down by themselves, ``"batch_normalization"`` when the first layer has learned
            statistics, an empty string when nothing shows.
        weights: how they lie: as in whole models, or as in files that hold nothing else, under
            names (Keras 2) or under numbers (Keras 3).
        weights_version: of the writer of the weights; ``keras_version`` for whole models.
        replacements: what the user lets Lambda layers calculate, by their names; it is in
            ``config`` already.
        tensorflow: 1 or 2, where the names of the optimizer's variables tell; else None. With
            stand-alone Keras 2.3, nothing else does.
        notes: what a user should know, in sentences.
        is_program: it has no layers; ``config`` is empty (`model.foreign.programs`).
    """

    path: Path
    sha256: str
    file_format: Literal["keras", "hdf5", "saved_model"]
    keras_version: str
    config: Mapping[str, Any]
    training: TrainingNote
    input_scaling: Literal["", "raw", "batch_normalization"]
    weights: Literal["whole", "names", "numbers"] = "whole"
    weights_version: str = ""
    replacements: Mapping[str, str] = field(default_factory=dict)
    tensorflow: int | None = None
    notes: tuple[str, ...] = ()
    is_program: bool = False

    @property
    def code_layers(self) -> tuple[str, ...]:
        """Layers that hold or fetch program code, as ``"Class 'name'"``."""
        return tuple(
            f"{entry['class_name']} {_name_of(entry)!r}"
            for entry in iter_layers(self.config)
            if entry["class_name"] in _CODE_LAYERS
        )


def iter_layers(config: object) -> Iterator[Mapping[str, Any]]:
    """Every object of a configuration that names a class, outermost first, nested models too."""
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from iter_layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from iter_layers(value)


def _name_of(entry: Mapping[str, Any]) -> str:
    options = entry.get("config")
    inner = options.get("name") if isinstance(options, Mapping) else None
    return str(entry.get("name") or inner or "")
