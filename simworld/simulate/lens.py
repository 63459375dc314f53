"""Lens: one seat's growing view of a dialogue.

It is a memo over the turns of the state: it can be made anew from any state, and is only kept so that a turn costs the
same however long the dialogue is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from simworld.agents.agent import Agent, trained_of
from simworld.errors import BackendError
from simworld.perspective import Layout, Message
from simworld.prompts import forms
from simworld.schema import Memory, SeatRecord, Turn

WORKING = 60
"""Turns that are before whoever reads no prompt."""
UNSEEN: dict[str, Any] = {"emotion": "", "affect": None, "ties": {}, "recalled": (), "note": ""}
"""What of another's turn is that one's inside, and nobody else's to see."""
_TURN_OVERHEAD = 8
"""Tokens that name, markup and emotion add to a turn, on the high side."""


class Outside(dict[int, Turn]):
    """Turns as others perceive them, by number; the lenses of a dialogue share one."""

    def of(self, turn: Turn) -> Turn:
        """The turn without what is its speaker's inside."""
        if turn.n not in self:
            self[turn.n] = turn.model_copy(update=UNSEEN)
        return self[turn.n]


class Lens:
    """One seat's growing view: the turns it perceived, and its prompt."""

    def __init__(
        self, seat: str, agent: Agent, records: Mapping[str, SeatRecord], places: Mapping[str, str], outside: Outside
    ) -> None:
        self._seat, self._agent, self._records, self._places = seat, agent, records, places
        self._outside = outside
        self._taken = 0
        self._told: deque[tuple[int, tuple[int, ...]]] = deque()
        self.perceived: list[Turn] = []
        self.fresh = 0
        self.since = 0
        self._layout = self._new_layout()

    def take_in(self, turns: Sequence[Turn]) -> None:
        """Take in the turns that are new since the last time."""
        for turn in turns[self._taken :]:
            if turn.seat == self._seat:
                if turn.since is not None and turn.since != self.since:
                    self._restart(turns[: turn.n], turn.since)
                self.perceived.append(turn)
                self.fresh = len(self.perceived)
                if turn.recalled:
                    self._told.append((turn.n, turn.recalled))
            elif self._seat in turn.heard_by:
                self.perceived.append(self._outside.of(turn))
            if self._agent.wants_messages:
                self._layout.take(turn)
        self._taken = len(turns)

    def fresh_turns(self) -> list[Turn]:
        """What it perceived since its own last act."""
        return self.perceived[self.fresh :]

    def since_turn(self, n: int) -> list[Turn]:
        """What it perceived or did from turn `n` on."""
        start = len(self.perceived)
        while start and self.perceived[start - 1].n >= n:
            start -= 1
        return self.perceived[start:]

    def shown(self, memories: Sequence[Memory], first: int) -> set[int]:
        """Ids of the memories that are before this one anyway: their turns, or a note that told them, are in its view.

        `first`: the id from which on memories are of this dialogue.

        For whoever reads no prompt, the last `WORKING` turns that it perceived are its view.
        """
        start = self.since
        if not self._agent.wants_messages and len(self.perceived) > WORKING:
            start = self.perceived[-WORKING].n
        while self._told and self._told[0][0] < start:
            self._told.popleft()
        told = {id for _, ids in self._told for id in ids}
        return {m.id for m in memories if m.id in told or (m.id >= first and m.turns and m.turns[-1] >= start)}

    def prompt(self, turns: Sequence[Turn], note: str, *, last: bool = False) -> tuple[list[Message], int | None]:
        """The messages to act on, and where the view now starts if the older part had to leave: half of it where it no
        longer fits; with `last`, all before what was perceived since the own last act.

        Raises BackendError where what was heard last passes the budget alone.
        """
        if not self._agent.wants_messages:
            return [], None
        before = self.since
        if last and (start := self._newest(len(turns))) > before:
            self._restart(turns, start)
        messages = self._layout.prompt(note)
        if self._fits(messages):
            return messages, self.since if self.since > before else None
        room = max(0, self._agent.budget - self._count(messages[0]["content"])) // 2
        while not self._fits(messages):
            since = self._younger(room, len(turns))
            if since > self.since:
                self._restart(turns, since)
                messages = self._layout.prompt(note)
            elif not room:
                self._restart(turns, before)  # nobody was asked: no turn will tell of this cut
                raise self._too_long()
            room //= 2
        return messages, self.since

    @property
    def room(self) -> int:
        """Tokens that are left to a prompt beside its system message; 0 where there is no bound."""
        system = self._layout.messages[0]["content"]
        return max(1, self._agent.budget - self._count(system)) if self._agent.budget else 0

    def _too_long(self) -> BackendError:
        return BackendError(
            f"seat '{self._seat}': the prompt passes the {self._agent.budget} tokens that its model can take even "
            "without its older turns; give --context, or shorten the persona or the scene"
        )

    def _fits(self, messages: Sequence[Message]) -> bool:
        budget = self._agent.budget
        return not budget or self._layout.tokens + self._count(messages[-1]["content"]) <= budget

    def _newest(self, end: int) -> int:
        """The turn from which on nothing is the own last act or older than it; `end` where nothing is."""
        return next((turn.n for turn in self.fresh_turns()), end)

    def _younger(self, room: int, end: int) -> int:
        """The turn from which on the view takes this many tokens at the most, where another's act starts.

        Of what was heard since the own last act, the newest is kept in any case; `end` keeps nothing.
        """
        start = end
        for at in range(len(self.perceived) - 1, -1, -1):
            turn = self.perceived[at]
            room -= self._count(turn.text) + 2 * _TURN_OVERHEAD
            room -= self._count(turn.note) if turn.note and turn.seat == self._seat else 0
            if room < 0 and (start < end or at < self.fresh):
                break
            begins = at == 0 or self.perceived[at - 1].act != turn.act
            if begins and turn.seat != self._seat:
                start = turn.n
        return start

    def _restart(self, turns: Sequence[Turn], since: int) -> None:
        self.since = since
        self._layout = self._new_layout()
        for turn in turns[since:]:
            self._layout.take(turn)

    def _new_layout(self) -> Layout:
        trained = trained_of(self._agent)
        return Layout(
            self._seat, self._records, forms(), places=self._places, thoughts=trained is None or trained.thoughts,
            notes=trained is None or trained.notes, begun=self.since > 0, count=self._agent.count,
        )  # fmt: skip

    def _count(self, text: str) -> int:
        return self._agent.count(text)
