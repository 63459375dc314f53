"""Play a plan into a corpus folder: resume, several workers, one manifest.

    report = await produce(RunSettings(scenes=("lost_luggage",), out="corpus", n=200), on_event=print)

With one worker the dialogues are played here. With more, this process holds the lock, hands out blocks of the plan
(see `Crew`) and puts in order what is finished. The same settings again go on where the run stopped.

The door to other executors is `crew.Worker`, started by `hire(begin, lock)`. What goes in is JSON: `begin` says what
is played (`settings`, the number of the `worker`, the `identity` that it must find), then orders follow: `{"units":
[first, stop]}`, `{"end": true}`, and `{"grant": amount}` in answer to the event `lack` where there is a budget. What
comes out are events: `done` with a transcript's `index` and `facts` (after it was kept in the folder), `error`, `log`.
A worker writes to the folder itself, under its number, and ends when its parent does; `Child` is a process of this
machine.
"""

from __future__ import annotations

import errno
import platform
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from simworld import __version__
from simworld.backends.sampling import Sampling
from simworld.corpus.cast import write_cast
from simworld.corpus.folder import Folder, open_folder
from simworld.corpus.store import SHARD
from simworld.corpus.survey import Survey
from simworld.errors import RunStopped
from simworld.simulate.charges import PAID, Grants, charged
from simworld.simulate.child import Child
from simworld.simulate.crew import Answer, Crew, Event, Order, Worker
from simworld.simulate.drift import Drifts
from simworld.simulate.share import Prepared, RunSettings, play_share
from simworld.simulate.stage import cast_of
from simworld.simulate.units import Pool, Units

Note = Callable[[Event], None]
Hire = Callable[[Order, int | None], Awaitable[Worker]]
"""Starts a worker: what it plays, and the lock that it may inherit."""


async def produce(settings: RunSettings, on_event: Note, *, hire: Hire = Child.start) -> Survey:
    """Play what is missing. Events: `start`, `done` (a dialogue), `workers`, `log`, `drift`.

    The survey counts what the folder now holds. Raises CorpusError where the folder is held or is another run's,
    Refused and RunStopped where the run cannot go on; whatever happens, the folder holds a valid corpus afterwards.
    """
    prepared = Prepared(settings)
    path = Path(settings.out)
    with open_folder(path, prepared.identity, replay=settings.replay) as folder:
        survey = _survey(folder)
        units = Units(prepared.plan().spans(settings.n))
        runs = units.runs(lambda span: settings.replay or not survey.is_finished(span, failed_too=settings.keep_failed))
        to_play = sum(map(len, runs))
        there = settings.n - to_play
        on_event({"event": "start", "n": settings.n, "there": there, "to_play": to_play})
        if not to_play and (path / "manifest.json").is_file():
            _close(folder, prepared, survey, "finished")
            return survey
        _begin(folder, prepared, survey, there)
        open_shards = _OpenShards(units, runs, folder)
        drifts = Drifts(folder.changed)
        how = "interrupted"
        out_of_budget = False

        def note(event: Event) -> None:
            nonlocal out_of_budget
            if event["event"] == "done":
                survey.add(event["index"], event["facts"])
                if event["facts"]["closes"]:
                    open_shards.finish(event["index"])
            elif event["event"] == "log":
                out_of_budget = out_of_budget or (event["what"] == PAID and event["facts"]["ended"])
                folder.log(**{"event": event["what"], **event["facts"]})
            elif event["event"] == "drift":
                drifts.add(event)
                return
            on_event(event)

        spent = _fund(prepared, path)
        try:
            if settings.workers == 1:
                await play_share(prepared, folder, 0, prepared.units(runs), note)
            else:
                await _together(prepared, folder, units, runs, note, hire, spent)
            how = "out of budget" if out_of_budget else "finished"
        except OSError as error:
            how = "stopped"
            raise _stopped(error, path) from error
        except RunStopped:
            how = "stopped"
            raise
        finally:
            if drifted := drifts.event():
                folder.log(**drifted)
                on_event(drifted)
            _close(folder, prepared, survey, how)
    return survey


async def _together(
    prepared: Prepared, folder: Folder, units: Units, runs: Sequence[range], note: Note, hire: Hire, spent: int
) -> None:
    settings = prepared.settings
    told = {**settings.model_dump(mode="json"), "sampling": _part_of(settings).model_dump(mode="json")}
    until = time.time() + prepared.till.purse.limit if prepared.till else 0.0
    grants = Grants(prepared.till.purse.limit - spent if prepared.till else 0, settings.workers)

    async def employ(worker: int) -> Worker:
        begin = {"settings": told, "worker": worker, "identity": prepared.identity, "until": until}
        return await hire(begin, folder.lock)

    pool = Pool(runs, settings.workers)
    answers: dict[str, Answer] = {"lack": lambda event: {"grant": grants.give(event["lacking"])}}
    crew = Crew(
        folder, units, pool, hire=employ, workers=settings.workers, jobs=settings.jobs, note=note, answers=answers
    )  # fmt: skip
    await crew.play()


def _part_of(settings: RunSettings) -> Sampling:
    """How one of several workers asks: each keeps to its part of the limits that hold for all."""
    sampling, workers = settings.sampling, settings.workers
    parts = {name: max(1, limit // workers) for name in ("rpm", "tpm") if (limit := getattr(sampling, name))}
    return sampling.model_copy(update=parts)


def _fund(prepared: Prepared, path: Path) -> int:
    """Give the run its budget, and tell what the corpus has cost before."""
    till = prepared.till
    if till is None or prepared.settings.replay:
        return 0
    spent = 0 if till.purse.unit == "seconds" else charged(path, till, prepared.spoken)
    prepared.fund(spent)
    return spent


def _survey(folder: Folder) -> Survey:
    """Put in order what a killed run left, and count all that is there."""
    try:
        folder.settle_all()
        return Survey.of(folder.path, keep=True)
    except OSError as error:
        raise _stopped(error, folder.path) from error


def _begin(folder: Folder, prepared: Prepared, survey: Survey, there: int) -> None:
    """Say in the folder what is about to be played, and with whom."""
    settings = prepared.settings
    folder.log("start", host=platform.node(), workers=settings.workers, jobs=settings.jobs, there=there)
    write_cast(folder.path, *cast_of(prepared.stages))
    folder.write_manifest(_manifest(prepared, survey, "running"))


def _close(folder: Folder, prepared: Prepared, survey: Survey, how: str) -> None:
    """Put in order what is finished and say so in the manifest; a full disk may refuse even that."""
    try:
        folder.settle_all()
        folder.write_manifest(_manifest(prepared, survey, "complete" if how == "finished" else "incomplete"))
        folder.log("end", how=how, statuses=dict(survey.statuses))
    except OSError as error:
        if how == "finished":
            raise _stopped(error, folder.path) from error


def _stopped(error: OSError, path: Path) -> RunStopped:
    what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"could not write: {error.strerror}"
    return RunStopped(f"{path}: {what}; what was finished is kept, the same command goes on from here")


class _OpenShards:
    """Puts a shard in order as soon as all that lies in it is finished."""

    def __init__(self, units: Units, runs: Sequence[range], folder: Folder) -> None:
        self._units = units
        self._folder = folder
        self._open = Counter(shard for run in runs for unit in run for shard in self._shards(unit))

    def finish(self, index: int) -> None:
        """The unit that this index lies in is finished."""
        for shard in self._shards(self._units.at(index)):
            self._open[shard] -= 1
            if not self._open[shard]:
                self._folder.settle(shard)

    def _shards(self, unit: int) -> set[int]:
        span = self._units.span(unit)
        return {span[0] // SHARD, span[-1] // SHARD}


def _manifest(prepared: Prepared, survey: Survey, status: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "run",
        "status": status,
        "stand_in": survey.stand_in,
        "n": max(prepared.settings.n, survey.closed),
        "identity": prepared.identity,
        "versions": {"simworld": __version__},
        "statuses": dict(sorted(survey.statuses.items())),
        "endings": dict(sorted(survey.endings.items())),
        "scenes": dict(sorted(survey.scenes.items())),
        "turns": survey.turns,
        **({"guards": dict(sorted(survey.guards.items()))} if survey.guards else {}),
        "usage": {spec: dict(usage) for spec, usage in sorted(survey.usage.items())},
    }
