"""Life: the facts of somebody's life that the texts are made of, drawn once so that no two of them contradict.

life = live(aspects, rng, taken)
life.slots["child"], life.slots["child_age"]      # "Ana", "twelve"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from simworld.forge.numerals import article, number
from simworld.forge.population import Aspects
from simworld.forge.tables import RETIRES, bars, careers, table

PARENT = (19, 41)
"""Ages at which children are born to those who have any."""
YOUNG_HOME = 24
"""Up to this age the unmarried may live with or near their parents."""


@dataclass(frozen=True, slots=True)
class Life:
    """What is true of somebody beyond the plan."""

    standing: str
    """single, couple, married, divorced or widowed."""
    home: str
    """own, rent or room."""
    children: tuple[int, ...]
    """Their ages, the eldest first."""
    years: int
    """At the work, whole years."""
    hobbies: tuple[str, ...]
    """Gerunds."""
    slots: Mapping[str, str]
    """What frames are filled with: name of the slot -> words."""


def live(aspects: Aspects, rng: Random, standing: str = "", hobbies: Mapping[str, int] | None = None) -> Life:
    """Draw the life of one person. `hobbies`: how often each hobby was given before; the least used are taken."""
    standing = standing or _by_age("standing", aspects.age, rng)
    children = _children(aspects.age, standing, rng)
    home = _drawn(table("shares")["home"][aspects.career.band], rng)
    if home == "room" and (children or standing in ("married", "widowed")):
        home = "rent"
    years = _years(aspects, rng)
    liked = _hobbies(hobbies or {}, rng)
    people = _people(aspects, standing, rng)
    slots = {
        **_work(aspects, years, rng), **people, **_small(aspects, rng),
        **_offspring(aspects, children, " ".join(people.values()).split(), rng),
        "hobby": liked[0][0], "hobby_like": liked[0][1], "hobby2_like": liked[1][1],
    }  # fmt: skip
    return Life(standing, home, children, years, tuple(one for one, _ in liked), slots)


def _drawn(shares: Mapping[Any, float], rng: Random) -> Any:
    return rng.choices(list(shares), list(shares.values()))[0]


def _by_age(what: str, age: int, rng: Random) -> Any:
    rows: dict[str, Mapping[Any, float]] = table("shares")[what]
    for span, shares in rows.items():
        low, high = map(int, span.split("-"))
        if low <= age <= high:
            return _drawn(shares, rng)
    return _drawn(next(iter(rows.values())), rng)


def _children(age: int, standing: str, rng: Random) -> tuple[int, ...]:
    count = int(_by_age("children", max(age, 18), rng))
    if (standing == "single" and rng.random() > 0.1) or age < 20:
        return ()
    born = sorted(rng.randint(PARENT[0], max(PARENT[0], min(PARENT[1], age - 1))) for _ in range(count))
    return tuple(dict.fromkeys(age - at for at in born if age > at))


def _years(aspects: Aspects, rng: Random) -> int:
    """Years at the work: from some age near the career's least to now, or to the end of work."""
    career = aspects.career
    end = min(aspects.age, career.last) if aspects.retired else aspects.age
    least = max(career.least, 16)
    begun = rng.randint(least, max(least, min(end, least + 3 + max(0, end - least) // 3)))
    return max(0, end - begun)


def _work(aspects: Aspects, years: int, rng: Random) -> dict[str, str]:
    career = aspects.career
    things, tasks, knows = (rng.sample(part, len(part)) for part in (career.things, career.tasks, career.knows))
    at = rng.sample(career.at, len(career.at))
    standing_at = [one for one in at if one.split(" ", 1)[0] in _PLACES]
    started = min(aspects.age, career.last) - years
    found = {
        "career": career.name, "a_career": article(career.name), "people": career.people, "at": at[0],
        **({"place": standing_at[0]} if standing_at else {}), "years": number(years),
        "started": number(max(started, 15)), "age": number(aspects.age),
        "at2": rng.choice([one for row in ("waiter", "barista", "warehouse worker") for one in careers()[row].at]),
    }  # fmt: skip
    for name, words in (("thing", things), ("task", tasks), ("know", knows)):
        found.update({f"{name}{at + 1 if at else ''}": one for at, one in enumerate(words)})
    return found


_PLACES = frozenset({"in", "at", "on", "behind", "among", "down"})
"""How a place begins that one may be said to be."""


def _people(aspects: Aspects, standing: str, rng: Random) -> dict[str, str]:
    """Kin, friends and neighbours, with names of the person's own people, all different."""
    strand, young = aspects.strand, aspects.age <= 45
    free_w, free_m = (
        [name for own in (young, not young) for name in rng.sample(side[own], len(side[own])) if name != aspects.first]
        for side in (strand.women, strand.men)
    )
    side = {"woman": free_m, "man": free_w}.get(aspects.gender, rng.choice([free_w, free_m]))
    if rng.random() * 100 < table("shares")["same_gender"]:
        side = free_w if side is free_m else free_m
    sister = rng.random() < 0.5
    kin_name = (free_w if sister else free_m).pop(0)
    kin = f"{'sister' if sister else 'brother'} {kin_name}"
    trades = [name for name, row in careers().items() if row.last >= RETIRES and name != aspects.career.name]
    friend_trade, partner_trade = rng.sample(trades, 2)
    others = [name for name in strand.families if not {*name.split("/")} & {*aspects.name.split(" ")}]
    families = rng.sample(others, min(2, len(others)))
    found = {
        "kin": kin, "kin_short": f"my {kin}", "sibling": f"my {kin}",
        "friend": (free_w if rng.random() < 0.5 else free_m).pop(0), "friend_a": article(friend_trade),
        "neighbour": f"{'Mrs' if rng.random() < 0.5 else 'Mr'} {families[0].split('/')[0]}",
        "oldhand": f"old {families[-1].split('/')[0].replace('-', ' ')}",
    }  # fmt: skip
    if "Mrs" in found["neighbour"]:
        found["neighbour"] = f"Mrs {families[0].split('/')[-1]}"
    found["neighbour"] = found["neighbour"].replace("Van-", "Van ").replace("Le-", "Le ")
    if standing != "single":
        longest = max(1, aspects.age - 20 - (3 if standing == "widowed" else 0))
        together = rng.randint(min(1 + longest // 3, longest), longest)
        if standing == "couple":
            together = min(together, rng.randint(1, 12))
        found |= {
            "partner": side.pop(0), "together": number(max(together, 2)), "partner_trade": partner_trade,
            "partner_a": article(partner_trade),
        }  # fmt: skip
        if aspects.age < 22:
            found["together"] = "two"
    return found


def _offspring(aspects: Aspects, children: tuple[int, ...], taken: Sequence[str], rng: Random) -> dict[str, str]:
    if not children:
        return {}
    strand = aspects.strand
    girl = rng.random() < 0.5
    old, young = strand.women if girl else strand.men
    pool = [name for name in (*young, *old) if name not in taken and name != aspects.first][: max(3, len(young))]
    if not pool:
        return {}
    names = rng.sample(pool, min(2, len(pool)))
    eldest = children[0]
    trades = [name for name, row in careers().items() if row.least <= max(eldest, 18)]
    found = {
        "child": names[0], "child_kind": "daughter" if girl else "son",
        "child_age": number(eldest), "child_s": "s" * (eldest > 1), "child_trade": article(rng.choice(trades)),
    }  # fmt: skip
    if len(children) > 1 and len(names) > 1:
        found["child2"] = names[1]
    if eldest >= 24 and aspects.age >= 45 and rng.random() < min(0.9, (eldest - 20) / 25):
        found["grand"] = number(rng.randint(2, 7))
    return found


def _small(aspects: Aspects, rng: Random) -> dict[str, str]:
    """A town, a food, a thing on a shelf: what makes a life somebody's."""
    lists: dict[str, str] = table("things")
    picked = {name: rng.choice(bars(words)) for name, words in lists.items()}
    foods, sights = rng.sample(aspects.region.foods, 2), rng.choice(aspects.region.sights)
    elsewhere = [town for town in aspects.strand.towns if town != aspects.town]
    return {
        **picked, "town": aspects.town, "land": aspects.region.land, "food": foods[0], "food2": foods[1],
        "sight": sights, "othertown": rng.choice(elsewhere) if elsewhere else "the capital",
        "obj": f"the {picked['object'].split(' ', 1)[1]}",
        "first": aspects.first,
    }  # fmt: skip


def _hobbies(used: Mapping[str, int], rng: Random) -> list[tuple[str, str]]:
    rows: list[str] = table("hobbies")
    count = rng.randint(2, 3)
    ordered = sorted(rows, key=lambda row: (used.get(bars(row)[0], 0), rng.random()))
    return [(bars(row)[0], bars(row)[1]) for row in ordered[: max(2, count)]]
