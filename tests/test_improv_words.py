"""How improv reads and turns words: leave-taking, phrases, profiles, facts, the scene; and what its files must hold."""

from __future__ import annotations

import re

import pytest

from simworld.agents.improv.facts import clauses, facts_of, number, weave
from simworld.agents.improv.kit import kit_of
from simworld.agents.improv.library import library, slots
from simworld.agents.improv.phrases import phrases, seen_by, uncapital
from simworld.agents.improv.profile import disliked, first_person, liked, said_of_self, trade
from simworld.agents.improv.reading import read
from simworld.agents.improv.setting import call_name, infinitive, place_name, topic_of
from simworld.agents.improv.voice import habitual, voice_of
from simworld.prompts import words as vocabulary
from simworld.schema import Persona
from simworld.schema.persona import Voice
from simworld.text.farewell import is_farewell
from tests.profiles_of_tests import people

# --- leave-taking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Goodbye.", "Well, goodbye then, Mara.", "Ciao. Mind the step.", "You too, Ann. Goodbye.", "I'm off, goodbye.",
        "See you at eight, Marek.", "Bye! Count your spoons!", "Have a good day, bye.", "Thanks again, bye Ann",
        "Good night, Marek.", "I must be going.", "Until next time, then.", "Right, I’m off.", "GOODBYE",
        "Goodbye, and come back if it stops working.", "Okay, bye-bye, greet your people.", "Take care of yourself.",
        "Thank you, you have been a great help. Goodbye!", "It was good to see you. See you soon!",
    ],
)  # fmt: skip
def test_leave_taking_is_heard(text: str) -> None:
    assert is_farewell(text)


@pytest.mark.parametrize(
    "text",
    [
        "He never said goodbye to the dog.", "I can see you.", "It's good to see you.", "It has taken so long.",
        "Take care of the garden while I am away.", "Good night? Already?", "A good night for fishing, that.",
        "Goodbye is a word that I learnt late in life, and I never liked it much at all.", "Before I go, one thing.",
        "When I say bye, people cry, and then the whole street has to be calmed down.", "By the way, bye-laws matter.",
        "I have to go to work tomorrow.", "Later we went home.", "We must go on with it.", "", "...",
    ],
)  # fmt: skip
def test_talk_of_leave_taking_is_none(text: str) -> None:
    assert not is_farewell(text)


# --- phrases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I left my suitcase in the rain.", {"my suitcase", "the rain"}),
        ("The carousel shudders and a grey case comes out.", {"a grey case"}),
        ("We drank a cup of tea under the old clock.", {"a cup of tea", "the old clock"}),
        ("It is about money, and about trains.", {"money", "trains"}),
        ("I trust him. Trust me.", set[str]()),
        ("That is how it was, you know.", set[str]()),
        ("Marek's coat hangs by the door.", {"Marek's coat", "the door"}),
    ],
)
def test_what_can_be_taken_up_is_found(text: str, found: set[str]) -> None:
    assert set(phrases(text)) >= found
    assert set(phrases(text)) - found <= {"the carousel"}


@pytest.mark.parametrize(
    ("phrase", "heard", "overheard"),
    [
        ("my suitcase", "your suitcase", "your suitcase"), ("your brother", "my brother", "the brother"),
        ("a letter", "that letter", "that letter"), ("the rain", "the rain", "the rain"),
        ("trains", "trains", "trains"),
    ],
)  # fmt: skip
def test_a_phrase_is_turned_to_who_answers_it(phrase: str, heard: str, overheard: str) -> None:
    assert seen_by(phrase, addressed=True) == heard
    assert seen_by(phrase, addressed=False) == overheard


def test_only_words_that_may_are_uncapitalised() -> None:
    assert uncapital("The rain stopped.") == "the rain stopped."
    assert uncapital("That's Marek.") == "that's Marek."
    assert uncapital("Marek stopped.") == "Marek stopped."
    assert uncapital("I stopped.") == "I stopped."


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("I'm so sorry about the vase.", "apology"), ("You are a liar and you know it.", "insult"),
        ("Let me carry that for you.", "offer"), ("No, not today.", "refusal"), ("Goodbye, Ann.", "farewell"),
        ("My back hurts and I can't sleep.", "complaint"), ("Good news, I got the job!", "good_news"),
        ("The road is closed.", ""),
    ],
)  # fmt: skip
def test_what_a_line_does_is_told(text: str, move: str) -> None:
    assert read(text).move == move


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("Who pays for this mess?", "who"), ("Well now. How long have you waited?", "how_long"), ("Is it yours?", ""),
        ("Tea or coffee?", "choice"), ("It's late, isn't it?", "tag"), ("Why here?", "why"),
    ],
)  # fmt: skip
def test_the_kind_of_answer_a_question_wants_is_told(text: str, wants: str) -> None:
    assert read(text).question
    assert read(text).asks_for == wants


def test_what_only_colours_a_line_is_not_taken_up() -> None:
    assert "that heavy heart" not in [
        seen_by(p, addressed=True) for p in read("With a heavy heart, the shop closed.").phrases
    ]
    assert "the shop" in read("With a heavy heart, the shop closed.").phrases


def test_every_line_with_an_answer_is_recognised_when_it_is_heard() -> None:
    lines = [line for line in library().replies if "{" not in line]
    lost = [line for line in lines if not read(f"Well now. {line}").replies]
    assert len(lines) > 1000
    assert len(lost) < 0.03 * len(lines), lost[:10]


# --- profiles and facts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "first"),
    [
        ("you sell your creations online", "I sell my creations online"),
        ("you're often seen jogging", "I'm often seen jogging"),
        ("people respect you for your patience", "people respect me for my patience"),
        ("you were a nurse before you are what you are", "I was a nurse before I am what I am"),
        ("a temper that makes you a poor loser", "a temper that makes me a poor loser"),
        ("you always are late", "I always am late"),
    ],
)
def test_a_profile_is_turned_to_the_first_person(second: str, first: str) -> None:
    assert first_person(second) == first


def test_a_profile_gives_whole_statements_likes_and_work() -> None:
    text = (
        "You are Ida Holm, a 34-year-old woman who works as a night nurse. Your voice is soft. You have a passion for "
        "old clocks and a dislike for loud music. You often hike with your dog, and you keep nine hens. Although quiet."
    )
    fond = "I have a passion for old clocks and a dislike for loud music."
    assert said_of_self(text) == (fond, "I often hike with my dog.", "I keep nine hens.")
    assert liked(text) == ("old clocks",)
    assert disliked(text) == ("loud music",)
    assert trade(text) == "a night nurse"
    facts = {fact.kind: fact.text for fact in facts_of(Persona(id="ida", name="Ida Holm", profile=text))}
    assert facts["career"] == "a night nurse"
    assert facts["age"] == "thirty-four"


def test_no_statement_of_a_profile_speaks_to_you() -> None:
    said = [clause for person in people() for clause in said_of_self(person.profile)]
    assert len(said) > 40
    assert not [clause for clause in said if re.search(r"\b(you|your|you're)\b", clause.lower())]
    assert all(clause.startswith(("I ", "I'", "My ", "In ", "Despite ")) for clause in said), said


def test_long_clauses_are_parted_and_dependent_ones_left_out() -> None:
    assert list(clauses("I rent a room, and my aunt pays. Which is odd.")) == ["I rent a room", "My aunt pays"]
    woven = weave("I have been nine long years on a ward in the north", "mind you")
    assert ", mind you, " in woven
    assert all(len(part.split()) <= 7 for part in woven.split(", mind you, "))
    assert weave("I keep bees", "mind you") == "I keep bees"
    assert number(63) == "sixty-three"


def test_the_secret_is_no_fact_and_no_line() -> None:
    kit = kit_of(Persona(id="ann", name="Ann Reed", secret="I sold the yelmot.", likes=("tea",)))
    assert not [fact for fact in kit.facts if "yelmot" in fact.text]
    assert not [line for line in kit.lines if "yelmot" in line.text]


# --- voice ---------------------------------------------------------------------------------------------------------


def test_a_derived_voice_is_complete_stable_and_its_own() -> None:
    voices = [voice_of(person) for person in people()]
    assert voices == [voice_of(person) for person in people()]
    assert all(voice.openers and voice.tags and voice.yes and voice.no and voice.farewells for voice in voices)
    assert len({voice.openers for voice in voices}) == len(voices)
    sharp, kind = voice_of(people()[1]), voice_of(people()[10])
    assert kind.stances["warm"] > sharp.stances["warm"]


def test_a_voice_that_is_brought_is_kept() -> None:
    voice = Voice(pace="clipped", openers=("Right,",), farewells=("Mind the gap, and the step, and the door, and me.",))
    samples = tuple("I do not say that it is so, but I will not say that it is not." for _ in range(4))
    idiom = voice_of(Persona(id="x", name="X", voice=voice, samples=samples))
    assert idiom.openers == ("Right,",)
    assert idiom.pace == "clipped"
    assert idiom.farewells, "what is too long to be said each time is made up for"
    assert "expand" in idiom.habits
    assert habitual("I don't know, it isn't mine.", idiom.habits) == "I do not know, it is not mine."


# --- the scene -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("goal", "kept"),
    [
        ("get the grey case, or the price of black shoes and a taxi", "get the grey case"),
        ("to win the show of hands before anybody leaves", "win the show of hands"),
        ("You want to find your brother", "find my brother"),
        ("somewhere warm", "somewhere warm"),
        ("the truth", ""),
    ],
)
def test_a_goal_is_told_as_an_infinitive(goal: str, kept: str) -> None:
    assert infinitive(goal) == kept


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("the lost-luggage desk", "the lost-luggage desk"), ("A swanky rooftop bar in Rome", "this rooftop bar"),
        ("In a vast, classical art museum.", "this art museum"), ("Research Lab", "this research lab"), ("", ""),
        ("Eliot's cozy living room", "this living room"), ("bay forty", "bay forty"),
        ("Walking down the street", "this place"),
    ],
)  # fmt: skip
def test_a_place_is_spoken_of(name: str, spoken: str) -> None:
    assert place_name(name) == spoken


@pytest.mark.parametrize(
    ("name", "called"),
    [("Rosalind 'Rocky' Hartley", "Rocky"), ("Dr. Elara Sterling", "Dr. Sterling"), ("Ann Reed", "Ann"), ("Mo", "Mo")],
)
def test_people_are_called_as_people_are(name: str, called: str) -> None:
    assert call_name(name) == called


# --- the files -----------------------------------------------------------------------------------------------------


def test_all_emotions_of_the_vocabulary_can_be_heard_seen_and_thought() -> None:
    for emotion in vocabulary("emotions"):
        for field in ("bursts", "leads", "fillers", "asides", "dos", "thinks"):
            assert len(library().bank(f"emotions.{emotion}.{field}")) >= 6, (emotion, field)


def test_the_kinds_of_talk_of_simsconv_are_known() -> None:
    assert all(topic_of(topic) for topic in vocabulary("topics")[:18])


def test_no_line_holds_a_run_of_words_that_would_recur() -> None:
    told = ("facts", "lexicon", "farewells")
    long = [
        line
        for path, lines in library().banks.items()
        if not path.startswith(told) and not path.endswith((".name", ".match"))
        for line in lines
        if any(len(re.findall(r"[A-Za-z']+", part)) > 7 for part in re.split(r"\{\w+\}", line))
    ]
    assert long == []


def test_every_slot_is_one_that_is_filled() -> None:
    known = {
        "np", "snp", "gnp", "hnp", "q", "name", "other", "place", "day", "subject", "x", "goal", "secret", "them",
        "need", "step", "their", "theirs", "told",
    }  # fmt: skip
    strange = {
        slot: line for lines in library().banks.values() for line in lines for slot in slots(line) if slot not in known
    }
    assert strange == {}
