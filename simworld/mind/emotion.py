"""Emotion models: how a feeling begins, fades and is moved.

    model = emotion_model("pad")
    feeling = model.begin("Happy", calm)                                    # Happy, at the centre of its region
    feeling = model.feel(feeling, calm, Appraisal(named="Angry"))           # Angry, just over the border
    feeling = model.fade(feeling, calm, minutes=600)                        # Fine: back at the baseline

`PAD` holds a point in the space of pleasure, arousal and dominance (Mehrabian & Russell 1974); the named emotions are
regions of it (`templates/mind/emotions.yaml`). `Categorical` holds the name alone.

A pack may have emotions of its own, which are no region. Such a word says nothing of where its owner is: the numbers
stay as they are, and the word is kept until another is named or the numbers cross the border between two regions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import dist, log2, sqrt
from typing import NamedTuple, Protocol

from simworld.errors import UsageError
from simworld.prompts import data
from simworld.registry import find
from simworld.schema import Affect, Appraisal, Emotion, Temperament

MARGIN = 0.12
"""How much nearer another centre must be before a feeling changes its name; it is a distance, in a cube of side 2."""
DECIMALS = 4
GRID = 10.0**DECIMALS
INSIDE = 0.001
"""How far inside its region a named feeling is put: more than rounding can undo (at most 0.0006)."""

Point = tuple[float, float, float]


class EmotionModel(Protocol):
    """How somebody feels over time; pure, and every number it gives is within -1..1."""

    def begin(self, name: str, temperament: Temperament) -> Emotion:
        """What is felt at first: the named emotion; empty: whatever its owner feels when nothing happens."""
        ...

    def fade(self, emotion: Emotion, temperament: Temperament, minutes: float) -> Emotion:
        """What is left of it after minutes in which nothing happened."""
        ...

    def feel(self, emotion: Emotion, temperament: Temperament, appraisal: Appraisal, weight: float = 1.0) -> Emotion:
        """What is felt after something was appraised; `weight`: how much of it concerns this one, from 0 up."""
        ...


class PAD:
    """A point that is pulled by what happens and falls back to its owner's baseline. Numbers have four decimals."""

    def begin(self, name: str, temperament: Temperament) -> Emotion:
        """The centre of the named region; the baseline and its name where none is named."""
        centre, base = _regions().centres.get(name), temperament.baseline
        return _made(name, centre) if centre else Emotion(name=name or nearest(base), affect=base)

    def fade(self, emotion: Emotion, temperament: Temperament, minutes: float) -> Emotion:
        """Decay toward the baseline: b + (x - b) * 2 ** (-minutes / half_life).

        What is left is cut to four decimals toward the baseline, so that steps of any size come home, none overshoots,
        and n steps are at most n * 0.0001 nearer to it than one step of the same length.
        """
        if minutes <= 0:
            return emotion
        left = 2.0 ** (-minutes / temperament.half_life) * GRID
        old, base = emotion.affect, temperament.baseline
        point = (
            _fallen(old.valence, base.valence, left),
            _fallen(old.arousal, base.arousal, left),
            _fallen(old.dominance, base.dominance, left),
        )
        return _moved(emotion, point)

    def feel(self, emotion: Emotion, temperament: Temperament, appraisal: Appraisal, weight: float = 1.0) -> Emotion:
        """A share of the way to where the appraisal pulls: `to_good` or `to_bad`, times strength and weight.

        Whether the pull is to the better is a matter of where one is: it is, if its valence is the higher. Who names
        what they feel feels it: the way leads to the centre of that region, and at least over its border.
        """
        share = max(0.0, min(1.0, _openness(emotion, temperament, appraisal) * appraisal.strength * weight))
        if appraisal.named:
            return _named(emotion, appraisal.named, share)
        if not share:
            return emotion
        return _moved(emotion, _toward(_point(emotion.affect), _point(appraisal.affect), share))


class Categorical:
    """The named emotion alone: it stays until another is named; the numbers stay zero."""

    def begin(self, name: str, temperament: Temperament) -> Emotion:
        """The named emotion; empty: not known."""
        return Emotion(name=name)

    def fade(self, emotion: Emotion, temperament: Temperament, minutes: float) -> Emotion:
        """The same: a word does not fade."""
        return emotion

    def feel(self, emotion: Emotion, temperament: Temperament, appraisal: Appraisal, weight: float = 1.0) -> Emotion:
        """What its owner names, or the same."""
        return emotion if appraisal.named in ("", emotion.name) else Emotion(name=appraisal.named)


EMOTIONS: dict[str, Callable[[], EmotionModel]] = {"pad": PAD, "categorical": Categorical}
"""Name -> what makes the model. Another package joins by the entry point `simworld.emotion_models`."""


def emotion_model(name: str) -> EmotionModel:
    """The emotion model of this name. Raises UsageError with the allowed names."""
    make: Callable[[], EmotionModel] = find("emotion model", name, EMOTIONS)
    return make()


def nearest(affect: Affect, current: str = "") -> str:
    """The named emotion whose centre is nearest; `current` is kept unless another is nearer by more than `MARGIN`.

    A `current` that is no region is kept: only a model knows what moved since it was named.
    """
    if current and current not in _regions().centres:
        return current
    return _name(_point(affect), current)


def named(appraised: str, known: frozenset[str]) -> str:
    """The vocabulary's spelling of an emotion as a model wrote it (case, blanks and stray full stops aside), or ''."""
    if appraised in known:
        return appraised
    wanted = appraised.strip().strip(".").strip().casefold()
    return next((name for name in sorted(known) if name.casefold() == wanted), "") if wanted else ""


def settles_within(temperament: Temperament, close: float = 0.05) -> float:
    """Minutes after which, if nothing happens, each number is within `close` of the baseline, from wherever it was."""
    if close <= 0:
        raise UsageError(f"close: {close} is not allowed; it must be above 0")
    base = temperament.baseline
    furthest = 1 + max(abs(base.valence), abs(base.arousal), abs(base.dominance))
    return max(0.0, temperament.half_life * log2(furthest / close))


class _Regions(NamedTuple):
    """The named emotions: the centre of each, and what distances to them are computed from."""

    centres: dict[str, Point]
    names: tuple[str, ...]
    rows: tuple[tuple[float, float, float, float], ...]
    """For each name the square of its centre, and its numbers doubled."""
    apart: dict[str, tuple[float, ...]]
    """For each name the squared distances from its centre to those of all, in the order of `names`."""
    hold: dict[str, float]
    """For each name the square of a distance from its centre within which none is nearer by more than `MARGIN`."""


@cache
def _regions() -> _Regions:
    centres = {name: (v, a, d) for name, (v, a, d) in data("mind/emotions.yaml").items()}
    rows = tuple((_square(centre), *(2 * number for number in centre)) for centre in centres.values())
    apart = {name: tuple(dist(centre, other) ** 2 for other in centres.values()) for name, centre in centres.items()}
    # within r of a centre whose nearest other is g away, that other is at least g - r away: nearer by 2 r - g at most
    hold = {name: ((sqrt(sorted(gaps)[1]) + MARGIN) / 2) ** 2 for name, gaps in apart.items()}
    return _Regions(centres, tuple(centres), rows, apart, hold)


def _point(affect: Affect) -> Point:
    return affect.valence, affect.arousal, affect.dominance


def _square(point: Point) -> float:
    return point[0] * point[0] + point[1] * point[1] + point[2] * point[2]


def _farness(point: Point) -> list[float]:
    """For each centre the square of its distance, less the square of the point itself, which is the same for all."""
    v, a, d = point
    return [square - v * x - a * y - d * z for square, x, y, z in _regions().rows]


def _name(point: Point, current: str = "") -> str:
    """The region of a point (of two equally near the first of the file); a `current` one holds on by `MARGIN`."""
    if not current:
        return _closest(point)[0]
    x, y, z = _regions().centres[current]
    own = _square((point[0] - x, point[1] - y, point[2] - z))
    if own <= _regions().hold[current]:
        return current
    name, square = _closest(point)
    return current if sqrt(own) - sqrt(square) <= MARGIN else name


def _closest(point: Point) -> tuple[str, float]:
    """The nearest centre and the square of its distance."""
    farness = _farness(point)
    least = min(farness)
    # max: a distance of zero may come out a hair below it
    return _regions().names[farness.index(least)], max(0.0, least + _square(point))


def _openness(emotion: Emotion, temperament: Temperament, appraisal: Appraisal) -> float:
    """The share that what pulls to the better, to the worse or neither moves this one by."""
    centre = _regions().centres.get(appraisal.named) if appraisal.named else None
    better = (centre[0] if centre else appraisal.affect.valence) - emotion.affect.valence
    if better:
        return temperament.to_good if better > 0 else temperament.to_bad
    return (temperament.to_good + temperament.to_bad) / 2


def _named(emotion: Emotion, name: str, share: float) -> Emotion:
    """The feeling that its owner gave a name: moved toward the centre by this share, at least into the region."""
    point, centre = _point(emotion.affect), _regions().centres.get(name)
    if centre is None:
        return _emotion(emotion, name, point)
    return _emotion(emotion, name, _toward(point, centre, max(share, _entry(point, name))))


def _entry(point: Point, name: str) -> float:
    """The share of the straight way to a centre after which no other is as near.

    For each other centre the difference of the squared distances falls linearly along the way, from `behind` at its
    start to minus the square of the two centres' distance at its end; the last of them to fall below zero counts.
    """
    farness, apart = _farness(point), _regions().apart[name]
    own = farness[_regions().names.index(name)] + INSIDE
    ways = [
        (own - far) / (own - far - INSIDE + gap) for far, gap in zip(farness, apart, strict=True) if own > far and gap
    ]
    return max(ways, default=0.0)


def _fallen(value: float, base: float, left: float) -> float:
    """A number after its fall to the base, of which `left` (in steps of the grid) is left."""
    base = round(base, DECIMALS)
    # int() cuts toward zero; + 0.0: no minus zero in records
    return round(base + int((value - base) * left) / GRID, DECIMALS) + 0.0


def _toward(point: Point, goal: Point, share: float) -> Point:
    (v, a, d), (x, y, z) = point, goal
    return (
        round(v + (x - v) * share, DECIMALS) + 0.0,
        round(a + (y - a) * share, DECIMALS) + 0.0,
        round(d + (z - d) * share, DECIMALS) + 0.0,
    )


def _moved(emotion: Emotion, point: Point) -> Emotion:
    """The feeling at another point, by the name it has there."""
    current = emotion.name
    if current and current not in _regions().centres:
        # a word without a region lasts as long as the region one was in when it was named
        before, name = _name(_point(emotion.affect)), _name(point)
        return _emotion(emotion, current if name == before else name, point)
    return _emotion(emotion, _name(point, current), point)


def _emotion(old: Emotion, name: str, point: Point) -> Emotion:
    """The feeling of this name and point; the old one where it is the same."""
    if name == old.name and point == _point(old.affect):
        return old
    return _made(name, point)


def _made(name: str, point: Point) -> Emotion:
    # nested and by one call: on this path two calls of the constructors would be half of all the time
    affect = {"valence": point[0], "arousal": point[1], "dominance": point[2]}
    return Emotion.model_validate({"name": name, "affect": affect})
