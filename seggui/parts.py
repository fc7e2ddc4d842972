"""The parts of the window program, handed to those who connect them."""

from __future__ import annotations

from dataclasses import dataclass

from seggui.batch_control import BatchPrediction, ExportControl
from seggui.main_window import MainWindow
from seggui.messages import Messages
from seggui.navigation import Navigation
from seggui.prediction_control import PredictionControl
from seggui.preview_control import PreviewControl
from seggui.session import Session
from seggui.settings import Settings
from seggui.tasks.image_loader import ImageLoader
from seggui.tasks.project_thread import ProjectThread
from seggui.training_control import TrainingControl


@dataclass(frozen=True)
class Parts:
    """Everything that is built once, in ``app.py``."""

    window: MainWindow
    messages: Messages
    settings: Settings
    session: Session
    navigation: Navigation
    loader: ImageLoader
    project: ProjectThread
    prediction: PredictionControl
    batch: BatchPrediction
    export: ExportControl
    training: TrainingControl
    preview: PreviewControl
