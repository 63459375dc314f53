"""Agent: whatever can take a seat. One method: `act(view) -> Deed`.

    class Echo:
        spec = "echo"

        async def act(self, view: View) -> Deed:
            return Deed(Reply(say=view.turns[-1].text if view.turns else "Hello."))

A view holds what this one could see and hear and nothing else; an agent keeps no state between acts, so one agent
serves thousands of dialogues at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simworld.schema import Affect, Briefing, Memory, Persona, Reply, Seat, Tie, Trained, Turn, Usage


@dataclass(frozen=True, slots=True)
class Other:
    """What one knows of another seat from the start."""

    name: str
    role: str
    relation: str = ""
    """What the viewer is to this one: 'older sister of'."""
    seen_as: str = ""
    """What the other is to the viewer: 'landlord of'."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is fixed for one seat through a dialogue; every text is rendered and is this seat's to know."""

    id: str
    seat: Seat
    persona: Persona
    others: Mapping[str, Other]
    title: str
    kind: str
    time: str
    background: str
    status: str
    topic: str
    goal: str
    knows: str
    places: Mapping[str, str]
    """Place id -> name."""
    briefing: Briefing
    dialogue: str
    """Id of the dialogue."""
    index: int
    """Position of the dialogue in the plan."""
    seed: int
    """The dialogue's seed, 0 .. 2**63 - 1."""
    max_turns: int
    """Acts after which the scene ends at the latest."""
    known_as: tuple[str, ...] = ()
    """The names under which a reply may write its own lines: full name and first name."""
    others_known_as: tuple[str, ...] = ()
    """The names of the other seats, as a reply may write lines for them."""


@dataclass(frozen=True, slots=True)
class View:
    """What one seat knows at the moment it is asked to act."""

    part: Part
    turns: Sequence[Turn]
    """Every turn that it perceived or made, in order."""
    fresh: int
    """Index into `turns` of the first one since its own last act."""
    act: int
    """Number of the act to be made, from 0."""
    calls: int
    """Number of model calls that this seat has made in the dialogue so far."""
    emotion: str
    """Name of what this one feels; empty: not known."""
    place: str
    """Id of the place it is in; empty where the scene has no map."""
    present: tuple[str, ...]
    """Ids of the others who are in the same place."""
    affect: Affect = field(default_factory=Affect)
    """The same in numbers."""
    ties: Mapping[str, Tie] = field(default_factory=dict[str, Tie])
    """Seat id -> how this one stands to whoever sits there."""
    recalled: tuple[Memory, ...] = ()
    """What comes back to this one now, of what it no longer has before it."""
    messages: Sequence[Mapping[str, str]] = ()
    """The prompt: `{"role": "system" | "user" | "assistant", "content": str}`, as `perspective` lays it out."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What an agent did when it was asked."""

    reply: Reply
    usage: Usage = field(default_factory=Usage)


class Agent(Protocol):
    """Takes a seat. `spec` names it in transcripts."""

    spec: str
    wants_messages: bool
    """Whether it reads `View.messages`; improv does not, and is spared the layout."""
    budget: int
    """Tokens that a prompt may have; 0: no bound."""

    def count(self, text: str) -> int:
        """Tokens of one message with this content."""
        ...

    async def act(self, view: View) -> Deed:
        """Act once. Raises BackendError where it cannot, OutOfLines where it has nothing left to say."""
        ...


def trained_of(agent: Agent) -> Trained | None:
    """What the agent's checkpoint was trained to be; None for all who do not say so in `trained`."""
    return getattr(agent, "trained", None)
