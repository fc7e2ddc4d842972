"""Runs pip, turns what it prints into progress, and its failures into sentences."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import TextIO

from seggui.launcher.errors import LauncherError
from seggui.launcher.progress import Progress

LOG_NAME = "seggui-setup.log"

FAILURES: tuple[tuple[str, str], ...] = (
    # what pip printed (regular expression), what the user is told
    (
        r"No space left on device|not enough space",
        "The disk is full. Make room (4 GB), then start again.",
    ),
    (
        r"NewConnectionError|NameResolutionError|name resolution|getaddrinfo failed|ConnectTimeout"
        r"|Network is unreachable|ProxyError|ReadTimeout|Connection (refused|reset|aborted)",
        "The packages could not be downloaded: there is no connection to the package index. "
        "Check the internet connection (or the proxy in HTTPS_PROXY), then start again; "
        "what is already installed stays.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The packages could not be downloaded: the certificate of the package index is not "
        "trusted here. Behind a company proxy, set PIP_CERT to its certificate, then start again.",
    ),
    (
        r"Permission denied|Access is denied",
        "A file of the environment could not be written. Close other running copies of seggui, "
        "check the permissions of its folder, then start again.",
    ),
    (
        r"No matching distribution found for (?P<package>\S+)",
        "The package index has no {package} for this Python and system, or cannot be reached. "
        "Check the internet connection, then start again.",
    ),
)


def run_pip(python: str, requirements: list[str], site_packages: Path, progress: Progress) -> None:
    """Installs ``requirements``; what is installed already needs no network.

    Args:
        python: the environment's Python.
        requirements: what to install, in pip's notation.
        site_packages: where it lands; watched to tell how far the installation is.
        progress: shown what pip does.

    Raises:
        LauncherError: pip failed; says why and where its whole output lies.
    """
    log_path = site_packages / LOG_NAME
    command = [
        python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
        "--progress-bar", "raw" if _knows_raw_progress(python) else "off", *requirements,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
    reader = PipReader(site_packages, progress)
    with (
        log_path.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", env=environment,
        ) as process,
    ):  # fmt: skip
        try:
            _follow(process, reader, log)
        finally:
            process.terminate()
    if process.returncode != 0:
        raise LauncherError(f"{explain_failure(reader.tail)} (pip's own words: {log_path})")


def explain_failure(lines: list[str]) -> str:
    """Returns the sentence for the user that fits what pip printed."""
    text = "\n".join(lines)
    for pattern, sentence in FAILURES:
        found = re.search(pattern, text)
        if found:
            return sentence.format(**found.groupdict())
    errors = [line for line in lines if line.startswith("ERROR")]
    said = (errors or lines or ["it said nothing"])[-1]
    return f"The packages could not be installed: {said.removeprefix('ERROR: ')}"


class PipReader:
    """Understands pip's lines.

    Attributes:
        tail: the last lines, for the explanation of a failure.
    """

    def __init__(self, site_packages: Path, progress: Progress) -> None:
        self.tail: list[str] = []
        self._recent: deque[str] = deque(maxlen=200)
        self._site_packages = site_packages
        self._progress = progress
        self._step = "Looking up packages"
        self._num_seen = 0
        self._to_install: list[str] = []

    def read(self, line: str) -> None:
        """Takes one line of pip and shows what it means."""
        words = line.split()
        if not words:
            return
        if words[0] == "Progress" and len(words) == 4:
            self._progress.show(self._step, _share(int(words[1]), int(words[3])))
            return
        self._recent.append(line.rstrip())
        self.tail = list(self._recent)
        if words[0] == "Collecting":
            self._num_seen += 1
            self._show(f"Package {self._num_seen}: {words[1]}")
        elif words[0] == "Downloading" and not line.startswith(" "):
            self._show(f"Downloading {_package_of(words[1])}")
        elif words[0] == "Downloading":
            size = " ".join(words[2:]).strip("()")
            self._show(f"Package {self._num_seen}: {_package_of(words[1])}, {size}")
        elif line.startswith("Installing collected packages:"):
            self._to_install = line.partition(":")[2].replace(",", " ").split()
            self.tick()

    def tick(self) -> None:
        """Called while pip is silent: counts the packages that have arrived."""
        if not self._to_install:
            self._progress.show(self._step)
            return
        # pip writes INSTALLER when the last file of a package is in place.
        finished = self._site_packages.glob("*.dist-info/INSTALLER")
        there = {path.parent.name.partition("-")[0] for path in finished}
        wanted = [re.sub(r"[-_.]+", "_", name).lower() for name in self._to_install]
        arrived = {re.sub(r"[-_.]+", "_", name).lower() for name in there}
        num_done = sum(name in arrived for name in wanted)
        self._progress.show("Installing", f"{num_done} of {len(wanted)} packages")

    def _show(self, step: str) -> None:
        self._step = step
        self._progress.show(step)


def _follow(process: subprocess.Popen[str], reader: PipReader, log: TextIO) -> None:
    """Reads until pip ends; ticks every second in between so that the display stays alive."""
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    stream = process.stdout

    def forward() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    thread = threading.Thread(target=forward, name="pip-output", daemon=True)
    thread.start()
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            reader.tick()
            continue
        if line is None:
            break
        if not line.startswith("Progress "):
            log.write(line)
        reader.read(line)
    thread.join()
    process.wait()


def _knows_raw_progress(python: str) -> bool:
    """True from pip 24.1 on."""
    done = subprocess.run(
        [python, "-m", "pip", "--version"], capture_output=True, text=True, check=False
    )
    found = re.match(r"pip (\d+)\.(\d+)", done.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= (24, 1)


def _share(done: int, total: int) -> str:
    if total <= 0:
        return f"{done / 1e6:.0f} MB"
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"


def _package_of(file_name: str) -> str:
    name, _, rest = file_name.rpartition("/")[2].partition("-")
    version = rest.partition("-")[0].removesuffix(".metadata")
    return f"{name} {version}".strip()
