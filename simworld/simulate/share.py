"""A worker's share of a run: what is played, by whom, into which folder. Parent and children share it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from simworld.agents.agent import Agent
from simworld.backends.budget import Purse, read_budget
from simworld.backends.endpoint import is_elsewhere
from simworld.backends.journal import Journal
from simworld.backends.sampling import REPLY_TOKENS, Sampling
from simworld.backends.till import Till
from simworld.corpus.folder import Folder
from simworld.corpus.survey import Survey
from simworld.prompts import folder_digest
from simworld.schema import Intervention, Record, Transcript
from simworld.simulate.chapters import part_of
from simworld.simulate.charges import PAID
from simworld.simulate.coverage import read_coverage
from simworld.simulate.drift import Drift
from simworld.simulate.minding import Minding
from simworld.simulate.notices import noticed
from simworld.simulate.plan import Plan, Planned, PlannedStory
from simworld.simulate.rows import digest_of, read_rows
from simworld.simulate.run import JOBS, Terms, check_interventions, play_all
from simworld.simulate.speakers import Speakers
from simworld.simulate.stage import AnyStage, Stage, played, seats_of
from simworld.simulate.stages import stages_of

Event = dict[str, Any]
Unit = Planned | PlannedStory


NOTICE = "notice"
"""Event of the run's log: something that the user is told, beside how far the run is."""


class RunSettings(Record, frozen=True):
    """What a run is told; everything that may travel to a child process."""

    scenes: tuple[str, ...]
    """Ids or paths of scenes and stories."""
    out: str
    backend: str = "improv"
    seats: dict[str, str] = {}
    sampling: Sampling = Sampling()
    minding: Minding = Minding()
    interventions: tuple[Intervention, ...] = ()
    """Made beside the scenes' own."""
    n: int = 1
    seed: int = 0
    max_turns: int | None = None
    jobs: int = JOBS
    """Dialogues in flight in each process."""
    workers: int = 1
    """Processes."""
    keep_failed: bool = False
    """Leave `failed` dialogues as they are instead of playing them again."""
    replay: bool = False
    """Play everything again from the journal, without asking any model."""
    scene_backends: bool = False
    """Let scenes name network backends themselves."""
    fallback: str = ""
    """Backend that answers where another one fails."""
    fallback_url: str | None = None
    budget: str = ""
    """What the corpus may cost in all: `20usd`, `5Mtok`; or how long this run may take: `2h`."""
    prices: dict[str, tuple[float, float]] = {}
    """Backend (`*`: any) -> usd per million tokens, in and out."""
    fill: str = ""
    """Corpus whose thin places the plan fills first."""
    rows: str = ""
    """File of JSON Lines: what each dialogue is about, read by the scenes' templates as `row.COLUMN`."""
    dialogue_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds that a dialogue may take."""

    @property
    def elsewhere(self) -> bool:
        """Whether models are asked at an address of the user's, of which the table of prices says nothing."""
        return is_elsewhere(self.sampling.base_url, os.environ)


class Prepared:
    """A run's stages and identity: what the plan is drawn from."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        self.stages: list[AnyStage] = stages_of([*settings.scenes])
        self.terms = Terms(
            settings.max_turns, settings.minding, settings.interventions, timeout=settings.dialogue_timeout
        )  # fmt: skip
        settings.minding.models()
        self.rows = read_rows(settings.rows, played(self.stages)) if settings.rows else ()
        self.coverage = read_coverage(settings.fill) if settings.fill else None
        check_interventions(settings.interventions, self.stages)
        self.till: Till | None = None
        if settings.budget:
            self.fund()
        speakers = self.speakers(None)
        speakers.check(seats_of(self.stages))
        self.spoken = spoken = {agent.spec for stage in self.stages for agent in _agents(stage, speakers)}
        """Specs of all that may speak."""
        self.identity: dict[str, Any] = {
            "scenes": [stage.id for stage in self.stages],
            "packs": sorted({f"{stage.pack.name} {stage.pack.digest}" for stage in self.stages if stage.pack}),
            "prompts": folder_digest("prompts"),
            "minds": {**settings.minding.model_dump(), "wordings": folder_digest("mind")},
            "interventions": [given.model_dump(exclude_defaults=True) for given in settings.interventions],
            "improv": folder_digest("improv") if "improv" in spoken else None,
            "backends": speakers.identity(),
            "seed": settings.seed,
            "max_turns": settings.max_turns,
            **({"rows": digest_of(settings.rows)} if settings.rows else {}),
            **({"fill": self.coverage.digest} if self.coverage else {}),
        }

    def speakers(self, journal: Journal | None) -> Speakers:
        """The run's speakers, answering through this journal."""
        settings = self.settings
        return Speakers(
            settings.backend, settings.seats, sampling=settings.sampling, journal=journal,
            allow_scene_backends=settings.scene_backends, fallback=settings.fallback,
            fallback_url=settings.fallback_url, till=self.till,
        )  # fmt: skip

    def fund(
        self, spent: int = 0, more: Callable[[int], Awaitable[int]] | None = None, limit: int | None = None,
        until: float | None = None,
    ) -> Till:  # fmt: skip
        """Give the run its purse: the budget with what was spent before, or a worker's part of it."""
        settings = self.settings
        budget = read_budget(settings.budget)
        purse = Purse(budget if limit is None else replace(budget, points=limit), spent, more, until)
        sampling = settings.sampling
        reply = sampling.max_tokens or min(REPLY_TOKENS, sampling.context_tokens // 4)
        self.till = Till(purse, settings.prices, reply_tokens=reply, elsewhere=settings.elsewhere)
        self.terms = replace(self.terms, till=self.till)
        return self.till

    def plan(self) -> Plan:
        """The plan, from its start."""
        return Plan(self.stages, self.settings.seed, self.rows, self.coverage)

    def units(self, runs: Iterable[range]) -> Iterator[Planned | PlannedStory]:
        """The units of the plan of these numbers, which ascend."""
        stream = iter(self.plan())
        for unit in (unit for run in runs for unit in run):
            yield next(item for item in stream if item.unit == unit)


def _agents(stage: AnyStage, speakers: Speakers) -> list[Agent]:
    """Everybody who speaks on a stage; whoever directs is opened too."""
    if isinstance(stage, Stage):
        speakers.director(stage.scene)
        return [*speakers.cast(stage.scene, stage.root).values()]
    found: list[Agent] = []
    for chapter in stage.story.chapters:
        setting = stage.settings[chapter.id]
        parts = {seat.id: part_of(chapter, seat.id, stage.candidates) for seat in setting.scene.seats}
        found += speakers.cast(setting.scene, setting.root, parts).values()
        speakers.director(setting.scene)
    return found


async def play_share(
    prepared: Prepared, folder: Folder, worker: int, units: Iterable[Unit] | AsyncIterator[Unit],
    note: Callable[[Event], None],
) -> None:  # fmt: skip
    """Play these units in this process; each finished dialogue is kept before it is told."""
    settings = prepared.settings
    journal = Journal(folder.path / "journal", worker=worker, replay=settings.replay)
    speakers = prepared.speakers(journal)
    drift = Drift(folder.path, journal.drifted)

    def done(told: list[Transcript]) -> None:
        drift.compare(told)
        if not (settings.replay and told[-1].status == "failed"):
            folder.keep(told)
        for transcript in told:
            journal.forget(transcript.index, transcript.id)
            note({"event": "done", "index": transcript.index, "facts": Survey.facts_of(transcript)})

    def tell(text: str) -> None:
        note({"event": "log", "what": NOTICE, "facts": {"worker": worker, "text": text}})

    try:
        with noticed(tell):
            await play_all(units, speakers, prepared.terms, jobs=settings.jobs, done=done)
    finally:
        with contextlib.suppress(OSError):
            await journal.close()
        await speakers.close()
        facts = {
            "worker": worker, "from_journal": journal.answered, "retries": journal.retries, "journaled": journal.kept,
            "journal_syncs": journal.syncs,
        }  # fmt: skip
        note({"event": "log", "what": "share_ended", "facts": facts})
        if prepared.till and not settings.replay:
            purse = prepared.till.purse
            paid = {"unit": purse.unit, "unanswered": purse.unanswered, "ended": purse.ended}
            note({"event": "log", "what": PAID, "facts": {"worker": worker, **paid}})
        if journal.torn:
            note({"event": "log", "what": "torn_line_dropped", "facts": {"worker": worker, "bytes": journal.torn}})
        if journal.drifted.calls:
            note({"event": "drift", **drift.facts()})
