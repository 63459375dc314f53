"""What a data set says of its own conversations: where they begin, whether they are over, who wanted what.

    facts_in({"id": 7, "why_stop": "I am satisfied.", "goal": "An apology"}, Facts())    # over, intent='An apology'

The usual names of such fields stand in `templates/usersim/fields.yaml`; `Facts` puts the user's own before them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from simworld.prompts import data, profile, render
from simworld.schema import Persona

LONGEST_INTENT, LONGEST_PERSONA = 600, 4000
"""Characters."""
_ALONE = re.compile(r"\bi\b(?=\s|'|,|\.|$)")


@dataclass(frozen=True, slots=True)
class Facts:
    """Names of fields that the user says hold a fact; empty: the usual ones."""

    root: str = ""
    intent: str = ""
    persona: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a conversation; None, or empty: the data do not say."""

    root: str = ""
    starts: bool | None = None
    over: bool | None = None
    intent: str = ""
    persona: str = ""
    """In the second person."""


def facts_in(rest: Mapping[str, Any], given: Facts) -> Known:
    """The facts that a row's other keys hold."""
    root = _first(rest, "root", given.root)
    ended, why = _first(rest, "ended"), _first(rest, "why_stopped")
    over = _truth(ended) if ended is not None else True if isinstance(why, str) and why.strip() else None
    return Known(
        root="" if root is None else str(root), starts=_starts(rest), over=over,
        intent=_line(_first(rest, "intent", given.intent)), persona=_persona(_first(rest, "persona", given.persona)),
    )  # fmt: skip


def _first(rest: Mapping[str, Any], what: str, own: str = "") -> Any:
    names = [own] if own else data("usersim/fields.yaml")[what]
    return next((rest[name] for name in names if rest.get(name) is not None), None)


def _starts(rest: Mapping[str, Any]) -> bool | None:
    told, offset = _first(rest, "started"), _first(rest, "offset")
    if told is not None:
        return _truth(told)
    return offset == 0 if isinstance(offset, int) else None


def _truth(value: Any) -> bool:
    return value.strip().lower() in ("true", "yes", "1") if isinstance(value, str) else bool(value)


def _line(value: Any) -> str:
    return " ".join(value.split())[:LONGEST_INTENT] if isinstance(value, str) else ""


def _persona(value: Any) -> str:
    """The profile that a text, a list of facts or a persona's fields make."""
    if isinstance(value, dict):
        fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        try:
            return profile(Persona.model_validate({"id": "user", "name": "User"} | fields))[:LONGEST_PERSONA]
        except ValidationError:
            value = [f"{key}: {one}" for key, one in fields.items() if isinstance(one, str | int | float)]
    if isinstance(value, list):
        lines = [_ALONE.sub("I", _line(one)) for one in value if isinstance(one, str)]  # pyright: ignore
        return (
            render("user_profile", name="User", facts=[line for line in lines if line])[:LONGEST_PERSONA]
            if lines
            else ""
        )
    return " ".join(value.split())[:LONGEST_PERSONA] if isinstance(value, str) else ""
