"""Layouts of CamVid: SegNet's copy with 11 classes, the full-size copy, and the original."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from model.data.datasets.class_files import read_label_colors
from model.data.datasets.codings import (
    VOID_NAMES,
    MaskCoding,
    classes_by_name,
    read_stored,
    values_in_order,
)
from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.datasets.folders import (
    SPLIT_NAMES,
    ImageTree,
    list_images,
    list_tree,
    listed_splits,
    natural_key,
    sequence_of,
    stem_of,
)
from model.data.datasets.layout import Layout
from model.data.label_sets import (
    IGNORE,
    Color,
    LabelClass,
    LabelSet,
    builtin_label_sets,
)
from model.errors import DatasetError, LabelSetError

DRIVES = ("0001TP", "0006R0", "0016E5", "Seq05VD")
"""The four videos, as file names begin."""

ORIGINAL_CLASSES: tuple[tuple[str, Color, str], ...] = (
    # name, colour, class of the usual 11 that it belongs to ("" = none); Brostow et al. 2009, and
    # the grouping of SegNet's copy
    ("Animal", (64, 128, 64), "Pedestrian"),
    ("Archway", (192, 0, 128), "Building"),
    ("Bicyclist", (0, 128, 192), "Bicyclist"),
    ("Bridge", (0, 128, 64), "Building"),
    ("Building", (128, 0, 0), "Building"),
    ("Car", (64, 0, 128), "Car"),
    ("CartLuggagePram", (64, 0, 192), "Pedestrian"),
    ("Child", (192, 128, 64), "Pedestrian"),
    ("Column_Pole", (192, 192, 128), "Pole"),
    ("Fence", (64, 64, 128), "Fence"),
    ("LaneMkgsDriv", (128, 0, 192), "Road"),
    ("LaneMkgsNonDriv", (192, 0, 64), "Road"),
    ("Misc_Text", (128, 128, 64), "SignSymbol"),
    ("MotorcycleScooter", (192, 0, 192), "Bicyclist"),
    ("OtherMoving", (128, 64, 64), "Car"),
    ("ParkingBlock", (64, 192, 128), "Pavement"),
    ("Pedestrian", (64, 64, 0), "Pedestrian"),
    ("Road", (128, 64, 128), "Road"),
    ("RoadShoulder", (128, 128, 192), "Pavement"),
    ("Sidewalk", (0, 0, 192), "Pavement"),
    ("SignSymbol", (192, 128, 128), "SignSymbol"),
    ("Sky", (128, 128, 128), "Sky"),
    ("SUVPickupTruck", (64, 128, 192), "Car"),
    ("TrafficCone", (0, 0, 64), "Pole"),
    ("TrafficLight", (0, 64, 64), "SignSymbol"),
    ("Train", (192, 64, 128), "Car"),
    ("Tree", (128, 128, 0), "Tree"),
    ("Truck_Bus", (192, 128, 192), "Car"),
    ("Tunnel", (64, 0, 64), "Building"),
    ("VegetationMisc", (192, 192, 0), "Tree"),
    ("Void", (0, 0, 0), ""),
    ("Wall", (64, 192, 0), "Building"),
)
"""The 32 entries of ``label_colors.txt``, Void among them."""

_SEGNET_VOID = 11
_ANNOTATED = "annot"
_COLOR_TABLE = "label_colors.txt"
_LABEL_ENDING = "_L"
_FULL_IMAGES, _FULL_MASKS = "CamVid_RGB", "CamVidGray"
_FRAME = re.compile(rf"({'|'.join(DRIVES)})_", re.IGNORECASE)


def camvid_11() -> LabelSet:
    """The usual 11 classes, as the program ships them."""
    return next(each for each in builtin_label_sets() if each.name == "CamVid 11")


def camvid_32() -> LabelSet:
    """The original classes: 31, because Void is no class."""
    real = (entry for entry in ORIGINAL_CLASSES if entry[2])
    return LabelSet(
        "CamVid 32", tuple(LabelClass(i, name, color) for i, (name, color, _) in enumerate(real))
    )


def _home(folder: Path, fits: Callable[[Path], bool]) -> Path | None:
    """The folder itself, or the folder ``CamVid`` inside, as archives have it."""
    return next((each for each in (folder, folder / "CamVid") if fits(each)), None)


def _group(key: str) -> str:
    drive = _FRAME.match(key.rpartition("/")[2])
    return drive[1] if drive else sequence_of(key)


# -- SegNet's copy: train trainannot val valannot test testannot ----------------------------------


def _split_folders(folder: Path) -> list[tuple[str, Split]]:
    return [
        (name, split)
        for name, split in SPLIT_NAMES.items()
        if (folder / name).is_dir() and (folder / f"{name}{_ANNOTATED}").is_dir()
    ]


def _matches_segnet(folder: Path) -> bool:
    return _home(folder, lambda each: bool(_split_folders(each))) is not None


def _read_segnet(folder: Path, label_set: LabelSet | None) -> Dataset:
    home = _home(folder, lambda each: bool(_split_folders(each)))
    if home is None:
        raise _not_found(folder, "the folders train and trainannot (val, test alike)")
    items, no_mask, no_image = [], [], []
    for name, split in _split_folders(home):
        images = _names_by_stem(list_images(home / name))
        annotated = list_tree(home / f"{name}{_ANNOTATED}")
        masks = _labels_by_stem(annotated) | _names_by_stem(annotated)
        for stem in sorted(images.keys() & masks.keys(), key=natural_key):
            key = images[stem].relative_to(home).as_posix()
            items.append(DatasetItem(key, images[stem], masks[stem], split, _group(key)))
        no_mask += [images[stem] for stem in sorted(images.keys() - masks.keys())]
        no_image += [masks[stem] for stem in sorted(masks.keys() - images.keys())]
    classes, coding = _segnet_classes(home, items, label_set)
    dataset = Dataset(
        f"CamVid, {len(classes)} classes", SEGNET.name, folder, classes, tuple(items), (coding,),
        tuple(no_mask), tuple(no_image),
    )  # fmt: skip
    used = {item.split for item in items}
    named = {split for _, split in _split_folders(home)}
    return _checked(replace(dataset, empty_splits=tuple(s for s in SPLITS if s in named - used)))


def _segnet_classes(
    home: Path, items: Iterable[DatasetItem], label_set: LabelSet | None
) -> tuple[LabelSet, MaskCoding]:
    first = next(iter(items), None)
    if first is not None and read_stored(first.mask).ndim == 3:
        return _original_classes(home, label_set)
    classes = label_set or camvid_11()
    # 11 is void in SegNet's copy and 255 in copies made for other tools; no file has both meanings
    ignored = (_SEGNET_VOID,) if len(classes) <= _SEGNET_VOID else ()
    return classes, MaskCoding(values_in_order(classes, ignored=ignored))


# -- the full-size copy: CamVid_RGB CamVidGray ----------------------------------------------------


def _is_full(folder: Path) -> bool:
    return (folder / _FULL_IMAGES).is_dir() and (folder / _FULL_MASKS).is_dir()


def _matches_full(folder: Path) -> bool:
    return _home(folder, _is_full) is not None


def _read_full(folder: Path, label_set: LabelSet | None) -> Dataset:
    home = _home(folder, _is_full)
    if home is None:
        raise _not_found(folder, f"the folders {_FULL_IMAGES} and {_FULL_MASKS}")
    images = _names_by_stem(list_images(home / _FULL_IMAGES))
    masks = _labels_by_stem(list_tree(home / _FULL_MASKS))
    classes = label_set or camvid_11()
    coding = MaskCoding(values_in_order(classes))
    return _paired(FULL, folder, home, images=images, masks=masks, classes=(classes, coding))


# -- the original: NAME.png, NAME_L.png and label_colors.txt --------------------------------------


def _find_original(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    tree = list_images(folder)
    masks = _labels_by_stem(tree)
    images = {stem: path for stem, path in _names_by_stem(tree).items() if stem in masks}
    return images, masks


def _matches_original(folder: Path) -> bool:
    home = folder / "CamVid" if (folder / "CamVid").is_dir() else folder
    if _matches_full(folder) or _matches_segnet(folder):
        return False
    images, _ = _find_original(home)
    has_table = any((each / _COLOR_TABLE).is_file() for each in (folder, home))
    return bool(images) and (has_table or all(map(_FRAME.match, images)))


def _read_original(folder: Path, label_set: LabelSet | None) -> Dataset:
    home = folder / "CamVid" if (folder / "CamVid").is_dir() else folder
    images, masks = _find_original(home)
    if not images:
        raise _not_found(folder, "images NAME.png with masks NAME_L.png")
    table = next((e for e in (home, folder) if (e / _COLOR_TABLE).is_file()), home)
    classes = _original_classes(table, label_set)
    return _paired(ORIGINAL, folder, home, images=images, masks=masks, classes=classes)


def _read_original_unfolded(folder: Path, label_set: LabelSet | None) -> Dataset:
    return replace(_read_original(folder, label_set or camvid_32()), layout=UNFOLDED.name)


def _original_classes(home: Path, label_set: LabelSet | None) -> tuple[LabelSet, MaskCoding]:
    classes = label_set or camvid_11()
    folded = {name: usual for name, _, usual in ORIGINAL_CLASSES}
    table = _color_table(home)
    indices = classes_by_name(tuple(table), classes, folded=folded)
    if all(index == IGNORE for index in indices):
        raise LabelSetError(
            f"The label set {classes.name!r} has none of the classes of CamVid "
            f"({', '.join(list(table)[:5])}, ...); the same names were expected.",
            remedy="Rename its classes, or leave the label set out.",
        )
    return classes, MaskCoding((), tuple(zip(table.values(), indices, strict=True)))


def _color_table(home: Path) -> dict[str, Color]:
    """Name -> colour, from the file where there is one; names of void are in it."""
    path = home / _COLOR_TABLE
    if not path.is_file():
        return {name: color for name, color, _ in ORIGINAL_CLASSES}
    entries = {entry.name: entry.color for entry in read_label_colors(path) if entry.color}
    if len(set(entries.values())) != len(entries):
        raise DatasetError(
            f"{path} gives one colour to several classes; each class needs its own.",
            remedy="Take the file from the original download.",
        )
    if not any(name.casefold() in VOID_NAMES for name in entries):
        entries.setdefault("Void", (0, 0, 0))
    return entries


# -- what they share ------------------------------------------------------------------------------


def _names_by_stem(tree: ImageTree) -> dict[str, Path]:
    return {
        stem_of(name): tree.path(subfolder, name)
        for subfolder, names in tree.files.items()
        for name in names
        if not stem_of(name).endswith(_LABEL_ENDING)
    }


def _labels_by_stem(tree: ImageTree) -> dict[str, Path]:
    return {
        stem_of(name).removesuffix(_LABEL_ENDING): tree.path(subfolder, name)
        for subfolder, names in tree.files.items()
        for name in names
        if stem_of(name).endswith(_LABEL_ENDING)
    }


def _paired(
    layout: Layout,
    folder: Path,
    home: Path,
    *,
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    classes: tuple[LabelSet, MaskCoding],
) -> Dataset:
    lists = listed_splits((home,))
    items = []
    for stem in sorted(images.keys() & masks.keys(), key=natural_key):
        key = images[stem].relative_to(home).as_posix()
        own = SPLIT_NAMES.get(key.partition("/")[0].casefold()) or lists.get(stem)
        items.append(DatasetItem(key, images[stem], masks[stem], own, _group(key)))
    label_set, coding = classes
    return _checked(
        Dataset(
            f"CamVid, {len(label_set)} classes", layout.name, folder, label_set, tuple(items),
            (coding,),
            tuple(images[stem] for stem in sorted(images.keys() - masks.keys())),
            tuple(masks[stem] for stem in sorted(masks.keys() - images.keys())),
        )
    )  # fmt: skip


def _checked(dataset: Dataset) -> Dataset:
    if not dataset.items:
        raise DatasetError(
            f"{dataset.folder} looks like CamVid, but no image has a mask of the same name "
            f"({len(dataset.images_without_mask)} images, {len(dataset.masks_without_image)} "
            "masks).",
            remedy="Unpack the images and the labels again, side by side.",
        )
    return dataset


def _not_found(folder: Path, expected: str) -> DatasetError:
    return DatasetError(
        f"{folder} is no such copy of CamVid; {expected} were expected in it.",
        remedy="Check the folder, or leave --layout out.",
    )


SEGNET = Layout(
    "camvid",
    "CamVid with 11 classes, SegNet's copy",
    "the folders 'train' and 'trainannot' (and 'val', 'valannot', 'test', 'testannot')",
    _matches_segnet,
    _read_segnet,
)
FULL = Layout(
    "camvid-full",
    "CamVid with 11 classes, 960 x 720",
    f"the folders '{_FULL_IMAGES}' and '{_FULL_MASKS}'",
    _matches_full,
    _read_full,
)
ORIGINAL = Layout(
    "camvid-original",
    "CamVid as published, folded to 11 classes",
    f"images 'NAME.png' with colour masks 'NAME{_LABEL_ENDING}.png', and '{_COLOR_TABLE}'",
    _matches_original,
    _read_original,
)
UNFOLDED = Layout(
    "camvid-32",
    "CamVid as published, all classes",
    "the same as 'camvid-original'; has to be chosen",
    lambda folder: False,
    _read_original_unfolded,
)
