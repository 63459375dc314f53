"""What a preparation did: a row for each step, counts of what was skipped, dropped and kept.

tally = Tally(recipe.steps)
tally.passed("html", case, [changed])
tally.lost("language", case, "language_de")
for line in report.lines(): print(line)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simworld.corpus.imports.report import SHOWN, Anomalies
from simworld.usersim.prepare.case import Case
from simworld.usersim.prepare.recipe import STEPS, Recipe


@dataclass(slots=True)
class StepCount:
    """What one step saw and left."""

    name: str
    before: int = 0
    humans_before: int = 0
    after: int = 0
    humans_after: int = 0
    changed: int = 0
    """Conversations whose text it changed, or that it cut or split."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    places: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "step": self.name, "conversations_before": self.before, "conversations_after": self.after,
            "human_turns_before": self.humans_before, "human_turns_after": self.humans_after, "changed": self.changed,
            "dropped": dict(sorted(self.reasons.items())), "places": dict(sorted(self.places.items())),
        }  # fmt: skip


class Tally:
    """Counts what goes into each step and what comes out of it."""

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = {name: StepCount(name) for name in steps}

    def passed(self, step: str, case: Case, made: Sequence[Case]) -> None:
        """A case went through: as it was, changed, cut or split."""
        count = self._seen(step, case)
        count.after += len(made)
        count.humans_after += sum(one.humans for one in made)
        count.changed += len(made) != 1 or made[0] is not case

    def lost(self, step: str, case: Case, reason: str) -> None:
        """A case was dropped."""
        count = self._seen(step, case)
        count.reasons[reason] += 1
        places = count.places.setdefault(reason, [])
        if len(places) < SHOWN:
            places.append(case.where)

    def _seen(self, step: str, case: Case) -> StepCount:
        count = self.steps[step]
        count.before += 1
        count.humans_before += case.humans
        return count


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """What a preparation made."""

    out: Path
    recipe: Recipe
    read: int
    """Conversations read."""
    steps: tuple[StepCount, ...]
    skipped: Anomalies
    kept: dict[str, int]
    """Counts of what is in the corpus: conversations, human turns, and of which kinds they are."""
    sources: dict[str, dict[str, int]]
    """Source -> conversations and human turns kept, ends known."""
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As plain data; it stands in the corpus's manifest too."""
        return {
            "out": str(self.out), "recipe": self.recipe.model_dump(mode="json"), "read": self.read,
            "skipped": dict(sorted(self.skipped.counts.items())),
            "skipped_places": dict(sorted(self.skipped.places.items())),
            "steps": [step.facts() for step in self.steps], "kept": self.kept, "sources": self.sources,
            "notes": list(self.notes),
        }  # fmt: skip

    def rows(self) -> list[tuple[str, ...]]:
        """The table: step, what it does, conversations and human turns before and after, why some went."""
        rows: list[tuple[str, ...]] = []
        for step in self.steps:
            why = ", ".join(f"{reason} {count}" for reason, count in _most(step.reasons))
            changed = f"{step.changed} changed" if step.changed else ""
            rows.append(
                (step.name, STEPS[step.name], f"{step.before} -> {step.after}",
                 f"{step.humans_before} -> {step.humans_after}", "; ".join(part for part in (why, changed) if part))
            )  # fmt: skip
        return rows

    def lines(self) -> list[str]:
        """What stands below the table."""
        kept = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.kept.items())
        skipped = self.skipped.lines()
        return [*(["skipped or odd in the sources:", *skipped] if skipped else []), *self.notes, f"{self.out}: {kept}"]


def _most(reasons: Counter[str]) -> list[tuple[str, int]]:
    """The reasons by how often, the rare ones together."""
    ranked = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    rest = sum(count for _, count in ranked[6:])
    return [*ranked[:6], *([("other", rest)] if rest else [])]
