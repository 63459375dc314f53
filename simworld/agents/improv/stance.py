"""Stance: how one meets the other in this act: warm, dry, sharp or playful.

    stance_of(part, kit, "Angry", setting, tie, rng)      # "sharp"

It is drawn by temper, feeling and subject, and by how one stands to whoever is spoken to.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from random import Random

from simworld.agents.agent import Part
from simworld.agents.improv.kit import Kit
from simworld.agents.improv.library import library
from simworld.agents.improv.setting import Setting
from simworld.agents.improv.voice import STANCES, seeded
from simworld.schema import Tie

STEADY = 0.6
"""Share of acts in which one stays as one usually is in this dialogue."""
PULL = 4.0
"""Weight that full warmth adds to the warm stance, and full coldness to the sharp one; a temper gives up to 3."""
LEAST = 0.05


def stance_of(part: Part, kit: Kit, feeling: str, setting: Setting, tie: Tie, rng: Random) -> str:
    """One of STANCES."""
    weights = _drawn(_weights(kit, feeling, setting), tie)
    if rng.random() < STEADY:
        mark = _usual(part.seed, part.id) * sum(weights)
        return next((s for s, reached in zip(STANCES, accumulate(weights), strict=True) if reached >= mark), STANCES[0])
    return rng.choices(STANCES, weights)[0]


def _weights(kit: Kit, feeling: str, setting: Setting) -> list[float]:
    data = library()
    felt: dict[str, float] = data.value(f"emotions.{feeling}.stances", {})
    topic: dict[str, float] = data.value(f"topics.{setting.topic or '-'}.stances", {})
    return [max(LEAST, kit.stances[s] + 0.9 * felt.get(s, 0) + 0.6 * topic.get(s, 0)) for s in STANCES]


def _drawn(weights: list[float], tie: Tie) -> list[float]:
    """The weights as warmth draws them, to the warm stance and from the sharp one or back, and as mistrust does."""
    if not tie.warmth and tie.trust >= 0:
        return weights
    by = dict(zip(STANCES, weights, strict=True))
    to, *away = ("warm", "sharp") if tie.warmth > 0 else ("sharp", "warm", "playful")
    by[to] += PULL * abs(tie.warmth)
    by |= {stance: by[stance] * (1 - abs(tie.warmth)) ** 2 for stance in away}
    by["warm"] *= 1 + min(0.0, tie.trust)
    return [max(LEAST, weight) for weight in by.values()]


@lru_cache(maxsize=2048)
def _usual(seed: int, seat: str) -> float:
    """Where on the scale of stances this seat stands through this dialogue, 0..1."""
    return seeded(seed, seat, "stance").random()
