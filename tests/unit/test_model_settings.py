"""The settings file beside a model: round trip, validation of every field, read-only folders."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from model.engine.protocol import Activation, Fit, ModelSettings, Scaling
from model.errors import ModelFileError
from model.model_settings import (
    load_settings,
    load_settings_sha256,
    save_settings,
    settings_path,
)

SETTINGS = ModelSettings(
    scaling=Scaling.IMAGENET,
    channel_order="bgr",
    output_index=2,
    activation=Activation.LOGITS,
    fit=Fit.TILE,
    input_size=(256, 320),
    class_names=("Straße", "Himmel"),
    class_colors=((1, 2, 3), (4, 5, 6)),
    excluded_classes=(1,),
    percentiles=(2.0, 98.5),
)


def test_saved_settings_come_back_equal(tmp_path):
    model = tmp_path / "street.keras"

    written = save_settings(model, SETTINGS, sha256="ab" * 32)

    assert written == tmp_path / "street.seggui.json"
    assert load_settings(model) == SETTINGS
    assert load_settings_sha256(model) == "ab" * 32


def test_a_model_without_settings_file_has_none(tmp_path):
    assert load_settings(tmp_path / "street.keras") is None
    assert load_settings_sha256(tmp_path / "street.keras") == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "something else"),
        ("version", 2),
        ("scaling", "percent"),
        ("scaling", ["raw"]),
        ("channel_order", "grb"),
        ("output_index", -1),
        ("output_index", True),
        ("activation", None),
        ("fit", "stretch"),
        ("percentiles", [1]),
        ("percentiles", [50, 50]),
        ("percentiles", [-1, 50]),
        ("percentiles", [True, 50]),
        ("excluded_classes", [2]),
        ("excluded_classes", [0, 1]),
        ("excluded_classes", [True]),
        ("excluded_classes", 1),
        ("input_size", [256]),
        ("input_size", [256, 0]),
        ("input_size", [256.0, 256]),
        ("classes", []),
        ("classes", [{"name": "", "color": [0, 0, 0]}]),
        ("classes", [{"name": "a", "color": [0, 0, 256]}]),
        ("classes", [{"name": "a", "color": "red"}]),
        ("classes", [{"name": "a", "color": [0, 0, 0]}] * 2),
        ("classes", ["a"]),
    ],
)
def test_every_wrong_field_is_named_and_the_file_is_left_alone(tmp_path, field, value):
    model = tmp_path / "street.keras"
    path = save_settings(model, SETTINGS, sha256="")
    data = json.loads(path.read_text(encoding="utf-8"))
    data[field] = value
    path.write_text(json.dumps(data), encoding="utf-8")
    before = path.read_bytes()

    with pytest.raises(ModelFileError, match=field):
        load_settings(model)

    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_broken_file_is_refused_with_its_name(tmp_path, content):
    settings_path(tmp_path / "street.keras").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"street\.seggui\.json"):
        load_settings(tmp_path / "street.keras")


def test_a_read_only_folder_sends_the_settings_to_the_settings_folder(tmp_path, monkeypatch):
    models, elsewhere = tmp_path / "models", tmp_path / "settings"
    models.mkdir()
    real_access = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: p != models and real_access(p, mode))
    model = models / "street.keras"

    written = save_settings(model, SETTINGS, sha256="", settings_dir=elsewhere)

    assert written.parent == elsewhere
    assert list(models.iterdir()) == []
    assert load_settings(model, settings_dir=elsewhere) == SETTINGS
    assert load_settings(models / "other.keras", settings_dir=elsewhere) is None


def test_settings_beside_the_model_win_over_the_settings_folder(tmp_path):
    model, elsewhere = tmp_path / "street.keras", tmp_path / "settings"
    save_settings(model, SETTINGS, sha256="")
    stray = settings_path(model, elsewhere)
    stray.parent.mkdir()
    stray.write_text("broken", encoding="utf-8")
    assert load_settings(model, settings_dir=elsewhere) == SETTINGS


def test_settings_of_versions_that_knew_less_are_read(tmp_path):
    model = tmp_path / "street.keras"
    written = save_settings(model, SETTINGS, sha256="")
    data = json.loads(written.read_text(encoding="utf-8"))
    del data["excluded_classes"]
    del data["percentiles"]
    written.write_text(json.dumps(data), encoding="utf-8")

    assert load_settings(model) == replace(SETTINGS, excluded_classes=(), percentiles=(1.0, 99.8))
