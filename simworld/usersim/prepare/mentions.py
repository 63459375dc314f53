"""The step `mentions`: conversations that tell which assistant they were held with.

`paper`: any turn that holds 'openai' or 'chatgpt' drops the session. `repaired`: the session goes where the person
calls the assistant by a product's name, tells it that it is one, or uses a known trick to free it, and where the
assistant names itself or its maker; a product that is only talked about stays. The phrases stand in
`templates/usersim/mentions.yaml`.
"""

from __future__ import annotations

import re

from simworld.corpus.imports.talk import ASSISTANT, USER
from simworld.prompts import data
from simworld.usersim.prepare.case import Case, Lost, Step

_HINTS = ("gpt", "openai", "dan mode", "anything now", "jailbr", "content polic", "anthropic", "google", "meta", "🔓")
"""One of these a text must hold to be looked at more closely."""


def mentions_step(recipe: str) -> Step:
    """The step of a recipe."""
    return _anything if recipe == "paper" else _given_away


def _anything(case: Case) -> list[Case] | Lost:
    pattern = _pattern("paper")
    return Lost("mention") if any(pattern.search(text) for _, text in case.said) else [case]


def _given_away(case: Case) -> list[Case] | Lost:
    for seat, whose in ((USER, "person"), (ASSISTANT, "assistant")):
        pattern = _pattern(whose)
        if any(_is_hinted(text) and pattern.search(text) for text in case.texts(seat)):
            return Lost(f"mention_by_{whose}")
    return [case]


def _is_hinted(text: str) -> bool:
    small = text.lower()
    return any(hint in small for hint in _HINTS)


def _pattern(name: str) -> re.Pattern[str]:
    if name not in _compiled:
        flags = re.IGNORECASE
        _compiled[name] = re.compile("|".join(f"(?:{one})" for one in data("usersim/mentions.yaml")[name]), flags)
    return _compiled[name]


_compiled: dict[str, re.Pattern[str]] = {}
