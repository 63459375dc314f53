"""Play one situation to its end: a Transcript."""

from __future__ import annotations

from typing import Any, cast

from simworld import __version__
from simworld.prompts import forms
from simworld.schema import Ending, Transcript
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.graph import compile_scene
from simworld.simulate.step import State, begin_state


async def play_dialogue(dialogue: Dialogue, config: dict[str, Any] | None = None) -> Transcript:
    """Play it. A model's failure ends it as `failed`, told in `ending.detail`; Refused is raised.

    `config` is a LangChain RunnableConfig (callbacks, tags) for the graph.
    """
    graph = compile_scene(dialogue.situation.scene)
    limits = {"recursion_limit": 2 * dialogue.max_turns + 10}
    state = begin_state(dialogue)
    if not state["ending"]:
        run_config = cast("Any", {**(config or {}), **limits})
        state = cast("State", await graph.ainvoke(state, run_config, context=dialogue))  # pyright: ignore[reportUnknownMemberType]
    return _transcript(dialogue, state)


def _transcript(dialogue: Dialogue, state: State) -> Transcript:
    scene = dialogue.situation.scene
    ending = state["ending"] or Ending(reason="failed", detail="the graph stopped without an ending")
    return Transcript(
        id=dialogue.id,
        index=dialogue.index,
        scene=scene.id,
        title=scene.title,
        topic=dialogue.situation.topic,
        places=dict(dialogue.places),
        seats=dict(dialogue.records),
        seed=dialogue.seed,
        status="failed" if ending.reason == "failed" else "complete",
        ending=ending,
        turns=tuple(state["turns"]),
        usage=dict(state["usage"]),
        director=dialogue.director_name,
        forms=forms(),
        faults=tuple(state["faults"]),
        prompts=dict(sorted(dialogue.prompts.items())),
        versions={"simworld": __version__},
    )
