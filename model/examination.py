"""Working out what an opened network is: input, outputs, classes, activation, sizes. Imports Keras.

A file does not say which sizes a network takes or what its output means, so it is tried on noise.
Networks that are no segmentation networks are refused with the reason.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model import backend
from model.data.label_sets import MAX_CLASSES, suggest_label_set
from model.engine.protocol import (
    Activation,
    Fit,
    ModelInfo,
    ModelSettings,
    OutputInfo,
    Scaling,
)
from model.errors import ModelFileError
from model.foreign.contents import describe_contents
from model.foreign.vocabulary import OUR_ACTIVATION
from model.inspection import FileReport
from model.remembered_test import (
    SEED,
    KnownInput,
    Libraries,
    RememberedTest,
    change_words,
    remember,
)
from model.side_files import find_side_file, following

Floats = npt.NDArray[np.float32]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
_TRIAL_SIDE = 64
_ENDINGS = {"keras": (".keras",), "hdf5": (".h5", ".hdf5")}
"""What a file is called that holds this; a SavedModel is a folder of any name."""
_WANTED = "a network that gives a class for each pixel of an image was expected"
_PASSES_ON = (
    "Reshape", "UpSampling2D", "Resizing", "Permute", "Cropping2D", "ZeroPadding2D", "Dropout",
)  # fmt: skip


@dataclass(frozen=True)
class OutputGrid:
    """How an output lies over the input.

    Attributes:
        stride: (rows, columns) of input pixels for one output pixel.
        is_flat: True when the output is (N, rows * columns, C).
        channels: C.
    """

    stride: tuple[int, int]
    is_flat: bool
    channels: int


def examine(
    network: keras.Model,
    report: FileReport,
    *,
    settings: ModelSettings | None = None,
    are_guessed: bool = True,
    notes: tuple[str, ...] = (),
    test: RememberedTest | None = None,
) -> ModelInfo:
    """Works out how to use a network.

    Args:
        network: from `model.opening.open_network`.
        report: of the same file.
        settings: to use instead of guessed ones. Guessed ones follow what another program wrote
            beside the model (`model.side_files`).
        are_guessed: what to report as ``settings_are_guessed`` when ``settings`` is given.
        notes: sentences to hand on in front of those found here.
        test: what this network answered before; it is asked again, and a change is told.

    Raises:
        ModelFileError: no segmentation network, not usable here, or ``settings`` do not fit it.
    """
    name = report.path.name
    input_shape = _input_shape(network, name)
    _refuse_broken_weights(network, name)
    noise_scale = 255.0 if _shows_raw(report) else 1.0
    trial = _find_working_size(network, input_shape, name, noise_scale)
    index = _choose_output(network, trial, name) if settings is None else settings.output_index
    if not 0 <= index < len(network.outputs):
        raise ModelFileError(f"{name} has no output {index}; it has {len(network.outputs)}.")
    grid = output_grid(trial.shapes[index], trial.size)
    if grid is None:
        raise ModelFileError(
            f"Output {index} of {name} has shape {_words(network.outputs[index].shape)}; {_WANTED}."
        )
    answer = trial.answers[index]
    _refuse_nan(answer, name)
    num_classes = _num_classes(grid.channels, name)
    is_fixed = None not in input_shape[:2]
    now = _remember(network, trial.source, answer, index)
    change, problem = _compare(network, name, before=test, now=now)
    guess = _guess_settings(
        network, report, output_index=index, answer=answer, num_classes=num_classes
    )
    info = ModelInfo(
        path=str(report.path),
        sha256=report.sha256,
        file_format=report.file_format,
        keras_version=report.keras_version,
        num_parameters=int(network.count_params()),
        input_shape=input_shape,
        size_multiple=1 if is_fixed else trial.multiple,
        outputs=_output_infos(network),
        num_classes=num_classes,
        settings=settings or guess,
        settings_are_guessed=settings is None or are_guessed,
        notes=notes
        + tuple(s for s in (change, problem) if s)
        + _notes(report, network, grid, guess, answer),
        test=now,
        change=change,
    )
    check_settings(info, info.settings)
    return info if settings is not None else _with_side_file(info, report)


def _with_side_file(info: ModelInfo, report: FileReport) -> ModelInfo:
    """Guesses give way to what another program wrote beside the model, as far as it fits."""
    side = find_side_file(report.path, sha256=report.sha256)
    if side is None:
        return info
    told = following(info, side)
    try:
        check_settings(told, told.settings)
    except ModelFileError as error:
        note = f"{side.path.name} is not followed: {error.message}"
        return replace(info, notes=(*info.notes, note))
    return told


def check_settings(info: ModelInfo, settings: ModelSettings) -> None:
    """Refuses settings that do not fit a network.

    Raises:
        ModelFileError: wrong number of classes, or an input size the network cannot take.
    """
    from pathlib import Path

    name = Path(info.path).name
    if len(settings.class_names) != info.num_classes or len(settings.class_colors) != len(
        settings.class_names
    ):
        raise ModelFileError(
            f"The settings name {len(settings.class_names)} classes with "
            f"{len(settings.class_colors)} colours, but {name} distinguishes {info.num_classes}.",
            remedy="Choose a label set of that many classes.",
        )
    excluded = set(settings.excluded_classes)
    if not excluded <= set(range(info.num_classes)) or len(excluded) == info.num_classes:
        raise ModelFileError(
            f"The settings exclude the classes {sorted(excluded)} of the {info.num_classes} that "
            f"{name} distinguishes.",
            remedy="Exclude only classes that exist, and leave at least one.",
        )
    fixed = info.input_shape[:2]
    if settings.fit is Fit.WHOLE:
        if fixed != (None, None):
            raise ModelFileError(
                f"{name} takes images of {_size_words(fixed)} only, not whole images of any size.",
                remedy="Choose resizing or tiles.",
            )
        return
    if settings.input_size is None:
        raise ModelFileError(f"Resizing and tiles need an input size for {name}.")
    for side, want in zip(settings.input_size, fixed, strict=True):
        if want not in (None, side) or (want is None and side % info.size_multiple):
            raise ModelFileError(
                f"The settings give the input size {_size_words(settings.input_size)}, but {name} "
                f"takes {_size_words(fixed)} in multiples of {info.size_multiple} pixels.",
                remedy="Change the input size.",
            )


def answer_to_keep(network: keras.Model, settings: ModelSettings) -> RememberedTest | None:
    """What a network answers to a known input, to be kept beside its file with its settings.

    Returns:
        The answer, or None when it holds values that are not numbers.

    Raises:
        ModelFileError: the network takes no images.
    """
    name, index = str(network.name), settings.output_index
    noise_scale = 255.0 if settings.scaling is Scaling.RAW else 1.0
    trial = _find_working_size(network, _input_shape(network, name), name, noise_scale)
    answer = trial.answers[index]
    return _remember(network, trial.source, answer, index) if np.isfinite(answer).all() else None


def output_grid(shape: tuple[int, ...], size: tuple[int, int]) -> OutputGrid | None:
    """How an answer of ``shape`` lies over an input of ``size``; None when it does not."""
    if len(shape) == 4:
        rows, columns = shape[1:3]
        if not rows or not columns or size[0] % rows or size[1] % columns:
            return None
        return OutputGrid((size[0] // rows, size[1] // columns), False, shape[3])
    if len(shape) == 3:
        for stride in (1, 2, 4, 8):
            if size[0] % stride == size[1] % stride == 0:
                rows, columns = size[0] // stride, size[1] // stride
                if rows * columns == shape[1]:
                    return OutputGrid((stride, stride), True, shape[2])
    return None


def run_eagerly(network: keras.Model, inputs: Floats) -> list[npt.NDArray[Any]]:
    """Every output of the network for one batch, in the order of ``network.outputs``."""
    answers = keras.tree.flatten(network(keras.ops.convert_to_tensor(inputs), training=False))
    return [np.asarray(keras.ops.convert_to_numpy(answer)) for answer in answers]


# --- input ---


def _input_shape(network: keras.Model, name: str) -> tuple[int | None, int | None, int]:
    try:
        inputs = network.inputs
    except (AttributeError, ValueError):
        inputs = None
    if not inputs:
        raise ModelFileError(
            f"{name} does not say what its input is (a subclassed model); {_WANTED}.",
            remedy="Build it as a functional model with keras.Input, and save it again.",
        )
    if len(inputs) > 1:
        raise ModelFileError(f"{name} has {len(inputs)} inputs; one image was expected.")
    shape = tuple(inputs[0].shape)
    if len(shape) != 4:
        raise ModelFileError(
            f"{name} takes input of shape {_words(shape)}; "
            "a batch of images (N, height, width, channels) was expected."
        )
    if _is_channels_first(network, shape):
        raise ModelFileError(
            f"{name} wants the colour channels first, {_words(shape)}; channels last was expected.",
            remedy="Save it with data_format='channels_last'.",
        )
    if shape[3] not in (1, 3):
        channels = "a free number of" if shape[3] is None else shape[3]
        raise ModelFileError(
            f"{name} takes images with {channels} channels, {_words(shape)}; "
            "1 (gray) or 3 (colour) were expected."
        )
    return shape[1], shape[2], shape[3]


def _is_channels_first(network: keras.Model, shape: tuple[int | None, ...]) -> bool:
    layers = network._flatten_layers()
    if any(getattr(layer, "data_format", "") == "channels_first" for layer in layers):
        return True
    return shape[3] not in (1, 3) and shape[1] in (1, 3)


def _refuse_broken_weights(network: keras.Model, name: str) -> None:
    for variable in network.weights:
        if "float" not in str(variable.dtype):
            continue
        if not bool(keras.ops.all(keras.ops.isfinite(variable))):
            raise ModelFileError(
                f"{name} has weights that are not numbers, in {variable.path}; "
                "its training must have diverged.",
                remedy="Use an earlier version of the model.",
            )


# --- trying it out ---


@dataclass(frozen=True)
class _Trial:
    """A size at which the network worked: its multiple, and every output for (1, H, W, C) noise."""

    multiple: int
    source: KnownInput
    answers: tuple[npt.NDArray[Any], ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.source.size

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(answer.shape for answer in self.answers)


def _find_working_size(
    network: keras.Model,
    input_shape: tuple[int | None, int | None, int],
    name: str,
    noise_scale: float,
) -> _Trial:
    """Tries ever coarser sizes until one works and gives an output that lies over the input."""
    failure: Exception | None = None
    last: _Trial | None = None
    is_fixed = None not in input_shape[:2]
    for multiple in (1,) if is_fixed else _MULTIPLES:
        size = _trial_size(multiple, input_shape)
        source = KnownInput(SEED, size, input_shape[2], noise_scale)
        try:
            answers = run_eagerly(network, source.make())
        except Exception as error:  # noqa: BLE001 - each backend has its own error for wrong sizes
            failure = error
            continue
        last = _Trial(multiple, source, tuple(answers))
        if any(output_grid(shape, size) for shape in last.shapes):
            return last
    if last is not None:
        return last  # works, but no output lies over the input: the caller says what it gives
    reason = str(failure).strip().splitlines()[0] if failure else "unknown"
    raise ModelFileError(
        f"{name} fails on images of every size that was tried: {reason:.200}.",
        remedy="Check that it predicts in Keras.",
    ) from failure


def _trial_size(multiple: int, input_shape: tuple[int | None, int | None, int]) -> tuple[int, int]:
    """Two different odd multiples, so that nothing that wants a coarser multiple passes by luck."""
    factor = max(1, _TRIAL_SIDE // multiple) | 1
    free = (multiple * factor, multiple * (factor + 2))
    return input_shape[0] or free[0], input_shape[1] or free[1]


# --- does it still calculate the same? ---


def _remember(
    network: keras.Model, source: KnownInput, answer: npt.NDArray[Any], index: int
) -> RememberedTest:
    kinds = {str(getattr(layer, "compute_dtype", "")) for layer in network._flatten_layers()}
    is_half = any("float16" in kind for kind in kinds)  # bfloat16 as well
    device = backend.device_info()
    libraries = Libraries(keras.version(), device.backend, device.kind)
    return remember(
        source, answer, output_index=index, precision="float16" if is_half else "float32",
        libraries=libraries,
    )  # fmt: skip


def _compare(
    network: keras.Model, name: str, *, before: RememberedTest | None, now: RememberedTest
) -> tuple[str, str]:
    """What changed, and why that could not be found out; both empty when all is well.

    The trial that is made anyhow is the answer, unless the test was made with another input.
    """
    if before is None:
        return "", ""
    if (before.input, before.output_index) != (now.input, now.output_index):
        try:
            answer = run_eagerly(network, before.input.make())[before.output_index]
            now = _remember(network, before.input, answer, before.output_index)
        except Exception as error:  # noqa: BLE001 - each backend has its own error for wrong sizes
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return "", f"The test in its settings could not be made: {reason:.200}."
    return change_words(name, before, now), ""


# --- output ---


def _choose_output(network: keras.Model, trial: _Trial, name: str) -> int:
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
    names = _output_names(network)
    named = [i for i in best if any(word in names[i].lower() for word in ("final", "main"))]
    return named[-1] if named else best[-1]


def _no_segmentation(network: keras.Model, trial: _Trial, name: str) -> ModelFileError:
    shapes = ", ".join(_words(output.shape) for output in network.outputs)
    if all(len(shape) == 2 for shape in trial.shapes):
        return ModelFileError(
            f"{name} is a classifier: it gives one answer per image, {shapes}; {_WANTED}."
        )
    if all(len(shape) == 4 for shape in trial.shapes):
        got = ", ".join(_size_words(shape[1:3]) for shape in trial.shapes)
        return ModelFileError(
            f"{name} turns {_size_words(trial.size)} pixels into {got}; "
            "the same size or a whole fraction of it was expected.",
            remedy="Use padding='same' in its convolutions.",
        )
    return ModelFileError(f"{name} gives output of shape {shapes}; {_WANTED}.")


def _refuse_nan(answer: npt.NDArray[Any], name: str) -> None:
    if not np.isfinite(answer).all():
        raise ModelFileError(
            f"{name} answers with values that are not numbers (NaN or infinity).",
            remedy="Its training must have diverged; use an earlier version of the model.",
        )


def _num_classes(channels: int, name: str) -> int:
    if not 1 <= channels <= MAX_CLASSES:
        raise ModelFileError(
            f"{name} gives {channels} values per pixel; 1 to {MAX_CLASSES} classes were expected."
        )
    return 2 if channels == 1 else channels


def _output_names(network: keras.Model) -> list[str]:
    names = list(getattr(network, "output_names", []))
    count = len(network.outputs)
    return names if len(names) == count else [f"output {i}" for i in range(count)]


def _output_infos(network: keras.Model) -> tuple[OutputInfo, ...]:
    names = _output_names(network)
    return tuple(
        OutputInfo(name, tuple(output.shape))
        for name, output in zip(names, network.outputs, strict=True)
    )


# --- settings ---


def _guess_settings(
    network: keras.Model,
    report: FileReport,
    *,
    output_index: int,
    answer: npt.NDArray[Any],
    num_classes: int,
) -> ModelSettings:
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


def _shows_raw(report: FileReport) -> bool:
    """Whether what lies right behind the input expects pixels of 0 to 255."""
    return report.input_scaling == "raw" or describe_contents(report).scales_input


def _scales_by_itself(network: keras.Model, report: FileReport) -> bool:
    if report.input_scaling != "batch_normalization":
        return _shows_raw(report)
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


def _notes(
    report: FileReport,
    network: keras.Model,
    grid: OutputGrid,
    settings: ModelSettings,
    answer: npt.NDArray[Any],
) -> tuple[str, ...]:
    notes = list(describe_contents(report).assumed)
    expected = _ENDINGS.get(report.file_format)
    if expected is not None and report.path.suffix.lower() not in expected:
        inside = "HDF5" if report.file_format == "hdf5" else "a .keras archive"
        notes.append(f"The file holds {inside}, though its name does not say so.")
    if grid.stride != (1, 1):
        rows, columns = grid.stride
        notes.append(f"One output pixel covers {rows} x {columns} input pixels; it is smoothed up.")
    if len(network.outputs) > 1:
        chosen = _output_names(network)[settings.output_index]
        notes.append(f"Of {len(network.outputs)} outputs, {chosen!r} was chosen.")
    if settings.activation is Activation.SIGMOID and grid.channels > 1:
        notes.append("The classes are scored one by one; each pixel takes the highest.")
    if report.training.from_logits is False and settings.activation is Activation.LOGITS:
        notes.append("It was trained as if its output were probabilities, but it gives any values.")
    if float(np.ptp(answer.reshape(-1, answer.shape[-1]), axis=0).max()) == 0.0:
        notes.append("It gives the same answer everywhere; it may never have been trained.")
    return tuple(notes)


def with_settings(info: ModelInfo, settings: ModelSettings) -> ModelInfo:
    """The same network used in another way.

    Raises:
        ModelFileError: the settings do not fit the network.
    """
    check_settings(info, settings)
    return replace(info, settings=settings, settings_are_guessed=False)


def _words(shape: Any) -> str:
    return "(" + ", ".join("free" if side is None else str(side) for side in shape) + ")"


def _size_words(size: Any) -> str:
    return " x ".join("free" if side is None else str(side) for side in size)
