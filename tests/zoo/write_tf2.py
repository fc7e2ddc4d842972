"""Write the zoo's files of tf.keras (TensorFlow 1.13 to 2.15): `write_tf2.py OUT_DIR`.

With `--tf-keras` it writes with the package `tf_keras` instead (Keras 2 beside TensorFlow 2.16+).
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import extras
import networks
import tensorflow as tf
from menu import write, write_all
from shelf import Shelf

IS_TF_KERAS = "--tf-keras" in sys.argv
if IS_TF_KERAS:
    import tf_keras as k
else:
    k = tf.keras
VERSION = tuple(int(part) for part in tf.__version__.split(".")[:2])


def build_mixed(keras):
    """Built under mixed_float16, float32 at the end."""
    policies = keras.mixed_precision
    change = getattr(policies, "set_global_policy", None) or policies.experimental.set_policy
    change("mixed_float16")
    try:
        return networks.mixed(keras)
    finally:
        change("float32")


def write_tensorflow_1(shelf):
    """TF 1.13 to 1.15."""
    write_all(shelf, k, ".h5", ("unet_bilinear", "sequential"))
    extras.load_lambdas().write_lambdas(shelf, k, ("scaled", "expanded"))


def write_2_0_to_2_3(shelf):
    """TF 2.0 to 2.3: groups appear, swish appears, no TFOpLambda yet."""
    import networks_tf

    if tf.__version__ < "2.1":
        write(shelf, k, "tf_operators", ".h5", build=networks_tf.tf_operators)
        write(shelf, k, "tf_resize", ".h5", build=networks_tf.tf_resize)
        return
    write_all(shelf, k, ".h5", ("preprocessing_layers",))
    write(shelf, k, "mixed", ".h5", build=build_mixed)


def write_2_8(shelf):
    """TF 2.8: the ending .keras still means HDF5 when one asks for it."""
    import networks_tf

    write(shelf, k, "tf_operators", ".h5", build=networks_tf.tf_operators)
    write(
        shelf,
        k,
        "unet_nearest",
        ".keras",
        what="HDF5 inside a file named .keras.",
        save=lambda model, path: model.save(path, save_format="h5"),
    )
    write(shelf, k, "flattened", ".h5", prepare=extras.compile_with_own_loss(k))
    extras.write_custom_layers(shelf, k, only="unregistered", ending="")


def write_2_10(shelf):
    """TF 2.10: the last with a GPU on Windows, the most frequent of all."""
    import networks_tf

    write_all(
        shelf,
        k,
        ".h5",
        (
            "unet_transpose",
            "mobile",
            "nested_encoder",
            "shared_encoder",
            "deep_supervision",
            "transformer",
            "grouped",
            "new_activations",
        ),
    )
    write(shelf, k, "mixed", ".h5", build=build_mixed)
    write(shelf, k, "tf_resize", ".h5", build=networks_tf.tf_resize)
    write(shelf, k, "tf_more", ".h5", build=networks_tf.tf_more)
    extras.write_channels_first(shelf, k)
    extras.write_saved_models(shelf, k)
    extras.write_weights_only(shelf, k, names=("unet_nearest",))
    extras.write_custom_layers(shelf, k, only="unregistered")
    extras.write_marker(shelf, k)
    extras.load_lambdas().write_lambdas(shelf, k, ("centred", "resized", "shuffled", "arguments"))


def write_2_13(shelf):
    """TF 2.13: the first .keras zips of Keras 2, with skipping numbers."""
    import networks_tf

    write_all(shelf, k, ".keras", ("unet_transpose", "nested_encoder", "sequential"))
    write(shelf, k, "tf_operators", ".keras", build=networks_tf.tf_operators)


def write_2_15(shelf):
    """TF 2.15: the last Keras 2 inside TensorFlow."""
    import networks_tf

    write_all(shelf, k, ".keras", ("unet_transpose", "sequential_inside", "norms", "activations"))
    write_all(
        shelf, k, ".keras", ("squeeze_excite", "attention_gate", "mobile", "aspp", "valid_padding")
    )
    write(shelf, k, "tf_operators", ".keras", build=networks_tf.tf_operators)
    write(shelf, k, "mixed", ".keras", build=build_mixed)
    write(shelf, k, "flattened", ".keras", prepare=extras.compile_with_own_loss(k))
    extras.write_custom_layers(shelf, k, only="registered", ending=".keras")
    extras.write_marker(shelf, k)
    extras.load_lambdas().write_lambdas(shelf, k, ("scaled", "expanded", "sliced"), ".keras")


def write_tf_keras(shelf):
    """Package tf_keras."""
    import networks_tf

    write_all(shelf, k, ".keras", ("unet_transpose", "mobile"))
    write_all(shelf, k, ".h5", ("sequential",))
    write(shelf, k, "tf_more", ".keras", build=networks_tf.tf_more)


WRITERS = {
    (2, 0): write_2_0_to_2_3,
    (2, 3): write_2_0_to_2_3,
    (2, 8): write_2_8,
    (2, 10): write_2_10,
    (2, 13): write_2_13,
    (2, 15): write_2_15,
}


def keras_version():
    """Return the version of the Keras inside TensorFlow, which hides it from 2.11 on."""
    if hasattr(k, "__version__"):
        return k.__version__
    import keras

    return keras.__version__


def main():
    """Write what this TensorFlow version is to write."""
    if IS_TF_KERAS:
        writer = f"tf_keras {k.__version__} with TensorFlow {tf.__version__}"
        tag = "tfkeras{}{}".format(*k.__version__.split("."))
        write_tf_keras(Shelf(sys.argv[1], tag, writer, k.__version__))
        return
    tag = "tf{}{}".format(*VERSION)
    shelf = Shelf(sys.argv[1], tag, f"TensorFlow {tf.__version__}", keras_version())
    (write_tensorflow_1 if VERSION < (2,) else WRITERS[VERSION])(shelf)


if __name__ == "__main__":
    main()
