"""What every test may rely on: a home of its own, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "SEGGUI_TEST_DISPLAY" not in os.environ:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "camvid"


@pytest.fixture(autouse=True)
def seggui_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's own folder: settings, logs, samples. Never the user's."""
    home = tmp_path_factory.mktemp("seggui-home")
    monkeypatch.setenv("SEGGUI_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Threads and child processes that a test leaves behind fail it."""
    before = {thread.ident for thread in threading.enumerate()}
    yield
    children = multiprocessing.active_children()
    assert not children, f"child processes left behind: {children}"
    # Qt names adopted threads "Dummy-N"; they end with the QThread they belong to.
    left = [
        thread for thread in threading.enumerate()
        if thread.ident not in before and not thread.daemon and not thread.name.startswith("Dummy")
    ]  # fmt: skip
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def camvid() -> Path:
    """The CamVid copy; skips where it is not at hand."""
    if not CAMVID.is_dir():
        pytest.skip(f"needs the CamVid images beside the checkout, in {CAMVID.name}/")
    return CAMVID
