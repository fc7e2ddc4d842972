"""What a survey finds in a dataset: figures, and everything that is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.datasets.findings import Finding
from model.data.datasets.opening import open_dataset
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.data.datasets.survey_report import survey_table, to_json
from model.data.label_sets import generic_label_set
from model.errors import CancelledError, DatasetError
from tests.unit.dataset_folders import write_pairs, write_photo, write_segnet, write_values

CAMVID = Path(__file__).parents[3] / "shared" / "data" / "camvid"


def finding(survey: DatasetSurvey, kind: str) -> Finding:
    return next(each for each in survey.findings if each.kind == kind)


def kinds(survey: DatasetSurvey) -> list[str]:
    return [each.kind for each in survey.findings]


def survey_of(folder: Path, masks: dict[str, object], num_classes: int = 2) -> DatasetSurvey:
    write_pairs(folder, masks, "images", "masks")
    return survey_dataset(open_dataset(folder, label_set=generic_label_set(num_classes)))


def test_figures_are_those_of_the_pixels(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 1], "b": [0, 0, 255]})

    assert survey.num_images == 2
    assert survey.class_pixels == (24 + 32, 24)
    assert survey.class_images == (2, 1)
    assert survey.class_share(1) == 24 / 80
    assert (survey.ignored_pixels, survey.unknown_pixels, survey.num_pixels) == (16, 0, 96)
    assert [(s.width, s.height, s.num_images) for s in survey.sizes] == [(8, 6, 2)]
    assert survey.pixels_per_item.tolist() == [[24, 24, 0], [32, 0, 16]]
    assert not survey.pixels_per_item.flags.writeable
    assert survey.findings == ()
    assert [item.key for item in survey.usable] == ["images/a.jpg", "images/b.jpg"]


def test_unknown_values_are_counted_with_the_files_that_hold_them(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 1, 7], "b": [0, 7, 7, 9], "c": [0, 1]})

    assert [(u.value, u.num_pixels, u.num_files) for u in survey.unknown] == [
        ("7", 16 + 24, 2), ("9", 12, 1),
    ]  # fmt: skip
    assert survey.unknown[0].files == ("images/a.jpg", "images/b.jpg")
    assert survey.ignored_pixels == 0
    assert survey.unknown_pixels == 52
    found = finding(survey, "unknown_values")
    assert found.severity == "warning"
    assert "7 (40 pixels), 9 (12 pixels)" in found.message
    assert found.num_files == 2


def test_only_the_first_files_are_named_but_all_are_counted(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {f"m{i}": [0, 1, 9] for i in range(12)})
    assert survey.unknown[0].num_files == 12
    assert survey.unknown[0].files == tuple(f"images/m{i}.jpg" for i in range(5))


def test_masks_of_another_size_are_told_and_not_usable(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1], "b": [0, 1]}, "images", "masks")
    write_photo(tmp_path / "images" / "b.jpg", (12, 16))
    survey = survey_dataset(open_dataset(tmp_path))

    found = finding(survey, "size_mismatch")
    assert found.severity == "error"
    assert "images/b.jpg: the image has 16 x 12 pixels, its mask 8 x 6" in found.message
    assert found.remedy
    assert [item.key for item in survey.usable] == ["images/a.jpg"]
    assert [(s.width, s.height) for s in survey.sizes] == [(8, 6), (16, 12)]


def test_files_that_cannot_be_read_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1], "b": [0, 1], "c": [0, 1]}, "images", "masks")
    (tmp_path / "images" / "b.jpg").write_bytes(b"no image")
    broken = (tmp_path / "masks" / "c.png").read_bytes()
    (tmp_path / "masks" / "c.png").write_bytes(broken[: len(broken) // 2])
    survey = survey_dataset(open_dataset(tmp_path))

    assert finding(survey, "unreadable_image").files == ("images/b.jpg",)
    assert finding(survey, "unreadable_mask").files == ("images/c.jpg",)
    assert [item.key for item in survey.usable] == ["images/a.jpg"]
    assert survey.pixels_per_item.tolist() == [[24, 24, 0], [0, 0, 0], [0, 0, 0]]


def test_partners_that_are_missing_are_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "lonely.jpg")
    write_values(tmp_path / "masks" / "widowed.png", [0, 1])
    survey = survey_of(tmp_path, {"a": [0, 1]})
    assert finding(survey, "missing_mask").files == ("images/lonely.jpg",)
    assert finding(survey, "missing_image").files == ("masks/widowed.png",)


def test_one_class_only_is_an_error(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [1], "b": [1, 255]})
    found = finding(survey, "single_class")
    assert found.severity == "error"
    assert "'class 1'" in found.message
    assert finding(survey, "absent_class").message.endswith("class 0.")


def test_classes_that_never_occur_are_named(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 2]}, num_classes=5)
    assert "Classes that never occur: 3 of 5: class 1, class 3, class 4." in (
        finding(survey, "absent_class").message
    )


def test_masks_without_a_labelled_pixel_are_told_and_not_usable(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 1], "b": [255]}, num_classes=3)
    assert finding(survey, "empty_mask").files == ("images/b.jpg",)
    assert [item.key for item in survey.usable] == ["images/a.jpg"]


def test_no_class_at_all_is_an_error(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [17]}, num_classes=3)
    assert finding(survey, "no_class").severity == "error"
    assert survey.usable == ()
    assert survey.class_share(0) == 0.0


def test_an_empty_part_is_told(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1"]})
    (tmp_path / "val").mkdir()
    (tmp_path / "valannot").mkdir()
    survey = survey_dataset(open_dataset(tmp_path))
    assert "'validation'" in finding(survey, "empty_split").message


def test_a_dataset_whose_every_part_is_empty_cannot_be_opened(tmp_path: Path) -> None:
    write_segnet(tmp_path, {})
    for name in ("train", "trainannot"):
        (tmp_path / name).mkdir()
    with pytest.raises(DatasetError, match="looks like CamVid, but no image has a mask"):
        open_dataset(tmp_path)


def test_a_drive_in_several_parts_is_noted(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"train": ["0016E5_1", "0016E5_2"], "val": ["0016E5_3"]})
    survey = survey_dataset(open_dataset(tmp_path))
    assert finding(survey, "shared_group").severity == "note"


def test_the_gravest_findings_come_first(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "lonely.jpg")
    survey = survey_of(tmp_path, {"a": [1], "b": [1, 9]})
    severities = [each.severity for each in survey.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert severities[0] == "error"


def test_progress_is_told_item_by_item(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1], "b": [0, 1], "c": [0, 1]}, "images", "masks")
    told: list[tuple[int, int]] = []
    survey_dataset(open_dataset(tmp_path), on_progress=lambda *steps: told.append(steps))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_survey_can_be_cancelled(tmp_path: Path) -> None:
    write_pairs(tmp_path, {f"m{i}": [0, 1] for i in range(30)}, "images", "masks")
    told: list[int] = []
    with pytest.raises(CancelledError):
        survey_dataset(
            open_dataset(tmp_path),
            on_progress=lambda done, _: told.append(done),
            is_cancelled=lambda: len(told) >= 3,
        )
    assert told == [1, 2, 3]


def test_photos_that_a_camera_turned_are_as_large_as_they_are_seen(tmp_path: Path) -> None:
    write_values(tmp_path / "masks" / "a.png", [0, 1])
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(tmp_path / "images" / "a.jpg", exif=exif)
    survey = survey_dataset(open_dataset(tmp_path))
    assert "size_mismatch" not in kinds(survey)
    assert (survey.sizes[0].height, survey.sizes[0].width) == (6, 8)


def test_the_table_says_what_the_survey_knows(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 1], "b": [0, 255, 7, 7]})
    lines = survey_table(survey).splitlines()
    assert lines[1] == "Images: 2 with a mask"
    assert lines[2] == "Sizes:  8 x 6 (2)"
    assert any(line.split() == ["0", "class", "0", "36", "60.00", "%", "2"] for line in lines)
    assert any(line.split()[:4] == ["ignored", "12", "12.50", "%"] for line in lines)
    assert any(line.split()[:4] == ["unknown", "24", "25.00", "%"] for line in lines)
    assert any("24 pixels in 1: images/b.jpg" in line for line in lines)
    assert any(
        line.startswith(
            "Warning: Values or colours that belong to none of the 2 classes, ignored: 1:"
        )
        for line in lines
    )


def test_the_json_holds_the_same_figures(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, {"a": [0, 1], "b": [0, 255, 7, 7]})
    data = json.loads(json.dumps(to_json(survey)))
    assert data["classes"][0] == {
        "index": 0, "name": "class 0", "color": [230, 159, 0], "num_pixels": 36, "share": 0.6,
        "num_images": 2,
    }  # fmt: skip
    assert data["unknown"] == [
        {"value": "7", "num_pixels": 24, "num_files": 1, "files": ["images/b.jpg"]}
    ]
    assert data["ignored_share"] == 0.125
    assert data["num_usable"] == 2
    assert data["findings"][0]["kind"] == "unknown_values"


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid images are not beside the repository")
def test_the_survey_of_the_real_camvid_is_plausible() -> None:
    survey = survey_dataset(open_dataset(CAMVID))
    assert survey.num_by_split == (("train", 367), ("validation", 101))
    assert [(s.width, s.height, s.num_images) for s in survey.sizes] == [(480, 360, 468)]
    assert survey.num_pixels == 468 * 480 * 360
    assert survey.unknown == ()
    share = {c.name: survey.class_share(c.index) for c in survey.label_set.classes}
    assert 0.25 < share["Road"] < 0.40
    assert 0.20 < share["Building"] < 0.30
    assert 0.10 < share["Sky"] < 0.20
    assert all(0.002 < share[name] < 0.02 for name in ("Pole", "Pedestrian", "Bicyclist"))
    assert 0.01 < survey.ignored_pixels / survey.num_pixels < 0.06
    assert kinds(survey) == ["shared_group"]
    assert len(survey.usable) == 468
