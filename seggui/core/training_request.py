"""What window and commands share when they train: samples of a project, and its base network."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from model.digest import file_sha256
from model.engine.protocol import (
    ModelInfo,
    TrainingDone,
    TrainingPlan,
    TrainingRequest,
    TrainingSample,
    TrainingSettings,
)
from model.errors import TrainingError
from seggui.core.project import Project
from seggui.core.records import TRUSTED_STATUSES
from seggui.core.versions import ModelVersion, TrainingRun, portable_path


def trusted_keys(project: Project) -> tuple[str, ...]:
    """Images with something to train on, in the folder's order."""
    records = project.records()
    return tuple(
        key for key in project.keys if key in records and records[key].status in TRUSTED_STATUSES
    )


def training_samples(project: Project, keys: Iterable[str]) -> tuple[TrainingSample, ...]:
    """Samples of a training request; roles are decided now, once and for ever.

    Args:
        project: open; its mask files are up to date (``flush_all_from_journal``).
        keys: images with trusted pixels; those without a mask file are left out.
    """
    keys = tuple(keys)
    roles = project.roles(keys)
    samples = []
    for key in keys:
        mask, provenance = project.mask_path(key), project.provenance_path(key)
        if mask.exists():
            samples.append(
                TrainingSample(
                    str(project.folder / key), str(mask),
                    str(provenance) if provenance.exists() else None, roles[key],
                )
            )  # fmt: skip
    return tuple(samples)


def register_base(project: Project, model: ModelInfo) -> ModelVersion:
    """The base network that training starts from: the first ancestor of the model in force.

    Each round starts from it with all corrections so far, so that rounds do not add up their
    mistakes. A model that the project does not know yet becomes a base itself.
    """
    known = {version.id: version for version in project.versions()}
    version = next((v for v in known.values() if v.sha256 == model.sha256), None)
    if version is None:
        version = project.add_version(
            ModelVersion(
                new_id(), _stem(model.path), portable_path(model.path, project.home),
                model.sha256, created=now(), state="base",
            )
        )  # fmt: skip
        project.set_active_version(version.id)
        return version
    while version.parent is not None and version.parent in known:
        version = known[version.parent]
    return version


def build_training_request(
    project: Project,
    model: ModelInfo,
    settings: TrainingSettings,
    output: Path,
    *,
    base_path: Path | None = None,
    settings_dir: Path | None = None,
) -> TrainingRequest:
    """Collects everything a run needs; brings the mask files up to date first.

    Args:
        project: open for writing.
        model: the network in force, scored as "before".
        settings: how to train.
        output: where the new network goes (``.keras``).
        base_path: network that training starts from; None starts from ``model``.
        settings_dir: where consents to Python files are kept.

    Raises:
        TrainingError: nothing in the project can be trained on.
        StorageError: a mask could not be written.
    """
    project.flush_all_from_journal()
    samples = training_samples(project, trusted_keys(project))
    if not any(not sample.is_held_out for sample in samples):
        raise TrainingError(
            f"{project.folder} has {len(samples)} corrected or reviewed images, all held out to "
            "measure the result; at least one to train on was expected."
            if samples
            else f"{project.folder} has no corrected or reviewed image; at least one was expected.",
            remedy="Correct some images with the brush, or mark them as reviewed.",
        )
    base = str(base_path) if base_path is not None else model.path
    return TrainingRequest(
        base, model.settings, model.path, samples, str(output), settings,
        settings_dir=None if settings_dir is None else str(settings_dir.absolute()),
    )  # fmt: skip


def record_result(
    project: Project,
    request: TrainingRequest,
    plan: TrainingPlan,
    done: TrainingDone,
    *,
    state: str = "kept",
    estimated_seconds: float | None = None,
) -> ModelVersion:
    """Stores a finished run and the version that came out of it.

    Args:
        project: open for writing.
        request: what was asked.
        plan: what was planned.
        done: what came out.
        state: ``"kept"`` puts the version in force, ``"discarded"`` only lists it.
        estimated_seconds: what was said before; None takes the plan's.
    """
    known = project.versions()
    parent = next(
        (v.id for v in known if str(project.version_path(v)) == request.current_path), None
    )
    number = sum(v.state != "base" for v in known) + 1
    version = project.add_version(
        ModelVersion(
            new_id(), f"Version {number}", portable_path(done.output_path, project.home),
            file_sha256(Path(done.output_path)), parent, now(), asdict(request.settings),
            asdict(done.before), asdict(done.after), plan.num_train_images, "", state,
        )
    )  # fmt: skip
    estimated = plan.estimated_seconds if estimated_seconds is None else estimated_seconds
    project.add_run(
        TrainingRun(
            new_id(), now(), "finished", estimated, done.seconds, plan.num_train_images,
            version.id, plan.device.name, asdict(request.settings), asdict(done.after),
        )
    )  # fmt: skip
    if state == "kept":
        project.set_active_version(version.id)
    return version


def _stem(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]


def new_id() -> str:
    """Names a version or a run: 32 random hexadecimal digits."""
    return os.urandom(16).hex()


def now() -> str:
    """The time as versions and runs store it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
