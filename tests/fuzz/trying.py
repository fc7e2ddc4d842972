"""What a process does with a mutated file, and what may not happen then."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.errors import ModelFileError
from model.file_report import FileReport
from model.foreign.contents import describe_contents
from model.foreign.weight_files import WeightGroup, open_weights
from model.inspection import inspect_file
from tests.fuzz.configurations import MARKER_VARIABLE

MAX_SECONDS = 2.0
"""Of processor time of the whole process, for every stage that reads."""
MAX_BUILDING_SECONDS = 30.0
"""The same for Keras, which needs two seconds for an ordinary network of 200 layers."""
MAX_BYTES = 2**30
"""Of address space above what the process had when it was ready."""

Result = Literal["refused", "opened", "failure"]

_FORBIDDEN_EVENTS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
                     "socket.connect", "socket.getaddrinfo", "urllib.Request", "pickle.find_class",
                     "ctypes.dlopen")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one file.

    Attributes:
        stage: the last one that was entered: inspect, contents, weights, network.
        result: a failure is everything but a ModelFileError and success.
        kind: of a failure: exception, time, memory, marker, setting, event, sentence; of others an
            empty string.
        detail: the sentence of a refusal, or where a failure came from.
        seconds: of processor time in the slowest stage.
    """

    stage: str
    result: Result
    kind: str = ""
    detail: str = ""
    seconds: float = 0.0


class Attempt:
    """Opens files one after the other, in a process that is prepared for it.

    Args:
        folder: an empty one of the process: working directory, temporary files, the marker.
        with_keras: whether networks can be built, which takes seconds to prepare.
    """

    def __init__(self, folder: Path, *, with_keras: bool) -> None:
        self._marker = folder / "marker"
        self._events: list[str] = []
        self._seconds, self._stage, self._is_late = 0.0, "", False
        os.environ[MARKER_VARIABLE] = str(self._marker)
        work = folder / "work"
        work.mkdir()
        os.chdir(work)
        tempfile.tempdir = str(folder)
        if with_keras:
            _warm_up()
        sys.addaudithook(self._listen)
        self._with_keras = with_keras

    def open(self, path: Path, *, as_network: bool) -> Outcome:
        """Reads a file as far as it goes."""
        self._events.clear()
        self._seconds, self._stage, self._is_late = 0.0, "inspect", False
        before = self._settings()
        outcome = self._opened(path, as_network=as_network)
        return self._judged(outcome, before)

    def _opened(self, path: Path, *, as_network: bool) -> Outcome:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                self._stages(path, as_network=as_network)
        except ModelFileError as error:
            if _is_for_want_of_memory(error):
                return Outcome(self._stage, "failure", "memory", str(error)[:300])
            kind = _fault_of_sentence(str(error))
            if kind:
                return Outcome(self._stage, "failure", "sentence", f"{kind}: {str(error)[:300]!r}")
            return Outcome(self._stage, "refused", "", str(error)[:300])
        except MemoryError:
            return Outcome(self._stage, "failure", "memory", _origin())
        except BaseException:  # noqa: BLE001 - that anything else comes out is what is looked for
            return Outcome(self._stage, "failure", "exception", _origin())
        return Outcome(self._stage, "opened")

    def _stages(self, path: Path, *, as_network: bool) -> None:
        with self._timed("inspect"):
            report = inspect_file(path)
        with self._timed("contents"):
            contents = describe_contents(report)
            contents.refusal(path.name)
            contents.remedy()
            deque(report.code_layers, maxlen=0)
        if report.file_format != "saved_model":
            with self._timed("weights"):
                _read_everything(report)
        if as_network and self._with_keras:
            from model.opening import open_network

            with self._timed("network"):
                open_network(report)

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        self._stage = stage
        start = time.process_time()
        try:
            yield
        finally:
            seconds = time.process_time() - start
            self._seconds = max(self._seconds, seconds)
            limit = MAX_BUILDING_SECONDS if stage == "network" else MAX_SECONDS
            self._is_late = self._is_late or seconds > limit

    def _judged(self, outcome: Outcome, before: Mapping[str, Any]) -> Outcome:
        kind, detail = "", ""
        after = self._settings()
        if self._marker.exists():
            self._marker.unlink()
            kind, detail = "marker", "code of the file ran"
        elif before != after:
            kind, detail = "setting", f"{before} became {after}"
        elif self._events:
            kind, detail = "event", ", ".join(self._events[:5])
        elif self._is_late:
            kind, detail = "time", f"{self._seconds:.1f} s; {outcome.detail[:120]}"
        if kind:
            return Outcome(outcome.stage, "failure", kind, detail, self._seconds)
        return Outcome(outcome.stage, outcome.result, outcome.kind, outcome.detail, self._seconds)

    def _settings(self) -> Mapping[str, Any]:
        settings: dict[str, Any] = {"folder": os.getcwd(), "path": tuple(sys.path)}
        if self._with_keras:
            import keras

            settings.update(
                layout=keras.config.image_data_format(), float=keras.config.floatx(),
                backend=keras.config.backend(), epsilon=keras.config.epsilon(),
                policy=keras.config.dtype_policy().name,
                safe_mode=keras.src.saving.serialization_lib.in_safe_mode(),
                unsafe=keras.src.backend.common.global_state.get_global_attribute("safe_mode_saving"),
            )  # fmt: skip
        return settings

    def _listen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN_EVENTS:
            self._events.append(f"{event} {arguments!r:.100}")


def _read_everything(report: FileReport) -> None:
    """Every array of a file, as the placing of weights would read it."""
    with open_weights(report.path, report.file_format) as weights:
        weights.dimensions()
        waiting: list[tuple[WeightGroup, int]] = [(weights, 0)]
        while waiting:
            group, depth = waiting.pop()
            for attribute in ("weight_names", "layer_names"):
                for name in group.texts(attribute) or ():
                    with contextlib.suppress(ModelFileError):
                        group.array(name)
            group.text("name")
            group.has_arrays()
            group.numbered_arrays()
            inner = [group.group(name) for name in group.names_of_groups()]
            if depth < 16:
                waiting += [(each, depth + 1) for each in inner if each is not None]
        weights.unused()


def _is_for_want_of_memory(error: BaseException | None) -> bool:
    """Whether a refusal hides that memory ran out."""
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError) or "OOM" in text or "allocate" in text.lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def _fault_of_sentence(text: str) -> str:
    """What is wrong with a sentence for a user."""
    if "Traceback" in text or " object at 0x" in text:
        return "speaks of the inside"
    if len(text) > 4000:
        return f"{len(text)} characters long"
    return "" if text.strip().endswith((".", ")", "?")) else "does not end"


def _origin() -> str:
    """The exception, and where in the program it came from."""
    kind, error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)
    ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames
            if f"{os.sep}model{os.sep}" in frame.filename]  # fmt: skip
    last = frames[-1] if frames else None
    end = f" in {Path(last.filename).name}:{last.lineno}" if last is not None else ""
    name = kind.__name__ if kind is not None else ""
    return f"{name}: {str(error)[:160]} [{' > '.join(ours[-3:])}]{end}"


def _warm_up() -> None:
    """Imports and first calls that take long once."""
    from model.opening import open_network
    from tests.zoo.packed import ZOO, unpack

    with tempfile.TemporaryDirectory() as folder:
        unpack(ZOO, Path(folder))
        for name in ("tf210_saved_plain", "keras315_transformer.keras", "tf210_unet_transpose.h5"):
            open_network(inspect_file(Path(folder) / name))
