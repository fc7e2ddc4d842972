"""Lambda layers with the bodies that people write; their byte code is that of the writing Python.

`tf` and `K` are globals as in a training script. Runs under Python 3.6.
"""

import tensorflow as tf
from menu import write

K = None  # the writer's keras.backend, set before building
CROP = 16
SCALE = 255.0

BODIES = {  # name: (range of x, body in words, channels)
    "scaled": ((0, 255), "x / 255", 3),
    "centred": ((0, 255), "x / 127.5 - 1", 3),
    "resized": ((0, 1), "tf.image.resize (resize_images in TF 1) of the half-size features", 3),
    "expanded": ((0, 1), "K.expand_dims and K.squeeze", 3),
    "shuffled": ((0, 1), "tf.nn.depth_to_space / tf.depth_to_space", 3),
    "sliced": ((0, 1), "x[..., :3] and x[:, :, :, ::-1]", 4),
    "arguments": ((0, 1), "a def with a default, a closure, a global and arguments={...}", 3),
}


def grow_with_arguments(make):
    """Return a Lambda made from a def: default, closure, global and arguments."""
    sides = (2, 2)

    def grow(t, factor=1, gain=1.0):
        assert CROP == 16
        return K.resize_images(t, sides[0] * factor, sides[1], "channels_last") * gain

    return make(grow, arguments={"gain": 0.5})


def start(layers, kind, x):
    """Apply what stands right after the input."""
    if kind == "scaled":
        return layers.Lambda(lambda x: x / 255)(x)
    if kind == "centred":
        return layers.Lambda(lambda x: x / 127.5 - 1, name="norm")(x)
    if kind == "sliced":
        x = layers.Lambda(lambda t: t[..., :3])(x)
        return layers.Lambda(lambda t: t[:, :, :, ::-1])(x)
    return x


def middle(layers, kind, x):
    """Apply what stands between the convolutions."""
    is_old = tf.__version__.startswith("1")
    if kind in ("resized", "arguments"):
        x = layers.AveragePooling2D(2)(x)
    if kind == "shuffled":
        x = layers.Conv2D(16, 3, strides=2, padding="same")(x)
    if kind == "expanded":
        x = layers.Lambda(lambda t: K.expand_dims(t, axis=-1))(x)
        x = layers.Lambda(lambda t: K.squeeze(t, axis=-1))(x)
    elif kind == "resized" and is_old:
        x = layers.Lambda(lambda t: tf.image.resize_images(t, (16, 16)))(x)
    elif kind == "resized":
        x = layers.Lambda(lambda t: tf.image.resize(t, (16, 16)), name="resize")(x)
    elif kind == "shuffled" and is_old:
        x = layers.Lambda(lambda t: tf.depth_to_space(t, 2))(x)
    elif kind == "shuffled":
        x = layers.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(x)
    elif kind == "arguments":
        x = grow_with_arguments(layers.Lambda)(x)
    return x


def builder(kind):
    """Return a function that builds the network with Lambda layers of this kind."""

    def build(k):
        """Lambda layers around two convolutions."""
        global K  # noqa: PLW0603, the bodies name it as a training script does
        K = k.backend
        layers = k.layers
        image = k.Input((CROP, CROP, BODIES[kind][2]))
        x = layers.Conv2D(4, 3, padding="same", activation="relu")(start(layers, kind, image))
        x = layers.Conv2D(4, 3, padding="same", activation="relu")(middle(layers, kind, x))
        return k.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))

    return build


def write_lambdas(shelf, k, kinds=tuple(BODIES), ending=".h5"):
    """Write one network for each kind of Lambda body."""
    for kind in kinds:
        limits, body, channels = BODIES[kind]
        write(
            shelf,
            k,
            f"lambda_{kind}",
            ending,
            "aspp" if channels == 4 else "unet_transpose",
            f"Body: {body}.",
            build=builder(kind),
            expects="asks_code",
            range=list(limits),
            lambda_body=kind,
        )
