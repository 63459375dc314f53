"""Mind: a persona's inside at this moment: what it feels, remembers, and how it stands to others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simworld.schema.record import Record

Signed = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Affect(Record, frozen=True):
    """A point in the space of feelings: pleasure, arousal, dominance (Mehrabian & Russell 1974)."""

    valence: Signed = 0.0
    """-1 wretched .. 1 delighted."""
    arousal: Signed = 0.0
    """-1 asleep .. 1 beside oneself."""
    dominance: Signed = 0.0
    """-1 at another's mercy .. 1 in command."""


class Emotion(Record, frozen=True):
    """What is felt now: the numbers, and the name of the region they lie in."""

    name: str = ""
    """One of the named emotions, or empty: not known."""
    affect: Affect = Affect()


class Temperament(Record, frozen=True):
    """How somebody feels when nothing happens, and how readily they are moved; fixed for a persona."""

    baseline: Affect = Affect()
    to_good: Share = 0.5
    """Share of the way that something pleasant moves them."""
    to_bad: Share = 0.5
    """Share of the way that something unpleasant moves them."""
    half_life: Annotated[float, Field(gt=0)] = 60.0
    """Minutes of scene time in which half of what moved them has faded."""


class Appraisal(Record, frozen=True):
    """What something does to the one who takes it in."""

    named: str = ""
    """The emotion that its owner names (a model's `<feel>`), as the vocabulary spells it; empty: none."""
    affect: Affect = Affect()
    """Where it pulls."""
    strength: Share = 0.0
    """How much of it there is; 0: nothing to be moved by."""
    warmth: Signed = 0.0
    """What it does to one's warmth for who said it."""
    trust: Signed = 0.0
    """What it does to one's trust in who said it."""


class Tie(Record, frozen=True):
    """How one stands to another, as it is felt: nobody else knows it."""

    kind: str = ""
    """What one is to the other, such as `older sister of`; empty: nothing in particular."""
    warmth: Signed = 0.0
    """-1 hates .. 1 loves."""
    trust: Signed = 0.0
    """-1 would not believe a word .. 1 blindly."""
    familiarity: Signed = -0.5
    """-1 has never heard of .. 1 knows by heart."""


class Memory(Record, frozen=True):
    """One thing remembered."""

    id: int
    """Number in its owner's life, from 0."""
    kind: Literal["episode", "belief", "planted"] = "episode"
    """`episode`: perceived; `belief`: condensed from others; `planted`: by an intervention."""
    text: str
    """What: in words, with the names of people."""
    minutes: float = 0.0
    """When, in its owner's life: minutes since the beginning of the first scene."""
    scene: str = ""
    """Id of the dialogue in which it came to be."""
    at: int = -1
    """Turn of that dialogue after which it was there; -1: before its first."""
    turns: tuple[int, ...] = ()
    """The turns of that dialogue it came from."""
    where: str = ""
    """Name of the place."""
    who: tuple[str, ...] = ()
    """Personas it is about, who said or did it first; ids."""
    private: bool = False
    """Meant for nobody else: an own thought, an aside, a whisper."""
    importance: Share = 0.0
    emotion: str = ""
    """What its owner felt at the time."""
    evidence: tuple[int, ...] = ()
    """`belief`: ids of the memories it was condensed from."""


class LetGo(Record, frozen=True):
    """A memory that was forgotten."""

    id: int
    at: int = -1
    """Turn of the dialogue after which it was gone."""
    text: str
    """What it had been."""
    into: int | None = None
    """Id of the belief that keeps its gist, where one does."""


class Mind(Record, frozen=True):
    """A persona's inside at one moment; made anew at each act, never changed. It holds what this one alone knows."""

    emotion: Emotion = Emotion()
    minutes: float = 0.0
    """Its owner's clock: minutes lived through, up to when it last took anything in."""
    taken_in: int = 0
    """Number of turns of the dialogue that it has absorbed."""
    memories: tuple[Memory, ...] = ()
    """What is remembered, the oldest first; bounded."""
    next_id: int = 0
    """Id of the next memory."""
    unreflected: float = 0.0
    """Importance gathered since it last reflected."""
    ties: dict[str, Tie] = Field(default_factory=dict)
    """Persona id -> how this one stands to them."""
    goal: str = ""
    """What is wanted now, where an intervention has swapped the seat's goal."""
    told: str = ""
    """The emotion that the character was last told of in a note."""
    told_goal: str = ""
    """The swapped goal that it was last told of."""
    told_ties: dict[str, str] = Field(default_factory=dict)
    """Persona id -> the words in which it was last told how it stands to them."""
    pressing: tuple[int, ...] = ()
    """Ids of memories that the next note tells whatever is talked of."""
