"""Damaged and hostile files end in one clear sentence; here a short run, and what was found before.

``python -m tests.benchmarks.fuzz_models`` is the long run.
"""

from __future__ import annotations

import base64
import builtins
import json
import marshal
import zipfile
from pathlib import Path
from random import Random
from types import FunctionType
from typing import Any

import h5py
import numpy as np
import pytest

from model.errors import ModelFileError
from model.file_report import TrainingNote
from model.foreign.contents import describe_contents
from model.foreign.json_text import MAX_DEPTH, parse_json
from model.foreign.weight_files import open_weights
from model.inspection import inspect_file
from tests.fuzz.configurations import MARKER_VARIABLE, plant_code
from tests.fuzz.corpus import read_corpus
from tests.fuzz.making import make_file
from tests.fuzz.workers import Task, try_files

NUM_FILES = 300


def test_mutated_files_are_opened_or_refused_and_nothing_else_happens() -> None:
    tasks = (Task(f"suite-{number}", as_network=False) for number in range(NUM_FILES))

    tried = list(try_files(tasks, num_workers=1, with_keras=False))

    failures = [(each.task.seed, each.recipe, each.outcome) for each in tried
                if each.outcome.result == "failure"]  # fmt: skip
    assert failures == []
    assert len(tried) == NUM_FILES
    results = [each.outcome.result for each in tried]
    assert min(results.count("opened"), results.count("refused")) > NUM_FILES / 10


def test_a_seed_makes_the_same_file_again(tmp_path: Path) -> None:
    corpus = read_corpus()
    for seed in ("one-3", "one-4", "one-5"):
        made = []
        for turn in "ab":
            folder = tmp_path / f"{seed}{turn}"
            folder.mkdir()
            made.append(make_file(corpus, seed, folder))
        assert made[0].recipe == made[1].recipe
        assert made[0].path.is_dir() or made[0].path.read_bytes() == made[1].path.read_bytes()


# --- what fuzzing found ---


def configuration(**options: Any) -> dict[str, Any]:
    return {"class_name": "Functional", "config": {"name": "n", "layers": [], **options}}


def keras_file(folder: Path, *, compression: int = zipfile.ZIP_STORED, config: str = "") -> Path:
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("config.json", config or json.dumps(configuration()) + " " * 2000)
        archive.writestr("model.weights.h5", b"none")
    return path


def weights_file(path: Path, **members: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in members.items():
            file.create_dataset(name, data=values)
    return path


def refusal_of(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        describe_contents(inspect_file(path))
    return str(caught.value)


def test_broken_packing_of_a_member_is_damage(tmp_path: Path) -> None:
    path = keras_file(tmp_path, compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    start = data.find(b"config.json") + len(b"config.json")
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)

    assert "damaged or was cut off" in refusal_of(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_packing_that_keras_never_uses_is_refused(tmp_path: Path, compression: int) -> None:
    assert "in a way that Keras never does" in refusal_of(
        keras_file(tmp_path, compression=compression)
    )


def test_an_encrypted_member_is_damage(tmp_path: Path) -> None:
    path = keras_file(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)

    assert "encrypted" in refusal_of(path)


def test_a_class_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    config = json.dumps({"class_name": {"a": 1}, "config": {"layers": []}})
    assert "names no class" in refusal_of(keras_file(tmp_path, config=config))


@pytest.mark.parametrize("place", ["name", "class_name", "option"])
def test_endless_names_in_the_configuration_are_refused(tmp_path: Path, place: str) -> None:
    layer: dict[str, Any] = {"class_name": "Conv2D", "name": "conv", "config": {"filters": 1}}
    if place == "option":
        layer["config"]["x" * 70_000] = 7
    else:
        layer[place] = "x" * 70_000

    text = refusal_of(keras_file(tmp_path, config=json.dumps(configuration(layers=[layer]))))

    assert "a name of 70000 characters" in text
    assert len(text) < 600


def test_training_settings_that_are_no_object_say_nothing(tmp_path: Path) -> None:
    config = json.dumps({**configuration(), "compile_config": ["adam"]})

    assert inspect_file(keras_file(tmp_path, config=config)).training == TrainingNote()


def test_deep_json_is_refused_whatever_python_can_recurse() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    for depth in (MAX_DEPTH + 2, 100_000):
        with pytest.raises(ValueError, match="nested more than"):
            parse_json("[" * depth + "]" * depth)


def test_json_that_would_take_seconds_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Found by the fuzzer: 32 MB of lists in lists took four seconds."""
    config = json.dumps({**configuration(), "more": [[]] * 6_000_000})

    assert "no network needs more than" in refusal_of(keras_file(tmp_path, config=config))


def test_a_layer_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    layer = {"class_name": "Conv2D", "name": {"a": [1]}, "config": {"filters": 1}}
    config = json.dumps(configuration(layers=[layer]))

    assert "whose name is {'a': [1]}" in refusal_of(keras_file(tmp_path, config=config))


def endless_heap(folder: Path) -> Path:
    """A text of changing length, in a heap whose free rest says that it has no size."""
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(configuration())
    data = bytearray(path.read_bytes())
    heap = data.find(b"GCOL")
    text = int.from_bytes(data[heap + 24 : heap + 32], "little")
    rest = heap + 32 + (text + 7) // 8 * 8
    assert data[rest : rest + 2] == b"\0\0"
    data[rest + 8 : rest + 16] = bytes(8)
    path.write_bytes(data)
    return path


def test_a_heap_without_end_is_refused_before_the_library_walks_it(tmp_path: Path) -> None:
    assert "a heap in it has no end" in refusal_of(endless_heap(tmp_path))


def test_a_heap_without_end_is_refused_inside_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", endless_heap(tmp_path).read_bytes())

    with pytest.raises(ModelFileError, match="a heap in it has no end"), open_weights(
        path, "keras"
    ):  # fmt: skip
        pass


@pytest.mark.parametrize("name", ["model_config", "keras_version", "training_config"])
def test_an_attribute_of_another_kind_is_refused_before_the_library_reads_it(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "model.h5"
    numbers = np.frombuffer(json.dumps(configuration()).encode(), np.uint8)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(configuration())
        values = np.empty((), object)
        values[()] = numbers
        file.attrs.create(name, values, dtype=h5py.vlen_dtype(np.uint8))
    assert f"the attribute {name} holds no text" in refusal_of(path)


@pytest.mark.parametrize(
    "values",
    [h5py.Empty("f4"), b"text", np.ones(2, complex), np.zeros(2, [("a", "f4")]), np.zeros(2, "V7")],
    ids=["empty", "text", "complex", "compound", "opaque"],
)
def test_what_is_no_plain_number_is_no_weight(tmp_path: Path, values: Any) -> None:
    path = weights_file(tmp_path / "model.h5", kernel=values)

    with open_weights(path, "hdf5") as weights:
        weights.dimensions()
        with pytest.raises(ModelFileError, match="numbers were expected"):
            weights.array("kernel")


@pytest.mark.parametrize("name", ["\ud800", "a\0b", ""])
def test_a_name_that_hdf5_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    path = weights_file(tmp_path / "model.h5", kernel=np.zeros(2))

    with open_weights(path, "hdf5") as weights, pytest.raises(ModelFileError):
        weights.array(name)


def test_an_empty_list_of_names_is_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["weight_names"] = h5py.Empty("S1")

    with open_weights(path, "hdf5") as weights:
        assert weights.texts("weight_names") == ()


def test_names_of_the_file_do_not_fill_the_message(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.SoftLink("a" * 5000)

    with pytest.raises(ModelFileError) as caught, open_weights(path, "hdf5"):
        pass

    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("signature", [b"HEAP", b"SNOD", b"TREE"])
def test_damage_below_the_root_is_damage(tmp_path: Path, signature: bytes) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.create_group("conv").create_dataset("kernel", data=np.zeros(3))
    data = path.read_bytes()
    place = data.rfind(signature)
    path.write_bytes(data[:place] + b"----" + data[place + 4 :])

    with pytest.raises(ModelFileError, match="damaged HDF5 file"), open_weights(path, "hdf5"):
        pass


def test_a_group_in_two_places_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.create_group("conv")["again"] = file

    with pytest.raises(ModelFileError, match="in two places"), open_weights(path, "hdf5"):
        pass


def test_the_same_weights_cannot_be_read_for_ever(tmp_path: Path) -> None:
    path = weights_file(tmp_path / "model.h5", kernel=np.zeros(1000), bias=np.zeros(10))

    with open_weights(path, "hdf5") as weights:
        for number in range(4):
            assert weights.array("./" * number + "kernel").shape == (1000,)
        with pytest.raises(ModelFileError, match="again and again"):
            weights.array("./././././kernel")


def test_the_corpus_has_every_kind_of_file() -> None:
    kinds = {source.kind for source in read_corpus() if source.is_genuine}
    assert {"hdf5", "keras", "archive", "folder"} <= kinds


def test_the_code_that_mutations_plant_would_leave_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setenv(MARKER_VARIABLE, str(marker))
    made = [
        plant_code({"layers": [{"class_name": "Conv2D", "config": {}}]}, Random(seed))
        for seed in range(100)
    ]
    options = [option for each in made for option in each["layers"][0]["config"].values()]
    code = next(option[0] for option in options if isinstance(option, list) and len(option) == 1)

    function = FunctionType(marshal.loads(base64.b64decode(code)), {"__builtins__": builtins})

    assert function("x") == "x"
    assert marker.exists()
