"""The embedded default: it answers what it hears, keeps to its own persona, and is a pure function of its view."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from simworld.agents.improv import ImprovAgent
from simworld.agents.improv.library import library, slots
from simworld.schema import Persona
from simworld.text.farewell import is_farewell
from tests.improv_stage import Stage, said

FACTS = {
    "hobbies": "blixing", "likes": "warm snorvles", "dislikes": "cold gribbets", "values": "plain quorries",
    "goals": "mend the vostle", "knows": "old trimbles", "skills": "fropping", "strengths": "a steady zindle",
    "flaws": "a loose wexter",
}  # fmt: skip
CLAUSES = {
    "family": "My aunt keeps a brindle.", "social": "The baker calls me dorn.", "living": "I rent a crample.",
    "career_detail": "I was nine years in kesk.",
}  # fmt: skip
SECRET = "I buried the yelmot under the pear tree. Nobody has found the yelmot."


def person(id: str, name: str, mark: str = "", **fields: object) -> Persona:
    """A persona with every fact marked by letters of its own."""
    told: dict[str, object] = {}
    if mark:
        told = {field: (f"{text}{mark}",) for field, text in FACTS.items()}
        told |= {field: text.replace(".", f"{mark}.") for field, text in CLAUSES.items()}
        told |= {"origin": f"Pellow{mark}", "secret": SECRET.replace("yelmot", f"yelmot{mark}")}
    return Persona(id=id, name=name, **{**told, **fields})  # type: ignore[arg-type]


ANN, BO, CY = person("ann", "Ann Reed", "ann"), person("bo", "Bo Marsh", "bo"), person("cy", "Cy Tarn", "cy")
PAIR = {"a": ANN, "b": BO}
MARKS = {
    f"{text.rstrip('.').split()[-1]}{mark}".lower()
    for text in (*FACTS.values(), *CLAUSES.values(), "pellow")
    for mark in ("ann", "bo", "cy")
}
DESK = {
    "title": "The grey case", "background": "A grey case with red tape is missing. The clerk counts forms.",
    "topic": "travel", "time": "13:05", "places": {"desk": "the lost-luggage desk"},
}  # fmt: skip


# --- a pure function of the view -----------------------------------------------------------------------------------


def test_the_same_view_gives_the_same_reply_and_another_seed_another() -> None:
    stage = Stage(PAIR, **DESK).say("b", "Where did you leave the suitcase?")
    assert stage.ask("a") == stage.ask("a")
    assert len({said(stage.ask("a", seed=seed)) for seed in range(12)}) > 9


def test_a_reply_does_not_hang_on_the_process_or_its_hash_seed() -> None:
    program = (
        "from tests.test_improv import PAIR, DESK\nfrom tests.improv_stage import Stage\n"
        "print([(t.kind, t.text) for t in Stage(PAIR, seed=5, **DESK).play(12)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert str([(turn.kind, turn.text) for turn in Stage(PAIR, seed=5, **DESK).play(12)]) in outputs.pop()


# --- it answers ----------------------------------------------------------------------------------------------------


def test_an_authored_question_is_answered_as_it_was_written_to_be() -> None:
    question = "Which train did you come on?"
    known = library().replies[question]
    stage = Stage(PAIR).say("a", "Hello.").say("b", f"Well now. {question}")
    heard = [said(stage.ask("a", seed=seed)).lower() for seed in range(40)]
    assert sum(any(answer.lower().strip(".") in line for answer in known) for line in heard) > 25


def test_most_replies_take_up_a_word_of_the_line() -> None:
    stage = Stage(PAIR).say("a", "Hello.").say("b", "My neighbour keeps a parrot in the cellar.")
    heard = [said(stage.ask("a", seed=seed)).lower() for seed in range(60)]
    assert sum(any(word in line for word in ("parrot", "cellar", "neighbour")) for line in heard) > 40
    assert not any("my neighbour" in line for line in heard), "what is the other's is not one's own"


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("Do you have any family?", "brindle"), ("Where are you from?", "pellow"),
        ("What are your hobbies?", "blixing"), ("What would you call your worst failing?", "wexter"),
        ("Where do you live now, in what house?", "crample"),
    ],
)  # fmt: skip
def test_a_question_about_oneself_draws_the_fact_it_is_about(question: str, field: str) -> None:
    stage = Stage(PAIR).say("a", "Hello.").say("b", question)
    assert any(f"{field}ann" in said(stage.ask("a", seed=seed)).lower() for seed in range(40))


def test_something_that_happens_is_remarked_on() -> None:
    stage = (
        Stage(PAIR, **DESK).say("a", "Hello.").say("b", "Good day.").say("narrator", "The kettle falls off the shelf.")
    )
    heard = [said(stage.ask("a", seed=seed)) for seed in range(40)]
    bank = [
        line for stance in ("warm", "dry", "sharp", "playful") for line in library().bank(f"acts.happening.{stance}")
    ]
    plain = [line.rstrip(".!?") for line in bank if "{" not in line]
    assert sum("kettle" in line or "shelf" in line or any(text in line for text in plain) for line in heard) > 24


# --- and keeps to its own ------------------------------------------------------------------------------------------


def test_every_fact_comes_out_of_its_own_mouth() -> None:
    """Another may take up a word of it, but only once its owner has told it."""
    cast = {"a": ANN, "b": BO, "c": CY}
    told: Counter[str] = Counter()
    for seed in range(30):
        known: set[str] = set()
        for turn in Stage(cast, seed=seed, topic="discussing hobbies", max_turns=18).play(18):
            marks = set(re.findall(rf"\w+(?:{'|'.join(p.id for p in cast.values())})\b", turn.text.lower())) & MARKS
            foreign = {mark for mark in marks if not mark.endswith(cast[turn.seat].id)}
            assert foreign <= known, turn.text
            known |= marks
            told[turn.seat] += len(marks - foreign)
    assert min(told[seat] for seat in cast) > 30


def test_the_secret_is_thought_and_never_spoken_or_done() -> None:
    turns = [turn for seed in range(60) for turn in Stage(PAIR, seed=seed, **DESK).play(12)]
    assert not [turn for turn in turns if turn.kind != "think" and "yelmot" in turn.text]
    thoughts = [turn for turn in turns if turn.kind == "think" and "yelmot" in turn.text]
    assert thoughts
    assert all(PAIR[turn.seat].id in turn.text for turn in thoughts)


def test_what_only_one_knows_is_not_told() -> None:
    knows = {"a": "The zirkel lies behind the radiator."}
    turns = [turn for seed in range(40) for turn in Stage(PAIR, seed=seed, knows=knows, **DESK).play(12)]
    assert {turn.kind for turn in turns if "zirkel" in turn.text} == {"think"}


def test_a_goal_shows_in_thought_and_its_things_in_speech() -> None:
    turns = [
        t
        for s in range(30)
        for t in Stage(PAIR, seed=s, goals={"a": "get the grey case back, whatever it costs"}).play(12)
    ]
    assert any("get the grey case back" in turn.text for turn in turns if turn.kind == "think")
    assert any("the grey case" in turn.text.lower() for turn in turns if turn.kind == "say" and turn.seat == "a")


def test_a_line_of_the_persona_is_said_once_and_as_it_was_written() -> None:
    lines = tuple(
        f"The {word} lamp never burned before noon." for word in ("red", "blue", "white", "tall", "low", "brass")
    )
    cast = {"a": person("ann", "Ann Reed", samples=lines), "b": BO}
    told = 0
    for seed in range(12):
        spoken = [
            turn.text
            for turn in Stage(cast, seed=seed, max_turns=30).play(30)
            if turn.seat == "a" and turn.kind == "say"
        ]
        uses = [sum(line in text for text in spoken) for line in lines]
        assert max(uses) == 1
        told += sum(uses)
    assert told > 12 * 4


# --- coming and going ----------------------------------------------------------------------------------------------


def test_both_greet_at_first_and_take_leave_at_last_and_not_before() -> None:
    for seed in range(30):
        turns = [turn for turn in Stage(PAIR, seed=seed, max_turns=12, **DESK).play(12) if turn.kind == "say"]
        leaves = [turn.act for turn in turns if is_farewell(turn.text)]
        assert leaves, seed
        assert min(leaves) >= 9
        assert {turn.seat for turn in turns if is_farewell(turn.text)} == {"a", "b"}


def test_a_farewell_is_answered_with_one_late_and_with_a_word_to_stay_early() -> None:
    late = Stage(PAIR).say("a", "Hello.").say("b", "Good night, Ann.")
    assert all(is_farewell(said(late.ask("a", seed=seed, max_turns=4))) for seed in range(20))
    assert not any(is_farewell(said(late.ask("a", seed=seed, max_turns=60))) for seed in range(20))
    insisting = late.say("b", "Goodbye, then, Ann.")
    assert all(is_farewell(said(insisting.ask("a", seed=seed, max_turns=60))) for seed in range(20))


def test_a_long_dialogue_says_nothing_twice_within_sixty_turns() -> None:
    spoken = [
        turn.text.casefold() for turn in Stage(PAIR, seed=3, max_turns=600, **DESK).play(600) if turn.kind == "say"
    ]
    assert all(text not in spoken[max(0, at - 60) : at] for at, text in enumerate(spoken))


# --- seats of every kind -------------------------------------------------------------------------------------------


def test_two_to_eight_seats_address_seats_that_are_there() -> None:
    for count in (2, 3, 5, 8):
        cast = {
            f"s{at}": person(f"p{at}", f"{name} Lund")
            for at, name in enumerate(["Ada", "Ben", "Cora", "Dan", "Eve", "Finn", "Gus", "Hal"][:count])
        }
        turns = Stage(cast, goals={"s0": "win the brass cup"}, max_turns=24, **DESK).play(24)
        assert {turn.seat for turn in turns if turn.kind == "say"} == set(cast)
        assert all(to in cast and to != turn.seat for turn in turns for to in turn.to)


def test_a_whisper_is_answered_with_one_and_its_words_go_no_further() -> None:
    stage = Stage({"a": ANN, "b": BO, "c": CY}).say("a", "Hello.").say("c", "Hello.")
    stage.say("b", "Did you hide the ferret in the organ?", to=("a",), manner="whisper")
    for seed in range(30):
        pieces = [piece for piece in stage.ask("a", seed=seed).pieces if piece.kind == "say"]
        assert [(piece.manner, piece.to) for piece in pieces] == [("whisper", ("b",))]
    replied = stage.say("a", "Hush.", to=("b",), manner="whisper").say("b", "I must know.", to=("a",), manner="whisper")
    aloud = [replied.ask("a", seed=seed) for seed in range(30)]
    assert not any(
        piece.manner or "ferret" in piece.text for reply in aloud for piece in reply.pieces if piece.kind == "say"
    )


def test_a_user_and_an_assistant_speak_plainly_and_get_through_the_steps() -> None:
    roles, goal = {"u": "user", "h": "assistant"}, {"u": "fill in the visa form before Friday"}
    for seed in range(12):
        stage = Stage(
            {"u": ANN, "h": BO}, seed=seed, roles=roles, goals=goal, topic="rules", title="Visa form", max_turns=14
        )
        turns = stage.play(14)
        assert {turn.kind for turn in turns} == {"say"}
        helped = " ".join(turn.text for turn in turns if turn.seat == "h").lower()
        steps = [step.rstrip(".") for step in library().bank("service.kinds.paperwork.steps")]
        given = [helped.count(step) for step in steps]
        assert max(given) == 1
        assert sum(given) >= 4
        assert "visa form" in turns[0].text
        assert is_farewell(turns[-1].text)
        assert is_farewell(turns[-2].text)
        assert not any(is_farewell(turn.text) for turn in turns[:-2])


def test_an_assistant_tells_what_it_knows_of_the_matter() -> None:
    knows = {"h": "A pink form asks about quirbles."}
    helped = [
        turn.text
        for seed in range(12)
        for turn in Stage({"u": ANN, "h": BO}, seed=seed, roles={"u": "user", "h": "assistant"}, knows=knows).play(10)
    ]
    assert any("quirbles" in text for text in helped)


def test_a_narrator_tells_what_can_be_seen_and_speaks_to_nobody() -> None:
    stage = Stage({"a": ANN, "b": BO, "n": CY}, roles={"n": "narrator"}, max_turns=15, **DESK)
    turns = stage.play(15)
    told = [turn for turn in turns if turn.seat == "n"]
    assert {turn.kind for turn in told} == {"say"}
    lines = {slot for line in library().bank("service.narrator.lines") for slot in slots(line)}
    assert lines == {"name", "other", "snp", "np", "place"}
    assert not any("Cy" in turn.text for turn in turns if turn.seat != "n"), "nobody talks to the narrator"


def test_a_plain_character_only_speaks() -> None:
    stage = Stage(PAIR, **DESK).say("b", "Where is the tape?")
    plain = stage.parts["a"].seat.model_copy(update={"format": "plain"})
    stage.parts["a"] = replace(stage.parts["a"], seat=plain)
    for seed in range(20):
        reply = stage.ask("a", seed=seed)
        assert [piece.kind for piece in reply.pieces] == ["say"]
        assert reply.feel == ""


def test_nobody_is_at_a_loss_for_words_with_a_name_only() -> None:
    turns = Stage({"a": Persona(id="mo", name="Mo"), "b": Persona(id="li", name="Li")}, max_turns=20).play(20)
    spoken = [turn.text for turn in turns if turn.kind == "say"]
    assert len(spoken) == 20
    assert all(len(text) > 4 for text in spoken)


def test_a_feeling_is_heard_and_not_named() -> None:
    """What words do to this one is appraised by whoever keeps its mind."""
    stage = Stage(PAIR, emotions={"a": "Tense"}).say("a", "Hello.").say("b", "You are a liar.")
    assert {stage.ask("a", seed=seed).feel for seed in range(40)} == {""}
    marks = [line.rstrip(".?!") for field in ("bursts", "asides") for line in library().bank(f"emotions.Tense.{field}")]
    assert sum(any(mark in said(stage.ask("a", seed=seed)) for mark in marks) for seed in range(40)) > 10


def test_who_is_alone_and_hears_nobody_looks_for_the_others() -> None:
    places = {"hall": "the hall", "yard": "the yard"}
    stage = Stage(PAIR, places=places).say("a", "Is anybody here?")
    view = stage.view("a")
    moves = Counter(
        piece.text
        for seed in range(40)
        for piece in asyncio.run(
            ImprovAgent().act(replace(view, part=replace(view.part, seed=seed), present=()))
        ).reply.pieces
        if piece.kind == "move"
    )
    assert set(moves) == {"yard"}
    assert 10 < moves["yard"] < 40
    assert not [piece for seed in range(20) for piece in stage.ask("a", seed=seed).pieces if piece.kind == "move"]
