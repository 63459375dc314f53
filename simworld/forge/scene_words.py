"""Words: the slots of a library's text filled in for one scene.

    words = Words({"a": mara, "b": tom}, roles, setting, rng)
    words.fill("@a, <spot_a>, is holding <thing>.")     # "{{ keeper.name }}, by the stove, is holding the jam kettle."

A slot that returns in one scene (a third person, a sum, a day) says the same each time; `<thing>` says another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

from simworld.forge.scene_library import Setting, library
from simworld.prompts import data
from simworld.prompts.render import second_person
from simworld.schema import Persona

_SLOT = re.compile(r"<(\w+)>")
_ORDINAL = re.compile(r"<few>th\b")
_SEAT = re.compile(r"@([abcd])(?:\.(their|them))?")
_CHOICE = re.compile(r"\[([^\[\]|]+(?:\|[^\[\]|]+)+)\]")
_ARTICLE = re.compile(r"\b([Aa]) (?=<career_([abcd])>)")
_DEPTH = 4
ORDINALS = {
    "three": "third", "four": "fourth", "five": "fifth", "six": "sixth", "seven": "seventh", "eight": "eighth",
    "nine": "ninth",
}  # fmt: skip
_CAPITAL = re.compile(r"(?<=[^.][.!?]\s)([a-z])|^([a-z])")


def number(value: int) -> str:
    """A number below 100 in words."""
    units: list[str] = str(data("improv/facts.yaml")["numbers"]["units"]).split()
    tens: list[str] = str(data("improv/facts.yaml")["numbers"]["tens"]).split()
    if value < 20:
        return units[value]
    return tens[value // 10] + (f"-{units[value % 10]}" if value % 10 else "")


class Words:
    """Fills slots for one scene. `people` and `roles`: seat letter -> who sits there and under which id."""

    def __init__(
        self, people: Mapping[str, Persona], roles: Mapping[str, str], setting: Setting, hour: int, rng: Random
    ) -> None:
        self.people, self.roles, self.setting, self.hour, self.rng = people, roles, setting, hour, rng
        self._said: dict[str, str] = {}
        spots = list(setting.spots)
        rng.shuffle(spots)
        for seat, spot in zip("abcd", spots, strict=False):
            self._said[f"spot_{seat}"] = spot
        self._things = list(setting.things)
        rng.shuffle(self._things)
        self._next = 0

    def fill(self, text: str) -> str:
        """Sentences with their slots filled, their choices drawn and their seats named as a template names them."""
        return _CAPITAL.sub(lambda match: match[0].upper(), self.phrase(text))

    def phrase(self, text: str) -> str:
        """The same for words that do not begin a sentence."""
        text = _CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), text)
        for _ in range(_DEPTH):
            text = _ORDINAL.sub(lambda _: ORDINALS[self.slot("few")], text)
            text = _ARTICLE.sub(self._article, text)
            text = _SLOT.sub(lambda match: self.slot(match[1]), text)
        return _SEAT.sub(self._seat, text)

    def slot(self, name: str) -> str:
        """What stands in a slot."""
        if name.endswith("_cap"):
            return _upper(self.slot(name.removesuffix("_cap")))
        if name == "trouble_low":
            said = self.slot("trouble")
            return said if said.startswith(self._said.get("third", "-")) else said[:1].lower() + said[1:]
        if name.endswith("_bare"):
            return re.sub(r"^(?:the|that|an?) ", "", self.slot(name.removesuffix("_bare")))
        if name == "thing":
            self._next += 1
            return self._things[self._next % len(self._things)]
        if name not in self._said:
            self._said[name] = self._draw(name)
        return self._said[name]

    def bind(self, name: str, text: str) -> None:
        """Let a slot say this."""
        self._said[name] = text

    def _draw(self, name: str) -> str:
        kind, _, seat = name.rpartition("_")
        if seat in self.people and kind:
            return self._of(kind, self.people[seat])
        if (drawn := self._figure(name)) is not None:
            return drawn
        if name == "trouble":
            return self.fill(self.rng.choice(self.setting.trouble)) if self.setting.trouble else ""
        bank = {"third2": "third", "day": "days", "weekday": "days", "month": "months"}.get(name, name)
        pieces = [piece for piece in library().banks[bank] if piece not in self._said.values()]
        return self.phrase(self.rng.choice(pieces))

    def _figure(self, name: str) -> str | None:
        """A number, sum or time of day in words; None where the slot is none of these."""
        rng = self.rng
        said = None
        if name == "few":
            said = number(rng.randrange(3, 10))
        elif name == "many":
            said = number(rng.randrange(12, 90))
        elif name == "minutes":
            said = number(rng.choice((5, 7, 8, 10, 12, 15, 20, 25, 40)))
        elif name == "sum":
            whole = rng.choice(("", f"{number(rng.randrange(2, 10))} hundred and ", "a hundred and "))
            said = whole + number(rng.randrange(21, 99))
        elif name == "soon":
            said = f"{rng.choice(('half past', 'a quarter past', 'ten past', 'twenty past'))} {_clock(self.hour + 1)}"
        elif name == "dawn":
            said = f"{rng.choice(('ten to', 'five past', 'a quarter to', 'twenty past'))} {_clock(rng.randrange(4, 8))}"
        return said

    def _of(self, kind: str, persona: Persona) -> str:
        """A fact of one of the people, as it stands in a sentence."""
        if kind == "career":
            return persona.career
        if kind == "hobby":
            return _lower(self.rng.choice(persona.hobbies)).rstrip(".")
        if kind == "doing":
            hobby = _lower(self.rng.choice(persona.hobbies)).rstrip(".")
            return hobby if hobby.split(" ", 1)[0].endswith("ing") else f"busy with {hobby}"
        if kind == "town":
            return town(persona)
        if kind == "secret":
            return second_person(persona.secret)
        words = number(persona.age) if persona.age and persona.age < 100 else "that age"
        return words if kind == "age" else ""

    def _article(self, match: re.Match[str]) -> str:
        vowel = self.people[match[2]].career[:1].lower() in "aeiou"
        return f"{match[1]}n " if vowel else f"{match[1]} "

    def _seat(self, match: re.Match[str]) -> str:
        return f"{{{{ {self.roles[match[1]]}.{match[2] or 'name'} }}}}"


def town(persona: Persona) -> str:
    """Where somebody comes from, as one says it after `in`; empty where it is not told."""
    place = re.split(r"[,;(]", persona.origin)[0].strip()
    found = re.search(r"\bin ([A-Z].*)$", place)
    name = found[1] if found else place
    return name if name[:1].isupper() and len(name.split()) < 4 else ""


def needs(text: str, people: Mapping[str, Persona], setting: Setting) -> bool:
    """Whether everything that the text wants of persons and setting is there."""
    for name in _SLOT.findall(text):
        kind, _, seat = name.rpartition("_")
        who = people.get(seat)
        if name.startswith("trouble") and not setting.trouble:
            return False
        if who is None:
            continue
        held: Mapping[str, Sequence[str] | str | int | None] = {
            "career": who.career, "hobby": who.hobbies, "doing": who.hobbies, "town": town(who),
            "secret": who.secret, "age": who.age,
        }  # fmt: skip
        if kind in held and not held[kind]:
            return False
    return True


def _lower(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text if first.isupper() or first[:1] == "I" else text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _clock(hour: int) -> str:
    return number((hour - 1) % 12 + 1)
