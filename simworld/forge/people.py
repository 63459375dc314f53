"""forge_people: an order for personas -> a population of them, and a report.

people = asyncio.run(forge_people(PeopleOrder(n=12, seed=3)))
people.personas[0].name
print(*people.report.lines(), sep="\\n")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from pydantic import ValidationError

from simworld.backends.asking import Asking
from simworld.errors import UsageError
from simworld.forge.by_model import Asked, ask_persona
from simworld.forge.composer import Composer
from simworld.forge.contradictions import Contradiction, found_in
from simworld.forge.given import Given, given_of
from simworld.forge.likeness import Crowd
from simworld.forge.order import DIMENSIONS, Missed, PeopleOrder, PeopleReport
from simworld.forge.population import Aspects, Plan
from simworld.forge.tables import countries, regions
from simworld.schema import Persona

__all__ = ["People", "PeopleOrder", "PeopleReport", "forge_people"]

DRAFTS = 6
"""Drafts of one persona at most; of those that are sound the one least like another is kept."""


@dataclass(frozen=True, slots=True)
class People:
    """A population and how it came about."""

    personas: tuple[Persona, ...]
    report: PeopleReport


@dataclass(slots=True)
class _Tally:
    redrawn: int = 0
    mended: Counter[str] = field(default_factory=Counter[str])
    repaired: Counter[str] = field(default_factory=Counter[str])
    missed: list[Missed] = field(default_factory=list[Missed])
    told: list[str] = field(default_factory=list[str])


async def forge_people(order: PeopleOrder, asking: Asking | None = None, *, taken: Sequence[Persona] = ()) -> People:
    """Make the personas of an order: by a model where `asking` is given, else by the composer.

    `taken`: personas that are there already, whose ids, names and manner are kept clear of. Raises UsageError for what
    cannot be made.
    """
    order = order.model_copy(update={"balance": tuple(one for one in DIMENSIONS if one in order.balance)})
    given = given_of(order)
    drawn = Plan(order, given, [one.id for one in taken], [one.name for one in taken]).take()
    tally, crowd = _Tally(told=list(given.told)), Crowd()
    for one in taken:
        crowd.add(one)
    if asking is None:
        made = _composed(order, given, drawn, crowd, tally)
    else:
        made = await _asked(order, given, drawn, asking, crowd, tally)
    return People(tuple(made), _report(order, made, crowd, tally))


def _composed(order: PeopleOrder, given: Given, drawn: list[Aspects], crowd: Crowd, tally: _Tally) -> list[Persona]:
    composer, made = Composer(), list[Persona]()
    for aspects in drawn:
        persona = _drafted(order, given, aspects, composer, crowd, tally)
        crowd.add(persona)
        made.append(persona)
    return made


def _drafted(
    order: PeopleOrder, given: Given, aspects: Aspects, composer: Composer, crowd: Crowd, tally: _Tally
) -> Persona:
    """The first draft that is sound and unlike all others; of the sound ones the least alike where none is unlike."""
    best: tuple[float, Persona] | None = None
    wrong: list[Contradiction] = []
    for draft in range(DRAFTS):
        rng = Random(f"{order.seed}|{aspects.told()}|{aspects.number}|{draft}")
        try:
            persona = composer.compose(aspects, rng, given.standing, given.fields)
        except ValidationError as error:
            raise UsageError(f"{aspects.told()}: {error.errors(include_url=False)[0]['msg']}") from None
        wrong = found_in(persona)
        if wrong and not order.force:
            tally.mended.update({one.field for one in wrong})
            continue
        alike, _ = crowd.nearest(persona)
        if best is None or alike < best[0]:
            best = (alike, persona)
        if alike <= order.alike:
            break
        tally.redrawn += 1
    if best is None:
        told = "; ".join(map(str, wrong))
        raise UsageError(f"{aspects.told()}: {told}; change what is given, or --force to make it all the same")
    tally.told += [f"{best[1].id}: made as given, though: {one}" for one in wrong if order.force]
    return best[1]


async def _asked(
    order: PeopleOrder, given: Given, drawn: list[Aspects], asking: Asking, crowd: Crowd, tally: _Tally
) -> list[Persona]:
    """By the model, all at once; those too much like an earlier one are asked for once more."""
    found = await asking.each(drawn, lambda aspects: ask_persona(asking, order, given, aspects))
    made: list[Persona] = []
    for aspects, first in zip(drawn, found, strict=True):
        asked = first
        if asked.persona and crowd.nearest(asked.persona)[0] > order.alike:
            tally.redrawn += 1
            asked = await ask_persona(asking, order, given, aspects, again=crowd.nearest(asked.persona)[1])
        _note(asked, aspects, tally)
        if asked.persona:
            alike, other = crowd.nearest(asked.persona)
            if alike > order.alike:
                tally.told.append(f"{asked.persona.id}: still {alike:.2f} like {other} after it was asked for again")
            crowd.add(asked.persona)
            made.append(asked.persona)
    return made


def _note(asked: Asked, aspects: Aspects, tally: _Tally) -> None:
    tally.repaired.update(asked.repaired)
    if asked.persona is None:
        tally.missed.append(Missed(number=aspects.number + 1, about=aspects.told(), faults=asked.faults))


def _report(order: PeopleOrder, made: list[Persona], crowd: Crowd, tally: _Tally) -> PeopleReport:
    ages = Counter(f"{one.age // 10 * 10}-{one.age // 10 * 10 + 9}" for one in made if one.age is not None)
    nearest = sorted(round(crowd.nearest(one)[0], 3) for one in made) if len(made) > 1 else []
    return PeopleReport(
        wanted=order.n, made=len(made), redrawn=tally.redrawn, mended=dict(sorted(tally.mended.items())),
        repaired=dict(sorted(tally.repaired.items())), told=tuple(tally.told), missed=tuple(tally.missed),
        nearest=tuple(nearest), ages=dict(sorted(ages.items())), careers=_counted(one.career for one in made),
        regions=_counted(_region(one) for one in made), genders=_counted(one.gender for one in made),
    )  # fmt: skip


def _counted(words: Iterable[str]) -> dict[str, int]:
    """Word -> count, the most frequent first, equals by name."""
    return dict(sorted(Counter(word for word in words if word).items(), key=lambda one: (-one[1], one[0])))


def _region(persona: Persona) -> str:
    town = persona.origin.split(",")[0]
    for name, region in regions().items():
        if any(town in strand.towns for strand in region.strands):
            return name
    return countries().get(town, "")
