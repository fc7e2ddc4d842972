"""An evaluation as JSON and back, without losing a digit. Imports no Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.data.label_sets import Color
from model.errors import SegguiError
from model.evaluation_result import Counts, Evaluation, ImageScore, Shares

_FORMAT = "seggui evaluation"
_VERSION = 1
_MOST_PIXELS = 2**53
"""Beyond it, other readers of JSON round whole numbers."""


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data that ``json.dumps`` takes and `evaluation_from_json` reads.

    ``scores`` repeats for other programs what follows from the confusion matrix; it is not read.
    """
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "dataset": evaluation.dataset_name,
        "scores": scores_to_json(evaluation),
        "classes": class_scores_to_json(evaluation),
        "confusion": evaluation.confusion.tolist(),
        "images": [_image_to_json(image) for image in evaluation.images],
    }


def scores_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The scores over all classes; shares are 0..1."""
    return {
        "accuracy": evaluation.accuracy,
        "mean_iou": evaluation.mean_iou,
        "num_scored_classes": evaluation.num_scored_classes,
        "mean_accuracy": evaluation.mean_accuracy,
        "frequency_weighted_iou": evaluation.frequency_weighted_iou,
        "num_images": len(evaluation.images),
        "num_pixels": evaluation.total_pixels,
        "seconds_per_image": evaluation.seconds_per_image,
    }


def class_scores_to_json(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Name, colour and scores of each class; shares are 0..1, None where undefined."""
    columns = zip(
        evaluation.class_names, evaluation.class_colors, evaluation.iou, evaluation.precision,
        evaluation.recall, evaluation.true_pixels, evaluation.predicted_pixels, strict=True,
    )  # fmt: skip
    return [
        {
            "index": index, "name": name, "color": list(color), "iou": iou, "precision": precision,
            "recall": recall, "true_pixels": true, "predicted_pixels": predicted,
        }
        for index, (name, color, iou, precision, recall, true, predicted) in enumerate(columns)
    ]  # fmt: skip


def _image_to_json(image: ImageScore) -> dict[str, Any]:
    return {
        "key": image.key,
        "num_pixels": image.num_pixels,
        "accuracy": image.accuracy,
        "mean_iou": image.mean_iou,
        "iou": list(image.iou),
        "wrong_pixels": list(image.wrong_pixels),
        "seconds": image.seconds,
    }


def evaluation_from_json(data: object) -> Evaluation:
    """Builds an evaluation from what a JSON file holds, checking every field.

    Raises:
        SegguiError: names the first field that is missing, of the wrong type or out of range.
    """
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise _wrong("format", data.get("format") if isinstance(data, dict) else data, _FORMAT)
    if data.get("version") != _VERSION:
        raise _wrong("version", data.get("version"), str(_VERSION))
    classes = data.get("classes")
    if not isinstance(classes, list) or not classes:
        raise _wrong("classes", classes, "a list of classes")
    size = len(classes)
    images = data.get("images")
    if not isinstance(images, list):
        raise _wrong("images", images, "a list of images")
    return Evaluation(
        dataset_name=_text(data.get("dataset"), "dataset"),
        class_names=tuple(_text(_get(c, "name"), f"classes[{i}].name")
                          for i, c in enumerate(classes)),
        class_colors=tuple(_color(_get(c, "color"), f"classes[{i}].color")
                           for i, c in enumerate(classes)),
        confusion=_matrix(data.get("confusion"), size),
        images=tuple(_image(image, f"images[{i}]", size) for i, image in enumerate(images)),
    )  # fmt: skip


def _image(data: object, where: str, size: int) -> ImageScore:
    wrong_pixels = _list(_get(data, "wrong_pixels"), f"{where}.wrong_pixels", size)
    iou = _list(_get(data, "iou"), f"{where}.iou", size)
    return ImageScore(
        key=_text(_get(data, "key"), f"{where}.key"),
        num_pixels=_count(_get(data, "num_pixels"), f"{where}.num_pixels"),
        accuracy=_share(_get(data, "accuracy"), f"{where}.accuracy"),
        mean_iou=_share(_get(data, "mean_iou"), f"{where}.mean_iou"),
        iou=_shares(iou, f"{where}.iou"),
        wrong_pixels=tuple(
            _count(n, f"{where}.wrong_pixels[{i}]") for i, n in enumerate(wrong_pixels)
        ),
        seconds=_seconds(_get(data, "seconds"), f"{where}.seconds"),
    )


def _matrix(value: object, size: int) -> Counts:
    rows = [_list(row, f"confusion[{i}]", size)
            for i, row in enumerate(_list(value, "confusion", size))]  # fmt: skip
    counts = [[_count(n, f"confusion[{i}][{j}]") for j, n in enumerate(row)]
              for i, row in enumerate(rows)]  # fmt: skip
    return np.array(counts, np.int64)


def _shares(values: list[Any], where: str) -> Shares:
    return tuple(_share(value, f"{where}[{i}]") for i, value in enumerate(values))


def _share(value: object, where: str) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= float(value) <= 1:  # type: ignore[arg-type]
        raise _wrong(where, value, "null or a number from 0 to 1")
    return float(value)  # type: ignore[arg-type]


def _seconds(value: object, where: str) -> float:
    if type(value) not in (int, float) or not 0 <= float(value) < float("inf"):  # type: ignore[arg-type]
        raise _wrong(where, value, "a number of seconds")
    return float(value)  # type: ignore[arg-type]


def _count(value: object, where: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST_PIXELS:
        raise _wrong(where, value, "a whole number from 0 on")
    return value


def _color(value: object, where: str) -> Color:
    red, green, blue = _list(value, where, 3)
    if not all(type(part) is int and 0 <= part <= 255 for part in (red, green, blue)):
        raise _wrong(where, value, "[red, green, blue], each 0 to 255")
    return red, green, blue


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(where, value, "a text")
    return value


def _list(value: object, where: str, length: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise _wrong(where, value, f"a list of {length}")
    return value


def _get(data: object, field: str) -> object:
    return data.get(field) if isinstance(data, dict) else None


def _wrong(field: str, received: object, expected: str) -> SegguiError:
    return SegguiError(
        f"The evaluation is not valid: {field} is {received!r:.80}; {expected} was expected.",
        remedy="Evaluate again.",
    )
