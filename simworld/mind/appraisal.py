"""What words do to the one who takes them in: appraise(text) -> Appraisal, by a lexicon; no model is called.

    appraise("I am so sorry.").trust        # 0.36: an apology
    appraise("The bus leaves at nine.")     # Appraisal(): nothing to be moved by
    appraise("He is an idiot.").warmth      # 0.0: not said of the hearer

Words and phrases of `templates/mind/lexicon/` are points of valence, arousal, dominance; those that do something
between people have warmth and trust too. The rules and constants of negation, degree, 'but', capitals and '!' and the
normalisation x / sqrt(x^2 + 15) follow VADER (Hutto & Gilbert 2014, ICWSM), whose scale is -4..4 where ours is -1..1;
written anew from the paper, and its word list is not used. For each hit i with the point p_i and the tie t_i:

    degree     |p|, |t| grow or shrink by 0.293/4 x (1, 0.95, 0.9) within three words; capitals: by 0.733/4
    denial     within three words before, valence, dominance, t times -0.74; arousal times 1 - 0.74
    weight     w_i: 0.5 in a question, 0.5 before a 'but' and 1.5 after it, else 1
    amount     m_i = w_i max(|valence_i|, |arousal_i|)
    strength   N(4 sum m_i + 0.292 n), N(x) = x / sqrt(x^2 + 15), n the '!' (at most 4; all in capitals: 3 more)
    affect     sum m_i p_i / sum m_i; arousal + 0.292/4 n
    warmth     N(4 sum w_i t_i) over the hits that are addressed to the hearer; trust likewise

Addressed are: phrases and words that say so themselves ('thank you'); what somebody is called or judged, up to two
words after a 'you' that no other person has followed, or five where it is or seems ('you are such a great fool'),
'kind of you', and a name alone ('Liar!'); what the speaker does to a 'you' at most three words later ('I trust you').
Out of reach: irony, reported speech, conditions, and third people with names.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

from simworld.mind.lexicon import (
    CALLED,
    CUT,
    DEGREE,
    DONE,
    HEARER,
    INTENSIFIER,
    JUDGED,
    NEGATOR,
    NOTHING,
    OTHERS,
    SPEAKER,
    STOP,
    TOLD,
    TOLD_IN_QUESTIONS,
    TURN,
    Entry,
    Phrase,
    being,
    lexicon,
)  # fmt: skip
from simworld.schema.mind import Affect, Appraisal

CAPITALS = 0.733 / 4
EXCLAIMED = 0.292
DENIAL = -0.74
FADING = (1.0, 1.0, 0.95, 0.9)
"""What is left of a degree at a distance of words."""
REACH = 3
"""Words over which a denial, a degree, and a verb of the speaker's reach."""
JUDGED_WITHIN = 5
"""Words between 'you are' and what it is called."""
ASKED = 0.5
BEFORE_BUT, AFTER_BUT = 0.5, 1.5
FAR = -100

_APART = (
    *((mark, f" {mark} ") for mark in ".,;:!?"), *((mark, " ") for mark in "\"()[]{}*_/-~"),
    ("\n", " . "), (" '", " "), ("' ", " "),
)  # fmt: skip
_APART_TOO = (
    ("’", "'"), ("‘", " "), ("“", " "), ("”", " "), ("…", " . "), ("—", " , "), ("–", " , "), *_APART
)  # fmt: skip
"""How marks are set apart from words (in a text that is not ASCII); a regular expression takes four times as long."""


@lru_cache(maxsize=4096)
def appraise(text: str) -> Appraisal:
    """What a text does to the one who hears it, if it is said to them; `named` stays empty. Pure."""
    shouts = text.count("!")
    if text.isupper() and len(text.split()) > 2:
        shouts += 3
    hits = _Listener(text).hear()
    if not hits and not shouts:
        return _NOTHING
    return _sum(hits, min(4, shouts))


_NOTHING = Appraisal()


def _sum(hits: list[_Hit], shouts: int) -> Appraisal:
    total = valence = arousal = dominance = warmth = trust = 0.0
    for hit in hits:
        point, weight = hit.entry, hit.weight
        amount = weight * max(abs(point[0]), abs(point[1]))
        total += amount
        valence += amount * point[0]
        arousal += amount * point[1]
        dominance += amount * point[2]
        if hit.told:
            warmth += weight * point[3]
            trust += weight * point[4]
    share = 1 / total if total else 0.0
    return Appraisal(
        affect=Affect(
            valence=max(-1.0, min(1.0, valence * share)),
            arousal=max(-1.0, min(1.0, arousal * share + shouts * EXCLAIMED / 4)),
            dominance=max(-1.0, min(1.0, dominance * share)),
        ),
        strength=_normal(4 * total + EXCLAIMED * shouts),
        warmth=_normal(4 * warmth),
        trust=_normal(4 * trust),
    )


def _normal(total: float) -> float:
    return total / sqrt(total * total + 15)


@lru_cache(maxsize=8192)
def _turned(entry: Entry, by: float, denied: bool) -> Entry:
    """An entry as the words near it make it: of another degree, denied."""
    valence, arousal, dominance, warmth, trust, aim = entry.grown(by)
    if not denied:
        return Entry(valence, arousal, dominance, warmth, trust, aim)
    return Entry(DENIAL * valence, (1 + DENIAL) * arousal, DENIAL * dominance, DENIAL * warmth, DENIAL * trust, aim)


class _Hit:
    """One word or phrase that moves, as it stands in its sentence."""

    __slots__ = ("at", "entry", "told", "weight")

    def __init__(self, entry: Entry, at: int, weight: float, told: bool) -> None:
        self.entry, self.at, self.weight, self.told = entry, at, weight, told


class _Listener:
    """Reads a text's words in their order, and gathers what moves."""

    __slots__ = (
        "boost", "boost_at", "clause_at", "clause_hits", "denied_at", "hits", "person", "person_at", "sentence_hits",
        "sentence_was", "spoken", "verb", "weight", "words",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        for mark, spaced in _APART if text.isascii() else _APART_TOO:
            if mark in text:
                text = text.replace(mark, spaced)
        self.spoken = text.split()
        self.words = [*text.lower().split(), ""]
        self.hits: list[_Hit] = []
        self.clause_at = self.clause_hits = self.sentence_hits = self.sentence_was = 0
        self.person, self.person_at = NOTHING, FAR
        self.boost, self.boost_at, self.denied_at = 0.0, FAR, FAR
        self.verb: _Hit | None = None
        self.weight = 1.0

    def hear(self) -> list[_Hit]:
        words, skip = self.words, 0
        for at, mark in enumerate(map(lexicon().get, words)):
            if mark is None or at < skip:
                continue
            entry, role, longer = mark
            last = at
            if longer and words[at + 1] in longer:
                phrase = self.phrase(at, longer[words[at + 1]])
                if phrase is not None:
                    entry, role = phrase.entry, phrase.role
                    skip = at + phrase.length
                    last = skip - 1
            if role and role <= OTHERS:
                self.person, self.person_at = role, at
                if role == HEARER:
                    self.address(at)
            elif role and self.modifies(role, at, last, entry):
                continue
            if entry is not None:
                self.hit(entry, at)
        self.cut(len(words) - 1)
        return self.hits

    def phrase(self, at: int, phrases: list[Phrase]) -> Phrase | None:
        """The longest that stands here."""
        for phrase in phrases:
            end = at + phrase.length
            if self.words[at + 1 : end] == phrase.rest and (not phrase.alone or self.stands_alone(at, end)):
                return phrase
        return None

    def stands_alone(self, at: int, end: int) -> bool:
        return at == self.clause_at and not self.words[end][:1].isalnum()

    def modifies(self, role: int, at: int, last: int, entry: Entry | None) -> bool:
        """Note what a word does to those near it; whether that is all it does."""
        if role == NEGATOR:
            self.denied_at = last
        elif role < CUT:
            if entry is None or self.moves(last + 1):
                self.boost, self.boost_at = (DEGREE if role == INTENSIFIER else -DEGREE), last
                return True
        elif role == STOP:
            self.end(at)
        else:
            self.cut(at)
            if role == TURN:
                self.turn()
        return False

    def moves(self, at: int) -> bool:
        """Whether this word is an entry: 'terribly kind', not 'it went terribly'."""
        mark = lexicon().get(self.words[at])
        return mark is not None and mark.entry is not None

    def hit(self, entry: Entry, at: int) -> None:
        aim = entry.aim
        by = self.boost * FADING[at - self.boost_at] if at - self.boost_at <= REACH else 0.0
        if self.spoken[at].isupper() and len(self.spoken[at]) > 1:
            by += CAPITALS
        denied = at - self.denied_at <= REACH
        told = aim in (TOLD, TOLD_IN_QUESTIONS)
        if aim >= JUDGED and self.person == HEARER:
            told = self.is_said_of_hearer(at)
        hit = _Hit(_turned(entry, by, denied) if by or denied else entry, at, self.weight, told)
        if aim == DONE:
            self.verb = hit if self.person in (NOTHING, SPEAKER) else None
        self.hits.append(hit)

    def is_said_of_hearer(self, at: int) -> bool:
        """'you idiot', 'you are such a great liar'; not 'you told a terrible story'."""
        you = self.person_at
        if at - you <= 2:
            return True
        return at - you <= JUDGED_WITHIN and not being().isdisjoint(self.words[you : you + 2])

    def address(self, at: int) -> None:
        """A 'you': what the speaker does is done to it, and what is kind 'of you' is said of it."""
        if self.verb is not None and at - self.verb.at <= REACH:
            self.verb.told = True
        if self.hits and self.words[at - 1] == "of":
            last = self.hits[-1]
            last.told = last.told or (last.at == at - 2 and last.entry.aim == JUDGED)

    def cut(self, at: int) -> None:
        """The end of a clause; a name that makes one alone is called out to the hearer."""
        if at - self.clause_at <= 2:
            for hit in self.hits[self.clause_hits :]:
                hit.told = hit.told or hit.entry.aim == CALLED
        self.clause_at, self.clause_hits = at + 1, len(self.hits)
        self.person, self.person_at = NOTHING, FAR
        self.boost_at = self.denied_at = FAR
        self.verb = None

    def turn(self) -> None:
        """A 'but': what comes counts for more than what came."""
        for hit in self.hits[self.sentence_hits :]:
            hit.weight *= BEFORE_BUT
        self.weight = AFTER_BUT

    def end(self, at: int) -> None:
        """The end of a sentence; what is asked is not said."""
        if at > self.clause_at:
            self.sentence_was = self.sentence_hits
        self.cut(at)
        if self.words[at] == "?":
            for hit in self.hits[self.sentence_was :]:
                hit.weight *= 1.0 if hit.entry.aim == TOLD_IN_QUESTIONS else ASKED
        self.sentence_hits, self.weight = len(self.hits), 1.0
