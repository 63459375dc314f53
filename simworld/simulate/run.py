"""Play situations: one, a story, or many at once; the loop around the graphs, in one process.

    async for transcript in play_many("lost_luggage", n=20, seed=1): ...

Dialogues are independent; up to `jobs` are in flight and their model calls meet in the backend.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.backends.sampling import Sampling
from simworld.backends.till import Till
from simworld.errors import BackendError, RunStopped, UsageError, unknown
from simworld.prompts import words
from simworld.schema import Intervention, Mind, Scene, Story, Transcript
from simworld.simulate.admission import Admission
from simworld.simulate.dialogue import open_dialogue
from simworld.simulate.longterm import read_minds, write_minds
from simworld.simulate.minding import Minding
from simworld.simulate.plan import Plan, Planned, PlannedStory, people_of
from simworld.simulate.play import play_dialogue
from simworld.simulate.rows import check_given
from simworld.simulate.speakers import Speakers
from simworld.simulate.stage import AnyStage, played, scenes_of, seats_of
from simworld.simulate.stages import Cast, Scenes, stages_of
from simworld.simulate.tally import Row

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from simworld.simulate.speakers import Backend


JOBS = 64
"""Dialogues in flight, where the user does not say."""
HOPELESS = 50
"""Dialogues that may fail in a row, with none finished in between, before the run stops."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How dialogues are played, beside who speaks."""

    max_turns: int | None = None
    """Acts a dialogue may have, instead of the scene's."""
    minding: Minding = field(default_factory=Minding)
    interventions: tuple[Intervention, ...] = ()
    """Beside the scenes' own; those at a seat that a scene has not are left out there."""
    minds: Mapping[str, Mind] = field(default_factory=dict[str, Mind])
    """Persona id -> a mind that its owner brings along."""
    till: Till | None = None
    """What calls are paid from, where there is a budget."""
    timeout: float | None = None
    """Seconds that a dialogue (of a story: each chapter) may take."""


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
    minding: Minding | None = None,
    minds: Mapping[str, Mind] | None = None,
    store: BaseStore | None = None,
    interventions: Sequence[Intervention] = (),
    row: Row | None = None,
) -> Transcript:
    """Play one scene to its end.

    `scene` is a Scene, the id of an installed one, or a path. `backend` speaks for every seat but those in `seats`:
    a spec such as `improv` or `openai:NAME`, a LangChain chat model or Runnable, or `async (messages) -> str`.
    `cast` gives the people: personas by seat, or a list of personas from which seats are filled.

    `minds` (persona id -> Mind, as `mind_at` makes it of a transcript) are brought into the scene. With a LangGraph
    `store`, minds that are not given are read from it as the scene starts, and all are written to it as it ends; the
    transcript keeps the mind that each began with. `interventions` are made beside the scene's own; `row` is what the
    scene's templates read as `row.COLUMN`.
    """
    terms = Terms(max_turns, minding or Minding(), tuple(interventions), minds or {})
    speakers = Speakers(backend, seats, sampling=sampling, callbacks=callbacks)
    told = await _play_one(scene, cast, seed, speakers, terms, store, row=row)
    if told[0].story:
        raise UsageError(
            f"'{told[0].story.story}' is a story: use play_story, which returns a transcript for each chapter"
        )
    return told[0]


async def play_story(
    story: Story | str | Path,
    *,
    scenes: Sequence[Scene] = (),
    backend: Backend = "improv",
    seats: Mapping[str, Backend] | None = None,
    cast: Cast | None = None,
    seed: int = 0,
    max_turns: int | None = None,
    sampling: Sampling | None = None,
    callbacks: list[Any] | None = None,
    minding: Minding | None = None,
    minds: Mapping[str, Mind] | None = None,
    store: BaseStore | None = None,
    interventions: Sequence[Intervention] = (),
) -> list[Transcript]:
    """Play a story to its end: a transcript for each chapter that it came to, in their order.

    `story` is a Story, the id of an installed one, or a path; the chapters of a Story name `scenes` or installed ones.
    `seats` and `cast` name its parts; all else is as in `play`. A chapter that fails is the last.
    """
    terms = Terms(max_turns, minding or Minding(), tuple(interventions), minds or {})
    speakers = Speakers(backend, seats, sampling=sampling, callbacks=callbacks)
    told = await _play_one(story, cast, seed, speakers, terms, store, scenes)
    if not told[0].story:
        raise UsageError(f"'{told[0].scene}' is a scene: use play, which returns its transcript")
    return told


async def _play_one(
    what: Scene | Story | str | Path, cast: Cast | None, seed: int, speakers: Speakers, terms: Terms,
    store: BaseStore | None, lent: Sequence[Scene] = (), row: Row | None = None,
) -> list[Transcript]:  # fmt: skip
    """The first unit of the plan over `what`, with minds from the store where there is one."""
    _check_limits(1, terms.max_turns)
    stages = stages_of(what, cast, lent)
    speakers.check(seats_of(stages))
    check_interventions(terms.interventions, stages)
    item = next(iter(Plan(stages, seed, check_given([row], played(stages)) if row else ())))
    try:
        if store is not None:
            kept = await read_minds(store, [who.id for who in people_of(item)])
            terms = replace(terms, minds={**kept, **terms.minds})
        told = await play_planned(item, speakers, terms)
        if store is not None:
            await write_minds(store, told)
        return told
    finally:
        await speakers.close()


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
    minding: Minding | None = None,
    interventions: Sequence[Intervention] = (),
    rows: Sequence[Row] = (),
) -> AsyncGenerator[Transcript]:
    """Play `n` dialogues (or stories) over the scenes, by coverage of casts, topics and emotions; yields them as they
    end, a story's chapters together.

    `Transcript.index` tells the position in the plan. `rows` are what dialogues are about, in turn: a scene's templates
    read them as `row.COLUMN`. Nothing is written; `simworld run` makes corpora.
    """
    _check_limits(n, max_turns)
    stages = stages_of(scenes, cast)
    speakers = Speakers(backend, seats, sampling=sampling, callbacks=callbacks)
    speakers.check(seats_of(stages))
    check_interventions(interventions, stages)
    terms = Terms(max_turns, minding or Minding(), tuple(interventions))
    given = check_given(rows, played(stages)) if rows else ()
    done: asyncio.Queue[list[Transcript] | None] = asyncio.Queue(maxsize=2 * jobs)
    gone = asyncio.Event()  # the reader: from then on nobody takes anything from a full queue

    async def produce() -> None:
        try:
            await play_all(Plan(stages, seed, given).take(n), speakers, terms, jobs=jobs, done=done.put)
        finally:
            if not gone.is_set():
                await done.put(None)

    producer = asyncio.create_task(produce())
    try:
        while (told := await done.get()) is not None:
            for transcript in told:
                yield transcript
        await producer
    finally:
        gone.set()
        producer.cancel()
        await asyncio.gather(producer, return_exceptions=True)
        await speakers.close()


def _check_limits(n: int, max_turns: int | None) -> None:
    if n < 1:
        raise UsageError(f"n must be 1 or more, not {n}")
    if max_turns is not None and max_turns < 1:
        raise UsageError(f"max_turns must be 1 or more, not {max_turns}")


async def play_all(
    planned: Iterable[Planned | PlannedStory] | AsyncIterator[Planned | PlannedStory],
    speakers: Speakers,
    terms: Terms,
    *,
    jobs: int,
    done: Callable[[list[Transcript]], Any],
) -> None:
    """Play the planned units, `jobs` at a time; `done` takes the transcripts of each as it ends (and may be awaited).

    Raises Refused at once, and RunStopped where one dialogue after another fails.
    """
    admission = Admission(planned, terms.till)
    failed = _Failures()

    async def worker() -> None:
        while (item := await admission.next()) is not None:
            with admission.playing() as told:
                told.extend(await play_planned(item, speakers, terms))
            failed.note(told[-1])
            result = done(told)
            if result is not None:
                await result

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


async def play_planned(item: Planned | PlannedStory, speakers: Speakers, terms: Terms) -> list[Transcript]:
    """Play one unit of the plan: a dialogue, or a story's chapters."""
    if isinstance(item, PlannedStory):
        from simworld.simulate.story import Telling, tell

        telling = Telling(
            item, speakers, terms.minding, terms.max_turns, terms.interventions, terms.minds, terms.timeout
        )  # fmt: skip
        return await tell(telling)
    scene = item.situation.scene
    dialogue = open_dialogue(
        item.situation, speakers.cast(scene, item.root), id=item.id, index=item.index, seed=item.seed,
        variant=item.variant, max_turns=terms.max_turns, directing=speakers.director(scene), minding=terms.minding,
        kept=terms.minds, interventions=terms.interventions, row=item.row,
    )  # fmt: skip
    return [await play_dialogue(dialogue, limit=terms.timeout)]


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


def check_interventions(interventions: Sequence[Intervention], stages: Sequence[AnyStage]) -> None:
    """Raise UsageError for an intervention at a seat or on a condition that no scene has, or that says too little."""
    scenes = [scene for stage in stages for scene in scenes_of(stage)]
    for given in interventions:
        fit = [scene for scene in scenes if any(seat.id == given.seat for seat in scene.seats)]
        if not fit:
            raise unknown("intervention's seat", given.seat, {seat.id for scene in scenes for seat in scene.seats})
        if given.when and not all(given.when in scene.conditions for scene in fit):
            known = {name for scene in fit for name in scene.conditions}
            raise unknown("intervention's condition", given.when, known, "A scene names its own in `conditions`.")
        if given.at is None and given.when is None:
            raise UsageError(f"the intervention at seat '{given.seat}' says neither `at` nor `when`")
        if not (given.emotion or given.memory or given.whisper or given.goal):
            raise UsageError(
                f"the intervention at seat '{given.seat}' changes nothing: emotion, memory, whisper or goal"
            )
        if given.emotion and given.emotion not in words("emotions"):
            raise unknown("emotion", given.emotion, words("emotions"))
