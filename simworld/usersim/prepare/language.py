"""The step `language`: whose language is not the wanted one is left out.

`paper`: a session goes where any turn holds one character of U+0080 to U+FFFF, unless a human turn says 'translate'
or the like. So a curly quote or an accent is enough. `repaired`: an identifier (py3langid) reads what the person wrote,
without code and addresses; where that is too little to tell, the assistant's turns are read instead; where those are
too little as well, the conversation stays. It goes where the wanted languages together are improbable, so that an
English question about a French list stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from simworld.corpus.imports.talk import ASSISTANT, USER
from simworld.errors import MissingDependency, unknown
from simworld.usersim.prepare.case import Case, Lost, Step

_TRANSLATION = re.compile(r"\b[Tt]ranslat\w+")
_FOREIGN = re.compile(r"[\u0080-\uffff]")
_NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[A-Z]+>", re.DOTALL)
_LETTERS = re.compile(r"[^\W\d_]")
READ = 1000
"""Characters that are read of one side."""
ENOUGH = 40
"""Bytes of letters from which on a language can be told."""
SURE, IMPROBABLE = 0.5, 0.05
"""A conversation goes where another language has the one probability, 0..1, and the wanted ones less than the other."""


def language_step(recipe: str, wanted: str) -> Step:
    """The step of a recipe. `wanted`: codes such as `en` or `en,de`. Raises UsageError for a code that is not known."""
    if recipe == "paper":
        return _ascii
    codes = frozenset(code.strip() for code in wanted.split(","))
    for code in sorted(codes):
        if code not in languages():
            raise unknown("language", code, languages())

    def step(case: Case) -> list[Case] | Lost:
        found = languages_of(case)
        best = max(found, key=lambda code: found[code], default="")
        other = best and found[best] >= SURE and sum(found.get(code, 0.0) for code in codes) < IMPROBABLE
        return Lost(f"language_{best}") if other else [case]

    return step


def _ascii(case: Case) -> list[Case] | Lost:
    if any(_TRANSLATION.search(text) for text in case.texts(USER)):
        return [case]
    return Lost("not_ascii") if any(_FOREIGN.search(text) for _, text in case.said) else [case]


def languages_of(case: Case) -> dict[str, float]:
    """The languages it may be in, with their probabilities; empty where there is too little to tell."""
    for seat in (USER, ASSISTANT):
        text = _prose(case.texts(seat))
        if len("".join(_LETTERS.findall(text)).encode()) >= ENOUGH:
            return identify(text)
    return {}


def _prose(texts: list[str]) -> str:
    parts: list[str] = []
    room = READ
    for text in texts:
        prose = _NO_PROSE.sub(" ", text[: READ * 4])[:room]
        parts.append(prose)
        room -= len(prose)
        if room <= 0:
            break
    return " ".join(parts)


def identify(text: str) -> dict[str, float]:
    """Languages with their probabilities: the scores' softmax, flattened by the root of the text's length."""
    ranked = _rank()(text)
    flat = 1 / math.sqrt(len(text.encode()) or 1)
    weights = {code: math.exp((score - ranked[0][1]) * flat) for code, score in ranked}
    total = sum(weights.values())
    return {code: weight / total for code, weight in weights.items()}


@cache
def languages() -> frozenset[str]:
    """The codes that can be told."""
    return frozenset(code for code, _ in _rank()("Good evening."))


@cache
def _rank() -> Callable[[str], list[tuple[str, float]]]:
    try:
        library: Any = import_module("py3langid")
    except ImportError:
        raise MissingDependency("the step language needs py3langid: pip install 'simworld[prepare]'") from None
    return library.rank
