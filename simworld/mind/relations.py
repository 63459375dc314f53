"""Relations: how one stands to each of the others, as it is felt; nobody else knows it.

    ties = begin_ties(scene, "mara", cast)          # {"tomas_reyes": Tie(kind="older sister of", warmth=0.6, ...)}
    tie = shift(ties["tomas_reyes"], appraisal, 1)  # after something they said
    standing(tie, "Tomas Reyes")                    # 'You like Tomas Reyes and trust them; you know them well.'

A tie runs one way: what Mara feels for Tomas says nothing of what he feels for her.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from simworld.prompts import data
from simworld.schema import Appraisal, Persona, Relation, Scene, Tie

if TYPE_CHECKING:
    import networkx as nx

DECIMALS = 4
WARMING = 0.2
"""Share of the way to the bound that the warmest or coldest of turns moves warmth."""
TRUSTING, DISTRUSTING = 0.1, 0.25
"""The same of trust: it is lost faster than it is won (Slovic 1993, 'Perceived risk, trust, and democracy')."""
KNOWING = 0.02
"""Share of what one does not know of the other that one exchange tells."""
YEAR = 365.25 * 24 * 60
"""Minutes of absence in which half of warmth and trust has faded."""
NUMBERS = ("warmth", "trust", "familiarity")


def begin_ties(scene: Scene, seat: str, cast: Mapping[str, Persona], kept: Mapping[str, Tie] = {}) -> dict[str, Tie]:
    """Persona id -> how this seat stands to them as the scene begins: to everybody else at the table but a narrator.

    A number is what is kept from an earlier scene (it was lived through), else what the scene states, else what the
    words of the relation's kind say, else nothing in particular. A kind is what the scene states, else what is kept.
    Where only the other's
    relation to this one is stated (and is not private), its words count for the numbers of this one too. Ties to
    people who are not here stay as they were kept.
    """
    others = [other.id for other in scene.seats if other.id != seat and other.role != "narrator"]
    here = {cast[other].id: other for other in others}
    return {**kept, **{id: _begin(scene.relations, seat, other, kept.get(id)) for id, other in here.items()}}


def shift(tie: Tie, appraisal: Appraisal, weight: float) -> Tie:
    """The tie to somebody after an appraised turn of theirs; `weight`: how much of it concerns this one, 0..1.

    Each number moves a share of the way to the bound it is drawn to, so it slows down near it and never passes it.
    """
    weight = max(0.0, min(1.0, weight))
    trusting = TRUSTING if appraisal.trust > 0 else DISTRUSTING
    return _moved(
        tie,
        _drawn(tie.warmth, WARMING * appraisal.warmth * weight),
        _drawn(tie.trust, trusting * appraisal.trust * weight),
        _drawn(tie.familiarity, KNOWING * weight),
    )


def drift(tie: Tie, minutes: float) -> Tie:
    """The tie after an absence: half of warmth and trust fades in a year; whom one knows one goes on knowing.

    It is for the time between scenes: an hour or less is below the fourth decimal and changes nothing.
    """
    left = 2.0 ** (-max(0.0, minutes) / YEAR)
    return _moved(tie, _rounded(tie.warmth * left), _rounded(tie.trust * left), tie.familiarity)


def standing(tie: Tie, name: str) -> str:
    """How one stands to somebody of this name, in words as one is told it; empty where there is nothing to tell."""
    return _standing(
        name, _band("warmth", tie.warmth), _band("trust", tie.trust), _band("familiarity", tie.familiarity),
        (tie.warmth > 0) == (tie.trust > 0),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _standing(name: str, warmth: str, trust: str, familiarity: str, alike: bool) -> str:
    """The words of three bands as one sentence."""
    words = data("mind/standing.yaml")
    felt = words["alike" if alike else "unlike"].join(part for part in (warmth, trust) if part)
    told = words["then"].join(part for part in (felt, familiarity) if part)
    if not told:
        return ""
    first, *rest = told.split("{who}")
    sentence: str = words["sentence"].format(words=words["again"].join((first + name + rest[0], *rest[1:])))
    return re.sub(r"\.\.$", ".", sentence)


def web(ties: Mapping[str, Mapping[str, Tie]]) -> nx.DiGraph[str]:
    """Who stands how to whom: persona ids as nodes, an edge with `kind` and the numbers for each tie.

    A lens over frozen ties: made when it is looked through, never kept.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(ties)
    for of, others in ties.items():
        for to, tie in others.items():
            graph.add_edge(of, to, **tie.model_dump())
    return graph


@lru_cache(maxsize=4096)
def by_words(kind: str) -> Tie:
    """How one stands to somebody whom one is this to: the mean of the words that are known, shifted by others.

    Words after the first `of`, `to`, `for` ... that follows a known one speak of something else. Where none is known
    the numbers are those of a tie of which nothing is said.
    """
    nouns: list[Numbers] = []
    shifts: list[Numbers] = []
    for found in _phrases(kind):
        (nouns if found in _lexicon().words else shifts).append(_lexicon().numbers[found])
    means = [fmean(column) for column in zip(*(nouns or [_numbers(Tie())]), strict=True)]
    sums = [sum(column) for column in zip(means, *shifts, strict=True)]
    warmth, trust, familiarity = (_rounded(max(-1.0, min(1.0, value))) for value in sums)
    return Tie(warmth=warmth, trust=trust, familiarity=familiarity)


Numbers = tuple[float, float, float]


class _Lexicon(NamedTuple):
    words: frozenset[str]
    numbers: Mapping[str, Numbers]
    ends: frozenset[str]
    longest: int


@cache
def _lexicon() -> _Lexicon:
    """`templates/mind/kinds.yaml`; `longest` is the number of words of the longest phrase."""
    loaded = data("mind/kinds.yaml")
    rows: dict[str, list[float]] = {**loaded["shifts"], **loaded["words"]}
    numbers = {phrase: (w, t, f) for phrase, (w, t, f) in rows.items()}
    longest = max(phrase.count(" ") + 1 for phrase in numbers)
    return _Lexicon(frozenset(loaded["words"]), numbers, frozenset(loaded["ends"]), longest)


def _phrases(kind: str) -> Iterable[str]:
    """The known phrases of a kind from left to right, the longest first, up to the end of its head."""
    lexicon = _lexicon()
    plain = re.sub(r"\w+['’]s\b", " ", kind.casefold())
    tokens = re.findall(r"[^\W\d_]+", plain)
    at, any_found = 0, False
    while at < len(tokens):
        for count in range(lexicon.longest, 0, -1):
            phrase = " ".join(tokens[at : at + count])
            if phrase in lexicon.numbers:
                yield phrase
                any_found = True
                at += count
                break
        else:
            if any_found and tokens[at] in lexicon.ends:
                return
            at += 1


def _begin(relations: Iterable[Relation], seat: str, other: str, kept: Tie | None) -> Tie:
    own = [relation for relation in relations if (relation.of, relation.to) == (seat, other)]
    theirs = [relation for relation in relations if (relation.of, relation.to) == (other, seat)]
    open_ = [relation for relation in theirs if not relation.private]
    kind = ", ".join(relation.kind for relation in own) or (kept.kind if kept else "")
    if kept:
        return kept.model_copy(update={"kind": kind})
    basis = _mean([by_words(relation.kind) for relation in own or open_])
    stated = {
        number: value for relation in own for number in NUMBERS if (value := getattr(relation, number)) is not None
    }
    return basis.model_copy(update={"kind": kind, **stated})


def _mean(ties: list[Tie]) -> Tie:
    if len(ties) < 2:
        return ties[0] if ties else Tie()
    warmth, trust, familiarity = (_rounded(fmean(column)) for column in zip(*map(_numbers, ties), strict=True))
    return Tie(warmth=warmth, trust=trust, familiarity=familiarity)


def _numbers(tie: Tie) -> Numbers:
    return tie.warmth, tie.trust, tie.familiarity


def _drawn(value: float, share: float) -> float:
    """A number after it was drawn by a share of -1..1 of the way to the bound on that side."""
    return _rounded(value + share * (1 - value if share > 0 else 1 + value))


def _rounded(value: float) -> float:
    # + 0.0: no minus zero in records
    return round(value, DECIMALS) + 0.0


def _moved(tie: Tie, warmth: float, trust: float, familiarity: float) -> Tie:
    if (warmth, trust, familiarity) == _numbers(tie):
        return tie
    return tie.model_copy(update={"warmth": warmth, "trust": trust, "familiarity": familiarity})


@cache
def _bands(number: str) -> tuple[list[float], list[str]]:
    """How far each band of a number reaches, and its words."""
    bands = data("mind/standing.yaml")[number]
    return [float(band["to"]) for band in bands], [band["words"] for band in bands]


def _band(number: str, value: float) -> str:
    """The words of the first band that reaches up to this value."""
    tops, words = _bands(number)
    return words[bisect_left(tops, value)]
