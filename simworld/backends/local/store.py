"""Store: the keys and values of rows that are done, within a bound of bytes; the one unused for longest leaves first.

    store = Store(bound=2 * 10**9)
    store.keep(call, parts)                # what a row held when it was done
    holder, length = store.prefixes.longest(call, call.known)

The bound is for the kept and the working tensors together: whoever takes memory for work asks `make_room` first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from simworld.backends.local.call import Call
from simworld.backends.local.prefixes import BLOCK, Holder, Prefixes


@dataclass(eq=False, slots=True)
class Entry:
    """What is kept of one row."""

    tokens: list[int]
    marks: list[int]
    given: int
    """How many of them were the prompt's."""
    parts: list[Any]
    """One tensor `[heads, tokens, size]` for each plane."""
    size: int
    """Bytes."""

    @property
    def known(self) -> int:
        """All of its tokens."""
        return len(self.tokens)

    def read(self, length: int) -> list[Any]:
        """The first `length` tokens of each plane."""
        return [part[:, :length] for part in self.parts]


class Store:
    """Entries, and the count of all bytes, the working ones included."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        """Bytes that kept and working tensors may have together."""
        self.working = 0
        """Bytes of the working tensors, as their owner sets it."""
        self.kept = 0
        """Bytes of all entries."""
        self.peak = 0
        """Highest that both together have been."""
        self.evicted = 0
        """Entries that left for want of room."""
        self.prefixes = Prefixes()
        self._entries: OrderedDict[Entry, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[Entry]:
        """All that is kept, the one unused for longest first."""
        return list(self._entries)

    def make_room(self, size: int) -> bool:
        """Let entries go until `size` more bytes are within the bound; False, and none goes, where all would not do."""
        if self.working + size > self.bound:
            return False
        while self.working + self.kept + size > self.bound:
            self.drop(next(iter(self._entries)))
            self.evicted += 1
        self.peak = max(self.peak, self.working + self.kept + size)
        return True

    def keep(self, call: Call, parts: list[Any]) -> None:
        """Keep what a row held; whoever calls has made room for it."""
        length = call.known
        size = sum(part.nbytes for part in parts)
        entry = Entry(call.tokens[:length], call.marks[: length // BLOCK], call.given, parts, size)
        self._entries[entry] = None
        self.kept += size
        self.prefixes.add(entry)

    def touch(self, holder: Holder | None) -> None:
        """It was used now."""
        if isinstance(holder, Entry) and holder in self._entries:
            self._entries.move_to_end(holder)

    def drop(self, entry: Entry) -> None:
        """Let it go."""
        if entry in self._entries:
            del self._entries[entry]
            self.kept -= entry.size
            self.prefixes.remove(entry)

    def clear(self) -> None:
        """Let all go, and forget who else was to be found."""
        self._entries.clear()
        self.kept = 0
        self.prefixes = Prefixes()
