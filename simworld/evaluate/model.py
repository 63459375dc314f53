"""What is measured of a checkpoint itself, on the held-out part: likelihood and ends, as parts of a report.

parts = measure_model("user", Path("real"), Wanted())
parts["likelihood"]["rows"], parts["ends"]["rows"]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.evaluate.contexts import TRAIN, held_out, read_contexts
from simworld.evaluate.likelihood import ABOUT, likelihood
from simworld.evaluate.report import ranged, shown
from simworld.evaluate.stopping import EndPoint, hazard_gap, hazards, points_of, stopping

if TYPE_CHECKING:
    from simworld.evaluate.wanted import Wanted

TRAINING = 400
"""Training conversations on which thresholds are chosen, at most; four times `--sample` where that is less."""
ALL = "all"


def measure_model(folder: str, against: Path, wanted: Wanted, tell: Callable[[str], None]) -> dict[str, Any]:
    """The parts `likelihood` and `ends`. Raises UsageError for a checkpoint or corpus that cannot be used."""
    from simworld.train.score import open_scorer

    tell("opening the checkpoint")
    scorer = open_scorer(folder)
    held = held_out(against, most=wanted.sample, seed=wanted.seed)
    train = read_contexts(against, TRAIN)
    tell("likelihood of the held-out turns")
    scored = list(scorer.score(one.row for one in held))
    found = likelihood(scorer, held, scored, train, wanted.seed)
    notes: list[str] = []
    if not train:
        notes.append(f"{against} has no training part: no 5-gram row, no thresholds or rivals of ends learnt on it")
    rows = [[name, ranged(score), str(score.n), ABOUT[name]] for name, score in found.items() if score.is_known]
    parts: dict[str, Any] = {
        "likelihood": {"heads": ["bits per byte", "value", "n", "what"], "rows": rows, "scores": found, "notes": notes}
    }
    if scorer.conversation_end is None:
        notes.append("the checkpoint was taught no end of a conversation: no ends are measured")
        return parts
    tell("ends")
    most = TRAINING if wanted.sample is None else min(TRAINING, 4 * wanted.sample)
    some = read_contexts(against, TRAIN, most=most, seed=wanted.seed)
    parts["ends"] = measure_ends(
        points_of(held, scored), points_of(some, scorer.score(one.row for one in some)), wanted.seed
    )
    return parts


def measure_ends(held: list[EndPoint], train: list[EndPoint], seed: int) -> dict[str, Any]:
    """F1 of the checkpoint and its rivals, for each source and for all together; hazards of both."""
    sources = sorted({point.data for point in held} - {""})
    rows: list[list[str]] = []
    facts: dict[str, Any] = {}
    for source in [*(sources if len(sources) > 1 else []), ALL]:
        ours, theirs = ([p for p in part if source in (ALL, p.data)] for part in (held, train))
        found = stopping(ours, theirs, seed)
        difference, apart = hazard_gap(ours)
        counts = {"points": len(ours), "ends": sum(point.over for point in ours)}
        facts[source] = {
            **counts, "hazard_difference": difference, "turn_count_ks": apart, "hazards": hazards(ours),
            "by": {
                name: {
                    "f1": one.f1, "precision": one.precision, "recall": one.recall, "area": one.area,
                    "threshold": one.threshold,
                }
                for name, one in found.items()
            },
        }  # fmt: skip
        rows += [
            [
                source, name, ranged(one.f1), shown(one.precision), shown(one.recall), shown(one.area),
                f"{counts['ends']} of {counts['points']}", shown(difference) if name == "checkpoint" else "",
            ]
            for name, one in found.items()
        ]  # fmt: skip
    notes = [] if rows else ["no held-out conversation is known to have ended after an assistant's turn: no F1 of ends"]
    heads = ["source", "by", "end F1", "precision", "recall", "area", "ends", "hazard difference"]
    return {"heads": heads, "rows": rows, "sources": facts, "notes": notes}
