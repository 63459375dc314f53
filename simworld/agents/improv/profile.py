"""A persona known by its second-person text alone: its clauses turned to the first person.

    first_person("you sell your creations online")     # "I sell my creations online"
    said_of_self("You are Ann. You often hike.")       # ("I often hike.",)

What does not surely make a whole statement is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from simworld.agents.improv.library import library
from simworld.agents.improv.phrases import capital, grammar

_WORD = re.compile(r"[\w'’-]+|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s*(?=[A-Z`])")
_GAP = re.compile(r"\s+([.,;:!?)])")
_LONGEST = 13
"""Words of a clause that one would still say in a breath."""


@dataclass(frozen=True)
class _Rules:
    verbs: dict[str, str]
    prepositions: frozenset[str]
    takers: frozenset[str]
    followers: frozenset[str]
    skip: frozenset[str]
    parts: re.Pattern[str]
    tails: re.Pattern[str]
    leads: re.Pattern[str]
    finite: frozenset[str]
    unfit: frozenset[str]
    own: dict[str, str]
    pointers: frozenset[str]
    adverbs: frozenset[str]
    trade_ends: re.Pattern[str]
    likes: re.Pattern[str]
    dislikes: re.Pattern[str]
    article: re.Pattern[str]


@cache
def _rules() -> _Rules:
    data = library()
    return _Rules(
        verbs=data.value("facts.profile.verbs"),
        prepositions=frozenset(str(data.value("facts.profile.after_object")).split()),
        takers=frozenset(str(data.value("facts.profile.object_verbs")).split()),
        followers=frozenset(str(data.value("facts.profile.not_after_subject")).split()),
        skip=frozenset(str(data.value("facts.profile.skip")).split()),
        parts=re.compile(rf"\s?(?:{_either('parts')})", re.IGNORECASE),
        tails=re.compile(rf"\s?(?:{_either('tails')})(?=\s).*", re.IGNORECASE),
        leads=re.compile(rf"^(?:(?:{_either('leads')}),? )+", re.IGNORECASE),
        finite=data.words("facts.profile.finite"),
        unfit=data.words("facts.profile.unfit"),
        own=data.value("facts.profile.own"),
        pointers=data.words("facts.profile.pointers"),
        adverbs=data.words("facts.profile.adverbs"),
        trade_ends=re.compile(
            rf"[.,;:!?]|(?<![\w-])(?:{'|'.join(sorted(data.words('facts.profile.trade_ends')))}|\w+ed|\w+ates|\w+ly)\b"
        ),
        likes=re.compile(rf"\b(?:{data.value('facts.profile.likes')}) "),
        dislikes=re.compile(rf"\b(?:{data.value('facts.profile.dislikes')}) "),
        article=re.compile(rf"\b(?:{data.value('facts.profile.article')}) "),
    )


def _either(field: str) -> str:
    """The phrases of a field as alternatives, the longest first; a `you` at their end is only looked at."""
    phrases = sorted(
        (part.strip() for part in str(library().value(f"facts.profile.{field}")).split("|")), key=len, reverse=True
    )
    return "|".join(
        re.escape(part).removesuffix(r"\ you") + (r"(?= you)" if part.endswith(" you") else "") for part in phrases
    )


def first_person(text: str) -> str:
    """Second-person words as the one spoken of says them."""
    rules, parts = _rules(), _WORD.findall(text.replace("’", "'"))
    said: list[str] = []
    subject = False
    for at, part in enumerate(parts):
        low = part.lower()
        if low == "you":
            subject = not _is_object(parts, at, rules)
            said.append("I" if subject else "me")
        elif low in rules.own:
            said.append(rules.own[low])
            subject = False
        else:
            said.append(rules.verbs.get(low) or part if subject else part)
            subject = subject and (low.endswith("ly") or low in rules.adverbs)
    return _GAP.sub(r"\1", " ".join(said)).replace(" - ", "-")


def _is_object(parts: list[str], at: int, rules: _Rules) -> bool:
    """Whether this 'you' is whom something is done to."""
    before = parts[at - 1].lower() if at else ""
    after = parts[at + 1].lower() if at + 1 < len(parts) else "."
    if not after[:1].isalpha() or after in rules.followers or after.endswith("ing"):
        return True
    return before in rules.prepositions or before in rules.takers


def said_of_self(profile: str) -> tuple[str, ...]:
    """What a second-person profile lets its persona say of itself, in whole clauses."""
    found = (capital(clause) + "." for sentence in sentences(profile) for clause in _clauses(sentence))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, also where no gap stands after a stop."""
    return tuple(part.strip(" `") for part in _SENTENCE.split(text) if part.strip())


def _clauses(sentence: str) -> Iterator[str]:
    rules = _rules()
    for part in rules.parts.split(sentence.rstrip(".!?")):
        clause = rules.tails.sub("", rules.leads.sub("", part.strip(" ,;:-"))).strip(" ,;:-")
        words = re.findall(r"[\w'’-]+", clause.lower())
        if 4 <= len(words) <= _LONGEST and _may_be_said(clause, words, rules):
            yield first_person(clause)


def _may_be_said(clause: str, words: list[str], rules: _Rules) -> bool:
    """Whether a clause is a whole statement that one makes of oneself: no bare epithets, no praise of one's voice."""
    if not re.match(r"(?:[\w ']{0,20}, )?(?:you|you're|you've|your) ", clause.lower().replace("’", "'")):
        return False
    if rules.skip & set(words) or any(word[:1].isdigit() for word in words):
        return False
    if words[-1] in grammar().stop or rules.pointers & set(words):
        return False
    if words[0] in ("your",) and not rules.finite & set(words):
        return False
    epithet = re.match(r"(?:.*, )?you(?:'re|’re| are) (.*)", clause.lower())
    return not epithet or bool(
        {"a", "an", "the", "at", "in", "with", "to", "about", "working", "on", "of"} & set(epithet[1].split())
    )


def liked(profile: str) -> tuple[str, ...]:
    """What a second-person profile says that one likes, as phrases that follow 'I like'."""
    return _objects(profile, _rules().likes)


def disliked(profile: str) -> tuple[str, ...]:
    """What it says that one does not like."""
    return _objects(profile, _rules().dislikes)


def _objects(profile: str, trigger: re.Pattern[str]) -> tuple[str, ...]:
    found: list[str] = []
    for match in trigger.finditer(profile):
        if " not " in profile[max(0, match.start() - 24) : match.start()]:
            continue
        for item in re.split(
            r", and |, | and |\bespecially\b", re.split(r"[.;:!?—]|\bthat\b|\bwhich\b", profile[match.end() :])[0]
        ):
            phrase = item.strip(" '\"")
            if not _is_thing(phrase) or (trigger is _rules().likes and _rules().dislikes.search(f"{phrase} ")):
                break
            found.append(first_person(phrase))
    return tuple(dict.fromkeys(found))


def _is_thing(phrase: str) -> bool:
    """Whether this can surely follow 'I like': one to five words, no finite verb, a known noun or a gerund in it."""
    words, parts = grammar(), re.findall(r"[\w'’-]+", phrase.lower())
    if not 1 <= len(parts) <= 5 or "you" in parts or _rules().skip & set(parts) or parts[-1] in words.stop:
        return False
    if parts[0].endswith("ly") or (parts[0] in words.stop and parts[0] not in words.determiners):
        return False
    known = (
        part in words.nouns or part in words.plurals or part in words.mass or part.endswith("ing") for part in parts
    )
    return any(known) and not any(part in ("is", "are", "have", "has", "often", "frequently", "when") for part in parts)


def trade(profile: str) -> str:
    """What a second-person profile calls one's work, with its article: 'a secret agent'; empty: it does not say."""
    rules = _rules()
    for match in rules.article.finditer(profile):
        article = "an " if match[0].rstrip().endswith(" an") else "the " if match[0].rstrip().endswith(" the") else "a "
        tail = rules.trade_ends.split(profile[match.end() :])[0]
        words = tail.strip().split()
        if (
            1 <= len(words) <= 4
            and not rules.unfit & {word.lower() for word in words}
            and not any(c.isdigit() for c in tail)
        ):
            return article + " ".join(word.lower() if word.istitle() else word for word in words)
    return ""
