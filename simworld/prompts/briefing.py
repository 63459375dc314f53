"""What one seat is told at the start, and stays told: the head of its prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace

from simworld.prompts.fields import render_field
from simworld.prompts.render import digest, forms, render, words
from simworld.schema import Briefing, Persona, Relation, Scene, Seat


@dataclass(frozen=True, slots=True)
class Person:
    """What a scene's template may read of the one who sits somewhere."""

    name: str
    career: str
    age: int | str
    they: str
    them: str
    their: str
    origin: str

    def __str__(self) -> str:
        return self.name


_PRONOUNS = {"she": ("she", "her", "her"), "he": ("he", "him", "his")}


def _person(persona: Persona) -> Person:
    they, them, their = _PRONOUNS.get(persona.pronouns.split("/")[0], ("they", "them", "their"))
    age = persona.age if persona.age is not None else ""
    return Person(persona.name, persona.career, age, they, them, their, persona.origin)


@dataclass(frozen=True, slots=True)
class Situation:
    """One scene with its people, topic and emotions: what the plan drew. Its texts are rendered when it is made."""

    scene: Scene
    cast: Mapping[str, Persona]
    """Seat id -> persona."""
    topic: str
    emotions: Mapping[str, str]
    """Seat id -> starting emotion; missing: none."""
    values: Mapping[str, object]
    """What the scene's templates may name."""
    _texts: dict[str, str] = field(default_factory=dict[str, str], init=False, repr=False, compare=False)

    def text(self, template: str) -> str:
        """A field of the scene, its names filled in; rendered once, however many seats are told it."""
        if "{" not in template:
            return template
        if template not in self._texts:
            self._texts[template] = render_field(template, self.values)
        return self._texts[template]

    def place_of(self, seat: Seat) -> str:
        """Id of the place where a seat starts; empty where the scene has no map."""
        return seat.place or (self.scene.places[0].id if self.scene.places else "")


def field_values(
    scene: Scene, cast: Mapping[str, Persona], topic: str, row: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The names that a scene's templates may use: its seats' people, `topic`, `time`, `place`, and `row` where there
    is one."""
    people: dict[str, object] = {id: _person(persona) for id, persona in cast.items()}
    place = scene.places[0].name if scene.places else ""
    told = {"row": SimpleNamespace(**row)} if row else {}
    return {**people, "topic": topic, "time": scene.time, "place": place, **told}


@lru_cache(maxsize=2048)
def profile(persona: Persona) -> str:
    """The second-person text of a persona: its own where it has one, else rendered from its fields."""
    return persona.profile or render("profile", p=persona)


def brief(
    situation: Situation, seat_id: str, *, standings: Sequence[str] = (), remembered: Sequence[str] = ()
) -> tuple[Briefing, dict[str, str]]:
    """What this seat is told, and the hashes of the templates that told it (name -> digest).

    `standings`: how it stands to others, in words; `remembered`: what it remembers of before, if no note will tell it.
    """
    seat = situation.scene.seat(seat_id)
    name = _template_of(seat)
    persona = situation.cast[seat_id]
    values = _values(situation, seat, persona)
    system = render(name, **values, standings=standings, remembered=remembered)
    briefing = Briefing(
        system=system, opener=_opener(persona.name, seat.is_plain), nudge=_nudge(persona.name),
        profile_at=_span(system, values["profile"]), background_at=_span(system, values["background"]),
        status_at=_span(system, values["status"]),
    )  # fmt: skip
    used = [name, "opener", "nudge", "note", "forms.yaml", "when.yaml"] + ([] if persona.profile else ["profile"])
    return briefing, {template: digest(template) for template in used}


def _span(system: str, part: object) -> tuple[int, int] | None:
    """Where a part that was told stands in the whole; None where there is none, or the template leaves it out."""
    text = str(part).strip()
    start = system.find(text) if text else -1
    return (start, start + len(text)) if start >= 0 else None


@lru_cache(maxsize=2048)
def _opener(name: str, plain: bool) -> str:
    return render("opener", name=name, plain=plain)


@lru_cache(maxsize=2048)
def _nudge(name: str) -> str:
    return render("nudge", name=name)


def _template_of(seat: Seat) -> str:
    """The system message of a seat: by role where it speaks plainly, else the one that asks for the tags."""
    if seat.role == "narrator":
        return "narrator"
    plain = "plain" if seat.role == "character" else seat.role
    return plain if seat.is_plain else "character"


def _values(situation: Situation, seat: Seat, persona: Persona) -> dict[str, object]:
    scene, text = situation.scene, situation.text
    names = {id: person.name for id, person in situation.cast.items()}
    place = situation.place_of(seat)
    return {
        "profile": profile(persona),
        "name": persona.name,
        "others": [name for id, name in names.items() if id != seat.id] or ["nobody else"],
        "title": scene.title,
        "time": scene.time,
        "place": next((spot.name for spot in scene.places if spot.id == place), ""),
        "places": [spot.name for spot in scene.places],
        "background": text(scene.background),
        "status": text(scene.status),
        "relations": [line for relation in scene.relations for line in relation_lines(relation, seat.id, names)],
        "topic": situation.topic,
        "emotion": situation.emotions.get(seat.id, ""),
        "emotions": words("emotions"),
        "goal": text(seat.goal),
        "knows": text(seat.knows),
        "secret": persona.secret,
        "wants": forms()["wants"].format(text=text(seat.goal)),
        "end": forms()["end"],
        "several": len(names) > 2,
    }


def relation_lines(relation: Relation, viewer: str, names: Mapping[str, str]) -> list[str]:
    """A relation as its two ends are told of it; nobody else is, and of a private one only `of`."""
    told = viewer == relation.of or (viewer == relation.to and not relation.private)
    if not told or relation.of not in names or relation.to not in names:
        return []
    of, to = ("you" if end == viewer else names[end] for end in (relation.of, relation.to))
    return [forms()["relation"].format(of=of, kind=relation.kind, to=to)]
