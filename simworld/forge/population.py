"""The coverage plan: who is to be made, before a word of them is written.

    drawn = Plan(order, given_of(order)).take()
    drawn[0].age, drawn[0].career, drawn[0].name

Balanced dimensions are spread by quota: ages at even steps from the least to the greatest, regions and careers in turn,
genders by their stated shares with the largest remainders. What is not balanced is drawn by the stated shares
(`templates/forge/people/shares.yaml`, `regions.yaml`). Traits, aspirations and names are those used least so far.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from simworld.errors import UsageError
from simworld.forge.given import Given
from simworld.forge.order import PeopleOrder
from simworld.forge.tables import (
    AGE_BANDS,
    Career,
    Region,
    Strand,
    bars,
    careers,
    opposed,
    phases,
    pronouns,
    regions,
    table,
)  # fmt: skip
from simworld.prompts import words

ADULTS = (18, 90)
"""Ages that are drawn where none is given."""
TRAITS = (4, 5)
SKILLS = 4
YOUNG = 45
"""Up to this age given names are those of the young."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aspects:
    """What the plan says of one person."""

    number: int
    id: str
    name: str
    first: str
    age: int
    gender: str
    pronouns: str
    career: Career
    retired: bool
    region: Region
    strand: Strand
    town: str
    languages: tuple[str, ...]
    traits: tuple[str, ...]
    aspiration: str
    skills: tuple[str, ...]

    def told(self) -> str:
        """Who it is to be, in a line."""
        return f"{self.name}, {self.age}, {self.gender}, {self.career.name}, from {self.town}"


class Plan:
    """Draws an order's people, one after the other; keeps count of what was used."""

    def __init__(self, order: PeopleOrder, given: Given, taken: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self._order, self._given = order, given
        fixed = (given.careers, given.aspirations, given.traits, given.skills, given.ages, given.gender, given.town)
        self._about = repr(fixed) if any(fixed) else ""
        self._ids = set(taken)
        self._used: dict[str, Counter[str]] = {
            kind: Counter() for kind in ("career", "first", "family", "trait", "aspiration", "skill", "town", "name")
        }
        for name in names:
            first, _, family = name.rpartition(" ")
            self._used["name"][name] += 1
            self._used["first"][first] += 1
            self._used["family"][family] += 1

    def take(self) -> list[Aspects]:
        """Everybody of the order, in its order. Raises UsageError where nobody can be as given."""
        regions_, genders, ages = self._regions(), self._genders(), self._ages()
        allotted = self._careers(ages)
        return [
            self._one(number, ages[number], genders[number], regions_[number], allotted[number])
            for number in range(self._order.n)
        ]

    def _rng(self, *parts: object) -> Random:
        return Random("|".join(map(str, (self._order.seed, self._about, *parts))))

    def _ages(self) -> list[int]:
        given, n = self._given, self._order.n
        low, high = given.ages or ADULTS
        if not given.ages and given.careers:
            allowed = [self._row(name) for name in given.careers]
            low = max(low, min(career.least for career in allowed))
            if all(career.last < 50 for career in allowed):
                high = max(low, min(high, max(career.last for career in allowed)))
        if n == 1 or "age" not in self._order.balance:
            return [self._age_by_share(number, low, high) for number in range(n)]
        ages = [low + round((high - low) * at / (n - 1)) for at in range(n)]
        self._rng("ages").shuffle(ages)
        return ages

    def _age_by_share(self, number: int, low: int, high: int) -> int:
        """By the age pyramid of the person's region; of the world's where the region is not drawn yet."""
        rng = self._rng("age", number)
        shares = [sum(one.share * one.ages[band] for one in regions().values()) for band in range(len(AGE_BANDS))]
        inside = [
            (max(low, first), min(high, last), share)
            for (first, last), share in zip(AGE_BANDS, shares, strict=True)
            if first <= high and last >= low
        ]
        if not inside:
            return rng.randint(low, high)
        first, last, _ = rng.choices(inside, [share for *_, share in inside])[0]
        return rng.randint(first, last)

    def _genders(self) -> list[str]:
        n, given = self._order.n, self._given
        if given.gender:
            return [given.gender] * n
        shares: dict[str, float] = table("shares")["genders"]
        if n == 1 or "gender" not in self._order.balance:
            return [self._rng("gender", at).choices(list(shares), list(shares.values()))[0] for at in range(n)]
        found = [gender for gender, count in apportioned(shares, n).items() for _ in range(count)]
        self._rng("genders").shuffle(found)
        return found

    def _regions(self) -> list[Region]:
        n, every = self._order.n, list(regions().values())
        if self._given.region:
            return [regions()[self._given.region]] * n
        if n == 1 or "region" not in self._order.balance:
            weights = [one.share for one in every]
            return [self._rng("region", at).choices(every, weights)[0] for at in range(n)]
        rng, found = self._rng("regions"), list[Region]()
        while len(found) < n:
            found += rng.sample(every, len(every))
        return found[:n]

    def _careers(self, ages: Sequence[int]) -> list[Career]:
        """The least used career that fits each age; those with the fewest to choose from are served first."""
        names = self._given.careers or tuple(name for name in careers() if name in words("careers"))
        rows = [self._row(name) for name in names]
        used, found = self._used["career"], dict[int, Career]()
        fits = {age: [row for row in rows if row.fits(age)] for age in sorted(set(ages))}
        for number in sorted(range(len(ages)), key=lambda at: (len(fits[ages[at]]), at)):
            allowed = fits[ages[number]]
            if not allowed:
                if not self._order.force:
                    raise UsageError(no_career(names, ages[number]))
                allowed = rows
            rng = self._rng("career", number)
            if "career" in self._order.balance:
                row = least_used(allowed, used, rng, lambda one: one.name)
            else:
                row = rng.choice(allowed)
            used[row.name] += 1
            found[number] = row
        return [found[number] for number in range(len(ages))]

    def _row(self, name: str) -> Career:
        return careers()[name]

    def _one(self, number: int, age: int, gender: str, region: Region, career: Career) -> Aspects:
        rng, given = self._rng("person", number), self._given
        strand = self._strand(region, rng)
        town = given.town or self._least(strand.towns, "town", rng)
        first, family = self._name(strand, age, gender, rng)
        name = given.name if given.name and self._order.n == 1 else f"{first} {family}"
        self._used["name"][name] += 1
        traits = self._traits(rng)
        return Aspects(
            number=number, id=self._id(name), name=name, first=name.split(" ")[0], age=age, gender=gender,
            pronouns=given.pronouns or self._pronouns(gender, rng), career=career,
            retired=given.retired or (age > career.last and age >= 45), region=region, strand=strand, town=town,
            languages=rng.choice(strand.languages), traits=traits, aspiration=self._aspiration(number, age, rng),
            skills=self._skills(career, rng),
        )  # fmt: skip

    def _strand(self, region: Region, rng: Random) -> Strand:
        """A people of the region, by how many family names it has there; the given town's own where one is given."""
        at_home = [one for one in region.strands if self._given.town in one.towns]
        if at_home:
            return at_home[0]
        return rng.choices(region.strands, [len(one.families) for one in region.strands])[0]

    def _name(self, strand: Strand, age: int, gender: str, rng: Random) -> tuple[str, str]:
        """A given and a family name not used yet; of the least used."""
        side = {"woman": [strand.women], "man": [strand.men]}.get(gender, [strand.women, strand.men])
        young = age <= YOUNG
        firsts = [name for names in side for name in (names[young] or names[not young])]
        rest = [name for names in side for name in names[not young]]
        ending = 1 if gender == "woman" or (gender != "man" and rng.random() < 0.5) else 0
        families = [name.split("/")[min(ending, name.count("/"))] for name in strand.families]
        for pool in (firsts, [*firsts, *rest], [f"{one} {two}" for one in firsts for two in rest or firsts]):
            pairs = [(one, two) for one in pool for two in families if not self._used["name"][f"{one} {two}"]]
            if pairs:
                one, two = min(
                    pairs,
                    key=lambda pair: (self._used["first"][pair[0]] + self._used["family"][pair[1]], rng.random()),
                )
                if pool is firsts and self._used["first"][one] > 1 and rest:
                    continue
                break
        else:
            raise UsageError(f"no name is left for {self._order.n} personas from {strand.region}; order fewer of them")
        self._used["first"][one] += 1
        self._used["family"][two] += 1
        return one.replace("-", " ") if one[0].islower() else one, two.replace("Van-", "Van ").replace("Le-", "Le ")

    def _pronouns(self, gender: str, rng: Random) -> str:
        allowed = pronouns().get(gender, ("they/them",))
        return allowed[0] if rng.random() < 0.9 else rng.choice(allowed)

    def _traits(self, rng: Random) -> tuple[str, ...]:
        found = list(self._given.traits)
        wanted = max(rng.randint(*TRAITS), len(found))
        while len(found) < wanted:
            barred = {other for trait in found for other in opposed().get(trait, ())}
            allowed = [one for one in words("traits") if one not in found and one not in barred]
            found.append(self._least(allowed, "trait", rng))
        return tuple(found)

    def _aspiration(self, number: int, age: int, rng: Random) -> str:
        if self._given.aspirations:
            return self._given.aspirations[number % len(self._given.aspirations)]
        allowed = [name for name, (low, high) in phases().items() if low <= age <= high]
        return self._least(allowed or list(phases()), "aspiration", rng)

    def _skills(self, career: Career, rng: Random) -> tuple[str, ...]:
        own = [*self._given.skills, *career.skills[:2]]
        found = list(dict.fromkeys(own))
        while len(found) < SKILLS:
            found.append(self._least([one for one in spare_skills() if one not in found], "skill", rng))
        return tuple(found)

    def _least(self, allowed: Sequence[str], kind: str, rng: Random) -> str:
        found = least_used(allowed, self._used[kind], rng, lambda one: one)
        self._used[kind][found] += 1
        return found

    def _id(self, name: str) -> str:
        id = identifier(name)
        number = 2
        while id in self._ids:
            id = f"{identifier(name)[:60]}_{number}"
            number += 1
        self._ids.add(id)
        return id


def spare_skills() -> tuple[str, ...]:
    """Skills that anybody may have beside their work's."""
    return bars(table("shares")["spare_skills"])


def no_career(names: Sequence[str], age: int) -> str:
    """Why nobody of this age can have any of these careers."""
    told = ", ".join(f"{name} ({careers()[name].least} to {careers()[name].last} at work)" for name in names[:5])
    return (
        f"nobody of {age} has one of these careers: {told}{', ...' if len(names) > 5 else ''}; give another age or "
        "career, or --force to make it all the same"
    )


def apportioned(shares: Mapping[str, float], n: int) -> dict[str, int]:
    """n things by shares: the whole parts, then the largest remainders."""
    total = sum(shares.values())
    exact = {name: n * share / total for name, share in shares.items()}
    found = {name: int(part) for name, part in exact.items()}
    rest = sorted(exact, key=lambda name: -(exact[name] - found[name]))
    for name in rest[: n - sum(found.values())]:
        found[name] += 1
    return found


def least_used(allowed: Sequence[T], used: Mapping[str, int], rng: Random, key: Callable[[T], str]) -> T:
    """One of those used least, by chance."""
    fewest = min(used.get(key(one), 0) for one in allowed)
    return rng.choice([one for one in allowed if used.get(key(one), 0) == fewest])


def identifier(name: str) -> str:
    """A name as an id: `Zsófia Bálint` -> `zsofia_balint`."""
    spelt = name.translate(str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "ß": "ss", "æ": "ae", "Ø": "O"}))
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:60] or "persona"
