"""What the pictures of the manual show: a network, a project half corrected, a dataset."""

from __future__ import annotations

import logging
from pathlib import Path

from model.data.images import image_size, read_image
from model.data.label_sets import save_label_set
from model.data.masks import read_mask
from model.data.sample import sample_label_set, write_sample_folder
from model.engine.client import open_engine
from model.engine.protocol import TrainingRequest, TrainingSample, TrainingSettings
from model.engine.starter import write_starter_network
from model.engine.training import TrainingRun
from seggui.core.edits import apply_edit
from seggui.core.predictions import store_prediction
from seggui.core.project import Project
from seggui.core.records import ImageStatus
from seggui.core.simulated_person import correct_mistakes

NUM_IMAGES, NUM_CORRECTED = 24, 9
PAINTED = 17  # the image that is painted on in the pictures; nobody corrected it before
STARTER = TrainingSettings(
    num_steps=700, batch_size=4, crop_size=192, learning_rate=3e-3, keep_old_answers=0.0,
    score_every=100, patience=100,
)  # fmt: skip
STARTER_STREETS = (1, 2, 3, 4, 5)  # the pictures show street 7
DATASET_STREETS = (("train", 11), ("train", 12), ("train", 13), ("val", 14), ("test", 15))
IMAGES_PER_STREET = 8

_log = logging.getLogger("screenshots")


def train_network(work: Path, network: Path) -> None:
    """Trains a small network on a street that the pictures do not show."""
    _log.info("training a network")
    images: list[Path] = []
    for seed in STARTER_STREETS:
        drive = work / f"street-{seed}"
        write_sample_folder(drive, num_images=16, seed=seed, with_masks=True)
        images += sorted(drive.glob("*.png"))
    samples = tuple(
        TrainingSample(str(p), str(p.parent / "masks" / p.name), None, is_held_out=i % 8 == 7)
        for i, p in enumerate(images)
    )
    blank = work / "blank.keras"
    write_starter_network(blank, len(sample_label_set()))
    engine = open_engine("process", log_path=work / "engine.log")
    try:
        settings = engine.load(str(blank)).settings
    finally:
        engine.close()
    request = TrainingRequest(str(blank), settings, str(blank), samples, str(network), STARTER)
    for event in TrainingRun(request, log_path=work / "training.log").events():
        _log.info("%s", str(event)[:110])


def prepare_project(folder: Path, truth: Path, network: Path) -> None:
    """Predicts all images of a folder and corrects some of them."""
    _log.info("predicting and correcting")
    write_sample_folder(folder, num_images=NUM_IMAGES, seed=7, with_masks=True, masks_folder=truth)
    engine = open_engine("process", log_path=folder.parent / "engine.log")
    try:
        sha256 = engine.load(str(network)).sha256
        with Project.open(folder) as project:
            project.set_label_set(sample_label_set())
            project.set_setting("current_image", project.keys[PAINTED])
            for number, key in enumerate(project.keys):
                classes = engine.predict(read_image(folder / key).pixels).classes
                store_prediction(project, key, classes, sha256)
                if number < NUM_CORRECTED:
                    _correct(project, key, truth, number)
    finally:
        engine.close()


def _correct(project: Project, key: str, truth: Path, number: int) -> None:
    loaded = project.load(key, *image_size(project.folder / key))
    edit = correct_mistakes(
        loaded.mask, loaded.provenance, read_mask(truth / key), num_dabs=60, radius_px=14,
        seed=number,
    )  # fmt: skip
    if edit is None:
        return
    status = ImageStatus.REVIEWED if number < NUM_CORRECTED // 2 else ImageStatus.CORRECTED
    project.append(key, edit, status=status)
    apply_edit(edit, loaded.mask, loaded.provenance)
    project.flush(key, loaded.mask, loaded.provenance)


def write_dataset(folder: Path) -> None:
    """Writes a dataset as people have them: parts, drives, masks, and a file with the classes."""
    _log.info("drawing a dataset")
    for part, street in DATASET_STREETS:
        write_sample_folder(
            folder / part / "images" / f"street-{street}", num_images=IMAGES_PER_STREET,
            seed=street, with_masks=True, masks_folder=folder / part / "masks" / f"street-{street}",
        )  # fmt: skip
    save_label_set(folder / "label_set.json", sample_label_set())
