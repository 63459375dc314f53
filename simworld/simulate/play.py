"""Play one situation to its end: a Transcript."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from simworld import __version__
from simworld.prompts import forms
from simworld.schema import Ending, Intervened, LetGo, Memory, MindRecord, Transcript
from simworld.schema.condition import Reason
from simworld.schema.transcript import Status
from simworld.simulate.dialogue import Dialogue
from simworld.simulate.graph import compile_scene
from simworld.simulate.inside import Inside, felt, take_in
from simworld.simulate.state import State
from simworld.simulate.step import begin_state

STATUS: dict[Reason, Status] = {"failed": "failed", "budget": "stopped_by_budget"}
"""Of a dialogue that ended for this reason; of any other it is `complete`."""


async def play_dialogue(
    dialogue: Dialogue, config: dict[str, Any] | None = None, *, limit: float | None = None
) -> Transcript:
    """Play it. A model's failure ends it as `failed`, told in `ending.detail`; Refused is raised.

    `config` is a LangChain RunnableConfig (callbacks, tags) for the graph. A dialogue that takes more than `limit`
    seconds fails; what was played of it by then is in its transcript.
    """
    state = begin_state(dialogue)
    if not state["ending"]:
        run_config = cast("Any", {**(config or {}), "recursion_limit": 2 * dialogue.max_turns + 10})
        state = await _played(dialogue, state, run_config, limit)
    return _transcript(dialogue, state)


async def _played(dialogue: Dialogue, state: State, config: Any, seconds: float | None) -> State:
    """The last state that there was when the dialogue, or its time, ended.

    The values alone are streamed: `ainvoke` streams each update beside them, and throws it away.
    """
    graph = compile_scene(dialogue.situation.scene)
    time = asyncio.timeout(seconds)
    try:
        async with time:
            async for reached in graph.astream(state, config, context=dialogue, stream_mode="values"):  # pyright: ignore[reportUnknownMemberType]
                state = cast("State", reached)
    except TimeoutError:
        if not time.expired():
            raise
        late = Ending(reason="failed", by=state["next"], detail=f"not over after {seconds:g} s (--dialogue-timeout)")
        return {**state, "ending": late}
    return state


def _transcript(dialogue: Dialogue, state: State) -> Transcript:
    scene = dialogue.situation.scene
    ending = state["ending"] or Ending(reason="failed", detail="the graph stopped without an ending")
    return Transcript(
        id=dialogue.id,
        index=dialogue.index,
        scene=scene.id,
        title=scene.title,
        kind=scene.kind,
        topic=dialogue.situation.topic,
        places=dict(dialogue.places),
        seats=dict(dialogue.records),
        seed=dialogue.seed,
        status=STATUS.get(ending.reason, "complete"),
        ending=ending,
        turns=tuple(state["turns"]),
        minds=_minds(dialogue, state),
        interventions=tuple(one for _, one in state["news"] if isinstance(one, Intervened)),
        usage=dict(state["usage"]),
        director=dialogue.director_name,
        forms=forms(),
        faults=tuple(state["faults"]),
        prompts=dict(sorted(dialogue.prompts.items())),
        versions={"simworld": __version__},
        about={} if dialogue.row is None else {"row": str(dialogue.row)},
    )


def _minds(dialogue: Dialogue, state: State) -> dict[str, MindRecord]:
    """Every seat's inside through the dialogue; each has taken in the end of it."""
    news: dict[str, list[Memory | LetGo | Intervened]] = {seat: [] for seat in dialogue.records}
    for seat, one in state["news"]:
        news[seat].append(one)
    records: dict[str, MindRecord] = {}
    for seat, record in dialogue.records.items():
        if record.role != "narrator":
            last = _taken_in(dialogue, state, seat)
            whole = [*news[seat], *last.news]
            records[seat] = MindRecord(
                temperament=dialogue.natures[seat].temperament, begin=dialogue.minds[seat],
                formed=tuple(one for one in whole if isinstance(one, Memory)),
                let_go=tuple(one for one in whole if isinstance(one, LetGo)),
                end=last.mind.model_copy(update={"memories": ()}),
            )  # fmt: skip
    return records


def _taken_in(dialogue: Dialogue, state: State, seat: str) -> Inside:
    """The inside of a seat once it has taken in what came after its last act."""
    dialogue.lens(seat).take_in(state["turns"])
    inside = take_in(dialogue, state, seat)
    return inside._replace(mind=felt(dialogue, seat, inside, ""))
