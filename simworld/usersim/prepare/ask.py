"""Intents asked of a model: many at once, each answer kept on disk before it is used.

    asking = open_asking("openai:gpt-4.1-mini", kept=Path("real.intents.jsonl"), jobs=32)
    intents = asyncio.run(ask_intents(asking, cases))       # number of the case -> intent

A later preparation, after a crash or with other steps, asks only what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from simworld.backends.asking import Asking
from simworld.corpus.imports.talk import USER
from simworld.prompts import render
from simworld.usersim.prepare.case import Case

LONGEST = 400
"""Characters of an intent that are kept."""
HUMAN, REPLY, ALL = 1200, 300, 12_000
"""Characters of a person's turn, of an answer, and of a conversation that are shown."""


async def ask_intents(asking: Asking, cases: Iterable[tuple[int, Case]]) -> dict[int, str]:
    """Number -> intent, of the cases for which there is one. Raises as `Asking.answer` does."""

    async def one(numbered: tuple[int, Case]) -> tuple[int, str]:
        number, case = numbered
        answer = await asking.answer([{"role": "user", "content": question(case)}], seat="intent")
        return number, one_line(answer or "")

    try:
        found = await asking.each(cases, one)
    finally:
        await asking.close()
    return {number: intent for number, intent in found if intent}


def question(case: Case) -> str:
    """What is asked: the person's turns, and how they were answered, each cut to a bounded length."""
    turns: list[dict[str, str]] = []
    room = ALL
    for seat, text in case.said:
        shown = _cut(" ".join(text.split()), min(HUMAN if seat == USER else REPLY, room))
        room -= len(shown)
        if room <= 0:
            break
        turns.append({"who": "Person" if seat == USER else "Assistant", "text": shown})
    return render("intent", turns=turns, replies=any(turn["who"] == "Assistant" for turn in turns))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(0, longest - 1)]}…"


def one_line(answer: str) -> str:
    """An answer as an intent: one line, without quotation marks around it."""
    return " ".join(answer.split()).strip("\"'“”* ")[:LONGEST]
