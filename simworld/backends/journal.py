"""The journal: every reply is kept before it is used.

A dialogue is a pure function of its situation, seed, prompts and the model's replies; so the replies are what is kept.
One row a call: `{"d": dialogue, "s": seat, "c": call, "h": hash of the request, "r": {...}}`, appended to
`journal/SHARD-WORKER.jsonl`. Played again after a crash, a dialogue is answered from here up to the first call that was
never answered. Rows of many dialogues share one write and one fsync.

    journal = Journal(folder, worker=0)
    completion = await journal.ask(backend, messages, key=Key("lost_luggage-000003", 3, "clerk", 0), seed=7)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from simworld.backends.backend import ChatBackend
from simworld.backends.completion import Completion
from simworld.errors import BackendError, CorpusError, Drift

SHARD = 100
"""Dialogues that share a journal file and a transcript file."""


MOST_OPEN = 32
"""Journal files kept open at once; dialogues in flight lie in few shards."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which call of which dialogue: the journal's key."""

    dialogue: str
    index: int
    seat: str
    call: int


class Journal:
    """Replies by call: asked once, kept on disk, answered from there ever after."""

    def __init__(self, folder: Path, *, worker: int = 0, replay: bool = False) -> None:
        self._folder = folder
        self._worker = worker
        self._replay = replay
        self._known: dict[int, dict[str, list[dict[str, Any]]]] = {}
        self._files: dict[int, int] = {}
        self._pending: list[tuple[int, bytes]] = []
        self._written: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self.retries = 0
        """Tries that failed before a call was answered."""
        self.answered = 0
        """Calls answered from the journal."""
        self.drifted: list[Key] = []
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
        shard = self._known.get(index // SHARD)
        if shard is not None:
            shard.pop(dialogue, None)

    async def close(self) -> None:
        """Write what is pending and close the files."""
        if self._writer is not None:
            await self._writer
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
            self.drifted.append(key)
        self.answered += 1
        return Completion(**row["r"])

    def _find(self, key: Key) -> dict[str, Any] | None:
        shard = key.index // SHARD
        if shard not in self._known:
            self._known[shard] = self._read(shard)
        rows = self._known[shard].get(key.dialogue, ())
        return next((row for row in rows if row["s"] == key.seat and row["c"] == key.call), None)

    def _read(self, shard: int) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self._folder.glob(f"{shard:05d}-*.jsonl")):
            *lines, torn = path.read_bytes().split(b"\n")
            if path == self._path(shard):  # another worker's last line may only be on its way
                self.torn += len(torn)
            for number, line in enumerate(lines, 1):
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise CorpusError(f"{path}:{number}: not a journal row ({error}); take the file away") from error
                found.setdefault(row["d"], []).append(row)
        return found

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
        by_shard: dict[int, list[bytes]] = {}
        for shard, line in batch:
            by_shard.setdefault(shard, []).append(line)
        for shard, lines in by_shard.items():
            descriptor = self._files.get(shard)
            if descriptor is None:
                descriptor = self._files[shard] = self._open(shard)
            _write_all(descriptor, b"".join(lines))
            os.fdatasync(descriptor)
        while len(self._files) > MOST_OPEN:
            os.close(self._files.pop(min(self._files)))

    def _path(self, shard: int) -> Path:
        return self._folder / f"{shard:05d}-{self._worker}.jsonl"

    def _open(self, shard: int) -> int:
        """Open this worker's file of a shard for appending, a torn last line cut off."""
        path = self._path(shard)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        whole = path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            os.ftruncate(descriptor, end)
        return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, or cut off what stood and raise: a half-written row must not stay when the disk is full."""
    start = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        os.ftruncate(descriptor, start)
        raise


def _digest(spec: str, messages: Sequence[Mapping[str, str]]) -> str:
    return blake2b(orjson.dumps([spec, messages]), digest_size=12).hexdigest()


def _row(completion: Completion) -> dict[str, Any]:
    """What a replay needs of a completion; how often it was tried is the log's."""
    return {
        "text": completion.text,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "finish_reason": completion.finish_reason,
        "reasoning": completion.reasoning,
    }
