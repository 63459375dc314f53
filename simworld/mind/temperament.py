"""Temperament: how somebody feels when nothing happens, and how readily they are moved; read off their personality.

    temperament(persona)     # Temperament(baseline=Affect(valence=0.1, ...), to_good=0.5, to_bad=0.35, half_life=45.9)

Where a persona gives no Big Five, its traits do (`templates/mind/traits.yaml`). The directions are the literature's,
the sizes ours, chosen so that the average person's resting state is `Fine` and nobody's is an extreme.
"""

from __future__ import annotations

from functools import lru_cache
from math import tanh

from simworld.prompts import data
from simworld.schema import Affect, BigFive, Persona, Temperament

CALM = 0.4
"""How much of the temperament by Mehrabian's equations a resting state shows; keeps it within +-0.54."""
DECIMALS = 4
HALF_LIFE = 60.0
"""Minutes in which half of what moved an average person has faded."""


@lru_cache(maxsize=4096)
def temperament(persona: Persona) -> Temperament:
    """The temperament of a persona, by its `factors`."""
    return _of(factors(persona))


@lru_cache(maxsize=4096)
def factors(persona: Persona) -> BigFive:
    """The five factors of a persona's personality: as it gives them, else by its traits, else the average."""
    return persona.big_five or by_traits(persona.traits)


def by_traits(traits: tuple[str, ...]) -> BigFive:
    """The factors that traits speak of: 0.5 + 0.5 tanh(sum of their shifts); an unknown trait counts nothing."""
    shifts: dict[str, dict[str, float]] = data("mind/traits.yaml")
    known = [shifts[trait] for trait in traits if trait in shifts]
    sums = {factor: sum(shift.get(factor, 0.0) for shift in known) for factor in BigFive.model_fields}
    return BigFive(**{factor: round(0.5 + 0.5 * tanh(total), DECIMALS) for factor, total in sums.items()})


def _of(five: BigFive) -> Temperament:
    """The temperament of five factors, n = neuroticism and e = extraversion of 0..1.

    - `to_bad` = 0.25 + 0.5 n and `to_good` = 0.25 + 0.5 e: the neurotic are moved more by what is unpleasant, the
      extravert by what is pleasant (Larsen & Ketelaar 1991).
    - `half_life` = 60 * 2 ** (2 n - 1), 30 .. 120 minutes: the neurotic stay longer in what they feel (emotional
      inertia: Suls, Green & Hillis 1998; Kuppens, Allen & Sheeber 2010).
    """
    return Temperament(
        baseline=_baseline(five),
        to_good=round(0.25 + 0.5 * five.extraversion, DECIMALS),
        to_bad=round(0.25 + 0.5 * five.neuroticism, DECIMALS),
        half_life=round(HALF_LIFE * 2.0 ** (2 * five.neuroticism - 1), DECIMALS),
    )


def _baseline(five: BigFive) -> Affect:
    """The resting state, by Mehrabian (1996, Current Psychology 15), 'Analysis of the Big-five personality factors in
    terms of the PAD temperament model': factors of -1..1, s = emotional stability, all times `CALM`.

    Pleasure = .21 E + .59 A + .19 S; arousal = .15 O + .30 A - .57 S; dominance = .25 O + .17 C + .60 E - .32 A.
    """
    o, c, e, a, s = (
        2 * factor - 1
        for factor in (
            five.openness,
            five.conscientiousness,
            five.extraversion,
            five.agreeableness,
            1 - five.neuroticism,
        )
    )
    return Affect(
        valence=_resting(0.21 * e + 0.59 * a + 0.19 * s),
        arousal=_resting(0.15 * o + 0.30 * a - 0.57 * s),
        dominance=_resting(0.25 * o + 0.17 * c + 0.60 * e - 0.32 * a),
    )


def _resting(full: float) -> float:
    # + 0.0: no minus zero in records
    return round(CALM * full, DECIMALS) + 0.0
