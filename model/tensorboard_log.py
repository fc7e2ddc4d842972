"""Curves of a training for TensorBoard: event files, written without TensorFlow. No Keras.

TensorBoard is no part of TensorFlow any more, and with another backend of Keras TensorFlow need not
be there either. What is written is small: TFRecords (tensorflow/core/lib/io/record_writer) with one
``Event`` each (tensorflow/core/util/event.proto), whose numbers are ``simple_value``, as PyTorch's
``SummaryWriter`` writes them and every TensorBoard reads them.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from model.data.atomic import write_atomic
from model.errors import StorageError

EPOCH, STEP = "epoch/", "step/"
"""Beginnings of the tags: of numbers that are counted by epochs, and by steps."""

FLUSH_SECONDS = 5.0

_PREFIX, _SUFFIX = "events.out.tfevents.", ".seggui"
_POLYNOMIAL = 0x82F63B78
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class TensorBoardLog:
    """Appends numbers to an event file; each start of a run gets a file of its own.

    TensorBoard reads the files of a folder one after the other, so a run that goes on does not
    touch a file that may be open there, but for what has to be taken back (:meth:`trim`).
    """

    def __init__(self, folder: Path) -> None:
        """Writes nothing yet; the folder need not exist."""
        self._folder = folder
        self._path: Path | None = None
        self._num_bytes = 0
        self._waiting: list[bytes] = []
        self._flushed = time.monotonic()

    def add_step(self, step: int, values: Mapping[str, float]) -> None:
        """Adds numbers of one step as ``step/NAME``; they reach the disk within some seconds.

        Raises:
            StorageError: it could not be written; it waits in memory and is tried again.
        """
        self._waiting.append(_record(_event(step, {STEP + k: v for k, v in values.items()})))
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def add_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Adds numbers of one epoch as ``epoch/NAME`` and writes all that waits.

        Raises:
            StorageError: it could not be written; it waits in memory and is tried again.
        """
        self._waiting.append(_record(_event(epoch, {EPOCH + k: v for k, v in values.items()})))
        self.flush()

    def flush(self) -> None:
        """Writes what waits.

        Raises:
            StorageError: it could not be written; it waits in memory and is tried again.
        """
        self._flushed = time.monotonic()
        if not self._waiting:
            return
        try:
            self._append(b"".join(self._waiting))
        except OSError as error:
            raise _storage_error(self._folder, error) from error
        self._waiting.clear()

    def trim(self, *, epoch: int, step: int) -> None:
        """Takes back what came after an epoch and a step: the run goes on from there.

        A record that a kill cut off goes too; TensorBoard would read nothing that follows it.

        Raises:
            StorageError: a file could not be read or written.
        """
        for path in self._files():
            try:
                data = path.read_bytes()
            except OSError as error:
                raise _storage_error(path, error) from error
            kept = b"".join(
                record for record, event in _records(data) if not _is_later(event, epoch, step)
            )
            if kept != data:
                write_atomic(path, kept)

    def _append(self, data: bytes) -> None:
        if self._path is None or not _has(self._path, self._num_bytes):
            self._path, self._num_bytes = self._new_path(), 0
            data = _record(_head()) + data
        with self._path.open("ab") as file:
            file.truncate(self._num_bytes)  # a full disk may have cut off the last attempt
            file.write(data)
        self._num_bytes += len(data)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_PREFIX}*{_SUFFIX}"))

    def _new_path(self) -> Path:
        """Named by the time, as TensorBoard sorts by name; later than all that are there."""
        numbers = [path.name[len(_PREFIX) : -len(_SUFFIX)] for path in self._files()]
        latest = max((int(number) for number in numbers if number.isdecimal()), default=0)
        return self._folder / f"{_PREFIX}{max(int(time.time()), latest + 1):010}{_SUFFIX}"


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum of RFC 3720, which Python's ``zlib`` does not have."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_table_entry(value) for value in range(256))


def _masked(data: bytes) -> bytes:
    """Turned and shifted, as a checksum of data that holds checksums is weak (crc32c.h)."""
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _masked(length) + event + _masked(event)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Whole records with their events, up to the first one that is cut off or damaged."""
    start = 0
    while len(data) >= start + 16:
        length = data[start : start + 8]
        end = start + 16 + int(struct.unpack("<Q", length)[0])
        event, check = data[start + 12 : end - 4], data[end - 4 : end]
        if data[start + 8 : start + 12] != _masked(length) or check != _masked(event):
            return
        yield data[start:end], event
        start = end


def _head() -> bytes:
    return _field(1, struct.pack("<d", time.time()), _FIXED64) + _field(3, b"brain.Event:2")


def _event(step: int, values: Mapping[str, float]) -> bytes:
    summary = b"".join(
        _field(1, _field(1, tag.encode()) + _field(2, struct.pack("<f", value), _FIXED32))
        for tag, value in values.items()
    )
    when = _field(1, struct.pack("<d", time.time()), _FIXED64)
    return when + _field(2, _varint(step), _VARINT) + _field(5, summary)


def _is_later(event: bytes, epoch: int, step: int) -> bool:
    fields = dict(_fields(event))
    summary = fields.get(5)
    if not isinstance(summary, bytes):
        return False  # the head of the file
    tag = dict(_fields(_first_bytes(summary)))[1]
    number = fields.get(2, 0)
    assert isinstance(tag, bytes)
    assert isinstance(number, int)
    return number > (epoch if tag.startswith(EPOCH.encode()) else step)


def _first_bytes(message: bytes) -> bytes:
    _, value = next(_fields(message))
    assert isinstance(value, bytes)
    return value


def _field(number: int, value: bytes, kind: int = _BYTES) -> bytes:
    length = _varint(len(value)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + value


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Numbers and values of a protobuf message; of fixed width as bytes."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _read_varint(message, place)
            yield key >> 3, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if size is None:
            size, place = _read_varint(message, place)
        yield key >> 3, message[place : place + size]
        place += size


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def _has(path: Path, num_bytes: int) -> bool:
    """Whether the file is there, and all that was written into it."""
    return path.exists() and path.stat().st_size >= num_bytes


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The curves for TensorBoard in {path} could not be written: {error.strerror or error}.",
        remedy="Free some space or check the permissions of the folder.",
    )
