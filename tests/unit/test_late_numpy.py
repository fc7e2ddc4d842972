"""numpy put off until it is used. In processes of their own: this one has numpy."""

import subprocess
import sys


def output_of(code: str) -> str:
    start = (
        "import os, sys, threading\n"
        "os.environ.pop('OPENBLAS_NUM_THREADS', None)\n"
        "from seggui.late_numpy import put_numpy_off\n"
        "put_numpy_off()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_numpy_is_imported_when_it_is_used() -> None:
    code = """
import numpy as np
print("numpy.linalg" in sys.modules)
print(np.arange(3).sum(), "numpy.linalg" in sys.modules, "OPENBLAS_NUM_THREADS" in os.environ)
import numpy
print(numpy.arange is np.arange, numpy.__version__ == np.__version__)
"""
    assert output_of(code).splitlines() == ["False", "3 True False", "True True"]


def test_its_parts_can_be_imported_first() -> None:
    code = "import numpy.typing\nfrom numpy import uint8\nprint(uint8(7), numpy.typing.NDArray)"
    assert output_of(code).startswith("7 ")


def test_threads_that_use_it_at_the_same_time_all_get_it() -> None:
    code = """
import numpy as np
barrier, sums = threading.Barrier(8), []
def work():
    barrier.wait()
    sums.append(int(np.ones(5, np.uint8).sum()))
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sums)
"""
    assert output_of(code) == str([5] * 8)


def test_nothing_is_put_off_once_it_is_loaded() -> None:
    code = """
import importlib
del sys.modules["numpy"]
import numpy
put_numpy_off()
print(sys.modules["numpy"] is numpy)
"""
    assert output_of(code) == "True"
