"""numpy, loaded when it is first used: its import takes 100 ms, and the first image needs none."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from types import ModuleType
from typing import Any

_lock = threading.RLock()


class _LateNumpy(ModuleType):
    """Stands in for numpy until somebody asks it for anything, then becomes it.

    Like ``importlib.util.LazyLoader``, which two threads must not wake at the same time before
    Python 3.11.8 and 3.12.2.
    """

    def __getattr__(self, name: str) -> Any:
        # PySide6 looks into every imported module (__wrapped__, __file__); only the import of a
        # submodule needs numpy for such a name.
        if name.startswith("__") and name not in ("__path__", "__version__"):
            raise AttributeError(name)
        return getattr(load_numpy(), name)


def put_numpy_off() -> None:
    """Lets ``import numpy`` cost nothing until numpy is used. Harmless when it is loaded."""
    sys.modules.setdefault("numpy", _LateNumpy("numpy"))


def load_numpy() -> ModuleType:
    """Loads numpy if it was put off, in the calling thread; others that need it wait.

    With one thread for linear algebra, which the window never does: more of them turn in circles
    for 100 ms while they wait for work, on the core that reads the first image. Processes started
    later are not told: theirs may calculate.
    """
    with _lock:
        stand_in = sys.modules.get("numpy")
        if not isinstance(stand_in, _LateNumpy):
            return importlib.import_module("numpy")
        del sys.modules["numpy"]
        numpy = _import_with_one_thread()
        # Modules that were imported before hold the stand-in: from here on it answers at once.
        stand_in.__dict__.update(numpy.__dict__)
        return numpy


def _import_with_one_thread() -> ModuleType:
    variable = "OPENBLAS_NUM_THREADS"
    if variable in os.environ:
        return importlib.import_module("numpy")
    os.environ[variable] = "1"
    try:
        return importlib.import_module("numpy")
    finally:
        del os.environ[variable]
