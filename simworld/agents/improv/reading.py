"""Reading: what a line says, as far as improv can tell.

    read("Who pays in the end?").question      # "Who pays in the end?"

Found are its sentences, content words, subjects, the move it makes, the question it ends with and what kind of answer
that wants, what can be taken up by its own words, and which authored lines it holds, with what may answer them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from simworld.agents.improv.library import Bank, library
from simworld.agents.improv.phrases import content, grammar, phrases, plural, stem
from simworld.text.farewell import is_farewell

_SENTENCE = re.compile(r"[^.!?]+(?:[.!?]+[\"'’”]?|$)")
_PLAIN = re.compile(r"[^a-z' ]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One line, read."""

    sentences: tuple[str, ...]
    meant: tuple[str, ...]
    """Its sentences without what only colours them."""
    words: frozenset[str]
    """Stems of its content words."""
    subjects: tuple[tuple[str, float], ...]
    """Its subjects with their weights, the strongest first."""
    move: str
    """A key of `acts.moves`, `farewell`, or empty: a plain statement."""
    question: str
    """The last sentence that asks; empty where none does."""
    asks_for: str
    """Kind of answer that the question wants, a key of `acts.answers`; empty: yes or no."""
    phrases: tuple[str, ...]
    replies: Bank
    """What may answer the authored line that it holds, slots unfilled."""


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Read a line."""
    low = text.lower().replace("’", "'")
    sentences = tuple(found.strip() for found in _SENTENCE.findall(text) if found.strip())
    question = next((s for s in reversed(sentences[-2:]) if s.rstrip("\"'’” ").endswith("?")), "")
    meant = tuple(said for said in map(_meant, sentences) if said)
    core = " ".join(meant)
    return Reading(
        sentences=sentences,
        meant=meant,
        words=frozenset(content(text)),
        subjects=weighed(content(core)),
        move="farewell" if is_farewell(text) else _first("moves", low),
        question=question,
        asks_for=_first("questions", question.lower().replace("’", "'")) if question else "",
        phrases=tuple(dict.fromkeys((*phrases(question), *phrases(core)))) if question else phrases(core),
        replies=_replies(sentences, question),
    )


@cache
def _hollow() -> frozenset[str]:
    """Authored words that only colour a line, as plain text: there is nothing in them to take up."""
    lines = [line for path, bank in library().banks.items() if _colours(path) for line in bank]
    said = [part for line in lines for part in (line, *_SENTENCE.findall(line)) if "{" not in part]
    return frozenset(plain(part) for part in said)


def _colours(path: str) -> bool:
    """Whether the lines of a bank only colour what is said."""
    rooms = library().words("lexicon.colours")
    return any(path.startswith(room) for room in rooms) and not path.endswith((".lines", ".dos", ".thinks"))


@lru_cache(maxsize=8192)
def _meant(sentence: str) -> str:
    """A sentence without what only colours it: cries, and short asides at its edges."""
    hollow, parts = _hollow(), sentence.split(",")
    if plain(sentence) in hollow or (sentence.endswith("!") and len(sentence.split()) < 4):
        return ""
    kept = [part for part in parts if plain(part) not in hollow]
    while len(kept) > 1 and len(kept[0].split()) < 4 and len(" ".join(kept[1:]).split()) > 2:
        kept.pop(0)
    while len(kept) > 1 and len(kept[-1].split()) < 4 and len(" ".join(kept[:-1]).split()) > 2:
        kept.pop()
    text = ",".join(kept).strip()
    return text if text[-1:] in ".!?" else f"{text}."


@cache
def _patterns(name: str) -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """A pattern that holds where any of these does, and each of them with its key, in order."""
    pairs: list[tuple[str, str]] = library().value(f"lexicon.{name}")
    either = re.compile("|".join(f"(?:{pattern})" for _, pattern in pairs))
    return either, tuple((key, re.compile(pattern)) for key, pattern in pairs)


def _first(name: str, text: str) -> str:
    """The key of the first of these patterns that holds; empty where none does."""
    either, patterns = _patterns(name)
    if not either.search(text):
        return ""
    return next((key for key, pattern in patterns if pattern.search(text)), "")


@cache
def _lexicon() -> dict[str, list[tuple[str, float]]]:
    """Stem of a word -> the subjects it speaks of, with weights."""
    table: dict[str, list[tuple[str, float]]] = {}
    for id, node in library().value("subjects").items():
        for field, weight in (("nouns", 2.0), ("mass", 2.0), ("words", 1.0)):
            for word in str(node.get(field, "")).split():
                forms = {word, stem(word), stem(plural(word))} if field == "nouns" else {word, stem(word)}
                for form in forms:
                    table.setdefault(form, []).append((id, weight))
    doubtful = grammar().verbs | grammar().ambiguous
    return {
        form: [(id, weight * (0.4 if form in doubtful else 1.0) / len(hits)) for id, weight in hits]
        for form, hits in table.items()
    }


def weighed(words: list[str]) -> tuple[tuple[str, float], ...]:
    """The subjects that these stems speak of with their weights, the strongest first."""
    table, scores = _lexicon(), dict[str, float]()
    for word in words:
        for id, weight in table.get(word, ()):
            scores[id] = scores.get(id, 0.0) + weight
    return tuple(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:4])


def subjects_of(words: list[str]) -> tuple[str, ...]:
    """The subjects that these stems speak of, the strongest first."""
    return tuple(id for id, _ in weighed(words))


@dataclass(frozen=True)
class _Authored:
    """Authored lines by the rarest of their words, and those too short for it by their plain text."""

    by_word: dict[str, list[tuple[frozenset[str], str]]]
    by_parts: dict[str, list[tuple[tuple[str, ...], str]]]


@cache
def _authored() -> _Authored:
    signed = {line: frozenset(content(line)) for line in library().replies}
    counts: dict[str, int] = {}
    for words in signed.values():
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    table = _Authored({}, {})
    for line, words in signed.items():
        if len(words) > 1 and "{" not in line:
            rarest = min(words, key=lambda word: (counts[word], word))
            table.by_word.setdefault(rarest, []).append((words, line))
        else:
            parts = tuple(part for part in map(plain, re.split(r"\{\w+\}", line)) if part)
            said = " ".join(parts).split()
            if len(said) > 1:
                table.by_parts.setdefault(max(said, key=len), []).append((parts, line))
    return table


def plain(text: str) -> str:
    """Lower-case words and nothing else, for comparison."""
    return " ".join(_PLAIN.sub(" ", text.lower().replace("’", "'")).split())


def _replies(sentences: tuple[str, ...], question: str) -> Bank:
    """What may answer the last authored line among these; a question at the end is looked at first."""
    order = [question] if question else []
    order += [s for s in reversed(sentences[-3:]) if s != question and not question]
    for sentence in order:
        line = _recognise(sentence)
        if line:
            return library().replies[line]
    return ()


@lru_cache(maxsize=8192)
def _recognise(sentence: str) -> str:
    table, words = _authored(), frozenset(content(sentence))
    for word in sorted(words):
        for wanted, line in table.by_word.get(word, ()):
            if wanted <= words and len(words) <= len(wanted) + 3:
                return line
    said = plain(sentence)
    held = ((parts, line) for word in said.split() for parts, line in table.by_parts.get(word, ()))
    found = [(sum(map(len, parts)), line) for parts, line in held if _holds(f" {said} ", parts)]
    return max(found)[1] if found else ""


def _holds(text: str, parts: tuple[str, ...]) -> bool:
    at = 0
    for part in parts:
        found = text.find(f" {part} ", at)
        if found < 0:
            return False
        at = found + len(part) + 1
    return True
