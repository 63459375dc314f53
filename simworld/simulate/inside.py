"""A seat's inside around one act: it takes in, reflects, remembers, and is told so in a note.

    inside = await prepare(dialogue, state, "ana")
    inside.mind, inside.note, inside.recalled

Everything here but a model's reflection is a pure function of what this seat perceived.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from simworld.agents.reflection import Reflected, reflect
from simworld.mind import Nature, Taken, absorb, due, move, own, standing
from simworld.prompts import ago, render
from simworld.schema import Appraisal, LetGo, Memory, Mind, Usage
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.lens import WORKING
from simworld.simulate.state import State

CLOSING_ACTS = 2
"""Acts before the limit at which those who act are told that the scene is about to end."""
TOLD = 3
"""Memories that one note brings back at the most: they stay in the prompt from then on."""
DAY = 1440
MEMORY_OVERHEAD = 16
"""Tokens that the words around a memory (when, where) take, on the high side."""


class Inside(NamedTuple):
    """What a seat has become by the time it is asked to act."""

    mind: Mind
    note: str = ""
    """The private note that closes its prompt."""
    recalled: tuple[Memory, ...] = ()
    news: tuple[Memory | LetGo, ...] = ()
    """Memories that came to be, and those that were let go."""
    pulls: tuple[tuple[Appraisal, float], ...] = ()
    """What was heard and is not felt yet: felt unless the reply names a feeling."""
    usage: Usage = Usage()
    """What a reflection cost."""
    faults: tuple[str, ...] = ()
    untold: Mind | None = None
    """The mind before the note was told to it."""


async def prepare(dialogue: Dialogue, state: State, seat: str) -> Inside:
    """Take in what is new, reflect where it is time, remember what the moment calls for, and put it into a note.

    Raises BackendError where a model that has to reflect cannot be asked.
    """
    dialogue.lens(seat).take_in(state["turns"])
    inside = take_in(dialogue, state, seat)
    if not _names_feelings(dialogue, seat):
        inside = inside._replace(mind=move(dialogue.natures[seat], inside.mind, inside.pulls), pulls=())
    if due(inside.mind):
        inside = await reflected(dialogue, inside, seat, calls=state["usage"][seat].calls, at=len(state["turns"]) - 1)
    return _told(dialogue, state, seat, inside, _recalled(dialogue, seat, inside.mind))


def without_memories(dialogue: Dialogue, state: State, seat: str, inside: Inside) -> Inside:
    """The same inside, told of no memories: where they leave no room for what was just heard."""
    assert inside.untold is not None
    return _told(dialogue, state, seat, inside._replace(mind=inside.untold), ())


def _told(dialogue: Dialogue, state: State, seat: str, inside: Inside, recalled: tuple[Memory, ...]) -> Inside:
    note, mind = _note(dialogue, state, seat, inside.mind, recalled)
    return inside._replace(mind=mind, note=note, recalled=recalled, untold=inside.mind)


def take_in(dialogue: Dialogue, state: State, seat: str) -> Inside:
    """The mind after it has taken in what its seat perceived since the last time; nothing is felt yet."""
    mind = state["minds"][seat]
    taken: Taken = absorb(
        dialogue.natures[seat], mind, dialogue.lens(seat).since_turn(mind.taken_in),
        minutes=state["world"].minutes, at=len(state["turns"]),
        where=dialogue.places.get(state["world"].where[seat], ""),
    )  # fmt: skip
    return Inside(taken.mind, news=(*taken.formed, *taken.let_go), pulls=taken.pulls)


async def reflected(dialogue: Dialogue, inside: Inside, seat: str, *, calls: int, at: int) -> Inside:
    """The inside after it has reflected: beliefs among its memories, what it has let go for them."""
    nature, mind = dialogue.natures[seat], inside.mind
    names = {persona.id: persona.name for persona in nature.cast.values()}
    brought: Reflected = await reflect(
        dialogue.agents[seat], dialogue.parts[seat], mind, names=names, calls=calls, scene=dialogue.id, at=at
    )
    mind, let_go = kept(nature, mind, brought.beliefs, at)
    beliefs = brought.beliefs if mind.memories[-1:] == brought.beliefs[-1:] else ()
    return inside._replace(
        mind=mind.model_copy(update={"unreflected": 0.0}),
        news=(*inside.news, *beliefs, *let_go),
        usage=brought.usage,
        faults=(*inside.faults, *brought.faults),
    )


def kept(nature: Nature, mind: Mind, new: Sequence[Memory], at: int) -> tuple[Mind, tuple[LetGo, ...]]:
    """The mind with new memories that did not come from turns, and what it forgot to make room."""
    if not new:
        return mind, ()
    memories, let_go = nature.models.memory.keep(mind.memories, new, mind.minutes, at)
    return mind.model_copy(update={"memories": memories, "next_id": max(new[-1].id + 1, mind.next_id)}), let_go


def felt(dialogue: Dialogue, seat: str, inside: Inside, named: str) -> Mind:
    """The mind after the act: what its owner `named`, else what it heard, is what it feels."""
    nature = dialogue.natures[seat]
    if not named:
        return move(nature, inside.mind, inside.pulls)
    heard = (turn.seat for turn in reversed(dialogue.lens(seat).fresh_turns()) if turn.seat in nature.cast)
    answered = next(heard, "")
    return own(nature, inside.mind, named, nature.cast[answered].id if answered else "")


def _is_plain(dialogue: Dialogue, seat: str) -> bool:
    return dialogue.records[seat].format == "plain"


def _names_feelings(dialogue: Dialogue, seat: str) -> bool:
    """Whether the prompt asks whoever speaks here for what it feels."""
    return dialogue.agents[seat].wants_messages and not _is_plain(dialogue, seat)


def _recalled(dialogue: Dialogue, seat: str, mind: Mind) -> tuple[Memory, ...]:
    """What comes back now of what is no longer before this one, within the budget.

    First what presses; at the first act what it keeps of whom it meets again; then what the words bring back. To
    whoever speaks plainly only what presses: what else it keeps was told in its briefing.
    """
    if _is_plain(dialogue, seat):
        return tuple(memory for memory in mind.memories if memory.id in mind.pressing)
    shown = dialogue.lens(seat).shown(mind.memories, dialogue.minds[seat].next_id)
    if len(shown) == len(mind.memories):
        return ()
    agent, room = dialogue.agents[seat], dialogue.memory_tokens(seat)
    where = {memory.text: memory.where for memory in mind.memories}

    def count(text: str) -> int:
        return agent.count(text) + agent.count(where[text]) + MEMORY_OVERHEAD

    found = {memory.id: memory for memory in mind.memories if memory.id in mind.pressing}
    room -= sum(count(memory.text) for memory in found.values())
    for memory in _of_those_met(dialogue, seat, mind):
        cost = count(memory.text)
        if memory.id not in found and cost <= room and len(found) < TOLD:
            found[memory.id], room = memory, room - cost
    brought = dialogue.natures[seat].models.memory.recall(
        mind.memories, _cue(dialogue, seat, mind), now=mind.minutes, budget=room,
        count=count, but=shown | set(found),
        most=max(0, TOLD - len(found)),
    )  # fmt: skip
    return tuple(sorted((*found.values(), *brought), key=lambda memory: memory.id))


def _of_those_met(dialogue: Dialogue, seat: str, mind: Mind) -> list[Memory]:
    """At its first act: what it keeps of the others from before this scene, beliefs and then the last days first."""
    if dialogue.minding.memory == "window" or any(
        turn.seat == seat and not turn.source for turn in dialogue.lens(seat).perceived[-WORKING:]
    ):
        return []
    others = {who.id for other, who in dialogue.natures[seat].cast.items() if other != seat}
    first = dialogue.minds[seat].next_id
    met = [memory for memory in mind.memories if memory.id < first and not others.isdisjoint(memory.who)]
    return sorted(met, key=lambda m: (m.kind == "belief", m.minutes // DAY, m.importance, m.id), reverse=True)[:TOLD]


def _cue(dialogue: Dialogue, seat: str, mind: Mind) -> str:
    """What memory is asked with: what was just heard, or what the scene is about where nothing was."""
    heard = [turn.text for turn in dialogue.lens(seat).fresh_turns() if turn.kind in ("say", "do")]
    part = dialogue.parts[seat]
    return " ".join(heard) or " ".join([part.topic, mind.goal or part.goal, part.status, part.background])


def _note(dialogue: Dialogue, state: State, seat: str, mind: Mind, recalled: Sequence[Memory]) -> tuple[str, Mind]:
    """The private note that closes this seat's prompt now, and the mind that has been told it.

    Whoever speaks plainly is told of a swapped goal and a planted memory alone, so that plain conversations stay plain.
    """
    plain = _is_plain(dialogue, seat)
    left = tuple(id for id in mind.pressing if all(id != memory.id for memory in recalled))
    told: dict[str, object] = {"pressing": left} if left != mind.pressing else {}
    emotion = mind.emotion.name if mind.emotion.name != mind.told and not plain else ""
    goal = mind.goal if mind.goal != mind.told_goal else ""
    ties = {} if plain else _changed_ties(dialogue, seat, mind)
    if emotion:
        told["told"] = emotion
    if goal:
        told["told_goal"] = goal
    if ties:
        told["told_ties"] = {**mind.told_ties, **ties}
    last = dialogue.max_turns - len(state["acts"]) <= CLOSING_ACTS and not plain
    standings = tuple(line for line in ties.values() if line)
    memories = tuple(_as_told(memory, mind) for memory in recalled)
    note = _written(emotion, standings, goal, last, memories)
    return note, mind.model_copy(update=told) if told else mind


class _Recalled(NamedTuple):
    """A memory as a note tells it."""

    when: str
    where: str
    text: str


@lru_cache(maxsize=2048)
def _written(
    emotion: str, standings: tuple[str, ...], goal: str, last: bool, memories: tuple[_Recalled, ...]
) -> str:  # fmt: skip
    """The words of a note; empty where there is nothing to tell. Most say no more than what is felt."""
    if not (emotion or standings or goal or last or memories):
        return ""
    return render("note", emotion=emotion, standing=standings, goal=goal, last=last, memories=memories)


def _changed_ties(dialogue: Dialogue, seat: str, mind: Mind) -> dict[str, str]:
    """Persona id -> how this one stands to them in words, where that is not what it was last told."""
    changed: dict[str, str] = {}
    for other, persona in dialogue.natures[seat].cast.items():
        if other != seat and persona.id in mind.ties:
            words = standing(mind.ties[persona.id], persona.name)
            if words != mind.told_ties.get(persona.id, ""):
                changed[persona.id] = words
    return changed


def _as_told(memory: Memory, mind: Mind) -> _Recalled:
    when = "" if memory.kind == "belief" else ago(round(mind.minutes - memory.minutes, 1))
    return _Recalled(when, memory.where, memory.text)
