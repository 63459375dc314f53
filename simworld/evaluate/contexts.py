"""The held-out conversations as the user's seat lived them: rows to score, prompts to go on from.

    held = read_contexts(Path("real"), "validation")
    held[0].row["messages"], held[0].data
    for point in held[0].points():
        point.prompt, point.text        # what the user is asked with, and what the person then said

The messages are `usersim.rows.train_rows`': what the trainer learns from and what acting sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from simworld.corpus.store import Corpus
from simworld.errors import UsageError
from simworld.schema import Transcript
from simworld.train.rows import TrainMessage, TrainRow
from simworld.usersim.rows import train_rows

TRAIN, HELD_OUT = "train", "validation"


@dataclass(frozen=True, slots=True)
class Point:
    """A moment at which the person spoke."""

    message: int
    """The own message's place in the row."""
    number: int
    """Which of the person's turns it is, from 1."""
    prompt: list[TrainMessage]
    text: str
    first: bool
    """Whether nothing was said before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """One conversation's row."""

    row: TrainRow
    data: str
    """Name of its source; empty where none is told."""
    opener: str
    """The user message that stands before an opening turn."""
    true_start: bool

    @property
    def group(self) -> str:
        """Its root."""
        return self.row["root"]

    def points(self) -> Iterator[Point]:
        """Every own message with text that is learnt."""
        number = 0
        messages = self.row["messages"]
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            number += 1
            if message["loss"] and message["content"]:
                yield Point(at, number, messages[:at], message["content"], self.opens(at))

    def opens(self, at: int) -> bool:
        """Whether the own message there has nothing but the opener before it."""
        return at <= 2 and messages_before(self.row, at) == self.opener

    def number(self, at: int) -> int:
        """How many turns the person had said before this message."""
        return sum(message["role"] == "assistant" for message in self.row["messages"][:at])


def messages_before(row: TrainRow, at: int) -> str:
    """The message right before this one; empty where there is none."""
    return row["messages"][at - 1]["content"] if at else ""


def read_contexts(path: Path, split: str, *, most: int | None = None, seed: int = 0) -> list[Held]:
    """The rows of one part of a prepared corpus (of all of it, where it has no parts and `split` is the held-out one).

    A conversation that stands there with and without an intent or persona is taken without. `most`: so many groups at
    most, drawn by `seed`.
    """
    chosen: dict[tuple[str, ...], Transcript] = {}
    parted = False
    for transcript in Corpus(path):
        told = transcript.about.get("split", "")
        parted = parted or bool(told)
        if told == split or (not told and split == HELD_OUT):
            key = (_root(transcript), *(turn.text for turn in transcript.turns))
            if key not in chosen or not transcript.about.get("conditioned"):
                chosen[key] = transcript
    transcripts = [one for one in chosen.values() if not parted or one.about.get("split") == split]
    groups = list(dict.fromkeys(map(_root, transcripts)))
    if most is not None and len(groups) > most:
        kept = set(Random(f"contexts:{seed}").sample(groups, most))
        transcripts = [one for one in transcripts if _root(one) in kept]
    return [held for transcript in transcripts for held in _rows(transcript)]


def held_out(path: Path, *, most: int | None = None, seed: int = 0) -> list[Held]:
    """The held-out rows. Raises UsageError where there are none."""
    found = read_contexts(path, HELD_OUT, most=most, seed=seed)
    if not found:
        raise UsageError(
            f"{path}: no held-out conversation in which a user speaks; `simworld usersim prepare` makes some"
        )
    return found


def _rows(transcript: Transcript) -> Iterator[Held]:
    seat = next((id for id, seat in transcript.seats.items() if seat.role == "user"), None)
    if seat is None or transcript.status == "failed":
        return
    opener = transcript.seats[seat].briefing.opener
    about = transcript.about
    for row in train_rows(transcript, seat, thoughts=True, notes=True):
        yield Held(row, about.get("data", ""), opener, about.get("true_start", "true") != "false")


def _root(transcript: Transcript) -> str:
    return transcript.about.get("root") or transcript.id
