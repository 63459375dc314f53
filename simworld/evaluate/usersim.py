"""evaluate_usersim: a user simulator, or the conversations it had, against people.

    report = evaluate_usersim("sim", Path("real"))              # a corpus of simulated conversations
    report = evaluate_usersim("usersim:user", Path("real"))     # a checkpoint: next turns for held-out contexts
    for name, row in report.rows.items():
        print(name, row.simulated.value, row.gap, row.noise)

Nothing here asks a model's opinion unless a judge is named.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.errors import UsageError
from simworld.evaluate.libraries import require
from simworld.evaluate.wanted import Wanted

if TYPE_CHECKING:
    from simworld.evaluate.lens import Lens
    from simworld.evaluate.report import Report, Row
    from simworld.evaluate.sides import Side

SAMPLE = 10_000
"""Conversations of a corpus that are measured, at most."""
MODEL = "usersim:"

Tell = Callable[[str], None]


def evaluate_usersim(what: str, against: Path, wanted: Wanted | None = None, tell: Tell = lambda _: None) -> Report:
    """Measure `what` (a corpus folder, a checkpoint folder, or `usersim:DIR`) against the corpus of real conversations.

    `tell` is told what is being done. Raises UsageError for what cannot be measured, MissingDependency where the extra
    `evaluate` is not installed.
    """
    require()
    from simworld.evaluate.sides import FEW, read_side

    wanted = wanted or Wanted()
    place, is_model = _kind(what)
    real = read_side(against, split="validation", most=wanted.sample or SAMPLE, seed=wanted.seed)
    parts: dict[str, Any] = {}
    notes: list[str] = []
    if is_model:
        from simworld.evaluate.generate import next_turns

        side, real_turns, told = next_turns(place, against, real, wanted, tell)
        notes += told
    else:
        side = read_side(Path(place), most=wanted.sample or SAMPLE, seed=wanted.seed)
        real_turns = real
    for name, one in (("simulated", side), ("real", real_turns)):
        notes += [f"{name}: left out {count} {what_}" for what_, count in one.left_out]
        if len(one.groups) < FEW:
            notes.append(f"{name}: {len(one.groups)} conversations; below {FEW} these values still move")
    report = compare(what, side, real_turns, wanted, tell)
    checkpoint = place if is_model else wanted.model
    if checkpoint:
        from simworld.evaluate.model import measure_model

        parts |= measure_model(checkpoint.removeprefix(MODEL), against, wanted, tell)
    if wanted.judge:
        from simworld.evaluate.judge import judge_sides

        parts |= judge_sides(wanted.judge, side, real, wanted, tell)
    return _with(report, parts, tuple(notes))


def compare(what: str, side: Side, real: Side, wanted: Wanted, tell: Tell = lambda _: None) -> Report:
    """Every metric of the table for a side, the real one, and its assistants."""
    from simworld.evaluate.ends import hazard
    from simworld.evaluate.lens import Lens
    from simworld.evaluate.report import Report
    from simworld.evaluate.sides import side_of
    from simworld.evaluate.table import METRICS

    encoder, note = None, "topics and coverage by tf-idf; --encoder minilm reads meaning (extra [embed])"
    if wanted.encoder:
        from simworld.embed import open_encoder

        encoder = open_encoder(wanted.encoder)
        note = f"topics and coverage by the encoder {wanted.encoder}, cut-offs set on the real turns"
    lens = Lens(real, wanted.seed, encoder)
    assistants = side_of("assistant", real.talks, swapped=True)
    rows: dict[str, Row] = {}
    for name, metric in METRICS.items():
        tell(name)
        rows[name] = _row(metric, side, real, assistants, lens)
    sizes = {
        name: {
            "groups": len(one.groups), "turns": len(one.turns), "firsts": len(one.firsts),
            "followups": len(one.followups),
        }
        for name, one in (("simulated", side), ("real", real), ("assistant", assistants))
    }  # fmt: skip
    hazards = {
        name: {at: (risk.stopped, risk.reached) for at, risk in hazard(one.talks).items()}
        for name, one in (("simulated", side), ("real", real))
        if any(talk.over for talk in one.talks)
    }
    missing = [name for name, row in rows.items() if not row.simulated.is_known]
    notes = [note, *([f"nothing to measure for: {', '.join(missing)}"] if missing else [])]
    return Report(what, real.name, wanted.seed, sizes, rows, hazards, {}, tuple(notes))


def _row(metric: Any, side: Side, real: Side, assistants: Side, lens: Lens) -> Row:
    from simworld.evaluate.report import Row
    from simworld.evaluate.score import NOTHING

    simulated = metric.measure(side, real, lens)
    # what depends on how many texts there are is measured on as many as the simulated side has
    own = metric.measure(real, side, lens) if metric.ideal is None else None
    theirs = metric.measure(assistants, real if own is None else side, lens) if assistants.turns else NOTHING
    held = own or NOTHING
    noise = metric.floor(real, lens, len(side.groups)) if simulated.is_known else float("nan")
    return Row(
        metric.section, metric.about, metric.ideal, simulated, own, metric.gap(simulated, held), noise, theirs,
        metric.gap(theirs, held),
    )  # fmt: skip


def _with(report: Report, parts: dict[str, Any], notes: tuple[str, ...]) -> Report:
    from dataclasses import replace

    told = [note for part in parts.values() for note in part.pop("notes", ())]
    return replace(report, parts=parts, notes=(*report.notes, *notes, *told))


def _kind(what: str) -> tuple[str, bool]:
    """The place, and whether it is a checkpoint. Raises UsageError for what is neither."""
    if what.startswith(MODEL):
        return what.removeprefix(MODEL), True
    folder = Path(what)
    if (folder / "transcripts").is_dir():
        return what, False
    if (folder / "config.json").is_file() or (folder / "simworld.json").is_file():
        return what, True
    if (folder / "corpus" / "transcripts").is_dir():
        raise UsageError(f"{what} is an import; its corpus is {what}/corpus")
    raise UsageError(
        f"{what}: neither a corpus (a folder with transcripts/) nor a checkpoint (a folder with config.json, or "
        "usersim:DIR)"
    )
