"""compile_scene: a Scene becomes a LangGraph StateGraph, and nothing else loops.

Nodes are the seats (and the director, where a model directs); each writes who is next and goes there. One act is one
super-step. Throughput lives outside: thousands of these graphs run at once and their model calls
meet in the backend.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from simworld.agents.agent import View
from simworld.errors import BackendError, OutOfBudget, OutOfLines, Refused
from simworld.schema import Ending, Scene
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.directing import direct
from simworld.simulate.directors import director_of
from simworld.simulate.inside import Inside, prepare, without_memories
from simworld.simulate.state import DIRECTOR, State
from simworld.simulate.step import conclude

Graph = CompiledStateGraph[State, Dialogue, State, State]


def compile_scene(scene: Scene) -> Graph:
    """The graph on which the scene is played: `ainvoke(begin_state(dialogue), context=dialogue)`.

    Its shape depends on the seats and the director alone, so scenes of one shape share a graph.
    """
    name, _ = director_of(scene)
    return _compiled(tuple(seat.id for seat in scene.seats), name == "model", _followers(scene, name))


def _followers(scene: Scene, director: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Seat -> the seats that may act after it."""
    ids = tuple(seat.id for seat in scene.seats)
    if director == "model":
        return tuple((id, (DIRECTOR,)) for id in ids)
    if director == "alternate" and not any(seat.enters for seat in scene.seats):  # alone with the awaited, main goes on
        main = scene.main
        return tuple((id, (tuple(other for other in ids if other != id) or ids) if id == main else ids) for id in ids)
    return tuple((id, ids) for id in ids)


@lru_cache(maxsize=256)
def _compiled(ids: tuple[str, ...], led: bool, followers: tuple[tuple[str, tuple[str, ...]], ...]) -> Graph:
    graph: StateGraph[State, Dialogue, State, State] = StateGraph(State, context_schema=Dialogue)
    for id, following in followers:
        graph.add_node(id, _seat_node(id), destinations=(*following, END))  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
    if led:
        graph.add_node(DIRECTOR, _director_node, destinations=(*ids, END))  # pyright: ignore[reportUnknownMemberType]
    graph.add_conditional_edges(START, _next, [*ids, *([DIRECTOR] if led else []), END])
    return graph.compile()  # pyright: ignore[reportUnknownMemberType]


async def _next(state: State) -> str:  # async: LangGraph runs a plain function in a thread
    return END if state["ending"] else state["next"]


def _seat_node(id: str) -> Callable[[State, Runtime[Dialogue]], Any]:
    async def act(state: State, runtime: Runtime[Dialogue]) -> Command[str]:
        return _onward(await _act(id, state, runtime.context))

    return act


def _onward(update: dict[str, Any]) -> Command[str]:
    """What a node writes, and where the graph goes: to the end where there is an ending, else to who is next."""
    return Command(update=update, goto=END if update.get("ending") else update["next"])


async def _act(id: str, state: State, dialogue: Dialogue) -> dict[str, Any]:
    """Take in, see, answer, settle: one act of one seat. A model that fails for good ends this dialogue alone."""
    try:
        inside = await prepare(dialogue, state, id)
        calls = state["usage"][id].calls + inside.usage.calls
        inside, view, since = _look(dialogue, state, id, inside, calls)
        deed = await dialogue.agents[id].act(view)
    except Refused:
        raise
    except OutOfLines:
        return {"ending": Ending(reason="left", by=id, detail="no more lines")}
    except OutOfBudget:
        return {"ending": Ending(reason="budget", by=id)}
    except BackendError as error:
        return {"ending": Ending(reason="failed", by=id, detail=str(error))}
    return conclude(dialogue, state, id, deed, inside, since)


def _look(dialogue: Dialogue, state: State, id: str, inside: Inside, calls: int) -> tuple[Inside, View, int | None]:
    """What the seat sees; without the memories its note tells where there is no room for them."""
    turns, world = state["turns"], state["world"]
    try:
        return inside, *dialogue.look(id, turns, world, inside.mind, inside.recalled, inside.note, calls)
    except BackendError:
        if not inside.recalled:
            raise
        inside = without_memories(dialogue, state, id, inside)
        return inside, *dialogue.look(id, turns, world, inside.mind, inside.recalled, inside.note, calls)


async def _director_node(state: State, runtime: Runtime[Dialogue]) -> Command[str]:
    try:
        return _onward(await direct(runtime.context, state))
    except Refused:
        raise
    except OutOfBudget:
        return _onward({"ending": Ending(reason="budget", by=DIRECTOR)})
    except BackendError as error:
        return _onward({"ending": Ending(reason="failed", by=DIRECTOR, detail=str(error))})
