"""Telling a person who started seggui with a double click, and so sees no terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

FROM_DESKTOP = "SEGGUI_FROM_DESKTOP"
"""Environment variable that menu entries and icons set."""

TITLE = "seggui"


def tell_problem(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Writes a problem to standard error; where nobody can see that, also shows a dialog."""
    print(f"seggui: {message}", file=sys.stderr)
    if environment.get(FROM_DESKTOP):
        _run(dialog_command(message, sys.platform))


def tell_in_passing(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Shows a notification that goes away by itself; only where there is no terminal."""
    if environment.get(FROM_DESKTOP):
        _run(notification_command(message, sys.platform))


def dialog_command(
    message: str, platform: str, find: Callable[[str], str | None] = shutil.which
) -> list[str]:
    """Returns the command that shows ``message`` until it is closed; empty when there is none."""
    if platform == "win32":
        text = message.replace("'", "''")
        script = (
            "Add-Type -AssemblyName PresentationFramework; "
            f"[void][System.Windows.MessageBox]::Show('{text}', '{TITLE}')"
        )
        return ["powershell", "-NoProfile", "-WindowStyle", "Hidden", "-Command", script]
    if platform == "darwin":
        return ["osascript", "-e", f"display alert {_quoted(TITLE)} message {_quoted(message)}"]
    commands = (
        ["zenity", "--error", f"--title={TITLE}", "--no-markup", f"--text={message}"],
        ["kdialog", "--title", TITLE, "--error", message],
        ["xmessage", "-center", message],
        ["notify-send", "-u", "critical", TITLE, message],
    )
    return next((command for command in commands if find(command[0])), [])


def notification_command(
    message: str, platform: str, find: Callable[[str], str | None] = shutil.which
) -> list[str]:
    """Returns the command that shows ``message`` for a moment; empty when there is none."""
    if platform == "darwin":
        return [
            "osascript",
            "-e",
            f"display notification {_quoted(message)} with title {_quoted(TITLE)}",
        ]
    if platform.startswith("linux") and find("notify-send"):
        return ["notify-send", TITLE, message]
    return []


def _quoted(text: str) -> str:
    """A string of AppleScript."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _run(command: list[str]) -> None:
    if command and shutil.which(command[0]):
        subprocess.run(command, capture_output=True, check=False)
