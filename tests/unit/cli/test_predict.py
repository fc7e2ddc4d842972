"""Predicting files and folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.label_sets import load_label_set
from model.data.masks import read_mask
from model.errors import EngineError, SegguiError
from seggui.commands import predict
from tests.unit.cli.kit import run, write_image
from tests.unit.fake_engine import FakeEngine


def test_predict_writes_a_mask_for_every_image_of_a_folder(
    engine: FakeEngine, network_file: Path, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert run("predict", network_file, folder, "-o", output) == 0
    found = {path.relative_to(output).as_posix() for path in output.rglob("*.png")}
    assert found == {"a.png", "b.jpg.png", "b.png.png", "sub/c.png"}
    assert np.all(read_mask(output / "sub" / "c.png") == 1)
    assert np.all(read_mask(output / "a.png") == 0)
    assert load_label_set(output / "label_set.json").classes[1].name == "bright"
    assert engine.is_closed


def test_predict_says_in_json_what_it_did(
    engine: FakeEngine,
    network_file: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "broken.png").write_bytes(b"")
    assert run("predict", network_file, folder, "-o", tmp_path / "out", "--json") == 1
    said = capsys.readouterr()
    done = json.loads(said.out)
    assert done["num_written"] == 4
    assert [Path(failure["image"]).name for failure in done["failures"]] == ["broken.png"]
    assert said.err.startswith(
        "seggui: 1 of 5 images have no mask: The image 'broken.png' is empty"
    )


def test_predict_writes_other_formats(
    engine: FakeEngine, network_file: Path, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert run("predict", network_file, folder, "-o", output, "--format", "color-png") == 0
    with Image.open(output / "sub" / "c.png") as image:
        assert image.convert("RGB").getpixel((0, 0)) == (250, 240, 0)


def test_predict_tells_images_of_several_folders_apart(tmp_path: Path) -> None:
    sources = [tmp_path / "one", tmp_path / "two", tmp_path / "single.png"]
    for path in (sources[0] / "x.png", sources[1] / "x.png", sources[2]):
        write_image(path)
    jobs = predict.plan_jobs(sources, tmp_path / "out")
    assert [job.output_path.relative_to(tmp_path / "out").as_posix() for job in jobs] == [
        "one/x.png", "two/x.png", "single.png",
    ]  # fmt: skip


def test_predict_refuses_two_images_with_one_name(tmp_path: Path) -> None:
    images = [write_image(tmp_path / name / "x.png") for name in ("one", "two")]
    with pytest.raises(SegguiError, match="would have the same mask"):
        predict.plan_jobs(images, tmp_path / "out")


def test_predict_never_writes_over_an_image(
    engine: FakeEngine, network_file: Path, folder: Path
) -> None:
    before = (folder / "a.png").read_bytes()
    assert run("predict", network_file, folder, "-o", folder) == 1
    assert (folder / "a.png").read_bytes() == before
    assert not (folder / "b.jpg.png").exists()


def test_predict_refuses_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SegguiError, match="holds no images"):
        predict.plan_jobs([tmp_path / "empty"], tmp_path / "out")


def test_interrupted_prediction_keeps_what_was_finished(
    engine: FakeEngine,
    network_file: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    engine.before_predicting = interrupt
    assert run("predict", network_file, folder, "-o", tmp_path / "out") == 130
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Stopped.")
    assert engine.is_closed


def test_engine_is_closed_after_a_failure(engine: FakeEngine, folder: Path, tmp_path: Path) -> None:
    assert run("predict", tmp_path / "none.keras", folder, "-o", tmp_path / "out") == 1
    assert engine.is_closed


def test_engine_error_of_one_image_is_reported_by_its_name(
    engine: FakeEngine,
    network_file: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(number: int) -> None:
        if number == 1:
            engine.num_predicted += 1
            raise EngineError("Out of memory.")

    engine.before_predicting = fail
    assert run("predict", network_file, folder, "-o", tmp_path / "out", "--json") == 1
    failures = json.loads(capsys.readouterr().out)["failures"]
    assert [(Path(f["image"]).name, f["reason"]) for f in failures] == [
        ("b.jpg", "Out of memory.")
    ]  # fmt: skip
