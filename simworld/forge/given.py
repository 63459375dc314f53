"""What an order fixes: its options, its sets, its description and its profile brought together.

    given = given_of(PeopleOrder(career=("baker",), describe="a widow of 70 from Bari"))
    given.careers, given.ages, given.strand

Options and sets win over the profile, the profile over the description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simworld.errors import UsageError
from simworld.forge.describe import Described, read_description
from simworld.forge.numerals import article
from simworld.forge.order import PeopleOrder
from simworld.forge.profile import ProfileRead, read_profile
from simworld.forge.reading import place_in, standing_in
from simworld.forge.sets import in_vocabulary, read_sets
from simworld.forge.tables import careers, opposites, phases

MOST = 12
"""Words of one kind."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is fixed; the plan draws the rest."""

    careers: tuple[str, ...] = ()
    aspirations: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None
    gender: str = ""
    pronouns: str = ""
    region: str = ""
    town: str = ""
    name: str = ""
    retired: bool = False
    standing: str = ""
    """single, couple, married, divorced or widowed."""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields of the persona that are written as given."""
    told: tuple[str, ...] = ()


def given_of(order: PeopleOrder) -> Given:
    """What an order fixes. Raises UsageError for words that are not allowed, or that contradict each other."""
    fields, ages = read_sets(order.sets)
    profile = read_profile(order.profile) if order.profile else ProfileRead()
    line = read_description(order.describe) if order.describe else Described()
    if order.n > 1 and (named := {"id", "name"} & {*fields}):
        raise UsageError(f"--set {min(named)}: {order.n} personas cannot share it; leave it out, or order one")
    read = dict(profile.fields)
    region, town = place_in(fields.get("origin", ""))
    family = f"{fields.get('family', '')} {read.get('family', '')}"
    named_career = fields.get("career") or order.career or _one(read.get("career")) or _one(line.career)
    told_in_profile = dict.fromkeys(_TOLD, "") if order.profile else {}
    kept = {key: value for key, value in {**told_in_profile, **read, **fields}.items() if key not in _DRAWN}
    aspirations = _one(fields.get("aspiration")) or order.aspiration or _one(read.get("aspiration"))
    given = Given(
        careers=_spelt("careers", (named_career,) if isinstance(named_career, str) else named_career),
        aspirations=_spelt("aspirations", aspirations),
        traits=_spelt("traits", (*order.traits, *fields.get("traits", ()), *read.get("traits", ()), *line.traits)),
        skills=_spelt("skills", (*order.skills, *fields.get("skills", ()), *read.get("skills", ()), *line.skills)),
        ages=ages or _age(read.get("age")) or line.ages,
        gender=fields.get("gender") or read.get("gender") or line.gender,
        pronouns=fields.get("pronouns") or read.get("pronouns") or "",
        region=region or line.region, town=town or line.town,
        name=fields.get("name") or read.get("name") or line.name,
        retired=line.retired, standing=standing_in(family) or line.standing, fields=kept,
        told=(*profile.told, *line.told),
    )  # fmt: skip
    if not order.force:
        _refuse(given)
    return given


_DRAWN = frozenset({"career", "aspiration", "traits", "skills", "age", "gender", "pronouns"})


_TOLD = ("family", "social", "living", "secret")
"""What a finished profile tells itself, or nobody does: where it cannot be read the field stays empty."""


def _spelt(kind: str, found: Iterable[str]) -> tuple[str, ...]:
    """Words in the vocabulary's spelling, each once, as many as a persona may have."""
    return tuple(dict.fromkeys(in_vocabulary(kind, one) for one in found))[:MOST]


def _one(value: Any) -> tuple[str, ...]:
    return (value,) if value else ()


def _age(value: Any) -> tuple[int, int] | None:
    return (value, value) if isinstance(value, int) else None


def _refuse(given: Given) -> None:
    """Refuse what can be said of nobody."""
    pairs = sorted(tuple(sorted(pair)) for pair in opposites() if pair <= {*given.traits})
    if pairs:
        one, other = pairs[0]
        raise UsageError(f"nobody is both {one} and {other}; leave one out, or --force to make it all the same")
    unknown_rows = [name for name in given.careers if name not in careers()]
    if unknown_rows and unknown_rows[0] == "assistant":
        raise UsageError("assistant is a program's career and is not forged; write such a persona by hand")
    if given.ages:
        low, high = given.ages
        for name in given.careers:
            row = careers()[name]
            if not any(row.fits(age) for age in range(low, high + 1)):
                span = str(low) if low == high else f"{low} to {high}"
                why = f"one has it from {row.least}" + ("" if row.last >= 50 else f" to {row.last}")
                raise UsageError(
                    f"nobody of {span} is {article(name)}: {why}; give another age, or --force to make it all the same"
                )
        for name in given.aspirations:
            least, most = phases()[name]
            if high < least or low > most:
                raise UsageError(
                    f"'{name}' is an aspiration from {least} to {most}, not at {low}; give another, or --force"
                )
