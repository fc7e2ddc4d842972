"""A Python file of years ago still defines its layers and networks."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from model.digest import file_sha256
from model.errors import OwnLayersError
from model.foreign.own_layers import run_file
from model.inspection import inspect_file
from model.opening import inspect_with_consent, open_network, open_with_consent
from model.trust import TrustStore
from tests.unit import zoo as networks

pytestmark = [
    networks.keras_warnings,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="old files use tensorflow"),
]

IMPORTS = [
    "from keras.engine.topology import Layer, InputSpec",
    "from keras.engine import Layer",
    "from keras.layers.core import Activation, Lambda",
    "from keras.layers.convolutional import Conv2D, Convolution2D, UpSampling2D",
    "from keras.layers.merge import concatenate",
    "from keras.layers.normalization import BatchNormalization",
    "from keras.layers.advanced_activations import LeakyReLU",
    "from keras.legacy import interfaces",
    "from keras.models import Model, Input",
    "from keras.applications.mobilenet import relu6, DepthwiseConv2D",
    "from keras.utils.generic_utils import get_custom_objects",
    "from keras.utils import np_utils, conv_utils",
    "from keras.utils.conv_utils import normalize_data_format",
    "from keras.objectives import binary_crossentropy",
    "from keras.preprocessing.image import ImageDataGenerator",
    "from tensorflow.keras.layers.experimental.preprocessing import Rescaling",
    "from keras import backend as K\nsizes = [K.int_shape, K.resize_images, K.sum, K.epsilon]",
    "from keras import backend as K\nK.set_image_dim_ordering('tf')",
    "from keras.optimizers import *\nbest = Adam(lr=1e-4, decay=1e-6)",
    "import cv2\nimport matplotlib.pyplot as plt\nfrom skimage import io, transform",
]

LAYER = """
from keras import backend as K
from keras.engine.topology import Layer
import tensorflow as tf

class Base(Layer):
    pass

class Gate(Base):
    def __init__(self, filters, **kwargs):
        self.filters = filters
        super(Gate, self).__init__(**kwargs)

    def build(self, input_shape):
        self.g = self.add_weight("g", (self.filters,), initializer="ones")
        self.b = self.add_weight(name="b", shape=(self.filters,), initializer="zeros")
        super(Gate, self).build(input_shape)

    def call(self, x):
        height, width = K.int_shape(x)[1:3]
        small = tf.image.resize_nearest_neighbor(x, (height // 2, width // 2))
        large = tf.image.resize_nearest_neighbor(small, (height, width))
        return K.sigmoid(large * self.g + self.b) * x

    def get_config(self):
        return dict(super(Gate, self).get_config(), filters=self.filters)
"""

NETWORK = """
import numpy as np
import skimage.io as io
from keras.models import *
from keras.layers import *
from keras.optimizers import *
from keras.callbacks import ModelCheckpoint, LearningRateScheduler
from keras import backend as keras

def unet(pretrained_weights=None, input_size=(256, 256, 1)):
    inputs = Input(input_size)
    conv1 = Conv2D(4, 3, activation='relu', padding='same', kernel_initializer='he_normal')(inputs)
    pool1 = MaxPooling2D(pool_size=(2, 2))(conv1)
    conv2 = Conv2D(8, 3, activation='relu', padding='same', kernel_initializer='he_normal')(pool1)
    up1 = Conv2D(4, 2, activation='relu', padding='same')(UpSampling2D(size=(2, 2))(conv2))
    merge1 = concatenate([conv1, up1], axis=3)
    conv3 = Conv2D(1, 1, activation='sigmoid')(merge1)
    model = Model(input=inputs, output=conv3)
    model.compile(optimizer=Adam(lr=1e-4), loss='binary_crossentropy', metrics=['accuracy'])
    if pretrained_weights:
        model.load_weights(pretrained_weights)
    return model
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", IMPORTS)
def test_what_keras_has_dropped_or_moved_can_be_imported(text: str, tmp_path: Path) -> None:
    names = set(sys.modules)
    adam, model = keras.optimizers.Adam, keras.models.Model
    run_file(write(tmp_path, text))
    assert keras.optimizers.Adam is adam
    assert keras.models.Model is model
    assert not hasattr(keras.backend, "int_shape")
    left = {name for name in set(sys.modules) - names if "keras.engine" in name or "cv2" in name}
    assert left == set()
    assert not hasattr(keras.utils, "np_utils")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import cv2\nx = cv2.imread('a.png')", "line 2: ImportError: cv2.imread is used"),
        ("from keras_contrib.layers import Pad\nclass A(Pad): pass", "keras_contrib.layers.Pad"),
        ("from keras.nothing import Thing\nThing()", "keras.nothing.Thing is used"),
    ],
)
def test_what_is_missing_is_told_once_it_is_used(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(OwnLayersError) as refused:
        run_file(write(tmp_path, text))
    assert expected in str(refused.value)


def test_a_file_that_has_another_way_takes_that(tmp_path: Path) -> None:
    text = (
        "try:\n    import no_such_library as fast\nexcept ImportError:\n    fast = None\n"
        "try:\n    from keras.engine.topology import Layer\n"
        "except ImportError:\n    from keras.layers import Layer\n"
    )
    found = dict(run_file(write(tmp_path, text)).items())
    assert found["fast"] is None
    assert found["Layer"] is layers.Layer


def test_libraries_still_find_out_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "prober").mkdir()
    (tmp_path / "prober" / "__init__.py").write_text(
        "try:\n    import no_such_library\n    has = True\nexcept ImportError:\n    has = False\n"
    )
    text = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport prober\nsys.path.pop(0)\n"
    found = dict(run_file(write(tmp_path, text)).items())
    sys.modules.pop("prober")
    assert found["prober"].has is False


def test_a_layer_of_keras_2_calculates_in_a_network(tmp_path: Path) -> None:
    own = run_file(write(tmp_path, LAYER))
    gate = own.layer_class("", "Gate")
    assert gate is not None
    image = keras.Input((8, 8, 3))
    x = gate(4, name="gate")(layers.Conv2D(4, 1, name="conv")(image))
    source = keras.Model(image, layers.Conv2D(2, 1, activation="softmax", name="classes")(x))
    noise = np.random.default_rng(1)
    for variable in source.weights:
        variable.assign(noise.normal(size=variable.shape))
    path = networks.saved(source, tmp_path, "old.keras")

    again = open_network(inspect_file(path), code=tmp_path / "mine.py")

    pixels = noise.random((1, 8, 8, 3), np.float32)
    np.testing.assert_allclose(again(pixels), source(pixels), atol=1e-6)
    kernel, g = source.get_layer("conv").kernel.numpy(), source.get_layer("gate").g.numpy()
    features = pixels @ kernel[0, 0] + source.get_layer("conv").bias.numpy()
    coarse = np.repeat(np.repeat(features[:, ::2, ::2], 2, 1), 2, 2)
    gated = features / (1 + np.exp(-(coarse * g + source.get_layer("gate").b.numpy())))
    scores = gated @ source.get_layer("classes").kernel.numpy()[0, 0]
    scores = np.exp(scores + source.get_layer("classes").bias.numpy())
    np.testing.assert_allclose(again(pixels), scores / scores.sum(-1, keepdims=True), atol=1e-5)


def test_the_network_of_a_training_script_of_keras_1_takes_its_weights(tmp_path: Path) -> None:
    code = write(tmp_path, NETWORK)
    image = keras.Input((None, None, 1))
    one = layers.Conv2D(4, 3, activation="relu", padding="same")(image)
    two = layers.Conv2D(8, 3, activation="relu", padding="same")(layers.MaxPooling2D()(one))
    up = layers.Conv2D(4, 2, activation="relu", padding="same")(layers.UpSampling2D()(two))
    joined = layers.Concatenate()([one, up])
    source = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(joined))
    weights, store = tmp_path / "unet.weights.h5", tmp_path / "settings"
    source.save_weights(weights)
    TrustStore(store).allow(file_sha256(weights), code)
    network = open_with_consent(inspect_with_consent(weights, store), store)
    pixels = np.random.default_rng(2).random((1, 256, 256, 1), np.float32)
    np.testing.assert_allclose(network(pixels), source(pixels), atol=1e-6)
