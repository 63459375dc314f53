"""docs/reference.md, made of the models: `python -m tests.reference > docs/reference.md`."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simworld.schema import BigFive, Chapter, Condition, Intervention, Persona, Scene, Story, Voice
from simworld.schema.scene import Constraint, Direction, End, GoalRule, Happening, Opening, Place, Relation, Seat
from simworld.schema.story import Part, Way

HEAD = """# Reference: persona, scene and story files

Made of the models by `python -m tests.reference`; a test holds the two together. `simworld schema persona|scene|story`
prints the JSON Schema for an editor. Every plain scalar of a YAML file is text until the field says otherwise: `22:40`,
`no` and `1_000` stay what was written. A field marked *template* may name the scene's people: `{{ clerk.name }}`,
`.age`, `.career`, `.origin`, `.they`, `.them`, `.their`, and `{{ topic }}`, `{{ time }}`, `{{ place }}`, with
`{% if %}`.

A story file stands in `stories/` (or `scenes/stories/`) and plays scenes of its pack or of an installed one, one after
the other, with one cast.

A persona file may start from fragments: `extends: [fragments/retired_teacher]`. Fragments are taken in order, then the
file itself: a scalar is replaced, a list is added to (nothing twice), a mapping is merged key by key.
"""


def reference() -> str:
    """The whole page."""
    personas = (Persona, Voice, BigFive)
    scenes = (
        Scene, Seat, Constraint, Place, Relation, Opening, Condition, Happening, Intervention, Direction, End, GoalRule,
    )  # fmt: skip
    stories = (Story, Part, Chapter, Way)
    lines = [HEAD]
    for title, models in (("Persona", personas), ("Scene", scenes), ("Story", stories)):
        lines += [f"## {title} files", *_sections(models)]
    return "\n".join(lines).rstrip() + "\n"


def _sections(models: tuple[type[BaseModel], ...]) -> Iterator[str]:
    for model in models:
        yield f"\n### {model.__name__}\n\n{inspect.cleandoc(model.__doc__ or '')}\n"
        yield "| field | type | default | what it is |"
        yield "| --- | --- | --- | --- |"
        for name, field in model.model_fields.items():
            yield f"| `{field.alias or name}` | {_type(field)} | {_default(field)} | {_told(field)} |"
        yield ""


def _type(field: FieldInfo) -> str:
    return _name(field.annotation).replace("|", "or")


def _name(annotation: object) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _name(inner[0])
    if origin is typing.Literal:
        return " | ".join(f"`{value}`" for value in inner)
    if origin in (tuple, list):
        return f"list of {_name(inner[0])}"
    if origin is dict:
        return f"mapping of {_name(inner[0])} to {_name(inner[1])}"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_name(part) for part in inner if part is not type(None))
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return plain.get(annotation, getattr(annotation, "__name__", str(annotation)))  # type: ignore[call-overload]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if value is None or value in ("", (), {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _told(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
