"""Turn: one thing thought, said or done by one speaker. Act: the turns of one model call."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from simworld.schema.record import Record

Numbers = tuple[float, float, float]

Kind = Literal["think", "say", "do", "move"]
Manner = Literal["", "whisper", "aside"]
CLOSING = frozenset({"max_turns", "context_full", "gave_up"})
"""Guards of a user simulator that end the conversation themselves: nobody has said that it is over."""


class Turn(Record, frozen=True):
    """One thing thought, said or done, to whom, with the emotion it was done in."""

    n: int
    """Position in the dialogue, from 0."""
    act: int
    """Number of the act it belongs to, from 0: the turns of one reply share it. Happenings have acts of their own."""
    minutes: float = 0.0
    """Scene time at which it was done, in minutes since the beginning."""
    seat: str
    """Seat id; `narrator` for happenings and narration."""
    kind: Kind
    """`think` is private to its speaker."""
    text: str
    to: tuple[str, ...] = ()
    """Seats it is addressed to; empty: everyone."""
    manner: Manner = ""
    """`whisper`: perceived by `to` alone; `aside`: by nobody else."""
    heard_by: tuple[str, ...] = ()
    """Seats that perceived it, the speaker left out."""
    emotion: str = ""
    """The speaker's emotion as it was done; empty: not known."""
    affect: Numbers | None = None
    """The same in numbers, each -1..1: valence, arousal, dominance; None: not known, or the emotion is categorical."""
    ties: dict[str, Numbers] = Field(default_factory=dict)
    """Persona id -> warmth, trust, familiarity (each -1..1) of the speaker for them, where they have changed since the
    speaker's last act (on the act's first turn)."""
    recalled: tuple[int, ...] = ()
    """Ids of the speaker's memories that its prompt for this act brought back (on the act's first turn)."""
    note: str = ""
    """The private note that closed the speaker's prompt for this act (on the act's first turn)."""
    faults: tuple[str, ...] = ()
    """What was wrong with the reply (on the act's first turn): `spoke_for_others`, `unreadable`, `empty`, `cut` ..."""
    guards: tuple[str, ...] = ()
    """Guards of a user simulator that acted on this reply, one entry each time (on the act's first turn)."""
    end_probability: float | None = None
    """0..1: how likely the speaker was to end the conversation in place of this act, before any guard (on the act's
    first turn); None: its backend does not tell."""
    source: Literal["", "scene"] = ""
    """`scene`: written by the scene's author (openings, happenings), not by the speaker's backend."""
    since: int | None = None
    """On the first turn of an act whose prompt was cut: the speaker's view starts at this turn from here on."""


class Piece(Record, frozen=True):
    """One thing in a reply, before it is known who perceives it."""

    kind: Kind
    text: str
    """What is thought, said or done; for `move` a place's id or name, or `out`."""
    to: tuple[str, ...] = ()
    """Names or ids, as written."""
    manner: Manner = ""


class Reply(Record, frozen=True):
    """What a speaker answers when asked to act: read by `perspective.parse_reply`, or composed by improv.

    `Reply.of(think="...", say="...")` makes the common one.
    """

    pieces: tuple[Piece, ...] = ()
    feel: str = ""
    """Appraisal: one of the named emotions, as written."""
    end: bool = False
    """The speaker closes the conversation with this: after its pieces, or, where there are none, in their place."""
    end_probability: float | None = None
    """As in a turn."""
    guards: tuple[str, ...] = ()
    """As in a turn."""
    faults: tuple[str, ...] = ()
    """What was wrong with the reply."""
    dropped: int = 0
    """Characters of model reasoning (`<think>`) that were not the character's and were dropped."""

    @classmethod
    def of(
        cls,
        *,
        think: str = "",
        do: str = "",
        say: str = "",
        to: tuple[str, ...] = (),
        manner: Manner = "",
        move: str = "",
        feel: str = "",
        end: bool = False,
    ) -> Reply:
        """A reply of at most one thought, action, speech and move, in this order."""
        pieces = [Piece(kind="think", text=think)] if think else []
        pieces += [Piece(kind="do", text=do)] if do else []
        pieces += [Piece(kind="say", text=say, to=to, manner=manner)] if say else []
        pieces += [Piece(kind="move", text=move)] if move else []
        return cls(pieces=tuple(pieces), feel=feel, end=end)
