"""What is compared: the turns of people, real or simulated, each with what stood before it.

    real = read_side(Path("real"), split="validation")
    sim = read_side(Path("sim"))
    real.firsts[0].text, real.followups[0].reply

A conversation's turns are what the seat with the role `user` said aloud, an act each; all others who speak are the
assistant's side. Conversations of one root are one group: they are never parted, and intervals are by group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from simworld.corpus.store import Corpus
from simworld.errors import UsageError
from simworld.schema import NARRATOR, Transcript
from simworld.text.ngrams import words
from simworld.usersim.rows import is_over

FEW = 150
"""Groups below which the values of PAPERS' table still move (question rate by 0.01, a KS distance by 0.07)."""
COUNTED = frozenset({"complete", "truncated"})
"""Statuses of the transcripts that are measured."""


@dataclass(slots=True, eq=False)
class Said:
    """One turn of a user."""

    text: str
    group: str
    """The conversation it comes from, by its root."""
    number: int
    """Which of the user's turns it is, from 1."""
    before: tuple[str, ...] = ()
    """All that was said before it by either side, oldest first."""
    reply: str | None = None
    """The assistant's turn right before it; None where the user opens."""
    first: bool = False
    """Whether it opens a conversation that truly starts here."""
    memo: dict[object, Any] = field(default_factory=dict[object, Any], repr=False)
    """What was once worked out of it: halves of a side share their turns."""

    @property
    def words(self) -> list[str]:
        """Its words (`text.ngrams.words`)."""
        if "words" not in self.memo:
            self.memo["words"] = words(self.text)
        return self.memo["words"]

    @property
    def length(self) -> int:
        """Its words by white space."""
        return len(self.text.split())


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """One conversation."""

    id: str
    group: str
    data: str
    """Name of the source, where a prepared corpus tells it."""
    acts: tuple[tuple[bool, str], ...]
    """Whether the user spoke, and what was said; oldest first."""
    over: bool | None
    """True: it was over after the last act; None: nobody knows."""
    true_start: bool = True
    intent: str = ""

    @property
    def rounds(self) -> int:
        """The user's turns."""
        return sum(mine for mine, _ in self.acts)

    def said(self, *, swapped: bool = False) -> list[Said]:
        """The user's turns; `swapped`: the assistant's, as if they were a user's."""
        found: list[Said] = []
        before: list[str] = []
        for mine, text in self.acts:
            if mine is not swapped:
                opens = not before if not swapped else not found
                reply = before[-1] if before else None
                first = opens and self.true_start
                found.append(Said(text, self.group, len(found) + 1, tuple(before), reply, first))
            before.append(text)
        return found


@dataclass(frozen=True, eq=False)
class Side:
    """Turns to be measured, and the conversations they come from where they are whole."""

    name: str
    turns: tuple[Said, ...]
    talks: tuple[Talk, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    """What of the source was not taken, and how often."""

    @cached_property
    def firsts(self) -> list[Said]:
        """First turns of conversations that truly start there."""
        return [said for said in self.turns if said.first]

    @cached_property
    def followups(self) -> list[Said]:
        """Turns that answer an assistant's."""
        return [said for said in self.turns if said.reply is not None and not said.first]

    @cached_property
    def groups(self) -> list[str]:
        """The groups, in order of appearance."""
        return list(dict.fromkeys([*(talk.group for talk in self.talks), *(said.group for said in self.turns)]))

    def of(self, groups: Iterable[str], name: str = "") -> Side:
        """The part with these groups."""
        wanted = set(groups)
        turns = tuple(said for said in self.turns if said.group in wanted)
        return Side(name or self.name, turns, tuple(talk for talk in self.talks if talk.group in wanted))

    def halves(self, random: Random, most: int | None = None) -> tuple[Side, Side]:
        """Two parts of equally many groups, of `most` at most, chosen by chance; no group is in both."""
        mixed = random.sample(self.groups, len(self.groups))
        size = min(len(mixed) // 2, most or len(mixed))
        return self.of(mixed[:size], "half"), self.of(mixed[size : 2 * size], "other half")

    def of_data(self, data: str) -> Side:
        """The part that comes from one source."""
        return self.of({talk.group for talk in self.talks if talk.data == data}, data)


def side_of(name: str, talks: Sequence[Talk], *, swapped: bool = False) -> Side:
    """The users' turns of these conversations; `swapped`: the assistants', taken as if users had said them."""
    turns = tuple(said for talk in talks for said in talk.said(swapped=swapped))
    # a swapped side's conversations are not its own: it neither stops nor goes on
    return Side(name, turns, () if swapped else tuple(talks))


def read_side(path: Path, *, split: str = "", most: int | None = None, seed: int = 0) -> Side:
    """The conversations of a corpus; of a prepared one only this split, where any of it has a split at all.

    `most`: so many groups at most, drawn by `seed`. A conversation that stands there twice (with and without its
    intent) counts once. Raises UsageError where no seat is a user's, or fewer than two groups are left.
    """
    talks, left = read_talks(path, split=split)
    groups = list(dict.fromkeys(talk.group for talk in talks))
    if len(groups) < 2:
        raise UsageError(
            f"{path}: {len(groups)} conversation{'s' * (len(groups) != 1)} to measure; at least 2 are needed, "
            f"{FEW} for values that hold still{_reasons(left)}"
        )
    if most is not None and len(groups) > most:
        kept = set(Random(f"sample:{seed}").sample(groups, most))
        left["conversations beyond --sample"] = sum(talk.group not in kept for talk in talks)
        talks = [talk for talk in talks if talk.group in kept]
    made = side_of(str(path), talks)
    return Side(made.name, made.turns, made.talks, tuple(sorted(left.items())))


def read_talks(path: Path, *, split: str = "") -> tuple[list[Talk], Counter[str]]:
    """The conversations of a corpus, and why others were left out. Raises UsageError where no seat is a user's."""
    left: Counter[str] = Counter()
    talks: list[Talk] = []
    splits: list[str] = []
    seen: set[tuple[str, tuple[tuple[bool, str], ...]]] = set()
    seats: Counter[str] = Counter()
    for transcript in Corpus(path):
        seats.update(f"{id} ({seat.role})" for id, seat in transcript.seats.items())
        talk = _talk(transcript)
        if talk is None:
            left["conversations without a user's turn"] += 1
        elif transcript.status not in COUNTED:
            left[f"conversations that are {transcript.status.replace('_', ' ')}"] += 1
        elif (talk.group, talk.acts) in seen:
            left["conversations that stand there twice"] += 1
        else:
            seen.add((talk.group, talk.acts))
            talks.append(talk)
            splits.append(transcript.about.get("split", ""))
    if not talks and not any(name.endswith("(user)") for name in seats):
        there = ", ".join(name for name, _ in seats.most_common(6)) or "none"
        raise UsageError(f"{path}: no seat has the role 'user'; seats there: {there}. Give a corpus of conversations")
    if split and any(splits):
        left[f"conversations outside the {split} part"] = sum(one != split for one in splits)
        talks = [talk for talk, one in zip(talks, splits, strict=True) if one == split]
    return talks, left


def _talk(transcript: Transcript) -> Talk | None:
    """The conversation with a user in it; None where the user says nothing."""
    user = next((id for id, seat in transcript.seats.items() if seat.role == "user"), None)
    acts: list[tuple[bool, str]] = []
    number = -1
    for turn in transcript.turns:
        if turn.kind != "say" or turn.seat == NARRATOR or not turn.text.strip():
            continue
        mine = turn.seat == user
        # lines of one side that follow each other are one turn, whoever spoke them
        if acts and (acts[-1][0] is mine or turn.act == number):
            acts[-1] = (acts[-1][0], f"{acts[-1][1]}\n{turn.text}")
        else:
            acts.append((mine, turn.text))
        number = turn.act
    if not any(mine for mine, _ in acts):
        return None
    about = transcript.about
    return Talk(
        transcript.id, about.get("root") or transcript.id, about.get("data", ""), tuple(acts),
        True if user is not None and is_over(transcript, user) else None,
        about.get("true_start", "true") != "false", about.get("intent", ""),
    )  # fmt: skip


def _reasons(left: Counter[str]) -> str:
    return f" (left out: {', '.join(f'{count} {what}' for what, count in sorted(left.items()))})" if left else ""
