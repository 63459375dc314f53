"""Delivery: plain sentences put into one voice and one feeling.

    deliver(m, [Said("I never understood the suitcase."), Said("Who paid for it?")])

An own line of the persona stays as its author wrote it; only what stands around it is coloured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment
from simworld.agents.improv.phrases import capital, goes_on, uncapital
from simworld.text.farewell import is_farewell

_COPULA = re.compile(r"\b(?:is|was|are|were)(?= (?!not\b))")
BURSTS, LEADS, ASIDES, FILLERS = 0.45, 0.75, 0.6, 0.4
"""How often each is heard at full loudness: bursts alone, bursts or leads, and the others by themselves."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence or two of a turn, before delivery."""

    text: str
    verbatim: bool = False
    """A line of the persona's own, not to be touched."""
    led: bool = False
    """It begins with words that lead up to it."""
    tailed: bool = False
    """It ends with words that colour it."""

    @property
    def asks(self) -> bool:
        return self.text.rstrip("\"' ").endswith("?")


def deliver(m: Moment, parts: list[Said]) -> str:
    """The turn as it is spoken."""
    parts = _felt(m, _hedged(m, [part for part in parts if part.text]))
    parts = _tagged(m, _filled(m, parts))
    text = _led(m, _joined(m, parts), bool(parts) and parts[0].verbatim)
    return " ".join(text.split())


def _rate(m: Moment, own: float, derived: float) -> float:
    """How often a mark of the voice is heard: a persona with lines of its own needs fewer."""
    return own if m.kit.lines and m.kit.lines[0].sample else derived


def _hedged(m: Moment, parts: list[Said]) -> list[Said]:
    """Now and then a statement begins with a word on how sure one is."""
    for at, part in enumerate(parts):
        if part.verbatim or part.led or part.asks or len(part.text.split()) < 4 or not m.chance(_rate(m, 0.12, 0.2)):
            continue
        hedge = m.rng.choice(m.kit.voice.hedges or ("",)) if m.chance(0.6) else m.mine("acts.hedges")
        low = uncapital(part.text)
        if hedge and m.fresh(hedge.strip(", ")) and _is_statement(part.text) and goes_on(part.text):
            parts[at] = Said(f"{capital(hedge)} {low}", led=True)
        break
    return parts


def _is_statement(text: str) -> bool:
    """Whether a sentence begins with its subject, so that 'I think' may stand before it."""
    first = text.partition(" ")[0].partition("'")[0].lower()
    return first in library().words("lexicon.subjects") and len(text.split()) > 3


def _filled(m: Moment, parts: list[Said]) -> list[Said]:
    """Now and then a filler of this voice, after a verb of being or at the end."""
    voice = m.kit.voice
    if m.chance(FILLERS * m.loud):
        return _slipped_in(m, parts)
    if not voice.fillers or not m.chance(_rate(m, 0.13, 0.22)):
        return parts
    filler = m.rng.choice(voice.fillers)
    bare = len(filler.split()) < 3 and filler.split()[0] in library().words("lexicon.bare_fillers")
    for at, part in enumerate(parts):
        if part.verbatim or part.asks or not m.fresh(filler) or not part.text.endswith(".") or "..." in part.text:
            continue
        if (found := _COPULA.search(part.text)) and (bare or m.chance(0.3)):
            middle = f" {filler}" if bare else f", {filler},"
            parts[at] = replace(part, text=part.text[: found.end()] + middle + part.text[found.end() :])
            break
        if len(part.text.split()) > 3:
            parts[at] = replace(part, text=f"{part.text[:-1]}, {filler}.", tailed=True)
            break
    return parts


def _slipped_in(m: Moment, parts: list[Said]) -> list[Said]:
    """A word of feeling at the end of a statement, between two stops."""
    open_to = [at for at, part in enumerate(parts) if not part.verbatim and len(part.text.split()) > 2]
    open_to = [at for at in open_to if parts[at].text.endswith(".") and "..." not in parts[at].text]
    if open_to and (word := m.cry("fillers")):
        at = m.rng.choice(open_to)
        parts[at] = replace(parts[at], text=f"{parts[at].text[:-1]}, {word}.", tailed=True)
    return parts


def _tagged(m: Moment, parts: list[Said]) -> list[Said]:
    """Now and then a tag of this voice after the last statement, or the other's name."""
    voice, last = m.kit.voice, len(parts) - 1
    at = next((at for at in range(last, -1, -1) if not parts[at].asks and not parts[at].verbatim), -1)
    if at < 0 or parts[at].tailed or not parts[at].text.endswith("."):
        return _named(m, parts)
    if not voice.tags or not m.chance(_rate(m, 0.22, 0.36)):
        return _named(m, parts)
    tag = m.rng.choice(voice.tags)
    if not m.fresh(tag):
        return parts
    head = parts[at].text.rstrip(".")
    parts[at] = Said(f"{parts[at].text} {tag}" if tag[:1].isupper() else f"{head}, {tag}")
    return parts


def _named(m: Moment, parts: list[Said]) -> list[Said]:
    """Now and then whom one speaks to, by name or as this voice calls people."""
    text = " ".join(part.text for part in parts)
    if not m.name or m.name in text or not m.chance(0.2 if m.pair else 0.3):
        return parts
    kindly = m.kit.voice.address if m.tie.warmth > -0.3 else ()
    called = m.rng.choice(kindly) if kindly and m.chance(0.5) else m.name
    for at, part in enumerate(parts):
        if not part.verbatim and part.text[-1:] in ".?!" and not part.text.endswith("..") and "," not in part.text:
            parts[at] = Said(f"{part.text[:-1]}, {called}{part.text[-1]}")
            break
    return parts


def _felt(m: Moment, parts: list[Said]) -> list[Said]:
    """What one feels breaks through as a sentence of its own, and in how sentences end."""
    if m.chance(ASIDES * m.loud) and len(parts) < 5 and (aside := m.cry("asides")):
        last = bool(parts) and (parts[-1].asks or is_farewell(parts[-1].text))
        parts.insert(len(parts) - last, Said(aside))
    marks: dict[str, float] = library().value(f"emotions.{m.feeling}.marks", {})
    habits = m.kit.voice.habits
    ellipsis = 0.35 if "ellipsis" in habits else 0.0
    shout = 0.3 if "exclaim" in habits else 0.0
    return [part if part.verbatim else _marked(m, part, marks, shout, ellipsis) for part in parts]


def _marked(m: Moment, part: Said, marks: dict[str, float], shout: float, ellipsis: float) -> Said:
    """The sentence, perhaps ending otherwise than with a full stop."""
    text = part.text
    if not text.endswith(".") or text.endswith("..") or len(text) < 4:
        return part
    if m.chance(max(marks.get("!", 0.0), shout)):
        return replace(part, text=f"{text[:-1]}!")
    return replace(part, text=f"{text[:-1]}...") if m.chance(max(marks.get("...", 0.0), ellipsis)) else part


def _joined(m: Moment, parts: list[Said]) -> str:
    """The parts in a row, some drawn into one sentence where the voice flows."""
    voice = m.kit.voice
    share = {"clipped": 0.0, "even": 0.12, "flowing": 0.35}[voice.pace]
    link = " - " if "dash" in voice.habits else "; " if "semicolon" in voice.habits else ", and "
    text, previous = "", None
    for part in parts:
        low = uncapital(part.text)
        drawn = (
            previous
            and not previous.verbatim
            and not part.verbatim
            and text.endswith(".")
            and not text.endswith("..")
            and low != part.text
            and not (part.asks and link == ", and ")
            and len(previous.text.split()) > 2
            and m.chance(max(share, 0.3 if link != ", and " else 0.0))
        )
        text = f"{text[:-1]}{link}{low}" if drawn else f"{text} {part.text}"
        previous = part
    return text.strip()


def _led(m: Moment, text: str, verbatim: bool) -> str:
    """What the turn begins with: a burst of feeling, a word of this voice, or nothing."""
    voice, roll = m.kit.voice, m.rng.random()
    if roll < BURSTS * m.loud and (burst := m.cry("bursts")):
        return f"{burst} {text}"
    if verbatim or _is_mirror(text):
        return text
    if roll < LEADS * m.loud and (lead := m.cry("leads")):
        return _led_by(lead, text)
    if (
        roll < LEADS * m.loud + _rate(m, 0.24, 0.4)
        and voice.openers
        and (opener := m.rng.choice(voice.openers))
        and m.fresh(opener)
    ):
        return _led_by(opener, text)
    if roll > 0.93 and voice.exclamations and (cry := m.rng.choice(voice.exclamations)) and m.fresh(cry):
        return f"{cry} {text}"
    return text


def _is_mirror(text: str) -> bool:
    """Whether a text begins with a few words given back as a question: nothing goes well before them."""
    first = text.partition("?")[0]
    return first != text and len(first.split()) < 4


def _led_by(lead: str, text: str) -> str:
    """A lead and what follows it, in one sentence where the words allow it."""
    if lead[-1:] in ".!?":
        return f"{lead} {text}"
    return f"{lead} {uncapital(text)}" if goes_on(text) else text
