"""Writes a sample project and runs the whole loop on it, without a window.

Draws street scenes, predicts them, corrects some mistakes as a person would, fine-tunes, compares
old and new network on held-out corrections, predicts again, and exports the masks.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from model.data.images import image_size
from model.data.masks import read_mask
from model.data.resources import resource_path
from model.data.sample import sample_label_set, write_sample_folder
from model.engine.pipeline import ImageJob, predict_images
from model.engine.protocol import (
    Engine,
    ModelInfo,
    Prediction,
    TrainingRequest,
    TrainingSample,
    TrainingSettings,
)
from model.engine.starter import write_starter_network
from model.errors import SegguiError
from seggui.cli import DONE, STOPPED, add_engine_argument
from seggui.commands.export import export_project
from seggui.commands.fine_tune import result_lines, train
from seggui.commands.network import Hosting, engine_log, engine_with
from seggui.commands.progress_bar import ProgressBar
from seggui.commands.projects import opened_project
from seggui.core.edits import apply_edit
from seggui.core.predictions import store_prediction
from seggui.core.project import Project
from seggui.core.records import ImageStatus
from seggui.core.simulated_person import correct_mistakes
from seggui.core.training_request import build_training_request, record_result

MARK = ".seggui-demo"
"""Marks a folder that this command made and may make anew."""

_STARTER_STEPS = TrainingSettings(
    num_steps=120, batch_size=4, crop_size=128, learning_rate=3e-3, keep_old_answers=0.0,
    score_every=40, patience=100,
)  # fmt: skip
_FINE_TUNE_STEPS = TrainingSettings(num_steps=80, batch_size=4, crop_size=128, score_every=20)


@dataclass(frozen=True)
class DemoPlan:
    """How large the demonstration is, and where it goes.

    Attributes:
        folder: gets everything.
        num_images: images of the project.
        num_corrected: how many of them are corrected.
        height: rows of an image.
        width: columns of an image.
        starter: how a network is trained first, where none is shipped.
        fine_tuning: how the corrections are learnt.
        hosting: where networks run.
    """

    folder: Path
    num_images: int = 20
    num_corrected: int = 10
    height: int = 180
    width: int = 240
    starter: TrainingSettings = _STARTER_STEPS
    fine_tuning: TrainingSettings = _FINE_TUNE_STEPS
    hosting: Hosting = "process"

    @property
    def images(self) -> Path:
        """The project's folder."""
        return self.folder / "images"

    @property
    def truth(self) -> Path:
        """The true masks, which the simulated person looks at."""
        return self.folder / "truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("seggui-demo"), metavar="DIR",
        help="where to write (default ./seggui-demo)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="few images and few steps: shows that all parts work"
    )
    add_engine_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    folder = arguments.folder.absolute()
    plan = DemoPlan(folder, hosting=arguments.engine)
    if arguments.quick:
        plan = DemoPlan(
            folder, num_images=6, num_corrected=4, height=96, width=128,
            starter=TrainingSettings(
                num_steps=12, batch_size=2, crop_size=64, learning_rate=3e-3, keep_old_answers=0.0
            ),
            fine_tuning=TrainingSettings(num_steps=6, batch_size=2, crop_size=64, score_every=3),
            hosting=arguments.engine,
        )  # fmt: skip
    prepare_folder(folder)
    _say(f"Drawing {plan.num_images} street scenes in {plan.images}")
    write_sample_folder(
        plan.images, num_images=plan.num_images, with_masks=True, masks_folder=plan.truth,
        height=plan.height, width=plan.width,
    )  # fmt: skip
    model = _first_network(plan)
    return _run_loop(plan, model)


def prepare_folder(folder: Path) -> None:
    """Makes the folder, or empties what an earlier demonstration left in it.

    Raises:
        SegguiError: it holds something else.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (folder / MARK).is_file():
            raise SegguiError(
                f"{folder} is not empty; the demonstration needs a folder of its own.",
                remedy="Name a new one.",
            )
        for name in ("images", "truth", "drive", "models", "export"):
            shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("images", "truth", "models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def _run_loop(plan: DemoPlan, model: Path) -> int:
    new_model = plan.folder / "models" / "fine-tuned.keras"
    with opened_project(plan.images) as project:
        project.set_label_set(sample_label_set())
        with engine_with(model, plan.hosting) as (engine, info):
            _say(f"Predicting them with {model.name} on {engine.device().name}")
            right_before = _predict(project, engine, info, plan)
        keys = spread(project.keys, plan.num_corrected)
        _say(f"Correcting mistakes in {len(keys)} images, as a person with a brush would")
        for seed, key in enumerate(keys):
            _correct(project, key, plan, seed)
        _say("Fine-tuning on the corrections")
        request = build_training_request(project, info, plan.fine_tuning, new_model)
        training_plan, done, was_stopped = train(request, plan.hosting, is_quiet=False)
        record_result(project, request, training_plan, done, state="kept")
        print("\n".join(result_lines(done, info)))
        with engine_with(new_model, plan.hosting) as (engine, new_info):
            _say("Predicting all images with the new network")
            right_after = _predict(project, engine, new_info, plan)
        print(
            f"Pixels right in all {plan.num_images} images: {100 * right_before:.1f} % before, "
            f"{100 * right_after:.1f} % after."
        )
        report = export_project(project, plan.folder / "export", "color-png")
    _say(f"Exported {report.num_written} masks in colour to {report.output_dir}")
    print(f"Open the project in the window: seggui {plan.images} --model {new_model}")
    return STOPPED if was_stopped else DONE


def _first_network(plan: DemoPlan) -> Path:
    """The shipped network, or a small one trained on another drawn street."""
    shipped = resource_path("models", "default.keras")
    if shipped.is_file():
        return shipped
    _say("Training a small network on another street, since none is shipped")
    blank, path = (plan.folder / "models" / name for name in ("blank.keras", "first.keras"))
    drive = plan.folder / "drive"
    write_sample_folder(
        drive, num_images=plan.num_images, seed=1, with_masks=True, height=plan.height,
        width=plan.width,
    )  # fmt: skip
    log = engine_log()
    log.parent.mkdir(parents=True, exist_ok=True)
    write_starter_network(blank, len(sample_label_set()), log_path=log)
    with engine_with(blank, plan.hosting) as (_, info):
        pass
    images = sorted(drive.glob("*.png"))
    samples = tuple(
        TrainingSample(str(image), str(drive / "masks" / image.name), None, is_held_out=i % 5 == 4)
        for i, image in enumerate(images)
    )
    request = TrainingRequest(
        str(blank), info.settings, str(blank), samples, str(path), plan.starter
    )
    train(request, plan.hosting, is_quiet=False)
    return path


def _predict(project: Project, engine: Engine, info: ModelInfo, plan: DemoPlan) -> float:
    """Predicts all images into the project; returns the share of pixels that the network got right.

    The network's own answers are scored, not the masks, which hold the corrections.
    """
    answers: dict[Path, Prediction] = {}
    jobs = [ImageJob(project.folder / key, plan.truth / key) for key in project.keys]

    def keep(job: ImageJob, prediction: Prediction) -> None:
        answers[job.image_path] = prediction

    num_right = num_pixels = 0
    with (
        ProgressBar("Predicting", len(jobs)) as bar,
        contextlib.closing(predict_images(engine, jobs, keep)) as running,
    ):
        for done, outcome in enumerate(running, 1):
            if outcome.error is not None:
                raise outcome.error
            classes = answers.pop(outcome.job.image_path).classes
            key = outcome.job.image_path.relative_to(project.folder).as_posix()
            store_prediction(project, key, classes, info.sha256)
            truth = read_mask(outcome.job.output_path)
            num_right += int((classes == truth).sum())
            num_pixels += truth.size
            bar.show(done)
    return num_right / num_pixels


def _correct(project: Project, key: str, plan: DemoPlan, seed: int) -> None:
    loaded = project.load(key, *image_size(project.folder / key))
    truth = read_mask(plan.truth / key)
    edit = correct_mistakes(
        loaded.mask, loaded.provenance, truth, num_dabs=25, radius_px=plan.height // 20, seed=seed
    )
    if edit is None:
        return
    project.append(key, edit, status=ImageStatus.CORRECTED)
    apply_edit(edit, loaded.mask, loaded.provenance)
    project.flush(key, loaded.mask, loaded.provenance)


def spread(keys: tuple[str, ...], number: int) -> list[str]:
    """Picks ``number`` keys at even distances."""
    return [keys[i * len(keys) // number] for i in range(min(number, len(keys)))]


def _say(sentence: str) -> None:
    print(f"- {sentence}", flush=True)
