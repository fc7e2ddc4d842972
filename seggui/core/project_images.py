"""The pixels of a project: journal and PNGs kept in step, whatever happens to either."""

from __future__ import annotations

import contextlib
import logging
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.data.atomic import write_atomic
from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import count_values, encode_mask, write_mask
from model.errors import MaskError, StorageError
from seggui.core.edits import make_edit
from seggui.core.mask_files import (
    FileState,
    MaskFile,
    content_hash,
    encode_provenance,
    read_mask_file,
    read_provenance,
)
from seggui.core.records import ImageRecord, ImageStatus, MaskEdit, Provenance, Rect
from seggui.core.repair import free_name, set_aside
from seggui.core.store import DamagedJournalError, Journal
from seggui.core.stored_image import PixelState, StoredImage, blank_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """What the project knows about one image.

    Attributes:
        mask: (H, W) uint8 class indices, 255 = ignore; a new writable array.
        provenance: (H, W) uint8 ``Provenance`` values; a new writable array.
        edits: the undo history, oldest first.
        position: how many of the edits are done; the rest can be redone.
        record: status and role.
        view: what `Project.save_view` stored last, or None.
        notes: sentences for the user: what was found changed, damaged or restored.
    """

    mask: Pixels
    provenance: Pixels
    edits: tuple[MaskEdit, ...]
    position: int
    record: ImageRecord
    view: dict[str, float] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FlushReport:
    """What writing a mask did.

    Attributes:
        was_written: False when the PNGs were up to date already.
        notes: sentences for the user.
    """

    was_written: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskPlaces:
    """Where the files of one image are.

    Attributes:
        name: of both files, relative to their folders.
        mask: the mask.
        provenance: the provenance.
        lent: a mask beside the images, when the project is elsewhere; only read. Else None.
    """

    name: str
    mask: Path
    provenance: Path
    lent: Path | None


class ProjectImages:
    """Loads, journals and writes the masks of one project."""

    def __init__(
        self,
        journal: Journal,
        *,
        places: Callable[[str], MaskPlaces],
        label_set: Callable[[], LabelSet | None],
        is_read_only: bool,
    ) -> None:
        self._journal = journal
        self._places = places
        self._label_set = label_set
        self._is_read_only = is_read_only
        self._sizes: dict[str, tuple[int, int]] = {}

    def load(self, key: str, height: int, width: int) -> LoadedImage:
        """Restores an image; see `Project.load`."""
        size = (height, width)
        places = self._places(key)
        notes: list[str] = []
        image = self._journal.find(key)
        file = read_mask_file(places.mask)
        if image is not None and image.size is not None and image.size != size:
            notes.append(self._retire(image, places, file, size))
            image, file = None, MaskFile(FileState.MISSING)
        if image is None or image.size is None:
            state = self._first_state(key, places, file, size, notes)
        else:
            state = self._known_state(image, places, file, notes)
        self._sizes[key] = size
        return self._loaded(key, state, notes)

    def append(
        self, key: str, edit: MaskEdit, *, num_dropped: int, status: ImageStatus | None
    ) -> None:
        """Journals an edit; see `Project.append`."""
        size = self._sizes.get(key)
        if size is None:
            raise StorageError(f"{key} was not loaded; only a loaded image can be edited.")
        _check_edit(edit, size)
        self._journal.append(
            key, self._places(key).name, edit, size=size, num_dropped=num_dropped, status=status
        )

    def flush(
        self, key: str, mask: Pixels | None = None, provenance: Pixels | None = None
    ) -> FlushReport:
        """Writes both PNGs of an image; see `Project.flush`."""
        image = self._journal.find(key)
        places = self._places(key)
        if image is None or image.size is None:
            return FlushReport(False)
        if not image.is_dirty and places.mask.exists():
            return FlushReport(False)
        notes: list[str] = []
        state = self._state_to_write(image, mask, provenance, notes)
        self._write(image, places, state, notes)
        return FlushReport(True, tuple(notes))

    # -- loading ---------------------------------------------------------------------------------

    def _loaded(self, key: str, state: PixelState, notes: list[str]) -> LoadedImage:
        image = self._journal.find(key)
        role = self._journal.role(key)
        if image is None:
            record = ImageRecord(key, is_held_out=role)
            return LoadedImage(
                state.mask, state.provenance, (), 0, record, None, tuple(notes)
            )  # fmt: skip
        record = ImageRecord(key, image.status, image.model_sha256, role)
        edits, position = self._journal.history(image)
        return LoadedImage(
            state.mask, state.provenance, edits, position, record, image.view, tuple(notes)
        )

    def _first_state(
        self, key: str, places: MaskPlaces, file: MaskFile, size: tuple[int, int], notes: list[str]
    ) -> PixelState:
        """The pixels of an image that the journal does not know: an existing mask, or none."""
        mask_hash: str | None = file.content_hash
        if file.state is FileState.MISSING and places.lent is not None:
            file, mask_hash = read_mask_file(places.lent), None
        if file.state is FileState.MISSING:
            return blank_state(*size)
        if file.mask is None or not file.has_size(*size):
            # Not ours and perhaps of use to somebody: it is moved only once a mask has to go there.
            notes.append(_unusable(places.mask, file, size))
            return blank_state(*size)
        provenance = self._adopted_provenance(places, file.mask, notes)
        state = PixelState(file.mask, provenance)
        if not self._is_read_only:
            status = _status_of(state)
            self._journal.adopt(key, places.name, state, status=status, mask_hash=mask_hash)
        return state

    def _adopted_provenance(self, places: MaskPlaces, mask: Pixels, notes: list[str]) -> Pixels:
        """People's masks are trusted, except where a PNG of ours says it was the network."""
        provenance: Pixels | None = None
        try:
            provenance = read_provenance(places.provenance, *mask.shape)
        except MaskError as error:
            notes.append(f"{error.message} It was not used.")
            if not self._is_read_only:
                set_aside(places.provenance)
        if provenance is None:
            provenance = np.zeros_like(mask)
        provenance[(mask != IGNORE) & (provenance == Provenance.UNSEEN)] = Provenance.ACCEPTED
        return provenance

    def _known_state(
        self, image: StoredImage, places: MaskPlaces, file: MaskFile, notes: list[str]
    ) -> PixelState:
        try:
            state = self._journal.state(image)
        except DamagedJournalError as error:
            return self._state_without_journal(image, file, error, notes)
        if file.state is FileState.MISSING:
            if image.mask_hash is not None:
                notes.append(f"{places.mask} was missing; the project still had it.")
                self._record(lambda: self._journal.mark_unwritten(image))
        elif image.knows(file.content_hash):
            pass
        elif file.mask is None or not file.has_size(*state.mask.shape):
            notes.append(_unusable(places.mask, file, state.mask.shape))
            self._record(lambda: self._move_away(image, places.mask, file, notes))
        else:
            return self._imported(image, places, file.mask, state, notes)
        return state

    def _imported(
        self, image: StoredImage, places: MaskPlaces, mask: Pixels, state: PixelState,
        notes: list[str],
    ) -> PixelState:  # fmt: skip
        """Another program changed the mask: its pixels count, ours are one undo step away."""
        changed = mask != state.mask
        provenance = state.provenance.copy()
        provenance[changed & (mask != IGNORE)] = Provenance.ACCEPTED
        provenance[changed & (mask == IGNORE)] = Provenance.UNSEEN
        edit = make_edit(
            Rect(0, 0, *mask.shape), state.mask, mask, state.provenance, provenance,
            kind="import", text="Change by another program",
        )  # fmt: skip
        if edit is not None:
            notes.append(
                f"{places.mask} was changed by another program. Its content is shown; "
                "undo brings back the mask as it was here."
            )
            self._record(lambda: self._journal.append(
                image.key, image.name, edit, size=(mask.shape[0], mask.shape[1]), num_dropped=0,
                status=ImageStatus.CORRECTED, mask_hash=content_hash(mask),
            ))  # fmt: skip
        return PixelState(mask, provenance)

    def _state_without_journal(
        self, image: StoredImage, file: MaskFile, error: Exception, notes: list[str]
    ) -> PixelState:
        _log.error("journal of %r is damaged", image.key, exc_info=error)
        assert image.size is not None
        state, mask_hash = blank_state(*image.size), None
        if file.mask is not None and file.has_size(*image.size):
            trusted = np.where(file.mask == IGNORE, Provenance.UNSEEN, Provenance.ACCEPTED)
            state = PixelState(file.mask, trusted.astype(np.uint8))
            mask_hash = file.content_hash
        notes.append(
            f"What the project held of {image.key} is damaged; the mask is shown as it is in "
            "its file, and its undo steps are gone."
        )
        self._record(lambda: self._journal.rebase(image, state, mask_hash=mask_hash))
        return state

    def _retire(
        self, image: StoredImage, places: MaskPlaces, file: MaskFile, size: tuple[int, int]
    ) -> str:
        """The image has another size now: its mask is kept under another name, never stretched."""
        old = image.size
        assert old is not None
        note = f"{image.key} is {size[1]} x {size[0]} pixels now, its mask was {old[1]} x {old[0]}."
        if self._is_read_only:
            return f"{note} The mask is not shown."
        label = f"{old[1]}x{old[0]}"
        with contextlib.suppress(DamagedJournalError):  # then the file is all there is
            state = self._journal.state(image)
            if file.content_hash != content_hash(state.mask):
                if file.state is not FileState.MISSING:
                    set_aside(places.mask, "outside")
                write_mask(places.mask, state.mask, self._label_set())
        aside = set_aside(places.mask, label) if places.mask.exists() else places.mask
        if places.provenance.exists():
            set_aside(places.provenance, label)
        self._journal.forget_pixels(image)
        return f"{note} The mask is kept as {aside.name}; this image starts with an empty one."

    def _move_away(self, image: StoredImage, path: Path, file: MaskFile, notes: list[str]) -> None:
        aside = set_aside(path, "broken" if file.mask is None else "outside")
        notes.append(f"It is kept as {aside.name}; the project still had the mask.")
        self._journal.mark_unwritten(image)

    def _record(self, write: Callable[[], None]) -> None:
        if not self._is_read_only:
            write()

    # -- writing ---------------------------------------------------------------------------------

    def _state_to_write(
        self, image: StoredImage, mask: Pixels | None, provenance: Pixels | None, notes: list[str]
    ) -> PixelState:
        """What the journal says, and not what the caller says: only acknowledged edits count."""
        try:
            state = self._journal.state(image)
        except DamagedJournalError:
            if mask is None or provenance is None:
                raise
            notes.append(f"What the project held of {image.key} was damaged and is repaired.")
            return PixelState(mask, provenance)
        if mask is not None and not np.array_equal(mask, state.mask):
            # An edit is still waiting to be journalled; writing it here would apply it twice later.
            _log.warning("mask of %r in memory is not what its journal says", image.key)
        return state

    def _write(
        self, image: StoredImage, places: MaskPlaces, state: PixelState, notes: list[str]
    ) -> None:
        file = read_mask_file(places.mask)
        pending_hash = content_hash(state.mask)
        is_ours = file.state is FileState.READABLE and image.knows(file.content_hash)
        may_go = is_ours or file.state is FileState.MISSING or file.content_hash == pending_hash
        if not may_go:
            notes.append(_keep(places.mask, file))
        # The PNG and the database cannot change in one step. So the hash goes first: whichever of
        # the two contents a crash leaves on the disk, it is recognised as ours.
        self._journal.begin_flush(
            image, state, current_hash=file.content_hash if is_ours else None,
            pending_hash=pending_hash,
        )  # fmt: skip
        write_atomic(places.mask, encode_mask(state.mask, self._label_set()))
        write_atomic(places.provenance, encode_provenance(state.provenance))
        _sync_folder(places.mask.parent)
        _sync_folder(places.provenance.parent)
        self._journal.end_flush(image)


def _check_edit(edit: MaskEdit, size: tuple[int, int]) -> None:
    """Refuses an edit that could not be applied when the project is opened again."""
    num_pixels = edit.rect.height * edit.rect.width
    fits = not edit.rect.is_empty and edit.rect == edit.rect.clipped(*size)
    try:
        for data in (edit.mask_xor, edit.provenance_xor):
            fits = fits and len(zlib.decompressobj().decompress(data, num_pixels + 1)) == num_pixels
    except zlib.error:
        fits = False
    if not fits:
        raise StorageError(
            f"The edit {edit.text!r} of {edit.rect} does not fit an image of {size} pixels."
        )


def _status_of(state: PixelState) -> ImageStatus:
    values = count_values(state.provenance)
    if values[Provenance.CORRECTED] or values[Provenance.ACCEPTED]:
        return ImageStatus.CORRECTED
    return ImageStatus.PREDICTED if values[Provenance.PREDICTED] else ImageStatus.UNTOUCHED


def _unusable(path: Path, file: MaskFile, size: tuple[int, ...]) -> str:
    if file.mask is None:
        return file.problem
    height, width = file.mask.shape
    return f"{path} is {width} x {height} pixels, its image {size[1]} x {size[0]}; it is not used."


def _keep(path: Path, file: MaskFile) -> str:
    """Keeps a file that is about to be replaced and that another program wrote."""
    if file.mask is None:
        aside = set_aside(path)
        return f"{path} was damaged and is kept as {aside.name}; a new one was written."
    aside = free_name(path, "outside")
    # A copy and not a rename: a crash must not leave the place empty.
    write_atomic(aside, path.read_bytes())
    return (
        f"{path} was changed by another program meanwhile. That version is kept as {aside.name}; "
        "the mask painted here was written."
    )


def _sync_folder(path: Path) -> None:
    """Makes renames inside survive a power failure, where the system offers that."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):  # some network drives cannot
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
