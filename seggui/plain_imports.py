"""Imports that PySide6 does not look into."""

import builtins


def skip_feature_search() -> None:
    """Ends PySide6's look into the source of every module that is imported.

    PySide6 replaces ``__import__`` to find modules that ask for other names of its methods
    (``from __feature__ import snake_case``). Here none does, and reading a hundred source files
    takes 20 ms of the start. It keeps Python's own function as ``__orig_import__``; a version that
    does not is left alone.
    """
    plain = getattr(builtins, "__orig_import__", None)
    if plain is not None:
        builtins.__import__ = plain
