"""Moment: one act to be made, and everything that bears on it.

    m = Moment.of(view)
    m.heard, m.stance, m.rng

Chance comes from the dialogue's seed, the act and the seat alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from math import hypot
from random import Random

from simworld.agents.agent import View
from simworld.agents.improv.kit import Kit, kit_of
from simworld.agents.improv.library import Bank, library, slots
from simworld.agents.improv.phrases import capital, grammar, phrases, seen_by, stem
from simworld.agents.improv.reading import Reading, read
from simworld.agents.improv.setting import Setting, call_name, setting_of
from simworld.agents.improv.stance import stance_of
from simworld.agents.improv.voice import habitual, seeded
from simworld.mind.emotion import nearest
from simworld.schema import NARRATOR, Affect, Tie, Turn

_ENOUGH = 3
"""Times that one phrase is taken up of late."""
LOOK_BACK = 240
"""Turns in which nothing said is said again."""
LATELY = 60
"""Turns in which a cry of feeling is not heard again; it comes more often than a sentence may."""
NOBODY = Tie()
"""How one stands to whom one has no tie to."""


@dataclass
class Moment:
    """What one knows as it acts. Made for one act and thrown away."""

    view: View
    kit: Kit
    setting: Setting
    rng: Random
    feeling: str
    """A key of `emotions.yaml`."""
    loud: float
    """How often the feeling breaks through, 0..1."""
    tie: Tie
    """How this one stands to the one spoken to."""
    stance: str
    heard: Turn | None
    """The line to be answered."""
    reading: Reading
    """It, read; of an empty line where there is none."""
    to_me: bool
    """Whether that line was for this one."""
    asked: str
    """The seat that is spoken to; empty where there is nobody."""
    own: tuple[Turn, ...]
    """Own spoken turns, the newest last."""
    before: frozenset[str]
    """Content words of the last own line: what need not be taken up again."""
    happening: Turn | None
    """What has happened since the last own act and is not yet remarked on."""
    said: str
    """Everything said of late, in lower case: what need not be said again."""
    name: str
    """What the one spoken to is called."""
    remaining: int
    """Acts that are left to the scene, this one counted; exact as its end comes near."""
    used: list[str] = field(default_factory=list[str])
    """Lines chosen for this act."""

    @cached_property
    def pair(self) -> bool:
        """Whether there are two seats and no more."""
        return len(people(self.view)) < 2

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def fresh(self, text: str) -> bool:
        """Whether a sentence has not been said of late, by anybody."""
        return text.lower().strip(" .!?") not in self.said and text not in self.used

    @cached_property
    def _lately(self) -> str:
        return "\n".join([" " + turn.text.lower() for turn in self.view.turns[-LATELY:] if turn.kind == "say"])

    def cry(self, field: str) -> str:
        """A word of what is felt that has not been heard lately; `field` of `emotions.yaml`; empty where there is none.

        Such words are short and stand within others, so they are looked for as they are written.
        """
        found = library().bank(f"emotions.{self.feeling}.{field}")
        start, size = self.rng.randrange(len(found)), len(found)
        for at in range(min(size, 5)):
            line = found[(start + at) % size]
            text = self._filled(line, {})
            text = text[:1].lower() + text[1:] if line[:1].islower() else text
            if text and text not in self.used and f" {text.lower()}" not in self._lately:
                self.used.append(text)
                return text
        return ""

    def pick(self, bank: Sequence[str], **fill: str) -> str:
        """A line of the bank whose slots can be filled and which is new; empty where there is none."""
        if not bank:
            return ""
        start, step, size = self.rng.randrange(len(bank)), self.rng.choice((1, 2, 3, 5, 7)), len(bank)
        for at in range(min(size, 9)):
            line = bank[(start + at * step) % size]
            text = self._filled(line, fill)
            if text and self.fresh(text):
                self.used.append(text)
                return text
        return ""

    def mine(self, path: str, **fill: str) -> str:
        """A line of this persona's favourites of a bank, or else of the whole bank."""
        return self.pick(self.kit.mine(path), **fill) or self.pick(library().bank(path), **fill)

    def _filled(self, line: str, fill: Mapping[str, str]) -> str:
        wants = slots(line)
        if not wants:
            return habitual(line, self.kit.voice.habits)
        values = {**self.slots, **fill}
        if any(not values.get(name) for name in wants):
            return ""
        line = habitual(line, self.kit.voice.habits)
        return line.format_map(_Slots(values))

    @cached_property
    def slots(self) -> dict[str, str]:
        """What may always be filled in."""
        return {"name": self.name, "place": self.setting.place, "day": self.setting.day, **self.kit.their}

    def phrase(self) -> str:
        """What of the heard line can be taken up next; empty where there is nothing."""
        told = " ".join(self.used).lower()
        return next((phrase for phrase in self._phrases if phrase.lower() not in told), "")

    @cached_property
    def _phrases(self) -> tuple[str, ...]:
        """What of the heard line is new in it, and was not taken up all too often of late."""
        if not self.heard:
            return ()
        new = (raw for raw in self.reading.phrases if self.said.count(f" {raw}") <= _ENOUGH)
        shut = self.names | self.before
        return tuple(seen_by(raw, addressed=self.to_me) for raw in new if not shut & {stem(w) for w in raw.split()})

    def quote(self) -> str:
        """A few words at the end of the heard line as they were said, where they can stand alone; else empty."""
        for sentence in reversed(self.reading.meant[-2:]):
            if sentence.endswith("?"):
                continue
            part = sentence.rstrip(".!").rpartition(",")[2].strip()
            words = [word.strip("\"'’").lower() for word in part.split()]
            if (
                1 < len(words) < 6
                and not library().words("lexicon.personal") & set(words)
                and set(map(stem, words)) & self.reading.words - self.before
            ):
                return part[:1].lower() + part[1:] if words[0] in grammar().lowers else part
        return ""

    @cached_property
    def names(self) -> frozenset[str]:
        """Words of everybody's name, as stems."""
        return _name_words((self.view.part.persona.name, *(other.name for other in self.view.part.others.values())))

    @cached_property
    def called(self) -> dict[str, str]:
        """Seat -> what the one who sits there is called."""
        return {id: call_name(self.view.part.others[id].name) for id in people(self.view)}

    def other(self, not_id: str = "") -> tuple[str, str]:
        """Id and name of a present third one, the one quiet for longest first; empty where there is none."""
        heard_of = [turn.seat for turn in self.view.turns[-24:] if turn.kind == "say"]
        there = [id for id in self.view.present if id != not_id and id in people(self.view)]
        if not there:
            return "", ""
        chosen = min(there, key=lambda id: (len(heard_of) - heard_of[::-1].index(id)) if id in heard_of else 0)
        return chosen, call_name(self.view.part.others[chosen].name)


class _Slots(dict[str, str]):
    """Fills `{Np}` with `{np}` in a capital."""

    def __missing__(self, key: str) -> str:
        return capital(self[key.lower()])


@lru_cache(maxsize=1024)
def _name_words(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(stem(word) for name in names for word in name.split())


@cache
def feelings() -> Mapping[str, str]:
    """Every name of an emotion, in lower case, to its key in `emotions.yaml`."""
    data = library()
    return {word: key for key in data.names("emotions") for word in (key.lower(), *data.words(f"emotions.{key}.same"))}


def moment_of(view: View) -> Moment:
    """Everything that bears on the act that this view asks for."""
    part = view.part
    kit, setting = kit_of(part.persona), setting_of(part, view.place)
    rng = seeded(part.seed, view.act, part.id)
    own = tuple(turn for turn in view.turns[-LOOK_BACK:] if turn.seat == part.id and turn.kind == "say")
    heard, to_me = _to_answer(view)
    reading = read(heard.text if heard else "")
    feeling = _feeling(view)
    asked = heard.seat if heard else next((id for id in (*view.present, *part.others) if id in people(view)), "")
    tie = view.ties.get(asked, NOBODY)
    return Moment(
        view=view,
        kit=kit,
        setting=setting,
        rng=rng,
        feeling=feeling,
        loud=_loud(feeling, view.affect),
        tie=tie,
        stance=stance_of(part, kit, feeling, setting, tie, rng),
        heard=heard,
        reading=reading,
        to_me=to_me,
        asked=asked,
        own=own,
        before=read(own[-1].text).words if own else frozenset(),
        happening=_happening(view),
        said="\n".join([" " + turn.text.lower() for turn in view.turns[-LOOK_BACK:]]),
        name=call_name(part.others[asked].name) if asked in part.others else "",
        remaining=_remaining(view),
    )


def _feeling(view: View) -> str:
    """The key of what is felt; of a word that is not known, the nearest feeling by its numbers."""
    key = feelings().get(view.emotion.lower(), "")
    return key or (feelings().get(nearest(view.affect).lower(), "Fine") if view.affect != STILL else "Fine")


def _loud(feeling: str, affect: Affect) -> float:
    """How often a feeling breaks through: by its kind, and by how far it is from feeling nothing."""
    level = float(library().value(f"emotions.{feeling}.level", 0.4))
    far = hypot(affect.valence, affect.arousal, affect.dominance) if affect != STILL else USUAL
    return min(1.0, level * (0.7 + 0.4 * far))


STILL = Affect()
USUAL = 0.75
"""How far from nothing the sixteen feelings are, on average; where no numbers are told."""


def _remaining(view: View) -> int:
    """Acts that are left: what happens to the scene has acts of its own, and they do not count."""
    left = view.part.max_turns - view.act
    return left if left > _NEAR else left + len({turn.act for turn in view.turns if turn.seat == NARRATOR})


_NEAR = 12


def people(view: View) -> tuple[str, ...]:
    """The other seats that one talks with: all but a narrator's."""
    return tuple(id for id, other in view.part.others.items() if other.role != NARRATOR)


def _to_answer(view: View) -> tuple[Turn | None, bool]:
    """The newest line since one's own last act, one meant for this one first; and whether it was meant for this one."""
    others, pair = people(view), len(people(view)) < 2
    lines = [turn for turn in view.turns[view.fresh :] if turn.kind == "say" and turn.seat in others]
    if lines and lines[-1].manner == "whisper" and not _has_whispered(view):
        return lines[-1], True
    lines = [turn for turn in lines if turn.manner != "whisper"] or _overheard(view)
    if not lines:
        return None, False
    if pair:
        return lines[-1], True
    name = call_name(view.part.persona.name).lower()
    for turn in reversed(lines[-3:]):
        if view.part.id in turn.to or name in turn.text.lower():
            return turn, True
    newest = lines[-1]
    return newest, not newest.to and not _names_another(view, newest)


def _has_whispered(view: View) -> bool:
    """Whether one's own last line was a whisper."""
    last = next((turn for turn in reversed(view.turns) if turn.seat == view.part.id and turn.kind == "say"), None)
    return bool(last) and last.manner == "whisper"


def _overheard(view: View) -> list[Turn]:
    """After a whisper that is not to be answered: the last line said aloud by another."""
    if view.fresh >= len(view.turns) or not _has_whispered(view):
        return []
    others = people(view)
    aloud = (t for t in reversed(view.turns[-24:]) if t.kind == "say" and not t.manner and t.seat in others)
    newest = next(aloud, None)
    return [newest] if newest else []


def _names_another(view: View, turn: Turn) -> bool:
    low = turn.text.lower()
    return any(call_name(other.name).lower() in low for id, other in view.part.others.items() if id != turn.seat)


def _happening(view: View) -> Turn | None:
    """What happened last since one's own last act, unless three others have spoken since."""
    spoken = 0
    for turn in reversed(view.turns[view.fresh :]):
        if turn.seat != view.part.id and turn.seat not in people(view) and turn.text:
            return turn
        spoken += turn.kind == "say" and turn.seat != view.part.id
        if spoken > 2:
            return None
    return None


def thing_of(turn: Turn, names: Iterable[str]) -> str:
    """What a happening is about, as a phrase; empty where it holds none."""
    shut = frozenset(names)
    found = (seen_by(raw, addressed=False) for raw in phrases(turn.text))
    return next((p for p in found if " " in p and not shut & {stem(word) for word in p.split()}), "")


def relation(m: Moment) -> str:
    """What the one spoken to is to this one: 'my landlord'; empty where nothing is known."""
    if not m.heard or m.heard.seat not in m.view.part.others:
        return ""
    kind = m.view.part.others[m.heard.seat].seen_as.strip()
    if not kind.endswith(" of") or len(kind.split()) > 5:
        return ""
    return f"my {kind[:-3]}"


def bank(path: str) -> Bank:
    """The lines under this path."""
    return library().bank(path)
