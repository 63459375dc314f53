"""Tally: how often each value, persona and pair has been used, and which comes next for it.

The value used least comes next, the cast whose pairs have met least; chance, from the seed, only among equals. A plan
that fills up a corpus begins with the corpus's counts, and looks first at what is thin in all of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations, product

from simworld.errors import UsageError
from simworld.prompts import Situation, field_values, render_field
from simworld.schema import Persona, Scene
from simworld.simulate.coverage import Coverage, decade_of
from simworld.simulate.dialogue import mix
from simworld.simulate.stage import AnyStage

MOST_CASTS = 300
"""Casts that are weighed one by one; where a scene allows more, seats are filled one after another."""
WHO, TOPIC, EMOTION, CAREER, DECADE = "who", "topic of all", "emotion of all", "career", "decade"
Row = Mapping[str, str]
"""What one dialogue is about: column -> text, read by the scene's templates as `row.COLUMN`."""


def _profiled(scene: Scene, cast: Mapping[str, Persona], values: Mapping[str, object]) -> Mapping[str, Persona]:
    """The cast, those whose seat says who they are with that profile."""
    said = {seat.id: text for seat in scene.seats if seat.profile and (text := render_field(seat.profile, values))}
    if not said:
        return cast
    return {id: who.model_copy(update={"profile": said[id]}) if id in said else who for id, who in cast.items()}


class Tally:
    """How often each value, persona and pair has been used; begun with the `coverage` of a corpus that is filled up."""

    def __init__(self, seed: int, coverage: Coverage | None = None) -> None:
        self._seed = seed
        self._fills = coverage is not None
        self._used: Counter[tuple[object, ...]] = Counter()
        self._met: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """Persona id -> who they were cast with, how often."""
        if coverage:
            self._begin(coverage)

    def _begin(self, coverage: Coverage) -> None:
        self._used.update(coverage.within)
        for kind, counts in (
            (WHO, coverage.personas), (TOPIC, coverage.topics), (EMOTION, coverage.emotions),
            (CAREER, coverage.careers), (DECADE, coverage.decades),
        ):  # fmt: skip
            self._used.update({(kind, value): count for value, count in counts.items()})
        for one, others in coverage.met.items():
            self._met[one].update(others)

    def situation(self, scene: Scene, cast: Mapping[str, Persona], index: int, name: str, row: Row | None) -> Situation:
        """The scene with these people; topic and emotions drawn evenly among all that is played as `name`."""
        topic = self.even((name, "topic"), scene.topics, index, first=TOPIC) if scene.topics else ""
        emotions: dict[str, str] = {}
        for seat in scene.seats:
            drawn = seat.emotion
            if not drawn and scene.emotions and seat.role != "narrator":
                drawn = self.even((name, seat.id, topic), scene.emotions, index, (name, seat.id), first=EMOTION)
            if drawn:
                emotions[seat.id] = drawn
        values = field_values(scene, cast, topic, row)
        return Situation(scene, _profiled(scene, cast, values), topic, emotions, values)

    def even(
        self, kind: tuple[str, ...], values: Sequence[str], index: int, wider: tuple[str, ...] = (), *, first: str
    ) -> str:
        """The value used least under `wider`, then under `kind`; chance only among equals. In a plan that fills up
        what counts before both is how often all that is played used it, as `first` names it."""
        uses = {
            value: (
                self._used[(first, value)] if self._fills else 0,
                self._used[(*wider, value)] if wider else 0,
                self._used[(*kind, value)],
            )
            for value in values
        }
        least = min(uses.values())
        equals = [value for value, used in uses.items() if used == least]
        drawn = min(equals, key=lambda value: mix(self._seed, index, *kind, value))
        self._used[(*kind, drawn)] += 1
        self._used[(first, drawn)] += 1
        if wider:
            self._used[(*wider, drawn)] += 1
        return drawn

    def cast(self, stage: AnyStage, index: int) -> dict[str, Persona]:
        """Who sits where: the cast whose pairs have met least, then whose people were used least."""
        seats = list(stage.candidates)
        sizes = 1
        for seat in seats:
            sizes *= len(stage.candidates[seat])
        chosen = self._weighed(stage, seats, index) if sizes <= MOST_CASTS else self._filled(stage, seats, index)
        if chosen is None:
            raise UsageError(f"'{stage.id}': its open seats cannot all be taken by different personas")
        for one, other in permutations([persona.id for persona in chosen.values()], 2):
            self._met[one][other] += 1
        for seat, persona in chosen.items():
            self._used[(WHO, persona.id)] += 1
            self._used[(CAREER, persona.career)] += 1
            self._used[(DECADE, decade_of(persona))] += 1
            self._used[(stage.id, seat, persona.id)] += 1
        return chosen

    def _weighed(self, stage: AnyStage, seats: list[str], index: int) -> dict[str, Persona] | None:
        best: tuple[int, ...] = ()
        equals: list[tuple[Persona, ...]] = []
        for people in product(*stage.candidates.values()):
            if len({persona.id for persona in people}) < len(people):
                continue
            weight = self._weight(stage, seats, people)
            if not equals or weight < best:
                best, equals = weight, [people]
            elif weight == best:
                equals.append(people)
        if not equals:
            return None
        chosen = min(equals, key=lambda people: self._chance(people, index))
        return dict(zip(seats, chosen, strict=True))

    def _filled(self, stage: AnyStage, seats: list[str], index: int) -> dict[str, Persona] | None:
        """Seat by seat, the scarcest first; a choice that leaves nobody for a later seat is taken back."""
        order = sorted(seats, key=lambda seat: len(stage.candidates[seat]))
        taken = self._fill(stage, order, {}, index)
        return {seat: taken[seat] for seat in seats} if taken else None

    def _fill(
        self, stage: AnyStage, order: Sequence[str], taken: dict[str, Persona], index: int
    ) -> dict[str, Persona] | None:
        if len(taken) == len(order):
            return taken
        seat, *later = order[len(taken) :]
        there = {persona.id for persona in taken.values()}
        free = {who.id: who for who in stage.candidates[seat] if who.id not in there}
        weights: dict[str, tuple[int, ...]] = {}
        for id, who in free.items():
            people = (*taken.values(), who)
            thin, pairs, *others = self._weight(stage, [*taken, seat], people)
            met = max(pairs, self._least_met(stage, later[:1], id))
            weights[id] = (thin, met, *others, self._chance(people, index))
        for id in sorted(free, key=weights.__getitem__):
            if filled := self._fill(stage, order, {**taken, seat: free[id]}, index):
                return filled
        return None

    def _least_met(self, stage: AnyStage, following: Sequence[str], id: str) -> int:
        """How often this persona has met whoever of the seat to be filled next they met least."""
        others = (who.id for seat in following for who in stage.candidates[seat] if who.id != id)
        return min((self._met[id][other] for other in others), default=0)

    def _weight(self, stage: AnyStage, seats: Sequence[str], people: Sequence[Persona]) -> tuple[int, ...]:
        """How often these have met, sat there and been used; the lighter cast is the better one. In a plan that fills
        up, how often their careers and ages were seated counts before."""
        ids = [persona.id for persona in people]
        pairs = [self._met[one][other] for one, other in combinations(ids, 2)]
        own = [self._used[(stage.id, seat, id)] for seat, id in zip(seats, ids, strict=True)]
        who = [self._used[(WHO, id)] for id in ids]
        thin = sum(map(self._seated, people)) if self._fills else 0
        return thin, max(pairs, default=0), max(own, default=0), sum(pairs), sum(who)

    def _seated(self, persona: Persona) -> int:
        return self._used[(CAREER, persona.career)] + self._used[(DECADE, decade_of(persona))]

    def _chance(self, people: Sequence[Persona], index: int) -> int:
        """What decides between casts of one weight."""
        return mix(self._seed, index, *(persona.id for persona in people))
