"""`--as messages`: a viewpoint as chat messages with loss flags.

    {"id", "transcript", "speaker", "messages": [{"role", "content", "loss"}]}

One system message as that seat had it, then user and assistant in strict alternation, the assistant last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from simworld.corpus.exports.rows import (
    Felt,
    MessagesRow,
    MindedMessage,
    MindedRow,
    Recalled,
    Stance,
    TrainMessage,
    row_id,
)
from simworld.errors import UsageError, unknown
from simworld.perspective import stretches
from simworld.perspective.layout import Stretch
from simworld.schema import Memory, Transcript, Turn


def messages_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[MessagesRow]:
    """A row for each stretch between cuts of the speaker's prompt."""
    return [
        MessagesRow(
            id=row_id(transcript.id, speaker, number),
            transcript=transcript.id,
            speaker=speaker,
            messages=[
                TrainMessage(role=message["role"], content=message["content"], loss=loss)
                for message, loss in zip(stretch["messages"], stretch["loss"], strict=True)
            ],
        )
        for number, stretch in enumerate(_stretches(transcript, speaker, thoughts, notes))
    ]


def _stretches(transcript: Transcript, speaker: str, thoughts: bool, notes: bool) -> list[Stretch]:
    return stretches(
        transcript.turns, speaker, transcript.seats, transcript.forms, places=transcript.places, thoughts=thoughts,
        notes=notes,
    )  # fmt: skip


class MindedRows:
    """The exporter `messages`, each own message with what lay behind it: some of `emotion`, `memory`, `relations`."""

    def __init__(self, inside: Sequence[str]) -> None:
        for name in inside:
            if name not in INSIDE:
                raise unknown("--with", name, INSIDE)
        if not inside:
            raise UsageError(f"--with names nothing; allowed: {', '.join(INSIDE)}")
        self._inside = tuple(name for name in INSIDE if name in inside)

    def __call__(self, transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[MindedRow]:
        """A row for each stretch between cuts of the speaker's prompt."""
        memories = _memories(transcript, speaker)
        rows: list[MindedRow] = []
        for number, stretch in enumerate(_stretches(transcript, speaker, thoughts, notes)):
            messages: list[MindedMessage] = []
            for message, loss, act in zip(stretch["messages"], stretch["loss"], stretch["acts"], strict=True):
                minded = MindedMessage(role=message["role"], content=message["content"], loss=loss)
                for name in self._inside:
                    minded[name] = INSIDE[name](act, memories)  # type: ignore[literal-required]
                messages.append(minded)
            id = row_id(transcript.id, speaker, number)
            rows.append(MindedRow(id=id, transcript=transcript.id, speaker=speaker, messages=messages))
        return rows


def _memories(transcript: Transcript, speaker: str) -> dict[int, Memory]:
    """Every memory that the speaker had at some time of the dialogue, by id."""
    record = transcript.minds.get(speaker)
    return {memory.id: memory for memory in (*record.begin.memories, *record.formed)} if record else {}


def _felt(act: Turn | None, memories: Mapping[int, Memory]) -> Felt | None:
    del memories
    if act is None or not act.emotion:
        return None
    valence, arousal, dominance = act.affect or (None, None, None)
    return Felt(name=act.emotion, valence=valence, arousal=arousal, dominance=dominance)


def _recalled(act: Turn | None, memories: Mapping[int, Memory]) -> list[Recalled]:
    found = [memories[id] for id in act.recalled if id in memories] if act else []
    return [
        Recalled(id=one.id, kind=one.kind, text=one.text, minutes=one.minutes, importance=one.importance)
        for one in found
    ]


def _stances(act: Turn | None, memories: Mapping[int, Memory]) -> list[Stance]:
    del memories
    ties = act.ties.items() if act else ()
    return [
        Stance(persona=persona, warmth=warmth, trust=trust, familiarity=familiarity)
        for persona, (warmth, trust, familiarity) in ties
    ]


INSIDE: dict[str, Callable[[Turn | None, Mapping[int, Memory]], object]] = {
    "emotion": _felt,
    "memory": _recalled,
    "relations": _stances,
}
"""What `--with` may add to an own message -> how it is read from its act."""
