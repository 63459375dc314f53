"""Story: scenes in a row, or in a small graph, whose cast keeps its minds and relations from one to the next."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simworld.schema.condition import Condition
from simworld.schema.persona import Identifier, Line, Text, Word
from simworld.schema.record import Record
from simworld.schema.scene import Constraint, Texts

END = "end"
"""Where a way leads that ends the story; no chapter may be called so."""


class Part(Record, frozen=True):
    """Somebody of a story's cast."""

    id: Identifier
    persona: Identifier | None = None
    """Id of a fixed persona; leave out for an open part."""
    who: Constraint = Constraint()
    """Who may take an open part."""
    forgets: bool = False
    """Comes to each chapter as if there had been none before: an assistant that knows one conversation alone."""


class Way(Record, frozen=True):
    """Where a story goes after a chapter."""

    when: Identifier | None = None
    """Only if this one of the story's `conditions` holds as the chapter ends; default: always."""
    to: Identifier
    """A chapter's id, or `end`."""


class Chapter(Record, frozen=True):
    """One scene of a story."""

    id: Identifier
    scene: Identifier
    """Id of a scene: of the same pack, or of an installed one."""
    seats: dict[Identifier, Identifier] = {}
    """Seat of the scene -> part of the story; a seat that bears a part's id need not be named."""
    after: Annotated[str, Field(pattern=r"^$|^\d{1,4}(\.\d)?\s*(minutes?|hours?|days?|weeks?|months?)$")] = ""
    """Time that has passed since the chapter before, such as `3 days`; default: an hour."""
    title: Line = ""
    """Instead of the scene's own."""
    time: Line = ""
    """Instead of the scene's own."""
    background: Text = ""
    """Instead of the scene's own. A template of the scene."""
    status: Text = ""
    """Instead of the scene's own. A template of the scene."""
    goals: dict[Identifier, Text] = {}
    """Seat -> private goal, instead of the scene's own. A template of the scene."""
    knows: dict[Identifier, Text] = {}
    """Seat -> what it alone knows, instead of the scene's own. A template of the scene."""
    emotions: dict[Identifier, Word] = {}
    """Seat -> what it feels as the chapter begins, instead of what it brings along; from the vocabulary `emotions`."""
    openings: dict[Identifier, Texts] = {}
    """Seat -> first line, instead of the scene's openings. A template of the scene."""
    topics: tuple[Word, ...] = ()
    """Instead of the scene's own."""
    max_turns: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Instead of the scene's own."""
    then: tuple[Way, ...] = ()
    """The first way whose condition holds is taken; default: the chapter below, after the last one the end."""


class Story(Record, frozen=True):
    """Scenes whose cast lives on. A YAML file under `stories/`; the file's name is the id."""

    id: Identifier
    title: Line
    about: Text = ""
    """What it tells, in a sentence or two; nobody in it is told."""
    cast: Annotated[tuple[Part, ...], Field(min_length=1, max_length=16)]
    conditions: dict[Identifier, Condition] = {}
    """Name -> condition; its `seat` and `toward` name parts."""
    chapters: Annotated[tuple[Chapter, ...], Field(min_length=1, max_length=50)]
    longest: Annotated[int, Field(ge=1, le=100)] | None = None
    """Chapters that are played at the most, those gone through twice counted twice; default: as many as there are."""

    @property
    def width(self) -> int:
        """Chapters that are played at the most."""
        return self.longest or len(self.chapters)
