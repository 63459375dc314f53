"""Lives by chance for tests of minds: scenes, stories and kept minds in which every private word is a canary.

    lived = live(random_life(rng, chapters=2))
    knowers(lived)["qx0007xq"]      # the personas who may know this word, worked out from the moves alone
    lived.told("p1")                # all that the seats of this persona were ever shown, as one text

A canary occurs once. What is private by nature has owners from the start; who perceives what is uttered in a scene is
worked out here anew, without the engine: from what was meant, who was there, and where.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from simworld.agents.agent import Deed, View
from simworld.mind import mind_at
from simworld.schema import (
    OUT,
    Chapter,
    Condition,
    Happening,
    Intervention,
    Memory,
    Mind,
    Opening,
    Persona,
    Piece,
    Place,
    Relation,
    Reply,
    Scene,
    Seat,
    Story,
    Tie,
    Transcript,
    Turn,
)
from simworld.schema.persona import BigFive
from simworld.schema.story import Part, Way
from simworld.simulate import run
from simworld.simulate.chapters import Setting
from simworld.simulate.minding import Minding
from simworld.simulate.stage import StoryStage
from tests.scenes_of_tests import NAMES, Model, Request, director, end

CANARY = re.compile(r"qx\d{4}xq")
ROLES: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {}, {"format": "plain"}, {"role": "user"}, {"role": "assistant"}, {"role": "narrator"},
)  # fmt: skip
DIRECTORS = ("alternate", "round_robin", "addressed", "urge", "scripted", "model")
MATTERS = ("money", "parcel", "cellar", "quarrel", "funeral", "promise", "key", "sister", "debt", "wedding", "horse")
"""What lines and memories are about, so that some bring back others."""
LONG_PLACE = f"the room {'behind the other room ' * 5}"
FEELINGS = ("Angry", "Sad", "Happy", "Tense")


def words_in(text: str) -> set[str]:
    """The canaries that stand in a text."""
    return set(CANARY.findall(text))


@dataclass(frozen=True)
class Uttered:
    """A word that came up in a scene, and how it was meant."""

    manner: str
    """`open`, `think`, `aside`, `whisper` or `happening`."""
    by: str = ""
    """Seat id."""
    to: tuple[str, ...] = ()
    place: str | None = None


@dataclass
class Ledger:
    """Every canary there is."""

    owners: dict[str, frozenset[str]] = field(default_factory=dict)
    """Private word -> personas."""
    uttered: dict[str, Uttered] = field(default_factory=dict)

    def own(self, *personas: str) -> str:
        word = self._word()
        self.owners[word] = frozenset(personas)
        return word

    def utter(self, manner: str, by: str = "", to: Iterable[str] = (), place: str | None = None) -> str:
        word = self._word()
        self.uttered[word] = Uttered(manner, by, tuple(to), place)
        return word

    def _word(self) -> str:
        return f"qx{len(self.owners) + len(self.uttered):04d}xq"


@dataclass
class Life:
    """A scene, or a story's chapters, with whoever is in it and what they bring along."""

    ledger: Ledger
    people: list[Persona]
    scenes: list[Scene]
    seated: list[dict[str, Persona]]
    """For each scene: seat -> persona. No two scenes share a seat's id."""
    chapters: list[Chapter] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    """The story's."""
    minds: dict[str, Mind] = field(default_factory=dict)
    interventions: list[Intervention] = field(default_factory=list)
    """The run's, beside those of the scenes."""
    silent: set[str] = field(default_factory=set)
    """Seats whose agent reads no prompt."""
    minding: Minding = field(default_factory=Minding)
    stored: bool = False
    """Whether the minds come from a store, and not by hand."""
    salt: int = 0

    def persona(self, seat: str) -> str:
        return next(cast[seat].id for cast in self.seated if seat in cast)

    def scene_of(self, transcript: Transcript) -> Scene:
        return next(scene for scene in self.scenes if set(transcript.seats) == {seat.id for seat in scene.seats})


# lives by chance


def random_life(rng: Random, *, chapters: int = 0) -> Life:
    """A scene by chance, or a story of so many chapters."""
    ledger = Ledger()
    people = [_random_persona(rng, at, ledger) for at in range(rng.randint(2, 5))]
    life = Life(ledger, people, [], [], salt=rng.randint(0, 9999), stored=rng.random() < 0.5)
    for at in range(max(1, chapters)):
        who = people if at == 0 else rng.sample(people, rng.randint(2, len(people)))
        cast = {f"{'abc'[at]}{n}": persona for n, persona in enumerate(who)}
        life.scenes.append(_random_scene(rng, at, cast, ledger))
        life.seated.append(cast)
    if chapters:
        life.chapters = [_random_chapter(rng, at, life) for at in range(chapters)]
        life.conditions = {"said": Condition(said=("fire",)), "late": Condition(after=9)}
    cast = life.seated[0]
    life.interventions = [_random_intervention(rng, life.scenes[0], cast, ledger) for _ in range(rng.randint(0, 2))]
    life.minds = {one.id: brought(rng, one, people, ledger, rng.randint(1, 9)) for one in people if rng.random() < 0.5}
    life.silent = {seat.id for scene in life.scenes for seat in scene.seats if rng.random() < 0.2}
    life.minding = Minding(
        emotion=rng.choice(["pad", "pad", "categorical"]), memory=rng.choice(["episodic", "episodic", "window"])
    )
    return life


def _random_persona(rng: Random, at: int, ledger: Ledger) -> Persona:
    big = BigFive(extraversion=rng.choice([0.1, 0.9]), neuroticism=rng.choice([0.1, 0.9]))
    return Persona(
        id=f"p{at}", name=NAMES[at], profile=f"You are {NAMES[at]}.", secret=f"I hid {ledger.own(f'p{at}')}.",
        big_five=big,
    )  # fmt: skip


def _random_scene(rng: Random, at: int, cast: Mapping[str, Persona], ledger: Ledger) -> Scene:
    places = _random_places(rng)
    ids, length = list(cast), rng.randint(8, 14)
    seats = [_random_seat(rng, id, cast[id].id, places, ledger, first=id == ids[0]) for id in ids]
    there = [seat for seat in seats if not seat.enters]
    name = rng.choice(DIRECTORS)
    options: dict[str, Any] = {"order": tuple(rng.choices(ids, k=6)), "then": "repeat"} if name == "scripted" else {}
    return Scene(
        id=f"scene_{'abc'[at]}", title="The lost ledger", status="They speak of the lost ledger.", seats=tuple(seats),
        places=places, minutes=rng.choice([1, 30]), emotions=FEELINGS, end=end(length),
        director=director(name, after=99, **options),
        relations=tuple(_random_relations(rng, cast, ledger)),
        openings=tuple(_random_opening(rng, there, ledger) for _ in range(rng.randint(0, 2))),
        conditions={
            "alarm": Condition(said=("fire",)), "moved": Condition(feels=FEELINGS, after=2), "late": Condition(after=4),
            "cool": Condition(warmth="<0.9"), "gone": Condition(place=OUT, after=1),
        },
        happenings=tuple(_random_happening(rng, ids, places, length, ledger) for _ in range(rng.randint(0, 4))),
        interventions=tuple(
            _random_intervention(rng, seats, cast, ledger, length) for _ in range(rng.randint(0, 4))
        ),
    )  # fmt: skip


def _random_places(rng: Random) -> tuple[Place, ...]:
    ids = ["hall", "yard", "attic"][: rng.randint(0, 3)]
    return tuple(
        Place(
            id=id, name=f"the {id}", exits=(ids[0],) if n else (),
            hears=tuple(other for other in ids if other != id and rng.random() < 0.3),
        )
        for n, id in enumerate(ids)
    )  # fmt: skip


def _random_seat(rng: Random, id: str, who: str, places: Sequence[Place], ledger: Ledger, *, first: bool) -> Seat:
    role = {} if first else rng.choice(ROLES)
    late = 0 if first or rng.random() < 0.7 else rng.randint(1, 6)
    return Seat(
        id=id, place=rng.choice(places).id if places else None, enters=late, goal=f"Find {ledger.own(who)}.",
        knows=f"Only you know {ledger.own(who)}.", **role,
    )  # fmt: skip


def _random_relations(rng: Random, cast: Mapping[str, Persona], ledger: Ledger) -> Iterator[Relation]:
    for of in cast:
        for to in cast:
            if of != to and rng.random() < 0.3:
                private = rng.random() < 0.5
                word = ledger.own(cast[of].id) if private else ledger.own(cast[of].id, cast[to].id)
                yield Relation(of=of, to=to, kind=f"friend {word} of", private=private, warmth=rng.choice([None, -0.8]))


def _random_opening(rng: Random, there: Sequence[Seat], ledger: Ledger) -> Opening:
    seat, kind = rng.choice(there), rng.choice(["say", "do", "think"])
    kind = "say" if seat.is_plain or seat.role == "narrator" else kind  # who writes no tags is shown no thoughts
    return Opening(seat=seat.id, kind=kind, text=_line(ledger.utter("think" if kind == "think" else "open", seat.id)))


def _random_happening(
    rng: Random, ids: Sequence[str], places: Sequence[Place], length: int, ledger: Ledger
) -> Happening:
    to = tuple(id for id in ids if rng.random() < 0.4) if rng.random() < 0.6 else ()
    place = rng.choice(places).id if places and rng.random() < 0.5 else None
    cues: list[dict[str, Any]] = [
        {"at": rng.randint(0, length - 1)}, {"at": rng.randint(0, length - 1)},
        {"when": rng.choice(["alarm", "moved", "late", "cool", "gone"])},
    ]  # fmt: skip
    cues += [{"enters": rng.choice(places).id}] if places else []
    text = f"The window breaks: {ledger.utter('happening', to=to, place=place)}."
    return Happening(to=to, place=place, text=text, probability=rng.choice([1.0, 1.0, 0.5]), **rng.choice(cues))


def _random_intervention(
    rng: Random, scene: Scene | Sequence[Seat], cast: Mapping[str, Persona], ledger: Ledger, length: int = 8
) -> Intervention:
    seats = scene.seats if isinstance(scene, Scene) else scene
    seat = rng.choice([seat for seat in seats if seat.role != "narrator"])
    cue: dict[str, Any] = {"at": rng.randint(0, length - 1)}
    if rng.random() < 0.3:
        cue = {"when": rng.choice(["alarm", "moved", "late", "cool"])}
    word = ledger.own(cast[seat.id].id)
    given = {
        "memory": f"Ana lent me {word} in the cellar.", "whisper": f"Look for {word} in the drawer.",
        "goal": f"Get hold of {word}.",
    }  # fmt: skip
    chosen = rng.choice([*given, "emotion"])
    return Intervention(seat=seat.id, **cue, **{chosen: given.get(chosen, "Angry")})


def _random_chapter(rng: Random, at: int, life: Life) -> Chapter:
    scene, cast = life.scenes[at], life.seated[at]
    acted = [seat.id for seat in scene.seats]
    goals = {seat: f"Win {life.ledger.own(cast[seat].id)}." for seat in acted if rng.random() < 0.3}
    ways = [Way(when=rng.choice(["said", "late"]), to=rng.choice(["chapter_c", "end"]))] if rng.random() < 0.7 else []
    reachable = len(life.scenes) == 3 and at < 2
    return Chapter(
        id=f"chapter_{'abc'[at]}", scene=scene.id, seats={seat: who.id for seat, who in cast.items()}, goals=goals,
        after=rng.choice(["", "3 days", "5 minutes"]), then=tuple(ways) if reachable else (),
    )  # fmt: skip


def brought(
    rng: Random, one: Persona, people: Sequence[Persona], ledger: Ledger, size: int, wordy: int = 0
) -> Mind:  # fmt: skip
    """A mind that somebody brings along: so many memories of a life before, up to `wordy` words more in each."""
    others = [other.id for other in people if other.id != one.id]
    memories = tuple(
        Memory(
            id=id, text=" ".join([ledger.own(one.id), "about the lost ledger", *_chatter(rng, rng.randint(0, wordy))]),
            minutes=10.0 * id, scene="before", who=tuple(rng.sample(others, 1)), importance=rng.choice([0.1, 0.5, 0.9]),
            private=rng.random() < 0.3, where=rng.choice(["", "the cellar", LONG_PLACE]),
        )
        for id in range(size)
    )  # fmt: skip
    ties = {other: Tie(kind=f"rival {ledger.own(one.id)} of", warmth=rng.choice([-0.7, 0.7])) for other in others}
    return Mind(memories=memories, next_id=size, minutes=10.0 * size, ties=ties, goal=f"Keep {ledger.own(one.id)}.")


def _chatter(rng: Random, size: int) -> list[str]:
    return rng.choices(MATTERS, k=size)


def _line(word: str, more: str = "") -> str:
    matter = MATTERS[int(word[2:6]) % len(MATTERS)]
    return f"I found {word} near the lost ledger with the {matter}{more}."


# who speaks


def is_reflection(request: Request) -> bool:
    """Whether a model is asked to step back and conclude."""
    return request.messages[-1]["content"].startswith("What you remember:")


@dataclass
class Company:
    """Speaks for every seat: each word of it is a new canary. What is said hangs on (salt, seat, number) alone."""

    life: Life
    beliefs: dict[str, set[str]] = field(default_factory=dict)
    """Persona -> words of its beliefs."""

    def __call__(self, request: Request) -> str:
        rng = Random(f"{self.life.salt}/{request.seat}/{request.call}")
        if request.seat == "director":
            ids = re.findall(r"^([abc]\d): ", request.messages[0]["content"], re.MULTILINE)
            return f"NEXT {rng.choice(ids)}"
        if is_reflection(request):
            return self._conclude(request, rng)
        pieces = self.act(request.seat, rng)
        if self._is_plain(request.seat):
            return pieces[0].text
        return "\n".join(written(piece) for piece in pieces)

    def _is_plain(self, seat: str) -> bool:
        """Whether it writes no tags."""
        record = next(one for scene in self.life.scenes for one in scene.seats if one.id == seat)
        return record.is_plain or record.role == "narrator"

    def act(self, seat: str, rng: Random) -> list[Piece]:
        """What this seat does now; whoever writes no tags only speaks."""
        scene = next(scene for scene in self.life.scenes for one in scene.seats if one.id == seat)
        kinds = ["think", "aside", "say", "say_to", "do", "whisper", "whisper", "move"]
        chosen = ["say"] if self._is_plain(seat) else rng.sample(kinds, rng.randint(1, 3))
        return [self._piece(rng, scene, seat, kind) for kind in chosen]

    def _piece(self, rng: Random, scene: Scene, seat: str, kind: str) -> Piece:
        other = rng.choice([one.id for one in scene.seats if one.id != seat])
        if kind == "move":
            return Piece(kind="move", text=rng.choice([*(place.name for place in scene.places), "the hall", "out"]))
        alarm = rng.choice(["", "", " by the fire"])
        if kind in ("think", "aside"):
            text = _line(self.life.ledger.utter(kind, seat), alarm)
            return Piece(kind="think", text=text) if kind == "think" else Piece(kind="say", manner="aside", text=text)
        if kind == "whisper":
            return Piece(
                kind="say", manner="whisper", to=(other,), text=_line(self.life.ledger.utter(kind, seat, (other,)))
            )
        to = (other,) if kind == "say_to" else ()
        return Piece(
            kind="do" if kind == "do" else "say", to=to, text=_line(self.life.ledger.utter("open", seat), alarm)
        )

    def _conclude(self, request: Request, rng: Random) -> str:
        ids = re.findall(r"^\[(\d+)\]", request.messages[-1]["content"], re.MULTILINE)
        if rng.random() < 0.2:
            return "Hm."
        persona, lines = self.life.persona(request.seat), list[str]()
        for _ in range(rng.randint(1, 2)):
            word = self.life.ledger.own(persona)
            self.beliefs.setdefault(persona, set()).add(word)
            lines.append(f"I am sure of {word}. [{', '.join(rng.sample(ids, min(2, len(ids))))}]")
        return "\n".join(lines)


def written(piece: Piece) -> str:
    """A piece as a model writes it."""
    to = f' to="{piece.to[0]}"' if piece.to else ""
    tag = piece.manner or {"think": "thought"}.get(piece.kind, piece.kind)
    return f"<{tag}{to}>{piece.text}</{tag}>"


@dataclass
class Watcher:
    """Takes seats without reading prompts, and keeps every view it was shown."""

    company: Company
    views: dict[str, list[View]] = field(default_factory=dict)
    spec: str = "test:watcher"
    wants_messages: bool = False
    budget: int = 0

    def count(self, text: str) -> int:
        return len(text)

    async def act(self, view: View) -> Deed:
        # the engine's list of turns goes on growing
        self.views.setdefault(view.part.id, []).append(replace(view, turns=tuple(view.turns)))
        rng = Random(f"{self.company.life.salt}/{view.part.id}/{view.act}")
        return Deed(Reply(pieces=tuple(self.company.act(view.part.id, rng)), feel=rng.choice(["", *FEELINGS])))


# playing


@dataclass
class Lived:
    """What came of a life."""

    life: Life
    transcripts: list[Transcript]
    model: Model
    watcher: Watcher
    company: Company
    store: InMemoryStore

    def seats_of(self, persona: str) -> list[tuple[Transcript, str]]:
        return [(one, id) for one in self.transcripts for id, seat in one.seats.items() if seat.persona == persona]

    def requests(self, seat: str) -> list[Request]:
        """What the seat was asked for its acts."""
        return [request for request in self.model.of(seat) if not is_reflection(request)]

    def told(self, persona: str) -> str:
        """All that its seats were ever shown: requests, reflections, views."""
        seats = [seat for _, seat in self.seats_of(persona)]
        shown = [request.text for seat in seats for request in self.model.of(seat)]
        return "\n".join([*shown, *(repr(view) for seat in seats for view in self.watcher.views.get(seat, ()))])


def live(life: Life, *, context: int = 1_000_000) -> Lived:
    """Play it, with a store that minds are read from where the life says so, and written to in any case."""
    company = Company(life)
    model, watcher, store = Model(company, context_tokens=context), Watcher(company), InMemoryStore()
    transcripts = asyncio.run(_played(life, model, watcher, store))
    return Lived(life, transcripts, model, watcher, company, store)


async def _played(life: Life, model: Model, watcher: Watcher, store: InMemoryStore) -> list[Transcript]:
    if life.stored:
        for persona, mind in life.minds.items():
            await _put(store, persona, mind)
    options: dict[str, Any] = {
        "backend": model, "seats": dict.fromkeys(life.silent, watcher), "minding": life.minding, "store": store,
        "minds": None if life.stored else life.minds, "interventions": life.interventions, "seed": life.salt,
    }  # fmt: skip
    if not life.chapters:
        return [await run.play(life.scenes[0], cast=life.seated[0], **options)]
    story = Story(
        id="test_story", title="A story", cast=tuple(Part(id=one.id, persona=one.id) for one in life.people),
        chapters=tuple(life.chapters), conditions=life.conditions,
    )  # fmt: skip
    settings = {chapter.id: Setting(scene, {}, None) for chapter, scene in zip(life.chapters, life.scenes, strict=True)}
    stage = StoryStage(story, {one.id: (one,) for one in life.people}, settings)
    with pytest.MonkeyPatch.context() as patch:  # a story made in Python cannot bring its scenes along
        patch.setattr(run, "stages_of", lambda *_: [stage])
        return await run.play_story(story, **options)


async def _put(store: InMemoryStore, persona: str, mind: Mind) -> None:
    """As the store's own format has it."""
    for memory in mind.memories:
        await store.aput(("simworld", persona, "memories"), f"{memory.id:08d}", memory.model_dump(mode="json"))
    await store.aput(("simworld", persona), "mind", mind.model_dump(mode="json", exclude={"memories"}))


# who may know what, from what was meant and the moves alone


def perceived(life: Life, transcript: Transcript) -> dict[int, frozenset[str]]:
    """Turn -> the seats that may know what it says, its own included."""
    scene = life.scene_of(transcript)
    default = scene.places[0].id if scene.places else ""
    where = {seat.id: OUT if seat.enters else seat.place or default for seat in scene.seats}
    found: dict[int, frozenset[str]] = {}
    for turn in transcript.turns:
        found[turn.n] = frozenset(_reached(life, scene, where, turn)) | ({turn.seat} & set(where))
        if turn.kind == "move":
            where[turn.seat] = turn.text
    return found


def _reached(life: Life, scene: Scene, where: Mapping[str, str], turn: Turn) -> set[str]:
    there = {id for id, place in where.items() if place != OUT}
    [word] = words_in(turn.text) or [""]
    if word in life.ledger.owners:  # only a whisper from outside is told as a turn
        return {id for id in there if life.persona(id) in life.ledger.owners[word]}
    meant = life.ledger.uttered.get(word, Uttered("open", turn.seat))
    if meant.manner in ("think", "aside"):
        return set()
    if meant.manner == "whisper":
        return {id for id in there & set(meant.to) if where[id] == where[meant.by]}
    if meant.manner == "happening":
        reach = _reach(scene, meant.place, far=True) if meant.place else set(where.values())
        return {id for id in there if where[id] in reach and (not meant.to or id in meant.to)}
    if len(scene.places) < 2:
        return there
    reach = _reach(scene, where[turn.seat], far=turn.kind == "say") | ({turn.text} if turn.kind == "move" else set())
    return {id for id in there if where[id] in reach or scene.seat(id).role == "narrator"}


def _reach(scene: Scene, place: str, *, far: bool) -> set[str]:
    return {place} | {other.id for other in scene.places if far and place in other.hears}


def knowers(lived: Lived) -> dict[str, set[str]]:
    """Canary -> the personas who may know it."""
    known = {word: set(owners) for word, owners in lived.life.ledger.owners.items()}
    for word, meant in lived.life.ledger.uttered.items():
        known[word] = {lived.life.persona(meant.by)} if meant.by else set()
    for transcript in lived.transcripts:
        for n, seats in perceived(lived.life, transcript).items():
            for word in words_in(transcript.turns[n].text) - set(lived.life.ledger.owners):
                known[word] |= {lived.life.persona(seat) for seat in seats}
    return known


def public(lived: Lived, transcript: Transcript) -> set[str]:
    """The words that everybody perceived who was there: what a director may know."""
    scene, could = lived.life.scene_of(transcript), perceived(lived.life, transcript)
    there = {seat.id for seat in scene.seats if not seat.enters}
    words: set[str] = set()
    for turn in transcript.turns:
        if turn.kind == "move" and turn.source:
            there.add(turn.seat)
        if there <= could[turn.n]:
            words |= {word for word in words_in(turn.text) if _is_open(lived.life.ledger, word)}
        if turn.kind == "move" and turn.text == OUT:
            there.discard(turn.seat)
    return words


def _is_open(ledger: Ledger, word: str) -> bool:
    return word not in ledger.owners and ledger.uttered[word].manner in ("open", "happening")


def lived_through(lived: Lived, transcript: Transcript, seat: str, until: Callable[[Turn], bool] = bool) -> set[str]:
    """The words of the turns that a seat made or perceived."""
    could = perceived(lived.life, transcript)
    return {word for turn in transcript.turns if seat in could[turn.n] and until(turn) for word in words_in(turn.text)}


def minds_of(transcript: Transcript, seat: str, turns: Iterable[int] = ()) -> Iterator[Mind]:
    """The mind of a seat as the scene ended, and after these turns."""
    yield mind_at(transcript, seat)
    for turn in turns:
        yield mind_at(transcript, seat, min(turn, len(transcript.turns) - 1))
