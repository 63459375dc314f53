"""A worker's share of a run: what is played, by whom, into which folder. Parent and children share it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from simworld.backends.journal import Journal
from simworld.backends.sampling import Sampling
from simworld.corpus.folder import Folder
from simworld.corpus.survey import Survey
from simworld.prompts import folder_digest
from simworld.schema import Record, Transcript
from simworld.simulate.plan import Plan, Planned, Stage
from simworld.simulate.run import JOBS, play_all
from simworld.simulate.speakers import Speakers
from simworld.simulate.stages import stages_of

BLOCK = 10
"""Dialogues in a row that one process plays."""

Event = dict[str, Any]


class RunSettings(Record, frozen=True):
    """What a run is told; everything that may travel to a child process."""

    scenes: tuple[str, ...]
    """Scene ids or paths."""
    out: str
    backend: str = "improv"
    seats: dict[str, str] = {}
    sampling: Sampling = Sampling()
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
        self.stages: list[Stage] = stages_of([*settings.scenes])
        speakers = self.speakers(None)
        speakers.check([stage.scene for stage in self.stages])
        cast = [agent for stage in self.stages for agent in speakers.cast(stage.scene, stage.root).values()]
        for stage in self.stages:
            speakers.director(stage.scene)
        self.identity: dict[str, Any] = {
            "scenes": [stage.scene.id for stage in self.stages],
            "packs": sorted({f"{stage.pack.name} {stage.pack.digest}" for stage in self.stages if stage.pack}),
            "prompts": folder_digest("prompts"),
            "improv": folder_digest("improv") if any(agent.spec == "improv" for agent in cast) else None,
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

    def share(self, worker: int, skip: set[int]) -> Iterator[Planned]:
        """The dialogues of the plan that this worker plays."""
        settings = self.settings
        for item in Plan(self.stages, settings.seed).take(settings.n):
            if item.index not in skip and (item.index // BLOCK) % settings.workers == worker:
                yield item


async def play_share(
    prepared: Prepared, folder: Folder, worker: int, skip: set[int], note: Callable[[Event], None]
) -> None:
    """Play one worker's share in this process; each finished dialogue is kept before it is told."""
    settings = prepared.settings
    journal = Journal(folder.path / "journal", worker=worker, replay=settings.replay)
    speakers = prepared.speakers(journal)

    def done(transcript: Transcript) -> None:
        if not (settings.replay and transcript.status == "failed"):
            folder.keep(transcript)
        journal.forget(transcript.index, transcript.id)
        note({"event": "done", "index": transcript.index, "facts": Survey.facts_of(transcript)})

    try:
        share = prepared.share(worker, skip)
        await play_all(share, speakers, jobs=settings.jobs, max_turns=settings.max_turns, done=done)
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
