"""What a record's validation found, in plain English: one complaint for each of pydantic's errors.

    complaint = told(error, schema_of(Scene), node)     # "should be a number between 0 and 1, is '7'"

The bounds, choices and field names come from the record's JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from simworld.packs.names import ID, ID_RULE
from simworld.packs.node import Loc, Node
from simworld.packs.report import shown
from simworld.schema.persona import ONE_LINE

Json = Mapping[str, Any]
_CHOICES = re.compile(r"\^\(([a-z_]+(?:\|[a-z_]+)*)\)\$")
ID_PATTERN = f"^{ID.pattern}$"
KEY = "[key]"
"""How pydantic ends the location of an error that is about a key and not about its value."""
_FORMS = {
    "pronouns": "should be pronouns such as she/her",
    "age": "should be a bound such as >=60, <30, =33 or a range such as 40-55",
    "after": "should be a length of time such as 20 minutes, 3 days or 2 weeks",
    "warmth": "should be a bound on a number from -1 to 1, such as >=0.5 or <-0.2",
    "trust": "should be a bound on a number from -1 to 1, such as >=0.5 or <-0.2",
    "familiarity": "should be a bound on a number from -1 to 1, such as >=0.5 or <-0.2",
}
"""Fields whose pattern needs words of its own."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with one value."""

    code: str
    what: str
    allowed: Collection[str] | None = None
    word: str = ""


@cache
def schema_of(model: type[BaseModel]) -> Json:
    """The JSON Schema of a record; read only."""
    return model.model_json_schema()


def part_of(schema: Json, loc: Loc) -> Json:
    """The piece of a JSON Schema that describes what stands at `loc`; {} where nothing does."""
    here = _resolved(schema, schema)
    for step in loc:
        here = _resolved(_inner(here, step), schema)
    return here


def _inner(part: Json, step: str | int) -> Json:
    if isinstance(step, int):
        return part.get("items", {})
    fields: dict[str | int, Json] = part.get("properties", {})
    free = _free(part)
    return fields.get(step) or (free[0] if free else {})


def has_free_keys(part: Json) -> bool:
    """Whether a piece describes a mapping whose keys are ids that its writer chose."""
    return bool(_free(part))


def _free(part: Json) -> list[Json]:
    return list(part.get("patternProperties", {}).values())


def _resolved(part: Json, schema: Json) -> Json:
    """`part` with its reference followed; of `X or nothing` the X."""
    for branch in part.get("anyOf", ()):
        if branch.get("type") != "null":
            return _resolved(branch, schema)
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    return schema["$defs"][name] if name else part


def told(error: Mapping[str, Any], schema: Json, node: Node) -> Complaint:
    """What is wrong, in words; `node` is what stands where pydantic found `error`."""
    part = part_of(schema, error["loc"])
    for kinds, complain in _COMPLAINTS:
        if error["type"] in kinds:
            return complain(error, schema, part, node)
    return Complaint("wrong-type", f"{_wanted(part)}, is {_said(node)}")


def _unknown_key(error: Mapping[str, Any], schema: Json, _part: Json, _node: Node) -> Complaint:
    key = str(error["loc"][-1])
    fields = part_of(schema, error["loc"][:-1]).get("properties", {})
    return Complaint("unknown-key", f"unknown key '{shown(key)}'", list(fields), key)


def _missing(_error: Mapping[str, Any], _schema: Json, _part: Json, _node: Node) -> Complaint:
    return Complaint("missing", "is missing")


def _empty(_error: Mapping[str, Any], _schema: Json, _part: Json, _node: Node) -> Complaint:
    return Complaint("missing", "should not be empty")


def _long_text(error: Mapping[str, Any], _schema: Json, _part: Json, node: Node) -> Complaint:
    return Complaint("too-long", f"is {len(node.text)} characters long; at most {error['ctx']['max_length']}")


def _long_list(error: Mapping[str, Any], _schema: Json, _part: Json, node: Node) -> Complaint:
    return Complaint("too-long", f"has {len(node.items)} entries; at most {error['ctx']['max_length']}")


def _range(_error: Mapping[str, Any], _schema: Json, part: Json, node: Node) -> Complaint:
    return Complaint("out-of-range", f"{_wanted(part)}, is {_said(node)}")


def _truth(_error: Mapping[str, Any], _schema: Json, _part: Json, node: Node) -> Complaint:
    return Complaint("wrong-type", f"should be true or false, is {_said(node)}", ("true", "false"), node.text)


def _literal(_error: Mapping[str, Any], _schema: Json, part: Json, node: Node) -> Complaint:
    return _choice(part.get("enum", ()), node)


def _form(error: Mapping[str, Any], _schema: Json, _part: Json, node: Node) -> Complaint:
    pattern = str(error["ctx"]["pattern"])
    choices = _CHOICES.fullmatch(pattern)
    if choices:
        return _choice(choices[1].split("|"), node)
    if pattern == ID_PATTERN:
        return Complaint("bad-name", f"{ID_RULE}, is {_said(node)}")
    if pattern == ONE_LINE:
        return Complaint("bad-form", f"should be one line without control or invisible characters, is {_said(node)}")
    field = str(error["loc"][-1])
    return Complaint("bad-form", f"{_FORMS.get(field, f'should have the form {pattern}')}, is {_said(node)}")


_COMPLAINTS: tuple[tuple[frozenset[str], Callable[[Mapping[str, Any], Json, Json, Node], Complaint]], ...] = (
    (frozenset({"extra_forbidden"}), _unknown_key),
    (frozenset({"missing"}), _missing),
    (frozenset({"string_too_short", "too_short"}), _empty),
    (frozenset({"string_too_long"}), _long_text),
    (frozenset({"too_long"}), _long_list),
    (frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"}), _range),
    (frozenset({"bool_type", "bool_parsing"}), _truth),
    (frozenset({"literal_error", "enum"}), _literal),
    (frozenset({"string_pattern_mismatch"}), _form),
)
"""pydantic's kinds of error -> how each is put; any other is a value of the wrong type."""


def _choice(choices: Collection[str], node: Node) -> Complaint:
    return Complaint("unknown-choice", f"{_said(node)} is not one of the choices", list(choices), node.text)


def _wanted(part: Json) -> str:
    """What the schema wants, in words."""
    kind = part.get("type")
    if kind in ("integer", "number"):
        return f"should be a {'whole ' if kind == 'integer' else ''}number{_bounds(part)}"
    wanted = {
        "string": "text", "boolean": "true or false", "array": "a list, such as [a, b]",
        "object": "a mapping (key: value)",
    }  # fmt: skip
    return f"should be {wanted.get(str(kind), 'something else')}"


def _bounds(part: Json) -> str:
    low, high, above = part.get("minimum"), part.get("maximum"), part.get("exclusiveMinimum")
    if low is not None and high is not None:
        return f" between {low:g} and {high:g}"
    if above is not None and high is not None:
        return f" above {above:g} and at most {high:g}"
    return f" of at least {low:g}" if low is not None else ""


def no_mapping(node: Node) -> str:
    """What is said of a file that is no mapping."""
    form = "the file is empty" if node.value is None else f"the file holds {node.form}"
    return f"{form}; it should be a mapping (key: value)"


def _said(node: Node) -> str:
    """What was written, in short."""
    return f"'{shown(node.text)}'" if isinstance(node.value, str) else node.form
