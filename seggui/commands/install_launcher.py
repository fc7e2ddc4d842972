"""Adds seggui to the programs of this computer, or removes it again."""

from __future__ import annotations

import argparse

from seggui import launcher_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this command."""
    parser.add_argument("--uninstall", action="store_true", help="remove what was added")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    if arguments.uninstall:
        removed = launcher_files.uninstall()
        say = [f"Removed {path}" for path in removed] or ["There was nothing to remove."]
    else:
        say = [f"Wrote {path}" for path in launcher_files.install()]
        say.append("seggui is among your programs now; folders offer it under 'Open with'.")
    print("\n".join(say))
    return 0
