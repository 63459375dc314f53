"""JSON Schema of the kinds of file, for editors that complete and check YAML as one types."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from simworld.errors import unknown
from simworld.packs.fragments import MOST
from simworld.packs.wording import schema_of
from simworld.schema import Persona, Scene, Story

_RECORDS = {"persona": Persona, "scene": Scene, "story": Story}
_EXTENDS = {
    "description": "Fragments that this persona is laid over, such as fragments/retired_teacher.",
    "anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": MOST}, {"type": "string"}],
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `persona`, `scene` or `story` files; the id may be left to the file's name."""
    if kind not in _RECORDS:
        raise unknown("schema", kind, _RECORDS)
    schema: dict[str, Any] = deepcopy(dict(schema_of(_RECORDS[kind])))
    schema["required"] = [name for name in schema["required"] if name != "id"]
    if kind == "persona":
        schema["properties"]["extends"] = _EXTENDS
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
