"""Write the zoo's files of Keras 3: `python tests/zoo/write_keras3.py OUT_DIR`."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import networks
from menu import write, write_all
from shelf import Shelf

CURRENT = (3, 15)
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
)


def build_mixed(k):
    """Built under mixed_float16, float32 at the end."""
    k.mixed_precision.set_global_policy("mixed_float16")
    try:
        return networks.mixed(k)
    finally:
        k.mixed_precision.set_global_policy("float32")


def main():
    """Write what this Keras version is to write."""
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    tag = "keras{}{}".format(*version)
    shelf = Shelf(sys.argv[1], tag, f"Keras {keras.__version__}", keras.__version__)
    write_all(shelf, keras, ".keras", ("unet_transpose", "nested_encoder", "activations"))
    write_all(shelf, keras, ".h5", ("unet_bilinear",))
    write(shelf, keras, "mixed", ".keras", build=build_mixed)
    if version >= CURRENT:
        write_all(shelf, keras, ".keras", CURRENT_ZIPS)
        write_all(shelf, keras, ".h5", ("mobile", "squeeze_excite", "permuted", "sequential"))


if __name__ == "__main__":
    main()
