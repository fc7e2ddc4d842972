"""Lambda layers whose code is not recognised calculate what the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.digest import file_sha256
from model.errors import LambdaError, ModelFileError
from model.foreign.contents import describe_contents
from model.foreign.replacements import ReplacementStore, understood, with_replacements
from model.inspection import inspect_file
from model.opening import inspect_with_consent, open_with_consent
from tests.unit import zoo as networks

pytestmark = networks.keras_warnings


def named(x: Any) -> Any:
    """Stored by its name only: its code is not in the file."""
    return x[0] * x[1]


def model(*, inner: bool = False) -> keras.Model:
    image = keras.Input((None, None, 3))
    x = layers.Lambda(lambda x: sum(part / 510 for part in (x, x)), name="scale")(image)
    a, b = layers.Conv2D(4, 3, padding="same", name="a")(x), layers.Conv2D(4, 1, name="b")(x)
    x = layers.Lambda(named, name="join")([a, b])
    body = keras.Model(image, layers.Conv2D(3, 1, activation="softmax", name="classes")(x))
    if not inner:
        return body
    outer = keras.Input((None, None, 3))
    return keras.Model(outer, layers.Softmax()(body(outer)))


@pytest.fixture(params=["file.keras", "file.h5"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return networks.saved(model(), tmp_path, str(request.param))


@pytest.fixture
def store(tmp_path: Path) -> ReplacementStore:
    return ReplacementStore(tmp_path / "settings")


RIGHT = {"scale": "x / 255", "join": "x[0] * x[1]"}


def opened(path: Path) -> keras.Model:
    folder = path.parent / "settings"
    return open_with_consent(inspect_with_consent(path, folder), folder)


def answer(network: keras.Model, image: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(network(image)))


def test_all_of_them_are_named_with_what_they_get_and_what_their_code_shows(path):
    with pytest.raises(LambdaError) as refused:
        opened(path)
    scale, join = refused.value.lambdas
    assert (scale.layer, join.layer) == ("scale", "join")
    assert "constants 510" in scale.found
    assert "names sum" in scale.found
    assert "named" in join.found
    assert scale.shapes == ("? x ? x ? x 3",)
    assert join.gets == ("Conv2D 'a'", "Conv2D 'b'")
    assert join.shapes == ()  # what comes before has an open one itself
    assert refused.value.model_sha256 == file_sha256(path)
    assert "--replace" in refused.value.remedy


def test_with_replacements_the_network_answers_as_its_writer_did(path, store):
    source = keras.saving.load_model(
        path, custom_objects={"named": named}, safe_mode=False, compile=False
    )
    store.keep(file_sha256(path), RIGHT)
    network = opened(path)
    image = np.random.default_rng(2).uniform(0, 255, (1, 8, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(answer(network, image), answer(source, image), atol=1e-6)
    notes = inspect_with_consent(path, path.parent / "settings").notes
    assert any("'scale' calculates x / 255" in note for note in notes)
    again = networks.saved(network, path.parent, "again.keras")
    np.testing.assert_allclose(answer(opened(again), image), answer(network, image), atol=1e-6)


def test_the_shapes_of_the_next_one_show_once_the_first_is_chosen(path, store):
    store.keep(file_sha256(path), {"scale": "x / 255"})
    with pytest.raises(LambdaError) as refused:
        opened(path)
    (join,) = refused.value.lambdas
    assert join.shapes == ("? x ? x ? x 4", "? x ? x ? x 4")


def test_what_does_not_fit_is_told_and_can_be_chosen_again(path, store):
    store.keep(file_sha256(path), {**RIGHT, "join": "tf.concat(x, -1)"})
    with pytest.raises(LambdaError, match="what was chosen") as refused:
        opened(path)
    assert {each.layer: each.chosen for each in refused.value.lambdas} == {
        "scale": "x / 255", "join": "tf.concat(x, -1)",
    }  # fmt: skip


def test_networks_inside_of_networks_are_reached(tmp_path, store):
    path = networks.saved(model(inner=True), tmp_path, "nested.keras")
    store.keep(file_sha256(path), RIGHT)
    assert opened(path).output_shape[-1] == 3


def test_the_configuration_that_was_given_stays(path):
    report = inspect_file(path)
    before = repr(report.config)
    changed = with_replacements(report.config, RIGHT)
    assert repr(report.config) == before
    assert repr(changed) != before
    assert describe_contents(inspect_file(path)).needs_replacements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x/255.", "x / 255.0"),
        (" tf.nn.depth_to_space(x, 2) ", "depth_to_space(x, 2)"),
        ("x[..., ::-1] - (103.939, 116.779, 123.68)", "x[..., ::-1] - (103.939, 116.779, 123.68)"),
        ("K.softmax(x)", "softmax(x, -1)"),
        ("x", "x"),
    ],
)
def test_a_replacement_is_read_as_a_lambda_is(text, expected):
    assert understood(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "x +", "x), (x", "x\nx", "1", "y", "print(x)", "__import__('os').system('true')",
        "open('marker', 'w')", "(lambda y: y)(x)", "[v for v in x]", "x if x else 0",
        "x.__class__", "9 ** 9 ** 9 ** 9", "x" * 301, "(" * 250 + "x" + ")" * 40,
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_nothing_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError):
        understood(text)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_understood_is_kept(store):
    store.keep("0" * 64, {"a": "x / 255"})
    with pytest.raises(ModelFileError):
        store.keep("0" * 64, {"a": "open('x')"})
    assert store.of("0" * 64) == {"a": "x / 255"}
    store.keep("0" * 64, {})
    assert store.of("0" * 64) == {}


def test_a_damaged_entry_is_named_and_left_alone(path, store):
    store.keep(file_sha256(path), RIGHT)
    (entry,) = (path.parent / "settings" / "replacements").iterdir()
    entry.write_text("{")
    with pytest.raises(ModelFileError, match="damaged"):
        opened(path)
    assert entry.read_text() == "{"
