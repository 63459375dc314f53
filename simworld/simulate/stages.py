"""Scenes and stories by id, path or record -> stages: each with everybody who may sit at each seat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simworld.errors import UsageError, unknown
from simworld.packs import (
    Pack,
    accept_scene,
    accept_story,
    candidates,
    find_persona,
    find_scenes,
    find_stories,
    is_story,
    matches,
)
from simworld.prompts import check_template
from simworld.registry import names
from simworld.schema import Persona, Scene, Seat, Story
from simworld.schema.story import Part
from simworld.simulate.chapters import Setting, part_of
from simworld.simulate.directors import DIRECTORS
from simworld.simulate.stage import AnyStage, Stage, StoryStage

Cast = Mapping[str, Persona | str] | Sequence[Persona | str]
Playable = Scene | Story | str | Path
Scenes = Playable | Sequence[Playable]


def stages_of(scenes: Scenes, cast: Cast | None = None, lent: Sequence[Scene] = ()) -> list[AnyStage]:
    """A stage for each scene and story: those named in the order given (a folder gives all its scenes), then stories,
    then scenes made in Python.

    `cast` overrides who may sit where: personas or ids by seat (of a story: by part), or a list of them from which
    every seat is filled; `lent`: scenes that the chapters of stories made in Python may name. Raises UsageError where
    nobody fits a seat, PackError where a scene or pack is not sound.
    """
    listed = [scenes] if isinstance(scenes, (Scene, Story, str, Path)) else list(scenes)
    if not listed:
        raise UsageError("no scene is named; `simworld list scenes` shows those that are installed")
    listed_people = () if cast is None or isinstance(cast, Mapping) else tuple(cast)
    people = tuple(who if isinstance(who, Persona) else find_persona(who) for who in listed_people)
    seated = dict(cast) if isinstance(cast, Mapping) else {}
    made = [item for item in listed if isinstance(item, Scene)]
    ids = [item for item in listed if isinstance(item, (str, Path))]
    told_of = [item for item in ids if is_story(item)]
    named = [item for item in ids if item not in told_of]
    known = {who.id: who for who in (*people, *seated.values()) if isinstance(who, Persona)}
    directors = names("director", DIRECTORS)
    found: list[tuple[Pack | None, Scene]] = []
    if named:
        found += find_scenes(named, check_template=check_template, directors=directors)
    told = find_stories(told_of, check_template=check_template, directors=directors) if told_of else []
    for scene in made:
        accepted = accept_scene(scene, personas=known, check_template=check_template, directors=directors)
        found.append((None, accepted))
    stages: list[AnyStage] = [_stage(pack, scene, people, seated) for pack, scene in found]
    stages += [_story_stage(one.story, one.pack, one.scenes, people, seated, known) for one in told]
    by_id = {scene.id: scene for scene in lent}
    stages += [_made_story(item, by_id, known, people, seated) for item in listed if isinstance(item, Story)]
    _check_seats(stages, seated)
    return stages


def _stage(pack: Pack | None, scene: Scene, people: tuple[Persona, ...], seated: Mapping[str, Persona | str]) -> Stage:
    fixed = {seat.persona for seat in scene.seats if seat.persona}
    who = {seat.id: _who(pack, seat, people, seated, fixed) for seat in scene.seats}
    _refuse_empty(f"scene '{scene.id}'", who)
    return Stage(scene, who, pack)


def _made_story(
    story: Story, scenes: Mapping[str, Scene], known: Mapping[str, Persona], people: tuple[Persona, ...],
    seated: Mapping[str, Persona | str],
) -> StoryStage:  # fmt: skip
    """The stage of a story made in Python, whose chapters play these scenes or installed ones."""
    story = accept_story(story, scenes, known, check_template=check_template)
    played: dict[str, tuple[Pack | None, Scene]] = {}
    for chapter in story.chapters:
        if chapter.scene in scenes:
            played[chapter.id] = (None, scenes[chapter.scene])
        else:
            [played[chapter.id]] = find_scenes([chapter.scene], check_template=check_template)
    return _story_stage(story, None, played, people, seated, known)


def _story_stage(
    story: Story,
    own: Pack | None,
    scenes: Mapping[str, tuple[Pack | None, Scene]],
    people: tuple[Persona, ...],
    seated: Mapping[str, Persona | str],
    known: Mapping[str, Persona],
) -> StoryStage:
    parts = {part.id for part in story.cast}
    guests = {
        seat.persona
        for chapter in story.chapters
        for seat in scenes[chapter.id][1].seats
        if seat.persona and not part_of(chapter, seat.id, parts)
    }
    fixed = {part.persona for part in story.cast if part.persona} | guests
    who = {part.id: _who(own, part, people, seated, fixed) for part in story.cast}
    _refuse_empty(f"story '{story.id}'", who)
    settings = {chapter: _setting(pack, scene, known) for chapter, (pack, scene) in scenes.items()}
    return StoryStage(story, who, settings, own)


def _setting(pack: Pack | None, scene: Scene, known: Mapping[str, Persona]) -> Setting:
    fixed = {
        seat.id: known.get(seat.persona) or find_persona(seat.persona, pack) for seat in scene.seats if seat.persona
    }
    return Setting(scene, fixed, pack.root if pack else None)


def _refuse_empty(what: str, who: Mapping[str, tuple[Persona, ...]]) -> None:
    for seat, personas in who.items():
        if not personas:
            raise UsageError(f"{what}: nobody fits its open seat '{seat}'; loosen `who`, or give a cast")


def _who(
    pack: Pack | None,
    seat: Seat | Part,
    people: tuple[Persona, ...],
    seated: Mapping[str, Persona | str],
    fixed: set[str],
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


def _check_seats(stages: Sequence[AnyStage], seated: Mapping[str, object]) -> None:
    known = {seat for stage in stages for seat in stage.candidates}
    for seat in seated:
        if seat not in known:
            raise unknown("seat", seat, known, "cast takes the ids of the scene's seats.")
