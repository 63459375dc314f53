"""Dialogue: what is fixed while one scene is played, and the lens through which each seat sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from random import Random

from simworld.agents.agent import Agent, Other, Part, View
from simworld.mind import Nature, begin, temperament
from simworld.perspective import attribute
from simworld.prompts import Situation, brief, digest, words
from simworld.schema import Happening, Intervention, Memory, Mind, Seat, SeatRecord, Tie, Turn, World
from simworld.simulate.beginning import AtFirst, told_at_first
from simworld.simulate.directors import Director, director_of
from simworld.simulate.lens import Lens, Outside
from simworld.simulate.minding import Minding
from simworld.world import present


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
    row: int | None = None
    """Number of the run's row that it is about, from 0."""
    known_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """How seats may be called in a reply (case folded) -> seat id."""
    lenses: dict[str, Lens] = field(default_factory=dict[str, Lens])
    outside: Outside = field(default_factory=Outside)
    """What the lenses have in common."""

    def look(
        self, seat: str, turns: Sequence[Turn], world: World, mind: Mind, recalled: tuple[Memory, ...], note: str,
        calls: int,
    ) -> tuple[View, int | None]:  # fmt: skip
        """What this seat knows now (its messages close with the note), and where its view starts if it was cut."""
        lens = self.lens(seat)
        lens.take_in(turns)
        part = self.parts[seat]
        messages, since = lens.prompt(turns, note, last=part.seat.history == "last")
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
        """Tokens that the memories of one note may have: what the run says, or an eighth of the prompt's room."""
        room = self.lens(seat).room
        return min(self.minding.memory_tokens, room // 8) if room else self.minding.memory_tokens

    def may_happen(self, number: int, happening: Happening) -> bool:
        """Whether this happening is one of those that this dialogue may have; drawn once, from its seed."""
        return happening.probability >= 1 or self.rng(number, "happening").random() < happening.probability

    def lens(self, seat: str) -> Lens:
        """The memo of this seat's view."""
        if seat not in self.lenses:
            self.lenses[seat] = Lens(seat, self.agents[seat], self.records, self.places, self.outside)
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
    row: int | None = None,
) -> Dialogue:
    """Everything that stays while this situation is played.

    `kept`: persona id -> a mind that its owner brings along; an emotion that the plan only drew gives way to what it
    still feels, but not to its being at rest again.
    """
    minding, kept = minding or Minding(), kept or {}
    situation = _with_kept_emotions(situation, kept, minding)
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
        told = told_at_first(natures[seat.id], minds[seat.id], kept, agents[seat.id], minding.memory_tokens)
        records[seat.id], used = _record(situation, seat, agents[seat.id], minds[seat.id], told)
        hashes |= used
    if directing:
        hashes |= {name: digest(name) for name in ("director", "direct_next")}
    own = [*scene.interventions, *(given for given in interventions if given.seat in records)]
    dialogue = Dialogue(
        id=id, index=index, seed=seed, situation=situation, agents=agents, records=records, parts={},
        places={place.id: place.name for place in scene.places}, prompts=hashes, director=director,
        director_name=name, max_turns=limit, variant=variant, emotions=frozenset(words("emotions")), minding=minding,
        natures=natures, minds=minds, interventions=tuple(own), directing=directing, row=row,
        known_names=_known_names(records),
    )  # fmt: skip
    return replace(dialogue, parts={seat.id: _part(dialogue, seat) for seat in scene.seats})


def _with_kept_emotions(situation: Situation, kept: Mapping[str, Mind], minding: Minding) -> Situation:
    """The situation without the emotions that the plan drew for people who still feel something else than at rest."""
    model = minding.models().emotion
    fixed = {seat.id for seat in situation.scene.seats if seat.emotion}
    moved = {
        seat
        for seat, who in situation.cast.items()
        if who.id in kept and kept[who.id].emotion.name != model.begin("", temperament(who)).name
    }
    if not moved - fixed:
        return situation
    left = {seat: word for seat, word in situation.emotions.items() if seat in fixed or seat not in moved}
    return replace(situation, emotions=left)


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


def _record(
    situation: Situation, seat: Seat, agent: Agent, mind: Mind, told: AtFirst
) -> tuple[SeatRecord, dict[str, str]]:
    briefing, used = brief(situation, seat.id, standings=told.standings, remembered=told.remembered)
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
