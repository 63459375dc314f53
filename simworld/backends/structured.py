"""Structured answers: one JSON object from a model, its wrong fields asked for again, field by field.

    found = await ask_fields(asking, messages, schema, check, seat="forge")
    found.values        # what is right
    found.faults        # field -> what stayed wrong; nothing is filled in for it
    found.failed        # why there is no object at all

`check` says what is wrong: field -> what, and what is allowed. A field that the schema does not name is a fault of
nobody's: it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from simworld.backends.asking import Asking
from simworld.backends.backend import Messages
from simworld.prompts import render
from simworld.text.replies import read_object

Check = Callable[[dict[str, Any]], Mapping[str, str]]
SHOWN = 600
"""Characters of a wrong value that are shown to the model again."""
MISSING = "is missing"
_APART = 1_000_000
"""Between the numbers of the samples: the same question asked twice is to have two answers."""


@dataclass(frozen=True, slots=True)
class Structured:
    """What came of asking."""

    values: dict[str, Any]
    """Fields that are right, in the schema's order."""
    faults: dict[str, str]
    """Fields that stayed wrong -> what is wrong with them."""
    repaired: tuple[str, ...] = ()
    """Fields that were wrong at first, and right when asked for again."""
    failed: str = ""
    """Why there is no object: the call failed, or no reply could be read."""

    @property
    def is_whole(self) -> bool:
        """Whether every field is right."""
        return not self.faults and not self.failed


async def ask_fields(
    asking: Asking,
    messages: Messages,
    schema: Mapping[str, Any],
    check: Check,
    *,
    seat: str,
    repairs: int = 2,
    sample: int = 0,
) -> Structured:
    """Ask for an object of `schema`, and up to `repairs` times more for what is wrong in it.

    An unreadable reply is asked for again as a whole, and counts as a repair. Where something stays wrong, none of
    these answers is kept on disk: the same command run again asks anew. Raises as `Asking.answer` does.
    """
    properties = cast("Mapping[str, Any]", schema["properties"])
    needed = list(cast("list[str]", schema.get("required", list(properties))))
    values: dict[str, Any] = {}
    wanted: Mapping[str, str] = {}
    first: Mapping[str, str] | None = None
    unread = ""
    calls: list[tuple[Messages, Mapping[str, Any], int]] = []
    for turn in range(repairs + 1):
        part = schema if not wanted else _part(schema, wanted)
        asked = messages if not turn else _again(messages, values, wanted, part, unread)
        calls.append((asked, part, sample + turn * _APART))
        text = await asking.answer(asked, seat=seat, schema=part, sample=calls[-1][2])
        if text is None:
            unread = unread or f"the call failed: {asking.first_fault}"
            break
        try:
            found = read_object(text)
        except ValueError as error:
            unread = str(error)
            continue
        unread = ""
        fields = wanted or properties
        values |= {name: value for name, value in found.items() if name in fields}
        missing = {name: MISSING for name in needed if name not in values}
        wanted = {**missing, **{name: what for name, what in check(values).items() if name not in missing}}
        first = wanted if first is None else first
        if not wanted:
            break
    if wanted or not values:
        for asked, part, number in calls:
            asking.retract(asked, schema=part, sample=number)
    if not values:
        return Structured({}, {}, failed=unread or "the reply holds none of the fields")
    right = {name: values[name] for name in properties if name in values and name not in wanted}
    repaired = tuple(name for name in first or () if name not in wanted)
    return Structured(right, dict(wanted), repaired)


def _part(schema: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """The schema of the wrong fields alone."""
    properties = {name: shape for name, shape in schema["properties"].items() if name in wanted}
    return {**schema, "properties": properties, "required": list(properties)}


def _again(
    messages: Messages, values: Mapping[str, Any], wanted: Mapping[str, str], part: Mapping[str, Any], unread: str
) -> Messages:
    """The question again: whole where nothing could be read, else what is right and what is to be given anew."""
    faults = [
        {"field": name, "what": what, "value": _shown(values[name]) if name in values else ""}
        for name, what in wanted.items()
    ]
    asked = render("repair_fields", faults=faults, unread=unread, schema=json.dumps(part, ensure_ascii=False))
    if not values:
        last = messages[-1]
        return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{asked}"}]
    right = {name: value for name, value in values.items() if name not in wanted}
    said = {"role": "assistant", "content": json.dumps(right, ensure_ascii=False)}
    return [*messages, said, {"role": "user", "content": asked}]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
