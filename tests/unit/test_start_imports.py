"""What the window must not import before its first image: each costs a part of the start."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

REPORT = """
import sys
from pathlib import Path
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


PICTURE = """
import sys
from pathlib import Path
from seggui.late_numpy import _LateNumpy, put_numpy_off
put_numpy_off()
from seggui.tasks import image_loader
image_loader.PICTURE_SECONDS = 60.0  # on a busy computer, too
from PySide6.QtWidgets import QApplication
from model.engine.deferred import DeferredEngine
from seggui.app import Program
app = QApplication([])
folder = Path(sys.argv[1])
program = Program(DeferredEngine(lambda: None), first_folder=folder)
canvas, seen = program.window.canvas, []
canvas.picture_painted.connect(
    lambda: seen.append(isinstance(sys.modules["numpy"], _LateNumpy) and "PIL" not in sys.modules)
)
program.navigation.image_shown.connect(lambda bundle: app.quit())
program._start_engine = lambda: None
program.start(folder, None)
app.exec()
print(seen, canvas.image_size, canvas.has_picture, type(sys.modules["numpy"]).__name__)
program.window.close()
"""


def test_the_first_image_is_seen_before_numpy_and_pillow_are_loaded(tmp_path: Path) -> None:
    Image.new("RGB", (40, 24), (200, 60, 20)).save(tmp_path / "image.png")
    done = subprocess.run(
        [sys.executable, "-c", PICTURE, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("[True")
    assert done.stdout.strip().endswith("(24, 40) False module")


PLAIN = """
import PySide6.QtWidgets
from shibokensupport import feature
from seggui.plain_imports import skip_feature_search
import seggui.icons
skip_feature_search()
import seggui.app
looked_at = feature.pyside_feature_dict
print("seggui.plain_imports" in looked_at, "seggui.app" in looked_at)
from PySide6.QtWidgets import QApplication
app = QApplication([])
app.setApplicationName("works")
print(app.applicationName())
"""


def test_pyside_looks_into_no_module_of_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "False", "works"]
