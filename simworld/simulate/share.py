"""A worker's share of a run: what is played, by whom, into which folder. Parent and children share it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from simworld.agents.agent import Agent
from simworld.backends.journal import Journal
from simworld.backends.sampling import Sampling
from simworld.corpus.folder import Folder
from simworld.corpus.survey import Survey
from simworld.prompts import folder_digest
from simworld.schema import Intervention, Record, Transcript
from simworld.simulate.chapters import part_of
from simworld.simulate.minding import Minding
from simworld.simulate.plan import AnyStage, Plan, Planned, PlannedStory, Stage, seats_of
from simworld.simulate.run import JOBS, Terms, check_interventions, play_all
from simworld.simulate.speakers import Speakers
from simworld.simulate.stages import stages_of

BLOCK = 10
"""Dialogues in a row that one process plays."""

Event = dict[str, Any]


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


class Prepared:
    """A run's stages and identity: what the plan is drawn from."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        self.stages: list[AnyStage] = stages_of([*settings.scenes])
        self.terms = Terms(settings.max_turns, settings.minding, settings.interventions)
        settings.minding.models()
        check_interventions(settings.interventions, self.stages)
        speakers = self.speakers(None)
        speakers.check(seats_of(self.stages))
        spoken = {agent.spec for stage in self.stages for agent in _agents(stage, speakers)}
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
        }

    def speakers(self, journal: Journal | None) -> Speakers:
        """The run's speakers, answering through this journal."""
        settings = self.settings
        return Speakers(
            settings.backend, settings.seats, sampling=settings.sampling, journal=journal,
            allow_scene_backends=settings.scene_backends,
        )  # fmt: skip

    def plan(self) -> Plan:
        """The plan, from its start."""
        return Plan(self.stages, self.settings.seed)

    def share(self, worker: int, skip: set[int]) -> Iterator[Planned | PlannedStory]:
        """The units of the plan that this worker plays, without those of these numbers."""
        settings = self.settings
        for item in self.plan().take(settings.n):
            if item.unit not in skip and (item.unit // BLOCK) % settings.workers == worker:
                yield item


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
    prepared: Prepared, folder: Folder, worker: int, skip: set[int], note: Callable[[Event], None]
) -> None:
    """Play one worker's share in this process; each finished dialogue is kept before it is told."""
    settings = prepared.settings
    journal = Journal(folder.path / "journal", worker=worker, replay=settings.replay)
    speakers = prepared.speakers(journal)

    def done(told: list[Transcript]) -> None:
        if not (settings.replay and told[-1].status == "failed"):
            folder.keep(told)
        for transcript in told:
            journal.forget(transcript.index, transcript.id)
            note({"event": "done", "index": transcript.index, "facts": Survey.facts_of(transcript)})

    try:
        await play_all(prepared.share(worker, skip), speakers, prepared.terms, jobs=settings.jobs, done=done)
    finally:
        with contextlib.suppress(OSError):
            await journal.close()
        await speakers.close()
        facts = {"worker": worker, "from_journal": journal.answered, "retries": journal.retries}
        note({"event": "log", "what": "share_ended", "facts": facts})
        if journal.torn:
            note({"event": "log", "what": "torn_line_dropped", "facts": {"worker": worker, "bytes": journal.torn}})
        if journal.drifted:
            note({"event": "drift", "calls": len(journal.drifted), "first": str(journal.drifted[0])})
