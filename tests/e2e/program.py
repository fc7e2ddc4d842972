"""The real program in a process of its own, driven with pointer and keys as a person does."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from model.data.masks import read_mask
from tests.e2e.screen import PATIENCE_S, Screen, wait_until
from tests.e2e.strokes import Map, covered_pixels, screen_way

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]
_MARK = "SEGGUI_TEST_RUN"
_GIVE_UP = 6


class Window:
    """A running program; everything it writes beside its images is below ``place``.

    Attributes:
        pid: of the process with the window.
        home: its folder for settings and logs.
    """

    def __init__(
        self,
        screen: Screen,
        place: Path,
        folder: Path,
        *,
        model: Path | None = None,
        is_automatic: bool = True,
        before: tuple[str, ...] = (),
    ) -> None:
        """Starts the program; nothing is waited for.

        Args:
            screen: where it appears.
            place: home, temporary files and log; shared by windows that one user opens.
            folder: the images.
            model: given on the command line.
            is_automatic: False leaves images alone until somebody asks for a prediction.
            before: a command that starts the rest of the command line.
        """
        self.screen, self.place, self.folder = screen, place, folder
        self.home = place / "home"
        self.temporary = place / "temporary"
        for path in (self.home, self.temporary):
            path.mkdir(parents=True, exist_ok=True)
        if not is_automatic:
            (self.home / "settings.ini").write_text("[model]\nautomatic=false\n")
        self._id = uuid.uuid4().hex
        self._map_path = place / f"window-{self._id}.json"
        self._log_path = place / f"window-{self._id}.log"
        command = [*before, sys.executable, "-m", "seggui", str(folder)]
        command += [] if model is None else ["--model", str(model)]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.pid = self._process.pid

    # -- what is there ---------------------------------------------------------------------------

    @property
    def map(self) -> Map:
        """What the window shows, at most a moment old."""
        return json.loads(self._map_path.read_text(encoding="utf-8"))

    def until(
        self, condition: Callable[[Map], T], what: str, *, patience_s: float = PATIENCE_S
    ) -> T:
        """Waits until something is true of the window; a program that ends meanwhile fails."""

        def ask() -> T | None:
            status = self._process.poll()
            assert status is None, f"the program ended with {status}: {self._said()}"
            return condition(self.map) if self._map_path.exists() else None

        return wait_until(ask, what, patience_s=patience_s, explain=self._explain)

    def until_shown(self, name: str) -> None:
        """Waits until an image is on view and nothing of it is still loading."""
        self.until(
            lambda m: m["session"]["key"] == name and m["canvas"]["size"], f"{name} is shown"
        )

    def until_on_disk(self, name: str, mask: np.ndarray) -> None:
        """Waits until the mask file of an image is exactly this."""
        path = self.mask_path(name)
        wait_until(
            lambda: path.exists() and np.array_equal(read_mask(path), mask),
            f"{path.name} is as expected",
            explain=lambda: f"{_difference(path, mask)}\n{self._explain()}",
        )

    def mask_path(self, name: str) -> Path:
        """The mask file of an image."""
        return self.folder / "masks" / name

    def mask(self, name: str) -> np.ndarray:
        """(H, W) uint8, the mask file of an image; all 255 when there is none."""
        path = self.mask_path(name)
        height, width = self.map["canvas"]["size"]
        return read_mask(path) if path.exists() else np.full((height, width), 255, np.uint8)

    def ask_project(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Asks the project's database, as any other program may."""
        path = self.folder / ".seggui" / "project.sqlite"
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def child(self, kind: str) -> int | None:
        """Process number of the ``"engine"`` or ``"training"`` child, or None."""
        for pid in self.processes():
            try:
                folder = Path(os.readlink(f"/proc/{pid}/cwd"))
            except OSError:
                continue
            if folder.name.startswith(f"seggui-{kind}-"):
                return pid
        return None

    def processes(self) -> list[int]:
        """Every process that came out of this program and still runs, orphans included."""
        mark = f"{_MARK}={self._id}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:  # ended meanwhile
                continue
        return found

    # -- what a person does ----------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Presses keys, one after another, in the window or its dialog."""
        self._take_keyboard()
        self.screen.do("key", *keys)

    def fill(self, name: str, text: str) -> None:
        """Goes to a field with the keyboard and types into it, in place of what is there."""
        self.tab_to(name)
        self.press("ctrl+a")
        self.screen.do("type", "--delay", "5", text)
        self.until(lambda m: m["widgets"][name]["text"].startswith(text), f"{name} has {text!r}")

    def tab_to(self, name: str, *, key: str = "Tab") -> None:
        """Walks with the Tab key until a widget has the keyboard; it scrolls into view, too."""
        self._take_keyboard()
        seen = []
        while (focus := self.map["focus"]) != name:
            assert seen.count(focus) < 2, f"Tab never comes to {name}, only to {seen}"
            seen.append(focus)
            self.press(key)
            self.until(lambda m, last=focus: m["focus"] != last, f"{key} leaves {focus!r}")

    def click(self, name: str) -> None:
        """Clicks on a widget, once it is there and enabled."""
        self.until(lambda m: m["widgets"].get(name, {}).get("enabled"), f"{name} can be clicked")
        left, top, width, height = self.map["widgets"][name]["rect"]
        self.screen.do("mousemove", left + width // 2, top + height // 2, "click", 1)

    def dismiss_messages(self) -> None:
        """Closes every message, so that none of them moves the image meanwhile."""
        for _ in range(20):
            message = self.map["message"]
            if message is None:
                return
            self.click("message_close")
            self.until(lambda m, old=message: m["message"] != old, "a message is closed")
        raise AssertionError(f"messages without an end: {self.map['message']}")

    def stroke(
        self,
        *path: tuple[float, float],
        button: int = 1,
        is_held: bool = False,
        is_busy: bool = False,
    ) -> np.ndarray:
        """Drags the pointer along a path over the image.

        Args:
            path: at least two points (row, column), each as a fraction of the image.
            button: 1 paints, 3 erases.
            is_held: leaves the button pressed; the stroke stays in the hand.
            is_busy: the program gets no time until the stroke is over, as on a machine that is
                busy with much else.

        Returns:
            (H, W) bool, the pixels that the brush must have covered.
        """
        for _ in range(_GIVE_UP):
            self.dismiss_messages()
            before = self.map
            way = screen_way(before, path)
            revision = before["session"]["revision"]
            self.screen.do("mousemove", *way[0], "mousedown", button)
            # A window manager holds a press back to look at it, and meanwhile the server merges
            # what the pointer does. No hand is that fast.
            self.until(lambda m: m["session"]["in_stroke"], "the stroke is begun")
            words = [word for point in way[1:] for word in ("mousemove", *point)]
            if is_busy:
                self.send(signal.SIGSTOP)
            self.screen.do(*words, *(() if is_held else ("mouseup", button)))
            self.send(signal.SIGCONT)
            if is_held:
                return covered_pixels(before, way)
            after = self.until(
                lambda m, old=revision: m if m["session"]["revision"] > old else None,
                "the stroke is made",
            )
            if after["canvas"] == before["canvas"]:
                return covered_pixels(before, way)
            self.undo()  # news moved the image away under the pointer: again
        raise AssertionError("the image never stands still")

    def undo(self) -> None:
        """Takes a step back and waits for it."""
        self._step("ctrl+z")

    def redo(self) -> None:
        """Makes a step again and waits for it."""
        self._step("ctrl+shift+z")

    def go(self, key: str, name: str) -> None:
        """Presses a key that leads to another image and waits for it."""
        self.press(key)
        self.until_shown(name)

    # -- how it ends -----------------------------------------------------------------------------

    def send(self, number: signal.Signals, pid: int | None = None) -> None:
        """Sends a signal to the program or to one of its children."""
        os.kill(pid or self.pid, number)

    def wait(self) -> str:
        """Waits until the program has ended by itself, leaving nothing; returns what it said."""
        wait_until(lambda: self._process.poll() is not None, "the program ends",
                   explain=self._explain)  # fmt: skip
        wait_until(lambda: not self.processes(), "its children have ended",
                   explain=lambda: str(self.processes()))  # fmt: skip
        return self._said()

    def close(self) -> None:
        """Closes the program from its menu's shortcut, and checks that it ends well."""
        self.press("ctrl+q")
        said = self.wait()
        assert self._process.returncode == 0, said
        assert "Traceback" not in said, said

    def end(self) -> None:
        """Makes sure that nothing of it runs any more, however a test went."""
        self._process.kill()
        self._process.wait()
        try:
            wait_until(lambda: not self.processes(), "orphans end by themselves", patience_s=20)
        except AssertionError:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            raise

    # -- inside ----------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("QT_", "XDG_", "DBUS_", "WAYLAND", "SEGGUI_"))
        }  # fmt: skip
        ours = {
            "DISPLAY": self.screen.name,
            "HOME": self.home, "SEGGUI_HOME": self.home, "TMPDIR": self.temporary,
            "SEGGUI_WIDGET_MAP": self._map_path, "TF_CPP_MIN_LOG_LEVEL": "3", _MARK: self._id,
        }  # fmt: skip
        return {**kept, **{name: str(value) for name, value in ours.items()}}

    def _take_keyboard(self) -> None:
        """A bare screen gives the keyboard to nobody: brings it to the dialog, or to the window."""
        dialog = self.map["dialog"]
        title = self.map["title"] if dialog is None else dialog["title"]

        def has_keyboard(m: Map) -> bool:
            windows = self.screen.windows(self.pid, exact(title))
            is_known = m["focus"] and m["active"] == title
            if is_known and any(self.screen.has_keyboard(number) for number in windows):
                return True
            for number in windows:
                self.screen.give_keyboard(number)
            return False

        self.until(has_keyboard, f"{title!r} has the keyboard")

    def _step(self, keys: str) -> None:
        revision = self.map["session"]["revision"]
        self.press(keys)
        self.until(lambda m: m["session"]["revision"] > revision, f"{keys} is done")

    def _explain(self) -> str:
        shot = self.screen.shoot(self.place / f"failed-{self._id}.png")
        shown = dict(self.map) if self._map_path.exists() else {}
        shown.pop("widgets", None)
        return f"screen: {shot}\nwindow: {json.dumps(shown, indent=1)}\nsaid: {self._said()}"

    def _said(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")[-5000:]


def exact(title: str) -> str:
    """The expression that matches just this title."""
    return "^" + "".join(c if c.isalnum() or c == " " else "." for c in title) + "$"


def _difference(path: Path, expected: np.ndarray) -> str:
    if not path.exists():
        return "there is no such file"
    found = read_mask(path)
    if found.shape != expected.shape:
        return f"it is {found.shape}, expected {expected.shape}"
    places = np.argwhere(found != expected)
    values = [(int(found[tuple(p)]), int(expected[tuple(p)])) for p in places[:5]]
    return f"{len(places)} pixels differ, first {places[:5].tolist()} (is, expected): {values}"
