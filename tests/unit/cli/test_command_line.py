"""The command line as a whole: exit status, one line on standard error, help."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seggui import cli
from seggui.commands.progress_bar import ProgressBar
from seggui.launcher import ready
from seggui.version import VERSION
from tests.unit.cli.kit import run

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("arguments", [["inspect", "no.keras"], ["export", "-h"], ["--version"]])
def test_commands_without_a_window_import_neither_qt_nor_keras(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seggui", *arguments],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "seggui.cli" in imported
    assert not {name.partition(".")[0] for name in imported} & {"PySide6", "keras", "tensorflow"}


def test_version_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seggui", "--version"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.stdout == f"seggui {VERSION}\n"
    assert not imported & {"numpy", "PIL", "json", "subprocess", "multiprocessing"}


def test_launcher_knows_which_commands_open_no_window() -> None:
    assert set(ready.HEADLESS_COMMANDS) == {*cli.COMMANDS, "test"}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run(name, "-h")
    said = capsys.readouterr().out
    assert exit_info.value.code == 0
    assert said.startswith(f"usage: seggui {name}")
    assert (cli.command_module(name).__doc__ or "missing").splitlines()[0] in said


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli.COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["predict"], ["inspect"], ["export", "x", "-o", "y", "--format", "crayon"]],
)
def test_misunderstood_command_line_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run(*arguments)
    assert exit_info.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no folder"], "no folder does not exist; a folder with images was expected"),
        ([__file__], "is something else; a folder with images was expected"),
        ([".", "--model", "no.keras"], "no.keras does not exist; a .keras or .h5 file"),
        (["inspect", "no.keras"], "could not be read"),
        (["predict", "no.keras", "none", "-o", "x"], "none does not exist; an image or a folder"),
        (["export", "none", "-o", "x"], "none does not exist; a folder with images"),
        (["fine-tune", "a.keras", ".", "-o", "b.h5"], "b.h5 does not end in .keras"),
    ],
)
def test_failure_is_one_line_and_1(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("seggui: ")
    assert expected in said.err


def test_window_gets_folder_model_and_engine(
    folder: Path, network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seggui import app

    calls: list[Any] = []

    def run_window(*arguments: object, **options: object) -> int:
        calls.append((arguments, options))
        return 7

    monkeypatch.setattr(app, "run", run_window)
    assert run(folder, "--model", network_file, "--engine", "thread") == 7
    assert calls == [((folder, network_file), {"engine_hosting": "thread"})]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lacks displays")
def test_window_without_a_display_is_refused_before_qt_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert run() == 1
    assert "There is no display for the window" in capsys.readouterr().err


def test_install_launcher_writes_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("HOME", tmp_path), ("USERPROFILE", tmp_path), ("APPDATA", tmp_path)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert run("install-launcher") == 0
    wrote = [line.removeprefix("Wrote ") for line in capsys.readouterr().out.splitlines()[:-1]]
    assert wrote
    assert all(Path(path).is_file() and path.startswith(str(tmp_path)) for path in wrote)
    assert run("install-launcher", "--uninstall") == 0
    assert not any(Path(path).exists() for path in wrote)


def test_progress_bar_shows_share_and_time_left_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, now = Terminal(), iter([0.0, 10.0, 20.0])
    with ProgressBar("Predicting", 4, stream=terminal, clock=lambda: next(now)) as bar:
        bar.show(1, detail="a.png")
        bar.show(4)
    shown = terminal.getvalue().split("\r\x1b[K")
    assert shown[1] == "Predicting 1/4 [######..................] 0:30 left  a.png"
    assert shown[2] == "Predicting 4/4 [########################] 0:00 left\n"


def test_short_work_is_silent_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("Predicting", 4) as bar:
        for done in range(1, 5):
            bar.show(done)
    assert capsys.readouterr().err == ""


def test_long_work_writes_a_line_a_minute_into_a_log() -> None:
    log, now = io.StringIO(), iter([0.0, 40.0, 61.0, 90.0, 122.0, 130.0])
    with ProgressBar("Training", 10, stream=log, clock=lambda: next(now)) as bar:
        for done in range(1, 6):
            bar.show(done, seconds_left=60.0 * (10 - done), detail=f"loss 0.{done}")
    assert log.getvalue().splitlines() == [
        "Training 2/10, 8:00 left  loss 0.2", "Training 4/10, 6:00 left  loss 0.4",
    ]  # fmt: skip
