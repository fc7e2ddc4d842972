"""The classes of a network and of a dataset meet by their index."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.class_matching import RenumberedPredictor, match_classes
from model.data.label_sets import LabelClass, LabelSet
from model.engine.classes import label_set_of, num_answered
from model.engine.protocol import ModelInfo
from model.errors import LabelSetError
from tests.unit.datasets_in_memory import Answers
from tests.unit.fake_engine import model_info


def classes(*names: str) -> LabelSet:
    return LabelSet("small", tuple(LabelClass(i, n, (i, i, i)) for i, n in enumerate(names)))


@pytest.fixture
def info_of(tmp_path):
    path = tmp_path / "net.keras"
    path.write_bytes(b"network")

    def build(*names: str, is_guessed: bool = False) -> ModelInfo:
        info = model_info(path)
        colors = ((0, 0, 0),) * len(names)
        settings = replace(info.settings, class_names=names, class_colors=colors)
        return replace(
            info, num_classes=len(names), settings=settings, settings_are_guessed=is_guessed
        )

    return build


def test_equal_names_match_without_a_warning_whatever_their_case(info_of):
    info = info_of("Sky", "Sign Symbol")
    match = match_classes(info, classes("sky", "SignSymbol"))
    assert (match.kept, match.warnings, match.settings) == ((0, 1), (), info.settings)


def test_names_that_disagree_are_a_warning_with_both(info_of):
    match = match_classes(info_of("road", "sky", is_guessed=True), classes("sky", "road"))
    (warning,) = match.warnings
    assert "0 is 'road' in the network and 'sky' in the dataset" in warning
    assert warning.endswith("The network's names are guessed.")


def test_many_disagreements_are_counted(info_of):
    match = match_classes(info_of(*"abcdefg"), classes(*"gabcdef"))
    assert "; and 3 more." in match.warnings[0]


def test_names_that_are_only_numbers_cannot_disagree(info_of):
    assert not match_classes(info_of("class 0", "class 1"), classes("sky", "road")).warnings


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c", "d", "e")])
def test_another_number_of_classes_is_an_error_with_both(info_of, names):
    with pytest.raises(LabelSetError) as caught:
        match_classes(info_of(*names), classes("a", "b", "c"))
    assert f"distinguishes {len(names)} classes, the dataset small has 3" in str(caught.value)
    assert "--drop-class" not in str(caught.value)


def test_one_class_too_many_names_the_way_to_leave_it_out(info_of):
    with pytest.raises(LabelSetError, match=r"here 2 \('Void'\), leave it out with --drop-class 2"):
        match_classes(info_of("a", "b", "Void"), classes("a", "b"))


def test_a_class_left_out_is_excluded_in_the_settings(info_of):
    match = match_classes(info_of("a", "b", "Void"), classes("a", "b"), excluded=[2])
    assert (match.kept, match.settings.excluded_classes) == ((0, 1), (2,))
    assert not match.warnings


def test_classes_behind_one_left_out_move_down(info_of):
    match = match_classes(info_of("Void", "a", "b"), classes("a", "b"), excluded=[0])
    predictor = RenumberedPredictor(Answers(), match.kept)
    pixels = np.repeat(np.array([[1, 2, 1]], np.uint8)[..., np.newaxis], 3, axis=2)
    prediction = predictor.predict(pixels)
    assert prediction.classes.tolist() == [[0, 1, 0]]
    assert not prediction.classes.flags.writeable


@pytest.mark.parametrize("index", [-1, 3])
def test_leaving_out_what_does_not_exist_is_an_error(info_of, index):
    with pytest.raises(LabelSetError, match="0 to 2 exist"):
        match_classes(info_of("a", "b", "c"), classes("a", "b"), excluded=[index])


def test_leaving_out_too_many_is_an_error_that_says_so(info_of):
    with pytest.raises(LabelSetError, match=r"1 classes \(2 of 3 left out\)"):
        match_classes(info_of("a", "b", "c"), classes("a", "b"), excluded=[1, 2])


def test_what_the_settings_leave_out_is_left_out_without_being_asked(info_of):
    info = info_of("a", "b", "Void")
    info = replace(info, settings=replace(info.settings, excluded_classes=(2,)))

    match = match_classes(info, classes("a", "b"))

    assert (match.kept, match.settings.excluded_classes) == ((0, 1), (2,))


@pytest.mark.parametrize(
    ("excluded", "names"),
    [((), ["a", "b", "Void"]), ((2,), ["a", "b"]), ((0,), ["a", "b", "Void"])],
)
def test_a_label_set_needs_no_class_behind_the_last_answer(info_of, excluded, names):
    info = info_of("a", "b", "Void")
    info = replace(info, settings=replace(info.settings, excluded_classes=excluded))

    assert num_answered(info) == len(names)
    assert [c.name for c in label_set_of(info).classes] == names
