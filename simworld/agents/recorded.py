"""RecordedAgent: a seat says again what it said in a corpus.

`recorded:CORPUS` at a seat takes, for dialogue number k of the plan, what the seat of the same id (or else of the same
role) did in transcript number k, act by act. So one side of real conversations can be played against another model.
When its lines run out, the scene ends as `left`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from simworld.agents.agent import Deed, View
from simworld.corpus.store import Corpus
from simworld.errors import OutOfLines
from simworld.schema import Piece, Reply, Turn
from simworld.text.tokens import estimate

KEPT = 256
"""Transcripts kept in memory; dialogues in flight lie close together."""


class RecordedAgent:
    """Speaks from transcripts."""

    wants_messages = False
    budget = 0

    def __init__(self, path: str) -> None:
        self.spec = f"recorded:{path}"
        self._corpus = Corpus(path)
        self._acts: OrderedDict[tuple[int, str], list[Reply]] = OrderedDict()

    def count(self, text: str) -> int:
        """Tokens of a text, estimated."""
        return estimate(text)

    async def act(self, view: View) -> Deed:
        """The next recorded act of this seat. Raises OutOfLines after the last."""
        acts = self._of(view)
        done = len({turn.act for turn in view.turns if turn.seat == view.part.id and not turn.source})
        if done >= len(acts):
            raise OutOfLines(f"{self.spec}: seat '{view.part.id}' has no more lines in dialogue {view.part.index}")
        return Deed(acts[done])

    def _of(self, view: View) -> list[Reply]:
        key = (view.part.index, view.part.id)
        if key not in self._acts:
            transcript = self._corpus.find(str(view.part.index))
            seat = view.part.id
            if seat not in transcript.seats:
                same = [id for id, record in transcript.seats.items() if record.role == view.part.seat.role]
                seat = same[0] if same else seat
            self._acts[key] = _replies([turn for turn in transcript.turns if turn.seat == seat and not turn.source])
            while len(self._acts) > KEPT:
                self._acts.popitem(last=False)
        return self._acts[key]


def _replies(turns: Sequence[Turn]) -> list[Reply]:
    acts: dict[int, list[Turn]] = {}
    for turn in turns:
        acts.setdefault(turn.act, []).append(turn)
    return [
        Reply(
            pieces=tuple(Piece(kind=turn.kind, text=turn.text, to=turn.to, manner=turn.manner) for turn in act),
            feel=act[0].emotion,
        )
        for act in acts.values()
    ]
