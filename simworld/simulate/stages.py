"""Scenes by id, path or record -> stages: the scene with everybody who may sit at each seat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simworld.errors import UsageError, unknown
from simworld.packs import Pack, accept_scene, candidates, find_persona, find_scenes, matches
from simworld.prompts import check_template
from simworld.registry import names
from simworld.schema import Persona, Scene, Seat
from simworld.simulate.directors import DIRECTORS
from simworld.simulate.plan import Stage

Cast = Mapping[str, Persona | str] | Sequence[Persona | str]
Scenes = Scene | str | Path | Sequence[Scene | str | Path]


def stages_of(scenes: Scenes, cast: Cast | None = None) -> list[Stage]:
    """A stage for each scene: those named in the order given (a folder gives all its own), then those made in Python.

    `cast` overrides who may sit where: personas or ids by seat, or a list of them from which every seat is filled.
    Raises UsageError where nobody fits a seat, PackError where a scene or pack is not sound.
    """
    listed = [scenes] if isinstance(scenes, (Scene, str, Path)) else list(scenes)
    if not listed:
        raise UsageError("no scene is named; `simworld list scenes` shows those that are installed")
    listed_people = () if cast is None or isinstance(cast, Mapping) else tuple(cast)
    people = tuple(who if isinstance(who, Persona) else find_persona(who) for who in listed_people)
    seated = dict(cast) if isinstance(cast, Mapping) else {}
    named = [item for item in listed if not isinstance(item, Scene)]
    made = [item for item in listed if isinstance(item, Scene)]
    known = {who.id: who for who in (*people, *seated.values()) if isinstance(who, Persona)}
    directors = names("director", DIRECTORS)
    found: list[tuple[Pack | None, Scene]] = []
    if named:
        found += find_scenes(named, check_template=check_template, directors=directors)
    for scene in made:
        accepted = accept_scene(scene, personas=known, check_template=check_template, directors=directors)
        found.append((None, accepted))
    stages = [_stage(pack, scene, people, seated) for pack, scene in found]
    _check_seats(stages, seated)
    return stages


def _stage(pack: Pack | None, scene: Scene, people: tuple[Persona, ...], seated: Mapping[str, Persona | str]) -> Stage:
    fixed = {seat.persona for seat in scene.seats if seat.persona}
    who = {seat.id: _who(pack, seat, people, seated, fixed) for seat in scene.seats}
    for seat, personas in who.items():
        if not personas:
            raise UsageError(f"scene '{scene.id}': nobody fits its open seat '{seat}'; loosen `who`, or give a cast")
    return Stage(scene, who, pack)


def _who(
    pack: Pack | None, seat: Seat, people: tuple[Persona, ...], seated: Mapping[str, Persona | str], fixed: set[str]
) -> tuple[Persona, ...]:
    if seat.id in seated:
        given = seated[seat.id]
        return (given if isinstance(given, Persona) else find_persona(given, pack),)
    by_id = {persona.id: persona for persona in people}
    if seat.persona:
        return (by_id.get(seat.persona) or find_persona(seat.persona, pack),)
    if seat.id in by_id:
        return (by_id[seat.id],)
    if people:
        return tuple(person for person in people if person.id not in fixed and matches(seat.who, person))
    return tuple(candidates(seat.who, pack, {*fixed, *seat.who.not_}))


def _check_seats(stages: Sequence[Stage], seated: Mapping[str, object]) -> None:
    known = {seat for stage in stages for seat in stage.candidates}
    for seat in seated:
        if seat not in known:
            raise unknown("seat", seat, known, "cast takes the ids of the scene's seats.")
