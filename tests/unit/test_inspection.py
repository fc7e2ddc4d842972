"""Model files are recognised by content, and everything else is named for what it is."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import h5py
import pytest

from model.errors import ModelFileError
from model.foreign.reading import read_network
from model.inspection import inspect_file
from tests.unit import zoo

pytestmark = zoo.keras_warnings


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    return zoo.saved(zoo.pointwise(), tmp_path_factory.mktemp("keras"), "model.keras")


@pytest.fixture(scope="module")
def hdf5_file(tmp_path_factory):
    return zoo.saved(zoo.pointwise(), tmp_path_factory.mktemp("hdf5"), "model.h5")


def _refusal(path):
    with pytest.raises(ModelFileError) as caught:
        inspect_file(path)
    assert path.name in str(caught.value)
    assert caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize("ending", [".keras", ".h5", ".KERAS", ""])
def test_a_keras_archive_is_recognised_under_any_name(keras_file, tmp_path, ending):
    path = tmp_path / f"anything{ending}"
    path.write_bytes(keras_file.read_bytes())

    report = inspect_file(path)

    assert report.file_format == "keras"
    assert report.keras_version.startswith("3.")
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("ending", [".h5", ".keras", ".hdf5"])
def test_an_hdf5_model_is_recognised_under_any_name(hdf5_file, tmp_path, ending):
    path = tmp_path / f"anything{ending}"
    path.write_bytes(hdf5_file.read_bytes())
    assert inspect_file(path).file_format == "hdf5"


def test_an_hdf5_model_behind_a_user_block_is_recognised(hdf5_file, tmp_path):
    path = tmp_path / "block.h5"
    with h5py.File(hdf5_file) as source, h5py.File(path, "w", userblock_size=1024) as target:
        for key in source:
            source.copy(key, target)
        target.attrs.update(source.attrs)
    assert path.read_bytes()[:1024] == bytes(1024)
    assert inspect_file(path).file_format == "hdf5"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (bytes(5000), "nothing but zeros"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n <html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "12345 bytes"),
        (b"\x80\x04\x95pickle", "pickle"),
        (b"\x20\x00\x00\x00TFL3rest", "TensorFlow Lite"),
        (b"\x08\x07\x12\x04onnx-ml", "ONNX"),
        (b'{"class_name": "Functional"}', "JSON text without weights"),
        (b"\x00\x01\x02\x03", "no model file"),
    ],
)
def test_files_that_are_no_model_are_named(tmp_path, content, words):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    assert words in _refusal(path)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("archive/data.pkl", "PyTorch"),
        ("export/saved_model.pb", "SavedModel without keras_metadata.pb"),
        ("model/config.json", "inside a folder"),
        ("holiday.jpg", "without a model"),
    ],
)
def test_other_zip_archives_are_named(tmp_path, member, words):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "x")
    assert words in _refusal(path)


def test_folders_are_refused(tmp_path):
    folder = tmp_path / "network"
    folder.mkdir()
    assert "is a folder" in _refusal(folder)
    (folder / "saved_model.pb").touch()
    assert "SavedModel without keras_metadata.pb" in _refusal(folder)


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in _refusal(tmp_path / "gone.keras")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_is_refused(keras_file, hdf5_file, tmp_path, share):
    for source in (keras_file, hdf5_file):
        path = tmp_path / source.name
        content = source.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        assert "damaged" in _refusal(path)


@pytest.mark.parametrize("name", ["model.weights.h5"])
def test_weights_without_network_are_refused(tmp_path, name):
    path = tmp_path / name
    zoo.pointwise().save_weights(path)
    assert "weights only" in _refusal(path)


def test_weights_of_keras_2_and_data_files_are_told_apart(tmp_path):
    old, data = tmp_path / "old.h5", tmp_path / "data.h5"
    with h5py.File(old, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
    with h5py.File(data, "w") as file:
        file["images"] = [1, 2, 3]
    assert "weights only" in _refusal(old)
    assert "data file" in _refusal(data)


def test_an_archive_whose_configuration_is_broken_is_refused(keras_file, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("model.weights.h5", "x")
    assert "not valid JSON" in _refusal(path)


def test_a_network_without_weights_is_refused(keras_file, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", source.read("config.json"))
    assert "without its weights" in _refusal(path)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_loss_is_reported_as_information(tmp_path, name):
    import keras

    model = zoo.pointwise(activation=None)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    note = inspect_file(zoo.saved(model, tmp_path, name)).training

    assert note.loss == "SparseCategoricalCrossentropy"
    assert note.from_logits is True


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_network_that_scales_its_input_is_noticed(tmp_path, name):
    import keras
    from keras import layers

    def report_of(first):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, layers.Conv2D(2, 1)(first(inputs)))
        return inspect_file(zoo.saved(model, tmp_path, name)).input_scaling

    assert report_of(layers.Rescaling(1 / 255)) == "raw"
    assert report_of(layers.Rescaling(2.0, offset=-1)) == ""
    assert report_of(layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 1, 1])) == "raw"
    assert report_of(lambda x: x / 255.0) == "raw"
    assert report_of(lambda x: x * 2.0) == ""
    assert report_of(layers.BatchNormalization()) == "batch_normalization"
    assert report_of(lambda x: x) == ""


def test_layers_that_hold_code_are_listed_also_inside_inner_models(tmp_path):
    import keras
    from keras import layers

    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x, name="bad")])
    inputs = keras.Input((8, 8, 3))
    path = zoo.saved(keras.Model(inputs, inner(inputs)), tmp_path, "model.keras")
    assert inspect_file(path).code_layers == ("Lambda 'bad'",)


def test_an_absurdly_large_configuration_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("model.inspection._MAX_JSON_BYTES", 10)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"a": "b" * 100}))
    assert "declares a config.json" in _refusal(path)


def test_a_network_saved_as_a_class_of_a_library_is_named_with_all_that_is_in_it(tmp_path):
    def written(name, package, **config):
        return {
            "class_name": name, "module": f"{package}.src.models", "config": config,
            "registered_name": f"{package}>{name}",
        }  # fmt: skip

    dtype = {"class_name": "DTypePolicy", "module": "keras", "config": {"name": "float32"}}
    encoder = written("ResNetBackbone", "keras_hub", dtype=dtype)
    backbone = written("DeepLabV3Backbone", "keras_hub", image_encoder=encoder, dtype=dtype)
    config = written("DeepLabV3ImageSegmenter", "keras_hub", backbone=backbone, num_classes=3)
    with pytest.raises(ModelFileError) as caught:
        read_network(config, file_name="theirs.keras")
    assert "holds a DeepLabV3ImageSegmenter (with DeepLabV3Backbone, ResNetBackbone inside)" in str(
        caught.value
    )
    assert "Where keras_hub is installed" in str(caught.value.remedy)
    title = "### Files that are no plain network"
    manual = Path(__file__).parents[2] / "resources" / "manual" / "manual.md"
    assert title in manual.read_text(encoding="utf-8")


def test_a_link_in_the_place_of_the_optimizer_is_not_followed(hdf5_file, tmp_path):
    path, other = tmp_path / "linked.h5", tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file.create_group("a").attrs["weight_names"] = [b"training/Adam/m_0:0"]
    path.write_bytes(hdf5_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file.pop("optimizer_weights", None)
        file["optimizer_weights"] = h5py.ExternalLink(str(other), "/a")
    assert inspect_file(path).tensorflow is None


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"\x1f\x8b\x08", "packed archive (gzip)"),
        (b"7z\xbc\xaf'\x1c", "packed archive (7-Zip)"),
        (b"model/" + bytes(251) + b"ustar", "packed archive (tar)"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"%PDF-1.4", "PDF"),
        (b"\x93NUMPY\x01", "array of numpy"),
        (b"<?xml version='1.0'?><html>", "web page"),
    ],
)
def test_other_files_are_named(tmp_path, start, said):
    path = tmp_path / "model.h5"
    path.write_bytes(start + b"0" * 40)
    assert said in _refusal(path)


def test_a_configuration_without_a_class_is_told():
    with pytest.raises(ModelFileError, match="names no class"):
        read_network({}, file_name="x.keras")
