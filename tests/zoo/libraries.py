"""Let the public libraries of this environment write files: `libraries.py OUT_DIR [PART_OF_NAME]`.

Every network goes to OUT_DIR with the writer's own answer, as in the zoo (see `shelf.py`). What a
library cannot build or save here is told and left out. Nothing is downloaded: no trained weights.
`check_libraries.py` opens the files with this program. The README says which environments to make.
"""

import contextlib
import importlib
import json
import os
import sys
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("SM_FRAMEWORK", "keras" if "--standalone" in sys.argv else "tf.keras")
if "--tf-keras" in sys.argv:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np
import shelf as shelves
import tensorflow as tf

IS_STANDALONE = "--standalone" in sys.argv
"""Stand-alone Keras 2 instead of tf.keras."""

IS_TF_KERAS = "--tf-keras" in sys.argv
"""Keras 2 beside a TensorFlow that has Keras 3."""

k = importlib.import_module("keras") if IS_STANDALONE else tf.keras
SIDE = 64


def version_of(package):
    """Return the installed version of a package."""
    try:
        from importlib.metadata import version
    except ImportError:  # Python 3.7
        from importlib_metadata import version
    return version(package)


# --- the menus: name, options for the file and a function that builds the network ---


def segmentation_models():
    """U-Net, FPN, Linknet and PSPNet over encoders of every kind there."""
    import segmentation_models as sm

    narrow = {"encoder_weights": None, "classes": 3, "activation": "softmax"}
    unets = (
        "mobilenet", "mobilenetv2", "resnet18", "vgg16", "efficientnetb0", "seresnet18",
        "resnext50", "seresnext50", "densenet121", "inceptionv3", "inceptionresnetv2",
    )  # fmt: skip
    for backbone in unets:
        shape = (SIDE, SIDE, 3) if backbone == "efficientnetb0" else (None, None, 3)
        yield (
            f"sm_unet_{backbone}",
            lambda b=backbone, s=shape: sm.Unet(
                b, input_shape=s, decoder_filters=(16, 8, 8, 4, 4), **narrow
            ),
        )
    yield (
        "sm_unet_transpose",
        lambda: sm.Unet(
            "mobilenetv2",
            decoder_block_type="transpose",
            decoder_filters=(16, 8, 8, 4, 4),
            **narrow,
        ),
    )
    yield (
        "sm_fpn_mobilenetv2",
        lambda: sm.FPN(
            "mobilenetv2", pyramid_block_filters=16, input_shape=(SIDE, SIDE, 3), **narrow
        ),
    )
    yield "sm_fpn_free", lambda: sm.FPN("resnet18", pyramid_block_filters=16, **narrow)
    yield "sm_linknet_mobilenetv2", lambda: sm.Linknet("mobilenetv2", **narrow)
    yield (
        "sm_linknet_one",
        lambda: sm.Linknet("efficientnetb0", encoder_weights=None, classes=1, activation="sigmoid"),
    )
    yield (
        "sm_pspnet_mobilenetv2",
        lambda: sm.PSPNet(
            "mobilenetv2", input_shape=(96, 96, 3), psp_conv_filters=16, psp_dropout=0.1, **narrow
        ),
    )


def keras_unet_collection():
    """The ten networks of the collection, narrow, with its own activations."""
    from keras_unet_collection import models as m

    size = (SIDE, SIDE, 3)
    plain = {"batch_norm": True, "output_activation": "Softmax"}
    yield "kuc_unet", lambda: m.unet_2d(size, [4, 8, 16], 3, activation="GELU", **plain)
    yield "kuc_unet_sigmoid", lambda: m.unet_2d(
        (None, None, 3), [4, 8, 16], 1, activation="LeakyReLU", output_activation="Sigmoid",
        batch_norm=True, pool="ave", unpool="nearest",
    )  # fmt: skip
    for activation in ("PReLU", "ELU", "Snake"):
        yield (
            f"kuc_unet_{activation.lower()}",
            lambda a=activation: m.unet_2d(
                size, [4, 8, 16], 3, activation=a, pool=False, unpool=False, **plain
            ),
        )
    yield (
        "kuc_unet_backbone",
        lambda: m.unet_2d(
            size,
            [8, 16, 32, 64],
            3,
            backbone="DenseNet121",
            weights=None,
            freeze_backbone=True,
            **plain,
        ),
    )
    yield (
        "kuc_unet_vgg",
        lambda: m.unet_2d(
            size,
            [8, 16, 32, 64],
            3,
            backbone="VGG16",
            weights=None,
            freeze_batch_norm=True,
            **plain,
        ),
    )
    yield (
        "kuc_vnet",
        lambda: m.vnet_2d(
            size, [4, 8, 16, 32], 3, activation="PReLU", pool=False, unpool=False, **plain
        ),
    )
    yield (
        "kuc_unet_plus",
        lambda: m.unet_plus_2d(
            size, [4, 8, 16], 3, activation="Snake", deep_supervision=True, **plain
        ),
    )
    yield "kuc_r2_unet", lambda: m.r2_unet_2d(size, [4, 8, 16], 3, activation="ReLU", **plain)
    yield (
        "kuc_att_unet",
        lambda: m.att_unet_2d(size, [4, 8, 16], 3, activation="ReLU", attention="add", **plain),
    )
    yield (
        "kuc_att_unet_multiply",
        lambda: m.att_unet_2d(
            size,
            [4, 8, 16],
            3,
            activation="GELU",
            atten_activation="GELU",
            attention="multiply",
            **plain,
        ),
    )
    yield (
        "kuc_resunet_a",
        lambda: m.resunet_a_2d(
            size, [4, 8, 16], [1, 3], 3, aspp_num_down=8, aspp_num_up=4, **plain
        ),
    )
    yield (
        "kuc_u2net",
        lambda: m.u2net_2d(
            (None, None, 3), 3, [4, 8, 16], activation="ReLU", deep_supervision=True, **plain
        ),
    )
    yield (
        "kuc_unet_3plus",
        lambda: m.unet_3plus_2d(
            size, 3, [4, 8, 16], activation="ReLU", deep_supervision=True, **plain
        ),
    )
    yield (
        "kuc_transunet",
        lambda: m.transunet_2d(
            size, [4, 8, 16], 3, embed_dim=12, num_mlp=16, num_heads=3, num_transformer=2, **plain
        ),
    )
    for shift in (False, True):
        yield f"kuc_swin_unet{'_shifted' * shift}", lambda s=shift: m.swin_unet_2d(
            (32, 32, 3), 8, 3, depth=3, stack_num_down=2, stack_num_up=2, patch_size=(2, 2),
            num_heads=[2, 4, 4], window_size=[4, 2, 2], num_mlp=16, shift_window=s,
        )  # fmt: skip


def keras_segmentation():
    """The names that its checkpoints are stored under; they are as wide as they are."""
    from keras_segmentation.models import all_models

    for name in (
        "fcn_8", "fcn_32_mobilenet", "unet_mini", "unet", "vgg_unet", "mobilenet_unet",
        "resnet50_unet", "segnet", "mobilenet_segnet", "resnet50_segnet", "pspnet",
        "vgg_pspnet", "pspnet_50",
    ):  # fmt: skip
        side = {"pspnet_50": 473, "pspnet": 192, "vgg_pspnet": 192}.get(name, 96)
        side = 224 if "mobilenet" in name else side
        yield (
            f"ks_{name}",
            lambda n=name, s=side: all_models.model_from_name[n](3, input_height=s, input_width=s),
        )


def keras_unet():
    """The three networks of karolzak's keras-unet."""
    from keras_unet import models as m

    yield (
        "keras_unet_custom",
        lambda: m.custom_unet(
            (SIDE, SIDE, 3), num_classes=3, filters=4, num_layers=3, output_activation="softmax"
        ),
    )
    yield (
        "keras_unet_attention",
        lambda: m.custom_unet(
            (SIDE, SIDE, 3), filters=4, num_layers=2, use_attention=True, upsample_mode="simple"
        ),
    )
    yield "keras_unet_satellite", lambda: m.satellite_unet((SIDE, SIDE, 3), num_classes=1)


def tensorflow_addons():
    """Its normalizations, wrappers and activations in a small U-Net."""
    import tensorflow_addons as tfa

    def network(normalization, activation="relu", wrap=lambda layer: layer):
        layers = tf.keras.layers
        start = layers.Input((SIDE, SIDE, 3))
        skip = wrap(layers.Conv2D(8, 3, padding="same"))(start)
        skip = layers.Activation(activation)(normalization()(skip))
        x = layers.MaxPooling2D()(skip)
        x = wrap(layers.Conv2D(16, 3, padding="same", activation=activation))(x)
        x = layers.Concatenate()([layers.UpSampling2D()(x), skip])
        return tf.keras.Model(start, layers.Conv2D(3, 1, activation="softmax")(x))

    batch = tf.keras.layers.BatchNormalization
    yield "tfa_instance", lambda: network(tfa.layers.InstanceNormalization)
    yield "tfa_group", lambda: network(lambda: tfa.layers.GroupNormalization(groups=4))
    yield (
        "tfa_filter_response",
        lambda: network(lambda: tfa.layers.FilterResponseNormalization(axis=[1, 2])),
    )
    yield (
        "tfa_weight",
        lambda: network(
            batch, wrap=lambda layer: tfa.layers.WeightNormalization(layer, data_init=False)
        ),
    )
    yield "tfa_spectral", lambda: network(batch, wrap=tfa.layers.SpectralNormalization)
    yield "tfa_gelu_layer", lambda: network(tfa.layers.GELU)
    for name in (
        "mish", "gelu", "lisht", "hardshrink", "softshrink", "tanhshrink", "snake", "rrelu",
    ):  # fmt: skip
        yield f"tfa_{name}", lambda n=name: network(batch, getattr(tfa.activations, n))


def keras_hub():
    """Segmenters of keras-hub, as they save themselves."""
    import keras_hub

    def deeplab():
        encoder = keras_hub.models.ResNetBackbone(
            input_conv_filters=[8], input_conv_kernel_sizes=[7],
            stackwise_num_filters=[8, 8, 8, 8], stackwise_num_blocks=[2, 2, 2, 2],
            stackwise_num_strides=[1, 2, 2, 2], block_type="basic_block", image_shape=(96, 96, 3),
        )  # fmt: skip
        backbone = keras_hub.models.DeepLabV3Backbone(
            image_encoder=encoder, low_level_feature_key="P2", projection_filters=8,
            spatial_pyramid_pooling_key="P4", upsampling_size=8, dilation_rates=[6, 12],
        )  # fmt: skip
        return keras_hub.models.DeepLabV3ImageSegmenter(
            backbone=backbone, num_classes=3, activation="softmax"
        )

    yield "hub_deeplab", deeplab
    yield "hub_segformer", lambda: keras_hub.models.SegFormerImageSegmenter(
        backbone=keras_hub.models.SegFormerBackbone(
            image_encoder=keras_hub.models.MiTBackbone(
                layerwise_num_layers=[1, 1, 1, 1], num_layers=4, layerwise_num_heads=[1, 2, 4, 4],
                layerwise_sr_ratios=[8, 4, 2, 1], max_drop_path_rate=0.1, image_shape=(96, 96, 3),
                layerwise_hidden_dims=[8, 16, 16, 16], layerwise_patch_sizes=[7, 3, 3, 3],
                layerwise_strides=[4, 2, 2, 2],
            ),
            projection_filters=8,
        ),
        num_classes=3,
    )  # fmt: skip


def keras_cv():
    """Segmenters of keras-cv, as they save themselves."""
    import keras_cv

    yield (
        "cv_deeplab",
        lambda: keras_cv.models.DeepLabV3Plus(
            backbone=keras_cv.models.ResNet18V2Backbone(input_shape=(96, 96, 3)), num_classes=3
        ),
    )


def deeplab_port():
    """What is particular in the widely copied DeepLabV3+ port: its Lambda layers and its relu6."""
    layers = k.layers

    def relu6(x):
        return k.activations.relu(x, max_value=6)

    def network():
        start = layers.Input((SIDE, SIDE, 3))
        x = layers.Conv2D(8, 3, strides=4, padding="same", use_bias=False, name="Conv")(start)
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name="Conv_BN")(x)
        x = layers.Activation(relu6, name="Conv_Relu6")(x)
        x = layers.DepthwiseConv2D(3, dilation_rate=(2, 2), padding="same", use_bias=False)(x)
        size = k.backend.int_shape(x)
        pooled = layers.GlobalAveragePooling2D()(x)
        pooled = layers.Lambda(lambda x: k.backend.expand_dims(x, 1))(pooled)
        pooled = layers.Lambda(lambda x: k.backend.expand_dims(x, 1))(pooled)
        pooled = layers.Lambda(
            lambda x: tf.compat.v1.image.resize(x, size[1:3], method="bilinear", align_corners=True)
        )(pooled)
        x = layers.Concatenate()([pooled, x])
        x = layers.Conv2D(3, 1, name="custom_logits_semantic")(x)
        whole = k.backend.int_shape(start)
        x = layers.Lambda(
            lambda xx: tf.compat.v1.image.resize(
                xx, whole[1:3], method="bilinear", align_corners=True
            )
        )(x)
        return k.models.Model(start, layers.Activation("softmax")(x), name="deeplabv3plus")

    yield "deeplab_port", network


SMALL = {
    "library_frozen": "A frozen inner encoder whose layers have slashes in their names (DenseNet).",
    "library_addons": "Activations and normalizations of TensorFlow Addons, one after the other.",
    "library_snake": "keras-unet-collection: U-Net with Snake, whose beta is stored.",
    "library_transunet": "keras-unet-collection: TransUNET with patches and positions.",
    "library_swin": "keras-unet-collection: Swin-UNET with shifted windows.",
    "library_interp_tf1": "keras-segmentation: its layer Interp under TensorFlow 1, trained.",
    "library_interp_tf2": "keras-segmentation: its layer Interp under TensorFlow 2, trained.",
    "library_pyramid": "keras-hub: the pyramid of its DeepLab, in a network of plain layers.",
    "library_spectral": "TensorFlow Addons: SpectralNormalization around every kind of kernel.",
    "library_weight": "TensorFlow Addons: WeightNormalization around every kind of kernel.",
    "library_weight_data": "TensorFlow Addons: WeightNormalization that started from data.",
}
"""What the small networks are."""


def small():
    """For the zoo: what of these libraries went wrong at first, as small as it can be made."""
    layers = k.layers

    def collection():
        from keras_unet_collection import models

        return models

    def frozen_encoder():
        start = layers.Input((None, None, 3))
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv1/conv")(start)
        x = layers.BatchNormalization(name="conv1/bn")(x)
        skip = layers.Activation("relu", name="conv1/relu")(x)
        x = layers.Conv2D(4, 3, strides=2, padding="same", name="conv2/conv")(skip)
        x = layers.BatchNormalization(name="conv2/bn")(x)
        return k.Model(start, [skip, x], name="encoder", trainable=False)

    def frozen():
        start = layers.Input((16, 16, 3))
        skip, x = frozen_encoder()(start)
        x = layers.Concatenate()([layers.UpSampling2D()(x), skip])
        return k.Model(start, layers.Conv2D(3, 1, activation="softmax")(x))

    def addons():
        import tensorflow_addons as tfa

        start = x = layers.Input((16, 16, 3))
        for name in ("gelu", "lisht", "hardshrink", "softshrink", "tanhshrink", "snake", "rrelu"):
            x = layers.Conv2D(3, 3, padding="same", activation=getattr(tfa.activations, name))(x)
        x = tfa.layers.FilterResponseNormalization(axis=[1, 2], learned_epsilon=True)(x)
        x = tfa.layers.GELU()(tfa.layers.InstanceNormalization()(x))
        return k.Model(start, layers.Conv2D(3, 1, activation="softmax")(x))

    def interp():
        from keras_segmentation.models._pspnet_2 import Interp

        start = layers.Input((16, 16, 3))
        x = layers.Conv2D(4, 3, strides=4, padding="same")(start)
        x = Interp((16, 16))(x)
        return trained(k.models.Model(start, layers.Conv2D(3, 1, activation="softmax")(x)))

    def wrapped(wrap, is_last_axis_output=False):
        start = layers.Input((16, 16, 3))
        skip = wrap(layers.Conv2D(4, 3, padding="same", activation="relu"))(start)
        x = wrap(layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False))(skip)
        up = layers.Conv2DTranspose(4, 2, strides=2)
        x = layers.UpSampling2D()(x) if is_last_axis_output else wrap(up)(x)
        x = wrap(layers.Dense(4))(layers.Concatenate()([x, skip]))
        return trained(k.Model(start, layers.Conv2D(3, 1, activation="softmax")(x)))

    def trained(model):
        model.compile("adam", "mse")
        model.train_on_batch(shelves.sample(16, 3), np.zeros((1, 16, 16, 3), np.float32))
        return model

    def weight(data_init):
        import tensorflow_addons as tfa

        wrap = lambda layer: tfa.layers.WeightNormalization(layer, data_init=data_init)  # noqa: E731
        return wrapped(wrap, is_last_axis_output=data_init)

    def spectral():
        import tensorflow_addons as tfa

        return wrapped(tfa.layers.SpectralNormalization)

    def pyramid():
        from keras_hub.src.models.deeplab_v3.deeplab_v3_layers import SpatialPyramidPooling

        start = layers.Input((16, 16, 3))
        x = layers.Conv2D(4, 3, strides=2, padding="same")(start)
        x = SpatialPyramidPooling(dilation_rates=[2, 3], num_channels=4)(x)
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        return k.Model(start, layers.Conv2D(3, 1, activation="softmax")(x))

    if getattr(k, "__version__", "2").startswith("3"):
        yield "library_pyramid", ".keras", pyramid
        return
    if IS_STANDALONE:
        yield f"library_interp_tf{tf.__version__[0]}", ".h5", interp
        return
    ending = ".keras" if tf.__version__.startswith("2.15") else ".h5"
    yield "library_spectral", ending, spectral
    yield "library_weight", ending, lambda: weight(data_init=False)
    yield "library_weight_data", ending, lambda: weight(data_init=True)
    yield "library_frozen", ".h5", frozen
    yield "library_addons", ".h5", addons
    yield (
        "library_snake",
        ".keras",
        lambda: collection().unet_2d(
            (16, 16, 3), [2, 4], 3, activation="Snake", output_activation="Softmax"
        ),
    )
    yield (
        "library_transunet",
        ".keras",
        lambda: collection().transunet_2d(
            (16, 16, 3), [2, 4], 3, embed_dim=4, num_mlp=4, num_heads=2, num_transformer=1
        ),
    )
    yield "library_swin", ".keras", lambda: collection().swin_unet_2d(
        (16, 16, 3), 4, 3, depth=2, stack_num_down=2, stack_num_up=2, patch_size=(2, 2),
        num_heads=[2, 2], window_size=[4, 2], num_mlp=4, shift_window=True,
    )  # fmt: skip


LIBRARIES = {
    "segmentation_models": segmentation_models, "keras-unet-collection": keras_unet_collection,
    "keras-segmentation": keras_segmentation, "keras-unet": keras_unet,
    "tensorflow-addons": tensorflow_addons, "keras-hub": keras_hub, "keras-cv": keras_cv,
    "tensorflow": deeplab_port,
}  # fmt: skip


# --- writing ---


@contextlib.contextmanager
def nothing_downloaded():
    """Leave out the trained weights that keras-segmentation fetches for its encoders."""
    model, utils = k.models.Model, k.utils
    load, fetch = model.load_weights, utils.get_file
    model.load_weights, utils.get_file = lambda *a, **b: None, lambda *a, **b: ""
    try:
        yield
    finally:
        model.load_weights, utils.get_file = load, fetch


def settle(model, seed):
    """Give biases and statistics values of their own; kernels stay as they were drawn."""
    generator = np.random.RandomState(seed)
    weights = []
    for variable, value in zip(model.weights, model.get_weights()):  # noqa: B905, Python 3.7
        name = (getattr(variable, "path", None) or variable.name).lower()
        is_vector = value.ndim == 1 and value.dtype.kind == "f"
        if is_vector and value.size > 1:
            value = (  # noqa: PLW2901
                generator.uniform(0.6, 1.5, value.shape)
                if "variance" in name or "gamma" in name
                else value + generator.normal(0.0, 0.1, value.shape)
            )
        weights.append(value)
    model.set_weights(weights)


def image_for(model):
    """Return an image of the size that a network takes, 96 where it is free."""
    shape = model.input_shape
    height, width = (side or 96 for side in shape[1:3])
    coarse = np.random.RandomState(3).uniform(0, 1, (1, height // 4 + 1, width // 4 + 1, shape[3]))
    image = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)[:, :height, :width]
    return np.round(image * 64).astype(np.float32) / 64


def write(shelf, library, name, build):
    """Write one network in the forms that people have: whole, and for one library weights alone."""
    k.backend.clear_session()
    with nothing_downloaded():
        model = build()
    settle(model, seed=len(name))
    x = image_for(model)
    outputs = shelves.predict(model, x)
    spread = min(float(o.std()) for o in outputs)
    if not np.isfinite(spread) or spread == 0:
        raise ValueError(f"an output is constant or not finite: {spread}")
    file = f"{shelf.tag}_{name}.npz"
    arrays = {"y" if len(outputs) == 1 else f"y{i}": o for i, o in enumerate(outputs)}
    np.savez_compressed(shelf.path(file), x=x, **{n: np.float32(a) for n, a in arrays.items()})
    is_keras_3 = k.__version__.startswith("3") if hasattr(k, "__version__") else False
    for ending in (".keras",) if is_keras_3 else (".h5",):
        model.save(shelf.path(f"{shelf.tag}_{name}{ending}"))
        said = f"{library} {version_of(library) if library != 'tensorflow' else tf.__version__}"
        shelf.put(name, ending, said, "opens", sample=file, library=said)
    if library == "keras-segmentation":
        write_checkpoint(shelf, name, model)


def write_checkpoint(shelf, name, model):
    """Write what its training leaves behind: weights alone and a text with the class of network."""
    model.save_weights(shelf.path(f"{shelf.tag}_{name}.0"))
    facts = {key: int(getattr(model, key)) for key in (
        "n_classes", "input_height", "input_width", "output_height", "output_width",
    )}  # fmt: skip
    facts["model_class"] = model.model_name
    with open(shelf.path(f"{shelf.tag}_{name}_config.json"), "w", encoding="utf-8") as stream:
        json.dump(facts, stream)


def write_small(shelf, wanted):
    """Write the small networks as entries of the zoo."""
    for seed, (name, ending, build) in enumerate(small()):
        if wanted not in name:
            continue
        k.backend.clear_session()
        model = build()
        constant = {v.name: v.numpy() for v in model.weights if v.name.endswith("attn_mask:0")}
        shelves.randomise(model, seed, k)
        for variable in model.weights:
            if variable.name in constant:  # no weight, though it is stored
                variable.assign(constant[variable.name])
        x = shelves.sample(16, 3)
        sample = shelf.put_sample(name, x, shelves.predict(model, x))
        path = shelf.path(f"{shelf.tag}_{name}{ending}")
        model.save(path)
        shelves.deflate(path)
        what = SMALL[name]
        shelf.put(name, ending, what, "opens", sample=sample, output="softmax", range=[0, 1])


def main():
    """Write what this environment can; one line for each network."""
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    wanted = names[1] if len(names) > 1 else ""
    version = getattr(k, "__version__", tf.__version__)
    tag = ("keras" if IS_STANDALONE else "tfkeras" if IS_TF_KERAS else "tf") + "".join(
        (version if IS_STANDALONE else tf.__version__).split(".")[:2]
    )
    shelf = shelves.Shelf(names[0], tag, f"TensorFlow {tf.__version__}", version)
    if "--zoo" in sys.argv:
        write_small(shelf, wanted)
        return
    for library, menu in LIBRARIES.items():
        try:
            cases = list(menu())
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            sys.stdout.write(f"{library}: not here, {said[:150]}\n")
            continue
        for name, build in cases:
            if wanted not in name:
                continue
            try:
                write(shelf, library, name, build)
                said = "written"
            except Exception as error:
                if "--trace" in sys.argv:
                    traceback.print_exc()
                said = f"not written, {type(error).__name__}: {str(error)[:150]}"
            sys.stdout.write(f"{tag}_{name}: {said}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
