"""``--run-program`` consents to the program of one SavedModel folder; without it nothing is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

from model.trust import TrustStore
from seggui.commands import network
from seggui.commands.network import settings_folder
from tests.unit.cli.kit import run, write_image
from tests.unit.cli.test_inspect import write_model
from tests.unit.fake_engine import FakeEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it is a program for tensorflow"
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of a program that leaves a file behind when it runs."""
    import tensorflow as tf

    def answer(image: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "ran"), "")]):
            return tf.nn.softmax(image, axis=-1)

    spec = tf.TensorSpec((None, None, None, 3), tf.float32)
    function = tf.function(answer, input_signature=[spec])
    tf.saved_model.save(tf.Module(), str(tmp_path / "program"), signatures=function)
    return tmp_path / "program"


def test_without_the_option_it_is_refused_and_the_option_is_named(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (("inspect", program), ("predict", program, write_image(tmp_path / "a.png"),
                                             "-o", tmp_path / "out")):  # fmt: skip
        assert run(*arguments) == 1
        said = capsys.readouterr().err
        assert "holds a program and no layers" in said
        assert "--run-program" in said
    assert not (tmp_path / "ran").exists()


def test_the_consent_is_remembered_until_the_folder_changes(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Named as file dialogs name it: by the file in the folder.
    assert run("inspect", program / "saved_model.pb", "--run-program", "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["problem"] == ""
    assert any("program" in risk for risk in described["risks"])
    assert len(TrustStore(settings_folder()).entries()) == 1

    assert run("inspect", program) == 0
    assert "program" in capsys.readouterr().out
    (program / "more").write_text("new")
    assert run("inspect", program) == 1


def test_a_network_with_layers_needs_no_such_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "open_engine", lambda *_, **__: FakeEngine())
    model = write_model(tmp_path / "plain.keras", "Conv2D")
    assert run("inspect", model, "--run-program") == 0
    assert "has layers and needs no --run-program" in capsys.readouterr().err
    assert not TrustStore(settings_folder()).entries()
