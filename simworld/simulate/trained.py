"""Whether a checkpoint that says what it was trained to be may take a seat.

check_trained(scene, seat, agent)    # raises UsageError before anybody is asked
"""

from __future__ import annotations

from simworld.agents.agent import Agent, trained_of
from simworld.errors import UsageError
from simworld.schema import Scene, Seat

_ASIDE = {"user": "assistant", "assistant": "user"}
"""Who a checkpoint was trained to speak as -> the role whose lines it only read."""


def check_trained(scene: Scene, seat: Seat, agent: Agent) -> None:
    """Raise UsageError where the seat's prompts would not be like those that the agent's checkpoint learnt from."""
    trained = trained_of(agent)
    if trained is None:
        return
    where = f"scene '{scene.id}', seat '{seat.id}'"
    if (trained.speaker == "user" and seat.role != "user") or seat.role == _ASIDE.get(trained.speaker):
        raise UsageError(
            f"{where}: {agent.spec} was trained to speak as the {trained.speaker}, and the role of this seat is "
            f"{seat.role}; name another backend with --seat {seat.id}=BACKEND, or train with --speaker each"
        )
    names = "bare" if is_bare(scene, seat) else "named"
    if trained.names not in (names, "both"):
        learnt, here = _LINES[trained.names], _LINES[names]
        raise UsageError(
            f"{where}: {agent.spec} learnt from scenes where others' lines stand {learnt}, and here they stand {here}; "
            f"name another backend with --seat {seat.id}=BACKEND, or train on scenes like this one"
        )


_LINES = {"bare": "without names (two seats that speak plainly)", "named": "after their speakers' names"}


def is_bare(scene: Scene, seat: Seat) -> bool:
    """Whether the other's lines stand before this seat without a name, as `perspective` lays them out."""
    people = [other.id for other in scene.seats if other.role != "narrator"]
    return seat.is_plain and len(people) == 2 and seat.id in people
