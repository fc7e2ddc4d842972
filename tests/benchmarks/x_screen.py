"""An X server in memory, and the only two things that the benchmarks do with it from outside.

They move its pointer, as a hand does, and they look at its pixels, as an eye does. Both go to the
server over a connection of their own, so that what is measured holds for any program. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable
from ctypes import c_int, c_uint, c_ulong, c_void_p

ALL_PLANES, Z_PIXMAP = 2**32 - 1, 2
LEFT_BUTTON = 1
WAIT_SECONDS = 0.0002
"""Between two looks: asking without a pause takes a core from the program that is measured."""


class Screen:
    """One server with one screen of 24 bits; a context manager.

    Attributes:
        name: for the environment variable DISPLAY.
    """

    def __init__(self, width: int = 1600, height: int = 1000) -> None:
        """Starts the server and waits until it answers.

        Raises:
            RuntimeError: Xvfb is missing or does not start.
        """
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24"]
        try:
            self._server = subprocess.Popen(
                [*command, "-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL
            )
        except FileNotFoundError:
            raise RuntimeError("Xvfb is not installed; on Debian: apt install xvfb") from None
        finally:
            os.close(writer)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise RuntimeError(f"Xvfb ended with {self._server.wait()} before it was ready")
        self.name = f":{number}"
        self._x11, self._test = _libraries()
        self._display = self._x11.XOpenDisplay(self.name.encode())
        self._root = self._x11.XDefaultRootWindow(self._display)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._x11.XCloseDisplay(self._display)
        self._server.terminate()
        self._server.wait()

    def pixel(self, x: int, y: int) -> int:
        """The colour 0xRRGGBB that is on the screen at a place."""
        image = self._x11.XGetImage(self._display, self._root, x, y, 1, 1, ALL_PLANES, Z_PIXMAP)
        color = self._x11.XGetPixel(image, 0, 0)
        self._x11.XDestroyImage(image)
        return int(color) & 0xFFFFFF

    def move(self, x: int, y: int) -> None:
        """Moves the pointer."""
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._x11.XFlush(self._display)

    def button(self, is_down: bool) -> None:
        """Presses or releases the left button."""
        self._test.XTestFakeButtonEvent(self._display, LEFT_BUTTON, is_down, 0)
        self._x11.XFlush(self._display)

    def key(self, name: str, *, with_control: bool = False) -> None:
        """Presses and releases a key, named as X does, optionally with Control held."""
        codes = [self._code("Control_L")] if with_control else []
        codes.append(self._code(name))
        for code in codes:
            self._test.XTestFakeKeyEvent(self._display, code, True, 0)
        for code in reversed(codes):
            self._test.XTestFakeKeyEvent(self._display, code, False, 0)
        self._x11.XFlush(self._display)

    def wait_until(
        self, x: int, y: int, is_wanted: Callable[[int], bool], *, timeout: float = 5.0
    ) -> float:
        """Looks at a pixel until it is as wanted.

        Returns:
            ``time.perf_counter()`` when it was seen.

        Raises:
            TimeoutError: it was not, for ``timeout`` seconds.
        """
        end = time.perf_counter() + timeout
        while True:
            color, now = self.pixel(x, y), time.perf_counter()
            if is_wanted(color):
                return now
            if now > end:
                raise TimeoutError(f"the pixel at ({x}, {y}) stays {color:06x}")
            time.sleep(WAIT_SECONDS)

    def _code(self, name: str) -> int:
        symbol = self._x11.XStringToKeysym(name.encode())
        return int(self._x11.XKeysymToKeycode(self._display, symbol))


def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    x11, test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    x11.XOpenDisplay.restype, x11.XOpenDisplay.argtypes = c_void_p, [ctypes.c_char_p]
    x11.XDefaultRootWindow.restype, x11.XDefaultRootWindow.argtypes = c_ulong, [c_void_p]
    x11.XGetImage.restype = c_void_p
    x11.XGetImage.argtypes = [
        c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_ulong, c_int,
    ]  # fmt: skip
    x11.XGetPixel.restype, x11.XGetPixel.argtypes = c_ulong, [c_void_p, c_int, c_int]
    x11.XStringToKeysym.restype, x11.XStringToKeysym.argtypes = c_ulong, [ctypes.c_char_p]
    x11.XKeysymToKeycode.argtypes = [c_void_p, c_ulong]
    for name in ("XDestroyImage", "XFlush", "XCloseDisplay"):
        getattr(x11, name).argtypes = [c_void_p]
    test.XTestFakeMotionEvent.argtypes = [c_void_p, c_int, c_int, c_int, c_ulong]
    for name in ("XTestFakeButtonEvent", "XTestFakeKeyEvent"):
        getattr(test, name).argtypes = [c_void_p, c_uint, c_int, c_ulong]
    return x11, test
