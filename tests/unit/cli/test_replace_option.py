"""``--replace`` says what a Lambda layer calculates whose code is not recognised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.foreign.replacements import ReplacementStore
from seggui.commands.network import settings_folder
from tests.unit import zoo as networks
from tests.unit.cli.kit import run, write_image
from tests.unit.test_replacements import model

pytestmark = networks.keras_warnings


@pytest.fixture
def mystery(tmp_path: Path) -> Path:
    """A model with two Lambda layers that nobody recognises."""
    return networks.saved(model(), tmp_path, "mystery.keras")


def test_without_it_both_layers_and_the_option_are_named(
    mystery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", mystery) == 1
    said = capsys.readouterr().err
    for expected in ("'scale'", "'join'", "--replace"):
        assert expected in said


def test_what_is_said_is_remembered_and_used(
    mystery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", mystery, "--replace", "scale=x / 255") == 1
    capsys.readouterr()
    assert run("inspect", mystery, "--replace", "join = x[0] * x[1]", "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["problem"] == ""
    assert described["contents"]["replaced"] == [
        "Lambda 'scale': x / 255", "Lambda 'join': x[0] * x[1]",
    ]  # fmt: skip
    image = write_image(tmp_path / "a.png")
    assert run("predict", mystery, image, "-o", tmp_path / "out") == 0
    assert (tmp_path / "out" / "a.png").is_file()


@pytest.mark.parametrize("text", ["scale", "other=x / 255", "scale=open('x')"])
def test_what_is_no_replacement_is_an_error_and_not_kept(
    mystery: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", mystery, "--replace", text) == 1
    assert text.rpartition("=")[2] in capsys.readouterr().err
    assert not (settings_folder() / "replacements").exists()
    assert ReplacementStore(settings_folder()).of("0" * 64) == {}
