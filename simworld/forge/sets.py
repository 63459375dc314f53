"""`--set KEY=VALUE`: a field of the persona, by its name in the schema, its value as one writes it.

    fields, ages = read_sets({"age": "60-75", "voice": "dry, low", "traits": "calm, dry"})
    # {"voice": {"tone": "dry, low"}, "traits": ("calm", "dry")}, (60, 75)

Lists are parted by commas (by `;` where an entry has a comma); `voice=...` sets the tone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import ValidationError

from simworld.errors import UsageError, nearest, unknown
from simworld.packs import vocabulary
from simworld.schema import Persona
from simworld.schema.persona import BigFive, Voice

KINDS = {
    "career": "careers", "aspiration": "aspirations", "gender": "genders", "traits": "traits", "skills": "skills",
}  # fmt: skip
"""Field -> the vocabulary that its words are of."""
NESTED = {"voice": Voice, "big_five": BigFive}
_RANGE = re.compile(r"(\d{1,3})\s*(?:-|to|\.\.)\s*(\d{1,3})")
_CHOICES = re.compile(r"\^\(([a-z_|]+)\)\$")
_WORDS = {
    "pronouns": "pronouns such as she/her", "id": "small letters, digits and _, such as ada_moreau",
    "age": "a whole number from 0 to 120, or a range such as 60-75",
}  # fmt: skip


@cache
def keys() -> tuple[str, ...]:
    """Every key that may be set."""
    nested = [f"{field}.{key}" for field, record in NESTED.items() for key in record.model_fields]
    plain = [field for field in Persona.model_fields if field != "big_five"]
    return (*plain, *nested)


def read_sets(sets: Mapping[str, str]) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Fields with typed values, and the range of ages where one is set. Raises UsageError for what is not allowed."""
    fields: dict[str, Any] = {}
    ages: tuple[int, int] | None = None
    for key, text in sets.items():
        if key not in keys():
            raise unknown("--set", key, keys(), "Write --set KEY=VALUE, such as --set age=67")
        if key == "age" and (found := _RANGE.fullmatch(text.strip())):
            ages = _ordered(int(found[1]), int(found[2]), text)
            continue
        field, _, inner = ("voice.tone" if key == "voice" else key).partition(".")
        value = _value(field, inner, text.strip(), key)
        if inner:
            fields.setdefault(field, {})[inner] = value
        else:
            fields[field] = value
    if "age" in fields:
        ages = (fields["age"], fields["age"])
    return fields, ages


def _ordered(low: int, high: int, text: str) -> tuple[int, int]:
    if low > high or high > 120:
        raise UsageError(f"--set age={text}: should be a range within 0 to 120, the smaller number first")
    return low, high


def _value(field: str, inner: str, text: str, key: str) -> Any:
    record = NESTED[field] if inner else Persona
    name = inner or field
    value: Any = _entries(text) if _is_list(record, name) else text
    if not inner and field in KINDS:
        value = _canonical(field, value)
    elif name == "drawn":
        value = {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    try:
        made = _record(record, name, value)
    except ValidationError as error:
        raise UsageError(f"--set {key}={text}: {_wrong(error, name)}") from None
    return getattr(made, name)


def _record(record: type[Any], name: str, value: Any) -> Any:
    if record is Persona:
        return Persona.model_validate({"id": "someone", "name": "Someone", name: value})
    return record.model_validate({name: value})


def _is_list(record: type[Any], name: str) -> bool:
    return record.model_json_schema()["properties"][name].get("type") == "array"


def _entries(text: str) -> tuple[str, ...]:
    parting = ";" if ";" in text else ","
    return tuple(part.strip() for part in text.split(parting) if part.strip())


def _canonical(field: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(in_vocabulary(KINDS[field], one) for one in cast("tuple[str, ...]", value))
    return in_vocabulary(KINDS[field], value)


def in_vocabulary(kind: str, word: str) -> str:
    """The vocabulary's spelling of a word. Raises UsageError with the allowed words and the nearest."""
    found = vocabulary().canonical(kind, word)
    if found is None:
        raise unknown(kind.removesuffix("s") if kind != "genders" else "gender", word, vocabulary().words[kind])
    return found


def _wrong(error: ValidationError, name: str) -> str:
    first = error.errors(include_url=False)[0]
    pattern = str(first.get("ctx", {}).get("pattern", ""))
    if choices := _CHOICES.fullmatch(pattern):
        allowed = choices[1].split("|")
        near = nearest(str(first["input"]), allowed)
        return f"allowed: {', '.join(allowed)}" + (f"; nearest: {near}" if near else "")
    if name in _WORDS:
        return f"should be {_WORDS[name]}"
    return str(first["msg"]).replace("Input should", "should")
