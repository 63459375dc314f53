"""Interview questions written by a model: a call a kind, each question checked, what is wrong asked for again.

rows = await ask_interviews(personas, 50, asking)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from simworld.backends.asking import Asking
from simworld.backends.structured import ask_fields
from simworld.forge.interviews import Question
from simworld.prompts import data, profile, render
from simworld.schema import Persona

EXAMPLES = 3
SHORTEST, LONGEST = 12, 240
_AGAIN = 2


async def ask_interviews(personas: Sequence[Persona], n: int, asking: Asking) -> tuple[Question, ...]:
    """`n` questions to each by a model, the kinds in equal parts; fewer where what it wrote stayed wrong."""
    table: Mapping[str, Any] = data("forge/scenes/interviews.yaml")
    shares = {kind: n // len(table) + (at < n % len(table)) for at, kind in enumerate(table)}
    taken: set[str] = set()

    async def of(persona: Persona) -> list[Question]:
        rows: list[Question] = []
        for kind, share in shares.items():
            for question in await _asked(persona, kind, table[kind], share, asking):
                id = f"{persona.id}_q{len(rows) + 1:02d}"
                entry = table[kind]
                rows.append(
                    Question(
                        id=id, persona=persona.id, name=persona.name, kind=kind, question=question,
                        about=entry["about"], expects=entry["expects"],
                    )
                )  # fmt: skip
        return rows

    found = [row for rows in await asking.each(personas, of) for row in rows]
    distinct: list[Question] = []
    for row in found:
        if row.question.casefold() not in taken:
            taken.add(row.question.casefold())
            distinct.append(row)
    return tuple(distinct)


async def _asked(persona: Persona, kind: str, entry: Mapping[str, Any], n: int, asking: Asking) -> list[str]:
    """Up to `n` questions of one kind."""
    lines = [line.strip() for line in entry["lines"].splitlines()]
    examples = [line for line in lines if "<" not in line][:EXAMPLES]
    got: list[str] = []
    for again in range(_AGAIN):
        wanted = n - len(got)
        if not wanted:
            break
        fields = {f"q{at + 1}": {"type": "string", "minLength": SHORTEST, "maxLength": LONGEST} for at in range(wanted)}
        shape: dict[str, Any] = {"type": "object", "properties": fields, "required": list(fields)}
        shape["additionalProperties"] = False
        asked = render(
            "forge_interview", name=persona.name, profile=profile(persona), n=wanted, kind=kind, examples=examples,
            expects=entry["expects"], asked=got, schema=json.dumps(shape, ensure_ascii=False),
        )  # fmt: skip
        system = {"role": "system", "content": render("forge_interviews")}
        found = await ask_fields(
            asking, [system, {"role": "user", "content": asked}], shape,
            lambda values: _faults(values, persona), seat="forge", sample=again,
        )  # fmt: skip
        got += [text for text in dict.fromkeys(found.values.values()) if text not in got]
    return got[:n]


def _faults(values: dict[str, Any], persona: Persona) -> dict[str, str]:
    """Question -> what is wrong with it."""
    faults: dict[str, str] = {}
    seen: set[str] = set()
    secret = persona.secret.casefold()
    for field, value in values.items():
        text = value.strip() if isinstance(value, str) else ""
        if not SHORTEST <= len(text) <= LONGEST:
            faults[field] = f"should be a question of {SHORTEST} to {LONGEST} characters"
        elif secret and secret.rstrip(".") in text.casefold():
            faults[field] = "tells the secret"
        elif text.casefold() in seen:
            faults[field] = "is there already; write another one"
        seen.add(text.casefold())
    return faults
