"""The data behind a population, read once: careers, regions and their peoples, traits, aspirations, shares.

    careers()["baker"].least        # 17
    regions()["japan"].strands[0].towns

Files: `templates/forge/people`. Lists stand there as `one | two | three`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from simworld.prompts import data

FOLDER = "forge/people"
RETIRES = 50
"""A career left before this age is not one that people retire from."""
SCHOOLS = ("none", "trade", "service", "college", "degree", "doctorate")


@dataclass(frozen=True, slots=True)
class Career:
    """What is true of everybody of one career."""

    name: str
    domain: str
    hours: str
    """early, day, evening, night, shift, season or irregular."""
    school: str
    """One of `SCHOOLS`."""
    least: int
    last: int
    """Years of age at which one can have it at the earliest, and usually stops."""
    band: int
    """Income, 1..5."""
    at: tuple[str, ...]
    people: str
    skills: tuple[str, ...]
    things: tuple[str, ...]
    tasks: tuple[str, ...]
    knows: tuple[str, ...]

    def fits(self, age: int) -> bool:
        """Whether somebody of this age has this career, or had it and is retired."""
        return self.least <= age and (age <= self.last or self.last >= RETIRES)


@dataclass(frozen=True, slots=True)
class Strand:
    """A people of a region: what belongs together."""

    region: str
    name: str
    women: tuple[tuple[str, ...], tuple[str, ...]]
    """Given names of the old and of the young."""
    men: tuple[tuple[str, ...], tuple[str, ...]]
    families: tuple[str, ...]
    """`m/f` where they differ."""
    towns: tuple[str, ...]
    languages: tuple[tuple[str, ...], ...]
    hello: tuple[str, ...]
    bye: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    oh: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the world."""

    name: str
    land: str
    continent: str
    share: float
    """Of the world's adults, per cent."""
    ages: tuple[int, ...]
    """Per cent of its adults in each of `AGE_BANDS`."""
    foods: tuple[str, ...]
    sights: tuple[str, ...]
    strands: tuple[Strand, ...]


AGE_BANDS = ((18, 34), (35, 54), (55, 74), (75, 90))


def table(name: str) -> Any:
    """A file of the folder, parsed; not to be changed."""
    return data(f"{FOLDER}/{name}.yaml")


def bars(text: object) -> tuple[str, ...]:
    """`one | two` as a tuple; lines may break anywhere beside a bar."""
    return tuple(part for one in str(text).split("|") if (part := " ".join(one.split())))


@cache
def careers() -> Mapping[str, Career]:
    """The careers that people have, by name."""
    rows: dict[str, dict[str, str]] = table("careers")
    return {name: _career(name, row) for name, row in rows.items()}


def _career(name: str, row: Mapping[str, str]) -> Career:
    domain, hours, school, least, last, band = row["is"].split()
    return Career(
        name=name, domain=domain, hours=hours, school=school, least=int(least), last=int(last), band=int(band),
        at=bars(row["at"]), people=row["with"], skills=bars(row["skills"]), things=bars(row["things"]),
        tasks=bars(row["tasks"]), knows=bars(row["knows"]),
    )  # fmt: skip


@cache
def regions() -> Mapping[str, Region]:
    """The regions by name, in the order of the file."""
    rows: dict[str, dict[str, Any]] = table("regions")
    return {name: _region(name, row) for name, row in rows.items()}


def _region(name: str, row: Mapping[str, Any]) -> Region:
    return Region(
        name=name, land=row["land"], continent=row["continent"], share=row["share"], ages=tuple(row["ages"]),
        foods=bars(row["foods"]), sights=bars(row["sights"]),
        strands=tuple(_strand(name, people, one) for people, one in row["strands"].items()),
    )  # fmt: skip


def _strand(region: str, name: str, row: Mapping[str, str]) -> Strand:
    return Strand(
        region=region, name=name, women=_generations(row["women"]), men=_generations(row["men"]),
        families=tuple(row["families"].split()), towns=bars(row["towns"]),
        languages=tuple(tuple(one.split("+")) for one in bars(row["languages"])),
        hello=bars(row["hello"]), bye=bars(row["bye"]), yes=bars(row["yes"]), no=bars(row["no"]), oh=bars(row["oh"]),
    )  # fmt: skip


def _generations(names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    old, _, young = names.partition("|")
    return tuple(old.split()), tuple(young.split())


@cache
def countries() -> Mapping[str, str]:
    """Town -> the country it lies in."""
    rows: dict[str, str] = table("countries")
    return {town: country for country, towns in rows.items() for town in bars(towns)}


@cache
def opposites() -> frozenset[frozenset[str]]:
    """Pairs of traits that nobody has both of."""
    rows: list[str] = table("traits")["opposites"]
    pairs: set[frozenset[str]] = set()
    for row in rows:
        ones, _, others = row.partition(" / ")
        pairs |= {frozenset({one, other}) for one in bars(ones) for other in bars(others)}
    return frozenset(pairs)


@cache
def opposed() -> Mapping[str, frozenset[str]]:
    """Trait -> the traits that exclude it."""
    found: dict[str, set[str]] = {}
    for pair in opposites():
        for trait in pair:
            found.setdefault(trait, set()).update(pair - {trait})
    return {trait: frozenset(others) for trait, others in found.items()}


@cache
def pronouns() -> Mapping[str, tuple[str, ...]]:
    """Gender -> the pronouns that it may go with; any where it is not there."""
    return {gender: bars(words) for gender, words in table("shares")["pronouns"].items()}


@cache
def phases() -> Mapping[str, tuple[int, int]]:
    """Aspiration -> the ages of life that it fits."""
    rows: dict[str, dict[str, Any]] = table("aspirations")
    return {name: (row["ages"][0], row["ages"][1]) for name, row in rows.items()}
