"""Takes the screenshots of the manual from the real program with a real network.

    python -m docs.make_screenshots [--network FILE] [--keep-network FILE] [NAME ...]

Draws a sample street, trains a small network on others (a quarter of an hour on a plain CPU,
skipped with ``--network``), corrects a few images as a person would, opens the program on a screen
of 1280 x 800 in memory, walks through it, and writes ``resources/manual/images/NAME.png``. What is
seen is what happens: predictions, training and scores are real. Only shown folder names are made
up, so that no picture tells whose computer it was. Runs that no wanted picture shows are left out.
Needs Linux with Xvfb and openbox.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from docs.screenshot_material import (
    NUM_CORRECTED,
    NUM_IMAGES,
    prepare_project,
    train_network,
    write_dataset,
)
from docs.small_picture import write_small
from model.data.sample import sample_label_set
from model.engine.client import open_engine
from model.engine.protocol import ModelInfo
from model.errors import OpenLambda
from tests.benchmarks.x_screen import Screen

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from seggui.app import Program
    from seggui.panels.lambda_dialog import LambdaDialog
    from seggui.panels.new_model_dialog import NewModelDialog

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "resources" / "manual" / "images"
WIDTH, HEIGHT = 1280, 800
SHOWN_HOME = Path("/home/ada")  # nobody's
FINE_TUNE_STEPS, STEP_OF_PICTURE = 125, 62
FINE_TUNE_PICTURES = frozenset({"training", "result", "versions"})
NEW_MODEL_PICTURES = frozenset({"new-model", "new-model-training"})
EPOCHS, EPOCH_OF_PICTURE, WIDTHS, CROP = 50, 34, "16, 32, 64, 96", (160, 192)
CLASS_OF_PICTURE = "Car"

_log = logging.getLogger("screenshots")


def main() -> int:
    """Prepares project and network, then walks through the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="pictures to write; all of them")
    parser.add_argument("--network", type=Path, help="a network for the 11 classes of the sample")
    parser.add_argument("--keep-network", type=Path, help="keeps the trained network here")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        work = Path(name)
        os.environ["SEGGUI_HOME"] = str(work / "home")
        network = work / "street.keras"
        if arguments.network is not None:
            shutil.copyfile(arguments.network, network)
        else:
            train_network(work, network)
        if arguments.keep_network is not None:
            shutil.copyfile(network, arguments.keep_network)
        prepare_project(work / "street", work / "truth", network)
        write_dataset(work / "streets")
        with Screen(WIDTH, HEIGHT) as screen:
            os.environ["DISPLAY"], os.environ["QT_QPA_PLATFORM"] = screen.name, "xcb"
            with window_manager():
                Walk(work / "street", network, frozenset(arguments.names)).run()
    return 0


@contextlib.contextmanager
def window_manager() -> Iterator[None]:
    """Gives dialogs a frame and a title."""
    manager = subprocess.Popen(["openbox"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        manager.terminate()
        manager.wait()


class Walk:
    """One run of the program, from picture to picture."""

    def __init__(self, folder: Path, network: Path, wanted: frozenset[str]) -> None:
        from PySide6.QtWidgets import QApplication

        from seggui.app import Program
        from seggui.theme import apply_theme

        self._folder, self._network, self._wanted = folder, network, wanted
        self._app = QApplication(["seggui"])
        self._app.setApplicationName("seggui")
        apply_theme(self._app, "dark")
        self._program: Program = Program(
            open_engine("process", log_path=folder.parent / "engine.log")
        )
        self._program.settings.set("model/automatic", True)
        self._window = self._program.window
        self._window.resize(WIDTH, HEIGHT)

    def run(self) -> None:
        """Takes all pictures, then closes the program."""
        try:
            self._welcome()
            self._editing()
            self._dialogs()
            self._evaluation()
            self._new_model()
            self._training()
            self._light()
        finally:
            self._window.close()

    # -- the pictures ----------------------------------------------------------------------------

    def _welcome(self) -> None:
        self._program.start(None, None)
        self._window.showFullScreen()
        recent = [SHOWN_HOME / "images" / name for name in ("munich-drive-2", "berlin", "street")]
        self._window.welcome.set_recent(recent, missing=())
        self._until(lambda: self._program.prediction.device is not None)
        self._take("welcome")

    def _editing(self) -> None:
        program, actions = self._program, self._window.actions_by_name
        program.folders.open_folder(self._folder)
        self._until(lambda: program.session.document is not None)
        program.models.load_model(self._network)
        self._until(lambda: program.prediction.model is not None)
        answers: list[object] = []
        program.prediction.answer_applied.connect(answers.append)
        for number in (1, 2):  # the first one compiles and tells nothing about the speed
            actions["predict_action"].trigger()
            self._until(lambda number=number: len(answers) >= number)
        self._until(lambda: _has_confidence(program))
        self._pause(800)
        self._dismiss_messages()
        self._take("predicted")
        self._compare()
        self._paint()
        actions["confidence_action"].setChecked(True)
        self._take("confidence")
        actions["confidence_action"].setChecked(False)
        actions["outline_action"].setChecked(True)
        self._take("outlines")
        actions["outline_action"].setChecked(False)

    def _compare(self) -> None:
        """The image under each kind of input values."""
        if not self._wants({"compare"}):
            return
        self._window.actions_by_name["compare_action"].trigger()
        sheet = self._program.models.contact_sheet.dialog
        assert sheet is not None
        self._until(lambda: all(tile.is_settled for tile in sheet.tiles.tiles))
        self._park_pointer()
        self._take_dialog("compare", sheet)

    def _paint(self) -> None:
        """A stroke over pavement that the network takes for road, still in the hand."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        program, canvas = self._program, self._window.canvas
        names = [c.name for c in sample_label_set().classes]
        program.session.set_label(names.index("Pavement"))
        program.session.set_brush_radius(10)
        canvas.zoom_to(canvas.view.scale * 1.9, canvas.widget_position((215.0, 365.0)))
        points = [canvas.widget_position((203.0 + 2.4 * i, 338.0 + 8 * i)) for i in range(8)]
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0].toPoint())
        for point in points:
            QTest.mouseMove(canvas, point.toPoint())
        self._pause(300)
        self._take("painting")
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1].toPoint())
        program.session.undo()
        program.session.set_label(0)
        canvas.fit()

    def _dialogs(self) -> None:
        from model.formats.table import FORMATS
        from seggui.panels.export_dialog import ExportDialog
        from seggui.panels.model_dialog import ModelDialog
        from seggui.panels.weights_dialog import WeightsDialog

        info = self._program.prediction.model
        assert info is not None
        shown = replace(info, path=str(SHOWN_HOME / "networks" / "street.keras"))
        self._take_dialog("model-settings", ModelDialog(shown, self._window, can_compare=True))
        weights = SHOWN_HOME / "networks" / "best.weights.h5"
        reason = f"{weights.name} holds weights only, without the network they belong to."
        self._take_dialog("weights", WeightsDialog(weights, reason, self._window))
        self._take_dialog("lambda", self._lambda_dialog())
        formats = {name: (f.title, f.description) for name, f in FORMATS.items()}
        counts = {"all": NUM_IMAGES, "reviewed": NUM_CORRECTED // 2, "selected": 1}
        self._take_dialog(
            "export",
            ExportDialog(formats, counts, SHOWN_HOME / "images" / "street-masks", self._window),
        )

    def _lambda_dialog(self) -> LambdaDialog:
        """Two layers as files of training scripts have them; one is answered."""
        from PySide6.QtWidgets import QLineEdit

        from model.foreign.replacements import understood
        from seggui.panels.lambda_dialog import LambdaDialog

        size = "? x 256 x 256"
        asked = (
            OpenLambda("normalise", "the function preprocess", ("InputLayer 'image'",),
                       (f"{size} x 3",)),
            OpenLambda("merge_branches", "the function merge",
                       ("Conv2D 'conv2d_17'", "Conv2DTranspose 'conv2d_transpose_3'"),
                       (f"{size} x 64", f"{size} x 64")),
        )  # fmt: skip
        model = SHOWN_HOME / "networks" / "street_2019.h5"
        reason = f"{model.name} has Lambda layers that are not recognised."
        dialog = LambdaDialog(model, reason, asked, understood, self._window)
        dialog.findChildren(QLineEdit, "replacement")[0].setText("x / 255")
        return dialog

    def _evaluation(self) -> None:
        if not self._wants({"evaluation"}):
            return
        late, window = self._program.late, self._window
        window.actions_by_name["evaluate_action"].trigger()
        self._until(lambda: late.evaluation is not None)
        wiring = late.evaluation
        assert wiring is not None
        wiring.use_dataset(self._folder.parent / "streets")
        self._until(wiring.view.head.start_button.isEnabled)
        scored: list[object] = []
        wiring.control.finished.connect(scored.append)
        wiring.view.head.start_button.click()
        self._until(lambda: bool(scored), seconds=300)
        names = [c.name for c in sample_label_set().classes]
        wiring.view.choose_class(names.index(CLASS_OF_PICTURE))
        self._dismiss_messages()
        self._park_pointer()
        self._take("evaluation")
        wiring.view.choose_class(None)
        window._evaluation_dock.hide()

    def _new_model(self) -> None:
        if not self._wants(NEW_MODEL_PICTURES):
            return
        late, window = self._program.late, self._window
        window.actions_by_name["new_model_action"].trigger()
        wiring = late.new_model
        assert wiring is not None
        dialog = wiring.dialog
        assert dialog is not None
        dialog.choose_source(self._folder.parent / "streets")
        self._until(dialog.start_button.isEnabled)
        self._until(lambda: "pixels" in dialog.dataset_box.headline_text())
        box = dialog.dataset_box.source_box
        box.setItemText(box.currentIndex(), str(SHOWN_HOME / "datasets" / "streets"))
        dialog.output_edit.setText(str(SHOWN_HOME / "networks" / "streets.keras"))
        self._take_dialog("new-model", dialog, closes=False)
        self._new_training(dialog)

    def _new_training(self, dialog: NewModelDialog) -> None:
        """A smaller network on smaller crops than by default: only the curves are shown."""
        wiring = self._program.late.new_model
        assert wiring is not None
        if not self._wants({"new-model-training"}):
            dialog.reject()
            return
        form = dialog.recipe_form
        form.epochs.setValue(EPOCHS)
        form.widths.setText(WIDTHS)
        form.crop_height.setValue(CROP[0])
        form.crop_width.setValue(CROP[1])
        dialog.output_edit.setText(str(self._folder.parent / "streets.keras"))
        scores: list[object] = []
        wiring.control.scored.connect(scores.append)
        ended: list[object] = []
        wiring.control.ended.connect(ended.append)
        dialog.start_button.click()
        self._until(lambda: len(scores) >= EPOCH_OF_PICTURE or bool(ended), seconds=1800)
        self._dismiss_messages()
        self._park_pointer()
        self._take("new-model-training")
        self._window.training_panel.running.cancel_button.click()
        self._until(lambda: bool(ended) and not wiring.control.is_running)
        self._dismiss_messages()

    def _training(self) -> None:
        program, panel = self._program, self._window.training_panel
        self._until(lambda: _is_trainable(program))
        self._pause(800)
        self._window.show_training()
        self._window.resizeDocks(
            [self._window._class_dock, self._window._training_dock], [230, 470],
            _vertical(),
        )  # fmt: skip
        self._take("fine-tune")
        if not self._wants(FINE_TUNE_PICTURES):
            return
        steps: list[int] = []
        program.training.stepped.connect(lambda step: steps.append(step.step))
        settings = replace(panel.overview.settings(), num_steps=FINE_TUNE_STEPS)
        panel.start_requested.emit(settings)
        self._until(lambda: bool(steps) and steps[-1] >= STEP_OF_PICTURE, seconds=900)
        self._take("training")
        self._until(lambda: program.training.is_undecided, seconds=900)
        self._dismiss_messages()
        self._take("result")
        loaded: list[ModelInfo] = []
        program.prediction.model_loaded.connect(loaded.append)
        panel.result.keep_button.click()
        self._until(lambda: bool(loaded))
        self._window.actions_by_name["predict_action"].trigger()
        sha256 = loaded[0].sha256
        self._until(lambda: _is_predicted_by(program, sha256))
        self._pause(2500)
        self._dismiss_messages()
        self._versions()

    def _versions(self) -> None:
        from seggui.panels.version_dialog import VersionDialog, VersionRow

        found: list[tuple[object, ...]] = []
        self._program.project.run(
            lambda project: (project.versions(), project.active_version()),
            done=found.append, failed=self._program.messages.error,
        )  # fmt: skip
        self._until(lambda: bool(found))
        versions, active = found[0]
        rows = tuple(VersionRow(v, v == active, is_there=True) for v in versions)
        self._take_dialog("versions", VersionDialog(rows, self._window))

    def _light(self) -> None:
        from seggui.theme import apply_theme

        apply_theme(self._app, "light")
        self._window.training_panel.show_overview_page()
        self._pause(500)
        self._take("light")

    # -- tools -----------------------------------------------------------------------------------

    def _until(self, condition: Callable[[], bool], *, seconds: int = 120) -> None:
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"waited {seconds} s in vain")
            self._pause(50)

    def _pause(self, milliseconds: int) -> None:
        from PySide6.QtTest import QTest

        QTest.qWait(milliseconds)

    def _park_pointer(self) -> None:
        """The circle of the brush says nothing in a picture of something else."""
        from PySide6.QtGui import QCursor

        QCursor.setPos(self._window.mapToGlobal(self._window.rect().bottomRight()))

    def _dismiss_messages(self) -> None:
        bar = self._window.message_bar
        while bar.current is not None:
            bar.dismiss(bar.current.name)

    def _wants(self, names: Collection[str]) -> bool:
        return not self._wanted or not self._wanted.isdisjoint(names)

    def _take_dialog(self, name: str, dialog: QWidget, *, closes: bool = True) -> None:
        dialog.show()
        self._pause(200)
        center = self._window.rect().center() - dialog.rect().center()
        dialog.move(max(0, center.x()), max(0, center.y()))
        self._take(name)
        if closes:
            dialog.close()

    def _take(self, name: str) -> None:
        if not self._wants({name}):
            return
        self._pause(400)
        picture = self._app.primaryScreen().grabWindow(0)
        raw = self._folder.parent / "raw.png"
        if not picture.save(str(raw)):
            raise RuntimeError(f"{raw} could not be written")
        write_small(raw, IMAGES / f"{name}.png")
        _log.info("%s: %d kB", name, (IMAGES / f"{name}.png").stat().st_size // 1000)


def _is_predicted_by(program: Program, sha256: str) -> bool:
    bundle = program.navigation.current
    return bundle is not None and bundle.predicted_by == sha256


def _has_confidence(program: Program) -> bool:
    bundle = program.navigation.current
    return bundle is not None and bundle.confidence is not None


def _is_trainable(program: Program) -> bool:
    overview = program.training.overview
    return overview is not None and not overview.problem and overview.estimated_seconds is not None


def _vertical() -> object:
    from PySide6.QtCore import Qt

    return Qt.Orientation.Vertical


if __name__ == "__main__":
    sys.exit(main())
