"""What the commands share that work on the project of a folder."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from model.errors import StorageError
from seggui.commands.network import require_folder
from seggui.core.project import Project


def add_project_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--project``, for folders that cannot be written."""
    parser.add_argument(
        "--project",
        type=Path,
        metavar="DIR",
        help="where masks and history are kept, when that is not in FOLDER itself",
    )


@contextlib.contextmanager
def opened_project(folder: Path, home: Path | None = None) -> Iterator[Project]:
    """Opens a project for writing, with all masks brought up to date from its journal.

    What was found at opening (restored after a crash, a damaged file set aside) goes to standard
    error, so that nobody has to guess.

    Raises:
        StorageError: no folder, not writable, or open in a window at this moment.
    """
    require_folder(folder, "a folder with images")
    with Project.open(folder, home=home) as project:
        if project.is_read_only:
            raise StorageError(
                f"The project in {folder} is open in another window or command.",
                remedy="Close it there, then try again.",
            )
        for note in (*project.notes, *project.flush_all_from_journal()):
            print(f"Note: {note}", file=sys.stderr)
        yield project
