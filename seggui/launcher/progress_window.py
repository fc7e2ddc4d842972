"""Progress of the first start in a small window, for people who see no terminal."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from seggui.launcher import notice
from seggui.launcher.progress import Progress

if TYPE_CHECKING:
    import tkinter

TEXT = "seggui is preparing itself for its first use. This takes a few minutes."


def open_progress(is_from_desktop: bool) -> Progress:
    """Returns what shows the preparation: lines on standard error, or a window of its own.

    Not every Python brings Tk; without it, a notification says at least that something happens.
    """
    if is_from_desktop:
        try:
            return WindowProgress()
        except Exception:  # noqa: BLE001 - Tk missing, broken or without a display: all the same
            notice.tell_in_passing(TEXT)
    # pythonw on Windows has no standard error at all.
    return Progress(sys.stderr or io.StringIO())


class WindowProgress(Progress):
    """Shows the current step in a window; every step also goes to standard error."""

    def __init__(self) -> None:
        super().__init__(sys.stderr or io.StringIO())
        import tkinter

        self._window: tkinter.Tk | None = tkinter.Tk(className="seggui")
        self._window.title("seggui")
        self._window.resizable(width=False, height=False)
        # Closing it would not stop pip; the next start goes on where an interrupted one was.
        self._window.protocol("WM_DELETE_WINDOW", self._window.iconify)
        tkinter.Label(self._window, text=TEXT, padx=24, pady=12).pack()
        self._label = tkinter.Label(self._window, width=64, padx=24, pady=12, anchor="w")
        self._label.pack()
        self._window.update()

    def show(self, step: str, detail: str = "") -> None:
        """Shows what is being done now."""
        super().show(step, detail)
        self._display(f"{step}  {detail}")

    def say(self, sentence: str) -> None:
        """Shows a sentence until the next step."""
        super().say(sentence)
        self._display(sentence)

    def close(self) -> None:
        """Removes the window."""
        if self._window is not None:
            self._window.destroy()
            self._window = None

    def _display(self, text: str) -> None:
        if self._window is not None:
            self._label.configure(text=text.strip())
            self._window.update()
