"""Train, validation and test without a leak: nothing of one person (or scene), and no near copy, on two sides.

    splitter = Splitter(SplitOrder(by="persona"))
    for transcript in corpus:
        splitter.add(transcript)
    split = splitter.split()
    split.sides["ward-000003"]      # 'train'; a dialogue that stands on no side is not there

People are one where their id, their name or the text of their profile is the same; a profile that is a near copy of
another's, names left out, is the same too. Dialogues are near copies from `ALIKE` on (see `simworld.text.minhash`);
they, the pieces of one conversation (`about.root`) and the chapters of one telling stand on one side, whatever the way.
A user or assistant who is nobody in particular (`user`, `assistant`) is not counted as a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import combining, normalize

from simworld.corpus.carving import divide
from simworld.errors import UsageError, unknown
from simworld.schema import SeatRecord, Transcript
from simworld.text.minhash import Kin, Near, Sketch, split_words

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SIDES = (TRAIN, VALIDATION, TEST)
WAYS = {
    "persona": "no person of one side sits in another",
    "scene": "no scene of one side is played in another",
    "both": "neither a person nor a scene",
    "random": "whole dialogues, whoever sits in them",
    "given": "as `about.split` of each transcript says",
}
PARTNERS = ("strict", "allow")
SHARES = (0.9, 0.05, 0.05)
TITLES = frozenset({"dr", "mr", "mrs", "ms", "mx", "miss", "prof", "professor", "doctor", "sir", "dame", "captain"})
"""Words before a name that are no part of it."""
ALIKE = 0.6
"""Jaccard similarity, 0..1, of three-word shingles from which on dialogues are near copies."""
PROFILE_ALIKE = 0.3
"""The same of two profiles, from which on they are one person's: a copy with a fifth of its words changed still is; of
500 forged people no two come to 0.15."""
ROWS, PROFILE_ROWS = 4, 2
"""Rows of a band: a pair of dialogues at 0.6 is found with probability 0.99, one of profiles at 0.3 with 0.997."""
MANY = 0.1
"""Share of the dialogues that straddle from which on it is told how to lose fewer."""
FEW_WORDS = 12
"""Words, names left out, that a profile must have to tell one person from another."""
FAR = 0.25
"""A share that is missed by more than this part of it is told."""
NOBODY = frozenset({"user", "assistant"})


@dataclass(frozen=True, slots=True)
class SplitOrder:
    """How to split. Raises UsageError for what is not allowed."""

    by: str = "persona"
    """One of `WAYS`."""
    shares: tuple[float, ...] = SHARES
    """Of the dialogues that stand on a side, 0..1: train, validation, test; together 1."""
    seed: int = 0
    """Decides among equals."""
    partners: str = "strict"
    """`strict`: everybody who sits in a dialogue counts; `allow`: only whose dialogue it is, the main seat."""

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise unknown("--split", self.by, WAYS)
        if self.partners not in PARTNERS:
            raise unknown("--partners", self.partners, PARTNERS)
        fits = len(self.shares) == 3 and all(0 <= share <= 1 for share in self.shares)
        if not fits or abs(sum(self.shares) - 1) > 1e-6 or not self.shares[0]:
            raise UsageError(
                f"--shares {','.join(map(str, self.shares))} is not allowed; three numbers from 0 to 1, together 1, "
                "the first over 0: of train, validation and test, such as 0.9,0.05,0.05"
            )


@dataclass(frozen=True, slots=True)
class Split:
    """Who stands where."""

    order: SplitOrder
    sides: dict[str, str]
    """Transcript id -> `train`, `validation` or `test`."""
    straddling: int
    """Transcripts that stand on no side, because what they are tied to stands on several."""
    unassigned: int
    """Transcripts without a side of their own, where the split is `given`."""
    copies: int
    """Near copies of an earlier dialogue."""
    people: dict[str, int]
    """Side -> people who sit in its dialogues."""
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Side -> transcripts, of the sides that have any."""
        counts = Counter(self.sides.values())
        return {side: counts[side] for side in SIDES if counts[side]}


@dataclass(slots=True)
class Talk:
    """What is kept of a transcript."""

    id: str
    given: str
    anchor: str
    """What it falls with, where something else decides: its main person, its scene or itself."""
    ties: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(slots=True)
class People:
    """Who is who: persons by id, name and profile, each as one tie. Keeps a sketch of each profile."""

    kin: Kin
    _profiles: Near = field(default_factory=lambda: Near(PROFILE_ALIKE, rows=PROFILE_ROWS, crowd=100_000))
    _of: list[str] = field(default_factory=list[str])
    _seen: dict[tuple[str, str, str], str] = field(default_factory=dict[tuple[str, str, str], str])

    def tie(self, seat: SeatRecord) -> str:
        """The tie of whoever sits there; empty for nobody in particular."""
        if is_nobody(seat):
            return ""
        key = (seat.persona, seat.name, seat.briefing.profile)
        if key not in self._seen:
            self._seen[key] = self._new(seat)
        return self._seen[key]

    def _new(self, seat: SeatRecord) -> str:
        tie = f"name:{plain_name(seat.name)}"
        self.kin.join(tie, f"persona:{seat.persona}")
        words = profile_words(seat)
        if len(words) >= FEW_WORDS:
            sketch = self._profiles.sketch([" ".join(words)])
            for number, _ in self._profiles.copies(sketch):
                self.kin.join(tie, self._of[number])
            self._profiles.add(sketch)
            self._of.append(tie)
        return tie


class Splitter:
    """Takes in transcripts one after another; keeps ids, ties and, of each text, a sketch."""

    def __init__(self, order: SplitOrder) -> None:
        self._order = order
        self._kin = Kin()
        self._people = People(self._kin)
        self._talks: list[Talk] = []
        self._near = Near(ALIKE, rows=ROWS)
        self._copies = 0

    def add(self, transcript: Transcript) -> None:
        """Take in the next transcript."""
        people = tuple(tie for seat in transcript.seats.values() if (tie := self._people.tie(seat)))
        own, scene = f"talk:{transcript.id}", f"scene:{transcript.scene}"
        main = self._people.tie(transcript.seats[transcript.main]) or next(iter(people), "")
        allowed = (main,) if main and self._order.partners == "allow" else people
        ties: dict[str, Sequence[str]] = {"persona": allowed, "scene": (scene,), "both": (*allowed, scene)}
        anchors = {"persona": main, "both": main or scene, "scene": scene}
        anchor = anchors.get(self._order.by) or own
        talk = Talk(
            transcript.id, transcript.about.get("split", ""), anchor, tuple(ties.get(self._order.by, ())) or (own,),
            tuple(dict.fromkeys(people)),
        )  # fmt: skip
        if self._order.by != "given":
            self._join(transcript, talk)
        self._talks.append(talk)

    def _join(self, transcript: Transcript, talk: Talk) -> None:
        """Bind it to what it must not be parted from."""
        root, story = transcript.about.get("root"), transcript.story
        if root:
            self._kin.join(talk.anchor, f"root:{root}")
        if story and self._order.by in ("scene", "both"):
            self._kin.join(f"scene:{transcript.scene}", f"story:{story.story}")
        elif story:
            self._kin.join(talk.anchor, f"telling:{transcript.id}")
            if story.before:
                self._kin.join(talk.anchor, f"telling:{story.before}")
        sketch = sketch_of(self._near, transcript)
        copies = self._near.copies(sketch)
        for number, _ in copies:
            self._kin.join(talk.anchor, self._talks[number].anchor)
        self._copies += bool(copies)
        self._near.add(sketch)

    def split(self) -> Split:
        """Where everything stands. Raises UsageError where a side that was asked for would be empty."""
        if not self._talks:
            raise UsageError("there is no dialogue to split")
        if self._order.by == "given":
            sides = {talk.id: talk.given for talk in self._talks if talk.given in SIDES}
            if not sides:
                raise UsageError(
                    "--split given: no transcript says in `about.split` where it stands; give --split persona, scene, "
                    "both or random"
                )
            return self._told(sides, unassigned=len(self._talks) - len(sides))
        ties = [tuple(dict.fromkeys(map(self._kin.top, talk.ties))) for talk in self._talks]
        parts = divide(ties, self._order.shares, self._order.seed)
        sides = {
            talk.id: SIDES[part] for talk, part in zip(self._talks, parts, strict=True) if part is not None
        }  # fmt: skip
        self._refuse_empty(Counter(sides.values()), ties)
        return self._told(sides, straddling=len(self._talks) - len(sides))

    def _refuse_empty(self, sizes: Counter[str], ties: Sequence[Sequence[str]]) -> None:
        missing = [side for side, share in self._wanted.items() if share and not sizes[side]]
        if TRAIN in missing or TEST in missing:
            counts = Counter(tie for own in ties for tie in own)
            tie, most = counts.most_common(1)[0]
            name = tie.partition(":")[2]
            raise UsageError(
                f"--split {self._order.by}: {' and '.join(missing)} would be empty: {len(ties)} dialogues are tied to "
                f"{len(counts)} {self._what}, one of which ('{name}') has part in {most}. Give {self._advice()}."
            )

    @property
    def _wanted(self) -> dict[str, float]:
        return dict(zip(SIDES, self._order.shares, strict=True))

    @property
    def _what(self) -> str:
        return {"persona": "people", "scene": "scenes", "both": "people and scenes"}.get(self._order.by, "dialogues")

    def _advice(self) -> str:
        ways = {"persona": ["scene", "random"], "both": ["persona", "scene"], "scene": ["persona", "random"]}
        other = " or ".join(f"--split {way}" for way in ways.get(self._order.by, ()))
        allow = self._order.by in ("persona", "both") and self._order.partners == "strict"
        told = ["larger --shares for the small sides", "more dialogues"]
        told += ["--partners allow (the main person alone counts)"] if allow else []
        told += [f"{other} (they are tied to something else)"] if other else []
        return ", or ".join(told)

    def _told(self, sides: dict[str, str], straddling: int = 0, unassigned: int = 0) -> Split:
        people: dict[str, set[str]] = {}
        for talk in self._talks:
            if talk.id in sides:
                people.setdefault(sides[talk.id], set()).update(map(self._kin.top, talk.people))
        counts = {side: len(people[side]) for side in SIDES if side in people}
        sizes, notes = Counter(sides.values()), list[str]()
        if self._order.by != "given":
            wanted = self._wanted
            shares = {side: sizes[side] / len(sides) for side in SIDES}
            missed = [side for side in SIDES if _is_far(shares[side], wanted[side])]
            notes += [f"{side} has {shares[side]:.1%} of them, not {wanted[side]:.1%}" for side in missed]
            notes += [f"to come nearer: {self._advice()}"] if missed else []
            if straddling > MANY * len(self._talks):
                ways = "--partners allow counts the main person alone; " if self._order.partners == "strict" else ""
                notes.append(f"to lose fewer: {ways}--split scene and --split random tie them to less")
        return Split(self._order, sides, straddling, unassigned, self._copies, counts, tuple(notes))


def _is_far(got: float, wanted: float) -> bool:
    return abs(got - wanted) > FAR * wanted


def sketch_of(near: Near, transcript: Transcript) -> Sketch:
    """What is compared of a transcript: all that is thought, said and done in it."""
    return near.sketch(turn.text for turn in transcript.turns if turn.kind != "move")


def is_nobody(seat: SeatRecord) -> bool:
    """Whether whoever sits there is no person: a user or an assistant by role and by name alone."""
    return seat.role in NOBODY and seat.persona in NOBODY


def plain_name(name: str) -> str:
    """A name as it is compared: small letters, single spaces, no marks, accents or titles."""
    bare = "".join(letter for letter in normalize("NFKD", name) if not combining(letter))
    words = split_words(bare)
    own = [word for word in words if word not in TITLES]
    return " ".join(own or words) or re.sub(r"\s+", " ", name.strip())


def profile_words(seat: SeatRecord) -> list[str]:
    """The words of a profile without those of the person's own name."""
    own = set(split_words(seat.name))
    return [word for word in split_words(seat.briefing.profile) if word not in own]
