"""What a file does not tell about how it was calculated, and what is taken for true then. No Keras.

Such a choice changes numbers, so it is always told.
"""

from __future__ import annotations

from model.foreign.graph import LayerSpec, NetworkSpec
from model.foreign.writer import Writer


def assumptions_about(network: NetworkSpec, writer: Writer) -> tuple[str, ...]:
    """Sentences for the user, each once.

    Args:
        network: as read.
        writer: of the file.
    """
    found = (_about(layer, writer) for layer in network.walk())
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))


def _about(layer: LayerSpec, writer: Writer) -> str:
    if layer.class_name == "Interp" and not layer.package:
        return _about_interp(writer)
    if layer.class_name == "UpSampling2D" and "interpolation" not in layer.config:
        return _about_enlarging(writer)
    return ""


def _about_interp(writer: Writer) -> str:
    """The layer takes ``tf.image.resize``, or what older versions of TensorFlow had instead."""
    if writer.resize_of_tensorflow == "unknown":
        return (
            "The file does not say whether TensorFlow 1 or 2 wrote it, and its Interp layers "
            "resize differently in them; TensorFlow 2 was assumed. If the masks are shifted, save "
            "it again with the Keras that wrote it, as a trained model with its optimizer."
        )
    if writer.resize_of_tensorflow == "new":
        return ""
    if writer.has_image_resize:
        return (
            "Its Interp layers were taken to resize as tf.image.resize of TensorFlow 1.13 to 1.15 "
            "does; older ones aligned corners, and the file does not say which it was."
        )
    return (
        "Its Interp layers were taken to resize with aligned corners, as they did before "
        "TensorFlow 1.13; the file does not say which it was."
    )


def _about_enlarging(writer: Writer) -> str:
    """TensorFlow 1.13 and 1.14 forgot how UpSampling2D enlarges when they saved it."""
    if not writer.keras_version.startswith("2.2.4-tf"):
        return ""
    return (
        "TensorFlow 1.13 and 1.14 do not save how UpSampling2D layers enlarge; repeating pixels "
        "was assumed, which is wrong if interpolation='bilinear' was chosen."
    )
