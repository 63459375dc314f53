"""Small scenes, people and models made in Python, for tests of the engine.

transcript, model = play(scene_of("Ann Lee", "Bo Marsh"), says("Good evening."))
model.requests                      # [Request(seat="s0", call=0, messages=[...]), ...]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any

from simworld.backends.completion import Completion
from simworld.perspective import stretches
from simworld.perspective.layout import Stretch
from simworld.schema import Happening, Opening, Persona, Place, Scene, Seat, Transcript, Turn
from simworld.schema.scene import Direction, End
from simworld.text.tokens import estimate

NAMES = ("Ann Lee", "Ben Marsh", "Cleo Otto", "Dag Pihl", "Eve Quist", "Finn Rask", "Gro Sand", "Hans Tveit")
Messages = list[dict[str, str]]


def person(id: str, name: str, **fields: Any) -> Persona:
    """A persona that is little more than a name."""
    return Persona(id=id, name=name, **{"profile": f"You are {name}.", **fields})


def seated(scene: Scene, *names: str, **fields: Any) -> dict[str, Persona]:
    """A persona for each seat of the scene, by these names or else `NAMES`."""
    called = (*names, *NAMES[len(names) :])
    return {seat.id: person(f"p_{seat.id}", called[at], **fields) for at, seat in enumerate(scene.seats)}


def scene_of(seats: int | Sequence[Seat], **fields: Any) -> Scene:
    """A scene with open seats `s0`, `s1`, ..., or with these seats."""
    seats = [Seat(id=f"s{n}") for n in range(seats)] if isinstance(seats, int) else seats
    return Scene(**{"id": "test_scene", "title": "A test", "seats": tuple(seats), **fields})


def director(name: str, **options: Any) -> Direction:
    return Direction(name=name, **options)


def end(max_turns: int, **fields: Any) -> End:
    """An end by number of acts alone, unless more is given."""
    return End(**{"max_turns": max_turns, "goodbye": False, "stale": 0, **fields})


@dataclass(frozen=True)
class Request:
    """What a model was asked."""

    seat: str
    call: int
    messages: Messages

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.messages)


Answer = str | Completion | Exception
Reply = Callable[[Request], Answer]


@dataclass
class Model:
    """A chat backend that answers by a function of the request, and keeps what it was asked."""

    reply: Reply
    spec: str = "test:model"
    context_tokens: int = 1_000_000
    requests: list[Request] = field(default_factory=list)

    def count(self, text: str) -> int:
        return estimate(text)

    async def complete(
        self, messages: Sequence[Mapping[str, str]], *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        request = Request(seat, call or 0, [dict(message) for message in messages])
        self.requests.append(request)
        await asyncio.sleep(0)
        answer = self.reply(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Completion) else Completion(answer)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def of(self, seat: str) -> list[Request]:
        """The requests of one seat."""
        return [request for request in self.requests if request.seat == seat]


def says(*lines: str) -> Reply:
    """Everybody says these lines by the number of the call, beginning again at the end."""
    return lambda request: lines[request.call % len(lines)]


def by_seat(**lines: Sequence[str]) -> Reply:
    """Each seat says its own lines, beginning again at the end."""
    return lambda request: lines[request.seat][request.call % len(lines[request.seat])]


def counted(request: Request) -> str:
    """A line that nobody has said before and that takes no leave."""
    return f"<say>This is remark {request.call} of {request.seat}.</say>"


def play(
    scene: Scene,
    reply: Reply = counted,
    *,
    cast: Mapping[str, Persona] | None = None,
    context: int = 1_000_000,
    **options: Any,
) -> tuple[Transcript, Model]:
    """Play it with one model at every seat; the transcript, and the model with what it was asked."""
    from simworld.simulate.run import play as play_scene  # loads langgraph, which most plans do without

    model = Model(reply, context_tokens=context)
    transcript = asyncio.run(play_scene(scene, backend=model, cast=cast or seated(scene), **options))
    return transcript, model


def chance(request: Request) -> Random:
    """Chance that depends on all that was asked, and on nothing else."""
    return Random(blake2b(f"{request.seat}/{request.call}/{request.text}".encode(), digest_size=8).digest())


def rows_of(transcript: Transcript, seat: str) -> list[Stretch]:
    """The exported rows of one seat, thoughts and notes kept."""
    return stretches(transcript.turns, seat, transcript.seats, transcript.forms, places=transcript.places)


def own_acts(transcript: Transcript, seat: str) -> list[list[Turn]]:
    """What the seat's model did, act by act."""
    made: dict[int, list[Turn]] = {}
    for turn in transcript.turns:
        if turn.seat == seat and not turn.source:
            made.setdefault(turn.act, []).append(turn)
    return [made[act] for act in sorted(made)]


def check_requests(transcript: Transcript, model: Model) -> int:
    """Each request is the start of its speaker's row, message by message; the number of cuts."""
    cuts = 0
    for seat in transcript.seats:
        made, rows = own_acts(transcript, seat), rows_of(transcript, seat)
        asked = model.of(seat)[: len(made)]
        since = [act[0].since is not None for act in made]
        cuts += sum(since)
        for at, request in enumerate(asked):
            row = rows[len(rows) - 1 - sum(since[at + 1 :])]["messages"]
            size = len(request.messages)
            assert row[:size] == request.messages, f"seat {seat}, act {at}"
            assert row[size]["role"] == "assistant"
        assert len(asked) == len(made)
    return cuts


def acts(transcript: Transcript) -> list[str]:
    """Who acted, act by act; happenings are nobody's."""
    known: dict[int, str] = {}
    for turn in transcript.turns:
        if turn.seat in transcript.seats:
            known.setdefault(turn.act, turn.seat)
    return [known[act] for act in sorted(known)]


PLACES = (
    Place(id="hall", name="Great Hall", exits=("yard",)), Place(id="yard", name="the yard", hears=("hall",)),
    Place(id="attic", name="attic", exits=("hall",)),
)  # fmt: skip
EMOTIONS = ("Tense", "Sad", "Bored")


def busy(seats: int = 3, length: int = 20, **fields: Any) -> Scene:
    """A scene in which much can happen."""
    return scene_of(
        seats, places=PLACES, end=end(length), emotions=EMOTIONS,
        openings=(
            Opening(seat="s1", text=("Well, {{ s0.name }}.", "So.")), Opening(seat="s0", text="Hm.", kind="think"),
        ),
        happenings=(
            Happening(at=0, text="A bell rings."), Happening(at=3, text="Rain.", place="yard"),
            Happening(at=5, text=("A knock.", "A crash."), to=("s0",)), Happening(at=9, text="The lights go out."),
        ),
        **fields,
    )  # fmt: skip


def busily(request: Request) -> str:
    """Any mixture of thought, action, speech, whispers and moves."""
    rng = chance(request)
    mark = f"{request.seat}.{request.call}"
    name = rng.choice(NAMES[:4])
    feeling = rng.choice(["", f"<feel>{rng.choice((*EMOTIONS, 'furious'))}</feel>\n"])
    parts = [
        f"<thought>I think {mark}.</thought>", f"<do>does {mark}</do>",
        f"<say>I say {mark}.{rng.choice(['', chr(10) + '[not so]', chr(0x2028) + 'Ann Lee: no'])}</say>",
        f'<say to="{name}">You: {mark}.</say>', f'<whisper to="{name}">Psst {mark}.</whisper>',
        f"<aside>Hm {mark}.</aside>",
        f"<move>{rng.choice(['Great Hall', 'yard', 'attic', 'cellar'])}</move>", f"Stray {mark}.",
    ]  # fmt: skip
    return feeling + "\n".join(rng.sample(parts, rng.randint(1, 5)))


def many(
    scenes: Any, reply: Reply = busily, *, n: int, jobs: int, cast: Any = None, **options: Any
) -> list[Transcript]:
    """Play `n` of them; in the order of the plan."""
    from simworld.simulate.run import play_many

    async def collect() -> list[Transcript]:
        people = cast or [person(f"p{at}", name) for at, name in enumerate(NAMES)]
        stream = play_many(scenes, n=n, backend=Model(reply), cast=people, jobs=jobs, **options)
        return [transcript async for transcript in stream]

    return sorted(asyncio.run(collect()), key=lambda transcript: transcript.index)
