"""The steps that look at one conversation at a time, in a row.

clean = Clean(recipe)
for case in clean.through(case, tally): ...
"""

from __future__ import annotations

from collections.abc import Callable

from simworld.usersim.prepare.case import Case, Lost, Step
from simworld.usersim.prepare.html import html_step
from simworld.usersim.prepare.language import language_step
from simworld.usersim.prepare.length import counter, rounds_step, segments_step, starts_step, tokens_step
from simworld.usersim.prepare.mentions import mentions_step
from simworld.usersim.prepare.private import private_step
from simworld.usersim.prepare.recipe import Recipe
from simworld.usersim.prepare.report import Tally

MADE: dict[str, Callable[[Recipe], Step]] = {
    "starts": lambda _: starts_step,
    "html": lambda recipe: html_step(recipe.name),
    "rounds": lambda recipe: rounds_step(recipe.name, recipe.min_rounds),
    "mentions": lambda recipe: mentions_step(recipe.name),
    "language": lambda recipe: language_step(recipe.name, recipe.language),
    "private": lambda _: private_step,
    "tokens": lambda recipe: tokens_step(recipe.name, recipe.max_tokens, counter(recipe.tokenizer)),
    "segments": lambda _: segments_step,
}
"""Step -> how it is made. `exact` and `near` look at more than one conversation: see `alike`."""


class Clean:
    """A recipe's steps. Raises UsageError or MissingDependency where one of them cannot be made."""

    def __init__(self, recipe: Recipe) -> None:
        self._steps = [(name, MADE[name](recipe)) for name in recipe.steps if name in MADE]

    def through(self, case: Case, tally: Tally) -> list[Case]:
        """What is left of a case after all steps."""
        cases = [case]
        for name, step in self._steps:
            left: list[Case] = []
            for one in cases:
                made = step(one)
                if not isinstance(made, Lost) and not any(piece.humans for piece in made):
                    made = Lost("no_human_turn")
                if isinstance(made, Lost):
                    tally.lost(name, one, made.reason)
                    continue
                tally.passed(name, one, made)
                left += made
            cases = left
        return [one for one in cases if one.humans]
