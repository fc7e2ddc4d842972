from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seggui.core.roles import decide_roles


def _frames(count: int, stem: str = "frame") -> list[str]:
    return [f"{stem}{i:05d}.png" for i in range(count)]


def _runs(roles: dict[str, bool]) -> list[tuple[bool, int]]:
    return [(role, len(list(group))) for role, group in itertools.groupby(roles.values())]


@pytest.mark.parametrize(("count", "block"), [(10, 1), (50, 2), (200, 4), (1000, 5)])
def test_the_second_of_every_five_blocks_is_held_out(count: int, block: int) -> None:
    frames = _frames(count)
    expected = {key: (i // block) % 5 == 1 for i, key in enumerate(frames)}
    assert decide_roles(frames, {}) == expected


def test_many_short_sequences_share_one_pattern() -> None:
    keys = [f"street{letter}_x.png" for letter in "abcdefghijklmnopqrstuvwxy"]
    assert sum(decide_roles(keys, {}).values()) == 5


def test_videos_in_subfolders_are_sequences_of_their_own() -> None:
    keys = [f"{folder}/{name}" for folder in ("a", "b") for name in _frames(300)]
    roles = decide_roles(keys, {})
    for folder in ("a", "b"):
        held_out = sum(role for key, role in roles.items() if key.startswith(folder))
        assert 55 <= held_out <= 65


def test_numbers_inside_the_name_make_a_sequence_too() -> None:
    keys = [f"aachen_{i:06d}_000019_leftImg8bit.png" for i in range(300)]
    assert _runs(decide_roles(keys, {}))[:2] == [(False, 5), (True, 5)]


def test_frames_added_between_two_of_one_role_take_it() -> None:
    every_tenth = _frames(1000)[::10]
    first = decide_roles(every_tenth, {})
    roles = decide_roles(_frames(1000), first)
    for left, right in itertools.pairwise(range(0, 1000, 10)):
        names = _frames(1000)
        if roles[names[left]] == roles[names[right]]:
            assert {roles[name] for name in names[left : right + 1]} == {roles[names[left]]}


def test_a_gap_between_two_roles_is_shared_by_nearness() -> None:
    frames = _frames(11)
    roles = decide_roles(frames, {frames[0]: False, frames[10]: True})
    assert list(roles.values()) == [False] * 6 + [True] * 5


def test_a_growing_video_goes_on_with_the_pattern() -> None:
    roles: dict[str, bool] = {}
    for count in range(201, 401, 7):
        roles = decide_roles(_frames(count), roles)
    runs = _runs(roles)
    held_out = [length for role, length in runs if role]
    assert all(length >= 4 for length in held_out[:-1])
    assert 0.15 < sum(roles.values()) / len(roles) < 0.25


def test_roles_of_images_that_are_gone_are_left_out() -> None:
    assert decide_roles(["b.png"], {"a.png": True}) == {"b.png": False}


@given(
    present=st.sets(st.integers(0, 400), min_size=1),
    later=st.sets(st.integers(0, 400)),
    stems=st.sampled_from([1, 3]),
)
def test_a_role_once_given_never_changes(present: set[int], later: set[int], stems: int) -> None:
    def names(numbers: set[int]) -> list[str]:
        return sorted(f"{n % stems}/clip_{n:04d}.jpg" for n in numbers)

    first = decide_roles(names(present), {})
    second = decide_roles(names(present | later), first)
    assert list(second) == names(present | later)
    assert first.items() <= second.items()


@given(st.integers(2, 2000))
def test_every_folder_of_two_or_more_has_both_roles(count: int) -> None:
    roles = decide_roles(_frames(count), {})
    assert set(roles.values()) == {False, True}
    if count >= 25:
        assert 0.14 < sum(roles.values()) / count < 0.26
