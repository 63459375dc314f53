"""Play many situations at once: the loop around the graphs, in one process.

    async for transcript in play_many("lost_luggage", n=20, seed=1): ...

Dialogues are independent; up to `jobs` are in flight and their model calls meet in the backend.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, RunStopped, UsageError
from simworld.schema import Scene, Transcript
from simworld.simulate.dialogue import open_dialogue
from simworld.simulate.plan import Plan, Planned
from simworld.simulate.play import play_dialogue
from simworld.simulate.speakers import Speakers
from simworld.simulate.stages import Cast, Scenes, stages_of

if TYPE_CHECKING:
    from simworld.simulate.speakers import Backend


JOBS = 64
"""Dialogues in flight, where the user does not say."""
HOPELESS = 20
"""Dialogues that may fail in a row, with none finished in between, before the run stops."""


async def play(
    scene: Scene | str | Path,
    *,
    backend: Backend = "improv",
    seats: Mapping[str, Backend] | None = None,
    cast: Cast | None = None,
    seed: int = 0,
    max_turns: int | None = None,
    sampling: Sampling | None = None,
    callbacks: list[Any] | None = None,
) -> Transcript:
    """Play one scene to its end.

    `scene` is a Scene, the id of an installed one, or a path. `backend` speaks for every seat but those in `seats`:
    a spec such as `improv` or `openai:NAME`, a LangChain chat model or Runnable, or `async (messages) -> str`.
    `cast` gives the people: personas by seat, or a list of personas from which seats are filled.
    """
    stream = play_many(
        scene, n=1, backend=backend, seats=seats, cast=cast, seed=seed, max_turns=max_turns, sampling=sampling,
        callbacks=callbacks,
    )  # fmt: skip
    async with aclosing(stream):
        return await anext(stream)


async def play_many(
    scenes: Scenes,
    *,
    n: int,
    backend: Backend = "improv",
    seats: Mapping[str, Backend] | None = None,
    cast: Cast | None = None,
    seed: int = 0,
    max_turns: int | None = None,
    jobs: int = JOBS,
    sampling: Sampling | None = None,
    callbacks: list[Any] | None = None,
) -> AsyncGenerator[Transcript]:
    """Play `n` dialogues over the scenes, by coverage of casts, topics and emotions; yields them as they end.

    `Transcript.index` tells the position in the plan. Nothing is written; `simworld run` makes corpora.
    """
    if n < 1:
        raise UsageError(f"n must be 1 or more, not {n}")
    if max_turns is not None and max_turns < 1:
        raise UsageError(f"max_turns must be 1 or more, not {max_turns}")
    stages = stages_of(scenes, cast)
    speakers = Speakers(backend, seats, sampling=sampling, callbacks=callbacks)
    speakers.check([stage.scene for stage in stages])
    done: asyncio.Queue[Transcript | None] = asyncio.Queue(maxsize=2 * jobs)
    gone = asyncio.Event()  # the reader: from then on nobody takes anything from a full queue

    async def produce() -> None:
        try:
            await play_all(Plan(stages, seed).take(n), speakers, jobs=jobs, max_turns=max_turns, done=done.put)
        finally:
            if not gone.is_set():
                await done.put(None)

    producer = asyncio.create_task(produce())
    try:
        while (transcript := await done.get()) is not None:
            yield transcript
        await producer
    finally:
        gone.set()
        producer.cancel()
        await asyncio.gather(producer, return_exceptions=True)
        await speakers.close()


async def play_all(
    planned: Iterable[Planned],
    speakers: Speakers,
    *,
    jobs: int,
    max_turns: int | None,
    done: Callable[[Transcript], Any],
) -> None:
    """Play the planned dialogues, `jobs` at a time; `done` takes each transcript as it ends (and may be awaited).

    Raises Refused at once, and RunStopped where one dialogue after another fails.
    """
    stream = iter(planned)
    failed = _Failures()

    async def worker() -> None:
        for item in stream:
            transcript = await play_planned(item, speakers, max_turns)
            failed.note(transcript)
            result = done(transcript)
            if result is not None:
                await result

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


async def play_planned(item: Planned, speakers: Speakers, max_turns: int | None) -> Transcript:
    """Play one dialogue of the plan."""
    scene = item.situation.scene
    dialogue = open_dialogue(
        item.situation, speakers.cast(scene, item.root), id=item.id, index=item.index, seed=item.seed,
        variant=item.variant, max_turns=max_turns, directing=speakers.director(scene),
    )  # fmt: skip
    return await play_dialogue(dialogue)


class _Failures:
    """Stops a run in which nothing succeeds any more."""

    def __init__(self) -> None:
        self._row = 0

    def note(self, transcript: Transcript) -> None:
        self._row = self._row + 1 if transcript.status == "failed" else 0
        if self._row >= HOPELESS:
            raise RunStopped(
                f"{self._row} dialogues failed in a row, the last with: {transcript.ending.detail}; the same command "
                "goes on from here once that is mended"
            )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the group: a stop of ours before anything else."""
    ours = errors.subgroup((BackendError, RunStopped))
    return _leaf(ours or errors)


def _leaf(error: BaseException) -> BaseException:
    if isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return _leaf(inner[0])
    return error
