"""Dialogue: what is fixed while one scene is played, and the lens through which each seat sees it.

The lens is a memo over the turns of the state: it can be made anew from any state, and is only kept so that a turn
costs the same however long the dialogue is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from random import Random

from simworld.agents.agent import Agent, Other, Part, View
from simworld.errors import BackendError
from simworld.mind import Nature, begin
from simworld.perspective import Layout, Message, attribute
from simworld.prompts import Situation, brief, digest, forms, words
from simworld.schema import Happening, Intervention, Memory, Mind, Seat, SeatRecord, Tie, Turn, World
from simworld.simulate.directors import Director, director_of
from simworld.simulate.minding import Minding
from simworld.world import present


class Lens:
    """One seat's growing view: the turns it perceived, and its prompt."""

    def __init__(self, dialogue: Dialogue, seat: str) -> None:
        self._dialogue, self._seat = dialogue, seat
        self._agent = dialogue.agents[seat]
        self._taken = 0
        self._told: deque[tuple[int, tuple[int, ...]]] = deque()
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
                    if turn.recalled:
                        self._told.append((turn.n, turn.recalled))
            if self._agent.wants_messages:
                self._layout.take(turn)
        self._taken = len(turns)

    def fresh_turns(self) -> list[Turn]:
        """What it perceived since its own last act."""
        return self.perceived[self.fresh :]

    def since_turn(self, n: int) -> list[Turn]:
        """What it perceived or did from turn `n` on."""
        start = len(self.perceived)
        while start and self.perceived[start - 1].n >= n:
            start -= 1
        return self.perceived[start:]

    def shown(self, memories: Sequence[Memory], dialogue: str) -> set[int]:
        """Ids of the memories that are before this one anyway: their turns, or a note that told them, are in its view.

        For whoever reads no prompt, the last `WORKING` turns that it perceived are its view.
        """
        start = self.since
        if not self._agent.wants_messages and len(self.perceived) > WORKING:
            start = self.perceived[-WORKING].n
        while self._told and self._told[0][0] < start:
            self._told.popleft()
        told = {id for _, ids in self._told for id in ids}
        return {m.id for m in memories if m.id in told or (m.scene == dialogue and m.turns and m.turns[-1] >= start)}

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


WORKING = 60
"""Turns that are before whoever reads no prompt."""
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
    minding: Minding
    """What minds are made of."""
    natures: Mapping[str, Nature]
    minds: Mapping[str, Mind]
    """Seat -> its mind as the scene begins."""
    interventions: tuple[Intervention, ...] = ()
    """Those of the scene, then those of the run."""
    directing: Agent | None = None
    """The chat model that directs, where a model does."""
    known_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """How seats may be called in a reply (case folded) -> seat id."""
    lenses: dict[str, Lens] = field(default_factory=dict[str, Lens])

    def look(
        self, seat: str, turns: Sequence[Turn], world: World, mind: Mind, recalled: tuple[Memory, ...], note: str,
        calls: int,
    ) -> tuple[View, int | None]:  # fmt: skip
        """What this seat knows now (its messages close with the note), and where its view starts if it was cut."""
        lens = self.lens(seat)
        lens.take_in(turns)
        messages, since = lens.prompt(turns, note)
        part = self.parts[seat]
        view = View(
            part=replace(part, goal=mind.goal) if mind.goal else part,
            turns=lens.perceived,
            fresh=lens.fresh,
            act=turns[-1].act + 1 if turns else 0,
            calls=calls,
            emotion=mind.emotion.name,
            place=world.where[seat],
            present=present(self.situation.scene, world, seat),
            affect=mind.emotion.affect,
            ties=self._ties(seat, mind),
            recalled=recalled,
            messages=messages,
        )
        return view, since

    def _ties(self, seat: str, mind: Mind) -> dict[str, Tie]:
        """Seat -> how this one stands to whoever sits there."""
        cast = self.situation.cast
        return {other: mind.ties[who.id] for other, who in cast.items() if other != seat and who.id in mind.ties}

    @property
    def numeric(self) -> bool:
        """Whether emotions are numbers beside names."""
        return self.minding.emotion != "categorical"

    def memory_tokens(self, seat: str) -> int:
        """Tokens that the memories of one note may have together: what the run says, or an eighth of the prompt's."""
        budget = self.agents[seat].budget
        return min(self.minding.memory_tokens, budget // 8) if budget else self.minding.memory_tokens

    def may_happen(self, number: int, happening: Happening) -> bool:
        """Whether this happening is one of those that this dialogue may have; drawn once, from its seed."""
        return happening.probability >= 1 or self.rng(number, "happening").random() < happening.probability

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
    minding: Minding | None = None,
    kept: Mapping[str, Mind] | None = None,
    interventions: Sequence[Intervention] = (),
) -> Dialogue:
    """Everything that stays while this situation is played.

    `kept`: persona id -> a mind that its owner brings along; an emotion that the plan only drew gives way to it.
    """
    minding, kept = minding or Minding(), kept or {}
    situation = _with_kept_emotions(situation, kept)
    scene = situation.scene
    name, director = director_of(scene)
    limit = max_turns or scene.end.max_turns
    natures = {seat.id: _nature(situation, seat, id, minding, kept) for seat in scene.seats}
    minds = {
        seat: begin(nature, situation.emotions.get(seat, ""), kept.get(nature.persona.id))
        for seat, nature in natures.items()
    }
    records: dict[str, SeatRecord] = {}
    hashes: dict[str, str] = {}
    for seat in scene.seats:
        records[seat.id], used = _record(situation, seat, agents[seat.id], minds[seat.id])
        hashes |= used
    if directing:
        hashes |= {name: digest(name) for name in ("director", "direct_next")}
    own = [*scene.interventions, *(given for given in interventions if given.seat in records)]
    dialogue = Dialogue(
        id=id, index=index, seed=seed, situation=situation, agents=agents, records=records, parts={},
        places={place.id: place.name for place in scene.places}, prompts=hashes, director=director,
        director_name=name, max_turns=limit, variant=variant, emotions=frozenset(words("emotions")), minding=minding,
        natures=natures, minds=minds, interventions=tuple(own), directing=directing,
        known_names=_known_names(records),
    )  # fmt: skip
    return replace(dialogue, parts={seat.id: _part(dialogue, seat) for seat in scene.seats})


def _with_kept_emotions(situation: Situation, kept: Mapping[str, Mind]) -> Situation:
    """The situation without emotions that the plan drew for people who bring a mind along."""
    fixed = {seat.id for seat in situation.scene.seats if seat.emotion}
    brought = {seat for seat, who in situation.cast.items() if who.id in kept} - fixed
    if not brought:
        return situation
    return replace(situation, emotions={seat: word for seat, word in situation.emotions.items() if seat not in brought})


def _nature(situation: Situation, seat: Seat, id: str, minding: Minding, kept: Mapping[str, Mind]) -> Nature:
    before = kept.get(situation.cast[seat.id].id)
    return Nature(
        seat.id, situation.scene, situation.cast, minding.models(), dialogue=id, began=before.minutes if before else 0.0
    )  # fmt: skip


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


def _record(situation: Situation, seat: Seat, agent: Agent, mind: Mind) -> tuple[SeatRecord, dict[str, str]]:
    briefing, used = brief(situation, seat.id)
    persona = situation.cast[seat.id]
    record = SeatRecord(
        persona=persona.id,
        name=persona.name,
        role=seat.role,
        format="plain" if seat.is_plain or seat.role == "narrator" else "acted",
        backend=agent.spec,
        main=seat.id == situation.scene.main,
        emotion=mind.emotion.name,
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
