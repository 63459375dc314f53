"""Transcript: a dialogue that tells all about itself."""

from __future__ import annotations

from typing import Literal

from simworld.schema.condition import Reason
from simworld.schema.curation import Curation
from simworld.schema.mind import LetGo, Memory, Mind, Temperament
from simworld.schema.record import Record
from simworld.schema.scene import Format, Intervention, Role
from simworld.schema.turn import Turn

Status = Literal["complete", "truncated", "stopped_by_budget", "failed"]
SCHEMA = 1


class Briefing(Record, frozen=True):
    """Everything fixed that one seat was told: the head of its prompts and of its training rows."""

    system: str
    """The system message."""
    opener: str
    """The user message that stands before an own first act, where nothing was perceived yet."""
    nudge: str
    """The user message between two own acts, where nothing was perceived in between."""
    profile_at: tuple[int, int] | None = None
    """Where in `system` the profile stands, from and to; None: it does not, or that is not known."""
    background_at: tuple[int, int] | None = None
    """Where in `system` the scene's background stands."""
    status_at: tuple[int, int] | None = None
    """Where in `system` the scene's status stands."""

    @property
    def profile(self) -> str:
        """Who this one is, as told; empty where that is not known."""
        return _part(self.system, self.profile_at)

    @property
    def background(self) -> str:
        """What everybody knew of the situation, as told; empty where that is not known."""
        return _part(self.system, self.background_at)

    @property
    def status(self) -> str:
        """How things stood as the scene began, as told; empty where that is not known."""
        return _part(self.system, self.status_at)


def _part(text: str, span: tuple[int, int] | None) -> str:
    return text[span[0] : span[1]] if span else ""


class SeatRecord(Record, frozen=True):
    """Who sat there and what spoke."""

    persona: str
    """Persona id."""
    name: str
    role: Role = "character"
    format: Format = "acted"
    backend: str
    """Spec of what spoke: `improv`, `openai:NAME`, `imported` ..."""
    main: bool = False
    emotion: str = ""
    """Starting emotion."""
    place: str = ""
    """Starting place."""
    briefing: Briefing


class Ending(Record, frozen=True):
    """How the dialogue ended."""

    reason: Reason
    known: bool = True
    """False where nobody has said that the conversation was over: an imported one whose source does not tell, or one
    that a guard of a user simulator ended (`max_turns`, `context_full`, `gave_up`)."""
    by: str = ""
    """Seat (or `director`) whose turn ended it."""
    detail: str = ""
    """For `failed`: what went wrong; for `goal_reached`: which rule; for `end_of_conversation`: how likely that was as
    the speaker ended it (`p=0.83`), or the guard that did."""


Share = tuple[str, int, int, int]
"""A backend's spec, the calls that it answered, tokens in, tokens out."""


class Usage(Record, frozen=True):
    """What a seat's backend was asked and gave."""

    calls: int = 0
    """Model calls whose reply was used or repaired; retries of a failed call are not counted."""
    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0
    """Replies that had to be asked for again."""
    reasoning_characters: int = 0
    """Characters of model reasoning that were dropped."""
    estimated: bool = False
    """Whether any token count was estimated because the server told none."""
    guards: dict[str, int] = {}
    """Guard of a user simulator -> how often it acted."""
    fallback: str = ""
    """Spec of the backend that answered in place of the seat's own, where one did."""
    fallback_calls: int = 0
    """Calls that it answered; they and their tokens are among the counts above."""
    fallback_input_tokens: int = 0
    fallback_output_tokens: int = 0

    def shares(self, own: str) -> list[Share]:
        """What each backend had of it: the seat's `own`, and the one that stood in for it."""
        calls, given, made = self.fallback_calls, self.fallback_input_tokens, self.fallback_output_tokens
        parts = [(own, self.calls - calls, self.input_tokens - given, self.output_tokens - made)]
        return [*parts, (self.fallback, calls, given, made)] if calls else parts


class MindRecord(Record, frozen=True):
    """One seat's inside through the dialogue: where it began, what it took in and let go, where it ended.

    What was felt at each act stands with the act's turns, as does what was told (`note`) and brought back (`recalled`).
    """

    temperament: Temperament
    begin: Mind
    """As the scene began."""
    formed: tuple[Memory, ...] = ()
    """Memories that came to be in this dialogue, in their order."""
    let_go: tuple[LetGo, ...] = ()
    """Memories forgotten in this dialogue."""
    end: Mind
    """As the scene ended, its memories left out: they are those of `begin` and `formed` but for `let_go`."""


class Intervened(Record, frozen=True):
    """An intervention that was made."""

    n: int
    """Turn of the dialogue before which it was made."""
    act: int
    """Acts done by then."""
    what: Intervention
    """As it was given, its templates filled in."""


class StoryLink(Record, frozen=True):
    """The place of a transcript in a story."""

    story: str
    """Story id."""
    title: str = ""
    number: int
    """Which chapter of this telling it is, from 0."""
    chapter: str
    """Chapter id."""
    before: str = ""
    """Id of the transcript of the chapter before; empty for the first."""
    minutes: float = 0.0
    """Time between the chapter before and this one, in minutes."""
    way: str = ""
    """The condition under which the story came here from the chapter before; empty: none."""
    last: bool = False
    """Whether the story ends with this chapter."""


class Transcript(Record, frozen=True):
    """Header (scene, cast, backends, prompt hashes, seed, versions), turns, how it ended, what it cost.

    It holds nothing that a replay would change: no clock time, duration, retry count or host.
    """

    # `schema` is the field's name on disk; pydantic keeps `schema` for itself
    id: str
    """Unique in its corpus."""
    index: int
    """Position in the plan, from 0."""
    scene: str
    """Scene id."""
    title: str = ""
    kind: str = ""
    """Kind of scene, as the scene says it."""
    topic: str = ""
    places: dict[str, str] = {}
    """Place id -> name."""
    seats: dict[str, SeatRecord]
    seed: int
    status: Status
    ending: Ending
    turns: tuple[Turn, ...]
    minds: dict[str, MindRecord] = {}
    """Seat id -> its inside; empty for imported dialogues."""
    interventions: tuple[Intervened, ...] = ()
    """Those that were made, in their order."""
    story: StoryLink | None = None
    """Where it belongs to a story."""
    usage: dict[str, Usage] = {}
    director: str = ""
    forms: dict[str, str] = {}
    """How perceived turns were laid out (see `perspective.Layout`)."""
    faults: tuple[str, ...] = ()
    """What went wrong outside any turn, such as `director_unreadable:5`."""
    prompts: dict[str, str] = {}
    """Template name -> hash (blake2b, 16 hex digits) of the wording used."""
    versions: dict[str, str] = {}
    """`simworld` and what else shaped the text."""
    about: dict[str, str] = {}
    """Facts of the source of an imported dialogue: flags, raw topic, scene type ... Of one that was played: `row`, the
    number of the run's row that it is about, from 0."""
    curation: Curation | None = None
    """What `simworld curate` found; None: not curated."""

    @property
    def main(self) -> str:
        """Id of the main seat: the one marked so, else the first."""
        return next((id for id, seat in self.seats.items() if seat.main), next(iter(self.seats)))

    def __str__(self) -> str:
        """The transcript as a script: a line a turn, thoughts in brackets, actions between stars."""
        lines = [self.title or self.scene]
        for turn in self.turns:
            name = self.seats[turn.seat].name if turn.seat in self.seats else ""
            goes = "comes in" if turn.source else f"goes to {turn.text}"
            shown = {"think": f"({turn.text})", "do": f"*{turn.text}*", "move": f"*{goes}*"}
            lines.append(f"{name}: {shown.get(turn.kind, turn.text)}" if name else f"[{turn.text}]")
        return "\n".join([*lines, f"({self.ending.reason})"])
