"""Corpora and a trainer joined: whose turns, which rows, what is held out.

    result = train_corpus(["real"], Recipe(base="tiny", out=Path("user"), speaker="user"), tell=print)

    for row in rows_of(["real"], "user"):
        row["split"]

A corpus is read anew for every pass, one transcript at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from simworld.corpus.exports.leaving import Leaving
from simworld.corpus.exports.speakers import Wanted
from simworld.corpus.store import Corpus
from simworld.errors import UsageError, unknown
from simworld.schema import Transcript
from simworld.train.recipe import Recipe
from simworld.train.rows import TrainRow
from simworld.train.training import Result, train
from simworld.usersim.rows import train_rows

SPLITS: tuple[str, ...] = ("root", "persona")
VALIDATION = 0.05


class Rows:
    """The rows of some corpora for one speaker: may be read again and again; counts each reading."""

    def __init__(
        self,
        corpora: Sequence[str | Path],
        speaker: str,
        *,
        thoughts: bool = True,
        notes: bool = True,
        validation: float = VALIDATION,
        split_by: str = "root",
        include: Collection[str] = (),
    ) -> None:
        """`validation`: share that is held out where a corpus brings no split of its own.

        `split_by`: `root` holds out whole conversations, `persona` whole people: a held-out person's turns are
        validation, and a conversation that a held-out person takes part in teaches nobody else.
        Raises UsageError for a status or split that is not known.
        """
        if split_by not in SPLITS:
            raise unknown("--split-by", split_by, SPLITS)
        if not 0 <= validation < 1:
            raise UsageError(f"--validation {validation} is not allowed; it is a share from 0 up to, not with, 1")
        self.corpora = [str(one) for one in corpora]
        self._sources = [Corpus(one) for one in corpora]
        self._speaker, self._thoughts, self._notes = speaker, thoughts, notes
        self._share, self._split_by = validation, split_by
        self._leaving = Leaving(include)
        self.left_out: Counter[str] = Counter()
        """Why -> transcripts or rows, of the last reading."""
        self.sources: Counter[str] = Counter()
        """Source of the data -> transcripts, of the last reading."""
        self.transcripts = 0
        self._bare: set[bool] = set()

    def __iter__(self) -> Iterator[TrainRow]:
        self.left_out, self.sources, self.transcripts, self._bare = Counter(), Counter(), 0, set()
        wanted = Wanted(self._speaker)
        for number, source in enumerate(self._sources):
            for transcript in source:
                # ids are unique in one corpus only
                prefix = f"{number}:" if len(self._sources) > 1 else ""
                yield from self._rows(transcript, wanted, prefix)
        wanted.refuse_unknown()

    def _rows(self, transcript: Transcript, wanted: Wanted, prefix: str) -> Iterator[TrainRow]:
        seats = wanted.seats(transcript)
        self.transcripts += 1
        if reason := self._leaving.reason(transcript):
            self.left_out[f"transcripts that are {reason}"] += 1
            return
        if not seats:
            self.left_out["transcripts without such a seat"] += 1
        self.sources[transcript.about.get("data") or transcript.about.get("source") or transcript.scene] += 1
        for seat in seats:
            split = self._split(transcript, seat)
            if split is None:
                self.left_out["viewpoints of conversations with a held-out person"] += 1
                continue
            rows = train_rows(transcript, seat, thoughts=self._thoughts, notes=self._notes)
            if not rows:
                self.left_out["viewpoints of seats that never act"] += 1
            for row in rows:
                if not any(message["loss"] for message in row["messages"]):
                    self.left_out["rows without a message to learn from"] += 1
                    continue
                self._bare.add(_is_bare(transcript, seat))
                row["id"], row["root"], row["split"] = prefix + row["id"], prefix + row["root"], split
                yield row

    def _split(self, transcript: Transcript, seat: str) -> Literal["train", "validation"] | None:
        """On which side a viewpoint stands; None: on neither."""
        if self._split_by == "persona":
            held = {id for id, record in transcript.seats.items() if self._is_held_out(record.persona)}
            return "validation" if seat in held else None if held else "train"
        given = transcript.about.get("split")
        if given in ("train", "validation"):
            return "validation" if given == "validation" else "train"
        return "validation" if self._is_held_out(transcript.about.get("root") or transcript.id) else "train"

    def _is_held_out(self, key: str) -> bool:
        number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
        return number < self._share * 2**64

    def find(self, id: str) -> tuple[TrainRow, bool]:
        """The row of this id, or the first of the transcript of this id ('': of all); and whether any row teaches ends.

        Raises UsageError where there is none.
        """
        found: TrainRow | None = None
        ends, some = False, list[str]()
        for row in self:
            ends = ends or any(message["end"] and message["loss"] for message in row["messages"])
            if found is None and (not id or row["id"] == id or row["id"].startswith(f"{id}/")):
                found = row
            if len(some) < 20:
                some.append(row["id"])
        if found is None and some:
            raise unknown("row", id, some, "`simworld show CORPUS` lists the dialogues.")
        if found is None:
            raise UsageError(f"no rows of speaker '{self._speaker}'")
        return found, ends

    @property
    def names(self) -> str:
        """How others' lines stood in the rows of the last reading: `bare`, `named` or `both`."""
        return "both" if len(self._bare) == 2 else "bare" if True in self._bare else "named"

    def facts(self) -> dict[str, Any]:
        """What was read and what was left out, of the last reading."""
        return {
            "corpora": self.corpora, "transcripts": self.transcripts, "left_out": dict(sorted(self.left_out.items())),
            "sources": dict(self.sources.most_common()),
            "split_by": "conversation" if self._split_by == "root" else "persona",
        }  # fmt: skip


def _is_bare(transcript: Transcript, seat: str) -> bool:
    people = [id for id, record in transcript.seats.items() if record.role != "narrator"]
    return transcript.seats[seat].format == "plain" and len(people) == 2 and seat in people


def rows_of(
    corpus: str | Path | Sequence[str | Path],
    speaker: str,
    *,
    thoughts: bool = True,
    notes: bool = True,
    **options: Any,
) -> Iterator[TrainRow]:
    """The rows of a corpus (or several) for one speaker; further options as of `Rows`."""
    several = [corpus] if isinstance(corpus, str | Path) else corpus
    yield from Rows(several, speaker, thoughts=thoughts, notes=notes, **options)


def train_corpus(
    corpora: Sequence[str | Path],
    recipe: Recipe,
    *,
    tell: Callable[[str], None],
    validation: float = VALIDATION,
    split_by: str = "root",
    include: Collection[str] = (),
) -> Result | None:
    """Train on the rows of some corpora. Raises UsageError for what cannot be done, CorpusError for a broken corpus."""
    rows = Rows(
        corpora, recipe.speaker, thoughts=recipe.thoughts, notes=recipe.notes, validation=validation,
        split_by=split_by, include=include,
    )  # fmt: skip
    return train(rows, recipe, tell=tell)
