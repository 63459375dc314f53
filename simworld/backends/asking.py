"""Asking: many questions to one model, each answer kept on disk before it is used.

    asking = open_asking("openai:gpt-4.1-mini", Sampling(temperature=0.8), Path("mypack/.answers.jsonl"), jobs=32)
    text = await asking.answer([{"role": "user", "content": "Who are you?"}], seat="forge")
    texts = await asking.each(names, lambda name: ...)      # at most 32 at once, in the order of the names
    await asking.close()
    asking.lines()                                          # calls, tokens, what failed

The file holds an answer a line, under the hash of who was asked what. The same command after a crash, or with more to
ask, asks only what is not there. A dialogue's calls have a journal of their own (`journal.py`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson

from simworld.backends.backend import ChatBackend, Messages
from simworld.backends.budget import Purse, read_budget
from simworld.backends.endpoint import is_elsewhere
from simworld.backends.open import open_backend
from simworld.backends.sampling import REPLY_TOKENS, Sampling
from simworld.backends.shaped import Shaped
from simworld.backends.till import Till
from simworld.errors import BackendError, CorpusError, Refused, RunStopped
from simworld.text.lines import APPENDING, append_whole, cut_torn

HOPELESS = 20
"""Calls that may fail in a row before all is stopped; what was answered is kept."""
JOBS = 16
"""Calls in flight, where the user does not say."""
T = TypeVar("T")
R = TypeVar("R")


def open_asking(
    spec: str,
    sampling: Sampling | None = None,
    kept: Path | None = None,
    *,
    jobs: int = JOBS,
    budget: str = "",
    prices: Mapping[str, tuple[float, float]] | None = None,
) -> Asking:
    """Ask the backend of this name. `kept`: the file of its answers; `budget`: what the calls from here on may cost.

    Raises UsageError for a name, budget or price that is not known, CorpusError for a file that is not one of answers.
    """
    sampling = sampling or Sampling()
    till = None
    if budget:
        reply = sampling.max_tokens or min(REPLY_TOKENS, sampling.context_tokens // 4)
        elsewhere = is_elsewhere(sampling.base_url, os.environ)
        till = Till(Purse(read_budget(budget), 0), prices or {}, reply_tokens=reply, elsewhere=elsewhere)
    return Asking(open_backend(spec, sampling), kept, jobs=jobs, till=till)


class Asking:
    """Asks, keeps, counts. Raises CorpusError for a file that is not one of answers."""

    def __init__(
        self, backend: ChatBackend, kept: Path | None = None, *, jobs: int = JOBS, till: Till | None = None
    ) -> None:
        self.spec = backend.spec
        self.asked = 0
        """Calls that were answered."""
        self.from_file = 0
        """Questions that the file had an answer to."""
        self.failed = 0
        """Questions whose call failed for good."""
        self.first_fault = ""
        """What the first failed call was told."""
        self.input_tokens = 0
        self.output_tokens = 0
        """Tokens of all calls, as far as the endpoint told."""
        self._backend, self._till, self._jobs = backend, till, jobs
        self._shaped: dict[bytes, Shaped] = {}
        self._known: dict[str, str] = {}
        self._file: int | None = None
        self._failed_in_a_row = 0
        if kept is not None:
            self._known = _answers(kept)
            self._file = os.open(kept, APPENDING, 0o644)
            cut_torn(self._file)

    async def answer(
        self, messages: Messages, *, seat: str, schema: Mapping[str, Any] | None = None, sample: int = 0
    ) -> str | None:
        """The reply's text; None where the call failed for good.

        `schema`: what the reply should be JSON of, sent where the endpoint can be held to it; `sample`: which of
        several answers to one question. Raises Refused where every call would be denied, RunStopped where many fail
        in a row, OutOfBudget where the budget holds no more.
        """
        shape = _shape_of(schema)
        key = self._key(messages, shape, sample)
        if (known := self._known.get(key)) is not None:
            self.from_file += 1
            return known
        try:
            backend = self._paid(self._backend if schema is None else self._shape(shape, schema))
            reply = await backend.complete(messages, seed=int(key[:7], 16), seat=seat)
        except Refused:
            raise
        except BackendError as error:
            self._note(error)
            return None
        self._failed_in_a_row = 0
        self.asked += 1
        self.input_tokens += reply.input_tokens or 0
        self.output_tokens += reply.output_tokens or 0
        self._known[key] = reply.text
        if self._file is not None:
            append_whole(self._file, orjson.dumps({"h": key, "text": reply.text}, option=orjson.OPT_APPEND_NEWLINE))
        return reply.text

    def retract(self, messages: Messages, *, schema: Mapping[str, Any] | None = None, sample: int = 0) -> None:
        """Forget an answer that could not be used: the same command run again asks anew. This one still knows it."""
        key = self._key(messages, _shape_of(schema), sample)
        if self._file is not None and key in self._known:
            append_whole(self._file, orjson.dumps({"h": key, "text": None}, option=orjson.OPT_APPEND_NEWLINE))

    def _key(self, messages: Messages, shape: bytes, sample: int) -> str:
        asked = orjson.dumps([self.spec, [dict(one) for one in messages], sample], default=str)
        return blake2b(asked + shape, digest_size=16).hexdigest()

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
        """What `work` makes of each item, in their order; at most `jobs` at once. The first error ends all."""
        waiting = enumerate(items)
        made: dict[int, R] = {}

        async def worker() -> None:
            for number, item in waiting:
                made[number] = await work(item)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._jobs):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        return [made[number] for number in range(len(made))]

    async def close(self) -> None:
        """Let go of the connections and the file."""
        await self._backend.aclose()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def lines(self) -> list[str]:
        """What was asked, for a reader."""
        told = f"{self.spec}: {self.asked} calls, {self.input_tokens} tokens in, {self.output_tokens} out"
        lines = [told + (f"; {self.from_file} answers were there before" if self.from_file else "")]
        if self.failed:
            lines.append(f"{self.failed} calls failed for good, the first: {self.first_fault}")
        if self._shaped and not any(one.held for one in self._shaped.values()):
            lines.append(f"{self.spec} is not held to JSON by its endpoint: the prompt alone asks for it")
        return lines

    def _shape(self, shape: bytes, schema: Mapping[str, Any]) -> Shaped:
        if shape not in self._shaped:
            self._shaped[shape] = Shaped(self._backend, schema)
        return self._shaped[shape]

    def _paid(self, backend: ChatBackend) -> ChatBackend:
        return self._till.meter(backend) if self._till else backend

    def _note(self, error: BackendError) -> None:
        self.failed += 1
        self.first_fault = self.first_fault or str(error)
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= HOPELESS:
            raise RunStopped(
                f"{HOPELESS} calls to {self.spec} failed in a row, the last with: {error}; the same command goes on "
                "once that is mended"
            ) from None


def _shape_of(schema: Mapping[str, Any] | None) -> bytes:
    return b"" if schema is None else orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return error  # pyright: ignore[reportUnknownVariableType]


def _answers(kept: Path) -> dict[str, str]:
    """Hash -> answer, the last one of each, those taken back left out; a torn last line is left."""
    if not kept.is_file():
        return {}
    *lines, _ = kept.read_bytes().split(b"\n")
    try:
        answers = {row["h"]: row["text"] for row in map(orjson.loads, lines)}
        return {key: text for key, text in answers.items() if text is not None}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CorpusError(f"{kept}: is not a file of answers; move it away to ask anew") from error
