"""Working out what an opened network is: input, outputs, classes, activation, sizes. Imports Keras.

A file does not say which sizes a network takes or what its output means, so it is tried on noise.
Networks that are no segmentation networks are refused with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.engine.protocol import Activation, ModelInfo, ModelSettings
from model.errors import ModelFileError
from model.file_report import FileReport
from model.fitting_settings import check_settings
from model.foreign.contents import describe_contents
from model.input_kinds import WITH_OPACITY
from model.outputs import (
    choose_output,
    guess_settings,
    num_classes_of,
    output_infos,
    output_names,
    refuse_nan,
    shows_raw,
)
from model.remembered_test import RememberedTest
from model.side_files import find_side_file, following
from model.taken_images import WANTED, refuse_broken_weights, taken_shape
from model.trials import OutputGrid, compare, find_working_size, output_grid, remember_answer
from model.whole_output import border_of
from model.words import shape_words

_ENDINGS = {"keras": (".keras",), "hdf5": (".h5", ".hdf5")}
"""What a file is called that holds this; a SavedModel is a folder of any name."""


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
    input_shape = taken_shape(network, name)
    refuse_broken_weights(network, name)
    noise_scale = 255.0 if shows_raw(report) else 1.0
    trial = find_working_size(network, input_shape, name, noise_scale)
    index = choose_output(network, trial, name) if settings is None else settings.output_index
    if not 0 <= index < len(network.outputs):
        raise ModelFileError(f"{name} has no output {index}; it has {len(network.outputs)}.")
    grid = output_grid(trial.shapes[index], trial.size)
    if grid is None:
        raise ModelFileError(
            f"Output {index} of {name} has shape {shape_words(network.outputs[index].shape)}; "
            f"{WANTED}."
        )
    answer = trial.answers[index]
    refuse_nan(answer, name)
    num_classes = num_classes_of(grid.channels, name)
    is_fixed = None not in input_shape[:2]
    now = remember_answer(network, trial.source, answer, index)
    change, problem = compare(network, name, before=test, now=now)
    guess = guess_settings(
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
        outputs=output_infos(network),
        num_classes=num_classes,
        settings=settings or guess,
        settings_are_guessed=settings is None or are_guessed,
        notes=notes
        + tuple(s for s in (change, problem) if s)
        + _notes(report, network, grid, guess, answer),
        test=now,
        change=change,
        is_program=report.is_program,
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


def _notes(
    report: FileReport,
    network: keras.Model,
    grid: OutputGrid,
    settings: ModelSettings,
    answer: npt.NDArray[Any],
) -> tuple[str, ...]:
    notes = list(describe_contents(report).assumed)
    if network.inputs[0].shape[3] in WITH_OPACITY:
        notes.append(_about_opacity(network.inputs[0].shape[3]))
    border = border_of(network)
    if border is not None:
        notes.append(
            f"It has no padding, so its mask would lack {border[0] // 2} pixels at each edge; the "
            "image is continued there, mirrored."
        )
    expected = _ENDINGS.get(report.file_format)
    if expected is not None and report.path.suffix.lower() not in expected:
        inside = "HDF5" if report.file_format == "hdf5" else "a .keras archive"
        notes.append(f"The file holds {inside}, though its name does not say so.")
    if grid.stride != (1, 1):
        rows, columns = grid.stride
        notes.append(f"One output pixel covers {rows} x {columns} input pixels; it is smoothed up.")
    if len(network.outputs) > 1:
        chosen = output_names(network)[settings.output_index]
        notes.append(f"Of {len(network.outputs)} outputs, {chosen!r} was chosen.")
    if settings.activation is Activation.SIGMOID and grid.channels > 1:
        notes.append("The classes are scored one by one; each pixel takes the highest.")
    if report.training.from_logits is False and settings.activation is Activation.LOGITS:
        notes.append("It was trained as if its output were probabilities, but it gives any values.")
    if float(np.ptp(answer.reshape(-1, answer.shape[-1]), axis=0).max()) == 0.0:
        notes.append("It gives the same answer everywhere; it may never have been trained.")
    return tuple(notes)


def _about_opacity(channels: int) -> str:
    """What the last of two or four channels gets, which is not in any image here."""
    first, place = ("gray", "second") if channels == 2 else ("red, green and blue", "fourth")
    return (
        f"It takes {channels} channels: it gets {first}, and as the {place} one opacity, which is "
        "full everywhere, since images are read without transparency. If that channel was "
        "something else in its training (near infrared, depth), its masks are wrong here."
    )
