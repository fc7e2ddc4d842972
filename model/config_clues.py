"""What a configuration gives away of training and input without being understood. No Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from model.file_report import InputScaling, TrainingNote, iter_layers


def training_note(training: Mapping[str, Any]) -> TrainingNote:
    """Name of the loss, and whether it expected logits."""
    loss = training.get("loss")
    if isinstance(loss, str):
        return TrainingNote(loss)
    if not isinstance(loss, Mapping):
        return TrainingNote()
    options = loss.get("config")
    if isinstance(options, str):  # a function by its name
        return TrainingNote(options)
    name = str(loss.get("class_name", ""))
    from_logits = options.get("from_logits") if isinstance(options, Mapping) else None
    return TrainingNote(name, from_logits if isinstance(from_logits, bool) else None)


def input_scaling(config: Mapping[str, Any]) -> InputScaling:
    """What the layers up to the first convolution do with the pixels, in the order of the file."""
    for entry in iter_layers(config):
        name, options = entry["class_name"], entry.get("config")
        if not isinstance(options, Mapping):
            continue
        if name == "Rescaling":
            return "raw" if _is_small(options.get("scale")) else ""
        if name == "Normalization":
            return "raw"
        if name in ("TrueDivide", "Divide", "Subtract", "Multiply", "TFOpLambda"):
            return "raw" if _has_pixel_constant(entry) else ""
        if name == "BatchNormalization":
            return "batch_normalization"
        if "Conv" in name or name in ("Dense", "Concatenate"):
            return ""
    return ""


def _is_small(scale: object) -> bool:
    """Whether a factor brings 0..255 to about one; 1/64 leaves room for odd conventions."""
    values = scale if isinstance(scale, list) else [scale]
    return any(isinstance(v, int | float) and 0 < abs(v) <= 1 / 64 for v in values)


def _has_pixel_constant(entry: Mapping[str, Any]) -> bool:
    """Whether an arithmetic node works with a number that only 0..255 pixels explain."""
    numbers = list(_numbers(entry.get("inbound_nodes")))
    return any(abs(n) >= 64 or 0 < abs(n) <= 1 / 64 for n in numbers)


def _numbers(data: object) -> Iterator[float]:
    if isinstance(data, float):
        yield data
    elif isinstance(data, int) and not isinstance(data, bool):
        yield float(data)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            if key not in ("shape", "keras_history", "node_index", "tensor_index"):
                yield from _numbers(value)
    elif isinstance(data, list):
        for value in data:
            yield from _numbers(value)
