"""ask_persona: one persona by a model, the drawn aspects given to it and held to, wrong fields asked for again.

asked = await ask_persona(asking, order, given, aspects)
asked.persona or asked.faults
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from pydantic import ValidationError

from simworld.backends.asking import Asking
from simworld.backends.structured import ask_fields
from simworld.forge.contradictions import found_in
from simworld.forge.given import Given
from simworld.forge.order import PeopleOrder
from simworld.forge.population import Aspects
from simworld.forge.sets import KINDS
from simworld.packs import vocabulary
from simworld.prompts import render
from simworld.schema import Persona

SEAT = "forge"
PACES = ("clipped", "even", "flowing")
LEFT_OUT = frozenset({"id", "profile", "drawn"})
"""Fields that a model is not asked for."""
LEAST = {
    "hobbies": 2, "values": 3, "goals": 2, "likes": 3, "dislikes": 3, "knows": 3, "unaware": 2, "strengths": 2,
    "flaws": 2,
    "samples": 16, "languages": 1, "skills": 1, "traits": 3,
}  # fmt: skip
"""Entries that a list must have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model made of one order."""

    persona: Persona | None
    faults: dict[str, str] = field(default_factory=dict[str, str])
    repaired: tuple[str, ...] = ()


async def ask_persona(asking: Asking, order: PeopleOrder, given: Given, aspects: Aspects, *, again: str = "") -> Asked:
    """Ask for one persona. `again`: the id of the one that the first answer was too much like."""
    fixed = fixed_fields(given, aspects)
    messages = [
        {"role": "system", "content": render("forge_persona", least=LEAST)},
        {
            "role": "user",
            "content": render(
                "forge_persona_order", aspects=aspects, fixed=fixed, describe=order.describe, profile=order.profile,
                retired=aspects.retired, again=again,
            ),
        },
    ]  # fmt: skip

    def check(values: dict[str, Any]) -> Mapping[str, str]:
        return faults_of(values, fixed, aspects.id)

    found = await ask_fields(asking, messages, schema_for(fixed), check, seat=SEAT)
    if not found.is_whole:
        return Asked(None, found.faults or {"": found.failed}, found.repaired)
    return Asked(Persona(**_whole(found.values, fixed), id=aspects.id), {}, found.repaired)


def fixed_fields(given: Given, aspects: Aspects) -> dict[str, Any]:
    """What is drawn or given and must not change; nested fields by their path, such as `voice.tone`."""
    found: dict[str, Any] = {}
    for key, value in given.fields.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{inner}": one for inner, one in cast("Mapping[str, Any]", value).items()}
        elif key not in LEFT_OUT:
            found[key] = list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
    return {
        **found, "name": aspects.name, "age": aspects.age, "gender": aspects.gender, "pronouns": aspects.pronouns,
        "career": aspects.career.name, "aspiration": aspects.aspiration, "traits": list(aspects.traits),
        "skills": list(aspects.skills), "languages": list(aspects.languages),
    }  # fmt: skip


def schema_for(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one person: fixed words may be nothing else, fixed lists are not asked for."""
    whole = persona_schema()
    fields: dict[str, Any] = {}
    for name, part in whole["properties"].items():
        if not isinstance(fixed.get(name), list):
            fields[name] = {"enum": [fixed[name]], "type": _TYPES[type(fixed[name])]} if name in fixed else part
    return {**whole, "properties": fields, "required": list(fields)}


_TYPES = {int: "integer", str: "string", bool: "boolean"}


def _whole(values: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """What the model wrote with the fixed lists and nested fields in their places."""
    made = dict(values)
    for name, value in fixed.items():
        field_, _, inner = name.partition(".")
        if inner and isinstance(made.get(field_), dict):
            made[field_] = {**made[field_], inner: value}
        elif isinstance(value, list):
            made[name] = value
    return made


def faults_of(values: Mapping[str, Any], fixed: Mapping[str, Any], id: str) -> dict[str, str]:
    """Field -> what is wrong with it and what is allowed."""
    faults = {
        name: f"was given and must come back unchanged: {wanted!r}"
        for name, wanted in fixed.items()
        if name in values and values[name] != wanted
    }
    for name, value in values.items():
        if what := _fault(name, value):
            faults.setdefault(name, what)
    plain = {name: value for name, value in fixed.items() if "." not in name}
    made = {name: value for name, value in _whole(values, fixed).items() if name not in faults} | plain
    try:
        persona = Persona.model_validate({**made, "id": id, "name": fixed["name"]})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            faults.setdefault(str(one["loc"][0]), f"{'.'.join(map(str, one['loc'][1:]))} {one['msg']}".strip())
        return faults
    consented = found_in(Persona.model_validate({**plain, "id": id}))
    for one in found_in(persona):
        if one in consented:
            continue
        # what was given is not to be mended: the other side of the contradiction is
        faults.setdefault(one.field if one.field not in fixed else "career_detail", one.what)
    return faults


def _fault(name: str, value: Any) -> str:
    """What is wrong with a field by itself; empty where nothing is."""
    if isinstance(value, str) and not value.strip():
        return "is empty"
    entries = [str(one) for one in cast("list[Any]", value)] if isinstance(value, list) else [str(value)]
    if name in KINDS:
        strange = [word for word in entries if vocabulary().canonical(KINDS[name], word) is None]
        return f"'{strange[0]}' is not in the vocabulary {KINDS[name]}" if strange else ""
    if name in LEAST and (not isinstance(value, list) or len({*entries}) < LEAST[name]):
        return f"needs at least {LEAST[name]} different entries"
    return ""


@cache
def persona_schema() -> dict[str, Any]:
    """The JSON Schema of what is asked for: every field of a persona that a model writes, all needed."""
    schema = deepcopy(Persona.model_json_schema())
    fields: dict[str, Any] = {name: part for name, part in schema["properties"].items() if name not in LEFT_OUT}
    fields["age"] = {"type": "integer", "minimum": 0, "maximum": 120}
    for name in ("big_five", "voice"):
        record = {"big_five": "BigFive", "voice": "Voice"}[name]
        fields[name] = {"$ref": f"#/$defs/{record}"}
        part = schema["$defs"][record]
        part["required"] = list(part["properties"])
    schema["$defs"]["Voice"]["properties"]["pace"] = {"type": "string", "enum": list(PACES)}
    for name, kind in KINDS.items():
        words = {"type": "string", "enum": list(vocabulary().words[kind])}
        fields[name] = {**fields[name], "items": words} if fields[name].get("type") == "array" else words
    for name, least in LEAST.items():
        fields[name] = {**fields[name], "minItems": least}
    for part in (*fields.values(), *schema["$defs"].values()):
        part.pop("default", None)
        for inner in part.get("properties", {}).values():
            inner.pop("default", None)
    return {
        "type": "object", "properties": fields, "required": list(fields), "additionalProperties": False,
        "$defs": schema["$defs"],
    }  # fmt: skip
