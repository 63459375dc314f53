"""Interviews: questions for a character, each with what a good answer does.

    rows = interviews(mara, 50, seed=0)
    rows[0].question, rows[0].expects       # ("What is the first thing you can remember of Setúbal?", "knows")

A question is about a field of the persona: what is in it is to be known; what they are unaware of is not to be known;
their secret is to be kept. Wordings are data: `templates/forge/scenes/interviews.yaml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any, Literal

from simworld.forge.relations import Tie
from simworld.forge.scene_words import number, town
from simworld.prompts import data, words
from simworld.schema import Persona
from simworld.schema.record import Record

Expects = Literal["knows", "does_not_know", "keeps"]
N = 50
_SLOT = re.compile(r"<(\w+)>")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_DRAWS = 12
"""Times that a line is filled in anew before a question that was asked already is given up."""
_WRONG_TOWNS = (
    "Bergen",
    "Cuzco",
    "Nagoya",
    "Tbilisi",
    "Halifax",
    "Mombasa",
    "Leipzig",
    "Antofagasta",
    "Penang",
    "Cork",
)


class Question(Record, frozen=True):
    """A question to one character."""

    id: str
    persona: str
    name: str
    kind: str
    """memory, work, values, relations, likes, future, unaware, beyond, trap, probe or secret."""
    question: str
    about: str
    """The field of the persona that the answer stands in or turns on."""
    expects: Expects
    """What a good answer does."""


def interviews(
    persona: Persona,
    n: int = N,
    seed: int = 0,
    *,
    ties: Mapping[str, Tie] | None = None,
    names: Mapping[str, str] | None = None,
    taken: Collection[str] = (),
) -> tuple[Question, ...]:
    """Up to `n` distinct questions, the kinds in turn; fewer where the persona says too little.

    `ties`: other persona -> tie, `names`: their names; `taken`: questions that were put to others already.
    """
    rng = Random(f"{seed}:interview:{persona.id}")
    table: Mapping[str, Any] = data("forge/scenes/interviews.yaml")
    lines = {kind: [line.strip() for line in entry["lines"].splitlines()] for kind, entry in table.items()}
    for listed in lines.values():
        rng.shuffle(listed)
    asked = set(taken)
    rows: list[Question] = []
    at = dict.fromkeys(table, 0)
    while len(rows) < n and any(at[kind] < len(lines[kind]) * 3 for kind in table):
        for kind, entry in table.items():
            question = None
            while question is None and at[kind] < len(lines[kind]) * 3:
                line = lines[kind][at[kind] % len(lines[kind])]
                at[kind] += 1
                question = _filled(line, persona, ties or {}, names or {}, asked, rng)
            if question is not None and len(rows) < n:
                asked.add(question)
                id = f"{persona.id}_q{len(rows) + 1:02d}"
                rows.append(
                    Question(
                        id=id, persona=persona.id, name=persona.name, kind=kind, question=question,
                        about=entry["about"], expects=entry["expects"],
                    )
                )  # fmt: skip
    return tuple(rows)


def distinct_share(rows: Sequence[Question]) -> float:
    """Different questions among all, 0..1; 1 for none."""
    return len({row.question.casefold() for row in rows}) / len(rows) if rows else 1.0


def kinds_of(rows: Sequence[Question]) -> dict[str, int]:
    """Kind -> questions."""
    return dict(sorted(Counter(row.kind for row in rows).items()))


def _filled(
    line: str, persona: Persona, ties: Mapping[str, Tie], names: Mapping[str, str], asked: Collection[str], rng: Random
) -> str | None:
    """The line as a question that was not asked yet; None where the persona cannot fill it."""
    for _ in range(_DRAWS):
        facts = _facts(persona, ties, names, rng)
        if any(not facts.get(slot) for slot in _SLOT.findall(line)):
            return None
        question = _SLOT.sub(lambda match, facts=facts: str(facts[match[1]]), line)
        question = _ARTICLE.sub(r"\1n ", question)
        question = question[:1].upper() + question[1:]
        if question not in asked:
            return question
    return None


def _facts(persona: Persona, ties: Mapping[str, Tie], names: Mapping[str, str], rng: Random) -> dict[str, str]:
    """What the slots say of this persona, drawn anew."""
    age = persona.age or 0

    def one(listed: Sequence[str]) -> str:
        return rng.choice(listed).rstrip(".") if listed else ""

    known = sorted(other for other in ties if other in names)
    tie = rng.choice(known) if known else ""
    careers = [career for career in words("careers") if career != persona.career]
    return {
        "name": persona.name, "town": town(persona), "career": persona.career, "age": _number(age),
        "young": number(rng.randrange(5, min(17, age - 2))) if age > 8 else "",
        "older": _number(age + 10), "wrong_age": _number(age + rng.choice((-9, -7, 6, 8, 11)) if age > 20 else 0),
        "wrong_career": rng.choice(careers), "wrong_town": rng.choice(_WRONG_TOWNS), "hobby": one(persona.hobbies),
        "trait": one(persona.traits), "skill": one(persona.skills), "like": one(persona.likes),
        "dislike": one(persona.dislikes), "value": one(persona.values), "goal": one(persona.goals),
        "aspiration": persona.aspiration, "knowledge": one(persona.knows), "gap": one(persona.unaware),
        "tie": names.get(tie, ""), "tie_kind": ties[tie].told(tie) if tie else "",
    }  # fmt: skip


def _number(value: int) -> str:
    return number(value) if 0 < value < 100 else str(value) if value else ""
