"""The plan: which situations are played, by coverage and not by blind chance.

    for planned in Plan(stages, seed=0).take(200): ...

Scenes are used evenly; within a scene, casts, topics and emotions are. No pair of personas meets again before the
others had their turn. The plan is a stream of units, each a dialogue or the telling of a story: the first 200 of 400
are the 200. A story takes as many indices as it may have chapters; those it does not reach stay empty.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, permutations, product
from pathlib import Path

from simworld.errors import UsageError
from simworld.packs import Pack
from simworld.prompts import Situation, field_values, render_field
from simworld.schema import Persona, Scene, Story
from simworld.simulate.chapters import Setting, chapter_scene, personas_of
from simworld.simulate.dialogue import mix

VARIANTS = 5040
"""More than a text has alternatives, and a multiple of every small number: each is as likely to be the first."""
Row = Mapping[str, str]
"""What one dialogue is about: column -> text, read by the scene's templates as `row.COLUMN`."""
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

    @property
    def id(self) -> str:
        """Id of the scene."""
        return self.scene.id

    @property
    def width(self) -> int:
        """Indices that one playing takes."""
        return 1


@dataclass(frozen=True, slots=True)
class StoryStage:
    """A story with everybody who may take each of its parts."""

    story: Story
    candidates: Mapping[str, tuple[Persona, ...]]
    """Part id -> personas; one for a fixed part."""
    settings: Mapping[str, Setting]
    """Chapter id -> the scene it plays, and where that comes from."""
    pack: Pack | None = None

    @property
    def id(self) -> str:
        """Id of the story."""
        return self.story.id

    @property
    def width(self) -> int:
        """Indices that one telling takes."""
        return self.story.width


AnyStage = Stage | StoryStage


@dataclass(frozen=True, slots=True)
class Planned:
    """One dialogue of the plan."""

    unit: int
    """Number of the unit of the plan, from 0."""
    index: int
    id: str
    situation: Situation
    seed: int
    root: Path | None
    """Folder of the scene's pack."""
    variant: int
    """Which of the scene's alternative texts are told: from a first one that the seed draws, one further each time."""
    row: int | None = None
    """Number of the row that it is about, from 0, where the run gives rows."""


@dataclass(frozen=True, slots=True)
class PlannedStory:
    """One telling of a story: its chapters, of which not all need be played."""

    unit: int
    index: int
    """Index of its first chapter."""
    id: str
    story: Story
    cast: Mapping[str, Persona]
    """Part id -> persona."""
    chapters: Mapping[str, tuple[Situation, Path | None]]
    """Chapter id -> its situation, and the folder of its scene's pack."""
    seed: int
    variant: int


def scenes_of(stage: AnyStage) -> list[Scene]:
    """The scenes that a stage plays."""
    if isinstance(stage, Stage):
        return [stage.scene]
    return [chapter_scene(chapter, stage.settings[chapter.id].scene) for chapter in stage.story.chapters]


def played(stages: Sequence[AnyStage]) -> list[Scene]:
    """Every scene of these stages."""
    return [scene for stage in stages for scene in scenes_of(stage)]


def cast_of(stages: Sequence[AnyStage]) -> tuple[list[Persona], list[Scene]]:
    """Everybody who may be in what these stages play, and the scenes as their packs have them."""
    people = [who for stage in stages for seat in stage.candidates.values() for who in seat]
    scenes = [stage.scene for stage in stages if isinstance(stage, Stage)]
    for stage in stages:
        if isinstance(stage, StoryStage):
            people += [who for setting in stage.settings.values() for who in setting.fixed.values()]
            scenes += [setting.scene for setting in stage.settings.values()]
    return people, scenes


def seats_of(stages: Sequence[AnyStage]) -> set[str]:
    """Every seat, and every part of a story, that may be named."""
    seats = {seat.id for scene in played(stages) for seat in scene.seats}
    return seats | {seat for stage in stages for seat in stage.candidates}


def people_of(item: Planned | PlannedStory) -> list[Persona]:
    """Everybody who is in it."""
    if isinstance(item, Planned):
        return list(item.situation.cast.values())
    found = {who.id: who for situation, _ in item.chapters.values() for who in situation.cast.values()}
    return list(found.values())


class Plan:
    """A stream of dialogues and stories over scenes, casts, topics and emotions."""

    def __init__(self, stages: Sequence[AnyStage], seed: int, rows: Sequence[Row] = ()) -> None:
        """`rows`: what dialogues are about, in the place of the scenes' own; each scene goes through all, in turn."""
        if not stages:
            raise UsageError("there is no scene to play")
        self._stages = list(stages)
        self._seed = seed
        self._rows = rows

    def __iter__(self) -> Iterator[Planned | PlannedStory]:
        """The endless stream, from index 0."""
        tally = _Tally(self._seed)
        for unit, (index, stage, round_) in enumerate(self._order()):
            if isinstance(stage, StoryStage):
                yield self._plan_story(tally, stage, unit, index, round_)
            else:
                yield self._plan(tally, stage, unit, index, round_)

    def take(self, n: int) -> Iterator[Planned | PlannedStory]:
        """The first `n` units."""
        return islice(iter(self), n)

    def spans(self, n: int) -> Iterator[range]:
        """The indices of each of the first `n` units."""
        return (range(index, index + stage.width) for index, stage, _ in islice(self._order(), n))

    def _order(self) -> Iterator[tuple[int, AnyStage, int]]:
        """First index, stage and round of each unit."""
        index = 0
        for round_ in _rounds():
            for at in sorted(range(len(self._stages)), key=lambda at: mix(self._seed, "scene", round_, at)):
                yield index, self._stages[at], round_
                index += self._stages[at].width

    def _plan(self, tally: _Tally, stage: Stage, unit: int, index: int, round_: int) -> Planned:
        scene = stage.scene
        cast = tally.cast(stage, index)
        situation = tally.situation(scene, cast, index, scene.id, self._row(scene, round_))
        seed = mix(self._seed, "dialogue", index)
        first = mix(self._seed, "variant", scene.id) % VARIANTS
        id, row = f"{scene.id}-{index:06d}", round_ % len(self._rows) if self._rows else None
        return Planned(unit, index, id, situation, seed, stage.root, first + round_, row)

    def _row(self, scene: Scene, round_: int) -> Row | None:
        """What the playing of a scene in this round is about: of the run's rows, else of its own, the next in turn."""
        rows = self._rows or scene.rows
        return rows[round_ % len(rows)] if rows else None

    def _plan_story(self, tally: _Tally, stage: StoryStage, unit: int, index: int, round_: int) -> PlannedStory:
        story = stage.story
        cast = tally.cast(stage, index)
        chapters: dict[str, tuple[Situation, Path | None]] = {}
        for chapter in story.chapters:
            setting = stage.settings[chapter.id]
            scene = chapter_scene(chapter, setting.scene)
            seated = personas_of(chapter, setting, cast)
            name, row = f"{story.id}/{chapter.id}", self._row(scene, round_)
            chapters[chapter.id] = tally.situation(scene, seated, index, name, row), setting.root
        seed = mix(self._seed, "dialogue", index)
        first = mix(self._seed, "variant", story.id) % VARIANTS
        return PlannedStory(unit, index, f"{story.id}-{index:06d}", story, cast, chapters, seed, first + round_)


def _profiled(scene: Scene, cast: Mapping[str, Persona], values: Mapping[str, object]) -> Mapping[str, Persona]:
    """The cast, those whose seat says who they are with that profile."""
    said = {seat.id: text for seat in scene.seats if seat.profile and (text := render_field(seat.profile, values))}
    if not said:
        return cast
    return {id: who.model_copy(update={"profile": said[id]}) if id in said else who for id, who in cast.items()}


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
        self._met: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """Persona id -> who they were cast with, how often."""

    def situation(self, scene: Scene, cast: Mapping[str, Persona], index: int, name: str, row: Row | None) -> Situation:
        """The scene with these people; topic and emotions drawn evenly among all that is played as `name`."""
        topic = self.even((name, "topic"), scene.topics, index) if scene.topics else ""
        emotions: dict[str, str] = {}
        for seat in scene.seats:
            drawn = seat.emotion
            if not drawn and scene.emotions and seat.role != "narrator":
                drawn = self.even((name, seat.id, topic), scene.emotions, index, (name, seat.id))
            if drawn:
                emotions[seat.id] = drawn
        values = field_values(scene, cast, topic, row)
        return Situation(scene, _profiled(scene, cast, values), topic, emotions, values)

    def even(self, kind: tuple[str, ...], values: Sequence[str], index: int, wider: tuple[str, ...] = ()) -> str:
        """The value used least under `kind`, then under `wider`; chance only among equals."""

        uses = {value: (self._used[(*wider, value)] if wider else 0, self._used[(*kind, value)]) for value in values}
        least = min(uses.values())
        equals = [value for value, used in uses.items() if used == least]
        drawn = min(equals, key=lambda value: mix(self._seed, index, *kind, value))
        self._used[(*kind, drawn)] += 1
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
            self._used[("who", persona.id)] += 1
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
            pairs, *others = self._weight(stage, [*taken, seat], people)
            weights[id] = (max(pairs, self._least_met(stage, later[:1], id)), *others, self._chance(people, index))
        for id in sorted(free, key=weights.__getitem__):
            if filled := self._fill(stage, order, {**taken, seat: free[id]}, index):
                return filled
        return None

    def _least_met(self, stage: AnyStage, following: Sequence[str], id: str) -> int:
        """How often this persona has met whoever of the seat to be filled next they met least."""
        others = (who.id for seat in following for who in stage.candidates[seat] if who.id != id)
        return min((self._met[id][other] for other in others), default=0)

    def _weight(self, stage: AnyStage, seats: Sequence[str], people: Sequence[Persona]) -> tuple[int, ...]:
        """How often these have met, sat there and been used; the lighter cast is the better one."""
        ids = [persona.id for persona in people]
        pairs = [self._met[one][other] for one, other in combinations(ids, 2)]
        own = [self._used[(stage.id, seat, id)] for seat, id in zip(seats, ids, strict=True)]
        who = [self._used[("who", id)] for id in ids]
        return max(pairs, default=0), max(own, default=0), sum(pairs), sum(who)

    def _chance(self, people: Sequence[Persona], index: int) -> int:
        """What decides between casts of one weight."""
        return mix(self._seed, index, *(persona.id for persona in people))
