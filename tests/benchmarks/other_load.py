"""How much of the machine programs took that a benchmark has not started. Linux only."""

from __future__ import annotations

import os
from pathlib import Path

_UTIME, _STIME = 11, 12
"""Places in ``/proc/PID/stat`` behind the name, counted from the state of the process."""


class OtherLoad:
    """Counts from when it is made; all processes of the benchmark must live until ``share``."""

    def __init__(self) -> None:
        self._start = _ticks()

    def share(self) -> float:
        """Of all cores' time since the start, 0..1: what others used of it."""
        everything, busy, own = (
            now - before for now, before in zip(_ticks(), self._start, strict=True)
        )
        return max(0.0, busy - own) / max(1, everything)


def _ticks() -> tuple[int, int, int]:
    """Of all cores together: passed, busy, and used by this process and those it started."""
    values = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle = values[3] + values[4]
    return sum(values), sum(values) - idle, _own_ticks()


def _own_ticks() -> int:
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(") ", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        number = int(path.parent.name)
        parents[number] = int(fields[1])
        ticks[number] = int(fields[_UTIME]) + int(fields[_STIME])
    return sum(used for number, used in ticks.items() if _is_ours(number, parents))


def _is_ours(number: int, parents: dict[int, int]) -> bool:
    while number > 1:
        if number == os.getpid():
            return True
        number = parents.get(number, 0)
    return False
