"""Child processes: out of the way while they live, and never left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from model.engine.process import ChildProcess

TARGETS = "tests.unit.child_targets"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Temporary folders of the children go where the test can see that they are gone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert multiprocessing.active_children() == []


@pytest.fixture
def start():
    children = []

    def build(name, **options):
        children.append(ChildProcess(f"{TARGETS}:{name}", **options))
        return children[-1]

    yield build
    for child in children:
        child.close()


def is_running(pid):
    """Whether a process exists and is no zombie (one that nobody has collected yet)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid, seconds=30):
    """Waits for the end of a process that is not a child of this one."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def test_a_child_answers_and_hears(start):
    child = start("echo", argument=("one", 2))
    assert child.pipe.recv() == ("one", 2)
    child.pipe.send("three")
    assert child.wait_for_message(30)
    assert child.pipe.recv() == "three"
    assert child.is_alive


def test_a_child_lives_in_a_folder_of_its_own_at_low_priority(start, scratch):
    child = start("describe", environment={"GREETING": "hello"})
    told = child.pipe.recv()
    assert Path(told["cwd"]).parent == scratch
    assert Path(told["temporary"]).parent == Path(told["cwd"])  # and goes with it, see scratch
    assert told["nice"] > os.nice(0)
    assert told["sigint_ignored"]
    assert told["tensorflow_log_level"] == "3"
    assert told["greeting"] == "hello"
    assert told["heavy"] == []


def test_what_a_child_writes_is_appended_to_the_log(start, tmp_path, capfd):
    log = tmp_path / "logs" / "engine.log"
    log.parent.mkdir()
    log.write_text("earlier\n")

    child = start("write", log_path=log)
    assert child.pipe.recv() == "written"
    child.close()

    assert log.read_text().splitlines() == ["earlier", "from stdout", "from stderr", "from C"]
    assert capfd.readouterr() == ("", "")


def test_a_failing_child_leaves_its_reason_and_no_older_lines(start, tmp_path):
    log = tmp_path / "engine.log"
    log.write_text("earlier\n")
    child = start("fail", log_path=log)
    with pytest.raises(EOFError):
        child.pipe.recv()
    assert child.describe_end() == "exit status 1"
    assert child.log_tail().endswith("RuntimeError: the reason")
    assert "earlier" not in child.log_tail()


def test_a_killed_child_is_noticed_at_once_and_named(start):
    child = start("calculate_for_ever")
    os.kill(child.pipe.recv(), signal.SIGKILL)
    assert child.wait_for_message(30)
    with pytest.raises((EOFError, ConnectionError)):
        child.pipe.recv()
    assert child.describe_end() == "killed by SIGKILL"
    assert not child.is_alive


def test_closing_ends_a_child_that_is_busy(start):
    child = start("calculate_for_ever")
    pid = child.pipe.recv()
    child.close()
    assert not Path(f"/proc/{pid}").exists()  # collected, too


def test_control_c_does_not_reach_the_child(start):
    child = start("echo", argument="ready")
    child.pipe.recv()
    os.kill(child.pid, signal.SIGINT)
    child.pipe.send("still there")
    assert child.pipe.recv() == "still there"


_PARENT = f"""
import sys, time
from model.engine.process import ChildProcess
if __name__ == "__main__":
    child = ChildProcess("{TARGETS}:calculate_for_ever")
    print(child.pipe.recv(), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["file", "command"])
def test_a_killed_parent_takes_its_child_along(tmp_path, scratch, how):
    script = tmp_path / "main program.py"
    script.write_text(_PARENT)
    command = [sys.executable, *([str(script)] if how == "file" else ["-c", _PARENT])]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(scratch)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    wait_until_gone(pid)


def test_a_parent_that_forgets_to_close_still_ends(tmp_path, scratch):
    script = tmp_path / "forgetful.py"
    script.write_text(_PARENT.replace("time.sleep(600)", "sys.exit(0)"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(scratch)}
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, timeout=60,
        check=True,
    )  # fmt: skip
    wait_until_gone(int(result.stdout))
    assert result.stderr == ""
