"""A value that a JSON schema allows, by chance: what a server with constrained decoding would answer.

make({"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}}, Random(1))     # {"age": 20}
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

WORDS = ("road", "letter", "harbour", "winter", "plan", "promise", "doctor", "garden", "price", "window", "answer")
DEEP = 5
"""From this depth on only what is required is made, and no item of a list that may be empty."""


def make(schema: dict[str, Any], rng: Random, root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """A value of the schema's subset that structured output uses; what it does not know is ignored."""
    root = schema if root is None else root
    schema = _plain(schema, rng, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        return _object(schema, rng, root, depth)
    if kind == "array":
        return _array(schema, rng, root, depth)
    return _scalar(kind, schema, rng)


def _plain(schema: dict[str, Any], rng: Random, root: dict[str, Any]) -> dict[str, Any]:
    """The schema with references followed and one of its alternatives taken."""
    while True:
        if "$ref" in schema:
            node = root
            for part in schema["$ref"].lstrip("#/").split("/"):
                node = node[part]
            schema = node
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            given = [one for one in options if one.get("type") != "null"] or options
            schema = rng.choice(given)
        elif parts := schema.get("allOf"):
            schema = {name: value for name, value in schema.items() if name != "allOf"}
            for part in parts:
                schema |= part
        else:
            return schema


def _object(schema: dict[str, Any], rng: Random, root: dict[str, Any], depth: int) -> dict[str, Any]:
    known = schema.get("properties", {})
    names = [name for name in known if depth < DEEP or name in schema.get("required", ())]
    return {name: make(known[name], rng, root, depth + 1) for name in names}


def _array(schema: dict[str, Any], rng: Random, root: dict[str, Any], depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    many = least if depth >= DEEP else max(least, min(2, schema.get("maxItems", 2)))
    return [make(schema.get("items", {}), rng, root, depth + 1) for _ in range(many)]


def _scalar(kind: str, schema: dict[str, Any], rng: Random) -> Any:
    match kind:
        case "integer" | "number":
            return _number(schema, rng, whole=kind == "integer")
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case _:
            return _text(schema, rng)


def _number(schema: dict[str, Any], rng: Random, *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1 if "exclusiveMinimum" in schema else 0)
    high = schema.get("maximum", schema["exclusiveMaximum"] - 1 if "exclusiveMaximum" in schema else low + 10)
    if whole:
        step = schema.get("multipleOf", 1)
        return rng.randint(math.ceil(low / step), math.floor(high / step)) * step
    return round(rng.uniform(low, high), 3)


def _text(schema: dict[str, Any], rng: Random) -> str:
    if schema.get("format") in {"date", "date-time"}:
        return "2026-01-01" if schema["format"] == "date" else "2026-01-01T00:00:00Z"
    text = " ".join(rng.choices(WORDS, k=6))
    while len(text) < schema.get("minLength", 0):
        text += " " + rng.choice(WORDS)
    return text[: schema.get("maxLength")]
