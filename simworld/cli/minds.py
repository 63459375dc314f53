"""show --mind: what a character felt, remembered and was told at one moment of a transcript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simworld.cli.screen import console, out
from simworld.text.visible import visible

if TYPE_CHECKING:
    from simworld.schema import Intervened, Memory, Mind, MindRecord, Transcript

SHOWN = 40
"""Memories that are printed; `--json` gives all."""


def print_mind(transcript: Transcript, seat: str, turn: int | None, *, as_json: bool) -> None:
    """Print a seat's mind after a turn (the scene's end where None). Raises UsageError for what is not there."""
    from simworld.mind.history import mind_at

    mind = mind_at(transcript, seat, turn)
    id = seat if seat in transcript.seats else next(i for i, one in transcript.seats.items() if one.persona == seat)
    at = len(transcript.turns) - 1 if turn is None else turn
    if as_json:
        out(json.dumps(_facts(transcript, id, mind, at), ensure_ascii=False, indent=1))
        return
    screen = console()
    for style, line in _lines(transcript, id, mind, at):
        screen.print(visible(line, one_line=True), style=style)


def _facts(transcript: Transcript, seat: str, mind: Mind, at: int) -> dict[str, Any]:
    record = transcript.minds[seat]
    own = [turn for turn in transcript.turns[: at + 1] if turn.seat == seat]
    return {
        "transcript": transcript.id, "seat": seat, "name": transcript.seats[seat].name, "turn": at,
        "emotion": mind.emotion.model_dump(), "temperament": record.temperament.model_dump(), "goal": mind.goal,
        "ties": {persona: tie.model_dump() for persona, tie in mind.ties.items()},
        "memories": [memory.model_dump() for memory in mind.memories],
        "let_go": [one.model_dump() for one in record.let_go if one.at <= at],
        "told": [{"turn": turn.n, "note": turn.note, "recalled": list(turn.recalled)} for turn in own if turn.note],
        "interventions": [one.model_dump() for one in _interventions(transcript, seat, at)],
    }  # fmt: skip


def _interventions(transcript: Transcript, seat: str, at: int) -> list[Intervened]:
    """The hands that had reached into this mind by then."""
    return [one for one in transcript.interventions if one.what.seat == seat and one.n <= at]


def _lines(transcript: Transcript, seat: str, mind: Mind, at: int) -> Iterator[tuple[str, str]]:
    """Style and text of each line."""
    record = transcript.minds[seat]
    yield "bold", f"{transcript.seats[seat].name} after turn {at} of {transcript.id}"
    yield from _felt(record, mind)
    if mind.goal:
        yield "", f"wants now: {mind.goal}"
    yield from _ties(transcript, mind)
    yield "bold", f"remembers {len(mind.memories)}"
    for memory in mind.memories[-SHOWN:]:
        yield "", f"  {_memory(memory, transcript)}"
    if len(mind.memories) > SHOWN:
        yield "dim", f"  ... and {len(mind.memories) - SHOWN} older (--json gives all)"
    gone = [one for one in record.let_go if one.at <= at]
    if gone:
        yield "bold", f"has let go of {len(gone)} in this dialogue"
        for one in gone[-5:]:
            kept = f" (its gist is in [{one.into}])" if one.into is not None else ""
            yield "dim", f"  [{one.id}] {one.text}{kept}"
    told = [turn for turn in transcript.turns[: at + 1] if turn.seat == seat and turn.note]
    yield "bold", f"was told in {len(told)} notes" + ("; the last:" if told else "")
    for line in told[-1].note.splitlines() if told else ():
        yield "italic", f"  (before turn {told[-1].n}) {line}" if line == told[-1].note.splitlines()[0] else f"  {line}"
    for one in _interventions(transcript, seat, at):
        given = one.what.model_dump(exclude_defaults=True, exclude={"seat", "at", "when"})
        yield "", f"intervention before turn {one.n}: " + "; ".join(f"{key}: {text}" for key, text in given.items())


def _felt(record: MindRecord, mind: Mind) -> Iterator[tuple[str, str]]:
    now, rest = mind.emotion.affect, record.temperament.baseline
    yield "", f"feels {mind.emotion.name or '(not known)'}"
    for name in ("valence", "arousal", "dominance"):
        value, base = getattr(now, name), getattr(rest, name)
        yield "dim", f"  {name:<10}{value:+.2f} {_bar(value)} at rest {base:+.2f}"


def _bar(value: float, half: int = 10) -> str:
    """A number from -1 to 1 as a bar with its middle marked."""
    cells = ["·"] * (2 * half + 1)
    cells[half] = "|"
    cells[round(half + half * value)] = "●"
    return "".join(cells)


def _ties(transcript: Transcript, mind: Mind) -> Iterator[tuple[str, str]]:
    names = {one.persona: one.name for one in transcript.seats.values()}
    for persona, tie in mind.ties.items():
        kind = f" ({tie.kind})" if tie.kind else ""
        numbers = f"warmth {tie.warmth:+.2f}, trust {tie.trust:+.2f}, familiarity {tie.familiarity:+.2f}"
        yield "", f"towards {names.get(persona, persona)}{kind}: {numbers}"


def _memory(memory: Memory, transcript: Transcript) -> str:
    kind = "" if memory.kind == "episode" else f" {memory.kind}"
    here = memory.scene == transcript.id
    where = f"turn {memory.turns[0]}" if here and memory.turns else "here" if here else memory.scene or "before"
    private = " (private)" if memory.private else ""
    rests = f" <- {', '.join(map(str, memory.evidence))}" if memory.evidence else ""
    return f"[{memory.id}]{kind} {memory.importance:.2f} {where}{private}: {memory.text}{rests}"
