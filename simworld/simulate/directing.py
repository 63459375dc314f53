"""A model directs: it reads what everybody can see and hear, and names who acts next or ends the scene."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from simworld.agents.agent import Part, View
from simworld.perspective import Layout
from simworld.prompts import forms, render
from simworld.schema import NARRATOR, OUT, Briefing, Ending, Persona, Seat, SeatRecord, Turn, Usage
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.state import DIRECTOR, State, add_usage

_NEXT = re.compile(r"^\W*NEXT\W+(.+?)\W*$", re.IGNORECASE | re.MULTILINE)
_END = re.compile(r"^\W*END\b\W*(goal)?", re.IGNORECASE | re.MULTILINE)


async def direct(dialogue: Dialogue, state: State) -> dict[str, Any]:
    """The update that the director's choice makes. Asked once more where the answer names nobody; then the one who
    has waited longest acts, and the transcript carries the fault `director_unreadable`."""
    agent = dialogue.directing
    assert agent is not None
    usage = state["usage"].get(DIRECTOR, Usage())
    for _ in range(2):
        deed = await agent.act(_view(dialogue, state, usage.calls))
        usage = add_usage(usage, deed.usage)
        text = " ".join(piece.text for piece in deed.reply.pieces)
        choice = _read(dialogue, state, text)
        if choice:
            return {**choice, "usage": {DIRECTOR: usage}}
    present = _present(dialogue, state)
    last = {seat: at for at, seat in enumerate(state["acts"])}
    waited = min(present, key=lambda seat: last.get(seat, -1))
    return {"next": waited, "usage": {DIRECTOR: usage}, "faults": [f"director_unreadable:{len(state['acts'])}"]}


def _read(dialogue: Dialogue, state: State, text: str) -> dict[str, Any] | None:
    end = _END.search(text)
    if end and len(state["acts"]) >= dialogue.situation.scene.director.after:
        reason = "goal_reached" if end[1] else "director_ended"
        return {"ending": Ending(reason=reason, by=DIRECTOR)}
    named = _NEXT.search(text)
    called = (named[1] if named else text).strip(" .*`\"'").casefold()
    seat = called if called in dialogue.records else dialogue.known_names.get(called)
    return {"next": seat} if seat in _present(dialogue, state) else None


def _present(dialogue: Dialogue, state: State) -> list[str]:
    return [seat.id for seat in dialogue.situation.scene.seats if state["world"].where[seat.id] != OUT]


def _view(dialogue: Dialogue, state: State, calls: int) -> View:
    """What everybody perceived, as one user message that grows, and the question who is next."""
    scene = dialogue.situation.scene
    names = {id: record.name for id, record in dialogue.records.items()}
    may_end = len(state["acts"]) >= scene.director.after
    system = render(
        "director", title=scene.title, background=dialogue.situation.text(scene.background), seats=names, may_end=True
    )
    briefing = Briefing(system=system, opener="", nudge=render("direct_next", may_end=may_end))
    record = SeatRecord(persona="", name=DIRECTOR, format="acted", backend="", briefing=briefing)
    agent = dialogue.directing
    assert agent is not None
    layout = Layout(DIRECTOR, {**dialogue.records, DIRECTOR: record}, forms(), places=dialogue.places)
    late = {seat.id for seat in scene.seats if seat.enters}
    public = _public(state["turns"], dialogue.records.keys() - late)
    room = agent.budget and agent.budget - agent.count(system) - 64
    start = _start(public, agent.budget, room, agent.count)
    for turn in public[start:]:
        layout.take(turn.model_copy(update={"heard_by": (*turn.heard_by, DIRECTOR)}))
    part = Part(
        id=DIRECTOR, seat=Seat(id=DIRECTOR, format="plain"), persona=Persona(id=DIRECTOR, name=DIRECTOR), others={},
        title=scene.title, kind="", time="", background="", status="", topic="", goal="", knows="",
        places={}, briefing=briefing, dialogue=dialogue.id, index=dialogue.index, seed=dialogue.seed,
        max_turns=dialogue.max_turns,
    )  # fmt: skip
    messages = layout.prompt()
    messages[-1] = {"role": "user", "content": f"{messages[-1]['content']}\n{briefing.nudge}"}
    view = View(part, (), 0, len(state["acts"]), calls, "", "", ())
    return replace(view, messages=messages)


def _start(public: list[Turn], budget: int, room: int, count: Any) -> int:
    """The first public turn that still fits into the director's prompt."""
    if not budget:
        return 0
    at = len(public)
    while at and (room := room - count(public[at - 1].text) - 16) >= 0:
        at -= 1
    return at


def _public(turns: Iterable[Turn], seats: Iterable[str]) -> list[Turn]:
    """What all perceived who were there (`seats` from the start); whispers, thoughts and other rooms are none of the
    director's."""
    there = set(seats)
    public: list[Turn] = []
    for turn in turns:
        private = turn.kind == "think" or turn.manner or (turn.seat == NARRATOR and turn.to)
        if not private and there - {turn.seat} <= set(turn.heard_by):
            public.append(turn)
        if turn.kind == "move" and turn.text == OUT:
            there.discard(turn.seat)
        elif turn.kind == "move":
            there.add(turn.seat)
    return public
