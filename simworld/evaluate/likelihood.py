"""How likely a checkpoint finds what people really said next, in bits per byte: with the true history, with another
conversation's, with none, and with another reply in the assistant's last place (responsiveness).

    table = likelihood(scorer, held, scored, train, seed=0)
    table["bits_per_byte"].value, table["gain_from_history"].value

Bits per byte compare across tokenizers. What closes a turn is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, cast

from simworld.evaluate.bytegrams import ByteGrams
from simworld.evaluate.contexts import Held, Point
from simworld.evaluate.score import Part, Score, mean_score
from simworld.train.rows import TrainMessage, TrainRow

if TYPE_CHECKING:
    from simworld.train.score import Scored, Scorer

FOLLOWUPS = 200
"""Follow-ups whose history is changed, at most; drawn by the seed."""
LEARNT = 5_000_000
"""Bytes of people's turns that the 5-gram model learns, at most."""

Pair = tuple[Held, Point]
Nats = dict[tuple[str, int], tuple[float, int]]
"""Row id and message -> nats and bytes."""

ABOUT = {
    "bits_per_byte": "all held-out turns, true history",
    "bits_per_byte_first": "first turns",
    "bits_per_byte_followup": "follow-ups, true history",
    "bits_per_byte_5gram": "all held-out turns, by a 5-gram model of bytes learnt on the training part",
    "true_history": "the drawn follow-ups, true history",
    "shuffled_history": "the same, after another conversation's history",
    "no_history": "the same, after none",
    "gain_from_history": "shuffled less true: what knowing the conversation saves",
    "gain_over_none": "none less true",
    "responsiveness": "true history but for another conversation's last reply, less true; over 0: it reads the reply",
}


def likelihood(
    scorer: Scorer, held: Sequence[Held], scored: Sequence[Scored], train: Sequence[Held], seed: int = 0
) -> dict[str, Score]:
    """Every number of ABOUT; the 5-gram's only where there is a training part. `scored`: the scores of `held`."""
    pairs = [(one, point) for one in held for point in one.points()]
    costs = _costs(scored)
    known = [(one, point) for one, point in pairs if (one.row["id"], point.message) in costs]

    def bits(chosen: Sequence[Pair]) -> Score:
        return mean_score([_part(one, *costs[one.row["id"], point.message]) for one, point in chosen], seed)

    firsts = [pair for pair in known if pair[1].first]
    followups = [pair for pair in known if not pair[1].first]
    found = {
        "bits_per_byte": bits(known), "bits_per_byte_first": bits(firsts), "bits_per_byte_followup": bits(followups),
    }  # fmt: skip
    if train:
        found["bits_per_byte_5gram"] = by_spelling(known, train, seed)
    return found | _changed(scorer, followups, costs, seed)


def by_spelling(pairs: Sequence[Pair], train: Sequence[Held], seed: int = 0) -> Score:
    """Bits per byte of these turns by a 5-gram model that learnt the training part's."""
    model, room = ByteGrams(), LEARNT
    texts = [point.text for one in train for point in one.points()]
    Random(f"5gram:{seed}").shuffle(texts)
    for text in texts:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size <= room:
            model.learn(text)
            room -= size
    return mean_score([Part(one.group, model.bits(point.text), _bytes(point.text)) for one, point in pairs], seed)


def _changed(scorer: Scorer, followups: Sequence[Pair], costs: Nats, seed: int) -> dict[str, Score]:
    """The drawn follow-ups after other histories, and what each costs more than the true one."""
    random = Random(f"history:{seed}")
    chosen = random.sample(followups, min(len(followups), FOLLOWUPS))
    others = {number: _another(pair, followups, random) for number, pair in enumerate(chosen)}
    if not chosen or None in others.values():
        return {}
    strangers = cast("dict[int, Pair]", others)
    makers: dict[str, Callable[[Pair, Pair], list[TrainMessage]]] = {
        "shuffled_history": _shuffled, "no_history": _without, "another_reply": _another_reply,
    }  # fmt: skip
    true = [costs[one.row["id"], point.message] for one, point in chosen]
    groups = [one.group for one, _ in chosen]
    found = {"true_history": _ratio(groups, [(nats, size) for nats, size in true], seed)}
    gains = {"shuffled_history": "gain_from_history", "no_history": "gain_over_none", "another_reply": "responsiveness"}
    for name, make in makers.items():
        rows = [_row(pair, strangers[number], make, number) for number, pair in enumerate(chosen)]
        made = _costs(scorer.score(rows))
        here = [made[row["id"], len(row["messages"]) - 1] for row in rows]
        # a history may leave less of a long turn in sight: only turns seen whole by both are compared
        whole = [at for at in range(len(rows)) if here[at][1] == true[at][1]]
        more = [(here[at][0] - true[at][0], true[at][1]) for at in whole]
        if name != "another_reply":
            found[name] = _ratio(groups, here, seed)
        found[gains[name]] = _ratio([groups[at] for at in whole], more, seed)
    return found


def _another(pair: Pair, followups: Sequence[Pair], random: Random) -> Pair | None:
    """A follow-up of another conversation, as far on as this one where there is one."""
    held, point = pair
    strangers = [other for other in followups if other[0].group != held.group]
    alike = [other for other in strangers if other[1].number == point.number]
    return random.choice(alike or strangers) if strangers else None


def _shuffled(own: Pair, other: Pair) -> list[TrainMessage]:
    return [*_head(own), *other[1].prompt[len(_head(other)) :]]


def _without(own: Pair, other: Pair) -> list[TrainMessage]:
    del other
    return [*_head(own), TrainMessage(role="user", content=own[0].opener, loss=False, end=None)]


def _another_reply(own: Pair, other: Pair) -> list[TrainMessage]:
    return [*own[1].prompt[:-1], other[1].prompt[-1]]


def _head(pair: Pair) -> list[TrainMessage]:
    """The system message."""
    return [message for message in pair[1].prompt[:1] if message["role"] == "system"]


def _row(own: Pair, other: Pair, make: Callable[[Pair, Pair], list[TrainMessage]], number: int) -> TrainRow:
    """A row in which this turn alone is scored, after the history that `make` gives it."""
    before = [TrainMessage(role=m["role"], content=m["content"], loss=False, end=m["end"]) for m in make(own, other)]
    held, point = own
    target = TrainMessage(role="assistant", content=point.text, loss=True, end=None)
    return TrainRow(id=f"{held.row['id']}/{number}", root=held.group, split="validation", messages=[*before, target])


def _costs(scored: Sequence[Scored] | object) -> Nats:
    rows = cast("Sequence[Scored]", scored)
    return {(one.id, turn.message): (turn.nats, turn.bytes) for one in rows for turn in one.turns}


def _part(held: Held, nats: float, size: int) -> Part:
    return Part(held.group, nats / math.log(2), float(size))


def _ratio(groups: Sequence[str], costs: Sequence[tuple[float, int]], seed: int) -> Score:
    parts = [Part(group, nats / math.log(2), float(size)) for group, (nats, size) in zip(groups, costs, strict=True)]
    return mean_score(parts, seed)


def _bytes(text: str) -> float:
    return float(len(text.encode("utf-8", "surrogatepass")))
