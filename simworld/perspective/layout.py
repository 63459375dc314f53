"""Layout: turns go in, the messages of one participant come out.

    layout = Layout("mara", transcript.seats, transcript.forms)
    for turn in transcript.turns:
        layout.take(turn)
    layout.messages   # [{"role": "system", ...}, {"role": "user", ...}, {"role": "assistant", ...}, ...]

Own turns are the assistant's, in canonical form; what was perceived of all others stands in user messages; what was
not perceived is absent. Messages only grow: what `prompt` once returned is the start of all it returns later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypedDict

from simworld.perspective.markup import escape, write_act
from simworld.schema import NARRATOR, OUT, SeatRecord, Turn

Message = dict[str, str]
"""One chat message: `role` (system, user or assistant) and `content`."""


UNTRAINED = frozenset({"empty", "unreadable", "cut", "filtered"})
"""Faults that take an act out of the loss: it is there to be read, not to be learnt."""


class Layout:
    """A transcript as one seat lived it, growing turn by turn.

    `forms` holds the wordings by kind (`say`, `say_to_you`, `whisper`, `do`, `move`, `leave`, `narration`, `note`
    ...), each a format string over name, to, place and text. `begun` says that the scene had begun before the first
    turn taken. `count` gives the tokens of a message with a content.
    """

    def __init__(
        self,
        speaker: str,
        seats: Mapping[str, SeatRecord],
        forms: Mapping[str, str],
        *,
        places: Mapping[str, str] | None = None,
        thoughts: bool = True,
        notes: bool = True,
        loss_from: int = 0,
        begun: bool = False,
        count: Callable[[str], int] | None = None,
    ) -> None:
        own = seats[speaker]
        people = [id for id, seat in seats.items() if seat.role != "narrator"]
        self.speaker = speaker
        self._briefing = own.briefing
        self._plain = own.format == "plain"
        self._bare = self._plain and len(people) == 2 and speaker in people
        self._narrators = {NARRATOR} | {id for id, seat in seats.items() if seat.role == "narrator"}
        self._names = {id: seat.name for id, seat in seats.items()}
        self._narrated = len(people) < len(
            seats
        )  # in a bare layout, brackets are narration only where there has been any
        self._marks = _marks(self._names.values(), bare=self._bare)
        self._forms = forms
        self._places = places or {}
        self._thoughts, self._notes, self._loss_from, self._begun = thoughts, notes, loss_from, begun
        self._count = count or _uncounted
        self._heard: list[str] = []
        self._own: list[Turn] = []
        self.messages: list[Message] = []
        self.loss: list[bool] = []
        """For each message, whether a trainer learns from it."""
        self.acts: list[Turn | None] = []
        """For each message the first turn of the own act that it holds; None for all that is not own."""
        self.tokens = 0
        """Tokens of `messages` by `count`."""
        self._put("system", self._briefing.system)

    def take(self, turn: Turn) -> None:
        """Take in the next turn of the dialogue, perceived or not."""
        if turn.seat == self.speaker:
            if self._own and self._own[0].act != turn.act:
                self._close()
            self._own.append(turn)
        elif self.speaker in turn.heard_by:
            self._close()
            self._heard.append(self._perceived(turn))

    def prompt(self, note: str = "") -> list[Message]:
        """The messages with which this seat is asked to act now, closed by a private note where there is one."""
        self._close()
        return [*self.messages, {"role": "user", "content": self._user_text(note)}]

    def finish(self) -> None:
        """Close the last own act, so that `messages` holds it."""
        self._close()

    @property
    def waiting(self) -> str:
        """What was perceived since the last own act, as the next user message has it without a note; empty: nothing."""
        return "\n".join(self._heard)

    def _close(self) -> None:
        own = [turn for turn in self._own if self._thoughts or turn.kind != "think"]
        text = write_act(own, self._names, plain=self._plain, places=self._places) if own else ""
        if text:
            self._put("user", self._user_text(self._own[0].note))
            first = self._own[0]
            trained = first.n >= self._loss_from and not first.source and not UNTRAINED.intersection(first.faults)
            self._put("assistant", text, trained, first)
            self._heard = []
        self._own = []

    def _put(self, role: str, content: str, loss: bool = False, act: Turn | None = None) -> None:
        self.messages.append({"role": role, "content": content})
        self.loss.append(loss)
        self.acts.append(act)
        self.tokens += self._count(content)

    def _user_text(self, note: str) -> str:
        begun = self._begun or len(self.messages) > 1
        heard = self._heard or [self._briefing.nudge if begun else self._briefing.opener]
        if note and self._notes:
            heard = [*heard, self._forms["note"].format(text=escape(note))]
        return "\n".join(heard)

    def _perceived(self, turn: Turn) -> str:
        narrated = turn.seat in self._narrators
        self._narrated = self._narrated or narrated
        bare = self._bare and turn.kind == "say" and not narrated
        # who writes no tags is shown none: nothing of the text can be taken for one
        text = _as_text(
            turn.text if self._plain else escape(turn.text), self._marks, bare=bare, narrated=self._narrated
        )
        if narrated:
            return self._forms["narration"].format(text=text)
        if bare:
            return text
        form, place = self._form(turn), ""
        if turn.kind == "move":
            place = self._places.get(turn.text, turn.text)
        to = ", ".join(self._names.get(id, id) for id in turn.to)
        return self._forms[form].format(name=self._names.get(turn.seat, turn.seat), text=text, to=to, place=place)

    def _form(self, turn: Turn) -> str:
        if turn.kind == "move":
            return "leave" if turn.text == OUT else "enter" if turn.source else "move"
        if turn.kind == "do":
            return "do"
        if turn.manner == "whisper":
            return "whisper"
        if self.speaker in turn.to and len(self._names) > 2:
            return "say_to_you"
        return "say_to" if turn.to and self.speaker not in turn.to else "say"


def _uncounted(text: str) -> int:
    del text
    return 0


def _marks(names: Iterable[str], *, bare: bool) -> tuple[str, ...]:
    """How a line may begin that is another's turn (case folded)."""
    known = [name.casefold() for name in names]
    if bare:
        return tuple(f"*{name} " for name in known)
    firsts = [name.split(maxsplit=1)[0] for name in known if name.split()]
    return ("[", "*", *known, *(f"{first}:" for first in firsts))


def _as_text(text: str, marks: tuple[str, ...], *, bare: bool, narrated: bool) -> str:
    """`text` with each line that imitates a speaker, an action or narration indented: it stays one turn.

    The first line follows its speaker's name and needs no care, but in a bare layout, where no name stands.
    """
    lines = text.splitlines(keepends=True)
    safe = 0 if bare else 1
    return "".join([*lines[:safe], *(_indented(line, marks, brackets=bare and narrated) for line in lines[safe:])])


def _indented(line: str, marks: tuple[str, ...], *, brackets: bool) -> str:
    seen = line.strip()
    imitates = seen.casefold().startswith(marks) or (brackets and seen.startswith("[") and seen.endswith("]"))
    return f"  {line}" if imitates else line


class Stretch(TypedDict):
    """The messages of one viewpoint between two cuts of its prompt."""

    messages: list[Message]
    loss: list[bool]
    acts: list[Turn | None]
    """For each message the first turn of the own act that it holds."""
    heard: str
    """What was perceived after the last own act, as the next user message would have it; empty: nothing."""


def stretches(
    turns: Sequence[Turn],
    speaker: str,
    seats: Mapping[str, SeatRecord],
    forms: Mapping[str, str],
    *,
    places: Mapping[str, str] | None = None,
    thoughts: bool = True,
    notes: bool = True,
) -> list[Stretch]:
    """A whole transcript from one seat: a stretch for each prompt between cuts, each ending in an own act.

    A turn of the speaker that carries `since` opens a new stretch, which starts at that turn of the dialogue; own acts
    that an earlier stretch already trains carry no loss in the later one.
    """
    done: list[Stretch] = []
    layout = Layout(speaker, seats, forms, places=places, thoughts=thoughts, notes=notes)
    for turn in turns:
        if turn.seat == speaker and turn.since is not None:
            _finish(layout, done)
            layout = Layout(
                speaker, seats, forms, places=places, thoughts=thoughts, notes=notes, loss_from=turn.n, begun=True
            )  # fmt: skip
            _take_all(layout, turns[turn.since : turn.n])
        layout.take(turn)
    _finish(layout, done)
    return done


def _take_all(layout: Layout, turns: Iterable[Turn]) -> None:
    for turn in turns:
        layout.take(turn)


def _finish(layout: Layout, done: list[Stretch]) -> None:
    layout.finish()
    if layout.messages[-1]["role"] == "assistant":
        done.append({"messages": layout.messages, "loss": layout.loss, "acts": layout.acts, "heard": layout.waiting})
