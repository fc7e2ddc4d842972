"""Going on with an interrupted training from scratch where only its output is known. No Keras."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from model.data.atomic import write_atomic
from model.data.label_sets import label_set_from_json, label_set_to_json
from model.engine.protocol import Scaling
from model.errors import LabelSetError, TrainingError
from model.recipes import Recipe
from model.scratch_state import ScratchRequest, TrainingFolder

_FILE = "request.json"


def save_request(request: ScratchRequest) -> None:
    """Writes what was asked for into the folder of the run, to go on with it by that alone.

    Raises:
        StorageError: it could not be written.
    """
    data = {
        "dataset": os.path.abspath(request.dataset_path), "layout": request.layout,
        "groups": list(request.groups), "holds_out": request.holds_out,
        "minutes": request.minutes,
        "label_set": request.label_set and label_set_to_json(request.label_set),
    }  # fmt: skip
    path = TrainingFolder(Path(request.output_path)).path / _FILE
    write_atomic(path, json.dumps(data, indent=1).encode())


def require_same_images(request: ScratchRequest) -> None:
    """Checks that a resumed run trains on what it began with. The dataset may have moved.

    Raises:
        TrainingError: it was started with other groups, or held out something else.
    """
    path = TrainingFolder(Path(request.output_path)).path / _FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        began = {"groups": set(data["groups"]), "holds_out": data["holds_out"]}
    except (OSError, ValueError, KeyError, TypeError):
        return  # of an earlier version, or lost: the state alone decides
    now = {"groups": set(request.groups), "holds_out": request.holds_out}
    if began != now:
        groups = ", ".join(sorted(began["groups"])) or "all"
        raise TrainingError(
            f"The interrupted training was started with groups: {groups}; held out: "
            f"{began['holds_out']}. Now it is asked to go on with other images.",
            remedy="Leave out --groups and --hold-out, or start anew without --resume.",
        )


def has_request(output_path: Path) -> bool:
    """Whether the run beside ``output_path`` says what was asked for; an early version did not."""
    return (TrainingFolder(output_path).path / _FILE).exists()


def interrupted_request(output_path: Path) -> ScratchRequest | None:
    """The request that goes on with the run beside ``output_path``; None when there is none.

    Raises:
        TrainingError: it is running, its state is damaged, or it is not known what was asked for.
    """
    folder = TrainingFolder(output_path)
    if folder.is_running:
        raise TrainingError(
            f"{output_path.name} is being trained by another process right now.",
            remedy="Wait for its end or stop it there, or choose another file.",
        )
    if not folder.has_state:
        return None
    try:
        data = json.loads((folder.path / _FILE).read_text(encoding="utf-8"))
        with np.load(folder.path / "state.npz", allow_pickle=False) as stored:
            recipe = _recipe(json.loads(str(stored["head"]))["recipe"])
        return ScratchRequest(
            str(data["dataset"]), str(output_path), recipe, layout=data["layout"],
            label_set=label_set_from_json(labels) if (labels := data.get("label_set")) else None,
            groups=tuple(data["groups"]), holds_out=data["holds_out"],
            minutes=data["minutes"], resumes=True,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise TrainingError(
            f"The interrupted training of {output_path.name} does not say what it was trained on: "
            f"{folder.path / _FILE} is missing.",
            remedy="Go on with it with the command train and --resume, or start anew.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, LabelSetError) as error:
        raise TrainingError(
            f"The interrupted training of {output_path.name} cannot be read ({error}).",
            remedy="Start anew, or choose another name.",
        ) from error


def _recipe(data: dict[str, Any]) -> Recipe:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    values["scaling"] = Scaling(values["scaling"])
    return Recipe(**values)
