"""Play a plan into a corpus folder: resume, several processes, one manifest.

    report = await produce(RunSettings(scenes=("lost_luggage",), out="corpus", n=200), on_event=print)

With one worker the dialogues are played here; with more, this process holds the lock, hands each child a share of the
plan, and puts in order what they finish. The same settings again go on where the run stopped.
"""

from __future__ import annotations

import asyncio
import errno
import platform
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simworld import __version__
from simworld.corpus.folder import Folder, open_folder
from simworld.corpus.store import SHARD
from simworld.corpus.survey import Survey
from simworld.errors import RunStopped
from simworld.simulate.child import Child
from simworld.simulate.share import Event, Prepared, RunSettings, play_share


async def produce(settings: RunSettings, on_event: Callable[[Event], None]) -> Survey:
    """Play what is missing. Events: `start`, `done` (a dialogue), `note`; the survey counts what the folder now holds.

    Raises CorpusError where the folder is held or is another run's, Refused and RunStopped where the run cannot go
    on; whatever happens, the folder holds a valid corpus afterwards.
    """
    prepared = Prepared(settings)
    path = Path(settings.out)
    with open_folder(path, prepared.identity, replay=settings.replay) as folder:
        survey = Survey.of(path)
        spans = [*prepared.plan().spans(settings.n)]
        skip = set[int]() if settings.replay else survey.finished(spans, failed_too=settings.keep_failed)
        on_event({"event": "start", "n": settings.n, "there": len(skip), "to_play": settings.n - len(skip)})
        if len(skip) == settings.n and (path / "manifest.json").is_file():
            _close(folder, prepared, survey, "finished")
            return survey
        folder.log("start", host=platform.node(), workers=settings.workers, jobs=settings.jobs, there=len(skip))
        folder.write_manifest(_manifest(prepared, survey, "running"))
        remaining = _Remaining(spans, skip, folder)
        how = "interrupted"

        def note(event: Event) -> None:
            if event["event"] == "done":
                survey.add(event["index"], event["facts"])
                if event["facts"]["closes"]:
                    remaining.finish(event["index"])
            elif event["event"] == "log":
                folder.log(**{"event": event["what"], **event["facts"]})
            on_event(event)

        try:
            await (_alone if settings.workers == 1 else _together)(prepared, folder, skip, note)
            how = "finished"
        except OSError as error:
            how = "stopped"
            raise _stopped(error, path) from error
        except RunStopped:
            how = "stopped"
            raise
        finally:
            _close(folder, prepared, survey, how)
    return survey


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


class _Remaining:
    """Puts a shard in order as soon as all that lies in it is finished."""

    def __init__(self, spans: Sequence[range], skip: set[int], folder: Folder) -> None:
        self._folder = folder
        self._starts = [span.start for span in spans]
        self._shards = [{index // SHARD for index in (span.start, span.stop - 1)} for span in spans]
        self._open = Counter(shard for unit, shards in enumerate(self._shards) if unit not in skip for shard in shards)

    def finish(self, index: int) -> None:
        """The unit that this index lies in is finished."""
        for shard in self._shards[bisect_right(self._starts, index) - 1]:
            self._open[shard] -= 1
            if not self._open[shard]:
                self._folder.settle(shard)


async def _alone(prepared: Prepared, folder: Folder, skip: set[int], note: Callable[[Event], None]) -> None:
    await play_share(prepared, folder, 0, skip, note)


async def _together(prepared: Prepared, folder: Folder, skip: set[int], note: Callable[[Event], None]) -> None:
    settings = prepared.settings
    children = [
        Child(settings.model_dump(mode="json"), worker, skip, folder.lock) for worker in range(settings.workers)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.follow(note))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        await asyncio.gather(*(child.stop() for child in children))


def _manifest(prepared: Prepared, survey: Survey, status: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "run",
        "status": status,
        "stand_in": survey.stand_in,
        "n": max(prepared.settings.n, len(survey.closing)),
        "identity": prepared.identity,
        "versions": {"simworld": __version__},
        "statuses": dict(sorted(survey.statuses.items())),
        "endings": dict(sorted(survey.endings.items())),
        "scenes": dict(sorted(survey.scenes.items())),
        "turns": survey.turns,
        "usage": {spec: dict(usage) for spec, usage in sorted(survey.usage.items())},
    }
