"""What a dialogue of thousands of acts costs as it grows: `python -m tests.benchmarks.long_dialogue`.

    python -m tests.benchmarks.long_dialogue --acts 2000 --seats 3
    python -m tests.benchmarks.long_dialogue --context 1500      # a scripted model takes one seat

Printed per 200 acts of improv: processor seconds and resident megabytes; of a model's prompts the tokens (mean and
most). At the end: how often a spoken line was said before, and the share of different word pairs, first and last.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import simworld as sw
from simworld.agents.agent import Deed, View
from simworld.agents.improv import ImprovAgent
from simworld.packs import load_pack
from simworld.schema import Scene, Transcript
from simworld.schema.scene import End
from tests.improv_metrics import distinct_2
from tests.scenes_of_tests import Model, Request, scene_of, seated

ROOT = Path(__file__).parents[2]
SCENES = {2: "lost_luggage", 3: "kitchen_after_funeral"}
STEP = 200
SMALL = 4000
"""Tokens of a context that the briefing of a built-in scene would fill."""


@dataclass
class Clocked:
    """Improv with a clock: when each act was asked for, and how much memory the process had."""

    spec: str = "improv"
    wants_messages: bool = False
    budget: int = 0
    at: list[float] = field(default_factory=list[float])
    megabytes: list[float] = field(default_factory=list[float])
    improv: ImprovAgent = field(default_factory=ImprovAgent)

    def count(self, text: str) -> int:
        return self.improv.count(text)

    async def act(self, view: View) -> Deed:
        self.at.append(time.process_time())
        self.megabytes.append(resident())
        return await self.improv.act(view)


def resident() -> float:
    """Megabytes of the process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def scene(seats: int, acts: int, *, bare: bool = False) -> Scene:
    """A built-in scene that only the number of acts ends; a `bare` one tells little."""
    found = scene_of(seats) if bare else load_pack(ROOT).scenes[SCENES[seats]]
    return found.model_copy(update={"end": End(max_turns=acts, goodbye=False, stale=0)})


def long_dialogue(
    people: int, acts: int, *, bare: bool = False, improv: ImprovAgent | None = None, **options: Any
) -> tuple[Transcript, Clocked]:
    """One dialogue on improv, with the processor time at which each act began."""
    clock, played = Clocked(improv=improv or ImprovAgent()), scene(people, acts, bare=bare)
    cast = seated(played) if bare else list(load_pack(ROOT).personas.values())
    told = asyncio.run(sw.play(played, backend=clock, cast=cast, seed=5, max_turns=acts, **options))
    clock.at.append(time.process_time())
    clock.megabytes.append(resident())
    return told, clock


def with_model(people: int, acts: int, context: int) -> tuple[Transcript, Clocked, Model]:
    """The same with a scripted model at the first seat that keeps what it is asked; a small one has a bare scene."""
    model, bare = Model(talks, context_tokens=context), context < SMALL
    first = scene(people, acts, bare=bare).seats[0].id
    told, clock = long_dialogue(people, acts, bare=bare, seats={first: model})
    return told, clock, model


def talks(request: Request) -> str:
    """A line of some length that nobody has said."""
    said = request.messages[-1]["content"].split()
    return f"<say>For the {request.call}th time: {' '.join(said[request.call % 7 :][:18])}, is that so?</say>"


def spoken(told: Transcript) -> list[str]:
    return [turn.text for turn in told.turns if turn.kind == "say" and turn.source != "scene"]


def repeated(lines: Sequence[str], within: int) -> list[str]:
    """Lines that were said among so many spoken before them."""
    last: dict[str, int] = {}
    found: list[str] = []
    for at, line in enumerate(line.casefold() for line in lines):
        if at - last.get(line, -within - 1) <= within:
            found.append(line)
        last[line] = at
    return found


def rows(clock: Clocked, step: int = STEP) -> Iterator[tuple[int, float, float]]:
    """Acts so far, seconds that the last `step` of improv's took, megabytes then; the transcript is made after them."""
    acts = len(clock.at) - 1
    marks = [*range(0, acts - step // 2, step), acts - 1]
    for start, end in pairwise(marks):
        yield end, clock.at[end] - clock.at[start], clock.megabytes[end]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acts", type=int, default=2000)
    parser.add_argument("--seats", type=int, nargs="*", default=[2, 3])
    parser.add_argument("--context", type=int, nargs="*", default=[], help="context windows of a scripted model")
    options = parser.parse_args()
    for seats in options.seats:
        if options.context:
            for context in options.context:
                _show_model(seats, options.acts, context)
        else:
            told, clock = long_dialogue(seats, options.acts)
            print(f"\nimprov, {seats} seats: {told.status}, {told.ending.reason}, {len(told.turns)} turns")
            _show(clock)
            _show_words(spoken(told))


def _show(clock: Clocked) -> None:
    for end, seconds, megabytes in rows(clock):
        print(f"  to act {end:5}: {seconds:6.2f} s  {megabytes:7.1f} MB")
    print(f"  transcript:   {clock.at[-1] - clock.at[-2]:6.2f} s  {clock.megabytes[-1]:7.1f} MB")


def _show_words(lines: Sequence[str]) -> None:
    near, ever = len(repeated(lines, 60)), len(repeated(lines, len(lines)))
    first, last = distinct_2(lines[:400]), distinct_2(lines[-400:])
    print(f"  said before within 60 lines: {near}, ever: {ever} of {len(lines)}; word pairs {first:.3f} -> {last:.3f}")


def _show_model(seats: int, acts: int, context: int) -> None:
    told, clock, model = with_model(seats, acts, context)
    ended = " ".join([told.ending.reason, told.ending.detail]).strip()
    print(f"\na model of {context} tokens at one of {seats} seats: {told.status}, {ended}")
    _show(clock)
    tokens = [sum(model.count(message["content"]) + 4 for message in one.messages) for one in model.requests]
    step = max(1, len(tokens) // 10)
    for start in range(0, len(tokens), step):
        part = tokens[start : start + step]
        print(f"  calls {start:5} ..: {sum(part) / len(part):7.0f} tokens a prompt, at most {max(part)}")


if __name__ == "__main__":
    main()
