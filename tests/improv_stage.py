"""Parts and views for an improv agent, made by hand: dialogues without an engine.

turns = Stage({"a": ANN, "b": BO}, goals={"a": "get the grey case"}).play(8)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from simworld.agents.agent import Other, Part, View
from simworld.agents.improv import ImprovAgent
from simworld.schema import NARRATOR, Affect, Briefing, Memory, Persona, Reply, Seat, Tie, Turn

BRIEFING = Briefing(system="", opener="", nudge="")


class Stage:
    """Seats that act one after another. `told` are fields of every Part; what minds hold is by seat: `ties` (of a seat
    to the others), `recalled` (what comes back at every act) and the like."""

    def __init__(
        self,
        cast: Mapping[str, Persona],
        *,
        seed: int = 1,
        roles: Mapping[str, str] | None = None,
        emotions: Mapping[str, str] | None = None,
        goals: Mapping[str, str] | None = None,
        knows: Mapping[str, str] | None = None,
        affects: Mapping[str, Affect] | None = None,
        ties: Mapping[str, Mapping[str, Tie]] | None = None,
        recalled: Mapping[str, tuple[Memory, ...]] | None = None,
        max_turns: int = 12,
        **told: Any,
    ) -> None:
        self.cast = dict(cast)
        self.emotions = dict(emotions or {})
        self.affects, self.ties, self.recalled = dict(affects or {}), dict(ties or {}), dict(recalled or {})
        self.turns: list[Turn] = []
        self.act = 0
        roles = roles or {}
        blank = dict.fromkeys(("title", "kind", "time", "background", "status", "topic"), "")
        self.parts = {
            id: Part(
                id=id,
                seat=Seat(id=id, role=roles.get(id, "character")),  # type: ignore[arg-type]
                persona=persona,
                others={o: Other(p.name, roles.get(o, "character")) for o, p in self.cast.items() if o != id},
                goal=(goals or {}).get(id, ""),
                knows=(knows or {}).get(id, ""),
                briefing=BRIEFING,
                dialogue="d",
                index=0,
                seed=seed,
                max_turns=max_turns,
                **{"places": {}, **blank, **told},
            )
            for id, persona in self.cast.items()
        }

    def say(self, seat: str, text: str, **fields: Any) -> Stage:
        """A line by one of the seats, or something that happens (`narrator`)."""
        kind = "do" if seat == NARRATOR else "say"
        return self._add(seat, fields.pop("kind", kind), text, **fields)

    def _add(self, seat: str, kind: Any, text: str, **fields: Any) -> Stage:
        self.turns.append(Turn(n=len(self.turns), act=self.act, seat=seat, kind=kind, text=text, **fields))
        return self

    def view(self, seat: str, **changes: Any) -> View:
        """What this seat knows now."""
        seen = [t for t in self.turns if t.seat == seat or (t.kind != "think" and (not t.manner or seat in t.to))]
        last = max((at for at, turn in enumerate(seen) if turn.seat == seat), default=-1)
        part = replace(self.parts[seat], **changes)
        others = tuple(id for id in self.cast if id != seat)
        return View(
            part=part, turns=seen, fresh=last + 1, act=self.act, calls=0, emotion=self.emotions.get(seat, ""),
            place=next(iter(part.places), ""), present=others, affect=self.affects.get(seat, Affect()),
            ties=self.ties.get(seat, {}), recalled=self.recalled.get(seat, ()),
        )  # fmt: skip

    def ask(self, seat: str, **changes: Any) -> Reply:
        """The reply of this seat, not yet made part of the dialogue."""
        return asyncio.run(ImprovAgent().act(self.view(seat, **changes))).reply

    def play(self, acts: int, order: Sequence[str] = ()) -> list[Turn]:
        """The turns after so many acts, the seats taking turns."""
        order = order or tuple(self.cast)
        for _ in range(acts):
            seat = order[self.act % len(order)]
            for piece in self.ask(seat).pieces:
                self._add(seat, piece.kind, piece.text, to=piece.to, manner=piece.manner)
            self.act += 1
        return self.turns


def said(reply: Reply) -> str:
    """What a reply says aloud."""
    return " ".join(piece.text for piece in reply.pieces if piece.kind == "say")
