"""Recipe: which steps, in which order, with which numbers.

recipe_of("repaired", without=["near"], max_tokens=1024).steps      # ("starts", "html", ... "tokens", "exact")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from simworld.errors import UsageError, unknown
from simworld.schema.record import Record

STEPS = {
    "starts": "drop what starts in the middle",
    "html": "HTML to markdown, copy buttons away",
    "rounds": "drop what is too short",
    "mentions": "drop what gives the assistant away",
    "language": "drop other languages",
    "private": "mask addresses, numbers, keys",
    "tokens": "split or cut what is too long",
    "segments": "drop pieces of one turn",
    "exact": "drop exact duplicates",
    "near": "drop near duplicates",
}
ORDERS = {
    "paper": ("starts", "html", "rounds", "mentions", "language", "private", "tokens", "segments", "exact", "near"),
    "repaired": ("starts", "html", "language", "mentions", "private", "rounds", "tokens", "segments", "exact", "near"),
}
DEFAULTS = {
    "paper": frozenset({"html", "rounds", "mentions", "language", "tokens", "segments", "exact"}),
    "repaired": frozenset(
        {"starts", "html", "language", "mentions", "private", "rounds", "exact", "near"}
    ),
}  # fmt: skip
Name = Literal["paper", "repaired"]
PAPER_TOKENS = 2048


class Recipe(Record, frozen=True):
    """What is done to conversations before they are learnt from."""

    name: Name
    steps: tuple[str, ...]
    """In their order."""
    language: str = "en"
    """`repaired`: languages to keep, such as `en` or `en,de`."""
    min_rounds: Annotated[int, Field(ge=0)] = 1
    """`repaired`: answered turns of the person that a conversation must have."""
    max_tokens: Annotated[int, Field(ge=128)] = PAPER_TOKENS
    """For the step `tokens`."""
    tokenizer: str | None = None
    """Whose tokens; None: an estimate that errs high."""
    near: Annotated[float, Field(ge=0.6, le=1)] = 0.8
    """Similarity of what the person said, 0..1, from which on a conversation is a near duplicate."""


def recipe_of(
    name: str,
    *,
    steps: Sequence[str] | None = None,
    without: Sequence[str] = (),
    max_tokens: int | None = None,
    **numbers: object,
) -> Recipe:
    """The recipe of this name. `steps`: these instead of its own, in its order; `without`: its own but for these.

    `repaired` leaves conversations whole, for the trainer to cut, unless it is given `max_tokens`.
    Raises UsageError where a name or number is not allowed.
    """
    if name not in ORDERS:
        raise unknown("recipe", name, ORDERS)
    for step in (*(steps or ()), *without):
        if step not in STEPS:
            raise unknown("step", step, STEPS)
    chosen = frozenset(steps) if steps is not None else DEFAULTS[name]
    if max_tokens is not None:
        chosen, numbers = chosen | {"tokens"}, numbers | {"max_tokens": max_tokens}
    kept = tuple(step for step in ORDERS[name] if step in chosen and step not in without)
    try:
        return Recipe.model_validate({"name": name, "steps": kept, **numbers})
    except ValidationError as errors:
        first = errors.errors(include_url=False)[0]
        option = "--" + ".".join(map(str, first["loc"])).replace("_", "-")
        raise UsageError(f"{option} {first['input']}: {first['msg'].lower()}") from None
