"""Finding out which way of running a network is fastest on this machine, once, and remembering it.

A network can be run as a traced graph, as a graph whose weights are constants, compiled by XLA, or
in bfloat16 where the processor has instructions for it. Which is fastest depends on network, size
and processor: on two cores without AVX-512, XLA took a fifth off a U-Net of 31 million parameters
and doubled the time of one of 1.7 million. So each way is tried with an image that was just
predicted, while nobody waits for an answer, and it is taken only if its classes are the same.
Imports no Keras.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from model.data.atomic import write_atomic
from model.errors import StorageError

_log = logging.getLogger(__name__)

Run = Callable[..., tuple[npt.NDArray[Any], ...]]

FIRST_WAY = "graph"
MIN_AGREEMENT = 0.995
"""Share of pixels that must keep their class."""
MIN_GAIN = 0.04
"""Less is not worth the change; it may be noise."""
NUM_TIMINGS = 3
MAX_REMEMBERED = 500


@dataclass(frozen=True)
class Choice:
    """What came out of trying.

    Attributes:
        way: the fastest whose answers agree.
        milliseconds: what each way took, for those that were tried.
        refused: why a way was not taken though it may be fast.
    """

    way: str
    milliseconds: Mapping[str, float]
    refused: Mapping[str, str]


def seconds_of(run: Callable[[], object]) -> float:
    """How long something takes, now."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def choose_way(
    first: Run,
    make: Mapping[str, Callable[[], Run]],
    arrays: tuple[npt.NDArray[Any], ...],
    *,
    is_interrupted: Callable[[], bool],
) -> tuple[Choice, Run] | None:
    """Tries every way on the same input, in turns, so that other load hits all of them.

    Args:
        first: the way in force, ready to run; what the others are compared with.
        make: for each other way, what builds it.
        arrays: the input; the first output are classes or probabilities.
        is_interrupted: asked between runs; somebody waits for an answer.

    Returns:
        The choice and how to run it, or None when it was interrupted.
    """
    runs: dict[str, Run] = {FIRST_WAY: first}
    refused: dict[str, str] = {}
    expected = _classes(first(*arrays)[0])
    for way, build in make.items():
        if is_interrupted():
            return None
        try:
            run = build()
            agreement = float((_classes(run(*arrays)[0]) == expected).mean())
        except Exception as error:  # noqa: BLE001 - a way that a network does not bear is no fault
            _log.info("the way %s does not run here", way, exc_info=True)
            refused[way] = f"does not run: {type(error).__name__}"
            continue
        if agreement < MIN_AGREEMENT:
            refused[way] = f"only {agreement:.2%} of the pixels keep their class"
            continue
        runs[way] = run
    times: dict[str, list[float]] = {way: [] for way in runs}
    for _ in range(NUM_TIMINGS):
        for way, run in runs.items():
            if is_interrupted():
                return None
            times[way].append(seconds_of(lambda run=run: run(*arrays)))  # type: ignore[misc]
    best = {way: min(measured) for way, measured in times.items()}
    fastest = min(best, key=lambda way: best[way])
    if best[fastest] > (1 - MIN_GAIN) * best[FIRST_WAY]:
        fastest = FIRST_WAY
    milliseconds = {way: 1000 * seconds for way, seconds in best.items()}
    return Choice(fastest, milliseconds, refused), runs[fastest]


def _classes(output: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Classes as they are, of probabilities the most probable."""
    return output.argmax(axis=-1) if output.dtype.kind == "f" else output


class ChoiceStore:
    """The choices made on this computer, in one small file."""

    def __init__(self, folder: Path | None) -> None:
        """``folder`` is where settings are kept; None remembers nothing."""
        self._path = None if folder is None else folder / "speed.json"

    def find(self, key: str) -> str | None:
        """The way that was chosen, or None."""
        entry = self._read().get(key)
        return str(entry["way"]) if isinstance(entry, dict) and "way" in entry else None

    def remember(self, key: str, choice: Choice) -> None:
        """Writes a choice; one that cannot be written is only made again another time."""
        if self._path is None:
            return
        entries = self._read()
        entries.pop(key, None)
        entries[key] = {
            "way": choice.way,
            "milliseconds": {way: round(ms, 1) for way, ms in choice.milliseconds.items()},
            "refused": dict(choice.refused),
        }
        kept = dict(list(entries.items())[-MAX_REMEMBERED:])
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, json.dumps(kept, indent=1).encode())
        except (OSError, StorageError):
            _log.warning("the fastest way could not be remembered", exc_info=True)

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            # Nothing of value is in it: it is measured again and written anew.
            _log.warning("%s cannot be read", self._path, exc_info=True)
            return {}
        return entries if isinstance(entries, dict) else {}


def machine_name(backend: str, num_cores: int) -> str:
    """What a choice depends on besides the network: processor, cores, backend with its version."""
    return f"{_processor()}|{num_cores}|{backend}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or os.name
