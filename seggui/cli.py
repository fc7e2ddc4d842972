"""The command line. Imports nothing heavy before it is known what is asked: start time counts."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from model.errors import CancelledError, SegguiError
from seggui.launcher.display import why_no_window
from seggui.version import VERSION

COMMANDS = {
    # name: (module below seggui.commands, what it does)
    "inspect": ("inspect", "say what a model file is: input, classes, preprocessing, risks"),
    "predict": ("predict", "write a mask for every image, with a model"),
    "fine-tune": ("fine_tune", "train a model further on the corrections of a project"),
    "train": ("train", "train a network from scratch on a dataset"),
    "evaluate": ("evaluate", "score a model on a dataset, with a report"),
    "dataset": ("dataset", "say what a dataset is: images, classes with their shares, mistakes"),
    "export": ("export", "write the masks of a project in another format"),
    "demo": ("demo", "write a sample project and run the whole loop without a window"),
    "install-launcher": ("install_launcher", "add seggui to the programs of this computer"),
}
"""Each module has ``add_arguments(parser)`` and ``run(arguments) -> int``."""

DONE, FAILED, STOPPED = 0, 1, 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command line.

    Args:
        argv: the arguments without the program's name; those of the process when None.

    Returns:
        Exit status: 0 done, 1 failed (one line on standard error says why), 130 stopped by Ctrl-C.

    Raises:
        SystemExit: with 2 when the command line is not understood, with 0 after a help text.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        if arguments and arguments[0] in COMMANDS:
            return _run_command(arguments[0], arguments[1:])
        return _run_window(arguments)
    except (KeyboardInterrupt, CancelledError):
        print("Stopped. Everything that was finished stays.", file=sys.stderr)
        return STOPPED
    except SegguiError as error:
        from seggui.launcher.notice import tell_problem

        tell_problem(str(error))
        return FAILED
    except BrokenPipeError:  # "seggui inspect ... | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def main_window(argv: list[str] | None = None) -> int:
    """What the installed ``seggui-window`` runs: :func:`main`, on Windows without a console."""
    return main(argv)


def command_module(name: str) -> ModuleType:
    """Loads the module of a command."""
    return importlib.import_module(f"seggui.commands.{COMMANDS[name][0]}")


def command_parser(name: str) -> argparse.ArgumentParser:
    """Returns the parser of one command's own arguments."""
    module = command_module(name)
    summary = COMMANDS[name][1]
    parser = argparse.ArgumentParser(
        prog=f"seggui {name}",
        description=module.__doc__ or summary,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return parser


def window_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line that opens the window."""
    rows = "\n".join(f"  {name:<18}{summary}" for name, (_, summary) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="seggui",
        usage="seggui [FOLDER] [--model FILE]\n       seggui COMMAND ... (-h after it says more)",
        description="See a Keras U-Net's masks, correct them with a brush, fine-tune: "
        "the next image is already better.",
        epilog=f"commands without a window:\n{rows}\n\n"
        "A folder that is called like a command is opened as ./NAME.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="images to open")
    parser.add_argument("--model", type=Path, metavar="FILE", help="model to load (.keras or .h5)")
    add_engine_argument(parser)
    parser.add_argument("--version", action="version", version=f"seggui {VERSION}")
    return parser


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--engine``, which all commands share that use a network."""
    parser.add_argument(
        "--engine",
        choices=("process", "thread"),
        default="process",
        help="where the network runs: in a process of its own (default), or in this one",
    )


def _run_command(name: str, arguments: list[str]) -> int:
    parsed = command_parser(name).parse_args(arguments)
    status: int = command_module(name).run(parsed)
    return status


def _run_window(arguments: list[str]) -> int:
    parsed = window_parser().parse_args(arguments)
    for path, is_there, expected in (
        (parsed.folder, Path.is_dir, "a folder with images"),
        (parsed.model, Path.exists, "a .keras or .h5 file, or a SavedModel folder"),
    ):
        if path is not None and not is_there(path):
            found = "is something else" if path.exists() else "does not exist"
            raise SegguiError(f"{path} {found}; {expected} was expected.")
    reason = why_no_window()
    if reason is not None:
        raise SegguiError(reason)
    # What is made at the start stays; looking through it for garbage again and again takes a tenth
    # of the start. The program switches the collector on again once it is there.
    gc.disable()
    try:
        from seggui.late_numpy import put_numpy_off

        put_numpy_off()
        importlib.import_module("PySide6.QtWidgets")
        from seggui.plain_imports import skip_feature_search

        skip_feature_search()
        from seggui.app import run

        return run(parsed.folder, parsed.model, engine_hosting=parsed.engine)
    finally:
        gc.enable()
