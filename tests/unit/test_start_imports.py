"""What the window must not import before its first image: each costs a part of the start."""

import subprocess
import sys

import pytest

REPORT = """
import sys
from PySide6.QtWidgets import QApplication
from model.engine.deferred import DeferredEngine
from seggui.app import Program
app = QApplication([])
program = Program(DeferredEngine(lambda: None))
program.window.close()
print(" ".join(sys.modules))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", REPORT], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_window_program_imports_no_keras(imported: set[str]) -> None:
    assert "seggui.app" in imported
    assert imported.isdisjoint({"keras", "tensorflow", "torch", "jax", "h5py"})


@pytest.mark.parametrize(
    "module",
    [
        "PIL.ImageDraw", "model.data.sample", "model.exporting", "model.inspection",
        "model.report", "model.data.datasets.opening", "plistlib", "model.evaluation_selection",
        "seggui.evaluation_wiring", "seggui.launcher_files", "seggui.panels.evaluation_view",
        "seggui.new_model_wiring", "seggui.panels.export_dialog", "seggui.panels.new_model_dialog",
        "seggui.panels.manual_dialog", "seggui.panels.model_dialog",
        "seggui.panels.shortcuts_dialog", "seggui.panels.version_dialog",
    ],
)  # fmt: skip
def test_what_is_needed_only_on_a_click_is_imported_then(imported: set[str], module: str) -> None:
    assert module not in imported


def test_pipes_and_processes_are_imported_when_the_engine_starts(imported: set[str]) -> None:
    assert imported.isdisjoint({"multiprocessing", "model.engine.client", "logging.handlers"})
