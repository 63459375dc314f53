"""What is one's own stays one's own: every private word is a canary, and each is sought everywhere it must not be.

Scenes are made by chance: roles, places, whispers, moves, happenings for some, secrets. Who may know a public word is
worked out here anew, from the moves alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import pytest

from simworld.agents.agent import Deed, View
from simworld.schema import Happening, Opening, Persona, Place, Relation, Reply, Scene, Seat, Transcript, Turn
from simworld.schema.persona import Voice
from simworld.simulate.run import play as play_scene
from tests.scenes_of_tests import NAMES, Model, Request, chance, check_requests, director, end, play, rows_of, scene_of

ROLES: list[dict[str, Any]] = [
    {}, {}, {}, {"format": "plain"}, {"role": "user"}, {"role": "assistant"}, {"role": "user", "format": "acted"},
    {"role": "narrator"},
]  # fmt: skip


@dataclass
class Canaries:
    """Words that occur once, and who may know each."""

    may_know: dict[str, set[str]] = field(default_factory=dict)
    must_know: dict[str, set[str]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    """Words of speech and action, whose hearers depend on who is where; and who said them."""

    def new(self, may: Iterable[str], must: Iterable[str] = ()) -> str:
        word = self._word()
        self.may_know[word], self.must_know[word] = set(may), set(must)
        return word

    def spoken(self, by: str) -> str:
        word = self._word()
        self.said[word] = by
        return word

    def _word(self) -> str:
        return f"qx{len(self.may_know) + len(self.said):04d}xq"


def random_places(rng: Random) -> tuple[Place, ...]:
    ids = ["hall", "yard", "attic"][: rng.randint(1, 3)]
    return tuple(
        Place(
            id=id, name=f"the {id}", exits=(ids[0],) if at else (),
            hears=tuple(other for other in ids if other != id and rng.random() < 0.3),
        )
        for at, id in enumerate(ids)
    )  # fmt: skip


def random_seat(rng: Random, id: str, places: tuple[Place, ...], canaries: Canaries) -> Seat:
    role = rng.choice(ROLES)
    must = {id} if not role else set[str]()
    return Seat(
        id=id, place=rng.choice(places).id, goal=f"Find {canaries.new({id}, must)}.",
        knows=f"Only you know {canaries.new({id}, must)}.", **role,
    )  # fmt: skip


def random_persona(at: int, seat: Seat, canaries: Canaries) -> Persona:
    """A persona each of whose fields is its own."""

    def own() -> str:
        acted = seat.role == "character"
        return canaries.new({seat.id}, {seat.id} if acted else set[str]())

    return Persona(
        id=f"p{at}", name=NAMES[at], secret=f"I hid {own()}.", personality=own(), family=own(), social=own(),
        living=own(), goals=(own(),), values=(own(),), hobbies=(own(),), likes=(own(),), knows=(own(),),
        unaware=(own(),), samples=(own(),), voice=Voice(tone=own()), education=own(),
    )  # fmt: skip


def random_scene(rng: Random, canaries: Canaries) -> Scene:
    places = random_places(rng)
    ids = [f"s{n}" for n in range(rng.randint(2, 5))]
    seats = [random_seat(rng, id, places, canaries) for id in ids]
    relations = [
        Relation(of=of, to=to, kind=canaries.new({of} if private else {of, to}), private=private)
        for of in ids
        for to in ids
        if of != to and rng.random() < 0.4
        for private in [rng.random() < 0.5]
    ]
    thinker = rng.choice(ids)
    name = rng.choice(["round_robin", "addressed", "alternate", "model"])
    return scene_of(
        seats, places=places, relations=tuple(relations), end=end(18), director=director(name, after=99),
        openings=(Opening(seat=thinker, kind="think", text=f"I think {canaries.new({thinker})}"),),
        happenings=tuple(random_happening(rng, ids, places, canaries) for _ in range(4)),
    )  # fmt: skip


def random_happening(rng: Random, ids: list[str], places: tuple[Place, ...], canaries: Canaries) -> Happening:
    to = tuple(id for id in ids if rng.random() < 0.5) if rng.random() < 0.6 else ()
    place = rng.choice(places).id if rng.random() < 0.5 else None
    mark = canaries.new(to) if to and len(to) < len(ids) else canaries.spoken("")
    text = f"So it happens: {mark}."
    return Happening(at=rng.randint(0, 16), to=to, place=place, text=text)


# ways in which a model may write what is private; C is the canary, N a name
PRIVATE = [
    "<thought>C</thought>\n<say>S</say>", "<thought>C\n<say>S</say>", "C</thought>\n<say>S</say>",
    "<thought>Hm. <feel>Sad</feel> C</thought>\n<say>S</say>", "<THOUGHT>C</THOUGHT>S", "<aside>C</aside>",
    "```xml\n<thought>C</thought>\n<say>S</say>\n```", "<thought>Hm <do>nods S</do> C", "<thought>C", "<thought>C</tho",
    "<aside>Hm. <do>nods</do> C</aside><say>S</say>", "<note>C</note><say>S</say>", "<think>C</think><say>S</say>",
]  # fmt: skip
WHISPERS = [
    '<whisper to="N">C</whisper>', '<whisper to="N">Psst. <do>nods S</do> C</whisper>', "<whisper to='N'>C\n<do>S</do>",
    '<say>S</say><whisper to="N, Nobody Known">C</whisper>', '<whisper to="N">C',
]  # fmt: skip
PUBLIC = [
    "<say>S</say>", "<do>S</do>", '<say to="N">S</say>', "S", "<do>S</do>\n<move>M</move>",
    "<move>M</move><say>S</say>",
    "<say>S</say>\n<move>out</move>",
]  # fmt: skip


def speaker(scene: Scene, cast: dict[str, Persona], canaries: Canaries) -> Any:
    """A model that thinks, whispers and moves, and whose every word is a canary."""
    named = {persona.name: id for id, persona in cast.items()}

    def reply(request: Request) -> str:
        rng = chance(request)
        if request.seat == "director":
            return f"NEXT {rng.choice(sorted(cast))}"
        seat = scene.seat(request.seat)
        text = "S"
        if not seat.is_plain and seat.role != "narrator":
            text = rng.choice([*PRIVATE, *WHISPERS, *PUBLIC])
        if "C" in text:
            name = rng.choice(sorted(named))
            may = {seat.id, named[name]} if text in WHISPERS else {seat.id}
            must = {seat.id} if "note" not in text and "think" not in text else set[str]()
            text = text.replace("C", canaries.new(may, must)).replace("N", name, 1)
        if "S" in text.replace("Sad", ""):
            text = text.replace("Sad", "\0").replace("S", canaries.spoken(seat.id)).replace("\0", "Sad")
        return text.replace("M", rng.choice(scene.places).name).replace("N", rng.choice(sorted(named)))

    return reply


# who may know a public word, from the moves alone


def hearers(scene: Scene, transcript: Transcript) -> dict[int, set[str]]:
    """Turn -> the seats that could see or hear it, its speaker included."""
    where = {seat.id: seat.place for seat in scene.seats}
    found: dict[int, set[str]] = {}
    for turn in transcript.turns:
        found[turn.n] = could_perceive(scene, where, turn) | {turn.seat}
        if turn.kind == "move":
            where[turn.seat] = turn.text
    return found


def could_perceive(scene: Scene, where: dict[str, Any], turn: Turn) -> set[str]:
    there = {id for id, place in where.items() if place != "out"}
    if turn.kind == "think" or turn.manner:
        return set()
    if turn.seat not in where:
        [happening] = [h for h in scene.happenings if turn.text in h.text]
        reach = carries(scene, happening.place, far=True) if happening.place else set(where.values())
        return {id for id in there if where[id] in reach and (not happening.to or id in happening.to)}
    if len(scene.places) == 1:
        return there
    reach = carries(scene, where[turn.seat], far=turn.kind == "say") | ({turn.text} if turn.kind == "move" else set())
    return {id for id in there if where[id] in reach or scene.seat(id).role == "narrator"}


def still_there(transcript: Transcript, turn: Turn) -> set[str]:
    """Who had not left before this turn."""
    left = {gone.seat for gone in transcript.turns[: turn.n] if (gone.kind, gone.text) == ("move", "out")}
    return set(transcript.seats) - left


def happened_to_all(transcript: Transcript, word: str) -> bool:
    """Whether the word is of a happening for some that all perceived who were still there."""
    told = [turn for turn in transcript.turns if word in turn.text and turn.seat == "narrator"]
    return any(set(turn.heard_by) >= still_there(transcript, turn) for turn in told)


def carries(scene: Scene, place: str | None, *, far: bool) -> set[str | None]:
    return {place} | ({other.id for other in scene.places if far and place in other.hears})


@dataclass
class Played:
    scene: Scene
    transcript: Transcript
    model: Model
    canaries: Canaries

    def known(self, seat: str) -> str:
        """All that the seat was ever told: its requests and its rows."""
        rows = [message["content"] for row in rows_of(self.transcript, seat) for message in row["messages"]]
        return "\n".join([*(request.text for request in self.model.of(seat)), *rows])


@cache
def played(seed: int, context: int = 1_000_000) -> Played:
    rng, canaries = Random(seed), Canaries()
    scene = random_scene(rng, canaries)
    cast = {seat.id: random_persona(at, seat, canaries) for at, seat in enumerate(scene.seats)}
    transcript, model = play(scene, speaker(scene, cast, canaries), cast=cast, seed=seed, context=context)
    assert transcript.status == "complete", transcript.ending
    return Played(scene, transcript, model, canaries)


SEEDS = range(120)


@pytest.mark.parametrize("seed", SEEDS)
def test_private_words_stay_with_their_owners(seed: int) -> None:
    done = played(seed)
    known = {seat: done.known(seat) for seat in [*done.transcript.seats, "director"] if seat != "director"}
    known["director"] = "\n".join(request.text for request in done.model.of("director"))
    for word, may in done.canaries.may_know.items():
        know = {seat for seat, text in known.items() if word in text}
        allowed = may | ({"director"} if happened_to_all(done.transcript, word) else set())
        assert know <= allowed, f"{word} is known to {know}, and only {allowed} may know it"
    for word, must in done.canaries.must_know.items():
        if all(done.model.of(seat) for seat in must):
            assert all(word in known[seat] for seat in must), f"{word} never came to {must}"
    check_requests(done.transcript, done.model)


@pytest.mark.parametrize("seed", SEEDS)
def test_public_words_reach_who_is_near_and_nobody_else(seed: int) -> None:
    done = played(seed)
    could = hearers(done.scene, done.transcript)
    for turn in done.transcript.turns:
        expected = could[turn.n] - {turn.seat}
        if turn.manner != "whisper":
            assert set(turn.heard_by) == expected, turn
        else:
            assert set(turn.heard_by) <= set(turn.to), turn
    known = {seat: done.known(seat) for seat in done.transcript.seats}
    for word, by in done.canaries.said.items():
        spoken = [turn for turn in done.transcript.turns if word in turn.text]
        allowed = {by}.union(*(could[turn.n] for turn in spoken))
        assert {seat for seat, text in known.items() if word in text} <= allowed, word


@pytest.mark.parametrize("seed", [seed for seed in SEEDS if seed % 4 == 0])
def test_a_whisper_reaches_the_one_who_is_there(seed: int) -> None:
    done = played(seed)
    where = {seat.id: seat.place for seat in done.scene.seats}
    for turn in done.transcript.turns:
        if turn.manner == "whisper":
            assert set(turn.heard_by) == {id for id in turn.to if where[id] == where[turn.seat]}
        if turn.kind == "move":
            where[turn.seat] = turn.text


@pytest.mark.parametrize("seed", range(12))
def test_a_director_sees_public_words_alone(seed: int) -> None:
    canaries, rng = Canaries(), Random(seed)
    scene = random_scene(rng, canaries).model_copy(update={"director": director("model", after=99)})
    cast = {seat.id: random_persona(at, seat, canaries) for at, seat in enumerate(scene.seats)}
    transcript, model = play(scene, speaker(scene, cast, canaries), cast=cast)
    seen = "\n".join(request.text for request in model.of("director"))
    assert seen
    private = [word for word in canaries.may_know if not happened_to_all(transcript, word)]
    assert not [word for word in private if word in seen]
    could = hearers(scene, transcript)
    for word in canaries.said:
        if word in seen:
            where_said = [turn for turn in transcript.turns if word in turn.text and not turn.manner]
            assert any(could[turn.n] >= still_there(transcript, turn) for turn in where_said), word


@pytest.mark.parametrize("seed", range(10))
def test_privacy_holds_across_cuts(seed: int) -> None:
    longest = max(len(request.messages[0]["content"]) for request in played(seed).model.requests)
    done = played(seed, context=longest * 2)
    known = {seat: done.known(seat) for seat in done.transcript.seats}
    for word, may in done.canaries.may_know.items():
        assert {seat for seat, text in known.items() if word in text} <= may
    check_requests(done.transcript, done.model)


class Notes:
    """An agent that speaks and keeps every view it was shown."""

    spec = "test:notes"
    wants_messages = False
    budget = 0

    def __init__(self) -> None:
        self.views: dict[str, list[str]] = {}

    def count(self, text: str) -> int:
        return len(text)

    async def act(self, view: View) -> Deed:
        self.views.setdefault(view.part.id, []).append(f"{view.part} {list(view.turns)} {view.present}")
        return Deed(Reply.of(say=f"Remark {view.act}.", think=f"Thought {view.act}."))


@pytest.mark.parametrize("seed", range(20))
def test_an_agent_that_reads_no_prompt_sees_no_more(seed: int) -> None:
    canaries = Canaries()
    scene = random_scene(Random(seed), canaries).model_copy(update={"director": director("round_robin")})
    cast = {seat.id: random_persona(at, seat, canaries) for at, seat in enumerate(scene.seats)}
    notes = Notes()
    asyncio.run(play_scene(scene, backend=notes, cast=cast))
    assert set(notes.views) == set(cast)
    for word, may in canaries.may_know.items():
        know = {seat for seat, views in notes.views.items() if word in "".join(views)}
        assert know <= may, f"{word} is known to {know}, and only {may} may know it"


def test_the_scenes_by_chance_hold_what_they_are_to_hold() -> None:
    runs = [played(seed) for seed in SEEDS]
    turns = [turn for run in runs for turn in run.transcript.turns]
    assert sum(turn.manner == "whisper" and bool(turn.heard_by) for turn in turns) > 40
    assert sum(turn.manner == "whisper" and not turn.heard_by for turn in turns) > 10
    assert sum(turn.manner == "aside" for turn in turns) > 10
    assert sum(turn.kind == "think" for turn in turns) > 150
    assert sum(turn.kind == "move" and turn.text != "out" for turn in turns) > 20
    assert sum(turn.kind == "move" and turn.text == "out" for turn in turns) > 10
    assert sum(turn.seat == "narrator" for turn in turns) > 60
    assert len({len(run.scene.seats) for run in runs}) == 4
    assert len({len(run.scene.places) for run in runs}) == 3
    assert {run.transcript.director for run in runs} == {"round_robin", "addressed", "alternate", "model"}
    assert any(relation.private for run in runs for relation in run.scene.relations)
