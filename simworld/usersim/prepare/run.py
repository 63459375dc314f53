"""Prepare: sources -> a corpus that a user simulator learns from.

    report = prepare([parse_source("sharegpt_sample"), parse_source("convai2018:ends=known")], Path("real"))
    print("\n".join(report.lines()))

One conversation is in memory at a time; what passes the steps waits in a file without a name until it is known which
roots are kin, and is written in its order then. The same sources and settings make the same bytes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import orjson

from simworld.backends.asking import open_asking
from simworld.backends.sampling import Sampling
from simworld.corpus.imports.conversations import write_pack
from simworld.corpus.imports.names import Ids, safe
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.write import Target, corpus_into
from simworld.errors import CorpusError, UsageError
from simworld.usersim.prepare.alike import Alike, share, signature_of
from simworld.usersim.prepare.ask import ask_intents
from simworld.usersim.prepare.case import Case
from simworld.usersim.prepare.clean import Clean
from simworld.usersim.prepare.facts import Facts
from simworld.usersim.prepare.intents import extracted
from simworld.usersim.prepare.recipe import Recipe, recipe_of
from simworld.usersim.prepare.report import PrepareReport, Tally
from simworld.usersim.prepare.sources import SKIPPED, Source, read_cases
from simworld.usersim.prepare.transcripts import Writes

EXTRACT, DATA, NONE = "extract", "data", "none"
INTENTS = (EXTRACT, DATA, NONE)
WATCHED = 500
"""Conversations read between two looks at how far it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is made of the conversations that are left."""

    validation: float = 0.1
    """Share of the roots, 0..1, that is held out."""
    conditioned: float | None = None
    """Share of the conversations, 0..1, whose user is told intent and persona, where there are any; default: half of
    them, or none by the recipe `paper`."""
    intents: str = EXTRACT
    """`extract`: the data's, else extracted; `data`: the data's alone; `none`; or a backend, asked where the data have
    none and the conversation is to be conditioned."""
    sampling: Sampling = field(default_factory=Sampling)
    """How that backend is asked."""
    jobs: int = 16
    """Calls to it at once."""
    fields: Facts = field(default_factory=Facts)
    """Names of fields that hold facts, before the usual ones."""

    def __post_init__(self) -> None:
        for option, value in (("--validation", self.validation), ("--conditioned", self.conditioned)):
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{option} {value}: is a share, 0 to 1")
        if self.validation == 1:
            raise UsageError("--validation 1: would leave nothing to learn from; give less")
        if self.intents not in INTENTS and ":" not in self.intents:
            raise UsageError(f"--intents '{self.intents}' is not known; allowed: {', '.join(INTENTS)}, or openai:NAME")


def prepare(
    sources: Sequence[Source],
    out: Path,
    recipe: Recipe | None = None,
    settings: Settings | None = None,
    *,
    watch: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Clean, split, condition and write. Nothing is left behind where it fails.

    `watch` is told now and then how many were read and kept.
    Raises UsageError for what cannot be read or done, CorpusError where `out` is not empty or nothing is left to learn.
    """
    recipe, settings = recipe or recipe_of("repaired"), settings or Settings()
    return _Preparation(sources, out, recipe, settings, watch or _unwatched).run()


class _Preparation:
    def __init__(
        self,
        sources: Sequence[Source],
        out: Path,
        recipe: Recipe,
        settings: Settings,
        watch: Callable[[int, int], None],
    ) -> None:
        self._watch = watch
        self._sources, self._out, self._recipe, self._settings = sources, out, recipe, settings
        default = 0.0 if recipe.name == "paper" else 0.5
        self._conditioned = default if settings.conditioned is None else settings.conditioned
        self._clean = Clean(recipe)
        self._alike = Alike()
        self._skipped = Anomalies(SKIPPED)
        self._tally = Tally(recipe.steps)
        self._kept: Counter[str] = Counter()
        self._by_source: dict[str, Counter[str]] = {}
        self._read = 0
        self._notes: list[str] = []

    def run(self) -> PrepareReport:
        if not self._sources:
            raise UsageError("name at least one source: a file, a folder, or a corpus")
        with corpus_into(self._out, "prepare") as target, tempfile.TemporaryFile(dir=self._out.parent) as waiting:
            for case in self._cases():
                waiting.write(orjson.dumps(case, option=orjson.OPT_APPEND_NEWLINE))
                self._kept["conversations"] += 1
            if not self._kept["conversations"]:
                raise CorpusError(self._nothing_left())
            self._write(target, waiting)
            report = self._report()
            facts = {key: value for key, value in report.facts().items() if key not in ("out", "skipped_places")}
            target.manifest(self._skipped.counts, prepare=facts)
        return report

    def _cases(self) -> Iterator[Case]:
        """What passes all steps, in the sources' order."""
        for source in self._sources:
            for case in read_cases(source, self._skipped, self._settings.fields):
                self._read += 1
                if not self._read % WATCHED:
                    self._watch(self._read, self._kept["conversations"])
                for one in self._clean.through(case, self._tally):
                    if self._is_new(one):
                        yield one

    def _is_new(self, case: Case) -> bool:
        if "exact" in self._recipe.steps:
            if not self._alike.is_new(case):
                self._tally.lost("exact", case, "same_text")
                return False
            self._tally.passed("exact", case, [case])
        drops = "near" in self._recipe.steps
        if not drops and not self._settings.validation:
            return True
        signature = signature_of(case)
        likeness = self._alike.nearest(case, signature)
        if drops and likeness >= self._recipe.near:
            self._tally.lost("near", case, "similar")
            return False
        self._alike.keep(case, signature)
        if drops:
            self._tally.passed("near", case, [case])
        return True

    def _write(self, target: Target, waiting: IO[bytes]) -> None:
        intents = self._asked(waiting) if ":" in self._settings.intents else {}
        write_pack(target)
        writes, ids = Writes(self._recipe.name), Ids()
        for number, case in enumerate(_waiting(waiting)):
            split = "validation" if self._alike.side(case.root) < self._settings.validation else "train"
            intent = self._intent(case) or intents.get(number, "")
            transcript = writes.transcript(
                case, ids.new(safe(case.id)), number, split=split, intent=intent, conditioned=self._is_conditioned(case)
            )
            target.transcript(transcript)
            facts = {
                "human_turns": case.humans, split: 1, "ends_known": case.over, "ends_unknown": not case.over,
                "conditioned": bool(transcript.about["conditioned"]), "with_intent": bool(intent),
                "with_persona": bool(case.persona), "start_in_the_middle": not case.true_start,
            }  # fmt: skip
            own = self._by_source.setdefault(case.data, Counter())
            own.update({"conversations": 1, "human_turns": case.humans, "ends_known": case.over})
            self._kept.update(facts)

    def _is_conditioned(self, case: Case) -> bool:
        return share(f"conditioned/{case.root}") < self._conditioned

    def _intent(self, case: Case) -> str:
        if self._settings.intents == NONE:
            return ""
        return case.intent or (extracted(case) if self._settings.intents == EXTRACT else "")

    def _asked(self, waiting: IO[bytes]) -> dict[int, str]:
        """Ask for the intents of those that will be told one."""
        kept = self._out.with_name(f"{self._out.name}.intents.jsonl")
        asking = open_asking(self._settings.intents, self._settings.sampling, kept, jobs=self._settings.jobs)
        wanted = (
            (number, case)
            for number, case in enumerate(_waiting(waiting))
            if not case.intent and self._is_conditioned(case)
        )
        found = asyncio.run(ask_intents(asking, wanted))
        self._notes.append(f"intents: {len(found)} from {asking.spec} ({asking.asked} calls, the others from {kept})")
        if asking.failed:
            fault = f", the first: {asking.first_fault}" if asking.first_fault else ""
            self._notes.append(f"intents: {asking.failed} could not be had; those are not conditioned on one{fault}")
        return found

    def _report(self) -> PrepareReport:
        kept = {name: count for name, count in self._kept.items() if count}
        sources = {name: dict(counts) for name, counts in self._by_source.items()}
        steps = tuple(self._tally.steps.values())
        if self._settings.validation and not kept.get("validation"):
            self._notes.append("no conversation fell into validation: there are too few roots for this share")
        return PrepareReport(
            self._out, self._recipe, self._read, steps, self._skipped, kept, sources, tuple(self._notes)
        )

    def _nothing_left(self) -> str:
        worst = max(self._tally.steps.values(), key=lambda step: step.before - step.after, default=None)
        went = f"; most went in the step {worst.name} ({dict(worst.reasons.most_common(2))})" if worst else ""
        left = sum(self._skipped.counts.values())
        return f"nothing is left of {self._read} conversations ({left} notes on what was skipped){went}; see --without"


def _unwatched(read: int, kept: int) -> None:
    del read, kept


def _waiting(file: IO[bytes]) -> Iterator[Case]:
    file.seek(0)
    for line in file:
        row = orjson.loads(line)
        row["said"] = tuple((seat, text) for seat, text in row["said"])
        yield Case(**row)
