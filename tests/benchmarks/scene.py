"""The work that is measured: two people of about sixty words each, about 400 tokens of prompt a call over ten turns."""

from __future__ import annotations

from pathlib import Path

from tests.runs import write_pack

OPENING = "Hello. Shall we talk about the festival money?"
WORK = ("nurse", "lawyer", "baker", "pilot", "teacher", "beekeeper")
PROFILE = (
    "You are {name}, a patient {work}, living in a small port town. You grew up abroad, lost your savings in case "
    "{case}, and distrust officials. You talk in short plain sentences. Today you want to agree on how to spend the "
    "town's festival money, and you will not say that you already promised part of it. Stay in character; one "
    "utterance at a time."
)


def profile(dialogue: int, side: int) -> str:
    """Who speaks: another one in each dialogue."""
    name = f"{('Ana', 'Boris')[side]} Reis {dialogue}"
    return PROFILE.format(name=name, work=WORK[dialogue % len(WORK)], case=2 * dialogue + side)


def pack(root: Path) -> Path:
    """The same as a pack for simworld."""
    people = [
        {"id": id, "name": name, "career": work, "profile": PROFILE.format(name=name, work=work, case=case)}
        for id, name, work, case in (("ana", "Ana Reis", "nurse", 1), ("bo", "Boris Quill", "lawyer", 2))
    ]
    scene = {
        "id": "festival", "title": "The festival money", "background": "A small port town has money left.",
        "seats": [{"id": "a", "persona": "ana"}, {"id": "b", "persona": "bo"}],
        "end": {"max_turns": 1000, "goodbye": False, "stale": 0},
    }  # fmt: skip
    return write_pack(root, [scene], people)
