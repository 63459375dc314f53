"""ScenePlan: which situation, setting, partner, topic and emotions the next scene of a character has.

    plan = ScenePlan(personas, ties, seed=0)
    plan.kinds(mara, 20)                        # each kind of scene about as often
    for sketch in plan.sketches(mara, "work", "mara_01"): ...   # drafts, the most wanted first
    plan.take(sketch)                           # what it uses is wanted less from now on

Everything is spread: of what fits, that is taken which was used least, and chance decides among equals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from simworld.forge.compose_scene import Sketch, is_possible
from simworld.forge.relations import Bonds, Tie, bonds
from simworld.forge.scene_library import Other, Setting, Situation, library
from simworld.schema import Persona

PAIR_MOST = 4
"""Scenes that two personas have together, as long as there are others."""
STRANGERS = 10
"""Personas without a tie that are looked at as strangers."""
DRAFTS = 24
"""Drafts that are offered for one scene."""
TOPICS = 3
SEATS = ((0, 0.72), (1, 0.22), (2, 0.06))
"""Further seats -> share of scenes."""
GROWN = 18
GAP = 16
"""Years between two who may flirt, at the most."""
INTIMATE = frozenset({"flirtation", "physical intimacy"})


class ScenePlan:
    """Chooses; counts what was chosen."""

    def __init__(self, personas: Sequence[Persona], ties: Sequence[Tie], seed: int) -> None:
        self.people = {one.id: one for one in sorted(personas, key=lambda one: one.id) if one.drawn}
        self.bonds: Bonds = bonds(ties)
        self.seed = seed
        self.used: Counter[tuple[str, str]] = Counter()
        """(`situation`, id), (`setting`, id), (`partner`, id), (`topic`, word), (`emotion`, word) -> scenes."""
        self._pairs: Counter[frozenset[str]] = Counter()
        self._own: dict[str, set[str]] = {}

    def kinds(self, persona: Persona, n: int) -> list[str]:
        """The kinds of `n` scenes of a character: all of them before one comes again."""
        names = list(library().kinds)
        Random(f"{self.seed}:kinds:{persona.id}").shuffle(names)
        return [names[at % len(names)] for at in range(n)]

    def sketches(self, persona: Persona, kind: str, id: str, *, again: int = 0) -> Iterator[Sketch]:
        """Drafts of a scene of this kind, or of another one where none of it fits; the most wanted first."""
        rng = Random(f"{self.seed}:scene:{id}:{again}")
        others = [name for name in library().kinds if name != kind]
        rng.shuffle(others)
        for name in (kind, *others):
            offers = self._offers(persona, name, rng)
            for _, situation, seat, partner, tie in offers[:DRAFTS]:
                sketch = self._sketch(persona, name, id, situation, seat, partner, tie, rng)
                if is_possible(sketch):
                    yield sketch

    def own(self, persona: Persona) -> list[str]:
        """The situations that a character's scenes are of."""
        return sorted(self._own.get(persona.id, set()) & library().situations.keys())

    def take(self, sketch: Sketch) -> None:
        """Count what a scene uses."""
        main = sketch.people[sketch.main].id
        others = [who.id for who in sketch.people.values() if who.id != main]
        self._own.setdefault(main, set()).update({sketch.situation.id, f"in {sketch.setting.id}"})
        self._pairs.update(frozenset((main, other)) for other in others)
        self.used.update(("partner", other) for other in others)
        self.used.update(("topic", topic) for topic in sketch.topics)
        self.used.update(("emotion", word) for word in sketch.feels.values())
        self.used.update([("situation", sketch.situation.id), ("setting", sketch.setting.id)])

    def _offers(
        self, persona: Persona, kind: str, rng: Random
    ) -> list[tuple[float, Situation, str, Persona, Tie | None]]:
        """Situations of a kind with the partners they may have: what they cost, the cheapest first."""
        partners = self._partners(persona, rng)
        weights = library().kinds[kind].ties
        own = self._own.get(persona.id, set())
        offers: list[tuple[float, Situation, str, Persona, Tie | None]] = []
        for situation in library().situations.values():
            if kind not in situation.kinds or situation.id in own:
                continue
            for partner, tie in partners:
                type = tie.type if tie else "stranger"
                if type not in situation.ties or (situation.romance and not may_flirt(persona, partner, tie)):
                    continue
                pair = self._pairs[frozenset((persona.id, partner.id))]
                cost = (
                    1.5 * self.used["situation", situation.id] / max(1, len(self.people) / 12)
                    + 0.25 * self.used["partner", partner.id]
                    + 1.2 * pair + (40 if pair >= PAIR_MOST else 0)
                    - weights.get(type, 1.0) + 2.5 * rng.random()
                )  # fmt: skip
                offers.append((cost, situation, self._seat(situation, persona, rng), partner, tie))
        return sorted(offers, key=lambda offer: (offer[0], offer[1].id, offer[3].id))

    def _partners(self, persona: Persona, rng: Random) -> list[tuple[Persona, Tie | None]]:
        """Those with a tie, and some without."""
        tied = self.bonds.get(persona.id, {})
        strangers = [id for id in self.people if id != persona.id and id not in tied]
        some = rng.sample(strangers, min(STRANGERS, len(strangers)))
        some.sort(key=lambda id: self.used["partner", id])
        known = [(self.people[id], tie) for id, tie in sorted(tied.items()) if id in self.people]
        return [*known, *((self.people[id], None) for id in some)]

    def _seat(self, situation: Situation, persona: Persona, rng: Random) -> str:
        """Which of the two the character is; at work mostly the one who works there."""
        if situation.work and persona.career in library().workplaces:
            return situation.work if rng.random() < 0.75 else "ba"["ab".index(situation.work)]
        if situation.work:
            return "ba"["ab".index(situation.work)]
        return rng.choice("ab")

    def _sketch(
        self, persona: Persona, kind: str, id: str, situation: Situation, seat: str, partner: Persona,
        tie: Tie | None, rng: Random,
    ) -> Sketch:  # fmt: skip
        people = {"a": persona, "b": partner} if seat == "a" else {"a": partner, "b": persona}
        setting = self._setting(situation, people, persona, rng)
        others, more = self._others(situation, setting, people, rng)
        everybody = {**people, **dict(zip("cd", more, strict=False))}
        flirt = may_flirt(persona, partner, tie)
        feels: dict[str, str] = {}
        for letter in everybody:
            listed = situation.feels.get(letter) or others["cd".index(letter)].feels
            words = [word for word in listed if (flirt and letter in "ab") or word != "Flirty"]
            feels[letter] = self._least("emotion", words, rng, feels.values())
        topics: list[str] = []
        fit = [topic for topic in situation.topics if flirt or topic not in INTIMATE]
        while fit and len(topics) < TOPICS:
            topics.append(self._least("topic", fit, rng, topics))
            fit.remove(topics[-1])
        return Sketch(id, kind, situation, setting, everybody, seat, tie, feels, tuple(topics), others)

    def _setting(self, situation: Situation, people: dict[str, Persona], persona: Persona, rng: Random) -> Setting:
        """Where it is: at the workplace that is asked for, else at a place of its sort used least."""
        settings = library().settings
        if situation.work:
            career = people[situation.work].career
            ids = list(library().workplaces.get(career, ("open_office",)))
        else:
            ids = [id for id, one in settings.items() if not situation.at or situation.at & one.tags]
            ids = [id for id in ids if not settings[id].careers or self._at_home(settings[id], people, rng)]
        own = self._own.get(persona.id, set())
        ids.sort(key=lambda id: (self.used["setting", id] / 4 + 3 * (f"in {id}" in own) + 2 * rng.random(), id))
        return settings[ids[0]]

    def _at_home(self, setting: Setting, people: dict[str, Persona], rng: Random) -> bool:
        """Whether these may meet at a workplace: one of them works there, or anyone may come in."""
        works = any(who.career in setting.careers for who in people.values())
        return works or ("public" in setting.tags and rng.random() < 0.5)

    def _others(
        self, situation: Situation, setting: Setting, people: dict[str, Persona], rng: Random
    ) -> tuple[tuple[Other, ...], list[Persona]]:
        """Further seats and who takes them: those with a tie to one of the two first, and of these the least used."""
        count = rng.choices([number for number, _ in SEATS], [share for _, share in SEATS])[0]
        if situation.romance or not setting.tags & {"public", "crowd", "talk", "party", "hall", "family", "travel"}:
            count = 0
        seated = {who.id for who in people.values()}
        tied = {id for who in people.values() for id in self.bonds.get(who.id, {})}
        free = sorted(
            (id for id in self.people if id not in seated),
            key=lambda id: (self.used["partner", id] - 4 * (id in tied) + 3 * rng.random(), id),
        )
        chosen = free[:count]
        return tuple(rng.sample(library().others, len(chosen))), [self.people[id] for id in chosen]

    def _least(self, what: str, options: Sequence[str], rng: Random, but: Iterable[str] = ()) -> str:
        """The option that was used least, among equals by chance."""
        taken = set(but)
        free = [option for option in options if option not in taken] or list(options)
        return min(free, key=lambda option: (self.used[what, option] + 2 * rng.random(), option))


def may_flirt(one: Persona, other: Persona, tie: Tie | None) -> bool:
    """Whether two are grown up, near in age, and neither kin nor teacher and taught."""
    ages = (one.age or GROWN - 1, other.age or GROWN - 1)
    apart = tie is not None and tie.type in ("family", "mentor")
    return min(ages) >= GROWN and abs(ages[0] - ages[1]) <= GAP and not apart
