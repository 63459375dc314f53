"""The plan: which situations are played, by coverage and not by blind chance.

    for situation in Plan(stages, seed=0).take(200): ...

Scenes are used evenly; within a scene, casts, topics and emotions are. No pair of personas meets again before the
others had their turn. The plan is a stream: the first 200 of 400 are the 200.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from pathlib import Path

from simworld.errors import UsageError
from simworld.packs import Pack
from simworld.prompts import Situation, field_values
from simworld.schema import Persona, Scene
from simworld.simulate.dialogue import mix

VARIANTS = 5040
"""More than a text has alternatives, and a multiple of every small number: each is as likely to be the first."""
MOST_CASTS = 300
"""Casts that are weighed one by one; where a scene allows more, seats are filled one after another."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene with everybody who may sit at each of its seats."""

    scene: Scene
    candidates: Mapping[str, tuple[Persona, ...]]
    """Seat id -> personas; one for a fixed seat."""
    pack: Pack | None = None
    """The pack that the scene comes from; None for a scene made in Python."""

    @property
    def root(self) -> Path | None:
        """Folder of the scene's pack."""
        return self.pack.root if self.pack else None


@dataclass(frozen=True, slots=True)
class Planned:
    """One dialogue of the plan."""

    index: int
    id: str
    situation: Situation
    seed: int
    root: Path | None
    """Folder of the scene's pack."""
    variant: int
    """Which of the scene's alternative texts are told: from a first one that the seed draws, one further each time."""


class Plan:
    """A stream of dialogues over scenes, casts, topics and emotions."""

    def __init__(self, stages: Sequence[Stage], seed: int) -> None:
        if not stages:
            raise UsageError("there is no scene to play")
        self._stages = list(stages)
        self._seed = seed

    def __iter__(self) -> Iterator[Planned]:
        """The endless stream, from index 0."""
        tally = _Tally(self._seed)
        index = 0
        for round_ in _rounds():
            order = sorted(range(len(self._stages)), key=lambda at: mix(self._seed, "scene", round_, at))
            for at in order:
                yield self._plan(tally, self._stages[at], index, round_)
                index += 1

    def take(self, n: int) -> Iterator[Planned]:
        """The first `n`."""
        return islice(iter(self), n)

    def _plan(self, tally: _Tally, stage: Stage, index: int, round_: int) -> Planned:
        scene = stage.scene
        cast = tally.cast(stage, index)
        topic = tally.even((scene.id, "topic"), scene.topics, index) if scene.topics else ""
        emotions: dict[str, str] = {}
        for seat in scene.seats:
            drawn = seat.emotion
            if not drawn and scene.emotions and seat.role != "narrator":
                drawn = tally.even((scene.id, seat.id, topic), scene.emotions, index, (scene.id, seat.id))
            if drawn:
                emotions[seat.id] = drawn
        situation = Situation(scene, cast, topic, emotions, field_values(scene, cast, topic))
        seed = mix(self._seed, "dialogue", index)
        first = mix(self._seed, "variant", scene.id) % VARIANTS
        return Planned(index, f"{scene.id}-{index:06d}", situation, seed, stage.root, first + round_)


def _rounds() -> Iterator[int]:
    round_ = 0
    while True:
        yield round_
        round_ += 1


class _Tally:
    """How often each value, persona and pair has been used."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._used: Counter[tuple[object, ...]] = Counter()

    def even(self, kind: tuple[str, ...], values: Sequence[str], index: int, wider: tuple[str, ...] = ()) -> str:
        """The value used least under `kind`, then under `wider`; chance only among equals."""

        def weight(value: str) -> tuple[int, int, int]:
            return (
                self._used[(*wider, value)] if wider else 0,
                self._used[(*kind, value)],
                mix(self._seed, index, *kind, value),
            )

        drawn = min(values, key=weight)
        self._used[(*kind, drawn)] += 1
        if wider:
            self._used[(*wider, drawn)] += 1
        return drawn

    def cast(self, stage: Stage, index: int) -> dict[str, Persona]:
        """Who sits where: the cast whose pairs have met least, then whose people were used least."""
        seats = list(stage.candidates)
        sizes = 1
        for seat in seats:
            sizes *= len(stage.candidates[seat])
        chosen = self._weighed(stage, seats, index) if sizes <= MOST_CASTS else self._filled(stage, seats, index)
        if chosen is None:
            raise UsageError(f"scene '{stage.scene.id}': its open seats cannot all be taken by different personas")
        for one, other in combinations(sorted(persona.id for persona in chosen.values()), 2):
            self._used[("pair", one, other)] += 1
        for seat, persona in chosen.items():
            self._used[("who", persona.id)] += 1
            self._used[(stage.scene.id, seat, persona.id)] += 1
        return chosen

    def _weighed(self, stage: Stage, seats: list[str], index: int) -> dict[str, Persona] | None:
        best: tuple[int, ...] = ()
        chosen: dict[str, Persona] | None = None
        for people in product(*stage.candidates.values()):
            if len({persona.id for persona in people}) < len(people):
                continue
            weight = self._weight(stage, seats, people, index)
            if chosen is None or weight < best:
                best, chosen = weight, dict(zip(seats, people, strict=True))
        return chosen

    def _filled(self, stage: Stage, seats: list[str], index: int) -> dict[str, Persona] | None:
        """Seat by seat, the scarcest first; a choice that leaves nobody for a later seat is taken back."""
        order = sorted(seats, key=lambda seat: len(stage.candidates[seat]))
        taken = self._fill(stage, order, {}, index)
        return {seat: taken[seat] for seat in seats} if taken else None

    def _fill(
        self, stage: Stage, order: Sequence[str], taken: dict[str, Persona], index: int
    ) -> dict[str, Persona] | None:
        if len(taken) == len(order):
            return taken
        seat, *later = order[len(taken) :]
        there = {persona.id for persona in taken.values()}
        free = {who.id: who for who in stage.candidates[seat] if who.id not in there}
        weights: dict[str, tuple[int, ...]] = {}
        for id, who in free.items():
            pairs, *others = self._weight(stage, [*taken, seat], (*taken.values(), who), index)
            weights[id] = (max(pairs, self._least_met(stage, later[:1], id)), *others)
        for id in sorted(free, key=weights.__getitem__):
            if filled := self._fill(stage, order, {**taken, seat: free[id]}, index):
                return filled
        return None

    def _least_met(self, stage: Stage, following: Sequence[str], id: str) -> int:
        """How often this persona has met whoever of the seat to be filled next they met least."""
        others = (who.id for seat in following for who in stage.candidates[seat] if who.id != id)
        return min((self._used[("pair", *sorted((id, other)))] for other in others), default=0)

    def _weight(self, stage: Stage, seats: Sequence[str], people: Sequence[Persona], index: int) -> tuple[int, ...]:
        ids = [persona.id for persona in people]
        pairs = [self._used[("pair", *sorted(pair))] for pair in combinations(ids, 2)]
        own = [self._used[(stage.scene.id, seat, id)] for seat, id in zip(seats, ids, strict=True)]
        who = [self._used[("who", id)] for id in ids]
        return (max(pairs, default=0), max(own, default=0), sum(pairs), sum(who), mix(self._seed, index, *ids))
