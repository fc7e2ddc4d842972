"""What more than one writer needs and is not a plain network: losses, custom and Lambda layers."""

import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))


def compile_with_own_loss(k):
    """Return a function that compiles with a loss and a metric of its own and trains one step."""
    import numpy as np

    def dice_loss(y_true, y_pred):
        return 1.0 - k.backend.mean(y_true * y_pred)

    def my_iou(y_true, y_pred):
        return k.backend.mean(y_true * y_pred)

    def prepare(model):
        model.compile(k.optimizers.Adam(0.001), loss=dice_loss, metrics=[my_iou, "accuracy"])
        shapes = [(2,) + tuple(size or 16 for size in part[1:]) for part in model_shapes(model)]
        generator = np.random.RandomState(3)
        x, y = (generator.uniform(size=shape).astype("float32") for shape in shapes)
        model.train_on_batch(x, y)

    return prepare


def model_shapes(model):
    """Return the shapes of input and output of a network with one of each."""
    return tuple(model.input_shape), tuple(model.output_shape)


def copy_beside(path, source):
    """Put the user's own Python file beside the model; return its name."""
    shutil.copyfile(os.path.join(HERE, "user_code", source), path)
    return os.path.basename(path)
