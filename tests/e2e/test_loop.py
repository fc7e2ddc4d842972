"""The whole loop with a real network: predict, correct, export, fine-tune, keep, predict better."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from model.data.label_sets import generic_label_set
from model.data.masks import read_mask, write_mask
from model.digest import file_sha256
from tests.e2e.conftest import NewWindow
from tests.e2e.program import Window
from tests.e2e.screen import wait_until

NAMES = [f"frame_{i:04}.png" for i in range(8)]
RED, GREEN, BLUE = range(3)
NUM_STEPS, LEARNING_RATE = 100, "0.02"


@pytest.fixture
def folder(lesson: Path, tmp_path: Path) -> Path:
    """The images of the lesson, in a folder of the test's own."""
    return Path(shutil.copytree(lesson / "images", tmp_path / "images"))


def truth(lesson: Path, number: int) -> np.ndarray:
    return read_mask(lesson / "truth" / NAMES[number])


def until_predicted(window: Window, name: str, sha256: str) -> np.ndarray:
    """Waits until a network's answer is on view and on disk; returns the mask file."""
    window.until_shown(name)
    window.until(lambda m: m["session"]["predicted_by"] == sha256, f"{name} is predicted")
    window.until(lambda m: not m["unsaved"] and m["session"]["undo_text"], f"{name} is saved")
    return read_mask(window.mask_path(name))


def test_predictions_are_corrected_survive_a_dead_engine_and_are_exported(
    new_window: NewWindow, folder: Path, lesson: Path, tmp_path: Path
) -> None:
    window = new_window(folder, model=lesson / "network.keras")
    sha256 = file_sha256(lesson / "network.keras")
    predicted = until_predicted(window, NAMES[0], sha256)
    assert window.map["session"]["status"] == "predicted"
    assert (predicted == RED)[truth(lesson, 0) == RED].mean() > 0.9
    window.press("3")
    window.until(lambda m: m["session"]["label"] == BLUE, "the class is chosen")
    masks = {NAMES[0]: predicted.copy()}
    masks[NAMES[0]][window.stroke((0.1, 0.2), (0.2, 0.8))] = BLUE
    window.until_on_disk(NAMES[0], masks[NAMES[0]])
    window.undo()
    window.until_on_disk(NAMES[0], predicted)
    window.redo()
    window.press("d")
    masks[NAMES[1]] = until_predicted(window, NAMES[1], sha256)
    window.go("a", NAMES[0])
    window.until_on_disk(NAMES[0], masks[NAMES[0]])

    engine = window.child("engine")
    assert engine is not None
    window.send(signal.SIGSTOP, engine)  # so that it dies at work: between two calls nobody is told
    window.press("ctrl+p")
    window.until(
        lambda m: "Predicting" in m["widgets"].get("status_task", {}).get("text", ""), "it is asked"
    )
    window.send(signal.SIGKILL, engine)
    window.until(lambda m: "started again" in (m["message"] or {"text": ""})["text"], "it is told")
    masks[NAMES[0]][window.stroke((0.3, 0.2), (0.4, 0.8))] = BLUE  # nobody has to wait
    window.until(lambda m: window.child("engine") not in (None, engine), "another engine runs")
    window.press("d", "d")
    masks[NAMES[2]] = until_predicted(window, NAMES[2], sha256)
    window.until_on_disk(NAMES[0], masks[NAMES[0]])

    window.dismiss_messages()
    window.press("ctrl+e")
    window.until(lambda m: (m["dialog"] or {}).get("name") == "export_dialog", "the dialog is open")
    window.fill("export_folder", str(tmp_path / "exported"))
    window.press("Return")
    window.until(lambda m: "masks written" in (m["message"] or {"text": ""})["text"], "it is told")
    exported = {p.relative_to(tmp_path / "exported") for p in tmp_path.glob("exported/**/*.png")}
    assert {Path(name) for name in masks} <= exported
    for name, mask in masks.items():
        assert np.array_equal(read_mask(tmp_path / "exported" / name), mask)
    window.send(signal.SIGTERM)
    assert "Traceback" not in window.wait()


def test_fine_tuning_on_corrections_makes_the_next_image_better(
    new_window: NewWindow, folder: Path, lesson: Path, tmp_path: Path
) -> None:
    for number in (0, 1, 2):  # 1 is held out: train, held out, train, ...
        mask = truth(lesson, number)
        mask[-8:] = 255  # what the network adds there is accepted by the review
        write_mask(folder / "masks" / NAMES[number], mask, generic_label_set(3))
    window = new_window(folder, model=lesson / "network.keras")
    old = file_sha256(lesson / "network.keras")
    for name in NAMES[:3]:
        until_predicted(window, name, old)
        window.press("r")
        window.until(lambda m: m["session"]["status"] == "reviewed", f"{name} is reviewed")
        window.press("d")
    before = until_predicted(window, NAMES[3], old)
    is_blue = truth(lesson, 3) == BLUE
    assert (before == BLUE)[is_blue].mean() < 0.1

    _start_training(window, NUM_STEPS)
    window.until(lambda m: m["training"]["num_steps"] > 0, "it trains")
    painted = before.copy()
    window.press("1")
    window.until(lambda m: m["session"]["label"] == RED, "the class is chosen")
    painted[window.stroke((0.8, 0.3), (0.9, 0.7))] = RED
    window.until_on_disk(NAMES[3], painted)
    assert window.child("training") is not None, "training ended before the stroke was on disk"

    window.until(lambda m: m["training"]["is_undecided"], "it is done", patience_s=300)
    window.screen.shoot(tmp_path / "result.png")
    window.click("keep_button")
    window.until(lambda m: (m["model"] or {}).get("sha256") != old, "the new network is in force")
    new = window.map["model"]["sha256"]
    assert window.child("training") is None
    _check_version(window, old=old, new=new)
    window.press("d", "d")
    after = until_predicted(window, NAMES[5], new)
    stored = "SELECT model_sha256 FROM images WHERE key = ?"
    assert window.ask_project(stored, NAMES[5]) == [(new,)]
    assert (after == BLUE)[truth(lesson, 5) == BLUE].mean() > 0.5

    _start_training(window, 5000)
    window.until(lambda m: m["training"]["num_steps"] > 0, "it trains again")
    window.close()
    models = sorted(path.suffix for path in (folder / ".seggui" / "models").iterdir())
    assert models == [".json", ".keras"], "something of the cancelled training is left"
    assert len(window.ask_project("SELECT id FROM versions")) == 2


def _start_training(window: Window, num_steps: int) -> None:
    window.dismiss_messages()
    window.press("ctrl+t")
    fold = window.until(lambda m: m["widgets"].get("Settings"), "the panel is open")
    if not fold["checked"]:
        window.click("Settings")
    for name, value in (
        ("Optimizer steps at most", num_steps), ("Crops per step", 4),
        ("Height and width of a crop in pixels", 64), ("Peak learning rate", LEARNING_RATE),
    ):  # fmt: skip
        window.fill(name, str(value))
    window.tab_to("fine_tune_button", key="shift+Tab")
    window.click("fine_tune_button")
    window.until(lambda m: m["training"]["is_running"], "it starts")


def _check_version(window: Window, *, old: str, new: str) -> None:
    rows = [json.loads(data) for (data,) in window.ask_project("SELECT data FROM versions")]
    base, version = rows
    assert (base["state"], base["sha256"]) == ("base", old)
    assert (version["state"], version["sha256"], version["parent"]) == ("kept", new, base["id"])
    assert version["scores_after"]["mean_iou"] > version["scores_before"]["mean_iou"]
    assert version["num_images"] == 2
    file = window.folder / version["path"]
    file = file if file.exists() else window.folder / ".seggui" / version["path"]
    assert file_sha256(file) == new
    assert file.with_name(f"{file.stem}.seggui.json").exists()
    wait_until(lambda: window.map["model"]["path"] == str(file), "it is the one in force")
