"""The journal: every image's pixels as one snapshot and the edits since, in the database.

The state of an image is its snapshot XOR every log entry after it. Edits are applied by XOR, so
undo and redo are further log entries of the same edit, and nothing in the log ever changes. The
PNG in ``masks/`` is what the world sees of that state; its hash tells whether it is still ours.

The snapshot exists because XOR edits mean nothing without the pixels they were made on: it is what
brings everything back when a PNG was damaged, deleted or painted over by another program.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from model.errors import StorageError
from seggui.core.database import Database
from seggui.core.edits import apply_edit
from seggui.core.records import ImageRecord, ImageStatus, MaskEdit
from seggui.core.stored_image import (
    COLUMNS,
    UNWRITTEN,
    PixelState,
    StoredImage,
    blank_state,
    edit_from,
    from_stored,
    image_from,
    pack,
    status_from,
    to_stored,
    unpack,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


class DamagedJournalError(StorageError):
    """What the journal holds of one image cannot be applied."""


class Journal:
    """Reads and writes the image tables. It knows nothing of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- reading ---------------------------------------------------------------------------------

    def find(self, key: str) -> StoredImage | None:
        """What is stored about an image."""
        row = self._database.row(f"SELECT {COLUMNS} FROM images WHERE key = ?", to_stored(key))
        return None if row is None else image_from(row)

    def images(self, where: str = "1") -> list[StoredImage]:
        """The stored images for which an SQL condition holds, in the order they were stored."""
        rows = self._database.rows(f"SELECT {COLUMNS} FROM images WHERE {where} ORDER BY id")
        return [image_from(row) for row in rows]

    def keys_with_pixels(self) -> frozenset[str]:
        """Images of which pixels are stored."""
        rows = self._database.rows("SELECT key FROM images WHERE height IS NOT NULL")
        return frozenset(from_stored(key) for (key,) in rows)

    def names(self) -> dict[str, str]:
        """Image -> stored name of its mask."""
        rows = self._database.rows("SELECT key, name FROM images")
        return {from_stored(key): from_stored(name) for key, name in rows}

    def records(self) -> dict[str, ImageRecord]:
        """Status and role of every image of which anything is stored."""
        roles = self.roles()
        records = {
            key: ImageRecord(key, is_held_out=is_held_out) for key, is_held_out in roles.items()
        }
        sql = "SELECT key, status, model_sha256 FROM images"
        for stored, status, sha256 in self._database.rows(sql):
            key = from_stored(stored)
            records[key] = ImageRecord(key, status_from(status), sha256, roles.get(key))
        return records

    def state(self, image: StoredImage) -> PixelState:
        """The pixels after the last journalled edit, as new arrays.

        Raises:
            DamagedJournalError: the stored data cannot be applied.
        """
        if image.size is None:
            raise StorageError(f"{image.key} has no pixels yet; load it first.")
        state, seq = self._snapshot(image.id, *image.size)
        rows = self._database.rows(
            "SELECT edits.* FROM log JOIN edits ON edits.id = log.edit"
            " WHERE log.image = ? AND log.seq > ? ORDER BY log.seq",
            image.id, seq,
        )  # fmt: skip
        try:
            for row in rows:
                apply_edit(edit_from(row), state.mask, state.provenance)
        except StorageError as error:
            raise _damaged(image.id, error) from error
        return state

    def history(self, image: StoredImage) -> tuple[tuple[MaskEdit, ...], int]:
        """The steps of the undo history, oldest first, and how many of them are done."""
        rows = self._database.rows(
            "SELECT stack.place, edits.* FROM stack JOIN edits ON edits.id = stack.edit"
            " WHERE stack.image = ? ORDER BY stack.place",
            image.id,
        )
        edits = tuple(edit_from(row[1:]) for row in rows)
        return edits, sum(row[0] < image.position for row in rows)

    def roles(self) -> dict[str, bool]:
        """Image -> whether it is held out, for all that were ever decided."""
        rows = self._database.rows("SELECT key, is_held_out FROM roles")
        return {from_stored(key): bool(is_held_out) for key, is_held_out in rows}

    def role(self, key: str) -> bool | None:
        """Whether one image is held out; None until it was decided."""
        row = self._database.row("SELECT is_held_out FROM roles WHERE key = ?", to_stored(key))
        return None if row is None else bool(row[0])

    # -- writing ---------------------------------------------------------------------------------

    def adopt(
        self, key: str, name: str, state: PixelState, *, status: ImageStatus, mask_hash: str | None
    ) -> None:
        """Makes pixels from outside the base that later edits build on.

        Args:
            key: the image.
            name: of its mask.
            state: the pixels.
            status: given to an image that is still untouched.
            mask_hash: of the PNG; None when there is none, so that it will be written.
        """
        height, width = state.mask.shape
        mask_seq = UNWRITTEN if mask_hash is None else 0
        with self._database.transaction() as connection:
            image = _ensure(connection, key, name)
            connection.execute(
                "UPDATE images SET height = ?, width = ?, mask_hash = ?, pending_hash = NULL,"
                " mask_seq = ?, status = CASE status WHEN 'untouched' THEN ? ELSE status END"
                " WHERE id = ?",
                (height, width, mask_hash, mask_seq, status.value, image),
            )
            _store_snapshot(connection, image, 0, state)

    def append(
        self, key: str, name: str, edit: MaskEdit, *, size: tuple[int, int], num_dropped: int,
        status: ImageStatus | None = None, mask_hash: str | None = None,
    ) -> None:  # fmt: skip
        """Journals a new edit, and only then returns.

        Args:
            key: the image.
            name: of its mask.
            edit: already checked against ``size``.
            size: (height, width) of the image.
            num_dropped: how many of the oldest steps the history forgot for it.
            status: the new one, or None to keep it.
            mask_hash: of the PNG when it already shows the result (changed from outside).
        """
        with self._database.transaction() as connection:
            image = _ensure(connection, key, name)
            position = connection.execute(
                "SELECT position FROM images WHERE id = ?", (image,)
            ).fetchone()[0]
            was_trimmed = _trim_stack(connection, image, position, num_dropped)
            edit_id = _insert_edit(connection, image, edit)
            connection.execute("INSERT INTO stack VALUES (?, ?, ?)", (image, position, edit_id))
            seq = _log(connection, image, edit_id, position + 1)
            connection.execute(
                "UPDATE images SET height = ?, width = ?, status = coalesce(?, status)"
                " WHERE id = ?",
                (*size, None if status is None else status.value, image),
            )
            if mask_hash is not None:
                connection.execute(
                    "UPDATE images SET mask_seq = ?, mask_hash = ?, pending_hash = NULL"
                    " WHERE id = ?",
                    (seq, mask_hash, image),
                )
            if was_trimmed:
                _delete_unneeded(connection, image)

    def step(self, key: str, *, is_undo: bool) -> None:
        """Journals that the step before (undo) or at (redo) the position was applied again.

        Raises:
            StorageError: there is no such step.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT images.id, position, stack.edit FROM images JOIN stack ON"
                " stack.image = images.id AND stack.place = images.position - ? WHERE key = ?",
                (int(is_undo), to_stored(key)),
            ).fetchone()
            if row is None:
                what = "undo" if is_undo else "redo"
                raise StorageError(f"The project has no step of {key} to {what}.")
            image, position, edit_id = row
            _log(connection, image, edit_id, position + (-1 if is_undo else 1))

    def set_status(
        self, key: str, name: str, status: ImageStatus, model_sha256: str | None
    ) -> None:
        """Stores how far an image is; None keeps the network."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE images SET status = ?, model_sha256 = coalesce(?, model_sha256)"
                " WHERE id = ?",
                (status.value, model_sha256, _ensure(connection, key, name)),
            )

    def save_view(self, key: str, name: str, view: dict[str, float]) -> None:
        """Stores zoom and position of an image."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE images SET view = ? WHERE id = ?",
                (json.dumps(view), _ensure(connection, key, name)),
            )

    def add_roles(self, roles: dict[str, bool]) -> None:
        """Stores roles that were decided; those stored before stay."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO roles VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(to_stored(key), int(is_held_out)) for key, is_held_out in roles.items()],
            )

    def rename(self, names: Iterable[tuple[str, str]]) -> None:
        """Stores new mask names, given as (key, name)."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE images SET name = ? WHERE key = ?",
                [(to_stored(name), to_stored(key)) for key, name in names],
            )

    def begin_flush(
        self, image: StoredImage, state: PixelState, *, current_hash: str | None, pending_hash: str
    ) -> None:
        """Announces the PNG that is about to be written, and takes ``state`` as the snapshot.

        Args:
            image: whose PNG it is.
            state: its pixels.
            current_hash: content of the PNG that stands there now, if it is ours.
            pending_hash: content of the one to come.
        """
        with self._database.transaction() as connection:
            _store_snapshot(connection, image.id, image.head_seq, state)
            connection.execute(
                "UPDATE images SET mask_hash = ?, pending_hash = ? WHERE id = ?",
                (current_hash, pending_hash, image.id),
            )
            _delete_unneeded(connection, image.id)

    def end_flush(self, image: StoredImage) -> None:
        """Confirms that both PNGs show the pixels that `begin_flush` announced."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE images SET mask_seq = ?, provenance_seq = ?, mask_hash = pending_hash,"
                " pending_hash = NULL WHERE id = ?",
                (image.head_seq, image.head_seq, image.id),
            )

    def mark_unwritten(self, image: StoredImage) -> None:
        """Notes that the PNG is gone and has to be written again."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE images SET mask_seq = ?, mask_hash = NULL, pending_hash = NULL"
                " WHERE id = ?",
                (UNWRITTEN, image.id),
            )

    def rebase(self, image: StoredImage, state: PixelState, *, mask_hash: str | None) -> None:
        """Starts the history of an image anew from ``state``; its PNGs have to be written.

        Args:
            image: whose history is lost.
            state: the pixels from now on.
            mask_hash: of the PNG that stands there, if it is where ``state`` comes from.
        """
        with self._database.transaction() as connection:
            for table in ("stack", "log", "edits"):
                connection.execute(f"DELETE FROM {table} WHERE image = ?", (image.id,))
            connection.execute(
                "UPDATE images SET position = 0, mask_seq = ?, mask_hash = ?, pending_hash = NULL"
                " WHERE id = ?",
                (UNWRITTEN, mask_hash, image.id),
            )
            _store_snapshot(connection, image.id, image.head_seq, state)

    def forget_pixels(self, image: StoredImage) -> None:
        """Starts an image anew: no pixels, no history, untouched. Role and view stay."""
        with self._database.transaction() as connection:
            for table in ("stack", "log", "edits", "snapshots"):
                connection.execute(f"DELETE FROM {table} WHERE image = ?", (image.id,))
            connection.execute(
                "UPDATE images SET status = 'untouched', model_sha256 = '', height = NULL,"
                " width = NULL, position = 0, head_seq = 0, mask_seq = 0, provenance_seq = 0,"
                " mask_hash = NULL, pending_hash = NULL WHERE id = ?",
                (image.id,),
            )

    def _snapshot(self, image: int, height: int, width: int) -> tuple[PixelState, int]:
        row = self._database.row(
            "SELECT seq, mask, provenance FROM snapshots WHERE image = ?", image
        )
        if row is None:
            return blank_state(height, width), 0
        seq, mask, provenance = row
        try:
            arrays = (unpack(mask, height, width), unpack(provenance, height, width))
        except (zlib.error, ValueError) as error:
            raise _damaged(image, error) from error
        return PixelState(*arrays), seq


def _ensure(connection: sqlite3.Connection, key: str, name: str) -> int:
    stored = to_stored(key)
    row = connection.execute("SELECT id FROM images WHERE key = ?", (stored,)).fetchone()
    if row is None:
        sql = "INSERT INTO images (key, name) VALUES (?, ?)"
        row = (connection.execute(sql, (stored, to_stored(name))).lastrowid,)
    return int(row[0])


def _insert_edit(connection: sqlite3.Connection, image: int, edit: MaskEdit) -> int:
    rect = edit.rect
    cursor = connection.execute(
        'INSERT INTO edits (image, top, "left", bottom, "right", mask_xor, provenance_xor, kind,'
        " text, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            image, rect.top, rect.left, rect.bottom, rect.right, edit.mask_xor,
            edit.provenance_xor, edit.kind, edit.text,
            datetime.now(timezone.utc).isoformat(timespec="seconds"),
        ),
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def _log(connection: sqlite3.Connection, image: int, edit_id: int, position: int) -> int:
    """Adds one application of an edit; returns its number."""
    cursor = connection.execute("INSERT INTO log (image, edit) VALUES (?, ?)", (image, edit_id))
    connection.execute(
        "UPDATE images SET head_seq = ?, position = ? WHERE id = ?",
        (cursor.lastrowid, position, image),
    )
    return int(cursor.lastrowid or 0)


def _trim_stack(
    connection: sqlite3.Connection, image: int, position: int, num_dropped: int
) -> bool:
    """Removes what could be redone and the oldest steps; True when there were any."""
    redone = connection.execute(
        "DELETE FROM stack WHERE image = ? AND place >= ?", (image, position)
    )
    dropped = connection.execute(
        "DELETE FROM stack WHERE image = ? AND place IN"
        " (SELECT place FROM stack WHERE image = ? ORDER BY place LIMIT ?)",
        (image, image, num_dropped),
    )
    return redone.rowcount + dropped.rowcount > 0


def _store_snapshot(
    connection: sqlite3.Connection, image: int, seq: int, state: PixelState
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
        (image, seq, pack(state.mask), pack(state.provenance)),
    )


def _delete_unneeded(connection: sqlite3.Connection, image: int) -> None:
    """Removes what neither the pixels nor the history need any more."""
    connection.execute(
        "DELETE FROM log WHERE image = ? AND seq <= (SELECT seq FROM snapshots WHERE image = ?)",
        (image, image),
    )
    connection.execute(
        "DELETE FROM edits WHERE image = ? AND id NOT IN"
        " (SELECT edit FROM stack WHERE image = ? UNION SELECT edit FROM log WHERE image = ?)",
        (image, image, image),
    )


def _damaged(image: int, reason: Exception) -> DamagedJournalError:
    return DamagedJournalError(f"The journal of image {image} cannot be applied: {reason}")
