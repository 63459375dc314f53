"""compile_story: a Story becomes a LangGraph StateGraph whose nodes are chapters; each is a scene's own graph, played.

The cast keeps its minds and relations from one chapter to the next; between them time passes: emotion fades, ties
drift, and what was lived through is condensed into beliefs. Which chapter follows is decided as one ends, by the
story's conditions, and written into the state; the edge only reads it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, TypedDict, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from simworld.errors import BackendError, OutOfBudget, Refused
from simworld.mind import mind_at, pass_time, temperament
from simworld.schema import Chapter, Condition, Ending, Intervention, Mind, Story, StoryLink, Transcript
from simworld.schema.story import END as THE_END
from simworld.simulate.chapters import minutes_after, part_of
from simworld.simulate.dialogue import Dialogue, mix, open_dialogue
from simworld.simulate.inside import Inside, reflected
from simworld.simulate.minding import Minding
from simworld.simulate.plan import PlannedStory
from simworld.simulate.play import play_dialogue
from simworld.simulate.speakers import Speakers
from simworld.simulate.state import add_usage, merge
from simworld.world import Course, holds

WORTH_A_THOUGHT = 1.5
"""Importance gathered in a chapter from which on its people reflect before the next."""


class Told(TypedDict):
    """The state of a story's graph."""

    told: Annotated[list[Transcript], operator.add]
    minds: Annotated[dict[str, Mind], merge]
    """Persona id -> mind."""
    way: str
    """The condition that led to the next chapter."""
    next: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What is fixed while one story is told."""

    item: PlannedStory
    speakers: Speakers
    minding: Minding
    max_turns: int | None = None
    interventions: tuple[Intervention, ...] = ()
    minds: Mapping[str, Mind] = field(default_factory=dict[str, Mind])
    """Persona id -> a mind that is brought into the first chapter."""
    timeout: float | None = None
    """Seconds that a chapter may take."""


StoryGraph = CompiledStateGraph[Told, Telling, Told, Told]


async def tell(telling: Telling) -> list[Transcript]:
    """A transcript for each chapter, the last marked so. A chapter that fails is the last; Refused is raised."""
    story = telling.item.story
    start = Told(told=[], minds=dict(telling.minds), way="", next=story.chapters[0].id)
    config = cast("Any", {"recursion_limit": story.width + 10})
    state = cast("Told", await compile_story(story).ainvoke(start, config, context=telling))  # pyright: ignore[reportUnknownMemberType]
    return state["told"]


def compile_story(story: Story) -> StoryGraph:
    """The graph in which the story is told: a node for each chapter, edges where its ways lead."""
    leads = tuple(
        (chapter.id, tuple(sorted({*(way.to for way in chapter.then), _below(story, at)} - {THE_END})))
        for at, chapter in enumerate(story.chapters)
    )
    return _compiled(leads)


@lru_cache(maxsize=64)
def _compiled(leads: tuple[tuple[str, tuple[str, ...]], ...]) -> StoryGraph:
    graph: StateGraph[Told, Telling, Told, Told] = StateGraph(Told, context_schema=Telling)
    for id, following in leads:
        graph.add_node(id, _chapter_node(id))  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
        graph.add_conditional_edges(id, _next, [*following, END])
    graph.add_edge(START, leads[0][0])
    return graph.compile()  # pyright: ignore[reportUnknownMemberType]


def _below(story: Story, at: int) -> str:
    """The chapter below this one; after the last the end."""
    return story.chapters[at + 1].id if at + 1 < len(story.chapters) else THE_END


async def _next(state: Told) -> str:  # async: LangGraph runs a plain function in a thread
    return END if state["next"] == THE_END else state["next"]


def _chapter_node(id: str) -> Callable[[Told, Runtime[Telling]], Any]:
    async def play_chapter(state: Told, runtime: Runtime[Telling]) -> dict[str, Any]:
        return await _play(id, state, runtime.context)

    return play_chapter


async def _play(id: str, state: Told, telling: Telling) -> dict[str, Any]:
    """Play one chapter with the minds as they have become, and decide where the story goes."""
    item, number = telling.item, len(state["told"])
    at = next(at for at, chapter in enumerate(item.story.chapters) if chapter.id == id)
    chapter = item.story.chapters[at]
    passed = minutes_after(chapter) if number else 0.0
    minds = _later(_kept(state["minds"], item), passed, telling)
    dialogue = _open(chapter, number, telling, minds)
    transcript = await play_dialogue(dialogue, limit=telling.timeout)
    following, way = _onward(chapter, at, transcript, telling)
    if transcript.status != "complete" or number + 1 >= item.story.width:
        following, way = THE_END, ""
    link = StoryLink(
        story=item.story.id, title=item.story.title, number=number, chapter=id,
        before=state["told"][-1].id if number else "", minutes=passed, way=state["way"], last=following == THE_END,
    )  # fmt: skip
    transcript = transcript.model_copy(update={"story": link})
    if following != THE_END:
        try:
            transcript, here = await _live_on(dialogue, transcript)
        except OutOfBudget:
            return _stopped(transcript, minds)
        elsewhere = {id: mind for id, mind in minds.items() if id not in here}
        minds = {**_later(elsewhere, _course(transcript).minutes, telling), **here}
    return {"told": [transcript], "minds": minds, "next": following, "way": way}


def _stopped(transcript: Transcript, minds: Mapping[str, Mind]) -> dict[str, Any]:
    """A chapter whose people could not think it over for want of budget: the story stops, to be told again."""
    assert transcript.story is not None
    stopped = transcript.model_copy(
        update={
            "status": "stopped_by_budget",
            "ending": Ending(reason="budget"),
            "story": transcript.story.model_copy(update={"last": True}),
        }
    )
    return {"told": [stopped], "minds": dict(minds), "next": THE_END, "way": ""}


def _open(chapter: Chapter, number: int, telling: Telling, minds: Mapping[str, Mind]) -> Dialogue:
    item, speakers = telling.item, telling.speakers
    situation, root = item.chapters[chapter.id]
    scene = situation.scene
    parts = {seat: part_of(chapter, seat, item.cast) for seat in situation.cast}
    return open_dialogue(
        situation, speakers.cast(scene, root, parts), id=f"{item.id}-{number}", index=item.index + number,
        seed=mix(item.seed, "chapter", number), variant=item.variant, max_turns=telling.max_turns,
        directing=speakers.director(scene), minding=telling.minding, kept=minds, interventions=telling.interventions,
    )  # fmt: skip


def _kept(minds: Mapping[str, Mind], item: PlannedStory) -> dict[str, Mind]:
    """The minds of all but those parts that forget each chapter."""
    forgetful = {item.cast[part.id].id for part in item.story.cast if part.forgets}
    return {id: mind for id, mind in minds.items() if id not in forgetful}


def _later(minds: Mapping[str, Mind], minutes: float, telling: Telling) -> dict[str, Mind]:
    """The minds after a time, whoever they belong to."""
    people = {who.id: who for situation, _ in telling.item.chapters.values() for who in situation.cast.values()}
    model = telling.minding.models().emotion
    return {id: pass_time(mind, temperament(people[id]), model, minutes) for id, mind in minds.items() if id in people}


async def _live_on(dialogue: Dialogue, transcript: Transcript) -> tuple[Transcript, dict[str, Mind]]:
    """The minds that go on, each having thought about the chapter; what a model's thinking cost is the transcript's.

    A model that cannot be asked ends no story: the mind goes on without new beliefs, and the transcript says so.
    """
    usage, faults, minds = dict(transcript.usage), list(transcript.faults), dict[str, Mind]()
    for seat in transcript.minds:
        inside = Inside(mind_at(transcript, seat))
        if inside.mind.unreflected >= WORTH_A_THOUGHT:
            calls = usage[seat].calls
            try:
                inside = await reflected(dialogue, inside, seat, calls=calls, at=len(transcript.turns) - 1)
            except Refused:
                raise
            except BackendError:
                faults.append(f"no_reflection:{seat}")
            usage[seat] = add_usage(usage[seat], inside.usage)
            faults += [f"{fault}:{seat}" for fault in inside.faults]
        minds[transcript.seats[seat].persona] = inside.mind
    return transcript.model_copy(update={"usage": usage, "faults": tuple(faults)}), minds


def _onward(chapter: Chapter, at: int, transcript: Transcript, telling: Telling) -> tuple[str, str]:
    """The next chapter, and the condition under which the story goes there ('' for none)."""
    story = telling.item.story
    course = _course(transcript)
    seat_of = {part_of(chapter, seat, telling.item.cast): seat for seat in transcript.seats}
    for way in chapter.then:
        if way.when is None or _holds(story.conditions[way.when], seat_of, course):
            return way.to, way.when or ""
    return _below(story, at), ""


def _holds(condition: Condition, seat_of: Mapping[str, str], course: Course) -> bool:
    """Whether a condition over parts holds; about somebody who was not in the chapter it does not."""
    if any(part and part not in seat_of for part in (condition.seat, condition.toward)):
        return False
    by_seat = {
        "seat": seat_of[condition.seat] if condition.seat else None,
        "toward": seat_of[condition.toward] if condition.toward else None,
    }
    return holds(condition.model_copy(update=by_seat), course)


def _course(transcript: Transcript) -> Course:
    """How the scene stood as it ended, by seats."""
    where = {id: seat.place for id, seat in transcript.seats.items()}
    where |= {turn.seat: turn.text for turn in transcript.turns if turn.kind == "move"}
    persona = {id: seat.persona for id, seat in transcript.seats.items()}
    ends = {id: record.end for id, record in transcript.minds.items()}
    ties = {
        id: {other: mind.ties[who] for other, who in persona.items() if who in mind.ties} for id, mind in ends.items()
    }
    acts = len({turn.act for turn in transcript.turns if turn.seat in persona})
    minutes = max((mind.minutes for mind in ends.values()), default=0.0)
    begun = min((record.begin.minutes for record in transcript.minds.values()), default=0.0)
    return Course(
        acts=acts, minutes=minutes - begun, fresh=transcript.turns, where=where,
        feels={id: mind.emotion.name for id, mind in ends.items()}, ties=ties, ended=transcript.ending.reason,
    )  # fmt: skip
