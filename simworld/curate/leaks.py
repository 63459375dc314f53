"""Filters of what stays inside: thoughts and secrets that are spoken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simworld.curate.case import Bounds, Case, Found, shortened, weighed
from simworld.schema import Turn
from simworld.text.minhash import split_words
from simworld.text.words import content_stems


def thought_leak(case: Case, bounds: Bounds) -> Iterator[Found]:
    """A thought that its thinker then says as it was thought, or that another one speaks of without having heard it."""
    for thought in case.thoughts:
        stems = case.stems(thought)
        if len(stems) < bounds["least_stems"]:
            continue
        own = [turn for turn in case.said if turn.seat == thought.seat and turn.act >= thought.act]
        for turn in own[:1]:
            yield from _said_as_thought(case, thought, turn, bounds)
        yield from _known_by_others(case, thought, bounds)


def _said_as_thought(case: Case, thought: Turn, turn: Turn, bounds: Bounds) -> Iterator[Found]:
    """What the thinker says next holds the thought's words in a row, or most of what it weighs."""
    words = split_words(thought.text)
    run = _common_run(words, split_words(turn.text))
    if run >= bounds["own_run"] and run >= bounds["own_run_share"] * len(words):
        yield Found(
            f"thought and said, {run} words alike: '{shortened(thought.text, 50)}'", (thought.n, turn.n), float(run)
        )
        return
    stems = case.stems(thought)
    both = stems & case.stems(turn)
    share = weighed(both) / (weighed(stems) or 1.0)
    if share >= bounds["own_share"] and len(both) >= bounds["own_stems"]:
        yield Found(f"said as it was thought: '{shortened(thought.text, 50)}'", (thought.n, turn.n), share)


def _known_by_others(case: Case, thought: Turn, bounds: Bounds) -> Iterator[Found]:
    """What only the thought holds, and somebody who could not hear it speaks of, before it is said aloud."""
    hidden = case.stems(thought) - case.aloud_before(thought.n)
    for turn in [turn for turn in case.said if turn.n > thought.n][: int(bounds["within"])]:
        if turn.seat != thought.seat and turn.seat in case.people:
            both = hidden & case.stems(turn)
            if len(both) >= bounds["others_stems"] and weighed(both) >= bounds["others_weight"]:
                both, rest = both - case.told(turn.seat), hidden - case.told(turn.seat)
                known = weighed(both)
                enough = len(both) >= bounds["others_stems"] and known >= bounds["others_weight"]
                if enough and known >= bounds["others_share"] * weighed(rest):
                    words = ", ".join(sorted(both)[:5])
                    yield Found(f"speaks of what was only thought ({words})", (thought.n, turn.n), known)
        hidden = hidden - case.stems(turn)


def _common_run(one: Sequence[str], other: Sequence[str]) -> int:
    """The most words in a row that both have."""
    best = 0
    row = [0] * (len(other) + 1)
    for word in one:
        new = [0] * (len(other) + 1)
        for at, theirs in enumerate(other, 1):
            if word == theirs:
                new[at] = row[at - 1] + 1
        best = max(best, *new)
        row = new
    return best


def secret_leak(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Somebody's secret is spoken: most of what it weighs stands in few turns of one speaker."""
    for person in case.people.values():
        if not person.secret:
            continue
        names = frozenset(one for name in person.names for one in content_stems(name))
        stems = frozenset(content_stems(person.secret)) - names
        if len(stems) < bounds["least_stems"]:
            continue
        whole = weighed(stems)
        for seat in case.people:
            turns = case.said_by(seat)
            for at, turn in enumerate(turns):
                window = turns[at : at + int(bounds["window"])]
                both = stems & frozenset(one for each in window for one in case.stems(each))
                first = stems & case.stems(turn)
                share = weighed(both) / whole
                if first and share >= bounds["share"] and len(both) >= bounds["least_stems"]:
                    words = ", ".join(sorted(both)[:5])
                    found = tuple(each.n for each in window if stems & case.stems(each))
                    yield Found(f"{person.name}'s secret is told ({words})", found, share)
                    break
