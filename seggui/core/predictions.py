"""Bringing a prediction into an image that nobody is looking at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seggui.core.edits import apply_edit, prepare_prediction
from seggui.core.project import Project
from seggui.core.records import ImageRecord, ImageStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREDICTION_TEXT = "Prediction"


def store_prediction(
    project: Project, key: str, classes: NDArray[np.uint8], model_sha256: str
) -> ImageRecord:
    """Brings a prediction into journal, status and PNG of one image.

    Args:
        project: open for writing, in its own thread.
        key: the image.
        classes: (H, W) uint8 predicted classes.
        model_sha256: the network that said so.

    Returns:
        What is known of the image now.

    Raises:
        StorageError: the project cannot be written.
        MaskError: the prediction has another size than the image's mask.
    """
    height, width = classes.shape
    loaded = project.load(key, height, width)
    edit = prepare_prediction(loaded.mask, loaded.provenance, classes, text=PREDICTION_TEXT)
    if edit is not None:
        project.append(key, edit)
        apply_edit(edit, loaded.mask, loaded.provenance)
        project.flush(key, loaded.mask, loaded.provenance)
    status = loaded.record.status
    if status is ImageStatus.UNTOUCHED:
        status = ImageStatus.PREDICTED
    project.set_status(key, status, model_sha256=model_sha256)
    return replace(loaded.record, status=status, model_sha256=model_sha256)
