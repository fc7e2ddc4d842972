"""Layout: Cityscapes as it is downloaded, ``leftImg8bit/`` beside ``gtFine/``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from model.data.datasets.codings import UNKNOWN, MaskCoding, classes_by_name
from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.datasets.folders import SPLIT_NAMES, ImageTree, list_images, list_tree
from model.data.datasets.layout import Layout
from model.data.label_sets import IGNORE, LabelSet, builtin_label_sets
from model.errors import DatasetError, LabelSetError

LABEL_NAMES = (
    "unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground",
    "road", "sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail",
    "bridge", "tunnel", "pole", "polegroup", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "caravan", "trailer", "train",
    "motorcycle", "bicycle",
)  # fmt: skip
"""Name of each label id, 0 to 33."""

_IMAGES, _TRUTH = "leftImg8bit", "gtFine"
_IMAGE_ENDING = "_leftImg8bit"
_LABEL_IDS, _TRAIN_IDS = "_gtFine_labelIds", "_gtFine_labelTrainIds"
_CODINGS = (_LABEL_IDS, _TRAIN_IDS)  # in the order of `Dataset.codings`


def cityscapes_19() -> LabelSet:
    """The 19 classes that are evaluated; class index = train id."""
    return next(each for each in builtin_label_sets() if each.name == "Cityscapes 19")


def _find(folder: Path, name: str) -> Path | None:
    """``leftImg8bit`` or ``gtFine``: in the folder, or one deeper, as unpacked one by one."""
    if (folder / name).is_dir():
        return folder / name
    deeper = sorted(each / name for each in folder.iterdir() if each.is_dir())
    return next((each for each in deeper if each.is_dir()), None)


def matches(folder: Path) -> bool:
    """Whether the images are there: missing masks are worth a message of their own."""
    return _find(folder, _IMAGES) is not None


def read(folder: Path, label_set: LabelSet | None) -> Dataset:
    """Opens the folder; train ids are worked out from label ids, and no file is written.

    Raises:
        DatasetError: images or masks are missing as a whole.
        LabelSetError: the label set has no class of Cityscapes.
    """
    images, truth = _find(folder, _IMAGES), _find(folder, _TRUTH)
    if images is None or truth is None:
        missing = " and ".join(n for n, p in ((_IMAGES, images), (_TRUTH, truth)) if p is None)
        raise DatasetError(
            f"{folder} has no folder {missing}; Cityscapes has both {_IMAGES} and {_TRUTH}.",
            remedy="Unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one "
            "folder.",
        )
    classes = label_set or cityscapes_19()
    codings = (_coding(LABEL_NAMES, classes), _coding(_train_names(), classes))
    image_files = _frames(list_images(images), (_IMAGE_ENDING,))
    mask_files = _frames(list_tree(truth), _CODINGS)
    items: list[DatasetItem] = []
    num_dummies = 0
    for frame in image_files.keys() & mask_files.keys():
        split = SPLIT_NAMES.get(frame[0].casefold())
        if split == "test":
            num_dummies += 1
        else:
            items.append(_item(images, frame, image_files[frame][0], mask_files[frame], split))
    items.sort(key=lambda item: item.key)
    used = {item.split for item in items}
    named = {SPLIT_NAMES.get(frame[0].casefold()) for frame in image_files} - {"test"}
    dataset = Dataset(
        f"Cityscapes, {len(classes)} classes", LAYOUT.name, folder, classes, tuple(items), codings,
        _lonely(image_files, mask_files), _lonely(mask_files, image_files),
        tuple(split for split in SPLITS if split in named - used),
        _notes(num_dummies, image_files, mask_files),
    )  # fmt: skip
    if not items:
        raise DatasetError(
            f"No image in {images} has a mask *{_LABEL_IDS}.png or *{_TRAIN_IDS}.png in {truth} "
            f"({len(image_files)} images, {len(mask_files)} masks"
            + (f", {num_dummies} of them dummies of the test part)." if num_dummies else ")."),
            remedy="Unpack gtFine_trainvaltest.zip again, with its folders.",
        )
    return dataset


_Frame = tuple[str, str, str]
"""Part, city, and name without what says the kind of file."""


def _frames(tree: ImageTree, endings: tuple[str, ...]) -> dict[_Frame, tuple[Path, int]]:
    """The files with one of the endings, the first ending winning, and which one it was."""
    found: dict[_Frame, tuple[Path, int]] = {}
    for subfolder, names in tree.files.items():
        split, _, city = subfolder.partition("/")
        for name in names:
            stem = name.rpartition(".")[0]
            which = next((i for i, ending in enumerate(endings) if stem.endswith(ending)), None)
            if which is None:
                continue
            frame = (split, city, stem.removesuffix(endings[which]))
            if frame not in found or which < found[frame][1]:
                found[frame] = (tree.path(subfolder, name), which)
    return found


def _item(
    images: Path, frame: _Frame, image: Path, mask: tuple[Path, int], split: Split | None
) -> DatasetItem:
    key = f"{_IMAGES}/{image.relative_to(images).as_posix()}"
    group = "_".join(frame[2].split("_")[:2])  # city and sequence
    return DatasetItem(key, image, mask[0], split, group, coding=mask[1])


def _lonely(
    files: dict[_Frame, tuple[Path, int]], others: dict[_Frame, tuple[Path, int]]
) -> tuple[Path, ...]:
    """Files without a partner; of the test part nobody expects masks."""
    return tuple(
        files[frame][0]
        for frame in sorted(files.keys() - others.keys())
        if SPLIT_NAMES.get(frame[0].casefold()) != "test"
    )


def _notes(
    num_dummies: int,
    images: dict[_Frame, tuple[Path, int]],
    masks: dict[_Frame, tuple[Path, int]],
) -> tuple[str, ...]:
    notes = []
    if num_dummies:
        notes.append(
            f"Images of the test part, left out: {num_dummies}. Their masks are dummies, the real "
            "ones are kept by the benchmark's server."
        )
    num_bare = sum(frame[0] == "test" for frame in images.keys() - masks.keys())
    if num_bare:
        notes.append(f"Images of the test part, left out because they have no masks: {num_bare}.")
    return tuple(notes)


def _train_names() -> tuple[str, ...]:
    return tuple(each.name for each in cityscapes_19().classes)


def _coding(names: Iterable[str], classes: LabelSet) -> MaskCoding:
    indices = classes_by_name(tuple(names), classes)
    if all(index == IGNORE for index in indices):
        raise LabelSetError(
            f"The label set {classes.name!r} has none of the classes of Cityscapes (road, "
            "sidewalk, building, ...); the same names were expected.",
            remedy="Rename its classes, or leave the label set out.",
        )
    table = [UNKNOWN] * 256
    table[: len(indices)] = indices
    table[IGNORE] = IGNORE
    return MaskCoding(tuple(table))


LAYOUT = Layout(
    "cityscapes",
    "Cityscapes",
    f"the folders '{_IMAGES}' and '{_TRUTH}'",
    matches,
    read,
)
