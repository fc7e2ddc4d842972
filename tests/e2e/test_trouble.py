"""What goes wrong around the program, and what it tells: second window, broken files, no rights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.data.masks import read_mask
from tests.e2e.conftest import HEIGHT, WIDTH, NewWindow
from tests.e2e.program import Map

FIRST, SECOND = "drive_0000.png", "drive_0001.png"

_OBEY_PERMISSIONS = """
import ctypes, os, sys
if os.geteuid() == 0:  # root writes everywhere, unless it gives that up before a program starts
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def message(shown: Map) -> str:
    return shown["message"]["text"] if shown["message"] else ""


def test_second_window_on_a_folder_is_read_only_and_ctrl_c_saves_the_first(
    new_window: NewWindow, street: Path
) -> None:
    first = new_window(street, is_automatic=False)
    first.until_shown(FIRST)
    second = new_window(street, is_automatic=False)
    second.until_shown(FIRST)
    second.until(lambda m: "read-only" in message(m), "it is told")
    assert second.map["session"]["is_read_only"]
    second.send(signal.SIGTERM)
    assert "Traceback" not in second.wait()
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[first.stroke((0.3, 0.2), (0.5, 0.7))] = 0
    first.send(signal.SIGINT)
    assert "Traceback" not in first.wait()
    first.until_on_disk(FIRST, mask)


def test_broken_image_and_broken_network_are_explained_and_the_rest_works(
    new_window: NewWindow, street: Path, tmp_path: Path
) -> None:
    (street / FIRST).write_bytes(b"this is no image")
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"this is no network")
    window = new_window(street, model=broken, is_automatic=False)
    window.until(lambda m: FIRST in m["canvas"]["placeholder"], "the image is explained")
    window.until(lambda m: "broken.keras was not loaded" in message(m), "the network is explained")
    assert (street / FIRST).read_bytes() == b"this is no image"
    window.go("d", SECOND)
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[window.stroke((0.3, 0.2), (0.5, 0.7))] = 0
    window.until_on_disk(SECOND, mask)
    window.close()


@pytest.fixture
def locked_street(street: Path):
    """Images in a folder that cannot be written to."""
    street.chmod(0o555)
    yield street
    street.chmod(0o755)


def test_masks_of_an_unwritable_folder_are_kept_elsewhere_if_wanted(
    new_window: NewWindow, locked_street: Path
) -> None:
    before = (sys.executable, "-c", _OBEY_PERMISSIONS)
    probe = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    done = subprocess.run([*before, sys.executable, "-c", probe, locked_street], check=False)
    if done.returncode:
        pytest.skip("root cannot give up writing everywhere on this machine")
    window = new_window(locked_street, is_automatic=False, before=before)
    dialog = window.until(lambda m: m["dialog"], "it is asked")
    assert dialog["title"] == "This folder cannot be written"
    home = window.home / "projects"
    assert str(home) in dialog["text"]
    window.click("Keep them there")
    window.until_shown(FIRST)
    covered = window.stroke((0.3, 0.2), (0.5, 0.7))
    window.close()
    (mask_path,) = home.glob(f"*/masks/{FIRST}")
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[covered] = 0
    assert np.array_equal(read_mask(mask_path), mask)
    assert not [name for name in os.listdir(locked_street) if not name.startswith("drive_")]
