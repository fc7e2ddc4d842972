"""Mutations that know nothing of the format: bits, bytes, blocks, and pieces of other files."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_NUMBERS = tuple(
    value.to_bytes(size, "little", signed=value < 0)
    for size in (1, 2, 4, 8) for value in (0, 1, -1, 2 ** (8 * size - 1) - 1, 2 ** (4 * size), 127)
)  # fmt: skip
"""Numbers that counters, lengths and offsets break at."""


def damaged(data: bytes, other: bytes, random: Random) -> tuple[bytes, str]:
    """The bytes after one to four mutations, and what was done.

    Args:
        data: of a file.
        other: of another file, for pieces of it.
        random: decides everything.
    """
    names = []
    for _ in range(random.choice((1, 1, 2, 4))):
        mutation = random.choice(_MUTATIONS)
        data = mutation(data, other, random) if data else other[: random.randrange(64)]
        names.append(mutation.__name__.strip("_"))
    return data, "+".join(names)


def _flip_bits(data: bytes, _: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _number in range(random.choice((1, 1, 2, 8, 64))):
        changed[_place(data, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set_bytes(data: bytes, _: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _number in range(random.choice((1, 2, 8))):
        changed[_place(data, random)] = random.randrange(256)
    return bytes(changed)


def _set_number(data: bytes, _: bytes, random: Random) -> bytes:
    number, place = random.choice(_NUMBERS), _place(data, random)
    return data[:place] + number + data[place + len(number) :]


def _cut_end(data: bytes, _: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def _cut_block(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _block(data, random)
    return data[:start] + data[end:]


def _double_block(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _block(data, random)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 16)) + data[end:]


def _swap_blocks(data: bytes, _: bytes, random: Random) -> bytes:
    (start, end), place = _block(data, random), random.randrange(len(data))
    rest = data[:start] + data[end:]
    return rest[:place] + data[start:end] + rest[place:]


def _blank_block(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _block(data, random)
    return data[:start] + random.choice((b"\0", b"\xff")) * (end - start) + data[end:]


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    here = random.randrange(len(data))
    there = min(here, len(other)) if random.random() < 0.5 else random.randrange(len(other) + 1)
    return data[:here] + other[there:]


def _insert_piece(data: bytes, other: bytes, random: Random) -> bytes:
    start, end = _block(other, random)
    place = _place(data, random)
    kept = place if random.random() < 0.5 else place + end - start
    return data[:place] + other[start:end] + data[kept:]


def _user_block(data: bytes, other: bytes, random: Random) -> bytes:
    size = random.choice((1, 511, 512, 1024, 4096))
    return (other + bytes(size))[:size] + data


def _place(data: bytes, random: Random) -> int:
    """Anywhere, but beginnings and ends more often: there are the headers and tables."""
    near = min(len(data), 2048)
    where = random.random()
    if where < 0.3:
        return random.randrange(near)
    return len(data) - 1 - random.randrange(near) if where < 0.5 else random.randrange(len(data))


def _block(data: bytes, random: Random) -> tuple[int, int]:
    if not data:
        return 0, 0
    start = _place(data, random)
    return start, min(len(data), start + random.choice((1, 8, 64, 512, 4096)))


_MUTATIONS: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (
    _flip_bits, _flip_bits, _set_bytes, _set_number, _set_number, _cut_end, _cut_block,
    _double_block, _swap_blocks, _blank_block, _splice, _insert_piece, _user_block,
)  # fmt: skip
