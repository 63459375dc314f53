"""Scene: where and why people meet, who may sit there, and how it ends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from simworld.schema.condition import Condition
from simworld.schema.mind import Signed
from simworld.schema.persona import ONE_LINE, Identifier, Line, Text, Unit, Word
from simworld.schema.record import Record

_Cell = Annotated[str, Field(max_length=20_000)]
Row = Annotated[dict[Identifier, _Cell], Field(min_length=1, max_length=64)]
"""What one dialogue of a scene is about: column -> text."""
Role = Literal["character", "user", "assistant", "narrator"]
Format = Literal["acted", "plain"]
_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_Several = Annotated[tuple[_Text, ...], Field(min_length=1, max_length=24)]
Texts = Annotated[
    _Several,
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else value, json_schema_input_type=_Several | _Text
    ),
]
NARRATOR = "narrator"
"""The id under which happenings and narration stand in a transcript; no other seat may bear it."""


class Place(Record, frozen=True):
    """A room, yard or street corner of the scene's map."""

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=600, pattern=ONE_LINE)]
    """What it is called."""
    exits: tuple[Identifier, ...] = ()
    """Places one can go to from here; a way leads in both directions."""
    hears: tuple[Identifier, ...] = ()
    """Other places whose speech carries to here."""


class Constraint(Record, frozen=True):
    """Who may take an open seat; every field given must hold."""

    career: tuple[Word, ...] = ()
    """Any of these careers."""
    traits: tuple[Word, ...] = ()
    """Any of these traits."""
    skills: tuple[Word, ...] = ()
    """Any of these skills."""
    gender: tuple[Word, ...] = ()
    """Any of these genders."""
    age: Annotated[str, Field(pattern=r"^$|^(>=|<=|>|<|=)?\s*\d{1,3}$|^\d{1,3}\s*-\s*\d{1,3}$")] = ""
    """A bound such as `>=60`, `<30`, or a range `40-55`."""
    not_: Annotated[tuple[Identifier, ...], Field(alias="not")] = ()
    """Personas that may not sit here."""


class Seat(Record, frozen=True):
    """A place at the scene's table. Without `persona` it is open to whoever meets `who`."""

    id: Identifier
    persona: Identifier | None = None
    """Id of a fixed persona; leave out for an open seat."""
    who: Constraint = Constraint()
    """Who may take an open seat."""
    role: Role = "character"
    """`user` and `assistant` speak plainly (no thoughts or actions) unless `format` says otherwise."""
    format: Format | None = None
    """`acted`: thought, speech, action and feeling; `plain`: speech alone. Default: by role."""
    profile: Text = ""
    """Who this one is, in place of the persona's own profile: 'You are ...'. A template: `{{ row.persona }}`."""
    history: Literal["whole", "last"] = "whole"
    """How much of the scene stands in this one's prompt: all of it, or what was perceived since the own last act."""
    main: bool = False
    """The viewpoint that `export --speaker main` takes; else the first seat."""
    goal: Text = ""
    """Private: what this one wants here. A template."""
    emotion: Word = ""
    """Starting emotion, from the vocabulary `emotions`; empty: drawn from the scene's `emotions` by the plan."""
    place: Identifier | None = None
    """Where this one starts; default: the scene's first place."""
    enters: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Comes in before the act with this number; until then this one perceives nothing. 0: is there from the start."""
    knows: Text = ""
    """Private: what this one alone knows of the situation. A template."""
    backend: Annotated[str, Field(max_length=200)] | None = None
    """What speaks for this seat: `improv`, `scripted:FILE` (in the pack) or `provider:name`."""

    @property
    def is_plain(self) -> bool:
        """Whether this seat speaks without thoughts, actions and markup."""
        return (self.format or ("plain" if self.role in ("user", "assistant") else "acted")) == "plain"


class Relation(Record, frozen=True):
    """What one is to another, told to both unless `private`; and how `of` feels about it, told to `of` alone."""

    of: Identifier
    to: Identifier
    kind: Annotated[str, Field(max_length=600, pattern=ONE_LINE)]
    """Such as `older sister of`, `patient of`."""
    private: bool = False
    """Known to `of` alone."""
    warmth: Signed | None = None
    """How warmly `of` feels for `to`, -1 hates .. 1 loves; default: by the words of `kind`."""
    trust: Signed | None = None
    """How far `of` trusts `to`, -1 .. 1; default: by the words of `kind`."""
    familiarity: Signed | None = None
    """How well `of` knows `to`, -1 .. 1; default: by the words of `kind`."""


class Opening(Record, frozen=True):
    """A line the scene gives before anybody is asked."""

    seat: Identifier
    text: Texts
    """A template, or several: dialogues take them in turn."""
    kind: Literal["say", "do", "think"] = "say"


class Happening(Record, frozen=True):
    """Something that happens to the scene, not by one of its seats: at an act, or once when something holds."""

    at: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Before the act with this number (from 0)."""
    when: Identifier | None = None
    """Once, as soon as this one of the scene's `conditions` holds (with `at`: not before that act)."""
    enters: Identifier | None = None
    """Once, as soon as this place is entered by anybody (or by one of `by`)."""
    by: tuple[Identifier, ...] = ()
    """`enters`: only these seats count; default: any."""
    probability: Unit = 1.0
    """Share of dialogues in which it may happen at all; drawn from the dialogue's seed."""
    text: Texts
    """A template written as narration, or several: dialogues take them in turn."""
    place: Identifier | None = None
    """Perceived only there (and where it is heard); default: everywhere."""
    to: tuple[Identifier, ...] = ()
    """Perceived only by these seats; default: all."""


class Intervention(Record, frozen=True):
    """A hand from outside: at an act or once a condition holds, something of one seat's inside is changed."""

    seat: Identifier
    """Whom it concerns; nobody else learns of it."""
    at: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Before the act with this number (from 0)."""
    when: Identifier | None = None
    """Once, as soon as this one of the scene's `conditions` holds (with `at`: not before that act)."""
    emotion: Word = ""
    """From now on they feel this, from the vocabulary `emotions`."""
    memory: Text = ""
    """A memory that is planted, in words as its owner would have it: 'Ana lent me forty euros.' A template."""
    whisper: Text = ""
    """Something that this one alone perceives now. A template."""
    goal: Text = ""
    """What they want from now on. A template."""


class GoalRule(Record, frozen=True):
    """A rule over turns that ends the scene as `goal_reached`."""

    seat: Identifier | None = None
    """Who must say or do it; default: anyone."""
    kind: Literal["say", "do", "move"] = "say"
    words: Annotated[tuple[Line, ...], Field(min_length=1, max_length=24)]
    """One of these must stand in the turn (case ignored, whole words)."""
    after: Annotated[int, Field(ge=0)] = 0
    """Not before this many acts."""


class End(Record, frozen=True):
    """When a scene ends. `left` and `failed` always can."""

    max_turns: Annotated[int, Field(ge=1, le=10_000)] = 16
    """At the most this many acts: a turn is one time that somebody is up, whatever they think, say and do in it."""
    min_turns: Annotated[int, Field(ge=0)] = 0
    """No goodbye, stale or goal ends the scene before this many acts."""
    goodbye: bool = True
    """End once two different speakers in a row have taken leave."""
    stale: Annotated[int, Field(ge=0)] = 3
    """End after this many acts in a row that add nothing (silent, or said before); 0: never."""
    goal: tuple[GoalRule, ...] = ()


class Direction(Record, frozen=True):
    """The turn-taking policy and its options."""

    name: Word = ""
    """A director: `alternate`, `round_robin`, `addressed`, `urge`, `scripted`, `model`. Default: `alternate` for two
    seats, `addressed` for more."""
    first: Identifier | None = None
    """Who acts first; default: the first seat, or who is asked by the opening."""
    order: tuple[Identifier, ...] = ()
    """`round_robin`: the order; `scripted`: the whole script."""
    then: Literal["repeat", "end"] = "end"
    """`scripted`: what follows the script."""
    after: Annotated[int, Field(ge=0)] = 4
    """`model`: the director may end the scene only after this many acts."""


class Scene(Record, frozen=True):
    """Where and why people meet. A YAML file under `scenes/`; the file's name is the id."""

    id: Identifier
    title: Line
    kind: Word = ""
    """Kind of scene: chat, debate, discussion, speech, work, family, conflict, service ..."""
    drawn: bool = True
    """Played where no scene is named; `false`: only where it is named."""
    places: tuple[Place, ...] = ()
    """The map; the first place is where seats start. Empty: one nameless place."""
    time: Line = ""
    """Such as `22:40, a wet Tuesday in March`."""
    minutes: Annotated[float, Field(gt=0, le=1440)] = 1
    """Scene time that one act takes, in minutes."""
    background: Text = ""
    """What everybody knows of the situation. A template."""
    status: Text = ""
    """How things stand as it begins (SimsChat's 'Status'). A template."""
    seats: Annotated[tuple[Seat, ...], Field(min_length=1, max_length=8)]
    relations: tuple[Relation, ...] = ()
    topics: tuple[Word, ...] = ()
    """From the vocabulary `topics`; the plan spreads dialogues over them."""
    emotions: tuple[Word, ...] = ()
    """From the vocabulary `emotions`; the plan spreads them over seats without a starting emotion."""
    rows: Annotated[tuple[Row, ...], Field(max_length=200)] = ()
    """What the scene's templates read as `row.COLUMN`: dialogues take these in turn, or those of a file (`--rows`)."""
    openings: tuple[Opening, ...] = ()
    conditions: dict[Identifier, Condition] = {}
    """Name -> condition: what happenings, interventions and stories wait for."""
    happenings: tuple[Happening, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    director: Direction = Direction()
    end: End = End()

    def seat(self, id: str) -> Seat:
        """The seat with this id; KeyError where there is none."""
        for seat in self.seats:
            if seat.id == id:
                return seat
        raise KeyError(id)

    @property
    def main(self) -> str:
        """Id of the main seat: the one marked so, else the first."""
        return next((seat.id for seat in self.seats if seat.main), self.seats[0].id)
