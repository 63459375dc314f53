"""A model reads the transcripts that the rules leave: marks, contradictions with the profile, unwanted content.

    judge = Judge(Judging("openai:gpt-4.1-mini", min_score=7), Path("kept.judge.jsonl"))
    verdicts = await judge.all(transcripts)         # Verdict(scores={"fidelity": 8, ...}, findings=...)

What it is asked stands in `templates/prompts/judge_dialogue.md`, `judge_contradiction.md` and `judge_unwanted.md`. A
reply that is not exactly what was asked for is counted and tells nothing; no mark is ever made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from simworld.backends.asking import Asking, open_asking
from simworld.backends.sampling import Sampling
from simworld.curate.case import shortened
from simworld.errors import UsageError, unknown
from simworld.prompts import data, digest, render
from simworld.schema import NARRATOR, Finding, Transcript
from simworld.text.replies import read_object

LOWEST, HIGHEST = 1, 10
LONGEST = 2000
"""Characters of a turn that the judge is shown; what is longer is cut, and says so."""
REPLY_TOKENS = 1024
TASKS = {"marks": "judge_dialogue", "contradiction": "judge_contradiction", "unwanted": "judge_unwanted"}
"""What a judge can be asked, and the prompt that asks it."""
MARKS = ("fidelity", "coherence", "naturalness")
UNJUDGED = ("keep", "drop")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judging:
    """Who judges, what, and what follows."""

    spec: str
    min_score: float = 7.0
    """The mean of a transcript's marks, 1..10, below which it is rejected."""
    tasks: tuple[str, ...] = ("marks",)
    marks: tuple[str, ...] = MARKS
    unwanted: str = ""
    """What is not wanted, in words; empty: as the recipe's file of the prompt says."""
    unjudged: str = "keep"
    """What becomes of a transcript whose judgement could not be had."""
    base_url: str | None = None
    jobs: int = 16
    budget: str = ""
    prices: dict[str, tuple[float, float]] = field(default_factory=dict[str, "tuple[float, float]"])

    def __post_init__(self) -> None:
        for option, names, allowed in (("--judge-for", self.tasks, TASKS), ("--judge-marks", self.marks, told_marks())):
            for name in names:
                if name not in allowed:
                    raise unknown(option, name, allowed)
            if not names:
                raise UsageError(f"{option}: names nothing; allowed: {', '.join(allowed)}")
        if self.unjudged not in UNJUDGED:
            raise unknown("--unjudged", self.unjudged, UNJUDGED)
        if not LOWEST <= self.min_score <= HIGHEST:
            raise UsageError(f"--min-score {self.min_score}: is a mark, {LOWEST} to {HIGHEST}")

    def facts(self) -> dict[str, Any]:
        """What the verdicts depend on, as plain data."""
        return {
            "spec": self.spec, "min_score": self.min_score, "tasks": list(self.tasks), "marks": list(self.marks),
            "unwanted": self.unwanted, "unjudged": self.unjudged,
            "prompts": {name: digest(name) for task, name in TASKS.items() if task in self.tasks},
        }  # fmt: skip


def told_marks() -> dict[str, str]:
    """Mark -> what it says."""
    return {str(name): str(about) for name, about in data("curate/marks.yaml").items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge made of one transcript."""

    scores: dict[str, float] = field(default_factory=dict[str, float])
    findings: tuple[Finding, ...] = ()


class Judge:
    """Asks, reads strictly, counts what could not be read."""

    def __init__(self, judging: Judging, kept: Path) -> None:
        self._judging = judging
        sampling = Sampling(temperature=0.0, base_url=judging.base_url, max_tokens=REPLY_TOKENS)
        self.asking: Asking = open_asking(
            judging.spec, sampling, kept, jobs=judging.jobs, budget=judging.budget, prices=judging.prices
        )
        self.judged = 0
        """Transcripts of which every question was answered and read."""
        self.unread = 0
        """Replies that were not what was asked for."""
        self.first_unread = ""

    async def all(self, transcripts: Sequence[Transcript]) -> list[Verdict]:
        """The verdicts, in their order. Raises Refused, RunStopped or OutOfBudget; what was answered is kept."""
        return await self.asking.each(transcripts, self._one)

    async def _one(self, transcript: Transcript) -> Verdict:
        scores: dict[str, float] = {}
        findings: list[Finding] = []
        missing: list[str] = []
        for task in self._judging.tasks:
            prompt, schema, read = self._question(task, transcript)
            reply = await self.asking.answer([{"role": "user", "content": prompt}], seat="judge", schema=schema)
            made = self._read(reply, read)
            if made is None:
                missing.append(task)
            elif isinstance(made, dict):
                scores = {name: float(mark) for name, mark in cast("dict[str, int]", made).items()}
                findings += self._below(scores)
            else:
                name = "judge_contradiction" if task == "contradiction" else "judge_unwanted"
                findings += [
                    Finding(filter=name, detail=shortened(why, 120), turns=(turn,))
                    for turn, why in cast("list[tuple[int, str]]", made)
                ]
        self.judged += not missing
        if missing:
            detail = f"could not be judged: {', '.join(missing)}"
            findings.append(Finding(filter="unjudged", detail=detail, drops=self._judging.unjudged == "drop"))
        return Verdict(scores, tuple(findings))

    def _question(self, task: str, transcript: Transcript) -> tuple[str, dict[str, Any], Callable[[str], Any]]:
        lines, people = lines_of(transcript), people_of(transcript)
        if task == "marks":
            marks = {name: told_marks()[name] for name in self._judging.marks}
            scene = next((seat.briefing.status for seat in transcript.seats.values() if seat.briefing.status), "")
            prompt = render(TASKS[task], lines=lines, people=people, marks=marks, scene=closed(scene))
            number = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}
            return prompt, _object(dict.fromkeys(marks, number)), lambda reply: read_marks(reply, tuple(marks))
        turns = frozenset(turn.n for turn in transcript.turns)
        key = "contradictions" if task == "contradiction" else "unwanted"
        one = _object({"turn": {"type": "integer"}, "why": {"type": "string"}})
        schema = _object({key: {"type": "array", "items": one}})
        about = self._judging.unwanted or str(data("curate/unwanted.yaml")["about"])
        given = {"people": people} if task == "contradiction" else {"about": about}
        return render(TASKS[task], lines=lines, **given), schema, lambda reply: read_found(reply, key, turns)

    def _read(self, reply: str | None, read: Callable[[str], T]) -> T | None:
        if reply is None:
            return None
        try:
            return read(reply)
        except ValueError as error:
            self.unread += 1
            self.first_unread = self.first_unread or f"{error}: {shortened(reply, 80)!r}"
            return None

    def _below(self, scores: dict[str, float]) -> list[Finding]:
        mean = sum(scores.values()) / len(scores)
        if mean >= self._judging.min_score:
            return []
        told = ", ".join(f"{name} {mark:.0f}" for name, mark in scores.items())
        return [Finding(filter="judge", detail=told, value=round(mean, 4))]


def read_marks(reply: str, marks: Sequence[str]) -> dict[str, int]:
    """The marks. Raises ValueError for a reply that is not one object of exactly these, each a whole number 1..10."""
    found = read_object(reply)
    if set(found) != set(marks):
        raise ValueError(f"the marks are {', '.join(sorted(found))[:80] or 'none'}, not {', '.join(marks)}")
    for name, mark in found.items():
        if type(mark) is not int or not LOWEST <= mark <= HIGHEST:
            raise ValueError(f"{name} is {mark!r}, not a whole number {LOWEST} to {HIGHEST}")
    return {name: found[name] for name in marks}


def read_found(reply: str, key: str, turns: frozenset[int]) -> list[tuple[int, str]]:
    """Turn and reason of what was found. Raises ValueError where one names no turn or no reason."""
    found = read_object(reply)
    if set(found) != {key} or not isinstance(found[key], list):
        raise ValueError(f"there is no list '{key}'")
    made: list[tuple[int, str]] = []
    for one in cast("list[Any]", found[key]):
        row = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        turn, why = row.get("turn"), row.get("why")
        if set(row) != {"turn", "why"} or type(turn) is not int or turn not in turns or not isinstance(why, str):
            raise ValueError(f"not one of '{key}': {one!r:.60}")
        made.append((turn, why))
    return made


def lines_of(transcript: Transcript) -> list[str]:
    """The dialogue as a judge is shown it: each turn with its number; none can close the block that it stands in."""
    lines: list[str] = []
    for turn in transcript.turns:
        seat = transcript.seats.get(turn.seat)
        name = seat.name if seat else "Narrator" if turn.seat == NARRATOR else turn.seat
        text = (
            turn.text if len(turn.text) <= LONGEST else f"{turn.text[:LONGEST]} [cut: {len(turn.text) - LONGEST} more]"
        )
        way = {"think": " (thinks, unheard)", "do": " (does)", "move": " (goes)"}.get(turn.kind, "")
        lines.append(closed(f"[{turn.n}] {name}{way}: {text}"))
    return lines


def people_of(transcript: Transcript) -> list[dict[str, str]]:
    """Name and profile of each seat."""
    return [{"name": closed(seat.name), "profile": closed(seat.briefing.profile)} for seat in transcript.seats.values()]


def closed(text: str) -> str:
    """The text, unable to close a block of the prompt."""
    for tag in ("dialogue", "profile", "scene"):
        text = text.replace(f"</{tag}>", f"< /{tag}>")
    return text


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
