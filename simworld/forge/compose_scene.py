"""compose: one scene of a situation, a setting and the people in it.

    scene = compose(Sketch("mara_01", "conflict", situation, setting, people, tie, feels, topics), rng)
    scene.background, scene.status

The text is drawn from the library; what a person is (trade, hobby, town, age, secret) goes into it where it fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from simworld.forge.relations import Tie
from simworld.forge.scene_library import Other, Setting, Situation, library
from simworld.forge.scene_words import Words, needs
from simworld.schema import Condition, End, Happening, Opening, Persona, Place, Relation, Scene, Seat

LONGEST = 118
"""Words that background and status may have together."""
EXTRAS = ("bond", "weather", "touch", "town", "trade", "age")
"""What a further sentence of the background may be about."""
_PLACES = ("main_place", "next_place", "third_place")


@dataclass(frozen=True, slots=True)
class Sketch:
    """What the plan has decided of a scene."""

    id: str
    kind: str
    situation: Situation
    setting: Setting
    people: Mapping[str, Persona]
    """Seat letter (`a`, `b`, `c`, `d`) -> who sits there."""
    main: str
    """Letter of the character whose scene it is."""
    tie: Tie | None
    """Between `a` and `b`; None for strangers."""
    feels: Mapping[str, str]
    topics: tuple[str, ...]
    others: tuple[Other, ...] = ()
    """What `c` and `d` are here for."""

    @property
    def roles(self) -> dict[str, str]:
        """Seat letter -> id of the seat."""
        first, second = self.situation.roles
        return dict(zip("abcd", (first, second, *(other.role for other in self.others)), strict=False))


def compose(sketch: Sketch, rng: Random) -> Scene:
    """The scene, its words drawn by `rng`."""
    hour = _hour(sketch, rng)
    words = Words(sketch.people, sketch.roles, sketch.setting, hour, rng)
    for seat in "ab":
        if not sketch.people[seat].secret:
            words.bind(f"secret_{seat}", words.fill(rng.choice(library().others).knows.replace("@c", "<third>")))
    if sketch.tie:
        words.bind("kind", sketch.tie.told(sketch.people["a"].id))
    month = rng.choice(sketch.setting.months or library().banks["months"])
    words.bind("month", month)
    situation, roles = sketch.situation, sketch.roles
    background, status = _told(sketch, words, hour, month, rng)
    kind = library().kinds[sketch.kind]
    turns = rng.randrange(kind.turns[0], kind.turns[1] + 1) + 2 * len(sketch.others)
    goals = dict(zip("ab", rng.choice(situation.goals), strict=True))
    goals |= {letter: rng.choice(other.goals) for letter, other in zip("cd", sketch.others, strict=False)}
    knows = {seat: rng.choice(lines) for seat, lines in situation.knows.items() if lines}
    knows |= {letter: other.knows for letter, other in zip("cd", sketch.others, strict=False)}
    return Scene(
        id=sketch.id,
        title=words.fill(rng.choice(situation.titles)),
        kind=sketch.kind,
        places=_places(sketch.setting),
        time=f"{hour % 24:02d}:{rng.randrange(0, 60, 5):02d}, {words.phrase(rng.choice(library().banks['dates']))}",
        minutes=kind.minutes,
        background=background,
        status=status,
        seats=tuple(
            Seat(
                id=roles[letter], persona=who.id, main=letter == sketch.main, emotion=sketch.feels[letter],
                goal=words.phrase(goals[letter]), knows=words.fill(knows.get(letter, "")),
            )
            for letter, who in sketch.people.items()
        ),
        relations=relations_of(sketch),
        topics=sketch.topics,
        openings=_openings(sketch, words, rng),
        conditions=_conditions(sketch, kind.heated),
        happenings=_happenings(sketch, words, turns, kind.heated, rng),
        end=End(max_turns=turns, min_turns=6),
    )  # fmt: skip


def is_possible(sketch: Sketch) -> bool:
    """Whether the situation's text can be filled in with these people, here."""
    situation = sketch.situation
    texts = (*situation.titles, *(text for _, _, text in situation.opens), *situation.happens)
    drawn = all(any(_fits(line, sketch) for line in lines) for lines in (situation.before, situation.now))
    return drawn and all(_fits(text, sketch) for text in texts)


def _hour(sketch: Sketch, rng: Random) -> int:
    """An hour at which one is there; at night where the situation wants it."""
    first, last = sketch.setting.hours
    if "night" in sketch.situation.at and "night" in sketch.setting.tags:
        late = [hour for hour in range(first, last) if hour >= 21 or hour < 5]
        return rng.choice(late or [last - 1])
    usual = [hour for hour in range(first, last) if 7 <= hour < 22]
    return rng.choice(usual or list(range(first, last)))


def _told(sketch: Sketch, words: Words, hour: int, month: str, rng: Random) -> tuple[str, str]:
    """Background and status."""
    before = words.fill(rng.choice([line for line in sketch.situation.before if _fits(line, sketch)]))
    now = words.fill(rng.choice([line for line in sketch.situation.now if _fits(line, sketch)]))
    further = [words.fill(rng.choice(other.now).replace("@c", f"@{letter}").replace("spot_c", f"spot_{letter}"))
               for letter, other in zip("cd", sketch.others, strict=False)]  # fmt: skip
    first, second = (words.fill(line) for line in rng.sample(sketch.setting.details, 2))
    extra = words.fill(_extra(sketch, hour, month, rng))
    room = LONGEST - sum(len(text.split()) for text in (before, now, first, second, *further))
    extra = extra if len(extra.split()) <= room else ""
    if room < 0:
        second = ""
    background = (first, before, extra) if rng.random() < 0.5 else (first, extra, before)
    if rng.random() < 0.25:
        background = (before, extra, first)
    status = (now, second, *further) if rng.random() < 0.6 else (second, now, *further)
    return " ".join(filter(None, background)), " ".join(filter(None, status))


def _extra(sketch: Sketch, hour: int, month: str, rng: Random) -> str:
    """A sentence more: what they are to each other, the weather, something of a person."""
    banks = library().banks
    bond = f"bond_{sketch.tie.type if sketch.tie else 'stranger'}"
    weather = "weather_out" if "outdoor" in sketch.setting.tags else "weather_in"
    lines = {
        "bond": banks[bond],
        "weather": tuple(line for line in banks[weather] if _in_season(line, hour, month)),
        **{name: banks[name] for name in ("touch", "town", "trade", "age")},
    }
    fit = {name: [line for line in found if _fits(line, sketch)] for name, found in lines.items()}
    name = rng.choices(EXTRAS, (3.0, 3.0, 2.0, 1.0, 1.0, 1.0))[0]
    return rng.choice(fit[name] or fit["bond"])


def _fits(line: str, sketch: Sketch) -> bool:
    return needs(line, sketch.people, sketch.setting)


def _in_season(line: str, hour: int, month: str) -> bool:
    """Whether such weather can be, then."""
    for season in library().seasons:
        if any(word in line for word in season["words"]):
            first, last = season.get("hours", (0, 24))
            if month not in season.get("months", (month,)) or not first <= hour < last:
                return False
    return True


def _places(setting: Setting) -> tuple[Place, ...]:
    """The setting and the rooms beside it."""
    ids = _PLACES[: 1 + len(setting.rooms)]
    main = Place(id=ids[0], name=setting.name, exits=ids[1:])
    return (main, *(Place(id=id, name=name, hears=ids[:1]) for id, name in zip(ids[1:], setting.rooms, strict=True)))


def relations_of(sketch: Sketch) -> tuple[Relation, ...]:
    """What the two are to each other, both ways."""
    roles = sketch.roles
    if sketch.tie is None:
        return (Relation(of=roles["a"], to=roles["b"], kind="stranger to"),)
    return tuple(
        Relation(of=roles[of], to=roles[to], kind=sketch.tie.told(sketch.people[of].id)) for of, to in ("ab", "ba")
    )


def _openings(sketch: Sketch, words: Words, rng: Random) -> tuple[Opening, ...]:
    """Lines to begin with, from one seat, and a gesture from the other."""
    roles, opens = sketch.roles, sketch.situation.opens
    speaker = rng.choice([seat for seat in "ab" if any(who == seat and kind == "say" for who, kind, _ in opens)])
    lines = [text for who, kind, text in opens if who == speaker and kind == "say"]
    lines.append(rng.choice([line for line in library().banks["greets"] if _fits(line, sketch)]))
    doer = "b" if speaker == "a" else "a"
    acts = [text for who, kind, text in opens if who == doer and kind == "do"]
    acts += rng.sample(library().banks["acts"], 3 - len(acts))
    spoken, done = tuple(map(words.fill, lines)), tuple(words.phrase(act) for act in acts)
    return Opening(seat=roles[speaker], text=spoken), Opening(seat=roles[doer], kind="do", text=done)


def _conditions(sketch: Sketch, heated: bool) -> dict[str, Condition]:
    """In a heated scene: that it turns sour, or that it softens."""
    if not heated:
        return {}
    one, other = sketch.roles["b"], sketch.roles["a"]
    return {
        "sour": Condition(seat=one, toward=other, after=5, warmth="<-0.12"),
        "mild": Condition(seat=one, toward=other, after=5, warmth=">=0.1"),
    }


def _happenings(
    sketch: Sketch, words: Words, turns: int, heated: bool, rng: Random
) -> tuple[Happening, ...]:  # fmt: skip
    """What comes from the place, from the situation and, in a heated scene, from how it goes."""
    place = [words.fill(line) for line in sketch.setting.happens]
    own = [words.fill(line) for line in sketch.situation.happens]
    early, late = rng.randrange(2, 5), rng.randrange(6, min(9, turns - 1))
    made = [Happening(at=early, text=tuple(place)), Happening(at=late, text=tuple(own), probability=0.9)]
    if heated:
        banks = library().banks
        made += [
            Happening(when=when, probability=0.8, text=tuple(map(words.fill, rng.sample(banks[name], 2))))
            for when, name in (("sour", "flares"), ("mild", "softens"))
        ]
    return tuple(made)
