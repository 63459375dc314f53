"""Regard: how one stands to whoever is spoken to, as it is heard and thought.

    greeting(m)      # "You again, Ana.": they have met before
    guarded(m)       # "Why do you ask?": an answer for somebody whom one does not trust

Warmth also draws the stance, see `stance`.
"""

from __future__ import annotations

from functools import cache

from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment, bank

GUARDED = 0.9
"""Share of what a wholly distrusted one says that is met with reserve."""


@cache
def _from(name: str) -> float:
    """The number of a tie from which on it is heard."""
    return float(library().value(f"minds.from.{name}"))


def knows(m: Moment) -> bool:
    """Whether this one has met the other before and knows them."""
    return m.tie.familiarity >= _from("known")


def feels(m: Moment) -> str:
    """`warm`, `cold`, or empty where warmth is too little to be heard."""
    return "warm" if m.tie.warmth >= _from("warm") else "cold" if m.tie.warmth <= _from("cold") else ""


def greeting(m: Moment) -> str:
    """How one greets somebody whom one knows, or cannot stand; empty where a usual greeting will do."""
    kind = "_".join(part for part in ("known" if knows(m) else "", feels(m)) if part)
    if kind == "known":
        return m.mine("minds.greet.known_back" if m.heard and m.chance(0.5) else "minds.greet.known")
    return m.mine(f"minds.greet.{kind}")


def own_greetings(m: Moment) -> tuple[str, ...]:
    """The greetings of this voice that may be said to the other: nobody introduces themselves twice."""
    if not knows(m):
        return m.kit.voice.greetings
    return tuple(text for text in m.kit.voice.greetings if not introduces(text))


def introduces(text: str) -> bool:
    """Whether a greeting is one for strangers."""
    low = text.lower().replace("’", "'")
    return any(words in low for words in _introductions())


@cache
def _introductions() -> tuple[str, ...]:
    return tuple(str(library().value("minds.introductions")).split("|"))


def wariness(m: Moment) -> float:
    """0: nothing to hide from the other .. 1: would not believe a word."""
    start = _from("wary")
    return max(0.0, (start - m.tie.trust) / (1 + start)) if m.heard and m.to_me else 0.0


def guarded(m: Moment) -> str:
    """Nothing told to somebody whom one does not trust; empty where one does, or tells all the same."""
    return m.mine("minds.guarded.answers") if m.chance(GUARDED * wariness(m) ** 0.5) else ""


def doubt(m: Moment) -> str:
    """Disbelief at what somebody said whom one does not trust; empty where one does, or lets it pass."""
    return m.mine("minds.guarded.doubts") if m.chance(0.6 * GUARDED * wariness(m) ** 0.5) else ""


def slip(m: Moment) -> str:
    """Now and then how one stands to the other slips out, the likelier the more one feels it."""
    if m.heard and m.tie.trust >= _from("trusting") and m.to_me and m.chance(0.12 * m.tie.trust):
        return m.mine("minds.trusting")
    kind = feels(m)
    return m.mine(f"minds.aside.{kind}") if kind and m.chance(0.3 * abs(m.tie.warmth)) else ""


def thought(m: Moment) -> str:
    """What one thinks of the other because of how one stands to them; empty where nothing stands out."""
    kinds = [kind for kind in (feels(m), _trusts(m)) if kind]
    return m.pick(bank(f"minds.thoughts.{m.rng.choice(kinds)}")) if kinds else ""


def _trusts(m: Moment) -> str:
    return "wary" if m.tie.trust <= _from("wary") else "trusting" if m.tie.trust >= _from("trusting") else ""


def first_thought(m: Moment) -> str:
    """What one thinks at the first sight of the other, by whether one knows them."""
    if knows(m):
        return m.pick(bank("minds.thoughts.known"))
    stranger = m.tie.familiarity <= _from("strange") and m.chance(0.4)
    return m.pick(bank("minds.thoughts.stranger" if stranger else "thoughts.begin"))
