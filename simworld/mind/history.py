"""A mind as it was at some moment of a transcript, put together from what the transcript keeps.

mind = mind_at(transcript, "ana")            # as the scene ended: fit to be loaded into another scene
mind = mind_at(transcript, "ana", turn=12)   # as it was when turn 12 had been done
"""

from __future__ import annotations

from simworld.errors import UsageError, unknown
from simworld.schema import Affect, Emotion, Memory, Mind, MindRecord, Tie, Transcript


def mind_at(transcript: Transcript, seat: str, turn: int | None = None) -> Mind:
    """The mind of a seat (or of the persona of this id) after this turn; as the scene ended where none is named.

    Raises UsageError where there is no such seat, no such turn, or where the transcript keeps no minds (imported ones).
    """
    id, record = _record(transcript, seat)
    if turn is None:
        return record.end.model_copy(update={"memories": _remembered(record, len(transcript.turns))})
    if not -1 <= turn < len(transcript.turns):
        raise UsageError(
            f"{transcript.id}: there is no turn {turn}; allowed: 0 to {len(transcript.turns) - 1}, or -1 for the start"
        )
    return _between(transcript, id, record, turn)


def _record(transcript: Transcript, seat: str) -> tuple[str, MindRecord]:
    by_persona = {one.persona: id for id, one in transcript.seats.items()}
    id = seat if seat in transcript.seats else by_persona.get(seat, "")
    if not id:
        raise unknown("seat", seat, transcript.seats)
    if id not in transcript.minds:
        raise UsageError(f"{transcript.id}: keeps no mind of '{id}': it was imported, or played by an older version")
    return id, transcript.minds[id]


def _between(transcript: Transcript, id: str, record: MindRecord, turn: int) -> Mind:
    """What is known of the mind after a turn: what its last act by then said, and the memories it had by then."""
    own = [one for one in transcript.turns[: turn + 1] if one.seat == id]
    mind = record.begin.model_copy(update={"memories": _remembered(record, turn)})
    ties = dict(mind.ties)
    for one in own:
        for other, (warmth, trust, familiarity) in one.ties.items():
            kind = ties[other].kind if other in ties else ""
            ties[other] = Tie(kind=kind, warmth=warmth, trust=trust, familiarity=familiarity)
    felt = mind.emotion
    if own and own[-1].emotion:
        valence, arousal, dominance = own[-1].affect or (0.0, 0.0, 0.0)
        felt = Emotion(
            name=own[-1].emotion, affect=Affect(valence=valence, arousal=arousal, dominance=dominance)
        )  # fmt: skip
    minutes = record.begin.minutes + (own[-1].minutes if own else 0.0)
    goals = [
        one.what.goal for one in transcript.interventions if one.what.seat == id and one.what.goal and one.n <= turn
    ]
    return mind.model_copy(
        update={
            "emotion": felt, "ties": ties, "minutes": minutes, "taken_in": own[-1].n if own else 0,
            "goal": goals[-1] if goals else "", "next_id": max((m.id + 1 for m in mind.memories), default=mind.next_id),
        }
    )  # fmt: skip


def _remembered(record: MindRecord, turn: int) -> tuple[Memory, ...]:
    """The memories that there were after a turn."""
    gone = {one.id for one in record.let_go if one.at <= turn}
    there = [*record.begin.memories, *(memory for memory in record.formed if memory.at <= turn)]
    return tuple(memory for memory in there if memory.id not in gone)
