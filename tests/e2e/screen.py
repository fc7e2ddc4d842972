"""A screen of its own for tests: an X server without a monitor, its pointer, keys and pixels."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

T = TypeVar("T")

TOOLS = ("Xvfb", "xdotool")
PATIENCE_S = 120.0
"""For anything: the machine may be busy with much else. Nothing ever waits for all of it."""

_POLL_S = 0.05


def require_tools() -> None:
    """Fails with a clear sentence where the programs that drive the window are missing."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    assert not missing, (
        f"{' and '.join(missing)} not found: these tests drive the real window with Xvfb and "
        "xdotool. `python3 main.py test` installs both, or: sudo apt-get install xvfb xdotool"
    )


def wait_until(
    condition: Callable[[], T],
    what: str,
    *,
    patience_s: float = PATIENCE_S,
    explain: Callable[[], str] = str,
) -> T:
    """Asks again and again until something is true, as others give no signal across processes.

    Args:
        condition: its first true result is returned.
        what: is said when it never comes true.
        patience_s: after which that is a failure.
        explain: adds what there was instead.
    """
    pause = threading.Event()
    end = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s:.0f} s in vain until {what}\n{explain()}")
        pause.wait(_POLL_S)


class Screen:
    """A running Xvfb, with openbox when there is one; end it with :meth:`close`.

    Attributes:
        name: value for the variable ``DISPLAY``.
        has_window_manager: False on a bare screen, where nobody gives windows the keyboard.
    """

    def __init__(self, folder: Path, *, size: tuple[int, int] = (1920, 1080)) -> None:
        """Starts the server.

        Args:
            folder: takes the pixels and the home of the window manager; made if needed.
            size: (width, height) in pixels.
        """
        require_tools()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        reader, writer = os.pipe()
        try:
            self._server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size[0]}x{size[1]}x24",
                 "-fbdir", str(folder), "-nolisten", "tcp", "-noreset"],
                pass_fds=(writer,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()  # it tells a free number once it is ready
        assert number, f"Xvfb ended with status {self._server.wait()} instead of starting"
        self.name = f":{number}"
        self._manager = self._start_window_manager()
        self.has_window_manager = self._manager is not None

    def close(self) -> None:
        """Ends the window manager and the server, and waits for both."""
        for process in (self._manager, self._server):
            if process is not None:
                process.terminate()
                process.wait(30)

    def do(self, *words: object) -> str:
        """Runs one xdotool command line on this screen and returns what it says."""
        done = self._xdotool(words)
        assert done.returncode == 0, f"xdotool {words}: {done.stderr}"
        return done.stdout.strip()

    def windows(self, pid: int, title: str) -> list[str]:
        """Numbers of the visible windows of a process whose title matches an expression."""
        words = ("search", "--all", "--onlyvisible", "--pid", pid, "--name", title)
        return self._xdotool(words).stdout.split()

    def has_keyboard(self, window: str) -> bool:
        """Whether keys go to a window."""
        done = self._xdotool(("getwindowfocus",))  # fails while keys go to nobody at all
        return done.returncode == 0 and done.stdout.strip() == window

    def give_keyboard(self, window: str) -> None:
        """Brings the keyboard to a window, as a click on it does on a desktop."""
        command = "windowactivate" if self.has_window_manager else "windowfocus"
        self._xdotool((command, window))  # the caller waits until the program knows

    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8, what is on the screen now.

        Xvfb keeps its screen in a file in X Window Dump format; no program is needed to read it.
        """
        data = (self._folder / "Xvfb_screen0").read_bytes()
        header = struct.unpack(">25I", data[:100])
        header_size, width, height, line, num_colors = (header[i] for i in (0, 4, 5, 12, 19))
        start = header_size + 12 * num_colors
        rows = np.frombuffer(data, np.uint8, height * line, start).reshape(height, line)
        bgrx = rows[:, : 4 * width].reshape(height, width, 4)
        return np.ascontiguousarray(bgrx[:, :, 2::-1])

    def shoot(self, path: Path) -> Path:
        """Saves what is on the screen as a PNG."""
        Image.fromarray(self.pixels()).save(path)
        return path

    def _start_window_manager(self) -> subprocess.Popen[bytes] | None:
        if shutil.which("openbox") is None or os.environ.get("SEGGUI_TEST_BARE_SCREEN"):
            return None
        home = self._folder / "openbox"
        home.mkdir()
        ours = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "DISPLAY": self.name}
        process = subprocess.Popen(
            ["openbox", "--sm-disable"], env={**os.environ, **ours},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: self._xdotool(("get_num_desktops",)).returncode == 0, "openbox is there")
        return process

    def _xdotool(self, words: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": self.name},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
