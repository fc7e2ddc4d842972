"""Every genuine file of the zoo opens with the numbers of the Keras that wrote it, and lives on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model.errors import ModelFileError
from model.foreign.contents import describe_contents
from model.inspection import inspect_file
from model.opening import open_network
from tests.unit import zoo as networks
from tests.zoo.packed import unpacked_zoo

ZOO = unpacked_zoo()
ENTRIES: list[dict[str, Any]] = json.loads((ZOO / "zoo.json").read_text("utf-8"))

KNOWN_BODIES = ("scaled", "centred", "resized", "expanded", "shuffled", "sliced")
"""Lambda layers whose code says what they calculate; they are replaced without being run."""

pytestmark = networks.keras_warnings


def _named(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["name"], marks=_marks(entry)) for entry in entries]


def _marks(entry: dict[str, Any]) -> list[pytest.MarkDecorator]:
    needs_tensorflow = "_saved_" in entry["name"] and entry["expects"] == "opens"
    is_absent = keras.backend.backend() != "tensorflow"
    reason = "the weights of a SavedModel are read with TensorFlow"
    return [pytest.mark.skip(reason=reason)] if needs_tensorflow and is_absent else []


def opens(entry: dict[str, Any]) -> bool:
    return (
        entry["expects"] in ("opens", "needs_architecture")
        or entry.get("lambda_body") in KNOWN_BODIES
    )


def answers(network: keras.Model, image: np.ndarray) -> list[np.ndarray]:
    outputs = network(image, training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(y), np.float32) for y in outputs]


def expected_of(entry: dict[str, Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    with np.load(ZOO / entry["sample"]) as sample:
        names = sorted(name for name in sample.files if name.startswith("y"))
        return sample["x"], [sample[name].astype(np.float32) for name in names]


def tolerance_of(entry: dict[str, Any]) -> float:
    return 0.03 if "16" in entry["what"] else 1e-4


@pytest.mark.parametrize("entry", _named([e for e in ENTRIES if opens(e)]))
def test_it_opens_matches_trains_and_opens_again(entry: dict[str, Any], tmp_path: Path) -> None:
    network = open_network(inspect_file(ZOO / entry["file"]))
    assert network.count_params() > 0
    if "sample" not in entry:
        return
    image, expected = expected_of(entry)
    if "channels_first" in entry["name"]:  # rebuilt with channels last
        image = np.moveaxis(image, 1, -1)
        expected = [np.moveaxis(y, 1, -1) for y in expected]
    received = answers(network, image)
    assert len(received) == len(expected)
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance_of(entry), rtol=0)

    before = [np.array(weight) for weight in network.get_weights()]
    network.compile(keras.optimizers.SGD(1e-3), "mse")
    targets = [np.zeros_like(y) for y in expected]
    for _ in range(2):
        network.train_on_batch(image, targets[0] if len(targets) == 1 else targets)
    assert any(not np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))

    again = tmp_path / "again.keras"
    network.save(again)
    reopened = open_network(inspect_file(again))
    for ours, theirs in zip(answers(reopened, image), answers(network, image), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_there_are_lambda_layers_of_both_kinds_in_the_zoo() -> None:
    bodies = {entry["lambda_body"] for entry in ENTRIES if "lambda_body" in entry}
    assert bodies == {*KNOWN_BODIES, "arguments"}


@pytest.mark.parametrize("entry", _named([e for e in ENTRIES if "lambda_body" in e]))
def test_a_lambda_is_shown_with_what_it_calculates_or_with_what_its_code_shows(
    entry: dict[str, Any],
) -> None:
    contents = describe_contents(inspect_file(ZOO / entry["file"]))
    assert contents.lambdas
    if opens(entry):
        assert not contents.code
        assert len(contents.replaced) == len(contents.lambdas)
    else:
        assert not contents.replaced
        (code,) = contents.code
        assert contents.lambdas[0].layer in code
        assert "'channels_last'" in code
        assert code in str(contents.refusal(entry["file"]))


@pytest.mark.parametrize(
    "entry",
    _named([e for e in ENTRIES if e["expects"] in ("asks_code", "refused") and not opens(e)]),
)
def test_what_does_not_open_is_refused_in_one_sentence(
    entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setenv("SEGGUI_ZOO_MARKER", str(marker))
    settings = keras.config.image_data_format(), keras.config.floatx(), keras.backend.backend()

    with pytest.raises(ModelFileError) as caught:
        networks.opened(ZOO / entry["file"])

    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not marker.exists()
    assert settings == (
        keras.config.image_data_format(), keras.config.floatx(), keras.backend.backend()
    )  # fmt: skip


@pytest.mark.parametrize("entry", _named([e for e in ENTRIES if e["expects"] == "harmless"]))
def test_what_is_wrong_in_parts_that_are_never_looked_at_does_no_harm(
    entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setenv("SEGGUI_ZOO_MARKER", str(marker))
    _, info = networks.opened(ZOO / entry["file"])
    assert info.num_classes == 2
    assert not marker.exists()


WEIGHTS = [e for e in ENTRIES if e["expects"] == "needs_architecture"]


@pytest.mark.parametrize("entry", _named(WEIGHTS))
def test_weights_without_their_network_are_refused_until_it_lies_beside_them(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    weights = tmp_path / "best_weights.h5"
    shutil.copy(ZOO / entry["file"], weights)
    with pytest.raises(ModelFileError, match=r"best_weights\.json") as refused:
        inspect_file(weights)
    assert "holds weights only" in str(refused.value)

    shutil.copy(ZOO / entry["architecture"], tmp_path / "best.json")
    report = inspect_file(weights)
    assert "best.json" in report.notes[0]
    assert inspect_file(tmp_path / "best.json").path == weights  # the text may be chosen, too
    image, expected = expected_of(entry)
    np.testing.assert_allclose(answers(open_network(report), image)[0], expected[0], atol=1e-4)


def is_usable(entry: dict[str, Any]) -> bool:
    """Whether it is a network for gray or colour images that opens without anything else."""
    return opens(entry) and entry["expects"] != "needs_architecture" and "sample" in entry


@pytest.mark.parametrize("entry", _named([e for e in ENTRIES if is_usable(e)]))
def test_what_it_is_gets_worked_out(entry: dict[str, Any]) -> None:
    with np.load(ZOO / entry["sample"]) as sample:
        channels = sample["x"].shape[1 if "channels_first" in entry["name"] else -1]
    _, info = networks.opened(ZOO / entry["file"])
    assert info.input_shape[2] == channels
    assert any("opacity" in note for note in info.notes) == (channels in (2, 4))
    activation = {"independent sigmoids": "sigmoid"}.get(entry["output"], entry["output"])
    assert info.settings.activation.value == activation
    if "best_output" in entry:
        assert info.settings.output_index == entry["best_output"]
    if entry.get("lambda_body") in ("scaled", "centred"):
        assert info.settings.scaling.value == "raw"  # the Lambda does it
