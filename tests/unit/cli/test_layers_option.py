"""``--layers`` consents to one Python file for one model; without it nothing is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import pytest
from PIL import Image

from model.trust import TrustStore
from seggui.commands.network import settings_folder
from tests.unit.cli.kit import run, write_image
from tests.unit.cli.test_inspect import write_model
from tests.unit.fake_engine import FakeEngine
from tests.zoo.packed import unpacked_zoo

ZOO = unpacked_zoo()


@pytest.fixture
def custom(tmp_path: Path) -> tuple[Path, Path]:
    """A genuine model with two layers of its own, and the file that defines them."""
    model = shutil.copy(ZOO / "tf210_custom_unregistered.h5", tmp_path / "mine.h5")
    code = shutil.copy(ZOO / "keras2_layers.py", tmp_path / "mine.py")
    return model, code


@pytest.mark.parametrize("command", ["inspect", "predict"])
def test_without_the_option_all_classes_and_the_option_are_named(
    custom: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    model, _ = custom
    image = write_image(tmp_path / "a.png")
    rest = (image, "-o", tmp_path / "out") if command == "predict" else ()
    assert run(command, model, *rest) == 1
    said = capsys.readouterr().err
    for expected in ("ScaledShift", "TwoConvolutions", "--layers FILE.py"):
        assert expected in said
    assert len(said.splitlines()) == 1


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the layers of the file use tensorflow"
)
def test_the_consent_is_remembered_until_the_file_changes(
    custom: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, code = custom
    image = tmp_path / "photo.png"
    Image.effect_noise((96, 96), 90).convert("RGB").save(image)
    assert run("inspect", model, "--layers", code, "--json") == 0
    assert json.loads(capsys.readouterr().out)["problem"] == ""

    assert run("predict", model, image, "-o", tmp_path / "out") == 0
    assert (tmp_path / "out" / "photo.png").is_file()

    code.write_text(code.read_text() + "\n# changed\n")
    capsys.readouterr()
    assert run("inspect", model) == 1
    said = capsys.readouterr().err
    assert "has changed" in said
    assert "--layers FILE.py" in said


def test_a_model_that_needs_no_file_says_so_and_remembers_nothing(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "m.keras", "Conv2D")
    code = tmp_path / "mine.py"
    code.write_text("raise SystemError\n")
    assert run("inspect", model, "--layers", code) == 0
    assert "m.keras needs no --layers" in capsys.readouterr().err
    assert TrustStore(settings_folder()).entries() == {}


def test_a_python_file_that_is_not_there_is_an_error(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "m.keras", "Twirl")
    assert run("inspect", model, "--layers", tmp_path / "none.py") == 1
    assert "none.py could not be read" in capsys.readouterr().err
    assert engine.model is None


def test_program_code_in_the_model_stays_refused_with_a_file(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = tmp_path / "mine.py"
    code.write_text("class Twirl: pass\n")
    model = write_model(tmp_path / "m.keras", "Twirl", "TFSMLayer")
    assert run("inspect", model, "--layers", code) == 1
    assert "from outside of itself" in capsys.readouterr().err
    assert engine.model is None
    assert TrustStore(settings_folder()).entries() == {}


@pytest.mark.parametrize("command", ["inspect", "predict", "fine-tune", "evaluate"])
def test_the_help_says_that_the_file_is_run(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit):
        run(command, "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "--layers FILE.py" in said
    assert "It is RUN on this computer and can do anything you can do" in said
