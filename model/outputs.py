"""What the outputs of a network are, and how it is used where nothing is known. Imports Keras."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.data.label_sets import MAX_CLASSES, suggest_label_set
from model.engine.protocol import Activation, Fit, ModelSettings, OutputInfo, Scaling
from model.errors import ModelFileError
from model.file_report import FileReport
from model.foreign.contents import describe_contents
from model.foreign.vocabulary import OUR_ACTIVATION
from model.taken_images import WANTED
from model.trials import Trial, output_grid
from model.words import shape_words, size_words

_PASSES_ON = (
    "Reshape", "UpSampling2D", "Resizing", "Permute", "Cropping2D", "ZeroPadding2D", "Dropout",
)  # fmt: skip


def choose_output(network: keras.Model, trial: Trial, name: str) -> int:
    """The finest output; among equals the one called final or main, else the last."""
    usable = {
        index: grid
        for index, shape in enumerate(trial.shapes)
        if (grid := output_grid(shape, trial.size)) is not None
    }
    if not usable:
        raise _no_segmentation(network, trial, name)
    finest = min(grid.stride[0] * grid.stride[1] for grid in usable.values())
    best = [i for i, grid in usable.items() if grid.stride[0] * grid.stride[1] == finest]
    names = output_names(network)
    named = [i for i in best if any(word in names[i].lower() for word in ("final", "main"))]
    return named[-1] if named else best[-1]


def _no_segmentation(network: keras.Model, trial: Trial, name: str) -> ModelFileError:
    shapes = ", ".join(shape_words(output.shape) for output in network.outputs)
    if all(len(shape) == 2 for shape in trial.shapes) and len(trial.shapes) > 1:
        return ModelFileError(
            f"{name} is a classifier or a detector: it gives {len(trial.shapes)} answers per "
            f"image, {shapes}; {WANTED}."
        )
    if all(len(shape) == 3 for shape in trial.shapes):
        return ModelFileError(
            f"{name} gives lists, {shapes}, as detectors do, and not a value for each pixel; "
            f"{WANTED}."
        )
    if all(len(shape) == 2 for shape in trial.shapes):
        return ModelFileError(
            f"{name} is a classifier: it gives one answer per image, {shapes}; {WANTED}."
        )
    if all(len(shape) == 4 for shape in trial.shapes):
        is_larger = all(shape[1] > trial.size[0] for shape in trial.shapes)
        got = ", ".join(size_words(shape[1:3]) for shape in trial.shapes)
        return ModelFileError(
            f"{name} turns {size_words(trial.size)} pixels into {got}; "
            "the same size or a whole fraction of it was expected.",
            remedy="It enlarges images; use a network that keeps their size."
            if is_larger
            else "Use padding='same' in its convolutions.",
        )
    return ModelFileError(f"{name} gives output of shape {shapes}; {WANTED}.")


def refuse_nan(answer: npt.NDArray[Any], name: str) -> None:
    """Refuses an answer that is no numbers.

    Raises:
        ModelFileError: it holds NaN or infinity.
    """
    if not np.isfinite(answer).all():
        raise ModelFileError(
            f"{name} answers with values that are not numbers (NaN or infinity).",
            remedy="Its training must have diverged; use an earlier version of the model.",
        )


def num_classes_of(channels: int, name: str) -> int:
    """How many classes so many values per pixel tell apart.

    Raises:
        ModelFileError: more than a mask can hold, or none.
    """
    if not 1 <= channels <= MAX_CLASSES:
        raise ModelFileError(
            f"{name} gives {channels} values per pixel; 1 to {MAX_CLASSES} classes were expected."
        )
    return 2 if channels == 1 else channels


def output_names(network: keras.Model) -> list[str]:
    """A name for each output."""
    names = list(getattr(network, "output_names", []))
    count = len(network.outputs)
    return names if len(names) == count else [f"output {i}" for i in range(count)]


def output_infos(network: keras.Model) -> tuple[OutputInfo, ...]:
    """Name and shape of each output."""
    names = output_names(network)
    return tuple(
        OutputInfo(name, tuple(output.shape))
        for name, output in zip(names, network.outputs, strict=True)
    )


# --- settings ---


def guess_settings(
    network: keras.Model,
    report: FileReport,
    *,
    output_index: int,
    answer: npt.NDArray[Any],
    num_classes: int,
) -> ModelSettings:
    """How a network is used where nobody has said so.

    Args:
        network: as opened.
        report: of its file.
        output_index: of the output that is used.
        answer: what that output gave for noise.
        num_classes: that it tells apart.
    """
    label_set = suggest_label_set(num_classes)
    height, width = network.inputs[0].shape[1:3]
    is_free = height is None and width is None
    return ModelSettings(
        scaling=Scaling.RAW if _scales_by_itself(network, report) else Scaling.UNIT,
        channel_order="rgb",
        output_index=output_index,
        activation=_activation(network, output_index, answer),
        fit=Fit.WHOLE if is_free else Fit.RESIZE,
        input_size=None if is_free else (height or width or 0, width or height or 0),
        class_names=tuple(c.name for c in label_set.classes),
        class_colors=tuple(c.color for c in label_set.classes),
    )


def shows_raw(report: FileReport) -> bool:
    """Whether what lies right behind the input expects pixels of 0 to 255."""
    return report.input_scaling == "raw" or describe_contents(report).scales_input


def _scales_by_itself(network: keras.Model, report: FileReport) -> bool:
    if report.input_scaling != "batch_normalization":
        return shows_raw(report)
    # A network that begins with batch normalisation remembers the mean of what it was fed.
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            return float(keras.ops.max(keras.ops.abs(layer.moving_mean))) > 2.0
    return False


def _activation(network: keras.Model, index: int, answer: npt.NDArray[Any]) -> Activation:
    """From what the output does with noise; the last layer's word decides where noise cannot."""
    declared = _declared_activation(network.outputs[index])
    low, high = float(answer.min()), float(answer.max())
    is_probability = low >= 0 and high <= 1.001
    if answer.shape[-1] > 1:
        sums_to_one = np.allclose(answer.sum(-1, dtype=np.float64), 1, atol=5e-3)
        if is_probability and sums_to_one and declared != "sigmoid":
            return Activation.SOFTMAX
    if declared in ("sigmoid", "hard_sigmoid", OUR_ACTIVATION):
        return Activation.SIGMOID
    if declared is None and is_probability:
        return Activation.SIGMOID
    return Activation.LOGITS


def _declared_activation(output: Any) -> str | None:
    """Name of the activation that made an output tensor, or None when no layer tells."""
    tensor = output
    for _ in itertools.repeat(None, 50):
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        layer = history.operation
        kind = type(layer).__name__
        if kind in ("Softmax", "Sigmoid"):
            return kind.lower()
        if isinstance(layer, keras.Model):
            tensor = layer.outputs[history.tensor_index]
            continue
        activation = getattr(layer, "activation", None)
        if activation is not None:
            return str(getattr(activation, "__name__", None) or type(activation).__name__.lower())
        if kind not in _PASSES_ON:
            return None
        tensor = layer._inbound_nodes[history.node_index].input_tensors[0]
    return None
