"""Write the hostile and the broken files: `python tests/zoo/write_hostile.py OUT_DIR`.

Runs with current Keras. Nothing here can do harm: code in a file appends a line to the file that
the environment variable SEGGUI_ZOO_MARKER names, and does nothing without it.
"""

import io
import json
import os
import pickle
import sys
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import extras
import h5py
import keras
import numpy as np
import shelf as shelves
from keras import layers

WIDTH = 4


class Hostile:
    """The folder of hostile files and its index.

    Attributes:
        root: Folder of the index; the files go into its folder `hostile`.
    """

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.folder = os.path.join(self.root, "hostile")
        os.makedirs(self.folder, exist_ok=True)

    def put(self, file, reason, what, expects="refused", **facts):
        """Add an index entry and return the path to write to."""
        entry = {"name": f"hostile_{file}", "file": f"hostile/{file}", "expects": expects}
        entry.update(reason=reason, what=what, writer=f"Keras {keras.__version__}, edited")
        shelves.write_entry(self.root, dict(entry, **facts))
        path = os.path.join(self.folder, file)
        if os.path.exists(path):
            os.remove(path)
        return path


def small_network(**names):
    """Return two equal convolutions and a softmax head."""
    keras.backend.clear_session()
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(WIDTH, 3, padding="same", activation="relu", name="conv10")(image)
    x = layers.Conv2D(WIDTH, 3, padding="same", activation="relu", name="conv2")(x)
    model = keras.Model(image, layers.Conv2D(2, 1, activation="softmax", name="head")(x), **names)
    shelves.randomise(model, 11, keras)
    return model


def save(model, path):
    """Save without a word and pack the zip."""
    model.save(path)
    shelves.deflate(path)


# ---- HDF5 files edited after writing -------------------------------------------------------------


def kernel_name(file):
    """Return the path of the kernel of conv2 inside an HDF5 file."""
    found = []
    file.visit(lambda name: found.append(name) if "conv2/" in name and "kernel" in name else None)
    return found[-1]


def edited_weights(path, change):
    """Write the small network, then let `change` edit its weights: called with file and kernel."""
    save(small_network(), path)
    if path.endswith(".h5"):
        with h5py.File(path, "r+") as file:
            change(file, kernel_name(file))
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    inner = io.BytesIO(members["model.weights.h5"])
    with h5py.File(inner, "r+") as file:
        change(file, "layers/conv2d_1/vars/0")
    write_zip(path, dict(members, **{"model.weights.h5": inner.getvalue()}))


def edited_config_h5(path, change):
    """Write the small network as HDF5 with an edited configuration; it is edited in place."""
    save(small_network(), path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config = change(config) or config
        file.attrs["model_config"] = json.dumps(config)


def links(hostile):
    """Write kernels that lie elsewhere; what they point to is there, so following would work."""
    secret = np.random.RandomState(1).normal(0, 0.2, (3, 3, WIDTH, WIDTH)).astype("<f4")
    with open(os.path.join(hostile.folder, "secret_numbers.bin"), "wb") as stream:
        stream.write(secret.tobytes())
    with h5py.File(os.path.join(hostile.folder, "secret_numbers.hdf5"), "w") as file:
        file["kernel"] = secret

    def external_link(file, name):
        del file[name]
        file[name] = h5py.ExternalLink("secret_numbers.hdf5", "/kernel")

    def soft_link(file, name):
        del file[name]
        file["elsewhere"] = secret
        file[name] = h5py.SoftLink("/elsewhere")

    def external_storage(file, name):
        del file[name]
        file.create_dataset(
            name, secret.shape, "<f4", external=[("secret_numbers.bin", 0, secret.nbytes)]
        )

    def virtual(file, name):
        del file[name]
        layout = h5py.VirtualLayout(secret.shape, "<f4")
        layout[...] = h5py.VirtualSource("secret_numbers.hdf5", "kernel", secret.shape)
        file.create_virtual_dataset(name, layout)

    def cycle(file, name):
        parent = file[os.path.dirname(name)]
        parent["again"] = file[os.path.dirname(os.path.dirname(name)) or "/"]

    for change, endings, what in (
        (external_link, (".h5", ".keras"), "The kernel is an HDF5 external link to another file."),
        (soft_link, (".keras",), "The kernel is an HDF5 soft link."),
        (external_storage, (".h5", ".keras"), "The kernel has its bytes in another file."),
        (virtual, (".keras",), "The kernel is a virtual data set over another file."),
    ):
        for ending in endings:
            path = hostile.put(change.__name__ + ending, "outside_data", what)
            edited_weights(path, change)
    what = "A group holds itself; nothing refers to it."
    edited_weights(hostile.put("group_cycle.h5", "broken_weights", what), cycle)


def wrong_weights(hostile):
    """Write weights that are absurd, not finite, missing or of another shape."""

    def absurd(file, name):
        del file[name]
        file.create_dataset(name, (10**6, 10**6), "<f4", chunks=(256, 256))

    def bomb(file, name):
        del file[name]
        zeros = np.zeros((2048, 2048, 4), "<f4")
        file.create_dataset(name, data=zeros, chunks=(2048, 2048, 4), compression=9)

    def not_finite(file, name):
        values = file[name][...]
        values[0, 0, 0, 0] = np.nan
        file[name][...] = values

    def infinite(file, name):
        file[name][...] = np.inf

    def missing(file, name):
        del file[name]

    def missing_layer(file, name):
        del file[os.path.dirname(os.path.dirname(name))]

    def wrong_shape(file, name):
        del file[name]
        file[name] = np.zeros((3, 3, WIDTH, WIDTH + 1), "f4")

    def transposed(file, name):
        values = file[name][...].reshape(9, WIDTH, WIDTH)
        del file[name]
        file[name] = values

    def text(file, name):
        del file[name]
        file[name] = np.full((3, 3, WIDTH, WIDTH), b"x")

    for change, ending, reason, what in (
        (absurd, ".h5", "absurd_size", "A kernel declares 10^12 numbers in a file of 20 KB."),
        (absurd, ".keras", "absurd_size", "A kernel declares 10^12 numbers in a file of 3 KB."),
        (bomb, ".keras", "wrong_shape", "A kernel of 64 MB of zeros, packed twice."),
        (not_finite, ".h5", "not_finite", "One NaN in a kernel."),
        (not_finite, ".keras", "not_finite", "One NaN in a kernel."),
        (infinite, ".keras", "not_finite", "A kernel of infinities."),
        (missing, ".keras", "missing_weights", "The kernel of conv2 is missing."),
        (missing_layer, ".h5", "missing_weights", "The weights of conv2 are missing."),
        (missing_layer, ".keras", "missing_weights", "The weights of conv2 are missing."),
        (wrong_shape, ".keras", "wrong_shape", "The kernel of conv2 has one filter too many."),
        (transposed, ".keras", "wrong_shape", "The kernel of conv2 has rank 3."),
        (text, ".keras", "wrong_type", "The kernel of conv2 is text."),
    ):
        edited_weights(hostile.put(change.__name__ + ending, reason, what), change)


# ---- configurations ------------------------------------------------------------------------------


def edited_keras(path, change):
    """Write the small network as .keras with an edited configuration; it is edited in place."""
    save(small_network(), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config = change(config) or config
    members["config.json"] = json.dumps(config).encode()
    write_zip(path, members)


def write_zip(path, members, method=zipfile.ZIP_DEFLATED):
    """Write a zip of name to bytes."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def layer_of(config, name):
    """Return the entry of one layer of a model configuration."""
    return next(part for part in config["config"]["layers"] if part["config"]["name"] == name)


def replace_class(config, name, class_name, source="keras.layers", **arguments):
    """Make the layer `name` one of another class, keeping its place in the graph."""
    layer = layer_of(config, name)
    layer.update(class_name=class_name, module=source, registered_name=None)
    layer["config"] = dict({"name": name, "trainable": True, "dtype": "float32"}, **arguments)


def named_function(name, module="builtins"):
    """Return the stored form of a function by name."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def as_lambda(function):
    """Return an edit that makes conv2 a Lambda with this stored function."""
    return lambda config: replace_class(config, "conv2", "Lambda", function=function)


def as_class(class_name, source="keras.layers", **arguments):
    """Return an edit that makes conv2 a layer of another class."""
    return lambda config: replace_class(config, "conv2", class_name, source, **arguments)


def as_argument(**arguments):
    """Return an edit that changes arguments of conv2."""
    return lambda config: layer_of(config, "conv2")["config"].update(arguments)


POPEN = {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}}
PICKLE_STRING = "gAJ9cQAu"  # an empty dict
FOREIGN_NAMES = {  # file: (reason, edit)
    "lambda_set_image_data_format": (
        "foreign_name",
        as_lambda(named_function("set_image_data_format", "keras.config")),
    ),
    "lambda_set_floatx": ("foreign_name", as_lambda("set_floatx")),
    "lambda_set_backend": (
        "foreign_name",
        as_lambda(named_function("set_backend", "keras.config")),
    ),
    "lambda_safe_mode_off": (
        "foreign_name",
        as_lambda(named_function("enable_unsafe_deserialization", "keras.config")),
    ),
    "lambda_get_file": ("foreign_name", as_lambda(named_function("get_file", "keras.utils"))),
    "lambda_foreign_function": ("foreign_name", as_lambda(named_function("getcwd", "os"))),
    "layer_foreign_class": ("foreign_name", as_class("Path", "pathlib")),
    "layer_foreign_function": ("foreign_name", as_class("getcwd", "os")),
    "layer_registered_name": (
        "foreign_name",
        lambda config: layer_of(config, "conv2").update(
            class_name="system", module="os", registered_name="os>system"
        ),
    ),
    "activation_foreign": (
        "foreign_name",
        as_argument(activation=named_function("system", "os")),
    ),
    "initializer_foreign": (
        "foreign_name",
        as_argument(kernel_initializer=dict(POPEN, registered_name=None)),
    ),
    "tfsm_layer": (
        "outside_data",
        as_class("TFSMLayer", filepath="another_model", call_endpoint="serve"),
    ),
    "torch_module_wrapper": (
        "pickle",
        as_class("TorchModuleWrapper", "keras.src.utils.torch_utils", module=PICKLE_STRING),
    ),
    "jax_layer": ("foreign_name", as_class("JaxLayer", call_fn=named_function("eval"))),
    "vocabulary_path": (
        "outside_data",
        as_class("StringLookup", vocabulary="secret_words.txt"),
    ),
}


def foreign_names(hostile):
    """Write configurations that name functions and classes which no segmentation model needs."""
    for name, (reason, change) in FOREIGN_NAMES.items():
        what = f"Configuration with {name.replace('_', ' ')}."
        # Initializers mean nothing once there are weights, so nobody looks at them.
        expects = "harmless" if name == "initializer_foreign" else "refused"
        edited_keras(hostile.put(f"{name}.keras", reason, what, expects), change)
        if name == "lambda_set_image_data_format":
            edited_config_h5(hostile.put(f"{name}.h5", reason, what), change)


def absurd_configurations(hostile):
    """Write configurations that are too big, too deep or no graph."""

    def width(config):
        layer_of(config, "conv2")["config"]["filters"] = 10**9

    def upsampled(config):
        replace_class(config, "conv2", "UpSampling2D", size=[10**5, 10**5])

    def image(config):
        layer_of(config, "image")["config"]["batch_shape"] = [None, 10**6, 10**6, 3]

    def padded(config):
        replace_class(config, "conv2", "ZeroPadding2D", padding=[[10**6, 10**6], [10**6, 10**6]])

    def to_itself(config):
        text = json.dumps(layer_of(config, "conv2")["inbound_nodes"])
        layer_of(config, "conv2")["inbound_nodes"] = json.loads(text.replace("conv10", "conv2"))

    def to_nowhere(config):
        text = json.dumps(layer_of(config, "conv2")["inbound_nodes"])
        layer_of(config, "conv2")["inbound_nodes"] = json.loads(text.replace("conv10", "gone"))

    def twice(config):
        config["config"]["layers"].append(layer_of(config, "conv2"))

    def not_a_model(config):
        return [1, 2, 3]

    def nested_models(config):
        for _ in range(300):
            outer = {"name": "shell", "layers": [config]}
            config = {"module": "keras", "class_name": "Sequential", "config": outer}
        return config

    for change, reason, what in (
        (width, "absurd_size", "A convolution of 10^9 filters."),
        (upsampled, "absurd_size", "UpSampling2D by 100,000."),
        (image, "absurd_size", "An input of 10^6 by 10^6 pixels."),
        (padded, "absurd_size", "ZeroPadding2D of 10^6."),
        (to_itself, "broken_graph", "A layer that takes its own output."),
        (to_nowhere, "broken_graph", "A layer that takes the output of a layer that is not there."),
        (twice, "broken_graph", "Two layers of one name."),
        (not_a_model, "broken_configuration", "A configuration that is a list of numbers."),
        (nested_models, "absurd_size", "300 models, one in the other."),
    ):
        edited_keras(hostile.put(f"config_{change.__name__}.keras", reason, what), change)
    for name, what, text in (
        ("deep", "10,000 JSON lists in each other.", b"[" * 10000 + b"]" * 10000),
        ("no_json", "config.json is no JSON.", b"{'class_name': Functional"),
    ):
        path = hostile.put(f"config_{name}.keras", "broken_configuration", what)
        save(small_network(), path)
        with zipfile.ZipFile(path) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        write_zip(path, dict(members, **{"config.json": text}))


# ---- zips ----------------------------------------------------------------------------------------


def archives(hostile):
    """Write .keras files whose zip is the trouble."""
    base = os.path.join(hostile.folder, "base.keras")
    save(small_network(), base)
    with zipfile.ZipFile(base) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    os.remove(base)
    put = hostile.put
    path = put("zip_traversal.keras", "archive_path", "A member called ../../evil.txt.")
    write_zip(path, dict(members, **{"../../evil.txt": b"out of the folder"}))
    path = put("zip_absolute.keras", "archive_path", "A member with an absolute path.")
    write_zip(path, dict(members, **{"/seggui_zoo_evil.txt": b"out of the folder"}))
    path = put("zip_bomb.keras", "absurd_size", "A config.json of 32 MB of blanks.")
    write_zip(path, dict(members, **{"config.json": b" " * (32 << 20)}))
    path = put(
        "zip_bomb_bzip2.keras", "absurd_size", "A config.json of 200 MB of blanks, as bzip2."
    )
    write_zip(path, dict(members, **{"config.json": b" " * (200 << 20)}), zipfile.ZIP_BZIP2)
    path = put("zip_no_weights.keras", "missing_weights", "No model.weights.h5 in the zip.")
    write_zip(path, {name: part for name, part in members.items() if name != "model.weights.h5"})
    path = put("zip_other.keras", "not_a_model", "A zip of something else.")
    write_zip(path, {"word/document.xml": b"<w:document/>", "[Content_Types].xml": b"<Types/>"})
    path = put("zip_torch.keras", "pickle", "A PyTorch file: a zip with data.pkl.")
    write_zip(path, {"archive/data.pkl": pickle.dumps({"a": 1}, 2), "archive/version": b"3\n"})
    path = put("evil_layer_name.keras", "evil_name", "A layer called ../../evil.")
    config = members["config.json"].replace(b'"conv2"', b'"../../evil"')
    write_zip(path, dict(members, **{"config.json": config}))


# ---- code ----------------------------------------------------------------------------------------


def code(hostile):
    """Write Lambda layers whose code would write the marker: in function, output_shape and mask."""
    facts = {"expects": "asks_code", "marker": True, "python": "{}.{}".format(*sys.version_info)}

    def network(**arguments):
        keras.backend.clear_session()
        image = keras.Input((16, 16, 3), name="image")
        x = layers.Conv2D(WIDTH, 3, padding="same", name="conv10")(image)
        options = dict({"output_shape": (16, 16, WIDTH), "name": "norm"}, **arguments)
        x = layers.Lambda(options.pop("function", extras.notebook_function("t", "t")), **options)(x)
        return keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(x))

    function = extras.notebook_function("x")
    for ending in (".keras", ".h5"):
        path = hostile.put(
            f"lambda_marker{ending}", "code", "A Lambda that writes a file.", **facts
        )
        save(network(function=function), path)
    path = hostile.put(
        "lambda_output_shape.h5", "code", "Code in output_shape of a Lambda.", **facts
    )
    save(network(output_shape=function), path)
    path = hostile.put("lambda_mask.keras", "code", "Code in mask of a Lambda.", **facts)
    mask = extras.notebook_function("x, mask=None")
    save(network(mask=mask), path)


# ---- not for segmentation ------------------------------------------------------------------------


def other_networks(hostile):
    """Write healthy networks that do something else."""
    keras.backend.clear_session()
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(WIDTH, 3, activation="relu")(image)
    flat = layers.GlobalAveragePooling2D()(x)
    other = keras.Input((16, 16, 1))
    boxes = layers.Reshape((-1, 4), name="boxes")(layers.Conv2D(24, 3, strides=2)(x))
    scores = layers.Reshape((-1, 3), name="scores")(layers.Conv2D(18, 3, strides=2)(x))
    both = layers.Concatenate()([image, other])
    text = keras.Input((10,))
    sound = keras.Input((100, 1))
    volume = keras.Input((16, 16, 16, 1))
    table = (
        ("classifier.h5", "classifier", image, layers.Dense(10, activation="softmax")(flat)),
        ("classifier.keras", "classifier", image, layers.Dense(1, activation="sigmoid")(flat)),
        ("detector.keras", "detector", image, [boxes, scores]),
        ("two_inputs.keras", "several_inputs", [image, other], layers.Conv2D(2, 1)(both)),
        ("table.keras", "not_an_image_network", text, layers.Dense(2, activation="softmax")(text)),
        ("sound.keras", "not_an_image_network", sound, layers.Conv1D(2, 3, padding="same")(sound)),
        ("volume.keras", "not_an_image_network", volume, layers.Conv3D(2, 1)(volume)),
    )
    for file, reason, inputs, outputs in table:
        model = keras.Model(inputs, outputs)
        shelves.randomise(model, 5, keras)
        save(model, hostile.put(file, reason, f"A healthy network, but: {reason}."))


# ---- files that are no models --------------------------------------------------------------------


def no_models(hostile):
    """Write what people drop by mistake and what a broken copy leaves."""
    whole = {}
    for ending in (".h5", ".keras"):
        path = os.path.join(hostile.folder, "whole" + ending)
        save(small_network(), path)
        with open(path, "rb") as stream:
            whole[ending] = stream.read()
        os.remove(path)
    data_file = io.BytesIO()
    with h5py.File(data_file, "w") as file:
        file["images"] = np.zeros((4, 4), "u1")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 94371840\n"
    configuration = small_network().to_json().encode()
    table = (
        ("empty.h5", "empty", b""),
        ("empty.keras", "empty", b""),
        ("zeros.h5", "zeros", bytes(4096)),
        ("cut_half.h5", "truncated", whole[".h5"][: len(whole[".h5"]) // 2]),
        ("cut_end.h5", "truncated", whole[".h5"][:-100]),
        ("cut_start.h5", "truncated", whole[".h5"][:20]),
        ("cut_half.keras", "truncated", whole[".keras"][: len(whole[".keras"]) // 2]),
        ("cut_end.keras", "truncated", whole[".keras"][:-30]),
        ("lfs_pointer.h5", "lfs_pointer", pointer.format("4d7a2146" * 8).encode()),
        ("web_page.h5", "web_page", b"\n<!DOCTYPE html>\n<html><title>404</title></html>\n"),
        ("pickle.h5", "pickle", pickle.dumps({"weights": [0.0]}, 4)),
        ("pickle_2.keras", "pickle", pickle.dumps({"weights": [0.0]}, 2)),
        ("model.tflite", "tflite", b"\x1c\x00\x00\x00TFL3" + bytes(range(200))),
        ("model.onnx", "onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x10\x0a\x02xy" + bytes(64)),
        ("architecture.json", "architecture_only", configuration),
        ("data.h5", "data_file", data_file.getvalue()),
        ("text.h5", "not_a_model", b"epoch,loss\n1,0.7\n"),
        ("image.keras", "not_a_model", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    )
    for file, reason, content in table:
        path = hostile.put(file, reason, f"No model: {reason.replace('_', ' ')}.")
        with open(path, "wb") as stream:
            stream.write(content)


def main():
    """Write all of them."""
    hostile = Hostile(sys.argv[1])
    with open(os.path.join(hostile.folder, "secret_words.txt"), "w", encoding="utf-8") as stream:
        stream.write("a\nb\n")
    for part in (
        links,
        wrong_weights,
        foreign_names,
        absurd_configurations,
        archives,
        code,
        other_networks,
        no_models,
    ):
        part(hostile)


if __name__ == "__main__":
    main()
