"""Minds are audible in improv: what is felt, how one stands to the other, and what comes back."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import simworld as sw
from simworld.agents.agent import Deed, View
from simworld.agents.improv import ImprovAgent
from simworld.agents.improv.library import library
from simworld.agents.improv.regard import introduces
from simworld.packs import load_pack
from simworld.prompts import words as vocabulary
from simworld.schema import Affect, Memory, Persona, Relation, Reply, Scene, Tie, Transcript, Turn
from simworld.schema.persona import Voice
from tests.improv_metrics import told
from tests.improv_stage import Stage, said
from tests.scenes_of_tests import end, scene_of

ROOT = Path(__file__).parents[1]
EMOTIONS = vocabulary("emotions")
SCENES = ("lost_luggage", "barbershop_saturday", "night_library", "fish_market")
ANN, BO, CY = Persona(id="ann", name="Ann Reed"), Persona(id="bo", name="Bo Marsh"), Persona(id="cy", name="Cy Tarn")
PAIR = {"a": ANN, "b": BO}
TRIO = {"a": ANN, "b": BO, "c": CY}


# --- what is felt --------------------------------------------------------------------------------------------------


def assigned(scene: Scene, emotion: str, at: int) -> Scene:
    """Sixteen acts in which the main seat begins with this emotion and nobody else with any."""
    seats = [seat.model_copy(update={"emotion": emotion if seat.id == scene.main else ""}) for seat in scene.seats]
    return scene.model_copy(
        update={"id": f"{scene.id}_{at}", "seats": tuple(seats), "emotions": (), "end": end(16, goodbye=True)}
    )


def play(scenes: Sequence[Scene], backend: Any = "improv") -> list[Transcript]:
    async def gather() -> list[Transcript]:
        return [t async for t in sw.play_many(scenes, n=len(scenes), backend=backend, seed=3)]

    return sorted(asyncio.run(gather()), key=lambda transcript: transcript.index)


def with_emotions(n: int, backend: Any = "improv") -> list[Transcript]:
    """Dialogues in equal shares for each emotion and scene."""
    pack = load_pack(ROOT)
    scenes = [pack.scenes[SCENES[at // len(EMOTIONS) % len(SCENES)]] for at in range(n)]
    return play([assigned(scene, EMOTIONS[at % len(EMOTIONS)], at) for at, scene in enumerate(scenes)], backend)


def main_turns(transcript: Transcript) -> list[Turn]:
    main = next(id for id, seat in transcript.seats.items() if seat.main)
    return [turn for turn in transcript.turns if turn.seat == main and turn.source != "scene"]


def heard_emotion(transcripts: Sequence[Transcript]) -> float:
    """How often the emotion that was assigned to a dialogue's main seat is told from what that seat says."""
    hidden = frozenset(
        word.lower() for t in transcripts for seat in t.seats.values() for word in re.findall(r"\w+", seat.name)
    )
    texts = [" ".join(turn.text for turn in main_turns(t) if turn.kind == "say") for t in transcripts]
    return told(texts, [label(t) for t in transcripts], [t.index for t in transcripts], hidden)


def label(transcript: Transcript) -> str:
    return next(seat.emotion for seat in transcript.seats.values() if seat.main)


class Numb(ImprovAgent):
    """Improv that is not told what it feels."""

    async def act(self, view: View) -> Deed:
        return await super().act(replace(view, emotion="", affect=Affect()))


@pytest.fixture(scope="module")
def felt() -> list[Transcript]:
    return with_emotions(256)


def test_an_assigned_emotion_is_told_from_the_words(felt: list[Transcript]) -> None:
    assert Counter(map(label, felt)) == dict.fromkeys(EMOTIONS, 16)
    assert heard_emotion(felt) >= 0.30


def test_words_tell_no_emotion_that_the_speaker_does_not_know() -> None:
    assert heard_emotion(with_emotions(128, Numb())) < 2 / len(EMOTIONS)


def test_an_assigned_emotion_mostly_lasts_through_a_scene(felt: list[Transcript]) -> None:
    kept: dict[str, list[bool]] = defaultdict(list)
    for transcript in felt:
        kept[label(transcript)] += [turn.emotion == label(transcript) for turn in main_turns(transcript)]
    assert fmean(same for each in kept.values() for same in each) >= 0.8
    assert {emotion: share for emotion in EMOTIONS if (share := fmean(kept[emotion])) < 0.5} == {}
    assert not all(all(each) for each in kept.values()), "words that nothing moves would be no feeling"


def test_a_word_that_improv_does_not_know_is_heard_by_its_numbers() -> None:
    seethe = {"a": Affect(valence=-0.6, arousal=0.65, dominance=0.35)}
    stage = Stage(PAIR, emotions={"a": "Wuthering"}, affects=seethe).say("a", "Hm.").say("b", "The tram is late.")
    still = Stage(PAIR, emotions={"a": "Wuthering"}).say("a", "Hm.").say("b", "The tram is late.")
    assert count(stage, "emotions.Angry.asides") > 15
    assert count(still, "emotions.Angry.asides") == 0


def test_what_is_felt_more_is_heard_more() -> None:
    near = {"a": Affect(valence=-0.3, arousal=0.2, dominance=0.1)}
    far = {"a": Affect(valence=-0.9, arousal=0.9, dominance=0.6)}
    little, much = (
        Stage(PAIR, emotions={"a": "Angry"}, affects=affect).say("a", "Hm.").say("b", "The tram is late.")
        for affect in (near, far)
    )
    paths = ("emotions.Angry.bursts", "emotions.Angry.asides", "emotions.Angry.fillers")
    assert count(much, *paths, seeds=200) > 1.2 * count(little, *paths, seeds=200)


def plain(path: str) -> list[str]:
    """The lines of a bank as far as they are the same whatever fills their slots."""
    parts = (max(re.split(r"\{\w+\}", line), key=len).strip(" .,!?").lower() for line in library().bank(path))
    return [part for part in parts if len(part) > 5]


def holds(text: str, *paths: str) -> bool:
    return any(part in text.lower() for path in paths for part in plain(path))


def count(stage: Stage, *paths: str, seeds: int = 80) -> int:
    """In how many of so many replies of seat `a` a line of these banks is spoken."""
    return sum(holds(said(stage.ask("a", seed=seed)), *paths) for seed in range(seeds))


# --- how one stands to the other -----------------------------------------------------------------------------------

STANCED = ("receive", "object", "agree", "views", "echo", "quote")


def played(**tie: float) -> tuple[list[str], list[str]]:
    """What one seat says and thinks in 24 dialogues, standing so to the other; all else is equal."""
    scene = scene_of(2, end=end(14, goodbye=True), relations=(Relation(of="s0", to="s1", kind="knows", **tie),))
    transcripts = play([scene.model_copy(update={"id": f"s_{at}"}) for at in range(24)])
    turns = [turn for transcript in transcripts for turn in transcript.turns if turn.seat == "s0"]
    return [t.text for t in turns if t.kind == "say"], [t.text for t in turns if t.kind == "think"]


def share(lines: Sequence[str], *paths: str) -> float:
    return fmean(holds(line, *paths) for line in lines)


def test_warmth_is_heard() -> None:
    warm, sharp = ([f"acts.{act}.{stance}" for act in STANCED] for stance in ("warm", "sharp"))
    (likes, _), (hates, _) = played(warmth=0.8), played(warmth=-0.8)
    assert share(likes, *warm, "minds.aside.warm") > 2 * share(hates, *warm, "minds.aside.warm")
    assert share(hates, *sharp, "minds.aside.cold") > 2 * share(likes, *sharp, "minds.aside.cold")
    assert share(likes, "minds.aside.warm") > 0.08
    assert share(hates, "minds.aside.warm") == 0


def test_low_trust_makes_answers_guarded() -> None:
    question = Stage(PAIR, ties={"a": {"b": Tie(trust=-0.8)}}).say("a", "Hello.").say("b", "What do you do, Ann?")
    trusting = Stage(PAIR, ties={"a": {"b": Tie(trust=0.8)}}).say("a", "Hello.").say("b", "What do you do, Ann?")
    assert count(question, "minds.guarded.answers") > 40
    assert count(trusting, "minds.guarded.answers") == 0
    (wary, thoughts), (open_, _) = played(trust=-0.9), played(trust=0.9)
    assert share(wary, "minds.guarded.answers", "minds.guarded.doubts") > 0.25
    assert share(open_, "minds.guarded.answers", "minds.guarded.doubts") == 0
    assert share(thoughts, "minds.thoughts.wary") > 0.03


def test_who_distrusts_another_tells_them_nothing_of_oneself() -> None:
    family = Persona(id="ann", name="Ann Reed", family="My aunt keeps a brindle.")
    asked = "Do you have any family?"
    told_of = {
        trust: sum(
            "brindle" in said(Stage({"a": family, "b": BO}, ties={"a": {"b": Tie(trust=trust)}}, seed=seed)
                              .say("a", "Hello.").say("b", asked).ask("a"))
            for seed in range(60)
        )
        for trust in (-0.9, 0.0)
    }  # fmt: skip
    assert told_of[-0.9] < told_of[0.0] / 2


@pytest.mark.parametrize("first", ["a", "b"])
def test_people_who_know_each_other_do_not_meet(first: str) -> None:
    """No introductions between them, in words or thoughts; strangers make them, and do not say 'you again'."""
    host = Persona(id="ann", name="Ann Reed", voice=Voice(greetings=("Pleased to meet you.", "How do you do?")))
    known, strange = (
        Stage({"a": host, "b": BO}, ties={"a": {"b": Tie(familiarity=how)}}) for how in (0.7, -0.8)
    )  # fmt: skip
    if first == "b":
        known.say("b", "Good morning.")
        strange.say("b", "Good morning.")
    greet = ("minds.greet.known", "minds.greet.known_back")
    replies = {stage: [stage.ask("a", seed=seed) for seed in range(80)] for stage in (known, strange)}
    assert not [said(reply) for reply in replies[known] if introduces(said(reply))]
    assert sum(introduces(said(reply)) for reply in replies[strange]) > 20
    assert sum(holds(said(reply)[:30], *greet) for reply in replies[known]) > 40
    assert sum(holds(said(reply)[:30], *greet) for reply in replies[strange]) == 0
    thoughts = {stage: [thought(reply) for reply in replies[stage]] for stage in replies}
    assert not [text for text in thoughts[known] if re.search(r"So (that's|this is) Bo|new face|First imp", text)]
    assert [text for text in thoughts[strange] if re.search(r"So (that's|this is) Bo|new face|First imp", text)]


def thought(reply: Reply) -> str:
    return " ".join(piece.text for piece in reply.pieces if piece.kind == "think")


def test_dislike_is_heard_in_the_greeting() -> None:
    cold = Stage(PAIR, ties={"a": {"b": Tie(warmth=-0.8)}})
    fond = Stage(PAIR, ties={"a": {"b": Tie(warmth=0.8, familiarity=0.8)}})
    assert count(cold, "minds.greet.cold") > 40
    assert count(fond, "minds.greet.known_warm") > 40
    assert count(fond, "minds.greet.cold", "minds.greet.known_cold") == 0


def test_a_goal_that_is_swapped_is_pursued_from_then_on() -> None:
    stage = Stage(PAIR, goals={"a": "get the brass key"}).say("a", "Hello.").say("b", "It is a long day.")
    before = " ".join(said(stage.ask("a", seed=seed)) for seed in range(80)).lower()
    after = " ".join(said(stage.ask("a", seed=seed, goal="win the silver cup")) for seed in range(80)).lower()
    assert "the brass key" in before
    assert "the silver cup" not in before
    assert "the silver cup" in after
    assert "the brass key" not in after


# --- what comes back -----------------------------------------------------------------------------------------------


def memory(id: int, text: str, *who: str, **fields: Any) -> Memory:
    return Memory(id=id, text=text, who=who, importance=0.5, **fields)


def recalling(*memories: Memory, cast: dict[str, Persona] = PAIR, **told: Any) -> Stage:
    stage = Stage(cast, recalled={"a": memories}, max_turns=40, **told)
    return stage.say("a", "Hello.").say("b", "I never liked the rain much.").say("a", "Who does?")


def replies(stage: Stage, seeds: int = 150) -> list[Reply]:
    stage = stage.say("b", "It was worse last winter.")
    return [stage.ask("a", seed=seed) for seed in range(seeds)]


def outside(reply: Reply) -> str:
    """All of a reply that others perceive."""
    return " ".join(piece.text for piece in reply.pieces if piece.kind != "think").lower()


def test_what_the_other_told_one_comes_up_again_in_about_one_act_of_three() -> None:
    told_me = memory(1, "Bo Marsh said: It was my sister who did it.", "bo")
    heard = [outside(reply) for reply in replies(recalling(told_me))]
    taken_up = [text for text in heard if "your sister" in text]
    assert 0.2 < len(taken_up) / len(heard) < 0.5
    assert any("you told me" in text or "you remember" in text or "last time" in text for text in taken_up)
    assert not [text for text in heard if "my sister" in text]


def test_what_comes_back_greets_an_old_friend() -> None:
    told_me = memory(1, "Bo Marsh said: My sister sold the zindle boat.", "bo")
    stage = Stage(PAIR, recalled={"a": (told_me,)}, ties={"a": {"b": Tie(familiarity=0.8)}})
    assert sum(CANARY in outside(stage.ask("a", seed=seed)) for seed in range(80)) > 15


CANARY = "zindle"
KEPT_BACK = {
    "a whisper": memory(1, "Bo Marsh whispered to me: My sister hid the zindle boat.", "bo", private=True),
    "an aside that reads like speech": memory(1, "Bo Marsh said: My sister hid the zindle boat.", "bo", private=True),
    "an own thought": memory(1, "I thought: My sister hid the zindle boat.", private=True),
    "own words": memory(1, "I said: My sister hid the zindle boat.", "bo"),
    "a belief": memory(1, "Bo Marsh said: My sister hid the zindle boat.", "bo", kind="belief"),
    "what was planted": memory(1, "Bo Marsh said: My sister hid the zindle boat.", "bo", kind="planted"),
    "what happened": memory(1, "Bo Marsh said: My sister hid the zindle boat."),
    "another's words": memory(1, "Di Lowe said: My sister hid the zindle boat.", "di", "bo"),
}


@pytest.mark.parametrize("kind", KEPT_BACK)
def test_nothing_else_that_comes_back_is_said_or_done(kind: str) -> None:
    assert not [text for reply in replies(recalling(KEPT_BACK[kind])) if CANARY in (text := outside(reply))]


@pytest.mark.parametrize("kind", ["a whisper", "a belief", "what was planted", "what happened"])
def test_it_is_thought(kind: str) -> None:
    assert sum(CANARY in thought(reply) for reply in replies(recalling(KEPT_BACK[kind]), 250)) > 4


def test_who_is_not_here_is_not_reminded() -> None:
    told_me = memory(1, "Cy Tarn said: My sister sold the zindle boat.", "cy")
    stage = recalling(told_me, cast=TRIO).say("b", "It was worse last winter.")
    here = [said(stage.ask("a", seed=seed)).lower() for seed in range(150)]
    view = replace(stage.view("a"), present=("b",))
    gone = [
        outside(asyncio.run(ImprovAgent().act(replace(view, part=replace(view.part, seed=seed)))).reply)
        for seed in range(150)
    ]
    assert sum(CANARY in text and "cy" in text for text in here) > 10
    assert not [text for text in gone if "sister" in text or CANARY in text]


@pytest.mark.parametrize(
    ("fields", "who"),
    [({"where": "the hall"}, ("bo",)), ({}, ("bo", "cy"))],
    ids=["somewhere in a house of rooms", "to another"],
)
def test_words_that_may_have_been_for_another_are_not_said_to_have_been_told_to_one(
    fields: dict[str, str], who: tuple[str, ...]
) -> None:
    overheard = memory(1, "Bo Marsh said: The zindle boat is yours. Your brother knows.", *who, **fields)
    heard = [text for reply in replies(recalling(overheard), 300) if CANARY in (text := outside(reply))]
    assert len(heard) > 40
    assert not [text for text in heard if holds(text, "minds.recalled.told.once") and "last time" not in text]
    of_whom = memory(1, "Bo Marsh said: It was your brother who did it.", *who, **fields)
    assert not [reply for reply in replies(recalling(of_whom)) if "brother" in outside(reply)]


def test_of_this_dialogue_it_is_what_was_said_earlier_if_it_was() -> None:
    line = "My sister sold the zindle boat."
    mine = memory(1, f"Bo Marsh said: {line}", "bo", turns=(1,), scene="d")
    stage = Stage(PAIR, recalled={"a": (mine,)}, max_turns=600).say("a", "Hello.").say("b", line)
    for at in range(70):
        stage.say("ab"[at % 2], f"The number is {at}.")
    here = [outside(reply) for reply in replies(stage.say("a", "Well."))]
    before = [outside(reply) for reply in replies(recalling(mine))]
    earlier, once = filled("minds.recalled.told.earlier"), filled("minds.recalled.told.once")
    assert sum(any(part in text for part in earlier) for text in here) > 15
    assert not [text for text in here if any(part in text for part in once)]
    assert sum(any(part in text for part in once) for text in before) > 15, "another play's turn 1 is not this one's"
    assert not [text for text in before if any(part in text for part in earlier)]


def filled(path: str) -> list[str]:
    """The lines of a bank about the zindle boat, without their last stop."""
    return [re.sub(r"\{np\}", "the zindle boat", line, flags=re.I).lower() for line in library().bank(path)]


# --- a long life ---------------------------------------------------------------------------------------------------


def test_two_thousand_acts_say_nothing_twice_within_sixty_turns_and_cost_the_same_to_the_end() -> None:
    from tests.benchmarks.long_dialogue import long_dialogue, repeated, spoken

    starts, calls, window = (200, 1780), Counter[int](), [0]

    class Counting(ImprovAgent):
        """Counts the calls of functions in two windows of 200 acts: time without the clock."""

        async def act(self, view: View) -> Deed:
            if view.act in starts:
                window[0] = view.act
                sys.setprofile(lambda *_: calls.update(window))
            elif view.act - 200 in starts:
                sys.setprofile(None)
            return await super().act(view)

    try:
        transcript, _ = long_dialogue(2, 2000, improv=Counting())
    finally:
        sys.setprofile(None)
    lines = spoken(transcript)
    assert len(lines) > 1900
    assert repeated(lines, 60) == []
    assert len(repeated(lines, len(lines))) < 0.01 * len(lines)
    assert 0 < calls[1780] < 1.15 * calls[200]
