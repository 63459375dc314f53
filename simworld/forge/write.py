"""Personas as files: YAML in the order of the schema, as people write it.

write_persona(persona, Path("mypack"))      # mypack/personas/ada_moreau.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from simworld.errors import UsageError
from simworld.forge.yaml_text import Flow, FlowMap, Folded, in_yaml
from simworld.schema import Persona
from simworld.schema.persona import BigFive

WIDTH = 140
SHORT = 100
"""Characters up to which a list of words stands on one line."""
ON_A_LINE = frozenset({"traits", "skills", "languages", "big_five"})
LONG_TEXT = frozenset({"personality", "profile"})


def persona_yaml(persona: Persona) -> str:
    """A persona as YAML; fields that say nothing are left out."""
    given = persona.model_dump(mode="json", exclude_defaults=True)
    laid = {field: _laid(field, given[field]) for field in Persona.model_fields if field in given}
    return in_yaml(laid, WIDTH)


def write_persona(persona: Persona, folder: Path) -> Path:
    """Write `folder/personas/ID.yaml`. Raises UsageError where it is there already or cannot be written."""
    return write_file(persona, folder / "personas" / f"{persona.id}.yaml")


def write_file(persona: Persona, path: Path) -> Path:
    """Write a persona to this path; never over a file. Raises UsageError likewise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(persona_yaml(persona))
    except FileExistsError:
        raise UsageError(f"{path} is there already, and personas are not overwritten; take another id") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _laid(field: str, value: Any) -> Any:
    if field == "big_five":
        return FlowMap(BigFive(**value).model_dump())
    if field in ON_A_LINE:
        return Flow(value)
    if field == "voice":
        return {key: Flow(cast("list[str]", item)) if isinstance(item, list) else item for key, item in value.items()}
    if field in LONG_TEXT and len(value) > WIDTH - 20:
        return Folded(value)
    return value
