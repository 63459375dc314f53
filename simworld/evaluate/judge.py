"""A model reads whole conversations: four marks of the paper, and the simulated user's faults by severity.

    parts = judge_sides("openai:gpt-4.1-mini", sim, real, Wanted(), print)
    parts["judge"]["scores"]["simulated"]["complexity"].value

What it is asked stands in `templates/prompts/judge_quality.md` and `judge_faults.md`. A reply that is not exactly what
was asked for is counted as unreadable and gives no mark.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, cast

from simworld.backends.backend import ChatBackend
from simworld.backends.open import open_backend
from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, Refused, UsageError
from simworld.evaluate.report import ranged
from simworld.evaluate.score import Part, Score, mean_score
from simworld.evaluate.sides import Side, Talk
from simworld.prompts import data, digest, render
from simworld.text.replies import read_object

if TYPE_CHECKING:
    from simworld.evaluate.wanted import Wanted

MARKS = ("complexity", "relevancy", "logicality", "diversity")
LOWEST, HIGHEST = 1, 10
AT_ONCE = 32
"""Calls in flight."""
LONGEST = 2000
"""Characters of a message that the judge is shown; what is longer is cut, and says so."""
QUALITY, FAULTS = "judge_quality", "judge_faults"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a real person would not have done."""

    turn: int
    """Which of the user's messages, from 1."""
    severity: str
    tag: str


@dataclass(slots=True)
class Judged:
    """What was read of one side."""

    marks: list[tuple[Talk, dict[str, int]]]
    faults: list[tuple[Talk, list[Fault]]]
    unreadable: int = 0
    failed: int = 0


def severities() -> tuple[str, ...]:
    """From what helped the assistant to what did no harm."""
    return tuple(data("text/faults.yaml")["severities"])


def tags() -> tuple[str, ...]:
    """Kinds of faults."""
    return tuple(data("text/faults.yaml")["tags"])


def read_marks(reply: str) -> dict[str, int]:
    """The four marks. Raises ValueError for a reply that is not one object of exactly these, each 1..10."""
    found = read_object(reply)
    if set(found) != set(MARKS):
        raise ValueError(f"keys {sorted(found)}")
    for name, mark in found.items():
        if type(mark) is not int or not LOWEST <= mark <= HIGHEST:
            raise ValueError(f"{name} is {mark!r}")
    return cast("dict[str, int]", found)


def read_faults(reply: str, rounds: int) -> list[Fault]:
    """The faults. Raises ValueError where one has no turn of these `rounds`, no severity or no tag that is known."""
    found = read_object(reply)
    if set(found) != {"faults"} or not isinstance(found["faults"], list):
        raise ValueError("no list of faults")
    faults: list[Fault] = []
    for one in cast("list[Any]", found["faults"]):
        if not isinstance(one, dict) or set(cast("dict[str, Any]", one)) != {"turn", "severity", "tag"}:
            raise ValueError(f"not a fault: {one!r}")
        turn, severity, tag = (cast("dict[str, Any]", one)[key] for key in ("turn", "severity", "tag"))
        if type(turn) is not int or not 1 <= turn <= rounds or severity not in severities() or tag not in tags():
            raise ValueError(f"not a fault: {one!r}")
        faults.append(Fault(turn, severity, tag))
    return faults


def lines_of(talk: Talk) -> list[str]:
    """The conversation as the judge is shown it: the human's messages numbered."""
    lines: list[str] = []
    number = 0
    for mine, text in talk.acts:
        number += mine
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} [cut: {len(text) - LONGEST} more characters]"
        # a message cannot close the block that it stands in
        shown = shown.replace("</conversation>", "< /conversation>")
        lines.append(f"[HUMAN {number}] {shown}" if mine else f"[ASSISTANT] {shown}")
    return lines


def judge_sides(spec: str, side: Side, real: Side, wanted: Wanted, tell: Callable[[str], None]) -> dict[str, Any]:
    """The part `judge`. Raises UsageError where there are no whole conversations, Refused where every call would be."""
    if not side.talks:
        raise UsageError(
            "a judge reads whole conversations, and a checkpoint has none; make some with `simworld run --seat "
            "user=usersim:DIR --out CORPUS`, and evaluate CORPUS"
        )
    backend = open_backend(spec, Sampling(temperature=0.0, base_url=wanted.base_url))
    chosen = {name: _chosen(one, wanted) for name, one in (("simulated", side), ("real", real))}
    found = asyncio.run(_judge_all(backend, chosen, wanted.seed, tell))
    scores = {name: _scores(judged, wanted.seed) for name, judged in found.items()}
    names = list(dict.fromkeys(name for one in scores.values() for name in one))
    rows = [[name, *(ranged(one[name]) if name in one else "-" for one in scores.values())] for name in names]
    notes = [
        f"judge {spec}, {name}: {len(chosen[name])} conversations read; of {2 * len(chosen[name])} replies "
        f"{judged.unreadable} were unreadable and {judged.failed} calls failed, all left out"
        for name, judged in found.items()
    ]
    counts = {
        name: {"conversations": len(chosen[name]), "unreadable": one.unreadable, "failed": one.failed,
               "tags": dict(Counter(fault.tag for _, faults in one.faults for fault in faults))}
        for name, one in found.items()
    }  # fmt: skip
    part = {
        "heads": ["mark", *scores], "rows": rows, "scores": scores, "counts": counts, "spec": spec, "notes": notes,
        "prompts": {name: digest(name) for name in (QUALITY, FAULTS)},
    }  # fmt: skip
    return {"judge": part}


def _chosen(side: Side, wanted: Wanted) -> list[Talk]:
    talks = list(side.talks)
    return Random(f"judge:{wanted.seed}").sample(talks, min(len(talks), wanted.judged))


async def _judge_all(
    backend: ChatBackend, chosen: dict[str, list[Talk]], seed: int, tell: Callable[[str], None]
) -> dict[str, Judged]:
    room = asyncio.Semaphore(AT_ONCE)
    try:
        return {name: await _judge(backend, talks, room, seed, name, tell) for name, talks in chosen.items()}
    finally:
        await backend.aclose()


async def _judge(
    backend: ChatBackend, talks: Sequence[Talk], room: asyncio.Semaphore, seed: int, name: str,
    tell: Callable[[str], None],
) -> Judged:  # fmt: skip
    judged = Judged([], [])

    async def ask(talk: Talk, template: str, keep: Callable[[str], None], **values: Any) -> None:
        prompt = render(template, lines=lines_of(talk), goal=talk.intent, **values)
        async with room:
            try:
                reply = await backend.complete([{"role": "user", "content": prompt}], seed=seed)
                keep(reply.text)
            except Refused:
                raise
            except BackendError:
                judged.failed += 1
            except ValueError:
                judged.unreadable += 1
        tell(f"judged {len(judged.marks)} {name}")

    await asyncio.gather(
        *(ask(t, QUALITY, lambda text, t=t: judged.marks.append((t, read_marks(text)))) for t in talks),
        *(
            ask(t, FAULTS, lambda text, t=t: judged.faults.append((t, read_faults(text, t.rounds))), tags=tags())
            for t in talks
        ),
    )
    # in the conversations' order, whichever reply came first
    order = {talk: number for number, talk in enumerate(talks)}
    judged.marks.sort(key=lambda pair: order[pair[0]])
    judged.faults.sort(key=lambda pair: order[pair[0]])
    return judged


def _scores(judged: Judged, seed: int) -> dict[str, Score]:
    """Mean marks; for each severity the share of conversations with such a fault; faults for a user's turn."""
    made = {
        name: mean_score([Part(talk.group, float(marks[name])) for talk, marks in judged.marks], seed) for name in MARKS
    }
    for severity in severities():
        parts = [
            Part(talk.group, float(any(fault.severity == severity for fault in faults)))
            for talk, faults in judged.faults
        ]
        made[f"conversations with {severity}"] = mean_score(parts, seed)
    made["faults a turn"] = mean_score(
        [Part(talk.group, float(len(faults)), float(talk.rounds)) for talk, faults in judged.faults], seed
    )
    return {name: score for name, score in made.items() if score.is_known}
