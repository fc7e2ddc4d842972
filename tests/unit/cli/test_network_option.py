"""``--network`` names the network of a file that holds weights only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.trust import TrustStore
from seggui.commands.network import settings_folder
from tests.unit.cli.kit import run, write_image
from tests.unit.cli.test_inspect import write_model
from tests.unit.fake_engine import FakeEngine
from tests.zoo.packed import unpacked_zoo

ZOO = unpacked_zoo()

CODE = """
import json, pathlib
from keras.models import model_from_json

def make_network():
    here = pathlib.Path({folder!r})
    (here / "runs").open("a").write("x")
    return model_from_json((here / "network.json").read_text())
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Genuine weights whose network lies elsewhere."""
    name = "keras315_nested_encoder_weights"
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(ZOO / f"{name}.json", tmp_path / "elsewhere" / "network.json")
    return Path(shutil.copy(ZOO / f"{name}.weights.h5", tmp_path / "mine.weights.h5"))


def test_without_it_the_missing_network_is_named(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", weights) == 1
    said = capsys.readouterr().err
    assert "holds weights only" in said
    assert len(said.splitlines()) == 1


def test_it_is_remembered(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = tmp_path / "elsewhere" / "network.json"
    assert run("inspect", weights, "--network", network, "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert "network.json" in described["notes"][0]
    network.unlink()
    image = write_image(tmp_path / "a.png")
    assert run("predict", weights, image, "-o", tmp_path / "out") == 0
    assert (tmp_path / "out" / "a.png").is_file()


def test_a_python_file_is_run_once(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "elsewhere"
    code = folder / "mine.py"
    code.write_text(CODE.format(folder=str(folder)))
    for options in (("--network", code), ()):
        assert run("inspect", weights, *options, "--json") == 0
        assert "mine.py" in json.loads(capsys.readouterr().out)["notes"][0]
    assert (folder / "runs").read_text() == "x"


def test_a_whole_model_needs_none(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "m.keras", "Conv2D")
    code = tmp_path / "mine.py"
    code.write_text("raise SystemError\n")
    assert run("inspect", model, "--network", code) == 0
    assert "needs no --network" in capsys.readouterr().err
    assert TrustStore(settings_folder()).entries() == {}
