"""The small test kept with a network: made again from a few numbers, compared, and checked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from model.model_settings import load_settings, load_test, save_settings
from model.remembered_test import (
    NUM_PLACES,
    KnownInput,
    Libraries,
    RememberedTest,
    change_words,
    from_json,
    noise,
    places,
    remember,
    to_json,
)
from tests.unit.test_model_settings import SETTINGS

CPU = Libraries("3.15.1", "tensorflow 2.21.0", "cpu", "0.1.0")
SOURCE = KnownInput(1, (65, 67), 3, 255.0)
SHA256 = "ab" * 32


def answer() -> np.ndarray:
    return noise(9, (1, 65, 67, 4)) * 5 - 2


def remembered(values: np.ndarray | None = None, **fields: object) -> RememberedTest:
    made = remember(
        SOURCE, answer() if values is None else values, output_index=0, precision="float32",
        libraries=CPU,
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def test_the_noise_is_the_same_for_ever() -> None:
    expected = [0.57339758, 0.58839375, 0.70413369, 0.92776287]
    np.testing.assert_array_equal(noise(1, (4,)), np.array(expected, np.float32))


def test_the_noise_fills_its_range_evenly_and_differs_with_the_seed() -> None:
    values = noise(1, (1, 64, 64, 3))
    counts, _ = np.histogram(values, 8, (0, 1))
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() < 1
    assert counts.min() > 0.9 * counts.mean()
    assert abs(np.corrcoef(values.ravel()[:-1], values.ravel()[1:])[0, 1]) < 0.05
    assert (values != noise(2, values.shape)).mean() > 0.99


def test_the_input_is_made_from_its_numbers_alone() -> None:
    made = SOURCE.make()
    assert made.shape == (1, 65, 67, 3)
    assert 250 < made.max() <= 255
    np.testing.assert_array_equal(made, KnownInput(1, (65, 67), 3, 255.0).make())


def test_places_lie_in_the_output_and_are_spread() -> None:
    found = places(1000, 1)
    assert len(found) == NUM_PLACES
    assert found.min() >= 0
    assert found.max() < 1000
    assert len(set(found.tolist())) > 0.9 * NUM_PLACES


def test_the_test_survives_its_file_and_the_settings_are_read_as_before(tmp_path) -> None:
    model = tmp_path / "street.keras"
    save_settings(model, SETTINGS, sha256=SHA256, test=remembered())
    assert load_test(model, sha256=SHA256) == (remembered(), "")
    assert load_settings(model) == SETTINGS


def test_files_without_a_test_stay_valid(tmp_path) -> None:
    model = tmp_path / "street.keras"
    written = save_settings(model, SETTINGS, sha256=SHA256)
    assert "test" not in json.loads(written.read_text())
    assert load_test(model, sha256=SHA256) == (None, "")


def test_a_model_without_settings_or_with_other_content_has_no_test(tmp_path) -> None:
    model = tmp_path / "street.keras"
    assert load_test(model, sha256=SHA256) == (None, "")
    save_settings(model, SETTINGS, sha256="00" * 32, test=remembered())
    assert load_test(model, sha256=SHA256) == (None, "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1), ("seed", 1.5), ("size", [65]), ("size", [0, 67]), ("size", [70000, 70000]),
        ("size", "large"), ("channels", 5), ("channels", True), ("scale", 0), ("scale", 1e30),
        ("output_index", -1), ("values", [0.0]), ("values", ["a"] * NUM_PLACES),
        ("values", [float("nan")] * NUM_PLACES), ("span", -1.0), ("span", None),
        ("precision", "float64"), ("keras", 3), ("backend", "x" * 100), ("backend", "a\nb"),
        ("device", "tpu"), ("program", None),
    ],
)  # fmt: skip
def test_each_damaged_field_is_named(tmp_path, field: str, value: object) -> None:
    model = tmp_path / "street.keras"
    written = save_settings(model, SETTINGS, sha256=SHA256, test=remembered())
    data = json.loads(written.read_text())
    data["test"][field] = value
    written.write_text(json.dumps(data))

    test, problem = load_test(model, sha256=SHA256)

    assert test is None
    assert "street.seggui.json is damaged" in problem
    assert f"test.{field}" in problem
    assert load_settings(model) == SETTINGS


@pytest.mark.parametrize("data", [[], "text", 3, {}])
def test_what_is_no_test_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="test"):
        from_json(data)


def test_json_has_no_array_and_is_small() -> None:
    text = json.dumps(to_json(remembered()))
    assert from_json(json.loads(text)) == remembered()
    assert len(text) < 1500


def test_equal_numbers_and_rounding_are_no_change() -> None:
    assert change_words("a", remembered(), remembered()) == ""
    rounded = remembered(answer() * np.float32(1.00001))
    assert change_words("a", remembered(), rounded) == ""


def test_a_change_names_the_file_the_difference_and_both_libraries() -> None:
    values = answer()
    values.reshape(-1)[places(values.size, SOURCE.seed)[7]] += 0.5  # of a span of 5
    newer = Libraries("3.16.0", "torch 2.9", "cpu")
    said = change_words("street.keras", remembered(), remembered(values, libraries=newer))
    assert said.startswith("street.keras gives other numbers")
    assert "up to 10 %" in said
    assert "Keras 3.15.1, tensorflow 2.21.0 on CPU, seggui 0.1.0" in said
    assert "Keras 3.16.0, torch 2.9 on CPU" in said


@pytest.mark.parametrize(
    ("share", "fields", "is_change"),
    [
        (0.0015, {}, True),
        (0.0005, {}, False),
        (0.0015, {"libraries": replace(CPU, device="gpu")}, False),
        (0.015, {"libraries": replace(CPU, device="gpu")}, True),
        (0.02, {"precision": "float16"}, False),
        (0.04, {"precision": "float16"}, True),
    ],
)
def test_what_rounding_explains_depends_on_precision_and_device(share, fields, is_change) -> None:
    before = remembered()
    values = tuple(v + share * before.span for v in before.values)
    assert bool(change_words("a", before, replace(before, values=values, **fields))) is is_change


def test_a_flat_answer_that_moves_is_a_change() -> None:
    flat = np.full((1, 8, 8, 2), 0.5, np.float32)
    assert change_words("a", remembered(flat), remembered(flat)) == ""
    assert change_words("a", remembered(flat), remembered(flat + 0.1)) != ""
