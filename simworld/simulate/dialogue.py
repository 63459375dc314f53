"""Dialogue: what is fixed while one scene is played, and the lens through which each seat sees it.

The lens is a memo over the turns of the state: it can be made anew from any state, and is only kept so that a turn
costs the same however long the dialogue is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from random import Random

from simworld.agents.agent import Agent, Other, Part, View
from simworld.errors import BackendError
from simworld.perspective import Layout, Message, attribute
from simworld.prompts import Situation, brief, digest, forms, words
from simworld.schema import Mind, Seat, SeatRecord, Turn, World
from simworld.simulate.directors import Director, director_of
from simworld.world import present


class Lens:
    """One seat's growing view: the turns it perceived, and its prompt."""

    def __init__(self, dialogue: Dialogue, seat: str) -> None:
        self._dialogue, self._seat = dialogue, seat
        self._agent = dialogue.agents[seat]
        self._taken = 0
        self.perceived: list[Turn] = []
        self.fresh = 0
        self.since = 0
        self._layout = self._new_layout()

    def take_in(self, turns: Sequence[Turn]) -> None:
        """Take in the turns that are new since the last time."""
        for turn in turns[self._taken :]:
            if turn.seat == self._seat and turn.since is not None and turn.since != self.since:
                self._restart(turns[: turn.n], turn.since)
            if turn.seat == self._seat or self._seat in turn.heard_by:
                self.perceived.append(turn)
                if turn.seat == self._seat:
                    self.fresh = len(self.perceived)
            if self._agent.wants_messages:
                self._layout.take(turn)
        self._taken = len(turns)

    def prompt(self, turns: Sequence[Turn], note: str) -> tuple[list[Message], int | None]:
        """The messages to act on, and where the view now starts if the older half had to leave.

        Raises BackendError where what was heard last passes the budget alone.
        """
        if not self._agent.wants_messages:
            return [], None
        messages = self._layout.prompt(note)
        if self._fits(messages):
            return messages, None
        room = max(0, self._agent.budget - self._count(messages[0]["content"])) // 2
        while not self._fits(messages):
            since = self._younger(room, len(turns))
            if since > self.since:
                self._restart(turns, since)
                messages = self._layout.prompt(note)
            elif not room:
                raise self._too_long()
            room //= 2
        return messages, self.since

    def _too_long(self) -> BackendError:
        return BackendError(
            f"seat '{self._seat}': the prompt passes the {self._agent.budget} tokens that its model can take even "
            "without its older turns; give --context, or shorten the persona or the scene"
        )

    def _fits(self, messages: Sequence[Message]) -> bool:
        budget = self._agent.budget
        return not budget or self._layout.tokens + self._count(messages[-1]["content"]) <= budget

    def _younger(self, room: int, end: int) -> int:
        """The turn from which on the view takes this many tokens at the most, where another's act starts.

        Of what was heard since the own last act, the newest is kept in any case; `end` keeps nothing.
        """
        start = end
        for at, turn in reversed([*enumerate(self.perceived)]):
            room -= self._count(turn.text) + 2 * _TURN_OVERHEAD
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
        records = self._dialogue.records
        begun = self.since > 0
        return Layout(self._seat, records, forms(), places=self._dialogue.places, begun=begun, count=self._count)

    def _count(self, text: str) -> int:
        return self._agent.count(text)


_TURN_OVERHEAD = 8
"""Tokens that name, markup and emotion add to a turn, on the high side."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is fixed while one scene is played. It rides beside the state and is never checkpointed."""

    id: str
    index: int
    seed: int
    situation: Situation
    agents: Mapping[str, Agent]
    records: Mapping[str, SeatRecord]
    parts: Mapping[str, Part]
    places: Mapping[str, str]
    prompts: Mapping[str, str]
    """Template name -> hash of the wording used."""
    director: Director
    director_name: str
    max_turns: int
    variant: int
    """Which of the scene's alternative texts are told."""
    emotions: frozenset[str]
    directing: Agent | None = None
    """The chat model that directs, where a model does."""
    known_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """How seats may be called in a reply (case folded) -> seat id."""
    lenses: dict[str, Lens] = field(default_factory=dict[str, Lens])

    def look(
        self, seat: str, turns: Sequence[Turn], world: World, mind: Mind, *, note: str, calls: int
    ) -> tuple[View, int | None]:
        """What this seat knows now (its messages close with the note), and where its view starts if it was cut."""
        lens = self.lens(seat)
        lens.take_in(turns)
        messages, since = lens.prompt(turns, note)
        view = View(
            part=self.parts[seat],
            turns=lens.perceived,
            fresh=lens.fresh,
            act=turns[-1].act + 1 if turns else 0,
            calls=calls,
            emotion=mind.emotion,
            place=world.where[seat],
            present=present(self.situation.scene, world, seat),
            messages=messages,
        )
        return view, since

    def lens(self, seat: str) -> Lens:
        """The memo of this seat's view."""
        if seat not in self.lenses:
            self.lenses[seat] = Lens(self, seat)
        return self.lenses[seat]

    def rng(self, act: int, who: str) -> Random:
        """Chance from (seed, act, who): never a global generator, never `hash`."""
        return Random(mix(self.seed, act, who))


def mix(*parts: object) -> int:
    """A seed, 0 .. 2**63 - 1, from what it depends on."""
    digest_ = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest_, "big") >> 1


def open_dialogue(
    situation: Situation,
    agents: Mapping[str, Agent],
    *,
    id: str,
    index: int,
    seed: int,
    variant: int,
    max_turns: int | None,
    directing: Agent | None = None,
) -> Dialogue:
    """Everything that stays while this situation is played."""
    scene = situation.scene
    name, director = director_of(scene)
    limit = max_turns or scene.end.max_turns
    records: dict[str, SeatRecord] = {}
    hashes: dict[str, str] = {}
    for seat in scene.seats:
        records[seat.id], used = _record(situation, seat, agents[seat.id])
        hashes |= used
    if directing:
        hashes |= {name: digest(name) for name in ("director", "direct_next")}
    dialogue = Dialogue(
        id=id, index=index, seed=seed, situation=situation, agents=agents, records=records, parts={},
        places={place.id: place.name for place in scene.places}, prompts=hashes, director=director,
        director_name=name, max_turns=limit, variant=variant, emotions=frozenset(words("emotions")),
        directing=directing, known_names=_known_names(records),
    )  # fmt: skip
    return replace(dialogue, parts={seat.id: _part(dialogue, seat) for seat in scene.seats})


def _known_names(records: Mapping[str, SeatRecord]) -> dict[str, str]:
    """Ids, the first names that only one seat bears, and full names, which come before both; as they may stand in a
    tag's attribute."""
    known: dict[str, str] = {}
    firsts = Counter(_called(record.name)[-1].casefold() for record in records.values())
    for id, record in records.items():
        for name in _called(record.name):
            if firsts[name.casefold()] < 2:
                known[name.casefold()] = id
                known[attribute(name).casefold()] = id
    return {id: id for id in records} | known | {record.name.casefold(): id for id, record in records.items()}


def _record(situation: Situation, seat: Seat, agent: Agent) -> tuple[SeatRecord, dict[str, str]]:
    briefing, used = brief(situation, seat.id)
    persona = situation.cast[seat.id]
    record = SeatRecord(
        persona=persona.id,
        name=persona.name,
        role=seat.role,
        format="plain" if seat.is_plain or seat.role == "narrator" else "acted",
        backend=agent.spec,
        main=seat.id == situation.scene.main,
        emotion=situation.emotions.get(seat.id, ""),
        place=situation.place_of(seat),
        briefing=briefing,
    )
    return record, used


def _part(dialogue: Dialogue, seat: Seat) -> Part:
    situation = dialogue.situation
    scene, text = situation.scene, situation.text
    others = {other.id: _other(situation, seat.id, other) for other in scene.seats if other.id != seat.id}
    own = dialogue.records[seat.id].name
    return Part(
        id=seat.id, seat=seat, persona=situation.cast[seat.id], others=others, title=scene.title, kind=scene.kind,
        time=scene.time, background=text(scene.background), status=text(scene.status), topic=situation.topic,
        goal=text(seat.goal), knows=text(seat.knows), places=dialogue.places,
        briefing=dialogue.records[seat.id].briefing, dialogue=dialogue.id, index=dialogue.index, seed=dialogue.seed,
        max_turns=dialogue.max_turns, known_as=_called(own),
        others_known_as=tuple(
            name for other in others.values() for name in _called(other.name) if name not in _called(own)
        ),
    )  # fmt: skip


def _other(situation: Situation, viewer: str, seat: Seat) -> Other:
    relations = situation.scene.relations
    outward = next((r.kind for r in relations if (r.of, r.to) == (viewer, seat.id)), "")
    inward = next((r.kind for r in relations if (r.of, r.to) == (seat.id, viewer) and not r.private), "")
    return Other(name=situation.cast[seat.id].name, role=seat.role, relation=outward, seen_as=inward)


@lru_cache(maxsize=4096)
def _called(name: str) -> tuple[str, ...]:
    """The full name, and the first name."""
    first = name.split(maxsplit=1)[0] if name.split() else name
    return (name, first) if first != name and len(first) > 2 else (name,)
