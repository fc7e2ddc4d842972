"""A bound on the memory that opening a file may take, where the system has such bounds."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

SPARE_BYTES = 4 * 2**30
"""What libraries may reserve on top without ever using it."""


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Lets this process grow by the memory of the machine at most.

    A file that asks for more would make the whole computer stand still, or have the system end some
    other program. Only on Linux; elsewhere nothing is limited. Not for processes that show windows:
    the bound counts for all their threads.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before, highest = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space() + _physical_memory() + SPARE_BYTES
    is_tighter = before == resource.RLIM_INFINITY or wanted < before
    if is_tighter and (highest == resource.RLIM_INFINITY or wanted <= highest):
        resource.setrlimit(resource.RLIMIT_AS, (wanted, highest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, highest))


def _address_space() -> int:
    """Bytes of address space that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _physical_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
