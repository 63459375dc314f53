"""Progress of a run on stderr: a bar on a terminal, a line now and then elsewhere; at the end, the report."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from simworld.cli.screen import out, say

if TYPE_CHECKING:
    from simworld.corpus.survey import Survey
    from simworld.simulate.share import Event, RunSettings

EVERY = 5.0
"""Seconds between two lines where stderr is no terminal."""


class Progress:
    """Takes the events of a run."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._to_play = 0
        self._there = 0
        self._done = 0
        self._turns = 0
        self._began = self._told = time.monotonic()
        self._details: Counter[str] = Counter()
        self._bar: Any = None
        self._task: Any = None
        self._journaled = 0
        self.failed = 0
        """Dialogues that failed in this run."""
        self.drifted = 0

    def note(self, event: Event) -> None:
        """Take one event."""
        if event["event"] == "start":
            self._start(event)
        elif event["event"] == "done":
            self._finish(event["facts"])
        elif event["event"] == "log" and event["what"] == "share_ended":
            self._journaled += event["facts"]["from_journal"]
        elif event["event"] == "log" and event["what"] == "torn_line_dropped":
            say(f"{event['what'].replace('_', ' ')}: {event['facts']}")
        elif event["event"] == "drift":
            self.drifted += event["calls"]
            say(f"{event['calls']} requests differ from the journaled ones, first: {event['first']}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def report(self, survey: Survey, *, as_json: bool) -> None:
        """What the corpus now holds."""
        seconds = time.monotonic() - self._began
        if as_json:
            out(json.dumps({
                "out": self._settings.out, "statuses": survey.statuses, "endings": survey.endings,
                "turns": survey.turns, "usage": survey.usage, "stand_in": survey.stand_in,
                "played": self._done, "seconds": round(seconds, 2), "drifted": self.drifted,
            }, ensure_ascii=False, indent=1))  # fmt: skip
            return
        counts = ", ".join(f"{count} {status}" for status, count in sorted(survey.statuses.items()))
        endings = ", ".join(f"{count} {reason}" for reason, count in survey.endings.most_common())
        out(f"{self._settings.out}: {counts}; {survey.turns} turns ({endings})")
        if self._done:
            say(f"played {self._done} dialogues in {seconds:.1f} s, {self._turns / max(seconds, 1e-9):.0f} turns/s")
        for spec, usage in sorted(survey.usage.items()):
            say(
                f"{spec}: {usage['calls']} calls in the whole corpus, {usage['input_tokens']} tokens in, "
                f"{usage['output_tokens']} out"
            )
        if self._journaled:
            say(f"{self._journaled} calls of this run were answered by the journal")
        for detail, count in self._details.most_common(5):
            say(f"failed {count} time{'s' * (count != 1)}: {detail}")
        if survey.stand_in:
            say("improv spoke: a stand-in with authored lines, not a model; the manifest says so")

    def _start(self, event: Event) -> None:
        self._to_play, self._there = event["to_play"], event["there"]
        self._began = self._told = time.monotonic()
        if self._there:
            say(f"{self._there} dialogues are there already, {self._to_play} to play")
        if sys.stderr.isatty() and self._to_play:
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.BarColumn(), progress.MofNCompleteColumn(), progress.TextColumn("{task.description}"),
                progress.TimeRemainingColumn(), console=Console(stderr=True),
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task("dialogues", total=self._to_play)

    def _finish(self, facts: dict[str, Any]) -> None:
        self._turns += facts["turns"]
        if not facts["closes"]:
            return
        self._done += 1
        if facts["status"] == "failed":
            self.failed += 1
            self._details[facts["detail"]] += 1
        now = time.monotonic()
        if self._bar is not None:
            rate = self._turns / max(now - self._began, 1e-9)
            self._bar.update(self._task, advance=1, description=f"dialogues, {rate:.0f} turns/s, {self.failed} failed")
        elif now - self._told > EVERY:
            self._told = now
            say(f"{self._done}/{self._to_play} dialogues, {self.failed} failed")
