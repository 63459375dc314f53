"""Filters of who speaks: lines of another speaker, somebody who plays the other's part, an assistant's manner."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache

from simworld.curate.case import Bounds, Case, Found, Person, shortened
from simworld.prompts import data
from simworld.usersim.detect import flips_role

_LABELS = re.compile(
    r"^[ \t]*[*_]*((?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){0,2})"
    r"[*_]*(?: \([^)\n]{1,30}\))?[*_]*:[*_]*\s+\S",
    re.MULTILINE,
)
"""A line with somebody's name before it."""
_LISTED = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^\s*1[.)]\s+\S", re.MULTILINE)
_MARKED = re.compile(r"```|\*\*\S[^*\n]*\*\*|^#{1,4} \S|^\|.*\|", re.MULTILINE)
_OFFERS = re.compile(
    r"\b[Hh]ere (?:are|is) (?:a few|some|several|the|an?|\w+) [^.!?:\n]{3,80}:"
    r"|^(?:Sure|Certainly|Of course|Absolutely)(?: thing)?[!,.] "
    r"(?:[Hh]ere(?:'s|’s| is| are)|[Tt]o \w+ (?:a|an|the|your)|I can|I'd be (?:happy|glad) to)\b"
)
_INTRODUCED = r"(?:the|a|an|who|whose|your|at your|nice|pleased|pleasure|delighted|signing|here|reporting)\b"
"""What follows a name with which somebody introduces himself."""


def speaks_for_others(case: Case, bounds: Bounds) -> Iterator[Found]:
    """A turn holds a line of somebody else: a name and a colon before it, or the engine said so."""
    for turn in case.transcript.turns:
        if "spoke_for_others" in turn.faults:
            yield Found("the reply spoke for others; what it said for them was cut", (turn.n,))
    for turn in case.said:
        own = case.people[turn.seat].names if turn.seat in case.people else ()
        others = tuple(
            name for id, one in case.people.items() if id != turn.seat for name in one.names if name not in own
        )
        if ":" not in turn.text:
            continue
        found = _first(_line_of, others, turn.text) or _speaker_line().search(turn.text)
        if found:
            yield Found(f"a line of another speaker: '{shortened(turn.text[found.start() :].strip(), 60)}'", (turn.n,))
            continue
        labels = [label for label in _LABELS.findall(turn.text) if label not in own]
        if len(labels) >= bounds["labels"] or (len(labels) == 1 and _quotes(turn.text, labels[0])):
            yield Found(
                f"lines with names before them: {', '.join(dict.fromkeys(labels))}", (turn.n,), float(len(labels))
            )


def _quotes(text: str, label: str) -> bool:
    """Whether a line under a label is speech that goes on the talk: it follows other text and addresses somebody."""
    before, _, after = text.partition(label)
    return (
        bool(before.strip())
        and before.rstrip(" \t*_").endswith("\n")
        and re.search(r"\b(?:I|you|we)\b", after) is not None
    )


def _first(pattern: Callable[[str], re.Pattern[str]], names: Iterable[str], text: str) -> re.Match[str] | None:
    """The first match of the pattern of any of these names; only names that the text holds are looked for."""
    matches = (pattern(name).search(text) for name in names if name in text)
    return next((found for found in matches if found), None)


@cache
def _speaker_line() -> re.Pattern[str]:
    """'User:' and the like, where a line begins."""
    either = "|".join(re.escape(one.strip()) for one in str(data("curate/phrases.yaml")["speakers"]).split("|"))
    return re.compile(rf"^\s*[*_\[(#]*(?:{either})[*_\])]*:[*_]*\s*\S", re.IGNORECASE | re.MULTILINE)


@lru_cache(maxsize=4096)
def _line_of(name: str) -> re.Pattern[str]:
    """The name with a colon, where a line or a sentence begins."""
    written = f"(?:{re.escape(name)}|{re.escape(name.upper())})"
    begins = r"(?:^|\n|[.!?…\"”*)]\s)\s*[*_\[(]*"
    return re.compile(rf"{begins}{written}(?: \([^)\n]{{1,30}}\))?[*_\])]*(?: says)?:[*_]*\s*\S")


def role_flip(case: Case, bounds: Bounds) -> Iterator[Found]:
    """A user who answers like an assistant, or somebody in a part who takes himself for another."""
    for person in case.people.values():
        if person.role == "user":
            yield from _answers(case, person, bounds)
        elif person.role == "character":
            yield from _is_another(case, person, bounds)


def _answers(case: Case, person: Person, bounds: Bounds) -> Iterator[Found]:
    own: list[str] = []
    flips: list[tuple[int, float]] = []
    for turn in case.said_by(person.seat):
        score = flips_role(turn.text, own)
        if score >= bounds["sure"]:
            flips.append((turn.n, score))
        own.append(turn.text)
    if len(flips) >= max(bounds["flips"], bounds["flip_share"] * len(own)):
        yield Found("the user speaks like an assistant", tuple(n for n, _ in flips), max(score for _, score in flips))


def _is_another(case: Case, person: Person, bounds: Bounds) -> Iterator[Found]:
    others = [one for one in case.people.values() if one.seat != person.seat]
    shared = {name for one in others for name in one.names}
    own = tuple(name for name in person.names if name not in shared)
    theirs = tuple(dict.fromkeys(name for one in others for name in one.names if name not in person.names))
    called: list[int] = []
    for turn in case.said_by(person.seat):
        if _first(_claims_to_be, theirs, turn.text):
            yield Found(f"{person.name} speaks as another: '{shortened(turn.text, 60)}'", (turn.n,))
        elif _first(_calls, own, turn.text) and not _first(_claims_to_be, own, turn.text):
            called.append(turn.n)
    if len(called) >= bounds["self_addresses"]:
        yield Found(f"{person.name} addresses {person.name}", tuple(called), float(len(called)))


@lru_cache(maxsize=4096)
def _claims_to_be(name: str) -> re.Pattern[str]:
    """'I am X', 'my name is X', 'this is X speaking'."""
    who = re.escape(name)
    return re.compile(
        rf"(?:\bI(?: am|['’]m)|\b[Mm]y name(?: is|['’]s)|\b[Cc]all me|\b[Ii]t['’]s me,)(?: called)? {who}\b(?!['’]s)"
        rf"|\b[Tt]his is {who} (?:speaking|here)\b|(?:^|[.!?] ){who} here(?:[,.!:]| speaking)"
    )


@lru_cache(maxsize=4096)
def _calls(name: str) -> re.Pattern[str]:
    """A name that is called: at the beginning with a comma, or at a sentence's end after one."""
    told = data("curate/phrases.yaml")
    greeting, whose = (_either(str(told[key])) for key in ("before_names", "own_names"))
    who, own = re.escape(name), "".join(rf"(?<!\b{one}, )" for one in whose.split("|"))
    return re.compile(
        rf"(?:^|(?<!Dr|Mr|Ms)(?<!Mrs)[.!?…] )[\"“]?(?:(?:{greeting}),? )?{who}[,!](?! {_INTRODUCED})"
        rf"|{own}(?<=, ){who}(?:[.!?…](?!\S)|, (?:I|you|we|what|how|why|do|can|that|it|this|let)\b)"
    )


def _either(listed: str) -> str:
    return "|".join(sorted((re.escape(one.strip()) for one in listed.split("|")), key=lambda one: (-len(one), one)))


def assistant_speak(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Somebody in a part who speaks as an assistant does: by its wordings, its lists and headings, or its manner."""
    for person in case.characters:
        turns = case.said_by(person.seat)
        for turn in turns:
            plain = turn.text.replace("’", "'").lower()
            if hit := _wordings().search(plain):
                yield Found(f"an assistant's words: '{hit[0]}'", (turn.n,))
            elif (
                _MARKED.search(turn.text)
                or _NUMBERED.search(turn.text)
                or len(_LISTED.findall(turn.text)) >= bounds["listed"]
            ):
                yield Found("a list, heading or code", (turn.n,))
            elif hit := _OFFERS.search(turn.text):
                yield Found(f"offers as an assistant does: '{shortened(hit[0], 50)}'", (turn.n,))
            else:
                score = flips_role(turn.text, [one.text for one in turns if one is not turn][:6])
                if score >= bounds["sure"]:
                    yield Found(f"reads like an assistant's answer: '{shortened(turn.text, 50)}'", (turn.n,), score)


@cache
def _wordings() -> re.Pattern[str]:
    told = data("curate/phrases.yaml")
    either = _either(f"{told['assistant']} | {told['prompting']}")
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)")
