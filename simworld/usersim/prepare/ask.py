"""Intents asked of a model: many at once, each answer kept on disk before it is used.

    asking = Asking(open_backend("openai:gpt-4.1-mini"), Path("real.intents.jsonl"), jobs=32)
    intents = asyncio.run(asking.all(cases))        # number of the case -> intent
    asking.failed                                   # calls that brought none

The file holds an answer a line, under the hash of who was asked what. A later preparation, after a crash or with other
steps, asks only what is not there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import orjson

from simworld.backends.backend import ChatBackend
from simworld.corpus.imports.talk import USER
from simworld.errors import BackendError, Refused, RunStopped
from simworld.prompts import render
from simworld.text.lines import APPENDING, append_whole, cut_torn
from simworld.usersim.prepare.case import Case

HOPELESS = 20
"""Calls that may fail in a row before all is stopped; what was answered is kept."""
LONGEST = 400
"""Characters of an intent that are kept."""
HUMAN, REPLY, ALL = 1200, 300, 12_000
"""Characters of a person's turn, of an answer, and of a conversation that are shown."""


class Asking:
    """Asks for intents."""

    def __init__(self, backend: ChatBackend, kept: Path, *, jobs: int = 16) -> None:
        self._backend, self._jobs = backend, jobs
        self._file = os.open(kept, APPENDING, 0o644)
        cut_torn(self._file)
        self._known = _answers(kept)
        self.asked = 0
        """Calls made."""
        self.failed = 0
        """Cases without an intent: the call failed for good, or its answer was empty."""
        self.first_fault = ""
        """What the first failed call was told."""
        self._failed_in_a_row = 0

    async def all(self, cases: Iterable[tuple[int, Case]]) -> dict[int, str]:
        """Number -> intent, of the cases for which there is one. Raises Refused where every call would be denied, and
        RunStopped where many fail in a row.
        """
        found: dict[int, str] = {}
        waiting = iter(cases)

        async def work() -> None:
            for number, case in waiting:
                intent = await self._one(case)
                if intent:
                    found[number] = intent
                else:
                    self.failed += 1

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._jobs):
                    group.create_task(work())
        except* (Refused, RunStopped) as stopped:
            raise stopped.exceptions[0] from None
        finally:
            await self._backend.aclose()
            os.close(self._file)
        return found

    async def _one(self, case: Case) -> str:
        prompt = question(case)
        key = blake2b(f"{self._backend.spec}\0{prompt}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        if key not in self._known:
            try:
                seed = int(key[:7], 16)
                completion = await self._backend.complete(
                    [{"role": "user", "content": prompt}], seed=seed, seat="intent"
                )
            except Refused:
                raise
            except BackendError as error:
                self.first_fault = self.first_fault or str(error)
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= HOPELESS:
                    raise RunStopped(f"{HOPELESS} calls for intents failed in a row: {error}") from None
                return ""
            self._failed_in_a_row = 0
            self.asked += 1
            self._known[key] = one_line(completion.text)
            append_whole(self._file, orjson.dumps({"h": key, "intent": self._known[key]}) + b"\n")
        return self._known[key]


def question(case: Case) -> str:
    """What is asked: the person's turns, and how they were answered, each cut to a bounded length."""
    turns: list[dict[str, str]] = []
    room = ALL
    for seat, text in case.said:
        shown = _cut(" ".join(text.split()), min(HUMAN if seat == USER else REPLY, room))
        room -= len(shown)
        if room <= 0:
            break
        turns.append({"who": "Person" if seat == USER else "Assistant", "text": shown})
    return render("intent", turns=turns, replies=any(turn["who"] == "Assistant" for turn in turns))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(0, longest - 1)]}…"


def one_line(answer: str) -> str:
    """An answer as an intent: one line, without quotation marks around it."""
    return " ".join(answer.split()).strip("\"'“”* ")[:LONGEST]


def _answers(kept: Path) -> dict[str, str]:
    rows = [orjson.loads(line) for line in kept.read_bytes().splitlines() if line.strip()]
    return {row["h"]: row["intent"] for row in rows}
