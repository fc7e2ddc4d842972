"""SavedModels that hold a program and no layers: run as they are, after consent. Imports Keras.

What `tf.saved_model.save` and Keras 3's `model.export` write is a graph of operations, which may
read and write files. It is nothing that could be rebuilt from listed parts, and so the only
foreign code beside Python files that this program ever runs: `model.opening` asks for the consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from model.errors import ModelFileError
from model.foreign.parser_errors import reason_of

_PREFERRED = ("serving_default", "serve")
_IMAGE_TYPES = frozenset({"float16", "bfloat16", "float32", "float64", "uint8", "int32"})
_REMEDY = "Open the .keras or .h5 file that it was exported from."


def open_program(folder: Path) -> keras.Model:
    """Loads the program of a SavedModel folder, which runs it.

    Args:
        folder: of the SavedModel; call this with the user's consent only.

    Returns:
        A Keras model of one layer, without weights that could be trained.

    Raises:
        ModelFileError: it cannot be loaded, or does not make numbers from one image.
    """
    name = folder.name
    if keras.backend.backend() != "tensorflow":
        raise ModelFileError(
            f"{name} is a program for TensorFlow; Keras runs with {keras.backend.backend()} here.",
            remedy="Set KERAS_BACKEND=tensorflow.",
        )
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:
        raise ModelFileError(
            f"{name} holds a program that TensorFlow {tf.__version__} cannot load: "
            f"{reason_of(error)}.",
            remedy=_REMEDY,
        ) from error
    function = _function_of(dict(loaded.signatures), name)
    image_name, image = _image_of(function, name)
    answers = _answers_of(function, name)
    inputs = keras.Input(tuple(image.shape)[1:], name="image")
    layer = Program(loaded, function, image_name, answers)
    try:
        return keras.Model(inputs, layer(inputs), name="program")
    except Exception as error:
        raise ModelFileError(
            f"{name} holds a program that does not run: {reason_of(error)}.", remedy=_REMEDY
        ) from error


class Program(keras.layers.Layer):
    """Calls a function of a loaded SavedModel; has no weights that Keras knows."""

    def __init__(
        self, loaded: Any, function: Any, image_name: str, answers: tuple[str, ...]
    ) -> None:
        super().__init__(trainable=False, dtype="float32", name="program_layer")
        self._loaded = loaded  # holds the variables that the function reads
        self._function = function
        self._image_name, self._answers = image_name, answers

    def call(self, inputs: Any) -> Any:
        """Images (N, H, W, channels) float32 to all its answers, float32."""
        import tensorflow as tf

        spec = self._function.structured_input_signature[1][self._image_name]
        images = tf.cast(inputs, spec.dtype)
        if spec.shape[0] == 1:
            each = tf.map_fn(
                lambda image: self._answered(image[tf.newaxis]), images,
                fn_output_signature=[tf.float32] * len(self._answers),
            )  # fmt: skip
            answers = [tf.squeeze(answer, 1) for answer in each]
        else:
            answers = self._answered(images)
        return answers if len(answers) > 1 else answers[0]

    def _answered(self, images: Any) -> list[Any]:
        import tensorflow as tf

        answers = self._function(**{self._image_name: images})
        return [tf.cast(answers[name], tf.float32) for name in self._answers]


def _function_of(functions: Mapping[str, Any], name: str) -> Any:
    for wanted in (*_PREFERRED, *sorted(functions)):
        if wanted in functions:
            return functions[wanted]
    raise ModelFileError(
        f"{name} holds a program without a signature, so that nothing says how to call it.",
        remedy=_REMEDY,
    )


def _image_of(function: Any, name: str) -> tuple[str, Any]:
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise ModelFileError(
            f"{name} holds a program that takes {len(inputs)} inputs; one image was expected.",
            remedy=_REMEDY,
        )
    ((image_name, spec),) = inputs.items()
    rank, kind = spec.shape.rank, spec.dtype.name
    if rank != 4 or kind not in _IMAGE_TYPES or spec.shape[0] not in (None, 1):
        raise ModelFileError(
            f"{name} holds a program that takes {kind} of shape {spec.shape}; images of shape "
            "(batch, height, width, channels) were expected.",
            remedy=_REMEDY,
        )
    return image_name, spec


def _answers_of(function: Any, name: str) -> tuple[str, ...]:
    outputs = function.structured_outputs
    answers = tuple(key for key, spec in outputs.items() if spec.dtype.is_floating)
    if not answers:
        kinds = ", ".join(sorted({spec.dtype.name for spec in outputs.values()})) or "nothing"
        raise ModelFileError(
            f"{name} holds a program that answers with {kinds}; a probability or score for each "
            "class was expected.",
            remedy=_REMEDY,
        )
    return answers
