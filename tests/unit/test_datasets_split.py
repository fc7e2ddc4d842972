"""Dividing datasets: seeded, classes in every part, videos in one piece, own parts kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.datasets.dataset import Dataset, DatasetItem
from model.data.datasets.opening import open_dataset
from model.data.datasets.split import DatasetSplit, split_dataset
from model.data.datasets.survey import DatasetSurvey, survey_dataset
from model.errors import CancelledError, DatasetError
from tests.unit.dataset_folders import write_pairs, write_segnet

CAMVID = Path(__file__).parents[3] / "shared" / "data" / "camvid"


def videos(folder: Path, lengths: dict[str, int], rare: tuple[str, ...] = ()) -> Dataset:
    """Frames of videos; those named in ``rare`` have class 2 besides 0 and 1."""
    names = [f"{video}_{i:04d}" for video, number in lengths.items() for i in range(number)]
    masks = {name: [0, 1, 2] if name in rare else [0, 1] for name in names}
    write_pairs(folder, masks, "images", "masks")
    return open_dataset(folder)


def parts_of(split: DatasetSplit) -> dict[str, str]:
    return {
        item.key: name
        for name in ("train", "validation", "test")
        for item in getattr(split, name)
    }  # fmt: skip


def test_the_same_seed_gives_the_same_parts_and_another_others(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 30, "b": 30})
    split = [
        split_dataset(dataset, seed=seed, validation_share=0.2, test_share=0.2)
        for seed in (7, 7, 8)
    ]
    assert split[0] == split[1]
    assert parts_of(split[0]) != parts_of(split[2])


def test_every_item_is_in_one_part_and_sizes_are_near_the_shares(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 40, "b": 60})
    split = split_dataset(dataset, seed=0, validation_share=0.2, test_share=0.1)
    assert len(parts_of(split)) == 100
    assert len(split.train) + len(split.validation) + len(split.test) == 100
    assert 15 <= len(split.validation) <= 25
    assert 6 <= len(split.test) <= 14


def test_the_order_of_items_is_kept_within_a_part(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 20})
    split = split_dataset(dataset, seed=3, validation_share=0.3, test_share=0)
    keys = [item.key for item in dataset.items]
    for part in (split.train, split.validation):
        places = [keys.index(item.key) for item in part]
        assert places == sorted(places)


def test_few_videos_are_cut_into_few_contiguous_blocks(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 60, "b": 60})
    part = parts_of(split_dataset(dataset, seed=1, validation_share=0.2, test_share=0))
    runs = [name for name, _ in groupby(part[item.key] for item in dataset.items)]
    assert runs.count("validation") <= 4  # 24 frames in blocks of 8, some of them side by side


def test_each_of_few_videos_is_in_every_part(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 40, "b": 40, "c": 40})
    split = split_dataset(dataset, seed=5, validation_share=0.25, test_share=0.25)
    for part in (split.train, split.validation, split.test):
        assert len({item.group for item in part}) == 3


def test_many_videos_stay_whole(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {f"v{chr(97 + i)}": 3 + i % 3 for i in range(20)})
    part = parts_of(split_dataset(dataset, seed=2, validation_share=0.2, test_share=0.2))
    of_group: dict[str, set[str]] = {}
    for item in dataset.items:
        of_group.setdefault(item.group, set()).add(part[item.key])
    assert all(len(parts) == 1 for parts in of_group.values())
    assert set(part.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_class_is_in_every_part_where_it_can_be(tmp_path: Path, seed: int) -> None:
    rare = ("a_0002", "a_0020", "b_0010")
    dataset = videos(tmp_path, {"a": 24, "b": 24}, rare)
    split = split_dataset(dataset, seed=seed, validation_share=0.25, test_share=0.25)
    for part in (split.train, split.validation, split.test):
        assert any(item.image.stem in rare for item in part)
    assert split.notes == ()


def test_a_class_of_one_image_goes_to_training_and_that_is_said(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 24}, ("a_0005",))
    split = split_dataset(dataset, seed=0, validation_share=0.25, test_share=0)
    assert any(item.image.stem == "a_0005" for item in split.train)
    assert split.notes == ("The part 'validation' has no pixel of class 2.",)


def test_own_parts_are_kept(tmp_path: Path) -> None:
    write_segnet(
        tmp_path,
        {"train": ["0001TP_1", "0001TP_2"], "val": ["0006R0_1"], "test": ["Seq05VD_f1"]},
    )
    dataset = open_dataset(tmp_path)
    split = split_dataset(dataset, seed=0, validation_share=0.5, test_share=0.4)
    assert parts_of(split) == {
        "train/0001TP_1.png": "train", "train/0001TP_2.png": "train",
        "val/0006R0_1.png": "validation", "test/Seq05VD_f1.png": "test",
    }  # fmt: skip


def test_a_part_that_is_missing_is_taken_from_training_only(tmp_path: Path) -> None:
    stems = [f"0001TP_{i:02d}" for i in range(16)]
    write_segnet(tmp_path, {"train": stems, "val": ["0006R0_1", "0006R0_2"]})
    dataset = open_dataset(tmp_path)
    split = split_dataset(dataset, seed=0, validation_share=0.2, test_share=0.2)
    assert [item.split for item in split.validation] == ["validation"] * 2
    assert {item.split for item in split.test} == {"train"}
    assert 3 <= len(split.test) <= 5


def test_without_shares_everything_trains_and_no_mask_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = videos(tmp_path, {"a": 5})

    def refuse(*_: object) -> None:
        raise AssertionError("a mask was read")

    monkeypatch.setattr(Dataset, "decode_mask", refuse)
    split = split_dataset(dataset, seed=0, validation_share=0, test_share=0)
    assert split.train == dataset.items
    assert (split.validation, split.test) == ((), ())


def test_two_images_are_one_to_train_on_and_one_to_validate(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 2})
    split = split_dataset(dataset, seed=0, validation_share=0.1, test_share=0)
    assert (len(split.train), len(split.validation)) == (1, 1)


def test_what_cannot_be_read_is_in_no_part_when_a_survey_says_so(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 10})
    dataset.items[4].image.write_bytes(b"no image")
    split = split_dataset(
        dataset, seed=0, validation_share=0.2, test_share=0, survey=survey_dataset(dataset)
    )
    assert dataset.items[4].key not in parts_of(split)
    assert len(parts_of(split)) == 9


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 2})
    with pytest.raises(DatasetError, match=r"has 2 images .* at least 3 were expected"):
        split_dataset(dataset, seed=0, validation_share=0.2, test_share=0.2)


def test_a_dataset_of_test_images_only_cannot_train(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"test": ["0001TP_1", "0001TP_2"]})
    with pytest.raises(DatasetError, match="0 images"):
        split_dataset(open_dataset(tmp_path), seed=0, validation_share=0, test_share=0)


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0), (1.0, 0), (0, 2)])
def test_shares_that_leave_nothing_are_refused(
    tmp_path: Path, validation: float, test: float
) -> None:
    dataset = videos(tmp_path, {"a": 4})
    with pytest.raises(DatasetError, match="leave nothing to train on"):
        split_dataset(dataset, seed=0, validation_share=validation, test_share=test)


def test_a_division_can_be_cancelled(tmp_path: Path) -> None:
    dataset = videos(tmp_path, {"a": 4})
    with pytest.raises(CancelledError):
        split_dataset(
            dataset, seed=0, validation_share=0.2, test_share=0, is_cancelled=lambda: True
        )


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, DatasetSurvey]:
    dataset = videos(tmp_path_factory.mktemp("many"), {"a": 40})
    return dataset, survey_dataset(dataset)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_any_groups_are_divided_completely_and_without_overlap(
    surveyed: tuple[Dataset, DatasetSurvey], data: st.DataObject, seed: int
) -> None:
    dataset, survey = surveyed
    number = data.draw(st.integers(3, 40))
    groups = data.draw(st.lists(st.sampled_from("abcdef"), min_size=number, max_size=number))
    items = tuple(
        replace(item, group=group) for item, group in zip(dataset.items, groups, strict=False)
    )
    dataset = replace(dataset, items=items)
    survey = replace(survey, usable=items, pixels_per_item=survey.pixels_per_item[:number])
    split = split_dataset(dataset, seed=seed, validation_share=0.2, test_share=0.2, survey=survey)
    divided: list[DatasetItem] = [*split.train, *split.validation, *split.test]
    assert sorted(item.key for item in divided) == sorted(item.key for item in items)
    assert split.train
    assert split.validation
    assert split.test


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid images are not beside the repository")
def test_the_real_camvid_keeps_its_parts_or_is_divided_with_all_classes() -> None:
    dataset = open_dataset(CAMVID)
    own = split_dataset(dataset, seed=0, validation_share=0.1, test_share=0)
    assert (len(own.train), len(own.validation), len(own.test)) == (367, 101, 0)
    train = tuple(replace(item, split=None) for item in own.train)
    split = split_dataset(
        replace(dataset, items=train), seed=0, validation_share=0.15, test_share=0.15
    )
    assert split.notes == ()  # every class in every part
    assert abs(len(split.validation) - 55) <= 10
    assert abs(len(split.test) - 55) <= 10
