"""The steps that look at how long a conversation is: `starts`, `rounds`, `tokens`, `segments`.

`paper` splits what is longer than the limit: a piece ends before the turn that no longer fits (a human turn that would
be its last is cut off), and the next one starts at the assistant's turn before, so that later pieces begin with an
answer to a question that is not there. `repaired` leaves conversations whole: a trainer cuts what passes its context as
acting would. Where it is given a limit nevertheless, it cuts a long conversation once, at its end: its first turns, as
many whole ones as fit, are kept, and its end is then unknown; nothing is made to start in the middle. What a source had
cut before, and starts in the middle, is dropped by the step `starts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library, quiet, require
from simworld.corpus.imports.talk import USER
from simworld.errors import UsageError
from simworld.text.tokens import MESSAGE_OVERHEAD, estimate
from simworld.usersim.prepare.case import Case, Lost, Said, Step

Count = Callable[[str], int]
"""Tokens of a text."""
BRIEFING_TOKENS = 96
"""Tokens that are kept free for what the user's seat is told, by `repaired`."""


def starts_step(case: Case) -> list[Case] | Lost:
    """Drop what starts in the middle of a conversation."""
    return [case] if case.true_start else Lost("starts_in_the_middle")


def rounds_step(recipe: str, least: int) -> Step:
    """Drop what is too short. `paper`: sessions of one turn; `repaired`: with less than `least` answered turns."""

    def step(case: Case) -> list[Case] | Lost:
        enough = len(case.said) > 1 if recipe == "paper" else case.rounds >= least
        return [case] if enough else Lost("too_short")

    return step


def segments_step(case: Case) -> list[Case] | Lost:
    """Drop pieces of one turn."""
    return [case] if len(case.said) > 1 else Lost("one_turn")


def tokens_step(recipe: str, most: int, count: Count) -> Step:
    """Split (`paper`) or cut (`repaired`) what has more than `most` tokens."""

    def split(case: Case) -> list[Case] | Lost:
        pieces = pieces_of(case.said, most, count)
        if pieces == [(0, len(case.said))]:
            return [case]
        return [_piece(case, start, stop, f"_{number}") for number, (start, stop) in enumerate(pieces)]

    def cut(case: Case) -> list[Case] | Lost:
        stop = fitting(case.said, most - BRIEFING_TOKENS, count)
        if not any(seat == USER for seat, _ in case.said[:stop]):
            return Lost("first_turn_too_long")
        return [case if stop == len(case.said) else _piece(case, 0, stop, "")]

    return split if recipe == "paper" else cut


def _piece(case: Case, start: int, stop: int, mark: str) -> Case:
    whole = stop == len(case.said)
    return replace(
        case, id=f"{case.id}{mark}", said=case.said[start:stop], true_start=case.true_start and start == 0,
        over=case.over and whole,
    )  # fmt: skip


def fitting(said: Said, most: int, count: Count) -> int:
    """How many turns, from the first on, have at most this many tokens together."""
    total = 0
    for number, (_, text) in enumerate(said):
        total += count(text) + MESSAGE_OVERHEAD
        if total > most:
            return number
    return len(said)


def pieces_of(said: Said, most: int, count: Count) -> list[tuple[int, int]]:
    """The paper's pieces, as (first turn, turn after the last); a turn counts as `### Role: text` with a line end."""
    sizes = [count(f"### {'Human' if seat == USER else 'Assistant'}: {text}\n") for seat, text in said]
    pieces: list[tuple[int, int]] = []
    start, total = 0, 0
    for number, (seat, _) in enumerate(said):
        if number > start and total + sizes[number] > most:
            stop = number - (said[number - 1][0] == USER)
            if stop > start:
                pieces.append((start, stop))
            start = number - 1 if seat == USER else number
            total = sum(sizes[start:number])
        total += sizes[number]
    pieces.append((start, len(said)))
    return pieces


def counter(tokenizer: str | None) -> Count:
    """What counts tokens: a tokenizer's folder or hub id, or the estimate. Raises UsageError where there is none."""
    return _tokenizer(tokenizer) if tokenizer else estimate


@cache
def _tokenizer(place: str) -> Count:
    require("--tokenizer", "transformers")
    folder = Path(place).expanduser()
    try:
        with quiet():
            made: Any = library("transformers").AutoTokenizer.from_pretrained(str(folder) if folder.exists() else place)
    except Exception as error:  # noqa: BLE001 - the library raises what it likes
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"--tokenizer {place}: cannot be used: {told}; give a checkpoint's folder") from None

    def count(text: str) -> int:
        ids: Sequence[int] = made(text, add_special_tokens=False)["input_ids"]
        return len(ids)

    with quiet():
        made.model_max_length = 10**9  # no advice about texts that are longer than the model
    return count
