"""Near-duplicate search over many dialogues: time, memory, recall of planted near copies. Prints markdown.

    python -m tests.benchmarks.near_duplicates [--n 50000] [--kind improv|simsconv] [--data DIR]

Dialogues are made one at a time and never held together. `improv`: the built-in scenes are played 600 times by improv,
and each dialogue takes, turn by turn, what was said at that turn in some other playing of the same scene, so that
dialogues of one scene share turns and phrases as those of a large run do. `simsconv`: ten turns drawn from all of
SimsConv ($SIMWORLD_DATA/simsconv, or --data). 4 in 100 dialogues are near copies of an earlier one (words replaced,
turns left out, turns swapped) whose true Jaccard similarity, counted on the shingles themselves, is 0.80 to 0.96; 2 in
100 are decoys at 0.65 to 0.80, which a search at 0.8 must not find. A pair is false where its true similarity is below
0.8.

Beside it, in the same process and on a part of the same dialogues: every pair by brute force, and datasketch's own
MinHashLSH (threshold 0.8, 128 permutations) as its documentation uses it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from simworld.simulate.run import play_many
from simworld.text.minhash import Near, shingles, split_words
from tests.benchmarks.process import ROOT, run

THRESHOLD = 0.8
PLAYED = 600
COPIES, DECOYS = 0.04, 0.02
EDGES = (0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 1.0)
Talk = list[str]
Pair = tuple[int, int]


def true_shingles(talk: Talk) -> frozenset[bytes]:
    """What similarity is counted on, as texts, not hashes."""
    return frozenset(shingles([word for text in talk for word in split_words(text)]))


def true_similarity(one: frozenset[bytes], other: frozenset[bytes]) -> float:
    return len(one & other) / len(one | other)


@dataclass(frozen=True)
class Stream:
    """`n` dialogues, each made when it is asked for, some of them copies of earlier ones."""

    n: int
    draw: Callable[[random.Random], Talk]
    words: Sequence[str]
    seed: int = 0

    @cached_property
    def plants(self) -> dict[int, tuple[int, float]]:
        """Copy -> the dialogue it is a copy of, and how similar it is to be at most."""
        rng = random.Random(f"{self.seed}/plants")
        chosen = rng.sample(range(100, self.n), round(self.n * (COPIES + DECOYS)))
        taken = set(chosen)
        plants: dict[int, tuple[int, float]] = {}
        for count, copy in enumerate(chosen):
            of = next(at for at in iter(lambda copy=copy: rng.randrange(copy), None) if at not in taken)
            is_copy = count < self.n * COPIES
            plants[copy] = (of, rng.uniform(0.805, 0.95) if is_copy else rng.uniform(0.65, 0.79))
        return plants

    def made(self, at: int) -> Talk:
        if at in self.plants:
            of, target = self.plants[at]
            return self._edited(self.made(of), target, random.Random(f"{self.seed}/copy/{at}"))
        return self.draw(random.Random(f"{self.seed}/{at}"))

    def _edited(self, talk: Talk, target: float, rng: random.Random) -> Talk:
        """The last of a row of small changes at which the similarity is not yet below the target."""
        whole, now = true_shingles(talk), list(talk)
        for _ in range(4000):
            changed = self._changed(now, rng)
            likeness = true_similarity(whole, true_shingles(changed))
            if likeness < target:
                if likeness > target - 0.02:
                    break
                continue
            now = changed
        return now

    def _changed(self, talk: Talk, rng: random.Random) -> Talk:
        at, kind = rng.randrange(len(talk)), rng.random()
        if kind < 0.03 and len(talk) > 4:
            return talk[:at] + talk[at + 1 :]
        if kind < 0.06 and at:
            return [*talk[: at - 1], talk[at], talk[at - 1], *talk[at + 1 :]]
        words = talk[at].split()
        if not words:
            return talk
        words[rng.randrange(len(words))] = rng.choice(self.words)
        return [*talk[:at], " ".join(words), *talk[at + 1 :]]


def improv(n: int) -> Stream:
    async def play() -> dict[str, list[Talk]]:
        scenes: dict[str, list[Talk]] = {}
        async for one in play_many(ROOT / "scenes", n=PLAYED, seed=11):
            scenes.setdefault(one.scene, []).append([turn.text for turn in one.turns if turn.kind != "move"])
        return scenes

    scenes = asyncio.run(play())
    names = sorted(scenes)
    held = {name: sorted(talk for talk in scenes[name] if len(talk) > 3) for name in names}
    names = [name for name in names if held[name]]

    def draw(rng: random.Random) -> Talk:
        talks = held[rng.choice(names)]
        length = len(rng.choice(talks))
        return [rng.choice(given) for at in range(length) if (given := [talk[at] for talk in talks if at < len(talk)])]

    return Stream(n, draw, _words(talk for name in names for talk in held[name]))


def simsconv(n: int, data: Path) -> Stream:
    lines = (data / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()
    turns = [turn["content"] for line in lines for turn in json.loads(line)["turns"]]
    return Stream(n, lambda rng: [rng.choice(turns) for _ in range(10)], _words([turns]))


def _words(talks: Iterable[Talk]) -> list[str]:
    return sorted({word for talk in talks for text in talk for word in split_words(text)})


@dataclass
class Searched:
    """What one way found, and what that took."""

    name: str
    dialogues: int
    seconds: float
    pairs: set[Pair] = field(default_factory=set)
    notes: str = ""


def ours(stream: Stream, n: int) -> Searched:
    near, seconds, pairs = Near(THRESHOLD), 0.0, set[Pair]()
    for at in range(n):
        talk = stream.made(at)
        began = time.perf_counter()
        sketch = near.sketch(talk)
        pairs |= {(other, at) for other, _ in near.copies(sketch)}
        near.add(sketch)
        seconds += time.perf_counter() - began
    index = near.index
    notes = f"{index.compared / n:.1f} compared each; {index.crowded} in no band"
    return Searched("simworld, measured", n, seconds, pairs, notes)


def datasketch_lsh(stream: Stream, n: int) -> Searched:
    from datasketch import MinHash, MinHashLSH

    lsh, seconds, pairs = MinHashLSH(threshold=THRESHOLD, num_perm=128), 0.0, set[Pair]()
    for at in range(n):
        talk = stream.made(at)
        began = time.perf_counter()
        made = MinHash(num_perm=128)
        made.update_batch(shingles([word for text in talk for word in split_words(text)]))
        pairs |= {(other, at) for other in lsh.query(made)}
        lsh.insert(at, made)
        seconds += time.perf_counter() - began
    return Searched("datasketch MinHashLSH", n, seconds, pairs, f"{lsh.b} bands of {lsh.r}")


def brute_force(stream: Stream, n: int) -> Searched:
    from scipy.sparse import csr_matrix

    began = time.perf_counter()
    ids: dict[bytes, int] = {}
    sets = [{ids.setdefault(one, len(ids)) for one in sorted(true_shingles(stream.made(at)))} for at in range(n)]
    ends = [0]
    for one in sets:
        ends.append(ends[-1] + len(one))
    columns = [number for one in sets for number in sorted(one)]
    table: Any = csr_matrix(([1] * len(columns), columns, ends), shape=(n, len(ids)), dtype="int32")
    pairs: set[Pair] = set()
    for start in range(0, n, 500):
        both: Any = (table[start : start + 500] @ table.T).tocoo()
        for row, column, count in zip(both.row + start, both.col, both.data, strict=True):
            if column < row and count >= THRESHOLD * (len(sets[row]) + len(sets[column]) - count):
                pairs.add((int(column), int(row)))
    return Searched("every pair, brute force", n, time.perf_counter() - began, pairs)


@dataclass
class Truth:
    """True similarities of the pairs that are asked about."""

    stream: Stream
    _known: dict[Pair, float] = field(default_factory=dict)

    def __getitem__(self, pair: Pair) -> float:
        if pair not in self._known:
            one, other = (true_shingles(self.stream.made(at)) for at in pair)
            self._known[pair] = true_similarity(one, other)
        return self._known[pair]

    def planted(self, n: int) -> dict[Pair, float]:
        """Every planted pair among the first `n` dialogues that is a near copy."""
        found = {(of, copy): self[of, copy] for copy, (of, _) in self.stream.plants.items() if copy < n}
        return {pair: likeness for pair, likeness in found.items() if likeness >= THRESHOLD}


def row(searched: Searched, truth: Truth) -> str:
    planted = truth.planted(searched.dialogues)
    found = sum(pair in searched.pairs for pair in planted)
    false = sum(truth[pair] < THRESHOLD for pair in searched.pairs)
    return (
        f"| {searched.name} | {searched.dialogues} | {searched.seconds:.1f} | {len(planted)} | "
        f"{found / len(planted):.4f} | {len(searched.pairs)} | {false} | {searched.notes} |"
    )


def by_band(searched: Searched, truth: Truth) -> list[str]:
    counts = [[0, 0] for _ in EDGES]
    for pair, likeness in truth.planted(searched.dialogues).items():
        band = counts[min(bisect_right(EDGES, likeness) - 1, len(EDGES) - 2)]
        band[0] += 1
        band[1] += pair in searched.pairs
    spans = zip(EDGES, EDGES[1:], counts, strict=False)
    return [f"| {low:.2f} to {high:.2f} | {all} | {found / max(1, all):.4f} |" for low, high, (all, found) in spans]


def measure(stream: Stream, part: int) -> list[str]:
    searched, truth = ours(stream, stream.n), Truth(stream)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = "| way | dialogues | s | planted | recall | pairs found | false | |\n|---|---|---|---|---|---|---|---|"
    told = [f"peak resident memory after the search: {peak:.0f} MB", head, row(searched, truth)]
    others = [ours(stream, part), brute_force(stream, part), datasketch_lsh(stream, part)]
    told += [row(one, truth) for one in others]
    missed = len(others[1].pairs - others[0].pairs)
    told.append(f"\nof the {len(others[1].pairs)} pairs that are there among {part}, the search missed {missed}\n")
    return [*told, "| true similarity | planted | recall |\n|---|---|---|", *by_band(searched, truth)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Near-duplicate search: time, memory, recall.")
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--part", type=int, default=5_000, help="dialogues that the other ways search")
    parser.add_argument("--kind", choices=["improv", "simsconv"], default="improv")
    parser.add_argument("--data", type=Path, help="SimsConv's folder; default: $SIMWORLD_DATA/simsconv")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        began = time.perf_counter()
        ran = run([sys.executable, "-m", "tests.benchmarks.near_duplicates", "--inside", *sys.argv[1:]], core=None)
        whole = f"(the process as a whole: {time.perf_counter() - began:.0f} s, {ran.peak_mb:.0f} MB)"
        print(f"{given.n} dialogues, {given.kind}, threshold {THRESHOLD}\n{ran.said}{whole}")
        return
    data = given.data or Path(os.environ.get("SIMWORLD_DATA", "nowhere")) / "simsconv"
    stream = improv(given.n) if given.kind == "improv" else simsconv(given.n, data)
    print("\n".join(measure(stream, min(given.part, given.n))))


if __name__ == "__main__":
    main()
