"""Inspecting model files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.unit.cli.kit import run
from tests.unit.fake_engine import FakeEngine


def write_model(path: Path, *layers: str) -> Path:
    """A file that passes for a Keras model as long as nobody builds it."""
    config = {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [
                {"class_name": name, "name": name, "config": {}, "inbound_nodes": []}
                for name in layers
            ],
            "input_layers": [[layers[0], 0, 0]],
            "output_layers": [[layers[-1], 0, 0]],
        },
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.1.0"}))
        archive.writestr("model.weights.h5", b"")
    return path


def test_inspect_tells_people_what_the_file_is(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", write_model(tmp_path / "m.keras", "Conv2D")) == 0
    said = capsys.readouterr().out
    for expected in (
        "Format:         keras, Keras 3.1.0",
        "Risks:          none found",
        "Input:          any x any x 3, sides in multiples of 16",
        "Activation:     softmax (output 0)",
        "Preprocessing:  unit, rgb, images: whole",
        "Classes:        2: dark, bright",
        "Note: The last layer is a softmax.",
    ):
        assert expected in said.splitlines()
    assert engine.is_closed


def test_inspect_prints_one_json_object(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", write_model(tmp_path / "m.keras", "Conv2D"), "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["settings"]["scaling"] == "unit"
    assert described["input_shape"] == [None, None, 3]
    assert described["risks"] == []
    assert described["problem"] == ""


def test_inspect_describes_a_model_that_it_will_not_open(
    engine: FakeEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("an engine, and so Keras, was asked")

    monkeypatch.setattr(engine, "load", load)
    assert run("inspect", write_model(tmp_path / "m.keras", "Lambda"), "--json") == 1
    said = capsys.readouterr()
    described = json.loads(said.out)
    (code,) = described["contents"]["code"]
    assert code.startswith("Lambda 'Lambda' (")  # and what its code shows
    assert described["risks"] == [f"It contains program code in the layer {code}."]
    assert described["problem"].startswith("m.keras contains program code in the layer Lambda")
    assert said.err.startswith("seggui: m.keras contains program code")


def test_inspect_names_all_that_is_unknown_at_once(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_model(tmp_path / "m.keras", "Conv2D", "Swirl", "Twist")
    assert run("inspect", path) == 1
    said = capsys.readouterr()
    assert "Layers:         1 Conv2D, 1 Swirl, 1 Twist" in said.out
    assert "Swirl, Twist" in said.err
