"""What label sets promise: files, built-in sets, suggestions and edited copies."""

from __future__ import annotations

import copy
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.label_sets import (
    LabelClass,
    LabelSet,
    builtin_label_sets,
    generic_label_set,
    label_set_from_json,
    label_set_to_json,
    load_label_set,
    recolored,
    renamed,
    save_label_set,
    suggest_label_set,
    with_class_added,
)
from model.data.resources import resource_path
from model.errors import LabelSetError

names = st.text(min_size=1, max_size=12).filter(str.strip)
colors = st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def label_sets(draw) -> LabelSet:
    chosen = draw(st.lists(names, min_size=1, max_size=30, unique=True))
    classes = tuple(LabelClass(i, name, draw(colors)) for i, name in enumerate(chosen))
    return LabelSet(draw(st.text(max_size=12)), classes)


@given(label_sets())
def test_every_label_set_survives_json_text(label_set):
    text = json.dumps(label_set_to_json(label_set))

    assert label_set_from_json(json.loads(text)) == label_set


def test_a_label_set_survives_the_disk(tmp_path):
    label_set = LabelSet("Straße 道路", (LabelClass(0, "Gehweg – ü", (1, 2, 3)),))

    save_label_set(tmp_path / "sub" / "set.json", label_set)

    assert load_label_set(tmp_path / "sub" / "set.json") == label_set


GOOD = label_set_to_json(generic_label_set(2))


def _without(*path: object) -> object:
    data = copy.deepcopy(GOOD)
    target = data
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return data


def _with(value: object, *path: object) -> object:
    data = copy.deepcopy(GOOD)
    target = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (None, "format"),
        ([], "format"),
        (_with("other", "format"), "format"),
        (_with(99, "version"), "version"),
        (_without("version"), "version"),
        (_with(3, "name"), "name"),
        (_with({}, "classes"), "classes"),
        (_with("Road", "classes", 1), "classes[1]"),
        (_without("classes", 1, "index"), "classes[1].index"),
        (_with(5, "classes", 1, "index"), "classes[1].index"),
        (_with(True, "classes", 1, "index"), "classes[1].index"),
        (_with(" ", "classes", 0, "name"), "classes[0].name"),
        (_with(None, "classes", 0, "name"), "classes[0].name"),
        (_with([1, 2], "classes", 0, "color"), "classes[0].color"),
        (_with([1, 2, 256], "classes", 0, "color"), "classes[0].color"),
        (_with([1, 2, -1], "classes", 0, "color"), "classes[0].color"),
        (_with([1.0, 2, 3], "classes", 0, "color"), "classes[0].color"),
        (_with("#ffffff", "classes", 0, "color"), "classes[0].color"),
    ],
)
def test_a_bad_field_is_named_with_a_remedy(data, field):
    with pytest.raises(LabelSetError) as caught:
        label_set_from_json(data)
    assert field in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "data",
    [
        _with([], "classes"),
        _with("class 0", "classes", 1, "name"),
        _with("class 1", "classes", 0, "name"),
    ],
)
def test_inconsistent_sets_are_refused(data):
    with pytest.raises(LabelSetError):
        label_set_from_json(data)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", json.dumps(_with(3, "name")).encode()],
)
def test_a_corrupt_file_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "corrupt.json"
    path.write_bytes(content)

    with pytest.raises(LabelSetError, match=r"corrupt\.json"):
        load_label_set(path)

    assert path.read_bytes() == content


def test_a_missing_file_is_a_label_set_error(tmp_path):
    with pytest.raises(LabelSetError, match="cannot be read"):
        load_label_set(tmp_path / "gone.json")


def test_the_built_in_sets_are_there():
    by_name = {s.name: s for s in builtin_label_sets()}

    assert {name: len(s) for name, s in by_name.items()} == {
        "CamVid 11": 11, "Cityscapes 19": 19, "Pascal VOC 21": 21,
    }  # fmt: skip
    for label_set in by_name.values():
        assert len({c.color for c in label_set.classes}) == len(label_set)


def test_camvid_has_the_order_of_segnet():
    camvid = suggest_label_set(11)

    assert [c.name for c in camvid.classes] == [
        "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car",
        "Pedestrian", "Bicyclist",
    ]  # fmt: skip
    assert camvid.classes[4].color == (60, 40, 222)


def test_voc_has_the_colours_of_its_palette_rule():
    for label_class in suggest_label_set(21).classes:
        color, index = [0, 0, 0], label_class.index
        for bit in range(8):
            for channel in range(3):
                color[channel] |= (index >> channel & 1) << (7 - bit)
            index >>= 3
        assert label_class.color == tuple(color)


@pytest.mark.parametrize("num_classes", [1, 2, 3, 11, 12, 19, 20, 21, 34, 255])
def test_a_suggestion_has_as_many_classes_as_the_network(num_classes):
    assert len(suggest_label_set(num_classes)) == num_classes


@pytest.mark.parametrize("num_classes", [-1, 0, 256])
def test_no_label_set_of_an_impossible_size_is_suggested(num_classes):
    with pytest.raises(LabelSetError):
        suggest_label_set(num_classes)


def test_suggestions_name_what_is_known():
    assert suggest_label_set(12).classes[:11] == suggest_label_set(11).classes
    assert suggest_label_set(12).classes[11].name == "Void"
    assert [c.name for c in suggest_label_set(2).classes] == ["background", "foreground"]
    assert suggest_label_set(5).classes[4].name == "class 4"


def test_generic_colours_never_repeat():
    assert len({c.color for c in generic_label_set(255).classes}) == 255


# Simulation matrices of Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_the_first_twelve_generic_colours_stay_apart_for_the_colour_blind(kind):
    srgb = np.array([c.color for c in generic_label_set(12).classes]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab = _lab(np.clip(linear @ DEFICIENCIES[kind].T, 0, 1))

    nearest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(lab, 2))

    assert nearest > 15  # in CIE 1976; 2.3 is just noticeable side by side


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def test_renaming_gives_a_new_set_and_keeps_the_old():
    old = suggest_label_set(11)

    new = renamed(old, 3, "  Street ")

    assert new.classes[3] == LabelClass(3, "Street", old.classes[3].color)
    assert old.classes[3].name == "Road"
    assert new.classes[:3] + new.classes[4:] == old.classes[:3] + old.classes[4:]


def test_recolouring_gives_a_new_set():
    assert recolored(suggest_label_set(11), 0, (1, 2, 3)).classes[0].color == (1, 2, 3)


def test_an_added_class_comes_last_in_a_free_colour():
    old = generic_label_set(3)

    new = with_class_added(old, "Kerb")

    assert new.classes[:3] == old.classes
    assert new.classes[3].name == "Kerb"
    assert new.classes[3].color not in {c.color for c in old.classes}


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: renamed(s, 0, "class 1"),
        lambda s: renamed(s, 0, "  "),
        lambda s: renamed(s, 9, "x"),
        lambda s: renamed(s, -1, "x"),
        lambda s: recolored(s, 0, (0, 0, 256)),
        lambda s: recolored(s, 2, (0, 0, 0)),
        lambda s: with_class_added(s, "class 0"),
        lambda s: with_class_added(s, ""),
        lambda s: with_class_added(s, "x", (1, 2)),
        lambda _: with_class_added(generic_label_set(255), "one too many"),
    ],
)
def test_edits_that_make_no_sense_are_refused(edit):
    with pytest.raises(LabelSetError):
        edit(generic_label_set(2))


def test_resources_are_found_in_this_checkout():
    assert resource_path("label_sets", "camvid11.json").is_file()
