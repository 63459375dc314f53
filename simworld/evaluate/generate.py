"""Next turns by a checkpoint for the contexts of real turns: first ones from nothing, others after the true history.

    side, real, notes = next_turns("user", Path("real"), read_side(Path("real")), Wanted(), print)

Each made turn stands where the person's own stood, so both sides have the same contexts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from simworld.errors import BackendError, UsageError
from simworld.evaluate.contexts import Held, Point, held_out
from simworld.evaluate.sides import Said, Side

if TYPE_CHECKING:
    from simworld.backends.backend import ChatBackend
    from simworld.evaluate.wanted import Wanted

CONTEXTS = 300
"""Conversations whose contexts are taken, where no number is asked for."""
EACH = 3
"""Follow-ups of one conversation, at most, drawn by the seed."""
AT_ONCE = 64
"""Calls in flight."""
ENDED = "end_of_conversation"


def next_turns(
    place: str, against: Path, real: Side, wanted: Wanted, tell: Callable[[str], None]
) -> tuple[Side, Side, list[str]]:
    """The made turns, the people's turns of the same contexts (with their conversations), and what is to be told."""
    from simworld.usersim.chat import open_usersim

    held = held_out(against, most=wanted.sample or CONTEXTS, seed=wanted.seed)
    asked = _asked(held, wanted.seed)
    if not asked:
        raise UsageError(f"{against}: no held-out turn of a user")
    side, notes = asyncio.run(_make(open_usersim(place), asked, wanted.seed, tell))
    if not side.turns:
        raise UsageError(f"usersim:{place}: it made no turn for any of {len(asked)} contexts")
    groups = {one.group for one, _ in asked}
    people = tuple(_said(one, point, point.text) for one, point in asked)
    talks = tuple(talk for talk in real.talks if talk.group in groups)
    return side, Side(real.name, people, talks, real.left_out), notes


def _asked(held: Sequence[Held], seed: int) -> list[tuple[Held, Point]]:
    """The first turn of each conversation that truly starts, and some of its follow-ups."""
    found: list[tuple[Held, Point]] = []
    for one in held:
        points = list(one.points())
        later = [point for point in points if not point.first]
        random = Random(f"points:{seed}:{one.row['id']}")
        chosen = {point.message for point in random.sample(later, min(EACH, len(later)))}
        found += [(one, point) for point in points if point.message in chosen or (point.first and one.true_start)]
    return found


async def _make(
    model: ChatBackend, asked: Sequence[tuple[Held, Point]], seed: int, tell: Callable[[str], None]
) -> tuple[Side, list[str]]:
    room = asyncio.Semaphore(AT_ONCE)
    done = failed = ended = 0
    made: list[Said | None] = [None] * len(asked)

    async def one(number: int, held: Held, point: Point) -> None:
        nonlocal done, failed, ended
        messages = [{"role": message["role"], "content": message["content"]} for message in point.prompt]
        async with room:
            try:
                reply = await model.complete(messages, seed=seed * 1_000_003 + number)
            except BackendError:
                failed += 1
                return
        if reply.text.strip():
            made[number] = _said(held, point, reply.text)
        ended += reply.finish_reason == ENDED and not reply.text.strip()
        done += 1
        tell(f"{done} of {len(asked)} turns made")

    try:
        await asyncio.gather(*(one(number, held, point) for number, (held, point) in enumerate(asked)))
    finally:
        await model.aclose()
    turns = tuple(said for said in made if said is not None)
    notes = [
        f"simulated: {len(turns)} next turns for {len(asked)} contexts of people's turns, the true history given; "
        f"in {ended} it ended the conversation where the person went on"
    ]
    if failed:
        notes.append(f"simulated: {failed} calls failed, and are left out")
    return Side(model.spec, turns), notes


def _said(held: Held, point: Point, text: str) -> Said:
    before = tuple(m["content"] for m in point.prompt if m["role"] != "system" and m["content"] != held.opener)
    return Said(text, held.group, point.number, before, before[-1] if before else None, point.first and held.true_start)
