"""The library that scenes are composed from: settings, situations, further seats, words for slots.

    library().settings["bakehouse"].spots       # ("at the dough trough", ...)
    library().situations["old_flame"].kinds     # ("chance meeting", "chat")

All of it is text in `templates/forge/scenes`; this file only reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simworld.prompts import data

ROOT = "forge/scenes"
_FOLDER = Path(__file__).parent.parent / "templates" / ROOT


@dataclass(frozen=True, slots=True)
class Setting:
    """A place where scenes are, with what can be seen, stood at and gone wrong there."""

    id: str
    name: str
    careers: tuple[str, ...]
    """Whose daily place it is."""
    tags: frozenset[str]
    hours: tuple[int, int]
    """From and to which hour of the day one is there, 0..24."""
    rooms: tuple[str, ...]
    spots: tuple[str, ...]
    things: tuple[str, ...]
    details: tuple[str, ...]
    trouble: tuple[str, ...]
    happens: tuple[str, ...]
    months: tuple[str, ...]
    """When it is like that; empty: all the year."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Something that happens between two people, `a` and `b`."""

    id: str
    kinds: tuple[str, ...]
    ties: tuple[str, ...]
    at: frozenset[str]
    """Tags of settings, any of which will do; empty: any setting."""
    work: str
    """`a` or `b`: it is where that one works."""
    romance: bool
    roles: tuple[str, str]
    topics: tuple[str, ...]
    feels: Mapping[str, tuple[str, ...]]
    titles: tuple[str, ...]
    before: tuple[str, ...]
    now: tuple[str, ...]
    goals: tuple[tuple[str, str], ...]
    knows: Mapping[str, tuple[str, ...]]
    opens: tuple[tuple[str, str, str], ...]
    """Seat, kind (`say` or `do`), text."""
    happens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """A further seat: somebody whom it concerns less."""

    role: str
    feels: tuple[str, ...]
    now: tuple[str, ...]
    goals: tuple[str, ...]
    knows: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How scenes of a kind are played."""

    minutes: float
    turns: tuple[int, int]
    ties: Mapping[str, float]
    heated: bool


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that scenes are made of."""

    settings: Mapping[str, Setting]
    situations: Mapping[str, Situation]
    others: tuple[Other, ...]
    kinds: Mapping[str, Kind]
    banks: Mapping[str, tuple[str, ...]]
    seasons: tuple[Mapping[str, Any], ...]
    workplaces: Mapping[str, tuple[str, ...]]
    """Career -> ids of settings."""


@cache
def library() -> Library:
    """The built-in library, read once."""
    settings = {id: _setting(id, entry) for name in _files("settings") for id, entry in data(name).items()}
    situations = {id: _situation(id, entry) for name in _files("situations") for id, entry in data(name).items()}
    banks: dict[str, Any] = dict(data(f"{ROOT}/banks.yaml"))
    seasons = tuple(banks.pop("seasons").values())
    places: dict[str, list[str]] = {}
    for setting in settings.values():
        for career in setting.careers:
            places.setdefault(career, []).append(setting.id)
    return Library(
        settings,
        situations,
        tuple(_other(role, entry) for role, entry in data(f"{ROOT}/others.yaml").items()),
        {name: _kind(entry) for name, entry in data(f"{ROOT}/kinds.yaml").items()},
        {name: _pieces(text) for name, text in banks.items()},
        seasons,
        {career: tuple(ids) for career, ids in places.items()},
    )


def _files(folder: str) -> list[str]:
    return [f"{ROOT}/{folder}/{path.name}" for path in sorted((_FOLDER / folder).glob("*.yaml"))]


def _setting(id: str, entry: Mapping[str, Any]) -> Setting:
    first, _, last = str(entry["hours"]).partition("-")
    return Setting(
        id, entry["name"], _commas(entry.get("careers", "")), frozenset(entry["tags"].split()),
        (int(first), int(last)), _pieces(entry.get("rooms", "")), _pieces(entry["spots"]), _pieces(entry["things"]),
        _lines(entry["details"]), _lines(entry.get("trouble", "")), _lines(entry["happens"]),
        _commas(entry.get("months", "")),
    )  # fmt: skip


def _situation(id: str, entry: Mapping[str, Any]) -> Situation:
    first, second = _commas(entry["roles"])
    opens = tuple(_open(line) for line in _lines(entry["opens"]))
    knows = {seat: tuple(text for who, text in map(_said, _lines(entry["knows"])) if who == seat) for seat in "ab"}
    return Situation(
        id, _commas(entry["kinds"]), tuple(entry["ties"].split()), frozenset(entry.get("at", "").split()),
        entry.get("work", ""), bool(entry.get("romance", False)), (first, second), _commas(entry["topics"]),
        {seat: tuple(entry[seat].split()) for seat in "ab"}, _pieces(entry["titles"]), _lines(entry["before"]),
        _lines(entry["now"]), tuple(_pair(line) for line in _lines(entry["goals"])), knows, opens,
        _lines(entry["happens"]),
    )  # fmt: skip


def _other(role: str, entry: Mapping[str, Any]) -> Other:
    return Other(role, tuple(entry["feels"].split()), _lines(entry["now"]), _pieces(entry["goals"]), entry["knows"])


def _kind(entry: Mapping[str, Any]) -> Kind:
    low, high = entry["turns"]
    return Kind(float(entry["minutes"]), (low, high), entry["ties"], bool(entry.get("heated", False)))


def _open(line: str) -> tuple[str, str, str]:
    who, text = _said(line)
    return who.rstrip("*"), "do" if who.endswith("*") else "say", text


def _said(line: str) -> tuple[str, str]:
    who, _, text = line.partition(": ")
    return who, text


def _pair(line: str) -> tuple[str, str]:
    one, _, other = line.partition(" > ")
    return one, other


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(piece.strip() for line in text.splitlines() for piece in line.split(" | ") if piece.strip())


def _commas(text: str) -> tuple[str, ...]:
    return tuple(piece.strip() for piece in text.split(",") if piece.strip())
