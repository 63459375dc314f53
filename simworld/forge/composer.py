"""The built-in composer: a person's aspects and life -> a complete persona, every field in words of its own.

    persona = Composer().compose(aspects, rng)

Sentences are frames of `templates/forge/people`, filled with this person's facts; the frames used least so far come
first, and no sentence is used twice while another is to be had. Not a model: it knows nothing that is not in the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from simworld.forge.frames import Frames
from simworld.forge.life import Life, live
from simworld.forge.population import Aspects
from simworld.forge.speaking import Speaking
from simworld.forge.tables import countries, table
from simworld.mind.temperament import by_traits
from simworld.schema import Persona
from simworld.schema.persona import BigFive

NEW = 2
"""Years at the work below which one is new to it."""
TOGETHER = frozenset({"couple", "married"})


class Composer:
    """Writes personas; what it has written makes the next ones different."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._speaking = Speaking(self._frames)
        self._hobbies: Counter[str] = Counter()

    def compose(
        self, aspects: Aspects, rng: Random, standing: str = "", fields: Mapping[str, Any] | None = None
    ) -> Persona:
        """A persona of these aspects. `standing`: with whom they live, where it is given; `fields`: what is fixed."""
        life = live(aspects, rng, standing, self._hobbies)
        self._hobbies.update(life.hobbies)
        voice, samples = self._speaking.voice(aspects, life, rng)
        made: dict[str, Any] = {
            "id": aspects.id, "name": aspects.name, "career": aspects.career.name,
            "career_detail": self._career(aspects, life, rng), "aspiration": aspects.aspiration,
            "traits": aspects.traits, "skills": aspects.skills, "gender": aspects.gender, "pronouns": aspects.pronouns,
            "age": aspects.age, "origin": home(aspects), "education": self._education(aspects, life, rng),
            "voice": voice, "samples": samples, "personality": self._personality(aspects, life, rng),
            **self._marks(aspects, life, rng), "hobbies": life.hobbies, "family": self._family(aspects, life, rng),
            "social": self._one("social", life, rng), "living": self._living(life, rng),
            **self._lists(aspects, life, rng), "secret": self._secret(aspects, life, rng),
            "big_five": _rounded(by_traits(aspects.traits)), "languages": aspects.languages,
        }  # fmt: skip
        return Persona(**_laid_over(made, fields or {}))

    def _take(self, key: str, life: Life, count: int, rng: Random, file: str = "words") -> tuple[str, ...]:
        return tuple(self._frames.take(file, key, life.slots, count, rng))

    def _one(self, key: str, life: Life, rng: Random) -> str:
        return self._take(key, life, 1, rng)[0]

    def _career(self, aspects: Aspects, life: Life, rng: Random) -> str:
        if aspects.retired:
            kind = "retired"
        elif aspects.career.name == "student":
            kind = "study"
        else:
            kind = "new" if life.years < NEW else "working"
        return self._one(f"career_detail.{kind}", life, rng)

    def _education(self, aspects: Aspects, life: Life, rng: Random) -> str:
        school = "student" if aspects.career.name == "student" else aspects.career.school
        return self._one(f"education.{school}", life, rng)

    def _personality(self, aspects: Aspects, life: Life, rng: Random) -> str:
        told = [
            line
            for trait in rng.sample(aspects.traits, min(3, len(aspects.traits)))
            if trait in table("traits")["says"]
            for line in self._take(f"says.{trait}.says", life, 1, rng, "traits")
        ]
        own = self._take("personality", life, 1, rng)
        told[1:1] = own
        return " ".join(told)

    def _marks(self, aspects: Aspects, life: Life, rng: Random) -> dict[str, Any]:
        """Strengths and flaws: those of the traits, then others."""
        rows: Mapping[str, Mapping[str, str]] = table("traits")["says"]
        found: dict[str, Any] = {}
        for kind, most in (("strengths", 3), ("flaws", 3)):
            own = [rows[trait][kind] for trait in aspects.traits if kind in rows.get(trait, {})][: most - 1]
            found[kind] = (*own, *self._take(kind, life, most - len(own), rng))
        return found

    def _family(self, aspects: Aspects, life: Life, rng: Random) -> str:
        standing = "young" if life.standing == "single" and aspects.age <= 24 else life.standing
        if standing == "single" and life.children:
            standing = "alone"
        told = list(self._take(f"family.{standing}", life, 1, rng))
        if life.children:
            eldest = life.children[0]
            kind = "baby" if eldest < 3 else "small" if eldest < 7 else "school" if eldest < 18 else "grown"
            alone = () if life.standing in TOGETHER else ("We ", "we ", "the house")
            told += self._frames.take("words", f"children.{kind}", life.slots, 1, rng, alone)
            if "child2" in life.slots:
                told += self._frames.take("words", "children.more", life.slots, 1, rng, alone)
            if "grand" in life.slots:
                told += self._take("children.grand", life, 1, rng)
        elif life.standing in TOGETHER and aspects.age >= 30:
            told += self._take("children.none", life, 1, rng)
        return " ".join(told)

    def _living(self, life: Life, rng: Random) -> str:
        alone = () if life.standing in TOGETHER else ("We ", "we ", "ours")
        return self._frames.take("words", f"living.{life.home}", life.slots, 1, rng, alone)[0]

    def _lists(self, aspects: Aspects, life: Life, rng: Random) -> dict[str, Any]:
        skills = " ".join(aspects.skills)
        barred = [word for word, skill in _LEARNT if skill in skills]
        goals = self._take(f"{aspects.aspiration}.goals", life, 1, rng, "aspirations")
        likes = [*self._take("likes", life, 4, rng), life.slots["hobby_like"]]
        return {
            "values": self._take("values", life, 4, rng),
            "goals": (*goals, *self._take("goals", life, 2, rng)),
            "likes": tuple(dict.fromkeys(likes)), "dislikes": self._take("dislikes", life, 4, rng),
            "knows": self._take("knows", life, 4, rng),
            "unaware": tuple(self._frames.take("words", "unaware", life.slots, 3, rng, barred)),
        }  # fmt: skip

    def _secret(self, aspects: Aspects, life: Life, rng: Random) -> str:
        kinds = ["any", "any"]
        kinds += ["parent"] * bool(life.children) + ["partner"] * (life.standing in TOGETHER)
        kinds += (
            ["widowed"] * (life.standing == "widowed") + ["young"] * (aspects.age < 27) + ["old"] * (aspects.age > 64)
        )
        return self._one(f"secret.{rng.choice(kinds)}", life, rng)


_LEARNT = (
    ("swim", "swimming"), ("music", "playing the"), ("music", "singing"), ("waltz", "dancing"), ("fuse", "electrical"),
    ("cake", "baking"), ("birds", "tracking"), ("horses", "horsemanship"), ("draw a hand", "sketching"),
    ("sew", "sewing"), ("gut a fish", "filleting"), ("algorithm", "programming"), ("newborn", "childcare"),
    ("newborn", "nursing"), ("stars", "sailing"), ("who wrote", "verse"), ("countries", "map reading"),
)  # fmt: skip
"""A word of something not known, and the skill of those who do know it."""


def home(aspects: Aspects) -> str:
    """Where a person is from: the town and its country."""
    country = countries().get(aspects.town, "")
    return aspects.town if not country or country in aspects.town else f"{aspects.town}, {country}"


def _rounded(five: BigFive) -> BigFive:
    """Two decimals, and nobody at an end of the scale."""
    return BigFive(**{name: round(min(0.95, max(0.05, value)), 2) for name, value in five.model_dump().items()})


def _laid_over(made: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The composed fields under those that are given; a mapping is merged."""
    laid = dict(made)
    for field, value in fields.items():
        if isinstance(value, Mapping) and laid.get(field) is not None:
            laid[field] = laid[field].model_copy(update=dict(value))  # pyright: ignore[reportUnknownArgumentType]
        else:
            laid[field] = value
    return laid
