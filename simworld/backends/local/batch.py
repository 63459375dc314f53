"""Batch: the rows at work. Rows join when they are read, all say one token a step, and each leaves as it is done.

    batch = Batch(forward, slots, store, sampler, ends, most_rows=64)
    batch.join(calls)
    while batch.active:
        batch.step()

What a row knows when it is done is kept in the store; a row whose beginning stands there, or in another row, is read
only from there on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from simworld.backends.local.call import Call
from simworld.backends.local.forward import ROUND, Forward
from simworld.backends.local.memory import give_back, is_out_of_memory
from simworld.backends.local.reading import Reader, first_to_read, groups, lay_out
from simworld.backends.local.sampler import Sampler
from simworld.backends.local.slots import Slots
from simworld.backends.local.store import Entry, Store
from simworld.errors import BackendError

logger = logging.getLogger("simworld.backends")

GROWTH = 64
"""Columns by which the slots grow when a row comes to their end."""
SLACK = 1.5
"""How many times the columns that are needed are made, where memory is not scarce."""
PASS_TOKENS = 8192
"""Tokens that are read in one pass, at most."""
FEWEST = 64
"""Tokens a pass is never less than, however scarce memory is."""


class Batch:
    """The rows at work, in slots 0 .. active - 1."""

    def __init__(
        self,
        forward: Forward,
        slots: Slots,
        store: Store,
        sampler: Sampler,
        ends: Collection[int],
        *,
        most_rows: int,
        spec: str = "local",
    ) -> None:
        self.most_rows = most_rows
        """Rows at work at once; fewer once memory has run out."""
        self.pass_tokens = PASS_TOKENS
        self.back: list[Call] = []
        """Calls that had to leave unfinished; whoever calls takes them and lets them join again."""
        self.read_tokens = 0
        """Tokens that were read, those fed again and fillers included."""
        self.store = store
        self._forward, self._slots = forward, slots
        self._sampler, self._ends, self._spec = sampler, frozenset(ends), spec
        self._rows: list[Call] = []
        self._warned = False

    @property
    def active(self) -> int:
        """Rows at work."""
        return len(self._rows)

    def join(self, calls: Sequence[Call]) -> None:
        """Let these join as far as rows and memory allow; the others go to `back`."""
        live = [call for call in calls if not call.is_gone]
        self._guarded(lambda: self._join(live), live)

    def step(self) -> None:
        """Every row says one token; those that are done leave."""
        self._leave([call for call in self._rows if call.is_gone], keep=False)
        if self._rows:
            self._guarded(self._step, [])

    def fail(self, error: BackendError) -> None:
        """Every row at work ends with this error, and nothing is kept of any."""
        for call in self._rows:
            call.fail(error)
        self.clear()

    def clear(self) -> None:
        """Let go of all rows and of all that is kept."""
        self._rows = []
        self.store.clear()
        self._release()

    # -- joining

    def _join(self, calls: Sequence[Call]) -> None:
        for call in calls:
            self.store.touch(self.store.prefixes.longest(call, call.known)[0])
        waiting = self._fitting(calls)
        covered: list[Entry] = []
        while waiting:
            now, later = first_to_read([self._reader(call) for call in waiting])
            for group in groups(now):
                self._read(group)
            covered += [entry for reader in now if (entry := _covered(reader))]
            waiting = [reader.call for reader in later]
        for entry in covered:
            self.store.drop(entry)

    def _reader(self, call: Call) -> Reader:
        source, found = self.store.prefixes.longest(call, call.known)
        return Reader(call, source, found)

    def _fitting(self, calls: Sequence[Call]) -> list[Call]:
        """As many of the first calls as there are rows and memory for, with slots made for them."""
        fit: list[Call] = []
        columns = max((_columns(call) for call in self._rows), default=0)
        for at, call in enumerate(calls):
            rows, wide = self.active + len(fit) + 1, max(columns, _columns(call))
            if rows > self.most_rows or not self._allows(rows, wide):
                if rows == 1:
                    call.fail(self._too_small(wide))
                    continue
                self.back.extend(calls[at:])
                break
            fit.append(call)
            columns = wide
        while fit and not self._make(self.active + len(fit), columns):
            self.back.insert(0, fit.pop())
        return fit

    def _allows(self, rows: int, columns: int) -> bool:
        """Half of the bound is for work, so that what is kept has room; a single row may have it all."""
        share = self.store.bound if rows == 1 else self.store.bound // 2
        return self._slots.size(rows, columns) <= share

    def _make(self, rows: int, columns: int) -> bool:
        """Slots for so many rows and columns, within the bound; False where that cannot be."""
        slots = self._slots
        if rows <= slots.rows and columns <= slots.columns and self._allows(slots.rows, slots.columns):
            return True
        if self.active:
            rows_now, columns_now = max(rows, slots.rows), max(columns, slots.columns)
            if self._allows(rows_now, columns_now):
                rows, columns = rows_now, columns_now
        else:
            self._release()
        columns = self._roomier(rows, columns)
        if not self.store.make_room(slots.growth(rows, columns)):
            return False
        slots.resize(rows, columns, self.active)
        self.store.working = slots.size(rows, columns)
        return True

    def _roomier(self, rows: int, columns: int) -> int:
        """More columns where nothing has to leave for them: prompts grow, and new slots are dear to make."""
        wide = _rounded(round(columns * SLACK))
        spare = self.store.bound - self.store.working - self.store.kept
        return wide if self._allows(rows, wide) and self._slots.growth(rows, wide) <= spare else columns

    def _release(self) -> None:
        self._slots.release()
        self.store.working = 0

    def _read(self, group: Sequence[Reader]) -> None:
        """Give each reader the next slot, what was found of it, and the rest by passes of the model."""
        first = self.active
        laid = lay_out(group, filler=0) if group[0].rest else None
        for at, reader in enumerate(group):
            reader.call.slot = first + at
            self._copy_found(reader, laid.starts[at] if laid else reader.found)
        for starts, ids in laid.parts(self.pass_tokens) if laid else ():
            self._forward.read(self._slots, first, starts, ids)
            self.read_tokens += len(ids) * len(ids[0])
        for reader in group:
            self._rows.append(reader.call)
            self.store.prefixes.add(reader.call)

    def _copy_found(self, reader: Reader, length: int) -> None:
        source, length = reader.source, min(reader.found, length)
        if source is None or not length:
            return
        if isinstance(source, Entry):
            self._slots.copy_in(reader.call.slot, source.read(length), length)
        elif isinstance(source, Call):
            self._slots.move(source.slot, reader.call.slot, length)

    # -- saying

    def _step(self) -> None:
        self._grow()
        rows = self._rows
        if not rows:
            return
        logits = self._forward.logits(self._slots, [call.tokens[-1] for call in rows], [call.known for call in rows])
        done: list[Call] = []
        broken: list[Call] = []
        for call, token in zip(rows, self._sampler.choose(logits, rows), strict=True):
            if token < 0:
                broken.append(call)
                continue
            call.add(token)
            ends = call.ends_by(token, self._ends)
            if ends or not call.left:
                call.finish("stop" if ends else "length")
                done.append(call)
        self._leave(done, keep=True)
        for call in broken:
            self._slots.wipe(call.slot)
            call.fail(BackendError(f"{self._spec}: the model gave no numbers (overflow?); try --dtype float32"))
        self._leave(broken, keep=False)

    def _grow(self) -> None:
        """Make the next column for every row; the youngest rows go back where memory does not allow it."""
        while self._rows and (columns := max(call.known for call in self._rows) + 1) > self._slots.columns:
            columns = _rounded(columns + GROWTH)
            if self._allows(self.active, columns) and self._make(self.active, columns):
                return
            youngest = self._rows[-1]
            if self.active == 1 and not self._allows(1, columns):
                youngest.fail(self._too_small(columns))
                self._leave([youngest], keep=False)
            else:
                # alone it may begin again in slots of its size, which do not stand twice while they grow
                self._leave([youngest], keep=self.active > 1)
                self.back.insert(0, youngest)

    def _leave(self, gone: Sequence[Call], *, keep: bool) -> None:
        """Take rows out; the last rows fill the gaps."""
        gone = sorted(gone, key=lambda call: -call.slot)
        for call in gone:
            self.store.prefixes.remove(call)
            if keep and self.store.make_room(call.known * self._slots.token):
                self.store.keep(call, self._slots.copy_out(call.slot, call.known))
        for call in gone:
            last = self._rows.pop()
            if last is not call:
                self._slots.move(last.slot, call.slot, last.known)
                self._rows[call.slot] = last
                last.slot = call.slot
            call.slot = -1

    # -- when memory runs out

    def _guarded(self, act: Callable[[], None], joining: Sequence[Call]) -> None:
        try:
            act()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        else:
            return
        # outside the handler: the error holds on to tensors
        self._retreat(joining, reason)

    def _retreat(self, joining: Sequence[Call], reason: str) -> None:
        """Fewer rows and shorter passes from now on; what was at work begins again, with what it had said."""
        inside = set(self.back)
        involved = [*self._rows, *(call for call in joining if call not in self._rows and call not in inside)]
        involved = [call for call in involved if not call.future.done()]
        self.clear()
        give_back(self._forward.device)
        if len(involved) == 1 and self.pass_tokens <= FEWEST:
            involved[0].fail(BackendError(f"{self._spec}: out of memory with one row alone: {reason}"))
            return
        self.most_rows = max(1, min(len(involved), self.most_rows) // 2)
        self.pass_tokens = max(FEWEST, self.pass_tokens // 2)
        self.back[:0] = involved
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: out of memory (%s); from now on at most %d rows at once, and fewer if it happens again; "
                "a smaller --batch avoids the lost work", self._spec, reason, self.most_rows,
            )  # fmt: skip

    def _too_small(self, columns: int) -> BackendError:
        need, bound = self._slots.size(1, columns) / 1e9, self.store.bound / 1e9
        return BackendError(
            f"{self._spec}: {columns} tokens take {need:.3g} GB of keys and values, and {bound:.3g} GB are allowed; "
            "give a larger --cache-gb or a smaller --context"
        )


def _columns(call: Call) -> int:
    """Columns that a row needs for now."""
    return _rounded(len(call.tokens) + min(call.left, GROWTH))


def _rounded(columns: int) -> int:
    return -(-columns // ROUND) * ROUND


def _covered(reader: Reader) -> Entry | None:
    """The entry that the reader grew from, where its row holds all that the entry is good for: its prompt, and more."""
    entry = reader.source
    if not isinstance(entry, Entry):
        return None
    whole = reader.found >= entry.known
    return entry if whole or (reader.found >= entry.given - 1 and reader.call.given > entry.given) else None
