"""Samples that are read when needed and kept as long as they fit in memory. Imports no Keras."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

_Source = TypeVar("_Source")


class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def num_bytes(self) -> int:
        """Memory taken by its arrays."""
        ...


_Item = TypeVar("_Item", bound=Sized)


class Memory(Generic[_Item]):
    """Keeps what was used last, up to a number of bytes, and always the very last item."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._items: OrderedDict[Hashable, _Item] = OrderedDict()
        self._num_bytes = 0

    def get(self, key: Hashable, load: Callable[[], _Item]) -> _Item:
        """The item of that key; loaded when it is not kept."""
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        item = self._items[key] = load()
        self._num_bytes += item.num_bytes
        while self._num_bytes > self._limit_bytes and len(self._items) > 1:
            _, dropped = self._items.popitem(last=False)
            self._num_bytes -= dropped.num_bytes
        return item


class StoredItems(Generic[_Source, _Item]):
    """A list of items that lie on disk; each is loaded when it is asked for."""

    def __init__(
        self,
        sources: Sequence[_Source],
        load: Callable[[_Source], _Item],
        memory: Memory[_Item],
    ) -> None:
        self._sources = tuple(sources)
        self._load = load
        self._memory = memory
        self._owner = object()  # not id(self): a later list may get the number of this one

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, index: int) -> _Item:
        source = self._sources[index]
        return self._memory.get((self._owner, index), lambda: self._load(source))

    def __iter__(self) -> Iterator[_Item]:
        return (self[index] for index in range(len(self)))
