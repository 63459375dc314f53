"""What comes to a scene from outside its seats: who enters late, what happens, and hands that reach into a mind.

    draft = Draft(dialogue, world, minds, n, act)
    unfold(draft, done=4, fresh=turns_of_the_act)

All of it is looked at after each act, in this order: entries, happenings, interventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simworld.schema import (
    NARRATOR,
    OUT,
    Condition,
    Happening,
    Intervened,
    Intervention,
    Memory,
    Mind,
    Turn,
    World,
)
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.inside import kept
from simworld.simulate.state import News
from simworld.world import Course, holds, perceivers, place_of, settle, witnesses

PLANTED = 0.9
"""Importance of a memory that an intervention plants."""


@dataclass(slots=True)
class Draft:
    """The turns of one act, and of what follows it, while they are made."""

    dialogue: Dialogue
    world: World
    minds: dict[str, Mind]
    """Seat -> mind, as far as it changes here."""
    n: int
    act: int
    turns: list[Turn] = field(default_factory=list[Turn])
    news: list[News] = field(default_factory=list[News])

    def add(self, seat: str, kind: str, text: str, **more: Any) -> None:
        """One more turn: it is known who perceives it, and the world settles."""
        turn = Turn(
            n=self.next_n, act=self.act, minutes=self.world.minutes, seat=seat,
            kind=kind, text=text, **more,  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
        if not turn.heard_by:
            heard = perceivers(self.dialogue.situation.scene, self.world, turn)
            turn = turn.model_copy(update={"heard_by": heard})
        self.world = settle(self.world, turn)
        self.turns.append(turn)

    @property
    def next_n(self) -> int:
        """Number of the next turn."""
        return self.n + len(self.turns)


def unfold(draft: Draft, done: int, fresh: Sequence[Turn]) -> None:
    """All that comes to the scene before its act number `done`; `fresh` are the turns of the act just made."""
    dialogue = draft.dialogue
    scene = dialogue.situation.scene
    if draft.world.awaited:
        _enter(draft, done)
    course = _course(draft, done, fresh) if scene.conditions else None
    for number, happening in enumerate(scene.happenings):
        if _happens(draft, number, happening, done, course, fresh):
            _happen(draft, number, happening)
    for number, intervention in enumerate(dialogue.interventions):
        if number not in draft.world.intervened and _is_due(intervention.at, intervention.when, done, dialogue, course):
            _intervene(draft, number, intervention, done)


def _enter(draft: Draft, done: int) -> None:
    """Who is to come by now comes in; and the first of them, where nobody is left to act."""
    scene = draft.dialogue.situation.scene
    for seat in scene.seats:
        deserted = all(place == OUT for place in draft.world.where.values())
        if seat.id in draft.world.awaited and (seat.enters <= done or deserted):
            draft.add(seat.id, "move", place_of(scene, seat), source="scene")
            draft.act += 1


def _happens(
    draft: Draft, number: int, happening: Happening, done: int, course: Course | None, fresh: Sequence[Turn]
) -> bool:
    if happening.when is None and happening.enters is None:
        due = happening.at == done
    else:
        due = (
            number not in draft.world.happened
            and _is_due(happening.at, happening.when, done, draft.dialogue, course, exactly=False)
            and (happening.enters is None or _entered(happening, (*fresh, *draft.turns)))
        )
    return due and draft.dialogue.may_happen(number, happening)


def _is_due(
    at: int | None, when: str | None, done: int, dialogue: Dialogue, course: Course | None, *, exactly: bool = True
) -> bool:
    """Whether the time has come: at this very act, or since then once the condition holds."""
    if when is None:
        return at == done if exactly else at is None or done >= at
    condition: Condition = dialogue.situation.scene.conditions[when]
    return (at is None or done >= at) and course is not None and holds(condition, course)


def _entered(happening: Happening, turns: Sequence[Turn]) -> bool:
    return any(
        turn.kind == "move" and turn.text == happening.enters and (not happening.by or turn.seat in happening.by)
        for turn in turns
    )


def _happen(draft: Draft, number: int, happening: Happening) -> None:
    dialogue = draft.dialogue
    if happening.when or happening.enters:
        draft.world = draft.world.model_copy(update={"happened": draft.world.happened | {number}})
    heard = witnesses(dialogue.situation.scene, draft.world, happening)
    text = dialogue.situation.text(happening.text[dialogue.variant % len(happening.text)])
    if heard:
        draft.add(NARRATOR, "do", text, to=happening.to, heard_by=heard, source="scene")
        draft.act += 1


def _intervene(draft: Draft, number: int, given: Intervention, done: int) -> None:
    """Change one mind, and write down that it was done."""
    dialogue, seat = draft.dialogue, given.seat
    text = dialogue.situation.text
    filled = given.model_copy(
        update={"memory": text(given.memory), "whisper": text(given.whisper), "goal": text(given.goal)}
    )
    nature, mind = dialogue.natures[seat], draft.minds[seat]
    draft.news.append((seat, Intervened(n=draft.next_n, act=done, what=filled)))
    draft.world = draft.world.model_copy(update={"intervened": draft.world.intervened | {number}})
    if filled.emotion:
        felt = nature.models.emotion.begin(filled.emotion, nature.temperament)
        mind = mind.model_copy(update={"emotion": felt})
    if filled.goal:
        mind = mind.model_copy(update={"goal": filled.goal})
    if filled.memory:
        mind = _plant(draft, seat, mind, filled.memory)
    draft.minds[seat] = mind
    if filled.whisper and draft.world.where[seat] != OUT:
        draft.add(NARRATOR, "do", filled.whisper, to=(seat,), heard_by=(seat,), source="scene")
        draft.act += 1


def _plant(draft: Draft, seat: str, mind: Mind, text: str) -> Mind:
    """The mind with a memory that it takes for its own, and that its next note tells."""
    nature = draft.dialogue.natures[seat]
    planted = Memory(
        id=mind.next_id, kind="planted", text=text, minutes=mind.minutes, scene=nature.dialogue, at=draft.next_n - 1,
        importance=PLANTED, emotion=mind.emotion.name,
    )  # fmt: skip
    mind, let_go = kept(nature, mind, (planted,), draft.next_n - 1)
    if planted in mind.memories:
        draft.news.append((seat, planted))
        mind = mind.model_copy(update={"pressing": (*mind.pressing, planted.id)})
    draft.news += [(seat, one) for one in let_go]
    return mind


def _course(draft: Draft, done: int, fresh: Sequence[Turn]) -> Course:
    """How the scene stands, by seats."""
    cast = draft.dialogue.situation.cast
    ties = {
        seat: {other: mind.ties[who.id] for other, who in cast.items() if who.id in mind.ties}
        for seat, mind in draft.minds.items()
    }
    feels = {seat: mind.emotion.name for seat, mind in draft.minds.items()}
    return Course(
        acts=done, minutes=draft.world.minutes, fresh=fresh, where=draft.world.where, feels=feels, ties=ties
    )  # fmt: skip
