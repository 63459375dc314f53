"""Scenes written by a model: one a call, each field checked, what is wrong asked for again.

    made = await ask_scenes(order, personas, asking, plan, ties)

The plan decides what the composer's plan decides: kind, people, place, topics, emotions. One scene a call costs the
profiles each time and buys a check of every field and of likeness before the next is written; characters are written
at the same time, the scenes of one in a row, as each is told the titles before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from simworld.backends.asking import Asking
from simworld.backends.structured import ask_fields
from simworld.forge.compose_scene import Sketch, relations_of
from simworld.forge.relations import Tie
from simworld.forge.scene_likeness import Known, words
from simworld.forge.scene_order import LIKE, SHARE, SceneOrder, Scenes, report_of, scene_id
from simworld.forge.scene_plan import ScenePlan
from simworld.prompts import profile, render
from simworld.schema import End, Happening, Opening, Persona, Place, Scene, Seat

ANEW = 2
"""Times that a scene too like another one is asked for anew."""
LEAST, MOST = 45, 160
"""Words of background and status together."""


async def ask_scenes(
    order: SceneOrder, personas: Sequence[Persona], asking: Asking, plan: ScenePlan, ties: tuple[Tie, ...]
) -> Scenes:
    """Scenes of these characters by a model. What stays wrong is told, and that scene is not made."""
    total = order.n * len(personas)
    writer = _Writer(asking, Known(max(3, int(SHARE * total))))
    planned = _planned(order, personas, plan)

    async def of(persona: Persona) -> list[Scene]:
        return await writer.write(planned[persona.id])

    rows = await asking.each(personas, of)
    scenes = tuple(sorted((scene for row in rows for scene in row), key=lambda scene: scene.id))
    nearest = _likeness(scenes)
    report = report_of(
        scenes, total, writer.redrawn, nearest,
        repaired=dict(sorted(writer.repaired.items())), missed=dict(sorted(writer.missed.items())),
    )  # fmt: skip
    return Scenes(scenes, report, ties)


def _planned(order: SceneOrder, personas: Sequence[Persona], plan: ScenePlan) -> dict[str, list[Sketch]]:
    """What each scene is to be, decided before anything is asked: the same whatever the model answers."""
    planned: dict[str, list[Sketch]] = {one.id: [] for one in personas}
    kinds = {one.id: plan.kinds(one, order.n) for one in personas}
    for number in range(order.n):
        for one in personas:
            sketch = next(plan.sketches(one, kinds[one.id][number], scene_id(one, number)))
            plan.take(sketch)
            planned[one.id].append(sketch)
    return planned


def _likeness(scenes: Sequence[Scene]) -> float:
    """The greatest likeness between two of these."""
    known, nearest = Known(10**9), 0.0
    for scene in scenes:
        text = f"{scene.background} {scene.status}"
        nearest = max(nearest, known.nearest(text))
        known.add(text)
    return nearest


class _Writer:
    """Asks for scene after scene; counts what was wrong."""

    def __init__(self, asking: Asking, known: Known) -> None:
        self.asking = asking
        self.redrawn = 0
        self.repaired: Counter[str] = Counter()
        self.missed: dict[str, str] = {}
        self._limit = known.most

    async def write(self, sketches: Sequence[Sketch]) -> list[Scene]:
        """The scenes of one character, each told the titles before it and held against them."""
        made: list[Scene] = []
        for sketch in sketches:
            scene = await self._one(sketch, made)
            if scene is not None:
                made.append(scene)
        return made

    async def _one(self, sketch: Sketch, made: Sequence[Scene]) -> Scene | None:
        like = ""
        for again in range(ANEW + 1):
            shape = schema_of(sketch)
            found = await ask_fields(
                self.asking, _messages(sketch, [scene.title for scene in made], like, shape), shape,
                lambda values: faults_of(values, sketch), seat="forge", sample=again,
            )  # fmt: skip
            self.repaired.update(found.repaired)
            if not found.is_whole:
                told = found.failed or "; ".join(f"{field} {what}" for field, what in found.faults.items())
                self.missed[sketch.id] = told
                return None
            scene = scene_of(sketch, found.values)
            nearest, known = self._nearest(scene, made)
            if nearest <= LIKE:
                return scene
            self.redrawn += 1
            like = known
        self.missed[sketch.id] = f"stayed too like another scene of this character ({nearest:.2f})"  # pyright: ignore[reportPossiblyUnboundVariable]
        return None

    def _nearest(self, scene: Scene, made: Sequence[Scene]) -> tuple[float, str]:
        """The likeness to the nearest scene of the same character, and that one's text."""
        known = Known(self._limit)
        texts = [f"{one.background} {one.status}" for one in made]
        for text in texts:
            known.add(text)
        nearest, number = known.nearest_of(f"{scene.background} {scene.status}")
        return nearest, texts[number] if number >= 0 else ""


def schema_of(sketch: Sketch) -> dict[str, Any]:
    """The JSON schema of a scene's fields."""

    def text(least: int, most: int) -> dict[str, Any]:
        return {"type": "string", "minLength": least, "maxLength": most}

    def texts(least: int, most: int) -> dict[str, Any]:
        return {"type": "array", "items": text(3, 200), "minItems": least, "maxItems": most}

    roles = sketch.roles
    fields: dict[str, Any] = {
        "title": text(3, 80), "place": text(3, 120), "rooms": texts(0, 2),
        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
        "minute": {"type": "integer", "minimum": 0, "maximum": 59},
        "day": text(3, 80), "background": text(220, 700), "status": text(140, 500),
        **{f"goal_{roles[letter]}": text(10, 200) for letter in sketch.people},
        **{f"knows_{roles[letter]}": text(10, 300) for letter in ("a", "b")},
        "opens": {"type": "string", "enum": [roles["a"], roles["b"]]},
        "openings": texts(2, 4), "happenings": texts(1, 3),
    }  # fmt: skip
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def faults_of(values: Mapping[str, Any], sketch: Sketch) -> dict[str, str]:
    """Field -> what is wrong with it and what is allowed."""
    shape: Mapping[str, Any] = schema_of(sketch)["properties"]
    faults: dict[str, str] = {}
    for field, value in values.items():
        if field in shape and (what := _fault(value, shape[field])):
            faults[field] = what
    told = [values.get(name) for name in ("background", "status")]
    if not faults.keys() & {"background", "status"} and all(isinstance(text, str) for text in told):
        count = sum(len(words(cast(str, text))) for text in told)
        if not LEAST <= count <= MOST:
            faults["background"] = f"has with status {count} words; 60 to 110 are wanted, {LEAST} to {MOST} allowed"
    return faults


def _fault(value: Any, shape: Mapping[str, Any]) -> str:
    """What is wrong with a value; empty where nothing is."""
    if shape["type"] == "array":
        return _list_fault(value, shape)
    if shape["type"] == "integer":
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        fits = is_whole and shape["minimum"] <= value <= shape["maximum"]
        return "" if fits else f"should be a whole number from {shape['minimum']} to {shape['maximum']}"
    if not isinstance(value, str):
        return "should be a text"
    if "enum" in shape:
        listed: list[str] = shape["enum"]
        some = ", ".join(listed[:4]) + (" ..." if len(listed) > 4 else "")
        return "" if value in listed else f"is '{value[:40]}'; allowed: {some}"
    if "{" in value or any(ord(char) < ord(" ") for char in value):
        return "should be plain text on one line, without braces"
    least, most, length = shape["minLength"], shape["maxLength"], len(value.strip())
    return "" if least <= length <= most else f"has {length} characters; {least} to {most} are allowed"


def _list_fault(value: Any, shape: Mapping[str, Any]) -> str:
    if not isinstance(value, list):
        return "should be a list of texts"
    items = cast("list[Any]", value)
    if not shape["minItems"] <= len(items) <= shape["maxItems"]:
        return f"has {len(items)} texts; {shape['minItems']} to {shape['maxItems']} are allowed"
    faults = ((at + 1, _fault(one, shape["items"])) for at, one in enumerate(items))
    return next((f"number {at} {what}" for at, what in faults if what), "")


def scene_of(sketch: Sketch, values: Mapping[str, Any]) -> Scene:
    """The scene that these fields and the plan make."""
    roles = sketch.roles
    rooms: list[str] = values["rooms"]
    ids = ("main_place", "next_place", "third_place")[: 1 + len(rooms)]
    places = (
        Place(id=ids[0], name=values["place"], exits=ids[1:]),
        *(Place(id=id, name=name, hears=ids[:1]) for id, name in zip(ids[1:], rooms, strict=True)),
    )
    happenings: list[str] = values["happenings"]
    return Scene(
        id=sketch.id, title=values["title"], kind=sketch.kind, places=places,
        time=f"{values['hour']:02d}:{values['minute']:02d}, {values['day']}",
        background=values["background"], status=values["status"],
        seats=tuple(
            Seat(
                id=roles[letter], persona=who.id, main=letter == sketch.main, emotion=sketch.feels[letter],
                goal=values[f"goal_{roles[letter]}"], knows=values.get(f"knows_{roles[letter]}", ""),
            )
            for letter, who in sketch.people.items()
        ),
        relations=relations_of(sketch), topics=sketch.topics,
        openings=(Opening(seat=values["opens"], text=tuple(values["openings"])),),
        happenings=tuple(Happening(at=3 + 3 * at, text=(text,)) for at, text in enumerate(happenings)),
        end=End(max_turns=12 + 2 * len(sketch.others), min_turns=6),
    )  # fmt: skip


def _messages(sketch: Sketch, made: Sequence[str], like: str, shape: Mapping[str, Any]) -> list[dict[str, str]]:
    main = sketch.people[sketch.main]
    partner = sketch.people["b" if sketch.main == "a" else "a"]
    roles = {sketch.roles[letter]: who.name for letter, who in sketch.people.items()}
    asked = render(
        "forge_scene", main=main, partner=partner, main_profile=profile(main), partner_profile=profile(partner),
        tie=sketch.tie.told(partner.id) if sketch.tie else "", kind=sketch.kind, place=sketch.setting.name,
        others=[who for letter, who in sketch.people.items() if letter in "cd"], topics=", ".join(sketch.topics),
        feels=[(who.name, sketch.feels[letter]) for letter, who in sketch.people.items()], made=list(made), like=like,
        schema=json.dumps({**shape, "description": f"Seats: {json.dumps(roles, ensure_ascii=False)}"},
                          ensure_ascii=False),
    )  # fmt: skip
    return [{"role": "system", "content": render("forge_scenes")}, {"role": "user", "content": asked}]
