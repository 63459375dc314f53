"""SimsConv's characters and scenes as a pack: nothing is invented, what does not fit is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simworld.corpus.imports.fit import Fit
from simworld.corpus.imports.names import Ids, identifier
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.simsconv_rows import CharacterRow, DialogueRow, SceneRow
from simworld.corpus.imports.write import Target
from simworld.packs.names import RESERVED
from simworld.packs.words import built_in
from simworld.schema import Constraint, Persona, Place, Scene, Seat

NARRATION = "NARRATION"
"""The speaker of turns that nobody in the scene makes."""
PLACE = "location"
PARTNER = "partner"
NO_TOPIC = "other"
MOST_SEATS = 8

WORDINGS = {
    "character_twice": "characters of a name that an earlier one has; speakers of that name are the earlier one",
    "age_out_of_range": "ages that are not 0 to 120, left out",
    "free_topic": f"dialogues whose topic is free text (`{NO_TOPIC}`): none is set; `about.topic_raw` has the text",
    "no_profile": "speakers without a profile: personas with a name only",
    "unknown_emotion": "emotions that are not in the vocabulary, left out (kept in the transcript's `about`)",
    "unknown_topic": "topics that are not in the vocabulary, left out (kept in the transcript's `about`)",
    "scene_differs": "scenes whose own row differs from what their dialogue says; the dialogue's words were taken",
}


@dataclass(slots=True)
class People:
    """Who is known by which name; personas are written as they come."""

    target: Target
    anomalies: Anomalies
    fit: Fit
    by_name: dict[str, Persona] = field(default_factory=dict[str, Persona])
    named_only: list[str] = field(default_factory=list[str])
    """Ids of the personas of whom only the name is known."""
    _ids: Ids = field(default_factory=Ids)

    def add(self, row: CharacterRow, where: str) -> None:
        """A character with a profile."""
        if row.name in self.by_name:
            self.anomalies.note("character_twice", where)
        age = row.age if row.age is not None and 0 <= row.age <= 120 else None
        if age != row.age:
            self.anomalies.note("age_out_of_range", where)
        id = self._ids.new(identifier(row.slug or row.name))
        profile = self.fit.text(row.profile, 12_000, f"{where} profile")
        persona = Persona(id=id, name=self._name(row.name, where), profile=profile, age=age)
        self.by_name.setdefault(row.name, persona)
        self.target.persona(persona)

    def who(self, name: str, where: str) -> Persona:
        """The persona of this name; a new one, with the name only, where nobody bears it."""
        if name not in self.by_name:
            self.anomalies.note("no_profile", f"{where} {name[:60]!r}")
            persona = Persona(id=self._ids.new(identifier(name)), name=self._name(name, where))
            self.by_name[name] = persona
            self.named_only.append(persona.id)
            self.target.persona(persona)
        return self.by_name[name]

    def _name(self, name: str, where: str) -> str:
        return self.fit.text(name, 80, f"{where} name") or "?"

    def strangers_to(self, main: str) -> tuple[str, ...]:
        """Who may not take an open seat beside `main`: itself, and who has no profile as long as others have one."""
        profiled = {persona.id for persona in self.by_name.values()}.difference(self.named_only, [main])
        return (main, *(id for id in self.named_only if id != main)) if profiled else (main,)


def roster(row: DialogueRow) -> list[str]:
    """Everybody who sits in a dialogue, by name: the main character, its partners, who else speaks."""
    speakers = (turn.speaker for turn in row.turns)
    return [name for name in dict.fromkeys((row.character, *row.partners, *speakers)) if name != NARRATION]


@dataclass(frozen=True, slots=True)
class Played:
    """The scene of a dialogue, and who sat where."""

    scene: Scene
    cast: Mapping[str, Persona]
    """Seat id -> persona."""
    seat_of: Mapping[str, str]
    """Speaker -> seat id."""
    topic: str
    """In the vocabulary's spelling; empty: none that is in it."""


class Scenes:
    """Makes scenes of rows."""

    def __init__(self, people: People) -> None:
        self._people, self._fit, self._anomalies = people, people.fit, people.anomalies
        self._ids = Ids()

    def open(self, row: SceneRow, where: str) -> Scene:
        """A scene without a dialogue: the main character, and a seat for any other imported one."""
        main = self._people.who(row.character, where)
        seat = _seat(main, Ids(RESERVED), main=True)
        return self._scene(row, self._id(row, main), where, [seat, self.open_seat(seat)])

    def open_seat(self, main: Seat) -> Seat:
        """A seat for any imported character but the one in the main seat."""
        # `not` is the field's name in every file; only Python cannot write it
        who = Constraint.model_validate({"not": self._people.strangers_to(main.persona or "")})
        return Seat(id=PARTNER if main.id != PARTNER else f"{PARTNER}_2", who=who)

    def played(self, row: DialogueRow) -> Played:
        """The scene of a dialogue with its cast."""
        cast = {name: self._people.who(name, row.id) for name in roster(row)}
        ids = Ids(RESERVED)
        emotion = self._word("emotions", row.emotion, row.id)
        seats = {
            name: _seat(persona, ids, main=name == row.character, emotion=emotion) for name, persona in cast.items()
        }
        topic = self._topic(row)
        id = self._id(row.as_scene, cast[row.character])
        scene = self._scene(row.as_scene, id, row.id, [*seats.values()], status=row.setting, topic=topic)
        seat_of = {name: seat.id for name, seat in seats.items()}
        return Played(scene, {seat_of[name]: persona for name, persona in cast.items()}, seat_of, topic)

    def _id(self, row: SceneRow, main: Persona) -> str:
        return self._ids.new(f"{main.id}_{row.scene:02d}" if row.scene >= 0 else f"{main.id}_m{-row.scene:02d}")

    def _scene(
        self, row: SceneRow, id: str, where: str, seats: Sequence[Seat], *, status: str = "", topic: str = ""
    ) -> Scene:
        location = self._fit.text(row.location, 600, f"{where} location")
        kind = self._fit.text(row.type, 80, f"{where} type")
        return Scene(
            id=id,
            title=f"{kind}: {location}"[:600] if kind and location else kind or location or id,
            kind=kind.lower()[:80],
            places=(Place(id=PLACE, name=location),) if location else (),
            background=self._fit.field(row.background, f"{where} background"),
            status=self._fit.field(status, f"{where} setting"),
            seats=tuple(seats),
            topics=(topic,) if topic else (),
        )

    def _topic(self, row: DialogueRow) -> str:
        if row.topic != NO_TOPIC:
            return self._word("topics", row.topic, row.id)
        self._anomalies.note("free_topic", row.id)
        return ""

    def _word(self, vocabulary: str, word: str, where: str) -> str:
        """The vocabulary's own spelling of a word; '' (and an anomaly) where it is not in it."""
        found = built_in().canonical(vocabulary, word) if word else ""
        if found is None:
            self._anomalies.note(f"unknown_{vocabulary.removesuffix('s')}", f"{where} {word[:60]!r}")
        return found or ""


def _seat(persona: Persona, ids: Ids, *, main: bool, emotion: str = "") -> Seat:
    return Seat(id=ids.new(persona.id), persona=persona.id, main=main, emotion=emotion if main else "")
