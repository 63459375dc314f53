"""ImprovAgent: takes any seat, character, user, assistant or narrator."""

from __future__ import annotations

from simworld.agents.agent import Deed, View
from simworld.agents.improv import service
from simworld.agents.improv.compose import compose, is_leaving
from simworld.agents.improv.inward import deed, move, thought
from simworld.agents.improv.moment import Moment, moment_of
from simworld.schema import Reply
from simworld.text.tokens import estimate


class ImprovAgent:
    """The embedded default. It needs nothing, keeps nothing, and answers alike for alike views."""

    spec = "improv"
    wants_messages = False
    budget = 0

    def count(self, text: str) -> int:
        """Tokens of a text, estimated; improv reads no prompt."""
        return estimate(text)

    async def act(self, view: View) -> Deed:
        """Act once."""
        m = moment_of(view)
        role = view.part.seat.role
        if role in ("user", "assistant"):
            return Deed(Reply.of(say=service.message(m, role)))
        if role == "narrator":
            return Deed(Reply.of(say=service.narration(m)))
        return Deed(_plain(m) if view.part.seat.is_plain else _acted(m))


def _plain(m: Moment) -> Reply:
    speech = compose(m)
    return Reply.of(say=speech.text, to=speech.to, manner=speech.manner)


def _acted(m: Moment) -> Reply:
    speech = compose(m)
    return Reply.of(
        think=thought(m),
        do=deed(m, leaving=is_leaving(m), whispering=speech.manner == "whisper"),
        say=speech.text,
        to=speech.to,
        manner=speech.manner,
        move=move(m),
    )
