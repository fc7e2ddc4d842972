"""Layout: images and masks of the same name, in any of the usual folders or side by side."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from model.data.datasets.class_files import find_class_table
from model.data.datasets.codings import MaskCoding
from model.data.datasets.dataset import SPLITS, Dataset, DatasetItem, Split
from model.data.datasets.folders import (
    PROJECT_FILE,
    SPLIT_NAMES,
    ImageTree,
    list_tree,
    listed_splits,
    natural_key,
    sequence_of,
    stem_of,
)
from model.data.datasets.found_classes import as_black_and_white, classes_from, coding_for, look_at
from model.data.datasets.layout import Layout
from model.data.label_sets import LabelSet, builtin_label_sets
from model.errors import DatasetError

IMAGE_FOLDERS = frozenset(
    {
        "image", "images", "img", "imgs", "jpegimages", "rgb", "input", "inputs", "photo", "photos",
        "picture", "pictures", "frame", "frames", "raw", "x",
    }
)  # fmt: skip
"""Words in the names of folders with images, in lower case."""

MASK_FOLDERS = frozenset(
    {
        "mask", "masks", "label", "labels", "annotation", "annotations", "annot", "annots", "ann",
        "anns", "segmentationclass", "segmentation", "segmentations", "seg", "segs", "gt",
        "groundtruth", "truth", "target", "targets", "y",
    }
)  # fmt: skip
"""The same for folders with masks."""

MASK_ENDINGS = (
    "_mask", "-mask", ".mask", "_masks", "_label", "-label", "_labels", "_l", "_p", "_gt", "_seg",
    "_segmentation", "_annotation", "_annot", "_groundtruth",
)  # fmt: skip
"""Endings that tell the stem of a mask from that of its image, in lower case."""

IMAGE_ENDINGS = ("_image", "_img", "_rgb", "_sat", "_input")
"""Endings of images that their masks do not have."""

_FILLERS = frozenset({"dir", "prepped", "folder", "set", "data", "png", "raw", "all"})
_WORDS = re.compile(r"[^_\-. ]+")
_JOINED = re.compile(r"(train|val|valid|test)(annots?|masks?|labels?|images?)")

_Place = tuple[str, ...]
"""Where a folder stands, without what says images or masks: ``train/masks`` is ``("train",)``."""


@dataclass
class _Found:
    """Pairs as they are found.

    Attributes:
        pairs: key of the image -> (image, mask, part).
        images: those without a mask.
        masks: those without an image.
        named_splits: parts that folders are called after.
        notes: what was left out.
    """

    pairs: dict[str, tuple[Path, Path, Split | None]] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    named_splits: set[Split] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Role:
    """What the name of a folder says."""

    place: _Place
    is_masks: bool
    is_images: bool

    @property
    def split(self) -> Split | None:
        """The part that the place is called after."""
        return next((SPLIT_NAMES[word] for word in self.place if word in SPLIT_NAMES), None)


def matches(folder: Path) -> bool:
    """Whether there is at least one image with a mask; names only."""
    return bool(_find(list_tree(folder)).pairs)


def read(folder: Path, label_set: LabelSet | None) -> Dataset:
    """Opens the folder.

    Raises:
        DatasetError: no pair, several folders of masks for the same images, or masks whose
            classes cannot be worked out.
    """
    found = _find(list_tree(folder))
    if not found.pairs:
        raise DatasetError(
            f"No image in {folder} has a mask of the same name "
            f"({len(found.images)} images, {len(found.masks)} masks were found).",
            remedy="Put images into 'images' and masks of the same name into 'masks'.",
        )
    masks = [mask for _, mask, _ in found.pairs.values()]
    classes, coding = _classes(folder, masks, label_set)
    lists = listed_splits((folder, folder / "ImageSets" / "Segmentation"))
    items = tuple(
        DatasetItem(key, image, mask, split or lists.get(image.stem), sequence_of(key))
        for key, (image, mask, split) in found.pairs.items()
    )
    used = {item.split for item in items}
    return Dataset(
        folder.name or str(folder), LAYOUT.name, folder, classes, items, (coding,),
        tuple(found.images), tuple(found.masks),
        tuple(split for split in SPLITS if split in found.named_splits - used),
        tuple(found.notes),
    )  # fmt: skip


def _classes(
    folder: Path, masks: list[Path], label_set: LabelSet | None
) -> tuple[LabelSet, MaskCoding]:
    if label_set is not None:
        return label_set, coding_for(label_set, masks)
    table = find_class_table(folder)
    if table is not None:
        found, classes = look_at(masks), table.label_set()
        has_colors = any(entry.color for entry in table.entries)
        coding = table.coding(rgb_holds_values=found.colors_are_gray and not has_colors)
        return classes, as_black_and_white(coding, found) if len(classes) == 2 else coding
    if (folder / "SegmentationClass").is_dir():
        voc = next(each for each in builtin_label_sets() if each.name.startswith("Pascal VOC"))
        return voc, coding_for(voc, masks)
    return classes_from(masks)


def _find(tree: ImageTree) -> _Found:
    found = _Found()
    roles = {subfolder: _role(subfolder) for subfolder in tree.files}
    if (
        tree.root / PROJECT_FILE
    ).is_file():  # the masks of a project, also what only a network said
        files = {k: v for k, v in tree.files.items() if not _is_of_project(k, tree)}
        tree = ImageTree(tree.root, files)
    for subfolder in tree.files:
        split = roles[subfolder].split
        if split is not None:
            found.named_splits.add(split)
    with_files = [subfolder for subfolder, names in tree.files.items() if names]
    mask_folders = [each for each in with_files if roles[each].is_masks]
    for subfolder in with_files:
        if not roles[subfolder].is_masks:
            partner = _partner(tree, subfolder, with_files, mask_folders, roles)
            _pair_files(tree, subfolder, partner, roles[subfolder].split, found)
    paired = {mask for _, mask, _ in found.pairs.values()}
    for subfolder in mask_folders:
        paths = (tree.path(subfolder, name) for name in tree.files[subfolder])
        found.masks.extend(path for path in paths if path not in paired)
    return found


def _is_of_project(subfolder: str, tree: ImageTree) -> bool:
    """Whether a project keeps its masks of a folder with images there: ``masks/`` mirrors them."""
    first, _, mirrored = subfolder.partition("/")
    return first == "masks" and bool(tree.files.get(mirrored))


def _role(subfolder: str) -> _Role:
    place: list[str] = []
    is_masks = is_images = False
    for part in PurePosixPath(subfolder).parts:
        words = _WORDS.findall(_JOINED.sub(r"\1_\2", part.casefold()))
        known = MASK_FOLDERS | IMAGE_FOLDERS | _FILLERS | SPLIT_NAMES.keys()
        if not words or not all(word in known for word in words):
            place.append(part)
            continue
        has_masks = any(word in MASK_FOLDERS for word in words)
        is_masks |= has_masks
        is_images |= not has_masks and any(word in IMAGE_FOLDERS for word in words)
        place.extend(word for word in words if word in SPLIT_NAMES)
    return _Role(tuple(place), is_masks, is_images and not is_masks)


def _partner(
    tree: ImageTree,
    subfolder: str,
    with_files: list[str],
    mask_folders: list[str],
    roles: dict[str, _Role],
) -> str | None:
    """The folder with the masks of a folder with images."""
    place = roles[subfolder].place
    partners = [each for each in mask_folders if roles[each].place == place]
    is_plain = not roles[subfolder].is_images
    if is_plain and any(roles[e].is_images and roles[e].place == place for e in with_files):
        return None  # a picture or two beside the folders
    if len(partners) > 1:
        names = ", ".join(repr(each) for each in partners)
        raise DatasetError(
            f"{tree.root} has several folders of masks for the images in "
            f"{subfolder or 'the folder itself'!r}: {names}; one was expected.",
            remedy="Move the others elsewhere.",
        )
    return partners[0] if partners else None


def _pair_files(
    tree: ImageTree, subfolder: str, partner: str | None, split: Split | None, found: _Found
) -> None:
    names = tree.files[subfolder]
    if partner is None:
        names, masks = _side_by_side(names)
    else:
        masks = _by_stem(tree.files[partner])
    left: list[str] = []
    used: set[str] = set()
    for name in names:
        mask = next((masks[s] for s in _possible_stems(name) if s in masks), None)
        if mask is None or mask in used:
            left.append(name)
            continue
        used.add(mask)
        key = f"{subfolder}/{name}".lstrip("/")
        mask_path = tree.path(subfolder if partner is None else partner, mask)
        found.pairs[key] = (tree.path(subfolder, name), mask_path, split)
    if used or partner is not None:
        found.images.extend(tree.path(subfolder, name) for name in left)
        if partner is None:
            unused = sorted(set(masks.values()) - used, key=natural_key)
            found.masks.extend(tree.path(subfolder, name) for name in unused)
    elif left:
        found.notes.append(
            f"Images in {subfolder or 'the folder itself'!r} without a folder of masks, left out: "
            f"{len(left)}."
        )


def _possible_stems(name: str) -> tuple[str, ...]:
    """By what its mask may be found: ``a.jpg`` has ``a.jpg.png``, ``a.png`` or ``a_mask.png``."""
    stem = stem_of(name)
    return name, stem, _without(stem, IMAGE_ENDINGS)


def _by_stem(names: tuple[str, ...]) -> dict[str, str]:
    by_stem = {_without(stem_of(name), MASK_ENDINGS): name for name in reversed(names)}
    by_stem.update((stem_of(name), name) for name in reversed(names))
    return by_stem


def _side_by_side(names: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Tells images from masks in one folder: masks have an ending more than another file."""
    masks: dict[str, list[str]] = defaultdict(list)
    for name in names:
        stem = stem_of(name)
        if _without(stem, MASK_ENDINGS) != stem:
            masks[_without(stem, MASK_ENDINGS)].append(name)
    taken = {name for group in masks.values() for name in group}
    images = tuple(name for name in names if name not in taken)
    stems = {stem for name in images for stem in _possible_stems(name)}
    if not stems & masks.keys():
        return names, {}
    return images, {stem: group[0] for stem, group in masks.items()}


def _without(stem: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if stem.casefold().endswith(ending) and len(stem) > len(ending):
            return stem[: -len(ending)]
    return stem


LAYOUT = Layout(
    "pairs",
    "Images and masks",
    "images with masks of the same name ('images' and 'masks', 'train/images' and 'train/masks', "
    "or 'x.png' beside 'x_mask.png')",
    matches,
    read,
    is_general=True,
)
