"""How often what somebody once said comes back when it is asked about, over long lives.

    python -m tests.benchmarks.recall [--encoder minilm] [--seed 1] [--tuning]

A life is what one seat remembered of about 25 dialogues over the built-in scenes, one a day, played by the embedded
default.
Facts (`recall_facts.yaml`) are said at seeded places in it, by somebody who is there, and asked about a day after its
end. A hit: the fact is among what comes back, 5 memories at most.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

import yaml

from simworld.mind.appraisal import appraise
from simworld.mind.memory import Episodic, gist, importance
from simworld.mind.recall import Lexical, Relevance, Weights, open_relevance
from simworld.schema import Memory, Transcript
from simworld.simulate.run import play_many

ROOT = Path(__file__).parents[2]
FACTS = Path(__file__).parent / "recall_facts.yaml"
HOWS = ("near", "part", "far")
DIALOGUES = 32
"""Played for a life; as many are lived through as it takes."""
PLANTED = 20
"""Facts of a life, at most."""
LIVED = 420
"""Memories of a life beside its facts, at least."""
DAY = 1440.0
PLAIN = Weights(recency=0, importance=0, floor=0)
"""Relevance by itself."""


@dataclass(frozen=True)
class Fact:
    how: str
    said: str
    asked: str


@dataclass
class Life:
    """What one has lived through, and the facts in it by the id of their memory."""

    memories: list[Memory] = field(default_factory=list)
    facts: dict[int, Fact] = field(default_factory=dict)

    @property
    def now(self) -> float:
        return self.memories[-1].minutes + DAY

    @cached_property
    def held(self) -> tuple[Memory, ...]:
        """What a bounded mind still has of it, having taken it in one memory after another."""
        model, held = Episodic(), ()
        for n, memory in enumerate(self.memories):
            held, _ = model.keep(held, [memory], memory.minutes, n)
        return held


def read_facts(part: str) -> list[Fact]:
    return [Fact(*row) for row in yaml.safe_load(FACTS.read_text(encoding="utf-8"))[part]]


async def transcripts(n: int, seed: int) -> list[Transcript]:
    """`n` dialogues over the built-in scenes, in the order of the plan."""
    found = [transcript async for transcript in play_many(ROOT / "scenes", n=n, seed=seed)]
    return sorted(found, key=lambda transcript: transcript.index)


def live(played: Sequence[Transcript], facts: Sequence[Fact], rng: random.Random) -> Life:
    """One life: a dialogue a day, each fact said right after a seeded moment of it."""
    moments: list[tuple[Memory, str]] = []
    for day, transcript in enumerate(played):
        if len(moments) >= LIVED:
            break
        seat = rng.choice(sorted(transcript.minds))
        others = sorted(one.name for id, one in transcript.seats.items() if id in transcript.minds and id != seat)
        for memory in transcript.minds[seat].formed:
            moments.append((memory.model_copy(update={"minutes": day * DAY + memory.minutes}), rng.choice(others)))
    places = dict(zip(sorted(rng.sample(range(len(moments)), len(facts))), rng.sample(facts, len(facts)), strict=True))
    life = Life()
    for place, (memory, other) in enumerate(moments):
        life.memories.append(memory.model_copy(update={"id": len(life.memories)}))
        if place in places:
            life.facts[len(life.memories)] = places[place]
            life.memories.append(_said(places[place], other, memory, len(life.memories)))
    assert len(moments) >= LIVED, f"a life of {len(moments)} memories is too short: play more dialogues"
    return life


def _said(fact: Fact, speaker: str, after: Memory, id: int) -> Memory:
    """The fact as a mind remembers it when it is told to it."""
    text = gist(speaker, "say", fact.said)
    weight = importance(fact.said, appraise(fact.said).strength, True)
    return after.model_copy(update={"id": id, "text": text, "importance": weight, "private": False})


def lives(facts: Sequence[Fact], seed: int) -> list[Life]:
    rng = random.Random(seed)
    shuffled = rng.sample(facts, len(facts))
    parts = [shuffled[start : start + PLANTED] for start in range(0, len(shuffled), PLANTED)]
    played = asyncio.run(transcripts(DIALOGUES * len(parts), seed))
    return [live(played[n * DIALOGUES : (n + 1) * DIALOGUES], part, rng) for n, part in enumerate(parts)]


Way = Callable[[Life, str], Sequence[Memory]]


def way(relevance: Relevance, weights: Weights, *, bounded: bool = False) -> Way:
    model = Episodic(relevance, weights)

    def recall(life: Life, asked: str) -> Sequence[Memory]:
        held = life.held if bounded else tuple(life.memories)
        return model.recall(held, asked, now=life.now, budget=10_000, count=len)

    return recall


def ways(encoder: str, rng: random.Random) -> dict[str, Way]:
    """Every contestant by its name in the table."""
    scorers: dict[str, Relevance] = {"lexical": Lexical()}
    if encoder:
        scorers[encoder] = open_relevance("embeddings", encoder)
    found: dict[str, Way] = {}
    for name, relevance in scorers.items():
        found[f"{name}, relevance alone"] = way(relevance, PLAIN)
        found[f"{name}, as simworld weighs it"] = way(relevance, Weights())
        found[f"{name}, as weighed, at most 240 kept"] = way(relevance, Weights(), bounded=True)
    found["the last 40 memories"] = lambda life, asked: life.memories[-40:]
    found["5 at random"] = lambda life, asked: rng.sample(life.memories, 5)
    return found


def measure(lives: Sequence[Life], recall: Way) -> dict[str, list[bool]]:
    """Whether each fact came back, by how its question was asked."""
    hits: dict[str, list[bool]] = {how: [] for how in HOWS}
    for life in lives:
        for id, fact in life.facts.items():
            hits[fact.how].append(any(memory.id == id for memory in recall(life, fact.asked)))
    return hits


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def row(name: str, hits: dict[str, list[bool]]) -> str:
    every = [hit for how in HOWS for hit in hits[how]]
    low, high = wilson(sum(every), len(every))
    parts = " | ".join(f"{sum(hits[how])} of {len(hits[how])}" for how in HOWS)
    return f"| {name} | {100 * sum(every) / len(every):.1f} % | {100 * low:.1f} .. {100 * high:.1f} % | {parts} |"


def table(lives: Sequence[Life], ways: dict[str, Way]) -> str:
    lines = [
        "| what answers | comes back | 95 % interval | near | part | far |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [row(name, measure(lives, recall)) for name, recall in ways.items()]
    return "\n".join(lines)


def speed(lives: Sequence[Life], rounds: int = 50) -> float:
    """Milliseconds that a lexical recall over a full mind takes, with a cue of 30 words; the least of the rounds."""
    held = lives[0].held[-240:]
    cue = " ".join(" ".join(memory.text for memory in held[:3]).split()[:30])
    model, took = Episodic(), list[float]()
    for _ in range(rounds):
        began = time.perf_counter()
        model.recall(held, cue, now=0.0, budget=1000, count=len)
        took.append(1000 * (time.perf_counter() - began))
    return min(took)


def tune(encoder: str, seed: int) -> None:
    """The weights' table on the facts that are not measured."""
    made = lives(read_facts("tuning"), seed)
    scorers: dict[str, Any] = {
        "lexical": Lexical(),
        **({encoder: open_relevance("embeddings", encoder)} if encoder else {}),
    }
    for name, relevance in scorers.items():
        for recency, weight in ((0, 0), (0.05, 0.05), (0.1, 0.1), (0.1, 0.2), (0.2, 0.2), (0.5, 0.5), (1, 1)):
            for floor in (0.0, 0.1, 0.2):
                weights = Weights(recency=recency, importance=weight, floor=floor)
                print(row(f"{name} {recency} {weight} floor {floor}", measure(made, way(relevance, weights))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="", help="also measure embeddings: minilm, model2vec:PATH ...")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tuning", action="store_true", help="the table by which the default weights were chosen")
    options = parser.parse_args()
    if options.tuning:
        tune(options.encoder, options.seed)
        return
    made = lives(read_facts("facts"), options.seed)
    lengths = sorted(len(life.memories) for life in made)
    kept = sum(any(memory.id == id for memory in life.held) for life in made for id in life.facts)
    print(f"{len(made)} lives of {lengths[0]} to {lengths[-1]} memories, seed {options.seed}\n")
    print(table(made, ways(options.encoder, random.Random(options.seed))))
    print(f"\nfacts still held where at most 240 memories are kept: {kept} of {sum(len(life.facts) for life in made)}")
    print(f"a lexical recall over {len(made[0].held[-240:])} memories, cue of 30 words: {speed(made):.2f} ms")


if __name__ == "__main__":
    main()
