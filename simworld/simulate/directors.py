"""Directors: the turn-taking policies. Each says who acts next, or that the scene is over.

    class Alternate:
        def choose(self, moment: Moment) -> str: ...

A director keeps no state: it looks at the moment. `Moment.present` holds only seats that are still in the scene; a
model-led scene asks a chat model in a node of its own (see `director_model`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from simworld.mind.temperament import factors
from simworld.registry import find
from simworld.schema import Mind, Persona, Scene, Turn
from simworld.text.words import whole

OVER = ""
"""What `choose` returns where the director ends the scene."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a director sees: the public course of the scene, and who is still there."""

    scene: Scene
    names: dict[str, str]
    """Seat id -> name."""
    present: tuple[str, ...]
    """Seats still in the scene, in the scene's order."""
    turns: Sequence[Turn]
    acts: tuple[str, ...]
    """Who acted, act by act (scene openings counted, happenings not)."""
    rng: Random
    minds: Mapping[str, Mind] = field(default_factory=dict[str, Mind])
    """Seat -> its mind: for directors that ask who is eager to speak."""
    cast: Mapping[str, Persona] = field(default_factory=dict[str, Persona])


class Director(Protocol):
    """Who acts next."""

    def choose(self, moment: Moment) -> str:
        """The seat that acts next, or `OVER`."""
        ...


class RoundRobin:
    """Everybody in the scene's order (or `director.order`), again and again."""

    def choose(self, moment: Moment) -> str:
        """The next in order after the one who acted last."""
        order = [seat for seat in (moment.scene.director.order or moment.present) if seat in moment.present]
        return _next_in(order or moment.present, moment.acts, moment)


class Alternate:
    """The main seat every second time, the others in turn between; two seats simply alternate."""

    def choose(self, moment: Moment) -> str:
        """The main seat after any other, else the other who has waited longest."""
        main = moment.scene.main
        if main not in moment.present:
            return _next_in(moment.present, moment.acts, moment)
        if not moment.acts:
            return moment.scene.director.first or main
        if moment.acts[-1] != main:
            return main
        others = [seat for seat in moment.present if seat != main]
        return _longest_silent(others, moment.acts) if others else main


class Addressed:
    """Who was spoken to or named; else who was answered; else who has been silent longest."""

    def choose(self, moment: Moment) -> str:
        """The seat that the last words call for."""
        if not moment.acts:
            return moment.scene.director.first or moment.present[0]
        speaker = moment.acts[-1]
        others = [seat for seat in moment.present if seat != speaker]
        if not others:
            return speaker
        if _monopoly(moment.acts, others):
            return _longest_silent(others, moment.acts)
        for turn in _last_words(moment.turns, speaker):
            if called := _called(turn, others, moment.names):
                return called
        waiting = [seat for seat in others if seat not in moment.acts[-len(others) :]]
        return moment.rng.choice(waiting) if waiting else _longest_silent(others, moment.acts)


class Urge:
    """Whoever is most eager: by temper, by feeling, by how long they were silent, by being spoken to, by ties."""

    def choose(self, moment: Moment) -> str:
        """The seat with the strongest urge to speak; a little chance among the nearly equal."""
        if not moment.acts:
            return moment.scene.director.first or moment.present[0]
        speaker = moment.acts[-1]
        others = [seat for seat in moment.present if seat != speaker] or list(moment.present)
        if _monopoly(moment.acts, others):
            return _longest_silent(others, moment.acts)
        called = next(
            (seat for turn in _last_words(moment.turns, speaker) if (seat := _called(turn, others, moment.names))), ""
        )
        urges = {seat: urge(seat, moment, called) + moment.rng.uniform(0, URGE_CHANCE) for seat in others}
        return max(urges, key=lambda seat: (urges[seat], -others.index(seat)))


URGE_CHANCE = 0.35
"""Chance added to an urge, at the most: what being strongly aroused adds."""


def urge(seat: str, moment: Moment, called: str) -> float:
    """How eager a seat is to speak, about 0..4: the sum of

    being spoken to (1.6), extraversion (0..0.8), arousal (-0.4..0.4), dominance felt (-0.2..0.2), silence (0.25 an act
    since its last one, at most 1.0), and how much the last speaker matters to it (the larger of |warmth| and |trust|,
    times 0.4). The factors are those of turn-taking by self-selection and by selection of the next speaker (Sacks,
    Schegloff & Jefferson 1974); their weights are ours.
    """
    mind, persona = moment.minds[seat], moment.cast[seat]
    silent = next((back for back, actor in enumerate(reversed(moment.acts)) if actor == seat), len(moment.acts))
    last = moment.cast.get(moment.acts[-1])
    tie = mind.ties.get(last.id) if last else None
    felt = mind.emotion.affect
    return (
        1.6 * (seat == called)
        + 0.8 * factors(persona).extraversion
        + 0.4 * felt.arousal
        + 0.2 * felt.dominance
        + min(1.0, 0.25 * silent)
        + (0.4 * max(abs(tie.warmth), abs(tie.trust)) if tie else 0.0)
    )


class Scripted:
    """`director.order` as it stands, after the openings; then the end, or the same order again."""

    def choose(self, moment: Moment) -> str:
        """The seat whose place in the script has come; those who have left are passed over."""
        direction, size = moment.scene.director, len(moment.scene.director.order)
        at = 0
        for seat in moment.acts[len(moment.scene.openings) :]:
            at = next((n for n in range(at, at + size) if direction.order[n % size] == seat), at) + 1
        last = at + size if direction.then == "repeat" else size
        following = (direction.order[n % size] for n in range(at, last))
        return next((seat for seat in following if seat in moment.present), OVER)


class ModelLed:
    """Marks a scene whose director is a chat model; the graph asks it in a node of its own."""

    def choose(self, moment: Moment) -> str:
        """Who acts first: nobody has said anything yet that a model could judge."""
        return moment.scene.director.first or moment.present[0]


DIRECTORS: dict[str, Callable[[], Director]] = {
    "addressed": Addressed,
    "alternate": Alternate,
    "model": ModelLed,
    "round_robin": RoundRobin,
    "scripted": Scripted,
    "urge": Urge,
}


def director_of(scene: Scene) -> tuple[str, Director]:
    """The scene's director by name, and made; `alternate` for two seats, `addressed` for more."""
    speaking = [seat for seat in scene.seats if seat.role != "narrator"]
    name = scene.director.name or ("alternate" if len(speaking) < 3 else "addressed")
    make: Callable[[], Director] = find("director", name, DIRECTORS, "See `simworld list directors`.")
    return name, make()


def _next_in(order: Sequence[str], acts: Sequence[str], moment: Moment) -> str:
    done = [seat for seat in acts if seat in order]
    if not done:
        first = moment.scene.director.first
        return first if first and first in order else order[0]
    return order[(_place_in(order, done) + 1) % len(order)]


def _place_in(order: Sequence[str], done: Sequence[str]) -> int:
    """Where in the order the last act stood; of several places of one seat the one whose way there fits best."""

    def fit(at: int) -> int:
        way = zip(reversed(done), (order[at - back] for back in range(len(order))), strict=False)
        return next((n for n, (seat, wanted) in enumerate(way) if seat != wanted), len(order))

    return max((at for at, seat in enumerate(order) if seat == done[-1]), key=fit)


def _longest_silent(seats: Iterable[str], acts: Sequence[str]) -> str:
    last = {seat: at for at, seat in enumerate(acts)}
    return min(seats, key=lambda seat: last.get(seat, -1))


def _last_words(turns: Sequence[Turn], speaker: str) -> list[Turn]:
    """What the speaker said to others in their last act, the last first."""
    own = [turn for turn in turns if turn.seat == speaker]
    return [turn for turn in reversed(own) if turn.act == own[-1].act and turn.kind == "say" and turn.manner != "aside"]


def _called(turn: Turn, others: Sequence[str], names: dict[str, str]) -> str:
    """The seat that a turn addresses: by `to`, else by the name that stands last in it (of two there, the longer)."""
    for seat in turn.to:
        if seat in others:
            return seat
    best, last = "", (-1, 0)
    for seat in others:
        for name in (names[seat], *names[seat].split(maxsplit=1)[:1]):
            if name not in turn.text:
                continue
            found = [match.span() for match in whole((name,)).finditer(turn.text)]
            if found and found[-1] > last:
                best, last = seat, found[-1]
    return best


def _monopoly(acts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether somebody has not acted for three rounds."""
    recent = set(acts[-3 * (len(others) + 1) :])
    return len(acts) > 3 * (len(others) + 1) and any(seat not in recent for seat in others)
