"""Opening a file may not take more memory than the machine has."""

import subprocess
import sys

import pytest

ASK = """
import mmap, resource
from model.engine.memory_limit import _physical_memory, limited_memory
before = resource.getrlimit(resource.RLIMIT_AS)
with limited_memory():
    try:
        mmap.mmap(-1, 2 * _physical_memory() + 2**33)
    except OSError as error:
        print("refused", error.strerror)
    mmap.mmap(-1, 2**20).close()
print(resource.getrlimit(resource.RLIMIT_AS) == before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_more_than_the_machine_has_is_refused_and_only_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["refused Cannot allocate memory", "True"]
