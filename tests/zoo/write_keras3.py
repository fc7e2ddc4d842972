"""Write the zoo's files of Keras 3: `python tests/zoo/write_keras3.py OUT_DIR`."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import extras
import keras
import networks
from menu import write, write_all
from shelf import Shelf

CURRENT = (3, 15)
LAMBDAS = ("scaled", "centred", "resized", "sliced", "shuffled")
CURRENT_ZIPS = (
    "shared_encoder",
    "sequential_inside",
    "transformer",
    "norms",
    "aspp",
    "deep_supervision",
    "preprocessing_layers",
    "new_activations",
    "grouped",
    "mobile",
    "squeeze_excite",
    "valid_padding",
    "flattened",
    "permuted",
    "unet_bilinear",
)


def build_mixed(k):
    """Built under mixed_float16, float32 at the end."""
    k.mixed_precision.set_global_policy("mixed_float16")
    try:
        return networks.mixed(k)
    finally:
        k.mixed_precision.set_global_policy("float32")


def build_ops(k):
    """Operators and keras.ops in the graph: division, slicing, resize, mean, softmax."""
    ops, layers = k.ops, k.layers
    image = k.Input((16, 16, 3))
    x = image / 255.0
    x = (x - 0.45) / 0.25
    x = x[:, :, :, ::-1]
    first = ops.relu(layers.Conv2D(4, 3, padding="same")(x))
    low = layers.Conv2D(4, 3, padding="same")(ops.max_pool(first, 2, 2))
    low = ops.image.resize(ops.leaky_relu(low, negative_slope=0.3), (16, 16))
    gate = ops.sigmoid(ops.mean(low, axis=(1, 2), keepdims=True))
    x = ops.concatenate([ops.multiply(first, gate), 1.0 - low], axis=-1)
    x = ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, 16, 16, 8))
    return k.Model(image, ops.softmax(layers.Conv2D(3, 1)(x), axis=-1))


def write_other(shelf):
    """Lambda and custom layers, weights without a network, channels_first, ops in the graph."""
    write(shelf, keras, "ops", ".keras", "tf_operators", build=build_ops)
    extras.load_lambdas().write_lambdas(shelf, keras, LAMBDAS, ".keras")
    extras.write_custom_layers(shelf, keras, ending=".keras", source="keras3_layers.py")
    extras.write_weights_only(shelf, keras, ".weights.h5", ("nested_encoder",))
    extras.write_channels_first(shelf, keras, ".keras")


def main():
    """Write what this Keras version is to write."""
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    tag = "keras{}{}".format(*version)
    shelf = Shelf(sys.argv[1], tag, f"Keras {keras.__version__}", keras.__version__)
    write_all(shelf, keras, ".keras", ("unet_transpose", "nested_encoder", "activations"))
    if version < CURRENT:
        write_all(shelf, keras, ".keras", ("attention_gate", "transformer", "unet_bilinear"))
    write(shelf, keras, "mixed", ".keras", build=build_mixed)
    if version >= CURRENT:
        write_all(shelf, keras, ".keras", CURRENT_ZIPS)
        write_all(shelf, keras, ".h5", ("sequential",))
        write_other(shelf)


if __name__ == "__main__":
    main()
