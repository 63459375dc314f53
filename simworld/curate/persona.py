"""Filters of who one is and how one feels: statements against the profile, words against the emotion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from simworld.curate.case import Bounds, Case, Found, Person
from simworld.curate.facts import against, claims_in
from simworld.mind.appraisal import appraise
from simworld.prompts import data
from simworld.schema import Turn
from simworld.text.words import content_stems, stem


def contradiction(case: Case, bounds: Bounds) -> Iterator[Found]:
    """A statement about oneself against what the profile says, or against an own earlier one."""
    for person in case.characters:
        ages: dict[int, int] = {}
        for turn in case.said_by(person.seat):
            for claim in claims_in(turn.text):
                if claim.kind == "age":
                    ages.setdefault(turn.n, int(claim.value))
                if claim.kind in bounds["facts"] and (why := against(claim, person.facts)):
                    yield Found(f"'{claim.text}': {person.name} {why}", (turn.n,))
        if "age" in bounds["facts"] and ages and max(ages.values()) - min(ages.values()) > 1:
            both = " and ".join(map(str, sorted(set(ages.values()))))
            yield Found(f"{person.name} is {both}", tuple(ages))


def emotion_mismatch(case: Case, bounds: Bounds) -> Iterator[Found]:
    """What is said in an emotion that does not go with it: asleep and holding a speech, happy in sobs."""
    for person in case.characters:
        for emotion, turns in _by_emotion(case, person).items():
            if emotion == "Asleep":
                yield from _awake(turns, bounds)
            elif emotion in _sides():
                yield from _other_side(emotion, _sides()[emotion], turns, bounds)


def _by_emotion(case: Case, person: Person) -> dict[str, list[Turn]]:
    """Emotion -> what was said in it; a turn that tells none has the one that the seat began with."""
    begun = case.transcript.seats[person.seat].emotion
    found: dict[str, list[Turn]] = {}
    for turn in case.said_by(person.seat):
        if emotion := turn.emotion or begun:
            found.setdefault(emotion, []).append(turn)
    return found


def _awake(turns: Sequence[Turn], bounds: Bounds) -> Iterator[Found]:
    """Coherent speech of somebody who is asleep, with no word about sleep."""
    long = [turn for turn in turns if len(turn.text.split()) >= bounds["awake_words"]]
    drowsy = any(_drowsy().search(turn.text) for turn in turns)
    if len(long) >= bounds["awake_turns"] and not drowsy:
        yield Found("Asleep, and speaks at length", tuple(turn.n for turn in long), float(len(long)))


def _other_side(emotion: str, side: int, turns: Sequence[Turn], bounds: Bounds) -> Iterator[Found]:
    """Words whose feeling lies on the other side: of strength in several turns, and none on the own side."""
    values: list[tuple[int, float]] = []
    for turn in turns:
        told = appraise(turn.text)
        values.append((turn.n, side * told.affect.valence * told.strength))
    if any(stem(emotion) in content_stems(turn.text) for turn in turns):
        return  # who says what they feel is not mistaken about it
    against = [(n, value) for n, value in values if value <= -bounds["turn_strength"]]
    mean = sum(value for _, value in values) / len(values)
    if len(against) >= bounds["other_side_turns"] and mean <= -bounds["mean_strength"]:
        yield Found(f"{emotion}, in words of the other side", tuple(n for n, _ in against), mean)


@cache
def _sides() -> dict[str, int]:
    told = data("curate/emotions.yaml")
    return {**dict.fromkeys(told["glad"], 1), **dict.fromkeys(told["grieved"], -1)}


@cache
def _drowsy() -> re.Pattern[str]:
    words = (re.escape(one.strip()) for one in str(data("curate/emotions.yaml")["drowsy"]).split("|"))
    return re.compile(rf"\b(?:{'|'.join(words)})", re.IGNORECASE)
