"""Taking in: time fades what is felt, what was perceived moves it, and becomes memories.

    taken = absorb(nature, mind, perceived_turns, minutes=12.0, at=31, where="the corridor")
    taken.mind, taken.formed, taken.let_go

A mind takes in only turns that its seat perceived or made: nothing else is handed to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from simworld.mind.appraisal import appraise
from simworld.mind.memory import gist, importance
from simworld.mind.nature import Nature
from simworld.mind.relations import shift
from simworld.schema import NARRATOR, OUT, Appraisal, LetGo, Memory, Mind, Tie, Turn

TO_ME = 0.3
"""How far words move the one they are meant for, of how far they would move whoever felt them so."""
OVERHEARD = 0.12
"""The same for words that are meant for another, and for what happens."""
OWN_FEELING = 0.25
"""How far an own feeling, named after another's words, moves warmth for them: its valence times this."""
FAINT = 0.03
"""Importance below which nothing is remembered."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking in has made of a mind."""

    mind: Mind
    formed: tuple[Memory, ...] = ()
    let_go: tuple[LetGo, ...] = ()
    pulls: tuple[tuple[Appraisal, float], ...] = ()
    """What was heard, appraised by its words, and how far it moves this one; not felt yet."""


def absorb(nature: Nature, mind: Mind, turns: Sequence[Turn], *, minutes: float, at: int, where: str) -> Taken:
    """The mind after it has taken in these turns (perceived or made, in order), at this minute of the scene.

    `at` is the number of the dialogue's turns by now, `where` the name of the place. Feelings have faded and ties have
    shifted; the pulls on the emotion are returned, to be felt by `move` where the one who feels does not name it.
    """
    now = nature.began + minutes
    felt = nature.models.emotion.fade(mind.emotion, nature.temperament, max(0.0, now - mind.minutes))
    ties, pulls, new = mind.ties, list[tuple[Appraisal, float]](), list[Memory]()
    gathered = mind.unreflected
    for act in _acts(turns):
        appraisal, weight = _heard(nature, act)
        if weight:
            pulls.append((appraisal, weight))
            ties = _shifted(nature, ties, act[0].seat, appraisal, weight)
        for parts, words, weighs in _memorable(nature, act, appraisal, weight >= TO_ME):
            new.append(
                Memory(
                    id=mind.next_id + len(new), text=words, minutes=nature.began + parts[0].minutes,
                    scene=nature.dialogue, at=at - 1, turns=tuple(turn.n for turn in parts), where=where,
                    who=_who(nature, parts), private=_is_private(parts[0]), importance=weighs, emotion=felt.name,
                )
            )  # fmt: skip
            gathered += weighs
    memories, let_go = nature.models.memory.keep(mind.memories, new, now, at - 1) if new else (mind.memories, ())
    after = mind.model_copy(
        update={
            "emotion": felt, "minutes": now, "taken_in": at, "ties": ties, "memories": memories,
            "next_id": mind.next_id + len(new), "unreflected": gathered,
        }
    )  # fmt: skip
    return Taken(after, tuple(new) if memories[-1:] == tuple(new[-1:]) else (), let_go, tuple(pulls))


def move(nature: Nature, mind: Mind, pulls: Sequence[tuple[Appraisal, float]]) -> Mind:
    """The mind after it has felt what was heard."""
    model, felt = nature.models.emotion, mind.emotion
    for appraisal, weight in pulls:
        if appraisal.strength:
            felt = model.feel(felt, nature.temperament, appraisal, weight)
    return mind if felt is mind.emotion else mind.model_copy(update={"emotion": felt})


def own(nature: Nature, mind: Mind, named: str, heard_from: str) -> Mind:
    """The mind after its owner has named what it feels (`named`, as the vocabulary spells it; '' changes nothing).

    Who names a feeling need not be told of it in a note. The feeling also bears on how this one stands to the persona
    `heard_from`, whose words it answers ('' where there were none).
    """
    if not named:
        return mind
    felt = nature.models.emotion.feel(mind.emotion, nature.temperament, Appraisal(named=named, strength=1.0))
    ties = mind.ties
    if heard_from in ties and felt.name != mind.emotion.name:
        pull = Appraisal(warmth=OWN_FEELING * felt.affect.valence, strength=1.0)
        ties = {**ties, heard_from: shift(ties[heard_from], pull, 1.0)}
    return mind.model_copy(update={"emotion": felt, "told": felt.name, "ties": ties})


def _acts(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    for _, act in groupby(turns, key=lambda turn: (turn.act, turn.seat)):
        yield list(act)


def _heard(nature: Nature, act: Sequence[Turn]) -> tuple[Appraisal, float]:
    """What an act's words are, and how far they move this one; own words move nobody."""
    text = " ".join([turn.text for turn in act if turn.kind in ("say", "do")])
    appraisal = appraise(text) if text else Appraisal()
    seat = act[0].seat
    if seat == nature.seat or not text:
        return appraisal, 0.0
    if seat == NARRATOR:
        return appraisal, OVERHEARD
    meant = {to for turn in act for to in turn.to}
    to_me = nature.seat in meant or not (nature.several or meant)
    return appraisal, TO_ME if to_me or not meant else OVERHEARD


def _shifted(nature: Nature, ties: dict[str, Tie], seat: str, appraisal: Appraisal, weight: float) -> dict[str, Tie]:
    """The ties after another's act; what happens by itself changes none."""
    other = nature.cast[seat].id if seat in nature.cast else ""
    if other not in ties:
        return ties
    shifted = shift(ties[other], appraisal, weight / TO_ME)
    return ties if shifted is ties[other] else {**ties, other: shifted}


def _memorable(
    nature: Nature, act: Sequence[Turn], appraisal: Appraisal, addressed: bool
) -> Iterator[tuple[Sequence[Turn], str, float]]:
    """What of an act is remembered, in which words, and how much it matters: what all could perceive as one memory,
    what was private each by itself."""
    private = [turn for turn in act if _is_private(turn)]
    shared = [turn for turn in act if not _is_private(turn)] if private else act
    groups = [shared, *([turn] for turn in private)] if shared else [[turn] for turn in private]
    for turns in groups:
        words = " ".join([turn.text for turn in turns if turn.kind != "move"])
        weight = importance(words, appraisal.strength, addressed)
        told = " ".join([_told(nature, turn) for turn in turns]) if weight >= FAINT else ""
        if told:
            yield turns, told, weight


def _is_private(turn: Turn) -> bool:
    return turn.kind == "think" or turn.manner != "" or (turn.seat == NARRATOR and bool(turn.to))


def _told(nature: Nature, turn: Turn) -> str:
    """A turn as it is remembered, in words."""
    kind, text = turn.manner or turn.kind, turn.text
    if turn.seat not in nature.cast:
        kind = "narration"
    elif turn.kind == "move":
        kind = "leave" if text == OUT else "move"
        text = next((place.name for place in nature.scene.places if place.id == text), "")
    name = "" if turn.seat == nature.seat else nature.cast[turn.seat].name if turn.seat in nature.cast else ""
    told = gist(name, kind, text)
    return f"{told}." if told and turn.kind != "say" and told[-1] not in ".!?…" else told


def _who(nature: Nature, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The personas that turns are about: who did them first, then whom they were meant for; not oneself."""
    seats = [turns[0].seat, *(to for turn in turns for to in turn.to)]
    found = dict.fromkeys(nature.cast[seat].id for seat in seats if seat in nature.cast and seat != nature.seat)
    return tuple(found)
