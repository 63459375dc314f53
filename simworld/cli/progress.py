"""Progress of a run on stderr: a bar on a terminal, a line now and then elsewhere; at the end, the report."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from simworld.cli.costs import costs_of, shown
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
        self._tokens = 0
        self._workers = 0
        self.failed = 0
        """Dialogues that failed in this run."""
        self.drifted = 0
        self.out_of_budget = False
        """Whether something was left unplayed for want of budget."""
        self._notices: dict[str, float] = {}

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
        elif event["event"] == "log" and event["what"] == "worker_died":
            facts = event["facts"]
            say(
                f"worker {facts['worker']} died ({facts['how']}) with {facts['dialogues_in_flight']} dialogues in "
                "flight; another one takes them over"
            )
        elif event["event"] == "log" and event["what"] == "notice":
            self._notice(event["facts"]["text"])
        elif event["event"] == "log" and event["what"] == "paid":
            self.out_of_budget = self.out_of_budget or event["facts"]["ended"]
        elif event["event"] == "workers":
            self._workers = event["alive"]
        elif event["event"] == "drift":
            self.drifted += event["calls"]
            for line in _drift(event):
                say(line)

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
        costs = costs_of(survey.usage, self._settings)
        if as_json:
            out(json.dumps({
                "out": self._settings.out, "statuses": survey.statuses, "endings": survey.endings,
                "turns": survey.turns, "usage": survey.usage, "guards": survey.guards, "stand_in": survey.stand_in,
                "played": self._done, "seconds": round(seconds, 2), "drifted": self.drifted,
                "usd": costs, "out_of_budget": self.out_of_budget,
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
                f"{usage['output_tokens']} out, {shown(costs[spec])}"
            )
        if survey.guards:
            guards = ", ".join(f"{name} {count}" for name, count in survey.guards.most_common())
            say(f"guards of user simulators acted: {guards}")
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
        self._tokens += sum(given + made for _, _, given, made in facts["usage"])
        if not facts["closes"]:
            return
        self._done += 1
        if facts["status"] == "failed":
            self.failed += 1
            self._details[facts["detail"]] += 1
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=self._line("dialogues", now))
        elif now - self._told > EVERY:
            self._told = now
            say(self._line(f"{self._done}/{self._to_play} dialogues", now))

    def _notice(self, text: str) -> None:
        """Say it, once for all workers that have the same to say at the same time."""
        now = time.monotonic()
        if now - self._notices.get(text, -EVERY) >= EVERY:
            say(text)
        self._notices[text] = now

    def _line(self, what: str, now: float) -> str:
        """How the whole run goes, whatever its workers."""
        parts = [what, f"{self._turns / max(now - self._began, 1e-9):.0f} turns/s", f"{self.failed} failed"]
        if self._tokens:
            parts.append(f"{_short(self._tokens)} tokens")
        if self._workers:
            parts.append(f"{self._workers} workers")
        return ", ".join(parts)


def _short(count: int) -> str:
    """A count for a reader: 950, 12.3k, 4.56M."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.1f}k" if count < 1e6 else f"{count / 1e6:.2f}M"


def _drift(event: Event) -> list[str]:
    """Where requests of a replay differ, and what has changed since."""
    first, seats = event["first"], ", ".join(f"{seat} {count}" for seat, count in event["seats"].items())
    lines = [
        f"{event['calls']} requests differ from the journaled ones (by seat: {seats}); first: {first['dialogue']}, "
        f"seat '{first['seat']}', call {first['call']}"
    ]
    if event["parting"]:
        name, there, here = event["parting"]
        lines.append(f"  it parts at {name}: {there!r} there, {here!r} here")
    lines += [f"  changed since: {name}: {there} there, {here} here" for name, there, here in event["changed"]]
    if not event["changed"]:
        lines.append("  packs, prompts, settings and version are the same: the code must have changed")
    return lines
