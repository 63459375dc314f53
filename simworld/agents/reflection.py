"""Reflection: a character condenses what it remembers into beliefs, each with pointers to its evidence.

    reflected = await reflect(agent, part, mind, names=names, calls=usage.calls, scene=dialogue_id, at=31)
    reflected.beliefs, reflected.usage, reflected.faults

Where a chat model speaks for the seat, it is asked, through the same journal as for its acts; else beliefs are
extracted from the memories' own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from simworld.agents.agent import Agent, Part, View
from simworld.mind.reflection import Belief, as_memories, chosen, condense, read_beliefs
from simworld.prompts import profile, render
from simworld.schema import Memory, Mind, Usage

NUMBER = 8
"""Tokens that a memory's number and line end take, on the high side."""


@dataclass(frozen=True, slots=True)
class Reflected:
    """What a reflection brought."""

    beliefs: tuple[Memory, ...]
    usage: Usage = field(default_factory=Usage)
    faults: tuple[str, ...] = ()


async def reflect(
    agent: Agent, part: Part, mind: Mind, *, names: Mapping[str, str], calls: int, scene: str, at: int
) -> Reflected:
    """Reflect on what matters most of what has come since the last time. `names`: persona id -> name.

    A model whose answer cannot be read, or whose budget has no room for the question, is replaced by extraction, and
    the fault `unreadable_reflection` or `no_room_to_reflect` says so.
    Raises BackendError where the model cannot be asked.
    """
    memories = chosen(mind)
    if not memories:
        return Reflected(())
    asks = agent.wants_messages and getattr(agent, "reflects", True)
    told = _within(agent, part, memories) if asks else ()
    if not told:
        faults = ("no_room_to_reflect",) if asks else ()
        return Reflected(_kept(condense(memories, part.persona.name, names), mind, scene, at), faults=faults)
    memories = told
    deed = await agent.act(_view(part, memories, calls, mind))
    answer = "\n".join(piece.text for piece in deed.reply.pieces)
    beliefs = read_beliefs(answer, {memory.id for memory in memories})
    faults = () if beliefs is not None else ("unreadable_reflection",)
    if beliefs is None:
        beliefs = condense(memories, part.persona.name, names)
    return Reflected(_kept(beliefs, mind, scene, at), deed.usage, faults)


def _kept(beliefs: Sequence[Belief], mind: Mind, scene: str, at: int) -> tuple[Memory, ...]:
    return as_memories(beliefs, mind, scene=scene, at=at)


def _within(agent: Agent, part: Part, memories: Sequence[Memory]) -> tuple[Memory, ...]:
    """The newest memories that fit into half of the agent's budget, and beside what else the question says; or none."""
    if not agent.budget:
        return tuple(memories)
    without = sum(agent.count(message["content"]) for message in _question(part, ()))
    room = min(agent.budget // 2, agent.budget - without)
    kept: list[Memory] = []
    for memory in reversed(memories):
        room -= agent.count(memory.text) + NUMBER
        if room < 0:
            break
        kept.append(memory)
    return tuple(reversed(kept))


def _question(part: Part, memories: Sequence[Memory]) -> list[Mapping[str, str]]:
    system = render("reflect_system", profile=profile(part.persona), name=part.persona.name)
    question = render("reflect", name=part.persona.name, memories=memories)
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def _view(part: Part, memories: Sequence[Memory], calls: int, mind: Mind) -> View:
    """The question, as a prompt of its own: it is no part of the dialogue."""
    asked = replace(
        part, seat=part.seat.model_copy(update={"format": "plain"}), known_as=(), others_known_as=()
    )  # fmt: skip
    return View(
        part=asked, turns=(), fresh=0, act=0, calls=calls, emotion=mind.emotion.name, place="", present=(),
        messages=_question(part, memories),
    )  # fmt: skip
