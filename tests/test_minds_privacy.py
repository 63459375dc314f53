"""No mind knows what its owner could not: lives by chance, and every private word of them sought wherever it may leak.

Where a word belongs it must be found, too, word for word: a test of absence alone would pass on silence.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from simworld.agents.character import REPLY_TOKENS
from simworld.corpus.exports.messages import INSIDE, MindedRows, messages_rows
from simworld.corpus.exports.sharegpt import sharegpt_rows
from simworld.corpus.exports.text import text_rows
from simworld.mind import due, emotion_model, mind_at
from simworld.mind.relations import drift, shift
from simworld.prompts import words
from simworld.schema import Affect, Appraisal, Mind, Scene, Temperament, Tie, Transcript
from simworld.simulate.longterm import read_minds
from simworld.simulate.minding import Minding
from simworld.simulate.run import play as play_scene
from simworld.simulate.run import play_many
from simworld.text.tokens import MESSAGE_OVERHEAD, estimate
from tests.minds_of_tests import (
    Life,
    Lived,
    brought,
    is_reflection,
    knowers,
    live,
    lived_through,
    minds_of,
    public,
    random_life,
    words_in,
)
from tests.scenes_of_tests import (
    NAMES,
    Model,
    Request,
    busily,
    busy,
    chance,
    check_requests,
    director,
    own_acts,
    person,
)

SEEDS = st.integers(0, 2**32)
"""A life is drawn whole: value by value, what is drawn clings to the simplest, and the rare things meet too seldom."""
SOON = 1.0
"""Importance after which the minds of these tests reflect: after two or three acts, and not after forty."""


@pytest.fixture(autouse=True, scope="module")
def _quick_to_reflect() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simworld.simulate.inside.due", partial(due, every=SOON))
        yield


def by_chance(examples: int, *arguments: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same examples on every machine; as many as a few seconds allow.

    A seed has nothing simpler that could be tried in its place.
    """
    chosen = settings(
        deadline=None, max_examples=examples, derandomize=True, database=None,
        phases=(Phase.generate,),
    )  # fmt: skip

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        return chosen(given(*arguments)(test))

    return decorated


# who may know a word, and who must


def check_nothing_leaks(lived: Lived) -> None:
    """No persona's requests, views, minds, rows or stored items hold a word that is not for it."""
    may = knowers(lived)
    for persona in lived.life.people:
        for where, text in everything_of(lived, persona.id).items():
            leaked = {word for word in words_in(text) if persona.id not in may[word]}
            assert not leaked, f"{where} of {persona.id} holds {leaked}, which are for {[may[one] for one in leaked]}"
    for transcript in lived.transcripts:
        if transcript.director == "model":
            assert director_words(lived, transcript) <= public(lived, transcript)


def everything_of(lived: Lived, persona: str) -> dict[str, str]:
    found = {"what was shown": lived.told(persona), "what is stored": stored(lived, persona)}
    rng = Random(lived.life.salt)
    for transcript, seat in lived.seats_of(persona):
        if seat in transcript.minds:
            turns = [rng.randint(-1, len(transcript.turns) - 1) for _ in range(3)]
            minds = [mind.model_dump_json() for mind in minds_of(transcript, seat, turns)]
            assert all(Mind.model_validate_json(mind) for mind in minds), "every number is within its bounds"
            found[f"the mind in {transcript.id}"] = "".join([transcript.minds[seat].model_dump_json(), *minds])
        found[f"the rows of {transcript.id}"] = json.dumps(rows_of_all_kinds(transcript, seat))
    return found


def rows_of_all_kinds(transcript: Transcript, seat: str) -> list[Any]:
    exports = (messages_rows, MindedRows(list(INSIDE)), sharegpt_rows, text_rows)
    return [row for export in exports for row in export(transcript, seat, thoughts=True, notes=True)]


def stored(lived: Lived, persona: str) -> str:
    """Everything that the store holds under a persona's name."""
    namespaces = lived.store.list_namespaces(prefix=("simworld", persona), limit=100)
    return json.dumps([item.value for space in namespaces for item in lived.store.search(space, limit=1000)])


def director_words(lived: Lived, transcript: Transcript) -> set[str]:
    asked = [request.text for request in lived.model.of("director")]
    return words_in("\n".join(text for text in asked if any(f"\n{seat}: " in text for seat in transcript.seats)))


def check_everything_arrives(lived: Lived, seen: Counter[str]) -> None:
    """Each word is where it belongs, and no word is missing; `seen` counts what was there to be checked."""
    for transcript in lived.transcripts:
        for seat, record in transcript.seats.items():
            check_prompts(lived, transcript, seat)
            if record.role != "narrator":
                check_memories(lived, transcript, seat, seen)
                check_notes(lived, transcript, seat, seen)
        check_interventions(lived, transcript, seen)
        check_director(lived, transcript, seen)
        for turn in transcript.turns:
            seen[f"{turn.manner or turn.kind}{' heard' if turn.heard_by else ''}"] += 1
            seen["entrances"] += turn.kind == "move" and turn.source == "scene"
            seen["left"] += turn.text == "out"
        seen[transcript.director] += 1
        seen["ways"] += bool(transcript.story and transcript.story.way)
    for persona in lived.life.people:
        check_store(lived, persona.id)


def check_prompts(lived: Lived, transcript: Transcript, seat: str) -> None:
    """Asked for its last act, a seat has before it what it is told at first and all that it perceived by then."""
    acts = own_acts(transcript, seat)
    if not acts:
        return
    last = acts[-1][0].n
    silent = seat in lived.life.silent
    shown = words_in(repr(lived.watcher.views[seat][-1]) if silent else lived.requests(seat)[-1].text)
    own = lived.life.scene_of(transcript).seat(seat)
    chapter = next((one for one in lived.life.chapters if one.scene == transcript.scene), None)
    told = words_in(own.knows) | words_in(chapter.goals.get(seat, own.goal) if chapter else own.goal)
    assert told | lived_through(lived, transcript, seat, lambda turn: turn.n < last) <= shown
    rows = json.dumps(messages_rows(transcript, seat, thoughts=True, notes=True))
    if not silent:
        assert shown <= words_in(rows)
    assert lived_through(lived, transcript, seat, lambda turn: turn.n <= acts[-1][-1].n) <= words_in(rows)


def check_memories(lived: Lived, transcript: Transcript, seat: str, seen: Counter[str]) -> None:
    """Its episodes are what it lived through, no word more and none less; what it brought it still has."""
    record, persona = transcript.minds[seat], lived.life.persona(seat)
    episodes = [memory for memory in record.formed if memory.kind == "episode"]
    if lived.life.minding.memory == "window":
        assert not record.formed
        return
    assert words_in("".join(memory.text for memory in episodes)) == lived_through(lived, transcript, seat)
    beliefs = [memory for memory in record.formed if memory.kind == "belief"]
    had = {memory.id for memory in record.begin.memories}
    for memory in record.formed:
        if memory.kind == "belief":
            assert memory.evidence
            assert set(memory.evidence) <= had
        had.add(memory.id)
    if transcript is lived.transcripts[0] and persona in lived.life.minds:
        assert record.begin.memories == lived.life.minds[persona].memories
        seen["brought"] += len(record.begin.memories)
    seen["beliefs"] += len(beliefs)
    seen["private memories"] += sum(memory.private for memory in episodes)
    concluded = lived.company.beliefs.get(persona, set())
    seen["concluded by a model"] += sum(bool(words_in(belief.text) & concluded) for belief in beliefs)


def check_notes(lived: Lived, transcript: Transcript, seat: str, seen: Counter[str]) -> None:
    """A note tells the words of what was recalled, in its owner's words, and those of a new goal; nothing else."""
    for act in own_acts(transcript, seat):
        turn = act[0]
        mind = mind_at(transcript, seat, turn.n - 1)
        had = {memory.id: memory.text for memory in mind.memories}
        assert set(turn.recalled) <= set(had), f"{transcript.id} {seat} {turn.n}"
        recalled = "".join(had[id] for id in turn.recalled)
        goals = [one.what.goal for one in transcript.interventions if one.what.seat == seat and one.n <= turn.n]
        assert words_in(recalled) <= words_in(turn.note) <= words_in(recalled + "".join(goals))
        if transcript.seats[seat].format == "plain":  # told of hands alone
            planted = {memory.id for memory in mind.memories if memory.kind == "planted"}
            assert set(turn.recalled) <= planted
            assert bool(turn.note) == bool(words_in(turn.note))
        seen["recalled"] += len(turn.recalled)


def check_interventions(lived: Lived, transcript: Transcript, seen: Counter[str]) -> None:
    """Each comes at its act, and what it gives is with its seat at once: in its mind, and in its next note or view."""
    scene = lived.life.scene_of(transcript)
    made = [one.what for one in transcript.interventions]
    acts = len(scene.openings) + sum(len(own_acts(transcript, seat.id)) for seat in scene.seats)
    due_ = [one for one in scene.interventions if one.when is None and (one.at or 0) < acts]
    assert [one for one in due_ if one not in made] == []
    for one in transcript.interventions:
        seat, what = one.what.seat, one.what
        following = next((act[0] for act in own_acts(transcript, seat) if act[0].n >= one.n), None)
        mind = mind_at(transcript, seat)
        if what.memory and lived.life.minding.memory == "episodic":
            assert what.memory in [memory.text for memory in mind.memories if memory.kind == "planted"]
        if what.goal:
            assert mind.goal in [other.goal for other in made if other.seat == seat]
        if following and transcript.seats[seat].format == "acted" and lived.life.minding.memory == "episodic":
            assert words_in(what.memory) <= words_in(following.note)
            seen["planted and told"] += bool(what.memory)
        said = [turn for turn in transcript.turns if what.whisper and turn.text == what.whisper]
        assert all(turn.heard_by == (seat,) for turn in said)
        seen["whispers from outside"] += len(said)
        seen["goals"] += bool(what.goal)
        seen["by a condition"] += bool(what.when)


def check_director(lived: Lived, transcript: Transcript, seen: Counter[str]) -> None:
    """A model that directs sees all that is public until the last act, where nobody is yet to come."""
    scene, own = lived.life.scene_of(transcript), [turn for turn in transcript.turns if not turn.source]
    if transcript.director != "model" or any(seat.enters for seat in scene.seats) or len({t.act for t in own}) < 2:
        return
    there = {word for turn in transcript.turns if turn.act < own[-1].act for word in words_in(turn.text)}
    assert public(lived, transcript) & there <= director_words(lived, transcript)
    seen["seen by a director"] += len(public(lived, transcript) & there)


def check_store(lived: Lived, persona: str) -> None:
    """The store holds the mind with which a persona went out of the last scene it was in."""
    left = [mind_at(transcript, seat) for transcript, seat in lived.seats_of(persona) if seat in transcript.minds]
    if left:
        [mind] = asyncio.run(read_minds(lived.store, [persona])).values()
        assert mind == left[-1]


def test_nothing_leaks_and_everything_arrives() -> None:
    seen: Counter[str] = Counter()

    @by_chance(70, SEEDS)
    def holds(seed: int) -> None:
        lived = live(random_life(Random(seed)))
        assert lived.transcripts[0].status == "complete", lived.transcripts[0].ending
        check_nothing_leaks(lived)
        check_everything_arrives(lived, seen)
        check_starts_of_rows(lived)

    holds()
    assert seen["whisper heard"] > 40
    assert seen["whisper"] > 40, "whispers to whoever is not there"
    assert min(seen["think"], seen["aside"]) > 60
    assert min(seen["entrances"], seen["left"], seen["whispers from outside"], seen["goals"]) > 10
    assert min(seen["planted and told"], seen["by a condition"]) > 10
    assert min(seen["brought"], seen["beliefs"], seen["concluded by a model"], seen["recalled"]) > 40
    assert seen["private memories"] > 100
    assert seen["seen by a director"] > 10
    assert min(seen[name] for name in ("alternate", "round_robin", "addressed", "urge", "scripted", "model")) > 2


def test_nothing_leaks_from_one_chapter_to_another() -> None:
    seen: Counter[str] = Counter()

    @by_chance(30, SEEDS, st.sampled_from([2, 3]))
    def holds(seed: int, chapters: int) -> None:
        lived = live(random_life(Random(seed), chapters=chapters))
        assert [one.status for one in lived.transcripts if one.status != "complete"] == []
        check_nothing_leaks(lived)
        check_everything_arrives(lived, seen)
        check_lives_go_on(lived, seen)
        check_starts_of_rows(lived)

    holds()
    assert seen["ways"] > 0
    assert seen["carried on"] > 300
    assert min(seen["recalled"], seen["concluded by a model"], seen["whisper heard"]) > 40


def check_lives_go_on(lived: Lived, seen: Counter[str]) -> None:
    """Into each later chapter everybody brings what they themselves went out of the one before with."""
    for persona in lived.life.people:
        been = [one for one in lived.seats_of(persona.id) if one[1] in one[0].minds]
        for (before, then), (after, now) in pairwise(been):
            kept = {memory.id: memory for memory in mind_at(before, then).memories}
            begun = {memory.id: memory for memory in after.minds[now].begin.memories}
            assert {id: begun.get(id) for id in kept} == kept
            new = words_in("".join(begun[id].text for id in begun if id not in kept))
            own = words_in("".join(memory.text for memory in kept.values()))
            assert new <= own | lived.company.beliefs.get(persona.id, set())
            seen["carried on"] += len(kept)


def test_the_embedded_default_keeps_to_itself_what_is_private() -> None:
    """It speaks from what it knows and remembers; a user says what it wants, and nobody says anything else private."""
    seen: Counter[str] = Counter()

    @by_chance(40, SEEDS)
    def holds(seed: int) -> None:
        life = random_life(Random(seed))
        [scene] = life.scenes
        life.scenes = [scene.model_copy(update={"director": director("round_robin")})]
        transcript = played_by_improv(life)
        users = {seat.id for seat in scene.seats if seat.role == "user"}
        for turn in transcript.turns:
            if not turn.source and turn.kind != "think" and turn.manner != "aside" and turn.seat not in users:
                assert not words_in(turn.text) & set(life.ledger.owners), turn
            seen["told in a note"] += len(words_in(turn.note) & set(life.ledger.owners))

    holds()
    assert seen["told in a note"] > 40


def played_by_improv(life: Life) -> Transcript:
    given: dict[str, Any] = {"cast": life.seated[0], "minds": life.minds, "interventions": life.interventions}
    return asyncio.run(play_scene(life.scenes[0], backend="improv", seed=life.salt, **given))


# requests are the start of rows, and within what a model can take


def check_starts_of_rows(lived: Lived) -> int:
    """Where every seat reads prompts; the number of cuts."""
    if lived.life.silent:
        return 0
    asked = Model(lived.company, requests=[one for one in lived.model.requests if not is_reflection(one)])
    return sum(check_requests(transcript, asked) for transcript in lived.transcripts)


def test_no_prompt_and_no_note_passes_its_budget() -> None:
    """Lives of hundreds of memories, brought along by everybody, before models that can take little."""
    seen: Counter[str] = Counter()

    @by_chance(30, SEEDS, st.sampled_from([900, 1000, 1150, 1600]), st.sampled_from([60, 400]))
    def holds(seed: int, context: int, memory_tokens: int) -> None:
        rng = Random(seed)
        life = random_life(rng)
        life.silent, life.minding = set(), Minding(memory_tokens=memory_tokens)
        if context >= 1500:
            long_winded(life)
        life.minds = {
            one.id: brought(rng, one, life.people, life.ledger, rng.randint(100, 260), wordy=40) for one in life.people
        }
        lived, budget = live(life, context=context), context - min(REPLY_TOKENS, context // 4)
        for request in lived.model.requests:
            assert tokens_of(request) <= budget, f"{request.seat} {request.call} {is_reflection(request)}"
        [transcript] = lived.transcripts
        assert transcript.status == "complete" or "even without its older turns" in transcript.ending.detail
        for turn in transcript.turns:
            assert estimate(turn.note.partition("You remember:")[2]) <= min(memory_tokens, budget // 8)
            seen["memories told"] += len(turn.recalled)
        seen["failed"] += transcript.status == "failed"
        seen["reflections"] += sum(map(is_reflection, lived.model.requests))
        check_nothing_leaks(lived)
        if transcript.status == "complete":
            seen["cuts"] += check_starts_of_rows(lived)
        for seat, record in transcript.minds.items():
            check_notes(lived, transcript, seat, seen)
            seen["let go"] += len(record.let_go)

    holds()
    assert min(seen["memories told"], seen["cuts"]) > 20
    assert min(seen["reflections"], seen["let go"]) > 60
    assert seen["failed"] < 8


def long_winded(life: Life) -> None:
    """Everybody's profile takes about half of what the model can."""
    more = " You have lived in that town for a great many years." * 25
    life.people = [who.model_copy(update={"profile": who.profile + more}) for who in life.people]
    by_id = {who.id: who for who in life.people}
    life.seated = [{seat: by_id[who.id] for seat, who in cast.items()} for cast in life.seated]


def tokens_of(request: Request) -> int:
    """As the seat's agent counts them."""
    return sum(estimate(message["content"]) + MESSAGE_OVERHEAD for message in request.messages)


# the same lives again


def concluding(request: Request) -> str:
    """Any mixture of acts; asked to conclude, something that hangs on all that was asked."""
    if not is_reflection(request):
        return busily(request)
    ids = re.findall(r"^\[(\d+)\]", request.messages[-1]["content"], re.MULTILINE)
    rng = chance(request)
    return f"There is more to it than {rng.randint(0, 999)} of them say. [{rng.choice(ids)}]"


def many_at_once(scene: Scene, seed: int, jobs: int) -> list[str]:
    async def collect() -> list[Transcript]:
        people = [person(f"p{at}", name) for at, name in enumerate(NAMES[:4])]
        backend = Model(concluding, context_tokens=1100)
        stream = play_many(scene, n=4, backend=backend, cast=people, seed=seed, jobs=jobs)
        return [transcript async for transcript in stream]

    told = sorted(asyncio.run(collect()), key=lambda transcript: transcript.index)
    return [transcript.model_dump_json() for transcript in told]


def test_memory_does_the_same_however_many_play_at_once() -> None:
    seen: Counter[str] = Counter()

    @by_chance(4, SEEDS)
    def holds(seed: int) -> None:
        scene = busy(3, 24)
        one_by_one = many_at_once(scene, seed, 1)
        assert one_by_one == many_at_once(scene, seed, 8)
        for transcript in map(Transcript.model_validate_json, one_by_one):
            seen["recalled"] += sum(len(turn.recalled) for turn in transcript.turns)
            seen["beliefs"] += sum(one.kind == "belief" for mind in transcript.minds.values() for one in mind.formed)

    holds()
    assert min(seen["recalled"], seen["beliefs"]) > 20


@by_chance(6, SEEDS, st.sampled_from([0, 2]))
def test_a_life_lived_again_is_the_same(seed: int, chapters: int) -> None:
    once, again = (live(random_life(Random(seed), chapters=chapters)) for _ in range(2))
    assert [one.model_dump_json() for one in once.transcripts] == [one.model_dump_json() for one in again.transcripts]
    assert once.model.requests == again.model.requests


# feelings stay within their bounds

SIGNED, SHARE = st.floats(-1, 1), st.floats(0, 1)
AFFECTS = st.builds(Affect, valence=SIGNED, arousal=SIGNED, dominance=SIGNED)
TEMPERAMENTS = st.builds(Temperament, baseline=AFFECTS, to_good=SHARE, to_bad=SHARE, half_life=st.floats(0.1, 1e5))
NAMED = st.sampled_from(["", "", *words("emotions"), "Wistful"])
APPRAISALS = st.builds(Appraisal, named=NAMED, affect=AFFECTS, strength=SHARE, warmth=SIGNED, trust=SIGNED)
STEPS = st.lists(st.tuples(APPRAISALS, st.floats(0, 3), st.floats(0, 1e6)), max_size=30)


@pytest.mark.parametrize("model", ["pad", "categorical"])
@by_chance(120, TEMPERAMENTS, NAMED, STEPS)
def test_no_sequence_of_feelings_leaves_the_bounds(
    model: str, temperament: Temperament, first: str, steps: list[tuple[Appraisal, float, float]]
) -> None:
    emotions = emotion_model(model)
    felt, tie = emotions.begin(first, temperament), Tie()
    for appraisal, weight, minutes in steps:
        named = emotions.feel(emotions.fade(felt, temperament, minutes), temperament, appraisal, weight)
        assert named.name == appraisal.named or not appraisal.named
        felt, tie = named, drift(shift(tie, appraisal, weight), minutes)
        numbers = [*felt.affect.model_dump().values(), tie.warmth, tie.trust, tie.familiarity]
        assert all(-1 <= number <= 1 for number in numbers)
        assert felt.name in {*words("emotions"), "Wistful", ""}
        assert felt.name or model == "categorical"
