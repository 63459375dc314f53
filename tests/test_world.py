"""Places: who is where, and who perceives what."""

from __future__ import annotations

from typing import Any

import pytest

from simworld.schema import Happening, Place, Scene, Seat, Turn, World
from simworld.world import opening_world, perceivers, place_named, present, settle, witnesses
from tests.scenes_of_tests import scene_of

PLACES = (
    Place(id="hall", name="the Hall", exits=("yard",)),
    Place(id="yard", name="St. Ann's Yard.", hears=("hall",)),
    Place(id="attic", name="attic"),
)
HOUSE = scene_of(
    [
        Seat(id="a"),
        Seat(id="b"),
        Seat(id="c", place="yard"),
        Seat(id="d", place="attic"),
        Seat(id="n", role="narrator"),
    ],
    places=PLACES,
)
START = {"a": "hall", "b": "hall", "c": "yard", "d": "attic", "n": "hall"}


def turn(who: str, kind: str = "say", text: str = "x", **fields: Any) -> Turn:
    return Turn(n=0, act=0, seat=who, kind=kind, text=text, **fields)


def heard(who: str, kind: str = "say", text: str = "x", scene: Scene = HOUSE, **options: Any) -> set[str]:
    where = {**opening_world(scene).where, **options.pop("where", {})}
    return set(perceivers(scene, World(where=where), turn(who, kind, text, **options)))


def test_everybody_starts_at_their_place_or_at_the_first() -> None:
    assert opening_world(HOUSE) == World(minutes=0, where=START)
    assert opening_world(scene_of(2)).where == {"s0": "", "s1": ""}


def test_speech_carries_to_places_that_hear_and_only_that_way() -> None:
    assert heard("a") == {"b", "c", "n"}
    assert heard("c") == {"n"}
    assert heard("d") == {"n"}


def test_actions_are_seen_in_the_same_place_alone() -> None:
    assert heard("a", "do") == {"b", "n"}


def test_a_move_is_seen_where_it_begins_and_where_it_leads() -> None:
    assert heard("a", "move", "attic") == {"b", "d", "n"}
    assert heard("a", "move", "yard") == {"b", "c", "n"}
    assert heard("a", "move", "out") == {"b", "n"}


@pytest.mark.parametrize("scene", [HOUSE, scene_of([Seat(id=id) for id in "abcdn"])])
def test_thoughts_and_asides_are_nobodys(scene: Scene) -> None:
    assert heard("a", "think", scene=scene) == set()
    assert heard("a", manner="aside", scene=scene, to=("b",)) == set()


def test_a_whisper_reaches_those_named_who_are_there() -> None:
    assert heard("a", manner="whisper", to=("b",)) == {"b"}
    assert heard("a", manner="whisper", to=("b", "c", "d", "a")) == {"b"}
    assert heard("a", manner="whisper") == set()
    assert heard("a", manner="whisper", to=("b",), where={"b": "out"}) == set()
    assert heard("a", manner="whisper", to=("b",), where={"a": "out", "b": "out"}) == set()


def test_an_address_hides_nothing() -> None:
    assert heard("a", to=("b",)) == heard("a")


def test_who_has_left_perceives_nothing() -> None:
    assert heard("a", where={"b": "out"}) == {"c", "n"}
    assert heard("a", where={"a": "out", "b": "out"}) == {"n"}
    one_place = scene_of(3)
    assert heard("s0", scene=one_place, where={"s1": "out"}) == {"s2"}
    assert heard("s0", "do", scene=one_place) == {"s1", "s2"}


@pytest.mark.parametrize(
    ("happening", "expected"),
    [
        ({}, "abcdn"), ({"place": "hall"}, "abcn"), ({"place": "yard"}, "c"), ({"to": ("b", "d")}, "bd"),
        ({"to": ("b", "d"), "place": "hall"}, "b"), ({"to": ("a",), "place": "attic"}, ""),
    ],
)  # fmt: skip
def test_who_witnesses_a_happening(happening: dict[str, Any], expected: str) -> None:
    assert "".join(witnesses(HOUSE, opening_world(HOUSE), Happening(at=0, text="Bang", **happening))) == expected


def test_who_has_left_witnesses_nothing() -> None:
    world = World(where={**START, "b": "out"})
    assert witnesses(HOUSE, world, Happening(at=0, text="Bang", to=("b",))) == ()
    assert "b" not in witnesses(HOUSE, world, Happening(at=0, text="Bang"))


def test_present_are_those_in_the_same_place() -> None:
    world = opening_world(HOUSE)
    assert present(HOUSE, world, "a") == ("b", "n")
    assert present(HOUSE, world, "d") == ()
    assert present(HOUSE, World(where={**START, "a": "out", "b": "out"}), "a") == ()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("yard", "yard"), ("St. Ann's Yard.", "yard"), (" ST. ANN'S YARD ", "yard"), ("the hall", "hall"),
        ("out", "out"), ("Out.", "out"), ("leave", "out"), ("exit", "out"),
        ("attic", None), ("cellar", None), ("", None),
    ],
)  # fmt: skip
def test_a_place_is_meant_by_id_or_name_and_must_be_within_reach(name: str, place: str | None) -> None:
    assert place_named(HOUSE, opening_world(HOUSE), "a", name) == place


def test_ways_lead_in_both_directions_and_on() -> None:
    places = (*PLACES, Place(id="gate", name="gate", exits=("yard",)))
    scene = scene_of([Seat(id="a"), Seat(id="b", place="gate")], places=places)
    assert place_named(scene, opening_world(scene), "a", "gate") == "gate"
    assert place_named(scene, opening_world(scene), "b", "hall") == "hall"


def test_a_place_called_exit_is_a_place() -> None:
    scene = scene_of(2, places=(Place(id="hall", name="Hall"), Place(id="exit", name="Leave", exits=("hall",))))
    assert place_named(scene, opening_world(scene), "s0", "exit") == "exit"
    assert place_named(scene, opening_world(scene), "s0", "leave") == "exit"
    assert place_named(scene, opening_world(scene), "s0", "out") == "out"


def test_without_a_map_one_can_only_leave() -> None:
    scene = scene_of(2)
    assert place_named(scene, opening_world(scene), "s0", "kitchen") is None
    assert place_named(scene, opening_world(scene), "s0", "out") == "out"


def test_nobody_comes_back() -> None:
    world = World(where={**START, "a": "out"})
    assert place_named(HOUSE, world, "a", "the Hall") is None
    assert place_named(HOUSE, world, "a", "out") == "out"


def test_a_move_settles_and_nothing_else_does() -> None:
    world = opening_world(HOUSE)
    moved = settle(world, turn("a", "move", "yard"))
    assert moved.where == {**START, "a": "yard"}
    assert world.where == START
    assert settle(world, turn("a", "do", "yard")) is world
