"""Fine-tuning in its own process: few tests, since each one imports TensorFlow anew."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from model.engine import training_child
from model.engine.protocol import (
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingSettings,
    TrainingStep,
)
from model.engine.training import TrainingRun
from model.errors import CancelledError, EngineDiedError, ModelFileError
from model.recipes import DEFAULT
from model.scratch_state import ScratchRequest

MAKE_BASE = "import sys; from pathlib import Path; from tests.unit import toy_task as toy; " \
    "toy.small_network().save(Path(sys.argv[1]) / 'base.keras'); " \
    "[toy.corrected_sample(Path(sys.argv[1]), seed) for seed in (0, 1)]"  # fmt: skip
"""Run in a child, so that this test process stays free of TensorFlow, as the window is."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("training")
    subprocess.run([sys.executable, "-c", MAKE_BASE, str(path)], check=True, capture_output=True)
    return path


@pytest.fixture
def request_for(folder):
    def make(output, **settings):
        from model.engine.protocol import (
            Activation,
            Fit,
            ModelSettings,
            Scaling,
            TrainingSample,
        )

        model_settings = ModelSettings(
            Scaling.RAW, "rgb", 0, Activation.SOFTMAX, Fit.WHOLE, None,
            ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)),
        )  # fmt: skip
        samples = tuple(
            TrainingSample(
                *(str(folder / f"scene{i}_{kind}.png") for kind in ("image", "mask", "provenance")),
                is_held_out=False,
            )
            for i in (0, 1)
        )
        base = str(folder / "base.keras")
        defaults = TrainingSettings(num_steps=4, batch_size=2, crop_size=32, score_every=2)
        return TrainingRequest(
            base, model_settings, base, samples, str(output),
            dataclasses.replace(defaults, **settings),
        )  # fmt: skip

    return make


def test_child_process_trains_and_is_gone_afterwards(request_for, tmp_path):
    log = tmp_path / "log" / "training.log"
    run = TrainingRun(request_for(tmp_path / "o.keras"), log_path=log)
    events = list(run.events())
    assert isinstance(events[0], TrainingPlan)
    assert sum(isinstance(e, TrainingStep) for e in events) == 4
    assert isinstance(events[-1], TrainingDone)
    assert (tmp_path / "o.keras").is_file()
    assert (tmp_path / "o.seggui.json").is_file()
    assert run.pid is None
    assert log.is_file()


def test_child_runs_at_low_priority_and_cancel_ends_it_without_a_file(request_for, tmp_path):
    run = TrainingRun(request_for(tmp_path / "o.keras", num_steps=100_000))
    events = run.events()
    next(event for event in events if isinstance(event, TrainingStep))
    if hasattr(os, "getpriority"):
        assert os.getpriority(os.PRIO_PROCESS, run.pid) >= training_child.NICENESS
    run.cancel()
    with pytest.raises(CancelledError):
        list(events)
    assert run.pid is None
    assert list(tmp_path.iterdir()) == []


def test_stop_in_the_child_keeps_the_best(request_for, tmp_path):
    run = TrainingRun(request_for(tmp_path / "o.keras", num_steps=100_000))
    for event in run.events():
        if isinstance(event, TrainingStep):
            run.stop_and_keep_best()
    assert isinstance(event, TrainingDone)
    assert event.num_steps_run < 100_000
    assert (tmp_path / "o.keras").is_file()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 exists on POSIX only")
def test_killed_child_is_reported_and_leaves_nothing(request_for, tmp_path):
    part = tmp_path / ".o.part.keras"
    part.write_bytes(b"half")
    run = TrainingRun(request_for(tmp_path / "o.keras", num_steps=100_000))
    events = run.events()
    assert isinstance(next(events), TrainingPlan)
    os.kill(run.pid, signal.SIGKILL)
    with pytest.raises(EngineDiedError, match="SIGKILL"):
        list(events)
    assert list(tmp_path.iterdir()) == []


def test_error_of_the_child_arrives_as_the_same_error(request_for, tmp_path):
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"no model")
    request = dataclasses.replace(request_for(tmp_path / "o.keras"), base_path=str(broken))
    with pytest.raises(ModelFileError, match=r"broken\.keras"):
        list(TrainingRun(request).events())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 exists on POSIX only")
def test_child_ends_when_its_parent_is_killed(request_for, tmp_path):
    """Nobody is left to close anything: the child itself must notice."""
    import pickle

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    parent.stdin.write(pickle.dumps(request_for(tmp_path / "o.keras", num_steps=100_000)))
    parent.stdin.close()
    child_pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 120
    while is_running(child_pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child_pid)
    left = [p.name for p in temporary.iterdir() if p.name.startswith("seggui-training")]
    assert left == []


PARENT = """
import pickle, sys
from model.engine.training import TrainingRun
if __name__ == "__main__":
    run = TrainingRun(pickle.load(sys.stdin.buffer))
    for event in run.events():
        print(run.pid, flush=True)
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_parent_side_imports_no_keras():
    code = "import sys, model.engine.training; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_relative_paths_mean_the_folder_of_the_parent(request_for, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = dataclasses.replace(request_for("o.keras"), base_path="missing.keras")
    with pytest.raises(ModelFileError, match=str(tmp_path / "missing.keras")):
        list(TrainingRun(request).events())


def test_cancelled_before_the_start_starts_nothing(request_for, tmp_path):
    run = TrainingRun(request_for(tmp_path / "o.keras"))
    run.cancel()
    with pytest.raises(CancelledError):
        next(run.events())
    assert run.pid is None


def test_a_network_is_trained_from_scratch_in_a_child_too(tmp_path, monkeypatch):
    dataset = tmp_path / "scenes"
    for kind in ("images", "masks"):
        (dataset / kind).mkdir(parents=True)
        for number in range(8):
            value = 30 * number if kind == "images" else number % 2
            pixels = np.full((32, 32), value, np.uint8)
            Image.fromarray(pixels).save(dataset / kind / f"{number}.png")
    recipe = dataclasses.replace(
        DEFAULT, widths=(8, 8), blocks=(0, 0), epochs=1, crop_size=(16, 16), validation_share=0.25
    )
    monkeypatch.chdir(tmp_path)

    run = TrainingRun(ScratchRequest("scenes", "net.keras", recipe))
    *_, done = run.events()

    assert isinstance(done, TrainingDone)
    assert (tmp_path / "net.keras").is_file()
    assert (tmp_path / "net.training" / "log.csv").read_text().count("\n") == 2


def test_training_switches_fast_convolutions_on_unless_the_user_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert training_child.environment()["TF_ENABLE_ONEDNN_OPTS"] == "1"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert "TF_ENABLE_ONEDNN_OPTS" not in training_child.environment()
