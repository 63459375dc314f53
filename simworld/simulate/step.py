"""One act, from reply to state: what is said becomes turns, the world settles, and it is decided who is next.

Pure functions over frozen records; `graph` calls them and holds the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simworld.agents.agent import Deed
from simworld.mind import named
from simworld.prompts import forms
from simworld.schema import OUT, Ending, Mind, Piece, Reply, Tie, Turn, Usage, World
from simworld.schema.turn import CLOSING, Numbers
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.directors import OVER, Moment
from simworld.simulate.endings import ending_of
from simworld.simulate.events import Draft, unfold
from simworld.simulate.inside import Inside, felt
from simworld.simulate.state import DIRECTOR, State, add_usage
from simworld.world import opening_world, place_named


def begin_state(dialogue: Dialogue) -> State:
    """The state before the first act: openings said, what happens at once happened, the first speaker chosen."""
    scene = dialogue.situation.scene
    draft = Draft(dialogue, opening_world(scene), dict(dialogue.minds), 0, 0)
    acts: list[str] = []
    for opening in scene.openings:
        unfold(draft, len(acts), ())
        text = dialogue.situation.text(opening.text[dialogue.variant % len(opening.text)])
        draft.add(opening.seat, opening.kind, text, source="scene", **_stamp(dialogue, draft.minds[opening.seat]))
        acts.append(opening.seat)
        draft.act += 1
    unfold(draft, len(acts), ())
    state = State(
        turns=draft.turns, acts=acts, minds=draft.minds, news=draft.news, faults=[], world=draft.world,
        usage={seat.id: Usage() for seat in scene.seats}, next="", ending=None,
    )  # fmt: skip
    state["next"], state["ending"] = _follow(dialogue, draft, draft.turns, acts)
    return state


def conclude(
    dialogue: Dialogue, state: State, seat: str, deed: Deed, inside: Inside, since: int | None
) -> dict[str, Any]:
    """The update that this act makes: its turns, minds, the world, what happened, who is next or how it ended."""
    turns, scene = state["turns"], dialogue.situation.scene
    feeling = named(deed.reply.feel, dialogue.emotions)
    mind = felt(dialogue, seat, inside, feeling)
    minds = {**state["minds"], seat: mind}
    draft = Draft(dialogue, state["world"], minds, len(turns), turns[-1].act + 1 if turns else 0)
    _perform(draft, seat, deed.reply, inside, since, changed_ties(state["minds"][seat].ties, mind.ties))
    fresh = list(draft.turns)
    draft.news += [(seat, one) for one in inside.news]
    acts = [*state["acts"], seat]
    ending = (
        _closed(seat, deed.reply)
        if deed.reply.end
        else ending_of(scene, draft.world, [*turns[-300:], *fresh], fresh, len(acts), dialogue.max_turns)
    )
    draft.world = draft.world.model_copy(update={"minutes": draft.world.minutes + scene.minutes})
    following = OVER
    if ending is None:
        draft.act += 1
        unfold(draft, len(acts), fresh)
        following, ending = _follow(dialogue, draft, [*turns[-60:], *draft.turns], acts)
    return {
        "turns": draft.turns,
        "acts": [seat],
        "minds": {id: mind for id, mind in draft.minds.items() if mind is not state["minds"][id]},
        "news": draft.news,
        "usage": {seat: add_usage(add_usage(state["usage"][seat], inside.usage), deed.usage)},
        "world": draft.world,
        "next": following,
        "ending": ending,
    }


def _closed(seat: str, reply: Reply) -> Ending:
    """The end that this seat's reply makes of the conversation; one that a guard makes is not known to be one."""
    guard = next((name for name in reply.guards if name in CLOSING), "")
    chance = "" if reply.end_probability is None else f"p={reply.end_probability:.3f}"
    return Ending(reason="end_of_conversation", known=not guard, by=seat, detail=guard or chance)


def _stamp(dialogue: Dialogue, mind: Mind) -> dict[str, Any]:
    """What of the speaker's inside stands with each turn."""
    affect = mind.emotion.affect
    numbers = (affect.valence, affect.arousal, affect.dominance) if dialogue.numeric else None
    return {"emotion": mind.emotion.name, "affect": numbers}


def changed_ties(before: Mapping[str, Tie], after: Mapping[str, Tie]) -> dict[str, Numbers]:
    """Persona id -> the numbers of the ties that are not what they were."""
    if before is after:
        return {}
    return {
        id: (tie.warmth, tie.trust, tie.familiarity) for id, tie in after.items() if before.get(id) is not tie
    }  # fmt: skip


def _perform(
    draft: Draft, seat: str, reply: Reply, inside: Inside, since: int | None, ties: dict[str, Numbers]
) -> None:
    """Turn the pieces of a reply into turns; the act's first turn carries note, faults, cut and what lies behind it.

    A reply that only closes the conversation makes none.
    """
    dialogue, stamp = draft.dialogue, _stamp(draft.dialogue, draft.minds[seat])
    faults = [*inside.faults, *reply.faults]
    if reply.feel and not named(reply.feel, dialogue.emotions):
        faults.append("unknown_feeling")
    for piece in reply.pieces:
        text, to = _resolved(draft, seat, piece, faults)
        if text:
            draft.add(seat, piece.kind, text, to=to, manner=piece.manner, **stamp)
    if not draft.turns and reply.end:
        return
    if not draft.turns:
        faults += [] if "unreadable" in faults or "empty" in faults else ["empty"]
        draft.add(seat, "do", forms()["silent"], **stamp)
    first = {
        "note": inside.note, "faults": tuple(faults), "since": since, "ties": ties, "guards": reply.guards,
        "end_probability": reply.end_probability, "recalled": tuple(memory.id for memory in inside.recalled),
    }  # fmt: skip
    draft.turns[0] = draft.turns[0].model_copy(update=first)


def _resolved(draft: Draft, seat: str, piece: Piece, faults: list[str]) -> tuple[str, tuple[str, ...]]:
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


def _follow(dialogue: Dialogue, draft: Draft, turns: Sequence[Turn], acts: Sequence[str]) -> tuple[str, Ending | None]:
    """Who is next, or how it ends."""
    if len(acts) >= dialogue.max_turns:
        return OVER, Ending(reason="max_turns")
    following = _choose(dialogue, draft.world, draft.minds, turns, acts)
    return following, (Ending(reason="director_ended", by=DIRECTOR) if following == OVER else None)


def _choose(
    dialogue: Dialogue, world: World, minds: Mapping[str, Mind], turns: Sequence[Turn], acts: Sequence[str]
) -> str:
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
        minds=minds,
        cast=dialogue.situation.cast,
    )
    return dialogue.director.choose(moment)
