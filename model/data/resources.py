"""Finds the files that ship with the program: label sets, icons, themes, the default model."""

from __future__ import annotations

from pathlib import Path

_TOP = Path(__file__).resolve().parents[2]


def resource_path(*parts: str) -> Path:
    """The path of a shipped file or folder; it need not exist.

    In an installed wheel the files are the package ``seggui.resources``, in a source checkout the
    folder ``resources`` at the top. The wheel is asked first: site-packages may hold a stranger's
    ``resources``, a checkout never holds ``seggui/resources``. Nothing of seggui is imported.

    Args:
        parts: folders and name below the resources, e.g. ``"label_sets", "camvid11.json"``.
    """
    installed = _TOP / "seggui" / "resources"
    root = installed if installed.is_dir() else _TOP / "resources"
    return root.joinpath(*parts)
