"""PeopleOrder: who is wanted. PeopleReport: what came of it.

PeopleOrder(n=12, career=("baker",), sets={"age": "60-75"})
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simworld.schema.record import Record

Dimension = Literal["age", "gender", "career", "region"]
DIMENSIONS: tuple[Dimension, ...] = ("age", "gender", "career", "region")


class PeopleOrder(Record, frozen=True):
    """A population that is wanted; what is not said is drawn by the plan."""

    n: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Personas."""
    seed: int = 0
    """One seed, one population."""
    career: tuple[str, ...] = ()
    """From the vocabulary; several take turns."""
    aspiration: tuple[str, ...] = ()
    """From the vocabulary; several take turns."""
    traits: tuple[str, ...] = ()
    """Everybody has these; others are drawn beside them."""
    skills: tuple[str, ...] = ()
    """Everybody has these."""
    sets: dict[str, str] = {}
    """Field -> value as written: `age: "67"`, `age: "60-75"`, `voice.tone: "dry, low"`."""
    describe: str = ""
    """A line about whom to make: 'a retired tram driver of 67 from Lisbon, stubborn and kind'."""
    profile: str = ""
    """A finished profile ('You are ...') whose facts are kept."""
    balance: tuple[Dimension, ...] = DIMENSIONS
    """What is spread by quota; the rest is drawn by the stated shares."""
    alike: Annotated[float, Field(gt=0, le=1)] = 0.3
    """How alike (0..1) a new persona may be to another one before it is drawn again."""
    force: bool = False
    """Make what was given even where it contradicts itself; each contradiction is told."""


class Missed(Record, frozen=True):
    """A persona that was ordered and not made."""

    number: int
    """Its place in the order, from 1."""
    about: str
    """Who it was to be."""
    faults: dict[str, str]
    """Field -> what stayed wrong; '' for the whole."""


class PeopleReport(Record, frozen=True):
    """What was made of an order."""

    wanted: int
    made: int
    redrawn: int = 0
    """Drafts thrown away because they were too much like another persona."""
    mended: dict[str, int] = {}
    """Kind of contradiction -> drafts that had it and were made anew."""
    repaired: dict[str, int] = {}
    """Field -> how often a model was asked again for it."""
    told: tuple[str, ...] = ()
    """What the user should know: contradictions made by consent, words of a description that said nothing."""
    missed: tuple[Missed, ...] = ()
    nearest: tuple[float, ...] = ()
    """For each persona how alike its nearest other is, 0..1, in ascending order."""
    ages: dict[str, int] = {}
    """Decade of life, such as `20-29` -> personas."""
    careers: dict[str, int] = {}
    regions: dict[str, int] = {}
    genders: dict[str, int] = {}

    def facts(self) -> dict[str, object]:
        """The report as JSON values."""
        return self.model_dump(mode="json")

    def lines(self) -> list[str]:
        """The report for a reader."""
        lines = [f"{self.made} of {self.wanted} personas"]
        if self.ages:
            lines.append(f"ages: {_counts(self.ages)}")
            most = max(self.careers.values(), default=0)
            lines.append(f"careers: {len(self.careers)}, none more than {most} times")
            lines.append(f"genders: {_counts(self.genders)}; regions: {len(self.regions)}")
        if len(self.nearest) > 1:
            middle = self.nearest[len(self.nearest) // 2]
            lines.append(
                f"likeness to the nearest other: median {middle:.2f}, largest {self.nearest[-1]:.2f}; "
                f"{self.redrawn} drawn again for being too like another"
            )
        if self.mended:
            lines.append(f"contradictions mended while drafting: {_counts(self.mended)}")
        if self.repaired:
            lines.append(f"asked again: {_counts(self.repaired)}")
        lines += self.told
        for miss in self.missed:
            faults = "; ".join(f"{field}: {fault}" if field else fault for field, fault in miss.faults.items())
            lines.append(f"not made: number {miss.number} ({miss.about}): {faults}")
        return lines


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
