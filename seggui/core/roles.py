"""Which images train and which only test: decided once, by blocks, so that video does not leak."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

_TRAILING_NUMBER = re.compile(r"[0-9]+$")
_NUMBER = re.compile(r"[0-9]+")

_BLOCK_LENGTHS = ((10, 1), (50, 2), (200, 4))
_LONGEST_BLOCK = 5
_HELD_OUT_SHARE = 5  # one image in five


def decide_roles(keys_in_order: Sequence[str], existing: Mapping[str, bool]) -> dict[str, bool]:
    """Decides for every image whether it is held out of training.

    Neighbouring frames of a video are nearly the same image, so whole blocks of a sequence get
    one role. A block is held out whenever less than a fifth of the images before it is: the
    pattern is train, held out, train, train, train, train, held out, ..., and it runs on from
    sequence to sequence, so that many short ones are split as fairly as one long one.

    Images that came later take the role of their neighbours when both have the same, else that of
    the nearer one; at the ends of a sequence the pattern goes on.

    Args:
        keys_in_order: all images of the folder, in natural order.
        existing: roles decided before; they never change.

    Returns:
        Image -> True when held out, for all of ``keys_in_order``.
    """
    sequences: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in keys_in_order:
        sequences[_sequence_of(key)].append(key)
    decided = _Roles({key: existing[key] for key in keys_in_order if key in existing})
    for sequence in sequences.values():
        _decide_sequence(sequence, decided)
    return {key: decided.roles[key] for key in keys_in_order}


class _Roles:
    """Roles so far, with the tally that keeps the pattern."""

    def __init__(self, roles: dict[str, bool]) -> None:
        self.roles = roles
        self._num_held_out = sum(roles.values())

    def give(self, keys: Sequence[str], is_held_out: bool) -> None:
        self.roles.update(dict.fromkeys(keys, is_held_out))
        self._num_held_out += len(keys) * is_held_out

    def next_block(self) -> bool:
        return self._num_held_out * _HELD_OUT_SHARE < len(self.roles)


def _sequence_of(key: str) -> tuple[str, str]:
    folder, _, name = key.rpartition("/")
    stem = name.rpartition(".")[0]
    without = _TRAILING_NUMBER.sub("", stem)
    if without == stem:  # aachen_000000_000019_leftImg8bit: the numbers stand inside
        without = _NUMBER.sub("#", stem)
    return folder, without.casefold()


def _block_length(num_images: int) -> int:
    return next((block for limit, block in _BLOCK_LENGTHS if num_images <= limit), _LONGEST_BLOCK)


def _decide_sequence(sequence: Sequence[str], decided: _Roles) -> None:
    length = _block_length(len(sequence))
    known = [i for i, key in enumerate(sequence) if key in decided.roles]
    if not known:
        _continue_pattern(sequence, length, decided)
        return
    for left, right in pairwise(known):
        _fill_gap(sequence, left, right, decided)
    _continue_pattern(sequence[: known[0]], length, decided)
    tail = _complete_block(sequence, known[-1], length, decided)
    _continue_pattern(sequence[tail:], length, decided)


def _continue_pattern(keys: Sequence[str], length: int, decided: _Roles) -> None:
    for start in range(0, len(keys), length):
        decided.give(keys[start : start + length], decided.next_block())


def _fill_gap(sequence: Sequence[str], left: int, right: int, decided: _Roles) -> None:
    middle = (left + right) // 2  # the same role on both sides makes the middle irrelevant
    decided.give(sequence[left + 1 : middle + 1], decided.roles[sequence[left]])
    decided.give(sequence[middle + 1 : right], decided.roles[sequence[right]])


def _complete_block(sequence: Sequence[str], last: int, length: int, decided: _Roles) -> int:
    """Gives a started last block its missing images; returns where the next block begins."""
    role = decided.roles[sequence[last]]
    start = last
    while start > 0 and decided.roles[sequence[start - 1]] == role:
        start -= 1
    missing = -(last + 1 - start) % length
    decided.give(sequence[last + 1 : last + 1 + missing], role)
    return last + 1 + missing
