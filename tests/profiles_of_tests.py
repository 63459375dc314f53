"""Twenty people known by a profile alone (`profiles.yaml`), and rooms for two of them to meet in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from simworld.schema import Persona, Place, Scene, Seat
from simworld.schema.scene import End

TOPICS = ("discussing hobbies", "arguments", "deep thoughts", "jokes", "complaints", "stories", "gossip", "small talk")
EMOTIONS = ("Angry", "Bored", "Happy", "Sad", "Tense", "Playful", "Confident", "Embarrassed")
KINDS = ("chat", "debate", "discussion")


def people() -> list[Persona]:
    """The twenty, as personas that have nothing but their profile."""
    return [Persona(id=_id(name), name=name, profile=text) for name, text in _file()["people"].items()]


def rooms() -> list[Scene]:
    """A scene for two in each room, open to anybody."""
    return [_room(at, place, told) for at, (place, told) in enumerate(_file()["rooms"].items())]


def _room(at: int, place: str, told: str) -> Scene:
    return Scene(
        id=f"room_{at}", title=place, kind=KINDS[at % 3], background=told, places=(Place(id="here", name=place),),
        topics=TOPICS, emotions=EMOTIONS, seats=(Seat(id="one"), Seat(id="two")), end=End(max_turns=14),
    )  # fmt: skip


def _file() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_name("profiles.yaml").read_text(encoding="utf-8"))


def _id(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower().replace("'", ""))
