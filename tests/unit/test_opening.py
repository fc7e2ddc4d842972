"""Files become networks, networks are worked out; what is none for segmentation is refused."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from model.engine.protocol import Activation, Fit, Scaling
from model.errors import ModelFileError
from model.fitting_settings import with_settings
from model.inspection import inspect_file
from model.opening import open_network
from model.predictor import Predictor
from tests.unit import zoo

pytestmark = zoo.keras_warnings


@pytest.fixture
def info_of(tmp_path):
    def build(model, name="model.keras"):
        return zoo.opened(zoo.saved(model, tmp_path, name))[1]

    return build


def _refusal(model, folder, name="model.keras"):
    with pytest.raises(ModelFileError) as caught:
        zoo.opened(zoo.saved(model, folder, name))
    assert name in str(caught.value)
    return str(caught.value)


def answer_of(network, image):
    return keras.ops.convert_to_numpy(network(image))


@pytest.mark.parametrize(
    ("saved_as", "named"), [("a.keras", "b.h5"), ("a.h5", "b.keras"), ("a.h5", "b.KERAS")]
)
def test_a_misnamed_file_opens_and_leaves_nothing_behind(tmp_path, monkeypatch, saved_as, named):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    model = zoo.pointwise()
    wrong = tmp_path / named
    shutil.copy(zoo.saved(model, tmp_path, saved_as), wrong)

    network, info = zoo.opened(wrong)

    image = np.random.default_rng(0).random((1, 4, 4, 3), np.float32)
    np.testing.assert_array_equal(answer_of(network, image), answer_of(model, image))
    assert any("does not say so" in note for note in info.notes)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_lambda_is_refused_by_name_and_never_run(tmp_path, name):
    marker = str(tmp_path / "marker")
    inputs = keras.Input((8, 8, 3))

    def hostile(x):
        with open(marker, "w", encoding="ascii"):
            return x

    path = zoo.saved(
        keras.Model(inputs, layers.Lambda(hostile, name="norm")(inputs)), tmp_path, name
    )
    (tmp_path / "marker").unlink()

    with pytest.raises(ModelFileError, match="code in the layer Lambda 'norm'"):
        open_network(inspect_file(path))

    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_all_unknown_layers_are_named_together(tmp_path, name):
    class Swirl(layers.Layer):
        def call(self, x):
            return x

    class Twirl(Swirl):
        pass

    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 1)(Twirl()(Swirl()(inputs)))
    assert "layers or functions that Keras does not have: Swirl, Twirl." in _refusal(
        keras.Model(inputs, x), tmp_path, name
    )


def test_a_compiled_model_with_a_custom_loss_opens(tmp_path):
    def my_loss(truth, answer):
        return keras.ops.mean(answer - truth)

    model = zoo.pointwise()
    model.compile(loss=my_loss, metrics=[my_loss])
    assert zoo.opened(zoo.saved(model, tmp_path, "model.h5"))[1].num_classes == 3


def test_weights_that_do_not_fit_are_a_refusal_in_one_sentence(tmp_path):
    import zipfile

    good = zoo.saved(zoo.pointwise(), tmp_path, "good.keras")
    other = zoo.saved(zoo.pointwise(num_outputs=5), tmp_path, "other.keras")
    mixed = tmp_path / "mixed.keras"
    with zipfile.ZipFile(good) as a, zipfile.ZipFile(other) as b, zipfile.ZipFile(mixed, "w") as c:
        for name in ("config.json", "metadata.json"):
            c.writestr(name, a.read(name))
        c.writestr("model.weights.h5", b.read("model.weights.h5"))
    with pytest.raises(ModelFileError) as caught:
        zoo.opened(mixed)
    assert "mixed.keras stores (1, 1, 3, 5)" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- what a network is ---


@pytest.mark.parametrize(
    ("options", "activation", "num_classes"),
    [
        ({"activation": "softmax"}, Activation.SOFTMAX, 3),
        ({"activation": None}, Activation.LOGITS, 3),
        ({"activation": "sigmoid"}, Activation.SIGMOID, 3),
        ({"activation": "sigmoid", "num_outputs": 1}, Activation.SIGMOID, 2),
        ({"activation": None, "num_outputs": 1}, Activation.LOGITS, 2),
        ({"activation": "softmax", "num_outputs": 2}, Activation.SOFTMAX, 2),
    ],
)
def test_the_activation_and_the_classes_are_worked_out(info_of, options, activation, num_classes):
    info = info_of(zoo.pointwise(**options))
    assert info.settings.activation is activation
    assert info.num_classes == num_classes
    assert len(info.settings.class_names) == len(info.settings.class_colors) == num_classes
    assert info.settings_are_guessed


@pytest.mark.parametrize("multiple", [1, 2, 4, 16, 32])
def test_the_size_multiple_of_a_free_network_is_found(info_of, multiple):
    info = info_of(zoo.unet(multiple))
    assert info.size_multiple == multiple
    assert info.input_shape == (None, None, 3)
    assert info.settings.fit is Fit.WHOLE
    assert info.settings.input_size is None


def test_a_network_that_rounds_sizes_down_gets_the_multiple_that_keeps_them(info_of):
    inputs = keras.Input((None, None, 3))
    x = layers.UpSampling2D(4)(layers.MaxPooling2D(4)(inputs))
    info = info_of(keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x)))
    # Multiples of 4 give the same size back; without a joint nothing fails at other sizes.
    assert info.size_multiple == 4


def test_a_fixed_network_is_resized_to(info_of):
    info = info_of(zoo.pointwise((32, 48), channels=1))
    assert info.input_shape == (32, 48, 1)
    assert info.settings.fit is Fit.RESIZE
    assert info.settings.input_size == (32, 48)
    assert info.size_multiple == 1


def test_a_network_that_scales_by_itself_gets_raw_pixels(info_of):
    assert info_of(zoo.pointwise(rescale=True)).settings.scaling is Scaling.RAW
    assert info_of(zoo.pointwise()).settings.scaling is Scaling.UNIT


@pytest.mark.parametrize(("mean", "scaling"), [(110.0, Scaling.RAW), (0.4, Scaling.UNIT)])
def test_leading_batch_normalisation_tells_by_its_mean(info_of, mean, scaling):
    inputs = keras.Input((None, None, 3))
    norm = layers.BatchNormalization()
    model = keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(norm(inputs)))
    norm.moving_mean.assign(np.full(3, mean, np.float32))
    assert info_of(model).settings.scaling is scaling


def test_of_several_outputs_the_full_size_one_called_final_is_chosen(info_of):
    info = info_of(zoo.with_helpers())
    assert [output.name for output in info.outputs][info.settings.output_index] == "final"
    assert any("'final' was chosen" in note for note in info.notes)


def test_the_activation_is_found_behind_upsampling_and_inner_models(info_of):
    inputs = keras.Input((None, None, 3))
    inner = zoo.pointwise(activation="sigmoid")
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.AveragePooling2D(2)(inner(inputs)))
    assert info_of(keras.Model(inputs, x)).settings.activation is Activation.SIGMOID


def test_a_sequential_model_is_understood(info_of):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 1)])
    info = info_of(model)
    assert info.num_classes == 4
    assert info.settings.activation is Activation.LOGITS


def test_a_network_that_says_the_same_everywhere_is_noted(info_of):
    model = zoo.pointwise()
    model.get_layer("classes").set_weights([np.zeros((1, 1, 3, 3)), np.zeros(3)])
    assert any("never have been trained" in note for note in info_of(model).notes)


def _detector():
    image = keras.Input((16, 16, 3))
    x = layers.Flatten()(image)
    return keras.Model(image, [layers.Dense(4)(x), layers.Dense(3)(x)])


def _boxes():
    image = keras.Input((16, 16, 3))
    return keras.Model(image, layers.Reshape((-1, 7))(layers.Conv2D(21, 1, 2)(image)))


def _gigantic():
    image = keras.Input((16, 16, 3))
    inside = keras.Model(image, layers.ZeroPadding2D(60_000)(image))
    return keras.Model(image, layers.Cropping2D(60_000)(inside(image)))


def _enlarging():
    image = keras.Input((16, 16, 3))
    return keras.Model(image, layers.Conv2DTranspose(2, 2, 2)(image))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (zoo.classifier, "is a classifier"),
        (zoo.two_inputs, "has 2 inputs"),
        (_detector, "is a classifier or a detector: it gives 2 answers per image"),
        (_boxes, "gives lists, .* as detectors do"),
        (_enlarging, "16 x 16 pixels into 32 x 32.*It enlarges images"),
        (lambda: zoo.pointwise((100_000, 100_000)), "100000 x 100000 pixels; at most"),
        (_gigantic, r"needs \d+ GB for one step of an image of 16 x 16 pixels"),
        (zoo.table_input, r"\(N, height, width, channels\) was expected"),
        (zoo.valid_padding, "padding='same'"),
        (zoo.broken, "weights that are not numbers"),
        (zoo.overflowing, "values that are not numbers"),
        (lambda: zoo.pointwise(channels=6), "6 channels, .*nothing can be given for more"),
        (lambda: zoo.pointwise(num_outputs=300), "300 values per pixel"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path, build, words):
    with pytest.raises(ModelFileError, match=words):
        zoo.opened(zoo.saved(build(), tmp_path))


@pytest.mark.parametrize(("channels", "place"), [(2, "as the second one"), (4, "as the fourth")])
def test_a_channel_more_gets_full_opacity_and_that_is_told(tmp_path, channels, place):
    network, info = zoo.opened(zoo.saved(zoo.pointwise(channels=channels), tmp_path))
    assert info.input_shape == (None, None, channels)
    (note,) = [note for note in info.notes if "opacity" in note]
    assert place in note
    assert "its masks are wrong here" in note
    prediction = Predictor(network, info).predict(np.zeros((9, 7, 3), np.uint8))
    assert prediction.classes.shape == (9, 7)


def test_channels_first_is_refused(tmp_path):
    inputs = keras.Input((3, 16, 16))
    x = layers.Permute((2, 3, 1))(inputs)
    assert "channels first" in _refusal(keras.Model(inputs, layers.Conv2D(3, 1)(x)), tmp_path)


def test_a_network_that_fails_at_every_size_is_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    a, b = layers.ZeroPadding2D(1)(inputs), inputs
    model = keras.Model(inputs, layers.Concatenate()([a, b]))
    assert "fails on images of every size" in _refusal(model, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class_names": ("a",), "class_colors": ((0, 0, 0),)}, "1 classes"),
        ({"fit": Fit.RESIZE}, "need an input size"),
        ({"fit": Fit.TILE, "input_size": (33, 64)}, "multiples of 4"),
        ({"output_index": 1}, "no output 1"),
    ],
)
def test_settings_that_do_not_fit_the_network_are_refused(tmp_path, change, words):
    path = zoo.saved(zoo.unet(4), tmp_path)
    settings = replace(zoo.opened(path)[1].settings, **change)
    with pytest.raises(ModelFileError, match=words):
        zoo.opened(path, settings)


def test_a_fixed_network_takes_no_whole_images(info_of):
    info = info_of(zoo.pointwise((32, 32)))
    with pytest.raises(ModelFileError, match="32 x 32 only"):
        with_settings(info, replace(info.settings, fit=Fit.WHOLE))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_operations_in_a_graph_open_also_from_hdf5_which_leaves_out_their_home(tmp_path, ending):
    image = keras.Input((16, 16, 3))
    x = keras.ops.relu(layers.Conv2D(4, 3, padding="same")(keras.ops.image.resize(image, (8, 8))))
    x = keras.ops.image.resize(x, (16, 16)) * 2.0 + keras.ops.mean(x, axis=(1, 2), keepdims=True)
    network = keras.Model(image, keras.ops.softmax(layers.Conv2D(2, 1)(x)))
    ours = open_network(inspect_file(zoo.saved(network, tmp_path, f"ops.{ending}")))
    pixels = np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours(pixels)), keras.ops.convert_to_numpy(network(pixels)),
        atol=1e-6,
    )  # fmt: skip


def test_an_own_layer_called_like_an_operation_is_still_asked_about(tmp_path):
    class Mean(layers.Layer):
        def call(self, x):
            return x * 2

    image = keras.Input((16, 16, 3))
    path = zoo.saved(keras.Model(image, Mean()(layers.Conv2D(2, 1)(image))), tmp_path, "own.h5")
    with pytest.raises(ModelFileError, match="does not have: Mean"):
        open_network(inspect_file(path))
