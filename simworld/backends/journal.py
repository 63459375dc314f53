"""The journal: every reply is kept before it is used.

A dialogue is a pure function of its situation, seed, prompts and the model's replies; so the replies are what is kept.
One row a call: `{"d": dialogue, "s": seat, "c": call, "h": hash of the request, "r": {...}}`, appended to
`journal/SHARD-WORKER.jsonl`. Played again after a crash, a dialogue is answered from here up to the first call that was
never answered. Rows of many dialogues share one write and one sync; in memory are the replies of dialogues in flight.

    journal = Journal(folder, worker=0)
    completion = await journal.ask(backend, messages, key=Key("lost_luggage-000003", 3, "clerk", 0), seed=7)
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from simworld.backends.backend import ChatBackend
from simworld.backends.completion import Completion
from simworld.errors import BackendError, CorpusError, Drift
from simworld.text.lines import APPENDING, append_whole, cut_torn

SHARD = 100
"""Dialogues that share a journal file and a transcript file."""
MOST_OPEN = 32
"""Journal files kept open at once, and shards without a dialogue in flight of which it is known where rows lie."""
AT_ONCE = 16
"""Files brought to the disk at once: file systems do many in the time of one or two."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """Which call of which dialogue: the journal's key."""

    dialogue: str
    index: int
    seat: str
    call: int


@dataclass(slots=True)
class Drifted:
    """Calls of a replay whose request is not the journaled one."""

    seats: Counter[str] = field(default_factory=Counter[str])
    """Seat -> how many."""
    first: Key | None = None
    """The first of the first dialogue in the plan that has one."""

    @property
    def calls(self) -> int:
        """How many."""
        return self.seats.total()

    def add(self, key: Key) -> None:
        """Note a call; those of one dialogue come in their order."""
        self.seats[key.seat] += 1
        if self.first is None or key.index < self.first.index:
            self.first = key


class Journal:
    """Replies by call: asked once, kept on disk, answered from there ever after."""

    def __init__(self, folder: Path, *, worker: int = 0, replay: bool = False) -> None:
        self._folder = folder
        self._worker = worker
        self._replay = replay
        self._places: dict[int, _Places] = {}
        self._known: dict[str, dict[tuple[str, int], Row]] = {}
        self._in_flight: Counter[int] = Counter()
        self._files: dict[int, int] = {}
        self._syncing = ThreadPoolExecutor(AT_ONCE, "journal")
        self._pending: list[tuple[int, bytes]] = []
        self._written: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self.retries = 0
        """Tries that failed before a call was answered."""
        self.answered = 0
        """Calls answered from the journal."""
        self.kept = 0
        """Rows written."""
        self.syncs = 0
        """Files brought to the disk, each with all rows that waited."""
        self.drifted = Drifted()
        """Calls whose request differs from the journaled one (replay only)."""
        self.torn = 0
        """Bytes of torn last lines that were dropped."""

    async def ask(
        self, backend: ChatBackend, messages: Sequence[Mapping[str, str]], *, key: Key, seed: int
    ) -> Completion:
        """The reply to this call: the journaled one, else the backend's, written down before it is returned.

        Raises Drift where the request is not the journaled one (on a replay it is noted in `drifted` instead), and
        BackendError where a replay has no reply to the call.
        """
        digest = _digest(backend.spec, messages)
        kept = self._find(key)
        if kept is not None:
            return self._answer(kept, digest, key)
        if self._replay:
            raise BackendError(f"{key.dialogue}: call {key.call} of seat '{key.seat}' is not in the journal")
        completion = await backend.complete(messages, seed=seed, seat=key.seat, call=key.call)
        self.retries += completion.retries
        await self._keep(key, digest, completion)
        return completion

    def forget(self, index: int, dialogue: str) -> None:
        """Let go of a finished dialogue's replies (they stay on disk)."""
        if self._known.pop(dialogue, None) is None:
            return
        self._in_flight[index // SHARD] -= 1
        idle = [shard for shard in self._places if not self._in_flight[shard]]
        for shard in idle[:-MOST_OPEN]:
            del self._places[shard], self._in_flight[shard]

    async def close(self) -> None:
        """Write what is pending and close the files."""
        if self._writer is not None:
            await self._writer
        self._syncing.shutdown()
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _answer(self, row: dict[str, Any], digest: str, key: Key) -> Completion:
        if row["h"] != digest:
            if not self._replay:
                raise Drift(
                    f"{key.dialogue}: call {key.call} of seat '{key.seat}' is asked in other words than the journal's; "
                    "code or prompts have changed since: use --replay to see how, or another --out"
                )
            self.drifted.add(key)
        self.answered += 1
        told: Row = {**row["r"]}
        told["guards"] = tuple(told.get("guards", ()))
        return Completion(**told)

    def _find(self, key: Key) -> Row | None:
        known = self._known.get(key.dialogue)
        if known is None:
            known = self._known[key.dialogue] = self._rows(key)
            self._in_flight[key.index // SHARD] += 1
        return known.get((key.seat, key.call))

    def _rows(self, key: Key) -> dict[tuple[str, int], Row]:
        """What is on the disk of a dialogue."""
        shard = key.index // SHARD
        if shard not in self._places:
            self._places[shard] = _Places(sorted(self._folder.glob(f"{shard:05d}-*.jsonl")))
            self.torn += self._places[shard].torn(self._path(shard))
        rows: dict[tuple[str, int], Row] = {}
        for row in self._places[shard].read(key.dialogue):
            rows.setdefault((row["s"], row["c"]), row)
        return rows

    async def _keep(self, key: Key, digest: str, completion: Completion) -> None:
        row = {"d": key.dialogue, "s": key.seat, "c": key.call, "h": digest, "r": _row(completion)}
        self._pending.append((key.index // SHARD, orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)))
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        written = self._written
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await asyncio.shield(written)

    async def _write(self) -> None:
        """Write batches until nothing is pending; whoever waits for a batch goes on once it is on the disk."""
        loop = asyncio.get_running_loop()
        while self._written is not None:
            batch, written = self._pending, self._written
            self._pending, self._written = [], None
            try:
                await loop.run_in_executor(None, self._append, batch)
            except OSError as error:
                written.set_exception(error)
                written.exception()  # each waiter raises it; the future itself must not warn
                continue
            written.set_result(None)

    def _append(self, batch: list[tuple[int, bytes]]) -> None:
        """Write a batch, then bring each file that it went to to the disk."""
        by_shard: dict[int, list[bytes]] = {}
        for shard, line in batch:
            by_shard.setdefault(shard, []).append(line)
        for shard, lines in by_shard.items():
            if shard not in self._files:
                self._files[shard] = self._open(shard)
            append_whole(self._files[shard], b"".join(lines))
        for _ in self._syncing.map(os.fdatasync, [self._files[shard] for shard in by_shard]):
            pass  # a disk that could not be written to raises here
        self.kept += len(batch)
        self.syncs += len(by_shard)
        while len(self._files) > MOST_OPEN:
            os.close(self._files.pop(min(self._files)))

    def _path(self, shard: int) -> Path:
        return self._folder / f"{shard:05d}-{self._worker}.jsonl"

    def _open(self, shard: int) -> int:
        """Open this worker's file of a shard for appending, a torn last line cut off."""
        descriptor = os.open(self._path(shard), APPENDING, 0o644)
        cut_torn(descriptor)
        return descriptor


class _Places:
    """Where the rows of a shard's dialogues lie, and a way to read those of one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._of: dict[str, array[int]] = {}
        """Dialogue -> for each row the number of its file, where it starts, its bytes."""
        self._torn: dict[Path, int] = {}
        for number, path in enumerate(files):
            self._look_through(number, path)

    def torn(self, path: Path) -> int:
        """Bytes of a last line of this file that was never finished; another worker's may only be on its way."""
        return self._torn.get(path, 0)

    def read(self, dialogue: str) -> list[Row]:
        """The rows of a dialogue, in the order in which they were written."""
        places = self._of.get(dialogue, array("q"))
        rows: list[Row] = []
        for number, path in enumerate(self._files):
            own = [places[at + 1 : at + 3] for at in range(0, len(places), 3) if places[at] == number]
            if own:
                with path.open("rb") as file:
                    for start, size in own:
                        file.seek(start)
                        rows.append(orjson.loads(file.read(size)))
        return rows

    def _look_through(self, number: int, path: Path) -> None:
        start = 0
        with path.open("rb") as file:
            for count, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    self._torn[path] = len(line)
                    break
                try:
                    dialogue = orjson.loads(line)["d"]
                except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                    raise CorpusError(f"{path}:{count}: not a journal row ({error}); take the file away") from error
                self._of.setdefault(dialogue, array("q")).extend((number, start, len(line)))
                start += len(line)


def _digest(spec: str, messages: Sequence[Mapping[str, str]]) -> str:
    return blake2b(orjson.dumps([spec, messages]), digest_size=12).hexdigest()


def _row(completion: Completion) -> dict[str, Any]:
    """What a replay needs of a completion; how often it was tried is the log's."""
    row: dict[str, Any] = {
        "text": completion.text,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "finish_reason": completion.finish_reason,
        "reasoning": completion.reasoning,
    }
    if completion.by:
        row |= {"by": completion.by, "paid": completion.paid}
    if completion.guards:
        row["guards"] = completion.guards
    if completion.end_probability is not None:
        row["end_probability"] = completion.end_probability
    return row
