"""Every layout of datasets: found by itself, and read as what it means."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.datasets.camvid import ORIGINAL_CLASSES, camvid_11, camvid_32
from model.data.datasets.cityscapes import LABEL_NAMES, cityscapes_19
from model.data.datasets.dataset import Dataset, DatasetItem
from model.data.datasets.found_classes import classes_from
from model.data.datasets.opening import LAYOUTS, open_dataset
from model.data.label_sets import (
    IGNORE,
    LabelClass,
    LabelSet,
    builtin_label_sets,
    generic_label_set,
    save_label_set,
)
from model.errors import DatasetError, LabelSetError, MaskError, StorageError
from tests.unit.dataset_folders import (
    SIZE,
    spread,
    write_frame,
    write_pairs,
    write_photo,
    write_segnet,
    write_values,
)

CAMVID = Path(__file__).parents[3] / "shared" / "data" / "camvid"


def item_of(dataset: Dataset, key: str) -> DatasetItem:
    return next(item for item in dataset.items if item.key == key)


# -- images and masks -----------------------------------------------------------------------------

PAIR_FOLDERS = [
    ("images", "masks"), ("imgs", "labels"), ("image", "annotations"), ("JPEGImages", "gt"),
    ("rgb", "annots"), ("", "masks"), ("Images", "Masks"), ("img_dir", "ann_dir"),
    ("images/a/b", "labels/a/b"), ("input", "target"),
]  # fmt: skip


@pytest.mark.parametrize(("images", "labels"), PAIR_FOLDERS)
def test_pairs_are_found_in_all_usual_folders(tmp_path: Path, images: str, labels: str) -> None:
    write_pairs(tmp_path, {"one": [0, 1], "two": [1, 2, 255]}, images, labels)

    dataset = open_dataset(tmp_path)

    prefix = f"{images}/" if images else ""
    assert dataset.layout == "pairs"
    assert [item.key for item in dataset.items] == [f"{prefix}one.jpg", f"{prefix}two.jpg"]
    assert [item.split for item in dataset.items] == [None, None]
    assert np.array_equal(dataset.read_mask(dataset.items[1]), spread([1, 2, 255]))
    assert dataset.read_image(dataset.items[0]).shape == (*SIZE, 3)


SPLIT_FOLDERS = [
    ("{}/images", "{}/masks"), ("images/{}", "masks/{}"), ("{}_images", "{}_labels"),
    ("images_{}", "annotations_{}"), ("images_prepped_{}", "annotations_prepped_{}"),
    ("{}", "{}_masks"),
]  # fmt: skip


@pytest.mark.parametrize(("images", "labels"), SPLIT_FOLDERS)
def test_parts_of_pairs_are_told_by_their_folders(tmp_path: Path, images: str, labels: str) -> None:
    for name in ("train", "val", "test"):
        write_pairs(tmp_path, {"same": [0, 1]}, images.format(name), labels.format(name))

    dataset = open_dataset(tmp_path)

    found = {item.split: item.mask for item in dataset.items}
    assert found == {
        "train": tmp_path / labels.format("train") / "same.png",
        "validation": tmp_path / labels.format("val") / "same.png",
        "test": tmp_path / labels.format("test") / "same.png",
    }


@pytest.mark.parametrize("ending", ["_mask", "_L", "_label", "_labels", "_gt", "-mask"])
def test_masks_beside_their_images_are_found(tmp_path: Path, ending: str) -> None:
    for stem in ("x", "y"):
        write_photo(tmp_path / f"{stem}.png")
        write_values(tmp_path / f"{stem}{ending}.png", [0, 1])
    write_photo(tmp_path / "z.png")
    write_values(tmp_path / f"w{ending}.png", [0, 1])

    dataset = open_dataset(tmp_path)

    assert [item.key for item in dataset.items] == ["x.png", "y.png"]
    assert [item.mask.name for item in dataset.items] == [f"x{ending}.png", f"y{ending}.png"]
    assert dataset.images_without_mask == (tmp_path / "z.png",)
    assert dataset.masks_without_image == (tmp_path / f"w{ending}.png",)


def test_images_that_differ_only_in_their_ending_have_their_own_masks(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        write_photo(tmp_path / "images" / name)
    write_values(tmp_path / "masks" / "a.jpg.png", [0, 1])
    write_values(tmp_path / "masks" / "a.png.png", [1, 2])

    dataset = open_dataset(tmp_path)

    assert {item.image.name: item.mask.name for item in dataset.items} == {
        "a.jpg": "a.jpg.png", "a.png": "a.png.png",
    }  # fmt: skip


def test_one_mask_is_never_given_to_two_images(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        write_photo(tmp_path / "images" / name)
    write_values(tmp_path / "masks" / "a.png", [0, 1])

    dataset = open_dataset(tmp_path)

    assert len(dataset.items) == 1
    assert len(dataset.images_without_mask) == 1


def test_pascal_voc_has_its_names_and_lists(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"p": [0, 15], "q": [7, 255]}, "JPEGImages", "SegmentationClass")
    write_values(tmp_path / "SegmentationObject" / "p.png", [1, 2])
    write_photo(tmp_path / "JPEGImages" / "unlabelled.jpg")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p\n")
    (lists / "val.txt").write_text("q\n")
    (lists / "trainval.txt").write_text("p\nq\n")

    dataset = open_dataset(tmp_path)

    assert dataset.label_set.classes[15].name == "person"
    assert [item.split for item in dataset.items] == ["train", "validation"]
    assert len(dataset.images_without_mask) == 1


def test_two_folders_of_masks_for_the_same_images_are_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "labels")
    with pytest.raises(DatasetError, match=r"several folders of masks.*'labels', 'masks'"):
        open_dataset(tmp_path)


def test_folders_without_masks_are_told(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "train/images", "train/masks")
    write_photo(tmp_path / "test" / "images" / "b.jpg")
    (tmp_path / "val" / "images").mkdir(parents=True)

    dataset = open_dataset(tmp_path)

    assert dataset.notes == ("Images in 'test/images' without a folder of masks, left out: 1.",)
    assert dataset.empty_splits == ("validation", "test")


# -- what masks mean ------------------------------------------------------------------------------


def only_mask(folder: Path, **options: object) -> tuple[Dataset, np.ndarray]:
    dataset = open_dataset(folder, **options)
    return dataset, dataset.read_mask(dataset.items[0])


def test_black_and_white_masks_are_background_and_foreground(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 255]}, "images", "masks")
    dataset, mask = only_mask(tmp_path)
    assert [each.name for each in dataset.label_set.classes] == ["background", "foreground"]
    assert np.array_equal(mask, spread([0, 1]))


def test_black_and_white_masks_fit_any_two_classes(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 255]}, "images", "masks")
    _, mask = only_mask(tmp_path, label_set=generic_label_set(2))
    assert np.array_equal(mask, spread([0, 1]))
    _, mask = only_mask(tmp_path, label_set=generic_label_set(3))
    assert np.array_equal(mask, spread([0, IGNORE]))


def test_one_white_pixel_among_many_black_masks_is_foreground(tmp_path: Path) -> None:
    masks: dict[str, object] = {f"m{i:02d}": [0] for i in range(40)}
    write_pairs(tmp_path, masks | {"m33": [0, 255]}, "images", "masks")
    dataset = open_dataset(tmp_path, label_set=generic_label_set(2))
    assert np.array_equal(dataset.read_mask(item_of(dataset, "images/m33.jpg")), spread([0, 1]))


def test_black_and_white_masks_take_two_names_from_a_file(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 255]}, "images", "masks")
    (tmp_path / "classes.txt").write_text("ground\ncrop\n")
    dataset, mask = only_mask(tmp_path)
    assert [each.name for each in dataset.label_set.classes] == ["ground", "crop"]
    assert np.array_equal(mask, spread([0, 1]))


def test_a_value_of_a_single_mask_among_a_thousand_is_a_class(tmp_path: Path) -> None:
    names = [tmp_path / f"{i}.png" for i in range(1000)]
    for i, name in enumerate(names):
        write_values(name, [0, 1, 2] if i == 777 else [0, 1])
    label_set, _ = classes_from(names)
    assert len(label_set) == 3


def test_black_and_white_masks_that_are_stored_as_colours_are_the_same(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [(0, 0, 0), (255, 255, 255)]}, "images", "masks")
    _, mask = only_mask(tmp_path)
    assert np.array_equal(mask, spread([0, 1]))


def test_class_numbers_in_three_equal_channels_are_numbers(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [(0, 0, 0), (1, 1, 1), (2, 2, 2)]}, "images", "masks")
    dataset, mask = only_mask(tmp_path)
    assert len(dataset.label_set) == 3
    assert np.array_equal(mask, spread([0, 1, 2]))


def test_numbers_with_small_gaps_keep_their_place(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1], "b": [3, 255]}, "images", "masks")
    dataset = open_dataset(tmp_path)
    assert len(dataset.label_set) == 4
    assert np.array_equal(dataset.read_mask(dataset.items[1]), spread([3, IGNORE]))


def test_scattered_numbers_become_classes_in_order(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 128, 255]}, "images", "masks")
    dataset, mask = only_mask(tmp_path)
    names = [each.name for each in dataset.label_set.classes]
    assert names == ["value 0", "value 128", "value 255"]
    assert np.array_equal(mask, spread([0, 1, 2]))


def test_colours_of_a_known_label_set_are_its_classes(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [(60, 40, 222), (128, 0, 0), (0, 0, 0)]}, "images", "masks")
    dataset, mask = only_mask(tmp_path)
    assert dataset.label_set.name == "CamVid 11"
    assert np.array_equal(mask, spread([4, 1, IGNORE]))


def test_other_colours_become_classes_of_their_own(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [(9, 8, 7), (1, 2, 3)]}, "images", "masks")
    dataset, mask = only_mask(tmp_path)
    assert [each.name for each in dataset.label_set.classes] == ["color 1 2 3", "color 9 8 7"]
    assert dataset.label_set.classes[0].color == (1, 2, 3)
    assert np.array_equal(mask, spread([1, 0]))


def test_colours_are_matched_exactly_and_others_are_counted(tmp_path: Path) -> None:
    labels = LabelSet("two", (LabelClass(0, "a", (10, 0, 0)), LabelClass(1, "b", (0, 10, 0))))
    write_pairs(tmp_path, {"a": [(10, 0, 0), (0, 10, 0), (0, 0, 0), (11, 0, 0)]}, "images", "masks")
    dataset = open_dataset(tmp_path, label_set=labels)

    decoded = dataset.decode_mask(dataset.items[0])

    assert np.array_equal(decoded.mask, spread([0, 1, IGNORE, IGNORE]))
    assert decoded.unknown == {"11 0 0": 12}


def test_the_index_of_palette_masks_counts_and_not_the_colour(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "a.png")
    image = Image.fromarray(spread([0, 1, 2])).convert("P")
    image = Image.frombytes("P", image.size, spread([0, 1, 2]).tobytes())
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    (tmp_path / "masks").mkdir()
    image.save(tmp_path / "masks" / "a.png")
    _, mask = only_mask(tmp_path)
    assert np.array_equal(mask, spread([0, 1, 2]))


def test_sixteen_bit_masks_with_small_numbers_are_read(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(spread([0, 1]).astype(np.uint16)).save(tmp_path / "masks" / "a.png")
    _, mask = only_mask(tmp_path)
    assert np.array_equal(mask, spread([0, 1]))


CLASS_FILES = {
    "classes.txt": "sky\nroad\n",
    "codes.txt": "sky\nroad\nVoid\n",
    "labels.txt": "__ignore__\nsky\nroad\n",
    "label_colors.txt": "10 20 30\tsky\n40 50 60\t\troad\n0 0 0 Void\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nsky:10,20,30::\nroad:40,50,60::\n",
    "class_dict.csv": "name,r,g,b\nsky,10,20,30\nroad,40,50,60\n",
}


@pytest.mark.parametrize("name", CLASS_FILES)
def test_files_of_other_tools_name_the_classes(tmp_path: Path, name: str) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    (tmp_path / name).write_text(CLASS_FILES[name])
    dataset, mask = only_mask(tmp_path)
    assert [each.name for each in dataset.label_set.classes] == ["sky", "road"]
    assert np.array_equal(mask, spread([0, 1]))


@pytest.mark.parametrize("name", ["label_colors.txt", "labelmap.txt", "class_dict.csv"])
def test_files_of_other_tools_give_the_colours(tmp_path: Path, name: str) -> None:
    write_pairs(tmp_path, {"a": [(40, 50, 60), (10, 20, 30)]}, "images", "masks")
    (tmp_path / name).write_text(CLASS_FILES[name])
    dataset, mask = only_mask(tmp_path)
    assert dataset.label_set.classes[1].color == (40, 50, 60)
    assert np.array_equal(mask, spread([1, 0]))


def test_void_in_a_list_of_names_is_ignored_and_shifts_nothing(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1, 2, 3]}, "images", "masks")
    (tmp_path / "codes.txt").write_text("sky\nVoid\nroad\n")
    dataset = open_dataset(tmp_path)
    decoded = dataset.decode_mask(dataset.items[0])
    assert [each.name for each in dataset.label_set.classes] == ["sky", "road"]
    assert np.array_equal(decoded.mask, spread([0, IGNORE, 1, IGNORE]))
    assert decoded.unknown == {"3": 12}


def test_an_exported_label_set_names_the_classes(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    save_label_set(tmp_path / "label_set.json", generic_label_set(5, "mine"))
    dataset, _ = only_mask(tmp_path)
    assert len(dataset.label_set) == 5


def test_a_broken_file_of_class_names_is_told_with_its_line(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    (tmp_path / "label_colors.txt").write_text("1 2 3 sky\n1 2 road\n")
    with pytest.raises(DatasetError, match=r"Line 2 of .*label_colors.txt is '1 2 road'"):
        open_dataset(tmp_path)


def test_masks_that_were_scaled_smoothly_are_no_classes(tmp_path: Path) -> None:
    write_pairs(
        tmp_path, {"a": list(range(0, 96, 2)), "b": list(range(100, 196, 2))}, "images", "masks"
    )
    with pytest.raises(DatasetError, match="96 or more different values"):
        open_dataset(tmp_path)


def test_jpeg_masks_are_refused(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "a.png")
    write_photo(tmp_path / "masks" / "a.jpg")
    with pytest.raises(DatasetError, match="JPEG"):
        open_dataset(tmp_path)


def test_numbers_and_colours_mixed_need_names(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1], "b": [(1, 2, 3)]}, "images", "masks")
    with pytest.raises(DatasetError, match="Some masks hold numbers"):
        open_dataset(tmp_path)


def test_classes_that_share_a_colour_cannot_be_read_from_colours(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [(1, 2, 3)]}, "images", "masks")
    labels = LabelSet("same", (LabelClass(0, "a", (1, 2, 3)), LabelClass(1, "b", (1, 2, 3))))
    with pytest.raises(MaskError, match="same colour 1 2 3"):
        open_dataset(tmp_path, label_set=labels)


def test_a_mask_of_another_size_is_refused_as_a_pair(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    write_photo(tmp_path / "images" / "a.jpg", (7, 8))
    dataset = open_dataset(tmp_path)
    with pytest.raises(MaskError, match="8 x 6 pixels, its image 8 x 7"):
        dataset.read_pair(dataset.items[0])


# -- CamVid ---------------------------------------------------------------------------------------


def test_camvid_of_segnet_has_parts_drives_and_void(tmp_path: Path) -> None:
    write_segnet(
        tmp_path, {"train": ["0001TP_1", "0006R0_2"], "val": ["0016E5_3"], "test": ["Seq05VD_f4"]}
    )
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "camvid"
    assert dataset.label_set == camvid_11()
    assert [(item.split, item.group) for item in dataset.items] == [
        ("train", "0001TP"), ("train", "0006R0"), ("validation", "0016E5"), ("test", "Seq05VD"),
    ]  # fmt: skip
    assert np.array_equal(dataset.read_mask(dataset.items[0]), spread([0, 3, IGNORE]))


def test_camvid_that_writes_void_as_255_is_read_too(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1"]}, [10, 255, 12])
    dataset = open_dataset(tmp_path)
    decoded = dataset.decode_mask(dataset.items[0])
    assert np.array_equal(decoded.mask, spread([10, IGNORE, IGNORE]))
    assert decoded.unknown == {"12": 16}


def test_camvid_with_twelve_classes_keeps_the_twelfth(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1"]})
    dataset = open_dataset(tmp_path, label_set=generic_label_set(12))
    assert np.array_equal(dataset.read_mask(dataset.items[0]), spread([0, 3, 11]))


def test_the_full_size_copy_is_read_with_its_lists(tmp_path: Path) -> None:
    for stem in ("0001TP_1", "Seq05VD_f2"):
        write_photo(tmp_path / "CamVid_RGB" / f"{stem}.png")
        write_values(tmp_path / "CamVidGray" / f"{stem}_L.png", [9, 255])
        write_values(tmp_path / "CamVid_Label" / f"{stem}_L.png", [(64, 64, 0)])
    (tmp_path / "camvid_train.txt").write_text("CamVid_RGB/0001TP_1.png CamVidGray/0001TP_1_L.png")
    (tmp_path / "camvid_test.txt").write_text(
        "CamVid_RGB/Seq05VD_f2.png CamVidGray/Seq05VD_f2_L.png"
    )
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "camvid-full"
    assert [item.split for item in dataset.items] == ["train", "test"]
    assert np.array_equal(dataset.read_mask(dataset.items[0]), spread([9, IGNORE]))


def write_original(folder: Path, colors: list[tuple[int, int, int]]) -> None:
    write_photo(folder / "701_StillsRaw_full" / "0001TP_1.png")
    write_values(folder / "LabeledApproved_full" / "0001TP_1_L.png", colors)
    lines = [f"{r} {g} {b}\t{name}" for name, (r, g, b), _ in ORIGINAL_CLASSES]
    (folder / "label_colors.txt").write_text("\n".join(lines))


FOLDED = {  # the table of SegNet's copy, in its own words
    "Sky": ["Sky"],
    "Building": ["Building", "Wall", "Bridge", "Tunnel", "Archway"],
    "Pole": ["Column_Pole", "TrafficCone"],
    "Road": ["Road", "LaneMkgsDriv", "LaneMkgsNonDriv"],
    "Pavement": ["Sidewalk", "ParkingBlock", "RoadShoulder"],
    "Tree": ["Tree", "VegetationMisc"],
    "SignSymbol": ["SignSymbol", "Misc_Text", "TrafficLight"],
    "Fence": ["Fence"],
    "Car": ["Car", "SUVPickupTruck", "Truck_Bus", "Train", "OtherMoving"],
    "Pedestrian": ["Pedestrian", "Child", "CartLuggagePram", "Animal"],
    "Bicyclist": ["Bicyclist", "MotorcycleScooter"],
}


def test_the_original_is_folded_to_eleven_classes(tmp_path: Path) -> None:
    names = [name for name, _, _ in ORIGINAL_CLASSES]
    write_original(tmp_path, [color for _, color, _ in ORIGINAL_CLASSES])

    dataset, mask = only_mask(tmp_path)

    usual = [each.name for each in dataset.label_set.classes]
    meant = [
        next((usual.index(u) for u, own in FOLDED.items() if name in own), IGNORE) for name in names
    ]
    assert dataset.layout == "camvid-original"
    assert dataset.items[0].group == "0001TP"
    assert names[meant.index(IGNORE)] == "Void"
    assert meant.count(IGNORE) == 1
    assert np.array_equal(mask, spread(meant))


def test_the_original_has_all_its_classes_on_request(tmp_path: Path) -> None:
    write_original(tmp_path, [color for _, color, _ in ORIGINAL_CLASSES])
    dataset, mask = only_mask(tmp_path, layout="camvid-32")
    assert len(ORIGINAL_CLASSES) == 32
    assert dataset.label_set == camvid_32()
    assert len(np.unique(mask)) == 32  # 31 classes, and Void as ignore
    for index, label_class in enumerate(dataset.label_set.classes):
        color = next(c for name, c, _ in ORIGINAL_CLASSES if name == label_class.name)
        where = (spread([c for _, c, _ in ORIGINAL_CLASSES]) == color).all(axis=2)
        assert np.unique(mask[where]).tolist() == [index]


def test_stray_colours_of_the_original_are_counted_and_folded_nowhere(tmp_path: Path) -> None:
    write_original(tmp_path, [(128, 128, 0), (128, 128, 26)])  # as in Seq05VD_f02610_L.png
    dataset = open_dataset(tmp_path)
    decoded = dataset.decode_mask(dataset.items[0])
    assert np.array_equal(decoded.mask, spread([5, IGNORE]))
    assert decoded.unknown == {"128 128 26": 24}


def test_the_original_in_parts_without_its_table_is_known_by_its_drives(tmp_path: Path) -> None:
    for part, stem in (("train", "0001TP_1"), ("val", "0016E5_2")):
        write_photo(tmp_path / part / f"{stem}.png")
        write_values(tmp_path / f"{part}_labels" / f"{stem}_L.png", [(128, 64, 128)])
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "camvid-original"
    assert [item.split for item in dataset.items] == ["train", "validation"]


def test_a_label_set_without_a_class_of_camvid_is_refused(tmp_path: Path) -> None:
    write_original(tmp_path, [(128, 64, 128)])
    with pytest.raises(LabelSetError, match="none of the classes of CamVid"):
        open_dataset(tmp_path, label_set=generic_label_set(3))


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid images are not beside the repository")
def test_the_real_camvid_is_found_whole() -> None:
    dataset = open_dataset(CAMVID)
    by_split = [item.split for item in dataset.items]
    assert by_split.count("train") == 367
    assert by_split.count("validation") == 101
    assert {item.group for item in dataset.items} == {"0001TP", "0006R0", "0016E5"}
    assert not dataset.images_without_mask
    image, mask = dataset.read_pair(dataset.items[0])
    assert image.shape == (360, 480, 3)
    assert set(np.unique(mask)) <= {*range(11), IGNORE}


# -- Cityscapes -----------------------------------------------------------------------------------

# id: (name, train id), typed from the public table of the benchmark, independent of the program.
PUBLIC_TABLE = """
0 unlabeled 255; 1 ego vehicle 255; 2 rectification border 255; 3 out of roi 255; 4 static 255;
5 dynamic 255; 6 ground 255; 7 road 0; 8 sidewalk 1; 9 parking 255; 10 rail track 255;
11 building 2; 12 wall 3; 13 fence 4; 14 guard rail 255; 15 bridge 255; 16 tunnel 255; 17 pole 5;
18 polegroup 255; 19 traffic light 6; 20 traffic sign 7; 21 vegetation 8; 22 terrain 9; 23 sky 10;
24 person 11; 25 rider 12; 26 car 13; 27 truck 14; 28 bus 15; 29 caravan 255; 30 trailer 255;
31 train 16; 32 motorcycle 17; 33 bicycle 18
"""
ROWS = [row.split() for row in PUBLIC_TABLE.replace("\n", " ").split(";")]
TRAIN_IDS = {int(row[0]): int(row[-1]) for row in ROWS}
NAMES = {int(row[0]): " ".join(row[1:-1]) for row in ROWS}


def test_train_ids_are_those_of_the_public_table(tmp_path: Path) -> None:
    write_frame(tmp_path, "train", "aachen_000001_000019", list(range(34)))
    dataset, mask = only_mask(tmp_path)
    oracle = np.vectorize(TRAIN_IDS.__getitem__)(spread(list(range(34))))
    assert dataset.layout == "cityscapes"
    assert np.array_equal(mask, oracle)
    assert not dataset.decode_mask(dataset.items[0]).unknown
    assert dict(enumerate(LABEL_NAMES)) == NAMES
    for label_id, train_id in TRAIN_IDS.items():
        if train_id != IGNORE:
            assert cityscapes_19().classes[train_id].name == NAMES[label_id]


def test_cityscapes_is_read_as_downloaded(tmp_path: Path) -> None:
    write_frame(tmp_path, "train", "aachen_000001_000019", [7, 26])
    write_frame(tmp_path, "train", "ulm_000002_000019", [0, 18], kind="labelTrainIds")
    write_frame(tmp_path, "val", "munster_000003_000019", [34, 23])
    write_frame(tmp_path, "test", "berlin_000000_000019", [0])
    write_photo(tmp_path / "leftImg8bit/train/aachen/aachen_000001_000020_leftImg8bit.png")
    write_values(
        tmp_path / "gtFine/train/aachen/aachen_000001_000019_gtFine_color.png", [(1, 2, 3)]
    )

    dataset = open_dataset(tmp_path)

    assert [(item.split, item.group) for item in dataset.items] == [
        ("train", "aachen_000001"), ("train", "ulm_000002"), ("validation", "munster_000003"),
    ]  # fmt: skip
    masks = [dataset.decode_mask(item) for item in dataset.items]
    assert np.array_equal(masks[0].mask, spread([0, 13]))
    assert np.array_equal(masks[1].mask, spread([0, 18]))
    assert np.array_equal(masks[2].mask, spread([IGNORE, 10]))
    assert masks[2].unknown == {"34": 24}
    assert len(dataset.images_without_mask) == 1
    assert "Images of the test part, left out: 1." in dataset.notes[0]


def test_archives_that_were_unpacked_into_folders_of_their_own_are_found(tmp_path: Path) -> None:
    write_frame(tmp_path, "train", "aachen_000001_000019", [7])
    for name in ("leftImg8bit", "gtFine"):
        home = tmp_path / f"{name}_trainvaltest"
        home.mkdir()
        (tmp_path / name).rename(home / name)
    assert len(open_dataset(tmp_path).items) == 1


def test_cityscapes_without_masks_says_which_archive_is_missing(tmp_path: Path) -> None:
    write_photo(tmp_path / "leftImg8bit/train/aachen/aachen_000001_000019_leftImg8bit.png")
    with pytest.raises(DatasetError, match=r"has no folder gtFine.*gtFine_trainvaltest\.zip"):
        open_dataset(tmp_path)


def test_cityscapes_with_a_label_set_goes_by_names(tmp_path: Path) -> None:
    write_frame(tmp_path, "train", "aachen_000001_000019", [26, 7, 9])
    names = ("Parking", "Car")
    labels = LabelSet("few", tuple(LabelClass(i, n, (i, 0, 0)) for i, n in enumerate(names)))
    _, mask = only_mask(tmp_path, label_set=labels)
    assert np.array_equal(mask, spread([1, IGNORE, 0]))


# -- which layout it is ---------------------------------------------------------------------------


def test_a_folder_that_is_no_dataset_is_told_what_was_looked_for(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path)
    for expected in ("leftImg8bit", "trainannot", "label_colors.txt", ".seggui", "images"):
        assert expected in str(caught.value)


def test_a_folder_that_fits_twice_asks_for_a_choice(tmp_path: Path) -> None:
    write_segnet(tmp_path, {"train": ["0001TP_1"]})
    write_frame(tmp_path, "train", "aachen_000001_000019", [7])
    with pytest.raises(DatasetError, match=r"cityscapes and camvid.*--layout"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, layout="camvid").layout == "camvid"
    assert open_dataset(tmp_path, layout="cityscapes").layout == "cityscapes"


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'coco'.*cityscapes, camvid"):
        open_dataset(tmp_path, layout="coco")


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_every_layout_refuses_an_empty_folder(tmp_path: Path, layout: str) -> None:
    with pytest.raises(DatasetError):
        open_dataset(tmp_path, layout=layout)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(tmp_path / "none")


def test_the_built_in_label_sets_that_layouts_rely_on_are_there() -> None:
    names = {each.name for each in builtin_label_sets()}
    assert {"CamVid 11", "Cityscapes 19"} <= names
    assert any(name.startswith("Pascal VOC") for name in names)


def test_a_damaged_project_is_told_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / ".seggui" / "project.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be read as one" * 9)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="cannot be read"):
        open_dataset(tmp_path)
    assert path.read_bytes() == before


def test_a_project_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".seggui" / "project.sqlite"
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="format 99"):
        open_dataset(tmp_path)


def test_a_label_set_file_that_is_wrong_is_told(tmp_path: Path) -> None:
    write_pairs(tmp_path, {"a": [0, 1]}, "images", "masks")
    (tmp_path / "label_set.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(LabelSetError, match=r"label_set\.json"):
        open_dataset(tmp_path)
