"""Write the byte code of many small functions, as this Python compiles them, into a JSON file.

Runs under every Python from 3.6 on, without any library: the functions are compiled and never
called. ``python lambda_codes.py ../data/lambda_codes.json`` adds one Python to the file.

`BODIES` says what each function calculates, in the words of `model.foreign.expressions.text_of`; an
empty text is a function that must not be recognised.
"""

# ruff: noqa: N812, PLW0108, PLC3002 - the bodies are as people write them

import base64
import json
import marshal
import sys

tf = K = os = resize = SCALE = None  # the bodies name them as a training script does


def _closures():
    mean, std, size, factor = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], [None, 12, 20, 8], 4

    def normalise(x):
        return (x - mean) / std

    def rounded(x, scale=255.0, shift=0.5):
        x = x / scale
        return (x - shift) * 2

    def caffe(x):
        import numpy as np

        means = np.array([103.939, 116.779, 123.68])
        return x[..., ::-1] - means

    def imported(x):
        from tensorflow.keras import backend as K

        return K.resize_images(x, factor, factor, "channels_last")

    def checked(x):
        assert factor == 4
        return x / 255

    def first_axis(x, start=1, stop=3, axis=3):
        if axis == 3:
            return x[:, :, :, start:stop]
        elif axis == 1:  # noqa: RET505 - as libraries write it
            return x[:, start:stop, :, :]
        else:
            raise ValueError(f"{axis}")

    def second_axis(x, start=1, stop=3, axis=1):
        if axis == 3:
            return x[:, :, :, start:stop]
        elif axis == 1:  # noqa: RET505
            return x[:, start:stop, :, :]
        else:
            raise ValueError(f"{axis}")

    def compared(x):
        if x == 3:
            return x / 255
        return x

    def looped(x):
        for _ in range(3):
            x = x * 2
        return x

    def inner(x):
        return (lambda y: y / 2)(x)

    def chosen(x):
        return x / 255 if factor > 2 else x

    def stored(x):
        size[0] = 1
        return x

    def generated(x):
        yield x / 255

    return {
        "normalise": (normalise, "(x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]"),
        "steps": (rounded, "(x / 255.0 - 0.5) * 2"),
        "caffe": (caffe, "x[..., ::-1] - [103.939, 116.779, 123.68]"),
        "imported": (imported, "repeat(repeat(x, 4, 1), 4, 2)"),
        "sized": (
            lambda x: tf.image.resize(x, size[1:3], method="bilinear"),
            "resize(x, (12, 20), 'bilinear')",
        ),
        "multiplied": (lambda x: x * factor + factor / 8, "x * 4 + 0.5"),
        "checked": (checked, "x / 255"),
        "first_axis": (first_axis, "x[:, :, :, 1:3]"),
        "second_axis": (second_axis, "x[:, 1:3, :, :]"),
        "compared": (compared, ""),
        "looped": (looped, ""),
        "inner": (inner, ""),
        "chosen": (chosen, ""),
        "stored": (stored, ""),
        "generated": (generated, ""),
        "doubled_list": (lambda x: x - size * 2, ""),
    }


def _straight():
    return {
        "scaled": (lambda x: x / 255, "x / 255"),
        "centred": (lambda x: (x / 127.5) - 1, "x / 127.5 - 1"),
        "negated": (lambda x: -((1.0 - x) ** 2), "-(1.0 - x) ** 2"),
        "halved": (lambda x: x // 2 * 0.5, "x // 2 * 0.5"),
        "means": (
            lambda x: (x - (0.5, 0.4, 0.3)) / [0.2, 0.2, 0.1],
            "(x - (0.5, 0.4, 0.3)) / (0.2, 0.2, 0.1)",
        ),
        "sliced": (lambda t: t[..., :3], "x[..., :3]"),
        "cropped": (lambda t: t[:, 2:-2, 2:-2, 0:1], "x[:, 2:-2, 2:-2, 0:1]"),
        "turned": (lambda t: t[:, :, :, ::-1], "x[:, :, :, ::-1]"),
        "axis": (lambda t: t[:, None], "x[:, None]"),
        "rows": (lambda t: t[1:3], "x[1:3]"),
        "identity": (lambda x: x, "x"),
        "softmax": (lambda x: K.softmax(x), "softmax(x, -1)"),
        "softmax_axis": (lambda x: tf.nn.softmax(x, axis=3), "softmax(x, 3)"),
        "relu6": (lambda x: K.relu(x, max_value=6.0), "clip_by_value(x, 0.0, 6.0)"),
        "expanded": (lambda x: K.expand_dims(x, axis=-1), "expand_dims(x, -1)"),
        "mean": (
            lambda x: tf.reduce_mean(x, axis=[1, 2], keepdims=True),
            "reduce_mean(x, (1, 2), True)",
        ),
        "largest": (lambda x: K.max(x, axis=-1, keepdims=True), "reduce_max(x, -1, True)"),
        "joined": (lambda x: K.concatenate([x, x * 2.0, x], axis=3), "concat((x, x * 2.0, x), 3)"),
        "two": (lambda x: x[0] * x[1], "x[0] * x[1]"),
        "unpacked": (lambda x: tf.add(*x), ""),
        "like": (
            lambda x: tf.image.resize(x[0], tf.shape(x[1])[1:3]),
            "resize(x[0], (shape(x[1])[1:3][0], shape(x[1])[1:3][1]), 'bilinear')",
        ),
        "twice": (
            lambda x: tf.image.resize(x, (x.shape[1] * 2, K.int_shape(x)[2] * 2)),
            "resize(x, (shape(x)[1] * 2, shape(x)[2] * 2), 'bilinear')",
        ),
        "deeplab": (
            lambda x: tf.compat.v1.image.resize(x, (9, 7), method="bilinear", align_corners=True),
            "resize_images(x, (9, 7), 'bilinear', True)",
        ),
        "shuffled": (lambda x: tf.nn.depth_to_space(x, 2), "depth_to_space(x, 2)"),
        "flipped": (lambda x: tf.reverse(x, axis=[-1]), "reverse(x, (-1,))"),
        "cast": (lambda x: tf.cast(x, tf.float32) / 255.0, "cast(x, 'float32') / 255.0"),
        "moved": (lambda x: tf.transpose(x, [0, 3, 1, 2]), "transpose(x, (0, 3, 1, 2))"),
        "larger": (lambda x: K.cast(x > 0.5, "float32"), "cast(x > 0.5, 'float32')"),
        "means_of_family": (
            lambda x: tf.keras.applications.mobilenet_v2.preprocess_input(x),
            "x / 127.5 - 1.0",
        ),
        "padded": (
            lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT"),
            "pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), 'REFLECT', 0)",
        ),
        "swapped": (lambda x: tf.gather(x, [2, 1, 0], axis=-1), "gather(x, (2, 1, 0), -1)"),
        "system": (lambda x: os.system("true") or x, ""),
        "opened": (lambda x: open("marker", "w"), ""),
        "imports": (lambda x: __import__("os").getcwd(), ""),
        "global": (lambda x: x / SCALE, ""),
        "own": (lambda x: resize(x, (8, 8)), ""),
        "attribute": (lambda x: x.__class__.__base__, ""),
        "power": (lambda x: x * 10**10**3, ""),
        "constant": (lambda x: 3.0, ""),
    }


BODIES = {**_straight(), **_closures()}


def dumped(function):
    """Return what Keras stores of a function: [code, defaults, closure]."""
    code = base64.b64encode(marshal.dumps(function.__code__)).decode("ascii")
    closure = function.__closure__ and [cell.cell_contents for cell in function.__closure__]
    return [code, function.__defaults__ and list(function.__defaults__), closure]


def main():
    """Add this Python to the file."""
    path = sys.argv[1]
    try:
        with open(path) as file:
            written = json.load(file)
    except FileNotFoundError:
        written = {}
    version = "{}.{}".format(*sys.version_info)
    written[version] = {name: dumped(function) for name, (function, _) in sorted(BODIES.items())}
    with open(path, "w") as file:
        json.dump(written, file, indent=0, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
