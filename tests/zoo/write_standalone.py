"""Write the zoo's files of the stand-alone Keras 2: `write_standalone.py OUT_DIR`."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import extras
import keras
import tensorflow as tf
from menu import write_all
from shelf import Shelf

KERAS_2_2 = ("mobile", "nested_encoder", "unet_bilinear")
KERAS_2_3 = ("unet_bilinear", "sequential")


def main():
    """Write what this Keras version is to write."""
    version = tuple(int(part) for part in keras.__version__.split(".")[:3])
    writer = f"Keras {keras.__version__} with TensorFlow {tf.__version__}"
    shelf = Shelf(sys.argv[1], "keras{}{}{}".format(*version), writer, keras.__version__)
    if version < (2, 3):
        write_all(shelf, keras, ".h5", KERAS_2_2)
        extras.load_lambdas().write_lambdas(shelf, keras, ("centred", "resized"))
    else:
        write_all(shelf, keras, ".h5", KERAS_2_3)
        extras.load_lambdas().write_lambdas(shelf, keras, ("scaled", "arguments"))
        extras.write_channels_first(shelf, keras)


if __name__ == "__main__":
    main()
