"""What more than one writer needs and is not a plain network: own losses, custom and Lambda layers,
SavedModel folders, weights without their network. Runs under Python 3.6."""

import importlib.util
import os
import shutil
import types

import networks
import numpy as np
import shelf as shelves
from menu import write

HERE = os.path.dirname(os.path.abspath(__file__))


# Without SEGGUI_ZOO_MARKER in the environment this only returns x.
MARKING_BODY = (
    "((lambda os: os.environ.get('SEGGUI_ZOO_MARKER') and"
    " open(os.environ['SEGGUI_ZOO_MARKER'], 'a').write('code of the model file ran\\n'))"
    "(__import__('os')), x)[1]"
)


def notebook_function(arguments, body=MARKING_BODY):
    """Return a lambda that writes the marker; made from text so that it names no file."""
    return eval(compile(f"lambda {arguments}: {body}", "notebook", "eval"))


def load_lambdas():
    """Return the module of `lambdas.py`, compiled as "train.py".

    Python code carries the path of its file into the model; no machine's paths belong in the zoo.
    """
    module = types.ModuleType("train")
    with open(os.path.join(HERE, "lambdas.py"), encoding="utf-8") as stream:
        exec(compile(stream.read(), "train.py", "exec"), module.__dict__)
    return module


def write_marker(shelf, k):
    """Write a Lambda whose code writes the marker, as Keras 2 stores it, to the hostile files."""
    k.backend.clear_session()
    image = k.Input((16, 16, 3))
    x = k.layers.Conv2D(4, 3, padding="same")(image)
    x = k.layers.Lambda(notebook_function("x"), name="norm")(x)
    model = k.Model(image, k.layers.Conv2D(2, 1, activation="softmax")(x))
    shelves.randomise(model, 1, k)
    file = f"hostile/{shelf.tag}_lambda_marker.h5"
    model.save(shelf.path(file))
    entry = dict(shelf.entry, name=file[: -len(".h5")], file=file, reason="code", marker=True)
    entry.update(what="A Lambda that writes a file.", expects="asks_code")
    shelves.write_entry(shelf.folder, entry)


def compile_with_own_loss(k):
    """Return a function that compiles with a loss and a metric of its own and trains one step."""

    def dice_loss(y_true, y_pred):
        return 1.0 - k.backend.mean(y_true * y_pred)

    def my_iou(y_true, y_pred):
        return k.backend.mean(y_true * y_pred)

    def prepare(model):
        model.compile(k.optimizers.Adam(0.001), loss=dice_loss, metrics=[my_iou, "accuracy"])
        train_one_step(model)

    return prepare


def train_one_step(model):
    """Train one step on noise, so that the optimizer has a state."""
    shapes = [(2, *(n or 16 for n in s[1:])) for s in (model.input_shape, model.output_shape)]
    generator = np.random.RandomState(3)
    x, y = (generator.uniform(size=shape).astype("float32") for shape in shapes)
    model.train_on_batch(x, y)


def write_channels_first(shelf, k, ending=".h5", by_twin=True):
    """Write the NCHW network; y comes from its NHWC twin with the same weights, turned back.

    A CPU of that time cannot run the network itself, or pools wrongly (TensorFlow #61482).
    """
    name = "channels_first"
    k.backend.clear_session()
    model = networks.channels_first(k)
    shelves.randomise(model, 4321, k)
    x = shelves.sample(16, 3, 0, 1, 5)
    if by_twin:
        twin = networks.channels_first(k, data_format="channels_last")
        values = model.get_weights()  # rank 3: alpha of PReLU, (C, 1, 1)
        twin.set_weights([np.moveaxis(v, 0, -1) if v.ndim == 3 else v for v in values])
        output = np.moveaxis(shelves.predict(twin, x)[0], -1, 1)
    else:
        output = shelves.predict(model, np.moveaxis(x, -1, 1))[0]
    file = f"{shelf.tag}_{name}"
    shelves.check_outputs(file, [np.moveaxis(output, 1, -1)])
    x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    np.savez_compressed(shelf.path(file + ".npz"), x=x, y=output)
    model.save(shelf.path(file + ending))
    shelves.deflate(shelf.path_of(file + ending))
    what = "U-Net in NCHW with shared PReLU, x and y in NCHW"
    what += "; y computed by its NHWC twin." if by_twin else "."
    shelf.put(name, ending, what, "opens", sample=file + ".npz", output="softmax", range=[0, 1])


def write_saved_models(shelf, k):
    """Write SavedModel folders: compiled and trained, uncompiled, zipped, and without layers."""
    import tensorflow as tf

    def save(model, path):
        model.save(path, save_format="tf")

    def compile_adam(model):
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        train_one_step(model)

    def save_zipped(model, path):
        folder = path[: -len(".zip")] + "_folder"
        model.save(os.path.join(folder, "my_model"), save_format="tf")
        shutil.make_archive(path[: -len(".zip")], "zip", folder)
        shutil.rmtree(folder)

    write(shelf, k, "saved_compiled", "", "grouped", "SavedModel, trained.", prepare=compile_adam,
          save=save)  # fmt: skip
    write(shelf, k, "saved_plain", "", "nested_encoder", "SavedModel, not compiled, no traces.",
          save=lambda model, path: model.save(path, save_traces=False))  # fmt: skip
    write(shelf, k, "saved_zip", ".zip", "shared_encoder", "SavedModel zipped.", save=save_zipped)
    module = tf.Module()
    module.kernel = tf.Variable(tf.random.normal((3, 3, 3, 2)))
    signature = tf.TensorSpec((None, 16, 16, 3), tf.float32)
    module.run = tf.function(
        lambda x: tf.nn.softmax(tf.nn.conv2d(x, module.kernel, 1, "SAME")), [signature]
    )
    tf.saved_model.save(module, shelf.path(shelf.tag + "_saved_no_layers"), module.run)
    shelf.put("saved_no_layers", "", "tf.Module of tf.saved_model: no layers.",
              "refused", reason="saved_model_without_layers")  # fmt: skip


def write_weights_only(shelf, k, ending=".h5", names=("unet_nearest", "nested_encoder")):
    """Write weights without their network, the architecture as json beside."""

    def save(model, path):
        model.save_weights(path)
        beside = path[: -len(ending)] + ".json"
        with open(beside, "w", encoding="utf-8") as stream:
            stream.write(model.to_json())

    for name in names:
        new = name + "_weights"
        json_file = f"{shelf.tag}_{new}.json"
        write(shelf, k, new, ending, name, "Weights only.", save=save, architecture=json_file,
              expects="needs_architecture")  # fmt: skip


def load_user_code(file):
    """Import the user's own Python file, as the user's training script does."""
    path = os.path.join(HERE, "user_code", file)
    spec = importlib.util.spec_from_file_location(file[: -len(".py")], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_custom_layers(shelf, k, only=None, ending=".h5", source="keras2_layers.py"):
    """Write a network with layers of the user's own; without an ending, as a SavedModel folder."""
    user = load_user_code(source)
    shutil.copyfile(os.path.join(HERE, "user_code", source), shelf.path(source))

    def build(keras):
        """A small network with two layers of the user's own."""
        layers = keras.layers
        image = keras.Input((16, 16, 3))
        x = user.TwoConvolutions(4, name="block10")(image)
        x = user.ScaledShift(power=1.5)(x)
        x = user.TwoConvolutions(4, name="block2")(x)
        return keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))

    def save(model, path):
        if ending:
            model.save(path)
        else:
            model.save(path, save_traces=False)

    def put(name, what, unknown):
        name = name if ending else f"saved_{name}"
        write(shelf, k, name, ending, "unet_transpose", what, build=build, expects="asks_code",
              code=source, unknown=unknown, save=save)  # fmt: skip

    if only in (None, "unregistered"):
        put("custom_unregistered", "Not registered.", ["ScaledShift", "TwoConvolutions"])
    if only in (None, "registered"):
        register = getattr(k, "saving", k.utils)
        register = getattr(register, "register_keras_serializable", None)
        register = register or k.utils.register_keras_serializable
        for name in ("ScaledShift", "TwoConvolutions"):
            register(package="my_layers")(getattr(user, name))
        unknown = ["my_layers>ScaledShift", "my_layers>TwoConvolutions"]
        put("custom_registered", "Registered as my_layers.", unknown)
