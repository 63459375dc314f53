"""One act, from reply to state: what is said becomes turns, the world settles, and it is decided who is next.

Pure functions over frozen records; `graph` calls them and holds the loop.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from simworld.agents.agent import Deed
from simworld.mind import absorb, begin, feel, tell
from simworld.prompts import forms, render
from simworld.schema import NARRATOR, OUT, Ending, Happening, Mind, Piece, Reply, Turn, Usage, World
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.directors import OVER, Moment
from simworld.simulate.endings import ending_of
from simworld.world import opening_world, perceivers, place_named, settle, witnesses

CLOSING_ACTS = 2
"""Acts before the limit at which those who act are told that the scene is about to end."""


DIRECTOR = "director"
"""The node in which a model directs; no seat may bear this id."""


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Reducer: one seat's entry replaced, the others kept."""
    return {**old, **new}


class State(TypedDict):
    """The state of the graph: frozen records in plain containers."""

    turns: Annotated[list[Turn], operator.add]
    acts: Annotated[list[str], operator.add]
    """Who acted, act by act; happenings are nobody's."""
    minds: Annotated[dict[str, Mind], merge]
    usage: Annotated[dict[str, Usage], merge]
    faults: Annotated[list[str], operator.add]
    world: World
    next: str
    ending: Ending | None


@dataclass(slots=True)
class _Draft:
    """The turns of one act while they are made."""

    dialogue: Dialogue
    world: World
    n: int
    act: int
    turns: list[Turn]

    def add(self, seat: str, kind: str, text: str, **more: Any) -> None:
        turn = Turn(n=self.n + len(self.turns), act=self.act, seat=seat, kind=kind, text=text, **more)  # pyright: ignore[reportArgumentType]
        if not turn.heard_by:
            heard = perceivers(self.dialogue.situation.scene, self.world, turn)
            turn = turn.model_copy(update={"heard_by": heard})
        self.world = settle(self.world, turn)
        self.turns.append(turn)


def begin_state(dialogue: Dialogue) -> State:
    """The state before the first act: openings said, what happens at once happened, the first speaker chosen."""
    scene = dialogue.situation.scene
    minds = {seat.id: begin(dialogue.situation.emotions.get(seat.id, "")) for seat in scene.seats}
    draft = _Draft(dialogue, opening_world(scene), 0, 0, [])
    acts: list[str] = []
    for opening in scene.openings:
        _happen(draft, done=len(acts))
        text = dialogue.situation.text(opening.text[dialogue.variant % len(opening.text)])
        draft.add(opening.seat, opening.kind, text, emotion=minds[opening.seat].emotion, source="scene")
        acts.append(opening.seat)
        draft.act += 1
    _happen(draft, done=len(acts))
    state = State(
        turns=draft.turns, acts=acts, minds=minds, usage={seat.id: Usage() for seat in scene.seats}, faults=[],
        world=draft.world, next="", ending=None,
    )  # fmt: skip
    state["next"], state["ending"] = _follow(dialogue, draft.world, draft.turns, acts)
    return state


def note_for(dialogue: Dialogue, state: State, seat: str) -> tuple[str, Mind]:
    """The private note that closes this seat's prompt now, and the mind that has been told it."""
    mind = absorb(state["minds"][seat], len(state["turns"]))
    if dialogue.records[seat].format == "plain":
        return "", mind
    emotion, mind = tell(mind)
    last = dialogue.max_turns - len(state["acts"]) <= CLOSING_ACTS
    return (render("note", emotion=emotion, last=last) if emotion or last else ""), mind


def conclude(
    dialogue: Dialogue, state: State, seat: str, deed: Deed, *, note: str, mind: Mind, since: int | None
) -> dict[str, Any]:
    """The update that this act makes: its turns, one mind, the world, what happened, who is next or how it ended."""
    turns = state["turns"]
    mind = feel(mind, deed.reply.feel, dialogue.emotions)
    draft = _Draft(dialogue, state["world"], len(turns), turns[-1].act + 1 if turns else 0, [])
    _perform(draft, seat, deed.reply, mind, note, since)
    fresh = list(draft.turns)
    acts = [*state["acts"], seat]
    scene = dialogue.situation.scene
    ending = ending_of(scene, draft.world, [*turns[-300:], *fresh], fresh, len(acts), dialogue.max_turns)
    if ending is None and deed.reply.end:
        ending = Ending(reason="said_goodbye", by=seat)
    following = OVER
    if ending is None:
        draft.act += 1
        _happen(draft, done=len(acts))
        following, ending = _follow(dialogue, draft.world, [*turns[-60:], *draft.turns], acts)
    return {
        "turns": draft.turns,
        "acts": [seat],
        "minds": {seat: mind},
        "usage": {seat: add_usage(state["usage"][seat], deed.usage)},
        "world": draft.world.model_copy(update={"minutes": draft.world.minutes + scene.minutes}),
        "next": following,
        "ending": ending,
    }


def _perform(draft: _Draft, seat: str, reply: Reply, mind: Mind, note: str, since: int | None) -> None:
    """Turn the pieces of a reply into turns; the act's first turn carries note, faults and cut."""
    dialogue = draft.dialogue
    faults = list(reply.faults)
    if reply.feel and reply.feel.strip(" .").casefold() not in {name.casefold() for name in dialogue.emotions}:
        faults.append("unknown_feeling")
    for piece in reply.pieces:
        text, to = _resolved(draft, seat, piece, faults)
        if text:
            draft.add(seat, piece.kind, text, to=to, manner=piece.manner, emotion=mind.emotion)
    if not draft.turns:
        faults += [] if "unreadable" in faults or "empty" in faults else ["empty"]
        draft.add(seat, "do", forms()["silent"], emotion=mind.emotion)
    first = draft.turns[0].model_copy(update={"note": note, "faults": tuple(faults), "since": since})
    draft.turns[0] = first


def _resolved(draft: _Draft, seat: str, piece: Piece, faults: list[str]) -> tuple[str, tuple[str, ...]]:
    """A piece's text and addressees as ids; '' where it means nothing here (a fault says why)."""
    if piece.kind == "move":
        place = place_named(draft.dialogue.situation.scene, draft.world, seat, piece.text)
        if place is None:
            faults.append("unknown_place")
            return "", ()
        return ("" if place == draft.world.where[seat] else place), ()
    by_name = draft.dialogue.known_names
    to = tuple(dict.fromkeys(by_name[name.casefold()] for name in piece.to if name.casefold() in by_name))
    if piece.to and not to:
        faults.append("unknown_addressee")
    return piece.text, tuple(id for id in to if id != seat)


def _happen(draft: _Draft, done: int) -> None:
    """What happens to the scene before its act number `done`."""
    for happening in draft.dialogue.situation.scene.happenings:
        if happening.at == done:
            _tell(draft, happening)


def _tell(draft: _Draft, happening: Happening) -> None:
    dialogue = draft.dialogue
    heard = witnesses(dialogue.situation.scene, draft.world, happening)
    text = dialogue.situation.text(happening.text[dialogue.variant % len(happening.text)])
    if heard:
        draft.add(NARRATOR, "do", text, heard_by=heard, source="scene")
        draft.act += 1


def _follow(dialogue: Dialogue, world: World, turns: Sequence[Turn], acts: Sequence[str]) -> tuple[str, Ending | None]:
    """Who is next, or how it ends."""
    if len(acts) >= dialogue.max_turns:
        return OVER, Ending(reason="max_turns")
    following = _choose(dialogue, world, turns, acts)
    return following, (Ending(reason="director_ended", by=DIRECTOR) if following == OVER else None)


def _choose(dialogue: Dialogue, world: World, turns: Sequence[Turn], acts: Sequence[str]) -> str:
    scene = dialogue.situation.scene
    first = scene.director.first
    if first and len(acts) == len(scene.openings) and first not in acts[-1:] and dialogue.director_name != "scripted":
        return first
    if dialogue.directing is not None and acts:
        return DIRECTOR
    moment = Moment(
        scene=scene,
        names={id: record.name for id, record in dialogue.records.items()},
        present=tuple(seat.id for seat in scene.seats if world.where[seat.id] != OUT),
        turns=turns,
        acts=tuple(acts[-200:]) if dialogue.director_name != "scripted" else tuple(acts),
        rng=dialogue.rng(len(acts), "director"),
    )
    return dialogue.director.choose(moment)


def add_usage(one: Usage, other: Usage) -> Usage:
    """Both together."""
    return Usage(
        calls=one.calls + other.calls,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        repairs=one.repairs + other.repairs,
        reasoning_characters=one.reasoning_characters + other.reasoning_characters,
        estimated=one.estimated or other.estimated,
    )
