"""The map of places: who is where, who perceives what is said and done there.

The map is a networkx graph made from the scene's frozen places; it is a lens, never stored in a state.
"""

from __future__ import annotations

from functools import lru_cache

import networkx as nx

from simworld.schema import OUT, Happening, Place, Scene, Seat, Turn, World


@lru_cache(maxsize=512)
def ways(places: tuple[Place, ...]) -> nx.Graph[str]:
    """The places as nodes, the exits as edges that lead in both directions."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(place.id for place in places)
    graph.add_edges_from((place.id, exit) for place in places for exit in place.exits)
    return graph


@lru_cache(maxsize=512)
def _earshot(places: tuple[Place, ...]) -> dict[str, frozenset[str]]:
    """Place id -> the places where what is said there is heard."""
    return {
        source.id: frozenset({source.id, *(place.id for place in places if source.id in place.hears)})
        for source in places
    }


def opening_world(scene: Scene) -> World:
    """The world as the scene begins: everybody at their place but who comes later, the clock at zero."""
    awaited = tuple(seat.id for seat in scene.seats if seat.enters)
    return World(
        where={seat.id: OUT if seat.enters else place_of(scene, seat) for seat in scene.seats}, awaited=awaited
    )


def place_of(scene: Scene, seat: Seat) -> str:
    """Id of the place where a seat starts or comes in; empty where the scene has no map."""
    return seat.place or (scene.places[0].id if scene.places else "")


def present(scene: Scene, world: World, seat: str) -> tuple[str, ...]:
    """The other seats in the same place."""
    here = world.where[seat]
    return tuple(other.id for other in scene.seats if other.id != seat and world.where[other.id] == here != OUT)


def perceivers(scene: Scene, world: World, turn: Turn) -> tuple[str, ...]:
    """Who perceives a turn made in this world: nobody a thought or an aside, `to` alone a whisper, else who is near.

    A move is seen where it begins and where it leads; who has left perceives nothing.
    """
    if turn.kind == "think" or turn.manner == "aside":
        return ()
    where = world.where
    if turn.manner == "whisper":
        return tuple([id for id in turn.to if id != turn.seat and where.get(id) == where[turn.seat] != OUT])
    others = [other for other in scene.seats if other.id != turn.seat and where[other.id] != OUT]
    if len(scene.places) < 2:
        return tuple([other.id for other in others])
    near = _near(scene, where[turn.seat], heard=turn.kind == "say")
    if turn.kind == "move":
        near |= {turn.text}
    return tuple([other.id for other in others if where[other.id] in near or other.role == "narrator"])


def witnesses(scene: Scene, world: World, happening: Happening) -> tuple[str, ...]:
    """Who perceives a happening: the seats it names, those near its place, or everybody still there."""
    near = _near(scene, happening.place, heard=True) if happening.place else None
    return tuple(
        seat.id
        for seat in scene.seats
        if world.where[seat.id] != OUT
        and (not happening.to or seat.id in happening.to)
        and (near is None or world.where[seat.id] in near)
    )


def _near(scene: Scene, place: str, *, heard: bool) -> frozenset[str]:
    return _earshot(scene.places).get(place, frozenset({place})) if heard else frozenset({place})


def place_named(scene: Scene, world: World, seat: str, name: str) -> str | None:
    """The place that `name` (id or name, case ignored) means and that can be reached from here; `out` leaves."""
    wanted = _as_named(name)
    if wanted == OUT:
        return OUT
    here = world.where[seat]
    if here == OUT:
        return None
    for place in scene.places:
        if wanted in (place.id, _as_named(place.name)):
            return place.id if place.id == here or nx.has_path(ways(scene.places), here, place.id) else None
    return OUT if wanted in ("leave", "exit") else None


def _as_named(name: str) -> str:
    return name.strip().strip(".").casefold()


def settle(world: World, turn: Turn) -> World:
    """The world after a turn: a move changes where its speaker is, and who was awaited has come."""
    if turn.kind != "move":
        return world
    awaited = tuple(seat for seat in world.awaited if seat != turn.seat)
    return world.model_copy(update={"where": {**world.where, turn.seat: turn.text}, "awaited": awaited})
